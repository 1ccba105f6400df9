//! The end of a session, and the debts that it waits for (D1, R2).

use super::{Ending, Exchange, Phase, Session};
use crate::interface::{CommandRefused, EndCause};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::{Purpose, TransactionId};
use crate::wire::{HeaderName, Message, Method};

impl Session {
    /// The contact ends the session, whatever its state.
    pub(super) fn end(&mut self, stack: &mut Stack, status: u16, reason: Option<String>) -> Result<(), CommandRefused> {
        if reason.as_deref().is_some_and(|text| text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0))) {
            return Err(CommandRefused::BadText);
        }
        match &self.phase {
            Phase::Calling(calling) => {
                let (transaction, has_provisional) = (calling.transaction, calling.has_provisional);
                self.ending = Some(Ending { reason: reason.clone() });
                match transaction {
                    None => self.phase = Phase::Over,
                    Some(invite) if has_provisional => self.send_cancel(stack, invite, reason.as_deref()),
                    // D1, RFC 3261 §9.1: no CANCEL before a provisional response; it is awaited.
                    Some(invite) => stack.give_up(invite),
                }
            }
            Phase::Incoming(invitation) => {
                let transaction = invitation.transaction;
                let status = if (400..=699).contains(&status) { status } else { 480 };
                stack.respond(transaction, status, "", Some(&self.dialog.local_tag), |builder| {
                    self.names.write(builder);
                    if let Some(reason) = &reason {
                        builder.header(HeaderName::Reason, reason);
                    }
                });
                self.phase = Phase::Over;
            }
            Phase::Established => self.begin_ending(stack, reason),
            Phase::Ending | Phase::Over => return Err(CommandRefused::NoSession),
        }
        Ok(())
    }

    /// Pays what can be paid at once, and begins to wait for the rest.
    pub(super) fn begin_ending(&mut self, stack: &mut Stack, reason: Option<String>) {
        self.ending = Some(Ending { reason });
        self.offers.clear();
        self.stop_timer(stack, SessionTimer::Glare);
        self.stop_timer(stack, SessionTimer::Refresh);
        self.refuse_what_is_open(stack);
        if let Exchange::AckOwed { transaction, cseq } = self.exchange {
            self.acknowledge(stack, transaction, cseq, None);
            self.exchange = Exchange::Idle;
        }
        self.set_timer(stack, SessionTimer::Debts, stack.limit_us());
    }

    /// BYE, once nothing is owed in either direction.
    pub(super) fn bye_when_debts_are_paid(&mut self, stack: &mut Stack) {
        if self.phase == Phase::Established && !self.has_debts() {
            self.send_bye(stack);
        }
    }

    /// 64·T1 is the longest that any debt is waited for.
    pub(super) fn write_debts_off(&mut self, stack: &mut Stack) {
        if let Exchange::Ours { transaction, .. } = self.exchange {
            stack.abandon_client(transaction);
        }
        self.exchange = Exchange::Idle;
        self.success = None;
        self.transfer = None;
        if self.phase == Phase::Established {
            self.send_bye(stack);
        }
    }

    /// The peer's BYE (RFC 3261 §15.1.2). It has been answered by the caller's transaction only here.
    pub(super) fn take_bye(&mut self, stack: &mut Stack, transaction: TransactionId, bye: &Message) {
        if let Phase::Calling(_) = self.phase {
            self.respond(stack, transaction, 200);
            self.early_bye(bye.from_tag().unwrap_or(""));
            return;
        }
        self.respond(stack, transaction, 200);
        if let Phase::Incoming(invitation) = &self.phase {
            let invite = invitation.transaction;
            self.respond(stack, invite, 487);
        }
        self.refuse_what_is_open(stack);
        if let Exchange::AckOwed { transaction, cseq } = self.exchange {
            self.acknowledge(stack, transaction, cseq, None);
        }
        // R3: reports of a transfer that the transferor has left are dropped with the session.
        self.close(stack, EndCause::Bye, bye.q850());
    }

    /// Our BYE was answered, or never will be: either way the dialog is over (RFC 3261 §15.1.1).
    pub(super) fn bye_done(&mut self) {
        self.phase = Phase::Over;
    }

    /// Requests of the peer that wait for the contact get a final response (RFC 3261 §15.1.2, R13).
    pub(crate) fn refuse_what_is_open(&mut self, stack: &mut Stack) {
        if let Exchange::Theirs { transaction, .. } = self.exchange {
            self.respond(stack, transaction, 487);
            self.exchange = Exchange::Idle;
        }
        self.refuse_open_transfer(stack, 487);
        self.stop_timer(stack, SessionTimer::AwaitDecision);
    }

    /// The contact has not decided in 64·T1: the peer is not left waiting.
    pub(super) fn decision_never_came(&mut self, stack: &mut Stack) {
        if let Exchange::Theirs { transaction, .. } = self.exchange {
            self.respond(stack, transaction, 500);
            self.exchange = Exchange::Idle;
        }
        self.refuse_open_transfer(stack, 500);
    }

    fn has_debts(&self) -> bool {
        self.success.is_some()
            || self.exchange != Exchange::Idle
            || self.transfer.as_ref().is_some_and(|transfer| transfer.owes_notify())
    }

    fn send_bye(&mut self, stack: &mut Stack) {
        self.stop_timer(stack, SessionTimer::Debts);
        let reason = self.ending.as_ref().and_then(|ending| ending.reason.clone());
        let sent = self.send(stack, Method::Bye, Purpose::Bye, None, |builder| {
            if let Some(reason) = reason {
                builder.header(HeaderName::Reason, reason);
            }
        });
        self.phase = if sent.is_some() { Phase::Ending } else { Phase::Over };
    }
}
