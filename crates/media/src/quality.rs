//! A mean opinion score from loss, delay and jitter: the E-model of ITU-T G.107, simplified.

/// Mean opinion score × 100 of G.711 speech, 100–450.
///
/// `loss` is the share of lost packets, 0–1. One-way delay is taken as half the round trip, twice
/// the jitter (what a jitter buffer adds) and 25 ms for packets and devices.
pub fn mos_x100(loss: f64, round_trip_us: u32, jitter_us: u32) -> u16 {
    let delay_ms = f64::from(round_trip_us) / 2_000.0 + f64::from(jitter_us) / 500.0 + 25.0;
    let delay_impairment = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    // ITU-T G.113 Appendix I: G.711 with packet loss concealment has Ie = 0 and Bpl = 25.1.
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let equipment_impairment = 95.0 * percent / (percent + 25.1);
    let rating = (93.2 - delay_impairment - equipment_impairment).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    (score.clamp(1.0, 4.5) * 100.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_fall_with_loss_and_delay() {
        for (loss, round_trip_us, jitter_us, from, to) in [
            (0.0, 0, 0, 435, 445),
            (0.0, 40_000, 2_000, 430, 445),
            (0.01, 40_000, 2_000, 420, 436),
            (0.05, 40_000, 2_000, 350, 400),
            (0.20, 40_000, 2_000, 180, 290),
            (0.0, 800_000, 0, 250, 350),
            (1.0, u32::MAX, u32::MAX, 100, 100),
        ] {
            let score = mos_x100(loss, round_trip_us, jitter_us);
            assert!((from..=to).contains(&score), "{loss} {round_trip_us} {jitter_us}: {score}");
        }
    }
}
