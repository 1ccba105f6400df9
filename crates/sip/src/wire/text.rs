//! Character classes of RFC 3261 §25.1 and the scanning that respects quotes and angle brackets.

/// Whether a byte may stand in a token.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
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
    text.trim_matches([' ', '\t'])
}

/// The position of the first byte of `stops` outside quoted strings (and, if asked, outside `<>`); `None` when there is
/// none. A quoted string that is not closed hides everything after it.
pub(crate) fn find_outside(text: &str, stops: &[u8], brackets: bool) -> Option<usize> {
    let mut quoted = false;
    let mut inside = false;
    let mut escaped = false;
    for (position, byte) in text.bytes().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        if !inside && stops.contains(&byte) {
            return Some(position);
        }
        match byte {
            b'"' if !inside => quoted = true,
            b'<' if brackets => inside = true,
            b'>' => inside = false,
            _ => {}
        }
    }
    None
}

/// The end (after the closing quote) of the quoted string that `text` begins with; `None` if it does not, or is not closed.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    if bytes.next()?.1 != b'"' {
        return None;
    }
    while let Some((position, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next()?;
            }
            b'"' => return Some(position + 1),
            _ => {}
        }
    }
    None
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

const TOKEN: [bool; 256] = token_table();

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let extra = b"-.!%*_+`'~";
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
            assert_eq!(find_outside(text, b",", brackets), wanted, "{text}");
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
