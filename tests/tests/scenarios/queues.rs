//! Who gets whom: missed offers, personal queues, reminders, the order of waiting.

use baton_contact::command::Control;
use baton_contact::snapshot::AgentActivity;
use baton_tests::world::{Behaviour, World, office};
use serde_json::json;

#[test]
fn a_missed_offer_goes_to_the_next_agent_and_the_first_gets_no_more_until_it_has_cleared() {
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
        directory.users[1].routing_profile = Some("support".into());
    });
    world.call_in("C", office::SUPPORT);
    assert!(world.rings("anna") && !world.rings("bert"));
    world.run_ms(20_500);
    assert!(!world.rings("anna") && world.rings("bert"), "{}", world.ladder);
    assert_eq!(world.agents["anna"].activity, AgentActivity::Missed);
    world.refuse("bert", 486);
    world.run_ms(60_000);
    assert!(!world.rings("anna") && !world.rings("bert"), "both have missed it");
    world.clear_all();
    world.settle();
    assert!(world.rings("anna"), "the longest idle");
    world.answer("anna");
    world.hang_up("C");
    world.expect_record(1, &[("/AgentConnectionAttempts", json!(3))]);
    world.end_of_day();
}

#[test]
fn who_came_first_is_served_first() {
    let mut world = World::new(&["anna"]);
    world.set_status("anna", "Lunch");
    for who in ["C1", "C2", "C3"] {
        world.call_in(who, office::SUPPORT);
        world.run_ms(1_000);
    }
    world.set_status("anna", "Available");
    for who in ["C1", "C2", "C3"] {
        world.answer("anna");
        world.expect_hearing(&[(who, "anna"), ("anna", who)]);
        world.hang_up(who);
        world.clear_all();
        world.settle();
    }
    world.end_of_day();
}

#[test]
fn the_panels_reject_is_a_missed_offer() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", office::SUPPORT);
    world.click("anna", Control::Reject);
    assert!(!world.rings("anna"));
    world.expect_hearing(&[("C", "music")]);
    world.end_of_day();
}

#[test]
fn a_held_customer_is_not_forgotten() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.click("anna", Control::Hold);
    world.run_ms(65_000);
    let reminders = world.all_kinds().iter().filter(|kind| *kind == "HOLD_REMINDER").count();
    assert_eq!(reminders, 2);
    world.end_of_day();
}

#[test]
fn a_colleague_is_reached_directly_and_busy_when_on_a_call() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", "101");
    world.answer("anna");
    world.call_in("D", "101");
    assert_eq!(world.line("D").refused, Some(486), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn an_agent_without_a_phone_is_unreachable() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", "102");
    assert_eq!(world.line("C").refused, Some(480));
    world.talking();
    world.consult("anna", "Bert");
    world.expect_record(3, &[("/DisconnectReason", json!("TELECOM_UNANSWERED"))]);
    world.click("anna", Control::Resume);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_caller_that_gives_up_while_a_phone_rings() {
    let mut world = World::new(&["anna"]);
    world.behave("anna", Behaviour::Rings);
    world.call_in("C", "101");
    world.ladder.clear();
    world.hang_up("C");
    world.expect_ladder("C", &["> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK"]);
    world.expect_ladder("anna", &["< CANCEL", "> 200 CANCEL", "> 487 INVITE", "< ACK"]);
    world.expect_record(1, &[("/DisconnectReason", json!("TELECOM_ORIGINATOR_CANCEL"))]);
    world.end_of_day();
}
