//! Whether this node has what the trunks of a directory need: a listener of their transport, and with `certificateNames` one that
//! asks peers for certificates. Without it the directory stands, for the listener may come later, but such a trunk is dead.

use std::net::{IpAddr, SocketAddr};

use baton_contact::directory::{Directory, DirectoryError, Gateway, Trunk, TrunkTransport};

use crate::config::{ClientCertificates, Node, Transport};

/// What a node can reach, and whom it asks for certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrunkWays {
    listeners: Vec<(Transport, IpAddr)>,
    asks_for_certificates: bool,
}

impl TrunkWays {
    /// Those of a configuration.
    pub(crate) fn of(node: &Node) -> TrunkWays {
        let listeners = &node.sip.listeners;
        let asks = |transport, wanted| transport == Transport::Tls && wanted != ClientCertificates::None;
        TrunkWays {
            listeners: listeners.iter().map(|each| (each.transport, each.address.ip())).collect(),
            asks_for_certificates: listeners.iter().any(|each| asks(each.transport, each.client_certificates)),
        }
    }

    /// A warning for each trunk that cannot work as it is meant to.
    pub(crate) fn warnings(&self, directory: &Directory) -> Vec<DirectoryError> {
        directory.trunks.iter().flat_map(|trunk| self.warnings_of(trunk)).collect()
    }

    fn warnings_of(&self, trunk: &Trunk) -> Vec<DirectoryError> {
        let gateways = trunk.all_gateways();
        let key = |place: usize| match trunk.address.is_empty() {
            true => format!("gateways[{place}].transport"),
            false => "transport".to_owned(),
        };
        let ways =
            gateways.iter().enumerate().filter_map(|(place, gateway)| Some((key(place), self.missing(gateway)?)));
        let calls_unproven = !trunk.certificate_names.is_empty() && !self.asks_for_certificates;
        let proof = calls_unproven.then(|| {
            let message = "no TLS listener asks for certificates (client_certificates), so the trunk's own connections prove nothing";
            ("certificateNames".to_owned(), message.to_owned())
        });
        let warning = |(key, message)| DirectoryError {
            table: "trunks".to_owned(),
            entry: trunk.name.clone(),
            key,
            message,
            hint: None,
        };
        ways.chain(proof).map(warning).collect()
    }

    /// What a gateway lacks to be called.
    fn missing(&self, gateway: &Gateway) -> Option<String> {
        let (transport, name) = match gateway.transport {
            TrunkTransport::Udp => (Transport::Udp, "udp"),
            TrunkTransport::Tcp => (Transport::Tcp, "tcp"),
            TrunkTransport::Tls => (Transport::Tls, "tls"),
            TrunkTransport::Auto => return None,
        };
        let family = address_of(&gateway.address);
        let reaches = |local: &IpAddr| family.is_none_or(|remote| remote.is_ipv4() == local.is_ipv4());
        if self.listeners.iter().any(|(of, local)| *of == transport && reaches(local)) {
            return None;
        }
        let of_family = match family {
            Some(IpAddr::V4(_)) => " on IPv4",
            Some(IpAddr::V6(_)) => " on IPv6",
            None => "",
        };
        let address = &gateway.address;
        Some(format!("[[sip.listeners]] has none of transport {name}{of_family}, so {address} cannot be called"))
    }
}

/// The address of a gateway, if it is no name.
fn address_of(address: &str) -> Option<IpAddr> {
    let bare = || address.trim_start_matches('[').trim_end_matches(']').parse().ok();
    address.parse::<SocketAddr>().map(|address| address.ip()).ok().or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: &str = "[[sip.listeners]]\ntransport = \"udp\"\naddress = \"192.0.2.1:5060\"\n";
    const TLS: &str = "[[sip.listeners]]\ntransport = \"tls\"\naddress = \"192.0.2.1:5061\"\ncertificate = \"a.pem\"\nprivate_key = \"a.key\"\n";
    const ASKS: &str = "client_certificates = \"optional\"\nclient_ca = \"ca.pem\"\n";

    fn warnings(listeners: &[&str], trunk: &Trunk) -> Vec<String> {
        let node = Node::parse("baton.toml", &listeners.concat()).unwrap();
        let directory = Directory { trunks: vec![trunk.clone()], ..Directory::default() };
        let warnings = TrunkWays::of(&node).warnings(&directory);
        warnings.into_iter().map(|each| format!("{}: {}", each.key, each.message)).collect()
    }

    #[test]
    fn a_trunk_that_no_listener_leads_to_is_warned_of() {
        let trunk = |transport, address: &str| Trunk {
            name: "carrier".into(),
            address: address.into(),
            transport,
            ..Trunk::default()
        };
        let by_tls = trunk(TrunkTransport::Tls, "192.0.2.9:5061");
        let said = "transport: [[sip.listeners]] has none of transport tls on IPv4, so 192.0.2.9:5061 cannot be called";
        assert_eq!(warnings(&[UDP], &by_tls), [said]);
        assert!(warnings(&[UDP, TLS], &by_tls).is_empty());
        let said = "transport: [[sip.listeners]] has none of transport tls, so sbc.example.com cannot be called";
        assert_eq!(warnings(&[UDP], &trunk(TrunkTransport::Tls, "sbc.example.com")), [said]);
        let said =
            "transport: [[sip.listeners]] has none of transport udp on IPv6, so [2001:db8::9]:5060 cannot be called";
        assert_eq!(warnings(&[UDP], &trunk(TrunkTransport::Udp, "[2001:db8::9]:5060")), [said]);
        assert!(warnings(&[UDP], &trunk(TrunkTransport::Auto, "carrier.example")).is_empty());
        let gateway = Gateway { address: "192.0.2.9".into(), transport: TrunkTransport::Tcp, ..Gateway::default() };
        let gateways = vec![Gateway { address: "192.0.2.8".into(), ..Gateway::default() }, gateway];
        let listed = Trunk { gateways, ..Trunk::default() };
        let said =
            "gateways[1].transport: [[sip.listeners]] has none of transport tcp on IPv4, so 192.0.2.9 cannot be called";
        assert_eq!(warnings(&[UDP], &listed), [said]);
    }

    #[test]
    fn a_trunk_whose_certificate_nobody_asks_for_is_warned_of() {
        let trunk = Trunk {
            address: "192.0.2.9:5061".into(),
            transport: TrunkTransport::Tls,
            certificate_names: vec!["sbc.example.com".into()],
            ..Trunk::default()
        };
        let said = "certificateNames: no TLS listener asks for certificates (client_certificates), so the trunk's own connections prove nothing";
        assert_eq!(warnings(&[TLS], &trunk), [said]);
        assert!(warnings(&[TLS, ASKS], &trunk).is_empty());
    }
}
