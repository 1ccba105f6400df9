//! What phones can subscribe to (RFC 6665): the event packages as plain data, and the documents that notifications carry.
//! What is true is decided above; here it is only written down.
//!
//! Every document tells the whole state, as RFC 4235 §4.1, RFC 3863 and RFC 4575 §5 allow: one that is lost or comes late
//! costs nothing, and no phone has to put states together.

mod conference_info;
mod dialog_info;
mod presence;
mod xml;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use conference_info::{Attendee, AttendeeStatus, ConferenceInfo, JoiningMethod};
pub use dialog_info::{DialogInfo, DialogPhase, WatchedDialog};
pub use presence::{Activity, Presence};

use crate::wire::Message;

/// Names one subscription of a phone. It is numbered in one series with incoming sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubscriptionId(pub u64);

/// An event package that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Package {
    /// Who is on the phone: busy lamps (RFC 4235).
    Dialog,
    /// Who can be reached (RFC 3856).
    Presence,
    /// Who is in a conference (RFC 4575).
    Conference,
}

/// The packages that a SUBSCRIBE may ask for, and `refer`, whose subscriptions come by REFER alone (RFC 3515 §2.4.4). The
/// message summary (RFC 3842) is not among them: there is no mailbox.
pub(crate) const ALLOW_EVENTS: &str = "refer, dialog, presence, conference";

/// What a phone is told. The package follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventState {
    /// For [`Package::Dialog`].
    Dialog(DialogInfo),
    /// For [`Package::Presence`].
    Presence(Presence),
    /// For [`Package::Conference`].
    Conference(ConferenceInfo),
}

impl Package {
    /// By the name in an Event header.
    pub(crate) fn of(name: &str) -> Option<Package> {
        let all = [Package::Dialog, Package::Presence, Package::Conference];
        all.into_iter().find(|package| package.name().eq_ignore_ascii_case(name))
    }

    /// The name in an Event header.
    pub fn name(self) -> &'static str {
        match self {
            Package::Dialog => "dialog",
            Package::Presence => "presence",
            Package::Conference => "conference",
        }
    }

    /// The type of its documents, which a SUBSCRIBE without Accept takes.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Package::Dialog => "application/dialog-info+xml",
            Package::Presence => "application/pidf+xml",
            Package::Conference => "application/conference-info+xml",
        }
    }

    /// Whether a SUBSCRIBE takes its documents (RFC 6665 §3.1.3).
    pub(crate) fn is_accepted(self, subscribe: &Message) -> bool {
        use crate::wire::HeaderName::Accept;
        let mut kinds = subscribe.values(Accept).map(|value| value.split(';').next().unwrap_or("").trim());
        let fits = |kind: &str| {
            [self.content_type(), "application/*", "*/*"].iter().any(|known| kind.eq_ignore_ascii_case(known))
        };
        subscribe.header(Accept).is_none() || kinds.any(fits)
    }

    /// The least time between two notifications of one subscription, in microseconds: RFC 4235 §3.10, RFC 3856 §6.10 and
    /// RFC 4575 §3.10.
    pub(crate) fn pause_us(self) -> u64 {
        match self {
            Package::Dialog => 1_000_000,
            Package::Presence | Package::Conference => 5_000_000,
        }
    }
}

impl EventState {
    /// Its package.
    pub fn package(&self) -> Package {
        match self {
            EventState::Dialog(_) => Package::Dialog,
            EventState::Presence(_) => Package::Presence,
            EventState::Conference(_) => Package::Conference,
        }
    }

    /// The document. `told` is what the phone was told before: what has ended since is told once as ended.
    pub(crate) fn document(&self, version: u32, told: Option<&EventState>) -> Bytes {
        match (self, told) {
            (EventState::Dialog(info), Some(EventState::Dialog(told))) => info.document(version, Some(told)),
            (EventState::Dialog(info), _) => info.document(version, None),
            (EventState::Presence(presence), _) => presence.document(),
            (EventState::Conference(info), _) => info.document(version),
        }
    }
}
