//! Bans: who was caught guessing, scanning or sending rubbish is not heard for a while, longer each time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::interface::{Ban, BanReason};
use super::source::Source;

/// Most sources that are remembered. Only senders that were reached at their address get in, so forging fills nothing.
pub(crate) const OFFENDERS_MAX: usize = 4_096;
/// A source with so many points is banned.
const BAN_POINTS: u32 = 10;
/// One point is forgiven each time this has passed: a phone with an old password is slow enough not to be banned.
const FORGIVEN_US: u64 = 60_000_000;
/// Each further ban is so many times as long as the one before.
const GROWTH: u64 = 4;
/// Earlier bans count until this long after the last one.
const MEMORY_US: u64 = 24 * 3_600_000_000;

/// What a source did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Offence {
    /// Credentials with a wrong password.
    WrongPassword,
    /// Credentials of an account that does not exist.
    UnknownAccount,
    /// A scanner's User-Agent.
    Scanner,
    /// What is no SIP.
    Malformed,
}

impl Offence {
    fn points(self) -> u32 {
        match self {
            Offence::WrongPassword | Offence::Malformed => 1,
            Offence::UnknownAccount => 2,
            Offence::Scanner => BAN_POINTS,
        }
    }
}

/// What is remembered of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Offender {
    points: u32,
    /// Since when points are forgiven.
    counted_us: u64,
    /// How often it was banned.
    bans: u32,
    /// Until when it is, or was.
    until_us: u64,
}

/// Who has offended, and who is banned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bans {
    offenders: BTreeMap<Source, Offender>,
}

impl Bans {
    /// Whether a source is banned.
    pub(crate) fn holds(&self, now_us: u64, source: Source) -> bool {
        // Almost always empty: then this costs nothing.
        self.offenders.get(&source).is_some_and(|offender| offender.until_us > now_us)
    }

    /// Counts an offence; the ban that follows from it, if one does.
    pub(crate) fn offend(
        &mut self,
        now_us: u64,
        source: Source,
        offence: Offence,
        first_s: u32,
        longest_s: u32,
    ) -> Option<Ban> {
        self.make_room(now_us, source);
        let offender = self.offenders.entry(source).or_default();
        if offender.until_us > now_us {
            return None;
        }
        offender.forgive(now_us);
        offender.points += offence.points();
        if offender.points < BAN_POINTS {
            return None;
        }
        let longest_us = u64::from(longest_s) * 1_000_000;
        let growth = GROWTH.saturating_pow(offender.bans);
        let length_us = (u64::from(first_s) * 1_000_000).saturating_mul(growth).min(longest_us);
        offender.points = 0;
        offender.bans = offender.bans.saturating_add(1);
        offender.until_us = now_us.saturating_add(length_us);
        Some(Ban {
            address: source.address(),
            prefix: source.prefix(),
            reason: BanReason::from(offence),
            since_us: now_us,
            until_us: offender.until_us,
            count: offender.bans,
        })
    }

    /// Ends a ban and forgets the source.
    pub(crate) fn lift(&mut self, source: Source) {
        self.offenders.remove(&source);
    }

    /// Forgets the most harmless sources when there is no room, an eighth of all: those that are not banned and have the
    /// fewest points, then those whose ban ends first.
    fn make_room(&mut self, now_us: u64, source: Source) {
        if self.offenders.len() < OFFENDERS_MAX || self.offenders.contains_key(&source) {
            return;
        }
        let harm =
            |offender: &Offender| (offender.until_us.saturating_sub(now_us), offender.points, offender.counted_us);
        let mut all: Vec<_> = self.offenders.iter().map(|(source, offender)| (harm(offender), *source)).collect();
        all.sort_unstable();
        for (_, source) in all.into_iter().take(OFFENDERS_MAX / 8) {
            self.offenders.remove(&source);
        }
    }
}

impl Offender {
    fn forgive(&mut self, now_us: u64) {
        let minutes = now_us.saturating_sub(self.counted_us) / FORGIVEN_US;
        self.points = self.points.saturating_sub(u32::try_from(minutes).unwrap_or(u32::MAX));
        self.counted_us = if self.points == 0 { now_us } else { self.counted_us + minutes * FORGIVEN_US };
        if now_us.saturating_sub(self.until_us) > MEMORY_US {
            self.bans = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const SECOND: u64 = 1_000_000;
    const START: u64 = 1_700_000_000 * SECOND;

    fn source(number: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from(number)))
    }

    fn offend(bans: &mut Bans, at_us: u64, number: u32, offence: Offence) -> Option<u64> {
        bans.offend(at_us, source(number), offence, 300, 86_400).map(|ban| (ban.until_us - at_us) / SECOND)
    }

    #[test]
    fn the_tenth_wrong_password_bans_and_each_ban_is_longer() {
        let mut bans = Bans::default();
        let mut at_us = START;
        for length_s in [300, 1_200, 4_800, 19_200, 76_800, 86_400, 86_400] {
            for _ in 0..9 {
                assert_eq!(offend(&mut bans, at_us, 1, Offence::WrongPassword), None);
            }
            assert_eq!(offend(&mut bans, at_us, 1, Offence::WrongPassword), Some(length_s));
            assert!(bans.holds(at_us + length_s * SECOND - 1, source(1)));
            at_us += length_s * SECOND;
            assert!(!bans.holds(at_us, source(1)));
        }
        assert_eq!(offend(&mut bans, at_us + MEMORY_US + 1, 1, Offence::Scanner), Some(300), "forgotten after a day");
    }

    #[test]
    fn a_phone_that_tries_once_a_minute_is_never_banned() {
        let mut bans = Bans::default();
        for minute in 0..10_000 {
            assert_eq!(offend(&mut bans, START + minute * 60 * SECOND, 1, Offence::WrongPassword), None);
        }
    }

    #[test]
    fn a_lifted_ban_is_forgotten() {
        let mut bans = Bans::default();
        assert_eq!(offend(&mut bans, START, 1, Offence::Scanner), Some(300));
        assert_eq!(offend(&mut bans, START, 1, Offence::Scanner), None, "banned already");
        bans.lift(source(1));
        assert_eq!(bans, Bans::default());
    }

    #[test]
    fn the_table_is_bounded_and_bans_outlive_lesser_offences() {
        let mut bans = Bans::default();
        for number in 0..100 {
            offend(&mut bans, START, number, Offence::Scanner);
        }
        for number in 100..20_000 {
            offend(&mut bans, START + SECOND, number, Offence::WrongPassword);
        }
        assert!(bans.offenders.len() <= OFFENDERS_MAX, "{}", bans.offenders.len());
        assert!((0..100).all(|number| bans.holds(START + 2 * SECOND, source(number))));
    }
}
