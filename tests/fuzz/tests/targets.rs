//! Every fuzz target on its kept corpus and on what comes of it in some seconds of seeded mutation.
//!
//! `FUZZ_SECONDS` is how long each goes on, 2 unless told; `FUZZ_SEED` begins elsewhere than at 0. What does not hold is
//! written to a file and named with its seed: `FUZZ_SEED=… cargo test -p baton-fuzz uri` begins with it again.

#![allow(clippy::disallowed_methods, reason = "a budget of real time")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use baton_fuzz::dice::Dice;
use baton_fuzz::{TARGETS, Target, mutate, target};

/// The kept corpus, a folder a target.
const CORPUS: &str = "tests/fuzz/corpus";
/// A kept input is small, so that it can be looked at and replayed often.
const KEPT_BYTES_MAX: u64 = 4_096;

#[test]
fn the_message_target_holds() {
    holds("message");
}

#[test]
fn the_framing_target_holds() {
    holds("framing");
}

#[test]
fn the_uri_target_holds() {
    holds("uri");
}

#[test]
fn the_digest_target_holds() {
    holds("digest");
}

#[test]
fn the_sdp_target_holds() {
    holds("sdp");
}

#[test]
fn the_rtp_target_holds() {
    holds("rtp");
}

#[test]
fn the_rtcp_target_holds() {
    holds("rtcp");
}

#[test]
fn the_stun_target_holds() {
    holds("stun");
}

#[test]
fn the_web_socket_target_holds() {
    holds("web_socket");
}

#[test]
fn the_directory_target_holds() {
    holds("directory");
}

#[test]
fn the_endpoint_target_holds() {
    holds("endpoint");
}

#[test]
fn the_contact_target_holds() {
    holds("contact");
}

#[test]
fn every_target_has_a_test_and_a_corpus_of_small_files() {
    let own = fs::read_to_string(file("tests/fuzz/tests/targets.rs")).unwrap();
    for target in TARGETS {
        assert!(own.contains(&format!("    holds(\"{}\");", target.name)), "{} is not tested", target.name);
        assert!(!files_in(&file(CORPUS).join(target.name)).is_empty(), "{} has no corpus", target.name);
    }
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    for folder in fs::read_dir(file(CORPUS)).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&*name), "no target reads {CORPUS}/{name}");
        for kept in files_in(&folder) {
            let length = fs::metadata(&kept).unwrap().len();
            assert!(length <= KEPT_BYTES_MAX, "{} has {length} bytes", kept.display());
        }
    }
}

/// Replays what is kept, then goes on from it until the time is over.
fn holds(name: &str) {
    let target = target(name).unwrap();
    let mut folders = vec![file(CORPUS).join(name)];
    folders.extend(target.beginnings.iter().map(|folder| file(folder)));
    let files: Vec<PathBuf> = folders.iter().flat_map(|folder| files_in(folder)).collect();
    let mut inputs: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, input) in files.iter().zip(&inputs) {
        feed(target, input, &format!("kept as {}", path.display()));
    }
    inputs.retain(|input| input.len() <= target.length_max);
    let others: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let number = |key: &str, usual| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(usual);
    let (mut seed, until) = (number("FUZZ_SEED", 0), Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 2)));
    let first = seed;
    while Instant::now() < until {
        let base = Dice::new(seed).pick(&others).copied().unwrap_or_default();
        let mut input = mutate::mutate(base, &others, target.text, seed);
        input.truncate(target.length_max);
        feed(target, &input, &format!("of seed {seed}"));
        seed += 1;
    }
    println!("{name}: {} kept inputs and {} mutations hold", files.len(), seed - first);
}

fn feed(target: &Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
        fs::write(&path, input).unwrap();
        panic!("{} does not hold on the input {what}, written to {}", target.name, path.display());
    }
}

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The files of a folder, in order, without folders in it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    let mut files: Vec<PathBuf> = entries.unwrap_or_default();
    files.retain(|path| path.is_file());
    files.sort();
    files
}
