//! Writes conversations down as lists of times, contacts and events; and what tests of a store share.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use baton_contact::event::{
    ContactEvent, DisconnectReason, EndpointAddress, EventKind, InitiationMethod, LegReport, PartyRole, TransferType,
};
use baton_contact::{ConnectionId, ContactId};
use baton_store::{Fold, Record, Store};

/// 2026-03-02T00:00:00Z in milliseconds.
pub(crate) const MIDNIGHT_MS: u64 = 1_772_409_600_000;

/// The customer's connection in all chains.
pub(crate) const CUSTOMER: ConnectionId = ConnectionId(1);

/// A contact's id from a small number: `00000000-0000-0000-0000-00000000000n`.
pub(crate) fn contact(number: u128) -> ContactId {
    ContactId(number)
}

/// `hh:mm:ss` or `hh:mm:ss.mmm` of the day, in milliseconds since the epoch.
pub(crate) fn at(clock: &str) -> u64 {
    let (clock, ms) = clock.split_once('.').unwrap_or((clock, "0"));
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap());
    MIDNIGHT_MS + seconds * 1_000 + ms.parse::<u64>().unwrap()
}

/// The events of a conversation; the first contact is the root, and sequences rise from 1.
pub(crate) fn events(list: &[(&str, u128, EventKind)]) -> Vec<ContactEvent> {
    let root_contact_id = contact(list[0].1);
    let event = |(index, (clock, number, kind)): (usize, &(&str, u128, EventKind))| ContactEvent {
        contact_id: contact(*number),
        root_contact_id,
        sequence: index as u64 + 1,
        at_ms: at(clock),
        kind: kind.clone(),
    };
    list.iter().enumerate().map(event).collect()
}

/// The record of one contact.
pub(crate) fn record(events: &[ContactEvent], number: u128) -> Record {
    let mut fold = Fold::new(contact(number));
    events.iter().for_each(|event| fold.apply(event));
    fold.record()
}

/// The record as JSON, without its timeline.
pub(crate) fn json(events: &[ContactEvent], number: u128) -> serde_json::Value {
    let mut value = serde_json::to_value(record(events, number)).unwrap();
    value["Baton"].as_object_mut().unwrap().remove("Timeline").unwrap();
    value
}

pub(crate) fn address(text: &str) -> Option<EndpointAddress> {
    Some(EndpointAddress { address: text.to_owned(), name: None })
}

/// A root contact that called from one number to another.
pub(crate) fn inbound(from: &str, to: &str) -> EventKind {
    initiated(InitiationMethod::Inbound, None, None, from, to)
}

pub(crate) fn initiated(
    method: InitiationMethod,
    initial: Option<u128>,
    previous: Option<u128>,
    customer: &str,
    system: &str,
) -> EventKind {
    EventKind::Initiated {
        initial_contact_id: initial.map(contact),
        previous_contact_id: previous.map(contact),
        method,
        customer_endpoint: address(customer),
        system_endpoint: address(system).filter(|_| !system.is_empty()),
        quick_connect: None,
        recalled_from: None,
    }
}

pub(crate) fn next(number: u128) -> EventKind {
    EventKind::NextContact { next_contact_id: contact(number) }
}

pub(crate) fn queued(queue: &str) -> EventKind {
    EventKind::Queued { queue: queue.to_owned(), personal: false }
}

pub(crate) fn offered(agent: &str) -> EventKind {
    EventKind::Offered { agent: agent.to_owned() }
}

pub(crate) fn missed(agent: &str) -> EventKind {
    EventKind::Missed { agent: agent.to_owned(), reason: "timeout".to_owned() }
}

pub(crate) fn agent(agent: &str) -> EventKind {
    EventKind::ConnectedToAgent { agent: agent.to_owned(), routing_profile: Some("Basic".to_owned()) }
}

pub(crate) fn held() -> EventKind {
    EventKind::Held { connection_id: CUSTOMER, role: PartyRole::Customer }
}

pub(crate) fn resumed(held_ms: u64) -> EventKind {
    EventKind::Resumed { connection_id: CUSTOMER, role: PartyRole::Customer, held_ms }
}

pub(crate) fn transferred(transfer_type: TransferType, to: Option<&str>) -> EventKind {
    EventKind::Transfer {
        transfer_type,
        outcome: "completed".to_owned(),
        sip_status: 200,
        q850: None,
        transferred_to: to.and_then(address),
        completed: true,
    }
}

pub(crate) fn transfer_failed(outcome: &str, sip_status: u16, q850: Option<u16>) -> EventKind {
    EventKind::Transfer {
        transfer_type: TransferType::Failed,
        outcome: outcome.to_owned(),
        sip_status,
        q850,
        transferred_to: None,
        completed: false,
    }
}

pub(crate) fn left(by: &str) -> EventKind {
    EventKind::Left { by: by.to_owned() }
}

pub(crate) fn disconnected(reason: DisconnectReason) -> EventKind {
    EventKind::Disconnected { reason, sip_status: 0, q850: None }
}

pub(crate) fn leg(role: PartyRole, device: &str, mos_x100: u16) -> EventKind {
    EventKind::LegEnded {
        leg: Box::new(LegReport {
            connection_id: CUSTOMER,
            role,
            call_id: format!("{device}@example"),
            device: device.to_owned(),
            user_agent: None,
            codec: Some("PCMU".to_owned()),
            start_ms: at("10:00:00"),
            answer_ms: Some(at("10:00:01.250")),
            end_ms: at("10:15:00"),
            packets_received: 9_700,
            packets_sent: 10_000,
            packets_lost: 300,
            jitter_us: 1_250,
            round_trip_us: 0,
            mos_x100,
        }),
    }
}

pub(crate) fn attributes(list: &[(&str, &str)]) -> EventKind {
    let pair = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
    EventKind::ContactDataUpdated { attributes: list.iter().map(pair).collect::<BTreeMap<_, _>>() }
}

/// A simple two-party call from queue to clear: 10 events.
pub(crate) fn simple_call(root: u128, start_ms: u64) -> Vec<ContactEvent> {
    let kinds = [
        (0, inbound("+4930111", "+4940222")),
        (0, EventKind::ConnectedToSystem),
        (0, queued("Support")),
        (10, offered("agent1")),
        (4_000, EventKind::Dequeued),
        (4_000, agent("agent1")),
        (4_000, EventKind::InteractionStarted),
        (64_000, EventKind::InteractionEnded),
        (64_000, disconnected(DisconnectReason::CustomerDisconnect)),
        (64_000, EventKind::Completed),
    ];
    let event = |(index, (after_ms, kind)): (usize, (u64, EventKind))| ContactEvent {
        contact_id: contact(root),
        root_contact_id: contact(root),
        sequence: index as u64 + 1,
        at_ms: start_ms + after_ms,
        kind,
    };
    kinds.into_iter().enumerate().map(event).collect()
}

/// A directory that is gone at the end of the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("baton-store-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn bindings(accounts: &[(&str, &[&'static str])]) -> BTreeMap<String, Vec<&'static str>> {
    accounts.iter().map(|(account, contacts)| ((*account).to_owned(), contacts.to_vec())).collect()
}

pub(crate) fn stored_bindings(store: &Store) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    store.each_bindings(|account, list| drop(all.insert(account, list))).unwrap();
    all
}
