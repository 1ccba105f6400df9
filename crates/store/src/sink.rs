//! The file sink: one JSON line per record, from the outbox, at least once, in the order of the outbox.
//!
//! Each line is the record itself; `ContactId` and `Baton.Revision` in it are the idempotency key. Where the sink is in
//! the outbox is noted in the store after the lines are on the disk, once a second: a crash between the two repeats lines.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::emit::Kind;
use crate::error::StoreError;
use crate::keep::clear_delivered;
use crate::lines::LineFile;
use crate::reader::Reader;
use crate::rows::{integer, unsigned};

/// How often the outbox is looked into.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Entries delivered at a time: each time waits for the disk once.
const BATCH: u32 = 1_000;
/// How many looks at the outbox pass between two notes of how far the sink is: about a second. A note takes the store from
/// its one writer for a moment, and makes it read its pages again.
const LOOKS_PER_NOTE: u32 = 5;

/// Where the lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSink {
    /// Its name in the outbox; also given to [`crate::Store::set_sinks`].
    pub name: String,
    /// The file of contact records, `records.jsonl`.
    pub records: PathBuf,
    /// The file of conversation summaries, if they are wanted.
    pub conversations: Option<PathBuf>,
    /// Above this size in bytes the file is renamed to `records.jsonl.<n>`, `n` rising, and a new one begun.
    pub rotate_bytes: Option<u64>,
}

/// The sink's own thread. Dropping it is stopping it.
#[derive(Debug)]
pub struct SinkThread {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SinkThread {
    /// Starts it on the store that this reader reads. A file that cannot be written now is tried again later; the
    /// outbox waits meanwhile.
    pub fn start(store: &Reader, sink: FileSink) -> Result<SinkThread, StoreError> {
        let delivery = Delivery::new(store.place().write()?, sink)?;
        let (stop, stopped) = channel();
        let work = move || run(delivery, &stopped);
        let named = std::thread::Builder::new().name("baton-sink".to_owned());
        let thread = named.spawn(work).map_err(|error| StoreError::File { path: "thread baton-sink".into(), error })?;
        Ok(SinkThread { stop: Some(stop), thread: Some(thread) })
    }

    /// Writes what the outbox holds now, then ends the thread. What cannot be written stays in the outbox.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sink's thread has failed");
        }
    }
}

impl Drop for SinkThread {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(mut delivery: Delivery, stopped: &Receiver<()>) {
    let mut pause = PAUSE;
    let mut looks = 0;
    loop {
        let stop = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        looks = (looks + 1) % LOOKS_PER_NOTE;
        match delivery.deliver_all(stop || looks == 0) {
            Ok(()) if pause > PAUSE => {
                tracing::info!(sink = %delivery.sink.name, "the sink takes records again");
                pause = PAUSE;
            }
            Ok(()) => {}
            Err(why) => {
                tracing::warn!(sink = %delivery.sink.name, %why, "records wait in the outbox; trying again");
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        if stop {
            return;
        }
    }
}

/// From the outbox to the files.
struct Delivery {
    connection: Connection,
    sink: FileSink,
    /// The last entry of the outbox that is in the files, and the last one noted.
    delivered: u64,
    noted: u64,
    records: LineFile,
    conversations: Option<LineFile>,
}

impl Delivery {
    fn new(connection: Connection, sink: FileSink) -> Result<Self, StoreError> {
        let records = LineFile::new(sink.records.clone(), sink.rotate_bytes);
        let conversations = sink.conversations.clone().map(|path| LineFile::new(path, sink.rotate_bytes));
        let noted = delivered(&connection, &sink.name)?;
        Ok(Delivery { connection, sink, delivered: noted, noted, records, conversations })
    }

    fn deliver_all(&mut self, note: bool) -> Result<(), StoreError> {
        while self.deliver()? {}
        if note && self.noted < self.delivered {
            self.note_delivered()?;
        }
        Ok(())
    }

    /// False when nothing is left.
    fn deliver(&mut self) -> Result<bool, StoreError> {
        let (mut records, mut conversations) = (Vec::new(), Vec::new());
        let mut last = 0;
        {
            let mut select = self.connection.prepare_cached(
                "SELECT outbox.cursor, kind, coalesce(outbox.json, records.json, summary) FROM outbox
                 LEFT JOIN records ON kind = 0 AND records.cursor = outbox.cursor
                 LEFT JOIN conversations ON conversations.id = outbox.conversation
                 WHERE outbox.cursor > ?1 ORDER BY outbox.cursor LIMIT ?2",
            )?;
            let mut rows = select.query((integer(self.delivered), BATCH))?;
            while let Some(row) = rows.next()? {
                last = unsigned(row, 0)?;
                let summary = row.get::<_, i64>(1)? == Kind::Summary as i64;
                let lines = if summary { &mut conversations } else { &mut records };
                lines.extend_from_slice(row.get_ref(2)?.as_bytes().unwrap_or_default());
                lines.push(b'\n');
            }
        }
        if last == 0 {
            return Ok(false);
        }
        let failed = |path: &PathBuf, error| StoreError::File { path: path.clone(), error };
        self.records.append(&records).map_err(|error| failed(&self.sink.records, error))?;
        if let (Some(file), Some(path)) = (&mut self.conversations, &self.sink.conversations) {
            file.append(&conversations).map_err(|error| failed(path, error))?;
        }
        self.delivered = last;
        Ok(true)
    }

    fn note_delivered(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached("UPDATE sinks SET delivered = ?1 WHERE name = ?2")?
            .execute((integer(self.delivered), &self.sink.name))?;
        clear_delivered(&transaction)?;
        transaction.commit()?;
        self.noted = self.delivered;
        Ok(())
    }
}

fn delivered(connection: &Connection, sink: &str) -> Result<u64, StoreError> {
    let mut select = connection.prepare_cached("SELECT delivered FROM sinks WHERE name = ?1")?;
    let found = select.query_row([sink], |row| unsigned(row, 0)).optional()?;
    found.ok_or_else(|| StoreError::UnknownSink(sink.to_owned()))
}
