//! The file sink: one JSON line per record, from the outbox, at least once.

use std::path::PathBuf;

use crate::error::StoreError;
use crate::reader::Reader;

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

/// The sink's own thread.
#[derive(Debug)]
pub struct SinkThread {}

impl SinkThread {
    /// Starts it on the store that this reader reads. A file that cannot be written now is tried again later.
    pub fn start(_store: &Reader, _sink: FileSink) -> Result<SinkThread, StoreError> {
        Ok(SinkThread {})
    }

    /// Writes what the outbox holds now, then ends the thread.
    pub fn stop(self) {}
}
