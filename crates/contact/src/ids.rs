//! Names of things. Numbers are the core's own, rising, never reused; contact ids are UUIDs that rise with time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names a contact: a UUID (RFC 9562), written as text everywhere outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId(pub u128);

impl ContactId {
    /// The text (RFC 9562 §4) without an allocation: every event, record and log line has several.
    fn text(self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut rest = self.0;
        for at in (0..36).rev().filter(|at| !DASHES.contains(at)) {
            text[at] = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
        text
    }
}

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a UUID has its dashes.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// The text is no contact id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a contact id (a UUID such as 0b8e5a52-4b5c-4c6e-9a70-3f2f7a1d2c11)")]
pub struct NotAContactId;

impl FromStr for ContactId {
    type Err = NotAContactId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 || DASHES.iter().any(|&at| bytes[at] != b'-') {
            return Err(NotAContactId);
        }
        let mut value: u128 = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if DASHES.contains(&at) {
                continue;
            }
            let digit = (*byte as char).to_digit(16).ok_or(NotAContactId)?;
            value = value << 4 | u128::from(digit);
        }
        Ok(ContactId(value))
    }
}

impl Serialize for ContactId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for ContactId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Names a connection: a party's place in a conversation. Its first leg's SIP session and media stream bear the
/// same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Names a conversation; the media room bears the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(pub u64);

/// Names a command of the API, so that its reply finds the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);
