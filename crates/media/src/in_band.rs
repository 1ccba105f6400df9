//! DTMF as sound (ITU-T Q.23, Q.24): hearing it, for peers without telephone events, and making it.

use serde::{Deserialize, Serialize};

use crate::dtmf::{Pressed, digit_of};
use crate::goertzel::Goertzel;
use crate::tone::Oscillator;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// Samples of one look: 12.75 ms.
const BLOCK: usize = 102;
/// Blocks that must agree before a key is down, and that must differ before it is up.
const BLOCKS_DOWN: u8 = 2;
const BLOCKS_UP: u8 = 3;
/// The two tones must hold most of the sound: of the 51 that a pure pair gives.
const SHARE_MIN: f32 = 42.0;
const POWER_MIN: f32 = 8.0e7;
const TWIST_MAX: f32 = 6.3;
const REVERSE_TWIST_MAX: f32 = 2.5;

/// Hears keys in sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyDetector {
    rows: [Goertzel; 4],
    columns: [Goertzel; 4],
    energy: f32,
    taken: usize,
    last: Option<char>,
    same: u8,
    pressed: Option<char>,
    blocks: u32,
    missed: u8,
}

impl KeyDetector {
    pub(crate) fn new() -> Self {
        Self {
            rows: ROWS.map(Goertzel::new),
            columns: COLUMNS.map(Goertzel::new),
            energy: 0.0,
            taken: 0,
            last: None,
            same: 0,
            pressed: None,
            blocks: 0,
            missed: 0,
        }
    }

    /// Listens; each key is told through `told` when it is up again.
    pub(crate) fn add(&mut self, mut samples: &[i16], mut told: impl FnMut(Pressed)) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(BLOCK - self.taken));
            samples = later;
            self.energy += now.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>();
            self.rows.iter_mut().chain(&mut self.columns).for_each(|goertzel| goertzel.add(now));
            self.taken += now.len();
            if self.taken == BLOCK {
                let key = self.key();
                self.taken = 0;
                self.energy = 0.0;
                if let Some(pressed) = self.follow(key) {
                    told(pressed);
                }
            }
        }
    }

    fn key(&mut self) -> Option<char> {
        let rows = self.rows.each_mut().map(Goertzel::take_power);
        let columns = self.columns.each_mut().map(Goertzel::take_power);
        let (row, row_power) = loudest(&rows)?;
        let (column, column_power) = loudest(&columns)?;
        let balanced = row_power < column_power * REVERSE_TWIST_MAX && column_power < row_power * TWIST_MAX;
        let loud = row_power > POWER_MIN && column_power > POWER_MIN;
        let pure = row_power + column_power > SHARE_MIN * self.energy;
        (balanced && loud && pure).then_some(KEYS[row][column])
    }

    fn follow(&mut self, key: Option<char>) -> Option<Pressed> {
        self.same = if key == self.last { self.same.saturating_add(1) } else { 1 };
        self.last = key;
        match self.pressed {
            None => {
                if key.is_some() && self.same >= BLOCKS_DOWN {
                    self.pressed = key;
                    self.blocks = u32::from(self.same);
                    self.missed = 0;
                }
                None
            }
            Some(pressed) if key == Some(pressed) => {
                self.blocks += 1 + u32::from(self.missed);
                self.missed = 0;
                None
            }
            Some(digit) => {
                self.missed += 1;
                if self.missed < BLOCKS_UP {
                    return None;
                }
                self.pressed = None;
                Some(Pressed { digit, duration_ms: self.blocks * 51 / 4 })
            }
        }
    }
}

/// The loudest of four, if it stands out from the others.
fn loudest(powers: &[f32; 4]) -> Option<(usize, f32)> {
    let (best, power) = powers.iter().copied().enumerate().max_by(|left, right| left.1.total_cmp(&right.1))?;
    powers.iter().enumerate().all(|(at, other)| at == best || power > other * TWIST_MAX).then_some((best, power))
}

/// Fills `frame` with the key of an event code, from its `from`th sample on.
pub(crate) fn fill(code: u8, from: u32, frame: &mut [i16]) {
    let place = digit_of(code).and_then(|digit| {
        KEYS.iter()
            .enumerate()
            .find_map(|(row, keys)| keys.iter().position(|key| *key == digit).map(|column| (row, column)))
    });
    let Some((row, column)) = place else {
        frame.fill(0);
        return;
    };
    // −9 and −7 dBm0 (ITU-T Q.24), the high group louder.
    let (low, high) = (Oscillator::new(ROWS[row], 5_000.0), Oscillator::new(COLUMNS[column], 6_300.0));
    for (at, out) in (from..).zip(frame) {
        *out = (low.at(at) + high.at(at)) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::code_of;

    fn heard(samples: &[i16]) -> String {
        let mut detector = KeyDetector::new();
        let mut told = String::new();
        for frame in samples.chunks(160) {
            detector.add(frame, |pressed| told.push(pressed.digit));
        }
        told
    }

    fn pressed(digits: &str, on: usize, off: usize, gain: f32) -> Vec<i16> {
        let mut samples = vec![0; 400];
        for digit in digits.chars() {
            let mut tone = vec![0; on];
            fill(code_of(digit).unwrap(), 0, &mut tone);
            samples.extend(tone.iter().map(|sample| (f32::from(*sample) * gain) as i16));
            samples.extend(vec![0; off]);
        }
        samples.extend([0; 800]);
        samples
    }

    #[test]
    fn m5_every_key_is_heard_once() {
        for gain in [1.0, 0.3] {
            assert_eq!(heard(&pressed("0123456789*#ABCD", 800, 800, gain)), "0123456789*#ABCD");
        }
        assert_eq!(heard(&pressed("1155", 400, 400, 1.0)), "1155", "50 ms is enough");
    }

    #[test]
    fn a_single_tone_or_a_chord_is_no_key() {
        for chord in
            [&[697.0][..], &[1_336.0], &[425.0], &[440.0, 480.0], &[697.0, 770.0, 1_209.0], &[300.0, 900.0, 1_500.0]]
        {
            let mut samples = vec![0i16; 8_000];
            for hz in chord {
                let sine = crate::goertzel::sine(*hz, 6_000.0, 0, 8_000);
                samples.iter_mut().zip(sine).for_each(|(sum, one)| *sum += one);
            }
            assert_eq!(heard(&samples), "", "{chord:?}");
        }
    }
}
