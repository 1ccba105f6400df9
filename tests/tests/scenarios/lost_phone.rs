//! An agent's phone dies: the customer is kept, the agent recalled, then the queue.

use baton_contact::command::Control;
use baton_contact::directory::OnAgentHangup;
use baton_tests::world::{Dialect, World};
use serde_json::json;

#[test]
fn a_hang_up_while_the_customer_is_held_recalls_the_agent_then_the_queue() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.click("anna", Control::Hold);
    world.hang_up("anna");
    assert!(world.rings("anna"), "the agent is recalled\n{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.run_ms(32_000);
    assert!(!world.rings("anna"), "for 30 s");
    world.expect_hearing(&[("C", "music")]);
    // Missed: acknowledged, she gets the customer out of the queue again.
    world.clear_all();
    world.settle();
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_recalled_agent_answers() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.hang_up("anna");
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.expect_record(2, &[("/Baton/RecalledFrom", json!(world.contacts()[0]))]);
    world.end_of_day();
}

#[test]
fn by_policy_every_hang_up_keeps_the_customer() {
    let mut world =
        World::with(&["anna"], 1, |_, directory| directory.queues[0].on_agent_hangup = OnAgentHangup::Recall);
    world.talking();
    world.hang_up("anna");
    assert!(world.rings("anna"), "{}", world.ladder);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_phone_without_power_is_noticed_by_its_session_timer_or_in_dialog_requests() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.unplug("anna");
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.run_ms(70_000);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

#[test]
fn an_agent_whose_phone_dies_in_a_consult_leaves_the_others_together() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.hang_up("anna");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}
