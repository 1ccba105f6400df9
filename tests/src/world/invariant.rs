//! What must hold after every step, whatever people and the network do.

use std::collections::{BTreeMap, BTreeSet};

use baton_contact::command::{Command, Query};
use baton_contact::snapshot::{ConnectionSnapshot, ConnectionState};
use baton_contact::{Input, RequestId};
use baton_media::Hears;

use super::ask::name_of;
use super::{Line, World};

impl World {
    /// Nobody hears themselves; hearing is mutual; the held hear music only and are heard by nobody; no customer is alone
    /// in silence.
    pub(super) fn check_hearing(&mut self) {
        let people = self.people();
        let (connections, muted) = self.connections_quietly();
        let mut heard_by: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut sounds: BTreeMap<String, Vec<Hears>> = BTreeMap::new();
        for (stream, hears) in self.plans.values().flat_map(|plan| &plan.hears) {
            let Some(who) = people.get(stream) else { continue };
            sounds.entry(who.clone()).or_default().push(hears.clone());
            let Hears::Parties(voices) = hears else { continue };
            for other in voices.iter().filter_map(|voice| people.get(voice)) {
                // Two calls to one outside number are two people of one name.
                let itself = who == other && self.agents.contains_key(who);
                assert!(!itself, "{who} hears itself: {:?}\n{}", self.plans, self.ladder);
                heard_by.entry(other.clone()).or_default().insert(who.clone());
            }
        }
        for (who, connection) in &connections {
            let Some(connection) = connection else { continue };
            let sounds = sounds.get(who).map(Vec::as_slice).unwrap_or_default();
            self.check_connection(who, connection, sounds, &heard_by, (&connections, muted));
        }
    }

    fn check_connection(
        &self,
        who: &str,
        connection: &ConnectionSnapshot,
        sounds: &[Hears],
        heard_by: &BTreeMap<String, BTreeSet<String>>,
        (connections, muted): (&BTreeMap<String, Option<ConnectionSnapshot>>, bool),
    ) {
        let empty = BTreeSet::new();
        let hearers = heard_by.get(who).unwrap_or(&empty);
        let show = || format!("{:?}\n{connections:#?}\n{}", self.plans, self.ladder);
        let refers = self.refers(who);
        if connection.state == ConnectionState::Hold {
            assert!(hearers.is_empty(), "{who} is held and heard by {hearers:?}: {}", show());
            let only_music = refers || sounds.iter().all(|hears| matches!(hears, Hears::Music(_)));
            assert!(only_music, "{who} is held and hears {sounds:?}: {}", show());
        }
        match connection.state {
            ConnectionState::Connected => {}
            ConnectionState::SilentMonitor => {
                return assert!(hearers.is_empty(), "{who} only listens and is heard by {hearers:?}: {}", show());
            }
            ConnectionState::Whisper => {
                return assert!(hearers.len() <= 1, "{who} whispers and is heard by {hearers:?}: {}", show());
            }
            _ => return,
        }
        for hearer in hearers {
            let mutual = heard_by.get(hearer).is_some_and(|others| others.contains(who));
            let other = connections.get(hearer).and_then(Option::as_ref);
            let excused = other.is_none_or(|other| other.muted || other.state != ConnectionState::Connected);
            assert!(mutual || excused, "{hearer} hears {who}, but not the other way round: {}", show());
        }
        if connection.initial && !muted && !refers {
            let silent = sounds.iter().all(|hears| *hears == Hears::Silence);
            assert!(sounds.is_empty() || !silent, "the customer {who} is alone in silence: {}", show());
        }
    }

    /// Whether a person has asked for its own transfer: it waits for the news of it, and hears nobody.
    fn refers(&self, who: &str) -> bool {
        let recent = |line: &&Line| line.referring_us.is_some_and(|at_us| self.now_us < at_us + 64_000_000);
        self.lines.values().filter(recent).any(|line| line.who.split('/').next() == Some(who))
    }

    /// Each person's live connection (`None` for somebody who is in more than one conversation), and whether anybody is
    /// muted.
    fn connections_quietly(&mut self) -> (BTreeMap<String, Option<ConnectionSnapshot>>, bool) {
        let request = RequestId(self.number());
        self.core.handle(self.now_us, Input::Command(request, Box::new(Command::Query(Query::Calls))));
        self.drain_core();
        let Some(Ok(baton_contact::command::Reply::Calls(calls))) = self.replies.remove(&request) else {
            panic!("calls were asked for")
        };
        let (mut all, mut muted) = (BTreeMap::new(), false);
        let live = calls.into_iter().flat_map(|call| call.connections);
        for connection in live.filter(|each| each.state != ConnectionState::Disconnected && !self.is_behind_a_tie(each))
        {
            muted |= connection.muted;
            let known = all.insert(name_of(&connection), Some(connection.clone()));
            if known.is_some() {
                all.insert(name_of(&connection), None);
            }
        }
        (all, muted)
    }
}
