//! The file sink loses nothing, whatever happens to its file.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::fs;
use std::path::Path;

use baton_contact::event::EventKind;
use baton_store::{FileSink, SinkThread, Store, StoreError};
use common::*;

impl Folder {
    fn sink(&self, rotate_bytes: Option<u64>) -> FileSink {
        let conversations = Some(self.0.join("conversations.jsonl"));
        FileSink { name: "file".to_owned(), records: self.0.join("records.jsonl"), conversations, rotate_bytes }
    }

    /// A store with a sink that has not been started.
    fn store(&self) -> Store {
        let mut store = Store::open(&self.0.join("baton.db")).unwrap();
        store.set_sinks(&["file"]).unwrap();
        store
    }
}

/// Contact (its last digits) and revision of each line.
fn lines(path: &Path) -> Vec<(String, u64)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = value["ContactId"].as_str().or(value["RootContactId"].as_str()).unwrap().to_owned();
        let revision = value["Baton"]["Revision"].as_u64().or(value["Revision"].as_u64()).unwrap();
        (id[34..].to_owned(), revision)
    };
    text.lines().map(line).collect()
}

fn numbered(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(id, revision)| (id.to_string(), *revision)).collect()
}

/// Starts the sink and stops it: stopping writes what there is.
fn deliver(store: &Store, sink: &FileSink) {
    SinkThread::start(&store.reader(), sink.clone()).unwrap().stop();
}

#[test]
fn each_record_is_one_line_in_order() {
    let folder = Folder::new("order");
    let (mut store, sink) = (folder.store(), folder.sink(None));
    store.append(&simple_call(1, MIDNIGHT_MS)).unwrap();
    store.append(&simple_call(2, MIDNIGHT_MS)).unwrap();
    deliver(&store, &sink);
    assert_eq!(lines(&sink.records), numbered(&[("01", 1), ("02", 1)]));
    let mut late = simple_call(1, MIDNIGHT_MS).pop().unwrap();
    (late.sequence, late.kind) = (11, attributes(&[("case", "4711")]));
    store.append(&[late]).unwrap();
    deliver(&store, &sink);
    deliver(&store, &sink);
    assert_eq!(lines(&sink.records), numbered(&[("01", 1), ("02", 1), ("01", 2)]));
    assert_eq!(lines(sink.conversations.as_ref().unwrap()), numbered(&[("01", 1), ("02", 1)]));
}

#[test]
fn a_running_sink_takes_records_as_they_come() {
    let folder = Folder::new("running");
    let (mut store, sink) = (folder.store(), folder.sink(None));
    let thread = SinkThread::start(&store.reader(), sink.clone()).unwrap();
    for root in 1..=30 {
        store.append(&simple_call(root, MIDNIGHT_MS)).unwrap();
    }
    thread.stop();
    assert_eq!(lines(&sink.records).len(), 30);
}

#[test]
fn a_sink_that_is_down_loses_nothing() {
    let folder = Folder::new("down");
    let mut sink = folder.sink(None);
    sink.records = folder.0.join("not-yet/records.jsonl");
    let mut store = folder.store();
    store.append(&simple_call(1, MIDNIGHT_MS)).unwrap();
    deliver(&store, &sink);
    drop(store); // and the server restarts meanwhile
    let mut store = folder.store();
    store.append(&simple_call(2, MIDNIGHT_MS)).unwrap();
    deliver(&store, &sink);
    // A newer revision does not take the older one's place.
    let mut late = simple_call(1, MIDNIGHT_MS).pop().unwrap();
    (late.sequence, late.kind) = (11, attributes(&[("case", "4711")]));
    store.append(&[late]).unwrap();
    // Nor does a newer summary.
    let mut wait = simple_call(2, MIDNIGHT_MS).pop().unwrap();
    (wait.sequence, wait.kind) = (11, EventKind::Queued { queue: "late".to_owned(), personal: false });
    assert_eq!(store.append(&[wait]).unwrap().conversations, [contact(2)]);
    assert!(!sink.records.exists());
    fs::create_dir(folder.0.join("not-yet")).unwrap();
    deliver(&store, &sink);
    assert_eq!(lines(&sink.records), numbered(&[("01", 1), ("02", 1), ("01", 2), ("02", 2)]));
    assert_eq!(lines(sink.conversations.as_deref().unwrap()), numbered(&[("01", 1), ("02", 1), ("02", 2)]));
}

#[test]
fn a_line_cut_by_a_crash_is_removed_and_comes_again() {
    let folder = Folder::new("cut");
    let (mut store, sink) = (folder.store(), folder.sink(None));
    store.append(&simple_call(1, MIDNIGHT_MS)).unwrap();
    deliver(&store, &sink);
    let whole = fs::read_to_string(&sink.records).unwrap();
    fs::write(&sink.records, format!("{whole}{{\"ContactId\":\"0000")).unwrap();
    store.append(&simple_call(2, MIDNIGHT_MS)).unwrap();
    deliver(&store, &sink);
    assert_eq!(lines(&sink.records), numbered(&[("01", 1), ("02", 1)]));
}

#[test]
fn a_full_file_is_renamed_and_nothing_is_deleted() {
    let folder = Folder::new("full");
    let (mut store, sink) = (folder.store(), folder.sink(Some(1)));
    for root in 1..=3 {
        store.append(&simple_call(root, MIDNIGHT_MS)).unwrap();
        deliver(&store, &sink);
    }
    let numbers = |name: &str| lines(&folder.0.join(name));
    assert_eq!(numbers("records.jsonl.1"), numbered(&[("01", 1)]));
    assert_eq!(numbers("records.jsonl.2"), numbered(&[("02", 1)]));
    assert_eq!(numbers("records.jsonl"), numbered(&[("03", 1)]));
}

#[test]
fn a_new_sink_begins_with_what_comes_and_a_forgotten_one_holds_nothing_up() {
    let folder = Folder::new("known");
    let mut store = Store::open(&folder.0.join("baton.db")).unwrap();
    let sink = folder.sink(None);
    let unknown = SinkThread::start(&store.reader(), sink.clone()).map(|_| ());
    assert!(matches!(unknown, Err(StoreError::UnknownSink(name)) if name == "file"));
    store.append(&simple_call(1, MIDNIGHT_MS)).unwrap();
    store.set_sinks(&["file", "gone"]).unwrap();
    store.append(&simple_call(2, MIDNIGHT_MS)).unwrap();
    deliver(&store, &sink);
    assert_eq!(lines(&sink.records), numbered(&[("02", 1)]));
    let waiting = || {
        let database = rusqlite::Connection::open(folder.0.join("baton.db")).unwrap();
        database.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(waiting(), 2, "a record and a summary wait for the other sink");
    store.set_sinks(&["file"]).unwrap();
    assert_eq!(waiting(), 0);
}
