//! The rules of behaviour on the wire that systems of this field get wrong. Each is held by tests whose names begin with its
//! number, and has a mutation: a patch that breaks it on purpose (`tests/mutations/`), which those tests must notice.
//! `make mutations` tries them all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// R transfers by REFER, D dialogs and offers, M media.
const RULES: &[(&str, &str)] = &[
    ("r1", "a REFER is answered by 202, then NOTIFY 100, every provisional, and the target's true final status"),
    ("r2", "BYE to the transferor waits for its answer to the final NOTIFY, 32 s at most"),
    ("r3", "the transferor's own BYE during a transfer is normal"),
    ("r4", "when the target fails the transferee is still there and goes back; nobody is left alone or in silence"),
    ("r5", "Replaces matches Call-ID and both tags, in either orientation; early-only; only by a party to the dialog"),
    ("r6", "an attended transfer between two dialogs here is a splice; a Replaces of a dialog elsewhere is passed on"),
    ("r7", "a target that still rings when its transferor leaves keeps its leg and rings once"),
    ("r8", "Refer-Sub: false brings no NOTIFY; what we can do is advertised alike on every leg"),
    ("r9", "Referred-By of this REFER is carried to the target"),
    ("r10", "nothing of one side's topology reaches the other"),
    ("r11", "a REFER from a trunk follows the trunk's policy"),
    ("r12", "limits and permissions follow the originator through transfers; loops are cut"),
    ("r13", "every request in a dialog is answered; of two REFERs none is lost"),
    ("r14", "after a transfer both remaining parties learn whom they talk to"),
    ("d1", "no BYE in a dialog that owes or is owed an ACK; a 200 that crosses our CANCEL is acknowledged and ended"),
    ("d2", "the latest remote description counts; our own has a stable id and a rising version"),
    ("d3", "a held party is resumed before it is offered to somebody else"),
    ("d4", "offers that cross meet 491 and back off; a transfer survives it"),
    ("d5", "an INVITE or re-INVITE without an offer gets a full one"),
    ("d6", "hold in every dialect"),
    ("d7", "forks, early media that changes, PRACK and UPDATE in early dialogs, redirects"),
    ("d8", "session timers on every leg, each refreshed by itself"),
    ("m1", "towards a leg the stream never jumps: one SSRC, consecutive numbers, timestamps of real time"),
    ("m2", "the held hear music only and are heard by nobody"),
    ("m3", "a third party comes and goes without re-INVITE, click or gap"),
    ("m4", "the mixer adds no silence, its delay is bounded, overload is bent and not wrapped"),
    ("m5", "digits cross every bridge"),
    ("m6", "RTP is taken from the negotiated address, or after probation from one source; foreign packets go nowhere"),
    ("m7", "dead audio is noticed within two seconds"),
];

#[test]
fn every_wire_rule_has_a_test_that_bears_its_number() {
    let tests = tests_by_rule();
    for (rule, statement) in RULES {
        let held_by = tests.get(*rule).map(Vec::as_slice).unwrap_or_default();
        assert!(!held_by.is_empty(), "no test holds {rule}: {statement}");
        println!("{rule}: {} tests; {statement}", held_by.len());
    }
}

#[test]
fn no_test_bears_the_number_of_a_rule_that_is_not_there() {
    for (rule, tests) in tests_by_rule() {
        assert!(RULES.iter().any(|(known, _)| *known == rule), "there is no rule {rule}: {tests:?}");
    }
}

/// A patch that does not fit the code any more proves nothing: whoever changes that code makes it anew.
#[test]
fn every_wire_rule_has_a_mutation_that_still_applies() {
    for (rule, statement) in RULES {
        let patch = root().join("tests/mutations").join(format!("{rule}.patch"));
        let text = fs::read_to_string(&patch).unwrap_or_else(|_| panic!("{rule} has no mutation: {statement}"));
        let run = text.lines().find_map(|line| line.strip_prefix("run: ")).unwrap_or_default();
        let filter = run.split(' ').next_back().unwrap_or_default();
        assert!(run.starts_with("-p ") && filter == format!("{rule}_"), "{rule}: which tests must notice it? {run:?}");
        let applied = Command::new("git").args(["apply", "--check"]).arg(&patch).current_dir(root()).output();
        let applied = applied.expect("git is there");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }
    let patches = fs::read_dir(root().join("tests/mutations")).into_iter().flatten().count();
    assert_eq!(patches, RULES.len(), "a mutation of no rule");
}

/// Functions of the sources whose names begin with `r`, `d` or `m` and a number, by that rule.
fn tests_by_rule() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in ["crates", "tests"].iter().flat_map(|folder| sources_under(&root().join(folder))) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[test]") {
            let Some(name) = pair[1].strip_prefix("fn ").and_then(|rest| rest.split('(').next()) else { continue };
            let rule = name.split('_').next().unwrap_or_default();
            let (letter, number) = rule.split_at(rule.len().min(1));
            let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            if matches!(letter, "r" | "d" | "m") && numbered {
                tests.entry(rule.into()).or_default().push(name.into());
            }
        }
    }
    tests
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn sources_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
            found.extend(sources_under(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}
