//! Durations add up, whatever the events are and however they come.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use baton_contact::event::{ContactEvent, DisconnectReason, EventKind, InitiationMethod, PartyRole};
use baton_store::{Record, Store};
use common::*;

/// Numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

/// A lawful life of one contact: the customer talks and is held, for odd numbers of milliseconds. Returns the events with
/// the milliseconds of talk, of holds, and of the longest hold.
fn lawful(dice: &mut Dice) -> (Vec<ContactEvent>, u64, u64, u64) {
    let mut now = MIDNIGHT_MS + dice.roll(1_000);
    let mut list = vec![(now, inbound("+4930111", "+4940222")), (now, agent("agent1"))];
    let (mut talk, mut hold, mut longest) = (0, 0, 0);
    for _ in 0..dice.roll(20) {
        let (talked, held_ms) = (dice.roll(2_500), 1 + dice.roll(2_500));
        list.push((now, EventKind::InteractionStarted));
        now += talked;
        list.push((now, EventKind::InteractionEnded));
        list.push((now, held()));
        now += held_ms;
        list.push((now, resumed(held_ms)));
        (talk, hold, longest) = (talk + talked, hold + held_ms, longest.max(held_ms));
    }
    list.push((now, disconnected(DisconnectReason::CustomerDisconnect)));
    list.push((now, EventKind::AcwStarted));
    list.push((now + dice.roll(9_000), EventKind::Completed));
    let event = |(index, (at_ms, kind)): (usize, (u64, EventKind))| ContactEvent {
        contact_id: contact(1),
        root_contact_id: contact(1),
        sequence: index as u64 + 1,
        at_ms,
        kind,
    };
    (list.into_iter().enumerate().map(event).collect(), talk, hold, longest)
}

/// Any events in any order, times that go back included.
fn lawless(dice: &mut Dice) -> Vec<ContactEvent> {
    let mut now = MIDNIGHT_MS;
    let length = dice.roll(60);
    let event = |index: u64| {
        now = (now + dice.roll(4_000)).saturating_sub(dice.roll(400));
        let number = 1 + u128::from(dice.roll(2));
        let kind = match dice.roll(16) {
            0 => initiated(InitiationMethod::Transfer, Some(1), Some(1), "+4930111", ""),
            1 => EventKind::ConnectedToSystem,
            2 => queued("Support"),
            3 => EventKind::Dequeued,
            4 => agent("agent1"),
            5 | 6 => EventKind::InteractionStarted,
            7 => EventKind::InteractionEnded,
            8 => held(),
            9 => resumed(dice.roll(5_000)),
            10 => left("customer"),
            11 => disconnected(DisconnectReason::AgentDisconnect),
            12 => EventKind::AcwStarted,
            13 => leg(PartyRole::Agent, "phone", 0),
            14 => next(2),
            _ => EventKind::Completed,
        };
        let (contact_id, root_contact_id) = (contact(number), contact(1));
        ContactEvent { contact_id, root_contact_id, sequence: index + 1, at_ms: now, kind }
    };
    (0..length).map(event).collect()
}

#[test]
fn talk_and_hold_add_up_to_the_seconds_of_their_sum() {
    for seed in 1..=500 {
        let (events, talk, hold, longest) = lawful(&mut Dice(seed * 0x9E37_79B9));
        let agent = record(&events, 1).agent.unwrap();
        let sum = agent.agent_interaction_duration + agent.customer_hold_duration;
        assert_eq!(sum, (talk + hold) / 1_000, "seed {seed}");
        assert_eq!(agent.agent_interaction_duration, talk / 1_000, "seed {seed}");
        assert!(agent.longest_hold_duration <= agent.customer_hold_duration, "seed {seed}");
        assert!(agent.longest_hold_duration.abs_diff(longest / 1_000) <= 1, "seed {seed}");
    }
}

#[test]
fn a_hold_that_another_agent_ends_is_booked_there_alone() {
    let at = |at_ms: u64, kind| ContactEvent {
        contact_id: contact(1),
        root_contact_id: contact(1),
        sequence: at_ms - MIDNIGHT_MS + 1,
        at_ms,
        kind,
    };
    let events = [
        at(MIDNIGHT_MS, inbound("+4930111", "+4940222")),
        at(MIDNIGHT_MS + 1_000, agent("agent1")),
        at(MIDNIGHT_MS + 2_000, held()),
        at(MIDNIGHT_MS + 9_000, resumed(0)),
        at(MIDNIGHT_MS + 30_000, disconnected(DisconnectReason::AgentDisconnect)),
        at(MIDNIGHT_MS + 30_001, EventKind::Completed),
    ];
    let agent = record(&events, 1).agent.unwrap();
    assert_eq!((agent.number_of_holds, agent.customer_hold_duration), (0, 0));
}

#[test]
fn no_order_of_events_breaks_a_record() {
    for seed in 1..=2_000 {
        let events = lawless(&mut Dice(seed * 0x9E37_79B9));
        for number in [1, 2] {
            let record = record(&events, number);
            let written = serde_json::to_string(&record).unwrap();
            let read: Record = serde_json::from_str(&written).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), written, "seed {seed}");
            let Some(agent) = record.agent else { continue };
            assert!(agent.longest_hold_duration <= agent.customer_hold_duration, "seed {seed}");
            assert!(agent.number_of_holds > 0 || agent.customer_hold_duration == 0, "seed {seed}");
        }
    }
}

#[test]
fn the_stored_record_is_the_fold_however_the_events_are_batched() {
    for seed in 1..=60 {
        let dice = &mut Dice(seed * 0x9E37_79B9);
        let events = lawless(dice);
        let mut store = Store::open_in_memory().unwrap();
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rest.len().min(1 + dice.roll(9) as usize));
            store.append(batch).unwrap();
            rest = later;
        }
        for number in [1, 2] {
            let known = events.iter().any(|event| event.contact_id == contact(number));
            let stored = store.reader().record(contact(number)).unwrap();
            assert_eq!(stored.is_some(), known, "seed {seed}");
            let Some(row) = stored else { continue };
            let mut folded = record(&events, number);
            folded.baton.revision = row.revision;
            assert_eq!(row.json.get(), serde_json::to_string(&folded).unwrap(), "seed {seed}");
        }
    }
}
