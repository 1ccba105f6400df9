//! Each endpoint's happy path, and each way in which the core refuses.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use baton_api::CallError;
use baton_contact::command::{AddMode, Command, Control, Query, RefusalKind, Target, Watched};
use baton_contact::directory::Supervision;
use baton_contact::{ConnectionId, ContactId};
use support::{Api, CONTACT, OPERATOR, OTHER};

fn control_of(control: Control) -> Command {
    Command::Control { agent: Some("anna".into()), contact: ContactId(1), control }
}

#[tokio::test]
async fn every_control_reaches_the_core_and_answers_with_the_contact() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let party = ConnectionId(7);
    let add = |target, mode| Control::Add { target, mode };
    let cases = [
        ("accept", "", Control::Accept),
        ("reject", "", Control::Reject),
        ("clear", "", Control::Clear),
        ("hold", "", Control::Hold),
        ("resume", "", Control::Resume),
        ("swap", "", Control::Swap),
        ("join", "", Control::Join),
        ("leave", "", Control::Leave),
        ("undo", "", Control::Undo),
        ("hold-all", "", Control::HoldAll),
        ("end", "", Control::End),
        ("connections/7/hold", "", Control::HoldConnection(party)),
        ("connections/7/resume", "", Control::ResumeConnection(party)),
        ("connections/7/swap", "", Control::SwapTo(party)),
        ("connections/7/join", "", Control::JoinConnection(party)),
        ("connections/7/mute", "", Control::Mute(party)),
        ("connections/7/unmute", "", Control::Unmute(party)),
        ("connections/7/drop", "", Control::Drop(party)),
        (
            "connections/7/digits",
            r##"{"digits":"12*#A"}"##,
            Control::SendDigits { connection: party, digits: "12*#A".into() },
        ),
        (
            "connections",
            r#"{"quickConnectId":"Second line","mode":"blind"}"#,
            add(Target::QuickConnect("Second line".into()), AddMode::Blind),
        ),
        ("connections", r#"{"phoneNumber":"+49301"}"#, add(Target::PhoneNumber("+49301".into()), AddMode::Consult)),
        ("connections", r#"{"agent":"ben","mode":"consult"}"#, add(Target::Agent("ben".into()), AddMode::Consult)),
        ("connections", r#"{"queue":"Support"}"#, add(Target::Queue("Support".into()), AddMode::Consult)),
    ];
    for (path, body, control) in cases {
        let answer = api.ask("POST", &format!("/api/v1/contacts/{CONTACT}/{path}"), &anna, body).await;
        assert_eq!((answer.status.as_u16(), &answer.json["contactId"]), (200, &CONTACT.into()), "{path}");
        assert_eq!(api.commands(), [control_of(control)], "{path}");
    }
    let body = r#"{"attributes":{"ticket":"4711"}}"#;
    let answer = api.ask("PUT", &format!("/api/v1/contacts/{CONTACT}/attributes"), &anna, body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(api.commands(), [control_of(Control::SetAttributes([("ticket".into(), "4711".into())].into()))]);
}

#[tokio::test]
async fn an_agent_dials_and_an_administrator_dials_for_others() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let dial = |agent: &str| Command::Dial { agent: agent.into(), target: Target::PhoneNumber("123".into()) };
    let answer = api.ask("POST", "/api/v1/contacts", &anna, r#"{"phoneNumber":"123"}"#).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), "/api/v1/contacts/00000000-0000-0000-0000-000000000009");
    assert_eq!(api.commands(), [dial("anna")]);
    let for_ben = r#"{"phoneNumber":"123","from":"ben"}"#;
    assert_eq!(api.ask("POST", "/api/v1/contacts", &anna, for_ben).await.problem(), (403, "not-allowed"));
    assert_eq!(api.ask("POST", "/api/v1/contacts", OPERATOR, for_ben).await.status, 201);
    assert_eq!(api.commands(), [dial("ben")]);
    let nobody = api.ask("POST", "/api/v1/contacts", OPERATOR, r#"{"phoneNumber":"123"}"#).await;
    assert_eq!(nobody.problem(), (422, "invalid"));
}

#[tokio::test]
async fn a_supervisor_supervises_and_an_administrator_has_others_supervise() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let supervise = |watched, mode, to| Command::Supervise { supervisor: "anna".into(), watched, mode, to };
    let path = format!("/api/v1/contacts/{CONTACT}/monitor");
    let answer = api.ask("POST", &path, &anna, r#"{"mode":"WHISPER","to":7}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let contact = Watched::Contact(ContactId(1));
    assert_eq!(api.commands(), [supervise(contact, Supervision::Whisper, Some(ConnectionId(7)))]);
    let of_ben = "/api/v1/agents/ben/monitor";
    assert_eq!(api.ask("POST", of_ben, &anna, r#"{"mode":"BARGE"}"#).await.status, 200);
    assert_eq!(api.commands(), [supervise(Watched::Agent("ben".into()), Supervision::Barge, None)]);
    let by_anna = r#"{"mode":"SILENT_MONITOR","supervisor":"anna"}"#;
    assert_eq!(api.ask("POST", of_ben, OPERATOR, by_anna).await.status, 200);
    assert_eq!(api.commands(), [supervise(Watched::Agent("ben".into()), Supervision::SilentMonitor, None)]);
    let by_ben = r#"{"mode":"SILENT_MONITOR","supervisor":"ben"}"#;
    assert_eq!(api.ask("POST", of_ben, &anna, by_ben).await.problem(), (403, "not-allowed"));
    assert_eq!(api.ask("POST", of_ben, OPERATOR, r#"{"mode":"BARGE"}"#).await.problem(), (422, "invalid"));
    assert_eq!(api.ask("POST", of_ben, &anna, r#"{"mode":"LISTEN"}"#).await.status, 422);
    assert!(api.commands().is_empty());
}

#[tokio::test]
async fn questions_are_answered() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let cases = [
        ("agents/me", anna.as_str(), "/username", r#""anna""#),
        ("agents/me/quick-connects", &anna, "/quickConnects/0/quickConnectId", r#""Second line""#),
        ("contacts/00000000-0000-0000-0000-000000000001", &anna, "/revision", "4"),
        ("contacts/00000000-0000-0000-0000-000000000001/record", &anna, "/Agent/Username", r#""anna""#),
        (
            "contacts/00000000-0000-0000-0000-000000000001/ladder",
            &anna,
            "/events/1/eventType",
            r#""CONNECTED_TO_AGENT""#,
        ),
        ("conversations/00000000-0000-0000-0000-000000000001", &anna, "/records/1/Agent/Username", r#""ben""#),
        ("conversations/00000000-0000-0000-0000-000000000001", &anna, "/summary/Outcome", r#""COMPLETED""#),
        ("queues", &anna, "/queues/0/agentsFree", "5"),
        ("agents", OPERATOR, "/agents/1/username", r#""ben""#),
        ("calls", OPERATOR, "/calls/0/connections/0/sipStatus", "486"),
        ("registrations", OPERATOR, "/registrations/0/flow", r#""udp:192.0.2.1:5060""#),
        ("registrations", OPERATOR, "/registrations/0/regId", "1"),
        ("subscriptions", OPERATOR, "/subscriptions/0/watched", r#""sip:102@192.0.2.9""#),
        ("subscriptions", OPERATOR, "/nextCursor", "3"),
        ("subscriptions?after=1&limit=1", OPERATOR, "/subscriptions/0/subscriptionId", "3"),
        ("subscriptions?after=3", OPERATOR, "/nextCursor", "3"),
        ("trunks", OPERATOR, "/trunks/0/maxCalls", "10"),
        ("bans", OPERATOR, "/bans/0/untilMs", "300001"),
        ("records", OPERATOR, "/nextCursor", "20"),
        ("records?after=10&limit=5", OPERATOR, "/records/0/Agent/Username", r#""ben""#),
        ("records?after=20", OPERATOR, "/nextCursor", "20"),
        ("records?limit=1", OPERATOR, "/nextCursor", "10"),
    ];
    for (path, token, pointer, expected) in cases {
        let answer = api.get(&format!("/api/v1/{path}"), token).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let found = answer.json.pointer(pointer).map(ToString::to_string);
        assert_eq!(found.as_deref(), Some(expected), "{path} {pointer}");
    }
}

#[tokio::test]
async fn a_ladder_reads_as_text() {
    let api = Api::new();
    let path = format!("/api/v1/contacts/{CONTACT}/ladder?format=text");
    let answer = api.get(&path, OPERATOR).await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(answer.text.contains("0.001 s  CONNECTED_TO_AGENT   agent=\"anna\"\n"), "{}", answer.text);
}

#[tokio::test]
async fn a_status_is_chosen_and_a_phone_unregistered() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let answer = api.ask("PUT", "/api/v1/agents/me/status", &anna, r#"{"status":"Lunch"}"#).await;
    assert_eq!((answer.status.as_u16(), answer.json["status"].as_str()), (200, Some("Lunch")));
    assert_eq!(api.commands(), [Command::SetStatus { agent: "anna".into(), status: "Lunch".into() }]);
    let answer = api.ask("DELETE", "/api/v1/registrations/anna-1%20x", OPERATOR, "").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(api.commands(), [Command::Unregister { phone: "anna-1 x".into() }]);
}

#[tokio::test]
async fn a_ban_is_lifted_by_address() {
    let api = Api::new();
    for address in ["203.0.113.5", "2001:db8::7"] {
        let answer = api.ask("DELETE", &format!("/api/v1/bans/{address}"), OPERATOR, "").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(api.commands(), [Command::LiftBan { address: address.parse().unwrap() }]);
    }
    let answer = api.ask("DELETE", "/api/v1/bans/everybody", OPERATOR, "").await;
    assert_eq!(answer.problem(), (404, "not-found"));
    assert!(api.commands().is_empty());
}

#[tokio::test]
async fn each_refusal_has_its_status_and_shows_the_contact() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let cases = [
        (RefusalKind::NotFound, (404, "not-found")),
        (RefusalKind::NotAllowed, (403, "not-allowed")),
        (RefusalKind::NotPermitted, (403, "not-permitted")),
        (RefusalKind::WrongState, (409, "wrong-state")),
        (RefusalKind::Invalid, (422, "invalid")),
        (RefusalKind::NoRoute, (422, "no-route")),
        (RefusalKind::LimitReached, (409, "limit-reached")),
        (RefusalKind::Draining, (503, "draining")),
    ];
    for (refusal, expected) in cases {
        api.refuse(refusal);
        let answer = api.ask("POST", &format!("/api/v1/contacts/{CONTACT}/swap"), &anna, "").await;
        assert_eq!(answer.problem(), expected);
        assert_eq!(answer.json["detail"], "because");
        assert_eq!(answer.json["instance"], format!("/api/v1/contacts/{CONTACT}/swap"));
        // Whoever is no party of a contact is not shown it.
        let shown = if refusal == RefusalKind::NotAllowed { serde_json::Value::Null } else { 4.into() };
        assert_eq!(answer.json["snapshot"]["revision"], shown);
    }
    for (error, expected) in [(CallError::Overloaded, (503, "overloaded")), (CallError::Stopped, (503, "unavailable"))]
    {
        *api.calls.refuse.lock().unwrap() = Some(error);
        assert_eq!(api.get("/api/v1/agents/me", &anna).await.problem(), expected);
    }
}

#[tokio::test]
async fn agents_see_and_do_only_what_is_theirs() {
    let api = Api::new();
    let ben = api.log_in("ben").await;
    let paths = [
        format!("contacts/{CONTACT}"),
        format!("contacts/{CONTACT}/record"),
        format!("contacts/{CONTACT}/ladder"),
        "calls".into(),
        "registrations".into(),
        "subscriptions".into(),
        "trunks".into(),
        "bans".into(),
        "agents".into(),
        "records".into(),
        "directory".into(),
        "directory/users/anna".into(),
    ];
    for path in paths {
        assert_eq!(api.get(&format!("/api/v1/{path}"), &ben).await.problem(), (403, "not-allowed"), "{path}");
    }
    for (method, path) in [
        ("DELETE", "registrations/x"),
        ("DELETE", "bans/192.0.2.1"),
        ("PUT", "directory"),
        ("DELETE", "directory/users/anna"),
    ] {
        let answer = api.ask(method, &format!("/api/v1/{path}"), &ben, "").await;
        assert_eq!(answer.problem(), (403, "not-allowed"), "{path}");
    }
    assert_eq!(api.get(&format!("/api/v1/contacts/{OTHER}/record"), &ben).await.status, 200);
}

#[tokio::test]
async fn an_administrator_acts_as_itself_where_it_is_a_party_and_else_as_the_operator() {
    let api = Api::new();
    let swap = |agent: Option<&str>| Command::Control {
        agent: agent.map(str::to_owned),
        contact: ContactId(1),
        control: Control::Swap,
    };
    let path = format!("/api/v1/contacts/{CONTACT}/swap");
    let boss = api.log_in("boss").await;
    assert_eq!(api.ask("POST", &path, &boss, "").await.status, 200);
    assert_eq!(api.commands(), [Command::Query(Query::Contact(ContactId(1))), swap(None)]);
    assert_eq!(api.ask("POST", &path, OPERATOR, "").await.status, 200);
    assert_eq!(api.commands(), [swap(None)]);
    let mut directory = support::directory();
    directory.users[0].admin = true;
    api.directory.state.lock().unwrap().1 = directory.into();
    let anna = api.log_in("anna").await;
    assert_eq!(api.ask("POST", &path, &anna, "").await.status, 200);
    assert_eq!(api.commands(), [Command::Query(Query::Contact(ContactId(1))), swap(Some("anna"))]);
}

#[tokio::test]
async fn the_operator_is_no_agent() {
    let api = Api::new();
    for path in ["/api/v1/agents/me", "/api/v1/agents/me/quick-connects"] {
        assert_eq!(api.get(path, OPERATOR).await.problem(), (403, "not-allowed"));
    }
    assert_eq!(api.ask("DELETE", "/api/v1/sessions/current", OPERATOR, "").await.problem(), (403, "not-allowed"));
}

#[tokio::test]
async fn the_node_tells_of_itself_without_a_token() {
    let mut api = Api::new();
    assert_eq!(api.get("/healthz", "").await.text, "ok\n");
    assert_eq!(api.get("/readyz", "").await.text, "ready\n");
    let metrics = api.get("/metrics", "").await.text;
    assert!(metrics.starts_with("baton_calls 3\n"), "{metrics}");
    for name in ["events_kept", "events_kept_bytes", "answers_kept", "answers_kept_bytes", "trace_messages_kept"] {
        assert!(metrics.lines().any(|line| line == format!("baton_api_{name} 0")), "{name} is missing in\n{metrics}");
    }
    assert!(api.get("/", "").await.text.contains("panel is not there yet"));
    api.services.ready = std::sync::Arc::new(|| Err("the store is read-only".into()));
    let answer = support::send(&api.restarted(), support::request("GET", "/readyz", "", "", &[])).await;
    assert_eq!(
        (answer.problem(), answer.json["detail"].as_str()),
        ((503, "unavailable"), Some("the store is read-only"))
    );
}

#[tokio::test]
async fn an_unreadable_store_says_so_without_its_innards() {
    let api = Api::new();
    let answer = api.get("/api/v1/contacts/00000000-0000-0000-0000-000000000042/record", OPERATOR).await;
    assert_eq!(answer.problem(), (503, "unavailable"));
    assert!(!answer.text.contains("disk"));
}
