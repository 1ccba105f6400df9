//! What a call and a transfer say of their parties.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Flow, PeerId, SessionId};

/// A name and an address, as in From, To, Contact or P-Asserted-Identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Party {
    /// The display name, unquoted; empty when there is none.
    pub display: String,
    /// The URI as text, without angle brackets.
    pub uri: String,
    /// The user part (or the number of a `tel:` URI), with escapes resolved; empty when there is none.
    pub user: String,
}

/// How the sender of a request outside a dialog proved who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// By digest, as this account (a phone).
    Account(String),
    /// By its source address, as this peer (a trunk).
    Peer(PeerId),
}

/// A new call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingInvite {
    /// Who sends it, proven.
    pub origin: Origin,
    /// The way it came.
    pub flow: Flow,
    /// The Request-URI.
    pub target: Party,
    /// The From header.
    pub from: Party,
    /// The To header.
    pub to: Party,
    /// P-Asserted-Identity (RFC 3325), taken from peers only.
    pub asserted_identity: Option<Party>,
    /// Remote-Party-ID, its predecessor, taken from peers only.
    pub remote_party_id: Option<Party>,
    /// The caller wants to be shown to nobody (RFC 3323, RFC 3325 §9.3: Privacy with `id`, `user` or `header`; of peers that
    /// write it, Remote-Party-ID with `privacy=full` or `uri`).
    pub wants_privacy: bool,
    /// User-to-User (RFC 7433), verbatim.
    pub user_to_user: Vec<String>,
    /// History-Info (RFC 7044), one value each, and Diversion (RFC 5806), one value each, topmost first; taken from peers
    /// only.
    pub history: History,
    /// The Call-ID, for logs and records.
    pub call_id: String,
    /// The User-Agent, for records.
    pub user_agent: Option<String>,
    /// The offer; `None` for an offerless INVITE, to which our answer carries the offer.
    pub sdp: Option<Bytes>,
    /// The session that a valid Replaces (RFC 3891) names; a Replaces that matches nothing was answered 481 below.
    pub replaces: Option<SessionId>,
    /// Referred-By (RFC 3892), verbatim.
    pub referred_by: Option<String>,
    /// Max-Forwards as received; the contact passes one less on.
    pub max_forwards: u8,
    /// Max-Breadth (RFC 5393): to how many branches in all the call may be led at a time.
    pub max_breadth: Option<u32>,
}

/// By which numbers a call has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// History-Info values (RFC 7044), the oldest first.
    pub history_info: Vec<String>,
    /// Diversion values (RFC 5806), the latest first.
    pub diversion: Vec<String>,
}

/// Where a REFER points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferTarget {
    /// The Refer-To address without URI headers.
    pub target: Party,
    /// With `method=BYE`: it is to be removed from a conference (RFC 4579 §5.11), not called.
    pub removes: bool,
    /// What the Replaces in the Refer-To names, if there is one.
    pub replaces: Option<ReplacesTarget>,
    /// The User-to-User headers in the Refer-To (RFC 7433 §4.2), unescaped.
    pub user_to_user: Vec<String>,
    /// The host of the address, in lower case, where it is neither one of ours nor the peer's as far as its dialog tells
    /// ([`Config::domains`](crate::Config::domains)); `None` also for what means the same everywhere.
    pub elsewhere: Option<String>,
}

/// The dialog that a Replaces in a Refer-To names (R5: Call-ID and both tags, in either orientation).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplacesTarget {
    /// A session of this endpoint.
    Session(SessionId),
    /// A session of this endpoint that may be replaced only while it is early, and has been answered (`early-only`).
    Answered(SessionId),
    /// A dialog that is not ours; the header's value, unescaped.
    Elsewhere(String),
}
