//! URIs (RFC 3261 §19.1, RFC 3966).

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{BadValue, Params};

/// A URI of any scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:` (RFC 3966).
    Tel(TelUri),
    /// Another scheme, whole, as written.
    Opaque(String),
}

/// A host: a name, or an address (IPv6 printed in brackets).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Host {
    /// A host name, as written.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without brackets.
    V6(Ipv6Addr),
}

/// A `sip:` or `sips:` URI. User, password, parameters and headers are kept as written, escapes included.
/// `==` is textual; [`Uri::equivalent`] is RFC 3261 §19.1.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipUri {
    /// `sips:`.
    pub secure: bool,
    /// The user part, escaped.
    pub user: Option<String>,
    /// The password, escaped.
    pub password: Option<String>,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: Params,
    /// URI headers, escaped, in order.
    pub headers: Vec<(String, String)>,
}

/// A `tel:` URI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelUri {
    /// The number with its visual separators, as written.
    pub number: String,
    /// Parameters such as `phone-context`.
    pub params: Params,
}

impl Uri {
    /// Reads a whole URI, without angle brackets.
    pub fn parse(_text: &str) -> Result<Uri, BadValue> {
        unimplemented!()
    }

    /// The scheme in lower case.
    pub fn scheme(&self) -> &str {
        unimplemented!()
    }

    /// The user part of a SIP URI or the number of a `tel:` URI without visual separators, unescaped; else empty.
    pub fn user(&self) -> String {
        unimplemented!()
    }

    /// The SIP URI, if it is one.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Uri::Sip(sip) => Some(sip),
            _ => None,
        }
    }

    /// Equality of RFC 3261 §19.1.4 (and RFC 3966 §4 for `tel:`).
    pub fn equivalent(&self, _other: &Uri) -> bool {
        unimplemented!()
    }
}

impl SipUri {
    /// A plain `sip:` URI; `user` is escaped as needed.
    pub fn new(_user: Option<&str>, _host: Host, _port: Option<u16>) -> SipUri {
        unimplemented!()
    }

    /// A URI header's value, unescaped, its name in any case.
    pub fn header(&self, _name: &str) -> Option<String> {
        unimplemented!()
    }

    /// The `transport` parameter, in lower case.
    pub fn transport(&self) -> Option<String> {
        unimplemented!()
    }
}

impl Host {
    /// Reads a host name, an IPv4 address, or an IPv6 address with or without brackets.
    pub fn parse(_text: &str) -> Result<Host, BadValue> {
        unimplemented!()
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => formatter.write_str(name),
            Host::V4(address) => write!(formatter, "{address}"),
            Host::V6(address) => write!(formatter, "[{address}]"),
        }
    }
}

/// Escapes everything that may not stand in the user part or in a URI header's value.
pub fn escape(_text: &str) -> Cow<'_, str> {
    unimplemented!()
}

/// Resolves `%hh` escapes, in any case; a broken escape stays as it is; bytes that make no UTF-8 become U+FFFD.
pub fn unescape(_text: &str) -> Cow<'_, str> {
    unimplemented!()
}
