//! What cannot be read or is out of bounds, and what stands around every answer.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use std::time::Duration;

use support::{Api, CONTACT, OPERATOR, request};

#[tokio::test]
async fn unknown_paths_methods_and_parameters_are_named() {
    let api = Api::new();
    assert_eq!(api.get("/api/v1/nothing", OPERATOR).await.problem(), (404, "not-found"));
    assert_eq!(api.get("/nothing", "").await.problem(), (404, "not-found"));
    let method = api.ask("PATCH", "/api/v1/records", OPERATOR, "").await;
    assert_eq!((method.problem(), method.header("allow")), ((405, "method-not-allowed"), "GET,HEAD"));
    let unknown = api.get("/api/v1/records?afetr=3", OPERATOR).await;
    assert_eq!(unknown.problem(), (400, "unknown-parameter"));
    assert_eq!(unknown.json["field"], "afetr");
    assert_eq!(unknown.json["detail"], "unknown query parameter \"afetr\"; this path takes after, limit");
    assert_eq!(api.get("/healthz?x", "").await.problem(), (400, "unknown-parameter"));
    let token = api.get("/api/v1/events?token=secret", "").await;
    assert_eq!(token.problem(), (400, "unknown-parameter"));
    assert!(token.json["detail"].as_str().unwrap().contains("ends in logs"));
}

#[tokio::test]
async fn wrong_queries_name_the_parameter() {
    let api = Api::new();
    for query in ["limit=x", "limit=0", "limit=1001", "limit=-1", "after=-1", "after=1.5", "limit=1&limit=2"] {
        let answer = api.get(&format!("/api/v1/records?{query}"), OPERATOR).await;
        assert_eq!(answer.problem(), (400, "malformed"), "{query}");
    }
    assert_eq!(api.get("/api/v1/records?limit=x", OPERATOR).await.json["field"], "limit");
    assert_eq!(api.get("/api/v1/records?after=18446744073709551615", OPERATOR).await.status, 200);
    let path = format!("/api/v1/contacts/{CONTACT}/ladder?format=xml");
    assert_eq!(api.get(&path, OPERATOR).await.problem(), (400, "malformed"));
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let api = Api::new();
    for path in ["contacts/x", "contacts/1/record", "contacts/%ff", "conversations/0", "contacts/%00/ladder"] {
        let answer = api.get(&format!("/api/v1/{path}"), OPERATOR).await;
        assert!(matches!(answer.problem().0, 400 | 404), "{path}: {}", answer.text);
    }
    for party in ["x", "-1", "18446744073709551616"] {
        let path = format!("/api/v1/contacts/{CONTACT}/connections/{party}/hold");
        assert_eq!(api.ask("POST", &path, OPERATOR, "").await.problem(), (404, "not-found"), "{party}");
    }
    assert_eq!(api.commands(), []);
}

#[tokio::test]
async fn wrong_bodies_are_named_by_place() {
    let api = Api::new();
    let contact = format!("contacts/{CONTACT}");
    let long = "9".repeat(129);
    let cases = [
        ("POST", "/connections", "{".to_owned(), (400, "malformed")),
        ("POST", "/connections", "{}}".into(), (400, "malformed")),
        ("POST", "/connections", "[]".into(), (422, "invalid")),
        ("POST", "/connections", "{}".into(), (422, "invalid")),
        ("POST", "/connections", r#"{"phoneNumber":"1","agent":"ben"}"#.into(), (422, "invalid")),
        ("POST", "/connections", r#"{"phoneNumber":""}"#.into(), (422, "invalid")),
        ("POST", "/connections", format!(r#"{{"phoneNumber":"{long}"}}"#), (422, "invalid")),
        ("POST", "/connections", r#"{"phoneNumber":"1","mode":"warm"}"#.into(), (422, "invalid")),
        ("POST", "/connections", r#"{"phoneNumbr":"1"}"#.into(), (422, "invalid")),
        ("POST", "/connections/7/digits", r#"{"digits":""}"#.into(), (422, "invalid")),
        ("POST", "/connections/7/digits", r#"{"digits":"12x"}"#.into(), (422, "invalid")),
        ("POST", "/connections/7/digits", r#"{"digits":"１"}"#.into(), (422, "invalid")),
        ("POST", "/connections/7/digits", format!(r#"{{"digits":"{}"}}"#, "1".repeat(33)), (422, "invalid")),
        ("PUT", "/attributes", r#"{"attributes":{"ä":"x"}}"#.into(), (422, "invalid")),
        ("PUT", "/attributes", r#"{"attributes":{"":"x"}}"#.into(), (422, "invalid")),
        ("PUT", "/attributes", r#"{"attributes":{"a":1}}"#.into(), (422, "invalid")),
        ("PUT", "/attributes", format!(r#"{{"attributes":{{"a":"{}"}}}}"#, "x".repeat(32 * 1024)), (422, "invalid")),
    ];
    for (method, path, body, expected) in cases {
        let answer = api.ask(method, &format!("/api/v1/{contact}{path}"), OPERATOR, &body).await;
        assert_eq!(answer.problem(), expected, "{body}");
    }
    assert_eq!(api.commands(), [], "nothing of it reached the core");
    let body = "{\n  \"attributes\": {\"a\": 1}\n}";
    let answer = api.ask("PUT", &format!("/api/v1/{contact}/attributes"), OPERATOR, body).await;
    assert_eq!((&answer.json["line"], &answer.json["field"]), (&2.into(), &"attributes.a".into()));
}

#[tokio::test]
async fn a_status_is_one_to_127_characters() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    for (status, expected) in [("", 422), (&*"ü".repeat(127), 200), (&*"x".repeat(128), 422)] {
        let body = serde_json::json!({ "status": status }).to_string();
        assert_eq!(api.ask("PUT", "/api/v1/agents/me/status", &anna, &body).await.status, expected);
    }
}

#[tokio::test]
async fn bodies_are_json_and_bounded() {
    let api = Api::new();
    let path = format!("/api/v1/contacts/{CONTACT}/connections");
    let body = r#"{"phoneNumber":"1"}"#;
    for media_type in ["text/plain", "", "application/jsonx", "application/x-www-form-urlencoded"] {
        let request = request("POST", &path, OPERATOR, body, &[("content-type", media_type)]);
        assert_eq!(api.send(request).await.problem(), (415, "media-type"), "{media_type}");
    }
    let request = request("POST", &path, OPERATOR, body, &[("content-type", "Application/JSON; charset=utf-8")]);
    assert_eq!(api.send(request).await.status, 200);
    let spaces = |count: usize| format!("{body}{}", " ".repeat(count - body.len()));
    assert_eq!(api.ask("POST", &path, OPERATOR, &spaces(64 * 1024)).await.status, 200);
    assert_eq!(api.ask("POST", &path, OPERATOR, &spaces(64 * 1024 + 1)).await.problem(), (413, "too-large"));
    let keyed = api.keyed("k", "POST", &path, OPERATOR, &spaces(64 * 1024 + 1)).await;
    assert_eq!(keyed.problem(), (413, "too-large"));
    let nested = format!(r#"{{"attributes":{}"#, "[".repeat(50_000));
    let path = format!("/api/v1/contacts/{CONTACT}/attributes");
    assert_eq!(api.ask("PUT", &path, OPERATOR, &nested).await.status.as_u16() / 100, 4);
}

#[tokio::test]
async fn a_core_that_does_not_answer_is_not_waited_for() {
    let api = Api::with(|config| config.limits.request_timeout = Duration::from_millis(20));
    *api.calls.hang.lock().unwrap() = true;
    assert_eq!(api.get("/api/v1/queues", OPERATOR).await.problem(), (504, "timeout"));
}

#[tokio::test]
async fn every_answer_has_its_id_and_is_kept_by_nobody() {
    let api = Api::new();
    let mut ids = Vec::new();
    for (path, token) in [("/healthz", ""), ("/nothing", ""), ("/api/v1/queues", OPERATOR), ("/api/v1/queues", "")] {
        let answer = api.get(path, token).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(answer.header("access-control-allow-origin"), "", "no other site may read it");
        ids.push(answer.header("x-request-id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}
