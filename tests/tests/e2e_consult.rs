//! The main job with real phones: a call comes in, is consulted on, joined, left, and recorded; and in each state of the
//! controls' table everybody's ears are asked.

use baton_tests::real::{
    Agent, Baresip, CUSTOMER_HZ, Linphone, Office, Room, SUPPORT, TrunkCall, WhenRung, text, tone_of,
};
use serde_json::{Value, json};

/// Who hears whom with agent 1, agent 2 and the customer, in this order.
#[track_caller]
fn expect_heard(one: &Baresip, two: &Linphone, customer: &TrunkCall, expected: [&str; 3]) {
    let lines: Vec<String> =
        ["agent1", "agent2", "customer"].iter().zip(expected).map(|(name, heard)| format!("{name}: {heard}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Room::new()
        .with("agent1", tone_of(1), one)
        .with("agent2", tone_of(2), two)
        .with("customer", CUSTOMER_HZ, customer)
        .expect(&lines);
}

fn third_party(connection: &Value) -> bool {
    connection["agent"] == "agent2" && connection["state"] != "disconnected"
}

#[test]
fn a_call_is_consulted_on_joined_left_and_recorded() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let mut two = office.linphone(2, WhenRung::Ring);
    let agents = office.all_available(&[1, 2]);
    let [agent1, agent2] = agents.as_slice() else { return };

    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    // Both are free; agent 1 has been idle longer.
    agent1.expect_contact("connected");
    expect_heard(&one, &two, &customer, ["customer", "-", "agent1"]);

    agent1.press("hold");
    expect_heard(&one, &two, &customer, ["-", "-", "music"]);
    agent1.press("resume");
    expect_heard(&one, &two, &customer, ["customer", "-", "agent1"]);

    agent1.add(&json!({"quickConnectId": "Agent two", "mode": "consult"}));
    two.expect_said("Receiving new incoming call", 1);
    agent1.expect_connection("agent 2 ringing", |it| third_party(it) && it["state"] == "ringing");
    // Dialling: ring-back for the agent, music for the customer.
    expect_heard(&one, &two, &customer, ["music", "-", "music"]);
    two.answer();
    agent2.expect_contact("connected");
    expect_heard(&one, &two, &customer, ["agent2", "agent1", "music"]);

    agent1.press("swap");
    expect_heard(&one, &two, &customer, ["customer", "music", "agent1"]);
    agent1.press("hold-all");
    expect_heard(&one, &two, &customer, ["-", "music", "music"]);
    agent1.press("join");
    expect_heard(&one, &two, &customer, ["agent2, customer", "agent1, customer", "agent1, agent2"]);

    mute_and_hold_one_party(agent1, &one, &two, &customer);

    agent1.press("leave");
    one.expect_event("CALL_CLOSED", 1);
    expect_heard(&one, &two, &customer, ["-", "customer", "agent2"]);
    agent1.expect_contact("acw");
    agent1.press("clear");
    agent1.expect_free();

    customer.hang_up();
    agent2.expect_contact("acw");
    agent2.press("clear");
    agent2.expect_free();
    office.expect_quiet();
    check_records(&office);
}

/// In a joined call one party is muted, and one is held for a while.
fn mute_and_hold_one_party(agent1: &Agent, one: &Baresip, two: &Linphone, customer: &TrunkCall) {
    let target = agent1.expect_connection("agent 2", third_party);
    agent1.press_for(&target, "mute");
    expect_heard(one, two, customer, ["customer", "agent1, customer", "agent1"]);
    agent1.press_for(&target, "unmute");
    agent1.press_for(&target, "hold");
    expect_heard(one, two, customer, ["customer", "music", "agent1"]);
    agent1.press_for(&target, "resume");
    expect_heard(one, two, customer, ["agent2, customer", "agent1, customer", "agent1, agent2"]);
}

/// Golden chain A without its callback: two linked records.
fn check_records(office: &Office) {
    let records = office.expect_records(2);
    let [first, second] = records.as_slice() else { return };
    let expected = json!({
        "InitiationMethod": "INBOUND", "DisconnectReason": "AGENT_DISCONNECT", "NextContactId": second["ContactId"],
        "agent": "agent1", "queue": "Support", "TransferType": "WARM_CONFERENCE",
    });
    assert_eq!(shown(first), expected, "{first:#}");
    assert_eq!(first.get("InitialContactId"), None);
    assert!(first["TransferCompletedTimestamp"].is_string() && first["Agent"]["NumberOfHolds"].as_u64() > Some(0));
    let expected = json!({
        "InitiationMethod": "TRANSFER", "DisconnectReason": "CUSTOMER_DISCONNECT", "NextContactId": null,
        "agent": "agent2", "queue": null, "TransferType": null,
    });
    assert_eq!(shown(second), expected, "{second:#}");
    for key in ["InitialContactId", "PreviousContactId"] {
        assert_eq!(second[key], first["ContactId"], "{key}");
    }
    // What an operator types shows the same.
    let printed = office.server.command(&["records", "--data", "data"]);
    assert!(printed.status.success(), "{}", text(&printed));
    for record in &records {
        let id = record["ContactId"].as_str().unwrap_or_default();
        assert!(text(&printed).contains(id), "{id} is missing in\n{}", text(&printed));
    }
}

fn shown(record: &Value) -> Value {
    json!({
        "InitiationMethod": record["InitiationMethod"], "DisconnectReason": record["DisconnectReason"],
        "NextContactId": record["NextContactId"], "agent": record["Agent"]["Username"],
        "queue": record["Queue"]["Name"], "TransferType": record["Baton"]["TransferType"],
    })
}

/// Golden chain C.
#[test]
fn a_call_is_sent_cold_to_another_queue() {
    let Some(office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let mut three = office.linphone(3, WhenRung::Ring);
    let agents = office.all_available(&[1, 3]);
    let [agent1, agent3] = agents.as_slice() else { return };
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agent1.expect_contact("connected");
    agent1.add(&json!({"quickConnectId": "Second line", "mode": "blind"}));
    one.expect_event("CALL_CLOSED", 1);
    agent1.expect_contact("acw");
    agent1.press("clear");
    three.expect_said("Receiving new incoming call", 1);
    three.answer();
    Room::new()
        .with("agent1", tone_of(1), &one)
        .with("agent3", tone_of(3), &three)
        .with("customer", CUSTOMER_HZ, &customer)
        .expect(&["agent1: -", "agent3: customer", "customer: agent3"]);
    three.hang_up(None);
    agent3.expect_contact("acw");
    agent3.press("clear");
    office.expect_quiet();
    let records = office.expect_records(2);
    let [first, second] = records.as_slice() else { return };
    assert_eq!(shown(first)["TransferType"], "COLD", "{first:#}");
    let expected = json!({
        "InitiationMethod": "TRANSFER", "DisconnectReason": "AGENT_DISCONNECT", "NextContactId": null,
        "agent": "agent3", "queue": "Second line", "TransferType": null,
    });
    assert_eq!(shown(second), expected, "{second:#}");
    assert_eq!(second["PreviousContactId"], first["ContactId"]);
    assert_eq!(second["AgentConnectionAttempts"], 1);
    assert!(second["Queue"]["EnqueueTimestamp"].is_string());
}
