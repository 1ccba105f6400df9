//! Responses of ours: composing, sending, and what their server transactions ask for (RFC 3261 §17.2, §18.2.2).

use std::net::SocketAddr;

use bytes::Bytes;

use crate::guard::AMPLIFICATION_MAX;
use crate::interface::{Flow, SessionId, Transport};
use crate::stack::Stack;
use crate::subject::Subject;
use crate::timer::Timer;
use crate::transaction::{
    Effect, Effects, InviteServer, InviteServerEvent, Key, Server, ServerEvent, ServerMachine, ServerTransaction,
    TransactionId, TransactionTimer,
};
use crate::wire::{Builder, HeaderName, Message, Method};

impl Stack {
    /// Begins a server transaction for a request that came along a flow.
    pub(crate) fn begin_server(
        &mut self,
        request: Message,
        key: Key,
        arrived: Flow,
        session: Option<SessionId>,
    ) -> TransactionId {
        let id = self.transactions.allocate();
        let machine = match request.method() {
            Method::Invite => ServerMachine::Invite(InviteServer::start()),
            _ => ServerMachine::Other(Server::start()),
        };
        let merge_key = request.to_tag().is_none().then(|| self.transactions.key_maker().merge_key(&request));
        let transaction = ServerTransaction {
            key,
            merge_key,
            machine,
            flow: response_flow(&request, arrived),
            subject: self.subject_of(&arrived),
            request: Some(request),
            response: Bytes::new(),
            session,
        };
        self.transactions.insert_server(id, transaction);
        id
    }

    /// Answers a request. `None` if it was answered finally before, or the text is bad.
    pub(crate) fn respond(
        &mut self,
        id: TransactionId,
        status: u16,
        reason: &str,
        to_tag: Option<&str>,
        fill: impl FnOnce(&mut Builder),
    ) -> Option<Bytes> {
        let server = self.transactions.server(id)?;
        let bytes = self.compose_response(server.request.as_ref()?, status, reason, to_tag, fill)?;
        self.respond_with(id, status, bytes.clone());
        Some(bytes)
    }

    /// Sends the 2xx of an INVITE once more: the session's duty, not the transaction's (RFC 3261 §13.3.1.4). The way that it went.
    pub(crate) fn repeat_success(&mut self, flow: Flow, subject: &Subject, bytes: Bytes) -> Flow {
        self.counters.retransmissions_sent += 1;
        if self.transmit(flow, bytes.clone()) {
            return flow;
        }
        self.send_elsewhere(flow, subject, bytes).unwrap_or(flow)
    }

    /// The way that responses to a request go.
    pub(crate) fn response_way(&self, id: TransactionId) -> Option<Flow> {
        Some(self.transactions.server(id)?.flow)
    }

    /// Answers without a transaction (RFC 3261 §8.2.7): nothing is remembered. An answer that would be far longer than its
    /// datagram is not sent: the source may be forged, and we amplify nothing.
    pub(crate) fn reply(
        &mut self,
        request: &Message,
        arrived: Flow,
        status: u16,
        reason: &str,
        fill: impl FnOnce(&mut Builder),
    ) {
        let fits = self.try_reply(request, arrived, status, reason, fill);
        self.counters.amplification_refused += u64::from(!fits);
    }

    /// As [`Stack::reply`]; false when the answer would be too long.
    pub(crate) fn try_reply(
        &mut self,
        request: &Message,
        arrived: Flow,
        status: u16,
        reason: &str,
        fill: impl FnOnce(&mut Builder),
    ) -> bool {
        if *request.method() == Method::Ack {
            return true;
        }
        let tag = stateless_tag(request);
        let Some(bytes) = self.compose_response(request, status, reason, Some(&tag), fill) else { return true };
        if arrived.transport == Transport::Udp && bytes.len() > AMPLIFICATION_MAX * request.bytes().len() {
            return false;
        }
        self.transmit(response_flow(request, arrived), bytes);
        true
    }

    /// The same request came again.
    pub(crate) fn repeat_request(&mut self, id: TransactionId) {
        self.server_event(id, InviteServerEvent::Request, ServerEvent::Request);
    }

    /// An ACK that matches an INVITE transaction. Its session when it is the ACK to a 2xx of an RFC 2543 peer.
    pub(crate) fn take_failure_ack(&mut self, id: TransactionId) {
        if let Some(ServerMachine::Invite(_)) = self.transactions.server(id).map(|server| server.machine) {
            self.server_event(id, InviteServerEvent::Ack, ServerEvent::Request);
        }
    }

    /// Timers G to L of a server transaction.
    pub(crate) fn server_timer(&mut self, id: TransactionId, timer: TransactionTimer) {
        self.server_event(id, InviteServerEvent::Timer(timer), ServerEvent::Timer(timer));
    }

    /// Whether a server transaction still awaits its final response.
    pub(crate) fn is_unanswered(&self, id: TransactionId) -> bool {
        self.transactions.server(id).is_some_and(|server| server.request.is_some())
    }

    fn respond_with(&mut self, id: TransactionId, status: u16, bytes: Bytes) {
        if let Some(server) = self.transactions.server_mut(id) {
            server.response = bytes;
            if status >= 200 {
                server.request = None;
            }
        }
        self.server_event(id, InviteServerEvent::Respond(status), ServerEvent::Respond(status));
        // In Accepted the session repeats the 2xx, so the transaction need not keep it (RFC 6026 §7.1).
        if let Some(server) = self.transactions.server_mut(id)
            && server.machine == ServerMachine::Invite(InviteServer::Accepted)
        {
            server.response = Bytes::new();
        }
    }

    fn compose_response(
        &self,
        request: &Message,
        status: u16,
        reason: &str,
        to_tag: Option<&str>,
        fill: impl FnOnce(&mut Builder),
    ) -> Option<Bytes> {
        let mut builder = request.response(status, reason, to_tag);
        if status > 100 {
            builder.header(HeaderName::Server, &self.config.user_agent);
        }
        fill(&mut builder);
        builder.finish().ok()
    }

    fn server_event(&mut self, id: TransactionId, invite: InviteServerEvent, other: ServerEvent) {
        let Some(server) = self.transactions.server(id) else { return };
        let pace = self.pace(server.flow.transport);
        let Some(server) = self.transactions.server_mut(id) else { return };
        let effects = match &mut server.machine {
            ServerMachine::Invite(machine) => {
                let (next, effects) = machine.handle(invite, &pace);
                *machine = next;
                effects
            }
            ServerMachine::Other(machine) => {
                let (next, effects) = machine.handle(other, &pace);
                *machine = next;
                effects
            }
        };
        self.apply_server(id, effects);
    }

    fn apply_server(&mut self, id: TransactionId, effects: Effects) {
        for effect in effects.iter() {
            match effect {
                Effect::Send => self.send_response(id, false),
                Effect::Retransmit => self.send_response(id, true),
                Effect::Set(timer, wait_us) => self.set_transaction_timer(id, timer, wait_us),
                Effect::Stop(timer) => self.timers.stop(&Timer::Transaction(id, timer)),
                Effect::Terminate => self.forget_transaction(id),
                // A failed response changes nothing above: the session has its own wait for the ACK.
                Effect::Fail(_) | Effect::Pass | Effect::Acknowledge => {}
            }
        }
    }

    fn send_response(&mut self, id: TransactionId, again: bool) {
        let Some(server) = self.transactions.server(id) else { return };
        let (flow, response) = (server.flow, server.response.clone());
        if response.is_empty() {
            return;
        }
        self.counters.retransmissions_sent += u64::from(again);
        if self.transmit(flow, response.clone()) {
            return;
        }
        let Some(subject) = self.transactions.server(id).map(|server| server.subject.clone()) else { return };
        match (self.send_elsewhere(flow, &subject, response), self.transactions.server_mut(id)) {
            (Some(way), Some(server)) => server.flow = way,
            (None, _) => self.server_event(id, InviteServerEvent::TransportError, ServerEvent::TransportError),
            (Some(_), None) => {}
        }
    }

    /// Sends a response whose connection is gone along one to where the request's sender takes connections: its address with the
    /// port of its sent-by (RFC 3261 §18.2.2). With TLS its certificate must name whom it has shown to be, else the host of its
    /// sent-by. The way that it went.
    fn send_elsewhere(&mut self, flow: Flow, subject: &Subject, response: Bytes) -> Option<Flow> {
        let via = Message::parse(response.clone()).ok()?.via();
        let listens_at = via.listening_address(flow.remote);
        let way = self.way_to_address(flow.transport, listens_at, &subject.or(&via.host)).ok()?;
        self.transmit(way, response).then_some(way)
    }
}

/// Where responses to a request go (RFC 3261 §18.2.2, RFC 3581 §4): back along the stream, or to where the topmost Via
/// says on UDP.
pub(crate) fn response_flow(request: &Message, arrived: Flow) -> Flow {
    let remote: SocketAddr = match arrived.transport {
        Transport::Udp => request.response_address(arrived.remote),
        _ => arrived.remote,
    };
    Flow { remote, ..arrived }
}

/// The To tag of a stateless response must be the same for every copy of its request (RFC 3261 §8.2.7), so it is
/// computed from the request. It proves nothing and names no session.
pub(crate) fn stateless_tag(request: &Message) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in request.branch().bytes().chain(request.call_id().bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("s{hash:016x}")
}
