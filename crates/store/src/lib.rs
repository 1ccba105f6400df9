//! What lasts: contact records, events, the directory, registrations, log-ins and the outbox, in SQLite.
//!
//! It decides nothing, knows no call state of its own (a contact record is a pure fold over the contact's events), reads
//! no clock and opens no network. Read [`Store`] (the one writer), [`Reader`] (any thread), [`Record`] and [`Fold`] first.
//!
//! Architecture invariants: what is streamed was stored before, in the same transaction as the events it comes from (a
//! crash can repeat a record, never lose or invent one); folding the stored events again gives the same record.

mod emit;
mod error;
mod fold;
mod keep;
mod lines;
mod memory;
mod place;
mod reader;
pub mod record;
mod render;
mod rows;
mod schema;
mod sink;
mod store;
mod summary;
pub mod time;
mod timeline;

pub use error::StoreError;
pub use fold::Fold;
pub use keep::Token;
pub use reader::{Reader, RecordPage, RecordRow};
pub use record::Record;
pub use sink::{FileSink, SinkThread};
pub use store::{Appended, Store};
pub use summary::{ConversationSummary, Outcome, SummaryParty};
