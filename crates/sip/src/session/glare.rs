//! The back-off after a glare (RFC 3261 §14.1, D4).

use crate::random::Random;

/// Most retries of one offer; then the glare is reported as a refusal.
pub(crate) const GLARE_RETRIES_MAX: u8 = 8;

/// How long to wait before offering again, in microseconds: the owner of the Call-ID 2.1–4 s, the other side 0–2 s, both
/// in steps of 10 ms, so that the two never meet again.
pub(crate) fn back_off_us(call_id_is_ours: bool, random: &mut Random) -> u64 {
    let (least, most) = if call_id_is_ours { (210, 400) } else { (0, 200) };
    random.between(least, most) * 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_the_two_windows_of_rfc3261_14_1_do_not_overlap() {
        let mut random = Random::new([7; 32]);
        for _ in 0..2_000 {
            let owner = back_off_us(true, &mut random);
            let other = back_off_us(false, &mut random);
            assert!((2_100_000..=4_000_000).contains(&owner) && owner.is_multiple_of(10_000), "{owner}");
            assert!(other <= 2_000_000 && other.is_multiple_of(10_000), "{other}");
        }
    }
}
