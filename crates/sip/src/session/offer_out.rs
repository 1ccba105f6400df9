//! Our re-INVITE (RFC 3261 §14.1, D4).

use bytes::Bytes;

use super::glare::{GLARE_RETRIES_MAX, back_off_us};
use super::send::assert_identity;
use super::{Exchange, OFFERS_QUEUED_MAX, Offer, Phase, Session};
use crate::headers::SDP;
use crate::interface::{CommandRefused, EndCause, Event, Flow, Party};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::{Failure, Owner, Purpose, TransactionId};
use crate::wire::{Message, Method};

/// How long a re-INVITE may go without another response, as a proxy's timer C (RFC 3261 §16.6 step 11).
const UNDECIDED_US: u64 = 180_000_000;

impl Session {
    /// Queues an offer; [`Session::settle`] sends it when nothing runs before it.
    pub(super) fn offer(&mut self, sdp: Bytes, identity: Option<Party>) -> Result<(), CommandRefused> {
        // An answer that waits for its PRACK is given as far as the contact knows.
        if self.phase != Phase::Established && self.provisionals.answer.is_none() {
            return Err(CommandRefused::WrongState);
        }
        if self.offers.len() >= OFFERS_QUEUED_MAX {
            return Err(CommandRefused::Limit);
        }
        self.offers.push_back(Offer { sdp, identity, glares: 0, is_refresh: false });
        Ok(())
    }

    /// Sends the next offer, unless an INVITE or an offer runs in either direction (RFC 3261 §14.1).
    pub(super) fn next_offer(&mut self, stack: &mut Stack) {
        let is_free = self.phase == Phase::Established
            && self.exchange == Exchange::Idle
            && self.success.is_none()
            && !self.backing_off;
        if !is_free {
            return;
        }
        let Some(mut offer) = self.offers.pop_front() else { return };
        if offer.is_refresh {
            // While it waited, an answer to the peer may have changed what is true.
            offer.sdp = self.local_sdp.clone();
        }
        let refresh = self.refresh.clone();
        let least_s = self.interval.least_s;
        let identity = offer.identity.clone();
        let sent = self.send(stack, Method::Invite, Purpose::Reinvite, Some((SDP, offer.sdp.clone())), |builder| {
            assert_identity(builder, identity.as_ref());
            if let Some(refresh) = &refresh {
                refresh.write_as_client(builder, least_s);
            }
        });
        match sent {
            Some(transaction) => self.exchange = Exchange::Ours { transaction, offer },
            None => stack.tell(Event::OfferRefused { session: self.id, status: 500 }),
        }
    }

    /// A response to our re-INVITE.
    pub(super) fn reinvite_response(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        response: &Message,
        request: Bytes,
        flow: Flow,
    ) {
        if response.status() < 200 {
            if matches!(self.exchange, Exchange::Ours { transaction: ours, .. } if ours == transaction) {
                self.set_timer(stack, SessionTimer::Undecided, UNDECIDED_US);
            }
            return;
        }
        let Exchange::Ours { transaction: ours, offer } = &self.exchange else {
            // Written off, or a second 2xx: acknowledged so that it stops.
            if response.status() < 300 {
                self.acknowledge(stack, transaction, response.cseq().number, None);
            }
            return;
        };
        if *ours != transaction {
            return;
        }
        let offer = offer.clone();
        self.stop_timer(stack, SessionTimer::Undecided);
        match response.status() {
            200..=299 => self.reinvite_accepted(stack, transaction, response, &offer),
            401 | 407 => {
                let owner = Owner { session: self.id, purpose: Purpose::Reinvite };
                match self.answer_challenge(stack, response, request, owner, flow) {
                    Some(transaction) => self.exchange = Exchange::Ours { transaction, offer },
                    None => self.offer_refused(stack, response.status(), &offer),
                }
            }
            422 if self.raise_interval(response) => {
                self.exchange = Exchange::Idle;
                self.offers.push_front(offer);
            }
            491 if offer.glares < GLARE_RETRIES_MAX => self.back_off(stack, offer),
            // RFC 3261 §12.2.1.2: these two say that the dialog is gone.
            481 => self.dialog_gone(stack, EndCause::Protocol),
            408 => self.dialog_gone(stack, EndCause::Timeout),
            status => self.offer_refused(stack, status, &offer),
        }
    }

    /// Our re-INVITE got no answer.
    pub(super) fn reinvite_failed(&mut self, stack: &mut Stack, transaction: TransactionId, failure: Failure) {
        let Exchange::Ours { transaction: ours, offer } = &self.exchange else { return };
        if *ours != transaction {
            return;
        }
        let offer = offer.clone();
        self.stop_timer(stack, SessionTimer::Undecided);
        match failure {
            Failure::Timeout => self.dialog_gone(stack, EndCause::Timeout),
            Failure::Transport => self.offer_refused(stack, 503, &offer),
        }
    }

    /// The peer neither takes our offer nor refuses it: the INVITE is cancelled, and what stood before stands (RFC 3261 §14.1). Who
    /// does not answer that either has lost the dialog.
    pub(super) fn reinvite_undecided(&mut self, stack: &mut Stack) {
        if let Exchange::Ours { transaction, .. } = self.exchange {
            stack.cancel_in_time(transaction, Some(Owner { session: self.id, purpose: Purpose::Cancel }));
        }
    }

    fn reinvite_accepted(&mut self, stack: &mut Stack, transaction: TransactionId, response: &Message, offer: &Offer) {
        self.exchange = Exchange::Idle;
        // Only now is it true: a refresh must not offer again what was refused (RFC 3261 §14.1).
        self.local_sdp = offer.sdp.clone();
        let _ = self.dialog.refresh_target(response);
        self.note_peer(response);
        self.acknowledge(stack, transaction, response.cseq().number, None);
        self.refresh_agreed_as_client(stack, response);
        if self.ending.is_some() || offer.is_refresh {
            return;
        }
        match response.body_of_type(SDP) {
            Some(sdp) => stack.tell(Event::OfferAnswered { session: self.id, sdp }),
            None => stack.tell(Event::OfferRefused { session: self.id, status: 500 }),
        }
    }

    fn back_off(&mut self, stack: &mut Stack, mut offer: Offer) {
        self.exchange = Exchange::Idle;
        if self.ending.is_some() {
            return;
        }
        offer.glares += 1;
        self.offers.push_front(offer);
        self.backing_off = true;
        let wait_us = back_off_us(self.dialog.call_id_is_ours, &mut stack.random);
        self.set_timer(stack, SessionTimer::Glare, wait_us);
    }

    fn offer_refused(&mut self, stack: &mut Stack, status: u16, offer: &Offer) {
        self.exchange = Exchange::Idle;
        if self.ending.is_some() {
            return;
        }
        if offer.is_refresh {
            return self.refresh_failed(stack);
        }
        stack.tell(Event::OfferRefused { session: self.id, status });
    }

    /// The peer knows the dialog no more. It gets a BYE all the same (RFC 3261 §12.2.1.2).
    pub(super) fn dialog_gone(&mut self, stack: &mut Stack, cause: EndCause) {
        self.exchange = Exchange::Idle;
        self.give_up(stack, cause);
    }
}
