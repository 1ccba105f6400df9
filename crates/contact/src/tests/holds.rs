//! Trunks are told of hold leg by leg.

use baton_sip::{Event as SipEvent, SessionId};

use super::world::{World, directory};
use crate::command::Control;
use crate::directory::HoldSignal;

/// A customer of a trunk that wants to know of holds, with two legs: its call is being taken over from one by the other.
fn on_two_legs() -> (World, [u64; 2]) {
    let mut world = World::new(&["anna"]);
    let mut directory = directory();
    directory.trunks[0].hold = HoldSignal::SendOnly;
    world.desk.set_directory(directory);
    world.call_in("C", "+4989222");
    world.wait_ms(5_000);
    world.answer("anna");
    let one = world.leg_of("C");
    let (id, two) = (world.call().id, one + 1_000);
    world.desk.leg_index.insert(two, id);
    let conversation = world.desk.conversations.get_mut(&id).expect("a conversation");
    let party = conversation.connections.iter_mut().find(|party| party.leg(one).is_some()).expect("a customer");
    let leg = party.leg(one).cloned().expect("a leg");
    party.legs.push(crate::leg::Leg { id: two, ..leg });
    (world, [one, two])
}

fn is_asked(world: &World, leg: u64) -> bool {
    let mut legs = world.call().connections.iter().flat_map(|party| &party.legs);
    legs.find(|each| each.id == leg).is_some_and(|each| each.hold_offered.is_some())
}

#[test]
fn each_leg_of_a_party_is_told_again_at_its_own_time() {
    let (mut world, [one, two]) = on_two_legs();
    let not_now = |world: &mut World, leg| {
        assert!(is_asked(world, leg));
        world.sip(SipEvent::OfferRefused { session: SessionId(leg), status: 491 });
        assert!(!is_asked(world, leg));
    };
    world.control("anna", Control::Hold).expect("hold");
    not_now(&mut world, one);
    world.wait_ms(900);
    not_now(&mut world, two);
    world.wait_ms(100);
    not_now(&mut world, one);
    world.wait_ms(900);
    // One waits for two seconds now, and two still for one.
    not_now(&mut world, two);
    world.wait_ms(1_100);
    not_now(&mut world, one);
    world.wait_ms(900);
    assert!(is_asked(&world, two) && !is_asked(&world, one));
}
