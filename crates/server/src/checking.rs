//! `baton check`: says all that is wrong with configuration and directory files, and starts nothing.

use std::path::{Path, PathBuf};

use crate::config::Node;
use crate::directory_file::DirectoryFile;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// A line for each file in which nothing is wrong.
    pub(crate) good: Vec<String>,
    /// A line for each fault.
    pub(crate) faults: Vec<String>,
}

/// The files that are checked when none is named.
const DEFAULT_FILES: [&str; 2] = ["baton.toml", "directory.toml"];

/// Checks files; each is a configuration or a directory by what it says.
pub(crate) fn check(files: &[PathBuf]) -> Report {
    let mut report = Report::default();
    if !files.is_empty() {
        files.iter().for_each(|file| check_file(file, &mut report));
        return report;
    }
    DEFAULT_FILES.iter().map(Path::new).filter(|file| file.exists()).for_each(|file| check_file(file, &mut report));
    if report == Report::default() {
        report.faults.push("there is neither baton.toml nor directory.toml here; name the files to check".to_owned());
    }
    report
}

fn check_file(file: &Path, report: &mut Report) {
    let faults: Vec<String> = if is_directory_file(file) {
        match DirectoryFile::load(file) {
            Ok(read) => read.faults().iter().map(ToString::to_string).collect(),
            Err(problem) => vec![problem.to_string()],
        }
    } else {
        match Node::load(file) {
            Ok(node) => missing_files(&node),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    };
    if faults.is_empty() {
        report.good.push(format!("{}: ok", file.display()));
    }
    report.faults.extend(faults);
}

/// Directories have arrays of tables at their top, configurations none but `sip.listeners`.
fn is_directory_file(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let named_so = || file.file_stem().is_some_and(|stem| stem == "directory");
    match text.parse::<toml::Table>() {
        Ok(table) if !table.is_empty() => table.values().all(toml::Value::is_array),
        _ => named_so(),
    }
}

/// Sounds that the configuration names and that are not there.
fn missing_files(node: &Node) -> Vec<String> {
    let file = node.file.as_deref().unwrap_or(Path::new("baton.toml")).display();
    let tables = [("music", &node.media.music), ("prompts", &node.media.prompts)];
    let sounds = tables.iter().flat_map(|(table, sounds)| sounds.iter().map(move |(name, path)| (table, name, path)));
    sounds
        .filter(|(_, _, path)| !path.is_file())
        .map(|(table, name, path)| format!("{file}: media.{table}.{name}: there is no file {}", path.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_deploy_are_valid() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let files: Vec<PathBuf> = ["baton.toml", "directory.toml"].iter().map(|name| deploy.join(name)).collect();
        let report = check(&files);
        assert_eq!(report.faults, Vec::<String>::new());
        assert_eq!(report.good.len(), 2);
    }

    #[test]
    fn the_demo_directory_is_valid() {
        let demo = DirectoryFile::parse("demo.toml", include_str!("demo.toml")).unwrap();
        assert_eq!(demo.faults(), []);
    }

    #[test]
    fn the_default_of_every_key_is_what_deploy_says() {
        let text = include_str!("../../../deploy/baton.toml");
        let node = Node::parse("deploy/baton.toml", text).unwrap();
        let default = Node { file: node.file.clone(), ..Node::default() };
        assert_eq!(format!("{node:#?}"), format!("{default:#?}"));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_fault() {
        let report = check(&[PathBuf::from("/nonexistent/baton.toml")]);
        assert_eq!(
            report.faults,
            ["/nonexistent/baton.toml: the configuration cannot be read: No such file or directory (os error 2)"]
        );
    }
}
