//! RTP of the load: streams that send every 20 ms and judge what they hear by the kernel's arrival stamps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll;

use crate::random::Random;
use crate::system;
use crate::tone::{self, BURST_HZ, FRAME, PARTIES_HZ};

const MILLISECOND: u64 = 1_000_000;

/// Packets go out every 20 ms.
const INTERVAL: u64 = 20 * MILLISECOND;

/// Sending times are rounded up to slots of this length, as an interface's interrupts would; a wake-up is dear here.
const SLOT: u64 = 200_000;

/// A burst goes out about once a second.
const BURST_INTERVAL: u64 = 1000 * MILLISECOND;

/// A burst not heard after this time is lost.
const BURST_TIMEOUT: u64 = 500 * MILLISECOND;

/// Amplitudes of 32,767: what is sent, from where on something is heard, and up to where it is not.
const TONE_PEAK: f64 = 4000.0;
const HEARD: f64 = 1500.0;
const NOT_HEARD: f64 = 400.0;
const BURST_HEARD: f64 = 800.0;

/// Marks a payload with a stamp in it.
const STAMP: [u8; 4] = *b"Btn1";

/// Names a stream for the length of the run.
pub(crate) type StreamId = u32;

/// What a stream sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Its number and the sending time, which a relay leaves alone.
    Stamps,
    /// One of the tones of [`PARTIES_HZ`]; the first party of a room also sends bursts.
    Tone(usize),
}

/// One sending and receiving side.
#[derive(Debug)]
struct Stream {
    socket: UdpSocket,
    content: Content,
    room: Option<u32>,
    sequence: u16,
    timestamp: u32,
    sending: bool,
    /// From whom stamps have come, the latest last.
    heard_from: Option<StreamId>,
    judged: Judged,
    watched: Watched,
}

/// What a party of an agent's call has received since its stream was watched.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watched {
    /// From when on; 0 for never.
    since: u64,
    /// When both other tones were first heard in one frame.
    pub(crate) both_heard: u64,
    /// The longest time between two packets, in nanoseconds.
    pub(crate) longest_gap: u64,
    /// Packets missing in the sequence numbers.
    pub(crate) missing: u32,
    pub(crate) packets: u32,
    last: Option<(u16, u64)>,
}

/// How a stream in a room heard each tone, in frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Judged {
    frames: u32,
    heard: [u32; 3],
    silent: [u32; 3],
}

/// The bursts of one room.
#[derive(Debug, Clone, Default)]
struct Bursts {
    next_at: u64,
    sent_at: u64,
    heard_by: Vec<StreamId>,
}

/// A stream heard another for the first time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstHeard {
    pub(crate) listener: StreamId,
    pub(crate) speaker: StreamId,
    pub(crate) at: u64,
}

/// What was counted while recording.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Stamped packets' way through the server, in nanoseconds.
    pub(crate) delays: Vec<u64>,
    /// Bursts' way through the mixer, in nanoseconds.
    pub(crate) burst_delays: Vec<u64>,
    pub(crate) bursts_lost: u64,
}

/// All streams.
#[derive(Debug)]
pub(crate) struct Media {
    epoll: OwnedFd,
    streams: Vec<Option<Stream>>,
    due: BinaryHeap<Reverse<(u64, StreamId)>>,
    bursts: Vec<Bursts>,
    frames: [[u8; FRAME]; 3],
    burst_frame: [u8; FRAME],
    random: Random,
    /// Whether [`Counted`] counts.
    pub(crate) recording: bool,
    pub(crate) counted: Counted,
    pub(crate) first_heard: Vec<FirstHeard>,
}

impl Media {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            streams: Vec::new(),
            due: BinaryHeap::new(),
            bursts: Vec::new(),
            frames: PARTIES_HZ.map(|hertz| tone::frame(&[(hertz, TONE_PEAK)])),
            burst_frame: tone::frame(&[(PARTIES_HZ[0], TONE_PEAK), (BURST_HZ, 2.0 * TONE_PEAK)]),
            random: Random::new(0xba70),
            recording: false,
            counted: Counted::default(),
            first_heard: Vec::new(),
        })
    }

    /// Opens a stream at `address`; gives its number and port.
    pub(crate) fn open(&mut self, address: IpAddr, content: Content, room: Option<u32>) -> io::Result<(StreamId, u16)> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.set_nonblocking(true)?;
        system::prepare(socket.as_fd(), 64 * 1024)?;
        let id = StreamId::try_from(self.streams.len()).map_err(io::Error::other)?;
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(u64::from(id)), epoll::EventFlags::IN)?;
        let port = socket.local_addr()?.port();
        self.streams.push(Some(Stream {
            socket,
            content,
            room,
            sequence: self.random.below(1 << 16) as u16,
            timestamp: self.random.below(1 << 32) as u32,
            sending: false,
            heard_from: None,
            judged: Judged::default(),
            watched: Watched::default(),
        }));
        Ok((id, port))
    }

    /// Has a stream send to `remote` from a random moment of the next 20 ms on.
    pub(crate) fn start(&mut self, id: StreamId, remote: SocketAddr) {
        let first = system::now() + self.random.below(INTERVAL);
        if let Some(stream) = self.stream(id)
            && stream.socket.connect(remote).is_ok()
            && !stream.sending
        {
            stream.sending = true;
            self.due.push(Reverse((first, id)));
        }
    }

    /// Closes a stream; gives what it judged.
    pub(crate) fn close(&mut self, id: StreamId) {
        if let Some(slot) = self.streams.get_mut(id as usize) {
            *slot = None;
        }
    }

    /// What a stream has judged since [`Media::record`].
    pub(crate) fn judged(&self, id: StreamId) -> Judged {
        let stream = self.streams.get(id as usize).and_then(Option::as_ref);
        stream.map(|stream| stream.judged).unwrap_or_default()
    }

    /// Watches a stream from now on.
    pub(crate) fn watch(&mut self, id: StreamId) {
        if let Some(stream) = self.stream(id) {
            stream.watched = Watched { since: system::now(), last: stream.watched.last, ..Watched::default() };
        }
    }

    /// What was seen of a stream since [`Media::watch`].
    pub(crate) fn watched(&self, id: StreamId) -> Watched {
        let stream = self.streams.get(id as usize).and_then(Option::as_ref);
        stream.map(|stream| stream.watched).unwrap_or_default()
    }

    /// Begins to count, from nothing.
    pub(crate) fn record(&mut self) {
        self.recording = true;
        self.counted = Counted::default();
        for stream in self.streams.iter_mut().flatten() {
            stream.judged = Judged::default();
        }
    }

    /// When [`Media::turn`] is due.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((at, _))| at.div_ceil(SLOT) * SLOT)
    }

    /// Sends what is due, then receives what is there.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let now = system::now();
        while let Some(Reverse((at, id))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            if self.send(id) {
                // A generator that was kept from the CPU does not catch up with a flood.
                let next = if now > at + 4 * INTERVAL { now + INTERVAL } else { at + INTERVAL };
                self.due.push(Reverse((next, id)));
            }
        }
        self.receive_all()
    }

    fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams.get_mut(id as usize)?.as_mut()
    }

    /// Sends one packet; false when the stream is closed.
    fn send(&mut self, id: StreamId) -> bool {
        let now = system::now();
        let is_burst = self.burst_is_due(id, now);
        let Some(stream) = self.streams.get_mut(id as usize).and_then(Option::as_mut) else {
            return false;
        };
        let mut packet = [0xff; 12 + FRAME];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&stream.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&stream.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&(0xb000_0000 | id).to_be_bytes());
        stream.sequence = stream.sequence.wrapping_add(1);
        stream.timestamp = stream.timestamp.wrapping_add(160);
        match stream.content {
            Content::Stamps => {
                packet[12..16].copy_from_slice(&STAMP);
                packet[16..20].copy_from_slice(&id.to_be_bytes());
                packet[20..28].copy_from_slice(&system::now().to_be_bytes());
            }
            Content::Tone(_) if is_burst => packet[12..].copy_from_slice(&self.burst_frame),
            Content::Tone(tone) => packet[12..].copy_from_slice(&self.frames[tone % 3]),
        }
        let sent = stream.socket.send(&packet).is_ok();
        self.counted.sent += u64::from(self.recording && sent);
        true
    }

    /// Whether the first party of a room sends a burst now; what the last one left behind is settled.
    fn burst_is_due(&mut self, id: StreamId, now: u64) -> bool {
        let Some(Content::Tone(0)) = self.stream(id).map(|stream| stream.content) else {
            return false;
        };
        let Some(room) = self.stream(id).and_then(|stream| stream.room) else {
            return false;
        };
        let room = room as usize;
        if self.bursts.len() <= room {
            self.bursts.resize(room + 1, Bursts::default());
        }
        let jitter = self.random.below(200 * MILLISECOND);
        let bursts = &mut self.bursts[room];
        if now < bursts.next_at {
            return false;
        }
        if self.recording && bursts.sent_at != 0 {
            self.counted.bursts_lost += 2u64.saturating_sub(bursts.heard_by.len() as u64);
        }
        let is_first = bursts.next_at == 0;
        bursts.next_at = now + BURST_INTERVAL + jitter;
        // Only bursts sent while recording are expected to be heard.
        bursts.sent_at = if self.recording && !is_first { now } else { 0 };
        bursts.heard_by.clear();
        !is_first
    }

    fn receive_all(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            let none = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&none))?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                self.receive(event.data.u64() as StreamId);
            }
        }
    }

    fn receive(&mut self, id: StreamId) {
        let mut buffer = [0; 2048];
        loop {
            let Some(stream) = self.stream(id) else { return };
            let Some((length, at)) = system::receive(stream.socket.as_fd(), &mut buffer) else {
                return;
            };
            let Some(payload) = buffer.get(12..length) else { continue };
            stream.watched.take(u16::from_be_bytes([buffer[2], buffer[3]]), at);
            self.counted.received += u64::from(self.recording);
            match payload.strip_prefix(&STAMP) {
                Some(stamp) => self.hear_stamp(id, stamp, at),
                None => self.hear_tones(id, payload, at),
            }
        }
    }

    fn hear_stamp(&mut self, listener: StreamId, stamp: &[u8], at: u64) {
        let (Some(speaker), Some(sent)) = (stamp.first_chunk::<4>(), stamp.get(4..12)) else {
            return;
        };
        let speaker = StreamId::from_be_bytes(*speaker);
        let sent = sent.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        if self.recording {
            self.counted.delays.push(at.saturating_sub(sent));
        }
        let Some(stream) = self.stream(listener) else { return };
        if stream.heard_from != Some(speaker) {
            stream.heard_from = Some(speaker);
            self.first_heard.push(FirstHeard { listener, speaker, at });
        }
    }

    fn hear_tones(&mut self, listener: StreamId, payload: &[u8], at: u64) {
        let recording = self.recording;
        let Some(stream) = self.stream(listener) else { return };
        let Content::Tone(own) = stream.content else { return };
        let Some(room) = stream.room else {
            return stream.hear_call(own, payload, at);
        };
        let samples = tone::decode(payload);
        if recording {
            stream.judged.frames += 1;
            for (index, hertz) in PARTIES_HZ.into_iter().enumerate() {
                let amplitude = tone::amplitude(&samples, hertz);
                stream.judged.heard[index] += u32::from(amplitude >= HEARD);
                stream.judged.silent[index] += u32::from(amplitude <= NOT_HEARD);
            }
        }
        if own != 0 && tone::amplitude(&samples, BURST_HZ) >= BURST_HEARD {
            self.hear_burst(listener, room as usize, at);
        }
    }

    fn hear_burst(&mut self, listener: StreamId, room: usize, at: u64) {
        let Some(bursts) = self.bursts.get_mut(room) else { return };
        let is_expected = bursts.sent_at != 0 && at < bursts.sent_at + BURST_TIMEOUT;
        if is_expected && !bursts.heard_by.contains(&listener) {
            bursts.heard_by.push(listener);
            self.counted.burst_delays.push(at.saturating_sub(bursts.sent_at));
        }
    }
}

impl Stream {
    /// A frame at a party of an agent's call.
    fn hear_call(&mut self, own: usize, payload: &[u8], at: u64) {
        if self.watched.since == 0 || self.watched.both_heard != 0 {
            return;
        }
        let samples = tone::decode(payload);
        let mut others = PARTIES_HZ.iter().enumerate().filter(|(tone, _)| *tone != own);
        if others.all(|(_, hertz)| tone::amplitude(&samples, *hertz) >= HEARD) {
            self.watched.both_heard = at;
        }
    }
}

impl Watched {
    fn take(&mut self, sequence: u16, at: u64) {
        if let Some((last, last_at)) = self.last {
            let step = sequence.wrapping_sub(last);
            // What comes twice or late fills no gap and makes none.
            if step == 0 || step > u16::MAX / 2 {
                return;
            }
            self.longest_gap = self.longest_gap.max(at.saturating_sub(last_at));
            self.missing += u32::from(step - 1);
        }
        self.packets += 1;
        self.last = Some((sequence, at));
    }
}

impl Judged {
    /// Whether the party with tone `own` heard exactly the other two, in at least 95 % of its frames (bursts and their
    /// echoes in the limiter take the rest).
    pub(crate) fn hears_the_others_only(&self, own: usize) -> bool {
        let most = self.frames * 95 / 100;
        self.frames >= 25
            && (0..3).all(|tone| {
                let agreeing = if tone == own { self.silent[tone] } else { self.heard[tone] };
                agreeing >= most
            })
    }
}
