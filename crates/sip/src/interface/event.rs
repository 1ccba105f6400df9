//! What the contact is told.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ErrandId, Flow, IncomingInvite, Party, ReferTarget, SessionId, TransferId};
use crate::events::{Package, SubscriptionId};
use crate::guard::Ban;

/// Who or what ended a session that we did not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndCause {
    /// The peer sent BYE.
    Bye,
    /// The peer sent CANCEL before the final answer.
    Cancel,
    /// An ACK, an answer or a refresh never came.
    Timeout,
    /// The transport failed.
    Transport,
    /// Another INVITE with Replaces took this session's place and the contact said so.
    Replaced,
    /// The peer broke the protocol so that the session cannot go on (481 to a request in the dialog, say).
    Protocol,
}

/// What comes up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A new call. 100 Trying has been sent.
    Incoming {
        /// Its session.
        session: SessionId,
        /// All about it.
        invite: Box<IncomingInvite>,
    },
    /// Our INVITE got a provisional response above 100.
    Ringing {
        /// The session.
        session: SessionId,
        /// 180–199.
        status: u16,
        /// Early media description (an answer), when the response carried one.
        sdp: Option<Bytes>,
    },
    /// Our INVITE was accepted. With an offer of ours the ACK has gone; without, `sdp` is the peer's offer and
    /// [`super::Command::AcceptOffer`] sends the ACK with our answer.
    Answered {
        /// The session.
        session: SessionId,
        /// The peer's description.
        sdp: Option<Bytes>,
        /// P-Asserted-Identity or Remote-Party-ID of the answer.
        identity: Option<Party>,
        /// The User-Agent or Server header, for records.
        user_agent: Option<String>,
        /// The Call-ID, for records.
        call_id: String,
    },
    /// Our INVITE failed for good. The session is over.
    Refused {
        /// The session.
        session: SessionId,
        /// The final status, 300–699; 408 when nobody answered, 503 on a transport failure, 487 after our CANCEL.
        status: u16,
        /// The reason phrase, or the text of a Reason header.
        reason: String,
        /// The Q.850 cause of a Reason header (RFC 3326).
        q850: Option<u16>,
        /// Contacts of a 3xx.
        contacts: Vec<Party>,
        /// Retry-After in seconds.
        retry_after_s: Option<u32>,
    },
    /// The peer offers a (new) session description: re-INVITE or UPDATE. Answer with [`super::Command::AcceptOffer`] or
    /// [`super::Command::RefuseOffer`]. `sdp` is `None` for an offerless re-INVITE: AcceptOffer then carries our full offer.
    Offered {
        /// The session.
        session: SessionId,
        /// The offer.
        sdp: Option<Bytes>,
    },
    /// The peer answered an offer of ours (re-INVITE, or our offer in a 200 answered in the ACK).
    OfferAnswered {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Bytes,
    },
    /// The peer refused an offer of ours; the session goes on as it was. Glare (491) is retried below.
    OfferRefused {
        /// The session.
        session: SessionId,
        /// The status.
        status: u16,
    },
    /// The ACK to our 200 came: the session is confirmed.
    Confirmed {
        /// The session.
        session: SessionId,
    },
    /// The peer asks for a transfer (REFER, RFC 3515). Answer with [`super::Command::AcceptTransfer`] or
    /// [`super::Command::RefuseTransfer`]. Another REFER while one is pending was answered 491 below (R13).
    TransferAsked {
        /// The transferor's session.
        session: SessionId,
        /// The new transfer.
        transfer: TransferId,
        /// Where to.
        target: ReferTarget,
        /// Referred-By of this REFER (RFC 3892), verbatim.
        referred_by: Option<String>,
        /// False with `Refer-Sub: false` (RFC 4488): no NOTIFY will be sent.
        subscription: bool,
    },
    /// A REFER of ours makes progress: its response (`status` of the REFER itself when `from_notify` is false), or a
    /// NOTIFY's sipfrag status.
    TransferProgress {
        /// The session.
        session: SessionId,
        /// The status.
        status: u16,
        /// Whether it came by NOTIFY.
        from_notify: bool,
    },
    /// A digit came by INFO (`application/dtmf-relay` or `application/dtmf`).
    Digit {
        /// The session.
        session: SessionId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// Duration in milliseconds.
        duration_ms: u32,
    },
    /// The session is over, and not because we said [`super::Command::End`].
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        cause: EndCause,
        /// The Q.850 cause of a Reason header in the BYE or CANCEL.
        q850: Option<u16>,
    },
    /// An errand of ours has its final response, or will never have one.
    ErrandDone {
        /// The errand.
        errand: ErrandId,
        /// 200–699; 408 when nobody answered, 503 when there is no way.
        status: u16,
        /// The last CSeq used.
        cseq: u32,
        /// The Call-ID.
        call_id: String,
        /// For how long the registrar keeps our Contact, in seconds; of a REGISTER that was accepted.
        expires_s: Option<u32>,
        /// Min-Expires of a 423, in seconds.
        min_expires_s: Option<u32>,
        /// Retry-After in seconds.
        retry_after_s: Option<u32>,
    },
    /// A phone wants to watch something (RFC 6665). Answer with [`super::Command::AcceptSubscription`] or
    /// [`super::Command::RefuseSubscription`].
    SubscriptionAsked {
        /// The new subscription.
        subscription: SubscriptionId,
        /// Whose phone it is, proven.
        account: String,
        /// What kind of thing.
        package: Package,
        /// What it wants to watch: the Request-URI.
        target: Party,
    },
    /// A subscription is over, and not because we said [`super::Command::EndSubscription`] or refused it.
    Unsubscribed {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// The bindings of an account changed (REGISTER, expiry, its TCP connection closed): all of them, for the directory
    /// and the store.
    BindingsChanged {
        /// The account.
        account: String,
        /// What is registered now; empty when nothing is.
        bindings: Vec<Binding>,
    },
    /// A source was banned; until its end nothing is heard from it.
    Banned(Ban),
}

impl Event {
    /// The session that it is about, if it is about one.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Event::Incoming { session, .. }
            | Event::Ringing { session, .. }
            | Event::Answered { session, .. }
            | Event::Refused { session, .. }
            | Event::Offered { session, .. }
            | Event::OfferAnswered { session, .. }
            | Event::OfferRefused { session, .. }
            | Event::Confirmed { session }
            | Event::TransferAsked { session, .. }
            | Event::TransferProgress { session, .. }
            | Event::Digit { session, .. }
            | Event::Ended { session, .. } => Some(*session),
            Event::BindingsChanged { .. }
            | Event::Banned(_)
            | Event::ErrandDone { .. }
            | Event::SubscriptionAsked { .. }
            | Event::Unsubscribed { .. } => None,
        }
    }
}

/// One registered contact (RFC 3261 §10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The Contact URI as the phone gave it.
    pub contact: String,
    /// The way to the phone (P7: its address, not its claim).
    pub flow: Flow,
    /// When it expires, in microseconds since the Unix epoch.
    pub expires_at_us: u64,
    /// `q` × 1000, 0–1000.
    pub q_thousandths: u16,
    /// Call-ID of the REGISTER.
    pub call_id: String,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// The User-Agent.
    pub user_agent: Option<String>,
    /// `+sip.instance` (RFC 5626), without quotes.
    pub instance: Option<String>,
    /// `reg-id`: which of several flows to this instance it is (RFC 5626); absent where there is one only.
    #[serde(default)]
    pub reg_id: Option<u32>,
    /// Path headers (RFC 3327), topmost first.
    pub path: Vec<String>,
}
