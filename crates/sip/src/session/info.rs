//! DTMF by INFO (RFC 6086 in its older, package-less use; no Info Package is taken): `application/dtmf-relay` and `application/dtmf`.

use bytes::Bytes;

use super::{Phase, Session};
use crate::headers::info_packages;
use crate::interface::{CommandRefused, Event};
use crate::stack::Stack;
use crate::transaction::{Purpose, TransactionId};
use crate::wire::{HeaderName, Message, Method};

/// The duration of a digit that names none, in milliseconds.
const DURATION_MS: u32 = 160;
/// The longest duration that is taken, in milliseconds.
const DURATION_MS_MAX: u32 = 10_000;

impl Session {
    /// The peer's INFO.
    pub(super) fn take_info(&mut self, stack: &mut Stack, transaction: TransactionId, info: &Message) {
        if info.header(HeaderName::InfoPackage).is_some() {
            // RFC 6086 §4.2.2: it was told that no package is taken.
            self.respond_with(stack, transaction, 469, info_packages);
            return;
        }
        let body = info.body();
        let kind = info.content_type().unwrap_or_default();
        if body.is_empty() {
            return self.respond(stack, transaction, 200);
        }
        let digit = match kind.as_str() {
            "application/dtmf-relay" => read_relay(&body),
            "application/dtmf" => read_plain(&body),
            _ => {
                self.respond_with(stack, transaction, 415, |builder| {
                    builder.header(HeaderName::Accept, "application/dtmf-relay, application/dtmf");
                });
                return;
            }
        };
        match digit {
            Some((digit, duration_ms)) => {
                self.respond(stack, transaction, 200);
                if self.ending.is_none() {
                    stack.tell(Event::Digit { session: self.id, digit, duration_ms });
                }
            }
            None => self.respond(stack, transaction, 400),
        }
    }

    /// A digit to the peer.
    pub(super) fn send_digit(
        &mut self,
        stack: &mut Stack,
        digit: char,
        duration_ms: u32,
    ) -> Result<(), CommandRefused> {
        if self.phase != Phase::Established {
            return Err(CommandRefused::WrongState);
        }
        let digit = read_digit(&digit.to_string()).ok_or(CommandRefused::BadText)?;
        let body = Bytes::from(format!("Signal={digit}\r\nDuration={duration_ms}\r\n"));
        self.send(stack, Method::Info, Purpose::Info, Some(("application/dtmf-relay", body)), |_| {});
        Ok(())
    }
}

fn read_relay(body: &[u8]) -> Option<(char, u32)> {
    let text = std::str::from_utf8(body).ok()?;
    let mut digit = None;
    let mut duration_ms = DURATION_MS;
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("signal") {
            digit = read_digit(value);
        } else if name.trim().eq_ignore_ascii_case("duration") {
            duration_ms = value.trim().parse().unwrap_or(DURATION_MS).min(DURATION_MS_MAX);
        }
    }
    Some((digit?, duration_ms))
}

fn read_plain(body: &[u8]) -> Option<(char, u32)> {
    let text = std::str::from_utf8(body).ok()?;
    Some((read_digit(text)?, DURATION_MS))
}

/// A digit as such, or by its event number of RFC 4733 (10 is `*`, 11 is `#`), as some phones write it.
fn read_digit(text: &str) -> Option<char> {
    match text.trim() {
        "10" => Some('*'),
        "11" => Some('#'),
        one if one.chars().count() == 1 => one
            .chars()
            .next()
            .map(|c| c.to_ascii_uppercase())
            .filter(|c| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_both_types_read_as_phones_write_them() {
        let relay: &[(&str, Option<(char, u32)>)] = &[
            ("Signal=5\r\nDuration=250\r\n", Some(('5', 250))),
            ("Signal= 5\nDuration= 100\n", Some(('5', 100))),
            ("signal=*", Some(('*', 160))),
            ("Signal=11\r\nDuration=x", Some(('#', 160))),
            ("Signal=a", Some(('A', 160))),
            ("Duration=100", None),
            ("Signal=55", None),
            ("Signal=", None),
            ("Signal=1\r\nDuration=99999999", Some(('1', 10_000))),
        ];
        for (body, expected) in relay {
            assert_eq!(read_relay(body.as_bytes()), *expected, "{body:?}");
        }
        assert_eq!(read_plain(b" 7\r\n"), Some(('7', 160)));
        assert_eq!(read_plain(&[0xff]), None);
        assert_eq!(read_plain("é".as_bytes()), None);
    }
}
