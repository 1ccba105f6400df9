//! What the contact asks for.

use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Access, Binding, Destination, ErrandId, Flow, Party, SessionId, TransferId};
use crate::events::{EventState, SubscriptionId};
use crate::notifier::EndReason;

/// Credentials for a challenge to a request of ours (401 or 407).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// For whom a session speaks: whose name our Session-ID bears (RFC 7989).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Voice {
    /// For ourselves, by a name of its own.
    #[default]
    Own,
    /// For the peer of another session; for ourselves while that has told no name.
    Session(SessionId),
    /// By this name, 32 hexadecimal digits: a conference's, say.
    Named(String),
}

/// A registered flow of a device (RFC 5626 §7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFlow {
    /// The Request-URI along it.
    pub uri: String,
    /// Route headers (a registered Path), topmost first.
    pub route: Vec<String>,
    /// The flow.
    pub flow: Flow,
}

/// A new call of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingInvite {
    /// The Request-URI.
    pub uri: String,
    /// Where it is sent.
    pub destination: Destination,
    /// Other flows to the same device, best first: each is tried when the one before is silent, dead or says 430 or 503
    /// (RFC 5626 §7). Never two at a time.
    pub other_flows: Vec<DeviceFlow>,
    /// Route headers (a registered Path), topmost first.
    pub route: Vec<String>,
    /// The From header; a tag is added.
    pub from: Party,
    /// The To header.
    pub to: Party,
    /// P-Asserted-Identity towards this peer.
    pub asserted_identity: Option<Party>,
    /// Referred-By, verbatim (R9).
    pub referred_by: Option<String>,
    /// A Replaces header's value (for a dialog elsewhere).
    pub replaces: Option<String>,
    /// Headers that are copied as they are; CR and LF in them are refused.
    pub headers: Vec<(String, String)>,
    /// For whom we call.
    pub voice: Voice,
    /// The offer; `None` asks the peer for one.
    pub sdp: Option<Bytes>,
    /// For a challenge.
    pub credentials: Option<Credentials>,
    /// Max-Forwards, 1–70.
    pub max_forwards: u8,
    /// How many targets that a 3xx names are tried in all (RFC 3261 §8.1.3.4), the best first and none twice; 0 reports
    /// the 3xx. A target on another host is shown neither P-Asserted-Identity nor credentials.
    pub redirects_max: u8,
    /// How long an address may stay wholly silent before it counts as dead, in milliseconds: the next address of the
    /// host name is tried, or the call fails with 408. `None`: 64·T1 (RFC 3261 §17.1.1.2, timer B).
    pub patience_ms: Option<u32>,
}

/// What an errand is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrandKind {
    /// OPTIONS: does the peer live (RFC 3261 §11)?
    Options,
    /// REGISTER: the peer is to send us calls (RFC 3261 §10.2).
    Register {
        /// For how long, in seconds; 0 ends it.
        expires_s: u32,
        /// The user part of our Contact, by which such a call is known ([`Access::lines`]).
        user: String,
    },
}

/// A request of ours outside any dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingErrand {
    /// What for.
    pub kind: ErrandKind,
    /// The Request-URI.
    pub uri: String,
    /// Where it is sent.
    pub destination: Destination,
    /// The From header; a tag is added.
    pub from: Party,
    /// The To header.
    pub to: Party,
    /// The Call-ID of the errand that this one repeats, as a registrar wants it; `None`: a fresh one.
    pub call_id: Option<String>,
    /// The CSeq that was used last with that Call-ID.
    pub cseq: u32,
    /// For a challenge.
    pub credentials: Option<Credentials>,
}

/// What goes down. A command for a session that is over, or in a state that does not allow it, is refused
/// ([`CommandRefused`]) and changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Call. Leads to `Ringing`*, then `Answered` or `Refused`.
    Invite {
        /// A fresh session.
        session: SessionId,
        /// All about it.
        invite: Box<OutgoingInvite>,
    },
    /// Send a provisional response (180, 183, …) with or without early media; reliably where the peer or
    /// [`super::Config::reliable_provisionals`] wants it, one after the other.
    Ring {
        /// The incoming session.
        session: SessionId,
        /// 180–199.
        status: u16,
        /// An answer for early media.
        sdp: Option<Bytes>,
    },
    /// Accept an incoming call with 200; repeated until its ACK (13.3.1.4). Leads to `Confirmed`. It waits for the PRACK to
    /// a description that went out reliably, and then leaves it out (RFC 3262 §3, RFC 6337 §3.1.1).
    Answer {
        /// The incoming session.
        session: SessionId,
        /// The answer, or our offer when the INVITE had none.
        sdp: Bytes,
        /// P-Asserted-Identity in the 200: whom the caller talks to.
        identity: Option<Party>,
    },
    /// Refuse an incoming call.
    Refuse {
        /// The incoming session.
        session: SessionId,
        /// 300–699.
        status: u16,
        /// A reason phrase; empty for the standard one.
        reason: String,
        /// Retry-After in seconds.
        retry_after_s: Option<u32>,
    },
    /// Offer a new description by re-INVITE, with our identity when given (R14). Queued behind a running
    /// exchange; glare is retried (RFC 3261 §14.1). Leads to `OfferAnswered` or `OfferRefused`.
    Offer {
        /// The session.
        session: SessionId,
        /// The offer.
        sdp: Bytes,
        /// P-Asserted-Identity.
        identity: Option<Party>,
    },
    /// Answer the peer's pending offer (`Offered`, or `Answered` to an offerless INVITE of ours).
    AcceptOffer {
        /// The session.
        session: SessionId,
        /// The answer (our offer when theirs was absent).
        sdp: Bytes,
    },
    /// Refuse the peer's pending offer (488, 491); the session goes on as it was.
    RefuseOffer {
        /// The session.
        session: SessionId,
        /// The status.
        status: u16,
    },
    /// Tell the peer whom it talks to now (R14): UPDATE with P-Asserted-Identity when it allows UPDATE, else a re-INVITE that
    /// changes nothing, or nothing.
    Identify {
        /// The session.
        session: SessionId,
        /// The other party.
        identity: Party,
        /// Whether a peer that does not allow UPDATE gets a re-INVITE.
        by_offer: bool,
    },
    /// Whose name our Session-ID bears from now on, in the next message; none is sent for it. The peers of two sessions that
    /// speak for each other learn each other's names, also when one of them changes later.
    Speak {
        /// The session.
        session: SessionId,
        /// For whom.
        voice: Voice,
    },
    /// The session is a conference's from now on (RFC 4579 §5.1), or with `None` a plain call again: our Contact says `isfocus`,
    /// in the next message that carries one; none is sent for it.
    Focus {
        /// The session.
        session: SessionId,
        /// The user part of the conference's URI, as it is written there, to which the peer may subscribe.
        conference: Option<String>,
    },
    /// Accept a transfer: 202, then NOTIFY `100 Trying` (R1).
    AcceptTransfer {
        /// The transferor's session.
        session: SessionId,
        /// The transfer.
        transfer: TransferId,
    },
    /// Refuse a transfer with a final status.
    RefuseTransfer {
        /// The transferor's session.
        session: SessionId,
        /// The transfer.
        transfer: TransferId,
        /// 400–699.
        status: u16,
    },
    /// Report the target's status as a sipfrag; a status of 200 and above is final. Late reports for a session that is
    /// over are dropped without an error (R3).
    ReportTransfer {
        /// The transferor's session.
        session: SessionId,
        /// The transfer.
        transfer: TransferId,
        /// 100–699.
        status: u16,
        /// A reason phrase; empty for the standard one.
        reason: String,
    },
    /// Ask the peer to call somebody else (our REFER). Refused at once when the peer's Allow says that it takes no REFER. Leads
    /// to `TransferProgress`.
    Transfer {
        /// The session.
        session: SessionId,
        /// Refer-To's URI, with an escaped Replaces if there is one.
        target: String,
        /// Referred-By.
        referred_by: Option<String>,
    },
    /// Ask the peer to connect itself with the peer of another session, in whose place it steps there: a REFER with Replaces
    /// (RFC 5589 §7). Leads to `TransferProgress` of this session.
    TransferTo {
        /// The session.
        session: SessionId,
        /// The other one, established.
        other: SessionId,
    },
    /// Refuse an incoming call with 302: whom to call instead (RFC 3261 §21.3.3).
    Redirect {
        /// The incoming session.
        session: SessionId,
        /// URIs, the best first.
        contacts: Vec<String>,
    },
    /// Send DTMF by INFO (`application/dtmf-relay`).
    SendDigit {
        /// The session.
        session: SessionId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// Duration in milliseconds.
        duration_ms: u32,
    },
    /// End the session, whatever its state: final response, CANCEL or BYE. Waits for the session's debts: an ACK owed
    /// or awaited (D1), the answer to a final NOTIFY (R2), bounded by 64·T1. No event follows.
    End {
        /// The session.
        session: SessionId,
        /// The status if it is an unanswered incoming call (else ignored), 400–699.
        status: u16,
        /// A Reason header's value, such as `SIP;cause=200;text="Call completed elsewhere"`.
        reason: Option<String>,
    },
    /// Run an errand. Leads to one `ErrandDone`.
    Errand {
        /// A fresh one.
        errand: ErrandId,
        /// All about it.
        request: Box<OutgoingErrand>,
    },
    /// Nobody waits for an errand any more: no `ErrandDone` follows.
    ForgetErrand {
        /// The errand.
        errand: ErrandId,
    },
    /// Grant a subscription; its phone is told this state at once.
    AcceptSubscription {
        /// The subscription.
        subscription: SubscriptionId,
        /// What is true.
        state: Box<EventState>,
    },
    /// Refuse a subscription.
    RefuseSubscription {
        /// The subscription.
        subscription: SubscriptionId,
        /// 400–699.
        status: u16,
    },
    /// What is true for a subscription now. To say the same twice is harmless: a phone is told what differs from what it was
    /// told last, and not more often than the package allows.
    Publish {
        /// The subscription.
        subscription: SubscriptionId,
        /// What is true.
        state: Box<EventState>,
    },
    /// End a subscription, with a last notification of the state as it was. No event follows.
    EndSubscription {
        /// The subscription.
        subscription: SubscriptionId,
        /// Why.
        reason: EndReason,
    },
    /// Who may talk to us, whole; replaces what was there. Bindings of removed accounts are dropped.
    SetAccess(Access),
    /// Bindings from before a restart.
    RestoreBindings {
        /// The account.
        account: String,
        /// Its bindings; expired ones are ignored.
        bindings: Vec<Binding>,
    },
    /// End the ban of an address, and forget what led to it.
    LiftBan {
        /// An address of the banned source.
        address: IpAddr,
    },
    /// Remove all bindings of an account.
    Unregister {
        /// The account.
        account: String,
    },
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum CommandRefused {
    /// No such session, or it is over.
    #[error("the session is unknown or over")]
    NoSession,
    /// The session's state does not allow it.
    #[error("the session's state does not allow this command")]
    WrongState,
    /// A text would break the message (CR, LF or NUL in a header, a URI that does not parse).
    #[error("a text of the command cannot be put into a message")]
    BadText,
    /// A limit was reached.
    #[error("a limit of the endpoint was reached")]
    Limit,
}
