//! The peer's re-INVITE, and the contact's answer to any offer (RFC 3261 §14.2, D4, D5).

use bytes::Bytes;

use super::send::refusal;
use super::{Exchange, Phase, Session, interval_too_small};
use crate::headers::SDP;
use crate::interface::{CommandRefused, Event};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message};

/// What stands in the way of an offer of the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// An offer of ours is open: 491.
    Ours,
    /// An earlier offer of its own is open: 500 with Retry-After.
    Theirs,
    /// The session is about to end: 487.
    Ending,
}

impl Session {
    /// A re-INVITE.
    pub(super) fn take_reinvite(&mut self, stack: &mut Stack, transaction: TransactionId, request: &Message) {
        match self.obstacle() {
            Some(Obstacle::Ours) => return self.respond(stack, transaction, 491),
            Some(Obstacle::Theirs) => return self.respond_later(stack, transaction),
            Some(Obstacle::Ending) => return self.respond(stack, transaction, 487),
            None => {}
        }
        if let Some(min_s) = interval_too_small(request, &stack.config) {
            self.respond_with(stack, transaction, 422, |builder| {
                builder.header(HeaderName::MinSe, min_s);
            });
            return;
        }
        // A higher CSeq proves that our last 2xx arrived, though its ACK was lost (RFC 5407 §3.1.4).
        self.confirm(stack);
        let sdp = request.body_of_type(SDP);
        self.ask_contact(stack, transaction, sdp.is_none(), true);
        stack.tell(Event::Offered { session: self.id, sdp });
    }

    /// Marks the peer's offer as open and bounds the wait for the contact.
    pub(super) fn ask_contact(&mut self, stack: &mut Stack, transaction: TransactionId, offerless: bool, invite: bool) {
        self.exchange = Exchange::Theirs { transaction, offerless, invite };
        self.set_timer(stack, SessionTimer::AwaitDecision, stack.limit_us());
    }

    /// The wait for the contact ends, unless something else of the peer's still waits for it.
    pub(super) fn stop_decision(&mut self, stack: &mut Stack) {
        let transfer_waits = self.transfer.as_ref().is_some_and(|transfer| transfer.undecided.is_some());
        if !transfer_waits && !matches!(self.exchange, Exchange::Theirs { .. }) {
            self.stop_timer(stack, SessionTimer::AwaitDecision);
        }
    }

    /// What forbids an offer of the peer's now.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        if self.ending.is_some() {
            return Some(Obstacle::Ending);
        }
        match (&self.phase, &self.exchange) {
            (Phase::Calling(_), _) | (_, Exchange::Ours { .. } | Exchange::AckOwed { .. }) => Some(Obstacle::Ours),
            (Phase::Incoming(_), _) | (_, Exchange::Theirs { .. }) => Some(Obstacle::Theirs),
            // Our offer in a 200 awaits its answer in the ACK.
            _ if self.success.as_ref().is_some_and(|success| success.has_offer) => Some(Obstacle::Ours),
            _ => None,
        }
    }

    /// The contact's answer to the peer's offer; its offer to an offerless INVITE.
    pub(super) fn accept_offer(&mut self, stack: &mut Stack, sdp: Bytes) -> Result<(), CommandRefused> {
        match self.exchange {
            Exchange::Theirs { transaction, offerless, invite: true } => {
                self.close_decision(stack);
                let Some(request) = self.request_of(stack, transaction) else { return Err(CommandRefused::WrongState) };
                self.take_target(&request);
                self.succeed(stack, transaction, request.cseq().number, Some(sdp), None, offerless, false)
            }
            Exchange::Theirs { transaction, .. } => {
                self.close_decision(stack);
                let Some(request) = self.request_of(stack, transaction) else { return Err(CommandRefused::WrongState) };
                self.take_early_offer(&request);
                self.accept_update(stack, transaction, &request, Some(sdp))
            }
            Exchange::AckOwed { transaction, cseq } => {
                self.exchange = Exchange::Idle;
                self.local_sdp = sdp.clone();
                self.acknowledge(stack, transaction, cseq, Some(sdp));
                Ok(())
            }
            Exchange::Idle | Exchange::Ours { .. } => Err(CommandRefused::WrongState),
        }
    }

    /// The contact refuses the peer's offer; the session goes on as it was (RFC 3261 §14.2).
    pub(super) fn refuse_offer(&mut self, stack: &mut Stack, status: u16) -> Result<(), CommandRefused> {
        let Exchange::Theirs { transaction, .. } = self.exchange else { return Err(CommandRefused::WrongState) };
        self.close_decision(stack);
        self.respond(stack, transaction, refusal(status, 488));
        Ok(())
    }

    /// A target refresh that was accepted (RFC 3261 §12.2.2). While our INVITE is out its target is the callee, not a fork.
    pub(super) fn take_target(&mut self, request: &Message) {
        if matches!(self.phase, Phase::Calling(_)) {
            return;
        }
        let _ = self.dialog.refresh_target(request);
        self.note_peer(request);
    }

    fn close_decision(&mut self, stack: &mut Stack) {
        self.exchange = Exchange::Idle;
        self.stop_decision(stack);
    }

    fn request_of(&self, stack: &Stack, transaction: TransactionId) -> Option<Message> {
        stack.transactions.server(transaction)?.request.clone()
    }
}
