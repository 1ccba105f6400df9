//! Who asks, and with which rights.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use tracing::Span;

use crate::password;
use crate::problem::{ApiError, kind};
use crate::state::{App, Shared};
use crate::token::{self, Claims};

/// Whoever sent the request, known by its token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The user; `None` is the operator with the local token.
    pub(crate) username: Option<String>,
    /// May edit the directory and see everybody's contacts.
    pub(crate) admin: bool,
    /// What the user's token says.
    pub(crate) claims: Option<Claims>,
}

impl Caller {
    /// The name under which its idempotency keys and sockets are counted. No user name has a space.
    pub(crate) fn name(&self) -> &str {
        self.username.as_deref().unwrap_or("the operator")
    }

    /// The user name of an agent; the operator is none.
    pub(crate) fn agent(&self) -> Result<&str, ApiError> {
        let message = "the operator's token belongs to no agent; log in as one";
        self.username.as_deref().ok_or_else(|| ApiError::new(kind::NOT_ALLOWED, message))
    }

    /// Refuses everybody but administrators.
    pub(crate) fn must_be_admin(&self) -> Result<(), ApiError> {
        if self.admin {
            return Ok(());
        }
        Err(ApiError::new(kind::NOT_ALLOWED, "only an administrator may do this"))
    }
}

/// An administrator.
#[derive(Debug, Clone)]
pub(crate) struct Admin;

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        authenticate(app, &parts.headers)
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        authenticate(app, &parts.headers)?.must_be_admin()?;
        Ok(Admin)
    }
}

/// The caller by `Authorization: Bearer` (RFC 6750 §2.1).
pub(crate) fn authenticate(app: &Shared, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token =
        bearer(headers).ok_or_else(|| ApiError::new(kind::UNAUTHORIZED, "send `Authorization: Bearer <token>`"))?;
    caller(app, token)
}

/// The caller with this token.
pub(crate) fn caller(app: &Shared, token: &str) -> Result<Caller, ApiError> {
    let caller = match operator(app, token) {
        Some(operator) => operator,
        None => user(app, token)?,
    };
    Span::current().record("user", caller.name());
    Ok(caller)
}

/// Whether a caller that was let in may stay: its token has not expired or been ended, and its user still is one.
/// Returns the caller with the rights of now.
pub(crate) fn renew(app: &Shared, token: &str) -> Option<Caller> {
    caller(app, token).ok()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn operator(app: &Shared, token: &str) -> Option<Caller> {
    // Hashes are compared: how long that takes says nothing about the token.
    let is_operator = app.config.operator_token_hash == Some(password::token_hash(token));
    is_operator.then_some(Caller { username: None, admin: true, claims: None })
}

fn user(app: &Shared, token: &str) -> Result<Caller, ApiError> {
    let (_, directory) = app.services.directory.current();
    let hash_of = |username: &str| directory.user(username)?.password_hash.clone();
    let unauthorized = |detail: &str| ApiError::new(kind::UNAUTHORIZED, detail);
    let claims = token::verify(&app.config.secret, token, hash_of)
        .ok_or_else(|| unauthorized("the token is unknown; log in again"))?;
    if claims.expires_at_ms <= app.now_ms() {
        return Err(unauthorized("the token has expired; log in again"));
    }
    if app.is_revoked(&claims) {
        return Err(unauthorized("this log-in was ended; log in again"));
    }
    let admin = directory.user(&claims.username).is_some_and(|user| user.admin);
    Ok(Caller { username: Some(claims.username.clone()), admin, claims: Some(claims) })
}
