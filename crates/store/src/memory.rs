//! The conversations that are being folded, in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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

/// In a box: a map's leaf has room for eleven, and most conversations have one contact or two.
type Held = Box<Folding>;

/// A conversation being folded.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Its number in the store.
    pub(crate) id: i64,
    pub(crate) contacts: BTreeMap<ContactId, Held>,
    /// Contacts that began here and have gone on in another conversation.
    pub(crate) moved_away: BTreeSet<ContactId>,
    pub(crate) last_sequence: u64,
    pub(crate) last_ms: u64,
    /// The revision of its summary; 0 without one.
    pub(crate) revision: u64,
}

impl Conversation {
    pub(crate) fn new(id: i64) -> Self {
        let (contacts, moved_away) = (BTreeMap::new(), BTreeSet::new());
        Conversation { id, contacts, moved_away, last_sequence: 0, last_ms: 0, revision: 0 }
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
            conversation.contacts.insert(contact, Box::new(Folding { fold, revision: 0, noted_open: false }));
        }
        conversation.moved_away = rows::moved_away(connection, id)?;
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
        let new = || Box::new(Folding { fold: Fold::new(event.contact_id), revision: 0, noted_open: false });
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
    /// The root of each contact of these.
    homes: BTreeMap<ContactId, ContactId>,
    finished: VecDeque<ContactId>,
    /// Whether something was given up that may be open: then only the store knows of all that is.
    lacks_some: bool,
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
            Entry::Vacant(entry) => {
                let conversation = match insert(connection, root)? {
                    Some(id) => Conversation::new(id),
                    None => Conversation::load(connection, rows::conversation(connection, root)?.unwrap_or_default())?,
                };
                self.homes.extend(conversation.contacts.keys().map(|contact| (*contact, root)));
                Ok(entry.insert(conversation))
            }
        }
    }

    /// A contact appears in the conversation of this root. If it has begun in another one, as the second call of an attended
    /// transfer has, it goes on here with all that is known of it. Gives that other one's root.
    pub(crate) fn appears(
        &mut self,
        connection: &Connection,
        contact: ContactId,
        root: ContactId,
    ) -> Result<Option<ContactId>, StoreError> {
        let origin = match self.homes.get(&contact) {
            Some(home) => Some(*home).filter(|home| *home != root),
            None if self.lacks_some => rows::open_elsewhere(connection, contact, root)?,
            None => None,
        };
        if let Some(origin) = origin {
            // First what may fail: whoever then tries again finds memory as it was.
            let from = self.conversation(connection, origin)?.id;
            let into = self.conversation(connection, root)?.id;
            rows::move_contact(connection, contact, from, into)?;
            let from = self.conversations.get_mut(&origin);
            let folding = from.and_then(|from| {
                from.moved_away.insert(contact);
                from.contacts.remove(&contact)
            });
            if let Some(into) = self.conversations.get_mut(&root) {
                into.moved_away.remove(&contact);
                into.contacts.extend(folding.map(|folding| (contact, folding)));
            }
        }
        self.homes.insert(contact, root);
        Ok(origin)
    }

    /// The root of the conversation that a contact belongs to, if that is in memory.
    pub(crate) fn home(&self, contact: ContactId) -> Option<ContactId> {
        self.homes.get(&contact).copied()
    }

    /// Loads every conversation with an open contact.
    pub(crate) fn load_open(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut select = connection.prepare(
            "SELECT DISTINCT id, root FROM open_contacts JOIN conversations ON id = conversation ORDER BY id",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (root, conversation) = (rows::contact(row, 1)?, Conversation::load(connection, row.get(0)?)?);
            self.homes.extend(conversation.contacts.keys().map(|contact| (*contact, root)));
            self.conversations.insert(root, conversation);
        }
        Ok(())
    }

    /// Forgets what memory holds of it: it is not what the store holds.
    pub(crate) fn give_up(&mut self, root: ContactId) {
        self.lacks_some = true;
        self.forget(root);
    }

    fn forget(&mut self, root: ContactId) {
        for contact in self.conversations.remove(&root).into_iter().flat_map(|gone| gone.contacts.into_keys()) {
            if self.home(contact) == Some(root) {
                self.homes.remove(&contact);
            }
        }
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
                self.forget(oldest);
            }
        }
    }
}

/// The number of a new conversation; none when it was there before.
fn insert(connection: &Connection, root: ContactId) -> Result<Option<i64>, StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO conversations (root) VALUES (?1) ON CONFLICT DO NOTHING")?;
    let is_new = insert.execute([rows::key(root)])? > 0;
    Ok(is_new.then(|| connection.last_insert_rowid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_of_one_contact_takes_little_more_than_that_contact() {
        // Eleven keys and values, and the leaf's own bookkeeping.
        let leaf = 11 * (size_of::<ContactId>() + size_of::<Held>()) + 64;
        assert!(leaf < size_of::<Folding>(), "{leaf} bytes of a leaf for {} of a contact", size_of::<Folding>());
    }
}
