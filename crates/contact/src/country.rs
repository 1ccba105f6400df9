//! What is known of a country's numbers: the metadata of Google's libphonenumber, which `phonenumber` carries. It is loaded when
//! the first directory names a country, and kept.
//!
//! The metadata are used, not that crate's parser: it reads a foreign number by the rules of the own country (an Italian
//! `+39 06…` loses its zero in Germany), takes some prefixes off twice (`8 800…` in Russia), and is ten times as slow. Its patterns
//! are compiled when they are first asked for and forgotten for others, which may take longer than a call's set-up: those of a
//! country that is named are compiled here, once, and foreign numbers are told by their lengths.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Metadata, Type};
use regex::{Regex, RegexBuilder};

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

/// The dial plans that have been named, which live as long as the process: there are fewer than 300.
static NAMED: Mutex<BTreeMap<&'static str, Country>> = Mutex::new(BTreeMap::new());

/// A country's dial plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Country(&'static DialPlan);

#[derive(Debug)]
struct DialPlan {
    metadata: &'static Metadata,
    general: Option<Shape>,
    international_prefix: Option<Regex>,
    national_prefix: Option<Regex>,
    /// Several countries have its calling code.
    is_shared: bool,
    /// By [`KINDS`]; needed where numbers come without a prefix.
    kinds: OnceLock<Vec<Shape>>,
    /// How its numbers are written at home where that is not the prefix and the number; empty for most.
    written: OnceLock<Vec<Writing>>,
}

/// What numbers look like: their lengths, and their digits.
#[derive(Debug)]
struct Shape {
    lengths: Vec<u16>,
    pattern: Regex,
}

/// How numbers with these leading digits are written at home.
#[derive(Debug)]
struct Writing {
    leading: Option<Regex>,
    pattern: Regex,
    replacement: String,
}

impl Country {
    /// By its ISO 3166 region: two capital letters.
    pub(crate) fn of(region: &str) -> Option<Self> {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(country) = named.get(region) {
            return Some(*country);
        }
        let is_region = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
        let metadata = DATABASE.by_id(region).filter(|_| is_region)?;
        let country = Country(Box::leak(Box::new(DialPlan::of(metadata))));
        named.insert(metadata.id(), country);
        Some(country)
    }

    /// The country that a calling code is chiefly of: `US` of 1, `GB` of 44.
    pub(crate) fn main_of_code(code: u16) -> Option<Self> {
        let all = DATABASE.by_code(&code)?;
        let main = all.iter().find(|each| each.is_main_country_for_code()).or(all.first());
        main.and_then(|metadata| Country::of(metadata.id()))
    }

    /// Its ISO 3166 region: `DE`.
    pub(crate) fn region(self) -> &'static str {
        self.0.metadata.id()
    }

    /// The calling code: `49`.
    pub(crate) fn code(self) -> String {
        self.0.metadata.country_code().to_string()
    }

    /// What is written before a national number; empty where there is no such thing.
    pub(crate) fn national_prefix(self) -> &'static str {
        self.0.metadata.national_prefix().unwrap_or_default()
    }

    /// Whether national numbers are dialled without a prefix: there is none (Spain), or it may be left out (code 1).
    pub(crate) fn dials_without_prefix(self) -> bool {
        self.national_prefix().is_empty() || self.0.metadata.country_code() == 1
    }

    /// What is written before an international number; `None` where the caller has to choose a carrier by it. A pause for a second
    /// tone (`8~10`) is for people at a dial.
    pub(crate) fn international_prefix(self) -> Option<String> {
        let metadata = self.0.metadata;
        let only = metadata.international_prefix().map(|pattern| pattern.as_str());
        let prefix = metadata.preferred_international_prefix().or(only)?.replace('~', "");
        Some(prefix).filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// What follows the international prefix, if the digits begin with one.
    pub(crate) fn after_international_prefix(self, digits: &str) -> Option<&str> {
        let found = self.0.international_prefix.as_ref()?.find(digits)?;
        digits.get(found.end()..)
    }

    /// The national significant number, if the digits are one behind the national prefix, or one that is written otherwise at home
    /// than abroad (`011 15…` in Argentina).
    pub(crate) fn after_national_prefix(self, digits: &str) -> Option<String> {
        let national = match &self.0.national_prefix {
            None => digits.strip_prefix(self.0.metadata.national_prefix()?)?.to_owned(),
            Some(pattern) => {
                let found = pattern.captures(digits)?;
                let whole = found.get(0).filter(|whole| whole.end() > 0)?;
                let is_rewritten = found.len() > 1 && found.get(found.len() - 1).is_some();
                match self.0.metadata.national_prefix_transform_rule().filter(|_| is_rewritten) {
                    Some(rule) => pattern.replace(digits, rule).into_owned(),
                    None => digits.get(whole.end()..)?.to_owned(),
                }
            }
        };
        self.could_be(&national).then_some(national)
    }

    /// A national significant number as it is dialled at home: behind the national prefix, or as the country writes it instead.
    pub(crate) fn as_dialled(self, national: &str) -> String {
        let own = self.0.written().iter().find_map(|writing| writing.of(national));
        let own = own.filter(|own| self.after_national_prefix(own).as_deref() == Some(national));
        own.unwrap_or_else(|| format!("{}{national}", self.national_prefix()))
    }

    /// Whether a national significant number has the shape of those of the country: new ranges fit it, too.
    pub(crate) fn could_be(self, national: &str) -> bool {
        self.0.general.as_ref().is_some_and(|shape| shape.is_of(national))
    }

    /// Whether a national significant number is of a range that is in use. Where countries share a calling code, the shape is all
    /// that is asked for: ranges change hands.
    pub(crate) fn is_number(self, national: &str) -> bool {
        self.could_be(national) && (self.0.is_shared || self.0.kinds().iter().any(|kind| kind.is_of(national)))
    }

    /// Compiles what the first call would otherwise wait for.
    pub(crate) fn warm_up(self, reads_unprefixed: bool) {
        let examples = self.0.metadata.descriptors();
        let example = examples.fixed_line().or(examples.mobile()).and_then(Descriptor::example).unwrap_or_default();
        let _ = self.after_international_prefix(example);
        let _ = self.after_national_prefix(&self.as_dialled(example));
        let _ = reads_unprefixed && self.is_number(example);
    }
}

impl DialPlan {
    fn of(metadata: &'static Metadata) -> Self {
        let regions = DATABASE.region(&metadata.country_code());
        let prefix = |pattern: &str| compiled(&format!("^(?:{pattern})"));
        DialPlan {
            metadata,
            general: Shape::of(metadata.descriptors().general()),
            international_prefix: metadata.international_prefix().and_then(|pattern| prefix(pattern.as_str())),
            national_prefix: metadata.national_prefix_for_parsing().and_then(|pattern| prefix(pattern.as_str())),
            is_shared: regions.is_some_and(|regions| regions.len() > 1),
            kinds: OnceLock::new(),
            written: OnceLock::new(),
        }
    }

    fn kinds(&self) -> &[Shape] {
        self.kinds.get_or_init(|| {
            let descriptors = KINDS.into_iter().filter_map(|kind| self.metadata.descriptors().get(kind));
            descriptors.filter_map(Shape::of).collect()
        })
    }

    fn written(&self) -> &[Writing] {
        self.written.get_or_init(|| {
            let is_rewritten = self.metadata.national_prefix_transform_rule().is_some();
            let formats = self.metadata.formats().iter().filter(|_| is_rewritten);
            let writing = |format: &phonenumber::metadata::Format| {
                // The last one has the most digits.
                let leading =
                    format.leading_digits().last().map(|digits| compiled(&format!("^(?:{})", digits.as_str())));
                let rule = format.national_prefix().unwrap_or_default();
                let rule = rule.replace("$NP", self.metadata.national_prefix().unwrap_or_default());
                let prefix = rule.split_once('$').map_or("", |(prefix, _)| prefix);
                Some(Writing {
                    leading: leading.flatten(),
                    pattern: compiled(&format!("^(?:{})$", format.pattern().as_str()))?,
                    replacement: braced(&format!("{prefix}{}", format.format())),
                })
            };
            formats.filter_map(writing).collect()
        })
    }
}

impl Shape {
    fn of(descriptor: &Descriptor) -> Option<Self> {
        let pattern = compiled(&format!("^(?:{})$", descriptor.national_number().as_str()))?;
        Some(Shape { lengths: descriptor.possible_length().to_vec(), pattern })
    }

    fn is_of(&self, national: &str) -> bool {
        // Cheaper than the pattern. Where they are not known, it says all.
        let fits = self.lengths.is_empty() || self.lengths.iter().any(|length| usize::from(*length) == national.len());
        fits && self.pattern.is_match(national)
    }
}

impl Writing {
    fn of(&self, national: &str) -> Option<String> {
        let leads = self.leading.as_ref().is_none_or(|leading| leading.is_match(national));
        let written = self.pattern.captures(national).filter(|_| leads)?;
        let mut text = String::new();
        written.expand(&self.replacement, &mut text);
        Some(text.chars().filter(char::is_ascii_digit).collect())
    }
}

/// `$2 15` as `${2} 15`: what follows a group's number may be a digit or a letter.
fn braced(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, c == '$') {
            (_, true) => text.extend(rest.next().map(|digit| format!("${{{digit}}}"))),
            _ => text.push(c),
        }
    }
    text
}

/// The metadata's patterns have room in them.
fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).ignore_whitespace(true).unicode(false).build().ok()
}

/// Whether digits begin with a calling code that there is.
pub(crate) fn has_calling_code(digits: &str) -> bool {
    split(digits).is_some()
}

/// Whether digits are a calling code and a number that is as long as those of its countries.
pub(crate) fn is_international(digits: &str) -> bool {
    let Some((code, national)) = split(digits) else { return false };
    let countries = DATABASE.by_code(&code).unwrap_or_default();
    let has_length = |each: &&Metadata| {
        let kinds = KINDS.into_iter().filter_map(|kind| each.descriptors().get(kind));
        kinds.into_iter().any(|kind| kind.possible_length().iter().any(|length| usize::from(*length) == national.len()))
    };
    countries.iter().any(has_length)
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
    fn what_is_written_for_a_country_is_read_back_for_nearly_every_example() {
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

    #[test]
    fn numbers_are_dialled_as_each_country_writes_them() {
        let cases = [
            ("DE", "89222", "089222"),
            ("AR", "91123456789", "01115 23456789"),
            ("AR", "1123456789", "01123456789"),
            ("AR", "93436123456", "0343156123456"),
            ("BR", "1123456789", "01123456789"),
            ("US", "2125550100", "12125550100"),
            ("BB", "2464301234", "12464301234"),
            ("IT", "0612345", "0612345"),
        ];
        for (region, national, expected) in cases {
            let country = Country::of(region).unwrap();
            assert_eq!(country.as_dialled(national), expected.replace(' ', ""), "{region} {national}");
        }
    }

    #[test]
    fn a_pause_in_a_prefix_is_not_dialled() {
        let prefix = |region| Country::of(region).unwrap().international_prefix();
        assert_eq!(prefix("RU").as_deref(), Some("810"));
        assert_eq!(prefix("DE").as_deref(), Some("00"));
        assert_eq!(prefix("BR"), None);
    }
}
