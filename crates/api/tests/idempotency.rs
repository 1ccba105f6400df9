//! `Idempotency-Key`: what was answered is not done again.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use std::time::Duration;

use baton_contact::command::RefusalKind;
use support::{Api, OPERATOR, advance_ms};

const DIAL: &str = "/api/v1/contacts";
const BODY: &str = r#"{"phoneNumber":"123","from":"anna"}"#;

#[tokio::test]
async fn the_same_request_is_answered_alike_and_done_once() {
    let api = Api::new();
    let first = api.keyed("k1", "POST", DIAL, OPERATOR, BODY).await;
    let again = api.keyed("k1", "POST", DIAL, OPERATOR, BODY).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!((first.status.as_u16(), again.header("location")), (201, first.header("location")));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(api.commands().len(), 1);
    assert_eq!(api.keyed("k2", "POST", DIAL, OPERATOR, BODY).await.status, 201);
    assert_eq!(api.ask("POST", DIAL, OPERATOR, BODY).await.status, 201);
    assert_eq!(api.commands().len(), 2, "another key, and none");
}

#[tokio::test]
async fn a_refusal_is_repeated_too() {
    let api = Api::new();
    api.refuse(RefusalKind::WrongState);
    let first = api.keyed("k", "POST", DIAL, OPERATOR, BODY).await;
    *api.calls.refuse.lock().unwrap() = None;
    let again = api.keyed("k", "POST", DIAL, OPERATOR, BODY).await;
    assert_eq!((again.problem(), &again.text), ((409, "wrong-state"), &first.text));
}

#[tokio::test]
async fn a_key_belongs_to_one_request_and_one_user() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let ben = api.log_in("ben").await;
    let body = r#"{"phoneNumber":"123"}"#;
    assert_eq!(api.keyed("k", "POST", DIAL, &anna, body).await.status, 201);
    let other_body = api.keyed("k", "POST", DIAL, &anna, r#"{"phoneNumber":"124"}"#).await;
    assert_eq!(other_body.problem(), (422, "idempotency-key-reused"));
    let other_path = api.keyed("k", "PUT", "/api/v1/agents/me/status", &anna, body).await;
    assert_eq!(other_path.problem(), (422, "idempotency-key-reused"));
    assert_eq!(api.keyed("k", "POST", DIAL, &ben, body).await.status, 201, "another user's");
    assert_eq!(api.commands().len(), 2);
    assert_eq!(api.keyed("k", "POST", DIAL, "", body).await.problem(), (401, "unauthorized"));
}

#[tokio::test]
async fn what_was_not_done_is_tried_again() {
    let api = Api::new();
    api.refuse(RefusalKind::Draining);
    assert_eq!(api.keyed("k", "POST", DIAL, OPERATOR, BODY).await.status, 503);
    *api.calls.refuse.lock().unwrap() = None;
    assert_eq!(api.keyed("k", "POST", DIAL, OPERATOR, BODY).await.status, 201);
}

#[tokio::test]
async fn a_request_in_progress_is_not_doubled_and_outlives_its_client() {
    let api = Api::with(|config| config.limits.request_timeout = Duration::from_millis(100));
    *api.calls.hang.lock().unwrap() = true;
    let gone = tokio::time::timeout(Duration::from_millis(5), api.keyed("k", "POST", DIAL, OPERATOR, BODY)).await;
    assert!(gone.is_err());
    let second = api.keyed("k", "POST", DIAL, OPERATOR, BODY).await;
    assert_eq!((second.problem(), second.header("retry-after")), ((409, "in-progress"), "1"));
    // A time-out says nothing about what was done, so it is no answer to keep.
    assert_eq!(api.keyed("k2", "POST", DIAL, OPERATOR, BODY).await.problem(), (504, "timeout"));
    assert_eq!(api.keyed("k2", "POST", DIAL, OPERATOR, BODY).await.problem(), (409, "in-progress"));
    assert_eq!(api.commands().len(), 2);
    api.calls.go_on.notify_waiters();
    let answer = loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let answer = api.keyed("k", "POST", DIAL, OPERATOR, BODY).await;
        if answer.status != 409 {
            break answer;
        }
    };
    assert_eq!((answer.status.as_u16(), answer.header("idempotency-replayed")), (201, "true"));
    assert_eq!(api.commands().len(), 0, "nothing was done twice");
}

#[tokio::test]
async fn answers_are_forgotten_after_a_day_and_beyond_the_bounds() {
    let api = Api::with(|config| config.limits.idempotency_entries_max = 2);
    let replayed = async |key| {
        let answer = api.keyed(key, "POST", DIAL, OPERATOR, BODY).await;
        answer.header("idempotency-replayed") == "true"
    };
    for key in ["a", "b"] {
        assert!(!replayed(key).await);
    }
    assert!(replayed("a").await);
    assert!(!replayed("c").await);
    assert!(!replayed("a").await, "pushed out");
    advance_ms(24 * 3_600_000 - 1);
    assert!(replayed("a").await);
    advance_ms(1);
    assert!(!replayed("a").await);
}

#[tokio::test]
async fn the_bytes_of_answers_are_bounded() {
    let api = Api::with(|config| config.limits.idempotency_bytes_max = 10);
    for _ in 0..2 {
        let answer = api.keyed("k", "POST", DIAL, OPERATOR, BODY).await;
        assert_eq!((answer.status.as_u16(), answer.header("idempotency-replayed")), (201, ""));
    }
}

#[tokio::test]
async fn a_key_is_short_and_visible_and_means_nothing_to_questions_and_log_ins() {
    let api = Api::new();
    for key in ["", "ä", &"x".repeat(129)] {
        let answer = api.keyed(key, "POST", DIAL, OPERATOR, BODY).await;
        assert_eq!((answer.problem(), answer.json["field"].as_str()), ((400, "malformed"), Some("Idempotency-Key")));
    }
    assert_eq!(api.keyed("k", "GET", "/api/v1/queues", OPERATOR, "").await.header("idempotency-replayed"), "");
    let body = format!(r#"{{"username":"anna","password":"{}"}}"#, support::PASSWORD);
    let first = api.keyed("k", "POST", "/api/v1/sessions", "", &body).await;
    let second = api.keyed("k", "POST", "/api/v1/sessions", "", &body).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_ne!(first.json["token"], second.json["token"]);
}
