//! What has happened, in order and with a cursor, for the WebSockets.

use baton_contact::event::ContactEvent;
use baton_contact::snapshot::AgentSnapshot;

/// The bounded ring of events and agents' snapshots.
#[derive(Debug)]
pub struct EventHub {}

impl EventHub {
    /// An empty hub. Cursors begin at `now_ms × 1000`, so they rise over restarts and a client with a cursor from before
    /// one is told to begin anew.
    pub fn new(now_ms: u64) -> Self {
        let _ = now_ms;
        EventHub {}
    }

    /// An event, once it is stored.
    pub fn push_event(&self, event: &ContactEvent) {
        let _ = event;
    }

    /// An agent that changed, or one of whose contacts did.
    pub fn push_agent(&self, agent: &AgentSnapshot) {
        let _ = agent;
    }

    /// Ends all WebSockets with 1001 (going away).
    pub fn close(&self) {}
}
