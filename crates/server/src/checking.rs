//! `baton check`: says all that is wrong with configuration and directory files, and starts nothing.

use std::path::{Path, PathBuf};

use crate::config::Node;
use crate::directory_file::DirectoryFile;
use crate::media;
use crate::sounds::SoundNames;
use crate::tls::Tls;
use crate::trunk_ways::TrunkWays;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// A line for each file in which nothing is wrong.
    pub(crate) good: Vec<String>,
    /// A line for each thing that stands and will hardly work as it is meant to.
    pub(crate) warnings: Vec<String>,
    /// A line for each fault.
    pub(crate) faults: Vec<String>,
}

/// What a directory is checked against.
struct Surroundings {
    sounds: SoundNames,
    ways: TrunkWays,
}

impl Surroundings {
    fn of(node: &Node) -> Surroundings {
        Surroundings { sounds: SoundNames::of(node), ways: TrunkWays::of(node) }
    }
}

/// The files that are checked when none is named.
const DEFAULT_FILES: [&str; 2] = ["baton.toml", DIRECTORY_FILE];
/// The directory beside a configuration.
const DIRECTORY_FILE: &str = "directory.toml";

/// Checks files; each is a configuration or a directory by what it says. Without files, the configuration that is named and
/// the directory beside it, or those of [`DEFAULT_FILES`] that are there. Directories are checked against the sounds and
/// the listeners of the configuration, when one is known.
pub(crate) fn check(config: Option<&Path>, files: &[PathBuf]) -> Report {
    let files = if files.is_empty() { default_files(config) } else { files.to_vec() };
    let mut report = Report::default();
    if files.is_empty() {
        report.faults.push("there is neither baton.toml nor directory.toml here; name the files to check".to_owned());
    }
    let (directories, nodes): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_directory_file(file));
    let mut around = None;
    for file in &nodes {
        let node = check_node(file, &mut report);
        around = around.or(node.as_ref().map(Surroundings::of));
    }
    if let (None, Some(config)) = (&around, config)
        && nodes.is_empty()
    {
        // Not one of the files, but what the server would run with.
        around = check_node(config, &mut report).as_ref().map(Surroundings::of);
    }
    directories.iter().for_each(|file| check_directory(file, around.as_ref(), &mut report));
    report
}

fn default_files(config: Option<&Path>) -> Vec<PathBuf> {
    match config {
        Some(config) => {
            let directory = config.with_file_name(DIRECTORY_FILE);
            [config.to_owned()].into_iter().chain(directory.exists().then_some(directory)).collect()
        }
        None => DEFAULT_FILES.iter().map(PathBuf::from).filter(|file| file.exists()).collect(),
    }
}

/// A configuration, with its sounds and certificates loaded as `run` loads them.
fn check_node(file: &Path, report: &mut Report) -> Option<Node> {
    let (node, faults) = match Node::load(file) {
        Ok(node) => {
            let mut faults: Vec<String> = media::load_sounds(&node).err().into_iter().collect();
            faults.extend(Tls::load(&node).err().unwrap_or_default());
            (Some(node), faults)
        }
        Err(problems) => (None, problems.iter().map(ToString::to_string).collect()),
    };
    report.add(file, faults);
    node
}

fn check_directory(file: &Path, around: Option<&Surroundings>, report: &mut Report) {
    let faults = match DirectoryFile::load(file) {
        Ok(read) => {
            let sounds = around.map(|around| read.sound_faults(&around.sounds)).unwrap_or_default();
            let warnings = around.map(|around| around.ways.warnings(&read.directory)).unwrap_or_default();
            report.warnings.extend(warnings.iter().map(|warning| read.problem(warning).to_string()));
            read.faults().iter().chain(&sounds).map(ToString::to_string).collect()
        }
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    report.add(file, faults);
}

impl Report {
    fn add(&mut self, file: &Path, faults: Vec<String>) {
        if faults.is_empty() {
            self.good.push(format!("{}: ok", file.display()));
        }
        self.faults.extend(faults);
    }
}

/// Directories have arrays of tables at their top, and one table of their own; configurations have none but `sip.listeners`.
fn is_directory_file(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let named_so = || file.file_stem().is_some_and(|stem| stem == "directory");
    match text.parse::<toml::Table>() {
        Ok(table) if !table.is_empty() => {
            table.values().any(toml::Value::is_array) || table.contains_key("featureCodes")
        }
        _ => named_so(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_deploy_are_valid() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let files: Vec<PathBuf> = ["baton.toml", "directory.toml"].iter().map(|name| deploy.join(name)).collect();
        let report = check(None, &files);
        assert_eq!(report.faults, Vec::<String>::new());
        assert_eq!((report.good.len(), report.warnings), (2, Vec::new()));
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
        let report = check(None, &[PathBuf::from("/nonexistent/baton.toml")]);
        assert_eq!(
            report.faults,
            ["/nonexistent/baton.toml: the configuration cannot be read: No such file or directory (os error 2)"]
        );
    }

    #[test]
    fn a_trunk_that_the_node_cannot_reach_is_a_warning_with_its_place() {
        let folder = std::env::temp_dir().join(format!("baton-check-ways-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("node.toml");
        std::fs::write(&config, "[sip]\nrealm = \"a\"\n").unwrap();
        let trunk = "[[trunks]]\nname = \"a\"\naddress = \"192.0.2.9:5061\"\ntransport = \"tls\"\n";
        std::fs::write(folder.join("directory.toml"), trunk).unwrap();
        let report = check(Some(&config), &[]);
        assert_eq!((report.good.len(), report.faults), (2, Vec::new()));
        let told = "directory.toml:4:1: trunks \"a\": transport: [[sip.listeners]] has none of transport tls on IPv4, so 192.0.2.9:5061 cannot be called";
        assert!(report.warnings[0].ends_with(told), "{:?}", report.warnings);
        assert_eq!(report.warnings.len(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_named_configuration_is_checked_with_its_sounds_and_the_directory_beside_it() {
        let folder = std::env::temp_dir().join(format!("baton-check-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("node.toml");
        std::fs::write(&config, "[media.music]\nwaltz = \"waltz.wav\"").unwrap();
        std::fs::write(folder.join("waltz.wav"), "no sound").unwrap();
        std::fs::write(folder.join("directory.toml"), "[[queues]]\nname = \"a\"\nmusic = \"walz\"\n").unwrap();
        let report = check(Some(&config), &[]);
        assert_eq!(report.faults.len(), 2, "{report:?}");
        assert!(report.faults[0].contains("media.music.waltz"), "{report:?}");
        let told = "directory.toml:3:1: queues \"a\": music: unknown music \"walz\"";
        assert!(report.faults[1].contains(told), "{report:?}");
        assert!(report.faults[1].ends_with("did you mean \"waltz\"?"), "{report:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
