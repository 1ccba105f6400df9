//! Times as records write them: UTC, to the second on the published fields, to the millisecond in `Baton`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The last millisecond that can be written with a year of four digits.
const MS_MAX: u64 = 253_402_300_799_999;
const MS_PER_DAY: u64 = 86_400_000;

/// A time, `yyyy-mm-ddThh:mm:ssZ`. Read back, it is that whole second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Milliseconds since the Unix epoch.
    pub ms: u64,
}

/// A time, `yyyy-mm-ddThh:mm:ss.mmmZ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MillisecondTimestamp {
    /// Milliseconds since the Unix epoch.
    pub ms: u64,
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = text_of(self.ms);
        f.write_str(std::str::from_utf8(&text[..19]).unwrap_or_default())?;
        f.write_str("Z")
    }
}

impl fmt::Display for MillisecondTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&text_of(self.ms)).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for MillisecondTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(&String::deserialize(deserializer)?).map(|ms| Timestamp { ms }).ok_or_else(not_a_time)
    }
}

impl<'de> Deserialize<'de> for MillisecondTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(&String::deserialize(deserializer)?).map(|ms| MillisecondTimestamp { ms }).ok_or_else(not_a_time)
    }
}

fn not_a_time<E: serde::de::Error>() -> E {
    E::custom("not a time such as 2026-01-31T10:00:00Z")
}

/// `yyyy-mm-ddThh:mm:ss.mmmZ`; the civil date is counted in eras of 400 years that begin on 1 March.
fn text_of(ms: u64) -> [u8; 24] {
    let ms = ms.min(MS_MAX);
    let (year, month, day) = civil_date(ms / MS_PER_DAY);
    let in_day = ms % MS_PER_DAY;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], in_day / 3_600_000);
    put(&mut text[14..16], in_day / 60_000 % 60);
    put(&mut text[17..19], in_day / 1_000 % 60);
    put(&mut text[20..23], in_day % 1_000);
    text
}

fn put(digits: &mut [u8], mut value: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn days_of(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year_of_era = year % 400;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (year / 400) * 146_097 + day_of_era - 719_468
}

fn read(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let milliseconds = match text.len() {
        20 => 0,
        24 => number(20, 23)?,
        _ => return None,
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let known = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !known || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_of(year, month, day) * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1_000 + milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_record_wants_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_600_001, "2026-01-01T00:00:00.001Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (ms, text) in cases {
            assert_eq!(MillisecondTimestamp { ms }.to_string(), text);
            assert_eq!(Timestamp { ms }.to_string(), format!("{}Z", &text[..19]));
            assert_eq!(read(text), Some(ms.min(MS_MAX)));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-01",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-0xT00:00:00Z",
            "ä".repeat(10).as_str(),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
