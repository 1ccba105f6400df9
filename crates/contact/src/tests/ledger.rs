//! A second book-keeping, by watching states instead of events: who talked with the customer for how long, and how long
//! customers were held. At the end it is compared with what the events say, which is all that contact records are made of.

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::connection::Connection;
use crate::event::{ContactEvent, DisconnectReason, EventKind, InitiationMethod, PartyRole};
use crate::ids::{ConnectionId, ContactId};

/// Times that were seen to pass, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    interaction_ms: BTreeMap<ContactId, u64>,
    held_ms: u64,
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
            record.check(*contact, &records);
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

    fn check(&self, own: ContactId, records: &BTreeMap<ContactId, Record>) {
        let (initial, previous) = self.links.expect("each contact begins");
        assert_eq!(initial.is_none(), previous.is_none(), "{own}: the root has no links, all others have both");
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
