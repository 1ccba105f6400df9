//! Live SIP messages on their way to operators who listen. Telling never waits: who reads too slowly loses messages and is
//! told how many.

use std::sync::Arc;

use baton_contact::trace::TraceMessage;
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio::sync::watch;

/// Messages that wait for the slowest listener; above, it loses the oldest.
const MESSAGES_MAX: usize = 1_024;
/// Most listeners at a time.
pub(crate) const LISTENERS_MAX: usize = 16;

/// Where the server tells each message while somebody listens.
#[derive(Debug)]
pub struct TraceHub {
    messages: Sender<Arc<TraceMessage>>,
    closed: watch::Sender<bool>,
}

impl TraceHub {
    /// A hub without listeners.
    pub fn new() -> TraceHub {
        TraceHub { messages: channel(MESSAGES_MAX).0, closed: watch::Sender::new(false) }
    }

    /// Whether anybody listens; otherwise no message need be made.
    pub fn is_heard(&self) -> bool {
        self.messages.receiver_count() > 0
    }

    /// Tells a message to all that listen.
    pub fn tell(&self, message: TraceMessage) {
        // Nobody listens any more: nobody misses it.
        let _ = self.messages.send(Arc::new(message));
    }

    /// How many messages wait for the slowest listener.
    pub(crate) fn kept(&self) -> usize {
        self.messages.len()
    }

    /// Ends every listener's stream: the server stops.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// A listener; `None` when there are too many.
    pub(crate) fn listen(&self) -> Option<Receiver<Arc<TraceMessage>>> {
        (self.messages.receiver_count() < LISTENERS_MAX).then(|| self.messages.subscribe())
    }

    /// Becomes true when the hub is closed.
    pub(crate) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }
}

impl Default for TraceHub {
    fn default() -> Self {
        TraceHub::new()
    }
}
