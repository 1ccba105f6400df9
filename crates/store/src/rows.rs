//! Between rows and values.

use std::collections::BTreeSet;

use baton_contact::ContactId;
use baton_contact::event::ContactEvent;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::StoreError;

/// A contact id as it stands in a row: 16 bytes, most significant first.
pub(crate) fn key(contact: ContactId) -> [u8; 16] {
    contact.0.to_be_bytes()
}

/// A number as SQLite has it. What does not fit (the year 292 million) is the greatest.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number out of SQLite.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0))
}

/// A contact id out of SQLite.
pub(crate) fn contact(row: &Row<'_>, column: usize) -> rusqlite::Result<ContactId> {
    row.get::<_, [u8; 16]>(column).map(|bytes| ContactId(u128::from_be_bytes(bytes)))
}

/// The number of the conversation of this root.
pub(crate) fn conversation(connection: &Connection, root: ContactId) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached("SELECT id FROM conversations WHERE root = ?1")?;
    Ok(select.query_row([key(root)], |row| row.get(0)).optional()?)
}

/// The events of a conversation, or of one contact of it, in order; with how many could not be read. Each of those is
/// logged; the rest is still worth having.
pub(crate) fn events(
    connection: &Connection,
    conversation: i64,
    of: Option<ContactId>,
    after: Option<u64>,
    limit: u32,
) -> Result<(Vec<ContactEvent>, u32), StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, contact, at_ms, kind, root FROM conversations JOIN (
             SELECT sequence, contact, at_ms, kind FROM events WHERE conversation = ?1 AND NOT EXISTS (
                 SELECT 1 FROM moved WHERE moved.origin = ?1 AND moved.contact = events.contact)
             UNION ALL
             SELECT sequence, events.contact, at_ms, kind FROM moved JOIN events
             ON events.conversation = moved.origin AND events.contact = moved.contact WHERE moved.conversation = ?1)
         WHERE id = ?1 AND sequence > ?2 AND (?3 IS NULL OR contact = ?3) ORDER BY sequence, at_ms LIMIT ?4",
    )?;
    let after = after.map_or(-1, integer);
    let mut rows = select.query((conversation, after, of.map(key), limit))?;
    let (mut events, mut corrupt) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let sequence = unsigned(row, 0).unwrap_or(0);
        match event(row, sequence) {
            Ok(event) => events.push(event),
            Err(why) => {
                corrupt += 1;
                tracing::error!(conversation, sequence, %why, "a stored event cannot be read; the record does without it");
            }
        }
    }
    Ok((events, corrupt))
}

/// The root of another conversation in which a contact is open.
pub(crate) fn open_elsewhere(
    connection: &Connection,
    of: ContactId,
    root: ContactId,
) -> Result<Option<ContactId>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT root FROM open_contacts JOIN conversations ON id = conversation WHERE contact = ?1 AND root <> ?2",
    )?;
    Ok(select.query_row((key(of), key(root)), |row| contact(row, 0)).optional()?)
}

/// The contacts that began in a conversation and have gone on in another one.
pub(crate) fn moved_away(connection: &Connection, from: i64) -> Result<BTreeSet<ContactId>, StoreError> {
    let mut select = connection.prepare_cached("SELECT contact FROM moved WHERE origin = ?1")?;
    let mut rows = select.query([from])?;
    let mut contacts = BTreeSet::new();
    while let Some(row) = rows.next()? {
        contacts.insert(contact(row, 0)?);
    }
    Ok(contacts)
}

/// From now on a contact belongs to the conversation `into`, with all its events.
pub(crate) fn move_contact(connection: &Connection, of: ContactId, from: i64, into: i64) -> Result<(), StoreError> {
    let contact = key(of);
    // Where it has been before goes with it.
    let mut bring = connection.prepare_cached(
        "INSERT OR IGNORE INTO moved SELECT ?3, contact, origin FROM moved WHERE conversation = ?2 AND contact = ?1",
    )?;
    bring.execute((contact, from, into))?;
    connection
        .prepare_cached("DELETE FROM moved WHERE conversation = ?2 AND contact = ?1")?
        .execute((contact, from))?;
    let mut note =
        connection.prepare_cached("INSERT OR IGNORE INTO moved (conversation, contact, origin) VALUES (?3, ?1, ?2)")?;
    note.execute((contact, from, into))?;
    let mut open = connection.prepare_cached("UPDATE open_contacts SET conversation = ?2 WHERE contact = ?1")?;
    open.execute((contact, into))?;
    Ok(())
}

fn event(row: &Row<'_>, sequence: u64) -> Result<ContactEvent, String> {
    let text = row.get_ref(3).map_err(|why| why.to_string())?.as_str().map_err(|why| why.to_string())?;
    Ok(ContactEvent {
        contact_id: contact(row, 1).map_err(|why| why.to_string())?,
        root_contact_id: contact(row, 4).map_err(|why| why.to_string())?,
        sequence,
        at_ms: unsigned(row, 2).map_err(|why| why.to_string())?,
        kind: serde_json::from_str(text).map_err(|why| why.to_string())?,
    })
}
