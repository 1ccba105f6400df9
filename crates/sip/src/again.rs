//! Requests of ours whose connection ends before their final response: which of them go again, and where (RFC 3261 §18).

use std::net::SocketAddr;

use crate::endpoint::Endpoint;
use crate::interface::{ConnectionHandle, Flow};
use crate::stack::Stack;
use crate::streams::Stream;
use crate::transaction::{ClientMachine, ClientTransaction, Purpose, TransactionId};

/// So often a request goes again by another connection: where all those to a peer end at once, each next one may be about to.
const REPEATS_MAX: u8 = 3;

impl Endpoint {
    /// The connection that a request went by has ended before its final response. It goes again by another, the same to the
    /// letter: a peer that had it takes it for a repetition and says again what it last said, for its own answer may be lost; one
    /// that had not, for the connection was about to end, has it now. False where it may not, or there is no other way.
    pub(crate) fn send_again(&mut self, id: TransactionId, ended: ConnectionHandle, stream: &Stream) -> bool {
        if !self.stack.may_go_again(id) {
            return false;
        }
        // Where the peer listens.
        let listens_at = if ended.is_ours() { Some(stream.place.remote) } else { stream.alias };
        let way = match listens_at {
            Some(remote) => self.stack.way_again(id, remote),
            None => self.way_of_its_dialog(id),
        };
        way.is_some_and(|flow| self.stack.repeat_along(id, flow))
    }

    /// Where the next request of the dialog that a request is in goes.
    fn way_of_its_dialog(&mut self, id: TransactionId) -> Option<Flow> {
        let client = self.stack.transactions.client(id)?;
        let (owner, transport) = (client.owner?, client.flow.transport);
        if !matches!(owner.purpose, Purpose::Reinvite | Purpose::Cancel | Purpose::Bye) {
            return None;
        }
        let session = self.sessions.get_mut(&owner.session).filter(|session| session.has_dialog())?;
        // Its Via names the transport.
        Some(session.way(&mut self.stack)).filter(|flow| flow.transport == transport)
    }
}

impl Stack {
    /// Nobody waits for an INVITE any more, but for its first response: then a CANCEL may go (RFC 3261 §9.1).
    pub(crate) fn give_up(&mut self, id: TransactionId) {
        if let Some(client) = self.transactions.client_mut(id) {
            client.given_up = true;
        }
    }

    /// Whether a request may be sent by another connection.
    fn may_go_again(&self, id: TransactionId) -> bool {
        let Some(client) = self.transactions.client(id) else { return false };
        // A phone has no other way (P7).
        let has_left = !client.is_only && client.repeats < REPEATS_MAX && !client.request.is_empty();
        has_left && is_harmless(client) && self.is_wanted(client)
    }

    /// An INVITE that was given up would ring for nobody, and one that was cancelled too, if its CANCEL does not go with it.
    fn is_wanted(&self, client: &ClientTransaction) -> bool {
        client.cancel.map_or(!client.given_up, |cancel| self.transactions.client(cancel).is_some())
    }

    fn way_again(&mut self, id: TransactionId, remote: SocketAddr) -> Option<Flow> {
        let client = self.transactions.client(id)?;
        let (transport, subject) = (client.flow.transport, client.subject.clone());
        self.way_to_address(transport, remote, &subject).ok()
    }

    fn repeat_along(&mut self, id: TransactionId, flow: Flow) -> bool {
        let next = flow.connection.and_then(|connection| self.streams.get_mut(connection));
        let (Some(next), Some(client)) = (next, self.transactions.client_mut(id)) else { return false };
        next.transactions.insert(id);
        client.flow = flow;
        client.repeats += 1;
        let request = client.request.clone();
        self.counters.retransmissions_sent += 1;
        self.transmit(flow, request)
    }
}

/// Whether a peer that has had a request, and answered it, does nothing more for having it again. INVITE: its transaction is there
/// until the ACK, or 64·T1 after a 2xx (RFC 3261 §17.2.1, RFC 6026 §7.1). CANCEL and BYE: what they end is over by then. It has
/// forgotten any other at once, for timer J is 0 on a stream (§17.2.2): a REFER or INFO would be done twice, if it were not refused
/// for its old CSeq number (§12.2.2).
fn is_harmless(client: &ClientTransaction) -> bool {
    let begins = |method: &[u8]| client.request.starts_with(method);
    matches!(client.machine, ClientMachine::Invite(_)) || begins(b"CANCEL ") || begins(b"BYE ")
}
