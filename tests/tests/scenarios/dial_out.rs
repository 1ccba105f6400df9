//! An agent dials from the panel, and what the phone does with it.

use baton_contact::command::{Command, Target};
use baton_contact::snapshot::ConnectionState;
use baton_tests::world::{Behaviour, World, office};
use serde_json::json;

fn dial(world: &mut World, number: &str) {
    let target = Target::PhoneNumber(number.into());
    let done = world.command(Command::Dial { agent: "anna".into(), target });
    assert!(done.is_ok(), "{done:?}");
    world.settle();
}

#[test]
fn the_panel_rings_the_agents_phone_then_the_number() {
    let mut world = World::with_sound(&["anna"]);
    dial(&mut world, office::BANK);
    assert!(world.rings("anna") && !world.rings("bank"));
    world.answer("anna");
    world.expect_hearing(&[("anna", "ring-back")]);
    world.answer("bank");
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    assert_eq!(world.state("bank"), Some(ConnectionState::Connected));
    world.run_ms(5_000);
    world.hang_up("bank");
    assert!(!world.is_up("anna"));
    world.expect_record(
        1,
        &[
            ("/InitiationMethod", json!("OUTBOUND")),
            ("/CustomerEndpoint/Address", json!(office::BANK)),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}

#[test]
fn a_number_that_is_busy_ends_the_agents_call() {
    let mut world = World::new(&["anna"]);
    world.behave("bank", Behaviour::Refuses(486, 100));
    dial(&mut world, office::BANK);
    world.answer("anna");
    world.run_ms(1_000);
    assert!(!world.is_up("anna"), "{}", world.ladder);
    world.expect_record(1, &[("/DisconnectReason", json!("TELECOM_BUSY"))]);
    world.end_of_day();
}

#[test]
fn an_agent_that_does_not_pick_up_its_own_dialling_is_left_alone() {
    let mut world = World::new(&["anna"]);
    dial(&mut world, office::BANK);
    world.refuse("anna", 486);
    assert!(!world.rings("bank"));
    world.end_of_day();
}

#[test]
fn a_colleague_is_dialled_and_the_customer_of_nobody() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.dial("anna", "102");
    world.answer("bert");
    world.expect_hearing(&[("anna", "bert"), ("bert", "anna")]);
    world.hang_up("bert");
    assert!(!world.is_up("anna"));
    world.end_of_day();
}

#[test]
fn a_conference_room_of_three_callers() {
    let mut world = World::with_sound(&["anna"]);
    world.call_in("C", "800");
    world.expect_hearing(&[("C", "music")]);
    world.call_in("D", "800");
    world.dial("anna", "800");
    world.expect_hearing(&[("C", "D anna"), ("D", "C anna"), ("anna", "C D")]);
    world.hang_up("D");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}
