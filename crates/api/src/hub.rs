//! What has happened, in order and with a cursor, for the WebSockets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use axum::extract::ws::Utf8Bytes;
use baton_contact::ContactId;
use baton_contact::event::{ContactEvent, EventKind};
use baton_contact::snapshot::{AgentSnapshot, ContactState};
use serde::Serialize;
use tokio::sync::watch;

use crate::state::locked;

/// Most messages that are kept.
const MESSAGES_MAX: usize = 16_384;
/// Most bytes of kept messages, as [`weight`] has them.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// What an event or an agent's contact takes without attributes, in bytes, written and not.
const PART_BYTES: usize = 1_024;
/// Most messages that one look into the ring passes: the ring is locked meanwhile.
const LOOK_MAX: usize = 1_024;
/// Most contacts whose agents are remembered, in case a contact's end never comes by.
const CONTACTS_MAX: usize = 50_000;

/// The bounded ring of events and agents' snapshots. Every WebSocket reads from it at its own pace; whoever falls out of
/// it was too slow.
#[derive(Debug)]
pub struct EventHub {
    ring: Mutex<Ring>,
    /// The cursor of the latest message; closed when the server stops.
    latest: watch::Sender<u64>,
    closed: watch::Sender<bool>,
}

/// What the WebSockets are told of.
#[derive(Debug)]
pub enum Happening {
    /// A contact's event. In a box: a batch of them is moved about.
    Event(Box<ContactEvent>),
    /// An agent that changed, or one of whose contacts did.
    Agent(Box<AgentSnapshot>),
}

#[derive(Debug)]
struct Ring {
    messages: VecDeque<Message>,
    /// The cursor of the latest message.
    last: u64,
    /// The cursor of the latest message that is no longer kept.
    forgotten: u64,
    bytes: usize,
    /// Who is or has been a contact's agent (`true`), or is offered it now (`false`).
    agents: BTreeMap<ContactId, BTreeMap<Arc<str>, bool>>,
}

#[derive(Debug, Clone)]
struct Message {
    content: Arc<Content>,
    bytes: usize,
    /// Whose it is; administrators see all.
    agents: Vec<Arc<str>>,
}

/// A message, written as JSON when the first WebSocket wants it: most are wanted by none.
#[derive(Debug)]
struct Content {
    push: Push,
    text: OnceLock<Utf8Bytes>,
}

/// What comes after a cursor.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    /// The messages that the viewer may see.
    pub(crate) messages: Vec<Utf8Bytes>,
    /// The cursor behind the last one that was looked at.
    pub(crate) cursor: u64,
    /// Whether more is there already.
    pub(crate) more: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Push {
    Event { cursor: u64, event: Box<ContactEvent> },
    Agent { cursor: u64, agent: Box<AgentSnapshot> },
}

impl EventHub {
    /// An empty hub. Cursors begin at `now_ms × 1000`, so they rise over restarts and a client with a cursor from before
    /// one is told to begin anew.
    pub fn new(now_ms: u64) -> Self {
        let first = now_ms.saturating_mul(1_000);
        let ring = Ring { messages: VecDeque::new(), last: first, forgotten: first, bytes: 0, agents: BTreeMap::new() };
        EventHub { ring: Mutex::new(ring), latest: watch::Sender::new(first), closed: watch::Sender::new(false) }
    }

    /// What has happened, once it is stored, in order. Those who wait are told once of all of it.
    pub fn push(&self, happenings: impl IntoIterator<Item = Happening>) {
        let mut ring = locked(&self.ring);
        for happening in happenings {
            match happening {
                Happening::Event(event) => ring.push_event(event),
                Happening::Agent(agent) => ring.push_agent(agent),
            }
        }
        let latest = ring.last;
        drop(ring);
        self.latest.send_if_modified(|told| std::mem::replace(told, latest) != latest);
    }

    /// Ends all WebSockets with 1001 (going away).
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// How many messages are kept, and how many bytes they count for: both are bounded.
    pub(crate) fn kept(&self) -> (usize, usize) {
        let ring = locked(&self.ring);
        (ring.messages.len(), ring.bytes)
    }

    /// Tells of new messages.
    pub(crate) fn latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Tells of the end.
    pub(crate) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// The cursor of the latest message.
    pub(crate) fn cursor(&self) -> u64 {
        locked(&self.ring).last
    }

    /// Up to `max` messages after a cursor for `viewer` (`None` sees all). `None` when messages after it are
    /// no longer kept, or the cursor is none of this hub.
    pub(crate) fn after(&self, cursor: u64, viewer: Option<&str>, max: usize) -> Option<Batch> {
        let ring = locked(&self.ring);
        if cursor < ring.forgotten || cursor > ring.last {
            return None;
        }
        let start = usize::try_from(cursor - ring.forgotten).ok()?;
        let mut batch = Batch { messages: Vec::new(), cursor, more: false };
        let mut seen = Vec::new();
        for (looked, message) in ring.messages.range(start..).enumerate() {
            if seen.len() == max || looked == LOOK_MAX {
                batch.more = true;
                break;
            }
            if viewer.is_none_or(|viewer| message.agents.iter().any(|agent| &**agent == viewer)) {
                seen.push(Arc::clone(&message.content));
            }
            batch.cursor += 1;
        }
        drop(ring);
        batch.messages = seen.iter().map(|content| content.text()).collect();
        Some(batch)
    }
}

impl Content {
    fn text(&self) -> Utf8Bytes {
        // An event is plain data and always JSON.
        self.text.get_or_init(|| serde_json::to_string(&self.push).unwrap_or_default().into()).clone()
    }
}

impl Ring {
    fn push_event(&mut self, event: Box<ContactEvent>) {
        if let Some(agent) = agent_of(&event.kind) {
            self.remember(event.contact_id, agent, matches!(event.kind, EventKind::ConnectedToAgent { .. }));
        }
        let agents = self.agents.get(&event.contact_id).map(|agents| agents.keys().cloned().collect());
        match &event.kind {
            EventKind::Completed => drop(self.agents.remove(&event.contact_id)),
            EventKind::Missed { agent, .. } => self.forget_unless_connected(event.contact_id, agent),
            _ => {}
        }
        let cursor = self.last + 1;
        self.push(Push::Event { cursor, event }, agents.unwrap_or_default());
    }

    fn push_agent(&mut self, agent: Box<AgentSnapshot>) {
        for contact in &agent.contacts {
            let connected = match contact.state {
                // It is somebody else's by now.
                ContactState::Missed => continue,
                ContactState::Queued | ContactState::Incoming => false,
                ContactState::Connecting | ContactState::Connected | ContactState::Acw | ContactState::Completed => {
                    true
                }
            };
            self.remember(contact.contact_id, &agent.username, connected);
        }
        let cursor = self.last + 1;
        let agents = vec![Arc::from(agent.username.as_str())];
        self.push(Push::Agent { cursor, agent }, agents);
    }

    fn push(&mut self, push: Push, agents: Vec<Arc<str>>) {
        let bytes = weight(&push);
        self.last += 1;
        self.bytes += bytes;
        let content = Arc::new(Content { push, text: OnceLock::new() });
        self.messages.push_back(Message { content, bytes, agents });
        while self.messages.len() > MESSAGES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.messages.pop_front() else { return };
            self.bytes -= oldest.bytes;
            self.forgotten += 1;
        }
    }

    fn remember(&mut self, contact: ContactId, agent: &str, connected: bool) {
        let agents = self.agents.entry(contact).or_default();
        match agents.get_mut(agent) {
            Some(known) => *known |= connected,
            None => drop(agents.insert(Arc::from(agent), connected)),
        }
        if self.agents.len() > CONTACTS_MAX {
            self.agents.pop_first();
        }
    }

    fn forget_unless_connected(&mut self, contact: ContactId, agent: &str) {
        let Some(agents) = self.agents.get_mut(&contact) else { return };
        if agents.get(agent) == Some(&false) {
            agents.remove(agent);
        }
    }
}

/// About how many bytes a message takes. Attributes may be long, twice: as they are and in the text; all else is short.
fn weight(push: &Push) -> usize {
    let long = |attributes: &BTreeMap<String, String>| {
        attributes.iter().map(|(key, value)| 2 * (key.len() + value.len())).sum::<usize>()
    };
    match push {
        Push::Event { event, .. } => match &event.kind {
            EventKind::ContactDataUpdated { attributes } => PART_BYTES + long(attributes),
            _ => PART_BYTES,
        },
        Push::Agent { agent, .. } => {
            PART_BYTES + agent.contacts.iter().map(|contact| PART_BYTES + long(&contact.attributes)).sum::<usize>()
        }
    }
}

fn agent_of(kind: &EventKind) -> Option<&str> {
    match kind {
        EventKind::Offered { agent }
        | EventKind::Missed { agent, .. }
        | EventKind::ConnectedToAgent { agent, .. }
        | EventKind::Recalled { agent, .. } => Some(agent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(contact: u128, sequence: u64, kind: EventKind) -> ContactEvent {
        let contact_id = ContactId(contact);
        ContactEvent { contact_id, root_contact_id: contact_id, sequence, at_ms: 7, kind }
    }

    fn offered(agent: &str) -> EventKind {
        EventKind::Offered { agent: agent.to_owned() }
    }

    fn tell(hub: &EventHub, event: ContactEvent) {
        hub.push([Happening::Event(Box::new(event))]);
    }

    fn seen(hub: &EventHub, after: u64, viewer: Option<&str>) -> Vec<u64> {
        let batch = hub.after(after, viewer, 1_000).expect("kept");
        let cursor = |text: &Utf8Bytes| serde_json::from_str::<serde_json::Value>(text).unwrap()["cursor"].as_u64();
        batch.messages.iter().filter_map(cursor).collect()
    }

    #[test]
    fn an_agent_sees_its_own_contacts_and_an_administrator_all() {
        let hub = EventHub::new(1);
        tell(&hub, event(1, 1, EventKind::ConnectedToSystem));
        tell(&hub, event(1, 2, offered("anna")));
        tell(&hub, event(2, 1, offered("ben")));
        tell(&hub, event(1, 3, EventKind::Completed));
        assert_eq!(seen(&hub, 1_000, None), [1_001, 1_002, 1_003, 1_004]);
        assert_eq!(seen(&hub, 1_000, Some("anna")), [1_002, 1_004]);
        assert_eq!(seen(&hub, 1_002, Some("ben")), [1_003]);
        assert_eq!(seen(&hub, 1_004, Some("ben")), [0; 0]);
    }

    #[test]
    fn a_cursor_of_another_hub_or_out_of_the_ring_is_refused() {
        let hub = EventHub::new(1);
        assert!(hub.after(999, None, 10).is_none());
        assert!(hub.after(1_001, None, 10).is_none());
        for n in 0..(MESSAGES_MAX as u64 + 5) {
            tell(&hub, event(1, n, EventKind::Swapped));
        }
        assert!(hub.after(1_004, None, 10).is_none());
        let batch = hub.after(1_005, None, 10).expect("kept");
        assert_eq!((batch.messages.len(), batch.cursor, batch.more), (10, 1_015, true));
    }

    #[test]
    fn whoever_missed_a_contact_sees_no_more_of_it_unless_it_was_theirs() {
        let hub = EventHub::new(1);
        let missed = |agent: &str| EventKind::Missed { agent: agent.to_owned(), reason: "timeout".to_owned() };
        tell(&hub, event(1, 1, offered("anna")));
        tell(&hub, event(1, 2, missed("anna")));
        tell(&hub, event(1, 3, offered("ben")));
        let connected = EventKind::ConnectedToAgent { agent: "ben".to_owned(), routing_profile: None };
        tell(&hub, event(1, 4, connected));
        tell(&hub, event(1, 5, missed("ben")));
        tell(&hub, event(1, 6, EventKind::Swapped));
        assert_eq!(seen(&hub, 1_000, Some("anna")), [1_001, 1_002]);
        assert_eq!(seen(&hub, 1_000, Some("ben")), [1_003, 1_004, 1_005, 1_006]);
        tell(&hub, event(1, 7, offered("anna")));
        assert_eq!(seen(&hub, 1_006, Some("anna")), [1_007]);
    }

    #[test]
    fn one_look_passes_a_bounded_number_of_messages() {
        let hub = EventHub::new(1);
        for n in 0..(LOOK_MAX as u64 + 5) {
            tell(&hub, event(1, n, EventKind::Swapped));
        }
        let first = hub.after(1_000, Some("anna"), 10).expect("kept");
        assert_eq!(first, Batch { messages: vec![], cursor: 1_000 + LOOK_MAX as u64, more: true });
        let second = hub.after(first.cursor, Some("anna"), 10).expect("kept");
        assert_eq!(second, Batch { messages: vec![], cursor: 1_005 + LOOK_MAX as u64, more: false });
    }

    #[test]
    fn what_cannot_be_seen_still_moves_the_cursor() {
        let hub = EventHub::new(1);
        tell(&hub, event(2, 1, offered("ben")));
        assert_eq!(hub.after(1_000, Some("anna"), 10), Some(Batch { messages: vec![], cursor: 1_001, more: false }));
    }

    #[test]
    fn big_messages_push_out_old_ones() {
        let hub = EventHub::new(1);
        let value = "x".repeat(1024 * 1024);
        for n in 0..40 {
            let attributes = [("key".to_owned(), value.clone())].into();
            tell(&hub, event(1, n, EventKind::ContactDataUpdated { attributes }));
        }
        assert!(locked(&hub.ring).bytes <= BYTES_MAX);
        assert!(hub.after(1_000, None, 10).is_none());
    }
}
