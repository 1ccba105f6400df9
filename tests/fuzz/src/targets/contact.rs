//! The whole contact centre but its sound, under any sequence of messages, clicks, media events and moments: no conversation is
//! given up for a fault, every command is answered once, every contact begins and completes once, and in the end nothing
//! is left: no call, no port, no timer of a call.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use baton_contact::command::{AddMode, Command, Control, Query, RoomControl, Target};
use baton_contact::directory::Directory;
use baton_contact::event::EventKind;
use baton_contact::snapshot::AgentSnapshot;
use baton_contact::{Config, ConnectionId, ContactId, Core, Input, Limits, Output, RequestId};
use baton_media::{Command as MediaCommand, Event as MediaEvent, Statistics, StreamId};
use baton_sip::{Binding, Flow, Input as SipInput, ListenerId, Output as SipOutput, Transport};

use super::{ACCOUNTS, MACHINE, OUTPUTS_MAX, START_US, WAKES_MAX, hashes, is_well_formed, listeners};
use crate::hand::Hand;
use crate::steps::{Step, steps};

const DIRECTORY: &str = include_str!("../../../../deploy/directory.toml");
const AGENTS: &[&str] = &["anna", "bert", "carla"];
const USERS: &[&str] =
    &["100", "101", "102", "103", "+4989222", "+4989333", "800", "810", "201", "+498912345", "nobody"];
const CONVERSATIONS_MAX: usize = 8;
/// The trunk, the phones, a stranger.
const SOURCES: &[([u8; 4], u16)] = &[
    ([127, 0, 0, 1], 5_080),
    ([198, 51, 100, 1], 5_060),
    ([198, 51, 100, 2], 5_060),
    ([198, 51, 100, 3], 5_060),
    ([127, 0, 0, 1], 5_080),
    ([203, 0, 113, 7], 5_060),
];

pub(crate) fn run(data: &[u8]) {
    let mut centre = Centre::new();
    for step in steps(data) {
        centre.step(step);
    }
    centre.end();
}

struct Centre {
    core: Core,
    now_us: u64,
    hand: Hand,
    /// What each contact's part in the stream of events is so far: begun, completed.
    contacts: BTreeMap<ContactId, (u32, u32)>,
    agents: BTreeMap<String, AgentSnapshot>,
    streams: BTreeSet<StreamId>,
    /// Streams whose end the media thread has not told yet.
    closing: Vec<StreamId>,
    asked: BTreeSet<RequestId>,
    number: u64,
}

fn directory() -> Directory {
    let mut directory: Directory = toml::from_str(DIRECTORY).expect("the example reads");
    for phone in directory.users.iter_mut().flat_map(|user| &mut user.phones) {
        let (md5, sha256) = hashes(&phone.username);
        (phone.password, phone.ha1_md5, phone.ha1_sha256) = (None, Some(md5), Some(sha256));
    }
    directory
}

impl Centre {
    fn new() -> Centre {
        let limits = Limits { conversations_max: CONVERSATIONS_MAX, ..Limits::default() };
        let config = Config {
            sip: baton_sip::Config { listeners: listeners(), ..baton_sip::Config::default() },
            media_ports: (20_000, 20_063),
            limits,
            ..Config::default()
        };
        let mut centre = Centre {
            core: Core::new(config, [9; 32], directory()),
            now_us: START_US,
            hand: Hand::new(SocketAddr::from(MACHINE), USERS),
            contacts: BTreeMap::new(),
            agents: BTreeMap::new(),
            streams: BTreeSet::new(),
            closing: Vec::new(),
            asked: BTreeSet::new(),
            number: 0,
        };
        for (account, source) in ACCOUNTS.iter().zip(&SOURCES[1..]) {
            let bindings = vec![binding(account, SocketAddr::from(*source))];
            centre.feed(Input::RestoreBindings { account: (*account).to_owned(), bindings });
        }
        for agent in AGENTS {
            centre.feed(Input::RestoreStatus { agent: (*agent).to_owned(), status: "Available".into() });
        }
        centre
    }

    fn step(&mut self, step: Step) {
        let source = SocketAddr::from(step.one(7, SOURCES));
        match step.kind(16) {
            0..=6 => {
                if let Some((source, bytes)) = self.hand.write(step, source) {
                    self.feed(Input::Sip(SipInput::Datagram { listener: ListenerId(0), source, bytes }));
                }
            }
            7..=9 => self.control(step),
            10 => self.command(step),
            11 | 12 => self.pass(step),
            13 => self.media(step),
            14 => {
                let (source, bytes) = self.hand.register(step, source, step.one(2, ACCOUNTS));
                self.feed(Input::Sip(SipInput::Datagram { listener: ListenerId(0), source, bytes }));
            }
            _ => self.media_closed(),
        }
        let gauges = self.core.gauges();
        assert!(gauges.conversations <= CONVERSATIONS_MAX, "the limit of conversations holds: {gauges:?}");
    }

    fn feed(&mut self, input: Input) {
        self.core.handle(self.now_us, input);
        self.take_outputs();
        assert_eq!(self.core.gauges().faults, 0, "a conversation was given up for a fault");
    }

    fn ask(&mut self, command: Command) {
        self.number += 1;
        let request = RequestId(self.number);
        self.asked.insert(request);
        self.feed(Input::Command(request, Box::new(command)));
        assert!(!self.asked.contains(&request), "a command is answered at once");
    }

    fn target(&self, step: Step, at: usize) -> Target {
        let number = step.one(at, USERS).to_owned();
        match step.byte(at) >> 5 {
            0 | 1 => Target::PhoneNumber(number),
            2 | 3 => Target::Agent(step.one(at, AGENTS).to_owned()),
            4 => Target::Queue(step.one(at, &["support", "sales", "none"]).to_owned()),
            _ => {
                let names = ["Anna", "Bert", "Carla", "Support queue", "Sales queue", "Head office", "None"];
                Target::QuickConnect(step.one(at, &names).to_owned())
            }
        }
    }

    /// A click of an agent, most often on a contact of its own.
    fn control(&mut self, step: Step) {
        let agent = step.one(1, AGENTS);
        let shown = self.agents.get(agent).map(|agent| agent.contacts.clone()).unwrap_or_default();
        let own: Vec<ContactId> = shown.iter().map(|contact| contact.contact_id).collect();
        let all: Vec<ContactId> = self.contacts.keys().copied().collect();
        let contact = if step.bit(1, 7) { step.of(2, &all) } else { step.of(2, &own).or_else(|| step.of(2, &all)) };
        let Some(contact) = contact else { return };
        let parties: Vec<ConnectionId> =
            shown.iter().flat_map(|contact| &contact.connections).map(|connection| connection.connection_id).collect();
        let connection = step.of(4, &parties).unwrap_or(ConnectionId(u64::from(step.byte(4))));
        let control = match step.byte(3) % 20 {
            0 => Control::Accept,
            1 => Control::Reject,
            2 => Control::Clear,
            3 => Control::Hold,
            4 => Control::Resume,
            5 => Control::Swap,
            6 | 7 => Control::Join,
            8 => Control::HoldAll,
            9 => Control::Leave,
            10 => Control::End,
            11..=13 => {
                let mode = if step.bit(6, 0) { AddMode::Blind } else { AddMode::Consult };
                Control::Add { target: self.target(step, 5), mode }
            }
            14 => Control::HoldConnection(connection),
            15 => Control::ResumeConnection(connection),
            16 => Control::Mute(connection),
            17 => Control::Drop(connection),
            18 => Control::SendDigits {
                connection,
                digits: step.one(5, &["1", "*3", "12345678901234567890123456789012345", "é"]).into(),
            },
            _ => Control::Unmute(connection),
        };
        let agent = (!step.bit(1, 6)).then(|| agent.to_owned());
        self.ask(Command::Control { agent, contact, control });
    }

    fn command(&mut self, step: Step) {
        let agent = step.one(1, AGENTS).to_owned();
        let command = match step.byte(2) % 12 {
            0..=3 => Command::Dial { agent, target: self.target(step, 3) },
            4 | 5 => Command::SetStatus { agent, status: step.one(3, &["Available", "Offline", "Lunch", ""]).into() },
            6 => Command::Unregister { phone: step.one(1, ACCOUNTS).to_owned() },
            7 => {
                let mut changed = directory();
                match step.byte(3) % 4 {
                    0 => changed.users.retain(|user| user.username != agent),
                    1 => changed.trunks.clear(),
                    2 => changed.queues.truncate(1),
                    _ => {}
                }
                Command::SetDirectory(Box::new(changed))
            }
            9 => {
                let connection = ConnectionId(u64::from(step.byte(4)));
                let control = match step.byte(3) % 5 {
                    0 | 1 => RoomControl::Add(self.target(step, 4)),
                    2 => RoomControl::Drop(connection),
                    3 => RoomControl::Mute(connection),
                    _ => RoomControl::Unmute(connection),
                };
                let by = step.bit(5, 0).then_some(agent);
                Command::Conference { by, room: "room".into(), control }
            }
            8 if step.byte(3) > 250 => Command::Drain,
            8 if step.byte(3) > 245 => Command::EndAll,
            8 => Command::LiftBan { address: SocketAddr::from(step.one(3, SOURCES)).ip() },
            _ => Command::Query(match step.byte(3) % 7 {
                0 => Query::Calls,
                1 => Query::Queues,
                2 => Query::Registrations,
                3 => Query::Trunks,
                4 => Query::QuickConnects(agent),
                5 => Query::Agent(agent),
                _ => Query::Agents,
            }),
        };
        self.ask(command);
    }

    fn pass(&mut self, step: Step) {
        if step.bit(1, 0) {
            self.now_us += u64::from(step.byte(2)) * step.one(3, &[1_000, 20_000, 1_000_000]);
            return self.feed(Input::Timeout);
        }
        for _ in 0..=step.byte(2) % 8 {
            let Some(due_us) = self.core.next_timeout_us() else { return };
            self.now_us = self.now_us.max(due_us);
            self.feed(Input::Timeout);
        }
    }

    fn media(&mut self, step: Step) {
        let streams: Vec<StreamId> = self.streams.iter().copied().collect();
        let stream = step.of(1, &streams).unwrap_or(StreamId(u64::from(step.byte(1))));
        let event = match step.byte(2) % 8 {
            0..=2 => {
                MediaEvent::Digit { stream, digit: step.one(3, &['*', '1', '2', '3', '4', '#', 'A']), duration_ms: 100 }
            }
            3 => MediaEvent::Silent { stream, for_ms: 2_000 },
            4 => MediaEvent::Audible { stream },
            5 => MediaEvent::PlayEnded { stream },
            6 => MediaEvent::OpenFailed { stream, reason: "the port is taken".into() },
            _ => MediaEvent::Closed { stream, statistics: Statistics::default() },
        };
        self.feed(Input::Media(event));
    }

    /// The media thread tells of the streams that it has closed.
    fn media_closed(&mut self) {
        for stream in std::mem::take(&mut self.closing) {
            self.feed(Input::Media(MediaEvent::Closed { stream, statistics: Statistics::default() }));
        }
    }

    fn take_outputs(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.core.poll_output() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_MAX, "one input sets off {outputs} outputs");
            match output {
                Output::Sip(SipOutput::Transmit { flow, bytes }) => {
                    is_well_formed(&bytes);
                    self.hand.hear(flow.remote, &bytes);
                }
                Output::Media(_, MediaCommand::Open { stream, .. }) => {
                    assert!(self.streams.insert(stream), "a stream is opened once");
                }
                Output::Media(_, MediaCommand::Close { stream }) => {
                    assert!(self.streams.remove(&stream), "what is closed was open");
                    self.closing.push(stream);
                }
                Output::Event(event) => {
                    let (begun, completed) = self.contacts.entry(event.contact_id).or_default();
                    match event.kind {
                        EventKind::Initiated { .. } => *begun += 1,
                        EventKind::Completed => *completed += 1,
                        _ => {}
                    }
                    assert!(
                        *begun == 1 && *completed <= 1,
                        "{event:?}: {begun} times begun, {completed} times completed"
                    );
                }
                Output::Reply(request, _) => assert!(self.asked.remove(&request), "a command is answered once"),
                Output::Agent(agent) => {
                    self.agents.insert(agent.username.clone(), *agent);
                }
                _ => {}
            }
        }
    }

    /// The operator ends everything, nobody answers, and time runs out.
    fn end(&mut self) {
        self.ask(Command::EndAll);
        self.ask(Command::SetDirectory(Box::default()));
        self.media_closed();
        let mut wakes = 0;
        while let Some(due_us) = self.core.next_timeout_us() {
            wakes += 1;
            assert!(wakes <= WAKES_MAX, "the core does not come to rest: {:?}", self.core.gauges());
            self.now_us = self.now_us.max(due_us);
            self.feed(Input::Timeout);
        }
        self.media_closed();
        let gauges = self.core.gauges();
        let left = (gauges.conversations, gauges.sessions, gauges.transactions, gauges.waiting, gauges.ports_used);
        assert_eq!(left, (0, 0, 0, 0, 0), "{gauges:?}");
        assert_eq!(self.core.next_timeout_us(), None);
        assert!(self.streams.is_empty(), "{:?} are still open", self.streams);
        let open: Vec<&ContactId> =
            self.contacts.iter().filter(|(_, counts)| **counts != (1, 1)).map(|(contact, _)| contact).collect();
        assert!(open.is_empty(), "without an end: {open:?}");
    }
}

fn binding(account: &str, remote: SocketAddr) -> Binding {
    Binding {
        contact: format!("sip:{account}@{remote}"),
        flow: Flow { transport: Transport::Udp, listener: ListenerId(0), remote, connection: None },
        expires_at_us: START_US + 3_600_000_000,
        q_thousandths: 1_000,
        call_id: format!("r-{account}"),
        cseq: 1,
        user_agent: None,
        instance: None,
        reg_id: None,
        path: Vec::new(),
    }
}
