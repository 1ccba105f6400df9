//! Session-ID (RFC 7989): one name for each end of a call, which every hop of it can log. Each leg is a call of its own
//! here, with a name of ours until it speaks for somebody: then the far party's name goes through, as if there were no one in
//! between, and in a conference its focus has one name for all.

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
    /// Of whom we speak for.
    voice: Option<String>,
    remote: String,
    /// The peer's name is another one than before.
    is_news: bool,
}

impl SessionNames {
    /// A fresh name of ours.
    pub(crate) fn new(random: &mut Random) -> Self {
        SessionNames { local: random.token(), voice: None, remote: NIL.into(), is_news: false }
    }

    /// Learns the peer's name from what it sends; it may change, when the peer has become another one by a transfer.
    pub(crate) fn learn(&mut self, message: &Message) {
        let value = message.header(HeaderName::SessionId).unwrap_or("");
        let name = value.split(';').next().unwrap_or("").trim();
        if is_name(name) && !self.remote.eq_ignore_ascii_case(name) {
            self.remote = name.to_ascii_lowercase();
            self.is_news = true;
        }
    }

    /// Speaks for somebody of this name; what is no name, or nobody, is ourselves.
    pub(crate) fn speak(&mut self, voice: Option<&str>) {
        self.voice = voice.filter(|name| is_name(name)).map(str::to_ascii_lowercase);
    }

    /// The peer's name, once it is known.
    pub(crate) fn peer(&self) -> Option<&str> {
        Some(self.remote.as_str()).filter(|name| *name != NIL)
    }

    /// The peer's name, if it has changed since the last time.
    pub(crate) fn take_news(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_news).then(|| self.remote.clone())
    }

    /// Ours first, in requests and responses (RFC 7989 §6).
    pub(crate) fn write(&self, builder: &mut Builder) {
        let own = self.voice.as_ref().unwrap_or(&self.local);
        builder.header(HeaderName::SessionId, [own, ";remote=", &self.remote]);
    }
}

/// RFC 7989 §4.1.
fn is_name(name: &str) -> bool {
    name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit()) && name != NIL
}
