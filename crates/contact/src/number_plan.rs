//! Numbers as a trunk writes them, and as they are inside: E.164 with `+`.
//!
//! What a trunk sends has one known shape, so its prefixes say all; a library that guesses by country is not needed on
//! the way of a call.

use crate::directory::{NumberFormat, NumberPlan, Unprefixed};

/// Shorter ones are extensions and service numbers, the same everywhere.
const DIGITS_MIN: usize = 5;

impl NumberPlan {
    /// A number from the trunk, as it is inside. What is no number, or a short one, stays as it is.
    pub(crate) fn read(&self, number: &str) -> String {
        if number.len() < DIGITS_MIN || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return number.to_string();
        }
        // `00` begins with `0`, `011` with `0`: the longer prefix is asked first.
        let international = (&self.international_prefix, "");
        let national = (&self.national_prefix, self.country_code.as_str());
        let mut prefixes = [international, national];
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let of_prefix = prefixes.into_iter().filter(|(prefix, _)| !prefix.is_empty());
        let read =
            of_prefix.filter_map(|(prefix, country)| Some(format!("+{country}{}", number.strip_prefix(prefix)?)));
        let unprefixed = || match self.unprefixed {
            Unprefixed::AsIs => number.to_string(),
            Unprefixed::International => format!("+{number}"),
            Unprefixed::National => format!("+{}{number}", self.country_code),
        };
        read.into_iter().next().unwrap_or_else(unprefixed)
    }

    /// A number from inside, as the trunk wants it. What does not begin with `+` stays as it is.
    pub(crate) fn write(&self, number: &str) -> String {
        let Some(digits) = number.strip_prefix('+') else { return number.to_string() };
        let international = || format!("{}{digits}", self.international_prefix);
        match self.format {
            NumberFormat::E164 => number.to_string(),
            NumberFormat::Digits => digits.to_string(),
            NumberFormat::International => international(),
            NumberFormat::National => match digits.strip_prefix(&self.country_code) {
                Some(rest) => format!("{}{rest}", self.national_prefix),
                None => international(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn germany(unprefixed: Unprefixed, format: NumberFormat) -> NumberPlan {
        NumberPlan { country_code: "49".into(), unprefixed, format, ..NumberPlan::default() }
    }

    #[test]
    fn numbers_are_read_by_their_prefix() {
        use Unprefixed::{AsIs, International, National};
        let america = NumberPlan {
            country_code: "1".into(),
            national_prefix: "1".into(),
            international_prefix: "011".into(),
            unprefixed: National,
            format: NumberFormat::E164,
        };
        let italy = NumberPlan {
            country_code: "39".into(),
            national_prefix: String::new(),
            ..germany(National, NumberFormat::E164)
        };
        let of = |unprefixed| germany(unprefixed, NumberFormat::E164);
        let cases = [
            (of(AsIs), "+4989222", "+4989222"),
            (of(AsIs), "004989222", "+4989222"),
            (of(AsIs), "089222", "+4989222"),
            (of(AsIs), "4989222", "4989222"),
            (of(International), "4989222", "+4989222"),
            (of(National), "89222", "+4989222"),
            (of(National), "110", "110"),
            (of(National), "0", "0"),
            (of(AsIs), "anonymous", "anonymous"),
            (of(AsIs), "*31#089222", "*31#089222"),
            (of(AsIs), "", ""),
            (america.clone(), "12125550100", "+12125550100"),
            (america.clone(), "2125550100", "+12125550100"),
            (america, "0114989222", "+4989222"),
            (italy.clone(), "0612345", "+390612345"),
            (italy, "004989222", "+4989222"),
        ];
        for (plan, number, expected) in cases {
            assert_eq!(plan.read(number), expected, "{number} by {plan:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_the_trunk_wants_them() {
        use NumberFormat::{Digits, E164, International, National};
        let cases = [
            (E164, "+4989222", "+4989222"),
            (Digits, "+4989222", "4989222"),
            (International, "+4989222", "004989222"),
            (National, "+4989222", "089222"),
            (National, "+33123456", "0033123456"),
            (National, "112", "112"),
            (Digits, "anonymous", "anonymous"),
        ];
        for (format, number, expected) in cases {
            assert_eq!(germany(Unprefixed::AsIs, format).write(number), expected, "{number} as {format:?}");
        }
    }
}
