//! The directory, whole and by entry.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use baton_contact::directory::Directory;
use support::{Api, OPERATOR, request};

const ALL: &str = "/api/v1/directory";

#[tokio::test]
async fn it_is_shown_without_secrets_and_with_them_when_asked() {
    let api = Api::new();
    let answer = api.get(ALL, OPERATOR).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, "\"1\""));
    for secret in ["argon2", "ha1-of-anna", "trunk-secret"] {
        assert!(!answer.text.contains(secret), "{secret}");
        assert!(api.get("/api/v1/directory?secrets=true", OPERATOR).await.text.contains(secret), "{secret}");
    }
    let entry = api.get("/api/v1/directory/users/anna", OPERATOR).await;
    assert_eq!((entry.status.as_u16(), entry.json["username"].as_str()), (200, Some("anna")));
    assert!(!entry.text.contains("argon2") && !entry.text.contains("ha1-of-anna"));
    assert!(!api.get("/api/v1/directory/trunks/pbx", OPERATOR).await.text.contains("trunk-secret"));
}

#[tokio::test]
async fn what_was_read_can_be_put_back_and_changes_nothing() {
    let api = Api::new();
    let shown = api.get(ALL, OPERATOR).await.text;
    let answer = api.ask("PUT", ALL, OPERATOR, &shown).await;
    assert_eq!((answer.status.as_u16(), answer.json["changes"].as_array().map(Vec::len)), (200, Some(0)));
    assert_eq!(*api.directory.state.lock().unwrap().1, support::directory());
}

#[tokio::test]
async fn a_dry_run_shows_the_changes_and_makes_none() {
    let api = Api::new();
    let body = r#"{"queues":[{"name":"Support"},{"name":"Sales"}]}"#;
    let dry = api.ask("PUT", "/api/v1/directory?dryRun=true", OPERATOR, body).await;
    assert_eq!(dry.json["changes"][0]["entry"], "Sales");
    assert_eq!(api.directory.state.lock().unwrap().1.users.len(), 3);
    let wet = api.ask("PUT", ALL, OPERATOR, body).await;
    assert_eq!((&wet.json["changes"], wet.header("etag")), (&dry.json["changes"], "\"2\""));
    let expected: Directory = serde_json::from_str(body).unwrap();
    assert_eq!(*api.directory.state.lock().unwrap().1, expected);
}

#[tokio::test]
async fn errors_are_named_by_table_entry_and_key() {
    let api = Api::new();
    let body = r#"{"users":[{"username":"anna","routingProfile":"none"}]}"#;
    for method_path in [("PUT", ALL), ("PUT", "/api/v1/directory/users/anna")] {
        let entry = r#"{"username":"anna","routingProfile":"none"}"#;
        let body = if method_path.1 == ALL { body } else { entry };
        let answer = api.ask(method_path.0, method_path.1, OPERATOR, body).await;
        assert_eq!(answer.problem(), (422, "invalid"));
        assert_eq!(answer.json["errors"][0]["key"], "routingProfile");
        assert_eq!(answer.json["detail"], "users anna: routingProfile: there is no such routing profile");
    }
    let unknown = api.ask("PUT", ALL, OPERATOR, "{\n\"queues\":[{\"name\":\"x\",\n\"maxContact\":3}]}").await;
    assert_eq!((unknown.problem(), &unknown.json["line"]), ((422, "invalid"), &3.into()));
    assert_eq!(unknown.json["field"], "queues[0].maxContact");
    assert_eq!(*api.directory.state.lock().unwrap().1, support::directory(), "nothing was changed");
}

#[tokio::test]
async fn an_entry_is_put_replaced_and_removed() {
    let api = Api::new();
    let path = "/api/v1/directory/queues/Sales%20%26%20more";
    let body = r#"{"name":"Sales & more","maxContacts":7}"#;
    let put = api.ask("PUT", path, OPERATOR, body).await;
    assert_eq!((put.status.as_u16(), &put.json["changes"][0]["entry"]), (200, &"Sales & more".into()));
    assert_eq!(api.get(path, OPERATOR).await.json["maxContacts"], 7);
    assert_eq!(api.ask("PUT", path, OPERATOR, r#"{"name":"Sales & more"}"#).await.status, 200);
    assert_eq!(api.get(path, OPERATOR).await.json["maxContacts"], 100);
    assert_eq!(api.ask("DELETE", path, OPERATOR, "").await.status, 200);
    assert_eq!(api.get(path, OPERATOR).await.problem(), (404, "not-found"));
    assert_eq!(api.ask("DELETE", path, OPERATOR, "").await.problem(), (404, "not-found"));
}

#[tokio::test]
async fn every_table_has_its_entries_and_there_are_no_others() {
    let api = Api::new();
    let cases = [
        ("users/cleo", r#"{"username":"cleo"}"#),
        ("queues/x", r#"{"name":"x"}"#),
        ("routingProfiles/x", r#"{"name":"x"}"#),
        ("quickConnects/x", r#"{"name":"x","type":"USER"}"#),
        ("trunks/x", r#"{"name":"x","address":"192.0.2.1:5060"}"#),
        ("numbers/+49", r#"{"number":"+49"}"#),
        ("routes/00", r#"{"prefix":"00","trunk":"pbx"}"#),
        ("routes/*", r#"{"prefix":"","trunk":"x"}"#),
        ("conferences/x", r#"{"name":"x"}"#),
        ("destinationClasses/x", r#"{"name":"x","prefixes":["+49"]}"#),
        ("securityProfiles/x", r#"{"name":"x"}"#),
    ];
    for (path, body) in cases {
        let path = format!("/api/v1/directory/{path}");
        assert_eq!(api.ask("PUT", &path, OPERATOR, body).await.status, 200, "{path}");
        assert_eq!(api.get(&path, OPERATOR).await.status, 200, "{path}");
    }
    assert_eq!(api.directory.state.lock().unwrap().1.routes.len(), 2, "the empty prefix was replaced");
    assert_eq!(api.get("/api/v1/directory/queue/x", OPERATOR).await.problem(), (404, "not-found"));
    let other_name = api.ask("PUT", "/api/v1/directory/queues/x", OPERATOR, r#"{"name":"y"}"#).await;
    assert_eq!((other_name.problem(), &other_name.json["field"]), ((422, "invalid"), &"name".into()));
}

#[tokio::test]
async fn a_changed_user_keeps_its_password() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let body = r#"{"username":"anna","name":"Anna B.","phones":[{"username":"anna-1"}]}"#;
    assert_eq!(api.ask("PUT", "/api/v1/directory/users/anna", OPERATOR, body).await.status, 200);
    assert_eq!(api.get("/api/v1/agents/me", &anna).await.status, 200);
    let (_, directory) = api.directory.state.lock().unwrap().clone();
    assert_eq!(directory.users[0].phones[0].ha1_md5.as_deref(), Some("ha1-of-anna"));
}

#[tokio::test]
async fn a_change_made_from_an_older_directory_is_refused() {
    let api = Api::new();
    let put = |tag: &'static str| request("PUT", ALL, OPERATOR, "{}", &[("if-match", tag)]);
    for tag in ["\"7\"", "W/\"1\"", "1", "x"] {
        assert_eq!(api.send(put(tag)).await.problem(), (412, "precondition-failed"), "{tag}");
    }
    *api.directory.quicker.lock().unwrap() = 1;
    assert_eq!(api.send(put("\"1\"")).await.problem(), (412, "precondition-failed"), "somebody was quicker");
    assert_eq!(api.send(put("\"2\"")).await.status, 200);
    assert_eq!(api.send(put("*")).await.status, 200);
}

#[tokio::test]
async fn no_entry_is_lost_when_two_are_changed_at_a_time() {
    let api = Api::new();
    *api.directory.quicker.lock().unwrap() = 3;
    let put = api.ask("PUT", "/api/v1/directory/queues/x", OPERATOR, r#"{"name":"x"}"#).await;
    assert_eq!((put.status.as_u16(), put.header("etag")), (200, "\"5\""));
    *api.directory.quicker.lock().unwrap() = 100;
    let never = api.ask("PUT", "/api/v1/directory/queues/y", OPERATOR, r#"{"name":"y"}"#).await;
    assert_eq!(never.problem(), (409, "conflict"));
}

#[tokio::test]
async fn a_large_directory_is_taken_and_a_huge_one_not() {
    let api = Api::new();
    let queue = |n: usize| format!(r#"{{"name":"queue {n}","description":"{}"}}"#, "x".repeat(900));
    let body = |count: usize| format!(r#"{{"queues":[{}]}}"#, (0..count).map(queue).collect::<Vec<_>>().join(","));
    assert_eq!(api.ask("PUT", ALL, OPERATOR, &body(2_000)).await.status, 200);
    assert_eq!(api.keyed("k", "PUT", ALL, OPERATOR, &body(2_000)).await.status, 200);
    assert_eq!(api.ask("PUT", ALL, OPERATOR, &body(10_000)).await.problem(), (413, "too-large"));
}
