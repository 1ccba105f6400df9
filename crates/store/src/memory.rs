//! The conversations that are being folded, in memory.

use std::collections::{BTreeMap, VecDeque};

use baton_contact::ContactId;
use baton_contact::event::ContactEvent;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::fold::Fold;
use crate::rows;
use crate::summary::fold_all;

/// Finished conversations that stay in memory for late facts. Later ones are folded from the stored events again.
const FINISHED_MAX: usize = 256;

/// A contact being folded, and what is stored of it.
#[derive(Debug)]
pub(crate) struct Folding {
    pub(crate) fold: Fold,
    /// The revision of its stored record; 0 without one.
    pub(crate) revision: u64,
    /// Whether it stands among the open contacts.
    pub(crate) noted_open: bool,
}

/// A conversation being folded.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Its number in the store.
    pub(crate) id: i64,
    pub(crate) contacts: BTreeMap<ContactId, Folding>,
    pub(crate) last_sequence: u64,
    pub(crate) last_ms: u64,
    /// The revision of its summary; 0 without one.
    pub(crate) revision: u64,
}

impl Conversation {
    pub(crate) fn new(id: i64) -> Self {
        Conversation { id, contacts: BTreeMap::new(), last_sequence: 0, last_ms: 0, revision: 0 }
    }

    /// From the stored events.
    pub(crate) fn load(connection: &Connection, id: i64) -> Result<Self, StoreError> {
        let (events, _) = rows::events(connection, id, None, None, u32::MAX)?;
        let mut conversation = Conversation::new(id);
        conversation.last_sequence = connection
            .prepare_cached("SELECT max(sequence) FROM events WHERE conversation = ?1")?
            .query_row([id], |row| row.get::<_, Option<i64>>(0))?
            .and_then(|number| u64::try_from(number).ok())
            .unwrap_or(0);
        conversation.last_ms = events.iter().map(|event| event.at_ms).max().unwrap_or(0);
        conversation.revision = connection
            .prepare_cached("SELECT revision FROM conversations WHERE id = ?1")?
            .query_row([id], |row| rows::unsigned(row, 0))?;
        for (contact, fold) in fold_all(events.iter()) {
            conversation.contacts.insert(contact, Folding { fold, revision: 0, noted_open: false });
        }
        conversation.note_stored(connection)?;
        Ok(conversation)
    }

    fn note_stored(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut revision = connection.prepare_cached("SELECT revision FROM records WHERE contact = ?1")?;
        let mut open = connection.prepare_cached("SELECT 1 FROM open_contacts WHERE contact = ?1")?;
        for (contact, folding) in &mut self.contacts {
            let mut rows = revision.query([rows::key(*contact)])?;
            folding.revision = rows.next()?.map(|row| rows::unsigned(row, 0)).transpose()?.unwrap_or(0);
            folding.noted_open = open.exists([rows::key(*contact)])?;
        }
        Ok(())
    }

    /// The next stored event.
    pub(crate) fn apply(&mut self, event: &ContactEvent) {
        let new = || Folding { fold: Fold::new(event.contact_id), revision: 0, noted_open: false };
        self.contacts.entry(event.contact_id).or_insert_with(new).fold.apply(event);
        self.last_sequence = self.last_sequence.max(event.sequence);
        self.last_ms = self.last_ms.max(event.at_ms);
    }

    pub(crate) fn folds(&self) -> impl Iterator<Item = &Fold> + Clone {
        self.contacts.values().map(|folding| &folding.fold)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.folds().all(Fold::is_completed)
    }
}

/// All conversations in memory, by root contact: those with an open contact, and the last finished ones.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) conversations: BTreeMap<ContactId, Conversation>,
    finished: VecDeque<ContactId>,
}

impl Memory {
    /// The conversation of this root, from memory, from the store, or new.
    pub(crate) fn conversation(
        &mut self,
        connection: &Connection,
        root: ContactId,
    ) -> Result<&mut Conversation, StoreError> {
        use std::collections::btree_map::Entry;
        match self.conversations.entry(root) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(match rows::conversation(connection, root)? {
                Some(id) => Conversation::load(connection, id)?,
                None => Conversation::new(insert(connection, root)?),
            })),
        }
    }

    /// Loads every conversation with an open contact.
    pub(crate) fn load_open(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut select = connection.prepare(
            "SELECT DISTINCT id, root FROM open_contacts JOIN conversations ON id = conversation ORDER BY id",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            self.conversations.insert(rows::contact(row, 1)?, Conversation::load(connection, row.get(0)?)?);
        }
        Ok(())
    }

    /// Forgets what memory holds of it: it no longer is what the store holds.
    pub(crate) fn forget(&mut self, root: ContactId) {
        self.conversations.remove(&root);
    }

    /// Remembers that it may have finished, and drops those that finished long ago.
    pub(crate) fn settle(&mut self, root: ContactId) {
        if self.conversations.get(&root).is_some_and(Conversation::is_finished) {
            self.finished.push_back(root);
        }
        while self.finished.len() > FINISHED_MAX {
            let Some(oldest) = self.finished.pop_front() else { return };
            let again = self.finished.contains(&oldest);
            if !again && self.conversations.get(&oldest).is_some_and(Conversation::is_finished) {
                self.conversations.remove(&oldest);
            }
        }
    }
}

fn insert(connection: &Connection, root: ContactId) -> Result<i64, StoreError> {
    connection.prepare_cached("INSERT INTO conversations (root) VALUES (?1)")?.execute([rows::key(root)])?;
    Ok(connection.last_insert_rowid())
}
