//! `baton records`: reads contact records from the store itself, so it works when the server is down.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use baton_contact::ContactId;
use baton_store::{Reader, Record, RecordRow};

use crate::table::render;

/// Records asked for at a time.
const PAGE: u32 = 500;
/// How often `--follow` looks for new ones.
const FOLLOW_PAUSE: Duration = Duration::from_millis(500);

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    /// Only records whose last change comes after this cursor.
    pub(crate) after: u64,
    /// Only this contact and the conversation that it belongs to.
    pub(crate) contact: Option<ContactId>,
    /// Go on with what comes.
    pub(crate) follow: bool,
    /// One JSON document a line instead of a table.
    pub(crate) json: bool,
}

/// Prints what is asked for.
///
/// # Errors
/// One sentence.
pub(crate) fn print(store: &Path, question: &Question) -> Result<(), String> {
    let reader = Reader::open(store).map_err(|error| error.to_string())?;
    if let Some(contact) = question.contact {
        let rows = conversation_of(&reader, contact)?;
        if rows.is_empty() {
            return Err(format!("the store knows no contact {contact}"));
        }
        return show(&rows, question.json, true);
    }
    let mut after = question.after;
    let mut heading = true;
    loop {
        let page = reader.records(after, PAGE).map_err(|error| error.to_string())?;
        if page.corrupt > 0 {
            eprintln!("baton: {} stored records cannot be read and are left out", page.corrupt);
        }
        if !page.records.is_empty() || heading {
            show(&page.records, question.json, heading)?;
            heading = false;
        }
        if page.next != after {
            after = page.next;
        } else if question.follow {
            std::thread::sleep(FOLLOW_PAUSE);
        } else {
            return Ok(());
        }
    }
}

/// All records of the conversation that a contact belongs to, in the order in which they began.
fn conversation_of(reader: &Reader, contact: ContactId) -> Result<Vec<RecordRow>, String> {
    let Some(row) = reader.record(contact).map_err(|error| error.to_string())? else { return Ok(Vec::new()) };
    let record = row.parse().map_err(|error| error.to_string())?;
    let root = record.initial_contact_id.unwrap_or(contact);
    reader.conversation(root).map_err(|error| error.to_string())
}

fn show(rows: &[RecordRow], json: bool, heading: bool) -> Result<(), String> {
    let mut text = String::new();
    if json {
        rows.iter().for_each(|row| text.extend([row.json.get(), "\n"]));
    } else {
        let cells: Result<Vec<_>, _> = rows.iter().map(|row| row.parse().map(|record| line(row, &record))).collect();
        text = render(&HEADING, &cells.map_err(|error| error.to_string())?);
        if !heading {
            text = text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        }
    }
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        // Whoever read has read enough (`baton records | head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| error.to_string()),
    }
}

const HEADING: [&str; 12] = [
    "CURSOR", "CONTACT", "PREVIOUS", "NEXT", "METHOD", "BEGAN", "AGENT", "QUEUE", "CUSTOMER", "TALK", "TRANSFER",
    "ENDED BY",
];

fn line(row: &RecordRow, record: &Record) -> Vec<String> {
    let short = |id: &Option<ContactId>| id.map(|id| id.to_string()).unwrap_or_else(|| "-".to_owned());
    let name = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(name)) => name,
        _ => "-".to_owned(),
    };
    let talk = record
        .agent
        .as_ref()
        .map(|agent| agent.agent_interaction_duration)
        .or(record.external_third_party.as_ref().map(|party| party.external_third_party_interaction_duration));
    vec![
        if row.cursor == 0 { "open".to_owned() } else { row.cursor.to_string() },
        row.contact_id.to_string(),
        short(&record.previous_contact_id),
        short(&record.next_contact_id),
        name(record.initiation_method.and_then(|method| serde_json::to_value(method).ok())),
        record.initiation_timestamp.to_string(),
        record.agent.as_ref().map_or("-".to_owned(), |agent| agent.username.clone()),
        record.queue.as_ref().map_or("-".to_owned(), |queue| queue.name.clone()),
        record.customer_endpoint.as_ref().map_or("-".to_owned(), |endpoint| endpoint.address.clone()),
        talk.map_or("-".to_owned(), |seconds| format!("{seconds} s")),
        name(record.baton.transfer_type.and_then(|kind| serde_json::to_value(kind).ok())),
        name(record.disconnect_reason.and_then(|reason| serde_json::to_value(reason).ok())),
    ]
}
