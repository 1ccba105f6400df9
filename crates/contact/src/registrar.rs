//! Phones and the agents they belong to.

use baton_sip::{Access, Account, Binding, PeerId, TrustedPeer};

use crate::desk::Desk;
use crate::directory::{Directory, parse_network};
use crate::io::Output;

/// Who may send us requests, by the directory.
pub(crate) fn access_of(directory: &Directory) -> Access {
    let phones = directory.users.iter().flat_map(|user| &user.phones);
    let accounts = phones
        .map(|phone| {
            let ha1_md5 = phone.ha1_md5.clone().unwrap_or_default();
            let ha1_sha256 = phone.ha1_sha256.clone().unwrap_or_default();
            (phone.username.clone(), Account { ha1_md5, ha1_sha256 })
        })
        .collect();
    let trunks = directory.trunks.iter().zip(0..);
    let peers = trunks.flat_map(|(trunk, number)| {
        let parsed = trunk.all_networks().into_iter().filter_map(|network| parse_network(&network));
        parsed
            .map(move |(network, prefix, port)| TrustedPeer { peer: PeerId(number), network, prefix, port })
            .collect::<Vec<_>>()
    });
    Access { peers: peers.collect(), accounts }
}

impl Desk {
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
        let devices = counts.map(|bindings| bindings.len() as u32).sum();
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
