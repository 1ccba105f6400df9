//! The two faces of the endpoint: what goes in and what comes out, below (the wire) and above (the contact).
//!
//! Nothing above this crate sees a Via, a CSeq, a branch or a transaction. Times are microseconds since the
//! Unix epoch, given by the caller; they never go back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::events::{EventState, Package, SubscriptionId};
use crate::notifier::EndReason;
use crate::trace::Traced;

pub use crate::guard::{Ban, BanReason, GuardConfig, Load, Network, Pressure};

/// Names one INVITE session (one leg's dialog), so that a connection, its session and its media stream carry one number.
/// Incoming ones get odd numbers from [`crate::Endpoint::allocate_session`]; whoever calls takes even ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// Names one transfer that a peer asked for by REFER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId(pub u64);

/// Names one errand: a request of ours outside any dialog. Whoever asks for it numbers it in one series with its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ErrandId(pub u64);

/// Names a local listening socket, as numbered in [`Config::listeners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListenerId(pub u16);

/// Names one stream connection (any transport but UDP). Accepted ones are numbered by the driver with odd numbers, ours with even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionHandle(pub u64);

impl ConnectionHandle {
    /// Whether we opened it.
    pub fn is_ours(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

/// A configured peer (trunk) whose source address is its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(pub u32);

/// The transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// UDP, one message a datagram.
    Udp,
    /// TCP, framed by Content-Length.
    Tcp,
    /// TLS over TCP, framed like TCP.
    Tls,
    /// WebSocket (RFC 7118), one message a WebSocket message. Only peers open these connections.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// How it stands in a Via (RFC 3261 §20.42, RFC 7118 §4.1).
    pub fn via_token(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The `transport` parameter of a URI. Both WebSockets are `ws`: RFC 7118 §5.2.4 registers no other value.
    pub fn uri_parameter(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        }
    }

    /// Whether it delivers what it takes, so that nothing is sent again by us. All of them but UDP have connections.
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether it is encrypted, so that `sips` may use it (RFC 3261 §26.2.2).
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The port where none is named (RFC 3261 §19.1.2, RFC 7118 §5.2).
    pub fn standard_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5_060,
            Transport::Tls => 5_061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

/// A way to a peer: where bytes come from or go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our socket.
    pub listener: ListenerId,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The stream connection; `None` on UDP.
    pub connection: Option<ConnectionHandle>,
}

/// Where a request of ours goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// Along a flow that exists (a registered phone's).
    Flow(Flow),
    /// To an address; a connection is opened, or an open one to it is used again. With TLS the peer's certificate must
    /// bear the address.
    Address {
        /// The transport.
        transport: Transport,
        /// The address.
        remote: SocketAddr,
    },
    /// To a host name, which the driver looks up ([`Output::Resolve`]); its addresses are tried one after the other while they
    /// do not answer, cannot be reached or say 503 (RFC 3263 §4.3). With TLS the peer's certificate must bear the name.
    Name {
        /// The transport; without one the DNS names it, else it is UDP (RFC 3263 §4.1).
        transport: Option<Transport>,
        /// A host name.
        host: String,
        /// The port; without one the DNS names the servers (RFC 3263 §4.2).
        port: Option<u16>,
    },
}

/// What comes in from below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A datagram.
    Datagram {
        /// Our socket.
        listener: ListenerId,
        /// Its sender.
        source: SocketAddr,
        /// The whole datagram.
        bytes: Bytes,
    },
    /// A stream connection is up: one that was accepted, or one that [`Output::Connect`] asked for.
    StreamOpened {
        /// The connection.
        connection: ConnectionHandle,
        /// The listener it belongs to, whose transport it has.
        listener: ListenerId,
        /// The peer.
        remote: SocketAddr,
    },
    /// Bytes of a stream connection, cut anywhere; of a WebSocket, one whole message.
    StreamBytes {
        /// The connection.
        connection: ConnectionHandle,
        /// The bytes.
        bytes: Bytes,
    },
    /// A stream connection has ended or could not be opened. What waits on it fails (503).
    StreamClosed {
        /// The connection.
        connection: ConnectionHandle,
    },
    /// The answer to [`Output::Resolve`]; empty when the name has no address.
    Resolved {
        /// The query's number.
        query: u64,
        /// Addresses and the transport to each, best first.
        addresses: Vec<(Transport, SocketAddr)>,
    },
    /// How far the node is behind: new calls give way to those in progress.
    Load(Load),
    /// Whether every message that comes or goes is told ([`Output::Trace`]).
    Trace(bool),
    /// The clock has reached [`crate::Endpoint::next_timeout_us`].
    Timeout,
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// Send these bytes. On a connection that is not yet open the driver keeps them, in order.
    Transmit {
        /// The way.
        flow: Flow,
        /// A whole message.
        bytes: Bytes,
    },
    /// Open a stream connection; answered by [`Input::StreamOpened`] or [`Input::StreamClosed`].
    Connect {
        /// The new connection's (even) number.
        connection: ConnectionHandle,
        /// The listener whose transport it has, and whose address is used as the source host.
        listener: ListenerId,
        /// The peer.
        remote: SocketAddr,
        /// The host name or address that the peer's certificate must bear; empty where the transport has none.
        server_name: String,
    },
    /// Close a stream connection: framing was lost, a message did not end in time, or it idled too long.
    Close {
        /// The connection.
        connection: ConnectionHandle,
    },
    /// Look a host name up; answered by [`Input::Resolved`].
    Resolve {
        /// The query's number.
        query: u64,
        /// The name.
        host: String,
        /// The port to put into the addresses; without one the servers that the DNS names ([`crate::locate`]).
        port: Option<u16>,
        /// The transport; without one those that the DNS names.
        transport: Option<Transport>,
    },
    /// A message came or went; only while it is wanted ([`Input::Trace`]).
    Trace(Box<Traced>),
    /// Something for the contact.
    Event(Event),
}

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
    /// What the Replaces in the Refer-To names, if there is one.
    pub replaces: Option<ReplacesTarget>,
    /// The User-to-User headers in the Refer-To (RFC 7433 §4.2), unescaped.
    pub user_to_user: Vec<String>,
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
    /// [`Command::AcceptOffer`] sends the ACK with our answer.
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
    /// The peer offers a (new) session description: re-INVITE or UPDATE. Answer with [`Command::AcceptOffer`] or
    /// [`Command::RefuseOffer`]. `sdp` is `None` for an offerless re-INVITE: AcceptOffer then carries our full offer.
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
    /// The peer asks for a transfer (REFER, RFC 3515). Answer with [`Command::AcceptTransfer`] or
    /// [`Command::RefuseTransfer`]. Another REFER while one is pending was answered 491 below (R13).
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
    /// The session is over, and not because we said [`Command::End`].
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
    /// A phone wants to watch something (RFC 6665). Answer with [`Command::AcceptSubscription`] or
    /// [`Command::RefuseSubscription`].
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
    /// A subscription is over, and not because we said [`Command::EndSubscription`] or refused it.
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
    /// [`Config::reliable_provisionals`] wants it, one after the other.
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

/// Who may send us requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Access {
    /// Accounts by user name; they prove themselves by digest.
    pub accounts: BTreeMap<String, Account>,
    /// Peers by source address; the longest prefix wins, a port beats none.
    pub peers: Vec<TrustedPeer>,
    /// Peers by the user part of the Contact that we registered with them: an INVITE to it is theirs, wherever it comes
    /// from. Each is unguessable, so it proves as much as a source address does.
    pub lines: BTreeMap<String, PeerId>,
    /// Accounts that may assert identities (RFC 3325), as peers may: trunks that prove themselves by digest.
    pub asserting: BTreeSet<String>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// H(username:realm:password) with MD5, in lower-case hex.
    pub ha1_md5: String,
    /// H(username:realm:password) with SHA-256, in lower-case hex.
    pub ha1_sha256: String,
}

/// A network whose packets are this peer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedPeer {
    /// The peer.
    pub peer: PeerId,
    /// Network address.
    pub network: IpAddr,
    /// Prefix length in bits, 0–32 or 0–128.
    pub prefix: u8,
    /// Only this source port, if given.
    pub port: Option<u16>,
}

/// What happens to a request from a source that is neither peer nor account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum UnknownSource {
    /// Challenge INVITE and REGISTER (401/407): it may be a phone.
    #[default]
    Challenge,
    /// Answer 403.
    Forbid,
    /// Answer nothing.
    Silence,
}

/// Which provisional responses of ours are sent reliably (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReliableProvisionals {
    /// Those to a peer that requires it.
    #[default]
    Required,
    /// Those besides that carry a description, to a peer that can.
    WithDescription,
    /// All to a peer that can.
    Always,
}

/// One listening socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its number.
    pub id: ListenerId,
    /// Its transport.
    pub transport: Transport,
    /// The address it is bound to.
    pub local: SocketAddr,
    /// The address that Via and Contact carry; the local one unless behind NAT.
    pub advertised: SocketAddr,
    /// Whether every connection that is accepted here has shown a certificate of a trusted authority. Only then may a TLS
    /// peer have its connection used for requests of ours (RFC 5923 §9).
    pub verifies_peers: bool,
}

/// The endpoint's configuration. All limits are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The sockets.
    pub listeners: Vec<Listener>,
    /// The digest realm.
    pub realm: String,
    /// The User-Agent and Server header.
    pub user_agent: String,
    /// Policy for unknown sources.
    pub unknown_source: UnknownSource,
    /// T1 in milliseconds (RFC 3261 §17.1.1.1), 500.
    pub t1_ms: u32,
    /// T2 in milliseconds, 4,000.
    pub t2_ms: u32,
    /// T4 in milliseconds, 5,000.
    pub t4_ms: u32,
    /// Registration expiry: least, default and most, in seconds.
    pub expires_s: (u32, u32, u32),
    /// Most contacts of one account.
    pub contacts_per_account_max: usize,
    /// Subscription expiry: least, default and most, in seconds.
    pub subscription_expires_s: (u32, u32, u32),
    /// Most subscriptions; a SUBSCRIBE above gets 503.
    pub subscriptions_max: usize,
    /// Most subscriptions of one account; a SUBSCRIBE above gets 403.
    pub subscriptions_per_account_max: usize,
    /// How long a nonce is good, in seconds.
    pub nonce_lifetime_s: u32,
    /// Which provisional responses are sent reliably.
    pub reliable_provisionals: ReliableProvisionals,
    /// The session timer that we ask for (RFC 4028), in seconds; 0 asks for none, and takes part when the peer asks.
    pub session_expires_s: u32,
    /// The least session timer that we take, in seconds; at least 90 (RFC 4028 §4).
    pub session_expires_least_s: u32,
    /// Most bytes of one message.
    pub message_bytes_max: usize,
    /// Most concurrent sessions; an INVITE above gets 503.
    pub sessions_max: usize,
    /// Most concurrent transactions; a request above gets 503 or is dropped.
    pub transactions_max: usize,
    /// A stream connection without a message and without a registration is closed after this many seconds.
    pub stream_idle_s: u32,
    /// A message on a stream must be whole this many seconds after its first byte, and the first one of an accepted
    /// connection this many after its beginning: slow senders are cut off.
    pub stream_message_s: u32,
    /// What unknown sources may do.
    pub guard: GuardConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listeners: Vec::new(),
            realm: "baton".into(),
            user_agent: concat!("baton/", env!("CARGO_PKG_VERSION")).into(),
            unknown_source: UnknownSource::default(),
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            expires_s: (60, 300, 3_600),
            contacts_per_account_max: 10,
            subscription_expires_s: (60, 3_600, 3_600),
            subscriptions_max: 50_000,
            subscriptions_per_account_max: 200,
            nonce_lifetime_s: 300,
            reliable_provisionals: ReliableProvisionals::default(),
            session_expires_s: 1_800,
            session_expires_least_s: 90,
            message_bytes_max: 65_535,
            sessions_max: 20_000,
            transactions_max: 200_000,
            stream_idle_s: 120,
            stream_message_s: 20,
            guard: GuardConfig::default(),
        }
    }
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Messages taken.
    pub messages_received: u64,
    /// Messages sent, retransmissions included.
    pub messages_sent: u64,
    /// Retransmissions among them.
    pub retransmissions_sent: u64,
    /// What could not be read as SIP, answered 400 where possible.
    pub malformed: u64,
    /// Requests from sources that are neither peer nor account.
    pub unknown_source: u64,
    /// Requests with wrong credentials.
    pub authentication_failed: u64,
    /// Requests refused because a limit was reached.
    pub over_limit: u64,
    /// Streams closed because a message on them did not end in time.
    pub streams_cut_off: u64,
    /// Requests of ours that moved to TCP for their size (RFC 3261 §18.1.1).
    pub moved_to_tcp: u64,
    /// Requests of unknown sources without tokens; they got no answer.
    pub rate_limited: u64,
    /// Requests of scanners; they got no answer.
    pub scanners: u64,
    /// New calls and registrations that got 503 because the node was behind.
    pub put_off: u64,
    /// Requests of unknown sources dropped because the node was behind.
    pub shed: u64,
    /// Bans that began.
    pub bans: u64,
    /// Datagrams and connections dropped because their source is banned.
    pub banned_dropped: u64,
    /// Answers not sent because they would have been far longer than their datagrams.
    pub amplification_refused: u64,
}
