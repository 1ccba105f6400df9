//! The guard before the front door: who is heard at all when there is too much to hear.
//!
//! Four small tables, each bounded, each asked with the time as an argument: how far the node is behind ([`load`]), what an
//! unknown source may still ask for ([`bucket`]), who is banned and why ([`bans`]), and which addresses have registered
//! phones behind them ([`known`]). What follows from them for a request is [`load::admit`]: one table, in one place.
//!
//! Architecture invariant: who has proven nothing can make none of them grow. A bucket is a slot of a fixed number, and a
//! ban needs a sender that has been reached at its address: by a TCP handshake, or by a nonce that was made for it. A
//! datagram alone proves nothing, for its source can be forged; it costs its source's tokens and no more.

mod bans;
mod bucket;
mod interface;
mod known;
mod load;
mod scanners;
mod source;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use interface::{Ban, BanReason, GuardConfig, Load, Network, Pressure};

use bans::Bans;
pub(crate) use bans::Offence;
use bucket::Buckets;
use known::Known;
pub(crate) use load::{Admission, Standing, admit};
pub(crate) use scanners::is_scanner;
use source::Source;

/// What one request of an unknown source costs.
pub(crate) const REQUEST_COST: u32 = 1;
/// What credentials that are wrong cost beyond that: guessing is slow long before it is banned.
pub(crate) const GUESS_COST: u32 = 10;
/// What a scanner's request costs beyond that.
pub(crate) const SCANNER_COST: u32 = 20;
/// A response to a datagram without a transaction is at most so many times as long as the request: whoever forges its
/// source gains nothing by us. QUIC has the same bound (RFC 9000 §8.1).
pub(crate) const AMPLIFICATION_MAX: usize = 3;

/// The guard's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guard {
    config: GuardConfig,
    load: Load,
    pressure: Pressure,
    buckets: Buckets,
    bans: Bans,
    known: Known,
    /// How many calls go to each address.
    calls: BTreeMap<IpAddr, u32>,
}

impl Guard {
    /// A guard that knows nobody. `key` is random: it decides which sources share a bucket.
    pub(crate) fn new(config: GuardConfig, key: [u8; 32]) -> Guard {
        Guard {
            buckets: Buckets::new(key, config.unknown_rate, config.unknown_burst),
            config,
            load: Load::default(),
            pressure: Pressure::Calm,
            bans: Bans::default(),
            known: Known::default(),
            calls: BTreeMap::new(),
        }
    }

    /// How far the driver says that the node is behind.
    pub(crate) fn set_load(&mut self, load: Load) {
        self.load = load;
    }

    /// Weighs everything that says how busy the node is. Shares are thousandths of their limits.
    pub(crate) fn weigh(&mut self, sessions_permille: u64, transactions_permille: u64, t1_us: u64) -> Pressure {
        self.pressure = load::weigh(self.pressure, &self.load, sessions_permille, transactions_permille, t1_us);
        self.pressure
    }

    /// Whether a network is on the allow list.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        self.config.allow.iter().any(|network| network.contains(address))
    }

    /// Pays for a request of an unknown source; false when it has no tokens left.
    pub(crate) fn pay(&mut self, now_us: u64, address: IpAddr, cost: u32) -> bool {
        self.buckets.pay(now_us, Source::of(address), cost)
    }

    /// Takes tokens for what was asked already, down to an empty bucket.
    pub(crate) fn fine(&mut self, now_us: u64, address: IpAddr, cost: u32) {
        self.buckets.fine(now_us, Source::of(address), cost);
    }

    /// Gives a request's tokens back: its sender has proven who it is.
    pub(crate) fn refund(&mut self, address: IpAddr, cost: u32) {
        self.buckets.refund(Source::of(address), cost);
    }

    /// Whether what comes from an address is dropped unread. A registered phone is heard though its address is banned:
    /// others behind the same NAT are not its fault. So is whoever has a call with us: a call that is up goes on.
    pub(crate) fn drops(&self, now_us: u64, remote: SocketAddr) -> bool {
        self.bans.holds(now_us, Source::of(remote.ip()))
            && !self.known.is_known(remote)
            && !self.calls.contains_key(&remote.ip())
    }

    /// A call goes to another address than before, or is over.
    pub(crate) fn call_goes_to(&mut self, before: &mut Option<IpAddr>, now: Option<IpAddr>) {
        if *before == now {
            return;
        }
        if let Some(address) = *before
            && let Some(count) = self.calls.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.calls.remove(&address);
            }
        }
        if let Some(address) = now {
            *self.calls.entry(address).or_default() += 1;
        }
        *before = now;
    }

    /// Counts an offence of a sender that was reached at its address; the ban that follows from it, if one does.
    pub(crate) fn offend(&mut self, now_us: u64, address: IpAddr, offence: Offence) -> Option<Ban> {
        // One phone with an old password must not lock the office out that shares its address; its guesses still cost tokens.
        let is_ours = self.known.is_any_at(address) || self.calls.contains_key(&address);
        if is_ours || self.allows(address) {
            return None;
        }
        let source = Source::of(address);
        self.bans.offend(now_us, source, offence, self.config.ban_first_s, self.config.ban_longest_s)
    }

    /// Ends a ban and forgets what led to it.
    pub(crate) fn lift(&mut self, address: IpAddr) {
        self.bans.lift(Source::of(address));
    }

    /// Whether this account, or any, has registered from this very address and port.
    pub(crate) fn is_registered_from(&self, remote: SocketAddr, account: Option<&str>) -> bool {
        match account {
            Some(account) => self.known.holds(remote, account),
            None => self.known.is_known(remote),
        }
    }

    /// The accounts that have registered from this very address and port.
    pub(crate) fn accounts_at(&self, remote: SocketAddr) -> impl Iterator<Item = &str> {
        self.known.accounts_at(remote)
    }

    /// An account is registered from these addresses now, and from no other.
    pub(crate) fn know(&mut self, account: &str, remotes: impl Iterator<Item = SocketAddr>) {
        self.known.set(account, remotes);
    }
}
