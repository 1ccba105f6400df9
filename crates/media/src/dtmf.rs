//! DTMF as RFC 4733 events: reading a peer's, and sending our own.

use serde::{Deserialize, Serialize};

use crate::limits::{DIGITS_MAX, EVENT_LOST_US, FRAME_SAMPLES};

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";
/// How long a digit of ours lasts, and the pause after it, in samples: 100 ms each.
const DIGIT_SAMPLES: u16 = 800;
/// −10 dBm0, the level that events of ours claim (RFC 3550 profile: 0–63).
const VOLUME: u8 = 10;

/// The event code of a digit (RFC 4733 §3.2).
pub(crate) fn code_of(digit: char) -> Option<u8> {
    DIGITS.iter().position(|known| char::from(*known) == digit.to_ascii_uppercase()).map(|at| at as u8)
}

/// The digit of an event code; `None` for flash, tones and what else there is.
pub(crate) fn digit_of(code: u8) -> Option<char> {
    DIGITS.get(usize::from(code)).map(|digit| char::from(*digit))
}

/// One event payload (RFC 4733 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventPayload {
    pub(crate) code: u8,
    pub(crate) end: bool,
    /// In samples.
    pub(crate) duration: u16,
}

impl EventPayload {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (fields, _) = payload.split_first_chunk::<4>()?;
        Some(Self { code: fields[0], end: fields[1] & 0x80 != 0, duration: u16::from_be_bytes([fields[2], fields[3]]) })
    }

    pub(crate) fn bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, (u8::from(self.end) << 7) | VOLUME, high, low]
    }
}

/// A key press that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pressed {
    pub(crate) digit: char,
    pub(crate) duration_ms: u32,
}

/// Follows a peer's events, so that each key press is told once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventReceiver {
    seen: bool,
    open: bool,
    timestamp: u32,
    code: u8,
    duration: u16,
    last_us: u64,
}

impl EventReceiver {
    /// Takes an event packet. `true`: it opens a new key press. The presses are those that ended by it.
    pub(crate) fn packet(&mut self, now_us: u64, timestamp: u32, event: EventPayload) -> (bool, [Option<Pressed>; 2]) {
        let mut ended = [None, None];
        let age = timestamp.wrapping_sub(self.timestamp) as i32;
        if self.seen && age < 0 && age > -80_000 {
            return (false, ended); // an older one, overtaken
        }
        let fresh = !self.seen || age != 0;
        if fresh {
            ended[0] = self.close();
            *self = Self { seen: true, open: true, timestamp, code: event.code, duration: 0, last_us: now_us };
        }
        self.duration = self.duration.max(event.duration);
        self.last_us = now_us;
        if event.end {
            ended[1] = self.close();
        }
        (fresh, ended)
    }

    /// Ends a press whose end packets were lost: nothing has come for a while, or audio goes on.
    pub(crate) fn lost_end(&mut self, now_us: u64) -> Option<Pressed> {
        if self.open && now_us.saturating_sub(self.last_us) >= EVENT_LOST_US { self.close() } else { None }
    }

    fn close(&mut self) -> Option<Pressed> {
        if !std::mem::take(&mut self.open) {
            return None;
        }
        digit_of(self.code).map(|digit| Pressed { digit, duration_ms: u32::from(self.duration) / 8 })
    }
}

/// What one tick of a sending digit asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigitStep {
    /// Nothing: ordinary sound goes on.
    Idle,
    /// The digit sounds: its code, how much of it is over after this tick, and whether that was all.
    Sounds { code: u8, elapsed: u16, last: bool },
}

/// Digits that wait to be sent, each 100 ms long with a pause of 100 ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DigitSender {
    queue: [u8; DIGITS_MAX],
    waiting: usize,
    sounding: Option<(u8, u16)>,
    pause: u16,
}

impl DigitSender {
    pub(crate) fn new() -> Self {
        Self { queue: [0; DIGITS_MAX], waiting: 0, sounding: None, pause: 0 }
    }

    /// Adds digits; unknown ones, and those beyond the 32nd, are ignored.
    pub(crate) fn add(&mut self, digits: &str) {
        for code in digits.chars().filter_map(code_of) {
            self.add_code(code);
        }
    }

    pub(crate) fn add_code(&mut self, code: u8) {
        if let Some(place) = self.queue.get_mut(self.waiting) {
            *place = code;
            self.waiting += 1;
        }
    }

    /// Whether the next tick sounds a digit.
    pub(crate) fn sounds(&self) -> bool {
        self.sounding.is_some() || (self.waiting > 0 && self.pause == 0)
    }

    /// Nothing sounds, waits or pauses.
    pub(crate) fn quiet(&self) -> bool {
        self.sounding.is_none() && self.waiting == 0 && self.pause == 0
    }

    /// 20 ms go by.
    pub(crate) fn step(&mut self) -> DigitStep {
        const FRAME: u16 = FRAME_SAMPLES as u16;
        if self.sounding.is_none() {
            self.pause = self.pause.saturating_sub(FRAME);
            if self.waiting == 0 || self.pause > 0 {
                return DigitStep::Idle;
            }
            self.sounding = Some((self.queue[0], 0));
            self.queue.copy_within(1.., 0);
            self.waiting -= 1;
        }
        let Some((code, elapsed)) = &mut self.sounding else { return DigitStep::Idle };
        *elapsed += FRAME;
        let step = DigitStep::Sounds { code: *code, elapsed: *elapsed, last: *elapsed >= DIGIT_SAMPLES };
        if *elapsed >= DIGIT_SAMPLES {
            self.sounding = None;
            self.pause = DIGIT_SAMPLES + FRAME;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets `(ms, timestamp, code, end, duration)`; what was told, as text.
    fn told(packets: &[(u64, u32, u8, bool, u16)], then_ms: u64) -> String {
        let mut receiver = EventReceiver::default();
        let mut told = Vec::new();
        for &(ms, timestamp, code, end, duration) in packets {
            let (_, ended) = receiver.packet(ms * 1_000, timestamp, EventPayload { code, end, duration });
            told.extend(ended.into_iter().flatten());
        }
        told.extend(receiver.lost_end(then_ms * 1_000));
        told.iter().map(|pressed| format!("{}:{} ", pressed.digit, pressed.duration_ms)).collect()
    }

    #[test]
    fn m5_a_digit_is_told_once_at_its_end() {
        let packets = [
            (0, 5, 5, false, 160),
            (20, 5, 5, false, 320),
            (40, 5, 5, true, 480),
            (41, 5, 5, true, 480),
            (42, 5, 5, true, 480),
        ];
        assert_eq!(told(&packets, 2_000), "5:60 ");
        assert_eq!(told(&packets[..2], 50), "", "still pressed");
    }

    #[test]
    fn m5_a_digit_whose_end_is_lost_is_told_all_the_same() {
        assert_eq!(told(&[(0, 5, 11, false, 160), (20, 5, 11, false, 320)], 130), "#:40 ");
        assert_eq!(
            told(&[(0, 5, 1, false, 160), (200, 2_000, 1, false, 160), (220, 2_000, 1, true, 320)], 900),
            "1:20 1:40 "
        );
    }

    #[test]
    fn m5_late_packets_of_an_earlier_digit_are_no_new_digit() {
        let packets = [(0, 5, 1, true, 160), (100, 2_000, 2, true, 160), (101, 5, 1, true, 160)];
        assert_eq!(told(&packets, 900), "1:20 2:20 ");
    }

    #[test]
    fn a_flash_is_no_digit() {
        assert_eq!(told(&[(0, 5, 16, true, 160)], 900), "");
        assert_eq!(EventPayload::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn digits_are_sent_one_after_another() {
        let mut sender = DigitSender::new();
        sender.add("1x#");
        let mut log = String::new();
        for _ in 0..25 {
            log.push(match sender.step() {
                DigitStep::Idle => '.',
                DigitStep::Sounds { last: true, .. } => '!',
                DigitStep::Sounds { code, .. } => digit_of(code).unwrap(),
            });
        }
        assert_eq!(log, "1111!.....####!..........");
        assert!(sender.quiet());
    }

    #[test]
    fn too_many_digits_are_cut() {
        let mut sender = DigitSender::new();
        sender.add(&"7".repeat(100));
        assert_eq!(sender.waiting, DIGITS_MAX);
    }
}
