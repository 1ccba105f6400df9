//! The sum of several voices, less one's own, limited softly: the arithmetic of a room.

use crate::limits::FRAME_SAMPLES;

/// A sum of frames.
pub(crate) type Sum = [i32; FRAME_SAMPLES];
/// Above this the limiter bends: −2.5 dB of full scale.
const KNEE: i32 = 24_576;
const ROOM: f32 = (i16::MAX as i32 - KNEE) as f32;

/// Adds a frame to a sum.
pub(crate) fn add(sum: &mut Sum, frame: &[i16; FRAME_SAMPLES]) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(*sample);
    }
}

/// The sum without one of its frames.
pub(crate) fn without(sum: &Sum, own: &[i16; FRAME_SAMPLES], out: &mut [i16; FRAME_SAMPLES]) {
    let mut rest = *sum;
    for (sum, sample) in rest.iter_mut().zip(own) {
        *sum -= i32::from(*sample);
    }
    limit(&rest, out);
}

/// Brings a sum into 16 bits: untouched below the knee, bent smoothly above, never wrapped (wire rule M4).
pub(crate) fn limit(sum: &Sum, out: &mut [i16; FRAME_SAMPLES]) {
    let loudest = sum.iter().fold(0, |loudest, sample| loudest.max(sample.abs()));
    if loudest <= KNEE {
        for (out, sample) in out.iter_mut().zip(sum) {
            *out = *sample as i16;
        }
        return;
    }
    for (out, sample) in out.iter_mut().zip(sum) {
        let over = (sample.abs() - KNEE).max(0) as f32;
        let bent = sample.abs().min(KNEE) + (ROOM * over / (over + ROOM)) as i32;
        *out = if *sample < 0 { -bent } else { bent } as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_all_but_itself() {
        let voices = [[100; FRAME_SAMPLES], [-30; FRAME_SAMPLES], [7; FRAME_SAMPLES]];
        let mut sum = [0; FRAME_SAMPLES];
        voices.iter().for_each(|voice| add(&mut sum, voice));
        for (voice, expected) in voices.iter().zip([-23, 107, 70]) {
            let mut out = [0; FRAME_SAMPLES];
            without(&sum, voice, &mut out);
            assert_eq!(out, [expected; FRAME_SAMPLES]);
        }
    }

    #[test]
    fn m4_overload_is_bent_and_never_wrapped() {
        let mut before = i16::MIN;
        for level in (-200_000..=200_000).step_by(37) {
            let mut sum = [0; FRAME_SAMPLES];
            sum[0] = level;
            let mut out = [0; FRAME_SAMPLES];
            limit(&sum, &mut out);
            assert!(out[0] >= before, "{level}: louder in, not softer out");
            before = out[0];
            if level.abs() <= KNEE {
                assert_eq!(i32::from(out[0]), level);
            }
        }
    }
}
