//! What is the same around every request: its id, span, time-out, headers, and problems as documents.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::problem::{ApiError, Problem, kind};
use crate::state::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest path that is repeated in a problem document, in bytes.
const INSTANCE_BYTES_MAX: usize = 512;

/// The outermost layer.
pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(&app);
    let path = request.uri().path().to_owned();
    // The query is left out of the log: it may hold what a client should not have put there.
    let span = tracing::info_span!(
        "request", id, method = %request.method(), path,
        user = tracing::field::Empty, contact = tracing::field::Empty
    );
    async move {
        let begun_ms = app.now_ms();
        let response = next.run(request).await;
        let mut response = as_problem(response, &path);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        secure(response.headers_mut());
        let took_ms = app.now_ms().saturating_sub(begun_ms);
        tracing::info!(status = response.status().as_u16(), took_ms, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Bounds the handling of one request.
pub(crate) async fn time_out(State(app): State<App>, request: Request, next: Next) -> Response {
    let limits = &app.config.limits;
    let changes_directory = request.method() != Method::GET && request.uri().path().starts_with("/api/v1/directory");
    let limit = if changes_directory { limits.directory_timeout } else { limits.request_timeout };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(kind::TIMEOUT, format!("no answer within {} s", limit.as_secs())).into_response(),
    }
}

/// Refuses query parameters that the document does not name: a mistyped one would otherwise be ignored in silence.
pub(crate) async fn known_parameters(State(app): State<App>, request: Request, next: Next) -> Response {
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty())
        && let Err(error) = check_parameters(&app, &request, query)
    {
        return error.into_response();
    }
    next.run(request).await
}

fn check_parameters(app: &App, request: &Request, query: &str) -> Result<(), ApiError> {
    let matched = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let key = (request.method().as_str().to_lowercase(), matched.to_owned());
    let known = app.parameters.get().and_then(|table| table.get(&key)).map_or(&[][..], Vec::as_slice);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        if known.iter().any(|each| each == name) {
            continue;
        }
        let hint = match (name, known) {
            ("token" | "access_token", _) => "a token in an address ends in logs; send it in a header".to_owned(),
            (_, []) => "this path takes none".to_owned(),
            (_, known) => format!("this path takes {}", known.join(", ")),
        };
        let shown: String = name.chars().take(64).collect();
        return Err(
            ApiError::new(kind::UNKNOWN_PARAMETER, format!("unknown query parameter {shown:?}; {hint}")).field(shown)
        );
    }
    Ok(())
}

/// There is no such path.
pub(crate) async fn not_found() -> ApiError {
    ApiError::new(kind::NOT_FOUND, "there is no such path; /api/v1/openapi.json names them all")
}

/// The path has no such method.
pub(crate) async fn no_such_method() -> ApiError {
    ApiError::new(kind::METHOD, "this path has no such method; `Allow` names those that it has")
}

fn request_id(app: &App) -> String {
    format!("{:016x}", u64::from_be_bytes(app.random()))
}

/// Every error goes out as a problem document with its `instance`, also those of the framework.
fn as_problem(mut response: Response, path: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let mut problem = match response.extensions_mut().remove::<Box<Problem>>() {
        Some(problem) => problem,
        None => Box::new(plain(status)),
    };
    problem.instance = Some(path.chars().take(INSTANCE_BYTES_MAX).collect());
    let (parts, _) = response.into_parts();
    let mut rendered = problem.render();
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::ALLOW, header::UPGRADE, header::CONNECTION] {
        if let Some(value) = parts.headers.get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    for name in ["idempotency-replayed", "sec-websocket-version"] {
        if let Some(value) = parts.headers.get(name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

fn plain(status: axum::http::StatusCode) -> Problem {
    let known = [kind::MALFORMED, kind::NOT_FOUND, kind::METHOD, kind::TOO_LARGE, kind::UPGRADE];
    let kind = known.into_iter().find(|kind| kind.1 == status).unwrap_or(crate::problem::Kind(
        "http",
        status,
        status.canonical_reason().unwrap_or("Refused"),
    ));
    Problem::new(kind, kind.2)
}

fn secure(headers: &mut HeaderMap) {
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        // What is told is about people and changes by the second.
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
