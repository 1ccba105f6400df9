//! The tables, and how they came to be: one step per layout, run at open.

use std::path::Path;

use baton_contact::directory::{drop_empty_user_names, name_countries_by_region};
use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;
use crate::keep;

/// Marks the file as a baton store (`PRAGMA application_id`): "bato".
const APPLICATION: i32 = 0x6261_746f;

/// How much is moved from the log into the file at a time: busy pages are then written there once for many commits.
const CHECKPOINT_BYTES: i64 = 16 * 1024 * 1024;

type Step = fn(&Connection) -> Result<(), StoreError>;

/// Each takes the store from its position (`PRAGMA user_version`) to the next. Never edit one that was released.
const STEPS: [Step; 4] = [
    |connection| Ok(connection.execute_batch(TABLES)?),
    |connection| Ok(connection.execute_batch(MOVED)?),
    |connection| keep::rewrite_directory(connection, name_countries_by_region),
    |connection| {
        connection.execute_batch(OUTBOX_OF_CURSORS)?;
        keep::rewrite_directory(connection, drop_empty_user_names)
    },
];

/// Conversations get small rising numbers, so that events and records are appended at the end of their tables instead of
/// all over them, as random UUIDs would have it.
const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) WITHOUT ROWID;
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY,
        root BLOB NOT NULL UNIQUE,
        revision INTEGER NOT NULL DEFAULT 0,
        summary TEXT
    );
    CREATE TABLE events (
        conversation INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        contact BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        PRIMARY KEY (conversation, sequence)
    ) WITHOUT ROWID;
    -- Contacts that have events and no record yet.
    CREATE TABLE open_contacts (contact BLOB PRIMARY KEY, conversation INTEGER NOT NULL) WITHOUT ROWID;
    -- The cursor rises with every change: a changed record moves to the end.
    CREATE TABLE records (
        cursor INTEGER PRIMARY KEY,
        contact BLOB NOT NULL UNIQUE,
        conversation INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        json TEXT NOT NULL
    );
    CREATE INDEX records_of_conversation ON records (conversation);
    -- What the sinks have still to get, in order; each sink notes how far it is.
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind INTEGER NOT NULL,
        root BLOB NOT NULL,
        contact BLOB NOT NULL,
        revision INTEGER NOT NULL,
        json TEXT NOT NULL
    );
    CREATE TABLE sinks (name TEXT PRIMARY KEY, delivered INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE directory (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, json TEXT NOT NULL);
    CREATE TABLE bindings (account TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE statuses (agent TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE tokens (hash TEXT PRIMARY KEY, user TEXT NOT NULL, expires_at_ms INTEGER NOT NULL) WITHOUT ROWID;
";

const MOVED: &str = "
    -- Contacts that an attended transfer has brought into another conversation; their events before that stay where they are.
    CREATE TABLE moved (
        conversation INTEGER NOT NULL,
        contact BLOB NOT NULL,
        origin INTEGER NOT NULL,
        PRIMARY KEY (conversation, contact, origin)
    ) WITHOUT ROWID;
    CREATE INDEX moved_away ON moved (origin, contact);
";

/// The outbox has the cursors of what goes out, no longer its text: that stands in the record or the conversation, and is copied
/// here only when a newer revision takes its place before it went out. What waits when this step is taken gets new cursors.
const OUTBOX_OF_CURSORS: &str = "
    CREATE TABLE outbox_of_cursors (cursor INTEGER PRIMARY KEY, kind INTEGER NOT NULL, conversation INTEGER, json TEXT);
    INSERT INTO outbox_of_cursors SELECT
        (SELECT coalesce(max(cursor), 0) FROM records) + row_number() OVER (ORDER BY id), kind, NULL, json FROM outbox;
    UPDATE sinks SET delivered = (SELECT coalesce(max(cursor), 0) FROM records)
        + (SELECT count(*) FROM outbox WHERE id <= delivered);
    DROP TABLE outbox;
    ALTER TABLE outbox_of_cursors RENAME TO outbox;
    -- The cursor under which the last revision of the summary went out.
    ALTER TABLE conversations ADD COLUMN cursor INTEGER;
";

/// Settings of the writing connection, then the steps that are missing.
pub(crate) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = layout(connection, path)?;
    // WAL: readers never wait for the writer. NORMAL: a killed process loses nothing, a power cut the last moments. A record has
    // some two thousand bytes: of smaller pages each would take one for itself. A store that is there keeps the size it has.
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;
         PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
    )?;
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_BYTES / page_bytes.max(1))?;
    if found == STEPS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in &STEPS[found..] {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as u32)?;
    transaction.commit()?;
    Ok(())
}

/// For a reader: the tables must be those of this version.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    match layout(connection, path)? {
        found if found == STEPS.len() => Ok(()),
        _ => Err(StoreError::Missing(path.to_owned())), // an older or empty one: the server brings it up to date
    }
}

/// How many steps were taken.
fn layout(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && number("application_id")? != i64::from(APPLICATION) {
        return Err(StoreError::NotAStore(path.to_owned()));
    }
    let found = u32::try_from(number("user_version")?).unwrap_or(u32::MAX);
    if found as usize > STEPS.len() {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: STEPS.len() as u32 });
    }
    Ok(found as usize)
}
