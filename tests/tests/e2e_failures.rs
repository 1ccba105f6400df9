//! What goes wrong in calls: a phone dies, a target refuses, a caller gives up, an agent does not answer.

use baton_tests::real::{CUSTOMER_HZ, Office, Room, SUPPORT, WhenRung, tone_of, until};
use serde_json::json;

#[test]
fn m7_a_phone_that_dies_leaves_the_customer_with_the_next_agent() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    let two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: customer", "customer: agent1"]);
    // Without a word: no BYE, no RTP. Agent 1 is rung again in vain, then the queue finds agent 2.
    one.process().kill();
    office.host(1).plug(false);
    Room::new()
        .with("agent2", tone_of(2), &two)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect_within(60.0, &["agent2: customer", "customer: agent2"]);
}

#[test]
fn a_target_that_refuses_leaves_the_customer_on_hold_and_tells_why() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let mut two = office.linphone(2, WhenRung::Ring);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    agents[0].add(&json!({"agent": "agent2", "mode": "consult"}));
    two.expect_said("Receiving new incoming call", 1);
    two.hang_up(None);
    let target = agents[0].expect_connection("the refusal", |it| it["agent"] == "agent2" && it["outcome"].is_string());
    assert_eq!(target["state"], "disconnected");
    assert!(target["sipStatus"].as_u64().is_some_and(|status| status >= 400), "{target}");
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: -", "customer: music"]);
    agents[0].press("resume");
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: customer", "customer: agent1"]);
}

#[test]
fn r7_a_target_left_while_it_rings_rings_once_and_gets_the_customer() {
    let Some(office) = Office::open() else { return };
    let _one = office.baresip(1, WhenRung::Answer);
    let mut two = office.baresip(2, WhenRung::Ring);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    agents[0].add(&json!({"agent": "agent2", "mode": "consult"}));
    two.expect_event("CALL_INCOMING", 1);
    agents[0].press("leave");
    agents[0].expect_contact("acw");
    // While it rings, the caller hears that.
    Room::new().with("customer", CUSTOMER_HZ, &customer).expect(&["customer: music"]);
    two.answer();
    Room::new()
        .with("agent2", tone_of(2), &two)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent2: customer", "customer: agent2"]);
    assert_eq!(two.count("CALL_INCOMING"), 1);
}

#[test]
fn a_caller_who_gives_up_stops_the_ringing() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Ring);
    let agents = office.all_available(&[1]);
    let mut customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    one.expect_event("CALL_INCOMING", 1);
    agents[0].expect_contact("incoming");
    customer.hang_up();
    one.expect_event("CALL_CLOSED", 1);
    customer.sipp().expect_success(5.0);
    office.expect_quiet();
    until("the record", 10.0, || office.records().iter().any(|it| it["DisconnectReason"] == "CUSTOMER_DISCONNECT"));
}
