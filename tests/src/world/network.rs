//! The network between the parties: seeded latency, loss, duplicates and reordering, and fates that a test decides.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Lose,
    /// It arrives once more, 30 ms later.
    Twice,
    /// It takes this many milliseconds.
    Late(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

/// A fate for the next messages of one title from one address.
#[derive(Debug, Clone)]
struct Rule {
    from: SocketAddr,
    title: String,
    verdict: Verdict,
    left: u32,
}

pub struct Network {
    /// Least and most time on the way, in microseconds. When they differ, messages overtake each other.
    pub latency_us: (u64, u64),
    /// Lost messages in a thousand.
    pub lost_per_mille: u32,
    /// Repeated messages in a thousand.
    pub repeated_per_mille: u32,
    dice: ChaCha12Rng,
    flying: BTreeMap<(u64, u64), Packet>,
    sent: u64,
    rules: Vec<Rule>,
}

impl Network {
    pub fn new(seed: u64) -> Network {
        Network {
            latency_us: (5_000, 5_000),
            lost_per_mille: 0,
            repeated_per_mille: 0,
            dice: ChaCha12Rng::seed_from_u64(seed),
            flying: BTreeMap::new(),
            sent: 0,
            rules: Vec::new(),
        }
    }

    /// Decides the fate of the next `times` messages of this title from this address.
    pub fn decide(&mut self, from: SocketAddr, title: &str, verdict: Verdict, times: u32) {
        self.rules.push(Rule { from, title: title.into(), verdict, left: times });
    }

    /// From now on nothing is lost, repeated or late.
    pub fn heal(&mut self) {
        self.latency_us = (5_000, 5_000);
        self.lost_per_mille = 0;
        self.repeated_per_mille = 0;
        self.rules.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }

    pub(crate) fn send(&mut self, now_us: u64, from: SocketAddr, to: SocketAddr, bytes: Bytes, title: &str) {
        let packet = Packet { from, to, bytes };
        let rule = self.rules.iter_mut().find(|rule| rule.left > 0 && rule.from == from && rule.title == title);
        if let Some(rule) = rule {
            rule.left -= 1;
            return match rule.verdict {
                Verdict::Lose => {}
                Verdict::Late(ms) => self.fly(now_us + ms * 1_000, packet),
                Verdict::Twice => {
                    self.fly(now_us + 5_000, packet.clone());
                    self.fly(now_us + 35_000, packet);
                }
            };
        }
        if self.happens(self.lost_per_mille) {
            return;
        }
        if self.happens(self.repeated_per_mille) {
            let delay_us = self.delay_us();
            self.fly(now_us + delay_us, packet.clone());
        }
        let delay_us = self.delay_us();
        self.fly(now_us + delay_us, packet);
    }

    pub(crate) fn next_us(&self) -> Option<u64> {
        self.flying.keys().next().map(|(at_us, _)| *at_us)
    }

    pub(crate) fn arrive(&mut self, now_us: u64) -> Option<Packet> {
        let entry = self.flying.first_entry().filter(|entry| entry.key().0 <= now_us)?;
        Some(entry.remove())
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.dice.next_u32() % 1_000 < per_mille
    }

    fn delay_us(&mut self) -> u64 {
        let (least, most) = self.latency_us;
        if most > least { least + self.dice.next_u64() % (most - least) } else { least }
    }

    fn fly(&mut self, at_us: u64, packet: Packet) {
        self.sent += 1;
        self.flying.insert((at_us, self.sent), packet);
    }
}
