//! What lies below the sessions: time, dice, timers, transactions, streams, and the way out. It knows no session; it
//! hands what came [`Up`] to the endpoint.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::interface::{
    Config, ConnectionHandle, Counters, Destination, Event, Flow, Listener, ListenerId, Output, SessionId, Transport,
};
use crate::random::Random;
use crate::streams::{Place, Streams};
use crate::subject::{Subject, bare_host};
use crate::timer::{Timer, Timers};
use crate::transaction::{Failure, Owner, Pace, TransactionId, TransactionTimer, Transactions};
use crate::wire::Message;

/// Transactions are forgotten at multiples of this, in microseconds: ten wake-ups a second at most, and at thousands of
/// calls a second still no pause that a call would feel.
const FORGET_GRID_US: u64 = 100_000;

/// All that sessions use and share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// The configuration.
    pub(crate) config: Config,
    /// The time of the input that is being handled.
    pub(crate) now_us: u64,
    /// The dice.
    pub(crate) random: Random,
    /// The deadlines.
    pub(crate) timers: Timers,
    /// What goes out, in order.
    pub(crate) outputs: VecDeque<Output>,
    /// What was counted.
    pub(crate) counters: Counters,
    /// The transactions.
    pub(crate) transactions: Transactions,
    /// The stream connections.
    pub(crate) streams: Streams,
    /// Peers that lately took no TCP connection for a large request, and until when none is tried (RFC 3261 §18.1.1).
    pub(crate) without_tcp: BTreeMap<SocketAddr, u64>,
    /// Flows of phones that have failed (RFC 5626 §7): what is registered along them is dropped.
    pub(crate) failed_flows: VecDeque<Flow>,
    /// Client transactions whose request could not be sent; they fail after the present input has been handled.
    pub(crate) unsent: VecDeque<TransactionId>,
}

/// What the transactions hand up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Up {
    /// A response to a request of ours.
    Response {
        /// Who sent the request.
        owner: Option<Owner>,
        /// The transaction; it may be over by now.
        transaction: TransactionId,
        /// The response.
        response: Box<Message>,
        /// The request as it was sent.
        request: Bytes,
        /// The way it went.
        flow: Flow,
    },
    /// A request of ours got no answer.
    Failed {
        /// Who sent the request.
        owner: Owner,
        /// The transaction, which is over.
        transaction: TransactionId,
        /// Why.
        failure: Failure,
    },
}

/// Why a request has no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoWay {
    /// No listener of that transport and address family.
    NoListener,
    /// The name must be looked up first.
    Unresolved,
}

impl Stack {
    /// An empty one.
    pub(crate) fn new(config: Config, mut random: Random) -> Self {
        let transactions = Transactions::new(random.secret());
        Stack {
            config,
            now_us: 0,
            random,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            transactions,
            streams: Streams::default(),
            without_tcp: BTreeMap::new(),
            failed_flows: VecDeque::new(),
            unsent: VecDeque::new(),
        }
    }

    /// Reports to the contact.
    pub(crate) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Runs a timer from now.
    pub(crate) fn set_timer(&mut self, timer: Timer, wait_us: u64) {
        self.timers.set(timer, self.now_us.saturating_add(wait_us));
    }

    /// Runs a timer of a transaction from now. Those that only forget it share their moments, so that a busy endpoint is not
    /// woken for each; they fire late by as much, which RFC 3261 §17 allows: they are least waits.
    pub(crate) fn set_transaction_timer(&mut self, id: TransactionId, timer: TransactionTimer, wait_us: u64) {
        let at_us = self.now_us.saturating_add(wait_us);
        let grid_us = if timer.only_forgets() { FORGET_GRID_US } else { 1 };
        self.timers.set(Timer::Transaction(id, timer), at_us.div_ceil(grid_us).saturating_mul(grid_us));
    }

    /// The timer values for a transport.
    pub(crate) fn pace(&self, transport: Transport) -> Pace {
        Pace {
            t1_us: u64::from(self.config.t1_ms.max(1)) * 1_000,
            t2_us: u64::from(self.config.t2_ms.max(1)) * 1_000,
            t4_us: u64::from(self.config.t4_ms.max(1)) * 1_000,
            reliable: transport.is_reliable(),
        }
    }

    /// 64·T1 in microseconds.
    pub(crate) fn limit_us(&self) -> u64 {
        self.pace(Transport::Udp).limit_us()
    }

    /// Sends bytes; false when the stream connection is gone.
    pub(crate) fn transmit(&mut self, flow: Flow, bytes: Bytes) -> bool {
        if let Some(connection) = flow.connection
            && self.streams.get(connection).is_none()
        {
            return false;
        }
        self.counters.messages_sent += 1;
        self.outputs.push_back(Output::Transmit { flow, bytes });
        true
    }

    /// A listener's addresses.
    pub(crate) fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.config.listeners.iter().find(|listener| listener.id == id)
    }

    /// The first listener of a transport that can reach an address.
    pub(crate) fn listener_towards(&self, transport: Transport, remote: SocketAddr) -> Option<ListenerId> {
        self.config
            .listeners
            .iter()
            .find(|listener| listener.transport == transport && listener.local.is_ipv4() == remote.is_ipv4())
            .map(|listener| listener.id)
    }

    /// What Via and Contact carry for a flow.
    pub(crate) fn advertised(&self, flow: &Flow) -> SocketAddr {
        self.listener(flow.listener).map_or(flow.remote, |listener| listener.advertised)
    }

    /// The way to a destination; a stream connection is used again or opened.
    pub(crate) fn way_to(&mut self, destination: &Destination) -> Result<Flow, NoWay> {
        match destination {
            Destination::Flow(flow) => Ok(*flow),
            Destination::Address { transport, remote, .. } => {
                self.way_to_address(*transport, *remote, &Subject::of(destination))
            }
            Destination::Name { transport, host, port } => {
                let address = bare_host(host).parse().map_err(|_| NoWay::Unresolved)?;
                let transport = transport.unwrap_or(Transport::Udp);
                let port = port.unwrap_or_else(|| transport.standard_port());
                self.way_to_address(transport, SocketAddr::new(address, port), &Subject::default())
            }
        }
    }

    /// The way to an address. With TLS the peer's certificate must be the subject's.
    pub(crate) fn way_to_address(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
        subject: &Subject,
    ) -> Result<Flow, NoWay> {
        if !transport.is_reliable() {
            let listener = self.listener_towards(transport, remote).ok_or(NoWay::NoListener)?;
            return Ok(Flow { transport, listener, remote, connection: None });
        }
        if let Some(connection) = self.streams.to(transport, remote, subject)
            && let Some(stream) = self.streams.get(connection)
        {
            return Ok(stream.flow(connection));
        }
        if matches!(transport, Transport::Ws | Transport::Wss) {
            // RFC 7118 §5: a browser takes no connections.
            return Err(NoWay::NoListener);
        }
        let listener = self.listener_towards(transport, remote).ok_or(NoWay::NoListener)?;
        let names = if transport == Transport::Tls { subject.names_at(remote.ip()) } else { Vec::new() };
        let connection = self.streams.allocate();
        let place = Place { transport, remote, subject: subject.clone() };
        self.streams.open(connection, listener, place, self.config.message_bytes_max);
        self.touch_stream(connection);
        self.outputs.push_back(Output::Connect { connection, listener, remote, names });
        Ok(Flow { transport, listener, remote, connection: Some(connection) })
    }

    /// Whom the peer at the other end of a flow was checked for, or has shown to be.
    pub(crate) fn subject_of(&self, flow: &Flow) -> Subject {
        let stream = flow.connection.and_then(|connection| self.streams.get(connection));
        stream.map(|stream| stream.place.subject.clone()).unwrap_or_default()
    }

    /// A stream connection that a peer has opened, or that is open now after we asked for it.
    pub(crate) fn stream_opened(
        &mut self,
        connection: ConnectionHandle,
        listener: ListenerId,
        remote: SocketAddr,
        peer_names: Vec<String>,
    ) {
        let transport = self.listener(listener).map_or(Transport::Tcp, |listener| listener.transport);
        let place = Place { transport, remote, subject: Subject::At(peer_names.clone()) };
        self.streams.open(connection, listener, place, self.config.message_bytes_max);
        self.streams.opened(connection, peer_names);
        self.touch_stream(connection);
    }

    /// The present message of a stream must be whole in time. A wait that runs goes on.
    pub(crate) fn await_message(&mut self, connection: ConnectionHandle) {
        if !self.timers.is_set(&Timer::StreamMessage(connection)) {
            let wait_us = u64::from(self.config.stream_message_s.max(1)) * 1_000_000;
            self.set_timer(Timer::StreamMessage(connection), wait_us);
        }
    }

    /// A stream connection has shown life: its idle time begins anew.
    pub(crate) fn touch_stream(&mut self, connection: ConnectionHandle) {
        let wait_us = u64::from(self.config.stream_idle_s.max(1)) * 1_000_000;
        self.set_timer(Timer::Stream(connection), wait_us);
    }

    /// A session's requests go along this flow from now on.
    pub(crate) fn attach(&mut self, session: SessionId, flow: &Flow) {
        if let Some(stream) = flow.connection.and_then(|connection| self.streams.get_mut(connection)) {
            stream.sessions.insert(session);
        }
    }

    /// A session's requests do not go along this flow any more.
    pub(crate) fn detach(&mut self, session: SessionId, flow: &Flow) {
        if let Some(stream) = flow.connection.and_then(|connection| self.streams.get_mut(connection)) {
            stream.sessions.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_forgotten_together_and_never_too_early() {
        let mut stack = Stack::new(Config::default(), Random::new([0; 32]));
        for (number, now_us) in [1_000_001, 1_000_002, 1_050_000].into_iter().enumerate() {
            stack.now_us = now_us;
            stack.set_transaction_timer(TransactionId(number as u64), TransactionTimer::K, 5_000_000);
        }
        assert_eq!(stack.timers.next_us(), Some(6_100_000));
        assert!((0..3).all(|_| stack.timers.pop_due(6_100_000).is_some()), "one wake-up for all three");
        stack.set_transaction_timer(TransactionId(9), TransactionTimer::E, 500_000);
        assert_eq!(stack.timers.next_us(), Some(1_550_000), "what is sent again is sent on time");
    }
}
