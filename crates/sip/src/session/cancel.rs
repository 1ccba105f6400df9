//! CANCEL, ours and the peer's (RFC 3261 §9, D1).

use super::{Exchange, Phase, Session};
use crate::interface::EndCause;
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::{Owner, Purpose, TransactionId};
use crate::wire::Message;

impl Session {
    /// Cancels our INVITE and waits 64·T1 for its final response.
    pub(super) fn send_cancel(&mut self, stack: &mut Stack, invite: TransactionId, reason: Option<&str>) {
        stack.cancel(invite, reason, Some(Owner { session: self.id, purpose: Purpose::Cancel }));
        self.set_timer(stack, SessionTimer::CancelExpires, stack.limit_us());
    }

    /// The peer cancels an INVITE of its; its 200 has been sent. A final response that went before wins
    /// (RFC 3261 §9.2).
    pub(crate) fn cancelled(&mut self, stack: &mut Stack, invite: TransactionId, cancel: &Message) {
        if !stack.is_unanswered(invite) {
            return;
        }
        if matches!(&self.phase, Phase::Incoming(invitation) if invitation.transaction == invite) {
            self.respond(stack, invite, 487);
            self.close(stack, EndCause::Cancel, cancel.q850());
        } else if matches!(self.exchange, Exchange::Theirs { transaction, .. } if transaction == invite) {
            self.respond(stack, invite, 487);
            self.exchange = Exchange::Idle;
            self.stop_decision(stack);
        }
    }
}
