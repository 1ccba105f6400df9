//! What a conference room keeps of those who have gone.

use baton_sip::EndCause;

use super::world::World;
use crate::command::{AddMode, Control, Target};

#[test]
fn a_room_keeps_nothing_of_the_calls_that_were_led_through_it() {
    let mut world = World::new(&["anna"]);
    world.call_in("guest", "800");
    for _ in 0..200 {
        let leg = world.call_in("C", "+4989222");
        world.wait_ms(5_000);
        world.answer("anna");
        let (target, mode) = (Target::PhoneNumber("800".into()), AddMode::Blind);
        world.control("anna", Control::Add { target, mode }).expect("led into the room");
        world.hang_up_leg(leg, EndCause::Bye);
        world.control("anna", Control::Clear).expect("cleared");
    }
    let room = world.desk.conversations.values().find(|each| each.conference.is_some()).expect("a room");
    assert_eq!((room.live().count(), room.connections.len()), (1, 1));
}
