//! Stores of former versions are brought up to date with all that is in them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use baton_contact::directory::{Directory, NumberFormat, NumberPlan, Unprefixed, User};
use baton_contact::event::InitiationMethod;
use baton_store::{FileSink, Reader, SinkThread, Store};
use common::*;

/// Layout 1 named the country of a trunk's numbers by its calling code.
#[test]
fn a_directory_of_the_first_layout_is_read() {
    let folder = Folder::new("layout1");
    let path = folder.file("baton.db");
    let mut store = Store::open(&path).unwrap();
    store.put_directory(&Directory::default()).unwrap();
    drop(store);
    let old = include_str!("layout1/directory.json");
    let hammer = rusqlite::Connection::open(&path).unwrap();
    hammer.execute("UPDATE directory SET version = 7, json = ?1", [old]).unwrap();
    let first =
        "DROP TABLE moved; DROP TABLE outbox; ALTER TABLE conversations DROP COLUMN cursor; PRAGMA user_version = 1;
                 CREATE TABLE outbox (id INTEGER PRIMARY KEY, kind INTEGER, json TEXT)";
    hammer.execute_batch(first).unwrap();
    drop(hammer);

    let store = Store::open(&path).unwrap();
    let (version, directory) = store.directory().unwrap().unwrap();
    assert_eq!(version, 7);
    let plans: Vec<_> = directory.trunks.iter().filter_map(|trunk| trunk.numbers.clone()).collect();
    let plan = |country: &str, prefixes: (&str, &str)| NumberPlan {
        country: Some(country.to_owned()),
        national_prefix: Some(prefixes.0.to_owned()),
        international_prefix: Some(prefixes.1.to_owned()),
        ..NumberPlan::default()
    };
    let america = plan("US", ("1", "011"));
    let america = NumberPlan { unprefixed: Unprefixed::National, format: NumberFormat::National, ..america };
    assert_eq!(plans, [plan("DE", ("0", "00")), america, plan("IT", ("", "00"))]);
    assert_eq!(baton_contact::check::validate(&directory), []);
    assert_eq!(store.reader().directory().unwrap(), Some((7, directory)));
}

/// The tables of layout 1, as `baton` made them before contacts could move.
const LAYOUT_1: &str = include_str!("layout-1.sql");

#[test]
fn a_store_of_the_first_layout_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = Folder::new("layout-1");
    let (now, old) = (folder.file("now.db"), folder.file("old.db"));
    let user = User { username: "agent1".to_owned(), ..User::default() };
    let directory = Directory { users: vec![user], ..Directory::default() };
    let mut store = Store::open(&now).unwrap();
    store.append(&simple_call(7, MIDNIGHT_MS)).unwrap();
    store.append(&simple_call(8, MIDNIGHT_MS)[..7]).unwrap();
    store.put_directory(&directory).unwrap();
    store.put_bindings(&bindings(&[("phone1", &["sip:phone1@192.0.2.1"])])).unwrap();
    drop(store);
    // The same rows in an old file.
    let hammer = rusqlite::Connection::open(&old).unwrap();
    hammer.execute_batch(LAYOUT_1).unwrap();
    hammer.execute("ATTACH ?1 AS now", [now.to_str().unwrap()]).unwrap();
    let tables: Vec<String> = {
        let mut select = hammer
            .prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            .unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert!(tables.len() == 11 && !tables.contains(&"moved".to_owned()), "{tables:?}");
    for table in tables.iter().filter(|table| *table != "outbox") {
        let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}', 'main')");
        let columns: String = hammer.query_row(&columns, [], |row| row.get(0)).unwrap();
        hammer.execute_batch(&format!("INSERT INTO main.{table} SELECT {columns} FROM now.{table}")).unwrap();
    }
    let waiting =
        "INSERT INTO sinks VALUES ('file', 4), ('other', 6); INSERT INTO outbox VALUES (4, 0, '', '', 1, 'got'),
                   (6, 0, '', '', 1, 'first'), (7, 1, '', '', 1, 'summary'), (9, 0, '', '', 2, 'second')";
    hammer.execute_batch(waiting).unwrap();
    drop(hammer);
    assert!(Reader::open(&old).is_err(), "a reader changes nothing");

    let mut store = Store::open(&old).unwrap();
    assert_eq!(store.directory().unwrap().map(|(_, found)| found), Some(directory));
    assert_eq!(stored_bindings(&store).into_keys().collect::<Vec<_>>(), ["phone1"]);
    assert_eq!(store.open_contacts(), BTreeSet::from([contact(8)]));
    let reader = store.reader();
    let record = reader.record(contact(7)).unwrap().unwrap().parse().unwrap();
    assert_eq!((record.agent.unwrap().agent_interaction_duration, record.baton.revision), (60, 1));
    assert_eq!(reader.events(contact(7), 0).unwrap().len(), 10);
    // What was open goes on, also into another conversation, which the old layout did not know.
    let (mut call, merged) = (simple_call(9, MIDNIGHT_MS), simple_call(8, MIDNIGHT_MS)[7].clone());
    let goes_on = baton_contact::event::ContactEvent { root_contact_id: contact(9), sequence: 5, ..merged };
    call.truncate(2);
    store.append(&[call, vec![goes_on]].concat()).unwrap();
    let record = store.reader().record(contact(8)).unwrap().unwrap().parse().unwrap();
    assert_eq!(record.initiation_method, Some(InitiationMethod::Inbound));
    // What waited for a sink goes out, and then what comes.
    store.append(&simple_call(10, MIDNIGHT_MS)).unwrap();
    let [file, other] = ["file", "other"].map(|name| {
        let records = folder.file(&format!("{name}.jsonl"));
        let sink = FileSink { name: name.into(), records: records.clone(), conversations: None, rotate_bytes: None };
        SinkThread::start(&store.reader(), sink).unwrap().stop();
        std::fs::read_to_string(records).unwrap()
    });
    let new = file.strip_prefix("first\nsecond\n").unwrap();
    assert!(new.lines().count() == 1 && new.contains(&contact(10).to_string()), "{new}");
    assert_eq!(other, format!("second\n{new}"));
    drop(store);

    let layout = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        let mut select = connection.prepare("SELECT type || ' ' || name FROM sqlite_schema ORDER BY 1").unwrap();
        let names: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        (connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), names)
    };
    assert_eq!(layout(&old), layout(&now), "the tables are those of a new store");
}
