//! Who may talk to us: phones with the agents they belong to, and trunks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use baton_sip::digest::{Algorithm, ha1};
use baton_sip::{Access, Account, Binding, PeerId, TrustedPeer};

use crate::desk::Desk;
use crate::dial::is_same_device;
use crate::directory::{Directory, Gateway, Trunk, TrunkTransport, parse_network};
use crate::io::Output;

/// The account of a trunk that proves itself by digest.
fn trunk_account(trunk: &Trunk, realm: &str) -> Option<(String, Account)> {
    let username = trunk.inbound_username.clone()?;
    let password = trunk.inbound_password.as_deref()?;
    let hash = |algorithm| ha1(&username, realm, password, algorithm);
    let account = Account { ha1_md5: hash(Algorithm::Md5), ha1_sha256: hash(Algorithm::Sha256) };
    Some((username, account))
}

/// A network that calls come from: its address, the length of its prefix, and the source port if it is of one only.
pub(crate) type Network = (IpAddr, u8, Option<u16>);

/// Whether one packet may come from both.
pub(crate) fn overlap((one, prefix, port): &Network, (other, other_prefix, other_port): &Network) -> bool {
    (one, prefix) == (other, other_prefix) && (port == other_port || port.is_none() || other_port.is_none())
}

/// The peers of the trunks, each by its place in the directory. A gateway that trunks share is of the one that is known by nothing
/// else, else of the first that registers there. Those that prove themselves by digest alone have to.
fn peers_of(directory: &Directory) -> Vec<TrustedPeer> {
    let trunks: Vec<(&Trunk, BTreeSet<Network>)> =
        directory.trunks.iter().map(|trunk| (trunk, networks_of(trunk))).collect();
    let mut peers = Vec::new();
    for (number, (trunk, networks)) in (0..).zip(&trunks) {
        let goes_before = |at: u32, other: &Trunk| {
            let comes_first = !other.shares_gateways() || trunk.proves_itself() || at < number;
            trunk.shares_gateways() && at != number && comes_first
        };
        for own in networks {
            let claims = |theirs: &BTreeSet<Network>| theirs.iter().any(|network| overlap(network, own));
            if !(0..).zip(&trunks).any(|(at, (other, theirs))| goes_before(at, other) && claims(theirs)) {
                let (network, prefix, port) = *own;
                peers.push(TrustedPeer { peer: PeerId(number), network, prefix, port });
            }
        }
    }
    peers
}

/// Where a trunk's calls come from: its networks, else its gateways, unless it shows a certificate. A connection comes from any
/// port: the port of a gateway's own address is one for datagrams only.
pub(crate) fn networks_of(trunk: &Trunk) -> BTreeSet<Network> {
    if !trunk.networks.is_empty() || !trunk.certificate_names.is_empty() {
        return trunk.networks.iter().filter_map(|network| parse_network(network)).collect();
    }
    let of_gateway = |gateway: &Gateway| {
        let (network, prefix, port) = parse_network(&gateway.address)?;
        Some((network, prefix, port.filter(|_| gateway.transport == TrunkTransport::Udp)))
    };
    trunk.all_gateways().iter().filter_map(of_gateway).collect()
}

/// A host name as names are compared: in lower case, without the dot of the root.
pub(crate) fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The trunks by the names in their certificates.
fn certificate_names_of(directory: &Directory) -> BTreeMap<String, PeerId> {
    let trunks = directory.trunks.iter().zip(0..);
    let names = trunks
        .flat_map(|(trunk, number)| trunk.certificate_names.iter().map(move |name| (plain_name(name), PeerId(number))));
    names.collect()
}

/// How many devices are registered: several flows to one count once.
fn devices_in(bindings: &[Binding]) -> u32 {
    let is_first = |(place, binding): &(usize, &Binding)| {
        !bindings.iter().take(*place).any(|before| is_same_device(before, binding))
    };
    bindings.iter().enumerate().filter(is_first).count() as u32
}

impl Desk {
    /// Who may send us requests, by the directory and our registrations.
    pub(crate) fn access(&self) -> Access {
        let directory = &self.directory;
        let phones = directory.users.iter().flat_map(|user| &user.phones).map(|phone| {
            let ha1_md5 = phone.ha1_md5.clone().unwrap_or_default();
            let ha1_sha256 = phone.ha1_sha256.clone().unwrap_or_default();
            (phone.username.clone(), Account { ha1_md5, ha1_sha256 })
        });
        let realm = &self.config.sip.realm;
        let by_digest: Vec<_> = directory.trunks.iter().filter_map(|trunk| trunk_account(trunk, realm)).collect();
        let asserting = by_digest.iter().map(|(username, _)| username.clone()).collect();
        let line = |(trunk, number): (&Trunk, u32)| {
            self.registration_of(&trunk.name).map(|registration| (registration.line.clone(), PeerId(number)))
        };
        Access {
            peers: peers_of(directory),
            certificate_names: certificate_names_of(directory),
            accounts: phones.chain(by_digest).collect(),
            lines: directory.trunks.iter().zip(0..).filter_map(line).collect(),
            asserting,
        }
    }

    /// The endpoint's bindings of a phone changed.
    pub(crate) fn bindings_changed(&mut self, account: String, bindings: Vec<Binding>) {
        self.out(Output::Bindings { account: account.clone(), bindings: bindings.clone() });
        self.bindings_restored(account, bindings);
    }

    /// As [`Desk::bindings_changed`], for bindings that the store already has.
    pub(crate) fn bindings_restored(&mut self, account: String, bindings: Vec<Binding>) {
        let Some(owner) = self.phone_owner.get(&account).cloned() else { return };
        if bindings.is_empty() {
            self.bindings.remove(&account);
        } else {
            self.bindings.insert(account, bindings);
        }
        self.count_devices_of(&owner);
        // What is up goes on when a registration lapses, as long as its audio does: the loss of audio or a request that
        // fails will tell.
    }

    pub(crate) fn count_devices(&mut self) {
        for agent in self.agents.keys().cloned().collect::<Vec<_>>() {
            self.count_devices_of(&agent);
        }
    }

    fn count_devices_of(&mut self, owner: &str) {
        let phones = self.directory.user(owner).map(|user| user.phones.as_slice()).unwrap_or_default();
        let counts = phones.iter().filter_map(|phone| self.bindings.get(&phone.username));
        let devices = counts.map(|bindings| devices_in(bindings)).sum();
        let now_us = self.now_us;
        let Some(agent) = self.agents.get_mut(owner) else { return };
        if agent.devices == devices {
            return;
        }
        if agent.devices == 0 {
            agent.idle_since_us = now_us;
        }
        agent.devices = devices;
        self.changed_agents.insert(owner.to_string());
        self.dispatch_due = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::validate;
    use crate::directory::Register;

    #[test]
    fn a_gateway_that_trunks_share_is_of_the_one_that_is_known_by_nothing_else() {
        let line = |aor: &str| Trunk {
            name: aor.into(),
            address: "192.0.2.9:5060".into(),
            register: Some(Register { aor: aor.into(), expires_seconds: 600 }),
            ..Trunk::default()
        };
        let plain = Trunk { name: "plain".into(), address: "192.0.2.9:5060".into(), ..Trunk::default() };
        let owners = |trunks: &[&Trunk]| {
            let directory =
                Directory { trunks: trunks.iter().map(|trunk| (*trunk).clone()).collect(), ..Directory::default() };
            let conflicts = validate(&directory).into_iter().filter(|error| error.key.starts_with("networks"));
            assert_eq!(conflicts.collect::<Vec<_>>(), []);
            peers_of(&directory).iter().map(|peer| peer.peer.0).collect::<Vec<_>>()
        };
        let (one, two) = (line("sip:1@carrier.example"), line("sip:2@carrier.example"));
        assert_eq!(owners(&[&one, &two]), [0]);
        let by_digest = Trunk { inbound_username: Some("three".into()), register: None, ..one.clone() };
        // The same place, written in another way.
        let other = Trunk { inbound_username: Some("four".into()), address: "192.0.2.9".into(), ..by_digest.clone() };
        assert_eq!(owners(&[&by_digest]), [0]);
        assert_eq!(owners(&[&by_digest, &other]), Vec::<u32>::new(), "each has to prove itself");
        let gateway = |port: u16| Gateway {
            address: format!("192.0.2.9:{port}"),
            transport: TrunkTransport::Tls,
            ..Gateway::default()
        };
        let of_two = Trunk { address: String::new(), gateways: vec![gateway(5060), gateway(5061)], ..by_digest };
        assert_eq!(owners(&[&of_two]), [0], "two gateways of one trunk");
        assert_eq!(owners(&[&one, &two, &plain]), [2]);
    }

    #[test]
    fn a_trunk_that_proves_itself_by_digest_alone_shares_no_gateway_with_one_that_does_not() {
        let by_digest = Trunk {
            name: "digest".into(),
            address: "192.0.2.9".into(),
            inbound_username: Some("one".into()),
            inbound_password: Some("secret".into()),
            ..Trunk::default()
        };
        let line = Some(Register { aor: "sip:1@carrier.example".into(), expires_seconds: 600 });
        let registers =
            Trunk { name: "line".into(), address: "192.0.2.9:5060".into(), register: line, ..Trunk::default() };
        let plain = Trunk { name: "plain".into(), register: None, ..registers.clone() };
        for other in [registers, plain] {
            let directory = Directory { trunks: vec![other.clone(), by_digest.clone()], ..Directory::default() };
            let found: Vec<_> =
                validate(&directory).into_iter().filter(|error| error.key == "inboundUsername").collect();
            let [error] = found.as_slice() else { panic!("{found:?}") };
            assert!(error.message.contains(&format!("\"{}\"", other.name)), "{error:?}");
        }
    }

    #[test]
    fn a_certificate_name_is_known_with_the_dot_of_the_root_and_without() {
        let names = vec!["SBC.example.com.".to_owned(), "b.example.com".to_owned()];
        let trunk = Trunk { certificate_names: names, ..Trunk::default() };
        let known = certificate_names_of(&Directory { trunks: vec![trunk], ..Directory::default() });
        assert_eq!(known.keys().collect::<Vec<_>>(), ["b.example.com", "sbc.example.com"]);
    }
}
