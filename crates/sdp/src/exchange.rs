//! The offers and answers of one leg, in order.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::negotiation::{Capabilities, LocalMedia, Negotiated, SdpError};

/// The offer/answer state of one leg (RFC 3264), with an `o=` line of its own (wire rule D2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiation {
    local: LocalMedia,
    capabilities: Capabilities,
    session_id: u64,
    current: Option<Negotiated>,
}

/// An offer of ours that waits for its answer. Another exchange in between makes it stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOffer {
    exchange: u64,
}

impl Negotiation {
    /// A leg that has negotiated nothing yet. `session_id` is the stable number of its `o=` line.
    pub fn new(local: LocalMedia, capabilities: Capabilities, session_id: u64) -> Self {
        Self {
            local,
            capabilities,
            session_id,
            current: None,
        }
    }

    /// A full offer, `sendrecv`: to call, to answer an offerless INVITE (D5), or to change the session.
    pub fn offer(&mut self) -> (Bytes, PendingOffer) {
        unimplemented!("skeleton: {}", self.session_id)
    }

    /// Takes the answer to `pending`. On any error the session stays as it was.
    pub fn accept(&mut self, pending: PendingOffer, answer: &[u8]) -> Result<Negotiated, SdpError> {
        unimplemented!("skeleton: {pending:?} {answer:?}")
    }

    /// Answers the peer's offer. On any error the session stays as it was.
    pub fn answer(&mut self, offer: &[u8]) -> Result<(Bytes, Negotiated), SdpError> {
        unimplemented!("skeleton: {offer:?} {:?}", self.capabilities)
    }

    /// What is agreed at this moment.
    pub fn current(&self) -> Option<&Negotiated> {
        self.current.as_ref()
    }

    /// Our end.
    pub fn local(&self) -> LocalMedia {
        self.local
    }
}
