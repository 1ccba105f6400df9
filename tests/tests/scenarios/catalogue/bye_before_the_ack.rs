//! A call ends in the middle of a re-INVITE: our BYE waits for the ACK that we owe or are owed (D1).

use baton_tests::world::{Verdict, World};

#[test]
fn a_bye_in_the_middle_of_a_phones_reinvite() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.ladder.clear();
    world.decide("baton", "200 INVITE", Verdict::Late(30));
    world.offer("anna", |text| text.replace("a=sendrecv", "a=sendonly"));
    world.run_ms(7);
    world.hang_up("C");
    world.run_ms(1_000);
    let said = world.ladder.of("anna");
    let place = |rung: &str| said.iter().position(|each| each == rung);
    assert!(place("> ACK").is_some() && place("> ACK") < place("< BYE"), "D1: BYE waits for the ACK\n{}", world.ladder);
    world.end_of_day();
}

/// The ACK never comes: the BYE goes when the 200 has been repeated for its time (RFC 3261 §13.3.1.4).
#[test]
fn a_phone_that_never_acknowledges_is_let_go() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.ladder.clear();
    world.network.decide(world.devices[world.device("anna")].address, "ACK", Verdict::Lose, 100);
    world.offer("anna", |text| text.replace("a=sendrecv", "a=sendonly"));
    world.run_ms(7);
    world.hang_up("C");
    world.run_ms(31_000);
    assert!(!world.ladder.of("anna").contains(&"< BYE".to_owned()), "{}", world.ladder);
    world.run_ms(3_000);
    assert!(world.ladder.of("anna").contains(&"< BYE".to_owned()), "{}", world.ladder);
    world.end_of_day();
}
