//! What an endpoint is set up with, and what it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{ListenerId, PeerId, Transport};
use crate::guard::GuardConfig;

/// Who may send us requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Access {
    /// Accounts by user name; they prove themselves by digest.
    pub accounts: BTreeMap<String, Account>,
    /// Peers by source address; the longest prefix wins, a port beats none.
    pub peers: Vec<TrustedPeer>,
    /// Peers by a name, in lower case, that the certificate of their connection bears; it goes before the address.
    pub certificate_names: BTreeMap<String, PeerId>,
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
    /// Host names that are ours, in lower case, beside the listeners' addresses. Empty: every host in a Refer-To is taken for ours.
    pub domains: Vec<String>,
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
            domains: Vec::new(),
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
    /// Requests that began something (calls, registrations, subscriptions, queries) and got 503 because the node was behind, or
    /// nearly full.
    pub put_off: u64,
    /// Those of them that were calls.
    pub put_off_calls: u64,
    /// Requests of unknown sources dropped because the node was behind.
    pub shed: u64,
    /// Bans that began.
    pub bans: u64,
    /// Datagrams and connections dropped because their source is banned.
    pub banned_dropped: u64,
    /// Answers not sent because they would have been far longer than their datagrams.
    pub amplification_refused: u64,
}
