//! A contact record is a pure fold over its contact's events: the same events give the same record, whenever they are
//! folded. Times are kept in milliseconds; whole seconds are made of them once, when the record is read.

use std::collections::{BTreeMap, BTreeSet};

use baton_contact::directory::Supervision;
use baton_contact::event::{
    ContactEvent, DisconnectReason, EndpointAddress, EventKind, InitiationMethod, LegReport, PartyRole, TransferType,
};
use baton_contact::{ConnectionId, ContactId};

use crate::record::TimelineEntry;
use crate::timeline;

/// Entries of a record's timeline; later ones are counted, and stay in the stored events.
const TIMELINE_MAX: usize = 1_000;
/// Legs, next contacts, and stretches of talk that are kept one by one.
const PARTS_MAX: usize = 1_000;

/// One contact, folded so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold {
    pub(crate) contact: ContactId,
    pub(crate) root: ContactId,
    pub(crate) initial: Option<ContactId>,
    pub(crate) previous: Option<ContactId>,
    pub(crate) next: Vec<ContactId>,
    pub(crate) method: Option<InitiationMethod>,
    pub(crate) customer: Option<EndpointAddress>,
    pub(crate) system: Option<EndpointAddress>,
    pub(crate) quick_connect: Option<String>,
    pub(crate) recalled_from: Option<ContactId>,
    pub(crate) initiated_ms: Option<u64>,
    pub(crate) connected_to_system_ms: Option<u64>,
    pub(crate) updated_ms: u64,
    pub(crate) queue: Option<QueuePart>,
    pub(crate) attempts: u32,
    pub(crate) agent: Option<AgentPart>,
    pub(crate) interaction: Interaction,
    pub(crate) holds: Holds,
    pub(crate) transfer: Option<TransferPart>,
    pub(crate) transfer_completed_ms: Option<u64>,
    pub(crate) transferred_to: Option<EndpointAddress>,
    pub(crate) left_by: Option<String>,
    pub(crate) disconnect: Option<DisconnectPart>,
    pub(crate) acw_ms: Option<u64>,
    pub(crate) completed_ms: Option<u64>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) legs: Vec<LegReport>,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) timeline_omitted: u64,
}

/// The last wait in a queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueuePart {
    pub(crate) name: String,
    pub(crate) personal: bool,
    pub(crate) enqueue_ms: u64,
    pub(crate) dequeue_ms: Option<u64>,
}

/// The agent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AgentPart {
    pub(crate) username: String,
    pub(crate) routing_profile: Option<String>,
    pub(crate) connected_ms: u64,
    /// How a supervisor has taken part: as what, from when, until when.
    pub(crate) supervision: Vec<(Supervision, u64, Option<u64>)>,
}

/// Time with the customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Interaction {
    since_ms: Option<u64>,
    /// All of it that is over.
    pub(crate) total_ms: u64,
    /// From and to, for the summary.
    pub(crate) stretches: Vec<(u64, u64)>,
}

/// The customer's holds that are booked on this contact.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Holds {
    since_ms: BTreeMap<ConnectionId, u64>,
    /// Holds that were booked because the contact ended; being told of their end afterwards books them no second time.
    ended: BTreeSet<ConnectionId>,
    pub(crate) count: u32,
    pub(crate) total_ms: u64,
    pub(crate) longest_ms: u64,
}

/// How a transfer went; the last one stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TransferPart {
    pub(crate) kind: TransferType,
    pub(crate) outcome: String,
    pub(crate) sip_status: u16,
    pub(crate) q850: Option<u16>,
}

/// How the talking part ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DisconnectPart {
    pub(crate) at_ms: u64,
    pub(crate) reason: Option<DisconnectReason>,
    pub(crate) sip_status: u16,
    pub(crate) q850: Option<u16>,
}

impl Fold {
    /// A contact of which nothing is known yet.
    pub fn new(contact: ContactId) -> Self {
        Fold {
            contact,
            root: contact,
            initial: None,
            previous: None,
            next: Vec::new(),
            method: None,
            customer: None,
            system: None,
            quick_connect: None,
            recalled_from: None,
            initiated_ms: None,
            connected_to_system_ms: None,
            updated_ms: 0,
            queue: None,
            attempts: 0,
            agent: None,
            interaction: Interaction::default(),
            holds: Holds::default(),
            transfer: None,
            transfer_completed_ms: None,
            transferred_to: None,
            left_by: None,
            disconnect: None,
            acw_ms: None,
            completed_ms: None,
            attributes: BTreeMap::new(),
            legs: Vec::new(),
            timeline: Vec::new(),
            timeline_omitted: 0,
        }
    }

    /// The next event of this contact, in the order of `sequence`. Events of other contacts change nothing.
    pub fn apply(&mut self, event: &ContactEvent) {
        if event.contact_id != self.contact {
            return;
        }
        let at = event.at_ms;
        self.root = event.root_contact_id;
        self.initiated_ms.get_or_insert(at);
        self.updated_ms = self.updated_ms.max(at);
        self.note(event);
        match &event.kind {
            EventKind::Initiated { .. } => self.initiate(at, &event.kind),
            EventKind::NextContact { next_contact_id } => push(&mut self.next, *next_contact_id),
            EventKind::ConnectedToSystem => {
                self.connected_to_system_ms.get_or_insert(at);
            }
            EventKind::Queued { queue, personal } => self.enqueue(at, queue, *personal),
            EventKind::Dequeued => self.dequeue(at),
            EventKind::Offered { .. } => self.attempts = self.attempts.saturating_add(1),
            EventKind::ConnectedToAgent { agent, routing_profile } => self.connect_agent(at, agent, routing_profile),
            EventKind::InteractionStarted => self.start_interaction(at),
            EventKind::InteractionEnded => self.interaction.end(at),
            EventKind::Held { connection_id, role: PartyRole::Customer } => self.hold(at, *connection_id),
            EventKind::Resumed { connection_id, role: PartyRole::Customer, held_ms } => {
                self.holds.resume(*connection_id, *held_ms);
            }
            EventKind::Supervision { mode, .. } => self.supervise(at, Some(*mode)),
            EventKind::Transfer { .. } => self.transfer(at, &event.kind),
            EventKind::Left { by } => self.leave(at, by),
            EventKind::LegEnded { leg } => push(&mut self.legs, leg.as_ref().clone()),
            EventKind::Disconnected { reason, sip_status, q850 } => {
                self.disconnect(at, Some(*reason), *sip_status, *q850);
            }
            EventKind::AcwStarted => {
                self.acw_ms.get_or_insert(at);
            }
            EventKind::Completed => self.complete(at),
            EventKind::ContactDataUpdated { attributes } => self.attributes = attributes.clone(),
            EventKind::Held { .. }
            | EventKind::Resumed { .. }
            | EventKind::Missed { .. }
            | EventKind::Swapped
            | EventKind::Joined
            | EventKind::TargetRinging { .. }
            | EventKind::Whispering { .. }
            | EventKind::TargetFailed { .. }
            | EventKind::Muted { .. }
            | EventKind::Unmuted { .. }
            | EventKind::Recalled { .. }
            | EventKind::LeavePending { .. }
            | EventKind::LeaveUndone
            | EventKind::HoldReminder { .. }
            | EventKind::Digits { .. }
            | EventKind::Audio { .. } => {}
        }
    }

    /// The contact.
    pub fn contact_id(&self) -> ContactId {
        self.contact
    }

    /// Whether the contact is complete: its record may be emitted.
    pub fn is_completed(&self) -> bool {
        self.completed_ms.is_some()
    }

    /// Whether its talking part is over.
    pub fn is_disconnected(&self) -> bool {
        self.disconnect.is_some()
    }

    /// Milliseconds in the queue so far.
    pub(crate) fn queue_ms(&self) -> u64 {
        let wait = |queue: &QueuePart| queue.dequeue_ms.map(|end| end.saturating_sub(queue.enqueue_ms));
        self.queue.as_ref().and_then(wait).unwrap_or(0)
    }

    fn note(&mut self, event: &ContactEvent) {
        let Some(entry) = timeline::entry(event) else { return };
        if self.timeline.len() < TIMELINE_MAX {
            self.timeline.push(entry);
        } else {
            self.timeline_omitted += 1;
        }
    }

    fn initiate(&mut self, at: u64, kind: &EventKind) {
        let EventKind::Initiated {
            initial_contact_id,
            previous_contact_id,
            method,
            customer_endpoint,
            system_endpoint,
            quick_connect,
            recalled_from,
        } = kind
        else {
            return;
        };
        self.initiated_ms = Some(at);
        self.initial = *initial_contact_id;
        self.previous = *previous_contact_id;
        self.method = Some(*method);
        self.customer = customer_endpoint.clone();
        self.system = system_endpoint.clone();
        self.quick_connect = quick_connect.clone();
        self.recalled_from = *recalled_from;
    }

    /// Another wait replaces the one before: one contact has one queue.
    fn enqueue(&mut self, at: u64, queue: &str, personal: bool) {
        self.queue = Some(QueuePart { name: queue.to_owned(), personal, enqueue_ms: at, dequeue_ms: None });
    }

    fn dequeue(&mut self, at: u64) {
        if let Some(queue) = &mut self.queue {
            queue.dequeue_ms.get_or_insert(at);
        }
    }

    fn connect_agent(&mut self, at: u64, username: &str, routing_profile: &Option<String>) {
        self.dequeue(at);
        if self.agent.as_ref().is_some_and(|agent| agent.username == username) {
            return; // the same agent again: the first time stands
        }
        let (username, routing_profile) = (username.to_owned(), routing_profile.clone());
        self.agent = Some(AgentPart { username, routing_profile, connected_ms: at, supervision: Vec::new() });
    }

    /// A supervisor takes part in another way, or no longer.
    fn supervise(&mut self, at: u64, mode: Option<Supervision>) {
        let Some(agent) = &mut self.agent else { return };
        if let Some((_, _, end)) = agent.supervision.last_mut() {
            end.get_or_insert(at);
        }
        if let Some(mode) = mode {
            push(&mut agent.supervision, (mode, at, None));
        }
    }

    fn start_interaction(&mut self, at: u64) {
        if !self.is_disconnected() {
            self.interaction.since_ms.get_or_insert(at);
        }
    }

    /// A held customer hears music only, so nobody interacts with it.
    fn hold(&mut self, at: u64, connection: ConnectionId) {
        self.interaction.end(at);
        if !self.is_disconnected() && self.holds.since_ms.len() < PARTS_MAX {
            self.holds.since_ms.entry(connection).or_insert(at);
            self.holds.ended.remove(&connection);
        }
    }

    fn transfer(&mut self, at: u64, kind: &EventKind) {
        let EventKind::Transfer { transfer_type, outcome, sip_status, q850, transferred_to, completed } = kind else {
            return;
        };
        let (kind, sip_status, q850) = (*transfer_type, *sip_status, *q850);
        self.transfer = Some(TransferPart { kind, outcome: outcome.clone(), sip_status, q850 });
        if *completed {
            self.transfer_completed_ms = Some(at);
            self.transferred_to = transferred_to.clone();
        } else if kind == TransferType::Failed {
            // A cold transfer counted as complete when its initiator left; its target was not reached after all.
            self.transfer_completed_ms = None;
            self.transferred_to = None;
        }
    }

    /// The customer's leaving ends its hold; an agent's may hand it on.
    fn leave(&mut self, at: u64, by: &str) {
        self.left_by = Some(by.to_owned());
        if by == "customer" {
            self.interaction.end(at);
            self.holds.end_all(at);
        }
    }

    fn disconnect(&mut self, at: u64, reason: Option<DisconnectReason>, sip_status: u16, q850: Option<u16>) {
        if self.is_disconnected() {
            return;
        }
        self.interaction.end(at);
        self.dequeue(at);
        self.supervise(at, None);
        // A hold that the agent leaves behind is booked on the agent who ends it, if anybody is there to do so.
        let inherited = reason == Some(DisconnectReason::AgentDisconnect) && !self.next.is_empty();
        if inherited {
            self.holds.since_ms.clear();
        }
        self.holds.end_all(at);
        self.disconnect = Some(DisconnectPart { at_ms: at, reason, sip_status, q850 });
    }

    fn complete(&mut self, at: u64) {
        self.disconnect(at, None, 0, None);
        self.completed_ms.get_or_insert(at);
    }
}

impl Interaction {
    fn end(&mut self, at: u64) {
        let Some(since) = self.since_ms.take() else { return };
        let until = at.max(since);
        self.total_ms = self.total_ms.saturating_add(until - since);
        push(&mut self.stretches, (since, until));
    }
}

impl Holds {
    fn resume(&mut self, connection: ConnectionId, held_ms: u64) {
        self.since_ms.remove(&connection);
        // No time: another agent has ended this one's hold, and has it booked.
        if !self.ended.remove(&connection) && held_ms > 0 {
            self.book(held_ms);
        }
    }

    fn book(&mut self, held_ms: u64) {
        self.count = self.count.saturating_add(1);
        self.total_ms = self.total_ms.saturating_add(held_ms);
        self.longest_ms = self.longest_ms.max(held_ms);
    }

    fn end_all(&mut self, at: u64) {
        for (connection, since) in std::mem::take(&mut self.since_ms) {
            self.book(at.saturating_sub(since));
            self.ended.insert(connection);
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() < PARTS_MAX {
        list.push(item);
    }
}
