//! Numbers as a trunk writes them, and as they are inside: E.164 with `+`.
//!
//! What says what it is, by `+` or by a prefix, is believed if it has the shape of such a number; what does not is read as the
//! trunk's `unprefixed` says, and only if there is such a number. All else passes untouched: extensions, service and emergency
//! numbers, names.

use crate::country::{Country, has_calling_code, is_international};
use crate::directory::{NumberFormat, NumberPlan, Unprefixed};

/// Shorter ones are extensions and service numbers, the same everywhere.
const DIGITS_MIN: usize = 5;
/// Longest number of E.164, in digits.
const DIGITS_MAX: usize = 15;
/// Longer ones, prefixes and all that helps the eye included, are none.
const WRITTEN_MAX: usize = 40;
/// Where no country says it (ITU-T E.123 §2.2 recommends it).
const INTERNATIONAL_PREFIX: &str = "00";

impl NumberPlan {
    /// A number from the trunk, as it is inside. What is no public number stays as it is.
    pub(crate) fn read(&self, number: &str) -> String {
        self.read_as(number, self.unprefixed)
    }

    fn read_as(&self, number: &str, unprefixed: Unprefixed) -> String {
        let read = undecorated(number).and_then(|digits| self.as_e164(&digits, unprefixed));
        read.map_or_else(|| number.to_owned(), |digits| format!("+{digits}"))
    }

    /// A number from inside, as the trunk wants it. What does not begin with `+` stays as it is.
    pub(crate) fn write(&self, number: &str) -> String {
        let Some(digits) = number.strip_prefix('+') else { return number.to_owned() };
        match self.format {
            NumberFormat::E164 => number.to_owned(),
            NumberFormat::Digits => digits.to_owned(),
            NumberFormat::International => self.written_international(digits),
            NumberFormat::National => {
                let country = self.dial_plan();
                let national = country.and_then(|country| digits.strip_prefix(&country.code()));
                match (national, &self.national_prefix) {
                    (Some(national), Some(prefix)) => format!("{prefix}{national}"),
                    (Some(national), None) => country.map_or_else(String::new, |each| each.as_dialled(national)),
                    (None, _) => self.written_international(digits),
                }
            }
        }
    }

    /// A number as it was typed or stands in the directory, as it is inside. What the trunk's own unprefixed numbers are says
    /// nothing of those that are dialled here (116117 is the doctors' number, whatever the trunk sends so), but in a country in which
    /// people dial national numbers without a prefix.
    pub(crate) fn read_dialled(&self, number: &str) -> String {
        let dialled_plain = self.dial_plan().is_some_and(Country::dials_without_prefix);
        let is_national = self.unprefixed == Unprefixed::National && dialled_plain;
        self.read_as(number, if is_national { Unprefixed::National } else { Unprefixed::AsIs })
    }

    /// A number as it was typed or stands in the directory, as the trunk wants it.
    pub(crate) fn rewrite(&self, number: &str) -> String {
        self.write(&self.read_dialled(number))
    }

    /// Does once what the first call would otherwise wait for.
    pub(crate) fn warm_up(&self) {
        if let Some(country) = self.dial_plan() {
            country.warm_up(self.unprefixed == Unprefixed::National);
        }
    }

    fn dial_plan(&self) -> Option<Country> {
        self.country.as_deref().and_then(Country::of)
    }

    /// Digits of E.164, without the `+`.
    fn as_e164(&self, number: &str, unprefixed: Unprefixed) -> Option<String> {
        let fits = |digits: &str| (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && !digits.starts_with('0');
        if let Some(digits) = number.strip_prefix('+') {
            return Some(digits.to_owned()).filter(|digits| fits(digits));
        }
        if number.len() < DIGITS_MIN {
            return None;
        }
        let country = self.dial_plan();
        let abroad =
            |digits: &str| Some(digits.to_owned()).filter(|digits| fits(digits) && self.has_calling_code(digits));
        let at_home =
            |national: &str| country.map(|country| format!("{}{national}", country.code())).filter(|all| fits(all));
        self.by_own_prefix(number, &abroad, &at_home)
            .or_else(|| self.by_prefix_of_the_country(number).and_then(abroad))
            .or_else(|| {
                let country = country.filter(|_| self.national_prefix.is_none())?;
                at_home(&country.after_national_prefix(number)?)
            })
            .or_else(|| match unprefixed {
                Unprefixed::AsIs => None,
                Unprefixed::International if country.is_some() && !is_international(number) => None,
                Unprefixed::International => Some(number.to_owned()).filter(|digits| fits(digits)),
                Unprefixed::National => at_home(number).filter(|_| country.is_some_and(|each| each.is_number(number))),
            })
    }

    /// By the trunk's own prefixes: `00` for an outside line and `000` for another country, say, so the longer one is asked first.
    fn by_own_prefix(
        &self,
        number: &str,
        abroad: &dyn Fn(&str) -> Option<String>,
        at_home: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        type Reading<'a> = (&'a Option<String>, &'a dyn Fn(&str) -> Option<String>);
        let country = self.dial_plan();
        let national = |rest: &str| at_home(rest).filter(|_| country.is_some_and(|each| each.could_be(rest)));
        let mut prefixes: [Reading<'_>; 2] = [(&self.international_prefix, abroad), (&self.national_prefix, &national)];
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.as_ref().map_or(0, String::len)));
        prefixes.into_iter().find_map(|(prefix, read)| {
            let prefix = prefix.as_deref().filter(|prefix| !prefix.is_empty())?;
            read(number.strip_prefix(prefix)?)
        })
    }

    fn by_prefix_of_the_country<'a>(&self, number: &'a str) -> Option<&'a str> {
        match self.dial_plan() {
            _ if self.international_prefix.is_some() => None,
            Some(country) => country.after_international_prefix(number),
            None => number.strip_prefix(INTERNATIONAL_PREFIX),
        }
    }

    /// Without a country nothing is looked up.
    fn has_calling_code(&self, digits: &str) -> bool {
        self.country.is_none() || has_calling_code(digits)
    }

    fn written_international(&self, digits: &str) -> String {
        let of_country = || self.dial_plan().and_then(Country::international_prefix);
        let prefix = self.international_prefix.clone().or_else(of_country);
        let prefix = prefix.as_deref().unwrap_or(INTERNATIONAL_PREFIX);
        format!("{prefix}{digits}")
    }
}

/// A number without what only helps the eye: separators (RFC 3966 §5.1.1, and those of people), and the `(0)` that nobody dials
/// behind a calling code. `None` when it is not digits, perhaps behind a `+`.
fn undecorated(written: &str) -> Option<String> {
    if written.len() > WRITTEN_MAX {
        return None;
    }
    let written = written.trim();
    let without_zero = written.strip_prefix('+').map(|rest| format!("+{}", rest.replacen("(0)", "", 1)));
    let text = without_zero.as_deref().unwrap_or(written);
    let kept: String = text.chars().filter(|c| !" -.()/\u{a0}".contains(*c)).collect();
    let digits = kept.strip_prefix('+').unwrap_or(&kept);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(country: &str, unprefixed: Unprefixed) -> NumberPlan {
        let country = Some(country.to_owned()).filter(|region| !region.is_empty());
        NumberPlan { country, unprefixed, ..NumberPlan::default() }
    }

    #[test]
    fn numbers_are_read_by_their_prefix_and_country() {
        use Unprefixed::{AsIs, International, National};
        let cases = [
            (plan("DE", AsIs), "+4989222", "+4989222"),
            (plan("DE", AsIs), "004989222", "+4989222"),
            (plan("DE", AsIs), "089222", "+4989222"),
            (plan("DE", AsIs), "4989222", "4989222"),
            (plan("DE", International), "4989222", "+4989222"),
            (plan("DE", National), "89222", "+4989222"),
            (plan("US", National), "12125550100", "+12125550100"),
            (plan("US", National), "2125550100", "+12125550100"),
            (plan("US", AsIs), "0114989222", "+4989222"),
            (plan("US", AsIs), "2125550100", "2125550100"),
            (plan("IT", National), "0612345", "+390612345"),
            (plan("IT", AsIs), "0612345", "0612345"),
            (plan("IT", AsIs), "004989222", "+4989222"),
            // As people and cards write them.
            (plan("DE", AsIs), "+49 (0)89 222-0", "+49892220"),
            (plan("DE", AsIs), "(089) 222/0", "+49892220"),
            (plan("GB", AsIs), "020 7946.0018", "+442079460018"),
            (plan("US", AsIs), "1 (212) 555-0100", "+12125550100"),
            (plan("FR", AsIs), "+33\u{a0}1\u{a0}42\u{a0}68\u{a0}53\u{a0}00", "+33142685300"),
            // What the country's rules say: a zero that belongs to the number, a prefix that begins it as well, a carrier's code, a
            // number that is written otherwise at home.
            (plan("DE", AsIs), "+390612345", "+390612345"),
            (plan("DE", AsIs), "00390612345", "+390612345"),
            (plan("RU", AsIs), "88005553535", "+78005553535"),
            (plan("HU", AsIs), "0612345678", "+3612345678"),
            (plan("BR", AsIs), "0 15 21 2345 6789", "+552123456789"),
            (plan("AR", AsIs), "011 15 2345 6789", "+5491123456789"),
            (plan("AU", AsIs), "0011 49 89 222", "+4989222"),
            // A calling code that there is not, and numbers of no length.
            (plan("DE", AsIs), "00999123456", "00999123456"),
            (plan("FR", AsIs), "01 42 68", "01 42 68"),
            (plan("DE", AsIs), "+49", "+49"),
            (plan("DE", AsIs), "+12345678901234567890", "+12345678901234567890"),
        ];
        for (plan, number, expected) in cases {
            assert_eq!(plan.read(number), expected, "{number} by {plan:?}");
        }
    }

    #[test]
    fn what_is_no_public_number_passes_untouched() {
        use Unprefixed::{AsIs, International, National};
        let all = [
            "110",
            "112",
            "911",
            "999",
            "0",
            "116117",
            "40123",
            "1-01",
            "",
            "+",
            "anonymous",
            "*31#089222",
            "a.b",
            "(",
            "+(0)",
        ];
        for country in ["DE", "US", "GB", ""] {
            for unprefixed in [AsIs, International, National] {
                for number in all {
                    // 40123 is a telephone number in Hamburg, where the trunk says that it is one; and without a country nobody
                    // knows what is none.
                    let is_one = (country, unprefixed, number) == ("DE", National, "40123");
                    let could_be = (country, unprefixed) == ("", International) && number.len() >= DIGITS_MIN;
                    if !is_one && !could_be {
                        assert_eq!(plan(country, unprefixed).read(number), number, "{country} {unprefixed:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn prefixes_of_the_trunk_take_the_place_of_the_countrys() {
        let exchange = NumberPlan {
            national_prefix: Some("00".into()),
            international_prefix: Some("000".into()),
            ..plan("DE", Unprefixed::AsIs)
        };
        let cases = [("0089222", "+4989222"), ("00033142685300", "+33142685300"), ("089222", "089222"), ("222", "222")];
        for (number, expected) in cases {
            assert_eq!(exchange.read(number), expected, "{number}");
        }
        for (format, own, foreign) in [
            (NumberFormat::National, "0089222", "00033142685300"),
            (NumberFormat::International, "0004989222", "00033142685300"),
        ] {
            let exchange = NumberPlan { format, ..exchange.clone() };
            assert_eq!((exchange.write("+4989222").as_str(), exchange.write("+33142685300").as_str()), (own, foreign));
        }
    }

    #[test]
    fn numbers_are_written_as_the_trunk_wants_them() {
        use NumberFormat::{Digits, E164, International, National};
        let cases = [
            ("DE", E164, "+4989222", "+4989222"),
            ("DE", Digits, "+4989222", "4989222"),
            ("DE", International, "+4989222", "004989222"),
            ("DE", National, "+4989222", "089222"),
            ("DE", National, "+33123456", "0033123456"),
            ("DE", National, "112", "112"),
            ("DE", Digits, "anonymous", "anonymous"),
            ("US", National, "+12125550100", "12125550100"),
            ("US", International, "+4989222", "0114989222"),
            ("AU", International, "+4989222", "00114989222"),
            ("IT", National, "+390612345", "0612345"),
            ("", Digits, "+4989222", "4989222"),
            ("", International, "+4989222", "004989222"),
        ];
        for (country, format, number, expected) in cases {
            let plan = NumberPlan { format, ..plan(country, Unprefixed::AsIs) };
            assert_eq!(plan.write(number), expected, "{number} in {country} as {format:?}");
        }
    }

    #[test]
    fn what_is_typed_goes_out_as_the_trunk_wants_it() {
        let plan = NumberPlan { format: NumberFormat::Digits, ..plan("DE", Unprefixed::AsIs) };
        for typed in ["089 222", "+49 89 222", "0049 89 222"] {
            assert_eq!(plan.rewrite(typed), "4989222", "{typed}");
        }
        assert_eq!(plan.rewrite("112"), "112");
    }

    #[test]
    fn national_numbers_are_dialled_plain_where_people_dial_so() {
        for (country, typed, expected) in [
            ("ES", "912345678", "34912345678"),
            ("IT", "0612345678", "390612345678"),
            ("US", "2125550100", "12125550100"),
        ] {
            let plan = NumberPlan { format: NumberFormat::Digits, ..plan(country, Unprefixed::National) };
            assert_eq!(plan.rewrite(typed), expected, "{country}");
            for service in ["112", "116117", "911"] {
                assert_eq!(plan.rewrite(service), service, "{country}");
            }
        }
    }

    #[test]
    fn extensions_service_and_emergency_numbers_go_out_as_they_are_typed() {
        for unprefixed in [Unprefixed::AsIs, Unprefixed::International, Unprefixed::National] {
            for country in ["DE", "US", ""] {
                for format in [NumberFormat::E164, NumberFormat::Digits, NumberFormat::National] {
                    let plan = NumberPlan { format, ..plan(country, unprefixed) };
                    for typed in ["116117", "115", "110", "112", "911", "22833", "40123", "498922", "*31#", "anna"] {
                        assert_eq!(plan.rewrite(typed), typed, "{country} {unprefixed:?} {format:?}");
                    }
                }
            }
        }
    }

    proptest! {
        /// Whatever a trunk sends or somebody types: no panic, and what has been read once stays.
        #[test]
        fn any_text_is_read_once_and_for_all(
            text in prop_oneof![any::<String>(), "[+0-9() ./*#-]{0,45}", "0{0,3}[0-9]{4,16}"],
            country in prop_oneof![Just(""), Just("DE"), Just("US"), Just("AR"), Just("BR"), Just("JP"), Just("KZ")],
            own in proptest::option::of("[0-9]{0,4}"),
            unprefixed in prop_oneof![Just(Unprefixed::AsIs), Just(Unprefixed::International), Just(Unprefixed::National)],
            format in prop_oneof![Just(NumberFormat::E164), Just(NumberFormat::National), Just(NumberFormat::International)],
        ) {
            let plan = NumberPlan {
                national_prefix: own.clone().filter(|_| !country.is_empty()),
                international_prefix: own.map(|own| format!("9{own}")),
                format,
                ..plan(country, unprefixed)
            };
            let read = plan.read(&text);
            prop_assert_eq!(plan.read(&read), read.clone());
            let _ = plan.write(&read);
        }
    }
}
