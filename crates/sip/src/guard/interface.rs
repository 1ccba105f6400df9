//! What the guard is told and what it tells.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What the guard allows and forbids. Trunks, registered phones and what is in progress are not limited by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardConfig {
    /// Networks that are trusted like a trunk's address where limits and bans are concerned; they still prove who they are.
    pub allow: Vec<Network>,
    /// Requests a second that one unknown source (an IPv4 address, an IPv6 /64) may send, at least 1.
    pub unknown_rate: u32,
    /// Requests that it may send at once, at least 1.
    pub unknown_burst: u32,
    /// How long the first ban of a source lasts, in seconds; each further one lasts four times as long.
    pub ban_first_s: u32,
    /// How long a ban lasts at most, in seconds.
    pub ban_longest_s: u32,
}

impl Default for GuardConfig {
    fn default() -> Self {
        GuardConfig { allow: Vec::new(), unknown_rate: 50, unknown_burst: 200, ban_first_s: 300, ban_longest_s: 86_400 }
    }
}

/// A network: the addresses that share their first `prefix` bits with `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Any address of it.
    pub address: IpAddr,
    /// 0–32, or 0–128 for IPv6.
    pub prefix: u8,
}

impl Network {
    /// Whether an address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(address)) => {
                let apart = u32::from(own) ^ u32::from(address);
                apart.leading_zeros() >= u32::from(self.prefix).min(32)
            }
            (IpAddr::V6(own), IpAddr::V6(address)) => {
                let apart = u128::from(own) ^ u128::from(address);
                apart.leading_zeros() >= u32::from(self.prefix).min(128)
            }
            _ => false,
        }
    }
}

/// How far the node is behind, as the driver measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// How long, in microseconds, what was read last had waited in its socket or in the inbox. A long busy spell with short
    /// queues is none.
    pub behind_us: u64,
    /// What waits in the inbox, in thousandths of its room.
    pub inbox_permille: u32,
    /// What waits for the store, in thousandths of its mark.
    pub store_permille: u32,
}

/// How much has to give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Pressure {
    /// Nothing.
    #[default]
    Calm,
    /// New calls and unknown phones are asked to come later (503 with Retry-After).
    Busy,
    /// Unknown sources get no answer, and registered phones' new calls are asked to come later too.
    Flooded,
}

/// A source whose messages are dropped unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The address; of an IPv6 network the first one.
    pub address: IpAddr,
    /// 32, or 64 for IPv6.
    pub prefix: u8,
    /// What the last offence was.
    pub reason: BanReason,
    /// When it began, in microseconds since the Unix epoch.
    pub since_us: u64,
    /// When it ends, in microseconds since the Unix epoch.
    pub until_us: u64,
    /// The how manyeth ban of this source it is.
    pub count: u32,
}

/// Why a source was banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BanReason {
    /// It guessed passwords.
    WrongPasswords,
    /// It guessed account names.
    UnknownAccounts,
    /// It called itself by a scanner's name.
    Scanner,
    /// It sent what is no SIP, over a stream.
    Malformed,
}

/// What an offence is called when it leads to a ban.
impl From<super::bans::Offence> for BanReason {
    fn from(offence: super::bans::Offence) -> BanReason {
        use super::bans::Offence;
        match offence {
            Offence::WrongPassword => BanReason::WrongPasswords,
            Offence::UnknownAccount => BanReason::UnknownAccounts,
            Offence::Scanner => BanReason::Scanner,
            Offence::Malformed => BanReason::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_shares_its_prefix() {
        let network = |address: &str, prefix| Network { address: address.parse().unwrap(), prefix };
        let cases = [
            (network("10.1.0.0", 16), "10.1.255.1", true),
            (network("10.1.0.0", 16), "10.2.0.1", false),
            (network("10.1.0.7", 32), "::ffff:10.1.0.7", true),
            (network("0.0.0.0", 0), "192.0.2.1", true),
            (network("0.0.0.0", 0), "2001:db8::1", false),
            (network("2001:db8::", 32), "2001:db8:9::1", true),
            (network("2001:db8::1", 200), "2001:db8::2", false),
        ];
        for (network, address, wanted) in cases {
            assert_eq!(network.contains(address.parse().unwrap()), wanted, "{network:?} {address}");
        }
    }
}
