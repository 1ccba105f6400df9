//! Session-ID through a call and a transfer (RFC 7989): each end knows the name of who it talks with.

use baton_contact::command::Control;
use baton_tests::world::{Dialect, World, header};

fn split(value: &str) -> (String, String) {
    let (local, remote) = value.split_once(";remote=").unwrap_or((value, ""));
    (local.to_owned(), remote.to_owned())
}

/// The name by which somebody's device calls itself.
fn name(world: &World, who: &str) -> String {
    let own = world.ladder.rungs.iter().filter(|rung| rung.from == who);
    let values = own.map(|rung| header(&rung.text(), "Session-ID")).filter(|value| !value.is_empty());
    split(&values.last().unwrap_or_else(|| panic!("{who} has said nothing\n{}", world.ladder))).0
}

/// Both names in the last message to somebody: the far side's, and its own.
fn said(world: &World, who: &str) -> (String, String) {
    let rung = world.ladder.rungs.iter().rfind(|rung| rung.to == who && rung.from == "baton");
    split(&header(&rung.expect("a message").text(), "Session-ID"))
}

/// Makes somebody's phone send something that is answered.
fn poke(world: &mut World, who: &str) {
    world.hold(who, Dialect::SendOnly);
    world.unhold(who);
}

#[test]
fn rfc7989_an_agent_is_called_in_the_callers_name() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    let customer = name(&world, "C");
    let invite = world.ladder.rungs.iter().find(|rung| rung.to == "anna" && rung.title == "INVITE").expect("a call");
    assert_eq!(split(&header(&invite.text(), "Session-ID")).0, customer);
}

#[test]
fn rfc7989_each_leg_bears_the_names_of_those_who_talk_through_consult_join_leave_and_transfer() {
    let mut world = World::new(&["anna", "bert", "carla"]);
    world.talking();
    let (customer, anna) = (name(&world, "C"), name(&world, "anna"));
    poke(&mut world, "anna");
    assert_eq!(said(&world, "anna"), (customer.clone(), anna.clone()), "two talk");

    world.consult("anna", "Bert");
    world.answer("bert");
    let bert = name(&world, "bert");
    poke(&mut world, "bert");
    assert_eq!(said(&world, "bert"), (anna.clone(), bert.clone()), "the consult is anna's");
    poke(&mut world, "C");
    assert_ne!(said(&world, "C").0, bert, "who is held does not learn of the consult");
    assert_eq!(said(&world, "C").1, customer);

    world.click("anna", Control::Join);
    let focus: Vec<_> = ["C", "anna", "bert"]
        .map(|who| {
            poke(&mut world, who);
            said(&world, who)
        })
        .into();
    assert!(focus.iter().all(|(own, _)| own == &focus[0].0), "a conference has one name: {focus:?}");
    assert!(![&customer, &anna, &bert].contains(&&focus[0].0), "of its own: {focus:?}");
    assert_eq!(focus.iter().map(|(_, remote)| remote).collect::<Vec<_>>(), [&customer, &anna, &bert]);

    world.click("anna", Control::Leave);
    poke(&mut world, "bert");
    assert_eq!(said(&world, "bert"), (customer.clone(), bert.clone()), "anna has left");
    poke(&mut world, "C");
    assert_eq!(said(&world, "C"), (bert.clone(), customer.clone()));

    world.refer("bert", "103");
    world.answer("carla");
    let carla = name(&world, "carla");
    poke(&mut world, "C");
    assert_eq!(said(&world, "C"), (carla.clone(), customer.clone()), "bert has handed on");
    poke(&mut world, "carla");
    assert_eq!(said(&world, "carla"), (customer, carla));
    world.end_of_day();
}

#[test]
fn rfc7989_both_remaining_ends_know_each_other_after_a_phones_own_transfer() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.refer("anna", "102");
    world.answer("bert");
    let (customer, bert) = (name(&world, "C"), name(&world, "bert"));
    poke(&mut world, "bert");
    assert_eq!(said(&world, "bert"), (customer.clone(), bert.clone()));
    poke(&mut world, "C");
    assert_eq!(said(&world, "C"), (bert, customer));
}
