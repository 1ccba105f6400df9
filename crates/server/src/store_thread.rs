//! The store thread: takes what must last from the core, commits it in batches, and only then shows it to the panels.
//!
//! The core thread never waits for it. What waits is counted; above the mark the core takes no new calls, so the backlog
//! is bounded by what the calls that are up still produce, and no record is lost to a full queue. Ten times the mark is
//! the end of it: what comes then is dropped and counted, for a process without memory stores nothing either.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use baton_api::{EventHub, Happening};
use baton_contact::directory::Directory;
use baton_contact::event::ContactEvent;
use baton_contact::snapshot::AgentSnapshot;
use baton_sip::Binding;
use baton_store::Store;
use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::watch::Watcher;
use crate::{call_log, clock};

/// Commits are at least this far apart, in microseconds: a panel does not see it, a busy disk does.
const COMMIT_INTERVAL_US: u64 = 50_000;

/// Most entries of one transaction.
const BATCH_MAX: usize = 4_096;
/// How often the store notes that the process is alive; the end of calls that a crash leaves open.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Pause after a failure.
const RETRY_US: u64 = 500_000;
/// Most entries that a batch grows to while the store fails; the others stay in the channel.
const RETRY_BATCH_MAX: usize = 4 * BATCH_MAX;
/// How often a full batch looks whether the process is to end.
const STOP_LOOK: Duration = Duration::from_millis(20);
/// Beyond this many times the backlog's mark, entries are dropped.
const BACKLOG_MARKS_MAX: u64 = 10;

/// Who waits for the version of a new directory.
pub(crate) type DirectoryAnswer = oneshot::Sender<Result<u64, String>>;

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
    Directory { directory: Arc<Directory>, answer: DirectoryAnswer },
    /// Commit what is there, then end.
    Stop,
}

/// The way to the store thread.
#[derive(Debug, Clone)]
pub(crate) struct StoreInbox {
    sender: Sender<Entry>,
    metrics: &'static Metrics,
    entries_max: u64,
}

impl StoreInbox {
    /// Hands an entry over; never waits.
    pub(crate) fn send(&self, entry: Entry) {
        if self.backlog() >= self.entries_max && !matches!(entry, Entry::Stop) {
            self.metrics.store_dropped.add(1);
            return;
        }
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
    stopping: Arc<AtomicBool>,
}

impl StoreThread {
    /// Starts it. `watcher` is told when it ends, by a panic too.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(
        store: Store,
        hub: Arc<EventHub>,
        backlog_max: u64,
        metrics: &'static Metrics,
        watcher: &Watcher,
    ) -> std::io::Result<StoreThread> {
        let (sender, entries) = channel();
        let failure = Arc::new(Mutex::new(None));
        let stopping = Arc::new(AtomicBool::new(false));
        let waiting = Waiting::default();
        let mut worker = Worker { store, hub, metrics, failure: failure.clone(), stopping: stopping.clone(), waiting };
        let alive = watcher.alive("the store thread");
        let named = std::thread::Builder::new().name("baton-store".to_owned());
        let thread = named.spawn(move || {
            let _alive = alive;
            worker.run(&entries);
        })?;
        let entries_max = backlog_max.saturating_mul(BACKLOG_MARKS_MAX);
        Ok(StoreThread { inbox: StoreInbox { sender, metrics, entries_max }, thread, failure, stopping })
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
        self.stopping.store(true, Ordering::Relaxed);
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
    /// Set before the last entry, for a thread whose batch is full.
    stopping: Arc<AtomicBool>,
    waiting: Waiting,
}

/// What was taken and is not yet stored.
#[derive(Default)]
struct Waiting {
    #[expect(clippy::vec_box, reason = "each comes in a box and is kept in one for the panels")]
    events: Vec<Box<ContactEvent>>,
    shown: Vec<Shown>,
    /// The last word on each agent and account counts.
    statuses: BTreeMap<String, String>,
    bindings: BTreeMap<String, Vec<Binding>>,
    directory: Option<(Arc<Directory>, Vec<DirectoryAnswer>)>,
    taken: usize,
    stop: bool,
}

/// What the panels are shown once it is stored, in order: the next event, or an agent.
enum Shown {
    Event,
    Agent(Box<AgentSnapshot>),
}

impl Worker {
    fn run(&mut self, entries: &Receiver<Entry>) {
        let mut next_heartbeat_ms = 0;
        let mut committed_us = 0;
        loop {
            match entries.recv_timeout(HEARTBEAT) {
                Ok(entry) => self.waiting.take(entry),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.waiting.stop = true,
            }
            // What comes alone is stored at once; what comes close together shares a commit, which costs more than it.
            let rest_us = COMMIT_INTERVAL_US.saturating_sub(clock::now_us().saturating_sub(committed_us));
            if rest_us > 0 && self.waiting.taken > 0 && !self.waiting.stop {
                std::thread::sleep(Duration::from_micros(rest_us));
            }
            self.take_more(entries);
            if self.waiting.taken > 0 {
                self.commit(entries);
                committed_us = clock::now_us();
            }
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
    fn commit(&mut self, entries: &Receiver<Entry>) {
        if self.waiting.taken == 0 {
            return;
        }
        let mut lost = false;
        while let Err(why) = self.store_batch() {
            self.metrics.store_failures.add(1);
            tracing::error!(%why, "the store failed; trying again");
            self.note(Some(why));
            if self.waiting.stop {
                tracing::error!(entries = self.backlog(), "what was not stored is lost with this process");
                lost = true;
                break;
            }
            self.pause(entries);
        }
        let batch = std::mem::take(&mut self.waiting);
        self.waiting.stop = batch.stop;
        let taken = batch.taken as u64;
        // What is not stored did not happen: nobody is shown it.
        if !lost {
            self.show(batch);
        }
        self.metrics.store_backlog.take(taken);
    }

    /// Waits before the next attempt, and takes meanwhile what comes: the end, too, and directories, whose senders wait
    /// for an answer.
    fn pause(&mut self, entries: &Receiver<Entry>) {
        let until_us = clock::now_us() + RETRY_US;
        while !self.waiting.stop {
            let left_us = until_us.saturating_sub(clock::now_us());
            if left_us == 0 {
                return;
            }
            let left = Duration::from_micros(left_us);
            if self.waiting.taken >= RETRY_BATCH_MAX {
                std::thread::sleep(left.min(STOP_LOOK));
                self.waiting.stop = self.stopping.load(Ordering::Relaxed);
                continue;
            }
            match entries.recv_timeout(left) {
                Ok(entry) => self.waiting.take(entry),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => self.waiting.stop = true,
            }
        }
    }

    fn backlog(&self) -> u64 {
        self.metrics.store_backlog.get()
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
            self.metrics.store_conversations.set(self.store.conversations_held() as u64);
        }
        if !waiting.bindings.is_empty() {
            self.store.put_bindings(&waiting.bindings).map_err(|error| error.to_string())?;
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

    fn show(&self, batch: Waiting) {
        let mut events = batch.events.into_iter();
        let happenings = batch.shown.into_iter().filter_map(|shown| match shown {
            Shown::Event => {
                let event = events.next()?;
                self.metrics.event(&event.kind);
                call_log::event(&event);
                Some(Happening::Event(event))
            }
            Shown::Agent(agent) => Some(Happening::Agent(agent)),
        });
        // Counted and logged before the hub is locked for the panels.
        self.hub.push(happenings.collect::<Vec<_>>());
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
                self.shown.push(Shown::Event);
                self.events.push(event);
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

#[cfg(test)]
mod tests {
    use baton_contact::ContactId;
    use baton_contact::event::EventKind;

    use super::*;
    use crate::watch::Watch;

    fn metrics() -> &'static Metrics {
        Box::leak(Box::default())
    }

    fn event(sequence: u64) -> Entry {
        let contact_id = ContactId(1);
        let kind = EventKind::Swapped;
        Entry::Event(Box::new(ContactEvent { contact_id, root_contact_id: contact_id, sequence, at_ms: 1, kind }))
    }

    /// A store whose tables are gone behind its back: every attempt fails.
    fn broken_store(name: &str) -> Store {
        let path = std::env::temp_dir().join(format!("baton-{name}-{}.db", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let store = Store::open(&path).unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("DROP TABLE events; DROP TABLE directory;").unwrap();
        store
    }

    #[test]
    fn a_store_that_fails_answers_for_directories_and_still_ends() {
        let (metrics, watch) = (metrics(), Watch::new());
        let hub = Arc::new(EventHub::new(1));
        let store = broken_store("fails");
        let thread = StoreThread::start(store, hub, 100, metrics, &watch.watcher()).unwrap();
        thread.inbox().send(event(1));
        while metrics.store_failures.get() == 0 {
            std::thread::yield_now();
        }
        // While it pauses and tries again.
        let (answer, answered) = oneshot::channel();
        thread.inbox().send(Entry::Directory { directory: Arc::default(), answer });
        assert!(answered.blocking_recv().unwrap().is_err());
        assert!(thread.failure().lock().unwrap().is_some());
        thread.stop();
        assert_eq!(watch.watcher().first_end(), Some("the store thread"));
    }

    #[test]
    fn far_above_the_mark_entries_are_dropped_and_counted() {
        let (metrics, watch) = (metrics(), Watch::new());
        let hub = Arc::new(EventHub::new(1));
        let thread = StoreThread::start(broken_store("full"), hub, 10_000, metrics, &watch.watcher()).unwrap();
        // More than a batch takes while it fails: the end is seen all the same.
        (0..100_005).for_each(|sequence| thread.inbox().send(event(sequence)));
        assert_eq!((metrics.store_backlog.get(), metrics.store_dropped.get()), (100_000, 5));
        thread.stop();
    }
}
