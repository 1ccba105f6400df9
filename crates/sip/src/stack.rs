//! What lies below the sessions: time, dice, timers, transactions, streams, and the way out. It knows no session; it
//! hands what came [`Up`] to the endpoint.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::interface::{
    Config, Counters, Destination, Event, Flow, Listener, ListenerId, Output, SessionId, Transport,
};
use crate::random::Random;
use crate::streams::Streams;
use crate::timer::{Timer, Timers};
use crate::transaction::{Failure, Owner, Pace, TransactionId, Transactions};
use crate::wire::Message;

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
    pub(crate) fn new(config: Config, random: Random) -> Self {
        Stack {
            config,
            now_us: 0,
            random,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            transactions: Transactions::default(),
            streams: Streams::default(),
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

    /// The timer values for a transport.
    pub(crate) fn pace(&self, transport: Transport) -> Pace {
        Pace {
            t1_us: u64::from(self.config.t1_ms.max(1)) * 1_000,
            t2_us: u64::from(self.config.t2_ms.max(1)) * 1_000,
            t4_us: u64::from(self.config.t4_ms.max(1)) * 1_000,
            reliable: transport == Transport::Tcp,
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
            Destination::Address { transport, remote } => self.way_to_address(*transport, *remote),
            Destination::Name { transport, host, port } => {
                let address =
                    host.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| NoWay::Unresolved)?;
                self.way_to_address(*transport, SocketAddr::new(address, *port))
            }
        }
    }

    /// The way to an address.
    pub(crate) fn way_to_address(&mut self, transport: Transport, remote: SocketAddr) -> Result<Flow, NoWay> {
        if transport == Transport::Udp {
            let listener = self.listener_towards(transport, remote).ok_or(NoWay::NoListener)?;
            return Ok(Flow { transport, listener, remote, connection: None });
        }
        if let Some(connection) = self.streams.to(remote)
            && let Some(stream) = self.streams.get(connection)
        {
            return Ok(Flow { transport, listener: stream.listener, remote, connection: Some(connection) });
        }
        let listener = self.listener_towards(transport, remote).ok_or(NoWay::NoListener)?;
        let connection = self.streams.allocate();
        self.streams.open(connection, listener, remote);
        self.touch_stream(connection);
        self.outputs.push_back(Output::Connect { connection, listener, remote });
        Ok(Flow { transport, listener, remote, connection: Some(connection) })
    }

    /// A stream connection has shown life: its idle time begins anew.
    pub(crate) fn touch_stream(&mut self, connection: crate::interface::ConnectionHandle) {
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
