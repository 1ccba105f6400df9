//! The media shard in the loop: each party sends its own tone, and what it is sent is kept to be listened to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;

use baton_contact::Input;
use baton_media::packet::{PacketView, is_rtcp};
use baton_media::{Codec, Command, Event, MediaShard, PacketKind, Sink, Statistics, StreamId, g711, goertzel};

use super::World;
use super::line::Line;

/// Far from each other, from each other's harmonics, from the notes of the music, and from call-progress tones and DTMF.
/// Whole numbers, so that each repeats after a second.
const TONES_HZ: [f32; 10] = [1013.0, 1439.0, 1907.0, 2297.0, 2741.0, 3119.0, 613.0, 829.0, 2069.0, 3407.0];
const AMPLITUDE: f32 = 6_000.0;
/// From this amplitude on a tone counts as heard.
pub(super) const HEARD: f32 = 1_200.0;
/// 40 ms.
const EAR_SAMPLES: usize = 320;
const STEP_US: u64 = 20_000;
const SAMPLES: usize = 160;
const DIGITS: &str = "0123456789*#ABCD";

/// The shard and the clock of all voices.
pub struct Studio {
    pub shard: MediaShard,
    voice_us: u64,
    wire: Wire,
}

#[derive(Debug, Default)]
struct Wire {
    sent: Vec<(StreamId, SocketAddr, Vec<u8>)>,
}

impl Sink for Wire {
    fn send(&mut self, stream: StreamId, kind: PacketKind, destination: SocketAddr, packet: &[u8]) {
        if kind == PacketKind::Rtp && !is_rtcp(packet) {
            self.sent.push((stream, destination, packet.to_vec()));
        }
    }
}

/// A packet that a party was sent.
#[derive(Debug, Clone)]
pub struct Heard {
    pub at_us: u64,
    pub view: PacketView,
    pub payload: Vec<u8>,
}

/// One party's mouth and ear.
#[derive(Debug, Clone, Default)]
pub struct Voice {
    /// It says nothing.
    pub silent: bool,
    pub hz: f32,
    tone: usize,
    pub heard: Vec<Heard>,
    sequence: u16,
    timestamp: u32,
    position: usize,
}

impl Studio {
    pub(super) fn new() -> Studio {
        let config = baton_media::Config::default();
        Studio { shard: MediaShard::new(config, 42), voice_us: 0, wire: Wire::default() }
    }

    pub(super) fn next_us(&self, lines: &BTreeMap<u64, Line>) -> Option<u64> {
        let voices = lines.values().any(|line| line.negotiated().is_some()).then_some(self.voice_us);
        voices.into_iter().chain(self.shard.next_tick_us()).min()
    }
}

impl World {
    /// A voice that nobody who is on a call has, if there are tones enough.
    pub(super) fn fresh_voice(&self) -> Voice {
        let count = self.lines.len();
        let used = |tone: &usize| self.lines.values().any(|line| !line.is_over() && line.voice.tone == *tone);
        let tone = (0..TONES_HZ.len()).map(|step| (count + step) % TONES_HZ.len()).find(|tone| !used(tone));
        Voice::nth(count, tone.unwrap_or(count))
    }

    /// A command of the core to the media threads.
    pub(super) fn media_command(&mut self, command: Command) {
        self.media_changed_us = self.now_us;
        match &command {
            Command::Open { stream, local, .. } => drop(self.streams.insert(local.port(), *stream)),
            Command::Configure { stream, configuration } if configuration.remote.ip().is_loopback() => {
                self.ties.insert(*stream, configuration.remote.port());
            }
            Command::Close { stream } => drop(self.ties.remove(stream)),
            Command::SetMix { room, plan } if plan.hears.is_empty() => drop(self.plans.remove(room)),
            Command::SetMix { room, plan } => drop(self.plans.insert(*room, plan.clone())),
            _ => {}
        }
        let Some(mut studio) = self.studio.take() else {
            if let Command::Play { stream, .. } = command {
                self.inbox.push_back(Input::Media(Event::PlayEnded { stream }));
            } else if let Command::Close { stream } = command {
                self.streams.retain(|_, open| *open != stream);
                self.inbox.push_back(Input::Media(Event::Closed { stream, statistics: Statistics::default() }));
            }
            return;
        };
        if let Command::Close { stream } = &command {
            self.streams.retain(|_, open| open != stream);
        }
        studio.shard.handle_command(self.now_us, command, &mut studio.wire);
        while let Some(event) = studio.shard.poll_output() {
            self.inbox.push_back(Input::Media(event));
        }
        self.hear(&mut studio);
        self.studio = Some(studio);
    }

    /// What is due of voices and of the mixer.
    pub(super) fn play_sound(&mut self) {
        let Some(mut studio) = self.studio.take() else { return };
        if studio.voice_us <= self.now_us {
            studio.voice_us = self.now_us + STEP_US;
            self.speak(&mut studio);
        }
        if studio.shard.next_tick_us().is_some_and(|due_us| due_us <= self.now_us) {
            studio.shard.tick(self.now_us, &mut studio.wire);
        }
        self.hear(&mut studio);
        let mut events = Vec::new();
        while let Some(event) = studio.shard.poll_output() {
            events.push(event);
        }
        self.studio = Some(studio);
        events.into_iter().for_each(|event| self.feed(Input::Media(event)));
    }

    fn speak(&mut self, studio: &mut Studio) {
        for line in self.lines.values_mut() {
            let Some(negotiated) = line.negotiated().cloned().filter(|negotiated| negotiated.send) else { continue };
            if line.voice.silent || self.devices[line.device].dead {
                line.voice.timestamp = line.voice.timestamp.wrapping_add(SAMPLES as u32);
                continue;
            }
            let Some(stream) = self.streams.get(&negotiated.remote.port()).copied() else { continue };
            let mut packet = line.voice.packet(negotiated.payload_type_send);
            let source = line.rtp();
            let now_us = self.now_us;
            studio.shard.handle_packet(now_us, stream, PacketKind::Rtp, source, &mut packet, &mut studio.wire);
        }
    }

    /// Gives what the shard sent to those whom it was sent to; what goes along a tie line comes in again at its other end.
    fn hear(&mut self, studio: &mut Studio) {
        while !studio.wire.sent.is_empty() {
            for (stream, destination, mut packet) in std::mem::take(&mut studio.wire.sent) {
                if destination.ip().is_loopback() {
                    let far = self.streams.get(&destination.port()).copied();
                    let own = self.streams.iter().find(|(_, open)| **open == stream).map(|(port, _)| *port);
                    let (Some(far), Some(own)) = (far, own) else { continue };
                    let source = SocketAddr::new(destination.ip(), own);
                    let (shard, wire) = (&mut studio.shard, &mut studio.wire);
                    shard.handle_packet(self.now_us, far, PacketKind::Rtp, source, &mut packet, wire);
                    continue;
                }
                let Some(view) = PacketView::parse(&packet) else { panic!("baton sends valid RTP") };
                let line = self.lines.values_mut().rev().find(|line| line.rtp() == destination && !line.is_over());
                let Some(line) = line else { continue };
                let payload = packet[view.payload.clone()].to_vec();
                line.voice.heard.push(Heard { at_us: self.now_us, view, payload });
            }
        }
    }

    /// Presses a key for 100 ms (RFC 4733) instead of speaking.
    pub fn press(&mut self, who: &str, digit: char) {
        let id = self.line_id(who);
        let code = DIGITS.find(digit).expect("a key") as u8;
        let start = self.lines[&id].voice.timestamp;
        self.lines.get_mut(&id).expect("a line").voice.silent = true;
        for step in 1..=8_u16 {
            let (end, duration) = if step > 5 { (0x8a, 800) } else { (0x0a, step * 160) };
            let [high, low] = duration.to_be_bytes();
            self.send_event(id, start, step == 1, [code, end, high, low]);
            if step <= 5 {
                self.run_ms(20);
            }
        }
        self.lines.get_mut(&id).expect("a line").voice.silent = false;
        self.run_ms(200);
    }

    fn send_event(&mut self, id: u64, start: u32, marker: bool, payload: [u8; 4]) {
        let line = self.lines.get_mut(&id).expect("a line");
        let Some(negotiated) = line.negotiated().cloned() else { return };
        let payload_type = negotiated.dtmf_payload_type_send.expect("events are negotiated");
        let Some(stream) = self.streams.get(&negotiated.remote.port()).copied() else { return };
        let number = payload_type | if marker { 0x80 } else { 0 };
        let mut packet = line.voice.header(number, start);
        packet.extend_from_slice(&payload);
        let source = line.rtp();
        let mut studio = self.studio.take().expect("a world with sound");
        studio.shard.handle_packet(self.now_us, stream, PacketKind::Rtp, source, &mut packet, &mut studio.wire);
        self.hear(&mut studio);
        let mut events = Vec::new();
        while let Some(event) = studio.shard.poll_output() {
            events.push(event);
        }
        self.studio = Some(studio);
        events.into_iter().for_each(|event| self.feed(Input::Media(event)));
    }

    /// Whose tones a party has heard in the last 200 ms, by name; `music` (or any other sound) and `silence` otherwise.
    pub fn sounds(&self, who: &str) -> String {
        let sound = self.line(who).voice.sound(self.now_us - 200_000);
        let live = self.lines.values().filter(|line| !line.is_over());
        let mut names: Vec<&str> = live
            .filter(|line| goertzel::amplitude(&sound, line.voice.hz) > HEARD)
            .map(|line| line.who.split('/').next().unwrap_or_default())
            .collect();
        names.sort_unstable();
        names.dedup();
        let loud = sound.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default() > 500;
        match (names.is_empty(), loud) {
            (false, _) => names.join(" "),
            (true, true) => "music".into(),
            (true, false) => "silence".into(),
        }
    }

    /// Digits that a party was sent as RTP events.
    pub fn digits_heard(&self, who: &str) -> String {
        let line = self.line(who);
        let expected = line.negotiation.current().and_then(|negotiated| negotiated.dtmf_payload_type_receive);
        let mut last = None;
        let mut digits = String::new();
        for heard in line.voice.heard.iter().filter(|heard| Some(heard.view.payload_type) == expected) {
            if last != Some(heard.view.timestamp) {
                last = Some(heard.view.timestamp);
                digits.extend(DIGITS.chars().nth(usize::from(heard.payload[0])));
            }
        }
        digits
    }

    /// M1 on every line: one SSRC, consecutive sequence numbers, timestamps that never overlap and that keep to real time.
    pub fn check_streams(&self) {
        self.lines.values().for_each(|line| line.voice.check(&line.who));
    }

    /// The longest time between two packets towards a party since `from_us`, in milliseconds.
    pub fn longest_gap_ms(&self, who: &str, from_us: u64) -> u64 {
        let heard = &self.line(who).voice.heard;
        let times: Vec<u64> = heard.iter().map(|heard| heard.at_us).filter(|at_us| *at_us >= from_us).collect();
        times.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).max().unwrap_or(u64::MAX)
    }

    /// Since when, in milliseconds of the last `ms`, a party did not hear another's tone: the longest such stretch.
    pub fn longest_silence_ms(&self, who: &str, of: &str, ms: u64) -> u64 {
        let sound = self.line(who).voice.sound(self.now_us - ms * 1_000);
        let hz = self.line(of).voice.hz;
        let heard = |window: &[i16]| goertzel::amplitude(window, hz) > HEARD;
        let mut longest = 0;
        let mut now = 0;
        for window in sound.chunks_exact(80) {
            now = if heard(window) { 0 } else { now + 10 };
            longest = longest.max(now);
        }
        longest
    }
}

impl Voice {
    /// The voice of the party that came `nth`, with this tone.
    fn nth(nth: usize, tone: usize) -> Voice {
        let timestamp = (nth as u32).wrapping_mul(2_000_000_011);
        let tone = tone % TONES_HZ.len();
        Voice { hz: TONES_HZ[tone], tone, sequence: (nth as u16).wrapping_mul(30_011), timestamp, ..Voice::default() }
    }

    fn packet(&mut self, payload_type: u8) -> Vec<u8> {
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(SAMPLES as u32);
        let mut packet = self.header(payload_type, timestamp);
        packet.extend(spoken(self.tone, payload_type, self.position));
        self.position += SAMPLES;
        packet
    }

    fn header(&mut self, number: u8, timestamp: u32) -> Vec<u8> {
        let mut packet = vec![0x80, number];
        packet.extend(self.sequence.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        packet.extend(timestamp.to_be_bytes());
        packet.extend((self.hz as u32 + 0x5000).to_be_bytes());
        packet
    }

    /// Packets that were sent since `from_us`.
    pub(super) fn packets_since(&self, from_us: u64) -> usize {
        self.heard.len() - self.heard.partition_point(|heard| heard.at_us < from_us)
    }

    /// How loud a voice is in what was sent since `from_us`. What was `mixed` may be played a little slower or faster while
    /// a jitter buffer adapts, so that the tone is beside its place.
    pub(super) fn loudness(&self, of: &Voice, from_us: u64, mixed: bool) -> f32 {
        let sound = self.sound(from_us);
        let windows = sound.chunks_exact(if mixed { EAR_SAMPLES } else { sound.len().max(1) });
        let count = windows.len().max(1) as f32;
        let at = |hz: f32| windows.clone().map(|window| goertzel::amplitude(window, hz)).sum::<f32>() / count;
        let speeds: &[f32] = if mixed { &[1.0, 158.0 / 160.0, 162.0 / 160.0, 164.0 / 160.0] } else { &[1.0] };
        speeds.iter().map(|speed| at(of.hz * speed)).fold(0.0, f32::max)
    }

    /// What was sent since `from_us`, laid out by timestamps; what is missing is silence.
    fn sound(&self, from_us: u64) -> Vec<i16> {
        let mut sound: Vec<i16> = Vec::new();
        let mut start = None;
        let recent = self.heard.partition_point(|heard| heard.at_us < from_us);
        for heard in &self.heard[recent..] {
            let Some(codec) = codec_of(heard.view.payload_type) else { continue };
            let start = *start.get_or_insert(heard.view.timestamp);
            let at = heard.view.timestamp.wrapping_sub(start) as usize;
            assert!(at < 8_000 * 3_600, "the timestamp ran away");
            sound.resize(at, 0);
            sound.extend(heard.payload.iter().map(|code| g711::decode(codec, *code)));
        }
        sound
    }

    fn check(&self, who: &str) {
        let Some(first) = self.heard.first() else { return };
        let mut end = first.view.timestamp;
        for (at, heard) in self.heard.iter().enumerate() {
            let view = &heard.view;
            assert_eq!(view.ssrc, first.view.ssrc, "{who}: one SSRC");
            assert_eq!(view.sequence, first.view.sequence.wrapping_add(at as u16), "{who}: consecutive");
            if codec_of(view.payload_type).is_none() {
                continue;
            }
            assert!(view.timestamp.wrapping_sub(end) as i32 >= 0, "{who}: packet {at} overlaps");
            end = view.timestamp.wrapping_add(heard.payload.len() as u32);
            let real = ((heard.at_us - first.at_us) * 8 / 1_000) as i64;
            let line = i64::from(view.timestamp.wrapping_sub(first.view.timestamp));
            assert!((line - real).abs() <= 640, "{who}: packet {at} is {} samples off real time", line - real);
        }
    }
}

/// 20 ms of a tone as they are sent; all of them are made once.
fn spoken(tone: usize, payload_type: u8, position: usize) -> &'static [u8] {
    static CODES: OnceLock<Vec<[Vec<u8>; 2]>> = OnceLock::new();
    let codes = CODES.get_or_init(|| {
        let encoded = |sound: &[i16], codec| {
            let mut codes = vec![0; sound.len()];
            g711::encode_into(codec, sound, &mut codes);
            codes
        };
        let sounds = TONES_HZ.iter().map(|hz| goertzel::sine(*hz, AMPLITUDE, 0, SAMPLES * 50));
        sounds.map(|sound| [encoded(&sound, Codec::Pcmu), encoded(&sound, Codec::Pcma)]).collect()
    });
    let of_codec = match codec_of(payload_type).expect("G.711") {
        Codec::Pcmu => &codes[tone][0],
        Codec::Pcma => &codes[tone][1],
    };
    let start = position % of_codec.len();
    &of_codec[start..start + SAMPLES]
}

fn codec_of(payload_type: u8) -> Option<Codec> {
    match payload_type {
        0 => Some(Codec::Pcmu),
        8 => Some(Codec::Pcma),
        _ => None,
    }
}
