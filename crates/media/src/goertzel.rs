//! How loud one frequency is in a piece of sound: Goertzel's recurrence. The ears of every test that
//! asks who hears whom, and of the in-band digit detector.

/// Sampling rate of everything in this crate.
pub const SAMPLE_RATE_HZ: f32 = 8_000.0;

/// The recurrence for one frequency; samples go in one by one.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Goertzel {
    coefficient: f32,
    before: f32,
    before_that: f32,
}

impl Goertzel {
    /// For a frequency between 0 and 4000 Hz.
    pub fn new(hz: f32) -> Self {
        let angle = std::f32::consts::TAU * hz / SAMPLE_RATE_HZ;
        Self { coefficient: 2.0 * angle.cos(), before: 0.0, before_that: 0.0 }
    }

    /// Takes samples in.
    pub fn add(&mut self, samples: &[i16]) {
        for sample in samples {
            let now = self.coefficient * self.before - self.before_that + f32::from(*sample);
            self.before_that = self.before;
            self.before = now;
        }
    }

    /// The squared magnitude so far; the recurrence starts anew.
    pub fn take_power(&mut self) -> f32 {
        let power = self.before * self.before + self.before_that * self.before_that
            - self.coefficient * self.before * self.before_that;
        self.before = 0.0;
        self.before_that = 0.0;
        power
    }
}

/// Peak amplitude (0–32767) of the sine of `hz` in `samples`; 0 without samples.
pub fn amplitude(samples: &[i16], hz: f32) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let mut goertzel = Goertzel::new(hz);
    goertzel.add(samples);
    2.0 * goertzel.take_power().max(0.0).sqrt() / samples.len() as f32
}

/// Whether a sine of `hz` can be heard in `samples`: louder than −46 dB of full scale. Take 100 ms or
/// more and frequencies that lie 50 Hz or more apart.
pub fn hears(samples: &[i16], hz: f32) -> bool {
    amplitude(samples, hz) > 160.0
}

/// A sine for tests: `samples` of it, from the `from`th on, at `amplitude` (0–32767).
pub fn sine(hz: f32, amplitude: f32, from: usize, samples: usize) -> Vec<i16> {
    (from..from + samples)
        .map(|at| {
            let angle = std::f64::consts::TAU * f64::from(hz) * at as f64 / f64::from(SAMPLE_RATE_HZ);
            (f64::from(amplitude) * angle.sin()) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_heard_at_its_own_frequency_only() {
        let samples = sine(440.0, 8_000.0, 0, 1_600);
        assert!((7_800.0..8_200.0).contains(&amplitude(&samples, 440.0)));
        for other in [300.0, 390.0, 500.0, 1_000.0, 2_000.0] {
            assert!(!hears(&samples, other), "{other}");
        }
        assert!(!hears(&[], 440.0));
    }
}
