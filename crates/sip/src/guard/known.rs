//! Where registered phones are: an address and port that an account has registered from is no unknown source.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The addresses of registered phones. As many as there are registrations, which have their own limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// By address; thousands of accounts may share one, behind a proxy.
    accounts: BTreeSet<(SocketAddr, String)>,
    remotes: BTreeMap<String, Vec<SocketAddr>>,
}

impl Known {
    /// An account is at these addresses now.
    pub(crate) fn set(&mut self, account: &str, remotes: impl Iterator<Item = SocketAddr>) {
        for gone in self.remotes.remove(account).unwrap_or_default() {
            self.accounts.remove(&(gone, account.to_owned()));
        }
        let remotes: Vec<SocketAddr> = remotes.collect();
        self.accounts.extend(remotes.iter().map(|remote| (*remote, account.to_owned())));
        if !remotes.is_empty() {
            self.remotes.insert(account.to_owned(), remotes);
        }
    }

    /// Whether somebody has registered from there.
    pub(crate) fn is_known(&self, remote: SocketAddr) -> bool {
        self.accounts_at(remote).next().is_some()
    }

    /// Whether somebody has registered from this address, by any port.
    pub(crate) fn is_any_at(&self, address: IpAddr) -> bool {
        let mut from = self.accounts.range((SocketAddr::new(address, 0), String::new())..);
        from.next().is_some_and(|(remote, _)| remote.ip() == address)
    }

    /// Who has registered from there.
    pub(crate) fn accounts_at(&self, remote: SocketAddr) -> impl Iterator<Item = &str> {
        let from = self.accounts.range((remote, String::new())..);
        from.take_while(move |(address, _)| *address == remote).map(|(_, account)| account.as_str())
    }

    /// Whether this account has registered from there.
    pub(crate) fn holds(&self, remote: SocketAddr, account: &str) -> bool {
        self.accounts.contains(&(remote, account.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_while_an_account_is_there() {
        let (one, two): (SocketAddr, SocketAddr) =
            ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let mut known = Known::default();
        known.set("101", [one, two].into_iter());
        known.set("102", [one].into_iter());
        known.set("101", [two].into_iter());
        assert!(known.is_any_at(one.ip()) && !known.is_any_at("192.0.2.3".parse().unwrap()));
        assert!(known.holds(one, "102") && !known.holds(one, "101") && known.holds(two, "101"));
        known.set("102", std::iter::empty());
        assert!(!known.is_known(one) && known.is_known(two));
        known.set("101", std::iter::empty());
        assert_eq!(known, Known::default());
    }
}
