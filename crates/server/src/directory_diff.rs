//! What one directory changes against another, by table, entry and key.

use std::collections::BTreeMap;

use baton_api::{DirectoryChange, DirectoryChangeKind};
use baton_contact::directory::Directory;
use serde_json::{Map, Value};

use crate::directory_file::name_key;

/// The changes, in the order of the tables' and entries' names.
pub(crate) fn changes(before: &Directory, after: &Directory) -> Vec<DirectoryChange> {
    let (before, after) = (tables(before), tables(after));
    let mut changes = Vec::new();
    for (table, entries) in &after {
        let empty = BTreeMap::new();
        let known = before.get(table).unwrap_or(&empty);
        for (name, entry) in entries {
            let change = |change, keys| DirectoryChange { table: table.clone(), entry: name.clone(), change, keys };
            match known.get(name) {
                None => changes.push(change(DirectoryChangeKind::Added, Vec::new())),
                Some(old) if old != entry => {
                    changes.push(change(DirectoryChangeKind::Changed, differing_keys(old, entry)));
                }
                Some(_) => {}
            }
        }
        for name in known.keys().filter(|name| !entries.contains_key(*name)) {
            let (table, entry) = (table.clone(), name.clone());
            changes.push(DirectoryChange { table, entry, change: DirectoryChangeKind::Removed, keys: Vec::new() });
        }
    }
    changes
}

type Tables = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// Every table's entries by name. The order of entries is no difference, except that the order within an entry is.
fn tables(directory: &Directory) -> Tables {
    let Ok(Value::Object(tables)) = serde_json::to_value(directory) else { return Tables::new() };
    let by_name = |(table, entries): (String, Value)| {
        let key = name_key(&table);
        let entries = match entries {
            Value::Array(entries) => entries,
            // A table that is one entry has no name but its own.
            Value::Object(entry) => return (table, BTreeMap::from([(String::new(), entry)])),
            _ => return (table, BTreeMap::new()),
        };
        let named = entries.into_iter().filter_map(|entry| match entry {
            Value::Object(entry) => Some((entry.get(key)?.as_str()?.to_owned(), entry)),
            _ => None,
        });
        (table, named.collect())
    };
    tables.into_iter().map(by_name).collect()
}

fn differing_keys(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> =
        old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key)).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_contact::directory::{Queue, Route};

    #[test]
    fn added_changed_and_removed_entries_are_named_with_their_keys() {
        let queue = |name: &str, description: &str| Queue {
            name: name.into(),
            description: description.into(),
            ..Queue::default()
        };
        let route = Route { prefix: String::new(), trunk: "pbx".into(), ..Route::default() };
        let before = Directory { queues: vec![queue("a", ""), queue("b", "")], ..Directory::default() };
        let after =
            Directory { queues: vec![queue("c", ""), queue("a", "new")], routes: vec![route], ..Directory::default() };
        let lines: Vec<String> = changes(&before, &after)
            .into_iter()
            .map(|each| format!("{:?} {} {:?} {}", each.change, each.table, each.entry, each.keys.join(",")))
            .collect();
        assert_eq!(
            lines,
            ["Changed queues \"a\" description", "Added queues \"c\" ", "Removed queues \"b\" ", "Added routes \"\" ",]
        );
        let reordered = Directory { queues: vec![queue("b", ""), queue("a", "")], ..Directory::default() };
        assert_eq!(changes(&before, &reordered), []);
    }
}
