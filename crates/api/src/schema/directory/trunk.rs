//! The shape of a trunk, for the document.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The transport towards a trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrunkTransport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS: the trunk's certificate must bear the host of its address.
    Tls,
    /// As the DNS says (RFC 3263), for a host name; UDP where it says nothing.
    Auto,
}

/// What is done with a REFER from the trunk (wire rule R11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ReferPolicy {
    /// Act on it here.
    Terminate,
    /// Pass it on to the far end of the other leg, and its NOTIFYs back.
    Pass,
    /// Pass it on where the far end takes it, else act on it here.
    Convert,
    /// Refuse it with 403.
    Refuse,
}

/// How a trunk's customer is transferred to a number outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TransferPolicy {
    /// By a call of ours, bridged here.
    Bridge,
    /// By our REFER to the trunk; bridged here when it is refused, unanswered, or fails.
    Refer,
}

/// What is done with a call that came in by a trunk and went out by it, with nobody of ours in it any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TrombonePolicy {
    /// It goes on by us.
    Keep,
    /// The trunk is asked to connect the two itself (REFER with Replaces).
    Release,
}

/// A trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Trunk {
    /// The name and id.
    pub(crate) name: String,
    /// `host:port` of its only gateway; an IPv6 address stands in brackets. A domain name without a port leads to the servers
    /// that the DNS names for it (RFC 3263). Empty when `gateways` lists several.
    #[schema(required = false)]
    pub(crate) address: String,
    /// The transport to that gateway.
    #[schema(required = false)]
    pub(crate) transport: TrunkTransport,
    /// Several gateways, tried by priority and weight. Empty when `address` names the only one.
    #[schema(required = false)]
    pub(crate) gateways: Vec<Gateway>,
    /// How long a gateway may stay wholly silent to a call before the next gateway, or the next trunk of the route, is
    /// tried, in seconds, 1–30.
    #[schema(required = false, default = 4, minimum = 1, maximum = 30)]
    pub(crate) gateway_timeout_seconds: u32,
    /// How often each gateway is asked by OPTIONS whether it lives, in seconds, 5–3,600; 0: never, all count as alive.
    #[schema(required = false, default = 0, maximum = 3600)]
    pub(crate) options_interval_seconds: u32,
    /// After so many OPTIONS in a row without an answer (or with a 503) a gateway gets no calls, 1–10.
    #[schema(required = false, default = 2, minimum = 1, maximum = 10)]
    pub(crate) options_failures: u32,
    /// After so many answers in a row it gets calls again, 1–10.
    #[schema(required = false, default = 2, minimum = 1, maximum = 10)]
    pub(crate) options_successes: u32,
    /// Networks whose calls are this trunk's, as `address/prefix`, with `:port` behind for one source port only.
    /// Empty: the gateways' own addresses and ports, unless it is known by `certificateNames`. Trunks that register may share a
    /// gateway: what is not called by the Contact of a registration is of the trunk that does not register, else of the first that
    /// does. So may trunks that all prove themselves by digest (`inboundUsername`): then all that comes from there has to.
    #[schema(required = false)]
    pub(crate) networks: Vec<String>,
    /// Host names: calls are this trunk's that come by a TLS connection whose verified certificate bears one of them (RFC 5922),
    /// from wherever it comes. By TLS a gateway that is given as an address must bear that or one of them, one that is given as a
    /// host name that name. At most 16.
    #[schema(required = false)]
    pub(crate) certificate_names: Vec<String>,
    /// For a challenge to our calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// The password to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    /// The user name by which the trunk's calls prove themselves by digest, from wherever they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inbound_username: Option<String>,
    /// The password to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inbound_password: Option<String>,
    /// We register with the trunk, so that it sends us calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) register: Option<Register>,
    /// How the trunk writes numbers; absent: as we do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) numbers: Option<NumberPlan>,
    /// Where the number of its callers stands.
    #[schema(required = false)]
    pub(crate) caller_id_in: CallerIdHeader,
    /// Where it wants the number of ours.
    #[schema(required = false)]
    pub(crate) caller_id_out: CallerIdHeader,
    /// Codecs for its calls, best first; empty: the node's.
    #[schema(required = false)]
    pub(crate) codecs: Vec<AudioCodec>,
    /// The packet time that we prefer on it, in milliseconds: 10, 20, 30, 40 or 60; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 60)]
    pub(crate) ptime: Option<u8>,
    /// What is done with its audio before the answer.
    #[schema(required = false)]
    pub(crate) early_media: EarlyMedia,
    /// What is done with its 3xx.
    #[schema(required = false)]
    pub(crate) redirect: RedirectPolicy,
    /// What is done with its REFER.
    #[schema(required = false)]
    pub(crate) refer: ReferPolicy,
    /// How a customer of its is transferred to a number that goes out by it as well.
    #[schema(required = false)]
    pub(crate) transfer: TransferPolicy,
    /// What is done with a call that came in by it and went out by it.
    #[schema(required = false)]
    pub(crate) trombones: TrombonePolicy,
    /// How it is told that its party is on hold.
    #[schema(required = false)]
    pub(crate) hold: HoldSignal,
    /// How a call that goes on to it tells by which numbers it came.
    #[schema(required = false)]
    pub(crate) history: CallHistory,
    /// What becomes of the numbers that others told.
    #[schema(required = false)]
    pub(crate) history_of_others: HistoryOfOthers,
    /// Whether its calls may go on to other trunks by the routes (tandem).
    #[schema(required = false)]
    pub(crate) tandem: bool,
    /// The security profile's name: what its callers may do with their calls. Without one nothing more is forbidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_profile: Option<String>,
    /// Most calls at a time in both directions, 1–20,000; above: 503.
    #[schema(required = false, default = 20000, minimum = 1, maximum = 20000)]
    pub(crate) max_calls: u32,
    /// Most calls at a time from the trunk to us; absent: as many as `maxCalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 20000)]
    pub(crate) max_calls_in: Option<u32>,
    /// Most calls at a time from us to the trunk; absent: as many as `maxCalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 20000)]
    pub(crate) max_calls_out: Option<u32>,
    /// Most new calls a second in both directions, 1–10,000; above: 503. Absent: no such cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10000)]
    pub(crate) calls_per_second: Option<u32>,
}

/// How a trunk is told of hold, by re-INVITE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HoldSignal {
    /// Not at all: its party hears our music, and the call goes on as it was.
    None,
    /// `a=sendonly` (RFC 3264 §8.4): its party hears our music.
    #[serde(rename = "sendonly")]
    SendOnly,
    /// `a=inactive`: no audio flows, and the trunk plays its own music.
    Inactive,
    /// Connection address 0.0.0.0 (RFC 2543), for old exchanges: its party hears our music.
    ZeroAddress,
}

/// How a call that goes on tells by which numbers it came: by Diversion (RFC 5806), by History-Info (RFC 7044).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CallHistory {
    /// As the call's sender told it; by Diversion when it told nothing.
    AsReceived,
    /// Not at all.
    None,
    /// By Diversion. What came by History-Info is put so.
    Diversion,
    /// By History-Info. What came by Diversion is put so.
    HistoryInfo,
    /// By both.
    Both,
}

/// What becomes of the numbers by which a call came to its sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HistoryOfOthers {
    /// They go on.
    Pass,
    /// They stay here: the trunk is told of our own number alone.
    Hide,
}

/// How we register with a trunk, with its `username` and `password`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Register {
    /// The address of record: `sip:user@domain`.
    pub(crate) aor: String,
    /// For how long, in seconds, 60–86,400; the registrar has the last word.
    #[schema(required = false, default = 600, minimum = 60, maximum = 86400)]
    pub(crate) expires_seconds: u32,
}

/// How a trunk writes numbers. Inside they are E.164 with `+`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NumberPlan {
    /// The country whose dial plan it has, by its ISO 3166 region: `DE`. Absent: it has international numbers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 2, max_length = 2)]
    pub(crate) country: Option<String>,
    /// What stands before a national number, where that is not what the country dials: 0 to 8 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 8)]
    pub(crate) national_prefix: Option<String>,
    /// What stands before an international number, where that is not what the country dials (`00` without a country): 1 to 8
    /// digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 8)]
    pub(crate) international_prefix: Option<String>,
    /// What a number from the trunk is that has neither prefix.
    #[schema(required = false)]
    pub(crate) unprefixed: Unprefixed,
    /// How the trunk wants numbers, those that are called and those that are shown.
    #[schema(required = false)]
    pub(crate) format: NumberFormat,
}

/// What a number of five and more digits is that has no prefix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Unprefixed {
    /// Not a public number.
    AsIs,
    /// An international number without its `+`, if a country has such numbers.
    International,
    /// A national number without its prefix, if the country has such a number.
    National,
}

/// How a trunk wants numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum NumberFormat {
    /// `+4989222`.
    E164,
    /// `4989222`.
    Digits,
    /// `004989222`.
    International,
    /// `089222`; of another country, as `international`.
    National,
}

/// The header that carries the caller's number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CallerIdHeader {
    /// P-Asserted-Identity (RFC 3325), with From beside it.
    Pai,
    /// Remote-Party-ID, with From beside it.
    Rpid,
    /// From alone.
    From,
}

/// What is done with a trunk's audio before the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EarlyMedia {
    /// The caller hears it.
    Pass,
    /// The caller hears our ringing tone in its place.
    Ringback,
    /// It counts for nothing: only a 180 is ringing.
    Ignore,
}

/// What is done with a 3xx of the trunk (RFC 3261 §8.1.3.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RedirectPolicy {
    /// The targets that it names are called, the best first.
    Follow,
    /// It goes on to the caller: as a 302 while its call is unanswered, as a REFER to its trunk with `transfer` = `refer`; else we
    /// call the number.
    Pass,
    /// The call has failed.
    Refuse,
}

/// An audio codec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) enum AudioCodec {
    /// G.711 µ-law.
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law.
    #[serde(rename = "PCMA")]
    Pcma,
}

/// One of the addresses of a trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Gateway {
    /// `host:port`; an IPv6 address stands in brackets.
    pub(crate) address: String,
    /// The transport.
    #[schema(required = false)]
    pub(crate) transport: TrunkTransport,
    /// The lowest number is tried first (RFC 2782).
    #[schema(required = false, default = 0)]
    pub(crate) priority: u16,
    /// Among gateways of one priority, how often this one is the first: its share of the sum of the weights (RFC 2782).
    #[schema(required = false, default = 1)]
    pub(crate) weight: u16,
}
