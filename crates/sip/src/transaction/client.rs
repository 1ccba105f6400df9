//! The non-INVITE client transaction: RFC 3261 §17.1.2.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Effects, Failure, Pace, TransactionTimer, linger};

/// Figure 6 of RFC 3261.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Client {
    /// The request is out; nothing came back.
    Trying {
        /// The interval of timer E that runs now.
        interval_us: u64,
    },
    /// A provisional response came.
    Proceeding,
    /// A final response came.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    /// A response with this status.
    Response(u16),
    /// A timer.
    Timer(TransactionTimer),
    /// The transport could not send.
    TransportError,
}

impl Client {
    /// The request has just been sent.
    pub(crate) fn start(pace: &Pace) -> (Self, Effects) {
        let mut effects = Effects::of(&[Effect::Set(TransactionTimer::F, pace.limit_us())]);
        if !pace.reliable {
            effects.push(Effect::Set(TransactionTimer::E, pace.t1_us));
        }
        (Self::Trying { interval_us: pace.t1_us }, effects)
    }

    /// One event.
    pub(crate) fn handle(self, event: ClientEvent, pace: &Pace) -> (Self, Effects) {
        use ClientEvent::{Response, Timer, TransportError};
        match (self, event) {
            (Self::Trying { .. } | Self::Proceeding, Response(100..=199)) => {
                (Self::Proceeding, Effects::of(&[Effect::Pass]))
            }
            (Self::Trying { .. } | Self::Proceeding, Response(_)) => {
                let mut effects =
                    Effects::of(&[Effect::Stop(TransactionTimer::E), Effect::Stop(TransactionTimer::F), Effect::Pass]);
                let stays = linger(&mut effects, TransactionTimer::K, pace.unless_reliable(pace.t4_us));
                (if stays { Self::Completed } else { Self::Terminated }, effects)
            }
            (Self::Trying { interval_us }, Timer(TransactionTimer::E)) => {
                let interval_us = interval_us.saturating_mul(2).min(pace.t2_us);
                let effects = Effects::of(&[Effect::Retransmit, Effect::Set(TransactionTimer::E, interval_us)]);
                (Self::Trying { interval_us }, effects)
            }
            // RFC 3261 §17.1.2.2: in Proceeding timer E is reset to T2.
            (Self::Proceeding, Timer(TransactionTimer::E)) => {
                (self, Effects::of(&[Effect::Retransmit, Effect::Set(TransactionTimer::E, pace.t2_us)]))
            }
            (Self::Trying { .. } | Self::Proceeding, Timer(TransactionTimer::F)) => Self::fail(Failure::Timeout),
            (Self::Trying { .. } | Self::Proceeding, TransportError) => Self::fail(Failure::Transport),
            (Self::Completed, Timer(TransactionTimer::K)) => (Self::Terminated, Effects::of(&[Effect::Terminate])),
            _ => (self, Effects::none()),
        }
    }

    fn fail(failure: Failure) -> (Self, Effects) {
        let effects = Effects::of(&[
            Effect::Stop(TransactionTimer::E),
            Effect::Stop(TransactionTimer::F),
            Effect::Fail(failure),
            Effect::Terminate,
        ]);
        (Self::Terminated, effects)
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::Effect::{Fail, Pass, Retransmit, Set, Stop, Terminate};
    use super::ClientEvent::{Response, Timer, TransportError};
    use super::TransactionTimer::{A, E, F, K};
    use super::*;

    const UDP: Pace = Pace { t1_us: 500_000, t2_us: 4_000_000, t4_us: 5_000_000, reliable: false };
    const TCP: Pace = Pace { reliable: true, ..UDP };
    const TRYING: Client = Client::Trying { interval_us: 500_000 };

    #[test]
    fn rfc3261_17_1_2_2_start() {
        assert_eq!(Client::start(&UDP), (TRYING, Effects::of(&[Set(F, 32_000_000), Set(E, 500_000)])));
        assert_eq!(Client::start(&TCP), (TRYING, Effects::of(&[Set(F, 32_000_000)])));
    }

    #[test]
    fn rfc3261_17_1_2_2_every_sentence_on_udp() {
        use Client::{Completed, Proceeding, Terminated, Trying};
        let last = Trying { interval_us: 4_000_000 };
        let cases: &[(Client, ClientEvent, Client, &[Effect])] = &[
            // "If timer E fires … reset … MIN(2*T1, T2) … MIN(4*T1, T2)"
            (TRYING, Timer(E), Trying { interval_us: 1_000_000 }, &[Retransmit, Set(E, 1_000_000)]),
            (last, Timer(E), last, &[Retransmit, Set(E, 4_000_000)]),
            // "If Timer F fires while still in the Trying state, … inform the TU about the timeout"
            (TRYING, Timer(F), Terminated, &[Stop(E), Stop(F), Fail(Failure::Timeout), Terminate]),
            (TRYING, Response(100), Proceeding, &[Pass]),
            (TRYING, Response(200), Completed, &[Stop(E), Stop(F), Pass, Set(K, 5_000_000)]),
            // "If Timer E fires while in Proceeding … reset with a value of T2"
            (Proceeding, Timer(E), Proceeding, &[Retransmit, Set(E, 4_000_000)]),
            (Proceeding, Timer(F), Terminated, &[Stop(E), Stop(F), Fail(Failure::Timeout), Terminate]),
            (Proceeding, Response(199), Proceeding, &[Pass]),
            (Proceeding, Response(481), Completed, &[Stop(E), Stop(F), Pass, Set(K, 5_000_000)]),
            (TRYING, TransportError, Terminated, &[Stop(E), Stop(F), Fail(Failure::Transport), Terminate]),
            (Completed, Timer(K), Terminated, &[Terminate]),
            // Illegal or late: nothing happens
            (Completed, Response(200), Completed, &[]),
            (Completed, Timer(F), Completed, &[]),
            (Completed, TransportError, Completed, &[]),
            (TRYING, Timer(A), TRYING, &[]),
            (Terminated, Response(200), Terminated, &[]),
        ];
        for (state, event, next, effects) in cases {
            assert_eq!(state.handle(*event, &UDP), (*next, Effects::of(effects)), "{state:?} {event:?}");
        }
    }

    #[test]
    fn rfc3261_17_1_2_2_timer_k_is_zero_on_tcp() {
        let (state, effects) = TRYING.handle(Response(200), &TCP);
        assert_eq!((state, effects), (Client::Terminated, Effects::of(&[Stop(E), Stop(F), Pass, Terminate])));
    }
}
