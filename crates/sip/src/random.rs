//! The endpoint's only source of randomness: seeded by the caller, so that a run can be repeated.

use std::fmt::Write;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

/// A seeded generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// From a seed that nobody outside may guess: tags, branches and nonces come from it.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Random(ChaCha8Rng::from_seed(seed))
    }

    /// 64 bits.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 128 bits in hexadecimal: a Call-ID, a cnonce.
    pub(crate) fn token(&mut self) -> String {
        format!("{:016x}{:016x}", self.number(), self.number())
    }

    /// 256 bits.
    pub(crate) fn secret(&mut self) -> [u8; 32] {
        let mut secret = [0; 32];
        self.0.fill_bytes(&mut secret);
        secret
    }

    /// A number from `least` to `most`, both possible.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.number() % (most - least + 1)
    }
}

/// A text that carries a number of ours and 64 random bits: a branch or a tag. The number finds the entry without a
/// search, the random bits prove that the sender has seen our message.
pub(crate) fn marked(number: u64, random: u64) -> String {
    let mut text = String::with_capacity(33);
    // Writing to a String cannot fail.
    let _ = write!(text, "{number:x}-{random:016x}");
    text
}

/// The number and the random bits of a [`marked`] text; `None` for a text that is not ours.
pub(crate) fn read_marked(text: &str) -> Option<(u64, u64)> {
    let (number, random) = text.split_once('-')?;
    if random.len() != 16 || number.is_empty() || number.len() > 16 {
        return None;
    }
    Some((u64::from_str_radix(number, 16).ok()?, u64::from_str_radix(random, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_text_reads_back_and_a_foreign_one_does_not() {
        assert_eq!(read_marked(&marked(0xabc, 7)), Some((0xabc, 7)));
        for foreign in
            ["", "-", "abc", "1-2", "x-0000000000000001", "11111111111111111-0000000000000001", "1-000000000000000é"]
        {
            assert_eq!(read_marked(foreign), None, "{foreign}");
        }
    }
}
