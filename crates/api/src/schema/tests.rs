//! The descriptions are held to the real types: each real value is read into its description and back.

use std::collections::BTreeMap;

use baton_contact::directory as real_directory;
use baton_contact::event as real_event;
use baton_contact::event::{DisconnectReason, EndpointAddress, EventKind, InitiationMethod, PartyRole, TransferType};
use baton_contact::snapshot as real_snapshot;
use baton_contact::snapshot::{AgentActivity, ConnectionState, ConnectionType, ContactState};
use baton_contact::{ConnectionId, ContactId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{directory, event, snapshot};

/// Reads a real value into its description and back.
fn same<Shape: Serialize + DeserializeOwned>(real: impl Serialize) {
    let sent = serde_json::to_value(real).unwrap();
    let shape: Shape = serde_json::from_value(sent.clone()).unwrap_or_else(|error| panic!("{error}: {sent}"));
    assert_eq!(serde_json::to_value(shape).unwrap(), sent);
}

fn all<Shape: Serialize + DeserializeOwned>(reals: impl IntoIterator<Item = impl Serialize>) {
    reals.into_iter().for_each(same::<Shape>);
}

#[test]
fn enumerations_are_the_real_ones() {
    use {ConnectionState as S, ConnectionType as T, ContactState as C, DisconnectReason as D, InitiationMethod as M};
    all::<snapshot::ConnectionType>([T::Agent, T::Inbound, T::Outbound, T::ThirdParty, T::Monitor]);
    all::<snapshot::ConnectionState>([
        S::Queued,
        S::Offered,
        S::Ringing,
        S::EarlyMedia,
        S::Whispering,
        S::Connected,
        S::Hold,
        S::SilentMonitor,
        S::Whisper,
        S::Barge,
        S::Disconnected,
    ]);
    all::<snapshot::ContactState>([
        C::Queued,
        C::Incoming,
        C::Connecting,
        C::Connected,
        C::Acw,
        C::Missed,
        C::Completed,
    ]);
    use AgentActivity as A;
    all::<snapshot::AgentActivity>([A::Unreachable, A::Idle, A::Offered, A::OnContact, A::Acw, A::Missed]);
    all::<event::InitiationMethod>([
        M::Inbound,
        M::Outbound,
        M::Transfer,
        M::QueueTransfer,
        M::Callback,
        M::ExternalOutbound,
        M::Api,
        M::Disconnect,
        M::Monitor,
    ]);
    all::<event::DisconnectReason>([
        D::CustomerDisconnect,
        D::AgentDisconnect,
        D::ThirdPartyDisconnect,
        D::TelecomBusy,
        D::TelecomNumberInvalid,
        D::TelecomPotentialBlocking,
        D::TelecomUnanswered,
        D::TelecomTimeout,
        D::TelecomOriginatorCancel,
        D::TelecomProblem,
        D::ContactFlowDisconnect,
        D::Other,
    ]);
    use TransferType as X;
    all::<event::TransferType>([
        X::Cold,
        X::WarmConsult,
        X::WarmConference,
        X::ConsultOnly,
        X::ConferenceOnly,
        X::Failed,
    ]);
    all::<event::PartyRole>([PartyRole::Customer, PartyRole::Agent, PartyRole::ThirdParty]);
    use real_directory::{
        OnAgentHangup, OnRingingHangup, OnTargetFailure, QueueFull, QuickConnectType, ReferPolicy, TrunkTransport,
    };
    use real_directory::{TransferPolicy, TrombonePolicy};
    all::<directory::QueueFull>([QueueFull::Busy, QueueFull::Unavailable]);
    all::<directory::OnTargetFailure>([OnTargetFailure::Hold, OnTargetFailure::AutoResume]);
    all::<directory::OnAgentHangup>([OnAgentHangup::End, OnAgentHangup::Recall]);
    all::<directory::OnRingingHangup>([OnRingingHangup::Transfer, OnRingingHangup::Recall]);
    use real_directory::RecallStage;
    all::<directory::RecallStage>([RecallStage::Transferor, RecallStage::Queue, RecallStage::Prompt]);
    all::<directory::QuickConnectType>([
        QuickConnectType::User,
        QuickConnectType::Queue,
        QuickConnectType::PhoneNumber,
    ]);
    all::<directory::trunk::TrunkTransport>([
        TrunkTransport::Udp,
        TrunkTransport::Tcp,
        TrunkTransport::Tls,
        TrunkTransport::Auto,
    ]);
    use real_directory::{
        AudioCodec, CallHistory, CallerIdHeader, EarlyMedia, HistoryOfOthers, HoldSignal, NumberFormat,
    };
    use real_directory::{RedirectPolicy, Ringing, Unprefixed};
    all::<directory::trunk::RedirectPolicy>([RedirectPolicy::Follow, RedirectPolicy::Pass, RedirectPolicy::Refuse]);
    use real_directory::Supervision as V;
    all::<directory::Supervision>([V::SilentMonitor, V::Whisper, V::Barge, V::TakeOver]);
    all::<directory::Ringing>([Ringing::Parallel, Ringing::Serial]);
    all::<directory::trunk::AudioCodec>([AudioCodec::Pcmu, AudioCodec::Pcma]);
    all::<directory::trunk::CallerIdHeader>([CallerIdHeader::Pai, CallerIdHeader::Rpid, CallerIdHeader::From]);
    all::<directory::trunk::EarlyMedia>([EarlyMedia::Pass, EarlyMedia::Ringback, EarlyMedia::Ignore]);
    use NumberFormat as F;
    all::<directory::trunk::HoldSignal>([
        HoldSignal::None,
        HoldSignal::SendOnly,
        HoldSignal::Inactive,
        HoldSignal::ZeroAddress,
    ]);
    all::<directory::trunk::HistoryOfOthers>([HistoryOfOthers::Pass, HistoryOfOthers::Hide]);
    all::<directory::trunk::CallHistory>([
        CallHistory::AsReceived,
        CallHistory::None,
        CallHistory::Diversion,
        CallHistory::HistoryInfo,
        CallHistory::Both,
    ]);
    all::<directory::trunk::NumberFormat>([F::E164, F::Digits, F::International, F::National]);
    all::<directory::trunk::Unprefixed>([Unprefixed::AsIs, Unprefixed::International, Unprefixed::National]);
    use ReferPolicy::{Convert, Pass, Refuse, Terminate};
    all::<directory::trunk::ReferPolicy>([Terminate, Pass, Convert, Refuse]);
    all::<directory::trunk::TransferPolicy>([TransferPolicy::Bridge, TransferPolicy::Refer]);
    all::<directory::trunk::TrombonePolicy>([TrombonePolicy::Keep, TrombonePolicy::Release]);
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn contact() -> real_snapshot::ContactSnapshot {
    let connection = real_snapshot::ConnectionSnapshot {
        connection_id: ConnectionId(7),
        contact_id: ContactId(1),
        kind: ConnectionType::ThirdParty,
        initial: true,
        state: ConnectionState::EarlyMedia,
        muted: true,
        address: "+49301".to_owned(),
        name: "Bank".to_owned(),
        agent: some("anna"),
        outcome: some("busy"),
        sip_status: Some(486),
        whispers_to: Some(ConnectionId(8)),
        since_ms: 5,
    };
    real_snapshot::ContactSnapshot {
        contact_id: ContactId(1),
        initial_contact_id: Some(ContactId(2)),
        previous_contact_id: Some(ContactId(3)),
        next_contact_id: None,
        revision: 4,
        initiation_method: InitiationMethod::ExternalOutbound,
        state: ContactState::Acw,
        since_ms: 5,
        agent: some("anna"),
        queue: some("Support"),
        customer: some("+49302"),
        recall: Some(real_snapshot::RecallSnapshot {
            from_contact_id: ContactId(3),
            target: "Bank".to_owned(),
            outcome: "busy".to_owned(),
            sip_status: Some(486),
        }),
        connections: vec![connection],
        controls: vec!["holdAll".to_owned()],
        attributes: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    }
}

#[test]
fn snapshots_are_the_real_ones() {
    same::<snapshot::ContactSnapshot>(contact());
    same::<snapshot::AgentSnapshot>(real_snapshot::AgentSnapshot {
        username: "anna".to_owned(),
        name: "Anna".to_owned(),
        revision: 1,
        status: "Available".to_owned(),
        next_status: some("Offline"),
        activity: AgentActivity::OnContact,
        routable: false,
        since_ms: 2,
        devices: 1,
        contacts: vec![contact()],
    });
    let connections = contact().connections;
    same::<snapshot::ConferenceView>(real_snapshot::ConferenceView {
        name: "room".to_owned(),
        numbers: vec!["800".to_owned()],
        max_parties: 3,
        ad_hoc: false,
        parties: 2,
        connections: connections.clone(),
    });
    same::<snapshot::CallSummary>(real_snapshot::CallSummary {
        contact_id: ContactId(1),
        conference: some("room"),
        since_ms: 2,
        connections,
    });
    let queue = real_snapshot::QueueView {
        name: "Support".to_owned(),
        waiting: 1,
        longest_wait_ms: 2,
        estimated_wait_ms: 3,
        agents_free: 4,
        agents_staffed: 5,
    };
    same::<snapshot::QueueView>(queue.clone());
    same::<snapshot::RegistrationView>(real_snapshot::RegistrationView {
        phone: "anna-1".to_owned(),
        agent: some("anna"),
        contact: "sip:anna-1@192.0.2.1".to_owned(),
        flow: "udp:192.0.2.1:5060".to_owned(),
        transport: "udp".to_owned(),
        instance: some("<urn:uuid:1>"),
        reg_id: Some(1),
        path: vec!["<sip:edge.example;lr>".to_owned()],
        expires_at_ms: 1,
        user_agent: some("x"),
    });
    same::<snapshot::SubscriptionView>(real_snapshot::SubscriptionView {
        subscription_id: 1,
        phone: "anna-1".to_owned(),
        agent: some("anna"),
        event: "dialog".to_owned(),
        watched: "sip:102@192.0.2.9".to_owned(),
        flow: "udp:192.0.2.1:5060".to_owned(),
        expires_at_ms: 2,
    });
    same::<snapshot::TraceMessage>(baton_contact::trace::TraceMessage {
        at_us: 1,
        received: true,
        transport: "udp".to_owned(),
        remote: "192.0.2.1:5060".to_owned(),
        trunk: some("pbx"),
        phone: some("anna-1"),
        contact_ids: vec![baton_contact::ContactId(1)],
        call_id: "x".to_owned(),
        message: "OPTIONS sip:a SIP/2.0\r\n\r\n".to_owned(),
    });
    same::<snapshot::BanView>(real_snapshot::BanView {
        address: "192.0.2.1".to_owned(),
        prefix: 32,
        reason: "scanner".to_owned(),
        since_ms: 1,
        until_ms: 2,
        count: 3,
    });
    let gateway = real_snapshot::GatewayView {
        address: "192.0.2.9:5060".to_owned(),
        priority: 1,
        weight: 2,
        up: true,
        monitored: true,
        last_status: Some(200),
        since_ms: 3,
    };
    let registration = real_snapshot::TrunkRegistrationView {
        registered: true,
        gateway: "192.0.2.9:5060".to_owned(),
        expires_at_ms: 4,
        last_status: Some(200),
    };
    same::<snapshot::TrunkView>(real_snapshot::TrunkView {
        name: "pbx".to_owned(),
        calls: 3,
        calls_in: 1,
        calls_out: 2,
        max_calls: 4,
        handed_back: 5,
        bridged_instead: 6,
        trombones: 7,
        gateways: vec![gateway],
        registration: Some(registration),
    });
    same::<snapshot::QuickConnectView>(real_snapshot::QuickConnectView {
        quick_connect_id: "x".to_owned(),
        name: "x".to_owned(),
        description: "y".to_owned(),
        kind: real_directory::QuickConnectType::PhoneNumber,
        phone_number: some("1"),
        activity: Some(AgentActivity::Idle),
        available: true,
        queue: Some(queue),
    });
}

fn leg() -> real_event::LegReport {
    real_event::LegReport {
        connection_id: ConnectionId(7),
        role: PartyRole::Agent,
        call_id: "a@b".to_owned(),
        device: "anna-1".to_owned(),
        user_agent: some("x"),
        codec: some("PCMA"),
        start_ms: 1,
        answer_ms: Some(2),
        end_ms: 3,
        packets_received: 4,
        packets_sent: 5,
        packets_lost: 6,
        jitter_us: 7,
        round_trip_us: 8,
        mos_x100: 441,
    }
}

/// One of each kind of event. A new kind does not compile here until it is named in [`is_listed`], next to this list.
fn events() -> Vec<EventKind> {
    let (connection_id, role, agent) = (ConnectionId(7), PartyRole::Customer, "anna".to_owned());
    let endpoint = EndpointAddress { address: "+49301".to_owned(), name: some("Bank") };
    let reason = DisconnectReason::TelecomBusy;
    vec![
        EventKind::Initiated {
            initial_contact_id: Some(ContactId(1)),
            previous_contact_id: Some(ContactId(2)),
            method: InitiationMethod::Transfer,
            customer_endpoint: Some(endpoint.clone()),
            system_endpoint: Some(endpoint.clone()),
            quick_connect: some("x"),
            recalled_from: Some(ContactId(3)),
        },
        EventKind::NextContact { next_contact_id: ContactId(4) },
        EventKind::ConnectedToSystem,
        EventKind::Queued { queue: "Support".to_owned(), personal: false },
        EventKind::Dequeued,
        EventKind::Offered { agent: agent.clone() },
        EventKind::Missed { agent: agent.clone(), reason: "timeout".to_owned() },
        EventKind::ConnectedToAgent { agent: agent.clone(), routing_profile: some("x") },
        EventKind::InteractionStarted,
        EventKind::InteractionEnded,
        EventKind::Held { connection_id, role },
        EventKind::Resumed { connection_id, role, held_ms: 5 },
        EventKind::Swapped,
        EventKind::Joined,
        EventKind::TargetRinging { connection_id },
        EventKind::Whispering { connection_id },
        EventKind::TargetFailed { target_contact_id: ContactId(5), reason, sip_status: 486, q850: Some(17) },
        EventKind::Transfer {
            transfer_type: TransferType::Cold,
            outcome: "completed".to_owned(),
            sip_status: 200,
            q850: Some(16),
            transferred_to: Some(endpoint),
            completed: true,
        },
        EventKind::LeavePending { until_ms: 5 },
        EventKind::LeaveUndone,
        EventKind::Left { by: "agent".to_owned() },
        EventKind::Muted { connection_id },
        EventKind::Unmuted { connection_id },
        EventKind::Recalled { agent, target: some("Bank"), outcome: some("busy") },
        EventKind::HoldReminder { held_ms: 30_000 },
        EventKind::Supervision { connection_id, mode: real_directory::Supervision::Whisper, to: Some(connection_id) },
        EventKind::Digits { connection_id, count: 3 },
        EventKind::Audio { connection_id, present: false },
        EventKind::LegEnded { leg: Box::new(leg()) },
        EventKind::Disconnected { reason, sip_status: 486, q850: None },
        EventKind::AcwStarted,
        EventKind::Completed,
        EventKind::ContactDataUpdated { attributes: BTreeMap::from([("a".to_owned(), "b".to_owned())]) },
    ]
}

fn is_listed(kind: &EventKind) -> bool {
    match kind {
        EventKind::Initiated { .. }
        | EventKind::NextContact { .. }
        | EventKind::ConnectedToSystem
        | EventKind::Queued { .. }
        | EventKind::Dequeued
        | EventKind::Offered { .. }
        | EventKind::Missed { .. }
        | EventKind::ConnectedToAgent { .. }
        | EventKind::InteractionStarted
        | EventKind::InteractionEnded
        | EventKind::Held { .. }
        | EventKind::Resumed { .. }
        | EventKind::Swapped
        | EventKind::Joined
        | EventKind::TargetRinging { .. }
        | EventKind::Whispering { .. }
        | EventKind::TargetFailed { .. }
        | EventKind::Transfer { .. }
        | EventKind::LeavePending { .. }
        | EventKind::LeaveUndone
        | EventKind::Left { .. }
        | EventKind::Muted { .. }
        | EventKind::Unmuted { .. }
        | EventKind::Recalled { .. }
        | EventKind::HoldReminder { .. }
        | EventKind::Supervision { .. }
        | EventKind::Digits { .. }
        | EventKind::Audio { .. }
        | EventKind::LegEnded { .. }
        | EventKind::Disconnected { .. }
        | EventKind::AcwStarted
        | EventKind::Completed
        | EventKind::ContactDataUpdated { .. } => true,
    }
}

#[test]
fn events_are_the_real_ones() {
    for kind in events() {
        assert!(is_listed(&kind));
        let (contact_id, root_contact_id) = (ContactId(1), ContactId(2));
        same::<event::ContactEvent>(real_event::ContactEvent {
            contact_id,
            root_contact_id,
            sequence: 1,
            at_ms: 2,
            kind,
        });
    }
}

#[test]
fn the_directory_is_the_real_one() {
    use real_directory::*;
    let phone = Phone { username: "anna-1".to_owned(), password: some("p"), ha1_md5: some("m"), ha1_sha256: some("s") };
    let user = User {
        username: "anna".to_owned(),
        name: "Anna".to_owned(),
        password: some("p"),
        password_hash: some("h"),
        admin: true,
        routing_profile: some("r"),
        security_profile: some("s"),
        extension: some("1"),
        auto_accept: true,
        acw_timeout_seconds: 1,
        phones: vec![phone],
        ring: Ringing::Serial,
        serial_seconds: 2,
    };
    let recall = RecallPolicy {
        ring_seconds: Some(5),
        transferor_seconds: Some(6),
        queue: some("q"),
        prompt: some("p"),
        ..RecallPolicy::default()
    };
    let queue = Queue {
        recall: Some(recall.clone()),
        extension: some("2"),
        outbound_caller_id: some("3"),
        outbound_caller_name: some("4"),
        caller_id: some("customer"),
        music: some("5"),
        quick_connects: vec!["x".to_owned()],
        ..Queue::default()
    };
    let profile = RoutingProfile {
        name: "r".to_owned(),
        default_outbound_queue: some("q"),
        queues: vec![ProfileQueue { queue: "q".to_owned(), priority: 1, delay_seconds: 2 }],
    };
    let quick_connect = QuickConnect {
        user: some("u"),
        queue: some("q"),
        phone_number: some("1"),
        caller_id: some("queue"),
        brief: some("b"),
        recall: Some(recall),
        ..QuickConnect::default()
    };
    let trunk = Trunk {
        gateways: vec![Gateway::default()],
        certificate_names: vec!["c".to_owned()],
        username: some("u"),
        password: some("p"),
        inbound_username: some("i"),
        inbound_password: some("j"),
        register: Some(Register { aor: "sip:a@b".to_owned(), expires_seconds: 60 }),
        numbers: Some(NumberPlan {
            country: some("DE"),
            national_prefix: some("0"),
            international_prefix: some("00"),
            ..NumberPlan::default()
        }),
        codecs: vec![AudioCodec::Pcma],
        ptime: Some(20),
        security_profile: some("s"),
        max_calls_in: Some(1),
        max_calls_out: Some(2),
        calls_per_second: Some(3),
        ..Trunk::default()
    };
    let number = Number {
        queue: some("q"),
        user: some("u"),
        conference: some("c"),
        conference_factory: some("f"),
        ..Number::default()
    };
    let security_profile = SecurityProfile {
        dial: Some(Vec::new()),
        transfer: Some(Vec::new()),
        max_outbound_calls: Some(1),
        max_outbound_seconds: Some(60),
        max_transfers: Some(2),
        supervise: vec![Supervision::Barge],
        moderate: Some(false),
        ..SecurityProfile::default()
    };
    same::<directory::Directory>(Directory {
        users: vec![user, User::default()],
        queues: vec![queue, Queue::default()],
        routing_profiles: vec![profile, RoutingProfile::default()],
        quick_connects: vec![quick_connect, QuickConnect::default()],
        trunks: vec![trunk, Trunk::default()],
        numbers: vec![number, Number::default()],
        routes: vec![Route::default()],
        conferences: vec![Conference::default()],
        destination_classes: vec![DestinationClass::default()],
        security_profiles: vec![security_profile, SecurityProfile::default()],
        feature_codes: FeatureCodes::default(),
    });
    let (table, entry) = ("users".to_owned(), "anna".to_owned());
    let (key, message) = ("name".to_owned(), "wrong".to_owned());
    same::<directory::DirectoryError>(DirectoryError { table, entry, key, message, hint: some("right") });
}
