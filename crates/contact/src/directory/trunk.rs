//! A trunk: its gateways, how it is known, and how it wants its calls.

use serde::{Deserialize, Serialize};

/// The transport towards a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrunkTransport {
    /// UDP.
    #[default]
    Udp,
    /// TCP.
    Tcp,
    /// TLS: the trunk's certificate must bear the host of its address.
    Tls,
    /// As the DNS says (RFC 3263), for a host name; UDP where it says nothing.
    Auto,
}

/// What is done with a REFER from the trunk (wire rule R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReferPolicy {
    /// Act on it here.
    #[default]
    Terminate,
    /// Pass it on to the far end of the other leg, and its NOTIFYs back.
    Pass,
    /// Pass it on where the far end takes it, else act on it here.
    Convert,
    /// Refuse it with 403.
    Refuse,
}

/// A trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trunk {
    /// The name and id.
    pub name: String,
    /// `host:port` of its only gateway; an IPv6 address stands in brackets. A domain name without a port leads to the servers
    /// that the DNS names for it (RFC 3263). Empty when `gateways` lists several.
    #[serde(default)]
    pub address: String,
    /// The transport to that gateway.
    #[serde(default)]
    pub transport: TrunkTransport,
    /// Several gateways, tried by priority and weight. Empty when `address` names the only one.
    #[serde(default)]
    pub gateways: Vec<Gateway>,
    /// How long a gateway may stay wholly silent to a call before the next gateway, or the next trunk of the route, is
    /// tried, in seconds, 1–30.
    #[serde(default = "default_gateway_timeout")]
    pub gateway_timeout_seconds: u32,
    /// How often each gateway is asked by OPTIONS whether it lives, in seconds, 5–3,600; 0: never, all count as alive.
    #[serde(default)]
    pub options_interval_seconds: u32,
    /// After so many OPTIONS in a row without an answer (or with a 503) a gateway gets no calls, 1–10.
    #[serde(default = "default_hysteresis")]
    pub options_failures: u32,
    /// After so many answers in a row it gets calls again, 1–10.
    #[serde(default = "default_hysteresis")]
    pub options_successes: u32,
    /// Networks whose calls are this trunk's, as `address/prefix`, with `:port` behind for one source port only.
    /// Empty: the gateways' own addresses and ports, unless it is known by `certificateNames`. Trunks that register may share a
    /// gateway: what is not called by the Contact of a registration is of the trunk that does not register, else of the first that
    /// does. So may trunks that all prove themselves by digest (`inboundUsername`): then all that comes from there has to.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Host names: calls are this trunk's that come by a TLS connection whose verified certificate bears one of them (RFC 5922),
    /// from wherever it comes. By TLS a gateway that is given as an address must bear that or one of them, one that is given as a
    /// host name that name. At most 16.
    #[serde(default)]
    pub certificate_names: Vec<String>,
    /// For a challenge to our calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The user name by which the trunk's calls prove themselves by digest, from wherever they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound_username: Option<String>,
    /// The password to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound_password: Option<String>,
    /// We register with the trunk, so that it sends us calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Register>,
    /// How the trunk writes numbers; absent: as we do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberPlan>,
    /// Where the number of its callers stands.
    #[serde(default)]
    pub caller_id_in: CallerIdHeader,
    /// Where it wants the number of ours.
    #[serde(default)]
    pub caller_id_out: CallerIdHeader,
    /// Codecs for its calls, best first; empty: the node's.
    #[serde(default)]
    pub codecs: Vec<AudioCodec>,
    /// The packet time that we prefer on it, in milliseconds: 10, 20, 30, 40 or 60; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ptime: Option<u8>,
    /// What is done with its audio before the answer.
    #[serde(default)]
    pub early_media: EarlyMedia,
    /// What is done with its 3xx.
    #[serde(default)]
    pub redirect: RedirectPolicy,
    /// What is done with its REFER.
    #[serde(default)]
    pub refer: ReferPolicy,
    /// How a customer of its is transferred to a number that goes out by it as well.
    #[serde(default)]
    pub transfer: TransferPolicy,
    /// What is done with a call that came in by it and went out by it.
    #[serde(default)]
    pub trombones: TrombonePolicy,
    /// How it is told that its party is on hold.
    #[serde(default)]
    pub hold: HoldSignal,
    /// How a call that goes on to it tells by which numbers it came.
    #[serde(default)]
    pub history: CallHistory,
    /// What becomes of the numbers that others told.
    #[serde(default)]
    pub history_of_others: HistoryOfOthers,
    /// Whether its calls may go on to other trunks by the routes (tandem).
    #[serde(default)]
    pub tandem: bool,
    /// The security profile's name: what its callers may do with their calls. Without one nothing more is forbidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<String>,
    /// Most calls at a time in both directions, 1–20,000; above: 503.
    #[serde(default = "default_max_calls")]
    pub max_calls: u32,
    /// Most calls at a time from the trunk to us; absent: as many as `maxCalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_calls_in: Option<u32>,
    /// Most calls at a time from us to the trunk; absent: as many as `maxCalls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_calls_out: Option<u32>,
    /// Most new calls a second in both directions, 1–10,000; above: 503. Absent: no such cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
}

impl Default for Trunk {
    fn default() -> Self {
        Trunk {
            name: String::new(),
            address: String::new(),
            transport: TrunkTransport::default(),
            gateways: Vec::new(),
            gateway_timeout_seconds: default_gateway_timeout(),
            options_interval_seconds: 0,
            options_failures: default_hysteresis(),
            options_successes: default_hysteresis(),
            networks: Vec::new(),
            certificate_names: Vec::new(),
            username: None,
            password: None,
            inbound_username: None,
            inbound_password: None,
            register: None,
            numbers: None,
            caller_id_in: CallerIdHeader::default(),
            caller_id_out: CallerIdHeader::default(),
            codecs: Vec::new(),
            ptime: None,
            early_media: EarlyMedia::default(),
            redirect: RedirectPolicy::default(),
            refer: ReferPolicy::default(),
            transfer: TransferPolicy::default(),
            trombones: TrombonePolicy::default(),
            hold: HoldSignal::default(),
            history: CallHistory::default(),
            history_of_others: HistoryOfOthers::default(),
            tandem: false,
            security_profile: None,
            max_calls: default_max_calls(),
            max_calls_in: None,
            max_calls_out: None,
            calls_per_second: None,
        }
    }
}

fn default_hysteresis() -> u32 {
    2
}

fn default_gateway_timeout() -> u32 {
    4
}

fn default_max_calls() -> u32 {
    20_000
}

/// One of the addresses of a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// The transport.
    #[serde(default)]
    pub transport: TrunkTransport,
    /// The lowest number is tried first (RFC 2782).
    #[serde(default)]
    pub priority: u16,
    /// Among gateways of one priority, how often this one is the first: its share of the sum of the weights (RFC 2782).
    #[serde(default = "default_weight")]
    pub weight: u16,
}

impl Default for Gateway {
    fn default() -> Self {
        Gateway { address: String::new(), transport: TrunkTransport::default(), priority: 0, weight: default_weight() }
    }
}

fn default_weight() -> u16 {
    1
}

/// How we register with a trunk, with its `username` and `password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// The address of record: `sip:user@domain`.
    pub aor: String,
    /// For how long, in seconds, 60–86,400; the registrar has the last word.
    #[serde(default = "default_expires")]
    pub expires_seconds: u32,
}

/// How a trunk writes numbers. Inside they are E.164 with `+`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberPlan {
    /// The country whose dial plan it has, by its ISO 3166 region: `DE`. Absent: it has international numbers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What stands before a national number, where that is not what the country dials: 0 to 8 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_prefix: Option<String>,
    /// What stands before an international number, where that is not what the country dials (`00` without a country): 1 to 8
    /// digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub international_prefix: Option<String>,
    /// What a number from the trunk is that has neither prefix.
    #[serde(default)]
    pub unprefixed: Unprefixed,
    /// How the trunk wants numbers, those that are called and those that are shown.
    #[serde(default)]
    pub format: NumberFormat,
}

/// What a number of five and more digits is that has no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unprefixed {
    /// Not a public number.
    #[default]
    AsIs,
    /// An international number without its `+`, if a country has such numbers.
    International,
    /// A national number without its prefix, if the country has such a number.
    National,
}

/// How a trunk wants numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberFormat {
    /// `+4989222`.
    #[default]
    E164,
    /// `4989222`.
    Digits,
    /// `004989222`.
    International,
    /// `089222`; of another country, as `international`.
    National,
}

/// The header that carries the caller's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallerIdHeader {
    /// P-Asserted-Identity (RFC 3325), with From beside it.
    #[default]
    Pai,
    /// Remote-Party-ID, with From beside it.
    Rpid,
    /// From alone.
    From,
}

/// What is done with a trunk's audio before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EarlyMedia {
    /// The caller hears it.
    #[default]
    Pass,
    /// The caller hears our ringing tone in its place.
    Ringback,
    /// It counts for nothing: only a 180 is ringing.
    Ignore,
}

/// What is done with a 3xx of the trunk (RFC 3261 §8.1.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RedirectPolicy {
    /// The targets that it names are called, the best first.
    #[default]
    Follow,
    /// It goes on to the caller: as a 302 while its call is unanswered, as a REFER to its trunk with `transfer` = `refer`; else we
    /// call the number.
    Pass,
    /// The call has failed.
    Refuse,
}

/// How a trunk's customer is transferred to a number outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TransferPolicy {
    /// By a call of ours, bridged here.
    #[default]
    Bridge,
    /// By our REFER to the trunk; bridged here when it is refused, unanswered, or fails.
    Refer,
}

/// What is done with a call that came in by a trunk and went out by it, with nobody of ours in it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrombonePolicy {
    /// It goes on by us.
    #[default]
    Keep,
    /// The trunk is asked to connect the two itself (REFER with Replaces).
    Release,
}

/// How a trunk is told of hold, by re-INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldSignal {
    /// Not at all: its party hears our music, and the call goes on as it was.
    #[default]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallHistory {
    /// As the call's sender told it; by Diversion when it told nothing.
    #[default]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HistoryOfOthers {
    /// They go on.
    #[default]
    Pass,
    /// They stay here: the trunk is told of our own number alone.
    Hide,
}

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AudioCodec {
    /// G.711 µ-law.
    #[default]
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law.
    #[serde(rename = "PCMA")]
    Pcma,
}

fn default_expires() -> u32 {
    600
}

impl Trunk {
    /// All gateways: those that are listed, or the one of the trunk's own address.
    pub fn all_gateways(&self) -> Vec<Gateway> {
        if self.address.is_empty() {
            return self.gateways.clone();
        }
        vec![Gateway { address: self.address.clone(), transport: self.transport, ..Gateway::default() }]
    }

    /// Whether its gateways may be those of other trunks as well: its calls are known by the Contact of our registration or by digest,
    /// and it names no networks.
    pub fn shares_gateways(&self) -> bool {
        self.networks.is_empty() && (self.register.is_some() || self.inbound_username.is_some())
    }

    /// Whether its calls are known by digest alone where others share its gateways.
    pub fn proves_itself(&self) -> bool {
        self.shares_gateways() && self.register.is_none()
    }

    /// The networks whose calls are this trunk's: those that are listed, or its gateways themselves. A trunk that shows a
    /// certificate is not known by less.
    pub fn all_networks(&self) -> Vec<String> {
        if !self.networks.is_empty() || !self.certificate_names.is_empty() {
            return self.networks.clone();
        }
        let gateways = self.all_gateways().into_iter().map(|gateway| gateway.address);
        gateways.filter(|address| super::parse_network(address).is_some()).collect()
    }
}
