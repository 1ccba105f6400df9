//! Logging in, tokens and their end.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use support::{Api, OPERATOR, PASSWORD, advance_ms, request, send};

const ME: &str = "/api/v1/agents/me";

#[tokio::test]
async fn a_log_in_gives_a_token_that_expires() {
    let api = Api::with(|config| config.token_lifetime_s = 60);
    let answer = api.try_log_in("anna", PASSWORD).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json["expiresAtMs"], 1_060_000);
    assert_eq!((&answer.json["name"], &answer.json["admin"]), (&"ANNA".into(), &false.into()));
    let token = answer.json["token"].as_str().unwrap();
    advance_ms(59_999);
    assert_eq!(api.get(ME, token).await.status, 200);
    advance_ms(1);
    let expired = api.get(ME, token).await;
    assert_eq!(expired.problem(), (401, "unauthorized"));
    assert_eq!(expired.json["detail"], "the token has expired; log in again");
    assert_eq!(expired.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn wrong_names_and_passwords_are_told_alike() {
    let api = Api::new();
    let known = api.try_log_in("anna", "wrong").await;
    let unknown = api.try_log_in("nobody", "wrong").await;
    assert_eq!(known.problem(), (401, "wrong-credentials"));
    assert_eq!(known.text, unknown.text);
    assert_eq!(api.try_log_in("nobody", "nobody").await.status, 401, "the stand-in hash opens nothing");
}

#[tokio::test]
async fn a_user_without_a_password_cannot_log_in() {
    let api = Api::new();
    let mut directory = support::directory();
    directory.users[0].password_hash = None;
    api.directory.state.lock().unwrap().1 = directory.into();
    assert_eq!(api.try_log_in("anna", "nobody").await.status, 401);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let api = Api::new();
    let token = api.log_in("anna").await;
    let other_secret = Api::with(|config| config.secret = [1; 32]).log_in("anna").await;
    for wrong in ["", "x", &token[1..], &format!("{token}A"), &other_secret, "the-operator-token "] {
        let answer = api.send(request("GET", ME, "", "", &[("authorization", &format!("Bearer {wrong}x"))])).await;
        assert_eq!(answer.problem(), (401, "unauthorized"), "{wrong}");
    }
    for header in ["Basic YTpi", "Bearer", ""] {
        let answer = api.send(request("GET", ME, "", "", &[("authorization", header)])).await;
        assert_eq!(answer.problem(), (401, "unauthorized"), "{header}");
    }
    assert_eq!(api.get("/api/v1/queues", OPERATOR).await.status, 200);
    let none = send(&api.restarted(), request("GET", "/api/v1/queues", OPERATOR, "", &[])).await;
    assert_eq!(none.status, 401, "no operator token was set");
}

#[tokio::test]
async fn a_token_survives_a_restart_and_not_a_log_out() {
    let api = Api::new();
    let (first, second) = (api.log_in("anna").await, api.log_in("anna").await);
    assert_ne!(first, second);
    assert_eq!(send(&api.restarted(), request("GET", ME, &first, "", &[])).await.status, 200);
    assert_eq!(api.ask("DELETE", "/api/v1/sessions/current", &first, "").await.status, 204);
    assert_eq!(api.get(ME, &first).await.problem(), (401, "unauthorized"));
    assert_eq!(api.get(ME, &second).await.status, 200, "another log-in of the same user");
}

#[tokio::test]
async fn a_new_password_or_a_removed_user_ends_the_log_in() {
    let api = Api::new();
    let token = api.log_in("anna").await;
    let mut directory = support::directory();
    directory.users[0].password_hash = Some("another".into());
    api.directory.state.lock().unwrap().1 = directory.clone().into();
    assert_eq!(api.get(ME, &token).await.status, 401);
    directory.users.remove(0);
    api.directory.state.lock().unwrap().1 = directory.into();
    assert_eq!(api.get(ME, &token).await.status, 401);
}

#[tokio::test]
async fn an_administrators_rights_end_when_they_are_taken() {
    let api = Api::new();
    let boss = api.log_in("boss").await;
    assert_eq!(api.get("/api/v1/calls", &boss).await.status, 200);
    let mut directory = support::directory();
    directory.users[2].admin = false;
    api.directory.state.lock().unwrap().1 = directory.into();
    assert_eq!(api.get("/api/v1/calls", &boss).await.status, 403);
}

#[tokio::test]
async fn guessing_is_stopped_for_a_while() {
    let api = Api::with(|config| config.limits.login_failures_per_user_max = 2);
    for _ in 0..2 {
        assert_eq!(api.try_log_in("anna", "guess").await.status, 401);
    }
    let stopped = api.try_log_in("anna", PASSWORD).await;
    assert_eq!((stopped.problem(), stopped.header("retry-after")), ((429, "too-many-requests"), "300"));
    assert_eq!(api.try_log_in("ben", PASSWORD).await.status, 201);
    advance_ms(300_000);
    assert_eq!(api.try_log_in("anna", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn right_passwords_never_run_into_the_limit() {
    let api = Api::with(|config| config.limits.login_failures_per_user_max = 2);
    for _ in 0..5 {
        api.log_in("anna").await;
    }
}
