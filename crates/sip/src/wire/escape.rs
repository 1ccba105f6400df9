//! `%hh` escapes in URIs (RFC 3261 §19.1.2): writing them, resolving them, and which texts are the same.

use std::borrow::Cow;

use super::text::is_token_byte;

/// Escapes everything that may not stand in the user part or in a URI header's value.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |byte| is_unreserved(byte) || b"[]/?:+$".contains(&byte))
}

/// Escapes a user part: its own unreserved characters `& = + $ , ; ? /` stay (RFC 3261 §25.1).
pub(super) fn escape_user(text: &str) -> Cow<'_, str> {
    escape_but(text, |byte| is_unreserved(byte) || b"&=+$,;?/".contains(&byte))
}

fn escape_but(text: &str, plain: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if text.bytes().all(&plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    Cow::Owned(out)
}

/// Resolves `%hh` escapes, in any case; a broken escape stays as it is; bytes that make no UTF-8 become U+FFFD.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
}

/// RFC 3261 §25.1 `unreserved`.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

/// A `%` is followed by two hexadecimal digits; other bytes are those of a user part, or any UTF-8 (peers send it).
pub(super) fn escapes_are_whole(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (b'%', _) => return false,
            (b'@' | b'\\' | b'^', _) => return false,
            _ => tail,
        };
    }
    true
}

/// Escapes of characters outside `reserved` are the character itself (§19.1.4); the rest stay escaped, upper case.
pub(super) fn normal(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let value = hex(*high) << 4 | hex(*low);
                if is_token_byte(value) && value != b'%' && value != b'+' || is_unreserved(value) {
                    out.push(value);
                } else {
                    out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
                }
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}
