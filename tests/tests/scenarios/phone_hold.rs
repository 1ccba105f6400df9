//! The phone's hold key, in every dialect (D6): it does what the panel's *Hold* does.

use baton_contact::command::Control;
use baton_contact::snapshot::ConnectionState;
use baton_tests::world::{Dialect, World};
use serde_json::json;

#[test]
fn d6_the_hold_key_in_each_dialect_is_the_panels_hold() {
    for dialect in [Dialect::SendOnly, Dialect::Inactive, Dialect::ZeroAddress, Dialect::SessionLevel] {
        let mut world = World::with_sound(&["anna"]);
        world.talking();
        world.hold("anna", dialect);
        assert_eq!(world.state("C"), Some(ConnectionState::Hold), "{dialect:?}");
        world.expect_hearing(&[("C", "music")]);
        // Held twice is held.
        world.hold("anna", dialect);
        world.expect_hearing(&[("C", "music")]);
        world.run_ms(4_000);
        world.unhold("anna");
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.expect_record(1, &[("/Agent/NumberOfHolds", json!(1))]);
        world.end_of_day();
    }
}

#[test]
fn the_panel_cannot_resume_whom_the_phone_holds() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    assert!(world.try_click("anna", Control::Resume).is_err());
    world.expect_hearing(&[("C", "music")]);
    world.end_of_day();
}

#[test]
fn m2_the_customers_own_hold_is_its_own_matter() {
    let mut world = World::with_sound(&["anna"]);
    world.talking();
    world.hold("C", Dialect::SendOnly);
    assert_eq!(world.state("C"), Some(ConnectionState::Connected));
    world.unhold("C");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn d3_a_customer_on_hold_is_resumed_before_it_is_handed_on() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.transfer_blind("anna", "Bert");
    world.expect_hearing(&[("C", "ring-back")]);
    world.answer("bert");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    assert_eq!(world.state("C"), Some(ConnectionState::Connected));
    world.end_of_day();
}

#[test]
fn in_a_conference_the_hold_key_takes_the_holder_out_and_the_others_go_on() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    world.hold("anna", Dialect::SendOnly);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
    world.end_of_day();
}
