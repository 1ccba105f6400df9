//! The one writer.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use baton_contact::ContactId;
use baton_contact::event::{ContactEvent, DisconnectReason, EventKind};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, TransactionBehavior};

use crate::emit::Emitter;
use crate::error::StoreError;
use crate::memory::{Conversation, Memory};
use crate::place::Place;
use crate::reader::Reader;
use crate::rows::{integer, key};

/// What one [`Store::append`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// Events stored now.
    pub stored: usize,
    /// Events that were stored before (same conversation and sequence); they changed nothing.
    pub repeated: usize,
    /// Contacts whose record was written or written again, in order.
    pub records: Vec<ContactId>,
    /// Root contacts whose whole tree is complete by this, or whose summary changed.
    pub conversations: Vec<ContactId>,
}

/// The one writer; owned by the store thread. Dropping it closes it; being killed instead loses nothing.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    place: Place,
    memory: Memory,
    pub(crate) next_cursor: u64,
    /// Whether any sink waits for the outbox.
    pub(crate) has_sinks: bool,
    /// The latest time at which the process is known to have lived, in milliseconds since the Unix epoch.
    alive_ms: u64,
    _lock: Option<File>,
}

impl Store {
    /// Opens the store, and creates it if there is none. No other process may have it open for writing.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let place = Place::file(path);
        place.check_writable()?;
        let lock = lock(path)?;
        Store::begin(place, Some(lock))
    }

    /// A store that is gone when it and its readers are dropped.
    pub fn open_in_memory() -> Result<Store, StoreError> {
        Store::begin(Place::memory(), None)
    }

    fn begin(place: Place, lock: Option<File>) -> Result<Store, StoreError> {
        let connection = place.create()?;
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        // Records and summaries that went out share the cursors.
        let next_cursor = number(
            "SELECT 1 + max((SELECT coalesce(max(cursor), 0) FROM records), (SELECT coalesce(max(cursor), 0) FROM outbox),
                            (SELECT coalesce(max(delivered), 0) FROM sinks))",
        )?;
        let has_sinks = number("SELECT count(*) FROM sinks")? > 0;
        let alive_ms = number("SELECT coalesce((SELECT value FROM meta WHERE key = 'alive_ms'), 0)")?;
        let mut memory = Memory::default();
        memory.load_open(&connection)?;
        let (next_cursor, alive_ms) = (next_cursor.unsigned_abs(), alive_ms.unsigned_abs());
        Ok(Store { connection, place, memory, next_cursor, has_sinks, alive_ms, _lock: lock })
    }

    /// Stores events in one transaction, with the records they complete and those records' places in the outbox.
    /// Repeating an event is harmless. On an error nothing of it is stored: call again with the same events.
    pub fn append<E: Borrow<ContactEvent>>(&mut self, events: &[E]) -> Result<Appended, StoreError> {
        let mut roots: BTreeSet<ContactId> = events.iter().map(|event| event.borrow().root_contact_id).collect();
        let result = self.append_all(events, &mut roots);
        for root in roots {
            match result {
                Ok(_) => self.memory.settle(root),
                Err(_) => self.memory.give_up(root),
            }
        }
        result
    }

    fn append_all<E: Borrow<ContactEvent>>(
        &mut self,
        events: &[E],
        roots: &mut BTreeSet<ContactId>,
    ) -> Result<Appended, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut appended = Appended::default();
        let mut touched: Vec<ContactId> = Vec::new();
        let mut seen: BTreeSet<ContactId> = BTreeSet::new();
        let mut alive_ms = self.alive_ms;
        let mut row = EventRow::new(&transaction)?;
        for event in events.iter().map(Borrow::borrow) {
            let conversation = self.memory.conversation(&transaction, event.root_contact_id)?;
            if !row.insert(conversation.id, event)? {
                appended.repeated += 1;
                continue;
            }
            if !conversation.contacts.contains_key(&event.contact_id) {
                roots.extend(self.memory.appears(&transaction, event.contact_id, event.root_contact_id)?);
            }
            self.memory.conversation(&transaction, event.root_contact_id)?.apply(event);
            appended.stored += 1;
            alive_ms = alive_ms.max(event.at_ms);
            if seen.insert(event.contact_id) {
                touched.push(event.contact_id);
            }
        }
        drop(row);
        let mut emitter = Emitter { connection: &transaction, next_cursor: self.next_cursor, to_sinks: self.has_sinks };
        let home = |contact| self.memory.home(contact).map(|root| (root, contact));
        let touched: Vec<(ContactId, ContactId)> = touched.into_iter().filter_map(home).collect();
        emitter.emit(&mut self.memory, &touched, roots, &mut appended)?;
        let next_cursor = emitter.next_cursor;
        if alive_ms > self.alive_ms {
            note_alive(&transaction, alive_ms)?;
        }
        transaction.commit()?;
        (self.next_cursor, self.alive_ms) = (next_cursor, alive_ms);
        Ok(appended)
    }

    /// How many conversations are held in memory: those that go on, and up to 256 finished ones for late facts.
    pub fn conversations_held(&self) -> usize {
        self.memory.conversations.len()
    }

    /// Closes the contacts that a dead process left open, except those in `live`, so that each has its record.
    /// Returns the events that were added; they are stored. Nobody knows when the process died, so the contacts end at the
    /// latest time at which it is known to have lived (its last event or [`Store::heartbeat`]), and not after `now_ms`.
    pub fn close_orphans(&mut self, now_ms: u64, live: &BTreeSet<ContactId>) -> Result<Vec<ContactEvent>, StoreError> {
        let mut events = Vec::new();
        for (root, conversation) in &self.memory.conversations {
            let at_ms = conversation.last_ms.max(self.alive_ms.min(now_ms));
            events.extend(closing(*root, conversation, at_ms, live));
        }
        self.append(&events)?;
        Ok(events)
    }

    /// Notes that the process is alive at this time: the end of the calls that a crash leaves open. Every few seconds
    /// is enough; events note it too.
    pub fn heartbeat(&mut self, now_ms: u64) -> Result<(), StoreError> {
        if now_ms > self.alive_ms {
            note_alive(&self.connection, now_ms)?;
            self.alive_ms = now_ms;
        }
        Ok(())
    }

    /// The contacts that are not complete.
    pub fn open_contacts(&self) -> BTreeSet<ContactId> {
        let folds = self.memory.conversations.values().flat_map(Conversation::folds);
        folds.filter(|fold| !fold.is_completed()).map(|fold| fold.contact_id()).collect()
    }

    /// A reader of this store, for any thread.
    pub fn reader(&self) -> Reader {
        Reader::at(self.place.clone())
    }
}

/// Two writers would each believe to know the state: the second is refused.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = std::path::PathBuf::from(name);
    let opened = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let file = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly(path.to_owned())
        }
        _ => StoreError::File { path: lock_path.clone(), error },
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(StoreError::File { path: lock_path, error }),
    }
}

/// Writes rows of events: the statement is looked up, and room for the text taken, once for all of a transaction.
struct EventRow<'a> {
    insert: CachedStatement<'a>,
    kind: Vec<u8>,
}

impl<'a> EventRow<'a> {
    fn new(connection: &'a Connection) -> Result<Self, StoreError> {
        let insert = connection.prepare_cached(
            "INSERT INTO events (conversation, sequence, contact, at_ms, kind) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )?;
        Ok(EventRow { insert, kind: Vec::new() })
    }

    /// False when it was there before.
    fn insert(&mut self, conversation: i64, event: &ContactEvent) -> Result<bool, StoreError> {
        self.kind.clear();
        serde_json::to_writer(&mut self.kind, &event.kind).map_err(StoreError::Unstorable)?;
        let kind = ToSqlOutput::Borrowed(ValueRef::Text(&self.kind));
        let row = (conversation, integer(event.sequence), key(event.contact_id), integer(event.at_ms), kind);
        Ok(self.insert.execute(row)? > 0)
    }
}

fn note_alive(connection: &Connection, now_ms: u64) -> Result<(), StoreError> {
    let mut note = connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('alive_ms', ?1)")?;
    note.execute([integer(now_ms)])?;
    Ok(())
}

/// The events that close what is open in a conversation.
fn closing(root: ContactId, conversation: &Conversation, at_ms: u64, live: &BTreeSet<ContactId>) -> Vec<ContactEvent> {
    let mut events = Vec::new();
    let mut sequence = conversation.last_sequence;
    let mut add = |contact_id, kind| {
        sequence += 1;
        events.push(ContactEvent { contact_id, root_contact_id: root, sequence, at_ms, kind });
    };
    let orphans: BTreeMap<_, _> = conversation.folds().map(|fold| (fold.contact_id(), fold)).collect();
    for (contact, fold) in orphans {
        if fold.is_completed() || live.contains(&contact) {
            continue;
        }
        if !fold.is_disconnected() {
            add(contact, EventKind::Left { by: "system".to_owned() });
            add(contact, EventKind::Disconnected { reason: DisconnectReason::Other, sip_status: 0, q850: None });
        }
        add(contact, EventKind::Completed);
    }
    events
}
