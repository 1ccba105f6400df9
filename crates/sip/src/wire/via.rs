//! Via (RFC 3261 §20.42, RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{BadValue, Host, Params};

/// One Via value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// The transport, in upper case (`UDP`, `TCP`, `TLS`, `WS` …, or any other token).
    pub transport: String,
    /// The sent-by host.
    pub host: Host,
    /// The sent-by port.
    pub port: Option<u16>,
    /// All parameters (`branch`, `rport`, `received`, `maddr`, `ttl` …).
    pub params: Params,
}

impl Via {
    /// Reads one value.
    pub fn parse(_text: &str) -> Result<Via, BadValue> {
        unimplemented!()
    }

    /// A Via of ours, with `branch` and an empty `rport` (RFC 3581 §3).
    pub fn new(_transport: &str, _sent_by: SocketAddr, _branch: &str) -> Via {
        unimplemented!()
    }

    /// The branch; empty when there is none (an RFC 2543 peer).
    pub fn branch(&self) -> &str {
        self.params.get("branch").unwrap_or("")
    }

    /// The `received` address.
    pub fn received(&self) -> Option<IpAddr> {
        unimplemented!()
    }

    /// `rport`: `None` absent, `Some(None)` asked for, `Some(Some(port))` filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        unimplemented!()
    }

    /// Puts `received` and `rport` in, as the server transport must (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp(&mut self, _source: SocketAddr) {
        unimplemented!()
    }

    /// Where a UDP response goes (RFC 3261 §18.2.2, RFC 3581 §4), the request having come from `source`. `maddr` is
    /// not followed: it would let a sender aim our responses at somebody else.
    pub fn response_address(&self, _source: SocketAddr) -> SocketAddr {
        unimplemented!()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}
