//! A trunk's gateways, and how it knows us.

use serde::{Deserialize, Serialize};

use super::{Trunk, TrunkTransport};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberPlan {
    /// The country that national numbers are of: `49`.
    pub country_code: String,
    /// What stands before a national number; empty where there is no such thing.
    #[serde(default = "default_national_prefix")]
    pub national_prefix: String,
    /// What stands before an international number.
    #[serde(default = "default_international_prefix")]
    pub international_prefix: String,
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
    /// An international number without its `+`.
    International,
    /// A national number without its prefix.
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

impl Default for NumberPlan {
    fn default() -> Self {
        NumberPlan {
            country_code: String::new(),
            national_prefix: default_national_prefix(),
            international_prefix: default_international_prefix(),
            unprefixed: Unprefixed::default(),
            format: NumberFormat::default(),
        }
    }
}

fn default_national_prefix() -> String {
    "0".to_owned()
}

fn default_international_prefix() -> String {
    "00".to_owned()
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

    /// The networks whose calls are this trunk's: those that are listed, or its gateways themselves.
    pub fn all_networks(&self) -> Vec<String> {
        if !self.networks.is_empty() {
            return self.networks.clone();
        }
        let gateways = self.all_gateways().into_iter().map(|gateway| gateway.address);
        gateways.filter(|address| super::parse_network(address).is_some()).collect()
    }
}
