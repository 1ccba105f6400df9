//! What can go wrong, each in one sentence that says what to do.

use std::path::PathBuf;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory of the store is not there.
    #[error("the store's directory {0} does not exist; create it, or choose another place for the store")]
    MissingDirectory(PathBuf),
    /// The file, or its directory, cannot be written.
    #[error("the store {0} is read-only; make the file and its directory writable for the user that runs baton")]
    ReadOnly(PathBuf),
    /// There is something else at that path.
    #[error("{0} is not a baton store; move it away, or choose another place for the store")]
    NotAStore(PathBuf),
    /// There is no store at that path (only when it is opened for reading).
    #[error("there is no store at {0}; start `baton run` first, or name the right place")]
    Missing(PathBuf),
    /// Another process has it.
    #[error("the store {0} is in use by another baton; stop that one first, or choose another place for the store")]
    InUse(PathBuf),
    /// A later baton wrote it.
    #[error("the store {path} was written by a newer baton (layout {found}, this one knows {known}); run that version")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The layout found.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// A stored document cannot be read.
    #[error("a stored {what} cannot be read ({why}); restore the store from a copy, or remove that entry")]
    Corrupt {
        /// What it is, with its key.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A sink that the outbox does not wait for.
    #[error("the sink {0} is not known to the store; name it in set_sinks before it starts")]
    UnknownSink(String),
    /// A document cannot be written as JSON.
    #[error("a document cannot be stored: {0}")]
    Unstorable(serde_json::Error),
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file beside the database failed.
    #[error("the file {path} failed: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// How.
        error: std::io::Error,
    },
}
