//! A trunk's gateways.

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
