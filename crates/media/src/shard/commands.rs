//! Commands: each states what is true, so saying it twice changes nothing.

use std::collections::BTreeSet;

use super::{MediaShard, Room};
use crate::command::{Command, Event, Hears, MixPlan, RoomId, Statistics, StreamConfiguration, StreamId};
use crate::io::Sink;
use crate::limits::{PARTIES_MAX, SWEEP_US};
use crate::line::Line;
use crate::stream::{Playing, Stream};

impl MediaShard {
    /// Takes a command. What it makes necessary at once (a farewell, what waits in the mixer) goes to `sink`.
    pub fn handle_command<S: Sink>(&mut self, now_us: u64, command: Command, sink: &mut S) {
        match command {
            Command::Open { stream, .. } => self.open(now_us, stream, sink),
            Command::Configure { stream, configuration } => self.configure(now_us, stream, configuration, sink),
            Command::SetMix { room, plan } => self.set_mix(now_us, room, plan, sink),
            Command::Play { stream, prompt } => self.play(now_us, stream, &prompt),
            Command::SendDigits { stream, digits } => self.send_digits(now_us, stream, &digits),
            Command::Close { stream } => self.close(now_us, stream, sink),
        }
    }

    fn open<S: Sink>(&mut self, now_us: u64, id: StreamId, sink: &mut S) {
        if self.index.contains_key(&id) {
            return;
        }
        if self.index.len() >= self.config.streams_max {
            let reason = format!("the shard has {} streams already", self.config.streams_max);
            self.events.push_back(Event::OpenFailed { stream: id, reason });
            return;
        }
        if self.index.is_empty() {
            self.sweep_due_us = now_us + SWEEP_US;
        }
        let (first, second) = (self.dice.next(), self.dice.next());
        let line = Line::new(first as u32, (first >> 32) as u16, second as u32);
        let room = self.room_of.get(&id).copied();
        let slot = self.insert_stream(Stream::new(id, room.unwrap_or(0), now_us, line));
        let room = match room {
            Some(room) => room,
            None => self.place_alone(slot, id),
        };
        self.rebuild(now_us, room, sink);
    }

    fn configure<S: Sink>(&mut self, now_us: u64, id: StreamId, configuration: StreamConfiguration, sink: &mut S) {
        let report_us = self.dice.around(self.config.report_interval_us / 2);
        let Some(slot) = self.index.get(&id).copied() else { return };
        let Some(stream) = self.at_mut(slot) else { return };
        if stream.configuration.as_ref() == Some(&configuration) {
            return;
        }
        if stream.report_due_us == u64::MAX {
            stream.report_due_us = now_us + report_us;
        }
        stream.configure(now_us, configuration);
        let room = stream.room;
        self.rebuild(now_us, room, sink);
    }

    fn set_mix<S: Sink>(&mut self, now_us: u64, id: RoomId, plan: MixPlan, sink: &mut S) {
        let named = named_in(&plan);
        let existing = self.room_index.get(&id).copied();
        if existing.is_none() && named.is_empty() {
            return;
        }
        let room = existing.unwrap_or_else(|| {
            let slot = self.insert_room(Room { id: Some(id), ..Room::default() });
            self.room_index.insert(id, slot);
            slot
        });
        let before = self.room_mut(room).map(|room| std::mem::take(&mut room.named)).unwrap_or_default();
        let mut changed = BTreeSet::from([room]);
        for stream in before.difference(&named) {
            self.room_of.remove(stream);
            if let Some(slot) = self.index.get(stream).copied() {
                changed.insert(self.place_alone(slot, *stream));
            }
        }
        for stream in &named {
            changed.extend(self.move_into(room, *stream));
        }
        if let Some(place) = self.room_mut(room) {
            place.plan = plan;
            place.named = named;
        }
        for slot in changed {
            self.rebuild(now_us, slot, sink);
        }
        self.remove_room_if_empty(room);
    }

    /// Moves a stream into a room; returns the named room that it left.
    fn move_into(&mut self, room: u32, id: StreamId) -> Option<u32> {
        let left = self.room_of.insert(id, room).filter(|left| *left != room);
        if let Some(left) = left.and_then(|left| self.room_mut(left)) {
            left.named.remove(&id);
        }
        let slot = self.index.get(&id).copied()?;
        let stream = self.at_mut(slot)?;
        let before = std::mem::replace(&mut stream.room, room);
        if before != room && left.is_none() {
            self.remove_room(before); // it was alone there
        }
        left
    }

    fn play(&mut self, now_us: u64, id: StreamId, prompt: &str) {
        let track = self.config.library.prompt(prompt);
        let Some(slot) = self.index.get(&id).copied() else { return };
        let Some(stream) = self.at_mut(slot) else { return };
        if stream.playing.replace(Playing { track, position: 0 }).is_some() {
            self.events.push_back(Event::PlayEnded { stream: id });
        }
        self.begin_override(now_us, slot);
    }

    fn send_digits(&mut self, now_us: u64, id: StreamId, digits: &str) {
        let Some(slot) = self.index.get(&id).copied() else { return };
        let Some(stream) = self.at_mut(slot) else { return };
        stream.digits.add(digits);
        self.begin_override(now_us, slot);
    }

    /// Something speaks over the feed from the next tick on.
    pub(super) fn begin_override(&mut self, now_us: u64, slot: u32) {
        let Some(stream) = self.at_mut(slot) else { return };
        stream.clear_framer();
        let room = stream.room;
        self.wake(now_us, room);
    }

    fn close<S: Sink>(&mut self, now_us: u64, id: StreamId, sink: &mut S) {
        let Some(slot) = self.index.remove(&id) else {
            // Never opened, or closed before: its ports are free all the same.
            self.events.push_back(Event::Closed { stream: id, statistics: Statistics::default() });
            return;
        };
        let Some(mut stream) = self.streams.get_mut(slot as usize).and_then(Option::take) else { return };
        self.free_streams.push(slot);
        stream.report(now_us, &self.name, true, sink);
        if stream.playing.is_some() {
            self.events.push_back(Event::PlayEnded { stream: id });
        }
        self.events.push_back(Event::Closed { stream: id, statistics: stream.statistics() });
        if self.room_of.contains_key(&id) {
            self.rebuild(now_us, stream.room, sink);
        } else {
            self.remove_room(stream.room);
        }
    }

    fn insert_stream(&mut self, stream: Stream) -> u32 {
        let id = stream.id;
        let slot = self.free_streams.pop().unwrap_or_else(|| {
            self.streams.push(None);
            (self.streams.len() - 1) as u32
        });
        self.streams[slot as usize] = Some(Box::new(stream));
        self.index.insert(id, slot);
        slot
    }
}

/// Every stream that a plan speaks of, at most [`PARTIES_MAX`].
fn named_in(plan: &MixPlan) -> BTreeSet<StreamId> {
    let heard = plan.hears.values().filter_map(|hears| match hears {
        Hears::Parties(parties) => Some(parties),
        _ => None,
    });
    plan.hears
        .keys()
        .chain(heard.flatten())
        .copied()
        .take(PARTIES_MAX * PARTIES_MAX)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .take(PARTIES_MAX)
        .collect()
}
