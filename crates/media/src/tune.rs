//! The default hold music: a short piece written for this program and made by its code, so that it
//! belongs to nobody. Notes ring on across the end of the loop, so the loop has no seam.

use std::sync::{Arc, OnceLock};

/// Samples of one eighth note: 0.3 s.
const EIGHTH: usize = 2_400;

/// One bar of eight eighths: the root of the bass (semitones from C3) and the chord's notes (from C4).
type Bar = (i32, [i32; 4]);

/// C, A minor, F, G; then with a turn: C, E minor, F, G.
const BARS: [Bar; 8] = [
    (0, [0, 4, 7, 12]),
    (-3, [-3, 0, 4, 9]),
    (-7, [0, 5, 9, 12]),
    (-5, [-1, 2, 7, 11]),
    (0, [4, 7, 12, 16]),
    (4, [4, 7, 11, 16]),
    (-7, [5, 9, 12, 17]),
    (-5, [2, 7, 11, 14]),
];
/// The order in which a bar's chord is broken; 4 is a rest.
const PATTERN: [usize; 8] = [0, 2, 1, 3, 2, 1, 3, 4];
/// Melody notes: bar, eighth, semitones from C5, length in eighths.
const MELODY: [(usize, usize, i32, usize); 14] = [
    (0, 0, 4, 3),
    (0, 4, 7, 3),
    (1, 0, 4, 4),
    (1, 6, 2, 2),
    (2, 0, 0, 4),
    (2, 4, 5, 3),
    (3, 0, 2, 6),
    (4, 0, 7, 3),
    (4, 4, 4, 3),
    (5, 0, 7, 4),
    (5, 5, 9, 3),
    (6, 0, 9, 3),
    (6, 4, 5, 4),
    (7, 0, 2, 7),
];

/// The tune, 19.2 s at 8 kHz, made once.
pub fn default_tune() -> Arc<[i16]> {
    static TUNE: OnceLock<Arc<[i16]>> = OnceLock::new();
    TUNE.get_or_init(compose).clone()
}

fn compose() -> Arc<[i16]> {
    let mut sound = vec![0.0f32; BARS.len() * 8 * EIGHTH];
    for (bar, (root, chord)) in BARS.iter().enumerate() {
        let start = bar * 8 * EIGHTH;
        ring(&mut sound, start, hz(*root - 12), 8, 3_000.0);
        for (eighth, note) in PATTERN.iter().enumerate() {
            if let Some(semitone) = chord.get(*note) {
                ring(&mut sound, start + eighth * EIGHTH, hz(*semitone), 3, 2_200.0);
            }
        }
    }
    for (bar, eighth, semitone, length) in MELODY {
        ring(&mut sound, (bar * 8 + eighth) * EIGHTH, hz(semitone + 12), length + 1, 2_800.0);
    }
    sound.iter().map(|sample| sample.clamp(-30_000.0, 30_000.0) as i16).collect()
}

/// Semitones above middle C to a frequency.
fn hz(semitones: i32) -> f32 {
    261.63 * (semitones as f32 / 12.0).exp2()
}

/// Adds a soft plucked note that dies away over `eighths` and wraps around the end.
fn ring(sound: &mut [f32], start: usize, hz: f32, eighths: usize, loudness: f32) {
    let samples = eighths * EIGHTH;
    let turn = std::f32::consts::TAU * hz / 8_000.0;
    for at in 0..samples {
        let time = at as f32 / samples as f32;
        let attack = (at as f32 / 120.0).min(1.0);
        let envelope = attack * (-3.5 * time).exp() * (1.0 - time);
        let angle = turn * at as f32;
        let wave = angle.sin() + 0.35 * (2.0 * angle).sin() * (1.0 - time) + 0.12 * (3.0 * angle).sin();
        let place = (start + at) % sound.len();
        sound[place] += loudness * envelope * wave;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tune_is_loud_enough_never_clipped_and_has_no_seam() {
        let tune = default_tune();
        let peak = tune.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((4_000..20_000).contains(&peak), "{peak}");
        for second in tune.chunks_exact(8_000) {
            let mean = second.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / second.len() as f64;
            assert!(mean.sqrt() > 500.0, "a quiet second: {}", mean.sqrt());
        }
        let seam = tune[tune.len() - 1].abs_diff(tune[0]);
        let step = tune.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
        assert!(seam <= step && step < 6_000, "{seam} {step}");
    }
}
