//! One INVITE session: a dialog, its offers and answers, its transfers, and its debts.
//!
//! A session sees its own dialog and the [`Stack`] only, never another session. One file per verb; after every event the
//! endpoint calls [`Session::settle`], which does what has become possible: a queued offer, a BYE that waited for a debt.

mod authorize;
mod bye;
mod cancel;
mod dispatch;
mod focus;
mod forks;
mod glare;
mod info;
mod invite_in;
mod invite_out;
mod notify;
mod offer_in;
mod offer_out;
mod options;
mod prack;
mod provisional;
mod redirect;
mod refer_in;
mod refer_out;
mod refresh;
mod send;
mod session_id;
mod update;

use std::collections::VecDeque;
use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::interface::{Command, CommandRefused, EndCause, Event, Flow, Party, SessionId, Voice};
use crate::stack::Stack;
use crate::timer::{SessionTimer, Timer};
use crate::transaction::TransactionId;

pub(crate) use authorize::Authorization;
pub(crate) use forks::{Fork, decline_success};
pub(crate) use invite_in::Invitation;
pub(crate) use invite_out::Calling;
pub(crate) use provisional::Provisionals;
pub(crate) use refer_in::Transfer;
pub(crate) use refer_out::Referral;
pub(crate) use refresh::{Interval, Refresh, interval_too_small};
pub(crate) use send::refusal;
pub(crate) use session_id::SessionNames;

/// Most offers of ours that wait behind a running exchange.
const OFFERS_QUEUED_MAX: usize = 4;

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Its number.
    pub(crate) id: SessionId,
    /// How far it has come.
    pub(crate) phase: Phase,
    /// Its dialog.
    pub(crate) dialog: Dialog,
    /// The names of its two ends.
    pub(crate) names: SessionNames,
    /// For whom it speaks.
    pub(crate) voice: Voice,
    /// The offer that is open, if any.
    pub(crate) exchange: Exchange,
    /// Reliable provisional responses of ours.
    pub(crate) provisionals: Provisionals,
    /// Our 2xx that awaits its ACK.
    pub(crate) success: Option<Success>,
    /// Offers of ours that wait.
    pub(crate) offers: VecDeque<Offer>,
    /// The back-off after a glare runs.
    pub(crate) backing_off: bool,
    /// Our last description that the peer has not refused, for a refresh by re-INVITE.
    pub(crate) local_sdp: Bytes,
    /// The transfer that the peer asked for.
    pub(crate) transfer: Option<Box<Transfer>>,
    /// How many REFERs the peer has sent: the first subscription needs no id (RFC 3515 §2.4.6).
    pub(crate) transfers_seen: u32,
    /// The transfer that we asked the peer for.
    pub(crate) referral: Option<Referral>,
    /// What we answer challenges with.
    pub(crate) authorization: Option<Box<Authorization>>,
    /// Whether the peer's last Allow held UPDATE.
    pub(crate) peer_allows_update: bool,
    /// Whether it held no REFER.
    pub(crate) peer_forbids_refer: bool,
    /// The session timer that we ask for.
    pub(crate) interval: Interval,
    /// The session timer that was agreed on (RFC 4028).
    pub(crate) refresh: Option<Refresh>,
    /// The end was decided; it waits for debts.
    pub(crate) ending: Option<Ending>,
    /// The address that the guard knows to belong to this call.
    pub(crate) reached_at: Option<IpAddr>,
}

/// How far a session has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Our INVITE has no final response.
    Calling(Box<Calling>),
    /// The peer's INVITE has no final response.
    Incoming(Box<Invitation>),
    /// A 2xx was sent or received.
    Established,
    /// Our BYE awaits its answer.
    Ending,
    /// Over: to be forgotten.
    Over,
}

/// The offer that is open in an established session (RFC 3261 §14, RFC 3311 §5, RFC 6337).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Exchange {
    /// None.
    Idle,
    /// Our re-INVITE is out.
    Ours {
        /// Its transaction.
        transaction: TransactionId,
        /// The offer, for another try after a glare.
        offer: Offer,
    },
    /// The peer's offer awaits the contact's decision.
    Theirs {
        /// Its server transaction: INVITE or UPDATE.
        transaction: TransactionId,
        /// An offerless re-INVITE: our 200 carries the offer, the ACK the answer (D5).
        offerless: bool,
        /// Whether it is an INVITE.
        invite: bool,
    },
    /// The peer's 200 to our offerless INVITE carried its offer; our ACK will carry the answer.
    AckOwed {
        /// The INVITE's transaction.
        transaction: TransactionId,
        /// The INVITE's CSeq number.
        cseq: u32,
    },
}

/// One offer of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// The description.
    pub(crate) sdp: Bytes,
    /// P-Asserted-Identity.
    pub(crate) identity: Option<Party>,
    /// How often a glare sent it back.
    pub(crate) glares: u8,
    /// It only refreshes the session timer: the contact is not told of its answer.
    pub(crate) is_refresh: bool,
}

/// A 2xx of ours that awaits its ACK (RFC 3261 §13.3.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Success {
    /// The CSeq number of the INVITE.
    pub(crate) cseq: u32,
    /// The response, for repetition.
    pub(crate) bytes: Bytes,
    /// The way it goes.
    pub(crate) flow: Flow,
    /// The present interval of repetition.
    pub(crate) interval_us: u64,
    /// It carries our offer, so the ACK must carry the answer.
    pub(crate) has_offer: bool,
    /// It answers the INVITE that made the session.
    pub(crate) is_first: bool,
}

/// Why and how a session ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// The Reason header of the BYE or CANCEL.
    pub(crate) reason: Option<String>,
}

impl Session {
    /// A session in its first phase.
    pub(crate) fn new(id: SessionId, phase: Phase, dialog: Dialog, stack: &mut Stack) -> Self {
        Session {
            id,
            phase,
            dialog,
            names: SessionNames::new(&mut stack.random),
            voice: Voice::Own,
            exchange: Exchange::Idle,
            provisionals: Provisionals::default(),
            success: None,
            offers: VecDeque::new(),
            backing_off: false,
            local_sdp: Bytes::new(),
            transfer: None,
            transfers_seen: 0,
            referral: None,
            authorization: None,
            peer_allows_update: false,
            peer_forbids_refer: false,
            interval: Interval::of(&stack.config),
            refresh: None,
            ending: None,
            reached_at: None,
        }
    }

    /// Does one command.
    pub(crate) fn command(&mut self, stack: &mut Stack, command: Command) -> Result<(), CommandRefused> {
        if let Command::ReportTransfer { transfer, status, reason, .. } = command {
            return self.report_transfer(stack, transfer, status, &reason);
        }
        if self.ending.is_some() || matches!(self.phase, Phase::Ending | Phase::Over) {
            return Err(CommandRefused::NoSession);
        }
        match command {
            Command::Ring { status, sdp, .. } => self.ring(stack, status, sdp),
            Command::Answer { sdp, identity, .. } => self.answer(stack, sdp, identity),
            Command::Refuse { status, reason, retry_after_s, .. } => self.refuse(stack, status, &reason, retry_after_s),
            Command::Offer { sdp, identity, .. } => self.offer(sdp, identity),
            Command::AcceptOffer { sdp, .. } => self.accept_offer(stack, sdp),
            Command::RefuseOffer { status, .. } => self.refuse_offer(stack, status),
            Command::Identify { identity, by_offer, .. } => self.identify(stack, &identity, by_offer),
            Command::AcceptTransfer { transfer, .. } => self.accept_transfer(stack, transfer),
            Command::RefuseTransfer { transfer, status, .. } => self.refuse_transfer(stack, transfer, status),
            Command::Transfer { target, referred_by, .. } => self.transfer_peer(stack, &target, referred_by),
            Command::Redirect { contacts, .. } => self.redirect_caller(stack, &contacts),
            Command::SendDigit { digit, duration_ms, .. } => self.send_digit(stack, digit, duration_ms),
            Command::Focus { conference, .. } => self.focus(conference),
            Command::End { status, reason, .. } => self.end(stack, status, reason),
            Command::Invite { .. }
            | Command::TransferTo { .. }
            | Command::ReportTransfer { .. }
            | Command::Errand { .. }
            | Command::ForgetErrand { .. }
            | Command::AcceptSubscription { .. }
            | Command::RefuseSubscription { .. }
            | Command::Publish { .. }
            | Command::Speak { .. }
            | Command::EndSubscription { .. }
            | Command::SetAccess(_)
            | Command::RestoreBindings { .. }
            | Command::LiftBan { .. }
            | Command::Unregister { .. } => Err(CommandRefused::WrongState),
        }
    }

    /// A timer of this session.
    pub(crate) fn timer(&mut self, stack: &mut Stack, timer: SessionTimer) {
        match timer {
            SessionTimer::RepeatSuccess => self.repeat_success(stack),
            SessionTimer::AwaitAck => self.ack_never_came(stack),
            SessionTimer::RepeatProvisional => self.repeat_provisional(stack),
            SessionTimer::CancelExpires => self.cancel_expired(stack),
            SessionTimer::Undecided => self.reinvite_undecided(stack),
            SessionTimer::Glare => self.backing_off = false,
            SessionTimer::Silence => self.silent_too_long(stack),
            SessionTimer::Debts => self.write_debts_off(stack),
            SessionTimer::AwaitDecision => self.decision_never_came(stack),
            SessionTimer::RepeatReliable => self.repeat_reliable(stack),
            SessionTimer::AwaitPrack => self.prack_never_came(stack),
            SessionTimer::Refresh => self.refresh_due(stack),
        }
    }

    /// Does what has become possible.
    pub(crate) fn settle(&mut self, stack: &mut Stack) {
        self.pump_notify(stack);
        self.pump_provisionals(stack);
        if self.ending.is_some() {
            self.bye_when_debts_are_paid(stack);
        } else {
            self.next_offer(stack);
        }
    }

    /// Whether its one dialog is confirmed, and not over.
    pub(crate) fn has_dialog(&self) -> bool {
        matches!(self.phase, Phase::Established | Phase::Ending)
    }

    /// Whether the session can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Ends the session and tells the contact, unless the contact has ended it itself.
    fn close(&mut self, stack: &mut Stack, cause: EndCause, q850: Option<u16>) {
        if self.ending.is_none() && !matches!(self.phase, Phase::Ending | Phase::Over) {
            stack.tell(Event::Ended { session: self.id, cause, q850 });
        }
        self.phase = Phase::Over;
    }

    /// Ends the session from our side because it cannot go on: the contact is told now, the BYE follows when debts allow.
    fn give_up(&mut self, stack: &mut Stack, cause: EndCause) {
        if self.ending.is_some() || matches!(self.phase, Phase::Ending | Phase::Over) {
            return;
        }
        stack.tell(Event::Ended { session: self.id, cause, q850: None });
        self.begin_ending(stack, None);
    }

    fn set_timer(&self, stack: &mut Stack, timer: SessionTimer, wait_us: u64) {
        stack.set_timer(Timer::Session(self.id, timer), wait_us);
    }

    fn stop_timer(&self, stack: &mut Stack, timer: SessionTimer) {
        stack.timers.stop(&Timer::Session(self.id, timer));
    }
}
