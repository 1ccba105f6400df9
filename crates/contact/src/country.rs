//! What is known of a country's numbers: the metadata of Google's libphonenumber, which `phonenumber` carries. It is loaded when
//! the first directory names a country, and kept.
//!
//! The metadata are used, not that crate's parser: it reads a foreign number by the rules of the own country (an Italian
//! `+39 06…` loses its zero in Germany), takes some prefixes off twice (`8 800…` in Russia), and is ten times as slow.

use phonenumber::metadata::DATABASE;
use phonenumber::{Metadata, Type};

/// Longest calling code, in digits (E.164 §6.2.1).
const CODE_DIGITS_MAX: usize = 3;
/// The kinds of numbers that can be called from abroad.
const KINDS: [Type; 10] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::PremiumRate,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Pager,
    Type::Uan,
    Type::Voicemail,
];

/// A country's dial plan.
#[derive(Clone, Copy)]
pub(crate) struct Country(&'static Metadata);

impl Country {
    /// By its ISO 3166 region: two capital letters.
    pub(crate) fn of(region: &str) -> Option<Self> {
        let is_region = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
        DATABASE.by_id(region).filter(|_| is_region).map(Country)
    }

    /// The country that a calling code is chiefly of: `US` of 1, `GB` of 44.
    pub(crate) fn main_of_code(code: u16) -> Option<Self> {
        let all = DATABASE.by_code(&code)?;
        let main = all.iter().find(|each| each.is_main_country_for_code()).or(all.first());
        main.and_then(|metadata| Country::of(metadata.id()))
    }

    /// Its ISO 3166 region: `DE`.
    pub(crate) fn region(self) -> &'static str {
        self.0.id()
    }

    /// The calling code: `49`.
    pub(crate) fn code(self) -> String {
        self.0.country_code().to_string()
    }

    /// What is written before a national number; empty where there is no such thing.
    pub(crate) fn national_prefix(self) -> &'static str {
        self.0.national_prefix().unwrap_or_default()
    }

    /// What is written before an international number; `None` where the caller has to choose a carrier by it.
    pub(crate) fn international_prefix(self) -> Option<&'static str> {
        let only = self.0.international_prefix().map(|pattern| pattern.as_str());
        let is_plain = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        self.0.preferred_international_prefix().or(only).filter(is_plain)
    }

    /// What follows the international prefix, if the digits begin with one.
    pub(crate) fn after_international_prefix(self, digits: &str) -> Option<&str> {
        let found = self.0.international_prefix()?.find(digits)?;
        digits.get(found.end()..).filter(|_| found.start() == 0)
    }

    /// The national significant number, if the digits are one behind the national prefix, or one that is written otherwise at home
    /// than abroad (`011 15…` in Argentina).
    pub(crate) fn after_national_prefix(self, digits: &str) -> Option<String> {
        let national = match self.0.national_prefix_for_parsing() {
            None => digits.strip_prefix(self.0.national_prefix()?)?.to_owned(),
            Some(pattern) => {
                let found = pattern.captures(digits)?;
                let whole = found.get(0).filter(|whole| whole.start() == 0 && whole.end() > 0)?;
                let is_rewritten = found.len() > 1 && found.get(found.len() - 1).is_some();
                match self.0.national_prefix_transform_rule().filter(|_| is_rewritten) {
                    Some(rule) => pattern.replace(digits, rule).into_owned(),
                    None => digits.get(whole.end()..)?.to_owned(),
                }
            }
        };
        self.could_be(&national).then_some(national)
    }

    /// Whether a national significant number has the shape of those of the country: new ranges fit it, too.
    pub(crate) fn could_be(self, national: &str) -> bool {
        self.0.descriptors().general().is_match(national)
    }

    /// Whether a national significant number is of a range that is in use. Where countries share a calling code, the shape is all
    /// that is asked for: ranges change hands.
    pub(crate) fn is_number(self, national: &str) -> bool {
        let is_shared = || DATABASE.region(&self.0.country_code()).is_some_and(|regions| regions.len() > 1);
        let of_kind = |kind| self.0.descriptors().get(kind).is_some_and(|each| each.is_match(national));
        self.could_be(national) && (KINDS.into_iter().any(of_kind) || is_shared())
    }
}

/// Whether digits begin with a calling code that there is.
pub(crate) fn has_calling_code(digits: &str) -> bool {
    split(digits).is_some()
}

/// Whether digits are a calling code and a number that has the shape of those of its countries.
pub(crate) fn is_international(digits: &str) -> bool {
    let Some((code, national)) = split(digits) else { return false };
    let countries = DATABASE.by_code(&code).unwrap_or_default();
    countries.iter().any(|each| each.descriptors().general().is_match(national))
}

/// No calling code begins with another one.
fn split(digits: &str) -> Option<(u16, &str)> {
    (1..=CODE_DIGITS_MAX).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let code = code.parse().ok().filter(|_| !code.starts_with('0'))?;
        DATABASE.by_code(&code).map(|_| (code, national))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{NumberFormat, NumberPlan};

    #[test]
    fn every_countrys_numbers_are_read_as_they_are_written_at_home() {
        let (mut read, mut misread) = (0, Vec::new());
        for metadata in DATABASE.iter() {
            let Some(country) = Country::of(metadata.id()) else { continue };
            let plan = NumberPlan {
                country: Some(metadata.id().to_owned()),
                format: NumberFormat::National,
                ..NumberPlan::default()
            };
            let descriptors = KINDS.into_iter().filter_map(|kind| metadata.descriptors().get(kind));
            for example in descriptors.filter_map(|each| each.example()) {
                let number = format!("+{}{example}", country.code());
                let written = plan.write(&number);
                assert_eq!(plan.read(&number), number, "{}", metadata.id());
                // Where there is no national prefix, a number is one by the trunk's word alone; some special ones are short.
                if !country.national_prefix().is_empty() && written.len() >= 5 {
                    read += 1;
                    misread.extend((plan.read(&written) != number).then(|| format!("{} {written}", metadata.id())));
                }
                assert!(country.is_number(example), "{}: {example}", metadata.id());
            }
        }
        assert!(read > 500, "{read}");
        // Nobody dials these special numbers with the prefix.
        misread.sort_unstable();
        assert_eq!(misread, ["CO 03211234567", "IL 015112340000", "IL 01919123456"]);
    }

    #[test]
    fn calling_codes_are_told_from_other_digits() {
        for (digits, expected) in
            [("4989222", true), ("12125550100", true), ("999123456", false), ("0491", false), ("", false)]
        {
            assert_eq!(has_calling_code(digits), expected, "{digits}");
        }
        for (digits, expected) in [("4989222", true), ("40123", false), ("12125550100", true), ("1212555010", false)] {
            assert_eq!(is_international(digits), expected, "{digits}");
        }
    }
}
