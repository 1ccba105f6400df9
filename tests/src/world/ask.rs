//! What a test asks of the world: who hears whom, what the record says, and whether all is over.

use std::collections::{BTreeMap, BTreeSet};

use baton_contact::ContactId;
use baton_contact::command::{Command, Query, Reply};
use baton_contact::event::EventKind;
use baton_contact::snapshot::{CallSummary, ConnectionSnapshot, ConnectionState};
use baton_media::{Hears, StreamId, Tone};

use super::line::{Line, LineState};
use super::{World, office};

impl World {
    pub fn device(&self, name: &str) -> usize {
        self.devices.iter().position(|device| device.name == name).unwrap_or_else(|| panic!("no device {name}"))
    }

    /// The live line of a person.
    pub fn line_id(&self, who: &str) -> u64 {
        self.try_line_id(who).unwrap_or_else(|| panic!("{who} has no call\n{}", self.ladder))
    }

    pub fn try_line_id(&self, who: &str) -> Option<u64> {
        let own = |line: &&Line| line.who == who && !line.is_over();
        self.lines.iter().rev().find(|(_, line)| own(line)).map(|(id, _)| *id)
    }

    pub(super) fn line_in(&self, who: &str, state: LineState) -> u64 {
        let own = |line: &&Line| line.who == who && line.state == state;
        let found = self.lines.iter().rev().find(|(_, line)| own(line)).map(|(id, _)| *id);
        found.unwrap_or_else(|| panic!("{who} has no call that is {state:?}\n{}", self.ladder))
    }

    /// The live line of a person, else its last one.
    pub fn line(&self, who: &str) -> &Line {
        let id = self.try_line_id(who);
        let last = || self.lines.values().rev().find(|line| line.who == who);
        let line = id.and_then(|id| self.lines.get(&id)).or_else(last);
        line.unwrap_or_else(|| panic!("{who} never had a call\n{}", self.ladder))
    }

    pub fn is_up(&self, who: &str) -> bool {
        self.lines.values().any(|line| line.who == who && line.state == LineState::Up)
    }

    pub fn rings(&self, who: &str) -> bool {
        self.lines.values().any(|line| line.who == who && line.state == LineState::Ringing)
    }

    /// Names of the streams' people, as the descriptions on the wire tell.
    pub(super) fn people(&self) -> BTreeMap<StreamId, String> {
        self.streams
            .iter()
            .filter_map(|(port, stream)| Some((*stream, self.ladder.ports.get(port)?.0.clone())))
            .collect()
    }

    /// What a person hears by the plan that the media threads have: names, `music`, `ring-back`, `prompt`, `silence`;
    /// `nothing` without a stream.
    pub fn hears(&self, who: &str) -> String {
        let people = self.people();
        let mut words = BTreeSet::new();
        for (stream, hears) in self.plans.values().flat_map(|plan| &plan.hears) {
            if people.get(stream).is_none_or(|name| name != who) {
                continue;
            }
            self.add_words(&people, hears, &mut words);
        }
        let there =
            self.plans.values().flat_map(|plan| plan.hears.keys()).any(|s| people.get(s).is_some_and(|p| p == who));
        match (words.is_empty(), there) {
            (false, _) => words.into_iter().collect::<Vec<_>>().join(" "),
            (true, true) => "silence".into(),
            (true, false) => "nothing".into(),
        }
    }

    /// What is heard, in words: through a tie line that is what its other end hears.
    fn add_words(&self, people: &BTreeMap<StreamId, String>, hears: &Hears, words: &mut BTreeSet<String>) {
        let (voices, word) = match hears {
            Hears::Silence => return,
            Hears::Tone(Tone::RingBack(_)) => (None, "ring-back"),
            Hears::Tone(_) => (None, "tone"),
            Hears::Music(_) => (None, "music"),
            Hears::Prompt(_) => (None, "prompt"),
            Hears::Parties(voices) => (Some(voices), ""),
        };
        let Some(voices) = voices else {
            words.insert(word.to_owned());
            return;
        };
        for voice in voices {
            match self.far_end(*voice) {
                Some(far) => {
                    let plans = self.plans.values();
                    plans.filter_map(|plan| plan.hears.get(&far)).for_each(|each| self.add_words(people, each, words));
                }
                None => words.extend(people.get(voice).cloned()),
            }
        }
    }

    /// The stream at the other end of a tie line.
    pub(super) fn far_end(&self, stream: StreamId) -> Option<StreamId> {
        self.ties.get(&stream).and_then(|port| self.streams.get(port)).copied()
    }

    /// Asserts what people hear: by plan, and in a world with sound by ear, too.
    pub fn expect_hearing(&mut self, expected: &[(&str, &str)]) {
        for (who, what) in expected {
            assert_eq!(self.hears(who), *what, "what {who} hears\n{}", self.ladder);
        }
        if self.studio.is_none() {
            return;
        }
        self.run_ms(400);
        for (who, what) in
            expected.iter().filter(|(who, what)| self.is_up(who) && !matches!(*what, "ring-back" | "prompt" | "tone"))
        {
            let holds = self.lines.values().any(|line| line.who == *who && line.holding);
            if !holds {
                assert_eq!(self.sounds(who), *what, "the sound at {who}'s ear\n{}", self.ladder);
            }
        }
    }

    /// Asserts what was said between baton and a party since the ladder was cleared, and clears it.
    pub fn expect_ladder(&mut self, who: &str, expected: &[&str]) {
        let said: Vec<String> = self.ladder.of(who).into_iter().filter(|rung| !rung.ends_with("100 INVITE")).collect();
        assert_eq!(said, expected, "the ladder of {who}\n{}", self.ladder);
    }

    pub fn calls(&mut self) -> Vec<CallSummary> {
        match self.command(Command::Query(Query::Calls)) {
            Ok(Reply::Calls(calls)) => calls,
            other => panic!("calls were asked for: {other:?}"),
        }
    }

    /// The live connections of all conversations, by name.
    pub fn connections(&mut self) -> Vec<(String, ConnectionSnapshot)> {
        let calls = self.calls();
        let live = calls.into_iter().flat_map(|call| call.connections);
        let live = live.filter(|each| each.state != ConnectionState::Disconnected && !self.is_behind_a_tie(each));
        live.map(|each| (name_of(&each), each)).collect()
    }

    /// Whether it is a room's guest by a tie line: those behind it are parties of a call.
    pub(super) fn is_behind_a_tie(&self, connection: &ConnectionSnapshot) -> bool {
        connection.initial && self.ties.contains_key(&StreamId(connection.connection_id.0))
    }

    /// The state of a person as panels show it.
    pub fn state(&mut self, who: &str) -> Option<ConnectionState> {
        self.connections().into_iter().find(|(name, _)| name == who).map(|(_, each)| each.state)
    }

    pub fn connection(&mut self, who: &str) -> baton_contact::ConnectionId {
        let found = self.connections().into_iter().find(|(name, _)| name == who);
        found.unwrap_or_else(|| panic!("{who} is no party")).1.connection_id
    }

    /// All contacts in the order of their beginning.
    pub fn contacts(&self) -> Vec<ContactId> {
        let begun = self.events.iter().filter(|event| matches!(event.kind, EventKind::Initiated { .. }));
        begun.map(|event| event.contact_id).collect()
    }

    /// The record of the contact that began as the `nth`, from 1.
    pub fn record(&self, nth: usize) -> serde_json::Value {
        let record = self.record_of(self.contacts()[nth - 1]);
        serde_json::to_value(record).expect("a record is plain data")
    }

    /// Asserts fields of a record, by JSON pointer; `null` is absence.
    pub fn expect_record(&self, nth: usize, fields: &[(&str, serde_json::Value)]) {
        let record = self.record(nth);
        for (pointer, expected) in fields {
            let found = record.pointer(pointer).cloned().unwrap_or_default();
            assert_eq!(found, *expected, "{pointer} of record {nth}: {record:#}\n{}", self.ladder);
        }
    }

    /// The kinds of a contact's events, in order.
    pub fn kinds(&self, nth: usize) -> Vec<String> {
        let contact = self.contacts()[nth - 1];
        let own = self.events.iter().filter(|event| event.contact_id == contact);
        own.map(|event| kind_of(&event.kind)).collect()
    }

    /// The kinds of all events there were.
    pub fn all_kinds(&self) -> Vec<String> {
        self.events.iter().map(|event| kind_of(&event.kind)).collect()
    }

    /// Everybody hangs up and clears; then nothing may be left: no session, no port, no timer, every record complete.
    pub fn end_of_day(&mut self) {
        self.network.heal();
        self.behaviours.clear();
        self.vices.clear();
        let devices: Vec<String> = self.devices.iter().map(|device| device.name.clone()).collect();
        devices.iter().for_each(|name| self.plug_in(name));
        // A caller that is rung again later is hung up again. A call that its phone has forgotten ends at the latest when
        // the longest call does.
        for round in 0..50 {
            let live: Vec<u64> = self.lines.iter().filter(|(_, line)| !line.is_over()).map(|(id, _)| *id).collect();
            if round > 20 && live.is_empty() && self.core.gauges().sessions == 0 {
                break;
            }
            live.into_iter().for_each(|id| self.hang_up_line(id));
            self.run_ms(if round < 8 { 2_000 } else { 10_000 });
            self.clear_all();
            self.run_ms(if round > 20 { 2_000_000 } else { 200 });
        }
        self.clear_all();
        let phones: Vec<String> =
            self.devices.iter().filter_map(|each| Some(each.registration.as_ref()?.account.clone())).collect();
        for phone in phones {
            let done = self.command(Command::Unregister { phone });
            assert!(done.is_ok());
        }
        self.leave_trunks_alone();
        self.run_ms(40_000);
        self.expect_nothing_left();
    }

    /// No trunk is asked or registered with any more: that would go on for ever.
    fn leave_trunks_alone(&mut self) {
        for trunk in &mut self.directory.trunks {
            (trunk.options_interval_seconds, trunk.register) = (0, None);
        }
        let directory = Box::new(self.directory.clone());
        assert!(self.command(Command::SetDirectory(directory)).is_ok());
    }

    fn expect_nothing_left(&mut self) {
        let gauges = self.core.gauges();
        let left = (gauges.conversations, gauges.sessions, gauges.transactions, gauges.ports_used, gauges.waiting);
        let calls = self.calls();
        assert_eq!(
            left,
            (0, 0, 0, 0, 0),
            "conversations, sessions, transactions, ports, waiting: {calls:#?}\n{}",
            self.ladder
        );
        assert_eq!(gauges.faults, 0, "faults\n{}", self.ladder);
        assert_eq!(
            self.core.next_timeout_us().filter(|due| *due < self.now_us + 3_600_000_000),
            None,
            "timers\n{}",
            self.ladder
        );
        for contact in self.contacts() {
            let count = |wanted: &str| {
                let own = self.events.iter().filter(|event| event.contact_id == contact);
                own.filter(|event| kind_of(&event.kind) == wanted).count()
            };
            let ends = ["INITIATED", "DISCONNECTED", "COMPLETED"].map(count);
            assert_eq!(ends, [1, 1, 1], "{contact} begins, ends and completes once\n{}", self.ladder);
        }
        self.check_records();
        for (name, agent) in &self.agents {
            assert!(agent.contacts.is_empty(), "{name} is free: {agent:#?}\n{}", self.ladder);
        }
        for device in self.devices.iter().filter(|device| !device.dead) {
            let left = (device.endpoint.sessions_len(), device.endpoint.transactions_len());
            assert_eq!(left, (0, 0), "{}'s phone\n{}", device.name, self.ladder);
        }
        assert_eq!(self.ladder.wrong_finals(), Vec::<String>::new(), "{}", self.ladder);
        self.check_streams();
    }
}

pub(super) fn name_of(connection: &ConnectionSnapshot) -> String {
    connection.agent.clone().unwrap_or_else(|| office::who(&connection.address).to_owned())
}

pub(super) fn kind_of(kind: &EventKind) -> String {
    let value = serde_json::to_value(kind).expect("events are plain data");
    value["eventType"].as_str().expect("each event has its type").to_owned()
}
