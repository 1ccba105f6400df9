//! Character classes of RFC 3261 §25.1 and the scanning that respects quotes and angle brackets.

use memchr::{memchr, memchr2, memchr3};

/// Whether a byte may stand in a token.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether a byte may stand in a parameter's name: token characters, escapes and what RFC 3261 §25.1 lets stand in URI
/// parameters.
pub(crate) const fn is_param_byte(byte: u8) -> bool {
    PARAM[byte as usize]
}

/// Whether a text is a token: at least one of the token characters and nothing else.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Space and tab.
pub(crate) const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Without blanks at both ends.
pub(crate) fn trim(text: &str) -> &str {
    let mut bytes = text.as_bytes();
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    let start = text.len() - bytes.len();
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    text.get(start..start + bytes.len()).unwrap_or("")
}

/// What stands before and after the first `separator` (an ASCII character).
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = place(text, separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Where the first `separator` stands. A plain loop: the pieces of a header are shorter than what a search with wide registers
/// takes to begin.
pub(crate) fn place(text: &str, separator: u8) -> Option<usize> {
    text.as_bytes().iter().position(|byte| *byte == separator)
}

/// The position of the first `stop` outside quoted strings (and, if asked, outside `<>`); `None` when there is none. A
/// quoted string or a bracket that is not closed hides everything after it.
pub(crate) fn find_outside(text: &str, stop: u8, brackets: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let opening = if brackets { b'<' } else { b'"' };
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let found = at + memchr3(stop, b'"', opening, rest)?;
        at = match bytes.get(found)? {
            b'"' => found + quoted_end(text.get(found..)?)?,
            b'<' if brackets => found + memchr(b'>', bytes.get(found..)?)?,
            _ => return Some(found),
        };
    }
}

/// The end (after the closing quote) of the quoted string that `text` begins with; `None` if it does not, or is not closed.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes.get(found) {
            Some(b'"') => return Some(found + 1),
            // What a backslash stands before is neither (RFC 3261 §25.1 `quoted-pair`).
            _ => at = found + 2,
        }
    }
}

/// A quoted string without its quotes and backslashes; other text as it is.
pub(crate) fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

/// As a quoted string; quotes and backslashes get a backslash, control characters (they cannot be sent) become spaces.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A decimal number of digits only, leading zeros allowed; `None` if it is not one or does not fit.
pub(crate) fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok())
}

/// A number of seconds: digits, capped at 2³²−1 (RFC 3261 §20.19 lets a larger one be taken so).
pub(crate) fn seconds(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse::<u64>().ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX))
}

const TOKEN: [bool; 256] = table(b"-.!%*_+`'~");
const PARAM: [bool; 256] = table(b"-.!%*_+`'~[]/:&$()");

/// The letters, the digits and these.
const fn table(extra: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < extra.len() {
        table[extra[index] as usize] = true;
        index += 1;
    }
    let mut byte = 0usize;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = true;
        }
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_are_found_outside_quotes_and_brackets_only() {
        for (text, brackets, wanted) in [
            ("a,b", true, Some(1)),
            ("\"a,b\",c", true, Some(5)),
            ("<a,b>,c", true, Some(5)),
            ("<a,b>,c", false, Some(2)),
            (r#""a\",b",c"#, true, Some(7)),
            (r#""open, for ever"#, true, None),
            (r#"<sip:a"b>,c"#, true, Some(9)),
        ] {
            assert_eq!(find_outside(text, b',', brackets), wanted, "{text}");
        }
    }

    #[test]
    fn quoting_is_undone_by_unquoting() {
        for text in ["", "plain", r#"a "b" \c"#, "ünï"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }

    #[test]
    fn numbers_are_digits_only_and_bounded() {
        for (text, wanted) in
            [("0068", Some(68u8)), ("255", Some(255)), ("256", None), ("-1", None), ("+1", None), ("", None)]
        {
            assert_eq!(number::<u8>(text), wanted, "{text}");
        }
        assert_eq!(seconds("99999999999999999999999"), Some(u32::MAX));
    }
}
