//! Requests of ours: composing, sending, and what their client transactions ask for (RFC 3261 §17.1).

use bytes::Bytes;

use crate::interface::{Flow, Transport};
use crate::random::{marked, read_marked};
use crate::stack::{Stack, Up};
use crate::timer::Timer;
use crate::transaction::{
    Client, ClientEvent, ClientMachine, ClientTransaction, Effect, Effects, Failure, InviteClient, InviteClientEvent,
    Owner, TransactionId, TransactionTimer,
};
use crate::wire::{BadText, Builder, CSeq, HeaderName, Message, Method, Via};

/// What every branch begins with (RFC 3261 §8.1.1.7).
pub(crate) const BRANCH_START: &str = "z9hG4bK";

/// Most forks of one INVITE whose 2xx are acknowledged; what is beyond is absorbed.
const FORKS_MAX: usize = 16;

impl Stack {
    /// Composes a request, sends it and begins its client transaction. `fill` writes every header but Via.
    pub(crate) fn request(
        &mut self,
        flow: Flow,
        method: Method,
        uri: &str,
        owner: Option<Owner>,
        fill: impl FnOnce(&mut Builder),
    ) -> Result<TransactionId, BadText> {
        let id = self.transactions.allocate();
        let random = self.random.number();
        let bytes = self.compose(&flow, &method, uri, &marked(id.0, random), fill)?;
        self.begin_client(id, random, &method, flow, bytes, owner);
        Ok(id)
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
            client.acks.push((to_tag.to_owned(), bytes));
        }
        Ok(())
    }

    /// Sends a request once more in a new transaction: with other numbers and other credentials (RFC 3261 §8.1.3.5, §22).
    pub(crate) fn request_again(
        &mut self,
        flow: Flow,
        original: &Message,
        cseq: u32,
        owner: Option<Owner>,
        credentials: Option<(HeaderName<'static>, String)>,
    ) -> Result<TransactionId, BadText> {
        let method = original.method().clone();
        let content_type = original.header(HeaderName::ContentType).map(str::to_owned);
        let uri = original.request_uri().to_owned();
        self.request(flow, method.clone(), &uri, owner, |builder| {
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
    pub(crate) fn cancel(&mut self, invite: TransactionId, reason: Option<&str>, owner: Owner) {
        let Some(client) = self.transactions.client(invite) else { return };
        if client.cancel.is_some() {
            return;
        }
        let (flow, random) = (client.flow, client.random);
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
        self.begin_client(id, random, &Method::Cancel, flow, bytes, Some(owner));
    }

    /// Gives a client transaction up without a word, and its CANCEL's with it.
    pub(crate) fn abandon_client(&mut self, id: TransactionId) {
        self.forget_transaction(id);
    }

    /// A response came. `None` when nobody waits for it or nobody needs to know.
    pub(crate) fn take_response(&mut self, response: Message) -> Option<Up> {
        let (number, random) = read_marked(response.branch().strip_prefix(BRANCH_START)?)?;
        let id = self.transactions.of_response(number, random, response.method())?;
        let flow = self.transactions.client(id)?.flow;
        let pace = self.pace(flow.transport);
        if let Some(ack) = self.ack_for(id, &response) {
            self.counters.retransmissions_sent += 1;
            self.transmit(flow, ack);
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
        let transport = match flow.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let mut builder = Builder::request(method, uri);
        builder.header(HeaderName::Via, Via::new(transport, self.advertised(flow), &format!("{BRANCH_START}{branch}")));
        fill(&mut builder);
        builder.finish()
    }

    fn begin_client(
        &mut self,
        id: TransactionId,
        random: u64,
        method: &Method,
        flow: Flow,
        request: Bytes,
        owner: Option<Owner>,
    ) {
        let pace = self.pace(flow.transport);
        let (machine, effects) = if *method == Method::Invite {
            let (machine, effects) = InviteClient::start(&pace);
            (ClientMachine::Invite(machine), effects)
        } else {
            let (machine, effects) = Client::start(&pace);
            (ClientMachine::Other(machine), effects)
        };
        let sent = self.transmit(flow, request.clone());
        let client = ClientTransaction { random, machine, flow, request, acks: Vec::new(), cancel: None, owner };
        self.transactions.insert_client(id, client);
        if let Some(stream) = flow.connection.and_then(|connection| self.streams.get_mut(connection)) {
            stream.transactions.insert(id);
        }
        self.apply_client(id, effects, None);
        if !sent {
            self.unsent.push_back(id);
        }
    }

    fn ack_for(&self, id: TransactionId, response: &Message) -> Option<Bytes> {
        if !(200..=299).contains(&response.status()) {
            return None;
        }
        let tag = response.to_tag().unwrap_or("");
        let client = self.transactions.client(id)?;
        client.acks.iter().find(|(to_tag, _)| to_tag == tag).map(|(_, ack)| ack.clone())
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
        let kept = client.acks.first().map(|(_, ack)| ack.clone());
        let ack = kept.or_else(|| compose_failure_ack(client.request.clone(), response?));
        let Some(ack) = ack else { return };
        self.transmit(flow, ack.clone());
        if let Some(client) = self.transactions.client_mut(id)
            && client.acks.is_empty()
        {
            client.acks.push((String::new(), ack));
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

/// The headers that a CANCEL or a failure's ACK shares with its INVITE, without To.
fn copy_for(request: &Message, method: &Method) -> Builder {
    let mut builder = Builder::request(method, request.request_uri());
    builder.copy(request, HeaderName::Via);
    builder.copy(request, HeaderName::Route);
    builder.header(HeaderName::MaxForwards, 70);
    builder.copy(request, HeaderName::From);
    builder.copy(request, HeaderName::CallId);
    builder.header(HeaderName::CSeq, CSeq { number: request.cseq().number, method: method.clone() });
    builder
}

fn compose_failure_ack(request: Bytes, response: &Message) -> Option<Bytes> {
    let request = Message::parse(request).ok()?;
    let mut builder = copy_for(&request, &Method::Ack);
    builder.copy(response, HeaderName::To);
    builder.finish().ok()
}
