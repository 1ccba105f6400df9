//! Requests of ours: composing, sending, and what their client transactions ask for (RFC 3261 §17.1).

use std::fmt::{self, Write};
use std::net::SocketAddr;

use bytes::Bytes;
use memchr::memmem;

use crate::dialog::Dialog;
use crate::interface::{ConnectionHandle, Flow, Transport};
use crate::random::{marked, read_marked};
use crate::stack::{Stack, Up};
use crate::subject::Subject;
use crate::timer::Timer;
use crate::transaction::{
    Acknowledgement, Client, ClientEvent, ClientMachine, ClientTransaction, Effect, Effects, Failure, InviteClient,
    InviteClientEvent, Owner, Pace, TransactionId, TransactionTimer,
};
use crate::wire::{BadText, Builder, CSeq, HeaderName, Message, Method, Print};

/// What every branch begins with (RFC 3261 §8.1.1.7).
pub(crate) const BRANCH_START: &str = "z9hG4bK";

/// A larger request goes by a congestion controlled transport (RFC 3261 §18.1.1).
const DATAGRAM_REQUEST_MAX: usize = 1_300;

/// How long a peer that took no TCP connection is not asked for one again, in microseconds.
const WITHOUT_TCP_US: u64 = 600_000_000;

/// How many such peers are remembered; beyond, some are asked again.
const WITHOUT_TCP_MAX: usize = 1_024;

/// The way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way<'a> {
    /// The flow.
    pub(crate) flow: Flow,
    /// Whether the peer can be reached along it only (a phone), so that no request may leave it for its size.
    pub(crate) is_only: bool,
    /// Whom a TLS peer's certificate must name, should the way have to be opened again. A connection that is there may have been
    /// opened for others also.
    pub(crate) subject: &'a Subject,
}

/// Most forks of one INVITE whose 2xx are acknowledged; what is beyond is absorbed.
const FORKS_MAX: usize = 16;

/// A Via of ours, as it prints; `branch` is what stands behind the magic cookie.
struct OwnVia<'a> {
    transport: Transport,
    sent_by: SocketAddr,
    branch: &'a str,
    alias: bool,
}

impl Print for OwnVia<'_> {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        ["SIP/2.0/", self.transport.via_token(), " "].print(out)?;
        self.sent_by.print(out)?;
        // RFC 3581 §3: the empty `rport` asks for the port that we are seen from.
        [";branch=", BRANCH_START, self.branch, ";rport"].print(out)?;
        out.write_str(if self.alias { ";alias" } else { "" })
    }
}

impl Stack {
    /// Composes a request, sends it and begins its client transaction. `fill` writes every header but Via.
    pub(crate) fn request(
        &mut self,
        way: Way<'_>,
        method: Method,
        uri: &str,
        owner: Option<Owner>,
        fill: impl FnOnce(&mut Builder),
    ) -> Result<TransactionId, BadText> {
        let id = self.transactions.allocate();
        let random = self.random.number();
        let bytes = self.compose(&way.flow, &method, uri, &marked(id.0, random), fill)?;
        match self.tcp_for(&way, bytes.len()) {
            None => self.begin_client((id, random), &method, way, bytes, owner, None),
            Some(tcp) => {
                let bytes = with_via(&bytes, &self.via(&tcp, &marked(id.0, random)));
                self.counters.moved_to_tcp += 1;
                self.begin_client((id, random), &method, Way { flow: tcp, ..way }, bytes, owner, Some(way.flow));
            }
        }
        Ok(id)
    }

    /// The TCP flow for a request that is too large for UDP; `None` where it stays. Requests along a phone's flow do: what
    /// lies behind a NAT takes no connection.
    fn tcp_for(&mut self, way: &Way<'_>, bytes: usize) -> Option<Flow> {
        let flow = way.flow;
        if flow.transport != Transport::Udp || bytes <= DATAGRAM_REQUEST_MAX || way.is_only {
            return None;
        }
        let now_us = self.now_us;
        if self.without_tcp.get(&flow.remote).is_some_and(|until_us| *until_us > now_us) {
            return None;
        }
        self.way_to_address(Transport::Tcp, flow.remote, &Subject::default()).ok()
    }

    /// No connection could be had for a request that had moved to TCP: it goes by UDP after all. False for others.
    pub(crate) fn fall_back(&mut self, id: TransactionId) -> bool {
        let Some(client) = self.transactions.client(id) else { return false };
        let (Some(flow), random) = (client.fallback, client.random) else { return false };
        // A final response has come, by whatever way, and the request is gone: there is nothing to send. One that was given up
        // is not sent either.
        if client.request.is_empty() || client.given_up || client.cancel.is_some() {
            return false;
        }
        let request = with_via(&client.request, &self.via(&flow, &marked(id.0, random)));
        self.remember_without_tcp(flow.remote);
        let pace = self.pace(flow.transport);
        let Some(client) = self.transactions.client_mut(id) else { return false };
        let (machine, effects) = start(matches!(client.machine, ClientMachine::Invite(_)), &pace);
        (client.flow, client.fallback, client.machine, client.request) = (flow, None, machine, request.clone());
        self.transmit(flow, request);
        self.apply_client(id, effects, None);
        true
    }

    fn remember_without_tcp(&mut self, remote: SocketAddr) {
        let now_us = self.now_us;
        self.without_tcp.retain(|_, until_us| *until_us > now_us);
        if self.without_tcp.len() >= WITHOUT_TCP_MAX {
            self.without_tcp.pop_first();
        }
        self.without_tcp.insert(remote, now_us.saturating_add(WITHOUT_TCP_US));
    }

    /// The way that requests of a dialog go now. A new way in the place of a connection that has ended is the dialog's from now on.
    pub(crate) fn way_of(&mut self, dialog: &mut Dialog) -> Flow {
        let is_up = |connection: ConnectionHandle| self.streams.get(connection).is_some();
        // Connections that peers opened come from a port that nobody listens on: where they do, their remote target says.
        let can_reopen = |connection: ConnectionHandle| connection.is_ours() || is_up(connection);
        if let Some((transport, remote)) = dialog.next_hop(dialog.flow.connection.is_none_or(can_reopen)) {
            return self.way_to_address(transport, remote, &dialog.subject).unwrap_or(dialog.flow);
        }
        let Flow { transport, remote, connection, .. } = dialog.flow;
        if dialog.along_flow || connection.is_none_or(is_up) {
            return dialog.flow;
        }
        // RFC 3261 §18.1.1: a new connection to the same place. A phone's flow is its only way (P7).
        let again = match connection {
            Some(connection) if !connection.is_ours() => dialog.named_next_hop().map(|(host, port)| {
                let remote = SocketAddr::new(remote.ip(), port.unwrap_or(transport.standard_port()));
                (remote, dialog.subject.or(&host))
            }),
            _ => Some((remote, dialog.subject.clone())),
        };
        if let Some((remote, subject)) = again
            && let Ok(flow) = self.way_to_address(transport, remote, &subject)
        {
            (dialog.flow, dialog.subject) = (flow, subject);
        }
        dialog.flow
    }

    /// Sends an ACK to a 2xx, which has no transaction (RFC 3261 §13.2.2.4), and keeps it for the 2xx's repetition.
    pub(crate) fn acknowledge_success(
        &mut self,
        flow: Flow,
        uri: &str,
        invite: TransactionId,
        to_tag: &str,
        fill: impl FnOnce(&mut Builder),
    ) -> Result<(), BadText> {
        let id = self.transactions.allocate();
        let random = self.random.number();
        let bytes = self.compose(&flow, &Method::Ack, uri, &marked(id.0, random), fill)?;
        self.transmit(flow, bytes.clone());
        if let Some(client) = self.transactions.client_mut(invite)
            && client.acks.len() < FORKS_MAX
        {
            client.acks.push(Acknowledgement { to_tag: to_tag.to_owned(), flow, bytes });
        }
        Ok(())
    }

    /// Sends a request once more in a new transaction: with other numbers and other credentials (RFC 3261 §8.1.3.5, §22).
    pub(crate) fn request_again(
        &mut self,
        way: Way<'_>,
        original: &Message,
        cseq: u32,
        owner: Option<Owner>,
        credentials: Option<(HeaderName<'static>, String)>,
    ) -> Result<TransactionId, BadText> {
        let method = original.method().clone();
        let content_type = original.header(HeaderName::ContentType).map(str::to_owned);
        let uri = original.request_uri().to_owned();
        self.request(way, method.clone(), &uri, owner, |builder| {
            for (name, value) in original.all_headers() {
                match name {
                    HeaderName::CSeq => {
                        builder.header(HeaderName::CSeq, CSeq { number: cseq, method: method.clone() });
                    }
                    HeaderName::Authorization | HeaderName::ProxyAuthorization if credentials.is_some() => {}
                    HeaderName::Via | HeaderName::ContentLength | HeaderName::ContentType => {}
                    _ => {
                        builder.header(name, value);
                    }
                }
            }
            if let Some((name, value)) = credentials {
                builder.header(name, value);
            }
            if let Some(content_type) = content_type {
                builder.body(&content_type, original.body());
            }
        })
    }

    /// Cancels an INVITE of ours (RFC 3261 §9.1): same branch, Request-URI, From, To, Call-ID, CSeq number and Route.
    pub(crate) fn cancel(&mut self, invite: TransactionId, reason: Option<&str>, owner: Option<Owner>) {
        let Some(client) = self.transactions.client(invite) else { return };
        if client.cancel.is_some() {
            return;
        }
        let (flow, is_only, random) = (client.flow, client.is_only, client.random);
        let subject = client.subject.clone();
        let Ok(request) = Message::parse(client.request.clone()) else { return };
        let mut builder = copy_for(&request, &Method::Cancel);
        builder.copy(&request, HeaderName::To);
        if let Some(reason) = reason {
            builder.header(HeaderName::Reason, reason);
        }
        let Ok(bytes) = builder.finish() else { return };
        let id = self.transactions.allocate();
        if let Some(client) = self.transactions.client_mut(invite) {
            client.cancel = Some(id);
        }
        let way = Way { flow, is_only, subject: &subject };
        self.begin_client((id, random), &Method::Cancel, way, bytes, owner, None);
    }

    /// Gives a client transaction up without a word, and its CANCEL's with it.
    pub(crate) fn abandon_client(&mut self, id: TransactionId) {
        self.forget_transaction(id);
    }

    /// Nobody waits for a client transaction any more. Its request is not sent again; a 2xx that still comes is acknowledged
    /// and its dialog ended, so that nobody is left in a call with nobody (RFC 3261 §13.2.2.4).
    pub(crate) fn disown_client(&mut self, id: TransactionId) {
        self.timers.stop(&Timer::Transaction(id, TransactionTimer::A));
        if let Some(client) = self.transactions.client_mut(id) {
            client.owner = None;
            client.given_up = true;
        }
    }

    /// An INVITE that nobody waits for any more rings after all: it is cancelled, and forgotten 64·T1 later whatever becomes
    /// of it (RFC 3261 §9.1).
    pub(crate) fn cancel_disowned(&mut self, invite: TransactionId) {
        self.cancel_in_time(invite, None);
    }

    /// Cancels an INVITE, which is over 64·T1 later whatever becomes of it (RFC 3261 §9.1).
    pub(crate) fn cancel_in_time(&mut self, invite: TransactionId, owner: Option<Owner>) {
        if self.transactions.client(invite).is_none_or(|client| client.cancel.is_some()) {
            return;
        }
        self.cancel(invite, None, owner);
        let limit_us = self.limit_us();
        self.set_transaction_timer(invite, TransactionTimer::B, limit_us);
    }

    /// A response came. `None` when nobody waits for it or nobody needs to know.
    pub(crate) fn take_response(&mut self, arrived: Flow, response: Message) -> Option<Up> {
        let (number, random) = read_marked(response.branch().strip_prefix(BRANCH_START)?)?;
        let id = self.transactions.of_response(number, random, response.method())?;
        let flow = self.transactions.client(id)?.flow;
        let pace = self.pace(flow.transport);
        if let Some(ack) = self.ack_for(id, &response) {
            self.counters.retransmissions_sent += 1;
            // The way that it went, or where that has ended, the one that its peer has opened to say so again.
            if !self.transmit(ack.flow, ack.bytes.clone()) {
                self.transmit(arrived, ack.bytes);
            }
            return None;
        }
        let client = self.transactions.client_mut(id)?;
        let effects = match &mut client.machine {
            ClientMachine::Invite(machine) => {
                let (next, effects) = machine.handle(InviteClientEvent::Response(response.status()), &pace);
                *machine = next;
                effects
            }
            ClientMachine::Other(machine) => {
                let (next, effects) = machine.handle(ClientEvent::Response(response.status()), &pace);
                *machine = next;
                effects
            }
        };
        self.apply_client(id, effects, Some(response))
    }

    /// Timers A to M of a client transaction.
    pub(crate) fn client_timer(&mut self, id: TransactionId, timer: TransactionTimer) -> Option<Up> {
        self.client_event(id, InviteClientEvent::Timer(timer), ClientEvent::Timer(timer))
    }

    /// A request could not be sent, or the connection it waited on has ended.
    pub(crate) fn client_transport_error(&mut self, id: TransactionId) -> Option<Up> {
        self.client_event(id, InviteClientEvent::TransportError, ClientEvent::TransportError)
    }

    /// Forgets a transaction of either side and its timers.
    pub(crate) fn forget_transaction(&mut self, id: TransactionId) {
        self.timers.stop_transaction(id);
        let Some(flow) = self.transactions.remove(id) else { return };
        if let Some(stream) = flow.connection.and_then(|connection| self.streams.get_mut(connection)) {
            stream.transactions.remove(&id);
        }
    }

    fn client_event(&mut self, id: TransactionId, invite: InviteClientEvent, other: ClientEvent) -> Option<Up> {
        let transport = self.transactions.client(id)?.flow.transport;
        let pace = self.pace(transport);
        let effects = match &mut self.transactions.client_mut(id)?.machine {
            ClientMachine::Invite(machine) => {
                let (next, effects) = machine.handle(invite, &pace);
                *machine = next;
                effects
            }
            ClientMachine::Other(machine) => {
                let (next, effects) = machine.handle(other, &pace);
                *machine = next;
                effects
            }
        };
        self.apply_client(id, effects, None)
    }

    fn compose(
        &self,
        flow: &Flow,
        method: &Method,
        uri: &str,
        branch: &str,
        fill: impl FnOnce(&mut Builder),
    ) -> Result<Bytes, BadText> {
        let mut builder = Builder::request(method, uri);
        builder.header(HeaderName::Via, self.via(flow, branch));
        fill(&mut builder);
        builder.finish()
    }

    /// Our Via for a flow. On a TLS connection of ours it has `alias`: requests for us may come back along it (RFC 5923 §8.1).
    fn via<'a>(&self, flow: &Flow, branch: &'a str) -> OwnVia<'a> {
        let alias = flow.transport == Transport::Tls && flow.connection.is_some_and(ConnectionHandle::is_ours);
        OwnVia { transport: flow.transport, sent_by: self.advertised(flow), branch, alias }
    }

    fn begin_client(
        &mut self,
        (id, random): (TransactionId, u64),
        method: &Method,
        Way { flow, is_only, subject }: Way<'_>,
        request: Bytes,
        owner: Option<Owner>,
        fallback: Option<Flow>,
    ) {
        let (machine, effects) = start(*method == Method::Invite, &self.pace(flow.transport));
        let sent = self.transmit(flow, request.clone());
        let client = ClientTransaction {
            random,
            machine,
            flow,
            is_only,
            repeats: 0,
            given_up: false,
            subject: subject.clone(),
            fallback,
            request,
            acks: Vec::new(),
            cancel: None,
            owner,
        };
        self.transactions.insert_client(id, client);
        if let Some(stream) = flow.connection.and_then(|connection| self.streams.get_mut(connection)) {
            stream.transactions.insert(id);
        }
        self.apply_client(id, effects, None);
        if !sent {
            self.unsent.push_back(id);
        }
    }

    fn ack_for(&self, id: TransactionId, response: &Message) -> Option<Acknowledgement> {
        if !(200..=299).contains(&response.status()) {
            return None;
        }
        let tag = response.to_tag().unwrap_or("");
        let client = self.transactions.client(id)?;
        client.acks.iter().find(|ack| ack.to_tag == tag).cloned()
    }

    fn apply_client(&mut self, id: TransactionId, effects: Effects, response: Option<Message>) -> Option<Up> {
        let mut up = None;
        for effect in effects.iter() {
            match effect {
                Effect::Retransmit => self.retransmit_request(id),
                Effect::Acknowledge => self.acknowledge_failure(id, response.as_ref()),
                Effect::Set(timer, wait_us) => self.set_transaction_timer(id, timer, wait_us),
                Effect::Stop(timer) => self.timers.stop(&Timer::Transaction(id, timer)),
                Effect::Pass => up = self.pass_response(id, response.as_ref()),
                Effect::Fail(failure) => up = self.pass_failure(id, failure),
                Effect::Terminate => self.forget_transaction(id),
                Effect::Send => {}
            }
        }
        up
    }

    fn retransmit_request(&mut self, id: TransactionId) {
        let Some(client) = self.transactions.client(id) else { return };
        let (flow, request) = (client.flow, client.request.clone());
        self.counters.retransmissions_sent += 1;
        if !self.transmit(flow, request) {
            self.unsent.push_back(id);
        }
    }

    /// The ACK to a 300–699 goes the way of its INVITE and shares its branch (RFC 3261 §17.1.1.3).
    fn acknowledge_failure(&mut self, id: TransactionId, response: Option<&Message>) {
        let Some(client) = self.transactions.client(id) else { return };
        let flow = client.flow;
        let kept = client.acks.first().map(|ack| ack.bytes.clone());
        let ack = kept.or_else(|| compose_failure_ack(client.request.clone(), response?));
        let Some(ack) = ack else { return };
        self.transmit(flow, ack.clone());
        if let Some(client) = self.transactions.client_mut(id)
            && client.acks.is_empty()
        {
            client.acks.push(Acknowledgement { to_tag: String::new(), flow, bytes: ack });
        }
    }

    fn pass_response(&mut self, id: TransactionId, response: Option<&Message>) -> Option<Up> {
        let response = Box::new(response?.clone());
        let client = self.transactions.client_mut(id)?;
        let request = if response.status() < 200 { Bytes::new() } else { std::mem::take(&mut client.request) };
        Some(Up::Response { owner: client.owner, transaction: id, response, request, flow: client.flow })
    }

    fn pass_failure(&mut self, id: TransactionId, failure: Failure) -> Option<Up> {
        let client = self.transactions.client_mut(id)?;
        Some(Up::Failed { owner: client.owner?, transaction: id, failure })
    }
}

/// A client machine whose request has just been sent.
fn start(is_invite: bool, pace: &Pace) -> (ClientMachine, Effects) {
    if is_invite {
        let (machine, effects) = InviteClient::start(pace);
        return (ClientMachine::Invite(machine), effects);
    }
    let (machine, effects) = Client::start(pace);
    (ClientMachine::Other(machine), effects)
}

/// A request of ours with another Via; ours is always the first header.
fn with_via(request: &Bytes, via: &OwnVia<'_>) -> Bytes {
    let start = memmem::find(request, b"\r\n").map_or(0, |at| at + 2);
    let (start_line, rest) = request.split_at(start);
    let end = memmem::find(rest, b"\r\n").unwrap_or(0);
    let (_, rest) = rest.split_at(end);
    Bytes::from([start_line, b"Via: ", via.printed().as_bytes(), rest].concat())
}

/// The headers that a CANCEL or a failure's ACK shares with its INVITE, without To.
fn copy_for(request: &Message, method: &Method) -> Builder {
    let mut builder = Builder::request(method, request.request_uri());
    builder.copy(request, HeaderName::Via);
    builder.copy(request, HeaderName::Route);
    builder.header(HeaderName::MaxForwards, 70);
    builder.copy(request, HeaderName::From);
    builder.copy(request, HeaderName::CallId);
    builder.header(HeaderName::CSeq, CSeq { number: request.cseq().number, method: method.clone() });
    builder.copy(request, HeaderName::SessionId);
    builder
}

fn compose_failure_ack(request: Bytes, response: &Message) -> Option<Bytes> {
    let request = Message::parse(request).ok()?;
    let mut builder = copy_for(&request, &Method::Ack);
    builder.copy(response, HeaderName::To);
    builder.finish().ok()
}
