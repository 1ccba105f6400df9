//! Logging in and out.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::attempts::Attempt;
use crate::auth::Caller;
use crate::extract::Body;
use crate::listener::Peer;
use crate::password;
use crate::problem::{ApiError, CommandProblems, Problem, kind};
use crate::state::{App, Shared, stopped};
use crate::token::{self, Claims};

/// Longest user name that is looked at, in bytes.
const USERNAME_BYTES_MAX: usize = 128;
/// How long a log-in waits for its turn to be checked.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(log_in)).routes(routes!(log_out))
}

/// A user's name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"username": "agent1", "password": "correct horse battery staple"}))]
struct LogIn {
    /// The user name.
    username: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

/// A log-in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Session {
    /// Send it as `Authorization: Bearer <token>`.
    token: String,
    /// When it expires, in milliseconds since the Unix epoch.
    expires_at_ms: u64,
    /// The user name.
    username: String,
    /// The full name.
    name: String,
    /// Whether the user may edit the directory and see everybody's contacts.
    admin: bool,
}

/// Where a request came from, when the server says so.
struct Source(Option<SocketAddr>);

impl FromRequestParts<App> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.0);
        Ok(Source(peer.or_else(|| parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0))))
    }
}

/// Log in.
///
/// The token holds until `expiresAtMs`, over restarts of the server, until it is ended or the password changes.
/// `Idempotency-Key` has no effect here.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", operation_id = "logIn", security(()), request_body = LogIn,
    responses(
        (status = 201, description = "Logged in", body = Session),
        (status = 400, description = "The body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "User name or password is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A value is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many failed attempts; `Retry-After` says when", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many log-ins at a time", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "No answer in time", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn log_in(
    State(app): State<App>,
    Source(source): Source,
    Body(asked): Body<LogIn>,
) -> Result<(StatusCode, Json<Session>), ApiError> {
    let attempt = Attempt::new(&app.config.limits, clipped(&asked.username), source.map(|source| source.ip()));
    if let Err(seconds) = app.attempts.begin(&app.config.limits, &attempt, app.now_ms()) {
        let message = format!("too many failed attempts; try again in {seconds} s");
        return Err(ApiError::new(kind::TOO_MANY, message).retry_after(seconds));
    }
    let (_, directory) = app.services.directory.current();
    let user = directory.user(&asked.username);
    let hash = user.and_then(|user| user.password_hash.clone());
    let right = match check(&app, asked.password, hash.clone()).await {
        Ok(right) => right,
        Err(error) => {
            app.attempts.take_back(&attempt);
            return Err(error);
        }
    };
    let (true, Some(user), Some(hash)) = (right, user, hash) else {
        tracing::warn!(username = clipped(&asked.username), source = ?source, "a log-in failed");
        return Err(ApiError::new(kind::WRONG_CREDENTIALS, "user name or password is wrong"));
    };
    app.attempts.take_back(&attempt);
    let expires_at_ms = app.now_ms().saturating_add(app.config.token_lifetime_s.saturating_mul(1_000));
    let claims = Claims { username: user.username.clone(), expires_at_ms, nonce: app.random() };
    let token = token::sign(&app.config.secret, &claims, &hash);
    let (username, name, admin) = (user.username.clone(), user.name.clone(), user.admin);
    Ok((StatusCode::CREATED, Json(Session { token, expires_at_ms, username, name, admin })))
}

fn clipped(username: &str) -> &str {
    username.get(..USERNAME_BYTES_MAX).unwrap_or(if username.len() > USERNAME_BYTES_MAX { "" } else { username })
}

/// Checks a password, few at a time: each check takes 19 MiB and a core.
async fn check(app: &Shared, password: String, hash: Option<String>) -> Result<bool, ApiError> {
    let busy = || ApiError::new(kind::OVERLOADED, "too many log-ins at a time").retry_after(2);
    let _waiting = app.logins_waiting.try_acquire().map_err(|_| busy())?;
    let turn = Arc::clone(&app.password_checks).acquire_owned();
    let turn = tokio::time::timeout(TURN_TIMEOUT, turn).await.map_err(|_| busy())?.map_err(|_| stopped())?;
    let checked = tokio::task::spawn_blocking(move || {
        // Held by the check itself: it goes on even when the client has gone away.
        let _turn = turn;
        // An unknown user takes as long as a known one; what comes out is not looked at then.
        password::verify(&password, hash.as_deref().unwrap_or(nobody()))
    });
    checked.await.map_err(|_| stopped())
}

/// The hash of a password that nobody has.
fn nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| password::hash("nobody", [0; 16]).unwrap_or_default())
}

/// Log out: the token with which this is asked is ended.
#[utoipa::path(
    delete, path = "/sessions/current", tag = "sessions", operation_id = "logOut",
    responses((status = 204, description = "Logged out"), CommandProblems)
)]
async fn log_out(State(app): State<App>, caller: Caller) -> Result<StatusCode, ApiError> {
    let Some(claims) = &caller.claims else {
        let message = "the operator's token is no log-in; replace its file to end it";
        return Err(ApiError::new(kind::NOT_ALLOWED, message));
    };
    app.revoke(claims);
    Ok(StatusCode::NO_CONTENT)
}
