//! Our REFER (RFC 3515).

use serde::{Deserialize, Serialize};

use super::{Phase, Session};
use crate::interface::{CommandRefused, Event};
use crate::stack::Stack;
use crate::transaction::{Purpose, TransactionId};
use crate::wire::{HeaderName, Method, Replaces, Uri};

/// A transfer that we asked the peer for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Referral {
    /// The REFER's transaction; `None` once it was answered.
    pub(crate) transaction: Option<TransactionId>,
}

impl Session {
    /// Asks the peer to call somebody else.
    pub(super) fn transfer_peer(
        &mut self,
        stack: &mut Stack,
        target: &str,
        referred_by: Option<String>,
    ) -> Result<(), CommandRefused> {
        if self.phase != Phase::Established || self.referral.is_some() || self.peer_forbids_refer {
            return Err(CommandRefused::WrongState);
        }
        if Uri::parse(target).is_err() || target.contains(['<', '>']) {
            return Err(CommandRefused::BadText);
        }
        let sent = self.send(stack, Method::Refer, Purpose::Refer, None, |builder| {
            builder.header(HeaderName::ReferTo, format_args!("<{target}>"));
            if let Some(referred_by) = referred_by {
                builder.header(HeaderName::ReferredBy, referred_by);
            }
        });
        let transaction = sent.ok_or(CommandRefused::BadText)?;
        self.referral = Some(Referral { transaction: Some(transaction) });
        Ok(())
    }

    /// The Refer-To by which somebody steps into our place with this session's peer: its remote target, and a Replaces of this
    /// dialog as the peer sees it (RFC 3891 §3).
    pub(crate) fn place_of_peer(&self) -> Option<String> {
        if self.phase != Phase::Established || self.ending.is_some() {
            return None;
        }
        let mut uri = Uri::parse(&self.dialog.target).ok()?.as_sip()?.clone();
        let replaces = Replaces {
            call_id: self.dialog.call_id.clone(),
            to_tag: self.dialog.remote_tag.clone(),
            from_tag: self.dialog.local_tag.clone(),
            early_only: false,
        };
        uri.headers = vec![replaces.to_uri_header()];
        Some(uri.to_string())
    }

    /// The peer answered our REFER, or never will.
    pub(super) fn refer_done(&mut self, stack: &mut Stack, status: u16) {
        if status < 200 {
            return;
        }
        match &mut self.referral {
            // A 2xx opens the subscription; the NOTIFYs tell the rest.
            Some(referral) if status < 300 => referral.transaction = None,
            Some(_) => self.referral = None,
            None => return,
        }
        if self.ending.is_none() {
            stack.tell(Event::TransferProgress { session: self.id, status, from_notify: false });
        }
    }

    /// A NOTIFY told the target's status.
    pub(super) fn referral_progress(&mut self, stack: &mut Stack, status: u16) {
        if self.ending.is_none() {
            stack.tell(Event::TransferProgress { session: self.id, status, from_notify: true });
        }
    }
}
