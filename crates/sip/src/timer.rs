//! Timers as an enum and a table. Every deadline has a reason that can be logged.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::events::SubscriptionId;
use crate::interface::{ConnectionHandle, SessionId};
use crate::transaction::{TransactionId, TransactionTimer};

/// Why the endpoint wants to be woken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// Timers A to M of one transaction.
    Transaction(TransactionId, TransactionTimer),
    /// A session's own timers.
    Session(SessionId, SessionTimer),
    /// The earliest binding of an account expires.
    Binding(String),
    /// A stream connection has been idle for too long.
    Stream(ConnectionHandle),
    /// A message on a stream connection was not whole in time.
    StreamMessage(ConnectionHandle),
    /// A query for a host name was not answered by the driver.
    Resolve(u64),
    /// A subscription's own timers.
    Subscription(SubscriptionId, SubscriptionTimer),
}

/// What a session waits for, beside its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SessionTimer {
    /// A 2xx to an INVITE is repeated until its ACK comes (RFC 3261 §13.3.1.4).
    RepeatSuccess,
    /// The ACK to our 2xx never came: 64·T1 (RFC 3261 §13.3.1.4).
    AwaitAck,
    /// An unanswered incoming call repeats its provisional response (RFC 3261 §13.3.1.1).
    RepeatProvisional,
    /// After a CANCEL of ours the final response is awaited for 64·T1 only (RFC 3261 §9.1).
    CancelExpires,
    /// Our re-INVITE has had no response but provisional ones for long.
    Undecided,
    /// The back-off after a glare is over (RFC 3261 §14.1).
    Glare,
    /// Debts are no longer waited for.
    Debts,
    /// Not even a provisional response has come to our INVITE.
    Silence,
    /// The peer's offer was answered by nobody above; refused so that the peer is not left waiting.
    AwaitDecision,
    /// A reliable provisional response is repeated until its PRACK comes (RFC 3262 §3).
    RepeatReliable,
    /// The PRACK never came: 64·T1 (RFC 3262 §3).
    AwaitPrack,
    /// The session is refreshed, or ends for want of it (RFC 4028 §10).
    Refresh,
}

/// What a subscription waits for, beside its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SubscriptionTimer {
    /// The pause after a notification is over.
    Pause,
    /// It expires, or its SUBSCRIBE was decided by nobody above.
    Expires,
}

/// All deadlines of an endpoint: set, stop and pop cost the logarithm of their number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timers {
    #[serde(with = "crate::pairs")]
    deadlines: BTreeMap<Timer, u64>,
    queue: BTreeSet<(u64, Timer)>,
}

impl Timers {
    /// Sets a timer; one that runs already is moved.
    pub(crate) fn set(&mut self, timer: Timer, at_us: u64) {
        if let Some(before_us) = self.deadlines.insert(timer.clone(), at_us) {
            if before_us == at_us {
                return;
            }
            self.queue.remove(&(before_us, timer.clone()));
        }
        self.queue.insert((at_us, timer));
    }

    /// Stops a timer; one that does not run is left alone.
    pub(crate) fn stop(&mut self, timer: &Timer) {
        if let Some(at_us) = self.deadlines.remove(timer) {
            self.queue.remove(&(at_us, timer.clone()));
        }
    }

    /// Stops all timers of a transaction.
    pub(crate) fn stop_transaction(&mut self, id: TransactionId) {
        self.stop_between(Timer::Transaction(id, TransactionTimer::A), Timer::Transaction(id, TransactionTimer::M));
    }

    /// Stops all timers of a session.
    pub(crate) fn stop_session(&mut self, id: SessionId) {
        self.stop_between(Timer::Session(id, SessionTimer::RepeatSuccess), Timer::Session(id, SessionTimer::Refresh));
    }

    /// Stops all timers of a subscription.
    pub(crate) fn stop_subscription(&mut self, id: SubscriptionId) {
        self.stop_between(
            Timer::Subscription(id, SubscriptionTimer::Pause),
            Timer::Subscription(id, SubscriptionTimer::Expires),
        );
    }

    fn stop_between(&mut self, first: Timer, last: Timer) {
        while let Some((timer, _)) = self.deadlines.range(&first..=&last).next() {
            let timer = timer.clone();
            self.stop(&timer);
        }
    }

    /// Takes the earliest timer that is due at `now_us`.
    pub(crate) fn pop_due(&mut self, now_us: u64) -> Option<Timer> {
        let (at_us, _) = self.queue.first()?;
        if *at_us > now_us {
            return None;
        }
        let (_, timer) = self.queue.pop_first()?;
        self.deadlines.remove(&timer);
        Some(timer)
    }

    /// The earliest deadline in microseconds.
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.queue.first().map(|(at_us, _)| *at_us)
    }

    /// Whether a timer runs.
    pub(crate) fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether a timer runs.
    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.deadlines.contains_key(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(number: u64) -> Timer {
        Timer::Session(SessionId(number), SessionTimer::Glare)
    }

    #[test]
    fn timers_come_in_order_of_time_and_only_when_due() {
        let mut timers = Timers::default();
        for (number, at_us) in [(1, 30), (2, 10), (3, 20)] {
            timers.set(timer(number), at_us);
        }
        assert_eq!(timers.next_us(), Some(10));
        assert_eq!(timers.pop_due(9), None);
        assert_eq!(timers.pop_due(20), Some(timer(2)));
        assert_eq!(timers.pop_due(20), Some(timer(3)));
        assert_eq!(timers.pop_due(20), None);
        assert_eq!(timers.next_us(), Some(30));
    }

    #[test]
    fn setting_again_moves_and_stopping_removes() {
        let mut timers = Timers::default();
        timers.set(timer(1), 10);
        timers.set(timer(1), 50);
        assert_eq!(timers.pop_due(49), None);
        assert!(timers.is_set(&timer(1)));
        timers.stop(&timer(1));
        timers.stop(&timer(1));
        assert_eq!(timers.next_us(), None);
        assert_eq!(timers, Timers::default());
    }
}
