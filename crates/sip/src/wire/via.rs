//! Via (RFC 3261 §20.42, RFC 3581).

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::params::{ParamSlices, cut_params};
use super::print::{Print, print_port};
use super::text::{cut, is_token, number, trim};
use super::uri::{check_host, host_and_port, print_v4};
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
    pub fn parse(text: &str) -> Result<Via, BadValue> {
        let slices = ViaSlices::parse(text)?;
        Ok(Via {
            transport: slices.transport.to_ascii_uppercase(),
            host: Host::parse(slices.host)?,
            port: slices.port,
            params: Params::parse(slices.params)?,
        })
    }

    /// The branch; empty when there is none (an RFC 2543 peer).
    pub fn branch(&self) -> &str {
        self.params.get("branch").unwrap_or("")
    }

    /// The `received` address.
    pub fn received(&self) -> Option<IpAddr> {
        // RFC 5118 §4.5: IPv6 here comes with brackets and without.
        Host::parse(self.params.get("received")?).ok()?.ip()
    }

    /// `rport`: `None` absent, `Some(None)` asked for, `Some(Some(port))` filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(number)
    }

    /// Where its sender takes connections: its address with the port of its sent-by (RFC 3261 §18.2.2, RFC 5923 §8).
    pub fn listening_address(&self, source: SocketAddr) -> SocketAddr {
        listening_address(&self.transport, self.port, source)
    }
}

fn listening_address(transport: &str, port: Option<u16>, source: SocketAddr) -> SocketAddr {
    let standard = if transport.eq_ignore_ascii_case("TLS") { 5061 } else { 5060 };
    // With the zone of a link-local address, without which nothing is sent there.
    let mut address = source;
    address.set_port(port.unwrap_or(standard));
    address
}

impl Print for Via {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str("SIP/2.0/")?;
        out.write_str(&self.transport)?;
        out.write_str(" ")?;
        self.host.print(out)?;
        print_port(self.port, out)?;
        self.params.print(out)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

/// The pieces of a Via, checked but not copied.
#[derive(Clone, Copy)]
pub(super) struct ViaSlices<'a> {
    transport: &'a str,
    host: &'a str,
    port: Option<u16>,
    params: &'a str,
}

impl<'a> ViaSlices<'a> {
    pub(super) fn parse(text: &'a str) -> Result<ViaSlices<'a>, BadValue> {
        let (protocol, rest) = cut(text, b'/').ok_or(BadValue)?;
        let (version, rest) = cut(rest, b'/').ok_or(BadValue)?;
        if !trim(protocol).eq_ignore_ascii_case("SIP") || trim(version) != "2.0" {
            return Err(BadValue);
        }
        let (transport, rest) = trim(rest).split_once([' ', '\t']).ok_or(BadValue)?;
        let (sent_by, params) = cut_params(rest);
        let (host, port) = host_and_port(trim(sent_by))?;
        check_host(host)?;
        if !is_token(transport) {
            return Err(BadValue);
        }
        ParamSlices::new(params).try_for_each(|param| param.map(drop))?;
        Ok(ViaSlices { transport, host, port, params })
    }

    pub(super) fn branch(&self) -> Option<&'a str> {
        ParamSlices::new(self.params).find("branch")
    }

    /// With `received` and `rport` put in, as the server transport must (RFC 3261 §18.2.1, RFC 3581 §4); `None` when it stays as
    /// it is.
    pub(super) fn stamp(self, source: SocketAddr) -> Option<Stamped<'a>> {
        let asked = ParamSlices::new(self.params).find("rport").is_some();
        // RFC 3581 §4: with `rport`, `received` goes in even where it is the sent-by address.
        let differs = || Host::parse(self.host).ok().and_then(|host| host.ip()) != Some(source.ip());
        (asked || differs()).then_some(Stamped { via: self, source })
    }

    /// See [`super::Message::response_address`].
    pub(super) fn response_address(&self, source: SocketAddr) -> SocketAddr {
        match ParamSlices::new(self.params).find("rport") {
            Some(_) => source,
            None => listening_address(self.transport, self.port, source),
        }
    }

    /// The sent-by host, as it is written, and port.
    pub(super) fn sent_by(&self) -> (&'a str, Option<u16>) {
        (self.host, self.port)
    }
}

/// A Via that prints with `received`, and with `rport` where its sender asked for it.
pub(super) struct Stamped<'a> {
    via: ViaSlices<'a>,
    source: SocketAddr,
}

impl Print for Stamped<'_> {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        let ViaSlices { transport, host, port, params } = self.via;
        for text in ["SIP/2.0/", transport, " ", host] {
            out.write_str(text)?;
        }
        print_port(port, out)?;
        // The parameters were checked when the Via was cut.
        for (name, value) in ParamSlices::new(params).flatten() {
            if name.eq_ignore_ascii_case("received") {
                continue;
            }
            out.write_str(";")?;
            out.write_str(name)?;
            if name.eq_ignore_ascii_case("rport") {
                out.write_str("=")?;
                self.source.port().print(out)?;
            } else if let Some(value) = value {
                out.write_str("=")?;
                out.write_str(value)?;
            }
        }
        out.write_str(";received=")?;
        match self.source.ip() {
            IpAddr::V4(address) => print_v4(&address, out),
            IpAddr::V6(address) => write!(out, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vias_read_and_print() {
        for (text, wanted) in [
            ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport"),
            ("SIP  /   2.0  /UDP     192.0.2.2;rport;branch=390skdjuw", "SIP/2.0/UDP 192.0.2.2;rport;branch=390skdjuw"),
            (
                "sip / 2.0 / tcp spindle.example.com : 5070 ; branch = z9",
                "SIP/2.0/TCP spindle.example.com:5070;branch=z9",
            ),
            (
                "SIP/2.0/UDP [2001:db8::9:1]:5061;received=2001:db8::1",
                "SIP/2.0/UDP [2001:db8::9:1]:5061;received=2001:db8::1",
            ),
            ("SIP/2.0/WS df7jal23ls0d.invalid;branch=z9", "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9"),
            ("SIP/2.0/UNKNOWN t5.example.com", "SIP/2.0/UNKNOWN t5.example.com"),
        ] {
            assert_eq!(Via::parse(text).unwrap().to_string(), wanted);
        }
    }

    #[test]
    fn broken_vias_are_refused() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/1.0/UDP h",
            "SIP/2.0/UDP h;;,;,,",
            "SIP/2.0/UDP h;;",
            "SIP/2.0/U@P h",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP  ;b=1",
        ] {
            assert_eq!(Via::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn stamping_fills_received_and_rport() {
        let source: SocketAddr = "198.51.100.7:40000".parse().unwrap();
        for (text, stamped, target) in [
            (
                "SIP/2.0/UDP 10.0.0.1:5062;rport;branch=z",
                "SIP/2.0/UDP 10.0.0.1:5062;rport=40000;branch=z;received=198.51.100.7",
                "198.51.100.7:40000",
            ),
            (
                "SIP/2.0/UDP 10.0.0.1:5062;branch=z",
                "SIP/2.0/UDP 10.0.0.1:5062;branch=z;received=198.51.100.7",
                "198.51.100.7:5062",
            ),
            (
                "SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;rport=9;ob",
                "SIP/2.0/UDP 10.0.0.1;rport=40000;ob;received=198.51.100.7",
                "198.51.100.7:40000",
            ),
            ("SIP/2.0/UDP 198.51.100.7;branch=z", "SIP/2.0/UDP 198.51.100.7;branch=z", "198.51.100.7:5060"),
            (
                "SIP/2.0/UDP a.invalid;maddr=192.0.2.9",
                "SIP/2.0/UDP a.invalid;maddr=192.0.2.9;received=198.51.100.7",
                "198.51.100.7:5060",
            ),
        ] {
            let via = ViaSlices::parse(text).unwrap();
            assert_eq!(via.stamp(source).map_or(text.to_owned(), |via| via.printed()), stamped);
            assert_eq!(via.response_address(source).to_string(), target);
        }
        let via = Via::parse("SIP/2.0/UDP h;received=[2001:db8::1];rport=7").unwrap();
        assert_eq!((via.received(), via.rport()), ("2001:db8::1".parse().ok(), Some(Some(7))));
        assert_eq!(Via::parse("SIP/2.0/UDP h;rport").unwrap().rport(), Some(None));
    }
}
