//! G.711, both laws: encode, decode, and from one law to the other.
//!
//! A segment of G.711 is the exponent of a float, so encoding is two shifts of an `f32`'s bits
//! without a branch; the compiler makes vector code of it.

use crate::command::Codec;

const PCMU_TO_LINEAR: [i16; 256] = decode_table(Codec::Pcmu);
const PCMA_TO_LINEAR: [i16; 256] = decode_table(Codec::Pcma);
static DECODE_PCMU: [i16; 256] = PCMU_TO_LINEAR;
static DECODE_PCMA: [i16; 256] = PCMA_TO_LINEAR;
static PCMU_TO_PCMA: [u8; 256] = transcode_table(&PCMU_TO_LINEAR, Codec::Pcma);
static PCMA_TO_PCMU: [u8; 256] = transcode_table(&PCMA_TO_LINEAR, Codec::Pcmu);

/// The code that stands for no sound.
pub const fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0xFF,
        Codec::Pcma => 0xD5,
    }
}

/// One code to its linear sample (16 bit scale).
pub fn decode(codec: Codec, code: u8) -> i16 {
    table(codec)[code as usize]
}

/// Codes to linear samples; the shorter of both lengths is done.
pub fn decode_into(codec: Codec, codes: &[u8], samples: &mut [i16]) {
    let table = table(codec);
    for (sample, code) in samples.iter_mut().zip(codes) {
        *sample = table[*code as usize];
    }
}

/// One linear sample to its code, as ITU-T G.191 rounds.
pub const fn encode(codec: Codec, sample: i16) -> u8 {
    match codec {
        Codec::Pcmu => encode_pcmu(sample),
        Codec::Pcma => encode_pcma(sample),
    }
}

/// Linear samples to codes; the shorter of both lengths is done.
pub fn encode_into(codec: Codec, samples: &[i16], codes: &mut [u8]) {
    match codec {
        Codec::Pcmu => {
            for (code, sample) in codes.iter_mut().zip(samples) {
                *code = encode_pcmu(*sample);
            }
        }
        Codec::Pcma => {
            for (code, sample) in codes.iter_mut().zip(samples) {
                *code = encode_pcma(*sample);
            }
        }
    }
}

/// Codes of one law to codes of the other, in place. Equal laws leave them as they are.
pub fn transcode(from: Codec, to: Codec, codes: &mut [u8]) {
    let table = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => &PCMU_TO_PCMA,
        (Codec::Pcma, Codec::Pcmu) => &PCMA_TO_PCMU,
        _ => return,
    };
    for code in codes {
        *code = table[*code as usize];
    }
}

fn table(codec: Codec) -> &'static [i16; 256] {
    match codec {
        Codec::Pcmu => &DECODE_PCMU,
        Codec::Pcma => &DECODE_PCMA,
    }
}

const fn encode_pcmu(sample: i16) -> u8 {
    let sign = (sample >> 15) as i32; // 0 or -1
    let biased = ((sample as i32) ^ sign) + 132;
    let magnitude = if biased > 32_767 { 32_767 } else { biased };
    let code = ((magnitude as f32).to_bits() >> 19).wrapping_sub(134 << 4);
    !((code as u8 & 0x7F) | (sign as u8 & 0x80))
}

const fn encode_pcma(sample: i16) -> u8 {
    let sign = (sample >> 15) as i32;
    let magnitude = (sample as i32) ^ sign;
    let upper = ((magnitude as f32).to_bits() >> 19).wrapping_sub(134 << 4);
    let code = if magnitude < 256 { (magnitude >> 4) as u32 } else { upper };
    ((code as u8 & 0x7F) | (!sign as u8 & 0x80)) ^ 0x55
}

const fn decode_pcmu(code: u8) -> i16 {
    let bits = !code;
    let segment = (bits >> 4) & 7;
    let magnitude = ((((bits & 0x0F) as i16) << 3) + 132) << segment;
    if bits & 0x80 != 0 { 132 - magnitude } else { magnitude - 132 }
}

const fn decode_pcma(code: u8) -> i16 {
    let bits = code ^ 0x55;
    let segment = (bits >> 4) & 7;
    let step = ((bits & 0x0F) as i16) << 4;
    let magnitude = if segment == 0 { step + 8 } else { (step + 264) << (segment - 1) };
    if bits & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn decode_table(codec: Codec) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = match codec {
            Codec::Pcmu => decode_pcmu(code as u8),
            Codec::Pcma => decode_pcma(code as u8),
        };
        code += 1;
    }
    table
}

const fn transcode_table(linear: &[i16; 256], to: Codec) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = encode(to, linear[code]);
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ITU-T G.191 `ulaw_compress`, by segment search.
    fn reference_pcmu(sample: i16) -> u8 {
        let magnitude = if sample < 0 { (!sample >> 2) + 33 } else { (sample >> 2) + 33 };
        let magnitude = magnitude.min(0x1FFF);
        let mut segment_number = 1;
        let mut rest = magnitude >> 6;
        while rest != 0 {
            segment_number += 1;
            rest >>= 1;
        }
        let high = 8 - segment_number;
        let low = 0x0F - ((magnitude >> segment_number) & 0x0F);
        let code = ((high << 4) | low) as u8;
        if sample >= 0 { code | 0x80 } else { code }
    }

    /// ITU-T G.191 `alaw_compress`.
    fn reference_pcma(sample: i16) -> u8 {
        let mut value = if sample < 0 { !sample >> 4 } else { sample >> 4 };
        if value > 15 {
            let mut exponent = 1;
            while value > 31 {
                value >>= 1;
                exponent += 1;
            }
            value = value - 16 + (exponent << 4);
        }
        if sample >= 0 {
            value |= 0x80;
        }
        value as u8 ^ 0x55
    }

    #[test]
    fn every_sample_is_encoded_as_the_itu_reference_does() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode(Codec::Pcmu, sample), reference_pcmu(sample), "µ-law {sample}");
            assert_eq!(encode(Codec::Pcma, sample), reference_pcma(sample), "A-law {sample}");
        }
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        for code in 0..=255u8 {
            // µ-law has two zeros; the negative one comes back as the positive one.
            let expected = if code == 0x7F { 0xFF } else { code };
            assert_eq!(encode(Codec::Pcmu, decode(Codec::Pcmu, code)), expected);
            assert_eq!(encode(Codec::Pcma, decode(Codec::Pcma, code)), code);
        }
    }

    #[test]
    fn known_points_of_the_standard() {
        // ITU-T G.711 tables 1 and 2, scaled to 16 bit.
        for (codec, code, sample) in [
            (Codec::Pcmu, 0x80, 32_124),
            (Codec::Pcmu, 0x00, -32_124),
            (Codec::Pcmu, 0xFF, 0),
            (Codec::Pcma, 0xAA, 32_256),
            (Codec::Pcma, 0x2A, -32_256),
            (Codec::Pcma, 0xD5, 8),
        ] {
            assert_eq!(decode(codec, code), sample, "{codec:?} {code:#x}");
        }
    }

    #[test]
    fn transcoding_stays_within_one_step() {
        for code in 0..=255u8 {
            let mut one = [code];
            transcode(Codec::Pcmu, Codec::Pcma, &mut one);
            let before = i32::from(decode(Codec::Pcmu, code));
            let after = i32::from(decode(Codec::Pcma, one[0]));
            assert!((before - after).abs() <= before.abs() / 32 + 8, "{before} {after}");
        }
        let mut same = [1, 2, 3];
        transcode(Codec::Pcmu, Codec::Pcmu, &mut same);
        assert_eq!(same, [1, 2, 3]);
    }
}
