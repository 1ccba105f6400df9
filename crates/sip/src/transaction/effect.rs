//! What the four transaction machines can ask for, and what can happen to them.

use serde::{Deserialize, Serialize};

/// The timers of RFC 3261 §17 (table 4) and RFC 6026 §7. C belongs to proxies and is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TransactionTimer {
    /// INVITE request retransmission, UDP only.
    A,
    /// INVITE transaction timeout.
    B,
    /// Wait for response retransmissions after a non-2xx to an INVITE.
    D,
    /// Non-INVITE request retransmission, UDP only.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// INVITE response retransmission.
    G,
    /// Wait for the ACK to a non-2xx.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for non-INVITE request retransmissions.
    J,
    /// Wait for response retransmissions.
    K,
    /// Wait for accepted INVITE request retransmissions (RFC 6026).
    L,
    /// Wait for retransmissions of a 2xx to an INVITE, or of further ones from other forks (RFC 6026).
    M,
}

impl TransactionTimer {
    /// Whether a transaction is only forgotten when this timer fires: nothing is sent or told then.
    pub(crate) fn only_forgets(self) -> bool {
        matches!(self, Self::D | Self::I | Self::J | Self::K | Self::L | Self::M)
    }
}

/// T1, T2 and T4 in microseconds, and whether the transport is reliable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// The round-trip estimate.
    pub(crate) t1_us: u64,
    /// The longest retransmission interval.
    pub(crate) t2_us: u64,
    /// How long a message stays in the network.
    pub(crate) t4_us: u64,
    /// TCP: nothing is retransmitted by us.
    pub(crate) reliable: bool,
}

impl Pace {
    /// 64·T1, the limit of every wait in RFC 3261.
    pub(crate) fn limit_us(&self) -> u64 {
        64 * self.t1_us
    }

    /// A wait that only an unreliable transport needs.
    pub(crate) fn unless_reliable(&self, wait_us: u64) -> u64 {
        if self.reliable { 0 } else { wait_us }
    }
}

/// Why a transaction gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// Timer B, F or H fired: treated as 408 (RFC 3261 §8.1.3.1).
    Timeout,
    /// The transport failed: treated as 503 (RFC 3261 §8.1.3.1).
    Transport,
}

/// One thing that a machine asks its table to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send the request (client) or the last response (server) once more.
    Retransmit,
    /// Send the ACK to a non-2xx (INVITE client only).
    Acknowledge,
    /// Send the response that came down (server only).
    Send,
    /// Hand the message up.
    Pass,
    /// Tell the user that the transaction failed.
    Fail(Failure),
    /// Run a timer for this long, in microseconds.
    Set(TransactionTimer, u64),
    /// Stop a timer.
    Stop(TransactionTimer),
    /// The transaction is over and is to be forgotten.
    Terminate,
}

/// The few effects of one event, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Effects {
    items: [Option<Effect>; 6],
    count: usize,
}

impl Effects {
    /// Nothing to do.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// These, in order. At most six; what is beyond is a fault of this crate and is left out.
    pub(crate) fn of(effects: &[Effect]) -> Self {
        let mut all = Self::default();
        for effect in effects {
            all.push(*effect);
        }
        all
    }

    /// One more.
    pub(crate) fn push(&mut self, effect: Effect) {
        debug_assert!(self.count < self.items.len(), "more effects than any machine asks for");
        if let Some(slot) = self.items.get_mut(self.count) {
            *slot = Some(effect);
            self.count += 1;
        }
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Effect> {
        self.items.into_iter().flatten()
    }
}

/// A wait of zero ends at once, so the transaction is not kept for it (RFC 3261 §17.1.1.2, §17.1.2.2, §17.2).
pub(crate) fn linger(effects: &mut Effects, timer: TransactionTimer, wait_us: u64) -> bool {
    if wait_us == 0 {
        effects.push(Effect::Terminate);
        return false;
    }
    effects.push(Effect::Set(timer, wait_us));
    true
}
