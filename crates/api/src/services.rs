//! What the API is given by the server: calls, records, directory, events, clock.

use std::sync::Arc;

use baton_contact::ContactId;
use baton_contact::command::{Command, Refusal, Reply};
use baton_contact::directory::{Directory, DirectoryError};
use baton_contact::event::ContactEvent;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::hub::EventHub;
use crate::trace_hub::TraceHub;

/// The core, behind its bounded inbox.
pub trait Calls: Send + Sync + 'static {
    /// Passes a command on. Never waits for room: a full inbox is [`CallError::Overloaded`] at once.
    fn command(&self, command: Command) -> BoxFuture<'static, Result<Reply, CallError>>;
}

/// Why a command has no reply.
#[derive(Debug, Clone, PartialEq)]
pub enum CallError {
    /// The core refused it; the verdict is inside.
    Refused(Box<Refusal>),
    /// The core's inbox is full; nothing was done: 503 with `Retry-After`.
    Overloaded,
    /// The core has stopped; nothing was done: 503.
    Stopped,
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        CallError::Refused(Box::new(refusal))
    }
}

/// The directory as it is stored, and the way to change it.
pub trait DirectoryStore: Send + Sync + 'static {
    /// The directory in force and its revision, which rises with every change. Cheap: it is asked with every request.
    /// It carries hashes, never passwords in clear (trunk passwords excepted).
    fn current(&self) -> (u64, Arc<Directory>);

    /// Checks a whole directory and, unless `dry_run`, puts it in force: stores it, tells the core, and only then
    /// answers. Passwords in clear are replaced by hashes on the way (`password`, [`crate::password`]). With `base`, it is
    /// refused with [`DirectoryFailure::Conflict`] when the revision in force is another.
    fn apply(
        &self,
        directory: Directory,
        base: Option<u64>,
        dry_run: bool,
    ) -> BoxFuture<'static, Result<DirectoryDiff, DirectoryFailure>>;
}

/// What a directory changes against the one in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryDiff {
    /// The revision after it; the one in force when nothing changed or on a dry run.
    pub revision: u64,
    /// The changes, by table and entry.
    pub changes: Vec<DirectoryChange>,
}

/// One entry's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryChange {
    /// The table: `users`, `queues`, …
    #[schema(example = "queues")]
    pub table: String,
    /// The entry's name.
    #[schema(example = "Support")]
    pub entry: String,
    /// What happens to it.
    pub change: DirectoryChangeKind,
    /// The keys that differ, on `changed`.
    pub keys: Vec<String>,
}

/// What happens to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DirectoryChangeKind {
    /// It is new.
    Added,
    /// It differs.
    Changed,
    /// It is gone.
    Removed,
}

/// Why a directory was not put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryFailure {
    /// It cannot stand; every error with its place: 422.
    Invalid(Vec<DirectoryError>),
    /// The directory in force is not the one that the change was made from: 409, or 412 with `If-Match`.
    Conflict,
    /// The store or the core did not take it; one sentence: 503.
    Unavailable(String),
}

/// Contact records and events, as stored. The methods block on the database; the API calls them off its own threads.
pub trait Records: Send + Sync + 'static {
    /// The record of one contact, the latest revision.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn record(&self, contact: ContactId) -> Result<Option<Box<RawValue>>, RecordsError>;

    /// Emitted records after a cursor (0: from the first), oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn records_after(&self, cursor: u64, limit: usize) -> Result<RecordsPage, RecordsError>;

    /// The records of a conversation in the order of their contacts, empty when there is none of that root.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn conversation(&self, root: ContactId) -> Result<Vec<Box<RawValue>>, RecordsError>;

    /// The summary of a conversation, once all of it is complete.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn summary(&self, root: ContactId) -> Result<Option<Box<RawValue>>, RecordsError>;

    /// The events of one contact, in order, empty when there is no such contact.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn events(&self, contact: ContactId) -> Result<Vec<ContactEvent>, RecordsError>;
}

/// A page of records.
#[derive(Debug, Clone, Default)]
pub struct RecordsPage {
    /// The records.
    pub records: Vec<Box<RawValue>>,
    /// The cursor behind the last one; the given one when there is none.
    pub next_cursor: u64,
}

impl Records for baton_store::Reader {
    fn record(&self, contact: ContactId) -> Result<Option<Box<RawValue>>, RecordsError> {
        Ok(baton_store::Reader::record(self, contact)?.map(|row| row.json))
    }

    fn records_after(&self, cursor: u64, limit: usize) -> Result<RecordsPage, RecordsError> {
        let page = self.records(cursor, u32::try_from(limit).unwrap_or(u32::MAX))?;
        Ok(RecordsPage { records: page.records.into_iter().map(|row| row.json).collect(), next_cursor: page.next })
    }

    fn conversation(&self, root: ContactId) -> Result<Vec<Box<RawValue>>, RecordsError> {
        Ok(baton_store::Reader::conversation(self, root)?.into_iter().map(|row| row.json).collect())
    }

    fn summary(&self, root: ContactId) -> Result<Option<Box<RawValue>>, RecordsError> {
        Ok(baton_store::Reader::summary(self, root)?)
    }

    fn events(&self, contact: ContactId) -> Result<Vec<ContactEvent>, RecordsError> {
        let mut events = baton_store::Reader::events(self, contact, 0)?;
        events.retain(|event| event.contact_id == contact);
        Ok(events)
    }
}

impl From<baton_store::StoreError> for RecordsError {
    fn from(error: baton_store::StoreError) -> Self {
        RecordsError(error.to_string())
    }
}

/// The store could not be read; one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordsError(pub String);

/// Everything that the API renders and passes on to.
#[derive(Clone)]
pub struct Services {
    /// The core.
    pub calls: Arc<dyn Calls>,
    /// Records and events.
    pub reader: Arc<dyn Records>,
    /// The directory.
    pub directory: Arc<dyn DirectoryStore>,
    /// Events and snapshots for the WebSocket; the server pushes into it.
    pub hub: Arc<EventHub>,
    /// Live SIP messages; the server tells them while somebody listens.
    pub trace: Arc<TraceHub>,
    /// The metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether calls are taken; otherwise why not, in a sentence.
    pub ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// The clock, in milliseconds since the Unix epoch.
    pub now_ms: fn() -> u64,
}
