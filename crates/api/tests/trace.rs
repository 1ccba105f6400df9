//! Live SIP messages over HTTP: whose are wanted, what is lost, when it ends.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use axum::body::Body;
use axum::http::Request;
use baton_contact::ContactId;
use baton_contact::trace::TraceMessage;
use futures_util::StreamExt;
use support::{Api, OPERATOR};
use tower::ServiceExt;

fn message(number: u64, trunk: Option<&str>, contact: Option<ContactId>) -> TraceMessage {
    TraceMessage {
        at_us: number,
        received: true,
        transport: "udp".into(),
        remote: "192.0.2.9:5060".into(),
        trunk: trunk.map(str::to_owned),
        phone: None,
        contact_ids: contact.into_iter().collect(),
        call_id: format!("call{}", number / 10),
        message: "OPTIONS".into(),
    }
}

/// The lines that a trace gives for these messages until the hub is closed.
async fn lines(query: &str, messages: Vec<TraceMessage>) -> Vec<serde_json::Value> {
    let api = Api::new();
    let request = Request::get(format!("/api/v1/trace{query}")).header("Authorization", format!("Bearer {OPERATOR}"));
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let hub = &api.services.trace;
    assert!(hub.is_heard());
    let expected = messages.len();
    messages.into_iter().for_each(|message| hub.tell(message));
    let mut body = response.into_body().into_data_stream();
    let mut text = Vec::new();
    let reading = async {
        while let Some(bytes) = body.next().await {
            text.extend_from_slice(&bytes.unwrap());
        }
    };
    let closing = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        hub.close();
    };
    tokio::join!(reading, closing);
    drop(body);
    assert!(!hub.is_heard(), "nobody listens any more ({expected} messages)");
    String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_trunks_messages_are_told_and_no_others() {
    let told =
        lines("?trunk=pbx", vec![message(1, Some("pbx"), None), message(2, None, None), message(3, Some("x"), None)]);
    let told = told.await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["atUs"], &told[0]["trunk"]), (&1.into(), &"pbx".into()));
}

#[tokio::test]
async fn the_end_of_a_contacts_call_is_told_though_it_names_no_contact_any_more() {
    let contact = ContactId(7);
    let messages = vec![
        message(1, None, Some(ContactId(8))),
        message(11, None, Some(contact)),
        message(12, None, None),
        message(21, None, None),
    ];
    let told = lines(&format!("?contact={contact}"), messages).await;
    let numbers: Vec<_> = told.iter().map(|line| line["atUs"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [11, 12]);
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_how_many_are_lost() {
    let told = lines("", (0..1_100).map(|number| message(number, None, None)).collect()).await;
    assert_eq!(told.len(), 1 + 1_024);
    assert_eq!(told[0]["lost"], 76);
    assert_eq!(told[1]["atUs"], 76);
}

#[tokio::test]
async fn an_unknown_trunk_or_phone_is_said_so_and_agents_may_not_listen() {
    let api = Api::new();
    for query in ["?trunk=nowhere", "?phone=nobody"] {
        assert_eq!(api.get(&format!("/api/v1/trace{query}"), OPERATOR).await.problem(), (404, "not-found"), "{query}");
    }
    let ben = api.log_in("ben").await;
    assert_eq!(api.get("/api/v1/trace", &ben).await.problem(), (403, "not-allowed"));
    assert!(!api.services.trace.is_heard());
}
