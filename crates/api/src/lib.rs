//! HTTP and WebSocket for the panel and for integrations.
//!
//! It renders snapshots and passes commands on; it holds no call state of its own, decides nothing about calls, and
//! reads no clock but the one passed in. Read [`Services`], [`ApiConfig`] and [`router`] first, then [`EventHub`].

mod config;
mod hub;
pub mod password;
mod services;

pub use config::{ApiConfig, ApiLimits};
pub use hub::EventHub;
pub use services::{
    CallError, Calls, DirectoryChange, DirectoryChangeKind, DirectoryDiff, DirectoryFailure, DirectoryStore, Records,
    RecordsError, RecordsPage, Services,
};

/// All routes, for `axum::serve` with `into_make_service_with_connect_info::<SocketAddr>()`; see [`serve`].
pub fn router(services: Services, config: ApiConfig) -> axum::Router {
    let _ = (services, config);
    axum::Router::new()
}

/// Serves the API on a bound listener until `stop` resolves. Open WebSockets end when the hub is closed
/// ([`EventHub::close`]).
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    services: Services,
    config: ApiConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router(services, config).into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}
