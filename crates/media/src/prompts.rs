//! The prompts that are there without any file: signals written for this program and made by its code, so that they belong
//! to nobody.

use crate::goertzel::SAMPLE_RATE_HZ;

/// Samples of a millisecond at 8 kHz.
const SAMPLES_PER_MS: usize = 8;

/// Three rising notes, and one beep for the key: press 1.
pub(crate) fn press_one() -> Vec<i16> {
    notes(&[(523.25, 180), (659.25, 180), (783.99, 260), (0.0, 250), (1_046.5, 160)])
}

/// The special information tone (ITU-T E.180 §6): whom you called cannot be reached.
pub(crate) fn unavailable() -> Vec<i16> {
    notes(&[(950.0, 330), (1_400.0, 330), (1_800.0, 330)])
}

/// Notes one after the other: their frequency in Hz, 0 for a rest, and their length in milliseconds.
fn notes(notes: &[(f32, usize)]) -> Vec<i16> {
    const AMPLITUDE: f32 = 6_000.0;
    /// Each note swells and fades for 8 ms, so that it does not click.
    const EDGE: usize = 64;
    let mut sound = Vec::new();
    for (hz, ms) in notes {
        let samples = ms * SAMPLES_PER_MS;
        sound.extend((0..samples).map(|at| {
            let edge = at.min(samples - 1 - at).min(EDGE) as f32 / EDGE as f32;
            let phase = std::f32::consts::TAU * hz * at as f32 / SAMPLE_RATE_HZ;
            (AMPLITUDE * edge * phase.sin()) as i16
        }));
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel::amplitude;

    #[test]
    fn the_special_information_tone_rises_in_three_steps_of_a_third_of_a_second() {
        let sound = unavailable();
        assert_eq!(sound.len(), 3 * 2_640);
        for (step, hz) in [950.0, 1_400.0, 1_800.0].into_iter().enumerate() {
            let middle = &sound[step * 2_640 + 320..step * 2_640 + 2_320];
            assert!((5_500.0..6_500.0).contains(&amplitude(middle, hz)), "{hz}");
        }
    }

    #[test]
    fn press_one_ends_with_a_single_beep() {
        let sound = press_one();
        let rest = &sound[620 * 8 + 80..870 * 8 - 80];
        assert!(rest.iter().all(|sample| *sample == 0));
        assert!(amplitude(&sound[880 * 8..1_020 * 8], 1_046.5) > 5_000.0);
    }
}
