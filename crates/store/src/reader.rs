//! Reads, from any thread, without disturbing the writer.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use baton_contact::ContactId;
use baton_contact::directory::Directory;
use baton_contact::event::ContactEvent;
use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::fold::Fold;
use crate::keep::{self, Token};
use crate::place::Place;
use crate::record::Record;
use crate::rows::{self, integer, key, unsigned};
use crate::summary::{fold_all, in_order};

/// Records in one page.
const PAGE_MAX: u32 = 1_000;
/// Events in one answer.
const EVENTS_MAX: u32 = 10_000;
/// Connections kept for the next question.
const IDLE_MAX: usize = 8;

/// A contact record as it is stored, or folded now for a contact that is still open.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// Its place in the order of changes, rising; 0 for an open contact.
    pub cursor: u64,
    /// The contact.
    pub contact_id: ContactId,
    /// Rises with every re-emission; 0 for an open contact.
    pub revision: u64,
    /// Whether the contact is complete.
    pub completed: bool,
    /// The record.
    pub json: Box<RawValue>,
}

impl RecordRow {
    /// The record as a value.
    pub fn parse(&self) -> Result<Record, StoreError> {
        serde_json::from_str(self.json.get()).map_err(|why| corrupt(self.contact_id, &why))
    }
}

/// One page of [`Reader::records`].
#[derive(Debug, Clone)]
pub struct RecordPage {
    /// Records in the order of their last change.
    pub records: Vec<RecordRow>,
    /// Pass this as `after` for the next page.
    pub next: u64,
    /// Records of this page that cannot be read, nor folded anew, and are left out; each is logged.
    pub corrupt: u32,
}

/// Reads a store from any thread; blocks, so call it through `spawn_blocking` in async code. Clones share connections.
#[derive(Clone)]
pub struct Reader {
    place: Place,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader of the store at this path. The store may be in use by a running server.
    pub fn open(path: &Path) -> Result<Reader, StoreError> {
        let reader = Reader::at(Place::file(path));
        reader.with(|_| Ok(()))?;
        Ok(reader)
    }

    pub(crate) fn at(place: Place) -> Reader {
        Reader { place, idle: Arc::default() }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The record of one contact; of an open contact as it is now.
    pub fn record(&self, contact: ContactId) -> Result<Option<RecordRow>, StoreError> {
        self.with(|connection| record(connection, contact))
    }

    /// Records of completed contacts whose last change comes after the cursor, oldest change first; at most 1,000.
    pub fn records(&self, after: u64, limit: u32) -> Result<RecordPage, StoreError> {
        self.with(|connection| records(connection, after, limit.min(PAGE_MAX)))
    }

    /// The records of a whole conversation, open contacts included, in the order in which its contacts began.
    pub fn conversation(&self, root: ContactId) -> Result<Vec<RecordRow>, StoreError> {
        self.with(|connection| {
            let Some(own) = rows::conversation(connection, root)? else { return Ok(Vec::new()) };
            // A root that an attended transfer has brought into another conversation is a part of that one.
            let id = conversation_of(connection, root)?.unwrap_or(own);
            let (events, _) = rows::events(connection, id, None, None, u32::MAX)?;
            let folds = fold_all(events.iter());
            in_order(folds.values()).into_iter().map(|fold| stored_or_folded(connection, fold)).collect()
        })
    }

    /// The events of a conversation (`id` is its root) or of one contact with a higher `sequence`, all of them after 0;
    /// at most 10,000.
    pub fn events(&self, id: ContactId, after: u64) -> Result<Vec<ContactEvent>, StoreError> {
        let after = (after > 0).then_some(after);
        self.with(|connection| {
            let (begun, home) = (rows::conversation(connection, id)?, conversation_of(connection, id)?);
            if let Some(whole) = begun.filter(|begun| home.is_none_or(|home| home == *begun)) {
                return Ok(rows::events(connection, whole, None, after, EVENTS_MAX)?.0);
            }
            let Some(conversation) = home else { return Ok(Vec::new()) };
            Ok(rows::events(connection, conversation, Some(id), after, EVENTS_MAX)?.0)
        })
    }

    /// The summary of a conversation, once its whole tree is complete ([`crate::ConversationSummary`]).
    pub fn summary(&self, root: ContactId) -> Result<Option<Box<RawValue>>, StoreError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT summary FROM conversations WHERE root = ?1")?;
            let found: Option<Option<String>> = select.query_row([key(root)], |row| row.get(0)).optional()?;
            let raw = |json| RawValue::from_string(json).map_err(|why| corrupt(root, &why));
            found.flatten().map(raw).transpose()
        })
    }

    /// The directory with its version, if one was stored.
    pub fn directory(&self) -> Result<Option<(u64, Directory)>, StoreError> {
        self.with(keep::directory)
    }

    /// The log-in with this token hash, expired or not.
    pub fn token(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        self.with(|connection| keep::token(connection, hash))
    }

    fn with<T>(&self, question: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.place.read()?,
        };
        let answer = question(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        answer
    }
}

fn record(connection: &Connection, contact: ContactId) -> Result<Option<RecordRow>, StoreError> {
    let Some(conversation) = conversation_of(connection, contact)? else { return Ok(None) };
    match stored(connection, contact) {
        Ok(Some(row)) => return Ok(Some(row)),
        Ok(None) => {}
        Err(why) => tracing::error!(%contact, %why, "a stored record is folded anew from its events"),
    }
    let fold = fold(connection, conversation, contact)?;
    fold.map(|fold| folded(connection, &fold)).transpose()
}

fn fold(connection: &Connection, conversation: i64, contact: ContactId) -> Result<Option<Fold>, StoreError> {
    let (events, _) = rows::events(connection, conversation, Some(contact), None, u32::MAX)?;
    Ok(fold_all(events.iter()).remove(&contact))
}

fn stored_or_folded(connection: &Connection, fold: &Fold) -> Result<RecordRow, StoreError> {
    match stored(connection, fold.contact_id()) {
        Ok(Some(row)) => Ok(row),
        _ => folded(connection, fold),
    }
}

/// The conversation that a contact belongs to.
fn conversation_of(connection: &Connection, contact: ContactId) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT conversation FROM records WHERE contact = ?1
         UNION ALL SELECT conversation FROM open_contacts WHERE contact = ?1 LIMIT 1",
    )?;
    Ok(select.query_row([key(contact)], |row| row.get(0)).optional()?)
}

fn stored(connection: &Connection, contact: ContactId) -> Result<Option<RecordRow>, StoreError> {
    let mut select = connection.prepare_cached("SELECT cursor, revision, json FROM records WHERE contact = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((unsigned(row, 0)?, unsigned(row, 1)?, row.get::<_, String>(2)?));
    let Some((cursor, revision, json)) = select.query_row([key(contact)], row).optional()? else { return Ok(None) };
    let json = RawValue::from_string(json).map_err(|why| corrupt(contact, &why))?;
    Ok(Some(RecordRow { cursor, contact_id: contact, revision, completed: true, json }))
}

/// The record of an open contact, or of one whose stored record cannot be read.
fn folded(connection: &Connection, fold: &Fold) -> Result<RecordRow, StoreError> {
    let contact_id = fold.contact_id();
    let mut select = connection.prepare_cached("SELECT cursor, revision FROM records WHERE contact = ?1")?;
    let found = select.query_row([key(contact_id)], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?))).optional()?;
    let (cursor, revision) = found.unwrap_or((0, 0));
    let mut record = fold.record();
    record.baton.revision = revision;
    let json = serde_json::value::to_raw_value(&record).map_err(StoreError::Unstorable)?;
    Ok(RecordRow { cursor, contact_id, revision, completed: fold.is_completed(), json })
}

fn records(connection: &Connection, after: u64, limit: u32) -> Result<RecordPage, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT cursor, contact, conversation FROM records WHERE cursor > ?1 ORDER BY cursor LIMIT ?2",
    )?;
    let mut rows = select.query((integer(after), limit))?;
    let mut page = RecordPage { records: Vec::new(), next: after, corrupt: 0 };
    while let Some(row) = rows.next()? {
        let (contact, conversation): (ContactId, i64) = (rows::contact(row, 1)?, row.get(2)?);
        page.next = unsigned(row, 0)?;
        match stored(connection, contact) {
            Ok(Some(row)) => page.records.push(row),
            Ok(None) => {} // changed meanwhile: it comes again, further on
            Err(why) => {
                tracing::error!(%contact, %why, "a stored record is folded anew from its events");
                match fold(connection, conversation, contact)? {
                    Some(fold) => page.records.push(folded(connection, &fold)?),
                    None => page.corrupt += 1,
                }
            }
        }
    }
    Ok(page)
}

fn corrupt(contact: ContactId, why: &dyn fmt::Display) -> StoreError {
    StoreError::Corrupt { what: format!("document of contact {contact}"), why: why.to_string() }
}
