-- A store of layout 1, empty, as it was released.
PRAGMA application_id = 1650553967;
PRAGMA user_version = 1;
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
