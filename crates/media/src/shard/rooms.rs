//! From plans to feeds: who forwards, mixes or makes what each leg of a room hears.

use super::{MediaShard, Room};
use crate::command::{Hears, MixPlan, StreamId};
use crate::io::Sink;
use crate::limits::{FILL_US, PARTIES_MAX, ROOMS_PER_GROUP};
use crate::stream::{Feed, Generator, Mix, Stream};

/// Most that can wait in a jitter buffer when its leg is handed back.
const WAITING_MAX: usize = 2_048;
/// Ticks that a leg waits for the next packet of the one it heard by forwarding.
const AWAITED_TICKS: u8 = 2;

impl MediaShard {
    /// Works out afresh what every member of a room hears, after its plan, members or codecs changed.
    pub(super) fn rebuild<S: Sink>(&mut self, now_us: u64, room: u32, sink: &mut S) {
        let Some(place) = self.rooms.get(room as usize).and_then(Option::as_ref) else { return };
        let members: Vec<u32> =
            place.named.iter().filter_map(|id| self.index.get(id)).copied().take(PARTIES_MAX).collect();
        for (member, slot) in members.iter().enumerate() {
            if let Some(stream) = self.at_mut(*slot) {
                stream.member = member as u16;
                stream.room = room;
                stream.listeners.clear();
            }
        }
        let feeds: Vec<Feed> = members.iter().map(|slot| self.wanted(room, *slot, members.len())).collect();
        for (slot, feed) in members.iter().zip(feeds) {
            self.change_feed(now_us, *slot, feed, sink);
        }
        self.link_listeners(&members);
        if self.scratch.frames.len() < members.len() {
            self.scratch.frames.resize(members.len(), [0; 160]);
            self.scratch.audible.resize(members.len(), false);
        }
        if let Some(place) = self.room_mut(room) {
            place.members = members;
        }
        self.wake(now_us, room);
    }

    /// Puts a room among those that tick, if it has reason to.
    pub(super) fn wake(&mut self, now_us: u64, room: u32) {
        let Some(place) = self.rooms.get(room as usize).and_then(Option::as_ref) else { return };
        let needed = place.members.iter().any(|slot| self.at(*slot).is_some_and(Stream::needs_tick));
        if !needed || place.group.is_some() {
            return; // one that no longer has reason leaves by itself at its next tick
        }
        let open = self.groups.iter().position(|group| (1..ROOMS_PER_GROUP).contains(&group.rooms.len()));
        let chosen = open.or_else(|| (0..self.groups.len()).min_by_key(|at| self.groups[*at].rooms.len())).unwrap_or(0);
        let group = &mut self.groups[chosen];
        if group.rooms.is_empty() {
            group.due_us = super::ticks::grid_after(now_us, chosen);
        }
        group.rooms.push(room);
        if let Some(place) = self.room_mut(room) {
            place.group = Some(chosen);
        }
    }

    /// A room of its own for a stream that no plan names.
    pub(super) fn place_alone(&mut self, slot: u32, id: StreamId) -> u32 {
        let room = self.insert_room(Room { named: [id].into(), ..Room::default() });
        if let Some(stream) = self.at_mut(slot) {
            stream.room = room;
        }
        room
    }

    pub(super) fn insert_room(&mut self, room: Room) -> u32 {
        let slot = self.free_rooms.pop().unwrap_or_else(|| {
            self.rooms.push(None);
            (self.rooms.len() - 1) as u32
        });
        self.rooms[slot as usize] = Some(room);
        slot
    }

    pub(super) fn remove_room(&mut self, slot: u32) {
        let Some(room) = self.rooms.get_mut(slot as usize).and_then(Option::take) else { return };
        if let Some(group) = room.group {
            self.groups[group].rooms.retain(|other| *other != slot);
        }
        if let Some(id) = room.id {
            self.room_index.remove(&id);
        }
        self.free_rooms.push(slot);
    }

    pub(super) fn remove_room_if_empty(&mut self, slot: u32) {
        if self.room_mut(slot).is_some_and(|room| room.named.is_empty()) {
            self.remove_room(slot);
        }
    }

    fn wanted(&self, room: u32, slot: u32, members: usize) -> Feed {
        let Some(stream) = self.at(slot).filter(|stream| stream.may_send()) else { return Feed::Drop };
        let Some(plan) = self.rooms.get(room as usize).and_then(Option::as_ref).map(|room| &room.plan) else {
            return Feed::Drop;
        };
        match plan.of(stream.id) {
            Hears::Silence => Feed::Generate(Generator::Silence),
            Hears::Tone(tone) => Feed::Generate(Generator::Tone(*tone)),
            Hears::Music(name) => Feed::Generate(Generator::Music(self.config.library.music(name))),
            Hears::Prompt(name) => Feed::Generate(Generator::Prompt(self.config.library.prompt(name))),
            Hears::Parties(parties) => {
                let heard = parties
                    .iter()
                    .filter(|party| **party != stream.id)
                    .filter_map(|party| self.index.get(party).copied())
                    .filter_map(|slot| {
                        self.at(slot).filter(|other| other.room == room).map(|other| (slot, other.member))
                    })
                    .take(members)
                    .collect();
                self.feed_from(stream, plan, heard)
            }
        }
    }

    fn feed_from(&self, stream: &Stream, plan: &MixPlan, heard: Vec<(u32, u16)>) -> Feed {
        match heard[..] {
            [] => Feed::Generate(Generator::Silence),
            [(from, _)] if self.at(from).is_some_and(|other| forwards(other, stream)) => Feed::Forward { from },
            _ => {
                let all_but_own = self.mixed_in(plan).all(|party| {
                    party == stream.id
                        || heard.iter().any(|(slot, _)| self.at(*slot).is_some_and(|other| other.id == party))
                });
                Feed::Mix(Mix { heard, all_but_own, awaited: None })
            }
        }
    }

    /// Every open stream that somebody in the plan hears.
    fn mixed_in<'a>(&'a self, plan: &'a MixPlan) -> impl Iterator<Item = StreamId> + 'a {
        let heard = plan.hears.values().filter_map(|hears| match hears {
            Hears::Parties(parties) => Some(parties.iter()),
            _ => None,
        });
        heard.flatten().copied().filter(|party| self.index.contains_key(party))
    }

    fn change_feed<S: Sink>(&mut self, now_us: u64, slot: u32, mut feed: Feed, sink: &mut S) {
        let Some(stream) = self.at_mut(slot) else { return };
        let (before, heard) = (std::mem::replace(&mut stream.feed, Feed::Drop), stream.is_heard());
        let filling = match feed {
            Feed::Forward { from } => heard && self.at(from).is_none_or(|other| pauses(other, now_us)),
            _ => false,
        };
        match (&before, &mut feed) {
            (Feed::Mix(before), Feed::Mix(mix)) => mix.awaited = before.awaited.filter(|_| before.heard == mix.heard),
            (Feed::Forward { from }, Feed::Mix(mix)) => {
                let member = mix.heard.iter().find(|(slot, _)| slot == from).map(|(_, member)| *member);
                mix.awaited = member.map(|member| (member, AWAITED_TICKS));
                self.break_line(slot, member.is_some());
            }
            (Feed::Mix(mix), Feed::Forward { from }) if !filling && mix.heard.iter().any(|(slot, _)| slot == from) => {
                self.hand_back(now_us, *from, slot, sink);
            }
            (before, feed) if before != feed => self.break_line(slot, false),
            _ => {}
        }
        let changed = before != feed;
        let Some(stream) = self.at_mut(slot) else { return };
        stream.feed = feed;
        if changed {
            stream.filling = filling;
            stream.position = 0;
            stream.event_relay = None;
        }
    }

    fn break_line(&mut self, slot: u32, continuing: bool) {
        if let Some(stream) = self.at_mut(slot) {
            stream.break_line();
            stream.clear_framer();
            stream.continuing = continuing;
        }
    }

    fn hand_back<S: Sink>(&mut self, now_us: u64, from: u32, to: u32, sink: &mut S) {
        let mut waiting = [0; WAITING_MAX];
        let Some(source) = self.at(from) else { return };
        let count = source.jitter.drain_into(&mut waiting);
        let (law, end) = (source.jitter.law(), source.jitter.end());
        let Some(stream) = self.at_mut(to) else { return };
        stream.break_line();
        if !stream.overridden() && !stream.relays_event(now_us) {
            stream.hand_back(now_us, law, &mut waiting[..count], end, sink);
        }
    }

    fn link_listeners(&mut self, members: &[u32]) {
        let mut mixed = vec![0u16; members.len()];
        for listener in members {
            let sources: Vec<(u32, bool)> = match self.at(*listener).map(|stream| &stream.feed) {
                Some(Feed::Forward { from }) => vec![(*from, false)],
                Some(Feed::Mix(mix)) => mix.heard.iter().map(|(slot, _)| (*slot, true)).collect(),
                _ => continue,
            };
            for (source, by_mixer) in sources {
                let Some(stream) = self.at_mut(source) else { continue };
                stream.listeners.push(*listener);
                if let Some(count) = mixed.get_mut(usize::from(stream.member)) {
                    *count += u16::from(by_mixer);
                }
            }
        }
        for (slot, count) in members.iter().zip(mixed) {
            let Some(stream) = self.at_mut(*slot) else { continue };
            if count == 0 && stream.mix_listeners > 0 {
                stream.jitter.rest();
            }
            stream.mix_listeners = count;
        }
    }
}

/// Whether one leg's packets can go to another as they are: their length is what the other wants.
fn forwards(from: &Stream, to: &Stream) -> bool {
    from.frame_samples == 0 || usize::from(from.frame_samples) == to.packet_samples()
}

/// Whether nothing comes from a leg.
pub(super) fn pauses(stream: &Stream, now_us: u64) -> bool {
    !stream.may_receive() || stream.heard_us == 0 || now_us.saturating_sub(stream.heard_us) >= FILL_US
}
