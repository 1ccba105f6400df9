//! Call-progress tones by country (ITU-T E.180, supplement 2), made sample by sample from their
//! position, so that a stream only remembers how long it has been listening.

use crate::command::{Tone, ToneCountry};

/// A sine whose every sample can be asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Oscillator {
    step: u32,
    amplitude: f32,
}

const SINE_BITS: u32 = 10;
static SINE: [f32; 1 << SINE_BITS] = sine_table();

/// A whole turn of a sine by its recurrence, which a constant may compute.
const fn sine_table() -> [f32; 1 << SINE_BITS] {
    // cos and sin of 2π/1024.
    let (cosine, sine) = (0.999_981_175_282_601_1_f64, 0.006_135_884_649_154_475_f64);
    let (mut x, mut y) = (1.0_f64, 0.0_f64);
    let mut table = [0.0; 1 << SINE_BITS];
    let mut at = 0;
    while at < table.len() {
        table[at] = y as f32;
        (x, y) = (x * cosine - y * sine, x * sine + y * cosine);
        at += 1;
    }
    table
}

impl Oscillator {
    pub(crate) fn new(hz: f32, amplitude: f32) -> Self {
        Self { step: (f64::from(hz) / 8_000.0 * 4_294_967_296.0) as u32, amplitude }
    }

    pub(crate) fn at(&self, position: u32) -> f32 {
        let phase = position.wrapping_mul(self.step);
        self.amplitude * SINE[(phase >> (32 - SINE_BITS)) as usize]
    }
}

/// Frequencies (0: none), and on and off in turns, in milliseconds.
struct Plan {
    hz: [f32; 2],
    cadence_ms: &'static [u32],
    repeats: bool,
}

const fn plan(first_hz: f32, second_hz: f32, cadence_ms: &'static [u32]) -> Plan {
    Plan { hz: [first_hz, second_hz], cadence_ms, repeats: true }
}

fn plan_of(tone: Tone) -> Plan {
    use ToneCountry::{De, Fr, Uk, Us};
    match tone {
        Tone::RingBack(De) => plan(425.0, 0.0, &[1_000, 4_000]),
        Tone::RingBack(Us) => plan(440.0, 480.0, &[2_000, 4_000]),
        Tone::RingBack(Uk) => plan(400.0, 450.0, &[400, 200, 400, 2_000]),
        Tone::RingBack(Fr) => plan(440.0, 0.0, &[1_500, 3_500]),
        Tone::Busy(De) => plan(425.0, 0.0, &[480, 480]),
        Tone::Busy(Us) => plan(480.0, 620.0, &[500, 500]),
        Tone::Busy(Uk) => plan(400.0, 0.0, &[375, 375]),
        Tone::Busy(Fr) => plan(440.0, 0.0, &[500, 500]),
        Tone::Congestion(De) => plan(425.0, 0.0, &[240, 240]),
        Tone::Congestion(Us) => plan(480.0, 620.0, &[250, 250]),
        Tone::Congestion(Uk) => plan(400.0, 0.0, &[400, 350, 225, 525]),
        Tone::Congestion(Fr) => plan(440.0, 0.0, &[250, 250]),
        Tone::Beep => Plan { hz: [1_000.0, 0.0], cadence_ms: &[200], repeats: false },
    }
}

/// Edges are rounded over this many samples (4 ms), or each would click.
const EDGE: u32 = 32;
/// Each frequency's peak: −13 dBm0.
const AMPLITUDE: f32 = 5_000.0;

/// Fills `frame` with the tone from its `from`th sample on.
pub(crate) fn fill(tone: Tone, from: u32, frame: &mut [i16]) {
    let plan = plan_of(tone);
    let first = Oscillator::new(plan.hz[0], AMPLITUDE);
    let second = Oscillator::new(plan.hz[1], AMPLITUDE);
    for (position, out) in (from..).zip(frame) {
        let loudness = plan.loudness(position);
        *out = if loudness == 0.0 { 0 } else { (loudness * (first.at(position) + second.at(position))) as i16 };
    }
}

impl Plan {
    /// 0–1 at a position in the cadence.
    fn loudness(&self, position: u32) -> f32 {
        let period: u32 = self.cadence_ms.iter().sum::<u32>() * 8;
        if !self.repeats && position >= period {
            return 0.0;
        }
        let mut rest = position % period;
        for (at, length_ms) in self.cadence_ms.iter().enumerate() {
            let length = length_ms * 8;
            if rest < length {
                let on = at % 2 == 0;
                let edge = (rest + 1).min(length - rest).min(EDGE);
                return if on { edge as f32 / EDGE as f32 } else { 0.0 };
            }
            rest -= length;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel::{amplitude, hears};

    fn sound(tone: Tone, from_ms: u32, for_ms: usize) -> Vec<i16> {
        let mut samples = vec![0; for_ms * 8];
        fill(tone, from_ms * 8, &mut samples);
        samples
    }

    #[test]
    fn tones_have_their_country_s_frequencies_and_cadence() {
        use ToneCountry::*;
        for (tone, hz, on_ms, off_ms) in [
            (Tone::RingBack(De), &[425.0][..], 500, 2_000),
            (Tone::RingBack(De), &[425.0], 5_500, 7_000),
            (Tone::RingBack(Us), &[440.0, 480.0], 1_000, 3_000),
            (Tone::RingBack(Uk), &[400.0, 450.0], 100, 450),
            (Tone::RingBack(Uk), &[400.0, 450.0], 700, 1_500),
            (Tone::RingBack(Fr), &[440.0], 1_000, 2_000),
            (Tone::Busy(De), &[425.0], 100, 600),
            (Tone::Busy(Us), &[480.0, 620.0], 100, 700),
            (Tone::Congestion(Uk), &[400.0], 100, 500),
            (Tone::Beep, &[1_000.0], 0, 200),
            (Tone::Beep, &[1_000.0], 0, 20_000),
        ] {
            for hz in hz {
                let level = amplitude(&sound(tone, on_ms, 100), *hz);
                assert!((4_000.0..6_200.0).contains(&level), "{tone:?} {hz}: {level}");
                assert!(!hears(&sound(tone, off_ms, 100), *hz), "{tone:?} {hz} pause");
            }
        }
    }

    #[test]
    fn a_tone_never_clicks() {
        for tone in [Tone::RingBack(ToneCountry::De), Tone::Busy(ToneCountry::Us), Tone::Beep] {
            let samples = sound(tone, 0, 12_000);
            let step = samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
            assert!(step < 5_500, "{tone:?} {step}");
        }
    }
}
