//! Whether a directory names only music that this node has.

use std::collections::BTreeSet;

use baton_contact::check::nearest;
use baton_contact::directory::{Directory, DirectoryError};

use crate::config::Node;

/// What is always there.
const DEFAULT: &str = "default";

/// The names of this node's music.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MusicNames(BTreeSet<String>);

impl MusicNames {
    /// The names that a configuration gives, and the default.
    pub(crate) fn of(node: &Node) -> MusicNames {
        MusicNames(node.media.music.keys().cloned().chain([DEFAULT.to_owned()]).collect())
    }

    /// An error for each queue whose music is not there.
    pub(crate) fn errors(&self, directory: &Directory) -> Vec<DirectoryError> {
        let unknown = |name: &&String| !self.0.contains(*name);
        let error = |queue: &str, name: &String| DirectoryError {
            table: "queues".to_owned(),
            entry: queue.to_owned(),
            key: "music".to_owned(),
            message: format!("unknown music \"{name}\""),
            hint: nearest(name, self.0.iter().map(String::as_str)).map(str::to_owned),
        };
        let queues = directory.queues.iter();
        queues.filter_map(|queue| queue.music.as_ref().filter(unknown).map(|name| error(&queue.name, name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_contact::directory::Queue;

    #[test]
    fn a_misspelt_name_is_told_with_the_nearest_and_the_default_is_always_there() {
        let node = Node::parse("baton.toml", "[media.music]\nwaltz = \"waltz.wav\"").unwrap();
        let queue = |music: &str| Queue { name: "support".into(), music: Some(music.into()), ..Queue::default() };
        let queues = vec![queue("waltz"), queue("default"), queue("walz"), Queue::default()];
        let errors = MusicNames::of(&node).errors(&Directory { queues, ..Directory::default() });
        let found: Vec<_> = errors.iter().map(|e| (e.entry.as_str(), e.key.as_str(), e.hint.as_deref())).collect();
        assert_eq!(found, [("support", "music", Some("waltz"))]);
    }
}
