//! The INVITE client transaction: RFC 3261 §17.1.1 with RFC 6026 §7.2.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Effects, Failure, Pace, TransactionTimer, linger};

/// Figure 5 of RFC 3261 as amended by RFC 6026 §8.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InviteClient {
    /// The INVITE is out; nothing came back.
    Calling {
        /// The interval of timer A that runs now.
        interval_us: u64,
    },
    /// A provisional response came.
    Proceeding,
    /// A 2xx came; more may come, from other forks too.
    Accepted,
    /// A 300–699 came and was acknowledged.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InviteClientEvent {
    /// A response with this status.
    Response(u16),
    /// A timer.
    Timer(TransactionTimer),
    /// The transport could not send.
    TransportError,
}

/// Timer D is at least 32 s on an unreliable transport (RFC 3261 §17.1.1.2).
const TIMER_D_US: u64 = 32_000_000;

impl InviteClient {
    /// The INVITE has just been sent.
    pub(crate) fn start(pace: &Pace) -> (Self, Effects) {
        let mut effects = Effects::none();
        if !pace.reliable {
            // RFC 3261 §17.1.1.2: "If an unreliable transport is being used, the client transaction MUST start timer A".
            effects.push(Effect::Set(TransactionTimer::A, pace.t1_us));
        }
        effects.push(Effect::Set(TransactionTimer::B, pace.limit_us()));
        (Self::Calling { interval_us: pace.t1_us }, effects)
    }

    /// One event.
    pub(crate) fn handle(self, event: InviteClientEvent, pace: &Pace) -> (Self, Effects) {
        use InviteClientEvent::{Response, Timer, TransportError};
        match (self, event) {
            (Self::Calling { .. } | Self::Proceeding, Response(status)) => self.response(status, pace),
            (Self::Calling { interval_us }, Timer(TransactionTimer::A)) => {
                // Timer A doubles with each retransmission, without a ceiling (§17.1.1.2).
                let interval_us = interval_us.saturating_mul(2);
                let effects = Effects::of(&[Effect::Retransmit, Effect::Set(TransactionTimer::A, interval_us)]);
                (Self::Calling { interval_us }, effects)
            }
            // RFC 3261 §17.1.1.2: timer B matters only while still in Calling; a provisional response stops it. In Proceeding it
            // runs after a CANCEL alone, whose INVITE is over 64·T1 later (§9.1).
            (Self::Calling { .. } | Self::Proceeding, Timer(TransactionTimer::B)) => Self::fail(Failure::Timeout),
            (Self::Calling { .. } | Self::Proceeding, TransportError) => Self::fail(Failure::Transport),
            // RFC 6026 §7.2: 2xx in Accepted are passed up; other responses are not.
            (Self::Accepted, Response(200..=299)) => (self, Effects::of(&[Effect::Pass])),
            // RFC 3261 §17.1.1.2: a repeated final response is acknowledged again, not passed up.
            (Self::Completed, Response(300..=699)) => (self, Effects::of(&[Effect::Acknowledge])),
            (Self::Completed, TransportError) => Self::fail(Failure::Transport),
            (Self::Completed, Timer(TransactionTimer::D)) | (Self::Accepted, Timer(TransactionTimer::M)) => {
                (Self::Terminated, Effects::of(&[Effect::Terminate]))
            }
            _ => (self, Effects::none()),
        }
    }

    fn response(self, status: u16, pace: &Pace) -> (Self, Effects) {
        match status {
            100..=199 => {
                let mut effects = Effects::of(&[Effect::Pass]);
                if matches!(self, Self::Calling { .. }) {
                    effects.push(Effect::Stop(TransactionTimer::A));
                    effects.push(Effect::Stop(TransactionTimer::B));
                }
                (Self::Proceeding, effects)
            }
            200..=299 => {
                // RFC 6026 §8.4: timer M is 64·T1 on every transport, for the 2xx of other forks.
                let mut effects = self.stop_calling();
                effects.push(Effect::Pass);
                effects.push(Effect::Set(TransactionTimer::M, pace.limit_us()));
                (Self::Accepted, effects)
            }
            _ => {
                let mut effects = self.stop_calling();
                effects.push(Effect::Acknowledge);
                effects.push(Effect::Pass);
                let stays =
                    linger(&mut effects, TransactionTimer::D, pace.unless_reliable(TIMER_D_US.max(pace.limit_us())));
                (if stays { Self::Completed } else { Self::Terminated }, effects)
            }
        }
    }

    fn stop_calling(self) -> Effects {
        match self {
            Self::Calling { .. } => {
                Effects::of(&[Effect::Stop(TransactionTimer::A), Effect::Stop(TransactionTimer::B)])
            }
            _ => Effects::none(),
        }
    }

    fn fail(failure: Failure) -> (Self, Effects) {
        (Self::Terminated, Effects::of(&[Effect::Fail(failure), Effect::Terminate]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::Effect::{Acknowledge, Fail, Pass, Retransmit, Set, Stop, Terminate};
    use super::InviteClientEvent::{Response, Timer, TransportError};
    use super::TransactionTimer::{A, B, D, E, M};
    use super::*;

    const UDP: Pace = Pace { t1_us: 500_000, t2_us: 4_000_000, t4_us: 5_000_000, reliable: false };
    const TCP: Pace = Pace { reliable: true, ..UDP };
    const CALLING: InviteClient = InviteClient::Calling { interval_us: 500_000 };

    #[test]
    fn rfc3261_17_1_1_2_start() {
        assert_eq!(InviteClient::start(&UDP), (CALLING, Effects::of(&[Set(A, 500_000), Set(B, 32_000_000)])));
        assert_eq!(InviteClient::start(&TCP), (CALLING, Effects::of(&[Set(B, 32_000_000)])));
    }

    #[test]
    fn rfc3261_17_1_1_2_every_sentence_on_udp() {
        use InviteClient::{Accepted, Calling, Completed, Proceeding, Terminated};
        let twice = Calling { interval_us: 1_000_000 };
        let cases: &[(InviteClient, InviteClientEvent, InviteClient, &[Effect])] = &[
            // "When timer A fires, the client transaction MUST retransmit the request … reset timer to 2*T1"
            (CALLING, Timer(A), twice, &[Retransmit, Set(A, 1_000_000)]),
            (twice, Timer(A), Calling { interval_us: 2_000_000 }, &[Retransmit, Set(A, 2_000_000)]),
            // "If still in the Calling state when timer B fires, inform the TU that a timeout has occurred"
            (CALLING, Timer(B), Terminated, &[Fail(Failure::Timeout), Terminate]),
            // "the client transaction MUST NOT generate an ACK" for the timeout: shown by the list above.
            (CALLING, Response(100), Proceeding, &[Pass, Stop(A), Stop(B)]),
            (CALLING, Response(183), Proceeding, &[Pass, Stop(A), Stop(B)]),
            (Proceeding, Response(180), Proceeding, &[Pass]),
            // RFC 6026 §8.4: a 2xx leads to Accepted and timer M
            (CALLING, Response(200), Accepted, &[Stop(A), Stop(B), Pass, Set(M, 32_000_000)]),
            (Proceeding, Response(299), Accepted, &[Pass, Set(M, 32_000_000)]),
            (Accepted, Response(200), Accepted, &[Pass]),
            (Accepted, Timer(M), Terminated, &[Terminate]),
            // "a response with status code from 300-699 → Completed, pass up, ACK"
            (CALLING, Response(486), Completed, &[Stop(A), Stop(B), Acknowledge, Pass, Set(D, 32_000_000)]),
            (Proceeding, Response(699), Completed, &[Acknowledge, Pass, Set(D, 32_000_000)]),
            (Completed, Response(486), Completed, &[Acknowledge]),
            (Completed, Timer(D), Terminated, &[Terminate]),
            // "inform the TU of transport failure"
            (CALLING, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            (Proceeding, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            (Completed, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            // Illegal or late: nothing happens
            (Proceeding, Timer(A), Proceeding, &[]),
            // §9.1: "64*T1 seconds [after the CANCEL] … the original transaction [is] cancelled and SHOULD [be] destroy[ed]"
            (Proceeding, Timer(B), Terminated, &[Fail(Failure::Timeout), Terminate]),
            (Accepted, Response(180), Accepted, &[]),
            (Accepted, Response(486), Accepted, &[]),
            (Accepted, Timer(B), Accepted, &[]),
            (Accepted, TransportError, Accepted, &[]),
            (Completed, Response(180), Completed, &[]),
            (Completed, Response(200), Completed, &[]),
            (CALLING, Timer(E), CALLING, &[]),
            (Terminated, Response(200), Terminated, &[]),
            (Terminated, Timer(D), Terminated, &[]),
            (Terminated, TransportError, Terminated, &[]),
        ];
        for (state, event, next, effects) in cases {
            assert_eq!(state.handle(*event, &UDP), (*next, Effects::of(effects)), "{state:?} {event:?}");
        }
    }

    #[test]
    fn rfc3261_17_1_1_2_timer_d_is_zero_on_tcp() {
        let (state, effects) = CALLING.handle(Response(404), &TCP);
        assert_eq!(state, InviteClient::Terminated);
        assert_eq!(effects, Effects::of(&[Stop(A), Stop(B), Acknowledge, Pass, Terminate]));
    }
}
