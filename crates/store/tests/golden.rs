//! The golden chains of contact records: literal events, literal records.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use baton_contact::event::{
    ContactEvent, DisconnectReason as Reason, EventKind, InitiationMethod, PartyRole, TransferType,
};
use common::*;
use serde_json::json;

use EventKind::{AcwStarted, Completed, ConnectedToSystem, Dequeued, InteractionEnded, InteractionStarted, Joined};

const C1: &str = "00000000-0000-0000-0000-000000000001";
const C2: &str = "00000000-0000-0000-0000-000000000002";
const C3: &str = "00000000-0000-0000-0000-000000000003";

/// Consult, join, leave, callback.
fn chain_a() -> Vec<ContactEvent> {
    events(&[
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, ConnectedToSystem),
        ("10:00:05", 1, queued("Support")),
        ("10:00:05", 1, offered("agent1")),
        ("10:00:35", 1, Dequeued),
        ("10:00:35", 1, agent("agent1")),
        ("10:00:35", 1, InteractionStarted),
        ("10:05:00", 1, InteractionEnded),
        ("10:05:00", 1, held()),
        ("10:05:00", 1, next(2)),
        ("10:05:00", 2, initiated(InitiationMethod::Transfer, Some(1), Some(1), "+4930111", "+4940222")),
        ("10:05:00", 2, offered("agent2")),
        ("10:05:12", 2, agent("agent2")),
        ("10:06:00", 1, resumed(60_000)),
        ("10:06:00", 1, Joined),
        ("10:06:00", 1, InteractionStarted),
        ("10:06:00", 2, InteractionStarted),
        ("10:06:30", 1, InteractionEnded),
        ("10:06:30", 1, transferred(TransferType::WarmConference, None)),
        ("10:06:30", 1, left("agent")),
        ("10:06:30", 1, disconnected(Reason::AgentDisconnect)),
        ("10:06:30", 1, AcwStarted),
        ("10:07:00", 1, Completed),
        ("10:14:30", 2, next(3)),
        ("10:14:30", 3, initiated(InitiationMethod::Callback, Some(1), Some(2), "+4930111", "")),
        ("10:15:00", 2, InteractionEnded),
        ("10:15:00", 2, left("customer")),
        ("10:15:00", 2, disconnected(Reason::CustomerDisconnect)),
        ("10:15:00", 2, AcwStarted),
        ("10:15:40", 2, Completed),
        ("10:30:00", 3, offered("agent3")),
        ("10:30:00", 3, agent("agent3")),
        ("10:30:20", 3, ConnectedToSystem),
        ("10:30:30", 3, InteractionStarted),
        ("10:40:00", 3, InteractionEnded),
        ("10:40:00", 3, left("customer")),
        ("10:40:00", 3, disconnected(Reason::CustomerDisconnect)),
        ("10:40:00", 3, AcwStarted),
        ("10:40:30", 3, Completed),
    ])
}

#[test]
fn chain_a_the_agent_who_consults_joins_and_leaves() {
    let expected = json!({
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": C1,
        "NextContactId": C2,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-03-02T10:00:00Z",
        "ConnectedToSystemTimestamp": "2026-03-02T10:00:00Z",
        "DisconnectTimestamp": "2026-03-02T10:06:30Z",
        "DisconnectReason": "AGENT_DISCONNECT",
        "LastUpdateTimestamp": "2026-03-02T10:07:00Z",
        "TransferCompletedTimestamp": "2026-03-02T10:06:30Z",
        "Agent": {
            "ARN": "arn:baton:agent/agent1",
            "Username": "agent1",
            "RoutingProfile": {"ARN": "arn:baton:routing-profile/Basic", "Name": "Basic"},
            "ConnectedToAgentTimestamp": "2026-03-02T10:00:35Z",
            "AgentInteractionDuration": 295,
            "CustomerHoldDuration": 60,
            "AgentInitiatedHoldDuration": 60,
            "NumberOfHolds": 1,
            "LongestHoldDuration": 60,
            "AfterContactWorkStartTimestamp": "2026-03-02T10:06:30Z",
            "AfterContactWorkEndTimestamp": "2026-03-02T10:07:00Z",
            "AfterContactWorkDuration": 30
        },
        "AgentConnectionAttempts": 1,
        "Queue": {
            "ARN": "arn:baton:queue/Support",
            "Name": "Support",
            "EnqueueTimestamp": "2026-03-02T10:00:05Z",
            "DequeueTimestamp": "2026-03-02T10:00:35Z",
            "Duration": 30
        },
        "CustomerEndpoint": {"Address": "+4930111", "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+4940222", "Type": "TELEPHONE_NUMBER"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}},
        "MediaStreams": [{"Type": "AUDIO"}],
        "Baton": {
            "Revision": 0,
            "TransferType": "WARM_CONFERENCE",
            "TransferOutcome": "completed",
            "SipStatus": 200,
            "NextContactIds": [C2],
            "LeftBy": "agent"
        }
    });
    assert_eq!(json(&chain_a(), 1), expected);
}

#[test]
fn chain_a_the_agent_who_takes_over() {
    let expected = json!({
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": C2,
        "InitialContactId": C1,
        "PreviousContactId": C1,
        "NextContactId": C3,
        "Channel": "VOICE",
        "InitiationMethod": "TRANSFER",
        "InitiationTimestamp": "2026-03-02T10:05:00Z",
        "DisconnectTimestamp": "2026-03-02T10:15:00Z",
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "LastUpdateTimestamp": "2026-03-02T10:15:40Z",
        "Agent": {
            "ARN": "arn:baton:agent/agent2",
            "Username": "agent2",
            "RoutingProfile": {"ARN": "arn:baton:routing-profile/Basic", "Name": "Basic"},
            "ConnectedToAgentTimestamp": "2026-03-02T10:05:12Z",
            "AgentInteractionDuration": 540,
            "CustomerHoldDuration": 0,
            "AgentInitiatedHoldDuration": 0,
            "NumberOfHolds": 0,
            "LongestHoldDuration": 0,
            "AfterContactWorkStartTimestamp": "2026-03-02T10:15:00Z",
            "AfterContactWorkEndTimestamp": "2026-03-02T10:15:40Z",
            "AfterContactWorkDuration": 40
        },
        "AgentConnectionAttempts": 1,
        "CustomerEndpoint": {"Address": "+4930111", "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+4940222", "Type": "TELEPHONE_NUMBER"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}},
        "MediaStreams": [{"Type": "AUDIO"}],
        "Baton": {"Revision": 0, "NextContactIds": [C3], "LeftBy": "customer"}
    });
    assert_eq!(json(&chain_a(), 2), expected);
}

#[test]
fn chain_a_the_callback() {
    let expected = json!({
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": C3,
        "InitialContactId": C1,
        "PreviousContactId": C2,
        "Channel": "VOICE",
        "InitiationMethod": "CALLBACK",
        "InitiationTimestamp": "2026-03-02T10:14:30Z",
        "ConnectedToSystemTimestamp": "2026-03-02T10:30:20Z",
        "DisconnectTimestamp": "2026-03-02T10:40:00Z",
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "LastUpdateTimestamp": "2026-03-02T10:40:30Z",
        "Agent": {
            "ARN": "arn:baton:agent/agent3",
            "Username": "agent3",
            "RoutingProfile": {"ARN": "arn:baton:routing-profile/Basic", "Name": "Basic"},
            "ConnectedToAgentTimestamp": "2026-03-02T10:30:00Z",
            "AgentInteractionDuration": 570,
            "CustomerHoldDuration": 0,
            "AgentInitiatedHoldDuration": 0,
            "NumberOfHolds": 0,
            "LongestHoldDuration": 0,
            "AfterContactWorkStartTimestamp": "2026-03-02T10:40:00Z",
            "AfterContactWorkEndTimestamp": "2026-03-02T10:40:30Z",
            "AfterContactWorkDuration": 30
        },
        "AgentConnectionAttempts": 1,
        "CustomerEndpoint": {"Address": "+4930111", "Type": "TELEPHONE_NUMBER"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}},
        "MediaStreams": [{"Type": "AUDIO"}],
        "Baton": {"Revision": 0, "LeftBy": "customer"}
    });
    assert_eq!(json(&chain_a(), 3), expected);
}

/// To an outside number, consulted, then left.
fn chain_b() -> Vec<ContactEvent> {
    let external = initiated(InitiationMethod::ExternalOutbound, Some(1), Some(1), "+4989333", "+4940222");
    events(&[
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, ConnectedToSystem),
        ("10:00:00", 1, queued("Support")),
        ("10:00:10", 1, Dequeued),
        ("10:00:10", 1, agent("agent1")),
        ("10:00:10", 1, InteractionStarted),
        ("10:02:00", 1, InteractionEnded),
        ("10:02:00", 1, held()),
        ("10:02:00", 1, next(2)),
        ("10:02:00", 2, external),
        ("10:02:20", 2, ConnectedToSystem),
        ("10:03:00", 1, resumed(60_000)),
        ("10:03:00", 1, transferred(TransferType::WarmConsult, Some("+4989333"))),
        ("10:03:00", 1, left("agent")),
        ("10:03:00", 1, disconnected(Reason::AgentDisconnect)),
        ("10:03:00", 1, AcwStarted),
        ("10:03:00", 2, InteractionStarted),
        ("10:03:05", 1, Completed),
        ("10:08:00", 2, InteractionEnded),
        ("10:08:00", 2, disconnected(Reason::ThirdPartyDisconnect)),
        ("10:08:00", 2, Completed),
    ])
}

#[test]
fn chain_b_the_agent_who_transfers_to_an_outside_number() {
    let expected = json!({
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": C1,
        "NextContactId": C2,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-03-02T10:00:00Z",
        "ConnectedToSystemTimestamp": "2026-03-02T10:00:00Z",
        "DisconnectTimestamp": "2026-03-02T10:03:00Z",
        "DisconnectReason": "AGENT_DISCONNECT",
        "LastUpdateTimestamp": "2026-03-02T10:03:05Z",
        "TransferCompletedTimestamp": "2026-03-02T10:03:00Z",
        "TransferredToEndpoint": {"Address": "+4989333", "Type": "TELEPHONE_NUMBER"},
        "Agent": {
            "ARN": "arn:baton:agent/agent1",
            "Username": "agent1",
            "RoutingProfile": {"ARN": "arn:baton:routing-profile/Basic", "Name": "Basic"},
            "ConnectedToAgentTimestamp": "2026-03-02T10:00:10Z",
            "AgentInteractionDuration": 110,
            "CustomerHoldDuration": 60,
            "AgentInitiatedHoldDuration": 60,
            "NumberOfHolds": 1,
            "LongestHoldDuration": 60,
            "AfterContactWorkStartTimestamp": "2026-03-02T10:03:00Z",
            "AfterContactWorkEndTimestamp": "2026-03-02T10:03:05Z",
            "AfterContactWorkDuration": 5
        },
        "AgentConnectionAttempts": 0,
        "Queue": {
            "ARN": "arn:baton:queue/Support",
            "Name": "Support",
            "EnqueueTimestamp": "2026-03-02T10:00:00Z",
            "DequeueTimestamp": "2026-03-02T10:00:10Z",
            "Duration": 10
        },
        "CustomerEndpoint": {"Address": "+4930111", "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+4940222", "Type": "TELEPHONE_NUMBER"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}},
        "MediaStreams": [{"Type": "AUDIO"}],
        "Baton": {
            "Revision": 0,
            "TransferType": "WARM_CONSULT",
            "TransferOutcome": "completed",
            "SipStatus": 200,
            "NextContactIds": [C2],
            "LeftBy": "agent"
        }
    });
    assert_eq!(json(&chain_b(), 1), expected);
}

#[test]
fn chain_b_the_outside_number() {
    let expected = json!({
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": C2,
        "InitialContactId": C1,
        "PreviousContactId": C1,
        "Channel": "VOICE",
        "InitiationMethod": "EXTERNAL_OUTBOUND",
        "InitiationTimestamp": "2026-03-02T10:02:00Z",
        "ConnectedToSystemTimestamp": "2026-03-02T10:02:20Z",
        "DisconnectTimestamp": "2026-03-02T10:08:00Z",
        "DisconnectReason": "THIRD_PARTY_DISCONNECT",
        "LastUpdateTimestamp": "2026-03-02T10:08:00Z",
        "ExternalThirdParty": {"ExternalThirdPartyInteractionDuration": 300},
        "AgentConnectionAttempts": 0,
        "CustomerEndpoint": {"Address": "+4989333", "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+4940222", "Type": "TELEPHONE_NUMBER"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}},
        "MediaStreams": [{"Type": "AUDIO"}],
        "Baton": {"Revision": 0}
    });
    assert_eq!(json(&chain_b(), 2), expected);
}

#[test]
fn chain_b_a_failed_dial_leaves_the_contact_where_it_was() {
    let failed = EventKind::Disconnected { reason: Reason::TelecomBusy, sip_status: 486, q850: Some(17) };
    let events = events(&[
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, ConnectedToSystem),
        ("10:00:10", 1, agent("agent1")),
        ("10:00:10", 1, InteractionStarted),
        ("10:02:00", 1, InteractionEnded),
        ("10:02:00", 1, held()),
        ("10:02:00", 1, next(2)),
        ("10:02:00", 2, initiated(InitiationMethod::ExternalOutbound, Some(1), Some(1), "+4989333", "+4940222")),
        ("10:02:09", 2, failed),
        ("10:02:09", 2, Completed),
        ("10:02:09", 1, transfer_failed("busy", 486, Some(17))),
        ("10:02:15", 1, resumed(15_000)),
        ("10:02:15", 1, InteractionStarted),
        ("10:05:00", 1, InteractionEnded),
        ("10:05:00", 1, disconnected(Reason::CustomerDisconnect)),
        ("10:05:00", 1, AcwStarted),
        ("10:05:05", 1, Completed),
    ]);
    let dialled = json(&events, 2);
    assert_eq!(dialled["DisconnectReason"], "TELECOM_BUSY");
    assert_eq!(dialled["Baton"], json!({"Revision": 0, "SipStatus": 486, "Q850Cause": 17}));
    for absent in ["ConnectedToSystemTimestamp", "ExternalThirdParty", "Agent", "TransferredToEndpoint"] {
        assert_eq!(dialled.get(absent), None, "{absent}");
    }
    let agent1 = json(&events, 1);
    assert_eq!(agent1["DisconnectReason"], "CUSTOMER_DISCONNECT");
    assert_eq!(agent1["Agent"]["AgentInteractionDuration"], 275);
    assert_eq!(agent1["Agent"]["CustomerHoldDuration"], 15);
    assert_eq!(
        agent1["Baton"],
        json!({"Revision": 0, "TransferType": "FAILED", "TransferOutcome": "busy", "SipStatus": 486, "Q850Cause": 17,
            "NextContactIds": [C2]})
    );
    for absent in ["TransferredToEndpoint", "TransferCompletedTimestamp"] {
        assert_eq!(agent1.get(absent), None, "{absent}");
    }
}

/// Blind to a queue: the click at 10:02:00, the agent leaves at once.
fn chain_c(end: &[(&'static str, u128, EventKind)]) -> Vec<ContactEvent> {
    let begin = [
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, ConnectedToSystem),
        ("10:00:10", 1, agent("agent1")),
        ("10:00:10", 1, InteractionStarted),
        ("10:02:00", 1, InteractionEnded),
        ("10:02:00", 1, next(2)),
        ("10:02:00", 2, initiated(InitiationMethod::Transfer, Some(1), Some(1), "+4930111", "")),
        ("10:02:00", 1, transferred(TransferType::Cold, None)),
        ("10:02:00", 1, left("agent")),
        ("10:02:00", 1, disconnected(Reason::AgentDisconnect)),
        ("10:02:00", 1, AcwStarted),
        ("10:02:01", 2, queued("Sales")),
        ("10:02:10", 1, Completed),
        ("10:02:11", 2, offered("agent2")),
        ("10:02:31", 2, missed("agent2")),
    ];
    events(&[&begin, end].concat())
}

#[test]
fn chain_c_the_customer_gives_up_in_the_queue() {
    let events = chain_c(&[
        ("10:02:40", 2, left("customer")),
        ("10:02:40", 2, Dequeued),
        ("10:02:40", 2, disconnected(Reason::CustomerDisconnect)),
        ("10:02:40", 2, Completed),
    ]);
    let expected = json!({
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": C2,
        "InitialContactId": C1,
        "PreviousContactId": C1,
        "Channel": "VOICE",
        "InitiationMethod": "TRANSFER",
        "InitiationTimestamp": "2026-03-02T10:02:00Z",
        "DisconnectTimestamp": "2026-03-02T10:02:40Z",
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "LastUpdateTimestamp": "2026-03-02T10:02:40Z",
        "AgentConnectionAttempts": 1,
        "Queue": {
            "ARN": "arn:baton:queue/Sales",
            "Name": "Sales",
            "EnqueueTimestamp": "2026-03-02T10:02:01Z",
            "DequeueTimestamp": "2026-03-02T10:02:40Z",
            "Duration": 39
        },
        "CustomerEndpoint": {"Address": "+4930111", "Type": "TELEPHONE_NUMBER"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}},
        "MediaStreams": [{"Type": "AUDIO"}],
        "Baton": {"Revision": 0, "LeftBy": "customer"}
    });
    assert_eq!(json(&events, 2), expected);
    let first = json(&events, 1);
    assert_eq!(first["Baton"]["TransferType"], "COLD");
    assert_eq!(first["TransferCompletedTimestamp"], "2026-03-02T10:02:00Z");
    assert_eq!(first.get("TransferredToEndpoint"), None);
}

#[test]
fn chain_c_an_agent_of_the_queue_answers() {
    let events = chain_c(&[
        ("10:02:31", 2, offered("agent3")),
        ("10:02:41", 2, Dequeued),
        ("10:02:41", 2, agent("agent3")),
        ("10:02:41", 2, InteractionStarted),
        ("10:03:41", 2, InteractionEnded),
        ("10:03:41", 2, disconnected(Reason::AgentDisconnect)),
        ("10:03:41", 2, AcwStarted),
        ("10:03:51", 2, Completed),
    ]);
    let record = json(&events, 2);
    assert_eq!(record["AgentConnectionAttempts"], 2);
    assert_eq!(record["Agent"]["Username"], "agent3");
    assert_eq!(record["Agent"]["AgentInteractionDuration"], 60);
    assert_eq!(record["Queue"]["EnqueueTimestamp"], "2026-03-02T10:02:01Z");
    assert_eq!(record["Queue"]["Duration"], 40);
    assert_eq!(record["DisconnectReason"], "AGENT_DISCONNECT");
}

#[test]
fn chain_c_from_queue_to_queue_by_flow() {
    let events = chain_c(&[
        ("10:02:40", 2, Dequeued),
        ("10:02:40", 2, next(3)),
        ("10:02:40", 3, initiated(InitiationMethod::QueueTransfer, Some(1), Some(2), "+4930111", "")),
        ("10:02:40", 2, disconnected(Reason::ContactFlowDisconnect)),
        ("10:02:40", 2, Completed),
        ("10:02:40", 3, queued("Overflow")),
        ("10:03:00", 3, agent("agent3")),
        ("10:03:00", 3, InteractionStarted),
        ("10:04:00", 3, disconnected(Reason::CustomerDisconnect)),
        ("10:04:00", 3, Completed),
    ]);
    let record = json(&events, 3);
    assert_eq!(record["InitiationMethod"], "QUEUE_TRANSFER");
    assert_eq!(record["InitialContactId"], C1);
    assert_eq!(record["PreviousContactId"], C2);
    assert_eq!(record["Queue"]["Name"], "Overflow");
    assert_eq!(record["Queue"]["Duration"], 20, "an answer ends the wait, also without Dequeued");
    assert_eq!(record["Agent"]["AgentInteractionDuration"], 60, "the end of the contact ends the talk");
    assert_eq!(json(&events, 2)["NextContactId"], C3);
}

#[test]
fn an_inherited_hold_is_booked_on_the_agent_who_ends_it() {
    let events = events(&[
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, agent("agent1")),
        ("10:00:00", 1, InteractionStarted),
        ("10:01:00", 1, held()),
        ("10:01:00", 1, next(2)),
        ("10:01:00", 2, initiated(InitiationMethod::Transfer, Some(1), Some(1), "+4930111", "")),
        ("10:01:10", 2, agent("agent2")),
        ("10:01:20", 1, disconnected(Reason::AgentDisconnect)),
        ("10:01:20", 1, Completed),
        ("10:02:00", 2, resumed(60_000)),
        ("10:02:00", 2, InteractionStarted),
        ("10:03:00", 2, disconnected(Reason::CustomerDisconnect)),
        ("10:03:00", 2, Completed),
    ]);
    let holds = |number| {
        let agent = record(&events, number).agent.unwrap();
        (agent.agent_interaction_duration, agent.customer_hold_duration, agent.number_of_holds)
    };
    assert_eq!(holds(1), (60, 0, 0));
    assert_eq!(holds(2), (60, 60, 1));
}

#[test]
fn a_customer_who_hangs_up_on_hold_ends_the_hold_once() {
    let hang_up = ("10:01:30", 1, disconnected(Reason::CustomerDisconnect));
    let told = ("10:01:30", 1, resumed(30_000));
    let ends = [vec![hang_up.clone()], vec![told.clone(), hang_up.clone()], vec![hang_up, told]];
    for end in ends {
        let begin = [
            ("10:00:00", 1, inbound("+4930111", "+4940222")),
            ("10:00:00", 1, agent("agent1")),
            ("10:00:00", 1, InteractionStarted),
            ("10:01:00", 1, held()),
        ];
        let agent = record(&events(&[begin.to_vec(), end].concat()), 1).agent.unwrap();
        let seen = (agent.agent_interaction_duration, agent.customer_hold_duration, agent.number_of_holds);
        assert_eq!(seen, (60, 30, 1));
    }
}

#[test]
fn a_consulted_agent_who_never_met_the_customer_has_no_interaction() {
    let events = events(&[
        ("10:00:00", 1, initiated(InitiationMethod::Transfer, Some(9), Some(9), "+4930111", "")),
        ("10:00:10", 1, agent("agent2")),
        ("10:01:30", 1, disconnected(Reason::AgentDisconnect)),
        ("10:01:30", 1, AcwStarted),
        ("10:01:31", 1, Completed),
    ]);
    assert_eq!(record(&events, 1).agent.unwrap().agent_interaction_duration, 0);
}

#[test]
fn legs_attributes_and_timeline_are_told_to_the_millisecond() {
    let events = events(&[
        ("10:00:00.001", 1, inbound("sip:ada@example.org", "+4940222")),
        ("10:00:01.250", 1, agent("agent1")),
        ("10:00:02", 1, EventKind::Digits { connection_id: CUSTOMER, count: 4 }),
        ("10:00:03", 1, attributes(&[("case", "4711")])),
        ("10:15:00", 1, leg(PartyRole::Customer, "carrier", 438)),
        ("10:15:00.999", 1, disconnected(Reason::CustomerDisconnect)),
        ("10:15:01", 1, Completed),
    ]);
    let record = serde_json::to_value(record(&events, 1)).unwrap();
    assert_eq!(record["InitiationTimestamp"], "2026-03-02T10:00:00Z");
    assert_eq!(record["CustomerEndpoint"]["Type"], "VOIP");
    assert_eq!(record["Attributes"], json!({"case": "4711"}));
    assert_eq!(
        record["QualityMetrics"],
        json!({"Customer": {"Audio": {"QualityScore": 4.38, "PotentialQualityIssues": ["HighPacketLoss"]}}})
    );
    assert_eq!(
        record["Baton"],
        json!({
            "Revision": 0,
            "Legs": [{
                "ConnectionId": 1, "Role": "CUSTOMER", "CallId": "carrier@example", "Device": "carrier", "Codec": "PCMU",
                "StartTimestamp": "2026-03-02T10:00:00.000Z", "AnswerTimestamp": "2026-03-02T10:00:01.250Z",
                "EndTimestamp": "2026-03-02T10:15:00.000Z", "PacketsReceived": 9700, "PacketsSent": 10000,
                "PacketsLost": 300, "LossPercent": 3.0, "JitterMs": 1.25, "Mos": 4.38
            }],
            "Timeline": [
                {"Timestamp": "2026-03-02T10:00:00.001Z", "Sequence": 1, "Event": "INITIATED", "Detail": "INBOUND"},
                {"Timestamp": "2026-03-02T10:00:01.250Z", "Sequence": 2, "Event": "CONNECTED_TO_AGENT", "Agent": "agent1"},
                {"Timestamp": "2026-03-02T10:00:02.000Z", "Sequence": 3, "Event": "DIGITS", "ConnectionId": 1, "Count": 4},
                {"Timestamp": "2026-03-02T10:00:03.000Z", "Sequence": 4, "Event": "CONTACT_DATA_UPDATED"},
                {"Timestamp": "2026-03-02T10:15:00.999Z", "Sequence": 6, "Event": "DISCONNECTED",
                    "Detail": "CUSTOMER_DISCONNECT"},
                {"Timestamp": "2026-03-02T10:15:01.000Z", "Sequence": 7, "Event": "COMPLETED"}
            ]
        })
    );
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    for number in 1..=3 {
        let written = serde_json::to_string(&record(&chain_a(), number)).unwrap();
        let read: baton_store::Record = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }
}
