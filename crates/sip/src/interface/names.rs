//! What is named by a number.

use serde::{Deserialize, Serialize};

/// Names one INVITE session (one leg's dialog), so that a connection, its session and its media stream carry one number.
/// Incoming ones get odd numbers from [`crate::Endpoint::allocate_session`]; whoever calls takes even ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// Names one transfer that a peer asked for by REFER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId(pub u64);

/// Names one errand: a request of ours outside any dialog. Whoever asks for it numbers it in one series with its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ErrandId(pub u64);

/// Names a local listening socket, as numbered in [`super::Config::listeners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListenerId(pub u16);

/// Names one stream connection (any transport but UDP). Accepted ones are numbered by the driver with odd numbers, ours with even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionHandle(pub u64);

impl ConnectionHandle {
    /// Whether we opened it.
    pub fn is_ours(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

/// A configured peer (trunk) whose source address is its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(pub u32);
