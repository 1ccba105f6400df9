//! Reads, from any thread, without disturbing the writer.

use std::path::Path;

use baton_contact::ContactId;
use baton_contact::event::ContactEvent;
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::record::Record;
use crate::store::Token;

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
        serde_json::from_str(self.json.get()).map_err(|error| StoreError::Corrupt {
            what: format!("record {}", self.contact_id),
            why: error.to_string(),
        })
    }
}

/// One page of [`Reader::records`].
#[derive(Debug, Clone)]
pub struct RecordPage {
    /// Records in the order of their last change.
    pub records: Vec<RecordRow>,
    /// Pass this as `after` for the next page.
    pub next: u64,
    /// Records of this page that cannot be read and are left out.
    pub corrupt: u32,
}

/// Reads a store from any thread; blocks, so call it through `spawn_blocking` in async code. Clones share connections.
#[derive(Debug, Clone)]
pub struct Reader {}

impl Reader {
    /// A reader of the store at this path. The store may be in use by a running server.
    pub fn open(_path: &Path) -> Result<Reader, StoreError> {
        Ok(Reader {})
    }

    /// The record of one contact; of an open contact as it is now.
    pub fn record(&self, _contact: ContactId) -> Result<Option<RecordRow>, StoreError> {
        Ok(None)
    }

    /// Records of completed contacts whose last change comes after the cursor, oldest change first; at most 1,000.
    pub fn records(&self, after: u64, _limit: u32) -> Result<RecordPage, StoreError> {
        Ok(RecordPage { records: Vec::new(), next: after, corrupt: 0 })
    }

    /// The records of a whole conversation, in the order in which its contacts began.
    pub fn conversation(&self, _root: ContactId) -> Result<Vec<RecordRow>, StoreError> {
        Ok(Vec::new())
    }

    /// The events of a conversation (`id` is its root) or of one contact with a higher `sequence`; at most 10,000.
    pub fn events(&self, _id: ContactId, _after: u64) -> Result<Vec<ContactEvent>, StoreError> {
        Ok(Vec::new())
    }

    /// The summary of a conversation (JSON), once its whole tree is complete.
    pub fn summary(&self, _root: ContactId) -> Result<Option<Box<RawValue>>, StoreError> {
        Ok(None)
    }

    /// The log-in with this token hash, expired or not.
    pub fn token(&self, _hash: &str) -> Result<Option<Token>, StoreError> {
        Ok(None)
    }
}
