//! The core thread: owns the core and the UDP sockets, and is the only one that calls `handle`.
//!
//! One round: wait for a datagram, a letter or the next deadline; hand each to the core; drain what it puts out; again. It
//! never awaits, never locks and never waits for another thread. A datagram is read, decided upon and answered on this one
//! thread; the kernel's socket buffers are the bounded queues on both sides of it, and what does not fit there SIP sends
//! again. Everything else comes through the [`crate::inbox`] and leaves through queues that do not wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use baton_api::{CallError, TraceHub};
use baton_contact::command::Reply;
use baton_contact::{Core, Input, Output, RequestId};
use baton_sip::{ConnectionHandle, ListenerId, Load, Pressure, Transport};
use bytes::Bytes;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::time::Timespec;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::inbox::{InboxReader, Letter};
use crate::media::MediaOutlet;
use crate::metrics::Metrics;
use crate::resolve::Question;
use crate::store_thread::{Entry, StoreInbox};
use crate::tcp_edge::Order;
use crate::udp_listener::UdpListener;
use crate::watch::Alive;

/// A handler that takes longer than this holds up every call, and is logged.
pub(crate) const SLOW_US: u64 = 5_000;
/// Datagrams of one socket, and letters, that are taken in one round, so that neither starves the other.
const ROUND_MAX: usize = 64;
/// The longest sleep: housekeeping is due then.
const SLEEP_MAX_US: u64 = 1_000_000;
/// How soon commands are offered again to a media shard or the TCP edge that had no room.
const RETRY_US: u64 = 1_000;
/// How often the core is told how far behind we are, when that has changed.
const LOAD_US: u64 = 20_000;
/// The steps in which the lag is told.
const LAG_STEP_US: u64 = 10_000;
/// How often the core's numbers are told to the metrics.
const NUMBERS_US: u64 = 1_000_000;
/// The largest datagram (RFC 768).
const DATAGRAM_MAX: usize = 65_535;
/// The number under which the inbox's bell is known to epoll; listeners have theirs.
const BELL: u64 = u64::MAX;

/// Where the core's outputs go.
pub(crate) struct Outlets {
    /// TCP and name look-ups.
    pub(crate) edge: mpsc::Sender<Order>,
    /// What must last.
    pub(crate) store: StoreInbox,
    /// The media shards, by number.
    pub(crate) shards: Vec<MediaOutlet>,
    /// Live SIP messages, while somebody listens.
    pub(crate) trace: Arc<TraceHub>,
    /// Told once, when the last conversation has ended after a drain.
    pub(crate) drained: Option<oneshot::Sender<()>>,
}

/// The thread's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Above this backlog of the store no new calls are taken, until it is half of it.
    pub(crate) store_backlog_max: u64,
}

/// Starts the thread. It ends with `Ok` when it is told to stop, and with a sentence when the core has failed; `alive` is
/// dropped with both.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn start(
    core: Core,
    sockets: Vec<UdpListener>,
    inbox: InboxReader,
    outlets: Outlets,
    settings: Settings,
    metrics: &'static Metrics,
    alive: Alive,
) -> std::io::Result<JoinHandle<Result<(), String>>> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for listener in &sockets {
        let number = epoll::EventData::new_u64(listener.id.0.into());
        epoll::add(&poll, &listener.socket, number, epoll::EventFlags::IN)?;
    }
    epoll::add(&poll, inbox.bell(), epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
    let thread = CoreThread {
        core,
        sockets,
        poll,
        inbox,
        outlets,
        settings,
        metrics,
        answers: BTreeMap::new(),
        oldest_us: 0,
        load: Load::default(),
        load_told_us: 0,
        pressure: Pressure::Calm,
        traced: false,
        to_close: BTreeSet::new(),
        lost: VecDeque::new(),
        next_numbers_us: 0,
        scratch: vec![0; DATAGRAM_MAX].into_boxed_slice(),
    };
    std::thread::Builder::new().name("baton-core".to_owned()).spawn(move || {
        let _alive = alive;
        thread.guarded()
    })
}

struct CoreThread {
    core: Core,
    sockets: Vec<UdpListener>,
    poll: std::os::fd::OwnedFd,
    inbox: InboxReader,
    outlets: Outlets,
    settings: Settings,
    metrics: &'static Metrics,
    /// Who waits for the answer to a command.
    answers: BTreeMap<RequestId, oneshot::Sender<Result<Reply, CallError>>>,
    /// How long the oldest of what was read since the core was told had waited.
    oldest_us: u64,
    /// How far behind the core was told that we are, and when.
    load: Load,
    load_told_us: u64,
    /// The pressure that the log knows of.
    pressure: Pressure,
    /// Whether the core tells SIP messages.
    traced: bool,
    /// Connections that the edge had no room to be told to close; told as soon as it has.
    to_close: BTreeSet<ConnectionHandle>,
    /// What the core is told about orders that the edge had no room for.
    lost: VecDeque<baton_sip::Input>,
    /// When the core's own numbers are told to the metrics next.
    next_numbers_us: u64,
    scratch: Box<[u8]>,
}

/// What a round found out.
enum Round {
    Work,
    Idle,
    Stop,
}

impl CoreThread {
    /// Runs; a panic of the core ends the thread with a sentence, for its state can no longer be trusted.
    fn guarded(mut self) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|panic| {
            let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(format!("the core has failed: {what}"))
        })
    }

    fn run(&mut self) -> Result<(), String> {
        self.drain();
        let mut ready = Vec::with_capacity(self.sockets.len() + 1);
        loop {
            self.tell_lost_orders();
            self.expire();
            match self.take_letters() {
                Round::Stop => return Ok(()),
                Round::Work => self.wait(&mut ready, 0)?,
                Round::Idle => self.sleep(&mut ready)?,
            }
            for event in ready.drain(..) {
                match event.data.u64() {
                    BELL => self.inbox.silence(),
                    number => self.read_datagrams(number),
                }
            }
        }
    }

    fn expire(&mut self) {
        let now_us = clock::now_us();
        if self.core.next_timeout_us().is_some_and(|due_us| due_us <= now_us) {
            self.handle(Input::Timeout);
        }
        let heard = self.outlets.trace.is_heard();
        if heard != self.traced {
            self.traced = heard;
            self.handle(Input::Trace(heard));
        }
        if now_us >= self.load_told_us + LOAD_US {
            self.load_told_us = now_us;
            self.tell_load();
        }
        if now_us >= self.next_numbers_us {
            self.next_numbers_us = now_us + NUMBERS_US;
            self.metrics.core(self.core.gauges(), self.core.sip_counters());
            self.metrics.trunks(self.core.trunks());
        }
    }

    /// Tells the core how far we are behind, when it is news, and the log what follows from it.
    fn tell_load(&mut self) {
        let permille =
            |count: u64, most: u64| u32::try_from(count.saturating_mul(1_000) / most.max(1)).unwrap_or(u32::MAX);
        let load = Load {
            // In steps, so that an idle node has nothing to tell.
            behind_us: std::mem::take(&mut self.oldest_us) / LAG_STEP_US * LAG_STEP_US,
            inbox_permille: self.inbox.fullness_permille(),
            store_permille: permille(self.outlets.store.backlog(), self.settings.store_backlog_max),
        };
        if load != self.load {
            self.load = load;
            self.handle(Input::Load(load));
        }
        let pressure = self.core.pressure();
        if pressure != self.pressure {
            self.pressure = pressure;
            let Load { behind_us, inbox_permille, store_permille } = load;
            tracing::warn!(
                ?pressure,
                behind_us,
                inbox_permille,
                store_permille,
                "what new calls and strangers give way to"
            );
            self.metrics.pressure.set(pressure as u64);
        }
    }

    fn take_letters(&mut self) -> Round {
        for taken in 0..ROUND_MAX {
            match self.inbox.take() {
                None if taken == 0 => return Round::Idle,
                None => return Round::Work,
                Some((_, Letter::Stop)) => return Round::Stop,
                Some((waited_us, letter)) => {
                    self.oldest_us = self.oldest_us.max(waited_us);
                    self.open_letter(letter);
                }
            }
        }
        Round::Work
    }

    fn open_letter(&mut self, letter: Letter) {
        match letter {
            Letter::Input(input) => self.handle(input),
            Letter::Ask { command, answer } => {
                let number = self.inbox.number();
                self.answers.insert(number, answer);
                self.handle(Input::Command(number, command));
            }
            Letter::Stop => {}
        }
    }

    /// Waits for something to do, until the next deadline.
    fn sleep(&mut self, ready: &mut Vec<epoll::Event>) -> Result<(), String> {
        self.inbox.lie_down();
        // A letter that came before we lay down rang no bell.
        let missed = self.inbox.has_letters();
        let now_us = clock::now_us();
        let due_us = self.core.next_timeout_us().unwrap_or(u64::MAX);
        let retry = self.media_waits() || !self.to_close.is_empty();
        let longest_us = if retry { RETRY_US } else { SLEEP_MAX_US };
        let pause_us = if missed || !self.lost.is_empty() { 0 } else { due_us.saturating_sub(now_us).min(longest_us) };
        let waited = self.wait(ready, pause_us);
        self.inbox.get_up();
        waited
    }

    /// Whether a media shard has had no room for a command.
    fn media_waits(&mut self) -> bool {
        // Each is asked: one that waits is no reason to let the others wait.
        self.outlets.shards.iter_mut().filter_map(|outlet| outlet.flush().then_some(())).count() > 0
    }

    fn wait(&mut self, ready: &mut Vec<epoll::Event>, pause_us: u64) -> Result<(), String> {
        self.outlets.shards.iter_mut().for_each(MediaOutlet::ring);
        let timeout = Timespec {
            tv_sec: i64::try_from(pause_us / 1_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(pause_us % 1_000_000 * 1_000).unwrap_or(0),
        };
        match epoll::wait(&self.poll, rustix::buffer::spare_capacity(ready), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(format!("the SIP sockets cannot be waited for: {error}")),
        }
    }

    fn read_datagrams(&mut self, number: u64) {
        let Some(index) = self.sockets.iter().position(|each| u64::from(each.id.0) == number) else { return };
        for round in 0..ROUND_MAX {
            let Some(listener) = self.sockets.get_mut(index) else { return };
            let id = listener.id;
            match listener.receive(&mut self.scratch) {
                Ok(datagram) => {
                    let (length, source) = (datagram.bytes, datagram.source);
                    if round == 0 {
                        // Those behind it are younger.
                        self.oldest_us = self.oldest_us.max(datagram.age_us());
                    }
                    self.metrics.datagrams_received.add(1);
                    if self.core.drops(clock::now_us(), source) {
                        continue;
                    }
                    let bytes = Bytes::copy_from_slice(self.scratch.get(..length).unwrap_or_default());
                    self.handle(Input::Sip(baton_sip::Input::Datagram { listener: id, source, bytes }));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // An ICMP error of something sent before; the socket is as good as ever.
                Err(_) => {}
            }
        }
    }

    /// One input, and all that comes of it.
    fn handle(&mut self, input: Input) {
        let kind = kind_of(&input);
        let before_us = clock::now_us();
        self.core.handle(before_us, input);
        self.drain();
        let took_us = clock::now_us() - before_us;
        self.metrics.handled(took_us);
        if took_us > SLOW_US {
            self.metrics.slow_inputs.add(1);
            tracing::warn!(input = kind, took_us, "a slow handler held up all calls");
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Sip(output) => self.transmit(output),
                Output::Media(shard, command) => match self.outlets.shards.get_mut(usize::from(shard)) {
                    Some(outlet) => outlet.send(command),
                    None => tracing::error!(shard, "there is no such media shard"),
                },
                Output::Event(event) => self.outlets.store.send(Entry::Event(event)),
                Output::Agent(agent) => self.outlets.store.send(Entry::Agent(agent)),
                Output::Status { agent, status } => self.outlets.store.send(Entry::Status { agent, status }),
                Output::Bindings { account, bindings } => {
                    self.outlets.store.send(Entry::Bindings { account, bindings })
                }
                Output::Reply(request, reply) => {
                    if let Some(answer) = self.answers.remove(&request) {
                        // Whoever asked may have gone; the command has been obeyed all the same.
                        let _ = answer.send(reply.map(|reply| *reply).map_err(CallError::Refused));
                    }
                }
                Output::Trace(message) => self.outlets.trace.tell(*message),
                Output::Drained => {
                    if let Some(drained) = self.outlets.drained.take() {
                        let _ = drained.send(());
                    }
                }
            }
        }
    }

    fn transmit(&mut self, output: baton_sip::Output) {
        let order = match output {
            baton_sip::Output::Transmit { flow, bytes } => match (flow.transport, flow.connection) {
                (Transport::Udp, _) => return self.send_datagram(flow.listener, flow.remote, &bytes),
                (_, Some(connection)) => Order::Transmit { connection, bytes },
                (_, None) => return tracing::error!(?flow, "a stream's message without a connection"),
            },
            baton_sip::Output::Connect { connection, listener, remote, names } => {
                Order::Connect { connection, listener, remote, names }
            }
            baton_sip::Output::Close { connection } => Order::Close { connection },
            baton_sip::Output::Resolve { query, host, port, transport } => {
                Order::Resolve(Question { query, host, port, transport })
            }
            baton_sip::Output::Trace(_) => return tracing::error!("a trace of the endpoint is not for us"),
            baton_sip::Output::Event(event) => {
                return tracing::error!(?event, "an event of the endpoint is not for us");
            }
        };
        if let Err(mpsc::error::TrySendError::Full(order) | mpsc::error::TrySendError::Closed(order)) =
            self.outlets.edge.try_send(order)
        {
            self.metrics.edge_orders_dropped.add(1);
            self.lose(order);
        }
    }

    /// A stream that lost a message is no stream any more: the core takes it for closed, and the edge closes it as soon as
    /// it has room. A name that is not looked up has no address.
    fn lose(&mut self, order: Order) {
        match order {
            Order::Transmit { connection, .. } | Order::Connect { connection, .. } => {
                if self.to_close.insert(connection) {
                    self.lost.push_back(baton_sip::Input::StreamClosed { connection });
                }
            }
            Order::Close { connection } => drop(self.to_close.insert(connection)),
            Order::Resolve(Question { query, .. }) => {
                self.lost.push_back(baton_sip::Input::Resolved { query, addresses: Vec::new() });
            }
            // These come from the edge itself.
            Order::Accepted { .. } | Order::Ended { .. } | Order::Failed { .. } => {}
        }
    }

    fn tell_lost_orders(&mut self) {
        for _ in 0..self.lost.len() {
            let Some(input) = self.lost.pop_front() else { break };
            self.handle(Input::Sip(input));
        }
        while let Some(connection) = self.to_close.pop_first() {
            if self.outlets.edge.try_send(Order::Close { connection }).is_err() {
                self.to_close.insert(connection);
                return;
            }
        }
    }

    fn send_datagram(&self, listener: ListenerId, remote: std::net::SocketAddr, bytes: &[u8]) {
        let Some(listener) = self.sockets.iter().find(|each| each.id == listener) else {
            return tracing::error!(listener = listener.0, "there is no such UDP listener");
        };
        match listener.socket.send_to(bytes, remote) {
            Ok(_) => self.metrics.datagrams_sent.add(1),
            // A full buffer, an unreachable peer, an ICMP error of an earlier one: to SIP they are a lost datagram.
            Err(error) => {
                self.metrics.datagrams_dropped.add(1);
                tracing::debug!(%remote, %error, "a datagram was not sent");
            }
        }
    }
}

/// What a slow handler was busy with, for the log.
fn kind_of(input: &Input) -> &'static str {
    match input {
        Input::Sip(baton_sip::Input::Datagram { .. }) => "datagram",
        Input::Sip(baton_sip::Input::StreamBytes { .. }) => "stream bytes",
        Input::Sip(baton_sip::Input::Resolved { .. }) => "resolved name",
        Input::Sip(_) => "stream",
        Input::Media(_) => "media event",
        Input::Command(_, command) => match **command {
            baton_contact::command::Command::SetDirectory(_) => "directory",
            baton_contact::command::Command::Query(_) => "query",
            _ => "command",
        },
        Input::RestoreBindings { .. } | Input::RestoreStatus { .. } => "restore",
        Input::Load(_) | Input::Trace(_) => "load",
        Input::Timeout => "timeout",
    }
}

#[cfg(test)]
mod tests {
    use baton_api::EventHub;
    use baton_contact::directory::Directory;
    use baton_store::Store;

    use super::*;
    use crate::config::Node;
    use crate::core_config::core_config;
    use crate::inbox::inbox;
    use crate::store_thread::StoreThread;
    use crate::watch::Watch;

    const MARK: u64 = 100;

    /// A core thread's inside, not running; its edge takes one order.
    fn bench() -> (CoreThread, mpsc::Receiver<Order>, StoreThread) {
        let metrics: &'static Metrics = Box::leak(Box::default());
        let (hub, watch) = (Arc::new(EventHub::new(1)), Watch::new());
        let store = Store::open_in_memory().unwrap();
        let store = StoreThread::start(store, hub, MARK, metrics, &watch.watcher()).unwrap();
        let (edge, orders) = mpsc::channel(1);
        let thread = CoreThread {
            core: Core::new(core_config(&Node::default(), &[], 1), [1; 32], Directory::default()),
            sockets: Vec::new(),
            poll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            inbox: inbox(64).unwrap().1,
            outlets: Outlets { edge, store: store.inbox(), shards: Vec::new(), trace: Arc::default(), drained: None },
            settings: Settings { store_backlog_max: MARK },
            metrics,
            answers: BTreeMap::new(),
            oldest_us: 0,
            load: Load::default(),
            load_told_us: 0,
            pressure: Pressure::Calm,
            traced: false,
            to_close: BTreeSet::new(),
            lost: VecDeque::new(),
            next_numbers_us: 0,
            scratch: Box::default(),
        };
        (thread, orders, store)
    }

    fn message(connection: u64) -> baton_sip::Output {
        let flow = baton_sip::Flow {
            transport: Transport::Tcp,
            listener: ListenerId(0),
            remote: "127.0.0.1:5060".parse().unwrap(),
            connection: Some(ConnectionHandle(connection)),
        };
        baton_sip::Output::Transmit { flow, bytes: Bytes::from_static(b"x") }
    }

    #[test]
    fn a_lost_message_closes_its_stream_as_soon_as_the_edge_has_room() {
        let (mut thread, mut orders, store) = bench();
        [2, 4, 4].into_iter().for_each(|connection| thread.transmit(message(connection)));
        thread.transmit(baton_sip::Output::Close { connection: ConnectionHandle(6) });
        thread.transmit(baton_sip::Output::Resolve { query: 7, host: "a".into(), port: None, transport: None });
        assert_eq!(
            thread.lost,
            [
                baton_sip::Input::StreamClosed { connection: ConnectionHandle(4) },
                baton_sip::Input::Resolved { query: 7, addresses: Vec::new() }
            ]
        );
        let mut closed = Vec::new();
        for _ in 0..3 {
            thread.tell_lost_orders();
            match orders.try_recv().unwrap() {
                Order::Transmit { connection, .. } => assert_eq!(connection, ConnectionHandle(2)),
                Order::Close { connection } => closed.push(connection.0),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((closed, thread.lost.len(), thread.to_close.len()), (vec![4, 6], 0, 0));
        store.stop();
    }

    #[test]
    fn new_calls_are_refused_from_the_mark_until_half_of_it() {
        let (mut thread, _orders, store) = bench();
        let told: Vec<bool> = [100, 101, 80, 51, 50, 60, 101]
            .into_iter()
            .map(|backlog| {
                thread.metrics.store_backlog.set(backlog);
                thread.load_told_us = 0;
                thread.expire();
                thread.pressure == Pressure::Busy
            })
            .collect();
        assert_eq!(told, [false, true, true, true, false, false, true]);
        store.stop();
    }

    /// A registration storm that is worked off as fast as it comes keeps nobody waiting, however long it lasts.
    #[test]
    fn a_long_busy_spell_with_a_short_queue_is_no_lag_and_an_old_datagram_is() {
        let (mut thread, _orders, store) = bench();
        let sockets = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let [ours, theirs] = sockets;
        let address = ours.local_addr().unwrap();
        thread.scratch = vec![0; DATAGRAM_MAX].into_boxed_slice();
        thread.sockets.push(UdpListener::new(ListenerId(0), ours));
        let begun_us = clock::now_us();
        let mut lags = Vec::new();
        while clock::now_us() < begun_us + 400_000 {
            // There is always something more to read.
            for _ in 0..=ROUND_MAX {
                theirs.send_to(b"rubbish", address).unwrap();
            }
            thread.read_datagrams(0);
            thread.tell_load();
            lags.push(thread.load.behind_us);
            while thread.sockets[0].receive(&mut [0; 64]).is_ok() {}
        }
        assert_eq!(thread.pressure, Pressure::Calm, "{lags:?}");
        theirs.send_to(b"rubbish", address).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        thread.read_datagrams(0);
        thread.tell_load();
        assert!(thread.load.behind_us >= 290_000, "{:?}", thread.load);
        assert_eq!(thread.pressure, Pressure::Busy);
        store.stop();
    }
}
