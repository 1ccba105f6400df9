//! Which verb a request of the peer's, or a response to one of ours, belongs to. No request in a dialog stays unanswered
//! (R13).

use bytes::Bytes;

use super::{Phase, Session};
use crate::dialog::Sequence;
use crate::headers::{ACCEPT, ALLOW, KNOWN_OPTIONS, SDP};
use crate::interface::{EndCause, Flow, ReplacesTarget, TransferId};
use crate::stack::Stack;
use crate::transaction::{Failure, Owner, Purpose, TransactionId};
use crate::wire::{HeaderName, Message, Method};

impl Session {
    /// Whether a request with these names is of this dialog, an early fork included.
    pub(crate) fn is_of_dialog(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        if self.dialog.is_of_peer(call_id, remote_tag) && !matches!(self.phase, Phase::Calling(_)) {
            return true;
        }
        let Phase::Calling(calling) = &self.phase else { return false };
        self.dialog.call_id == call_id && calling.forks.iter().any(|fork| fork.remote_tag == remote_tag.unwrap_or(""))
    }

    /// Whether a request with these names is to be answered here: of this dialog, or of a fork of our INVITE whose first
    /// response is still on the way.
    pub(crate) fn takes_request_of(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        let is_calling = matches!(self.phase, Phase::Calling(_));
        (is_calling && self.dialog.call_id == call_id) || self.is_of_dialog(call_id, remote_tag)
    }

    /// A request of the peer's in this dialog, other than ACK and CANCEL.
    pub(crate) fn request(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        request: &Message,
        arrived: Flow,
        transfer: TransferId,
        replaces: Option<ReplacesTarget>,
    ) {
        // An early fork's requests are few and have no order that we would keep.
        let is_calling = matches!(self.phase, Phase::Calling(_));
        if !is_calling && self.dialog.take_remote_cseq(request.cseq().number) == Sequence::Old {
            // RFC 3261 §12.2.2.
            return self.respond(stack, transaction, 500);
        }
        if *request.method() == Method::Bye {
            return self.take_bye(stack, transaction, request);
        }
        if self.phase == Phase::Ending {
            return self.respond(stack, transaction, 481);
        }
        self.follow(stack, arrived);
        let unknown = request.unknown_requirements(KNOWN_OPTIONS);
        if !unknown.is_empty() {
            self.respond_with(stack, transaction, 420, |builder| {
                builder.header(HeaderName::Unsupported, unknown.join(", "));
            });
            return;
        }
        let carries_sdp = matches!(request.method(), Method::Invite | Method::Update | Method::Prack);
        if carries_sdp && request.has_foreign_body(&[SDP]) {
            self.respond_with(stack, transaction, 415, |builder| {
                builder.header(HeaderName::Accept, ACCEPT);
            });
            return;
        }
        match request.method() {
            Method::Invite => self.take_reinvite(stack, transaction, request),
            Method::Update => self.take_update(stack, transaction, request),
            Method::Info => self.take_info(stack, transaction, request),
            Method::Refer => self.take_refer(stack, transaction, request, transfer, replaces, None),
            Method::Notify => self.take_notify(stack, transaction, request),
            Method::Options => self.take_options(stack, transaction),
            Method::Subscribe => {
                self.respond_with(stack, transaction, 489, |builder| {
                    builder.header(HeaderName::AllowEvents, "refer");
                });
            }
            Method::Prack => self.take_prack(stack, transaction, request),
            Method::Cancel => self.respond(stack, transaction, 481),
            Method::Message | Method::Publish | Method::Register => self.not_allowed(stack, transaction, 405),
            Method::Other(_) | Method::Ack | Method::Bye => self.not_allowed(stack, transaction, 501),
        }
    }

    /// An ACK in this dialog, which no transaction took.
    pub(crate) fn acknowledged(&mut self, stack: &mut Stack, ack: &Message, arrived: Flow) {
        self.follow(stack, arrived);
        self.take_ack(stack, ack);
    }

    /// A response to a request of this session's.
    pub(crate) fn response(
        &mut self,
        stack: &mut Stack,
        owner: Owner,
        transaction: TransactionId,
        response: &Message,
        request: Bytes,
        flow: Flow,
    ) {
        let status = response.status();
        match owner.purpose {
            Purpose::Invite => return self.invite_response(stack, transaction, response, request, flow),
            Purpose::Reinvite => return self.reinvite_response(stack, transaction, response, request, flow),
            _ if status < 200 => return,
            Purpose::Cancel => return,
            _ => {}
        }
        let is_outside = owner.purpose == Purpose::Notify && self.reports_outside();
        if matches!(status, 401 | 407)
            && !is_outside
            && let Some(again) = self.answer_challenge(stack, response, request, owner, flow)
        {
            return self.notify_again(transaction, again);
        }
        match owner.purpose {
            Purpose::Bye => self.bye_done(),
            Purpose::Notify => self.notify_done(transaction, Some(status)),
            Purpose::Refer => self.refer_done(stack, status),
            Purpose::Refresh | Purpose::Identify if (200..=299).contains(&status) => {
                let _ = self.dialog.refresh_target(response);
                self.refresh_agreed_as_client(stack, response);
            }
            Purpose::Refresh if status == 422 && self.raise_interval(response) => self.refresh_now(stack),
            Purpose::Refresh if matches!(status, 405 | 501) => {
                // It does not know UPDATE after all: a re-INVITE refreshes as well (RFC 4028 §7.4).
                self.peer_allows_update = false;
                self.refresh_now(stack);
            }
            Purpose::Refresh => self.refresh_failed(stack),
            _ => {}
        }
        // RFC 3261 §12.2.1.2; a refused NOTIFY ends its subscription only (RFC 6665 §4.2.2).
        match (owner.purpose, status) {
            (Purpose::Notify | Purpose::Bye | Purpose::Prack, _) => {}
            (_, 481) => self.give_up(stack, EndCause::Protocol),
            (_, 408) => self.give_up(stack, EndCause::Timeout),
            _ => {}
        }
    }

    /// A request of this session's got no answer.
    pub(crate) fn failed(&mut self, stack: &mut Stack, owner: Owner, transaction: TransactionId, failure: Failure) {
        match owner.purpose {
            Purpose::Invite => self.invite_failed(stack, failure),
            Purpose::Reinvite => self.reinvite_failed(stack, transaction, failure),
            Purpose::Bye => self.bye_done(),
            Purpose::Notify => self.notify_done(transaction, None),
            Purpose::Refer => self.refer_done(stack, if failure == Failure::Timeout { 408 } else { 503 }),
            // The INVITE's own end is awaited, not the CANCEL's.
            Purpose::Cancel | Purpose::Errand | Purpose::Event => {}
            // The peer repeats its response, and gives up by itself.
            Purpose::Prack => {}
            // The way may be back before the session's time is up.
            Purpose::Refresh if failure == Failure::Transport => self.refresh_failed(stack),
            Purpose::Refresh | Purpose::Identify | Purpose::Info => {
                if failure == Failure::Timeout {
                    self.give_up(stack, EndCause::Timeout);
                }
            }
        }
    }

    /// P7: a phone's dialog goes along the flow of its last request, so it survives a new NAT binding or connection.
    fn follow(&mut self, stack: &mut Stack, arrived: Flow) {
        if self.dialog.along_flow && self.dialog.flow != arrived {
            stack.detach(self.id, &self.dialog.flow);
            stack.attach(self.id, &arrived);
            self.dialog.flow = arrived;
        }
    }

    fn not_allowed(&self, stack: &mut Stack, transaction: TransactionId, status: u16) {
        self.respond_with(stack, transaction, status, |builder| {
            builder.header(HeaderName::Allow, ALLOW);
        });
    }
}
