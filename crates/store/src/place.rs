//! Where a store lies, and how to connect to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::StoreError;
use crate::schema;

/// How long one connection waits for another's write. Writes take milliseconds; this is for a stalled disk.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// SQL statements kept prepared per connection.
const STATEMENTS_MAX: usize = 64;

/// A file, or a name in this process's memory.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    File(Arc<PathBuf>),
    Memory(Arc<str>),
}

impl Place {
    pub(crate) fn file(path: &Path) -> Self {
        Place::File(Arc::new(path.to_owned()))
    }

    /// A place that no other store of this process has.
    pub(crate) fn memory() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Place::Memory(format!("file:/baton-store-{number}?vfs=memdb").into())
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Place::File(path) => path.as_ref().clone(),
            Place::Memory(_) => PathBuf::from(":memory:"),
        }
    }

    /// For the writer: creates the file, checks what is there, brings the tables up to date.
    pub(crate) fn create(&self) -> Result<Connection, StoreError> {
        self.check_writable()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection = self.connect(flags)?;
        schema::prepare(&mut connection, &self.path()).map_err(|error| self.explain(error))?;
        Ok(connection)
    }

    /// For a second writer (a sink notes how far it is): the store must be there.
    pub(crate) fn write(&self) -> Result<Connection, StoreError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // As the first writer has it: the lock is not held while a disk is waited for.
        connection.execute_batch("PRAGMA synchronous = NORMAL;")?;
        Ok(connection)
    }

    /// For readers.
    pub(crate) fn read(&self) -> Result<Connection, StoreError> {
        self.check_present()?;
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        schema::check(&connection, &self.path()).map_err(|error| self.explain(error))?;
        Ok(connection)
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, StoreError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match self {
            Place::File(path) => Connection::open_with_flags(&**path, flags),
            Place::Memory(name) => Connection::open_with_flags(&**name, flags | OpenFlags::SQLITE_OPEN_URI),
        };
        let connection = opened.map_err(|error| self.explain(error.into()))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(connection)
    }

    /// Says what the database would say in a code. The permission bits count also for a user who may override them:
    /// whoever made the file read-only meant it.
    pub(crate) fn check_writable(&self) -> Result<(), StoreError> {
        let Place::File(path) = self else { return Ok(()) };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match directory.metadata() {
            Err(_) => return Err(StoreError::MissingDirectory(directory.to_owned())),
            Ok(found) if !found.is_dir() => return Err(StoreError::MissingDirectory(directory.to_owned())),
            Ok(found) if found.permissions().readonly() => return Err(StoreError::ReadOnly(self.path())),
            Ok(_) => {}
        }
        match path.metadata() {
            Ok(found) if !found.is_file() => Err(StoreError::NotAStore(self.path())),
            Ok(found) if found.permissions().readonly() => Err(StoreError::ReadOnly(self.path())),
            _ => Ok(()),
        }
    }

    fn check_present(&self) -> Result<(), StoreError> {
        match self {
            Place::File(path) if !path.exists() => Err(StoreError::Missing(self.path())),
            Place::File(path) if !path.is_file() => Err(StoreError::NotAStore(self.path())),
            _ => Ok(()),
        }
    }

    fn explain(&self, error: StoreError) -> StoreError {
        let StoreError::Database(failure) = &error else { return error };
        match failure.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => StoreError::NotAStore(self.path()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::ReadOnly(self.path())
            }
            _ => error,
        }
    }
}
