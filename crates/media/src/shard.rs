//! One shard: all streams and rooms of one media thread.

mod commands;
mod receive;
mod rooms;
mod ticks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::command::{Event, MixPlan, RoomId, Statistics, StreamId};
use crate::dice::Dice;
use crate::jitter_buffer::Frame;
use crate::library::Library;
use crate::limits::{STREAMS_MAX, TICK_GROUPS};
use crate::line::Line;
use crate::stream::{Feed, Stream};

/// What a shard is made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Music and prompts. It is not part of a serialised shard; the one who revives it sets it again.
    #[serde(skip)]
    pub library: Library,
    /// Mean time between two RTCP reports of a stream, in microseconds (RFC 3550 §6.2: 5 s).
    pub report_interval_us: u64,
    /// Most streams at once.
    pub streams_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { library: Library::default(), report_interval_us: 5_000_000, streams_max: STREAMS_MAX }
    }
}

/// The state machine of one media thread; see the crate's documentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaShard {
    config: Config,
    dice: Dice,
    /// Our name in RTCP: random, as RFC 7022 wants.
    name: String,
    streams: Vec<Option<Box<Stream>>>,
    index: BTreeMap<StreamId, u32>,
    free_streams: Vec<u32>,
    rooms: Vec<Option<Room>>,
    room_index: BTreeMap<RoomId, u32>,
    /// Which named room a stream belongs to, open or not: the last plan that named it.
    room_of: BTreeMap<StreamId, u32>,
    free_rooms: Vec<u32>,
    groups: [Group; TICK_GROUPS],
    sweep_due_us: u64,
    sweep_step: usize,
    events: VecDeque<Event>,
    #[serde(skip)]
    scratch: Scratch,
}

/// A conversation's bridge, or the place of one stream that is in none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Room {
    id: Option<RoomId>,
    plan: MixPlan,
    named: BTreeSet<StreamId>,
    members: Vec<u32>,
    /// Its tick group, while something is to be done at the tick.
    group: Option<usize>,
}

/// Rooms that tick together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Group {
    rooms: Vec<u32>,
    due_us: u64,
}

/// Space that is used within one call only, so it is no state.
#[derive(Debug, Clone, Default)]
struct Scratch {
    frames: Vec<Frame>,
    audible: Vec<bool>,
    packet: Vec<u8>,
}

impl PartialEq for Scratch {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl MediaShard {
    /// An empty shard. SSRCs, sequence numbers and report times come from `seed`; on a node it is random.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let name = format!("{:016x}", dice.next());
        Self {
            config,
            dice,
            name,
            streams: Vec::new(),
            index: BTreeMap::new(),
            free_streams: Vec::new(),
            rooms: Vec::new(),
            room_index: BTreeMap::new(),
            room_of: BTreeMap::new(),
            free_rooms: Vec::new(),
            groups: Default::default(),
            sweep_due_us: 0,
            sweep_step: 0,
            events: VecDeque::with_capacity(64),
            scratch: Scratch::default(),
        }
    }

    /// What there is to tell, oldest first. To be drained after every call.
    pub fn poll_output(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`MediaShard::tick`] is to be called next; `None` while there is no stream.
    pub fn next_tick_us(&self) -> Option<u64> {
        if self.index.is_empty() {
            return None;
        }
        let rooms = self.groups.iter().filter(|group| !group.rooms.is_empty()).map(|group| group.due_us);
        rooms.chain([self.sweep_due_us]).min()
    }

    /// What a stream measured so far.
    pub fn statistics(&self, stream: StreamId) -> Option<Statistics> {
        self.stream(stream).map(Stream::statistics)
    }

    /// Who feeds a stream at this moment.
    pub fn feed(&self, stream: StreamId) -> Option<&Feed> {
        self.stream(stream).map(|stream| &stream.feed)
    }

    /// Where a stream's RTP goes, and whether that is a source it has locked to.
    pub fn destination(&self, stream: StreamId) -> Option<(std::net::SocketAddr, bool)> {
        let latch = self.stream(stream)?.latch.as_ref()?;
        Some((latch.destination(), latch.locked().is_some()))
    }

    /// The line of RTP towards a stream's peer, for a checkpoint.
    pub fn line(&self, stream: StreamId) -> Option<&Line> {
        self.stream(stream).map(|stream| &stream.line)
    }

    /// Goes on with a line from a checkpoint, so that the peer sees one stream through a restart. To be called
    /// between `Open` and `Configure`.
    pub fn resume_line(&mut self, stream: StreamId, line: Line) {
        let Some(slot) = self.index.get(&stream).copied() else { return };
        if let Some(stream) = self.at_mut(slot) {
            stream.line = line;
            stream.break_line();
        }
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.index.len()
    }

    /// Sets music and prompts again, after a shard was revived from its serialised form. Sound that is
    /// playing finds its track by the names given, so the same names must be given as before.
    pub fn set_library(&mut self, library: Library) {
        self.config.library = library;
    }

    fn stream(&self, stream: StreamId) -> Option<&Stream> {
        self.at(*self.index.get(&stream)?)
    }

    fn at(&self, slot: u32) -> Option<&Stream> {
        self.streams.get(slot as usize)?.as_deref()
    }

    fn at_mut(&mut self, slot: u32) -> Option<&mut Stream> {
        self.streams.get_mut(slot as usize)?.as_deref_mut()
    }

    fn room_mut(&mut self, slot: u32) -> Option<&mut Room> {
        self.rooms.get_mut(slot as usize)?.as_mut()
    }
}
