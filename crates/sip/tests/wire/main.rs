//! The wire room seen from outside: what comes in as bytes, what goes out as bytes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod builder;
mod dialects;
mod hostile;
mod message;
mod multipart;
mod torture;

use baton_sip::wire::{Malformed, Message};
use bytes::Bytes;

/// Reads a message written with `\n` line ends.
fn read(text: &str) -> Result<Message, Malformed> {
    Message::parse(Bytes::from(text.replace('\n', "\r\n")))
}

/// Reads a message that must be good.
fn good(text: &str) -> Message {
    read(text).unwrap_or_else(|malformed| panic!("{malformed} in\n{text}"))
}
