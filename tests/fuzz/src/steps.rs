//! An input read as steps of eight bytes, so that a step taken away or put in leaves the others what they are.

/// One step's bytes; those that are missing are 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step([u8; 8]);

/// Most steps of one input.
const STEPS_MAX: usize = 64;

/// The steps of an input.
pub(crate) fn steps(data: &[u8]) -> impl Iterator<Item = Step> {
    data.chunks(8).take(STEPS_MAX).map(|chunk| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        Step(bytes)
    })
}

impl Step {
    /// What is to be done: 0 to `kinds` − 1.
    pub(crate) fn kind(self, kinds: u8) -> u8 {
        self.0[0] % kinds
    }

    /// The byte at a place, 1–7.
    pub(crate) fn byte(self, at: usize) -> u8 {
        self.0[at]
    }

    /// One of a list, chosen by the byte at a place.
    pub(crate) fn of<T: Copy>(self, at: usize, items: &[T]) -> Option<T> {
        items.get(usize::from(self.0[at]) % items.len().max(1)).copied()
    }

    /// One of a list that is not empty.
    pub(crate) fn one<T: Copy>(self, at: usize, items: &[T]) -> T {
        self.of(at, items).expect("a list that is not empty")
    }

    /// Whether the bit of the byte at a place is set.
    pub(crate) fn bit(self, at: usize, bit: u8) -> bool {
        self.0[at] >> bit & 1 == 1
    }

    /// All of it as a seed.
    pub(crate) fn seed(self) -> u64 {
        u64::from_le_bytes(self.0)
    }
}
