//! `baton run`: puts the parts together, in the order in which they can fail, and takes them apart again.
//!
//! Nothing is started before everything that can be wrong has been looked at: configuration, data directory, sockets,
//! store, directory. Then the threads start, from the store upwards; at the end they stop the other way round.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use baton_api::{ApiConfig, EventHub, Services, TraceHub};
use baton_contact::directory::Directory;
use baton_contact::{Core, Input};
use baton_sip::ListenerId;
use baton_store::{FileSink, SinkThread, Store};
use rustix::fs::Mode;
use tokio::sync::oneshot;

use crate::admission::AdmissionLimits;
use crate::cli::{self, Place};
use crate::config::{ClientCertificates, Node, Transport};
use crate::core_config::{BoundListener, core_config};
use crate::core_thread::{self, Outlets, Settings};
use crate::data_directory::DataDirectory;
use crate::directory_file::DirectoryFile;
use crate::inbox::{Inbox, Letter, inbox};
use crate::media::{self, MediaThreads};
use crate::metrics::Metrics;
use crate::reread::reread;
use crate::resolve::Locator;
use crate::services::DirectoryInForce;
use crate::shutdown::{self, Asked, Signals};
use crate::sounds::SoundNames;
use crate::store_thread::StoreThread;
use crate::tcp_edge::{self, EdgeSettings, TcpEdgeListener};
use crate::tls::Tls;
use crate::toml_text::lines;
use crate::trunk_ways::TrunkWays;
use crate::udp_listener::UdpListener;
use crate::watch::{Watch, Watcher};
use crate::{clock, descriptors, logging, random, seal, sinks, sockets};

/// The file beside the configuration that is put in force at the first start.
const FIRST_DIRECTORY: &str = "directory.toml";
/// The name of the file sink in the outbox.
const FILE_SINK: &str = "file";
/// How long answers that are being written may take at the end.
const API_PATIENCE: Duration = Duration::from_secs(2);
/// How long the core's last messages (BYEs at the deadline, say) may take to leave.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Serves until a signal comes.
///
/// # Errors
/// One sentence, or one a line.
pub(crate) fn run(place: &Place) -> Result<(), String> {
    // What is stored (hashes of passwords, who spoke with whom) is nobody else's business.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let node = cli::node(place)?;
    logging::start(&node.log).map_err(|error| format!("the log's thread cannot be started: {error}"))?;
    let data = DataDirectory::for_server(place.data.as_deref())?;
    let tls = Tls::load(&node).map_err(|faults| faults.join("\n"))?;
    let bound = Bound::all(&node)?;
    let mut store = Store::open(&data.join(&node.store.path)).map_err(|error| error.to_string())?;
    check_realm(&node, &mut store)?;
    sinks::check(&node, &data)?;
    let (revision, directory) = directory(&node, &mut store)?;
    descriptors::raise(&node);
    let metrics: &'static Metrics = Box::leak(Box::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("baton-edge")
        .enable_all()
        .build()
        .map_err(|error| format!("the edge threads cannot be started: {error}"))?;
    runtime.block_on(async {
        let server = Server::start(&node, &data, (bound, tls), store, revision, Arc::new(directory), metrics)?;
        server.serve(&node).await
    })
}

/// Everything that is bound.
struct Bound {
    listeners: Vec<BoundListener>,
    udp: Vec<UdpListener>,
    tcp: Vec<TcpEdgeListener>,
    api: std::net::TcpListener,
}

impl Bound {
    fn all(node: &Node) -> Result<Bound, String> {
        let (mut listeners, mut udp, mut tcp) = (Vec::new(), Vec::new(), Vec::new());
        for (index, each) in node.sip.listeners.iter().enumerate() {
            let id = ListenerId(u16::try_from(index).unwrap_or(u16::MAX));
            let place = node.place_of(&format!("sip.listeners[{index}]"));
            let local = match each.transport {
                Transport::Udp => {
                    let socket = sockets::bind_udp(each.address, &place)?;
                    let local = socket.local_addr();
                    udp.push(UdpListener::new(id, socket));
                    local
                }
                transport => {
                    let listener = sockets::bind_tcp(each.address, &place)?;
                    let local = listener.local_addr();
                    tcp.push(TcpEdgeListener { id, transport, listener });
                    local
                }
            };
            let local = local.map_err(|error| format!("{}: {error} ({place})", each.address))?;
            let advertised = each
                .advertised
                .unwrap_or_else(|| SocketAddr::new(sockets::reachable_address(local.ip()), local.port()));
            let verifies_peers = each.client_certificates == ClientCertificates::Required;
            listeners.push(BoundListener { id, transport: each.transport, local, advertised, verifies_peers });
        }
        // Each leg binds its own ports; that they can be bound at all is known now.
        sockets::bind_udp(SocketAddr::new(node.media.address, 0), &node.place_of("media.address"))?;
        let api = sockets::bind_tcp(node.api.listen, &node.place_of("api.listen"))?;
        Ok(Bound { listeners, udp, tcp, api })
    }
}

/// The realm is part of the phones' stored hashes (RFC 7616 §3.4.2): with another one no phone could register.
fn check_realm(node: &Node, store: &mut Store) -> Result<(), String> {
    let failed = |error: baton_store::StoreError| error.to_string();
    let (realm, noted) = (&node.sip.realm, store.realm().map_err(failed)?);
    let stored = store.directory().map_err(failed)?;
    let has_phones = stored.is_some_and(|(_, directory)| directory.users.iter().any(|user| !user.phones.is_empty()));
    match noted {
        Some(noted) if noted == *realm => Ok(()),
        Some(noted) if has_phones => Err(format!(
            "the stored phone passwords hold for the realm \"{noted}\", not for \"{realm}\" ({}); set it back, or begin \
             with a new data directory",
            node.place_of("sip.realm")
        )),
        _ => store.put_realm(realm).map_err(failed),
    }
}

/// The directory in force: the stored one; at the first start the file beside the configuration, or the demo when there is
/// no configuration.
fn directory(node: &Node, store: &mut Store) -> Result<(u64, Directory), String> {
    let (sounds, ways) = (SoundNames::of(node), TrunkWays::of(node));
    let warn = |directory: &Directory| {
        for error in ways.warnings(directory) {
            tracing::warn!(trunk = %error.entry, "{}", error.message);
        }
    };
    if let Some((revision, stored)) = store.directory().map_err(|error| error.to_string())? {
        warn(&stored);
        for error in sounds.errors(&stored) {
            tracing::warn!(entry = %error.entry, "{}; the default is played", error.message);
        }
        return Ok((revision, stored));
    }
    let Some(file) = first_directory(node)? else {
        tracing::warn!("the directory is empty: no phone can register; `baton apply directory.toml` fills it");
        return Ok((0, Directory::default()));
    };
    let mut faults = file.faults();
    faults.extend(file.sound_faults(&sounds));
    if !faults.is_empty() {
        return Err(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    warn(&file.directory);
    let mut directory = file.directory;
    seal::seal(&mut directory, &Directory::default(), &node.sip.realm)?;
    let revision = store.put_directory(&directory).map_err(|error| error.to_string())?;
    Ok((revision, directory))
}

fn first_directory(node: &Node) -> Result<Option<DirectoryFile>, String> {
    let Some(config) = &node.file else {
        let demo = DirectoryFile::parse("the demo directory", include_str!("demo.toml"));
        return demo.map(Some).map_err(|problems| lines(&problems));
    };
    let path = config.parent().unwrap_or(Path::new("")).join(FIRST_DIRECTORY);
    if !path.exists() {
        return Ok(None);
    }
    tracing::info!(file = %path.display(), "the first start: this directory is put in force");
    DirectoryFile::load(&path).map(Some).map_err(|problems| lines(&problems))
}

/// The parts that run.
struct Server {
    inbox: Inbox,
    core: JoinHandle<Result<(), String>>,
    tls: Tls,
    metrics: &'static Metrics,
    watch: Watch,
    drained: oneshot::Receiver<()>,
    draining: Arc<AtomicBool>,
    store: StoreThread,
    sink: Option<SinkThread>,
    media: MediaThreads,
    hub: Arc<EventHub>,
    trace: Arc<TraceHub>,
    stop_api: oneshot::Sender<()>,
    api: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start(
        node: &Node,
        data: &DataDirectory,
        (bound, tls): (Bound, Tls),
        mut store: Store,
        revision: u64,
        directory: Arc<Directory>,
        metrics: &'static Metrics,
    ) -> Result<Server, String> {
        let failed = |what: &'static str| move |error: std::io::Error| format!("{what} cannot be started: {error}");
        let sounds = media::load_sounds(node)?;
        tokio::spawn(tls.clone().watch(node.clone(), metrics));
        let (inbox, inbox_reader) = inbox(node.limits.inbox_max).map_err(failed("the core's inbox"))?;
        let shards = media::shard_count(node.media.shards);
        let mut core = Core::new(
            core_config(node, &bound.listeners, shards),
            random::bytes().map_err(failed("randomness"))?,
            Directory::clone(&directory),
        );
        restore(&mut core, &mut store)?;

        let sink = start_sink(node, data, &mut store)?;
        let reader = store.reader();
        let hub = Arc::new(EventHub::new(clock::now_ms()));
        let watch = Watch::new();
        let watcher = watch.watcher();
        let backlog_max = node.limits.store_backlog_max as u64;
        let store = StoreThread::start(store, hub.clone(), backlog_max, metrics, &watcher)
            .map_err(failed("the store thread"))?;
        let locator = Arc::new(Locator::new(&node.dns.servers, transports(&bound.listeners))?);
        let edge =
            tcp_edge::start(bound.tcp, edge_settings(node, tls.clone()), locator, inbox.clone(), metrics, &watcher)
                .map_err(failed("the TCP edge"))?;
        let (media, shard_inboxes) = media::start(shards, &sounds, &inbox, &watcher)?;

        let (tell_drained, drained) = oneshot::channel();
        let trace = Arc::new(TraceHub::new());
        let outlets = Outlets {
            edge,
            store: store.inbox(),
            shards: shard_inboxes,
            trace: trace.clone(),
            drained: Some(tell_drained),
        };
        let settings = Settings { store_backlog_max: backlog_max };
        let alive = watcher.alive("the core thread");
        let core = core_thread::start(core, bound.udp, inbox_reader, outlets, settings, metrics, alive)
            .map_err(failed("the core thread"))?;

        let draining = Arc::new(AtomicBool::new(false));
        let in_force = DirectoryInForce::new(revision, directory, node, store.inbox(), inbox.clone());
        let services = Services {
            calls: Arc::new(inbox.clone()),
            reader: Arc::new(reader),
            directory: Arc::new(in_force),
            hub: hub.clone(),
            trace: trace.clone(),
            metrics: {
                let (inbox, shards) = (inbox.clone(), media.counters());
                Arc::new(move || {
                    metrics.inbox_length.set(inbox.length() as u64);
                    metrics.render(&shards)
                })
            },
            ready: ready(draining.clone(), &store, backlog_max, watcher),
            now_ms: clock::now_ms,
        };
        let (stop_api, api) = start_api(node, data, bound.api, services)?;
        for each in &bound.listeners {
            tracing::info!(transport = ?each.transport, local = %each.local, advertised = %each.advertised, "SIP");
        }
        let started = Server {
            inbox,
            core,
            tls,
            metrics,
            watch,
            drained,
            draining,
            store,
            sink,
            media,
            hub,
            trace,
            stop_api,
            api,
        };
        Ok(started)
    }

    /// Waits for a signal, or for the end of a part, and stops everything.
    async fn serve(mut self, node: &Node) -> Result<(), String> {
        let mut signals = Signals::catch().map_err(|error| format!("signals cannot be caught: {error}"))?;
        tracing::info!("ready");
        let ended = loop {
            let asked = tokio::select! {
                asked = signals.next() => asked,
                part = self.watch.ended() => break Some(part),
            };
            match asked {
                Asked::Reread => reread(node, &self.tls, self.metrics).await,
                Asked::End(name) => {
                    tracing::info!(signal = name, "no new calls; those that are up may end");
                    break None;
                }
            }
        };
        self.draining.store(true, Ordering::Relaxed);
        let deadline = Duration::from_secs(node.limits.shutdown_seconds);
        if let Some(part) = ended {
            tracing::error!(part, "has ended, and without it no call can be served");
            shutdown::end_all(&self.inbox, &mut self.drained).await;
        } else {
            shutdown::drain(&self.inbox, &mut self.drained, &mut signals, deadline).await;
        }
        tokio::time::sleep(LAST_WORDS).await;
        self.hub.close();
        self.trace.close();
        let _ = self.stop_api.send(());
        let _ = tokio::time::timeout(API_PATIENCE, self.api).await;
        let stopped = stop_core(&self.inbox, self.core).and_then(|()| match ended {
            Some(part) => Err(format!("{part} has failed; the log says more")),
            None => Ok(()),
        });
        self.media.stop();
        self.store.stop();
        if let Some(sink) = self.sink {
            sink.stop();
        }
        match &stopped {
            Ok(()) => tracing::info!("ended"),
            Err(why) => tracing::error!(%why, "ended"),
        }
        stopped
    }
}

fn edge_settings(node: &Node, tls: Tls) -> EdgeSettings {
    let limits = AdmissionLimits {
        connections_max: node.limits.tcp_connections_max,
        connections_per_source_max: node.limits.connections_per_source_max,
        handshakes_max: node.limits.handshakes_max,
    };
    EdgeSettings { limits, message_bytes_max: node.limits.message_bytes_max, tls }
}

/// The transports that we can send by, the cheapest first.
fn transports(listeners: &[BoundListener]) -> Vec<baton_sip::Transport> {
    let all = [
        (Transport::Udp, baton_sip::Transport::Udp),
        (Transport::Tcp, baton_sip::Transport::Tcp),
        (Transport::Tls, baton_sip::Transport::Tls),
    ];
    let has = |transport| listeners.iter().any(|listener| listener.transport == transport);
    all.into_iter().filter(|(own, _)| has(*own)).map(|(_, transport)| transport).collect()
}

/// What was before the restart: who was registered where, who had chosen which status. Calls that a crash cut off get their
/// records now.
fn restore(core: &mut Core, store: &mut Store) -> Result<(), String> {
    let failed = |error: baton_store::StoreError| error.to_string();
    let closed = store.close_orphans(clock::now_ms(), &core.live_contacts().into_iter().collect()).map_err(failed)?;
    if !closed.is_empty() {
        tracing::warn!(events = closed.len(), "contacts that were left open by the last run are closed");
    }
    let restored = |account, bindings| core.handle(clock::now_us(), Input::RestoreBindings { account, bindings });
    store.each_bindings(restored).map_err(failed)?;
    for (agent, status) in store.statuses().map_err(failed)? {
        core.handle(clock::now_us(), Input::RestoreStatus { agent, status });
    }
    core.handle(clock::now_us(), Input::Timeout);
    Ok(())
}

fn start_sink(node: &Node, data: &DataDirectory, store: &mut Store) -> Result<Option<SinkThread>, String> {
    let failed = |error: baton_store::StoreError| error.to_string();
    let Some(sink) = &node.sinks.file else {
        store.set_sinks(&[]).map_err(failed)?;
        return Ok(None);
    };
    store.set_sinks(&[FILE_SINK]).map_err(failed)?;
    let sink = FileSink {
        name: FILE_SINK.to_owned(),
        records: data.join(&sink.path),
        conversations: sink.conversations.as_ref().map(|path| data.join(path)),
        // 0 is never.
        rotate_bytes: sink.rotate_bytes.filter(|bytes| *bytes > 0),
    };
    SinkThread::start(&store.reader(), sink).map(Some).map_err(failed)
}

/// Whether calls are taken; otherwise why not.
fn ready(
    draining: Arc<AtomicBool>,
    store: &StoreThread,
    backlog_max: u64,
    watcher: Watcher,
) -> Arc<dyn Fn() -> Result<(), String> + Send + Sync> {
    let (failure, inbox) = (store.failure(), store.inbox());
    Arc::new(move || {
        if draining.load(Ordering::Relaxed) {
            return Err("the server is about to end".to_owned());
        }
        if let Some(part) = watcher.first_end() {
            return Err(format!("{part} has failed; the server is about to end"));
        }
        if inbox.backlog() > backlog_max {
            return Err("the store lags behind; no new calls are taken".to_owned());
        }
        match failure.lock().ok().and_then(|failure| failure.clone()) {
            Some(why) => Err(why),
            None => Ok(()),
        }
    })
}

type ApiTask = tokio::task::JoinHandle<std::io::Result<()>>;

fn start_api(
    node: &Node,
    data: &DataDirectory,
    listener: std::net::TcpListener,
    services: Services,
) -> Result<(oneshot::Sender<()>, ApiTask), String> {
    let failed = |error: std::io::Error| format!("the API cannot be started: {error}");
    let listen = listener.local_addr().map_err(failed)?;
    let token = data.make_operator_token()?;
    let config = ApiConfig {
        listen,
        instance: node.api.instance.clone(),
        token_lifetime_s: node.api.token_lifetime_s,
        secret: data.secret("api.secret")?,
        seed: random::bytes().map_err(failed)?,
        operator_token_hash: Some(baton_api::password::token_hash(&token)),
        ..ApiConfig::default()
    };
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(baton_api::serve(listener, services, config, async move {
        let _ = stopped.await;
    }));
    data.write_api_address(reached_at(listen))?;
    tracing::info!(listen = %listen, "API");
    Ok((stop, task))
}

/// Where commands on this machine reach the API.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], listen.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], listen.port())),
        _ => listen,
    }
}

/// Ends the core thread and gives its last word.
fn stop_core(inbox: &Inbox, core: JoinHandle<Result<(), String>>) -> Result<(), String> {
    while !core.is_finished() && matches!(inbox.offer(Letter::Stop), Err(crate::inbox::NotTaken::Full(_))) {
        std::thread::sleep(Duration::from_millis(10));
    }
    core.join().unwrap_or_else(|_| Err("the core thread has failed".to_owned()))
}
