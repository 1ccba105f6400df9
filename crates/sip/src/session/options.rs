//! OPTIONS in a dialog (RFC 3261 §11.2): answered as an INVITE would be.

use super::Session;
use crate::headers::ACCEPT;
use crate::stack::Stack;
use crate::transaction::TransactionId;
use crate::wire::HeaderName;

impl Session {
    /// The peer asks what we can.
    pub(super) fn take_options(&mut self, stack: &mut Stack, transaction: TransactionId) {
        self.respond_with(stack, transaction, 200, |builder| {
            builder.header(HeaderName::Accept, ACCEPT);
        });
    }
}
