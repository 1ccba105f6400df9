//! Tones and how to hear them.

use std::f64::consts::TAU;
use std::fs;
use std::io;
use std::path::Path;

/// Samples a second, everywhere.
pub(super) const RATE: usize = 8000;

/// One tone for each party, in Hz. None is a note, a DTMF frequency or a call progress tone, or a harmonic of one
/// that is loud.
pub const TONES_HZ: [u32; 6] = [1013, 1439, 1907, 2297, 2741, 3119];

/// The amplitude at which every party sends its tone. Three of them fit into 16 bits.
pub(super) const AMPLITUDE: f64 = 8000.0;

/// From this amplitude on a tone counts as heard; it is 12 dB below what was sent.
const HEARD: f64 = 2000.0;

/// Below this root mean square there is nothing: noise of a codec.
const SILENT: f64 = 200.0;

/// Goertzel's block: 100 ms, so 10 Hz wide.
const BLOCK: usize = RATE / 10;

/// A stretch of sound, 8 kHz mono.
#[derive(Debug, Clone, Default)]
pub struct Sound(pub Vec<i16>);

impl Sound {
    /// The mean amplitude of a frequency, over blocks of 100 ms, so that a lost packet does not hide a tone.
    pub fn amplitude(&self, frequency_hz: u32) -> f64 {
        let blocks: Vec<f64> = self.0.chunks_exact(BLOCK).map(|block| goertzel(block, frequency_hz)).collect();
        let count = blocks.len().max(1);
        blocks.iter().sum::<f64>() / f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Which of these tones it has.
    pub fn tones(&self, frequencies_hz: &[u32]) -> Vec<u32> {
        frequencies_hz.iter().copied().filter(|&tone| self.amplitude(tone) > HEARD).collect()
    }

    /// Whether there is something beside the tones that were asked for: music, ring-back, a prompt.
    pub fn has_other_than(&self, frequencies_hz: &[u32]) -> bool {
        let total = self.power();
        let tones: f64 = frequencies_hz.iter().map(|&tone| self.amplitude(tone).powi(2) / 2.0).sum();
        let other = total - tones;
        other.max(0.0).sqrt() > SILENT && other > total * 0.35
    }

    /// Mean square.
    fn power(&self) -> f64 {
        let count = f64::from(u32::try_from(self.0.len().max(1)).unwrap_or(u32::MAX));
        self.0.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / count
    }

    /// The longest run of silence in it, in ms: a gap in a tone.
    pub fn longest_gap_ms(&self) -> usize {
        let (mut longest, mut run) = (0, 0);
        for sample in &self.0 {
            run = if sample.unsigned_abs() < 64 { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        longest * 1000 / RATE
    }
}

fn goertzel(block: &[i16], frequency_hz: u32) -> f64 {
    let step = TAU * f64::from(frequency_hz) / 8000.0;
    let (mut real, mut imaginary, mut phase) = (0.0, 0.0, 0.0_f64);
    for sample in block {
        real += f64::from(*sample) * phase.cos();
        imaginary += f64::from(*sample) * phase.sin();
        phase += step;
    }
    let count = f64::from(u32::try_from(block.len()).unwrap_or(u32::MAX));
    2.0 * f64::hypot(real, imaginary) / count
}

/// The sample at `index` of a party's tone.
#[expect(clippy::cast_possible_truncation, reason = "the amplitude is far below 16 bits")]
pub(super) fn sample(frequency_hz: u32, index: u64) -> i16 {
    // The tone repeats every second, so the phase stays exact however long it sounds.
    let position = f64::from(u32::try_from(index % 8000).unwrap_or(0)) / 8000.0;
    (AMPLITUDE * (TAU * f64::from(frequency_hz) * position).sin()) as i16
}

/// Writes a tone as a wav file of so many seconds.
pub(super) fn write_wav(file: &Path, frequency_hz: u32, seconds: u32) -> io::Result<()> {
    let count = u64::from(seconds) * 8000;
    let bytes: Vec<u8> = (0..count).flat_map(|index| sample(frequency_hz, index).to_le_bytes()).collect();
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut wav = Vec::with_capacity(bytes.len() + 44);
    wav.extend(b"RIFF");
    wav.extend((length + 36).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(8000u32.to_le_bytes());
    wav.extend(16000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(length.to_le_bytes());
    wav.extend(bytes);
    fs::write(file, wav)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(tones: &[u32], count: u64) -> Sound {
        Sound((0..count).map(|at| tones.iter().map(|&tone| sample(tone, at)).sum()).collect())
    }

    #[test]
    fn tells_parties_apart_in_a_chord() {
        let heard = chord(&[TONES_HZ[0], TONES_HZ[3]], 4000);
        assert_eq!(heard.tones(&TONES_HZ), [TONES_HZ[0], TONES_HZ[3]]);
        assert!(!heard.has_other_than(&TONES_HZ));
    }

    #[test]
    fn hears_music_as_something_else_and_silence_as_nothing() {
        assert!(chord(&[440], 4000).has_other_than(&TONES_HZ));
        assert!(chord(&[440], 4000).tones(&TONES_HZ).is_empty());
        let silence = Sound(vec![3; 4000]);
        assert!(silence.tones(&TONES_HZ).is_empty() && !silence.has_other_than(&TONES_HZ));
    }

    #[test]
    fn measures_a_gap() {
        let mut sound = chord(&[1013], 800);
        sound.0.extend([0; 400]);
        assert_eq!(sound.longest_gap_ms(), 50);
    }
}
