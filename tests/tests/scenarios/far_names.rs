//! Session-ID through a call and a transfer (RFC 7989): each end knows the name of who it talks with.

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
