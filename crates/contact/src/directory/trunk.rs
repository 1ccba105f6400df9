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
