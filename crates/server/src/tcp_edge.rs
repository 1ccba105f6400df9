//! SIP over connections (TCP, TLS, WebSocket): accepts and opens them, and carries bytes between them and the core.
//!
//! It knows nothing of SIP; framing is the endpoint's. One task a connection reads and one writes. When the core's inbox is
//! full, readers wait, so the peer's window closes; when a peer does not read, its write queue fills and it is cut off. The
//! handshakes of TLS and WebSocket are bounded in number and time, connections in number by source and in all.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use baton_contact::Input;
use baton_sip::{ConnectionHandle, ListenerId};
use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::admission::{Admission, AdmissionLimits, Seat};
use crate::config::Transport;
use crate::inbox::Inbox;
use crate::link::{Incoming, Link};
use crate::metrics::Metrics;
use crate::resolve::{Locator, Question};
use crate::tls::{Tls, names_asked_for, names_at};
use crate::watch::Watcher;
use crate::web_socket::{self, Pipe};

/// Messages that wait to be written to one peer; above, it is cut off.
const WRITE_QUEUE_MAX: usize = 256;
/// How long a connection may take to open, its handshake included; within SIP's 32 s for a transaction, so that another way
/// can be tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the handshakes of an accepted connection may take together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that has gone without a word is noticed after a minute of silence and four questions of the kernel's.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEP_ALIVE_QUESTIONS: u32 = 4;
/// Orders of the core thread that wait for the edge.
const ORDERS_MAX: usize = 16_384;

/// What the edge is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// Write a message.
    Transmit { connection: ConnectionHandle, bytes: Bytes },
    /// Open a connection.
    Connect { connection: ConnectionHandle, listener: ListenerId, remote: SocketAddr, names: Vec<String> },
    /// Close a connection, after what waits to be written.
    Close { connection: ConnectionHandle },
    /// Look a name up.
    Resolve(Question),
    /// A listener has accepted a connection.
    Accepted { listener: ListenerId, stream: TcpStream, remote: SocketAddr },
    /// A connection has ended by itself, and the core was told.
    Ended { connection: ConnectionHandle },
    /// A connection takes no bytes any more.
    Failed { connection: ConnectionHandle },
}

/// Where a listener is bound.
#[derive(Debug)]
pub(crate) struct TcpEdgeListener {
    pub(crate) id: ListenerId,
    pub(crate) transport: Transport,
    pub(crate) listener: std::net::TcpListener,
}

/// What connections are bounded by and secured with.
#[derive(Debug, Clone)]
pub(crate) struct EdgeSettings {
    pub(crate) limits: AdmissionLimits,
    /// Most bytes of a WebSocket message.
    pub(crate) message_bytes_max: usize,
    pub(crate) tls: Tls,
}

/// Starts the edge on the running runtime; what comes back takes orders. `watcher` is told when it ends.
///
/// # Errors
/// When a listener cannot be handed to the runtime.
pub(crate) fn start(
    listeners: Vec<TcpEdgeListener>,
    settings: EdgeSettings,
    locator: Arc<Locator>,
    inbox: Inbox,
    metrics: &'static Metrics,
    watcher: &Watcher,
) -> std::io::Result<mpsc::Sender<Order>> {
    let (orders, received) = mpsc::channel(ORDERS_MAX);
    let mut local = BTreeMap::new();
    for each in listeners {
        local.insert(each.id, (each.transport, each.listener.local_addr()?));
        tokio::spawn(accept(each.id, TcpListener::from_std(each.listener)?, orders.clone()));
    }
    let edge = Edge {
        orders: orders.clone(),
        locator,
        inbox,
        metrics,
        local,
        connections: BTreeMap::new(),
        admission: Admission::new(settings.limits),
        settings,
        next_accepted: 1,
    };
    let alive = watcher.alive("the TCP edge");
    tokio::spawn(async move {
        let _alive = alive;
        edge.run(received).await;
    });
    Ok(orders)
}

async fn accept(id: ListenerId, listener: TcpListener, orders: mpsc::Sender<Order>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if orders.send(Order::Accepted { listener: id, stream, remote }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of descriptors, as a rule: those that are there go on, and new ones wait.
                tracing::warn!(%error, "cannot accept a TCP connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

struct Edge {
    orders: mpsc::Sender<Order>,
    locator: Arc<Locator>,
    inbox: Inbox,
    metrics: &'static Metrics,
    local: BTreeMap<ListenerId, (Transport, SocketAddr)>,
    connections: BTreeMap<ConnectionHandle, Connection>,
    admission: Admission,
    settings: EdgeSettings,
    /// Accepted connections have odd numbers, the core's own even ones.
    next_accepted: u64,
}

/// A connection as the edge sees it. Dropping `queue` ends the writer after what waits in it.
struct Connection {
    queue: mpsc::Sender<Bytes>,
    reader: AbortHandle,
    /// Its place among those that were accepted.
    _seat: Option<Seat>,
}

impl Edge {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            self.obey(order);
            self.metrics.tcp_connections.set(self.connections.len() as u64);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Transmit { connection, bytes } => self.transmit(connection, bytes),
            Order::Connect { connection, listener, remote, names } => {
                self.connect(connection, listener, remote, names);
            }
            Order::Close { connection } => {
                if let Some(closed) = self.connections.remove(&connection) {
                    closed.reader.abort();
                }
            }
            Order::Resolve(question) => {
                tokio::spawn(self.locator.clone().answer(self.inbox.clone(), question));
            }
            Order::Accepted { listener, stream, remote } => self.accepted(listener, stream, remote),
            Order::Ended { connection } => drop(self.connections.remove(&connection)),
            Order::Failed { connection } => self.cut_off(connection),
        }
    }

    fn transmit(&mut self, connection: ConnectionHandle, bytes: Bytes) {
        // A connection that has just ended: the core is about to hear of it.
        let Some(peer) = self.connections.get(&connection) else { return };
        if peer.queue.try_send(bytes).is_ok() {
            return;
        }
        self.cut_off(connection);
    }

    /// Forgets a connection whose peer does not read, and tells the core; one that is gone already was told.
    fn cut_off(&mut self, connection: ConnectionHandle) {
        let Some(cut_off) = self.connections.remove(&connection) else { return };
        tracing::info!(connection = connection.0, "a TCP peer takes no bytes; it is cut off");
        cut_off.reader.abort();
        let inbox = self.inbox.clone();
        tokio::spawn(async move { inbox.pass(closed(connection)).await });
    }

    fn connect(&mut self, connection: ConnectionHandle, listener: ListenerId, remote: SocketAddr, names: Vec<String>) {
        let local = self.local.get(&listener).map(|(_, local)| *local);
        let is_secured = self.local.get(&listener).is_some_and(|(transport, _)| *transport == Transport::Tls);
        let (tls, metrics) = (self.settings.tls.clone(), self.metrics);
        let open = async move {
            let opening = async {
                let stream = open(local, remote).await.map_err(|error| error.to_string())?;
                settle(&stream);
                if is_secured {
                    ask_for_tls(stream, &tls, listener, &names, remote.ip()).await
                } else {
                    Ok(Link::tcp(stream))
                }
            };
            match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
                Ok(Ok(link)) => Some(link),
                Ok(Err(why)) => {
                    metrics.handshakes_failed.add(u64::from(is_secured));
                    tracing::info!(%remote, ?names, why, "a connection could not be opened");
                    None
                }
                Err(_) => None,
            }
        };
        self.carry(connection, listener, remote, None, open);
    }

    fn accepted(&mut self, listener: ListenerId, stream: TcpStream, remote: SocketAddr) {
        let Some(transport) = self.local.get(&listener).map(|(transport, _)| *transport) else { return };
        let needs_handshake = transport != Transport::Tcp;
        let seat = self.admission.connection(remote.ip());
        let shaking = needs_handshake.then(|| self.admission.handshake(remote.ip()));
        let (Some(seat), None | Some(Some(_))) = (seat, &shaking) else {
            self.metrics.tcp_refused.add(1);
            return;
        };
        let connection = ConnectionHandle(self.next_accepted);
        self.next_accepted += 2;
        settle(&stream);
        let (settings, metrics) = (self.settings.clone(), self.metrics);
        let open = async move {
            if !needs_handshake {
                return Some(Link::tcp(stream));
            }
            let agreed =
                tokio::time::timeout(HANDSHAKE_TIMEOUT, agree(stream, transport, (listener, remote), &settings)).await;
            drop(shaking);
            match agreed.unwrap_or_else(|_| Err("it took too long".to_owned())) {
                Ok(link) => Some(link),
                Err(why) => {
                    metrics.handshakes_failed.add(1);
                    tracing::debug!(%remote, why, "a handshake has failed");
                    None
                }
            }
        };
        self.carry(connection, listener, remote, Some(seat), open);
    }

    /// Runs a connection's two tasks. What is to be written before it is open waits in its queue.
    fn carry(
        &mut self,
        connection: ConnectionHandle,
        listener: ListenerId,
        remote: SocketAddr,
        seat: Option<Seat>,
        open: impl Future<Output = Option<Link>> + Send + 'static,
    ) {
        let (queue, queued) = mpsc::channel(WRITE_QUEUE_MAX);
        let (inbox, orders) = (self.inbox.clone(), self.orders.clone());
        let reader = tokio::spawn(async move {
            let link = open.await;
            // The core has not heard of a peer that did not come through its handshake.
            let is_known = link.is_some() || connection.is_ours();
            if let Some(Link { incoming, outgoing, peer_names }) = link {
                let failed = orders.clone();
                tokio::spawn(async move {
                    if !outgoing.write(queued).await {
                        let _ = failed.send(Order::Failed { connection }).await;
                    }
                });
                let opened = baton_sip::Input::StreamOpened { connection, listener, remote, peer_names };
                if inbox.pass(Input::Sip(opened)).await {
                    read(incoming, connection, &inbox).await;
                }
            }
            if is_known {
                inbox.pass(closed(connection)).await;
            }
            let _ = orders.send(Order::Ended { connection }).await;
        });
        self.connections.insert(connection, Connection { queue, reader: reader.abort_handle(), _seat: seat });
    }
}

/// Messages leave at once, and a peer that has vanished is noticed. What the kernel refuses of it is no reason to end.
fn settle(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE_AFTER)
        .with_interval(KEEP_ALIVE_EVERY)
        .with_retries(KEEP_ALIVE_QUESTIONS);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

/// The handshakes of an accepted connection: TLS, WebSocket, or one over the other.
async fn agree(
    stream: TcpStream,
    transport: Transport,
    (listener, remote): (ListenerId, SocketAddr),
    settings: &EdgeSettings,
) -> Result<Link, String> {
    if transport == Transport::Ws {
        let socket = web_socket::accept(Box::new(stream), settings.message_bytes_max).await?;
        return Ok(Link::web_socket(socket, Vec::new()));
    }
    let tls = settings.tls.of(listener).ok_or("the listener has no certificate")?;
    let stream = TlsAcceptor::from(tls.server).accept(stream).await.map_err(|error| error.to_string())?;
    // It is there only where it was asked for and verified.
    let peer_names = match stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()) {
        Some(leaf) => names_at(leaf, remote.ip()),
        None => Vec::new(),
    };
    if transport == Transport::Wss {
        let pipe: Box<dyn Pipe> = Box::new(stream);
        let socket = web_socket::accept(pipe, settings.message_bytes_max).await?;
        return Ok(Link::web_socket(socket, peer_names));
    }
    Ok(Link::tls(stream, peer_names))
}

/// The handshake of a connection of ours; the peer's certificate must bear one of the names.
async fn ask_for_tls(
    stream: TcpStream,
    tls: &Tls,
    listener: ListenerId,
    names: &[String],
    address: IpAddr,
) -> Result<Link, String> {
    let tls = tls.of(listener).ok_or("the listener has no certificate")?;
    let (client, name) = tls.asking_for(names)?;
    let stream = TlsConnector::from(client).connect(name, stream).await.map_err(|error| error.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer_names = leaf.map(|leaf| names_asked_for(leaf, names, address)).unwrap_or_default();
    Ok(Link::tls(stream, peer_names))
}

async fn open(local: Option<SocketAddr>, remote: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = local
        && !local.ip().is_unspecified()
        && local.is_ipv4() == remote.is_ipv4()
    {
        socket.bind(SocketAddr::new(local.ip(), 0))?;
    }
    socket.connect(remote).await
}

async fn read(mut incoming: Incoming, connection: ConnectionHandle, inbox: &Inbox) {
    while let Some(bytes) = incoming.next().await {
        if !inbox.pass(Input::Sip(baton_sip::Input::StreamBytes { connection, bytes })).await {
            return;
        }
    }
}

fn closed(connection: ConnectionHandle) -> Input {
    Input::Sip(baton_sip::Input::StreamClosed { connection })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::inbox::{InboxReader, Letter, inbox};
    use crate::watch::Watch;

    fn settings() -> EdgeSettings {
        let limits = AdmissionLimits { connections_max: 10, connections_per_source_max: 10, handshakes_max: 10 };
        EdgeSettings { limits, message_bytes_max: 65_535, tls: Tls::default() }
    }

    async fn next(reader: &mut InboxReader) -> baton_sip::Input {
        for _ in 0..2_000 {
            match reader.take() {
                Some((_, Letter::Input(Input::Sip(input)))) => return input,
                Some(other) => panic!("{other:?}"),
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        panic!("nothing came");
    }

    fn locator() -> Arc<Locator> {
        Arc::new(Locator::new(&[], Vec::new()).unwrap())
    }

    fn metrics() -> &'static Metrics {
        Box::leak(Box::new(Metrics::default()))
    }

    #[tokio::test]
    async fn an_accepted_connection_opens_carries_bytes_both_ways_and_closes() {
        let listener = crate::sockets::bind_tcp("127.0.0.1:0".parse().unwrap(), "test").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, mut reader) = inbox(64).unwrap();
        let listeners = vec![TcpEdgeListener { id: ListenerId(1), transport: Transport::Tcp, listener }];
        let (watch, metrics) = (Watch::new(), metrics());
        let orders = start(listeners, settings(), locator(), sender, metrics, &watch.watcher()).unwrap();

        let mut peer = TcpStream::connect(address).await.unwrap();
        let connection = match next(&mut reader).await {
            baton_sip::Input::StreamOpened { connection, listener: ListenerId(1), remote, peer_names } => {
                assert_eq!((remote, peer_names), (peer.local_addr().unwrap(), Vec::new()));
                connection
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(connection.0 % 2, 1);
        peer.write_all(b"ping").await.unwrap();
        let expected = baton_sip::Input::StreamBytes { connection, bytes: Bytes::from_static(b"ping") };
        assert_eq!(next(&mut reader).await, expected);

        orders.send(Order::Transmit { connection, bytes: Bytes::from_static(b"pong") }).await.unwrap();
        orders.send(Order::Close { connection }).await.unwrap();
        let mut received = Vec::new();
        peer.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"pong", "what waits is written before the end");
    }

    #[tokio::test]
    async fn a_connection_of_ours_keeps_what_is_sent_before_it_is_open() {
        let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = peer.local_addr().unwrap();
        let (sender, mut reader) = inbox(64).unwrap();
        let watch = Watch::new();
        let orders = start(Vec::new(), settings(), locator(), sender, metrics(), &watch.watcher()).unwrap();
        let connection = ConnectionHandle(2);
        orders.send(Order::Connect { connection, listener: ListenerId(0), remote, names: Vec::new() }).await.unwrap();
        orders.send(Order::Transmit { connection, bytes: Bytes::from_static(b"INVITE") }).await.unwrap();
        let (mut stream, _) = peer.accept().await.unwrap();
        let mut received = [0u8; 6];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"INVITE");
        assert!(matches!(next(&mut reader).await, baton_sip::Input::StreamOpened { .. }));
        drop(stream);
        assert_eq!(next(&mut reader).await, baton_sip::Input::StreamClosed { connection });
    }

    #[tokio::test]
    async fn a_peer_that_takes_no_bytes_is_cut_off_and_the_core_told() {
        let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = peer.local_addr().unwrap();
        let (sender, mut reader) = inbox(64).unwrap();
        let (watch, metrics) = (Watch::new(), metrics());
        let orders = start(Vec::new(), settings(), locator(), sender, metrics, &watch.watcher()).unwrap();
        let connection = ConnectionHandle(2);
        orders.send(Order::Connect { connection, listener: ListenerId(0), remote, names: Vec::new() }).await.unwrap();
        let (_silent, _) = peer.accept().await.unwrap();
        assert!(matches!(next(&mut reader).await, baton_sip::Input::StreamOpened { .. }));
        // What the writer says when its time is up; saying it twice tells the core once.
        orders.send(Order::Failed { connection }).await.unwrap();
        orders.send(Order::Failed { connection }).await.unwrap();
        assert_eq!(next(&mut reader).await, baton_sip::Input::StreamClosed { connection });
        assert_eq!(metrics.tcp_connections.get(), 0);
        assert!(reader.take().is_none());
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_opened_is_closed() {
        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = unused.local_addr().unwrap();
        drop(unused);
        let (sender, mut reader) = inbox(64).unwrap();
        let watch = Watch::new();
        let orders = start(Vec::new(), settings(), locator(), sender, metrics(), &watch.watcher()).unwrap();
        let connection = ConnectionHandle(4);
        orders.send(Order::Connect { connection, listener: ListenerId(0), remote, names: Vec::new() }).await.unwrap();
        assert_eq!(next(&mut reader).await, baton_sip::Input::StreamClosed { connection });
    }
}
