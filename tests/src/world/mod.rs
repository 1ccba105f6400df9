//! The whole contact centre in virtual time: the core with its endpoint, phones and trunks that are endpoints of their
//! own, a network that loses, repeats and reorders, and the media shard with every party's own tone.
//!
//! It opens no socket and reads no clock: an hour of calls is arithmetic, and a failure is a seed. Read [`World`] and
//! then `act.rs` (what people do) and `ask.rs` (what a test asks).

#![allow(missing_docs, reason = "the names of the test's language speak for themselves")]

mod act;
mod ask;
mod device;
mod ears;
mod invariant;
mod ladder;
mod line;
mod misbehave;
mod network;
pub mod office;
mod records;
mod registration;
mod sound;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use baton_contact::command::{Refusal, Reply};
use baton_contact::directory::Directory;
use baton_contact::event::ContactEvent;
use baton_contact::snapshot::AgentSnapshot;
use baton_contact::trace::TraceMessage;
use baton_contact::{Config, Core, Input, Output, RequestId};
use baton_media::{MixPlan, RoomId, StreamId};
use bytes::Bytes;

pub use act::Dialect;
pub use device::Device;
pub use ladder::{Ladder, Rung, header, headers, tag, title};
pub use line::{Behaviour, Line, LineState};
pub use misbehave::Vice;
pub use network::{Network, Verdict};
pub use sound::Studio;
pub use watch::Watch;

/// Ten o'clock of 3 January 2025, in microseconds since the Unix epoch.
pub const TEN_OCLOCK_US: u64 = 1_735_898_400 * 1_000_000;
/// Where the core listens.
pub const BATON: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);
/// Most inputs at one instant; more is a loop.
const INSTANT_MAX: u32 = 50_000;

/// Something of a party's behaviour that is due later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Answer(u64),
    Refuse(u64, u16),
}

/// Everything.
pub struct World {
    pub now_us: u64,
    pub core: Core,
    /// The directory that the core was given.
    pub directory: Directory,
    pub devices: Vec<Device>,
    /// All lines there ever were, in the order of their beginning.
    pub lines: BTreeMap<u64, Line>,
    pub network: Network,
    pub ladder: Ladder,
    pub events: Vec<ContactEvent>,
    /// What phones watch, in the order of their subscribing.
    pub watches: Vec<Watch>,
    /// The last snapshot that was told of each agent.
    pub agents: BTreeMap<String, AgentSnapshot>,
    /// Who hears whom, as the media threads are told.
    pub plans: BTreeMap<RoomId, MixPlan>,
    /// Streams that are open, by their port.
    pub streams: BTreeMap<u16, StreamId>,
    /// Streams of tie lines between calls and rooms, with the port of the far end.
    pub(crate) ties: BTreeMap<StreamId, u16>,
    /// When the media threads were last told anything.
    pub(crate) media_changed_us: u64,
    /// The sound, if this world has any; otherwise only plans are looked at.
    pub studio: Option<Box<Studio>>,
    /// What people, or all at one gateway, do when they are called; others ring until the test says more.
    pub behaviours: BTreeMap<String, Behaviour>,
    /// Devices that break the rules, by name.
    pub vices: BTreeMap<String, Vice>,
    /// Phones that hang up by themselves after the final NOTIFY (P6), by name.
    pub hang_up_after_transfer: Vec<String>,
    /// The messages that were told of the node, while they are wanted (`Input::Trace`).
    pub traces: Vec<TraceMessage>,
    pub drained: bool,
    /// Checks every invariant after each change.
    pub watchful: bool,
    /// Writes the core down and reads it back after each input.
    pub revive_always: bool,
    replies: BTreeMap<RequestId, Result<Reply, Refusal>>,
    due: BTreeMap<(u64, u64), Due>,
    inbox: VecDeque<Input>,
    next: u64,
    instant: (u64, u32),
}

impl World {
    /// The office of [`office::directory`] with these agents at their phones, without sound.
    pub fn new(agents: &[&str]) -> World {
        World::with(agents, 1, |_, _| {})
    }

    /// The same with sound.
    pub fn with_sound(agents: &[&str]) -> World {
        let mut world = World::with(&[], 1, |_, _| {});
        world.add_sound();
        agents.iter().for_each(|agent| world.register(agent));
        world
    }

    /// Puts the media shard into the loop; to be called before the first call.
    pub fn add_sound(&mut self) {
        self.studio = Some(Box::new(Studio::new()));
    }

    /// With another configuration or directory.
    pub fn with(agents: &[&str], seed: u64, change: impl FnOnce(&mut Config, &mut Directory)) -> World {
        let (mut config, mut directory) = (office::config(), office::directory());
        change(&mut config, &mut directory);
        let mut key = [7; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let phones = directory.users.iter().flat_map(|user| user.phones.iter().map(move |phone| (user, phone)));
        let mut devices: Vec<Device> =
            phones.enumerate().map(|(at, (user, phone))| Device::phone(at, &user.username, &phone.username)).collect();
        let gateways = directory.trunks.iter().flat_map(|trunk| trunk.all_gateways());
        devices.extend(gateways.filter_map(|gateway| gateway.address.parse().ok()).map(Device::gateway));
        let core = Core::new(config, key, directory.clone());
        let mut world = World {
            now_us: TEN_OCLOCK_US - 60_000_000,
            core,
            directory,
            devices,
            lines: BTreeMap::new(),
            network: Network::new(seed),
            ladder: Ladder::default(),
            events: Vec::new(),
            watches: Vec::new(),
            agents: BTreeMap::new(),
            plans: BTreeMap::new(),
            streams: BTreeMap::new(),
            ties: BTreeMap::new(),
            media_changed_us: 0,
            studio: None,
            behaviours: BTreeMap::new(),
            vices: BTreeMap::new(),
            hang_up_after_transfer: Vec::new(),
            traces: Vec::new(),
            drained: false,
            watchful: true,
            revive_always: false,
            replies: BTreeMap::new(),
            due: BTreeMap::new(),
            inbox: VecDeque::new(),
            next: 0,
            instant: (0, 0),
        };
        world.drain_core();
        agents.iter().for_each(|agent| world.register(agent));
        world.run_until(TEN_OCLOCK_US);
        world
    }

    pub fn run_ms(&mut self, ms: u64) {
        self.run_until(self.now_us + ms * 1_000);
    }

    /// Long enough for messages to arrive, too brief for retransmissions.
    pub fn settle(&mut self) {
        self.run_ms(150);
    }

    pub fn run_until(&mut self, until_us: u64) {
        while let Some(at_us) = self.next_us().filter(|at_us| *at_us <= until_us) {
            self.now_us = self.now_us.max(at_us);
            self.guard();
            self.step();
        }
        self.now_us = self.now_us.max(until_us);
    }

    /// A timer that is never satisfied would run for ever.
    fn guard(&mut self) {
        self.instant = if self.instant.0 == self.now_us { (self.now_us, self.instant.1 + 1) } else { (self.now_us, 0) };
        assert!(self.instant.1 < INSTANT_MAX, "time stands still\n{}", self.ladder);
    }

    fn next_us(&self) -> Option<u64> {
        let devices =
            self.devices.iter().filter(|device| !device.dead).filter_map(|each| each.endpoint.next_timeout_us());
        let due = self.due.keys().next().map(|(at_us, _)| *at_us);
        let sound = self.studio.as_ref().and_then(|studio| studio.next_us(&self.lines));
        let own = [self.network.next_us(), self.core.next_timeout_us(), due, sound];
        devices.chain(own.into_iter().flatten()).min()
    }

    fn step(&mut self) {
        if let Some(packet) = self.network.arrive(self.now_us) {
            return self.deliver(packet.from, packet.to, packet.bytes);
        }
        if let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.now_us) {
            return match entry.remove() {
                Due::Answer(line) => self.answer_line(line),
                Due::Refuse(line, status) => self.refuse_line(line, status),
            };
        }
        if self.core.next_timeout_us().is_some_and(|at_us| at_us <= self.now_us) {
            return self.feed(Input::Timeout);
        }
        for at in 0..self.devices.len() {
            self.device_timeout(at);
        }
        self.play_sound();
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        if to == SocketAddr::from(BATON) {
            let listener = baton_sip::ListenerId(0);
            self.feed(Input::Sip(baton_sip::Input::Datagram { listener, source: from, bytes }));
        } else if let Some(at) = self.devices.iter().position(|device| device.address == to) {
            self.device_receives(at, from, bytes);
        }
    }

    /// One input to the core, and all that follows from it at once.
    pub(crate) fn feed(&mut self, input: Input) {
        self.inbox.push_back(input);
        while let Some(input) = self.inbox.pop_front() {
            self.core.handle(self.now_us, input);
            let changed = self.drain_core();
            if changed && self.watchful {
                self.check_hearing();
            }
            if self.revive_always {
                self.freeze_and_revive();
            }
        }
    }

    /// Whether anything changed that parties can hear or see.
    fn drain_core(&mut self) -> bool {
        let mut changed = false;
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Sip(baton_sip::Output::Transmit { flow, bytes }) => {
                    self.transmit(SocketAddr::from(BATON), flow.remote, bytes);
                }
                Output::Sip(other) => panic!("not of this world: {other:?}"),
                Output::Media(_, command) => {
                    changed = true;
                    self.media_command(command);
                }
                Output::Event(event) => self.events.push(*event),
                Output::Reply(request, result) => {
                    let result = result.map(|reply| *reply).map_err(|refusal| *refusal);
                    let twice = self.replies.insert(request, result).is_some();
                    assert!(!twice, "each command is answered once");
                }
                Output::Agent(agent) => {
                    changed = true;
                    self.agents.insert(agent.username.clone(), *agent);
                }
                Output::Drained => self.drained = true,
                Output::Trace(message) => self.traces.push(*message),
                Output::Status { .. } | Output::Bindings { .. } => {}
            }
        }
        changed
    }

    /// Puts a message on the wire.
    pub fn transmit(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let people = [self.person(from), self.person(to)];
        self.ladder.note(self.now_us, people, &bytes);
        let title = title(&bytes);
        self.network.send(self.now_us, from, to, bytes, &title);
    }

    fn person(&self, address: SocketAddr) -> String {
        if address == SocketAddr::from(BATON) {
            return "baton".into();
        }
        let device = self.devices.iter().find(|device| device.address == address);
        device.map_or_else(|| address.to_string(), |device| device.name.clone())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn later(&mut self, after_ms: u64, due: Due) {
        let number = self.number();
        self.due.insert((self.now_us + after_ms * 1_000, number), due);
    }

    /// Writes the whole core down, throws it away, and reads it back (the design's "state is plain data").
    pub fn freeze_and_revive(&mut self) {
        let text = serde_json::to_string(&self.core).expect("the core is plain data");
        let revived: Core = serde_json::from_str(&text).expect("what was written down reads back");
        assert!(revived == self.core, "what was written down reads back the same\n{}", self.ladder);
        self.core = revived;
    }
}
