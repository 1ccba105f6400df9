//! `baton.toml` under any change: it is read, or refused with the place of each fault. The whole program is no library, so this
//! stands beside the fuzz targets of `tests/fuzz`.

use proptest::prelude::*;

use crate::config::Node;

const EXAMPLE: &str = include_str!("../../../deploy/baton.toml");
/// What values are put in the place of others.
const VALUES: &str = r#"0|-1|1|65536|4294967296|18446744073709551616|1e400|nan|true|""|"x"|"::"|"0.0.0.0:0"|[]|[1]|["a",1]|{}|{a=1}|"\u0000""#;

/// One change of a text, by where it is and what it is; places are taken from the text's length.
#[derive(Debug, Clone)]
enum Change {
    /// A line is left out.
    Without(usize),
    /// A line is there twice.
    Twice(usize),
    /// A commented key is put in force.
    Uncomment(usize),
    /// Another value.
    Value(usize, usize),
    /// Another text at some place.
    Insert(usize, String),
    /// The end is missing.
    Cut(usize),
}

impl Change {
    fn apply(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let count = lines.len().max(1);
        let place = |at: usize| {
            let at = at % (text.len() + 1);
            (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        match self {
            Change::Insert(at, inserted) => {
                let at = place(*at);
                return format!("{}{inserted}{}", &text[..at], &text[at..]);
            }
            Change::Cut(at) => return text[..place(*at)].to_owned(),
            Change::Without(at) => lines.retain({
                let mut number = 0;
                move |_| {
                    number += 1;
                    number - 1 != at % count
                }
            }),
            Change::Twice(at) => lines.extend(lines.get(at % count).cloned()),
            Change::Uncomment(at) => {
                let line = lines.get_mut(at % count);
                line.into_iter().for_each(|line| *line = line.trim_start_matches(['#', ' ']).to_owned());
            }
            Change::Value(at, value) => {
                let keys: Vec<&mut String> = lines.iter_mut().filter(|line| line.contains('=')).collect();
                let values: Vec<&str> = VALUES.split('|').collect();
                let chosen = at % keys.len().max(1);
                for line in keys.into_iter().skip(chosen).take(1) {
                    let key = line.split('=').next().unwrap_or_default().to_owned();
                    *line = format!("{key}= {}", values[value % values.len()]);
                }
            }
        }
        lines.join("\n")
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<u16>().prop_map(usize::from);
    prop_oneof![
        at.clone().prop_map(Change::Without),
        at.clone().prop_map(Change::Twice),
        at.clone().prop_map(Change::Uncomment),
        (at.clone(), at.clone()).prop_map(|(at, value)| Change::Value(at, value)),
        (at.clone(), "\\PC{0,6}|[\\[\\]{}=\"'#\n,]{1,4}").prop_map(|(at, text)| Change::Insert(at, text)),
        at.prop_map(Change::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_the_configuration_is_read_or_refused_with_its_place(changes in prop::collection::vec(change(), 1..6)) {
        let text = changes.iter().fold(EXAMPLE.to_owned(), |text, change| change.apply(&text));
        if let Err(problems) = Node::parse("baton.toml", &text) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                let said = problem.to_string();
                prop_assert!(said.starts_with("baton.toml") && !problem.message.is_empty(), "{}", said);
                let lines = text.lines().count() + 1;
                prop_assert!(problem.place.is_none_or(|(line, column)| (1..=lines).contains(&line) && column > 0), "{}", said);
            }
        }
    }
}
