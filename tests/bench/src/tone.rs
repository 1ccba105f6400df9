//! Tones of one 20 ms frame of G.711 µ-law, and a Goertzel detector for them.

/// Samples in a frame of 20 ms at 8 kHz.
pub(crate) const FRAME: usize = 160;

/// The tones of a room's three parties, in hertz: multiples of 50, so that one frame repeats without a seam.
pub(crate) const PARTIES_HZ: [u32; 3] = [400, 700, 1100];

/// The tone of the burst that measures the mixer's delay, in hertz.
pub(crate) const BURST_HZ: u32 = 2000;

/// A frame of the sum of `tones`, each (hertz, peak amplitude of 32,767).
pub(crate) fn frame(tones: &[(u32, f64)]) -> [u8; FRAME] {
    std::array::from_fn(|index| {
        let sample: f64 = tones
            .iter()
            .map(|(hertz, peak)| {
                let turns = f64::from(*hertz) * f64::from(u32::try_from(index).unwrap_or(0)) / 8000.0;
                peak * (turns * std::f64::consts::TAU).sin()
            })
            .sum();
        encode(sample)
    })
}

/// The amplitude of `hertz` in a frame of µ-law.
pub(crate) fn amplitude(samples: &[f64], hertz: u32) -> f64 {
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(1));
    let factor = 2.0 * (f64::from(hertz) / 8000.0 * std::f64::consts::TAU).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + factor * last - before, last);
    }
    let power: f64 = last * last + before * before - factor * last * before;
    power.max(0.0).sqrt() * 2.0 / count
}

/// The samples of a µ-law payload.
pub(crate) fn decode(payload: &[u8]) -> Vec<f64> {
    payload.iter().map(|byte| decode_byte(*byte)).collect()
}

/// ITU-T G.711 table 2b, by its segments.
fn decode_byte(byte: u8) -> f64 {
    let bits = !byte;
    let magnitude = ((u32::from(bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7);
    let value = f64::from(magnitude) - 132.0;
    if bits & 0x80 == 0 { value } else { -value }
}

/// The code whose value is nearest: a search, for frames are made once.
fn encode(sample: f64) -> u8 {
    let distance = |byte: &u8| (decode_byte(*byte) - sample).abs();
    (0..=255u8).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0xff)
}

#[cfg(test)]
mod tests {
    use super::{BURST_HZ, PARTIES_HZ, amplitude, decode, frame};

    #[test]
    fn a_detector_hears_its_own_tone_only() {
        for (index, sent) in PARTIES_HZ.iter().enumerate() {
            let others = PARTIES_HZ[(index + 1) % 3];
            let samples = decode(&frame(&[(*sent, 4000.0), (others, 4000.0)]));
            for hertz in PARTIES_HZ.into_iter().chain([BURST_HZ]) {
                let heard = amplitude(&samples, hertz);
                let expected = hertz == *sent || hertz == others;
                assert_eq!(heard > 2000.0, expected, "{hertz} Hz: {heard}");
                assert!(expected || heard < 200.0, "{hertz} Hz: {heard}");
            }
        }
    }
}
