//! Writes the records and summaries that a batch of events completed or changed, and puts them into the outbox.

use std::collections::BTreeSet;

use baton_contact::ContactId;
use rusqlite::{Connection, ToSql};
use serde::Serialize;

use crate::error::StoreError;
use crate::memory::{Folding, Memory};
use crate::rows::{integer, key};
use crate::store::Appended;
use crate::summary::{ConversationSummary, is_complete};

/// What an entry of the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Record = 0,
    Summary = 1,
}

/// Works within one transaction.
pub(crate) struct Emitter<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) next_cursor: u64,
    pub(crate) to_sinks: bool,
}

impl Emitter<'_> {
    /// For the contacts that were touched, as pairs of root and contact, in this order.
    pub(crate) fn emit(
        &mut self,
        memory: &mut Memory,
        touched: &[(ContactId, ContactId)],
        roots: &BTreeSet<ContactId>,
        appended: &mut Appended,
    ) -> Result<(), StoreError> {
        for (root, contact) in touched {
            let Some(conversation) = memory.conversations.get_mut(root) else { continue };
            let id = conversation.id;
            let Some(folding) = conversation.contacts.get_mut(contact) else { continue };
            if folding.fold.is_completed() {
                self.record(id, *contact, folding)?;
                appended.records.push(*contact);
            } else if !folding.noted_open && folding.revision == 0 {
                self.note_open(*contact, id)?;
                folding.noted_open = true;
            }
        }
        for root in roots {
            if self.summary(*root, memory)? {
                appended.conversations.push(*root);
            }
        }
        Ok(())
    }

    fn note_open(&self, contact: ContactId, conversation: i64) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO open_contacts (contact, conversation) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute((key(contact), conversation))?;
        Ok(())
    }

    fn record(&mut self, conversation: i64, contact: ContactId, folding: &mut Folding) -> Result<(), StoreError> {
        if folding.noted_open {
            self.connection.prepare_cached("DELETE FROM open_contacts WHERE contact = ?1")?.execute([key(contact)])?;
            folding.noted_open = false;
        }
        if folding.revision > 0 {
            self.keep_for_sinks(
                "UPDATE outbox SET json = (SELECT json FROM records WHERE contact = ?1)
                 WHERE cursor = (SELECT cursor FROM records WHERE contact = ?1) AND kind = 0 AND json IS NULL",
                key(contact),
            )?;
            self.connection.prepare_cached("DELETE FROM records WHERE contact = ?1")?.execute([key(contact)])?;
        }
        folding.revision += 1;
        let mut record = folding.fold.record();
        record.baton.revision = folding.revision;
        let json = text(&record)?;
        let row = (integer(self.next_cursor), key(contact), conversation, integer(folding.revision), &json);
        self.connection
            .prepare_cached(
                "INSERT INTO records (cursor, contact, conversation, revision, json) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(row)?;
        self.put_out(Kind::Record, None)?;
        self.next_cursor += 1;
        Ok(())
    }

    /// True when the tree is complete and its summary is new or changed.
    fn summary(&mut self, root: ContactId, memory: &mut Memory) -> Result<bool, StoreError> {
        let Some(conversation) = memory.conversations.get_mut(&root) else { return Ok(false) };
        // What has gone on in another conversation as a whole is summed up there.
        if conversation.contacts.is_empty() || !is_complete(conversation.folds(), &conversation.moved_away) {
            return Ok(false);
        }
        let mut summary = ConversationSummary::new(root, conversation.folds());
        summary.revision = conversation.revision;
        if conversation.revision > 0 && self.stored_summary(conversation.id)? == Some(text(&summary)?) {
            return Ok(false); // a late fact that the summary does not show
        }
        if conversation.revision > 0 {
            self.keep_for_sinks(
                "UPDATE outbox SET json = (SELECT summary FROM conversations WHERE id = ?1)
                 WHERE cursor = (SELECT cursor FROM conversations WHERE id = ?1) AND conversation = ?1 AND json IS NULL",
                conversation.id,
            )?;
        }
        conversation.revision += 1;
        summary.revision = conversation.revision;
        self.connection
            .prepare_cached("UPDATE conversations SET revision = ?1, summary = ?2, cursor = ?3 WHERE id = ?4")?
            .execute((integer(conversation.revision), text(&summary)?, integer(self.next_cursor), conversation.id))?;
        self.put_out(Kind::Summary, Some(conversation.id))?;
        // Only in the outbox does a summary need a place among the records.
        self.next_cursor += u64::from(self.to_sinks);
        Ok(true)
    }

    fn stored_summary(&self, conversation: i64) -> Result<Option<String>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT summary FROM conversations WHERE id = ?1")?;
        Ok(select.query_row([conversation], |row| row.get(0))?)
    }

    /// Has the sinks get what was written under the next cursor.
    fn put_out(&self, kind: Kind, conversation: Option<i64>) -> Result<(), StoreError> {
        if self.to_sinks {
            self.connection
                .prepare_cached("INSERT INTO outbox (cursor, kind, conversation) VALUES (?1, ?2, ?3)")?
                .execute((integer(self.next_cursor), kind as i64, conversation))?;
        }
        Ok(())
    }

    /// Before a newer revision takes its place: what the sinks have not got yet.
    fn keep_for_sinks(&self, update: &str, of: impl ToSql) -> Result<(), StoreError> {
        if self.to_sinks {
            self.connection.prepare_cached(update)?.execute([of])?;
        }
        Ok(())
    }
}

/// A record or a summary as JSON.
fn text<T: Serialize>(document: &T) -> Result<String, StoreError> {
    // Of most the whole text fits.
    let mut json = Vec::with_capacity(4_096);
    serde_json::to_writer(&mut json, document).map_err(StoreError::Unstorable)?;
    String::from_utf8(json).map_err(|error| StoreError::Unstorable(serde::ser::Error::custom(error)))
}
