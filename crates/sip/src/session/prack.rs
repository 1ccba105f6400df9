//! Reliable provisional responses, the peer's (RFC 3262 §4): acknowledged in order, once, in each early dialog.

use super::{Fork, Phase, Session};
use crate::headers::SDP;
use crate::stack::Stack;
use crate::transaction::Purpose;
use crate::wire::{HeaderName, Message, Method, RAck};

impl Session {
    /// Acknowledges a provisional response that asks for it. False when it must be left aside: it was acknowledged before,
    /// or one before it is still missing.
    pub(super) fn acknowledge_provisional(&mut self, stack: &mut Stack, response: &Message) -> bool {
        let Some(rseq) = reliable_rseq(response) else { return true };
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let is_answer = calling.invite.sdp.is_some() && response.body_of_type(SDP).is_some();
        let Some(fork) = calling.fork_mut(response.to_tag()) else { return true };
        if !fork.take_rseq(rseq) {
            return false;
        }
        fork.is_agreed |= is_answer;
        self.send_prack(stack, response, rseq);
        true
    }

    /// The PRACK goes the way of its early dialog, which is not yet this session's own.
    fn send_prack(&mut self, stack: &mut Stack, response: &Message, rseq: u32) {
        let mut early = self.dialog.clone();
        if early.join_response(response).is_err() {
            return;
        }
        let rack = RAck { response_number: rseq, cseq: response.cseq() };
        std::mem::swap(&mut self.dialog, &mut early);
        self.send(stack, Method::Prack, Purpose::Prack, None, |builder| {
            builder.header(HeaderName::RAck, rack);
        });
        std::mem::swap(&mut self.dialog, &mut early);
        self.dialog.local_cseq = early.local_cseq;
    }

    /// The peer's offer within an early dialog was accepted: its 2xx may leave it out.
    pub(super) fn take_early_offer(&mut self, request: &Message) {
        self.take_target(request);
        if let Phase::Calling(calling) = &mut self.phase
            && let Some(fork) = calling.fork_mut(request.from_tag())
        {
            fork.sdp = request.body_of_type(SDP).unwrap_or_default();
        }
    }
}

impl Fork {
    /// Whether this RSeq is the next one (RFC 3262 §4); the first one may be any.
    fn take_rseq(&mut self, rseq: u32) -> bool {
        if self.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return false;
        }
        self.rseq = Some(rseq);
        true
    }
}

/// The RSeq of a response that must be acknowledged: it requires `100rel`, and opens or is in an early dialog.
fn reliable_rseq(response: &Message) -> Option<u32> {
    let is_reliable = response.has_token(HeaderName::Require, "100rel") && response.to_tag().is_some();
    response.rseq().ok().flatten().filter(|_| is_reliable)
}
