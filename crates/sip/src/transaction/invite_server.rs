//! The INVITE server transaction: RFC 3261 §17.2.1 with RFC 6026 §7.1.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Effects, Failure, Pace, TransactionTimer, linger};

/// Figure 7 of RFC 3261 as amended by RFC 6026 §8.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InviteServer {
    /// No final response yet.
    Proceeding,
    /// A 2xx went out; repeated requests are absorbed, further 2xx pass.
    Accepted,
    /// A 300–699 went out; its ACK is awaited.
    Completed {
        /// The interval of timer G that runs now.
        interval_us: u64,
    },
    /// The ACK came.
    Confirmed,
    /// Over.
    Terminated,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InviteServerEvent {
    /// The same INVITE again.
    Request,
    /// An ACK that matches this transaction.
    Ack,
    /// The user's response with this status.
    Respond(u16),
    /// A timer.
    Timer(TransactionTimer),
    /// The transport could not send.
    TransportError,
}

impl InviteServer {
    /// The INVITE has just come.
    pub(crate) fn start() -> Self {
        Self::Proceeding
    }

    /// One event.
    pub(crate) fn handle(self, event: InviteServerEvent, pace: &Pace) -> (Self, Effects) {
        use InviteServerEvent::{Ack, Request, Respond, Timer, TransportError};
        match (self, event) {
            (Self::Proceeding, Respond(status)) => Self::respond(status, pace),
            // RFC 3261 §17.2.1: a repeated request gets the most recent provisional or final response again.
            (Self::Proceeding | Self::Completed { .. }, Request) => (self, Effects::of(&[Effect::Retransmit])),
            // RFC 6026 §7.1: in Accepted repeated INVITEs are absorbed, for the user repeats the 2xx itself.
            (Self::Accepted, Request) => (self, Effects::none()),
            (Self::Accepted, Respond(200..=299)) => (self, Effects::of(&[Effect::Send])),
            (Self::Accepted, Ack) => (self, Effects::of(&[Effect::Pass])),
            (Self::Accepted, Timer(TransactionTimer::L)) => (Self::Terminated, Effects::of(&[Effect::Terminate])),
            (Self::Completed { interval_us }, Timer(TransactionTimer::G)) => {
                let interval_us = interval_us.saturating_mul(2).min(pace.t2_us);
                let effects = Effects::of(&[Effect::Retransmit, Effect::Set(TransactionTimer::G, interval_us)]);
                (Self::Completed { interval_us }, effects)
            }
            (Self::Completed { .. }, Timer(TransactionTimer::H)) => {
                (Self::Terminated, Effects::of(&[Effect::Fail(Failure::Timeout), Effect::Terminate]))
            }
            (Self::Completed { .. }, Ack) => Self::confirm(pace),
            (Self::Confirmed, Timer(TransactionTimer::I)) => (Self::Terminated, Effects::of(&[Effect::Terminate])),
            // RFC 6026 §7.1: a transport error in Accepted is the user's to know; the transaction stays to absorb.
            (Self::Accepted, TransportError) => (self, Effects::of(&[Effect::Fail(Failure::Transport)])),
            (Self::Proceeding | Self::Completed { .. }, TransportError) => {
                (Self::Terminated, Effects::of(&[Effect::Fail(Failure::Transport), Effect::Terminate]))
            }
            _ => (self, Effects::none()),
        }
    }

    fn respond(status: u16, pace: &Pace) -> (Self, Effects) {
        match status {
            100..=199 => (Self::Proceeding, Effects::of(&[Effect::Send])),
            200..=299 => {
                (Self::Accepted, Effects::of(&[Effect::Send, Effect::Set(TransactionTimer::L, pace.limit_us())]))
            }
            _ => {
                let mut effects = Effects::of(&[Effect::Send]);
                if !pace.reliable {
                    effects.push(Effect::Set(TransactionTimer::G, pace.t1_us));
                }
                effects.push(Effect::Set(TransactionTimer::H, pace.limit_us()));
                (Self::Completed { interval_us: pace.t1_us }, effects)
            }
        }
    }

    fn confirm(pace: &Pace) -> (Self, Effects) {
        let mut effects = Effects::of(&[Effect::Stop(TransactionTimer::G), Effect::Stop(TransactionTimer::H)]);
        let stays = linger(&mut effects, TransactionTimer::I, pace.unless_reliable(pace.t4_us));
        (if stays { Self::Confirmed } else { Self::Terminated }, effects)
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::Effect::{Fail, Pass, Retransmit, Send, Set, Stop, Terminate};
    use super::InviteServerEvent::{Ack, Request, Respond, Timer, TransportError};
    use super::TransactionTimer::{A, G, H, I, L};
    use super::*;

    const UDP: Pace = Pace { t1_us: 500_000, t2_us: 4_000_000, t4_us: 5_000_000, reliable: false };
    const TCP: Pace = Pace { reliable: true, ..UDP };

    #[test]
    fn rfc3261_17_2_1_every_sentence_on_udp() {
        use InviteServer::{Accepted, Completed, Confirmed, Proceeding, Terminated};
        let first = Completed { interval_us: 500_000 };
        let last = Completed { interval_us: 4_000_000 };
        let cases: &[(InviteServer, InviteServerEvent, InviteServer, &[Effect])] = &[
            // "If the TU … passes any number of provisional responses … each … passed to the transport"
            (Proceeding, Respond(100), Proceeding, &[Send]),
            (Proceeding, Respond(183), Proceeding, &[Send]),
            // "If a request retransmission is received while in Proceeding, the most recent provisional … is passed"
            (Proceeding, Request, Proceeding, &[Retransmit]),
            // RFC 6026 §8.5
            (Proceeding, Respond(200), Accepted, &[Send, Set(L, 32_000_000)]),
            (Accepted, Request, Accepted, &[]),
            (Accepted, Respond(200), Accepted, &[Send]),
            (Accepted, Ack, Accepted, &[Pass]),
            (Accepted, TransportError, Accepted, &[Fail(Failure::Transport)]),
            (Accepted, Timer(L), Terminated, &[Terminate]),
            // "a response with status code from 300 to 699 … Completed; timer G … T1 seconds; timer H 64*T1"
            (Proceeding, Respond(486), first, &[Send, Set(G, 500_000), Set(H, 32_000_000)]),
            (first, Request, first, &[Retransmit]),
            // "MIN(2*T1, T2)" and so on
            (first, Timer(G), Completed { interval_us: 1_000_000 }, &[Retransmit, Set(G, 1_000_000)]),
            (last, Timer(G), last, &[Retransmit, Set(G, 4_000_000)]),
            // "If an ACK is received while in Completed … Confirmed … timer I fires in T4"
            (first, Ack, Confirmed, &[Stop(G), Stop(H), Set(I, 5_000_000)]),
            (Confirmed, Timer(I), Terminated, &[Terminate]),
            // "If timer H fires while in Completed, the ACK was never received"
            (first, Timer(H), Terminated, &[Fail(Failure::Timeout), Terminate]),
            (first, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            (Proceeding, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            // Illegal or late: nothing happens
            (Proceeding, Ack, Proceeding, &[]),
            (Proceeding, Timer(G), Proceeding, &[]),
            (Accepted, Respond(180), Accepted, &[]),
            (Accepted, Respond(486), Accepted, &[]),
            (first, Respond(200), first, &[]),
            (first, Respond(500), first, &[]),
            (Confirmed, Ack, Confirmed, &[]),
            (Confirmed, Request, Confirmed, &[]),
            (Confirmed, Respond(486), Confirmed, &[]),
            (Confirmed, TransportError, Confirmed, &[]),
            (Confirmed, Timer(A), Confirmed, &[]),
            (Terminated, Request, Terminated, &[]),
            (Terminated, Respond(200), Terminated, &[]),
        ];
        for (state, event, next, effects) in cases {
            assert_eq!(state.handle(*event, &UDP), (*next, Effects::of(effects)), "{state:?} {event:?}");
        }
    }

    #[test]
    fn rfc3261_17_2_1_no_timer_g_and_no_timer_i_on_tcp() {
        let (state, effects) = InviteServer::Proceeding.handle(Respond(404), &TCP);
        assert_eq!(effects, Effects::of(&[Send, Set(H, 32_000_000)]));
        let (state, effects) = state.handle(Ack, &TCP);
        assert_eq!((state, effects), (InviteServer::Terminated, Effects::of(&[Stop(G), Stop(H), Terminate])));
    }
}
