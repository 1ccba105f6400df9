//! The store thread: takes what must last from the core, commits it in batches, and only then shows it to the panels.
//!
//! The core thread never waits for it. What waits is counted; above the mark the core thread takes no new calls, so the
//! backlog is bounded by what the calls that are up still produce, and no record is ever lost to a full queue.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use baton_api::EventHub;
use baton_contact::directory::Directory;
use baton_contact::event::ContactEvent;
use baton_contact::snapshot::AgentSnapshot;
use baton_sip::Binding;
use baton_store::Store;
use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::{call_log, clock};

/// Most entries of one transaction.
const BATCH_MAX: usize = 4_096;
/// How often the store notes that the process is alive; the end of calls that a crash leaves open.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Pause after a failure.
const RETRY: Duration = Duration::from_millis(500);

/// What the store thread takes.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A contact's event: stored, then shown.
    Event(Box<ContactEvent>),
    /// An agent that changed: shown in order with the events.
    Agent(Box<AgentSnapshot>),
    /// An agent's chosen status.
    Status { agent: String, status: String },
    /// An account's bindings, all of them.
    Bindings { account: String, bindings: Vec<Binding> },
    /// A new directory; the answer is its version.
    Directory { directory: Arc<Directory>, answer: oneshot::Sender<Result<u64, String>> },
    /// Commit what is there, then end.
    Stop,
}

/// The way to the store thread.
#[derive(Debug, Clone)]
pub(crate) struct StoreInbox {
    sender: Sender<Entry>,
    metrics: &'static Metrics,
}

impl StoreInbox {
    /// Hands an entry over; never waits.
    pub(crate) fn send(&self, entry: Entry) {
        self.metrics.store_backlog.add(1);
        if self.sender.send(entry).is_err() {
            self.metrics.store_backlog.take(1);
            tracing::error!("the store thread is gone; something was not stored");
        }
    }

    /// How many entries wait.
    pub(crate) fn backlog(&self) -> u64 {
        self.metrics.store_backlog.get()
    }
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct StoreThread {
    inbox: StoreInbox,
    thread: JoinHandle<()>,
    failure: Arc<Mutex<Option<String>>>,
}

impl StoreThread {
    /// Starts it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(store: Store, hub: Arc<EventHub>, metrics: &'static Metrics) -> std::io::Result<StoreThread> {
        let (sender, entries) = channel();
        let failure = Arc::new(Mutex::new(None));
        let mut worker = Worker { store, hub, metrics, failure: failure.clone(), waiting: Waiting::default() };
        let named = std::thread::Builder::new().name("baton-store".to_owned());
        let thread = named.spawn(move || worker.run(&entries))?;
        Ok(StoreThread { inbox: StoreInbox { sender, metrics }, thread, failure })
    }

    /// The way to it.
    pub(crate) fn inbox(&self) -> StoreInbox {
        self.inbox.clone()
    }

    /// Why the last attempt failed, when it did.
    pub(crate) fn failure(&self) -> Arc<Mutex<Option<String>>> {
        self.failure.clone()
    }

    /// Commits what waits, then ends it.
    pub(crate) fn stop(self) {
        self.inbox.send(Entry::Stop);
        if self.thread.join().is_err() {
            tracing::error!("the store thread has failed");
        }
    }
}

struct Worker {
    store: Store,
    hub: Arc<EventHub>,
    metrics: &'static Metrics,
    failure: Arc<Mutex<Option<String>>>,
    waiting: Waiting,
}

/// What was taken and is not yet stored.
#[derive(Default)]
struct Waiting {
    events: Vec<ContactEvent>,
    shown: Vec<Shown>,
    /// The last word on each agent and account counts.
    statuses: BTreeMap<String, String>,
    bindings: BTreeMap<String, Vec<Binding>>,
    directory: Option<(Arc<Directory>, Vec<oneshot::Sender<Result<u64, String>>>)>,
    taken: usize,
    stop: bool,
}

/// What the panels are shown once it is stored, in order: the event of this index, or an agent.
enum Shown {
    Event(usize),
    Agent(Box<AgentSnapshot>),
}

impl Worker {
    fn run(&mut self, entries: &Receiver<Entry>) {
        let mut next_heartbeat_ms = 0;
        loop {
            match entries.recv_timeout(HEARTBEAT) {
                Ok(entry) => self.waiting.take(entry),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.waiting.stop = true,
            }
            self.take_more(entries);
            self.commit();
            let now_ms = clock::now_ms();
            if now_ms >= next_heartbeat_ms {
                next_heartbeat_ms = now_ms + HEARTBEAT.as_millis() as u64;
                clock::follow_wall_clock();
                let alive = self.store.heartbeat(now_ms).map_err(|error| error.to_string());
                self.note(alive.err());
            }
            if self.waiting.stop {
                return;
            }
        }
    }

    fn take_more(&mut self, entries: &Receiver<Entry>) {
        while self.waiting.taken < BATCH_MAX {
            match entries.try_recv() {
                Ok(entry) => self.waiting.take(entry),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// Stores the batch, trying until it is stored, then shows it. When the process is to end, one failure is enough.
    fn commit(&mut self) {
        if self.waiting.taken == 0 {
            return;
        }
        while let Err(why) = self.store_batch() {
            self.metrics.store_failures.add(1);
            tracing::error!(%why, "the store failed; trying again");
            self.note(Some(why));
            if self.waiting.stop {
                tracing::error!(events = self.waiting.events.len(), "events are lost with this process");
                break;
            }
            std::thread::sleep(RETRY);
        }
        let batch = std::mem::take(&mut self.waiting);
        self.waiting.stop = batch.stop;
        self.show(&batch);
        self.metrics.store_backlog.take(batch.taken as u64);
    }

    fn store_batch(&mut self) -> Result<(), String> {
        let waiting = &mut self.waiting;
        // The directory first: whoever waits for it waits in a terminal or a browser.
        if let Some((directory, answers)) = &mut waiting.directory {
            let version = self.store.put_directory(directory).map_err(|error| error.to_string());
            for answer in answers.drain(..) {
                let _ = answer.send(version.clone());
            }
            // Its failure was answered; it is not tried again behind the operator's back.
            waiting.directory = None;
        }
        if !waiting.events.is_empty() {
            self.store.append(&waiting.events).map_err(|error| error.to_string())?;
        }
        while let Some((account, bindings)) = waiting.bindings.pop_first() {
            if let Err(error) = self.store.put_bindings(&account, &bindings) {
                waiting.bindings.insert(account, bindings);
                return Err(error.to_string());
            }
        }
        while let Some((agent, status)) = waiting.statuses.pop_first() {
            if let Err(error) = self.store.put_status(&agent, &status) {
                waiting.statuses.insert(agent, status);
                return Err(error.to_string());
            }
        }
        self.note(None);
        Ok(())
    }

    fn show(&self, batch: &Waiting) {
        for shown in &batch.shown {
            match shown {
                Shown::Event(index) => {
                    let Some(event) = batch.events.get(*index) else { continue };
                    self.metrics.event(&event.kind);
                    call_log::event(event);
                    self.hub.push_event(event);
                }
                Shown::Agent(agent) => self.hub.push_agent(agent),
            }
        }
    }

    fn note(&self, failure: Option<String>) {
        if let Ok(mut noted) = self.failure.lock() {
            *noted = failure;
        }
    }
}

impl Waiting {
    fn take(&mut self, entry: Entry) {
        self.taken += 1;
        match entry {
            Entry::Event(event) => {
                self.shown.push(Shown::Event(self.events.len()));
                self.events.push(*event);
            }
            Entry::Agent(agent) => self.shown.push(Shown::Agent(agent)),
            Entry::Status { agent, status } => drop(self.statuses.insert(agent, status)),
            Entry::Bindings { account, bindings } => drop(self.bindings.insert(account, bindings)),
            Entry::Directory { directory, answer } => {
                let answers = self.directory.take().map(|(_, answers)| answers).unwrap_or_default();
                self.directory = Some((directory, answers.into_iter().chain([answer]).collect()));
            }
            Entry::Stop => self.stop = true,
        }
    }
}
