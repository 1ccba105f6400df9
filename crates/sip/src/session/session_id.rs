//! Session-ID (RFC 7989): one name for each end of a call, which every hop of it can log. Each leg is a call of its own
//! here, so each has a name of ours.

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::wire::{Builder, HeaderName, Message};

/// How many hexadecimal digits a name has (RFC 7989 §4.1).
const DIGITS: usize = 32;
/// What stands for a name that is not known (RFC 7989 §5).
const NIL: &str = "00000000000000000000000000000000";

/// The two names of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionNames {
    local: String,
    remote: String,
}

impl SessionNames {
    /// A fresh name of ours.
    pub(crate) fn new(random: &mut Random) -> Self {
        SessionNames { local: random.token(), remote: NIL.into() }
    }

    /// Learns the peer's name from what it sends; it may change, when the peer has become another one by a transfer.
    pub(crate) fn learn(&mut self, message: &Message) {
        let value = message.header(HeaderName::SessionId).unwrap_or("");
        let name = value.split(';').next().unwrap_or("").trim();
        let is_name = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit()) && name != NIL;
        if is_name {
            self.remote = name.to_ascii_lowercase();
        }
    }

    /// Ours first, in requests and responses (RFC 7989 §6).
    pub(crate) fn write(&self, builder: &mut Builder) {
        builder.header(HeaderName::SessionId, format_args!("{};remote={}", self.local, self.remote));
    }
}
