//! Outside numbers over the trunk: consulted by quick connect, left with the customer, dialled by an agent.

use baton_tests::real::{CUSTOMER_HZ, OUTSIDE_HZ, Office, Room, SUPPORT, WhenRung, tone_of};
use serde_json::json;

/// Golden chain B.
#[test]
fn an_outside_number_is_consulted_and_left_with_the_customer() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let agents = office.all_available(&[1]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");

    let outside = office.outside_waits(500);
    agents[0].add(&json!({"quickConnectId": "Outside", "mode": "consult"}));
    outside.expect_answered(10.0);
    let room = |expected: &[&str]| {
        Room::new()
            .with("agent1", tone_of(1), &one)
            .with("outside", OUTSIDE_HZ, &outside)
            .with("customer", CUSTOMER_HZ, &customer)
            .expect(expected);
    };
    room(&["agent1: outside", "outside: agent1", "customer: music"]);
    agents[0].press("leave");
    room(&["agent1: -", "outside: customer", "customer: outside"]);
    agents[0].expect_contact("acw");
    agents[0].press("clear");
    outside.hang_up();
    office.expect_quiet();

    let records = office.expect_records(2);
    let [first, external] = records.as_slice() else { return };
    assert_eq!(first["DisconnectReason"], "AGENT_DISCONNECT");
    assert_eq!(first["NextContactId"], external["ContactId"]);
    assert!(first["TransferredToEndpoint"].is_object() && first["TransferCompletedTimestamp"].is_string());
    assert_eq!(external["InitiationMethod"], "EXTERNAL_OUTBOUND");
    assert_eq!(external.get("Agent"), None);
    assert_eq!(external["CustomerEndpoint"]["Address"], "4940555000");
    assert!(external["ExternalThirdParty"]["ExternalThirdPartyInteractionDuration"].is_u64());
}

#[test]
fn an_agent_dials_out_and_drops_a_third_party() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[1, 2]);
    let outside = office.outside_waits(300);
    agents[0].dial(&json!({"phoneNumber": "4940555000"}));
    outside.expect_answered(10.0);
    agents[0].expect_contact("connected");
    agents[0].add(&json!({"phoneNumber": "1002", "mode": "consult"}));
    agents[1].expect_contact("connected");
    let room = |expected: &[&str]| {
        Room::new()
            .with("agent1", tone_of(1), &one)
            .with("agent2", tone_of(2), &two)
            .with("outside", OUTSIDE_HZ, &outside)
            .expect(expected);
    };
    room(&["agent1: agent2", "agent2: agent1", "outside: music"]);
    let target = agents[0].expect_connection("agent 2", |it| it["agent"] == "agent2");
    agents[0].press_for(&target, "drop");
    agents[1].expect_contact("acw");
    agents[0].press("resume");
    room(&["agent1: outside", "agent2: -", "outside: agent1"]);
}

#[test]
fn m1_towards_the_trunk_one_stream_runs_through_hold_consult_and_join() {
    let Some(office) = Office::open() else { return };
    let _one = office.baresip(1, WhenRung::Answer);
    let _two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    let pause = || std::thread::sleep(std::time::Duration::from_millis(1200));
    pause();
    agents[0].press("hold");
    pause();
    agents[0].add(&json!({"agent": "agent2", "mode": "consult"}));
    agents[1].expect_contact("connected");
    pause();
    agents[0].press("join");
    pause();
    agents[0].press("leave");
    pause();

    let packets = customer.party().packets();
    let sound: Vec<_> = packets.iter().filter(|packet| packet.payload_type == 0).collect();
    assert!(sound.len() > 200, "only {} packets", sound.len());
    let (first, mut before) = (sound[0], sound[0]);
    let mut advanced_ms = 0;
    for after in sound.iter().skip(1) {
        assert_eq!((after.ssrc, after.source), (first.ssrc, first.source));
        assert_eq!(after.sequence, before.sequence.wrapping_add(1), "{before:?} {after:?}");
        let step_ms = i64::from(after.timestamp.wrapping_sub(before.timestamp)) / 8;
        assert!((1..2000).contains(&step_ms), "{before:?} {after:?}");
        // Timestamps advance by real time, within what a busy machine blurs.
        advanced_ms += step_ms;
        let passed_ms = i64::try_from((after.at_us - first.at_us) / 1000).unwrap_or(i64::MAX);
        assert!((advanced_ms - passed_ms).abs() < 400, "{advanced_ms} ms of sound in {passed_ms} ms");
        before = after;
    }
}

#[test]
fn a_conference_room_mixes_phones_and_the_trunk() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    let mut two = office.linphone(2, WhenRung::Answer);
    one.dial("sip:4930900200@10.77.0.1");
    two.dial("sip:4930900200@10.77.0.1");
    let customer = office.customer_calls(5080, "4930900200");
    customer.expect_answered(10.0);
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("agent2", tone_of(2), &two)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: agent2, customer", "agent2: agent1, customer", "customer: agent1, agent2"]);
    two.hang_up(None);
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: customer", "customer: agent1"]);
}

/// Through the media threads' own sockets: the call and the room may be in two of them.
#[test]
fn a_customer_is_led_into_a_room_where_a_colleague_waits() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let mut two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[1, 2]);
    two.dial("sip:4930900200@10.77.0.1");
    agents[1].expect_contact("connected");
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    agents[0].add(&json!({"phoneNumber": "4930900200", "mode": "consult"}));
    let room = |expected: &[&str]| {
        Room::new()
            .with("agent1", tone_of(1), &one)
            .with("agent2", tone_of(2), &two)
            .with("customer", CUSTOMER_HZ, &customer)
            .expect(expected);
    };
    room(&["agent1: agent2", "agent2: agent1", "customer: music"]);
    agents[0].press("join");
    room(&["agent1: agent2, customer", "agent2: agent1, customer", "customer: agent1, agent2"]);
    agents[0].press("leave");
    room(&["agent1: -", "agent2: customer", "customer: agent2"]);
    agents[0].expect_contact("acw");
    agents[0].press("clear");
    customer.hang_up();
    two.hang_up(None);
    office.expect_quiet();
}

#[test]
fn a_tandem_call_goes_from_trunk_to_trunk_and_has_a_record() {
    let Some(office) = Office::open() else { return };
    let outside = office.outside_waits(300);
    let customer = office.customer_calls(5080, "4940555000");
    customer.expect_answered(10.0);
    outside.expect_answered(10.0);
    Room::new()
        .with("outside", OUTSIDE_HZ, &outside)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["outside: customer", "customer: outside"]);
    customer.hang_up();
    office.expect_quiet();
    let records = office.expect_records(1);
    assert_eq!(records[0]["InitiationMethod"], "INBOUND");
    assert_eq!(records[0].get("Agent"), None);
}
