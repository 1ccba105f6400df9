//! Whether a directory names only music and prompts that this node has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use baton_contact::check::nearest;
use baton_contact::directory::{Directory, DirectoryError};

use crate::config::Node;

/// The music that is always there.
const MUSIC: &[&str] = &["default"];
/// The prompts that are always there.
const PROMPTS: &[&str] = &["unavailable", "press-one"];

/// The names of this node's music and prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SoundNames {
    music: BTreeSet<String>,
    prompts: BTreeSet<String>,
}

impl SoundNames {
    /// The names that a configuration gives, and what is always there.
    pub(crate) fn of(node: &Node) -> SoundNames {
        let names = |files: &BTreeMap<String, PathBuf>, own: &[&str]| {
            files.keys().cloned().chain(own.iter().map(|name| (*name).to_owned())).collect()
        };
        SoundNames { music: names(&node.media.music, MUSIC), prompts: names(&node.media.prompts, PROMPTS) }
    }

    /// An error for each entry whose music or prompt is not there.
    pub(crate) fn errors(&self, directory: &Directory) -> Vec<DirectoryError> {
        let mut errors = Vec::new();
        for queue in &directory.queues {
            let prompt = queue.recall.as_ref().and_then(|recall| recall.prompt.as_deref());
            errors.extend(missing("queues", &queue.name, ("music", "music"), queue.music.as_deref(), &self.music));
            errors.extend(missing("queues", &queue.name, ("recall.prompt", "prompt"), prompt, &self.prompts));
        }
        for entry in &directory.quick_connects {
            let prompt = entry.recall.as_ref().and_then(|recall| recall.prompt.as_deref());
            let brief = entry.brief.as_deref();
            errors.extend(missing("quickConnects", &entry.name, ("brief", "prompt"), brief, &self.prompts));
            errors.extend(missing("quickConnects", &entry.name, ("recall.prompt", "prompt"), prompt, &self.prompts));
        }
        errors
    }
}

fn missing(
    table: &str,
    entry: &str,
    (key, noun): (&str, &str),
    name: Option<&str>,
    known: &BTreeSet<String>,
) -> Option<DirectoryError> {
    let name = name.filter(|name| !known.contains(*name))?;
    Some(DirectoryError {
        table: table.to_owned(),
        entry: entry.to_owned(),
        key: key.to_owned(),
        message: format!("unknown {noun} \"{name}\""),
        hint: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_contact::directory::{Queue, QuickConnect, RecallPolicy};

    #[test]
    fn a_misspelt_name_is_told_with_the_nearest_and_the_default_is_always_there() {
        let node = Node::parse("baton.toml", "[media.music]\nwaltz = \"waltz.wav\"").unwrap();
        let queue = |music: &str| Queue { name: "support".into(), music: Some(music.into()), ..Queue::default() };
        let queues = vec![queue("waltz"), queue("default"), queue("walz"), Queue::default()];
        let errors = SoundNames::of(&node).errors(&Directory { queues, ..Directory::default() });
        let found: Vec<_> = errors.iter().map(|e| (e.entry.as_str(), e.key.as_str(), e.hint.as_deref())).collect();
        assert_eq!(found, [("support", "music", Some("waltz"))]);
    }

    #[test]
    fn prompts_of_recalls_and_briefs_must_be_there_too() {
        let node = Node::parse("baton.toml", "[media.prompts]\nsorry = \"sorry.wav\"").unwrap();
        let recall = |prompt: &str| Some(RecallPolicy { prompt: Some(prompt.into()), ..RecallPolicy::default() });
        let bank =
            |prompt: &str| QuickConnect { name: "Bank".into(), recall: recall(prompt), ..QuickConnect::default() };
        let brief = QuickConnect { name: "Plumber".into(), brief: Some("press-on".into()), ..QuickConnect::default() };
        let queues = vec![Queue { name: "support".into(), recall: recall("sory"), ..Queue::default() }];
        let quick_connects = vec![bank("sorry"), bank("unavailable"), bank("unavailble"), brief];
        let errors = SoundNames::of(&node).errors(&Directory { queues, quick_connects, ..Directory::default() });
        let found: Vec<_> = errors.iter().map(|e| (e.entry.as_str(), e.key.as_str(), e.hint.as_deref())).collect();
        let wanted = [
            ("support", "recall.prompt", Some("sorry")),
            ("Bank", "recall.prompt", Some("unavailable")),
            ("Plumber", "brief", Some("press-one")),
        ];
        assert_eq!(found, wanted);
    }
}
