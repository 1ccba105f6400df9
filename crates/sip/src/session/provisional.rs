//! Reliable provisional responses, ours (RFC 3262 §3, §5): one at a time, repeated until its PRACK comes.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::offer_in::Obstacle;
use super::{Exchange, Phase, Session};
use crate::headers::SDP;
use crate::interface::{EndCause, Event, Flow, Party, ReliableProvisionals};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message, Method};

/// Most responses that wait for the PRACK to the one before; of more, the oldest are left out.
const WAITING_MAX: usize = 4;

/// What an incoming call's provisional responses have come to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Provisionals {
    /// The INVITE requires them to be reliable.
    required: bool,
    /// The INVITE allows it.
    supported: bool,
    /// The INVITE's CSeq number, which RAck names.
    cseq: u32,
    /// The RSeq of the last one; 0 before the first.
    rseq: u32,
    /// The one that awaits its PRACK.
    outstanding: Option<Outstanding>,
    /// Those that come after it.
    waiting: VecDeque<(u16, Option<Bytes>)>,
    /// One of them carries a description.
    is_described: bool,
    /// The peer has confirmed one that carried a description: offer and answer are complete.
    pub(super) is_agreed: bool,
    /// The 200 that waits for a PRACK: the answer and our identity.
    pub(super) answer: Option<(Bytes, Option<Party>)>,
}

/// One response that awaits its PRACK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outstanding {
    bytes: Bytes,
    flow: Flow,
    interval_us: u64,
    has_description: bool,
}

impl Provisionals {
    /// Towards the sender of an INVITE.
    pub(super) fn towards(invite: &Message) -> Self {
        let required = invite.has_token(HeaderName::Require, "100rel");
        let supported = required || invite.has_token(HeaderName::Supported, "100rel");
        Provisionals { required, supported, cseq: invite.cseq().number, ..Provisionals::default() }
    }

    /// Whether a response is to be reliable.
    pub(super) fn is_reliable(&self, policy: ReliableProvisionals, has_description: bool) -> bool {
        self.required
            || self.supported
                && match policy {
                    ReliableProvisionals::Required => false,
                    ReliableProvisionals::WithDescription => has_description,
                    ReliableProvisionals::Always => true,
                }
    }

    /// Whether a description is out, or about to go out, that the peer has not confirmed: no 2xx before it has (RFC 3262 §3).
    pub(super) fn owes_description(&self) -> bool {
        self.outstanding.as_ref().is_some_and(|outstanding| outstanding.has_description)
    }
}

impl Session {
    /// A reliable response; it waits for the PRACK to the one before.
    pub(super) fn ring_reliably(&mut self, stack: &mut Stack, status: u16, sdp: Option<Bytes>, offerless: bool) {
        // RFC 3262 §5: to an INVITE without an offer the first reliable response carries ours. Without one nothing may be
        // said yet; the 200 will say it all.
        if offerless && sdp.is_none() && !self.provisionals.is_described {
            return;
        }
        self.provisionals.is_described |= sdp.is_some();
        if self.provisionals.waiting.len() >= WAITING_MAX {
            self.provisionals.waiting.pop_front();
        }
        self.provisionals.waiting.push_back((status, sdp));
        self.pump_provisionals(stack);
    }

    /// Sends what no PRACK stands before any more: the next provisional response, or the 200.
    pub(super) fn pump_provisionals(&mut self, stack: &mut Stack) {
        let Phase::Incoming(invitation) = &self.phase else { return };
        let transaction = invitation.transaction;
        if self.provisionals.outstanding.is_some() || self.exchange != Exchange::Idle {
            return;
        }
        if let Some((sdp, identity)) = self.provisionals.answer.take() {
            let _ = self.answer_now(stack, sdp, identity.as_ref());
        } else if let Some((status, sdp)) = self.provisionals.waiting.pop_front() {
            self.send_reliable(stack, transaction, status, sdp);
        }
    }

    fn send_reliable(&mut self, stack: &mut Stack, transaction: TransactionId, status: u16, sdp: Option<Bytes>) {
        // RFC 3262 §3: the first one is random in 1 to 2³¹−1, each next one is one more.
        let rseq = match self.provisionals.rseq {
            0 => u32::try_from(stack.random.between(1, 0x7fff_ffff)).unwrap_or(1),
            last => last.wrapping_add(1),
        };
        // What was agreed on is not said again.
        let sdp = sdp.filter(|_| !self.provisionals.is_agreed);
        let has_description = sdp.is_some();
        if let Some(sdp) = &sdp {
            self.local_sdp = sdp.clone();
        }
        let sent = self.respond_with(stack, transaction, status, |builder| {
            builder.header(HeaderName::Require, "100rel");
            builder.header(HeaderName::RSeq, rseq);
            if let Some(sdp) = sdp {
                builder.body(SDP, sdp);
            }
        });
        let (Some(bytes), Some(flow)) = (sent, stack.response_way(transaction)) else { return };
        let interval_us = stack.pace(flow.transport).t1_us;
        self.provisionals.rseq = rseq;
        self.provisionals.outstanding = Some(Outstanding { bytes, flow, interval_us, has_description });
        self.set_timer(stack, SessionTimer::RepeatReliable, interval_us);
        self.set_timer(stack, SessionTimer::AwaitPrack, stack.limit_us());
    }

    /// At T1, 2·T1, 4·T1 … on every transport (RFC 3262 §3).
    pub(super) fn repeat_reliable(&mut self, stack: &mut Stack) {
        let Some(outstanding) = &mut self.provisionals.outstanding else { return };
        outstanding.interval_us = outstanding.interval_us.saturating_mul(2);
        let interval_us = outstanding.interval_us;
        outstanding.flow = stack.repeat_success(outstanding.flow, &self.dialog.subject, outstanding.bytes.clone());
        self.set_timer(stack, SessionTimer::RepeatReliable, interval_us);
    }

    /// 64·T1 without a PRACK: the INVITE is refused with a 5xx (RFC 3262 §3).
    pub(super) fn prack_never_came(&mut self, stack: &mut Stack) {
        if let Phase::Incoming(invitation) = &self.phase {
            let transaction = invitation.transaction;
            self.respond(stack, transaction, 504);
            self.close(stack, EndCause::Timeout, None);
        }
    }

    /// The final response goes out: nothing provisional comes after it, but a PRACK may (RFC 3262 §3).
    pub(super) fn stop_provisionals(&mut self, stack: &mut Stack) {
        self.stop_timer(stack, SessionTimer::RepeatReliable);
        self.stop_timer(stack, SessionTimer::AwaitPrack);
        self.provisionals.waiting.clear();
    }

    /// The peer's PRACK.
    pub(super) fn take_prack(&mut self, stack: &mut Stack, transaction: TransactionId, prack: &Message) {
        let Ok(Some(rack)) = prack.rack() else { return self.respond(stack, transaction, 400) };
        let named = (rack.response_number, rack.cseq.number, rack.cseq.method);
        let expected = (self.provisionals.rseq, self.provisionals.cseq, Method::Invite);
        // RFC 3262 §3: one that names no unacknowledged response of ours.
        let Some(outstanding) = self.provisionals.outstanding.take_if(|_| named == expected) else {
            return self.respond(stack, transaction, 481);
        };
        self.stop_timer(stack, SessionTimer::RepeatReliable);
        self.stop_timer(stack, SessionTimer::AwaitPrack);
        let offerless = matches!(&self.phase, Phase::Incoming(invitation) if invitation.offerless);
        let sdp = prack.body_of_type(SDP);
        if outstanding.has_description && offerless {
            return self.take_answer_in_prack(stack, transaction, sdp);
        }
        self.provisionals.is_agreed |= outstanding.has_description;
        match sdp {
            // RFC 3262 §5: once there was an answer, the PRACK may carry a new offer.
            Some(sdp) if self.provisionals.is_agreed => match self.obstacle_to_update(prack.from_tag()) {
                None => {
                    self.ask_contact(stack, transaction, false, false);
                    stack.tell(Event::Offered { session: self.id, sdp: Some(sdp) });
                }
                // The response was sent before another offer was made.
                Some(Obstacle::Ours) => self.respond(stack, transaction, 491),
                Some(Obstacle::Theirs) => self.respond_later(stack, transaction),
                Some(Obstacle::Ending) => self.respond(stack, transaction, 488),
            },
            Some(_) => self.respond(stack, transaction, 488),
            None => self.respond(stack, transaction, 200),
        }
    }

    /// Our offer in a reliable response is answered in the PRACK (RFC 3262 §5).
    fn take_answer_in_prack(&mut self, stack: &mut Stack, transaction: TransactionId, sdp: Option<Bytes>) {
        let Some(sdp) = sdp else {
            self.respond(stack, transaction, 400);
            if let Phase::Incoming(invitation) = &self.phase {
                let invite = invitation.transaction;
                self.respond(stack, invite, 400);
            }
            return self.close(stack, EndCause::Protocol, None);
        };
        self.provisionals.is_agreed = true;
        self.respond(stack, transaction, 200);
        stack.tell(Event::OfferAnswered { session: self.id, sdp });
    }

    /// What forbids an UPDATE's offer now: nothing in an early dialog whose first offer was answered reliably (RFC 3311
    /// §5.1), else what forbids any offer.
    pub(super) fn obstacle_to_update(&self, remote_tag: Option<&str>) -> Option<Obstacle> {
        let is_agreed = match &self.phase {
            Phase::Incoming(_) => self.provisionals.is_agreed && self.provisionals.outstanding.is_none(),
            Phase::Calling(calling) => calling.fork(remote_tag).is_some_and(|fork| fork.is_agreed),
            _ => false,
        };
        if is_agreed && self.ending.is_none() && self.exchange == Exchange::Idle { None } else { self.obstacle() }
    }
}
