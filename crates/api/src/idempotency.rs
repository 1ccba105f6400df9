//! `Idempotency-Key`: a request that was answered is not done again.
//!
//! After the draft of the HTTPAPI working group (draft-ietf-httpapi-idempotency-key-header): same key, user and request
//! within the lifetime → the same answer; another request with the key → 422; the first still being handled → 409.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use utoipa::IntoParams;

use crate::auth;
use crate::config::ApiLimits;
use crate::extract::{bytes_max, read_body};
use crate::problem::{ApiError, Problem, kind};
use crate::state::{App, locked, stopped};

/// The header.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 128;
/// Largest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The header, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only described")]
pub(crate) struct IdempotencyKey {
    /// Names this request, so that repeating it does it once; 1 to 128 visible characters, for example a UUID.
    #[param(rename = "Idempotency-Key", max_length = 128)]
    key: Option<String>,
}

type Key = (String, String);
type Fingerprint = [u8; 32];

/// The answers that were given.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: BTreeMap<Key, Entry>,
    /// Keys in the order in which their answers were given.
    order: BTreeMap<u64, Key>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    /// Absent while the first request is being handled.
    answer: Option<(u64, Answer)>,
}

#[derive(Debug, Clone)]
struct Answer {
    at_ms: u64,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    problem: Option<Box<Problem>>,
}

/// What to do with a keyed request.
#[derive(Debug)]
enum Verdict {
    New,
    Same(Box<Answer>),
    InProgress,
    Other,
}

impl Answers {
    fn begin(&self, key: &Key, fingerprint: Fingerprint, now_ms: u64, limits: &ApiLimits) -> Verdict {
        let mut table = locked(&self.table);
        table.forget_old(now_ms, limits);
        match table.entries.get(key) {
            Some(entry) if entry.fingerprint != fingerprint => Verdict::Other,
            Some(Entry { answer: Some((_, answer)), .. }) => Verdict::Same(Box::new(answer.clone())),
            Some(_) => Verdict::InProgress,
            None => {
                table.entries.insert(key.clone(), Entry { fingerprint, answer: None });
                Verdict::New
            }
        }
    }

    /// How many answers are kept, and how many bytes they have: both are bounded ([`ApiLimits`]).
    pub(crate) fn kept(&self) -> (usize, usize) {
        let table = locked(&self.table);
        (table.order.len(), table.bytes)
    }

    fn keep(&self, key: &Key, answer: Answer, limits: &ApiLimits) {
        let mut table = locked(&self.table);
        let place = table.next;
        let bytes = answer.body.len();
        let now_ms = answer.at_ms;
        let Some(entry) = table.entries.get_mut(key) else { return };
        entry.answer = Some((place, answer));
        table.next += 1;
        table.bytes += bytes;
        table.order.insert(place, key.clone());
        table.forget_old(now_ms, limits);
    }

    fn abandon(&self, key: &Key) {
        let mut table = locked(&self.table);
        if table.entries.get(key).is_some_and(|entry| entry.answer.is_none()) {
            table.entries.remove(key);
        }
    }
}

impl Table {
    fn forget_old(&mut self, now_ms: u64, limits: &ApiLimits) {
        let lifetime_ms = u64::try_from(limits.idempotency_lifetime.as_millis()).unwrap_or(u64::MAX);
        while let Some((&place, key)) = self.order.first_key_value() {
            let answer = self.entries.get(key).and_then(|entry| entry.answer.as_ref());
            let at_ms = answer.map_or(0, |(_, answer)| answer.at_ms);
            let full = self.order.len() > limits.idempotency_entries_max || self.bytes > limits.idempotency_bytes_max;
            if !full && at_ms.saturating_add(lifetime_ms) > now_ms {
                return;
            }
            self.bytes -= answer.map_or(0, |(_, answer)| answer.body.len());
            let key = key.clone();
            self.entries.remove(&key);
            self.order.remove(&place);
        }
    }
}

/// Frees the key when the handling ends without an answer, by panic or shutdown.
struct Handling {
    app: App,
    key: Key,
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.app.answers.abandon(&self.key);
    }
}

/// The layer around every route.
pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(IDEMPOTENCY_KEY).cloned() else {
        return next.run(request).await;
    };
    let commands = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE);
    // A log-in's answer is a secret and is not kept; logging in twice does no harm.
    if !commands || request.uri().path() == "/api/v1/sessions" {
        return next.run(request).await;
    }
    keyed(app, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn keyed(app: App, key: &HeaderValue, request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = auth::authenticate(&app, request.headers())?;
    let key = (caller.name().to_owned(), checked_key(key)?);
    let (parts, body) = request.into_parts();
    let bytes_max = if caller.admin { bytes_max(&app, &parts.extensions) } else { app.config.limits.body_bytes_max };
    let body = read_body(body, bytes_max).await?;
    let fingerprint = fingerprint(&parts, &body);
    match app.answers.begin(&key, fingerprint, app.now_ms(), &app.config.limits) {
        Verdict::Same(answer) => return Ok(replay(*answer)),
        Verdict::InProgress => {
            let message = "the first request with this Idempotency-Key is being handled; ask again for its answer";
            return Err(ApiError::new(kind::IN_PROGRESS, message).retry_after(1));
        }
        Verdict::Other => {
            let message = "this Idempotency-Key was used for another request; take a new key";
            return Err(ApiError::new(kind::KEY_REUSED, message).field("Idempotency-Key"));
        }
        Verdict::New => {}
    }
    // In a task of its own, so that it is finished and its answer kept even when the client goes away.
    let handling = Handling { app, key };
    let task = async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        keep(&handling, response).await
    };
    tokio::spawn(task.in_current_span()).await.map_err(|_| stopped())
}

fn checked_key(key: &HeaderValue) -> Result<String, ApiError> {
    let text = key.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > KEY_BYTES_MAX {
        let message = "an Idempotency-Key has 1 to 128 visible characters";
        return Err(ApiError::new(kind::MALFORMED, message).field("Idempotency-Key"));
    }
    Ok(text.to_owned())
}

fn fingerprint(parts: &axum::http::request::Parts, body: &Bytes) -> Fingerprint {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

async fn keep(handling: &Handling, response: Response) -> Response {
    let app = &handling.app;
    // Nothing was done; the next attempt is to be a real one.
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return stopped().into_response() };
    let answer = Answer {
        at_ms: app.now_ms(),
        status: parts.status,
        headers: kept_headers(&parts.headers),
        body: body.clone(),
        problem: parts.extensions.get::<Box<Problem>>().cloned(),
    };
    if answer.body.len() <= ANSWER_BYTES_MAX {
        app.answers.keep(&handling.key, answer, &app.config.limits);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn kept_headers(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let kept = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];
    kept.into_iter().filter_map(|name| headers.get(&name).map(|value| (name, value.clone()))).collect()
}

fn replay(answer: Answer) -> Response {
    let mut response = (answer.status, answer.body).into_response();
    for (name, value) in answer.headers {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    if let Some(problem) = answer.problem {
        response.extensions_mut().insert(problem);
    }
    response
}
