//! The clock: mixing and making sound every 20 ms, and looking after every stream now and then.

use super::MediaShard;
use super::receive::digit;
use super::rooms::pauses;
use crate::command::{Event, Tone};
use crate::dtmf::{DigitStep, EventPayload};
use crate::g711;
use crate::in_band;
use crate::io::Sink;
use crate::jitter_buffer::Frame;
use crate::library::Library;
use crate::limits::{
    CATCH_UP_TICKS_MAX, FRAME_SAMPLES, FRAME_US, SILENT_US, SWEEP_STEP_STREAMS, SWEEP_US, TICK_GROUPS,
};
use crate::mixer::{self, Sum};
use crate::stream::{Feed, Generator, Mix, Stream};
use crate::tone;

/// Codes of one tick.
type Codes = [u8; FRAME_SAMPLES];
/// A prompt that is repeated waits this long in between: 2 s.
const PROMPT_PAUSE_SAMPLES: u32 = 16_000;
const GROUP_US: u64 = FRAME_US / TICK_GROUPS as u64;

/// The first time of a group's grid after `now_us`.
pub(super) fn grid_after(now_us: u64, group: usize) -> u64 {
    let phase = group as u64 * GROUP_US;
    (now_us.saturating_sub(phase) / FRAME_US + 1) * FRAME_US + phase
}

/// What the members of a room said in this tick.
struct Voices<'a> {
    frames: &'a [Frame],
    audible: &'a [bool],
    sum: &'a Sum,
}

impl MediaShard {
    /// Does what is due. Ticks that were missed are made up for, at most five of each room.
    pub fn tick<S: Sink>(&mut self, now_us: u64, sink: &mut S) {
        for group in 0..TICK_GROUPS {
            self.tick_group(now_us, group, sink);
        }
        self.sweep(now_us, sink);
    }

    fn tick_group<S: Sink>(&mut self, now_us: u64, group: usize, sink: &mut S) {
        let late_us = now_us.saturating_sub(self.groups[group].due_us);
        if late_us > CATCH_UP_TICKS_MAX * FRAME_US {
            self.groups[group].due_us = grid_after(now_us, group) - FRAME_US;
        }
        while self.groups[group].due_us <= now_us && !self.groups[group].rooms.is_empty() {
            let due_us = self.groups[group].due_us;
            self.groups[group].due_us += FRAME_US;
            let mut rooms = std::mem::take(&mut self.groups[group].rooms);
            rooms.retain(|room| self.tick_room(due_us, *room, sink));
            self.groups[group].rooms = rooms;
        }
    }

    /// One tick of one room; `false` when it has nothing more to do at ticks.
    fn tick_room<S: Sink>(&mut self, now_us: u64, room: u32, sink: &mut S) -> bool {
        let Some(members) = self.room_mut(room).map(|room| std::mem::take(&mut room.members)) else { return false };
        let mut frames = std::mem::take(&mut self.scratch.frames);
        let mut audible = std::mem::take(&mut self.scratch.audible);
        let mut sum: Sum = [0; FRAME_SAMPLES];
        for ((slot, frame), audible) in members.iter().zip(&mut frames).zip(&mut audible) {
            let stream = self.at_mut(*slot).filter(|stream| stream.mix_listeners > 0);
            *audible = stream.is_some_and(|stream| stream.jitter.read(frame));
            if *audible {
                mixer::add(&mut sum, frame);
            }
        }
        let voices = Voices { frames: &frames, audible: &audible, sum: &sum };
        for (member, slot) in members.iter().enumerate() {
            let Some(stream) = self.streams.get_mut(*slot as usize).and_then(Option::as_deref_mut) else { continue };
            if stream.playing.is_some() {
                if play(stream, now_us, &self.config.library, sink) {
                    self.events.push_back(Event::PlayEnded { stream: stream.id });
                }
            } else {
                tick_stream(stream, now_us, member, &voices, &self.config.library, sink);
            }
        }
        self.scratch.frames = frames;
        self.scratch.audible = audible;
        let goes_on = members.iter().any(|slot| self.at(*slot).is_some_and(Stream::needs_tick));
        if let Some(room) = self.room_mut(room) {
            room.members = members;
            if !goes_on {
                room.group = None;
            }
        }
        goes_on
    }

    /// Looks after a part of the streams; each comes up once in [`SWEEP_US`].
    fn sweep<S: Sink>(&mut self, now_us: u64, sink: &mut S) {
        if self.index.is_empty() {
            return;
        }
        let steps = self.streams.len().div_ceil(SWEEP_STEP_STREAMS).clamp(1, 100);
        let mut left = steps;
        while self.sweep_due_us <= now_us && left > 0 {
            self.sweep_due_us += SWEEP_US / steps as u64;
            self.sweep_step = (self.sweep_step + 1) % steps;
            left -= 1;
            for slot in (self.sweep_step..self.streams.len()).step_by(steps) {
                self.look_after(now_us, slot as u32, sink);
            }
        }
        if left == 0 {
            self.sweep_due_us = self.sweep_due_us.max(now_us + 1);
        }
    }

    fn look_after<S: Sink>(&mut self, now_us: u64, slot: u32, sink: &mut S) {
        let Some(stream) = self.streams.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        if let Some(pressed) = stream.events.lost_end(now_us) {
            self.events.push_back(digit(stream.id, pressed));
        }
        if now_us >= stream.report_due_us {
            stream.report(now_us, &self.name, false, sink);
            stream.report_due_us = now_us + self.dice.around(self.config.report_interval_us);
        }
        let quiet_us = now_us.saturating_sub(stream.heard_us.max(stream.since_us));
        if stream.may_receive() && quiet_us >= SILENT_US && !stream.silent_told {
            stream.silent_told = true;
            stream.audible = false;
            let for_ms = (quiet_us / 1_000).min(u64::from(u32::MAX)) as u32;
            self.events.push_back(Event::Silent { stream: stream.id, for_ms });
        }
        let Feed::Forward { from } = stream.feed else { return };
        if !stream.filling && stream.is_heard() && self.at(from).is_none_or(|other| pauses(other, now_us)) {
            let Some(stream) = self.at_mut(slot) else { return };
            stream.filling = true;
            stream.break_line();
            let room = stream.room;
            self.wake(now_us, room);
        }
    }
}

/// 20 ms of a prompt that plays once; `true` at its end.
fn play<S: Sink>(stream: &mut Stream, now_us: u64, library: &Library, sink: &mut S) -> bool {
    let Some(playing) = &mut stream.playing else { return false };
    let (track, position) = (playing.track, playing.position);
    playing.position += FRAME_SAMPLES as u32;
    let ends = playing.position >= library.samples(track);
    if stream.may_send() {
        let mut codes: Codes = [0; FRAME_SAMPLES];
        library.copy(track, stream.codec(), position, &mut codes);
        stream.emit(now_us, &codes, sink);
    }
    if ends {
        stream.playing = None;
        stream.break_line();
    }
    ends
}

fn tick_stream<S: Sink>(
    stream: &mut Stream,
    now_us: u64,
    member: usize,
    voices: &Voices<'_>,
    library: &Library,
    sink: &mut S,
) {
    if stream.feed == Feed::Drop || send_digit(stream, now_us, sink) || stream.relays_event(now_us) {
        return;
    }
    let codec = stream.codec();
    let mut codes: Codes = [g711::silence(codec); FRAME_SAMPLES];
    let mut feed = std::mem::replace(&mut stream.feed, Feed::Drop);
    let sends = match &mut feed {
        Feed::Drop => false,
        Feed::Forward { .. } => stream.filling,
        Feed::Generate(generator) => {
            generate(stream, *generator, library, &mut codes);
            true
        }
        Feed::Mix(mix) => {
            mix.due(voices) && {
                mix.fill(member, voices, |frame| g711::encode_into(codec, frame, &mut codes));
                true
            }
        }
    };
    stream.feed = feed;
    if sends {
        stream.emit(now_us, &codes, sink);
    }
}

fn generate(stream: &mut Stream, generator: Generator, library: &Library, codes: &mut Codes) {
    let codec = stream.codec();
    let position = stream.position;
    stream.position = position.wrapping_add(FRAME_SAMPLES as u32);
    match generator {
        Generator::Silence => {}
        Generator::Tone(tone) => {
            // A beep sounds once, however long the position has run.
            if tone != Tone::Beep || position < 80_000 {
                let mut frame: Frame = [0; FRAME_SAMPLES];
                tone::fill(tone, position, &mut frame);
                g711::encode_into(codec, &frame, codes);
            } else {
                stream.position = position;
            }
        }
        Generator::Music(track) => {
            library.copy_loop(track, codec, stream.music_position, codes);
            stream.music_position = (stream.music_position + FRAME_SAMPLES as u32) % library.samples(track);
        }
        Generator::Prompt(track) => {
            let period = library.samples(track).saturating_add(PROMPT_PAUSE_SAMPLES);
            library.copy(track, codec, position, codes);
            if position + FRAME_SAMPLES as u32 >= period {
                stream.position = 0;
            }
        }
    }
}

/// Sends 20 ms of a digit of our own; `false` when none sounds.
fn send_digit<S: Sink>(stream: &mut Stream, now_us: u64, sink: &mut S) -> bool {
    if stream.digits.quiet() {
        return false;
    }
    let DigitStep::Sounds { code, elapsed, last } = stream.digits.step() else { return false };
    let Some(payload_type) =
        stream.configuration.as_ref().and_then(|configuration| configuration.dtmf_payload_type_send)
    else {
        let mut frame: Frame = [0; FRAME_SAMPLES];
        in_band::fill(code, u32::from(elapsed) - FRAME_SAMPLES as u32, &mut frame);
        let mut codes: Codes = [0; FRAME_SAMPLES];
        g711::encode_into(stream.codec(), &frame, &mut codes);
        stream.emit(now_us, &codes, sink);
        return true;
    };
    let first = stream.digit_timestamp.is_none();
    let start = stream.event_start(now_us);
    let timestamp = *stream.digit_timestamp.get_or_insert(start);
    let event = EventPayload { code, end: last, duration: elapsed };
    // The last packet is sent three times (RFC 4733 §2.5.1.4).
    for _ in 0..if last { 3 } else { 1 } {
        stream.emit_event(now_us, payload_type, timestamp, first, event, sink);
    }
    if last {
        stream.digit_timestamp = None;
    }
    true
}

impl Mix {
    /// Whether to send in this tick: the leg that was forwarded until now is waited for, briefly.
    fn due(&mut self, voices: &Voices<'_>) -> bool {
        let Some((member, ticks)) = self.awaited else { return true };
        let has_come = voices.audible.get(usize::from(member)).copied().unwrap_or(true);
        if has_come || ticks == 0 {
            self.awaited = None;
            return true;
        }
        self.awaited = Some((member, ticks - 1));
        false
    }

    /// The sum of those heard; nothing is encoded when nobody speaks.
    fn fill(&self, member: usize, voices: &Voices<'_>, encode: impl FnOnce(&Frame)) {
        let mut mixed: Frame = [0; FRAME_SAMPLES];
        if self.all_but_own {
            match (voices.audible.get(member), voices.frames.get(member)) {
                (Some(true), Some(own)) => mixer::without(voices.sum, own, &mut mixed),
                _ => mixer::limit(voices.sum, &mut mixed),
            }
        } else {
            let mut sum: Sum = [0; FRAME_SAMPLES];
            for (_, member) in &self.heard {
                let place = usize::from(*member);
                if let (Some(true), Some(frame)) = (voices.audible.get(place), voices.frames.get(place)) {
                    mixer::add(&mut sum, frame);
                }
            }
            mixer::limit(&sum, &mut mixed);
        }
        encode(&mixed);
    }
}
