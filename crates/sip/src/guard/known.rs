//! Where registered phones are: an address and port that an account has registered from is no unknown source.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The addresses of registered phones. As many as there are registrations, which have their own limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    by_remote: BTreeMap<SocketAddr, BTreeSet<String>>,
    by_account: BTreeMap<String, BTreeSet<SocketAddr>>,
}

impl Known {
    /// An account is at these addresses now.
    pub(crate) fn set(&mut self, account: &str, remotes: impl Iterator<Item = SocketAddr>) {
        let remotes: BTreeSet<SocketAddr> = remotes.collect();
        let before = self.by_account.remove(account).unwrap_or_default();
        for gone in before.difference(&remotes) {
            if let Some(accounts) = self.by_remote.get_mut(gone) {
                accounts.remove(account);
                if accounts.is_empty() {
                    self.by_remote.remove(gone);
                }
            }
        }
        for new in remotes.difference(&before) {
            self.by_remote.entry(*new).or_default().insert(account.to_owned());
        }
        if !remotes.is_empty() {
            self.by_account.insert(account.to_owned(), remotes);
        }
    }

    /// Whether somebody has registered from there.
    pub(crate) fn is_known(&self, remote: SocketAddr) -> bool {
        self.by_remote.contains_key(&remote)
    }

    /// Who has registered from there.
    pub(crate) fn accounts_at(&self, remote: SocketAddr) -> impl Iterator<Item = &str> {
        self.by_remote.get(&remote).into_iter().flatten().map(String::as_str)
    }

    /// Whether this account has registered from there.
    pub(crate) fn holds(&self, remote: SocketAddr, account: &str) -> bool {
        self.by_remote.get(&remote).is_some_and(|accounts| accounts.contains(account))
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
        assert!(known.holds(one, "102") && !known.holds(one, "101") && known.holds(two, "101"));
        known.set("102", std::iter::empty());
        assert!(!known.is_known(one) && known.is_known(two));
        known.set("101", std::iter::empty());
        assert_eq!(known, Known::default());
    }
}
