//! The phone's own keys do what the panel's buttons do: hold, transfer with and without consultation, feature codes.

use baton_tests::real::{CUSTOMER_HZ, Office, Room, SUPPORT, WhenRung, tone_of, until};
use serde_json::json;

#[test]
fn d6_baresips_hold_key_plays_music_and_the_panel_shows_it() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    let agents = office.all_available(&[1]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");

    one.hold();
    agents[0].expect_connection("the customer held", |it| it["initial"] == true && it["state"] == "hold");
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: -", "customer: music"]);
    one.resume();
    agents[0].expect_connection("the customer back", |it| it["initial"] == true && it["state"] == "connected");
    // baresip 1.0 counts what comes in after its own hold, but decodes no more of it: only the customer can be asked.
    Room::new().with_voice("agent1", tone_of(1)).with("customer", CUSTOMER_HZ, &customer).expect(&["customer: agent1"]);

    // The phone's own end is the agent's: the call is over.
    one.hang_up();
    agents[0].expect_contact("acw");
    agents[0].press("clear");
    office.expect_quiet();
    let records = office.expect_records(1);
    assert_eq!(records[0]["Agent"]["NumberOfHolds"], 1);
    assert_eq!(records[0]["DisconnectReason"], "AGENT_DISCONNECT");
}

#[test]
fn p4_r1_baresips_transfer_key_hands_the_customer_to_another_agent() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    let mut two = office.linphone(2, WhenRung::Ring);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");

    // Blind: baresip holds, then sends its REFER on the held leg.
    one.transfer("sip:1002@10.77.0.1");
    two.expect_said("Receiving new incoming call", 1);
    two.answer();
    one.expect_event("CALL_CLOSED", 1);
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("agent2", tone_of(2), &two)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: -", "agent2: customer", "customer: agent2"]);
    agents[0].expect_contact("acw");
    agents[0].press("clear");
    let log = one.log();
    for line in ["SIP/2.0 202", "SIP/2.0 100 Trying", "SIP/2.0 200 OK"] {
        assert!(log.contains(line), "baresip was not told {line}");
    }
    customer.hang_up();
    agents[1].expect_contact("acw");
    agents[1].press("clear");
    let records = office.expect_records(2);
    assert_eq!(records[1]["InitiationMethod"], "TRANSFER");
    assert_eq!(records[1]["PreviousContactId"], records[0]["ContactId"]);
}

#[test]
fn d6_p1_linphones_hold_key_plays_music_and_both_hear_each_other_again() {
    let Some(office) = Office::open() else { return };
    let mut one = office.linphone(1, WhenRung::Answer);
    let agents = office.all_available(&[1]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    one.hold();
    agents[0].expect_connection("the customer held", |it| it["initial"] == true && it["state"] == "hold");
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: -", "customer: music"]);
    one.resume(1);
    agents[0].expect_connection("the customer back", |it| it["initial"] == true && it["state"] == "connected");
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: customer", "customer: agent1"]);
}

#[test]
fn r4_p3_a_blind_transfer_that_fails_brings_the_customer_back() {
    let Some(office) = Office::open() else { return };
    let mut one = office.linphone(1, WhenRung::Answer);
    let agents = office.all_available(&[1]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    // Agent 3 has no phone.
    one.transfer("sip:1003@10.77.0.1");
    until("the failure to be told", 10.0, || one.sip_log().contains("SIP/2.0 480"));
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: customer", "customer: agent1"]);
}

#[test]
fn r6_p2_linphones_attended_transfer_splices_its_two_calls() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let mut two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[2, 1]);
    // Agent 2 has been idle longest and gets the customer.
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");

    // Its second line calls agent 1.
    two.hold();
    agents[0].expect_connection("the customer held", |it| it["initial"] == true && it["state"] == "hold");
    two.dial("sip:1001@10.77.0.1");
    one.expect_event("CALL_ESTABLISHED", 1);
    two.expect_said("connected.", 2);
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("agent2", tone_of(2), &two)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: agent2", "agent2: agent1", "customer: music"]);
    two.transfer_to_call(1, 2);
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("agent2", tone_of(2), &two)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: customer", "agent2: -", "customer: agent1"]);
    // No new call rang at agent 1: its one dialog went on.
    assert_eq!(one.count("CALL_ESTABLISHED"), 1);
    assert_eq!(one.count("CALL_CLOSED"), 0);
}

#[test]
fn m5_feature_codes_join_and_complete_a_transfer() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    let two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    agents[0].add(&json!({"quickConnectId": "Agent two", "mode": "consult"}));
    agents[1].expect_contact("connected");
    let room = |one: &_, expected: &[&str]| {
        Room::new()
            .with("agent1", tone_of(1), one)
            .with("agent2", tone_of(2), &two)
            .with("customer", CUSTOMER_HZ, &customer)
            .expect(expected);
    };
    room(&one, &["agent1: agent2", "agent2: agent1", "customer: music"]);
    one.press("*4");
    room(&one, &["agent1: customer", "agent2: music", "customer: agent1"]);
    one.press("*3");
    room(&one, &["agent1: agent2, customer", "agent2: agent1, customer", "customer: agent1, agent2"]);
    one.press("*2");
    room(&one, &["agent1: -", "agent2: customer", "customer: agent2"]);
    agents[0].expect_contact("acw");
}

#[test]
fn m5_a_digit_crosses_the_bridge_in_both_directions() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    let agents = office.all_available(&[1]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    one.press("58");
    until("the digits at the customer", 5.0, || {
        let events: Vec<u8> = customer.party().digits().iter().map(|digit| digit.event).collect();
        events == [5, 8]
    });
    customer.party().press(9);
    assert_eq!(one.expect_event("CALL_DTMF_START", 1)["param"], "9");
}
