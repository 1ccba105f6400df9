//! Telephone numbers in URIs (RFC 3966): global ones, which mean the same everywhere, and local ones with their context.

use super::{Params, Uri, unescape};

/// The fewest digits of a number with its national prefix; shorter ones are an exchange's own.
const NATIONAL_DIGITS_MIN: usize = 5;
/// The most digits of a service number (112, 116117): it is the same number within a country, and none from outside.
const SERVICE_DIGITS_MAX: usize = 6;
/// Longest calling code, in digits (E.164 §6.2.1).
const CALLING_CODE_DIGITS_MAX: usize = 3;
/// RFC 3966 §3: they mean nothing.
const VISUAL_SEPARATORS: &str = "-.()";

impl Uri {
    /// The `phone-context` of a local telephone number (RFC 3966 §5.1.5): where it is one, a domain name or the first digits of
    /// a global number. `None` for a global number, which is the same everywhere.
    pub fn phone_context(&self) -> Option<String> {
        let context = match self {
            Uri::Tel(tel) if !tel.number.starts_with('+') => tel.params.unquoted("phone-context"),
            Uri::Sip(sip) if sip.is_phone() => {
                let user = sip.user.as_deref().map(unescape).unwrap_or_default();
                let (_, params) = user.split_once(';').filter(|(number, _)| !number.starts_with('+'))?;
                Params::parse(params).ok()?.unquoted("phone-context")
            }
            _ => None,
        };
        context.filter(|context| !context.is_empty())
    }

    /// Whether it is a global telephone number, which means the same at every host (RFC 3966 §5.1.4). Many write it as the user
    /// part of a SIP URI without saying `user=phone`.
    pub fn is_global_number(&self) -> bool {
        let user = self.user();
        let digits = user.strip_prefix('+').unwrap_or_default();
        let is_written = |c: char| c.is_ascii_digit() || VISUAL_SEPARATORS.contains(c);
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(is_written)
    }
}

pub(super) fn without_separators(number: &str) -> String {
    number.chars().filter(|character| !VISUAL_SEPARATORS.contains(*character)).collect()
}

/// A local number behind the digits of its context. One that begins with a national prefix is written for within the country, and
/// stays: the dial plan reads it. So does a service number of a whole country: `+1-911` is no number (RFC 3966 §5.1.5).
pub(super) fn within(context: &str, number: String) -> String {
    let (context, digits) = (without_separators(context), without_separators(&number));
    let is_local = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty();
    let is_national = digits.starts_with('0') && digits.len() >= NATIONAL_DIGITS_MIN;
    let is_service = digits.len() <= SERVICE_DIGITS_MAX && context.len() <= 1 + CALLING_CODE_DIGITS_MAX;
    if is_local && !is_national && !is_service && context.bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
        return context + &digits;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3966_5_1_5_a_local_number_is_one_in_its_context() {
        let cases = [
            ("tel:102;phone-context=+1212", "+1212102", None),
            ("tel:40-40404;phone-context=+49", "+494040404", None),
            ("tel:112;phone-context=+49", "112", None),
            ("tel:911;phone-context=+1", "911", None),
            ("sip:116117;phone-context=+49@h;user=phone", "116117", None),
            ("tel:040-4040;phone-context=+49", "0404040", None),
            ("tel:0;phone-context=+1-212", "+12120", None),
            ("tel:102;phone-context=pbx.example.com", "102", Some("pbx.example.com")),
            ("sip:102;phone-context=pbx.example.com@h;user=phone", "102", Some("pbx.example.com")),
            ("sip:102;phone-context=%2b1212@h;user=phone", "+1212102", None),
            ("sip:102;phone-context=+1212@h", "102;phone-context=+1212", None),
            ("tel:*21;phone-context=+49", "*21", None),
            ("tel:+49404040;phone-context=x", "+49404040", None),
            ("tel:102", "102", None),
        ];
        for (text, user, domain) in cases {
            let uri = Uri::parse(text).unwrap();
            let context = uri.phone_context().filter(|context| !context.starts_with('+'));
            assert_eq!((uri.user().as_str(), context.as_deref()), (user, domain), "{text}");
        }
    }

    #[test]
    fn a_global_number_is_known_however_it_is_written() {
        let cases = [
            ("tel:+49-40-4040", true),
            ("sip:+49404040@h", true),
            ("sip:%2B49404040@h", true),
            ("sip:+49(40)4040;phone-context=x@h;user=phone", true),
            ("tel:102;phone-context=+1212", true),
            ("sip:+@h", false),
            ("sip:+anna@h", false),
            ("sip:102@h;user=phone", false),
            ("sip:00494040@h", false),
            ("urn:service:sos", false),
        ];
        for (text, expected) in cases {
            assert_eq!(Uri::parse(text).unwrap().is_global_number(), expected, "{text}");
        }
    }
}
