//! What is stored stays stored: crashes, repetitions, damage, refusals.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use baton_contact::ContactId;
use baton_contact::directory::{Directory, User};
use baton_contact::event::{DisconnectReason as Reason, EventKind, InitiationMethod, TransferType};
use baton_store::{ConversationSummary, Outcome, Reader, Store, StoreError, Token};
use common::*;

/// The files of a store as a killed process leaves them.
fn killed(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        std::fs::copy(name(from), name(to)).unwrap();
    }
}

#[test]
fn a_completed_contact_has_its_record_and_its_summary() {
    let mut store = Store::open_in_memory().unwrap();
    let appended = store.append(&simple_call(7, MIDNIGHT_MS)).unwrap();
    assert_eq!((appended.stored, appended.repeated), (10, 0));
    assert_eq!(appended.records, [contact(7)]);
    assert_eq!(appended.conversations, [contact(7)]);

    let reader = store.reader();
    let row = reader.record(contact(7)).unwrap().unwrap();
    assert_eq!((row.cursor, row.revision, row.completed), (1, 1, true));
    let record = row.parse().unwrap();
    assert_eq!(record.agent.unwrap().agent_interaction_duration, 60);
    assert_eq!(record.baton.revision, 1);
    let summary: ConversationSummary =
        serde_json::from_str(reader.summary(contact(7)).unwrap().unwrap().get()).unwrap();
    assert_eq!(summary.path, "Support/agent1");
    assert_eq!(reader.record(contact(8)).unwrap().map(|row| row.contact_id), None);
    assert_eq!(reader.summary(contact(8)).unwrap().map(|json| json.get().to_owned()), None);
}

#[test]
fn repeated_events_change_nothing() {
    let mut store = Store::open_in_memory().unwrap();
    let call = simple_call(7, MIDNIGHT_MS);
    store.append(&call[..6]).unwrap();
    let appended = store.append(&call).unwrap();
    assert_eq!((appended.stored, appended.repeated), (4, 6));
    let appended = store.append(&call).unwrap();
    assert_eq!((appended.stored, appended.repeated, appended.records.len()), (0, 10, 0));
    let page = store.reader().records(0, 1_000).unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].revision, 1);
    assert_eq!(store.reader().events(contact(7), 0).unwrap(), call);
}

#[test]
fn a_late_fact_writes_the_record_again_further_on() {
    let mut store = Store::open_in_memory().unwrap();
    store.append(&simple_call(7, MIDNIGHT_MS)).unwrap();
    store.append(&simple_call(8, MIDNIGHT_MS)).unwrap();
    let mut late = simple_call(7, MIDNIGHT_MS).pop().unwrap();
    (late.sequence, late.kind) = (11, attributes(&[("case", "4711")]));
    let appended = store.append(&[late]).unwrap();
    assert_eq!(appended.records, [contact(7)]);
    assert_eq!(appended.conversations, [], "the summary does not show it");

    let page = store.reader().records(0, 1_000).unwrap();
    let seen: Vec<_> = page.records.iter().map(|row| (row.cursor, row.contact_id, row.revision)).collect();
    assert_eq!(seen, [(2, contact(8), 1), (3, contact(7), 2)]);
    assert_eq!(page.next, 3);
    assert_eq!(page.records[1].parse().unwrap().attributes["case"], "4711");
    assert_eq!(store.reader().records(page.next, 1_000).unwrap().records.len(), 0);
}

#[test]
fn late_facts_find_a_contact_that_memory_has_dropped() {
    let mut store = Store::open_in_memory().unwrap();
    for root in 1..=600 {
        store.append(&simple_call(root, MIDNIGHT_MS)).unwrap();
    }
    let mut late = simple_call(1, MIDNIGHT_MS).pop().unwrap();
    (late.sequence, late.kind) = (11, attributes(&[("case", "4711")]));
    store.append(&[late]).unwrap();
    let row = store.reader().record(contact(1)).unwrap().unwrap();
    assert_eq!((row.cursor, row.revision), (601, 2));
    assert_eq!(row.parse().unwrap().agent.unwrap().agent_interaction_duration, 60, "the early facts are still there");
}

#[test]
fn pages_of_records_miss_and_repeat_nothing() {
    let mut store = Store::open_in_memory().unwrap();
    let calls: Vec<_> = (1..=25).flat_map(|root| simple_call(root, MIDNIGHT_MS)).collect();
    store.append(&calls).unwrap();
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = store.reader().records(after, 10).unwrap();
        if page.records.is_empty() {
            break;
        }
        seen.extend(page.records.iter().map(|row| row.contact_id));
        after = page.next;
    }
    assert_eq!(seen, (1..=25).map(contact).collect::<Vec<_>>());
}

#[test]
fn an_open_contact_can_be_read_as_it_is_now() {
    let mut store = Store::open_in_memory().unwrap();
    store.append(&simple_call(7, MIDNIGHT_MS)[..6]).unwrap();
    let row = store.reader().record(contact(7)).unwrap().unwrap();
    assert_eq!((row.cursor, row.revision, row.completed), (0, 0, false));
    assert_eq!(row.parse().unwrap().agent.unwrap().username, "agent1");
    assert_eq!(store.reader().records(0, 10).unwrap().records.len(), 0);
    assert_eq!(store.open_contacts(), BTreeSet::from([contact(7)]));
}

#[test]
fn a_killed_process_loses_nothing() {
    let folder = Folder::new("killed");
    let mut store = Store::open(&folder.file("baton.db")).unwrap();
    store.append(&simple_call(7, MIDNIGHT_MS)).unwrap();
    store.append(&simple_call(8, MIDNIGHT_MS)[..7]).unwrap();
    store.put_status("agent1", "Lunch").unwrap();
    killed(&folder.file("baton.db"), &folder.file("after.db"));

    let mut store = Store::open(&folder.file("after.db")).unwrap();
    assert_eq!(store.open_contacts(), BTreeSet::from([contact(8)]));
    assert_eq!(store.statuses().unwrap()["agent1"], "Lunch");
    store.append(&simple_call(8, MIDNIGHT_MS)[7..]).unwrap();
    let page = Reader::open(&folder.file("after.db")).unwrap().records(0, 10).unwrap();
    let seen: Vec<_> = page.records.iter().map(|row| (row.cursor, row.contact_id)).collect();
    assert_eq!(seen, [(1, contact(7)), (2, contact(8))]);
    assert_eq!(page.records[1].parse().unwrap().agent.unwrap().agent_interaction_duration, 60);
}

#[test]
fn contacts_of_a_dead_process_are_closed_when_it_was_last_alive() {
    let folder = Folder::new("orphans");
    let mut store = Store::open(&folder.file("baton.db")).unwrap();
    store.append(&simple_call(7, MIDNIGHT_MS)[..7]).unwrap(); // talks from second 4 on
    store.append(&simple_call(8, MIDNIGHT_MS)[..7]).unwrap();
    store.heartbeat(MIDNIGHT_MS + 30_000).unwrap();
    drop(store);

    let mut store = Store::open(&folder.file("baton.db")).unwrap();
    let events = store.close_orphans(MIDNIGHT_MS + 3_600_000, &BTreeSet::from([contact(8)])).unwrap();
    assert_eq!(
        events.iter().map(|event| (event.contact_id, event.sequence)).collect::<Vec<_>>(),
        [(contact(7), 8), (contact(7), 9), (contact(7), 10)]
    );
    assert_eq!(events[2].kind, EventKind::Completed);
    let record = store.reader().record(contact(7)).unwrap().unwrap().parse().unwrap();
    assert_eq!(record.disconnect_reason, Some(Reason::Other));
    assert_eq!(record.baton.left_by.as_deref(), Some("system"));
    assert_eq!(record.agent.unwrap().agent_interaction_duration, 26);
    assert_eq!(store.open_contacts(), BTreeSet::from([contact(8)]));
    assert_eq!(store.close_orphans(MIDNIGHT_MS + 3_600_000, &BTreeSet::new()).unwrap().len(), 3);
    assert_eq!(store.close_orphans(MIDNIGHT_MS + 3_600_000, &BTreeSet::new()).unwrap().len(), 0);
}

#[test]
fn a_conversation_is_summed_up_when_its_whole_tree_is_complete() {
    let external = initiated(InitiationMethod::ExternalOutbound, Some(1), Some(1), "+4989333", "+4940222");
    let list = events(&[
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, EventKind::ConnectedToSystem),
        ("10:00:05", 1, queued("Support")),
        ("10:00:35", 1, agent("agent1")),
        ("10:00:35", 1, EventKind::InteractionStarted),
        ("10:05:00", 1, held()),
        ("10:05:00", 1, next(2)),
        ("10:05:00", 2, external),
        ("10:05:10", 2, EventKind::ConnectedToSystem),
        ("10:06:00", 1, resumed(60_000)),
        ("10:06:00", 1, EventKind::InteractionStarted),
        ("10:06:00", 2, EventKind::InteractionStarted),
        ("10:06:30", 1, transferred(TransferType::WarmConference, Some("+4989333"))),
        ("10:06:30", 1, disconnected(Reason::AgentDisconnect)),
        ("10:06:40", 1, EventKind::Completed),
        ("10:15:00", 2, disconnected(Reason::CustomerDisconnect)),
        ("10:15:00", 2, EventKind::Completed),
    ]);
    let mut store = Store::open_in_memory().unwrap();
    let (last, others) = list.split_last().unwrap();
    assert_eq!(store.append(others).unwrap().conversations, []);
    assert_eq!(store.append(std::slice::from_ref(last)).unwrap().conversations, [contact(1)]);

    let json = store.reader().summary(contact(1)).unwrap().unwrap();
    let expected = serde_json::json!({
        "RootContactId": contact(1),
        "Revision": 1,
        "InitiationTimestamp": "2026-03-02T10:00:00Z",
        "DisconnectTimestamp": "2026-03-02T10:15:00Z",
        "ContactIds": [contact(1), contact(2)],
        "Parties": [
            {"Role": "CUSTOMER", "Name": "+4930111"},
            {"Role": "AGENT", "Name": "agent1"},
            {"Role": "THIRD_PARTY", "Name": "+4989333"}
        ],
        "TotalTalkDuration": 805, // 265 s before the hold, 540 s after it, the 30 s with both once
        "TotalHoldDuration": 60,
        "TotalQueueDuration": 30,
        "Path": "IVR → Support/agent1 → +4989333",
        "Outcome": "HANDLED",
        "DisconnectReason": "CUSTOMER_DISCONNECT"
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(json.get()).unwrap(), expected);
    let records: Vec<_> = store.reader().conversation(contact(1)).unwrap().iter().map(|row| row.contact_id).collect();
    assert_eq!(records, [contact(1), contact(2)]);
    assert_eq!(store.reader().events(contact(2), 9).unwrap().len(), 3);
}

#[test]
fn a_caller_who_gives_up_in_the_queue_has_abandoned() {
    let mut store = Store::open_in_memory().unwrap();
    let list = events(&[
        ("10:00:00", 1, inbound("+4930111", "+4940222")),
        ("10:00:00", 1, queued("Support")),
        ("10:00:41", 1, disconnected(Reason::CustomerDisconnect)),
        ("10:00:41", 1, EventKind::Completed),
    ]);
    store.append(&list).unwrap();
    let json = store.reader().summary(contact(1)).unwrap().unwrap();
    let summary: ConversationSummary = serde_json::from_str(json.get()).unwrap();
    assert_eq!((summary.outcome, summary.total_queue_duration), (Outcome::Abandoned, 41));
    assert_eq!(summary.path, "Support");
}

#[test]
fn the_directory_bindings_statuses_and_log_ins_survive() {
    let folder = Folder::new("keep");
    let path = folder.file("baton.db");
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.directory().unwrap(), None);
    let user = User { username: "agent1".to_owned(), ..User::default() };
    let directory = Directory { users: vec![user], ..Directory::default() };
    assert_eq!(store.put_directory(&Directory::default()).unwrap(), 1);
    assert_eq!(store.put_directory(&directory).unwrap(), 2);
    store
        .put_bindings(&bindings(&[("phone1", &["sip:phone1@192.0.2.1"]), ("phone2", &["sip:phone2@192.0.2.2"])]))
        .unwrap();
    store.put_bindings(&bindings(&[("phone2", &[])])).unwrap();
    store.put_status("agent1", "Lunch").unwrap();
    let log_in = |hash: &str, expires_at_ms| Token { hash: hash.to_owned(), user: "agent1".to_owned(), expires_at_ms };
    store.put_token(&log_in("a", 1_000)).unwrap();
    store.put_token(&log_in("b", 2_000)).unwrap();
    drop(store);

    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.directory().unwrap(), Some((2, directory)));
    assert_eq!(
        stored_bindings(&store).into_iter().collect::<Vec<_>>(),
        [("phone1".to_owned(), vec!["sip:phone1@192.0.2.1".to_owned()])]
    );
    assert_eq!(store.statuses().unwrap()["agent1"], "Lunch");
    assert_eq!(store.tokens(1_000).unwrap(), [log_in("b", 2_000)]);
    assert_eq!(store.reader().token("a").unwrap(), Some(log_in("a", 1_000)));
    assert_eq!(store.remove_expired_tokens(1_000).unwrap(), 1);
    assert_eq!(store.reader().token("a").unwrap(), None);
    assert!(store.remove_token("b").unwrap());
    assert!(!store.remove_token("b").unwrap());
}

#[test]
fn damaged_rows_are_reported_and_what_can_be_read_is_read() {
    let folder = Folder::new("damaged");
    let path = folder.file("baton.db");
    let mut store = Store::open(&path).unwrap();
    let user = User { username: "agent1".to_owned(), ..User::default() };
    store.put_directory(&Directory { users: vec![user], ..Directory::default() }).unwrap();
    store
        .put_bindings(&bindings(&[("phone1", &["sip:phone1@192.0.2.1"]), ("phone2", &["sip:phone2@192.0.2.2"])]))
        .unwrap();
    store.append(&simple_call(7, MIDNIGHT_MS)).unwrap();
    store.append(&simple_call(8, MIDNIGHT_MS)).unwrap();
    store.append(&simple_call(9, MIDNIGHT_MS)[..7]).unwrap();
    drop(store);
    let hammer = rusqlite::Connection::open(&path).unwrap();
    hammer
        .execute_batch(
            "UPDATE directory SET json = '{'; UPDATE bindings SET json = 'x' WHERE account = 'phone1';
             UPDATE records SET json = '{\"ContactId\":' WHERE cursor = 1;
             UPDATE events SET kind = x'ff00' WHERE conversation = 3 AND sequence = 2;
             UPDATE events SET kind = '{\"eventType\":\"NO_SUCH\"}' WHERE conversation = 3 AND sequence = 3;
             UPDATE conversations SET summary = ']' WHERE id = 2;",
        )
        .unwrap();
    drop(hammer);

    let mut store = Store::open(&path).unwrap();
    let why = store.directory().unwrap_err().to_string();
    assert!(why.starts_with("a stored directory cannot be read ("), "{why}");
    assert_eq!(stored_bindings(&store).into_keys().collect::<Vec<_>>(), ["phone2"]);
    let page = store.reader().records(0, 10).unwrap();
    assert_eq!((page.records.len(), page.corrupt), (2, 0), "a damaged record is folded anew");
    assert_eq!(page.records[0].parse().unwrap().agent.unwrap().agent_interaction_duration, 60);
    assert!(matches!(store.reader().summary(contact(8)), Err(StoreError::Corrupt { .. })));
    let open = store.reader().record(contact(9)).unwrap().unwrap().parse().unwrap();
    assert_eq!((open.agent.unwrap().username.as_str(), open.queue), ("agent1", None));
    assert_eq!(store.close_orphans(MIDNIGHT_MS, &BTreeSet::new()).unwrap().len(), 3);
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let folder = Folder::new("refused");
    let missing = folder.file("nowhere/baton.db");
    let sentence = |result: Result<Store, StoreError>| result.map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        sentence(Store::open(&missing)),
        format!(
            "the store's directory {} does not exist; create it, or choose another place for the store",
            folder.file("nowhere").display()
        )
    );

    let path = folder.file("baton.db");
    let store = Store::open(&path).unwrap();
    let why = sentence(Store::open(&path));
    assert!(
        why.ends_with("is in use by another baton; stop that one first, or choose another place for the store"),
        "{why}"
    );
    drop(store);

    let permissions = |read_only| {
        let mut permissions = path.metadata().unwrap().permissions();
        permissions.set_readonly(read_only);
        std::fs::set_permissions(&path, permissions).unwrap();
    };
    permissions(true);
    let why = sentence(Store::open(&path));
    let advice = "is read-only; make the file and its directory writable for the user that runs baton";
    assert_eq!(why, format!("the store {} {advice}", path.display()));
    assert_eq!(Reader::open(&path).unwrap().record(contact(1)).unwrap().map(|row| row.cursor), None);
    permissions(false);

    std::fs::write(folder.file("letter.txt"), "Dear Ada, this is no database at all, but a letter of some length.")
        .unwrap();
    assert!(sentence(Store::open(&folder.file("letter.txt"))).contains("is not a baton store; move it away"));
    rusqlite::Connection::open(folder.file("other.db")).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(sentence(Store::open(&folder.file("other.db"))).contains("is not a baton store; move it away"));
    assert!(sentence(Store::open(&folder.0)).contains("is not a baton store; move it away"));
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(sentence(Store::open(&path)).contains("was written by a newer baton (layout 99, this one knows 4)"));

    let why = Reader::open(&folder.file("none.db")).map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("start `baton run` first"), "{why}");
}

#[test]
fn conversations_of_many_contacts_do_not_mix() {
    let mut store = Store::open_in_memory().unwrap();
    let calls: Vec<_> = (1..=40).map(|root| simple_call(root, MIDNIGHT_MS)).collect();
    let woven: Vec<_> = (0..10).flat_map(|step| calls.iter().map(move |call| call[step].clone())).collect();
    for batch in woven.chunks(7) {
        store.append(batch).unwrap();
    }
    let ids: BTreeSet<ContactId> =
        store.reader().records(0, 1_000).unwrap().records.iter().map(|r| r.contact_id).collect();
    assert_eq!(ids.len(), 40);
    for call in calls {
        assert_eq!(store.reader().events(call[0].contact_id, 0).unwrap(), call);
    }
}

/// The second call of an attended transfer: it begins by itself, and goes on in the first one's conversation.
fn second_call(
    first: u128,
    second: u128,
) -> (Vec<baton_contact::event::ContactEvent>, Vec<baton_contact::event::ContactEvent>) {
    let begun = events(&[
        ("10:00:00", second, inbound("+4930111", "+4989222")),
        ("10:00:05", second, EventKind::InteractionStarted),
    ]);
    let mut merged = events(&[
        ("10:00:00", first, inbound("+4930222", "+4989222")),
        ("10:00:01", first, EventKind::InteractionStarted),
        ("10:01:05", second, EventKind::InteractionEnded),
        ("10:01:05", second, disconnected(Reason::CustomerDisconnect)),
        ("10:01:05", first, EventKind::InteractionEnded),
        ("10:01:05", first, disconnected(Reason::CustomerDisconnect)),
        ("10:01:06", second, EventKind::Completed),
        ("10:01:06", first, EventKind::Completed),
    ]);
    let after = merged.split_off(2);
    (begun.into_iter().chain(merged).collect(), after)
}

#[test]
fn a_contact_that_goes_on_in_another_conversation_keeps_its_beginning() {
    for (test, restarts) in [("moved", false), ("moved-restart", true)] {
        let folder = Folder::new(test);
        let path = folder.file("baton.db");
        let (before, after) = second_call(1, 2);
        let mut store = Store::open(&path).unwrap();
        store.append(&before).unwrap();
        store.append(&after[..1]).unwrap();
        if restarts {
            drop(store);
            store = Store::open(&path).unwrap();
        }
        let appended = store.append(&after[1..]).unwrap();
        assert_eq!(appended.records, [contact(2), contact(1)]);
        assert_eq!(appended.conversations, [contact(1)]);
        assert!(store.open_contacts().is_empty());
        let record = store.reader().record(contact(2)).unwrap().unwrap().parse().unwrap();
        assert_eq!(record.initiation_method, Some(InitiationMethod::Inbound));
        assert_eq!(serde_json::to_value(record.initiation_timestamp).unwrap(), "2026-03-02T10:00:00Z");
        // The events of it, and a late fact after a restart, find the whole contact.
        assert_eq!(store.reader().events(contact(2), 0).unwrap().len(), 5);
        drop(store);
        let mut store = Store::open(&path).unwrap();
        let mut late = after[4].clone();
        (late.sequence, late.kind) = (9, EventKind::NextContact { next_contact_id: contact(9) });
        store.append(&[late]).unwrap();
        let record = store.reader().record(contact(2)).unwrap().unwrap().parse().unwrap();
        assert_eq!((record.initiation_method, record.baton.revision), (Some(InitiationMethod::Inbound), 2));
    }
}

#[test]
fn a_contact_that_moves_within_one_batch_is_stored_whole() {
    let mut store = Store::open_in_memory().unwrap();
    let (mut all, after) = second_call(1, 2);
    all.extend(after);
    let appended = store.append(&all).unwrap();
    assert_eq!((appended.records.len(), appended.conversations), (2, vec![contact(1)]));
    let record = store.reader().record(contact(2)).unwrap().unwrap().parse().unwrap();
    assert_eq!(record.initiation_method, Some(InitiationMethod::Inbound));
}

#[test]
fn conversations_that_went_on_in_others_do_not_stay_in_memory() {
    let mut store = Store::open_in_memory().unwrap();
    for number in 0..600 {
        let (before, after) = second_call(2 * number + 1, 2 * number + 2);
        store.append(&before).unwrap();
        store.append(&after).unwrap();
    }
    assert_eq!(store.conversations_held(), 256);
}

#[test]
fn what_stays_of_a_conversation_is_summed_up_without_the_contact_that_went_on_elsewhere() {
    let mut store = Store::open_in_memory().unwrap();
    let own = events(&[
        ("10:00:00", 3, inbound("+4930111", "+4989222")),
        ("10:00:01", 3, next(4)),
        ("10:00:01", 4, initiated(InitiationMethod::Transfer, Some(3), Some(3), "+4930111", "")),
        ("10:00:09", 3, disconnected(Reason::AgentDisconnect)),
        ("10:00:09", 3, EventKind::Completed),
    ]);
    let first = events(&[
        ("10:00:00", 1, inbound("+4930222", "+4989222")),
        ("10:00:10", 4, EventKind::InteractionStarted),
        ("10:01:05", 4, EventKind::Completed),
    ]);
    store.append(&own).unwrap();
    assert_eq!(store.append(&first).unwrap().conversations, [contact(3)]);
    assert!(store.reader().summary(contact(3)).unwrap().is_some());
}

#[test]
fn a_contact_that_a_failing_disk_keeps_from_moving_is_whole_when_it_is_tried_again() {
    // Each write of a move fails once, as on a full disk.
    let writes = [
        "INSERT ON moved",
        "DELETE ON moved",
        "UPDATE ON open_contacts",
        "INSERT ON conversations",
        "INSERT ON records",
    ];
    for (number, write) in writes.into_iter().enumerate() {
        let folder = Folder::new(&format!("move-fails-{number}"));
        let path = folder.file("baton.db");
        let (before, after) = second_call(1, 2);
        let mut store = Store::open(&path).unwrap();
        // Only the second call is known when the move begins: its conversation is not among those of the batch.
        let (begun, merged) = before.split_at(2);
        store.append(begun).unwrap();
        let hammer = rusqlite::Connection::open(&path).unwrap();
        if write == "DELETE ON moved" {
            // It has moved before, so that there is something to delete.
            hammer.execute_batch("INSERT INTO moved SELECT conversation, contact, 77 FROM open_contacts").unwrap();
        }
        let full = format!("CREATE TRIGGER full BEFORE {write} BEGIN SELECT RAISE(FAIL, 'disk full'); END");
        hammer.execute_batch(&full).unwrap();
        let all = [merged, &after].concat();
        assert!(matches!(store.append(&all), Err(StoreError::Database(_))), "{write}");
        hammer.execute_batch("DROP TRIGGER full").unwrap();
        let appended = store.append(&all).unwrap();
        assert_eq!((appended.stored, appended.repeated), (all.len(), 0), "{write}");
        let record = store.reader().record(contact(2)).unwrap().unwrap().parse().unwrap();
        assert_eq!(record.initiation_method, Some(InitiationMethod::Inbound), "{write}");
        assert_eq!(record.customer_endpoint.map(|endpoint| endpoint.address).as_deref(), Some("+4930111"), "{write}");
        assert!(store.open_contacts().is_empty(), "{write}");
    }
}
