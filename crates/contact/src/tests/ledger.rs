//! A second book-keeping, by watching states instead of events: who talked with the customer for how long, how long
//! customers were held, and who talked with whoever brought it in. At the end, and whenever a transfer is told, it is compared
//! with what the events say, which is all that contact records are made of.

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::directory::Supervision;
use crate::event::{ContactEvent, DisconnectReason, EventKind, InitiationMethod, PartyRole, TransferType};
use crate::ids::{ConnectionId, ContactId};

/// Times that were seen to pass, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    interaction_ms: BTreeMap<ContactId, u64>,
    held_ms: u64,
    brought: BTreeMap<ConnectionId, Brought>,
    told: Vec<(ContactId, TransferType)>,
    /// Contacts of those who came into a conference room by themselves.
    guests: BTreeSet<ContactId>,
}

/// A party that somebody has brought in, or that supervises somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Brought {
    /// The contact of that somebody.
    by: ContactId,
    connected: bool,
    /// They were in one bridge.
    consulted: bool,
    /// The customer was in it too.
    joined: bool,
    supervises: bool,
}

impl Brought {
    /// What has been stays so, but for the modes of a supervisor.
    fn after(self, before: Option<Brought>) -> Brought {
        let before = before.filter(|_| !self.supervises);
        let has = |was: fn(Brought) -> bool| before.is_some_and(was);
        let (consulted, joined) =
            (self.consulted || has(|each| each.consulted), self.joined || has(|each| each.joined));
        Brought { consulted, joined, ..self }
    }

    /// The kind of its transfer, if whoever brought it in left now.
    fn when_left(self) -> TransferType {
        match self {
            Brought { joined: true, .. } => TransferType::WarmConference,
            Brought { consulted: true, .. } => TransferType::WarmConsult,
            _ => TransferType::Cold,
        }
    }

    /// The kind of its transfer, if it left now.
    fn when_gone(self) -> Option<TransferType> {
        let kind = if self.joined { TransferType::ConferenceOnly } else { TransferType::ConsultOnly };
        self.connected.then_some(kind)
    }
}

impl Ledger {
    /// An event has come out.
    pub(super) fn hear(&mut self, event: &ContactEvent) {
        if let EventKind::Transfer { transfer_type, .. } = event.kind
            && transfer_type != TransferType::Failed
        {
            self.told.push((event.contact_id, transfer_type));
        }
    }

    /// A moment is over: the transfers that were told in it are of the kinds that what was seen before makes them.
    pub(super) fn look<'a>(&mut self, conversations: impl Iterator<Item = &'a Conversation> + Clone) {
        let rooms = conversations.clone().filter(|each| each.conference.is_some());
        self.guests.extend(rooms.flat_map(|room| &room.contacts).map(|contact| contact.id));
        let known = |id: &ConnectionId| self.brought.get(id).copied();
        let now: BTreeMap<ConnectionId, Brought> =
            conversations.flat_map(|each| brought(each).map(|(id, new)| (id, new.after(known(&id))))).collect();
        let told = std::mem::take(&mut self.told);
        for (contact, kind) in &told {
            let count = told.iter().filter(|each| **each == (*contact, *kind)).count();
            let of = || self.brought.values().filter(|each| each.by == *contact);
            let right = of().flat_map(|each| [Some(each.when_left()), each.when_gone()]).flatten();
            let right = right.filter(|each| each == kind).count();
            // Who was brought in and left to the customer within one moment has talked with nobody.
            let fresh = now.iter().any(|(id, each)| each.by == *contact && !self.brought.contains_key(id));
            let may_be_fresh = *kind == TransferType::Cold && (fresh || now.is_empty());
            let all: Vec<_> = of().collect();
            assert!(count <= right || may_be_fresh, "{contact}: {count} times {kind:?} with {all:?}");
        }
        self.brought = now;
    }
}

/// Who was brought in, and how far that is now.
fn brought(conversation: &Conversation) -> impl Iterator<Item = (ConnectionId, Brought)> {
    let customer_talks = conversation.customers().any(Connection::talks);
    let targets = conversation.live().filter_map(move |party| {
        let by = conversation.connection(party.added_by?)?;
        let consulted = party.talks() && by.talks();
        let joined = consulted && customer_talks;
        Some((
            party.id,
            Brought { by: by.contact, connected: party.is_connected(), consulted, joined, supervises: false },
        ))
    });
    // Who takes over is a target whose initiator leaves; before that it has talked when it has barged in.
    let supervisors = conversation.monitors().filter_map(|party| {
        let monitor = party.monitor?;
        let joined = monitor.mode == Supervision::Barge;
        Some((party.id, Brought { by: monitor.of, connected: false, consulted: false, joined, supervises: true }))
    });
    targets.chain(supervisors)
}

impl World {
    /// Time is about to pass until `until_us`, in the state that is there now.
    pub(super) fn watch(&mut self, until_us: u64) {
        let ms = until_us / 1_000 - self.desk.now_us / 1_000;
        for conversation in self.desk.conversations.values().filter(|each| each.conference.is_none()) {
            let customer_talks = conversation.customers().any(Connection::talks);
            let held = conversation.customers().filter(|each| each.is_connected() && each.hold.is_some());
            self.ledger.held_ms += ms * held.count() as u64;
            let talking: BTreeSet<ContactId> = (conversation.live())
                .filter(|each| customer_talks && !each.initial && each.talks())
                .map(|each| each.contact)
                .collect();
            for contact in talking {
                *self.ledger.interaction_ms.entry(contact).or_default() += ms;
            }
        }
    }

    /// Every contact has one record, linked rightly, and its durations are those that were seen.
    pub(super) fn records_are_right(&self) {
        let mut records: BTreeMap<ContactId, Record> = BTreeMap::new();
        for event in &self.events {
            let known = records.keys().copied().collect();
            records.entry(event.contact_id).or_default().apply(event, &known);
        }
        for (contact, record) in &records {
            record.check(*contact, &records, self.ledger.guests.contains(contact));
            let seen_ms = self.ledger.interaction_ms.get(contact).copied().unwrap_or_default();
            assert_eq!(record.interaction_ms, seen_ms, "{contact}: time with the customer");
        }
        let booked_ms: u64 = records.values().map(|record| record.held_ms).sum();
        assert_eq!(booked_ms, self.ledger.held_ms, "each hold of a customer is booked once: {records:#?}");
    }
}

/// What a record is made of, as the store's fold makes it.
#[derive(Debug, Default)]
struct Record {
    links: Option<(Option<ContactId>, Option<ContactId>)>,
    next: Vec<ContactId>,
    supervises: bool,
    begun_ms: u64,
    connected_ms: Option<u64>,
    interacting_since_ms: Option<u64>,
    interaction_ms: u64,
    held_since_ms: BTreeMap<ConnectionId, u64>,
    hold_ended: BTreeSet<ConnectionId>,
    held_ms: u64,
    disconnected_ms: Option<u64>,
    completed_ms: Option<u64>,
}

impl Record {
    fn apply(&mut self, event: &ContactEvent, known: &BTreeSet<ContactId>) {
        let at_ms = event.at_ms;
        // Late facts: the record is told anew with them.
        use EventKind::{LegEnded, NextContact, TargetFailed, Transfer};
        let late = matches!(event.kind, LegEnded { .. } | NextContact { .. } | TargetFailed { .. } | Transfer { .. });
        assert!(late || self.completed_ms.is_none(), "an event after the record is complete: {event:?}");
        match &event.kind {
            EventKind::Initiated { initial_contact_id, previous_contact_id, method, .. } => {
                self.supervises = *method == InitiationMethod::Monitor;
                assert!(self.links.is_none(), "it begins once");
                let earlier =
                    [initial_contact_id, previous_contact_id].into_iter().flatten().all(|id| known.contains(id));
                assert!(earlier, "it is linked to contacts that were there before: {event:?}");
                (self.links, self.begun_ms) = (Some((*initial_contact_id, *previous_contact_id)), at_ms);
            }
            EventKind::NextContact { next_contact_id } => self.next.push(*next_contact_id),
            EventKind::ConnectedToAgent { .. } => drop(self.connected_ms.get_or_insert(at_ms)),
            EventKind::InteractionStarted => {
                assert!(self.interacting_since_ms.replace(at_ms).is_none(), "it starts once before it ends");
            }
            EventKind::InteractionEnded => self.end_interaction(at_ms),
            EventKind::Held { connection_id, role: PartyRole::Customer } => {
                self.held_since_ms.insert(*connection_id, at_ms);
                self.hold_ended.remove(connection_id);
            }
            EventKind::Resumed { connection_id, role: PartyRole::Customer, held_ms } => {
                self.held_since_ms.remove(connection_id);
                self.held_ms += if self.hold_ended.remove(connection_id) { 0 } else { *held_ms };
            }
            EventKind::Left { by } if by == "customer" => self.end_holds(at_ms),
            EventKind::Disconnected { reason, .. } => {
                assert!(self.disconnected_ms.replace(at_ms).is_none(), "it ends once");
                if *reason == DisconnectReason::AgentDisconnect && !self.next.is_empty() {
                    self.held_since_ms.clear();
                }
                self.end_holds(at_ms);
            }
            EventKind::Completed => self.completed_ms = Some(at_ms),
            _ => {}
        }
    }

    fn end_interaction(&mut self, at_ms: u64) {
        let since_ms = self.interacting_since_ms.take().expect("what ends has started");
        self.interaction_ms += at_ms - since_ms;
    }

    fn end_holds(&mut self, at_ms: u64) {
        for (connection, since_ms) in std::mem::take(&mut self.held_since_ms) {
            self.held_ms += at_ms - since_ms;
            self.hold_ended.insert(connection);
        }
    }

    fn check(&self, own: ContactId, records: &BTreeMap<ContactId, Record>, guest: bool) {
        let (initial, previous) = self.links.expect("each contact begins");
        // A guest of a room came by itself, or was called by another one; the first of them names the room.
        let linked = guest || initial.is_none() == previous.is_none();
        assert!(linked, "{own}: the root has no links, all others have both");
        if let Some(previous) = previous {
            let told = records[&previous].next.iter().filter(|next| **next == own).count();
            // What is supervised does not show it.
            let expected = usize::from(!self.supervises);
            assert_eq!(told, expected, "{own} is a next contact of its previous one");
        }
        for next in &self.next {
            assert_eq!(records[next].links.expect("begun").1, Some(own), "{next} knows whom it came from");
        }
        let end_ms = self.disconnected_ms.expect("each contact ends");
        assert!(self.completed_ms.expect("each record is complete") >= end_ms, "{own}");
        assert!(self.interacting_since_ms.is_none(), "{own}: an interaction does not end");
        // A hold may be inherited, but nobody is held longer than it was there.
        let root = initial.map_or(self, |root| &records[&root]);
        assert!(self.held_ms <= end_ms - root.begun_ms, "{own}: held longer than it was there: {records:#?}");
        let from_ms = self.connected_ms.unwrap_or(self.begun_ms);
        assert!(self.interaction_ms <= end_ms - from_ms, "{own}: it talked longer than it was there");
    }
}
