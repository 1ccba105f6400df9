//! Whom a packet is laid to: one IPv4 address, or the first 64 bits of an IPv6 address, which is what one subscriber gets.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A source of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to.
    pub(crate) fn of(address: IpAddr) -> Source {
        match address.to_canonical() {
            IpAddr::V4(address) => Source(IpAddr::V4(address)),
            IpAddr::V6(address) => Source(IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64))),
        }
    }

    /// Its address; of an IPv6 network the first one.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }

    /// 32 or 64.
    pub(crate) fn prefix(self) -> u8 {
        if self.0.is_ipv4() { 32 } else { 64 }
    }

    /// Sixteen bytes that differ for different sources.
    pub(crate) fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_source_and_a_mapped_address_is_ipv4() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.7"), source("192.0.2.7"));
        assert_ne!(source("192.0.2.7"), source("192.0.2.8"));
        assert_eq!((source("192.0.2.7").prefix(), source("2001:db8::7").prefix()), (32, 64));
    }
}
