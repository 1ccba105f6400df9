//! Whether the files that records are written to can be, and are files of their own: looked at before anything starts.

use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::Node;
use crate::data_directory::DataDirectory;

/// What SQLite and baton put beside the store.
const STORE_COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// Opens each file of the sinks once for appending.
///
/// # Errors
/// One sentence with the key.
pub(crate) fn check(node: &Node, data: &DataDirectory) -> Result<(), String> {
    let Some(sink) = &node.sinks.file else { return Ok(()) };
    let store = data.join(&node.store.path);
    let mut taken: Vec<_> =
        [store.clone()].into_iter().chain(companions(&store)).filter_map(|path| id(&path)).collect();
    let files = [("sinks.file.path", Some(&sink.path)), ("sinks.file.conversations", sink.conversations.as_ref())];
    for (key, path) in files {
        let Some(path) = path.map(|path| data.join(path)) else { continue };
        let place = node.place_of(key);
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        opened.map_err(|error| format!("{} cannot be written: {error} ({place})", path.display()))?;
        // Two names may lead to one file.
        let Some(id) = id(&path) else { continue };
        if taken.contains(&id) {
            return Err(format!("{} is written by another part of baton; name another file ({place})", path.display()));
        }
        taken.push(id);
    }
    Ok(())
}

/// The files beside a store.
pub(crate) fn companions(store: &Path) -> impl Iterator<Item = PathBuf> {
    STORE_COMPANIONS.into_iter().map(|ending| {
        let mut name = store.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

fn id(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_or_is_anothers_is_named_with_its_key() {
        let folder = std::env::temp_dir().join(format!("baton-sinks-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("baton.db"), "").unwrap();
        std::os::unix::fs::symlink("baton.db", folder.join("link.jsonl")).unwrap();
        let data = DataDirectory::for_server(Some(&folder)).unwrap();
        let checked = |text: &str| check(&Node::parse("baton.toml", text).unwrap(), &data);
        assert_eq!(checked("[sinks.file]\npath = \"records.jsonl\"\nconversations = \"calls.jsonl\""), Ok(()));
        let sentence = checked("[sinks.file]\npath = \"none/records.jsonl\"").unwrap_err();
        assert!(sentence.contains(" cannot be written: No such file"), "{sentence}");
        assert!(sentence.contains("sinks.file.path"), "{sentence}");
        let sentence = checked("[sinks.file]\npath = \"a\"\nconversations = \"link.jsonl\"").unwrap_err();
        assert!(sentence.contains("is written by another part of baton"), "{sentence}");
        assert!(sentence.contains("sinks.file.conversations"), "{sentence}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
