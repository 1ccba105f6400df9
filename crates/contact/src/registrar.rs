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

/// The peers of the trunks, each by its place in the directory. A gateway that trunks share is of the one that is known by nothing
/// else, else of the first that registers there. Those that prove themselves by digest alone have to.
fn peers_of(directory: &Directory) -> Vec<TrustedPeer> {
    let of_one = directory.trunks.iter().filter(|trunk| !trunk.shares_gateways());
    let mut taken: BTreeSet<_> = of_one.flat_map(networks_of).collect();
    let mut claims: BTreeMap<_, usize> = BTreeMap::new();
    directory.trunks.iter().flat_map(networks_of).for_each(|network| *claims.entry(network).or_default() += 1);
    let mut peers = Vec::new();
    for (trunk, number) in directory.trunks.iter().zip(0..) {
        for (network, prefix, port) in networks_of(trunk) {
            let is_alone = claims.get(&(network, prefix, port)) == Some(&1);
            let may_have = is_alone || trunk.register.is_some();
            if !trunk.shares_gateways() || may_have && taken.insert((network, prefix, port)) {
                peers.push(TrustedPeer { peer: PeerId(number), network, prefix, port });
            }
        }
    }
    peers
}

/// Where a trunk's calls come from: its networks, else its gateways, unless it shows a certificate. A connection comes from any
/// port: the port of a gateway's own address is one for datagrams only.
fn networks_of(trunk: &Trunk) -> Vec<(IpAddr, u8, Option<u16>)> {
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
        let other = Trunk { inbound_username: Some("four".into()), ..by_digest.clone() };
        assert_eq!(owners(&[&by_digest]), [0]);
        assert_eq!(owners(&[&by_digest, &one]), [1]);
        assert_eq!(owners(&[&by_digest, &other]), Vec::<u32>::new(), "each has to prove itself");
        assert_eq!(owners(&[&one, &two, &plain]), [2]);
    }

    #[test]
    fn a_certificate_name_is_known_with_the_dot_of_the_root_and_without() {
        let names = vec!["SBC.example.com.".to_owned(), "b.example.com".to_owned()];
        let trunk = Trunk { certificate_names: names, ..Trunk::default() };
        let known = certificate_names_of(&Directory { trunks: vec![trunk], ..Directory::default() });
        assert_eq!(known.keys().collect::<Vec<_>>(), ["b.example.com", "sbc.example.com"]);
    }
}
