//! HTTP and WebSocket for the panel and for integrations.
//!
//! It renders snapshots and passes commands on; it holds no call state of its own, decides nothing about calls, and
//! reads no clock but the one passed in. Read [`Services`], [`ApiConfig`] and [`router`] first, then [`EventHub`].

mod attempts;
mod auth;
mod config;
mod envelope;
mod extract;
mod hub;
mod idempotency;
mod ladder;
mod listener;
mod openapi;
pub mod password;
mod problem;
mod routes;
mod schema;
mod secrets;
mod services;
mod sockets;
mod state;
mod token;
mod trace_filter;
mod trace_hub;

pub use config::{ApiConfig, ApiLimits};
pub use hub::{EventHub, Happening};
pub use services::{
    CallError, Calls, DirectoryChange, DirectoryChangeKind, DirectoryDiff, DirectoryFailure, DirectoryStore, Records,
    RecordsError, RecordsPage, Services,
};
pub use trace_hub::TraceHub;

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use state::Shared;
use utoipa_axum::router::OpenApiRouter;

/// All routes. [`serve`] serves them; whoever does it otherwise gives `into_make_service_with_connect_info::<SocketAddr>()`,
/// or log-ins from everywhere share one limit.
pub fn router(services: Services, config: ApiConfig) -> axum::Router {
    let app = Arc::new(Shared::new(services, config));
    let (router, document) = documented_router();
    let parameters = openapi::query_parameters(&document);
    // Each is set here and nowhere else.
    let _ = app.parameters.set(parameters);
    let _ = app.document.set(document.to_json().unwrap_or_default().into());
    router
        // The time-out is around it: what takes longer is done all the same, and its answer is kept for the next attempt.
        .route_layer(from_fn_with_state(Arc::clone(&app), idempotency::layer))
        .route_layer(from_fn_with_state(Arc::clone(&app), envelope::time_out))
        .route_layer(from_fn_with_state(Arc::clone(&app), envelope::known_parameters))
        .fallback(envelope::not_found)
        .method_not_allowed_fallback(envelope::no_such_method)
        .layer(from_fn_with_state(Arc::clone(&app), envelope::layer))
        .with_state(app)
}

/// The OpenAPI document as JSON, as `GET /api/v1/openapi.json` gives it.
pub fn document() -> String {
    documented_router().1.to_json().unwrap_or_default()
}

fn documented_router() -> (axum::Router<state::App>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(routes::node::routes())
        .nest("/api/v1", routes::v1())
        .split_for_parts()
}

/// Serves the API on a bound listener until `stop` resolves. Connections are counted and may not be idle for ever
/// ([`ApiLimits`]). Open WebSockets end when the hub is closed ([`EventHub::close`]).
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    services: Services,
    config: ApiConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = listener::Limited::new(listener, &config.limits);
    let service = router(services, config).into_make_service_with_connect_info::<listener::Peer>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}
