//! What a leg sent and the mixer has not played yet: a short ring of codes, indexed by timestamp.
//!
//! The depth steers itself by *slack*, the time between a packet's arrival and the tick that needs it:
//! with too little the ring is played a hair slower, with too much a hair faster, so neither clock drift
//! nor jitter makes a gap or lets the delay creep (wire rule M4). What is missing is continued from the
//! pitch of what was heard before, fading to silence in 60 ms.

use serde::{Deserialize, Serialize};

use crate::command::Codec;
use crate::g711;
use crate::limits::{FRAME_SAMPLES, FRAME_US};

const RING: usize = 2_048;
/// More than this is never kept: 160 ms. What is beyond is skipped at once.
const DEPTH_MAX: i32 = 1_280;
/// What is kept after such a skip: 40 ms.
const DEPTH_AFTER_SKIP: u32 = 320;
/// A timestamp this far off is another start, not disorder: 500 ms.
const JUMP_SAMPLES: u32 = 4_000;
/// Longest payload that is mixed: 120 ms.
const PAYLOAD_MAX: usize = 960;
/// Slack that is aimed at, and between which it is left alone.
const SLACK_LOW_US: i64 = 3_000;
const SLACK_AIM_LOW_US: i64 = 7_000;
const SLACK_AIM_HIGH_US: i64 = 14_000;
const SLACK_HIGH_US: i64 = 30_000;
/// Ticks between two looks at the slack: 1 s.
const WINDOW_TICKS: u8 = 50;
const HISTORY: usize = 320;
const PITCH_MIN: usize = 40;
const PITCH_MAX: usize = 160;
const FADE_SAMPLES: usize = 480;
const CROSSFADE: usize = 32;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Hole {
    start: u32,
    end: u32,
}

impl Hole {
    fn samples(self) -> i32 {
        self.end.wrapping_sub(self.start) as i32
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JitterBuffer {
    ring: Box<[u8]>,
    law: Codec,
    started: bool,
    /// Nobody reads: every packet counts as played when it arrives.
    resting: bool,
    /// Timestamp of the next sample to play, and just after the newest one.
    read: u32,
    written: u32,
    holes: [Hole; 4],
    /// Samples made up in a row because nothing had come.
    made_up: usize,
    /// Where the made-up sound began, and the period that it repeats.
    made_from: u32,
    pitch: usize,
    slack_min_us: i64,
    window: u8,
    /// Samples to skip (positive) or to stretch by (negative).
    debt: i32,
}

/// One frame of linear samples.
pub(crate) type Frame = [i16; FRAME_SAMPLES];

impl JitterBuffer {
    pub(crate) fn new() -> Self {
        Self {
            ring: vec![g711::silence(Codec::Pcmu); RING].into_boxed_slice(),
            law: Codec::Pcmu,
            started: false,
            resting: true,
            read: 0,
            written: 0,
            holes: [Hole::default(); 4],
            made_up: 0,
            made_from: 0,
            pitch: PITCH_MAX,
            slack_min_us: i64::MAX,
            window: WINDOW_TICKS - 10,
            debt: 0,
        }
    }

    /// Takes a packet in. `next_tick_us` is when the mixer reads next, `None` when nobody listens.
    pub(crate) fn push(&mut self, now_us: u64, next_tick_us: Option<u64>, law: Codec, timestamp: u32, codes: &[u8]) {
        if codes.is_empty() || codes.len() > PAYLOAD_MAX {
            return;
        }
        let position = timestamp.wrapping_sub(self.read) as i32;
        if !self.started || law != self.law || position.unsigned_abs() > JUMP_SAMPLES {
            self.restart(law, timestamp);
        }
        let end = timestamp.wrapping_add(codes.len() as u32);
        let Some(next_tick_us) = next_tick_us else {
            self.write(timestamp, codes);
            self.written = end;
            self.rest();
            return;
        };
        self.make_place(timestamp, end);
        if (end.wrapping_sub(self.read) as i32) <= 0 {
            return; // too late to be heard
        }
        self.note_hole(timestamp, end);
        self.write(timestamp, codes);
        if (end.wrapping_sub(self.written) as i32) > 0 {
            self.written = end;
        }
        let ticks = i64::from((timestamp.wrapping_sub(self.read) as i32).max(0)) / FRAME_SAMPLES as i64;
        let needed_us = next_tick_us as i64 + ticks * FRAME_US as i64;
        self.slack_min_us = self.slack_min_us.min(needed_us - now_us as i64);
    }

    /// The next 20 ms. `false` when there is nothing to hear; `frame` is silent then.
    pub(crate) fn read(&mut self, frame: &mut Frame) -> bool {
        let available = self.written.wrapping_sub(self.read) as i32;
        if !self.started || (self.resting && available < FRAME_SAMPLES as i32) {
            frame.fill(0);
            return false;
        }
        self.resting = false;
        let step = self.step(available);
        let samples = FRAME_SAMPLES as i32 + step;
        if available < FRAME_SAMPLES as i32 {
            return self.read_rest(frame, available.max(0) as usize);
        }
        self.debt -= step;
        self.patch_holes(samples as u32 + 1);
        self.resample(frame, samples as usize);
        self.blend(frame);
        self.read = self.read.wrapping_add(samples as u32);
        self.look_at_slack();
        true
    }

    /// Samples that wait to be played.
    pub(crate) fn waiting(&self) -> usize {
        (self.written.wrapping_sub(self.read) as i32).max(0) as usize
    }

    /// Copies what waits, in the law it came in, and counts it as played.
    pub(crate) fn drain_into(&self, codes: &mut [u8]) -> usize {
        let count = self.waiting().min(codes.len());
        for (at, code) in codes.iter_mut().take(count).enumerate() {
            *code = self.ring[(self.read.wrapping_add(at as u32)) as usize % RING];
        }
        count
    }

    /// The timestamp that follows what has come.
    pub(crate) fn end(&self) -> u32 {
        self.written
    }

    pub(crate) fn law(&self) -> Codec {
        self.law
    }

    /// Nobody listens any more: what waits is given up.
    pub(crate) fn rest(&mut self) {
        self.read = self.written;
        self.resting = true;
        self.holes = [Hole::default(); 4];
        self.made_up = 0;
        self.debt = 0;
        self.window = WINDOW_TICKS - 10;
        self.slack_min_us = i64::MAX;
    }

    fn restart(&mut self, law: Codec, timestamp: u32) {
        self.started = true;
        self.law = law;
        self.read = timestamp;
        self.written = timestamp;
        self.holes = [Hole::default(); 4];
        self.slack_min_us = i64::MAX;
        self.debt = 0;
    }

    fn make_place(&mut self, timestamp: u32, end: u32) {
        let starved = self.resting || self.made_up > 0;
        if starved && self.waiting() == 0 && (timestamp.wrapping_sub(self.written) as i32) > 0 {
            // The sender paused, or the packet between was lost and has been made up: go on from here. What
            // was made up takes the lost one's place, so that later losses have something to go on from.
            let gap = timestamp.wrapping_sub(self.written) as usize;
            if self.made_up > 0 && gap <= FADE_SAMPLES {
                for at in 0..gap {
                    let code = g711::encode(self.law, self.made_up_sample(at));
                    self.ring[(self.written.wrapping_add(at as u32)) as usize % RING] = code;
                }
            }
            self.read = timestamp;
            self.written = timestamp;
        }
        if (end.wrapping_sub(self.read) as i32) > DEPTH_MAX {
            self.read = end.wrapping_sub(DEPTH_AFTER_SKIP);
            self.debt = 0;
            if (self.written.wrapping_sub(self.read) as i32) < 0 {
                self.written = self.read;
            }
        }
    }

    fn note_hole(&mut self, timestamp: u32, end: u32) {
        if (timestamp.wrapping_sub(self.written) as i32) > 0 {
            let hole = Hole { start: self.written, end: timestamp };
            for at in 0..hole.samples() as u32 {
                self.ring[(hole.start.wrapping_add(at)) as usize % RING] = g711::silence(self.law);
            }
            if let Some(free) = self.holes.iter_mut().find(|hole| hole.samples() <= 0) {
                *free = hole;
            }
            return;
        }
        for hole in self.holes.iter_mut().filter(|hole| hole.samples() > 0) {
            let covers_start =
                (timestamp.wrapping_sub(hole.start) as i32) <= 0 && (end.wrapping_sub(hole.start) as i32) > 0;
            let covers_end = (end.wrapping_sub(hole.end) as i32) >= 0 && (timestamp.wrapping_sub(hole.end) as i32) < 0;
            match (covers_start, covers_end) {
                (true, true) => hole.end = hole.start,
                (true, false) => hole.start = end,
                (false, true) => hole.end = timestamp,
                (false, false) => {}
            }
        }
    }

    fn write(&mut self, timestamp: u32, codes: &[u8]) {
        let start = timestamp as usize % RING;
        let first = codes.len().min(RING - start);
        self.ring[start..start + first].copy_from_slice(&codes[..first]);
        self.ring[..codes.len() - first].copy_from_slice(&codes[first..]);
    }

    fn sample(&self, timestamp: u32) -> i16 {
        g711::decode(self.law, self.ring[timestamp as usize % RING])
    }

    /// How many samples more or fewer than a frame this tick plays.
    fn step(&self, available: i32) -> i32 {
        let step = match self.debt {
            0 => 0,
            debt if debt > 400 => 4,
            debt if debt > 0 => debt.min(2),
            debt => debt.max(-2),
        };
        if FRAME_SAMPLES as i32 + step > available { 0 } else { step }
    }

    fn resample(&self, frame: &mut Frame, samples: usize) {
        if samples == FRAME_SAMPLES {
            let start = self.read as usize % RING;
            let first = FRAME_SAMPLES.min(RING - start);
            let (head, tail) = frame.split_at_mut(first);
            g711::decode_into(self.law, &self.ring[start..start + first], head);
            g711::decode_into(self.law, &self.ring[..FRAME_SAMPLES - first], tail);
            return;
        }
        let last = samples as u32 - 1;
        for (at, out) in frame.iter_mut().enumerate() {
            let position = at * samples;
            let (whole, part) = ((position / FRAME_SAMPLES) as u32, (position % FRAME_SAMPLES) as i32);
            let here = i32::from(self.sample(self.read.wrapping_add(whole)));
            let next = i32::from(self.sample(self.read.wrapping_add((whole + 1).min(last))));
            *out = (here + (next - here) * part / FRAME_SAMPLES as i32) as i16;
        }
    }

    /// Plays the last samples there are and makes up the others.
    fn read_rest(&mut self, frame: &mut Frame, available: usize) -> bool {
        if available > 0 {
            self.patch_holes(available as u32);
        }
        for (at, out) in frame.iter_mut().take(available).enumerate() {
            *out = self.sample(self.read.wrapping_add(at as u32));
        }
        if available > 0 {
            self.blend(frame);
        }
        self.read = self.written;
        if self.made_up == 0 {
            self.made_from = self.written;
            self.pitch = self.pitch_before(self.written);
        }
        for out in frame.iter_mut().skip(available) {
            *out = self.made_up_sample(self.made_up);
            self.made_up += 1;
        }
        self.made_up <= FADE_SAMPLES + FRAME_SAMPLES
    }

    /// The `at`th sample after the newest, as the last pitch period goes on, fading.
    fn made_up_sample(&self, at: usize) -> i16 {
        let left = FADE_SAMPLES.saturating_sub(at);
        if left == 0 {
            return 0;
        }
        let back = self.pitch - at % self.pitch;
        let sample = i32::from(self.sample(self.made_from.wrapping_sub(back as u32)));
        (sample * left as i32 / FADE_SAMPLES as i32) as i16
    }

    /// Blends from what was made up into what has come.
    fn blend(&mut self, frame: &mut Frame) {
        if self.made_up == 0 {
            return;
        }
        for (at, out) in frame.iter_mut().take(CROSSFADE).enumerate() {
            let before = i32::from(self.made_up_sample(self.made_up + at));
            let (at, all) = (at as i32, CROSSFADE as i32);
            *out = ((i32::from(*out) * at + before * (all - at)) / all) as i16;
        }
        self.made_up = 0;
    }

    /// Continues the sound through packets that were lost within the next samples.
    fn patch_holes(&mut self, samples: u32) {
        let ahead = self.read.wrapping_add(samples);
        for index in 0..self.holes.len() {
            let hole = self.holes[index];
            if hole.samples() <= 0 || (hole.start.wrapping_sub(ahead) as i32) >= 0 {
                continue;
            }
            let pitch = self.pitch_before(hole.start);
            for at in 0..(hole.samples() as usize).min(FADE_SAMPLES) {
                let back = (pitch - at % pitch) as u32;
                let sample = i32::from(self.sample(hole.start.wrapping_sub(back)));
                let faded = sample * (FADE_SAMPLES - at) as i32 / FADE_SAMPLES as i32;
                let code = g711::encode(self.law, faded as i16);
                self.ring[(hole.start.wrapping_add(at as u32)) as usize % RING] = code;
            }
            self.holes[index] = Hole::default();
        }
    }

    /// The lag at which the sound before `end` resembles itself most (average magnitude difference).
    fn pitch_before(&self, end: u32) -> usize {
        let mut history = [0i16; HISTORY];
        for (at, out) in history.iter_mut().enumerate() {
            *out = self.sample(end.wrapping_sub((HISTORY - at) as u32));
        }
        let recent = &history[HISTORY - PITCH_MAX..];
        let difference = |lag: usize| -> u32 {
            let earlier = &history[HISTORY - PITCH_MAX - lag..HISTORY - lag];
            recent.iter().zip(earlier).map(|(now, before)| now.abs_diff(*before) as u32).sum()
        };
        (PITCH_MIN..=PITCH_MAX).min_by_key(|lag| difference(*lag)).unwrap_or(PITCH_MAX)
    }

    fn look_at_slack(&mut self) {
        self.window = self.window.saturating_add(1);
        if self.window < WINDOW_TICKS || self.debt != 0 {
            return;
        }
        self.window = 0;
        let slack = std::mem::replace(&mut self.slack_min_us, i64::MAX);
        if slack < SLACK_LOW_US {
            self.debt = -(((SLACK_AIM_LOW_US - slack) * 8 / 1_000).min(320) as i32);
        } else if slack != i64::MAX && slack > SLACK_HIGH_US {
            self.debt = ((slack - SLACK_AIM_HIGH_US) * 8 / 1_000).min(i64::from(DEPTH_MAX)) as i32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel;

    const HZ: f32 = 440.0;

    /// Packets `(arrival_us, index, samples)` of a sine, read at every tick from 5 ms on.
    fn play(packets: &[(u64, u32, usize)], ticks: u64) -> (Vec<i16>, Vec<usize>) {
        let mut buffer = JitterBuffer::new();
        let (mut heard, mut depths) = (Vec::new(), Vec::new());
        let mut next = 0;
        for tick in 0..ticks {
            let tick_us = 5_000 + tick * FRAME_US;
            while next < packets.len() && packets[next].0 < tick_us {
                let (at, index, samples) = packets[next];
                let linear = goertzel::sine(HZ, 8_000.0, index as usize * samples, samples);
                let mut codes = vec![0; samples];
                g711::encode_into(Codec::Pcma, &linear, &mut codes);
                let timestamp = 0xFFFF_F000u32.wrapping_add(index * samples as u32);
                buffer.push(at, Some(tick_us), Codec::Pcma, timestamp, &codes);
                next += 1;
            }
            let mut frame = [0; FRAME_SAMPLES];
            buffer.read(&mut frame);
            heard.extend(frame);
            depths.push(buffer.waiting());
        }
        (heard, depths)
    }

    /// Every 20 ms of a continuous tone is as loud as the tone.
    fn quiet_frames(heard: &[i16]) -> usize {
        heard.chunks(FRAME_SAMPLES).filter(|frame| goertzel::amplitude(frame, HZ) < 6_000.0).count()
    }

    /// The largest step between neighbouring samples; a 440 Hz sine of 8000 has steps up to 2765.
    fn largest_step(heard: &[i16]) -> u16 {
        heard.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
    }

    #[test]
    fn m4_a_steady_tone_passes_unchanged() {
        for (samples, each_us) in [(80, 10_000), (160, 20_000), (240, 30_000), (320, 40_000), (480, 60_000)] {
            let packets: Vec<_> = (0..600).map(|n| (1_000 + u64::from(n) * each_us, n, samples)).collect();
            let (heard, depths) = play(&packets, 290);
            assert_eq!(quiet_frames(&heard[1_600..]), 0, "{samples}");
            assert!(largest_step(&heard[1_600..]) < 3_200, "{samples}: {}", largest_step(&heard[1_600..]));
            assert!(depths.iter().all(|depth| *depth <= samples + 400), "{samples}");
        }
    }

    /// Found by fuzzing: half the circle of timestamps away has no sign.
    #[test]
    fn a_jump_by_half_of_all_timestamps_begins_anew() {
        let mut buffer = JitterBuffer::new();
        let (mut frame, codes) = ([0; FRAME_SAMPLES], [g711::encode(Codec::Pcma, 8_000); FRAME_SAMPLES]);
        for timestamp in [1_000, 1_000 + FRAME_SAMPLES as u32 + (1 << 31)] {
            buffer.push(0, Some(5_000), Codec::Pcma, timestamp, &codes);
            assert!(buffer.read(&mut frame) && frame.iter().any(|sample| *sample > 7_000), "{timestamp}");
        }
    }

    #[test]
    fn m4_jitter_deepens_the_buffer_and_calm_empties_it_again() {
        let mut packets: Vec<_> = (0..3_000u32)
            .map(|n| {
                let shake = if n < 1_000 { u64::from(n.wrapping_mul(2_654_435_761) >> 18) % 25_000 } else { 0 };
                (1_000 + u64::from(n) * 20_000 + shake, n, 160)
            })
            .collect();
        packets.sort_unstable();
        let (heard, depths) = play(&packets, 2_990);
        assert!(quiet_frames(&heard[160 * 100..160 * 1_000]) <= 4);
        assert_eq!(quiet_frames(&heard[160 * 1_000..]), 0);
        assert!(depths.iter().all(|depth| *depth <= DEPTH_MAX as usize));
        assert!(depths[2_900..].iter().all(|depth| *depth <= 400), "{:?}", &depths[2_900..2_910]);
    }

    #[test]
    fn lost_packets_are_made_up_without_a_click() {
        let packets: Vec<_> =
            (0..400u32).filter(|n| n % 50 != 49).map(|n| (1_000 + u64::from(n) * 20_000, n, 160)).collect();
        let (heard, _) = play(&packets, 390);
        assert_eq!(quiet_frames(&heard[1_600..]), 0);
        assert!(largest_step(&heard[1_600..]) < 4_500, "{}", largest_step(&heard[1_600..]));
    }

    #[test]
    fn reordered_packets_are_played_in_order() {
        let mut packets: Vec<_> = (0..200u32).map(|n| (1_000 + u64::from(n) * 20_000, n, 160)).collect();
        for pair in packets[20..].chunks_mut(10) {
            let (first, second) = (pair[0].0, pair[1].0);
            pair[0].0 = second;
            pair[1].0 = first;
        }
        packets.sort_unstable();
        let (heard, depths) = play(&packets, 190);
        assert!(quiet_frames(&heard[160 * 60..]) == 0);
        assert!(depths.iter().all(|depth| *depth <= 640));
    }

    #[test]
    fn a_burst_after_a_stall_does_not_stay_as_delay() {
        let packets: Vec<_> = (0..700u32)
            .map(|n| {
                (if (100..140).contains(&n) { 1_000 + 140 * 20_000 } else { 1_000 + u64::from(n) * 20_000 }, n, 160)
            })
            .collect();
        let (heard, depths) = play(&packets, 690);
        assert!(depths.iter().all(|depth| *depth <= DEPTH_MAX as usize));
        assert!(depths[600..].iter().all(|depth| *depth <= 480), "{:?}", &depths[140..]);
        assert_eq!(quiet_frames(&heard[160 * 600..]), 0);
    }
}
