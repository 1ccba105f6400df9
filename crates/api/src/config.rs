//! The API's settings and limits.

use std::net::SocketAddr;
use std::time::Duration;

/// The API's configuration.
#[derive(Clone)]
pub struct ApiConfig {
    /// Where it listens; only shown, the server binds it.
    pub listen: SocketAddr,
    /// The name of this instance, for the start page and the OpenAPI document.
    pub instance: String,
    /// How long a log-in holds, in seconds, 60 to 2,592,000; 43,200 (a shift) by default.
    pub token_lifetime_s: u64,
    /// Signs tokens. Kept over restarts, so that tokens survive them; whoever has it can make tokens.
    pub secret: [u8; 32],
    /// Seeds nonces and request ids; from the operating system's randomness, new at every start.
    pub seed: [u8; 32],
    /// SHA-256 of the operator's token (`password::token_hash`), which has the rights of an administrator without
    /// being a user. Absent: no such token.
    pub operator_token_hash: Option<[u8; 32]>,
    /// The limits.
    pub limits: ApiLimits,
}

/// Every limit of the API, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiLimits {
    /// Largest body of a request, in bytes: controls are small.
    pub body_bytes_max: usize,
    /// Largest body of a directory, in bytes.
    pub directory_bytes_max: usize,
    /// Longest handling of a request; above: 504.
    pub request_timeout: Duration,
    /// Longest handling of a change of the directory, in which every new password is hashed; above: 504.
    pub directory_timeout: Duration,
    /// Most connections at a time, WebSockets included; above, new ones wait to be accepted. A bound on file descriptors,
    /// which calls need too.
    pub connections_max: usize,
    /// A connection on which nothing comes or goes for this long is closed; WebSockets answer pings within it.
    pub idle_timeout: Duration,
    /// Most WebSockets; above: 503.
    pub sockets_max: usize,
    /// Most WebSockets of one user; above: 429.
    pub sockets_per_user_max: usize,
    /// How often a WebSocket is pinged; without a pong until the next ping it is closed.
    pub ping_interval: Duration,
    /// Longest time for a WebSocket to take one message; above: closed as too slow.
    pub send_timeout: Duration,
    /// Most password checks at a time: each takes 19 MiB and a core for some 30 ms.
    pub password_checks_max: usize,
    /// Failed log-ins of one user name from one source in `login_window`; above: 429.
    pub login_failures_per_user_max: u32,
    /// Failed log-ins from one source in `login_window`; above: 429.
    pub login_failures_per_source_max: u32,
    /// The window of the two above.
    pub login_window: Duration,
    /// Most answers kept for `Idempotency-Key`; the oldest goes.
    pub idempotency_entries_max: usize,
    /// Most bytes of those answers; the oldest goes.
    pub idempotency_bytes_max: usize,
    /// How long an answer is kept for its `Idempotency-Key`.
    pub idempotency_lifetime: Duration,
}

impl Default for ApiLimits {
    fn default() -> Self {
        ApiLimits {
            body_bytes_max: 64 * 1024,
            directory_bytes_max: 8 * 1024 * 1024,
            request_timeout: Duration::from_secs(15),
            directory_timeout: Duration::from_secs(120),
            connections_max: 6_144,
            idle_timeout: Duration::from_secs(75),
            sockets_max: 4_096,
            sockets_per_user_max: 16,
            ping_interval: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            password_checks_max: 2,
            login_failures_per_user_max: 10,
            login_failures_per_source_max: 100,
            login_window: Duration::from_secs(300),
            idempotency_entries_max: 10_000,
            idempotency_bytes_max: 32 * 1024 * 1024,
            idempotency_lifetime: Duration::from_secs(24 * 3_600),
        }
    }
}

impl Default for ApiConfig {
    /// All zero keys: for tests; the server sets `secret` and `seed`.
    fn default() -> Self {
        ApiConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            instance: "baton".to_owned(),
            token_lifetime_s: 12 * 3_600,
            secret: [0; 32],
            seed: [0; 32],
            operator_token_hash: None,
            limits: ApiLimits::default(),
        }
    }
}
