//! What must never be: an arrow between rooms that the design does not have, a clock or a socket in a pure crate,
//! a fixture that no test reads, a path of somebody's machine. Sizes are printed, not enforced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Room → the rooms it may know. `server` wires all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("sip", &[]),
    ("sdp", &[]),
    ("media", &[]),
    ("contact", &["sip", "sdp", "media"]),
    ("store", &["contact"]),
    ("api", &["contact", "store"]),
    ("server", &["sip", "sdp", "media", "contact", "store", "api"]),
];

const PURE: &[&str] = &["sip", "sdp", "media", "contact"];

/// Rooms for things that belong nowhere: what is put there belongs somewhere.
const REFUSED_ROOMS: &[&str] = &["common", "util", "utils", "types", "helpers", "core", "misc"];

/// Words of the world, and what a pure crate does in their place.
const BANNED_WORDS: &[(&str, &str)] = &[
    ("Instant::now", "take `now_us`"),
    ("SystemTime", "take `now_us`"),
    ("tokio", "give an output, let the server do it"),
    ("UdpSocket", "give an output, let the server send"),
    ("TcpStream", "give an output, let the server send"),
    ("TcpListener", "give an output, let the server listen"),
    ("std::thread", "one thread runs the core; state is plain"),
    ("thread::spawn", "one thread runs the core; state is plain"),
    ("thread_rng", "draw from the seeded generator in the state"),
    ("rand::rng", "draw from the seeded generator in the state"),
    ("OsRng", "draw from the seeded generator in the state"),
    ("getrandom", "draw from the seeded generator in the state"),
    ("std::fs", "take the bytes as an input"),
    ("std::env", "take it in `Config`"),
    ("HashMap", "`BTreeMap`, or remark `// lookup only`"),
    ("HashSet", "`BTreeSet`, or remark `// lookup only`"),
];

/// Dependencies that bring the world into a pure crate.
const BANNED_DEPENDENCIES: &[&str] = &[
    "async-std",
    "chrono",
    "crossbeam",
    "getrandom",
    "libc",
    "mio",
    "rand",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio",
    "uuid",
];

/// Where a file begins to ask for a second look (not a limit).
const LONG_FILE_LINES: usize = 500;

#[test]
fn arrows_between_the_rooms_are_those_of_the_design() {
    let mut wrong = Vec::new();
    for (room, known) in ARROWS {
        for dependency in dependencies(room, &["dependencies", "dev-dependencies", "build-dependencies"]) {
            let Some(other) = dependency.strip_prefix("baton-") else {
                continue;
            };
            if !known.contains(&other) {
                wrong.push(format!("{room} must not know {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_is_a_room_of_the_design() {
    let rooms: BTreeSet<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for room in &rooms {
        assert!(!REFUSED_ROOMS.contains(&room.as_str()), "crates/{room}: put each thing into the room that uses it");
    }
    let designed = ARROWS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, designed, "a new room needs its arrows in this test");
}

#[test]
fn pure_crates_name_nothing_of_the_world() {
    let mut wrong = Vec::new();
    for room in PURE {
        for file in files_under(&root().join("crates").join(room).join("src"), "rs") {
            wrong.extend(banned_words_in(&file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_depend_on_nothing_of_the_world() {
    for room in PURE {
        // An example or a test may measure with a clock; what is built in may not.
        for dependency in dependencies(room, &["dependencies", "build-dependencies"]) {
            assert!(
                !BANNED_DEPENDENCIES.contains(&dependency.as_str()),
                "crates/{room} depends on {dependency}, which is the server's business"
            );
        }
    }
}

#[test]
fn the_word_scan_sees_code_and_spares_comments_and_tests() {
    let text = "// Instant::now is banned\nlet a = 1; // tokio\nlet b = Instant::now();\n\
                use std::collections::HashMap; // lookup only\nuse std::collections::HashMap;\n\
                #[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    let found: Vec<(usize, &str)> = banned_words(text).map(|(line, word, _)| (line, word)).collect();
    assert_eq!(found, [(3, "Instant::now"), (5, "HashMap")]);
}

#[test]
fn every_fixture_is_read_by_a_test() {
    let sources: String = ["crates", "tests"]
        .iter()
        .flat_map(|folder| files_under(&root().join(folder), "rs"))
        .map(|file| read(&file))
        .collect();
    let fixtures = root().join("sip-fixtures");
    let dead: Vec<String> = files_under(&fixtures, "")
        .iter()
        .filter(|file| file.extension().is_none_or(|ending| ending != "md"))
        .filter(|file| !is_read(file, &fixtures, &sources))
        .map(|file| shown(file))
        .collect();
    assert!(dead.is_empty(), "no test reads\n{}", dead.join("\n"));
}

/// The README's table of RFCs names its proofs; each of them is a test that exists.
#[test]
fn the_readme_names_tests_that_exist() {
    let readme = read(&root().join("README.md"));
    let table = readme.split("## What is there").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let mut sources = String::new();
    for folder in ["crates", "tests"] {
        files_under(&root().join(folder), "rs").iter().for_each(|file| sources.push_str(&read(file)));
    }
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut named = 0;
    for row in rows {
        let proofs = row.split('|').nth(3).unwrap_or_default();
        let names: Vec<&str> = proofs.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named: {row}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}

#[test]
fn no_file_names_a_path_of_this_machine() {
    let mut paths = vec!["/home/".to_owned(), "/Users/".to_owned()];
    paths.extend(root().parent().map(|parent| format!("{}/", parent.display())));
    paths.extend(std::env::var("HOME").map(|home| format!("{home}/")));
    paths.retain(|path| path.len() > 2);
    let mut wrong = Vec::new();
    for file in files_under(&root(), "") {
        // This test has to name what it looks for.
        if file.ends_with("tests/tests/tidy.rs") {
            continue;
        }
        let text = read(&file);
        for (number, line) in text.lines().enumerate() {
            if paths.iter().any(|path| names_path(line, path)) {
                wrong.push(format!("{}:{}: {line}", shown(&file), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A report. It asserts only that there was something to measure.
#[test]
fn sizes() {
    let mut totals: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut long = Vec::new();
    for file in ["crates", "tests"].iter().flat_map(|folder| files_under(&root().join(folder), "rs")) {
        let lines = read(&file).lines().count();
        let name = shown(&file);
        let room: String = name.split('/').take(2).collect::<Vec<_>>().join("/");
        let total = totals.entry(room).or_default();
        *total = (total.0 + 1, total.1 + lines);
        if lines > LONG_FILE_LINES {
            long.push((lines, name));
        }
    }
    for (room, (files, lines)) in &totals {
        println!("{lines:>7} lines in {files:>3} files  {room}");
    }
    long.sort_unstable();
    for (lines, name) in long.iter().rev() {
        println!("{lines:>7} lines  {name}: is there a second noun in it?");
    }
    assert!(totals.values().all(|(files, _)| *files > 0) && !totals.is_empty());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).expect("a file of the workspace").display().to_string()
}

/// The text of a file; empty when it is no text.
fn read(file: &Path) -> String {
    String::from_utf8(fs::read(file).unwrap_or_default()).unwrap_or_default()
}

/// The names of what a room's manifest depends on in these sections.
fn dependencies(room: &str, sections: &[&str]) -> Vec<String> {
    let manifest = root().join("crates").join(room).join("Cargo.toml");
    let table: toml::Table = read(&manifest).parse().expect("a valid manifest");
    sections
        .iter()
        .filter_map(|section| table.get(*section)?.as_table())
        .flat_map(|section| section.keys().cloned())
        .collect()
}

/// All files below a folder with this ending (any, if empty), in order, without what is built or hidden by git.
fn files_under(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.expect("an entry of a folder").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_symlink() || matches!(&*name, "target" | ".git" | "data" | "node_modules") {
                continue;
            } else if path.is_dir() {
                waiting.push(path);
            } else if ending.is_empty() || path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn banned_words_in(file: &Path) -> Vec<String> {
    let name = shown(file);
    if name.contains("/tests/") || name.ends_with("/tests.rs") || name.ends_with("_tests.rs") {
        return Vec::new();
    }
    banned_words(&read(file)).map(|(line, word, instead)| format!("{name}:{line}: `{word}`: {instead}")).collect()
}

/// Line numbers and banned words of a source, without its comments and its test module (which comes last).
fn banned_words(text: &str) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].lines().enumerate().flat_map(|(number, line)| {
        let remarked = line.contains("// lookup only");
        let code = line.split_once("//").map_or(line, |(code, _)| code);
        BANNED_WORDS
            .iter()
            .filter(move |(word, _)| code.contains(word) && !(remarked && word.starts_with("Hash")))
            .map(move |(word, instead)| (number + 1, *word, *instead))
    })
}

/// Whether a source names the fixture, or reads the fixture's whole folder.
fn is_read(file: &Path, fixtures: &Path, sources: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder = file.parent().unwrap_or(fixtures).strip_prefix(fixtures).expect("a fixture");
    let folder = folder.display().to_string();
    sources.contains(&*name)
        || sources.contains(&format!("\"{stem}\""))
        || (!folder.is_empty() && sources.contains(&format!("sip-fixtures/{folder}\"")))
}

/// Whether a line has the path as a path's beginning, not as a part of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-}/".contains(letter))
    })
}
