//! The node itself: whether it lives, whether it takes calls, its numbers, its document, its first page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{ApiError, Problem, kind};
use crate::state::{App, stopped};

/// What stands outside `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_page))
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(metrics))
}

/// The OpenAPI document's own route.
pub(crate) fn document_route() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(document))
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "node", operation_id = "getDocument", security(()),
    responses((status = 200, description = "The OpenAPI document", body = Object, content_type = "application/json"))
)]
async fn document(State(app): State<App>) -> Result<Response, ApiError> {
    let document = app.document.get().map(Arc::clone).ok_or_else(stopped)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response())
}

/// The process lives.
#[utoipa::path(
    get, path = "/healthz", tag = "node", operation_id = "getHealth", security(()),
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain"))
)]
async fn health() -> &'static str {
    "ok\n"
}

/// Whether calls are taken.
#[utoipa::path(
    get, path = "/readyz", tag = "node", operation_id = "getReadiness", security(()),
    responses(
        (status = 200, description = "Calls are taken", body = String, content_type = "text/plain"),
        (status = 503, description = "They are not; `detail` says why", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    (app.services.ready)().map(|()| "ready\n").map_err(|why| ApiError::new(kind::UNAVAILABLE, why))
}

/// Numbers for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "node", operation_id = "getMetrics", security(()),
    responses((status = 200, description = "The metrics in the Prometheus text format", body = String, content_type = "text/plain"))
)]
async fn metrics(State(app): State<App>) -> Response {
    let text = (app.services.metrics)() + &kept(&app);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// What the API itself holds, all of it bounded: rings that fill and then stay are no leak.
fn kept(app: &App) -> String {
    let (events, event_bytes) = app.services.hub.kept();
    let (answers, answer_bytes) = app.answers.kept();
    let traced = app.services.trace.kept();
    let gauges = [
        ("baton_api_events_kept", "Events and snapshots kept for WebSockets.", events),
        ("baton_api_events_kept_bytes", "About how many bytes those take; at most 32 MiB.", event_bytes),
        ("baton_api_answers_kept", "Answers kept for requests with an Idempotency-Key.", answers),
        ("baton_api_answers_kept_bytes", "How many bytes those have.", answer_bytes),
        ("baton_api_trace_messages_kept", "SIP messages that wait for the slowest trace; at most 1,024.", traced),
    ];
    let line = |(name, help, value)| format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    gauges.into_iter().map(line).collect()
}

/// The first page.
#[utoipa::path(
    get, path = "/", tag = "node", operation_id = "getStartPage", security(()),
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html"))
)]
async fn start_page(State(app): State<App>) -> Html<String> {
    let instance = escaped(&app.config.instance);
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{instance}</title></head><body>\n\
         <h1>{instance}</h1>\n\
         <p>This is baton's HTTP interface. The agents' panel is not there yet; until then, agents are driven by their \
         phones' keys and by the API.</p>\n\
         <p><a href=\"/api/v1/openapi.json\">The OpenAPI document</a> describes the API.</p>\n\
         </body></html>\n"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
