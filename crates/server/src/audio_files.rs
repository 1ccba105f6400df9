//! Music and prompts from WAV files, as the 8 kHz mono sound that the media shards play.

use std::path::Path;
use std::sync::Arc;

use hound::{SampleFormat, WavReader};

/// Longest piece that is loaded: ten minutes.
const SECONDS_MAX: u32 = 600;

/// Loads a WAV file: 16 bit, 8 or 16 kHz, mono or stereo. The error is one sentence that names the file.
pub(crate) fn load(path: &Path) -> Result<Arc<[i16]>, String> {
    let fault = |what: String| format!("{}: {what}", path.display());
    let mut reader = WavReader::open(path).map_err(|error| fault(format!("cannot be read as WAV: {error}")))?;
    let form = reader.spec();
    if form.bits_per_sample != 16 || form.sample_format != SampleFormat::Int {
        return Err(fault(format!("has {} bit samples; 16 bit integers are needed", form.bits_per_sample)));
    }
    if !matches!(form.channels, 1 | 2) {
        return Err(fault(format!("has {} channels; 1 or 2 can be used", form.channels)));
    }
    if !matches!(form.sample_rate, 8_000 | 16_000) {
        return Err(fault(format!("has {} Hz; 8000 or 16000 Hz are needed", form.sample_rate)));
    }
    if reader.duration() > SECONDS_MAX * form.sample_rate {
        return Err(fault(format!("is longer than {SECONDS_MAX} s")));
    }
    let samples: Vec<i16> =
        reader.samples().collect::<Result<_, _>>().map_err(|error| fault(format!("is damaged: {error}")))?;
    let mono = if form.channels == 2 { halve_channels(&samples) } else { samples };
    let sound = if form.sample_rate == 16_000 { halve_rate(&mono) } else { mono };
    if sound.is_empty() {
        return Err(fault("has no sound in it".into()));
    }
    Ok(sound.into())
}

fn halve_channels(samples: &[i16]) -> Vec<i16> {
    samples.chunks_exact(2).map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16).collect()
}

/// A half-band low-pass (Blackman window, 31 taps) and every second sample of it.
fn halve_rate(samples: &[i16]) -> Vec<i16> {
    const REACH: i64 = 15;
    let taps: Vec<f32> = (-REACH..=REACH).map(half_band_tap).collect();
    let sum: f32 = taps.iter().sum();
    (0..samples.len() as i64)
        .step_by(2)
        .map(|middle| {
            let weighted = taps.iter().zip(middle - REACH..).map(|(tap, at)| {
                let sample = usize::try_from(at).ok().and_then(|at| samples.get(at)).copied().unwrap_or(0);
                tap * f32::from(sample)
            });
            (weighted.sum::<f32>() / sum) as i16
        })
        .collect()
}

fn half_band_tap(at: i64) -> f32 {
    use std::f32::consts::PI;
    let at = at as f32;
    let sinc = if at == 0.0 { 0.5 } else { (PI * at / 2.0).sin() / (PI * at) };
    let phase = PI * (at + 16.0) / 16.0;
    sinc * (0.42 - 0.5 * phase.cos() + 0.08 * (2.0 * phase).cos())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use baton_media::goertzel::amplitude;

    use super::*;

    fn file(name: &str, rate: u32, channels: u16, bits: u16, hz: f32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("baton-{}-{name}.wav", std::process::id()));
        let form =
            hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: SampleFormat::Int };
        let mut writer = hound::WavWriter::create(&path, form).unwrap();
        for at in 0..rate * u32::from(bits == 16) {
            let sample = 8_000.0 * (std::f32::consts::TAU * hz * at as f32 / rate as f32).sin();
            (0..channels).for_each(|_| writer.write_sample(sample as i16).unwrap());
        }
        writer.finalize().unwrap();
        path
    }

    #[test]
    fn every_usable_form_gives_the_same_sound() {
        for (rate, channels) in [(8_000, 1), (8_000, 2), (16_000, 1), (16_000, 2)] {
            let path = file(&format!("{rate}-{channels}"), rate, channels, 16, 600.0);
            let sound = load(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            assert_eq!(sound.len(), 8_000);
            let level = amplitude(&sound[400..7_600], 600.0);
            assert!((7_500.0..8_500.0).contains(&level), "{rate} {channels}: {level}");
        }
    }

    #[test]
    fn what_8_khz_cannot_hold_is_filtered_out() {
        let path = file("high", 16_000, 1, 16, 6_000.0);
        let sound = load(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(amplitude(&sound[400..7_600], 2_000.0) < 100.0, "it would come back as 2000 Hz");
    }

    #[test]
    fn unusable_files_are_named_with_their_fault() {
        for (path, fault) in [
            (file("rate", 44_100, 1, 16, 600.0), "44100 Hz"),
            (file("bits", 8_000, 1, 24, 600.0), "24 bit"),
            (file("many", 8_000, 3, 16, 600.0), "3 channels"),
            (PathBuf::from("nowhere.wav"), "nowhere.wav: cannot be read"),
        ] {
            let error = load(&path).unwrap_err();
            assert!(error.contains(fault) && error.contains(&*path.to_string_lossy()), "{error}");
            let _ = std::fs::remove_file(&path);
        }
    }
}
