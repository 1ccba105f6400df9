//! Writes the records and summaries that a batch of events completed or changed, and puts them into the outbox.

use std::collections::BTreeSet;

use baton_contact::ContactId;
use rusqlite::Connection;

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
                self.record(*root, id, *contact, folding)?;
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

    fn record(
        &mut self,
        root: ContactId,
        conversation: i64,
        contact: ContactId,
        folding: &mut Folding,
    ) -> Result<(), StoreError> {
        if folding.noted_open {
            self.connection.prepare_cached("DELETE FROM open_contacts WHERE contact = ?1")?.execute([key(contact)])?;
            folding.noted_open = false;
        }
        if folding.revision > 0 {
            self.connection.prepare_cached("DELETE FROM records WHERE contact = ?1")?.execute([key(contact)])?;
        }
        folding.revision += 1;
        let mut record = folding.fold.record();
        record.baton.revision = folding.revision;
        let json = serde_json::to_string(&record).map_err(StoreError::Unstorable)?;
        let row = (integer(self.next_cursor), key(contact), conversation, integer(folding.revision), &json);
        self.connection
            .prepare_cached(
                "INSERT INTO records (cursor, contact, conversation, revision, json) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(row)?;
        self.next_cursor += 1;
        self.put_out(Kind::Record, root, contact, folding.revision, &json)
    }

    /// True when the tree is complete and its summary is new or changed.
    fn summary(&self, root: ContactId, memory: &mut Memory) -> Result<bool, StoreError> {
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
        conversation.revision += 1;
        summary.revision = conversation.revision;
        let json = text(&summary)?;
        self.connection
            .prepare_cached("UPDATE conversations SET revision = ?1, summary = ?2 WHERE id = ?3")?
            .execute((integer(conversation.revision), &json, conversation.id))?;
        self.put_out(Kind::Summary, root, root, conversation.revision, &json)?;
        Ok(true)
    }

    fn stored_summary(&self, conversation: i64) -> Result<Option<String>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT summary FROM conversations WHERE id = ?1")?;
        Ok(select.query_row([conversation], |row| row.get(0))?)
    }

    fn put_out(
        &self,
        kind: Kind,
        root: ContactId,
        contact: ContactId,
        revision: u64,
        json: &str,
    ) -> Result<(), StoreError> {
        if !self.to_sinks {
            return Ok(());
        }
        self.connection
            .prepare_cached("INSERT INTO outbox (kind, root, contact, revision, json) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((kind as i64, key(root), key(contact), integer(revision), json))?;
        Ok(())
    }
}

fn text(summary: &ConversationSummary) -> Result<String, StoreError> {
    serde_json::to_string(summary).map_err(StoreError::Unstorable)
}
