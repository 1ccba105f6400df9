//! The one writer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use baton_contact::ContactId;
use baton_contact::directory::Directory;
use baton_contact::event::ContactEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::reader::Reader;

/// What one [`Store::append`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// Events stored now.
    pub stored: usize,
    /// Events that were stored before (same conversation and sequence); they changed nothing.
    pub repeated: usize,
    /// Contacts whose record was written or written again, in order.
    pub records: Vec<ContactId>,
    /// Root contacts whose whole tree is complete by this.
    pub conversations: Vec<ContactId>,
}

/// A log-in. Only the hash of the token is ever stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Hash of the token, as text (the caller chooses the hash).
    pub hash: String,
    /// The user name.
    pub user: String,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// The one writer; owned by the store thread.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Opens the store, and creates it if there is none.
    pub fn open(_path: &Path) -> Result<Store, StoreError> {
        Ok(Store {})
    }

    /// A store that is gone when it and its readers are dropped.
    pub fn open_in_memory() -> Result<Store, StoreError> {
        Ok(Store {})
    }

    /// A reader of this store, for any thread.
    pub fn reader(&self) -> Reader {
        Reader {}
    }

    /// Stores events in one transaction, with the records they complete and those records' places in the outbox.
    /// Repeating an event is harmless. On an error nothing of it is stored: call again with the same events.
    pub fn append(&mut self, _events: &[ContactEvent]) -> Result<Appended, StoreError> {
        Ok(Appended::default())
    }

    /// Closes the contacts that a dead process left open, except those in `live`, so that each has its record.
    /// Returns the events that were added (already stored).
    pub fn close_orphans(
        &mut self,
        _now_ms: u64,
        _live: &BTreeSet<ContactId>,
    ) -> Result<Vec<ContactEvent>, StoreError> {
        Ok(Vec::new())
    }

    /// Notes that the process is alive at this time: the end of the calls that a crash leaves open.
    pub fn heartbeat(&mut self, _now_ms: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// The names of the sinks that the outbox waits for. A sink that is no longer named is forgotten.
    pub fn set_sinks(&mut self, _names: &[&str]) -> Result<(), StoreError> {
        Ok(())
    }

    /// The directory with its version, if one was stored.
    pub fn directory(&self) -> Result<Option<(u64, Directory)>, StoreError> {
        Ok(None)
    }

    /// Replaces the directory; returns its new version, which rises by one each time.
    pub fn put_directory(&mut self, _directory: &Directory) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// All bindings by account (`B` is `baton_sip::Binding`; the store only keeps the documents).
    pub fn bindings<B: DeserializeOwned>(&self) -> Result<BTreeMap<String, Vec<B>>, StoreError> {
        Ok(BTreeMap::new())
    }

    /// Replaces the bindings of an account; none removes it.
    pub fn put_bindings<B: Serialize>(&mut self, _account: &str, _bindings: &[B]) -> Result<(), StoreError> {
        Ok(())
    }

    /// The chosen status by agent.
    pub fn statuses(&self) -> Result<BTreeMap<String, String>, StoreError> {
        Ok(BTreeMap::new())
    }

    /// Sets the chosen status of an agent.
    pub fn put_status(&mut self, _agent: &str, _status: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// All log-ins that have not expired at this time.
    pub fn tokens(&self, _now_ms: u64) -> Result<Vec<Token>, StoreError> {
        Ok(Vec::new())
    }

    /// Stores a log-in.
    pub fn put_token(&mut self, _token: &Token) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes a log-in; false when there was none.
    pub fn remove_token(&mut self, _hash: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Removes all log-ins of a user; returns how many.
    pub fn remove_tokens_of(&mut self, _user: &str) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Removes the log-ins that have expired; returns how many.
    pub fn remove_expired_tokens(&mut self, _now_ms: u64) -> Result<usize, StoreError> {
        Ok(0)
    }
}
