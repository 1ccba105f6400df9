//! The non-INVITE server transaction: RFC 3261 §17.2.2 with RFC 4320.

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Effects, Failure, Pace, TransactionTimer, linger};

/// Figure 8 of RFC 3261.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Server {
    /// The request came; nothing was answered.
    Trying,
    /// A provisional response went out.
    Proceeding,
    /// A final response went out.
    Completed,
    /// Over.
    Terminated,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerEvent {
    /// The same request again.
    Request,
    /// The user's response with this status.
    Respond(u16),
    /// A timer.
    Timer(TransactionTimer),
    /// The transport could not send.
    TransportError,
}

impl Server {
    /// The request has just come.
    pub(crate) fn start() -> Self {
        Self::Trying
    }

    /// One event.
    pub(crate) fn handle(self, event: ServerEvent, pace: &Pace) -> (Self, Effects) {
        use ServerEvent::{Request, Respond, Timer, TransportError};
        match (self, event) {
            // RFC 4320 §4.1: no provisional response but 100 to a non-INVITE request.
            (Self::Trying | Self::Proceeding, Respond(100)) => (Self::Proceeding, Effects::of(&[Effect::Send])),
            // RFC 4320 §4.2: 408 never answers a non-INVITE request; the client has timed out by itself.
            (Self::Trying | Self::Proceeding, Respond(408)) => (Self::Terminated, Effects::of(&[Effect::Terminate])),
            (Self::Trying | Self::Proceeding, Respond(200..=699)) => {
                let mut effects = Effects::of(&[Effect::Send]);
                let stays = linger(&mut effects, TransactionTimer::J, pace.unless_reliable(pace.limit_us()));
                (if stays { Self::Completed } else { Self::Terminated }, effects)
            }
            // RFC 3261 §17.2.2: in Trying a repeated request is dropped.
            (Self::Proceeding | Self::Completed, Request) => (self, Effects::of(&[Effect::Retransmit])),
            (Self::Completed, Timer(TransactionTimer::J)) => (Self::Terminated, Effects::of(&[Effect::Terminate])),
            (Self::Trying | Self::Proceeding | Self::Completed, TransportError) => {
                (Self::Terminated, Effects::of(&[Effect::Fail(Failure::Transport), Effect::Terminate]))
            }
            _ => (self, Effects::none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::Effect::{Fail, Retransmit, Send, Set, Terminate};
    use super::ServerEvent::{Request, Respond, Timer, TransportError};
    use super::TransactionTimer::{G, J};
    use super::*;

    const UDP: Pace = Pace { t1_us: 500_000, t2_us: 4_000_000, t4_us: 5_000_000, reliable: false };
    const TCP: Pace = Pace { reliable: true, ..UDP };

    #[test]
    fn rfc3261_17_2_2_and_rfc4320_every_sentence_on_udp() {
        use Server::{Completed, Proceeding, Terminated, Trying};
        let cases: &[(Server, ServerEvent, Server, &[Effect])] = &[
            // "Once in the Trying state, any further request retransmissions are discarded"
            (Trying, Request, Trying, &[]),
            (Trying, Respond(100), Proceeding, &[Send]),
            (Trying, Respond(200), Completed, &[Send, Set(J, 32_000_000)]),
            (Proceeding, Respond(100), Proceeding, &[Send]),
            (Proceeding, Request, Proceeding, &[Retransmit]),
            (Proceeding, Respond(503), Completed, &[Send, Set(J, 32_000_000)]),
            // "Any other final responses passed by the TU … MUST be discarded while in Completed"
            (Completed, Respond(200), Completed, &[]),
            (Completed, Request, Completed, &[Retransmit]),
            (Completed, Timer(J), Terminated, &[Terminate]),
            // RFC 4320
            (Trying, Respond(180), Trying, &[]),
            (Trying, Respond(408), Terminated, &[Terminate]),
            (Proceeding, Respond(408), Terminated, &[Terminate]),
            (Trying, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            (Completed, TransportError, Terminated, &[Fail(Failure::Transport), Terminate]),
            // Illegal or late: nothing happens
            (Trying, Timer(J), Trying, &[]),
            (Completed, Timer(G), Completed, &[]),
            (Terminated, Request, Terminated, &[]),
            (Terminated, Respond(200), Terminated, &[]),
        ];
        for (state, event, next, effects) in cases {
            assert_eq!(state.handle(*event, &UDP), (*next, Effects::of(effects)), "{state:?} {event:?}");
        }
    }

    #[test]
    fn rfc3261_17_2_2_timer_j_is_zero_on_tcp() {
        let (state, effects) = Server::Trying.handle(Respond(200), &TCP);
        assert_eq!((state, effects), (Server::Terminated, Effects::of(&[Send, Terminate])));
    }
}
