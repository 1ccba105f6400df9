//! Contacts, connections, transfers, agents, queues and routing: the one room that decides.
//!
//! It opens no socket, reads no clock, spawns nothing, and never relays a session description: each leg has its own
//! offer/answer with us. Read [`Core`], [`Input`], [`Output`] first, then [`event`] and [`directory`].

pub mod check;
pub mod command;
pub mod config;
pub mod directory;
pub mod event;
pub mod ids;
mod io;
pub mod snapshot;

pub use config::{Config, Limits};
pub use ids::{ConnectionId, ContactId, ConversationId, RequestId};
pub use io::{Input, Output};

/// The decider: `handle` in, `poll_output` out, `next_timeout_us` for the clock. (Under construction: faces first.)
#[derive(Debug, Clone)]
pub struct Core {
    config: Config,
}

impl Core {
    /// A core without calls.
    pub fn new(config: Config, _seed: [u8; 32], _directory: directory::Directory) -> Self {
        Core { config }
    }

    /// One input; drain [`Core::poll_output`] after it.
    pub fn handle(&mut self, _now_us: u64, _input: Input) {}

    /// The next output, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When [`Input::Timeout`] is due, in microseconds since the Unix epoch.
    pub fn next_timeout_us(&self) -> Option<u64> {
        None
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
