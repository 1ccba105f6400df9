//! REFER from the peer and its implicit subscription (RFC 3515, RFC 4488, R1–R3, R8, R13).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::send::refusal;
use super::{Phase, Session};
use crate::dialog::Dialog;
use crate::interface::{CommandRefused, Event, ReferTarget, ReplacesTarget, TransferId};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message, Method, NameAddr, reason_phrase};

/// Most reports that wait for the transferor's answers; of more, the oldest provisional ones are left out.
const REPORTS_MAX: usize = 8;

/// One transfer that the peer asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// Its number.
    pub(crate) id: TransferId,
    /// The REFER's server transaction while it is undecided.
    pub(crate) undecided: Option<TransactionId>,
    /// The REFER's own dialog, when it came outside this session's (RFC 4538).
    pub(crate) dialog: Option<Box<Dialog>>,
    /// Whether NOTIFYs are sent.
    pub(crate) subscription: bool,
    /// The `id` of the Event header: the REFER's CSeq number, from the second REFER of a dialog on (RFC 3515 §2.4.6).
    pub(crate) event_id: Option<u32>,
    /// Reports that wait.
    pub(crate) reports: VecDeque<(u16, String)>,
    /// The NOTIFY that is out.
    pub(crate) outstanding: Option<TransactionId>,
    /// The final status has been reported.
    pub(crate) is_final: bool,
}

impl Transfer {
    /// R2: a NOTIFY waits or its answer is awaited.
    pub(super) fn owes_notify(&self) -> bool {
        self.outstanding.is_some() || !self.reports.is_empty()
    }
}

impl Session {
    /// The peer's REFER. `replaces` is what the embedded Replaces was found to name; `id` is fresh.
    pub(crate) fn take_refer(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        refer: &Message,
        id: TransferId,
        replaces: Option<ReplacesTarget>,
        own: Option<Box<Dialog>>,
    ) {
        let refuse = |stack: &mut Stack, status: u16| {
            self.respond_in(stack, own.as_deref().unwrap_or(&self.dialog), transaction, status, |_| {});
        };
        if self.phase != Phase::Established || self.ending.is_some() || self.transfer.is_some() {
            // R13: a second REFER while one pends is answered 491, never lost. An early dialog cannot be transferred.
            return refuse(stack, 491);
        }
        let Ok(Some(refer_to)) = refer.refer_to() else { return refuse(stack, 400) };
        let removes = refer_to.method == Method::Bye;
        if refer_to.method != Method::Invite && !removes {
            return refuse(stack, 501);
        }
        if !matches!(refer_to.uri.scheme(), "sip" | "sips" | "tel") {
            return refuse(stack, 416);
        }
        // A dialog that is named is found wherever its peer says that it is (P2).
        let elsewhere = match refer_to.replaces {
            Some(_) => None,
            None => stack.elsewhere(&refer_to.uri, own.as_deref().unwrap_or(&self.dialog)),
        };
        // R8, RFC 4488 §4.
        let subscription = refer.refer_sub() != Some(false);
        // In a dialog of its own it is the first one.
        let is_later = own.is_none() && self.transfers_seen > 0;
        self.transfers_seen = self.transfers_seen.saturating_add(u32::from(own.is_none()));
        self.transfer = Some(Box::new(Transfer {
            id,
            undecided: Some(transaction),
            dialog: own,
            subscription,
            event_id: is_later.then(|| refer.cseq().number),
            reports: VecDeque::new(),
            outstanding: None,
            is_final: false,
        }));
        self.set_timer(stack, SessionTimer::AwaitDecision, stack.limit_us());
        let mut target = NameAddr::of(refer_to.uri).party();
        target.display = refer_to.display;
        let carried = refer_to.headers.into_iter().filter(|(name, _)| HeaderName::of(name) == HeaderName::UserToUser);
        let user_to_user = carried.map(|(_, value)| value).collect();
        stack.tell(Event::TransferAsked {
            session: self.id,
            transfer: id,
            target: ReferTarget { target, removes, replaces, user_to_user, elsewhere },
            referred_by: refer.header(HeaderName::ReferredBy).map(str::to_owned),
            subscription,
        });
    }

    /// 202, then NOTIFY `100 Trying`, in this order on one flow (R1).
    pub(super) fn accept_transfer(&mut self, stack: &mut Stack, id: TransferId) -> Result<(), CommandRefused> {
        let transaction = self.undecided(id)?;
        let Some(transfer) = &mut self.transfer else { return Err(CommandRefused::WrongState) };
        transfer.undecided = None;
        let (subscription, own) = (transfer.subscription, transfer.dialog.clone());
        if subscription {
            transfer.reports.push_back((100, reason_phrase(100).to_owned()));
        }
        self.stop_decision(stack);
        self.respond_in(stack, own.as_deref().unwrap_or(&self.dialog), transaction, 202, |builder| {
            if !subscription {
                builder.header(HeaderName::ReferSub, "false");
            }
        });
        Ok(())
    }

    /// A final response, at once (R11).
    pub(super) fn refuse_transfer(
        &mut self,
        stack: &mut Stack,
        id: TransferId,
        status: u16,
    ) -> Result<(), CommandRefused> {
        let transaction = self.undecided(id)?;
        let own = self.transfer.take().and_then(|transfer| transfer.dialog);
        self.stop_decision(stack);
        let dialog = own.as_deref().unwrap_or(&self.dialog);
        self.respond_in(stack, dialog, transaction, refusal(status, 603), |_| {});
        Ok(())
    }

    /// Reports the target's status. What comes late, or without a subscription, is dropped without an error (R3, R8).
    pub(super) fn report_transfer(
        &mut self,
        stack: &mut Stack,
        id: TransferId,
        status: u16,
        reason: &str,
    ) -> Result<(), CommandRefused> {
        if reason.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(CommandRefused::BadText);
        }
        if !(100..=699).contains(&status) {
            return Err(CommandRefused::WrongState);
        }
        let is_gone = matches!(self.phase, Phase::Ending | Phase::Over);
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.id == id && !is_gone) else {
            return Ok(());
        };
        if transfer.undecided.is_some() {
            return Err(CommandRefused::WrongState);
        }
        if transfer.is_final {
            return Ok(());
        }
        transfer.is_final = status >= 200;
        if !transfer.subscription {
            if transfer.is_final {
                self.transfer = None;
            }
            return Ok(());
        }
        if transfer.reports.len() >= REPORTS_MAX {
            transfer.reports.pop_front();
        }
        let reason = if reason.is_empty() { reason_phrase(status) } else { reason };
        transfer.reports.push_back((status, reason.to_owned()));
        self.pump_notify(stack);
        Ok(())
    }

    /// An undecided REFER gets this final response; one that is being reported is left alone.
    pub(super) fn refuse_open_transfer(&mut self, stack: &mut Stack, status: u16) {
        let undecided = self.transfer.as_ref().and_then(|transfer| transfer.undecided);
        if let Some(transaction) = undecided {
            let own = self.transfer.take().and_then(|transfer| transfer.dialog);
            self.respond_in(stack, own.as_deref().unwrap_or(&self.dialog), transaction, status, |_| {});
        }
    }

    /// Whether the transfer's reports go along a dialog of their own.
    pub(super) fn reports_outside(&self) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.dialog.is_some())
    }

    fn undecided(&self, id: TransferId) -> Result<TransactionId, CommandRefused> {
        self.transfer
            .as_ref()
            .filter(|transfer| transfer.id == id)
            .and_then(|transfer| transfer.undecided)
            .ok_or(CommandRefused::WrongState)
    }
}
