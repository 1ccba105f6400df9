//! Callers and callees in one thread: an open-loop load of calls, judged message by message.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll;

use crate::call::{Call, Kind, Shape};
use crate::leg::{Leg, State, request};
use crate::media::{Content, FirstHeard, Media, StreamId};
use crate::message::{Message, NO_BODY, description};
use crate::panels::{Button, Panels};
use crate::system;

pub(crate) const MILLISECOND: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

/// RFC 3261's T1, at which requests and 200s are sent again, doubling.
const T1: u64 = 500 * MILLISECOND;

/// A request is given up after this many sendings.
const SENDINGS_MAX: u32 = 6;

/// What happens later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    SendAgain { leg: usize, generation: u32, sendings: u32 },
    HangUp { leg: usize },
    Refer { call: usize },
    Consult { call: usize },
    Press { call: usize, button: Button },
}

/// A trunk peer.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) socket: UdpSocket,
    pub(crate) address: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) sink: u16,
    _sink: UdpSocket,
}

/// The load.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) sides: [Side; 3],
    epoll: OwnedFd,
    pub(crate) legs: Vec<Leg>,
    pub(crate) by_call_id: [HashMap<String, usize>; 3],
    pub(crate) timers: BinaryHeap<Reverse<(u64, Timer)>>,
    pub(crate) owners: HashMap<StreamId, (usize, usize)>,
    pub(crate) calls: Vec<Call>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) media: Media,
    pub(crate) run: u64,
    /// Messages received in the run.
    pub(crate) messages: u64,
    /// How far behind its schedule a call was started, at most.
    pub(crate) lateness: u64,
    /// Whether an OPTIONS has been answered.
    pub(crate) server_answers: bool,
    pub(crate) verbose: bool,
    /// The agents' panels, when there are agents.
    pub(crate) panels: Option<Panels>,
}

/// The addresses of the two trunk peers, and of the agents' phones.
pub(crate) const PEERS: [&str; 3] = ["127.0.0.2:5070", "127.0.0.3:5070", "127.0.0.5:5070"];

impl Load {
    /// Both peers talk to `server`, or to each other without one.
    pub(crate) fn new(server: Option<SocketAddr>) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> = PEERS.iter().filter_map(|peer| peer.parse().ok()).collect();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let side = |index: usize| -> io::Result<Side> {
            let address = addresses[index];
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            system::prepare(socket.as_fd(), 8 * 1024 * 1024)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &socket, data, epoll::EventFlags::IN)?;
            let sink = UdpSocket::bind((address.ip(), 0))?;
            Ok(Side {
                socket,
                address,
                server: server.unwrap_or(addresses[(index + 1) % 2]),
                sink: sink.local_addr()?.port(),
                _sink: sink,
            })
        };
        Ok(Self {
            sides: [side(0)?, side(1)?, side(2)?],
            epoll,
            legs: Vec::new(),
            by_call_id: Default::default(),
            timers: BinaryHeap::new(),
            owners: HashMap::new(),
            calls: Vec::new(),
            shapes: Vec::new(),
            media: Media::new()?,
            run: system::now() / MILLISECOND,
            messages: 0,
            lateness: 0,
            server_answers: false,
            verbose: std::env::var_os("BENCH_VERBOSE").is_some(),
            panels: None,
        })
    }

    /// Asks the server whether it is there; [`Load::server_answers`] tells.
    pub(crate) fn ask(&mut self) -> io::Result<()> {
        let side = &self.sides[0];
        let (address, server, unique) = (side.address, side.server, system::now());
        let text = format!(
            "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKo{unique};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bench@{address}>;tag=o{unique}\r\nTo: <sip:{server}>\r\n\
             Call-ID: options-{unique}\r\nCSeq: 1 OPTIONS\r\n{NO_BODY}"
        );
        self.send(0, &text);
        self.run_until(system::now() + 50 * MILLISECOND)
    }

    /// Runs until all calls that are to end by themselves have ended or failed, at most for `limit` nanoseconds.
    pub(crate) fn settle(&mut self, limit: u64) -> io::Result<()> {
        let end = system::now() + limit;
        let is_open = |(call, shape): (&Call, &Shape)| shape.hold.is_some() && call.ended == 0 && call.failed.is_none();
        while system::now() < end && self.calls.iter().zip(&self.shapes).any(is_open) {
            self.run_until((system::now() + 50 * MILLISECOND).min(end))?;
        }
        Ok(())
    }

    /// Forgets all calls, for the next step on the same server.
    pub(crate) fn forget(&mut self) {
        for stream in self.legs.iter().filter_map(|leg| leg.stream) {
            self.media.close(stream);
        }
        self.legs.clear();
        self.calls.clear();
        self.shapes.clear();
        self.timers.clear();
        self.owners.clear();
        self.by_call_id = Default::default();
        self.run += 1;
        self.lateness = 0;
    }

    /// How many calls are answered and not ended.
    pub(crate) fn up(&self) -> usize {
        self.calls.iter().filter(|call| call.answered != 0 && call.ended == 0).count()
    }

    /// The caller's stream of a call.
    pub(crate) fn caller_stream(&self, call: usize) -> Option<StreamId> {
        self.legs[self.calls[call].caller].stream
    }

    /// Works until `end`: messages, timers, RTP.
    pub(crate) fn run_until(&mut self, end: u64) -> io::Result<()> {
        loop {
            let now = system::now();
            self.fire_timers(now)?;
            self.take_pressed();
            if self.media.next_at().is_some_and(|at| at <= now) {
                self.media.turn()?;
                self.take_first_heard();
            }
            if now >= end {
                return Ok(());
            }
            self.wait(end)?;
        }
    }

    pub(crate) fn wait(&mut self, end: u64) -> io::Result<()> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let until = [timer, self.media.next_at()].into_iter().flatten().fold(end, u64::min);
        let wait = until.saturating_sub(system::now());
        let timeout = rustix::time::Timespec {
            tv_sec: i64::try_from(wait / SECOND).unwrap_or(0),
            tv_nsec: i64::try_from(wait % SECOND).unwrap_or(0),
        };
        let mut events = Vec::with_capacity(4);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            self.receive(event.data.u64() as usize);
        }
        Ok(())
    }

    pub(crate) fn receive(&mut self, side: usize) {
        let mut buffer = [0; 8192];
        // Bounded, so that a flood does not keep the schedule waiting; epoll tells again.
        for _ in 0..64 {
            let Some((length, at)) = system::receive(self.sides[side].socket.as_fd(), &mut buffer) else {
                return;
            };
            self.messages += 1;
            let Some(message) = Message::parse(&buffer[..length]) else { continue };
            if self.verbose {
                eprintln!("<< {} {}", PEERS[side], String::from_utf8_lossy(&buffer[..length]));
            }
            match message.status() {
                Some(status) => self.take_response(side, &message, status, at),
                None => self.take_request(side, &message, at),
            }
        }
    }

    pub(crate) fn send(&mut self, side: usize, text: &str) {
        if self.verbose {
            eprintln!(">> {} {text}", PEERS[side]);
        }
        let side = &self.sides[side];
        // A full send buffer is a loss like any other.
        let _ = side.socket.send_to(text.as_bytes(), side.server);
    }

    pub(crate) fn send_until_answered(&mut self, leg: usize, text: String) {
        self.send(self.legs[leg].side, &text);
        self.legs[leg].pending = text;
        self.legs[leg].generation += 1;
        let generation = self.legs[leg].generation;
        self.timers.push(Reverse((system::now() + T1, Timer::SendAgain { leg, generation, sendings: 1 })));
    }

    pub(crate) fn answered(&mut self, leg: usize) {
        self.legs[leg].generation += 1;
        self.legs[leg].pending.clear();
    }

    pub(crate) fn fire_timers(&mut self, now: u64) -> io::Result<()> {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            match timer {
                Timer::SendAgain { leg, generation, sendings } => self.send_again(leg, generation, sendings, now),
                Timer::HangUp { leg } if self.legs[leg].state == State::Up => self.bye(leg),
                Timer::HangUp { .. } => {}
                Timer::Refer { call } => self.refer(call),
                Timer::Consult { call } => self.consult(call)?,
                Timer::Press { call, button } => self.press(call, button),
            }
        }
        Ok(())
    }

    pub(crate) fn send_again(&mut self, leg: usize, generation: u32, sendings: u32, now: u64) {
        if self.legs[leg].generation != generation || self.legs[leg].pending.is_empty() {
            return;
        }
        if sendings >= SENDINGS_MAX {
            let call = self.legs[leg].call;
            self.fail(call, 0);
            self.over(leg);
            return;
        }
        let text = self.legs[leg].pending.clone();
        self.send(self.legs[leg].side, &text);
        let timer = Timer::SendAgain { leg, generation, sendings: sendings + 1 };
        self.timers.push(Reverse((now + (T1 << sendings.min(3)), timer)));
    }

    /// Opens a leg's media and gives the description for it.
    pub(crate) fn describe(&mut self, leg: usize) -> io::Result<String> {
        let call = self.legs[leg].call;
        let shape = self.shapes[call];
        let side = self.legs[leg].side;
        if shape.media && self.legs[leg].stream.is_none() {
            let (content, room) = match shape.kind {
                Kind::Room(room, tone) => (Content::Tone(tone), Some(room)),
                // The customer's tone, the agent's, the target's.
                Kind::Desk => (Content::Tone([0, 2, 1][side]), None),
                _ => (Content::Stamps, None),
            };
            let (stream, port) = self.media.open(self.sides[side].address.ip(), content, room)?;
            self.owners.insert(stream, (call, leg));
            self.legs[leg].stream = Some(stream);
            self.legs[leg].port = port;
        }
        let port = if self.legs[leg].port == 0 { self.sides[side].sink } else { self.legs[leg].port };
        Ok(description(self.sides[side].address.ip(), port, self.sides[side].sink, shape.mux))
    }

    pub(crate) fn start_media(&mut self, leg: usize, message: &Message) {
        if let (Some(stream), Some(remote)) = (self.legs[leg].stream, message.media()) {
            self.media.start(stream, remote);
        }
    }

    pub(crate) fn add_leg(&mut self, side: usize, call: usize, state: State, call_id: &str) -> usize {
        let leg = self.legs.len();
        self.by_call_id[side].insert(call_id.to_owned(), leg);
        self.legs.push(Leg {
            side,
            call,
            state,
            call_id: call_id.to_owned(),
            ours: String::new(),
            theirs: String::new(),
            remote: String::new(),
            sequence: 1,
            pending: String::new(),
            generation: 0,
            stream: None,
            port: 0,
        });
        leg
    }

    /// A request within the leg's dialog.
    pub(crate) fn in_dialog(&mut self, leg: usize, method: &str, rest: &str) -> String {
        self.legs[leg].sequence += 1;
        let address = self.sides[self.legs[leg].side].address;
        request(&self.legs[leg], method, address, rest)
    }

    pub(crate) fn over(&mut self, leg: usize) {
        self.answered(leg);
        self.legs[leg].state = State::Over;
        if let Some(stream) = self.legs[leg].stream.take() {
            self.media.close(stream);
        }
        let call = &mut self.calls[self.legs[leg].call];
        if call.caller == leg && call.ended == 0 {
            call.ended = system::now();
        }
    }

    pub(crate) fn fail(&mut self, call: usize, status: u16) {
        self.calls[call].failed.get_or_insert(status);
    }

    /// After a transfer: when the caller and the target first heard each other.
    pub(crate) fn take_first_heard(&mut self) {
        for FirstHeard { listener, speaker, at } in std::mem::take(&mut self.media.first_heard) {
            let (Some((call, listener)), Some((_, speaker))) = (self.owners.get(&listener), self.owners.get(&speaker))
            else {
                continue;
            };
            let call = &mut self.calls[*call];
            let (caller, target) = (Some(call.caller), call.target);
            if Some(*listener) == caller && Some(*speaker) == target && call.caller_heard == 0 {
                call.caller_heard = at;
            }
            if Some(*listener) == target && Some(*speaker) == caller && call.target_heard == 0 {
                call.target_heard = at;
            }
        }
    }
}
