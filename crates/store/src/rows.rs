//! Between rows and values.

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
        "SELECT sequence, contact, at_ms, kind, root FROM events JOIN conversations ON id = conversation
         WHERE conversation = ?1 AND sequence > ?2 AND (?3 IS NULL OR contact = ?3) ORDER BY sequence LIMIT ?4",
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
