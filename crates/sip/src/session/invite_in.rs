//! The peer's INVITE (RFC 3261 §13.3).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::send::assert_identity;
use super::{Exchange, Phase, Provisionals, Session, Success};
use crate::dialog::Dialog;
use crate::headers::{SDP, info_packages};
use crate::interface::{CommandRefused, EndCause, Event, Party, SessionId};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message};

/// A provisional response is repeated every minute so that proxies keep the call (RFC 3261 §13.3.1.1).
const PROVISIONAL_REPEATED_US: u64 = 60_000_000;

/// The peer's INVITE while it has no final response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    /// Its server transaction.
    pub(crate) transaction: TransactionId,
    /// It carries no offer, so our 200 will (D5).
    pub(crate) offerless: bool,
    /// Its CSeq number.
    pub(crate) cseq: u32,
}

impl Session {
    /// A new call from a peer. 100 goes out at once (RFC 3261 §17.2.1).
    pub(crate) fn invited(
        stack: &mut Stack,
        id: SessionId,
        request: &Message,
        transaction: TransactionId,
        dialog: Dialog,
    ) -> Session {
        stack.attach(id, &dialog.flow);
        stack.respond(transaction, 100, "", None, |_| {});
        let invitation =
            Invitation { transaction, offerless: request.body_of_type(SDP).is_none(), cseq: request.cseq().number };
        let mut session = Session::new(id, Phase::Incoming(Box::new(invitation)), dialog, stack);
        session.provisionals = Provisionals::towards(request);
        session.note_peer(request);
        // Nobody speaks for it yet.
        session.names.take_news();
        session
    }

    /// A provisional response.
    pub(super) fn ring(&mut self, stack: &mut Stack, status: u16, sdp: Option<Bytes>) -> Result<(), CommandRefused> {
        let Invitation { transaction, offerless, .. } = *self.invitation()?;
        if !(180..=199).contains(&status) || self.provisionals.answer.is_some() {
            return Err(CommandRefused::WrongState);
        }
        if self.provisionals.is_reliable(stack.config.reliable_provisionals, sdp.is_some()) {
            self.ring_reliably(stack, status, sdp, offerless);
            return Ok(());
        }
        self.respond_with(stack, transaction, status, |builder| {
            if let Some(sdp) = sdp {
                builder.body(SDP, sdp);
            }
        });
        self.set_timer(stack, SessionTimer::RepeatProvisional, PROVISIONAL_REPEATED_US);
        Ok(())
    }

    /// 200, repeated until its ACK comes.
    pub(super) fn answer(
        &mut self,
        stack: &mut Stack,
        sdp: Bytes,
        identity: Option<Party>,
    ) -> Result<(), CommandRefused> {
        self.invitation()?;
        if self.provisionals.answer.is_some() {
            return Err(CommandRefused::WrongState);
        }
        if self.provisionals.owes_description() || self.exchange != Exchange::Idle {
            self.provisionals.answer = Some((sdp, identity));
            return Ok(());
        }
        self.answer_now(stack, sdp, identity.as_ref())
    }

    /// Sends the 200, for nothing stands before it any more.
    pub(super) fn answer_now(
        &mut self,
        stack: &mut Stack,
        sdp: Bytes,
        identity: Option<&Party>,
    ) -> Result<(), CommandRefused> {
        let Invitation { transaction, offerless, cseq } = *self.invitation()?;
        self.stop_timer(stack, SessionTimer::RepeatProvisional);
        self.stop_provisionals(stack);
        self.phase = Phase::Established;
        // What a PRACK has confirmed is not said again: it could be old by now, and after our offer it would be a new one.
        let is_agreed = self.provisionals.is_agreed;
        let sdp = Some(sdp).filter(|_| !is_agreed);
        self.succeed(stack, transaction, cseq, sdp, identity, offerless && !is_agreed, true)
    }

    /// A final failure.
    pub(super) fn refuse(
        &mut self,
        stack: &mut Stack,
        status: u16,
        reason: &str,
        retry_after_s: Option<u32>,
    ) -> Result<(), CommandRefused> {
        let transaction = self.invitation()?.transaction;
        if !(300..=699).contains(&status) {
            return Err(CommandRefused::WrongState);
        }
        let sent = stack.respond(transaction, status, reason, Some(&self.dialog.local_tag), |builder| {
            self.names.write(builder);
            if let Some(wait_s) = retry_after_s {
                builder.header(HeaderName::RetryAfter, wait_s);
            }
        });
        if sent.is_none() {
            return Err(CommandRefused::BadText);
        }
        self.phase = Phase::Over;
        Ok(())
    }

    /// A 302 with these contacts, the best first.
    pub(super) fn redirect_caller(&mut self, stack: &mut Stack, contacts: &[String]) -> Result<(), CommandRefused> {
        let transaction = self.invitation()?.transaction;
        let readable = |uri: &String| crate::wire::Uri::parse(uri).is_ok() && !uri.contains(['<', '>']);
        if contacts.is_empty() || !contacts.iter().all(readable) {
            return Err(CommandRefused::BadText);
        }
        let sent = stack.respond(transaction, 302, "", Some(&self.dialog.local_tag), |builder| {
            self.names.write(builder);
            for uri in contacts {
                builder.header(HeaderName::Contact, format_args!("<{uri}>"));
            }
        });
        sent.ok_or(CommandRefused::BadText)?;
        self.phase = Phase::Over;
        Ok(())
    }

    /// Sends the 2xx to an INVITE or re-INVITE and awaits its ACK (RFC 3261 §13.3.1.4).
    #[expect(clippy::too_many_arguments, reason = "what a 2xx is made of; called twice")]
    pub(super) fn succeed(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        cseq: u32,
        sdp: Option<Bytes>,
        identity: Option<&Party>,
        has_offer: bool,
        is_first: bool,
    ) -> Result<(), CommandRefused> {
        let Some(server) = stack.transactions.server(transaction) else { return Err(CommandRefused::WrongState) };
        let arrived = server.flow;
        let agreed = server.request.as_ref().and_then(|request| self.refresh_agreed_as_server(request));
        if let Some(sdp) = &sdp {
            self.local_sdp = sdp.clone();
        }
        let bytes = self
            .respond_with(stack, transaction, 200, |builder| {
                info_packages(builder);
                assert_identity(builder, identity);
                if let Some(agreed) = &agreed {
                    agreed.write_as_server(builder);
                }
                if let Some(sdp) = sdp {
                    builder.body(SDP, sdp);
                }
            })
            .ok_or(CommandRefused::BadText)?;
        self.start_refresh(stack, agreed);
        let flow = stack.response_way(transaction).unwrap_or(arrived);
        let interval_us = stack.pace(flow.transport).t1_us;
        self.success = Some(Success { cseq, bytes, flow, interval_us, has_offer, is_first });
        self.set_timer(stack, SessionTimer::RepeatSuccess, interval_us);
        self.set_timer(stack, SessionTimer::AwaitAck, stack.limit_us());
        Ok(())
    }

    /// An ACK in the dialog.
    pub(super) fn take_ack(&mut self, stack: &mut Stack, ack: &Message) {
        if self.success.as_ref().is_none_or(|success| success.cseq != ack.cseq().number) {
            return;
        }
        let Some(success) = self.confirm(stack) else { return };
        if !success.has_offer {
            return;
        }
        match ack.body_of_type(SDP) {
            Some(sdp) if self.ending.is_none() => stack.tell(Event::OfferAnswered { session: self.id, sdp }),
            Some(_) => {}
            // RFC 3261 §13.2.1: our offer in the 200 must be answered in the ACK.
            None if success.is_first => self.give_up(stack, EndCause::Protocol),
            None => stack.tell(Event::OfferRefused { session: self.id, status: 488 }),
        }
    }

    /// The 2xx needs no repetition any more.
    pub(super) fn confirm(&mut self, stack: &mut Stack) -> Option<Success> {
        let success = self.success.take()?;
        self.stop_timer(stack, SessionTimer::RepeatSuccess);
        self.stop_timer(stack, SessionTimer::AwaitAck);
        if success.is_first && self.ending.is_none() {
            stack.tell(Event::Confirmed { session: self.id });
        }
        Some(success)
    }

    /// Repeats the 2xx at T1, 2·T1 … T2 on every transport (RFC 3261 §13.3.1.4).
    pub(super) fn repeat_success(&mut self, stack: &mut Stack) {
        let Some(success) = &mut self.success else { return };
        success.interval_us = success.interval_us.saturating_mul(2).min(stack.pace(success.flow.transport).t2_us);
        let interval_us = success.interval_us;
        success.flow = stack.repeat_success(success.flow, &self.dialog.subject, success.bytes.clone());
        self.set_timer(stack, SessionTimer::RepeatSuccess, interval_us);
    }

    /// 64·T1 without an ACK: the dialog is confirmed, the session is ended by BYE (RFC 3261 §13.3.1.4).
    pub(super) fn ack_never_came(&mut self, stack: &mut Stack) {
        self.stop_timer(stack, SessionTimer::RepeatSuccess);
        if self.success.take().is_some() {
            self.give_up(stack, EndCause::Timeout);
        }
    }

    /// The last provisional response goes out once more.
    pub(super) fn repeat_provisional(&mut self, stack: &mut Stack) {
        if let Phase::Incoming(invitation) = &self.phase {
            let transaction = invitation.transaction;
            stack.repeat_request(transaction);
            self.set_timer(stack, SessionTimer::RepeatProvisional, PROVISIONAL_REPEATED_US);
        }
    }

    pub(super) fn invitation(&self) -> Result<&Invitation, CommandRefused> {
        match &self.phase {
            Phase::Incoming(invitation) => Ok(invitation),
            _ => Err(CommandRefused::WrongState),
        }
    }
}
