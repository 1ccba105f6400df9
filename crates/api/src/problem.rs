//! Refusals as problem documents (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use baton_contact::command::{Refusal, RefusalKind};
use baton_contact::snapshot::ContactSnapshot;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::schema::directory::DirectoryError as DirectoryErrorShape;
use crate::schema::snapshot::ContactSnapshot as ContactSnapshotShape;
use crate::services::{CallError, DirectoryFailure, RecordsError};

/// The media type of a problem document.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done (RFC 9457). `type` says which kind of problem; programs decide by it and by `status`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "type": "urn:baton:problem:wrong-state", "title": "The contact's state does not allow it", "status": 409,
    "detail": "there is no second party to swap with",
    "instance": "/api/v1/contacts/0b8e5a52-4b5c-4c6e-9a70-3f2f7a1d2c11/swap"
}))]
pub(crate) struct Problem {
    /// `urn:baton:problem:` and the kind.
    #[serde(rename = "type")]
    #[schema(example = "urn:baton:problem:wrong-state")]
    pub(crate) kind: String,
    /// The kind in words.
    pub(crate) title: &'static str,
    /// The HTTP status.
    #[schema(example = 409)]
    pub(crate) status: u16,
    /// What is wrong this time, in a sentence.
    pub(crate) detail: String,
    /// The path that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<String>,
    /// The line of the error in the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The column of the error in the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// The field, query parameter or header that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// The contact as it is, when its state refused the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ContactSnapshotShape>)]
    pub(crate) snapshot: Option<Box<ContactSnapshot>>,
    /// All errors of a directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<DirectoryErrorShape>, required = false)]
    pub(crate) errors: Vec<baton_contact::directory::DirectoryError>,
}

/// A kind of problem: its last part of `type`, status and title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) &'static str, pub(crate) StatusCode, pub(crate) &'static str);

/// Every kind of problem.
pub(crate) mod kind {
    use super::{Kind, StatusCode as S};

    pub(crate) const MALFORMED: Kind = Kind("malformed", S::BAD_REQUEST, "The request cannot be read");
    pub(crate) const UNKNOWN_PARAMETER: Kind = Kind("unknown-parameter", S::BAD_REQUEST, "Unknown query parameter");
    pub(crate) const UNAUTHORIZED: Kind = Kind("unauthorized", S::UNAUTHORIZED, "Log in first");
    pub(crate) const WRONG_CREDENTIALS: Kind =
        Kind("wrong-credentials", S::UNAUTHORIZED, "User name or password is wrong");
    pub(crate) const NOT_ALLOWED: Kind = Kind("not-allowed", S::FORBIDDEN, "Not allowed");
    pub(crate) const NOT_PERMITTED: Kind =
        Kind("not-permitted", S::FORBIDDEN, "The security profile does not allow it");
    pub(crate) const NOT_FOUND: Kind = Kind("not-found", S::NOT_FOUND, "Not found");
    pub(crate) const METHOD: Kind = Kind("method-not-allowed", S::METHOD_NOT_ALLOWED, "This path has no such method");
    pub(crate) const WRONG_STATE: Kind = Kind("wrong-state", S::CONFLICT, "The contact's state does not allow it");
    pub(crate) const LIMIT: Kind = Kind("limit-reached", S::CONFLICT, "A limit is reached");
    pub(crate) const IN_PROGRESS: Kind =
        Kind("in-progress", S::CONFLICT, "A request with this Idempotency-Key is being handled");
    pub(crate) const CONFLICT: Kind = Kind("conflict", S::CONFLICT, "The directory was changed by somebody else");
    pub(crate) const PRECONDITION: Kind =
        Kind("precondition-failed", S::PRECONDITION_FAILED, "The directory is another one by now");
    pub(crate) const TOO_LARGE: Kind = Kind("too-large", S::PAYLOAD_TOO_LARGE, "The body is too large");
    pub(crate) const MEDIA_TYPE: Kind = Kind("media-type", S::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON");
    pub(crate) const INVALID: Kind = Kind("invalid", S::UNPROCESSABLE_ENTITY, "A value is wrong");
    pub(crate) const NO_ROUTE: Kind = Kind("no-route", S::UNPROCESSABLE_ENTITY, "The number leads nowhere");
    pub(crate) const KEY_REUSED: Kind =
        Kind("idempotency-key-reused", S::UNPROCESSABLE_ENTITY, "This Idempotency-Key belongs to another request");
    pub(crate) const UPGRADE: Kind = Kind("upgrade-required", S::UPGRADE_REQUIRED, "This is a WebSocket");
    pub(crate) const TOO_MANY: Kind = Kind("too-many-requests", S::TOO_MANY_REQUESTS, "Too many requests");
    pub(crate) const INTERNAL: Kind = Kind("internal", S::INTERNAL_SERVER_ERROR, "baton failed");
    pub(crate) const DRAINING: Kind = Kind("draining", S::SERVICE_UNAVAILABLE, "No new calls are taken");
    pub(crate) const OVERLOADED: Kind = Kind("overloaded", S::SERVICE_UNAVAILABLE, "Too busy; nothing was done");
    pub(crate) const UNAVAILABLE: Kind = Kind("unavailable", S::SERVICE_UNAVAILABLE, "Not available");
    pub(crate) const TIMEOUT: Kind = Kind("timeout", S::GATEWAY_TIMEOUT, "No answer in time");
}

impl Problem {
    pub(crate) fn new(Kind(kind, status, title): Kind, detail: impl Into<String>) -> Self {
        Problem {
            kind: format!("urn:baton:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            line: None,
            column: None,
            field: None,
            snapshot: None,
            errors: Vec::new(),
        }
    }

    /// The document as a response. Nothing in it can fail to be JSON; if it did, the status alone would go out.
    pub(crate) fn render(&self) -> Response {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}

/// A problem on its way out. The envelope around all routes fills in `instance` and renders it.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) problem: Box<Problem>,
    retry_after_s: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        ApiError { problem: Box::new(Problem::new(kind, detail)), retry_after_s: None }
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.problem.field = Some(field.into());
        self
    }

    pub(crate) fn at(mut self, line: usize, column: usize) -> Self {
        self.problem.line = (line > 0).then_some(line);
        self.problem.column = (line > 0).then_some(column.max(1));
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.problem.render();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.problem.status == 401 {
            // RFC 9110 §11.6.1 requires it; RFC 6750 §3 names the scheme.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self.problem);
        response
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => (*refusal).into(),
            CallError::Overloaded => {
                ApiError::new(kind::OVERLOADED, "more commands wait than can be taken; nothing was done").retry_after(1)
            }
            CallError::Stopped => ApiError::new(kind::UNAVAILABLE, "the server is stopping; nothing was done"),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.kind {
            RefusalKind::NotFound => kind::NOT_FOUND,
            RefusalKind::NotAllowed => kind::NOT_ALLOWED,
            RefusalKind::NotPermitted => kind::NOT_PERMITTED,
            RefusalKind::WrongState => kind::WRONG_STATE,
            RefusalKind::Invalid => kind::INVALID,
            RefusalKind::NoRoute => kind::NO_ROUTE,
            RefusalKind::LimitReached => kind::LIMIT,
            RefusalKind::Draining => kind::DRAINING,
        };
        let mut error = ApiError::new(kind, refusal.detail);
        // Whoever is no party of a contact is not shown it.
        error.problem.snapshot = refusal.snapshot.filter(|_| refusal.kind != RefusalKind::NotAllowed);
        error
    }
}

impl From<DirectoryFailure> for ApiError {
    fn from(failure: DirectoryFailure) -> Self {
        match failure {
            DirectoryFailure::Invalid(errors) => {
                let detail = match errors.first() {
                    Some(first) => {
                        format!("{} {}: {}: {}", first.table, first.entry, first.key, first.message)
                    }
                    None => "the directory cannot stand".to_owned(),
                };
                let mut error = ApiError::new(kind::INVALID, detail);
                error.problem.errors = errors;
                error
            }
            DirectoryFailure::Conflict => ApiError::new(kind::CONFLICT, "read it again and repeat the change"),
            DirectoryFailure::Unavailable(detail) => ApiError::new(kind::UNAVAILABLE, detail),
        }
    }
}

impl From<RecordsError> for ApiError {
    fn from(error: RecordsError) -> Self {
        tracing::error!(%error, "the store could not be read");
        ApiError::new(kind::UNAVAILABLE, "the store could not be read")
    }
}

/// The problems that every question can meet.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "only described")]
pub(crate) enum QueryProblems {
    /// The request cannot be read, or has an unknown query parameter.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// The token is missing, unknown or expired.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Not with this user's rights.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// baton failed; its log says why.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// Overloaded or stopping; nothing was done.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
    /// No answer in time.
    #[response(status = 504, content_type = "application/problem+json")]
    Timeout(Problem),
}

/// The problems that every command can meet.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "only described")]
pub(crate) enum CommandProblems {
    /// The request cannot be read: the body is no JSON (`line`, `column`), a query parameter is unknown, or the
    /// `Idempotency-Key` is none.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// The token is missing, unknown or expired.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Not with this user's rights, or the agent is no party of the contact.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The state does not allow it (`snapshot` is the contact as it is), a limit is reached, or a request with the same
    /// `Idempotency-Key` is being handled.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Problem),
    /// A value is wrong (`field`), the number leads nowhere, or the `Idempotency-Key` belongs to another request.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// baton failed; its log says why.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// Draining, overloaded or stopping; nothing was done.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
    /// No answer in time; whether it was done is not known: ask again with the same `Idempotency-Key`.
    #[response(status = 504, content_type = "application/problem+json")]
    Timeout(Problem),
}
