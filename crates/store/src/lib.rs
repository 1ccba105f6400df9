//! What lasts: contact records, events, the directory, registrations, log-ins and the outbox, in SQLite.
//!
//! It decides nothing, knows no call state of its own (a contact record is a pure fold over the contact's events), reads
//! no clock and opens no network. Read [`Store`] (the one writer), [`Reader`] (any thread), [`Record`] and [`Fold`] first.
//!
//! Architecture invariants: what is streamed was stored before, in the same transaction as the events it comes from (a
//! crash can repeat a record, never lose or invent one); folding the stored events again gives the same record.

mod error;
mod reader;
mod record;
mod sink;
mod store;

pub use error::StoreError;
pub use reader::{Reader, RecordPage, RecordRow};
pub use record::Record;
pub use sink::{FileSink, SinkThread};
pub use store::{Appended, Store, Token};
