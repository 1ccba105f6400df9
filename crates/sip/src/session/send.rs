//! Requests in the dialog (RFC 3261 §12.2.1.1), and responses to those of the peer.

use bytes::Bytes;

use super::Session;
use crate::dialog::Dialog;
use crate::headers::{capabilities, info_packages};
use crate::interface::{Flow, Party};
use crate::stack::Stack;
use crate::transaction::{Owner, Purpose, TransactionId};
use crate::wire::{Builder, CSeq, HeaderName, Method, NameAddr};

impl Session {
    /// Sends a request in the dialog. `None` if it could not be composed.
    pub(super) fn send(
        &mut self,
        stack: &mut Stack,
        method: Method,
        purpose: Purpose,
        body: Option<(&str, Bytes)>,
        fill: impl FnOnce(&mut Builder),
    ) -> Option<TransactionId> {
        let flow = self.way(stack);
        let (uri, routes) = self.dialog.addressing();
        let cseq = self.dialog.next_cseq();
        let payload = body.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let credentials =
            self.authorization.as_mut().and_then(|own| own.again(&mut stack.random, &method, &uri, payload));
        let owner = Owner { session: self.id, purpose };
        let user_agent = stack.config.user_agent.clone();
        let (dialog, names) = (&self.dialog, &self.names);
        let sent = stack.request(dialog.along(flow), method.clone(), &uri, Some(owner), |builder| {
            routes.iter().for_each(|route| {
                builder.header(HeaderName::Route, route);
            });
            builder.header(HeaderName::MaxForwards, 70);
            builder.header(HeaderName::From, &dialog.local);
            builder.header(HeaderName::To, &dialog.remote);
            builder.header(HeaderName::CallId, &dialog.call_id);
            builder.header(HeaderName::CSeq, CSeq { number: cseq, method: method.clone() });
            if method != Method::Bye && method != Method::Info {
                builder.header(HeaderName::Contact, &dialog.contact);
                capabilities(builder);
            }
            if method == Method::Invite {
                info_packages(builder);
            }
            builder.header(HeaderName::UserAgent, user_agent);
            names.write(builder);
            if let Some((name, value)) = credentials {
                builder.header(name, value);
            }
            fill(builder);
            if let Some((content_type, bytes)) = body {
                builder.body(content_type, bytes);
            }
        });
        sent.ok()
    }

    /// The way that requests of this dialog go now.
    pub(crate) fn way(&mut self, stack: &mut Stack) -> Flow {
        let before = self.dialog.flow;
        let way = stack.way_of(&mut self.dialog);
        if self.dialog.flow != before {
            stack.attach(self.id, &self.dialog.flow);
        }
        way
    }

    /// Answers a request of the dialog with a bare status.
    pub(super) fn respond(&self, stack: &mut Stack, transaction: TransactionId, status: u16) {
        self.respond_with(stack, transaction, status, |_| {});
    }

    /// Answers a request of the dialog.
    pub(super) fn respond_with(
        &self,
        stack: &mut Stack,
        transaction: TransactionId,
        status: u16,
        fill: impl FnOnce(&mut Builder),
    ) -> Option<Bytes> {
        self.respond_in(stack, &self.dialog, transaction, status, fill)
    }

    /// Answers a request of the dialog, or one that belongs to this session and has a dialog of its own (RFC 4538).
    pub(super) fn respond_in(
        &self,
        stack: &mut Stack,
        dialog: &Dialog,
        transaction: TransactionId,
        status: u16,
        fill: impl FnOnce(&mut Builder),
    ) -> Option<Bytes> {
        stack.respond(transaction, status, "", Some(&dialog.local_tag), |builder| {
            if status < 300 {
                builder.header(HeaderName::Contact, &dialog.contact);
                capabilities(builder);
            }
            self.names.write(builder);
            fill(builder);
        })
    }

    /// 500 with Retry-After of 0 to 10 s (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn respond_later(&self, stack: &mut Stack, transaction: TransactionId) {
        let wait_s = stack.random.between(0, 10);
        self.respond_with(stack, transaction, 500, |builder| {
            builder.header(HeaderName::RetryAfter, wait_s);
        });
    }
}

/// The status that refuses a request in a dialog: a failure, and not 408, by which a request other than INVITE would not be answered
/// at all (RFC 4320 §4.2), and an INVITE would end its dialog (RFC 3261 §12.2.1.2).
pub(crate) fn refusal(status: u16, otherwise: u16) -> u16 {
    match status {
        408 => 504,
        400..=699 => status,
        _ => otherwise,
    }
}

/// Writes P-Asserted-Identity (RFC 3325), if the party's URI reads as one.
pub(super) fn assert_identity(builder: &mut Builder, identity: Option<&Party>) {
    if let Some(address) = identity.and_then(|party| NameAddr::from_party(party).ok()) {
        builder.header(HeaderName::PAssertedIdentity, address);
    }
}
