//! A TOML file that knows where its keys stand, so that every error names file, line, column and key.

use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;

use baton_contact::check::nearest;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

/// Most faults of form that are told of one file; more is no TOML file.
const PROBLEMS_MAX: usize = 32;

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file as it was named.
    pub(crate) file: String,
    /// Line and column, from 1; absent when the place is unknown.
    pub(crate) place: Option<(usize, usize)>,
    /// The key, such as `sip.listeners[0].address`; empty when there is none.
    pub(crate) key: String,
    /// What is wrong, in a sentence.
    pub(crate) message: String,
    /// What was probably meant.
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; did you mean \"{hint}\"?"),
            None => Ok(()),
        }
    }
}

/// All of them, one a line.
pub(crate) fn lines<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A parsed TOML file.
#[derive(Debug)]
pub(crate) struct TomlText {
    file: String,
    text: String,
    /// Every key with its place and the place of its value, in the order of the tree.
    places: Vec<KeyPlace>,
}

#[derive(Debug)]
struct KeyPlace {
    path: String,
    key: Range<usize>,
    value: Range<usize>,
    /// The value when it is a string: entries of a directory are found by their names.
    text: Option<String>,
}

impl TomlText {
    /// Reads the text as `T`, or says all that is wrong with its form, and where. What follows from the form alone is found
    /// before what the entries mean.
    pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<(T, TomlText), Vec<Problem>> {
        let source = TomlText { file: file.to_owned(), text: text.to_owned(), places: Vec::new() };
        let (mut tree, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().take(PROBLEMS_MAX).map(|error| source.parse_problem(error)).collect());
        }
        let mut places = Vec::new();
        collect_table(tree.get_ref(), "", &mut places);
        let source = TomlText { places, ..source };
        let mut problems = Vec::new();
        loop {
            match T::deserialize(Deserializer::from(tree.clone())) {
                Ok(value) if problems.is_empty() => return Ok((value, source)),
                Ok(_) => return Err(problems),
                Err(error) => {
                    let problem = source.parse_problem(&error);
                    let within = format!("{}.", problem.key);
                    // A key that is missing because it was taken away, or was written wrongly, has been told.
                    let follows = error.message().starts_with("missing field")
                        && problems.iter().any(|told: &Problem| told.key.starts_with(&within));
                    problems.extend((!follows).then_some(problem));
                    // What is wrong is taken away, and the rest is looked at.
                    let taken = error.span().is_some_and(|span| take_away(tree.get_mut(), &span));
                    if !taken || problems.len() >= PROBLEMS_MAX {
                        return Err(problems);
                    }
                }
            }
        }
    }

    /// A problem at a key; where the key is absent, at the nearest table around it.
    pub(crate) fn problem(&self, path: &str, message: impl Into<String>, hint: Option<String>) -> Problem {
        let mut around = path;
        let place = loop {
            match self.places.iter().find(|each| each.path == around) {
                Some(found) => break Some(self.line_and_column(found.key.start)),
                None => match around.rfind(['.', '[']) {
                    Some(end) => around = &around[..end],
                    None => break None,
                },
            }
        };
        Problem { file: self.file.clone(), place, key: path.to_owned(), message: message.into(), hint }
    }

    /// The path of the entry of an array of tables whose `name_key` has this value; of the last, if there are several.
    pub(crate) fn entry_path(&self, table: &str, name_key: &str, name: &str) -> Option<String> {
        let suffix = format!(".{name_key}");
        let is_entry = |path: &str| {
            path.strip_prefix(table)
                .and_then(|rest| rest.strip_suffix(&suffix))
                .is_some_and(|index| index.starts_with('[') && index.ends_with(']') && !index.contains('.'))
        };
        let mut found = self.places.iter().filter(|each| is_entry(&each.path) && each.text.as_deref() == Some(name));
        let path = &found.next_back()?.path;
        Some(path[..path.len() - suffix.len()].to_owned())
    }

    fn parse_problem(&self, error: &toml::de::Error) -> Problem {
        let span = error.span();
        let place = span.as_ref().map(|span| self.line_and_column(span.start));
        let key = span.as_ref().and_then(|span| self.path_at(span)).unwrap_or_default();
        let (message, hint) = plain_words(error.message());
        Problem { file: self.file.clone(), place, key, message, hint }
    }

    /// The path of the smallest key or value around a span.
    fn path_at(&self, span: &Range<usize>) -> Option<String> {
        let around = |range: &Range<usize>| range.start <= span.start && span.end <= range.end;
        let size = |place: &KeyPlace| {
            [&place.key, &place.value].into_iter().filter(|range| around(range)).map(ExactSizeIterator::len).min()
        };
        let candidates = self.places.iter().filter(|place| around(&place.key) || around(&place.value));
        // Of two of one size, such as an array with one table, the inner one has the longer path.
        candidates.min_by_key(|place| (size(place), Reverse(place.path.len()))).map(|place| place.path.clone())
    }

    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// Takes the smallest entry around a span out of a table; false when there is none.
fn take_away(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let around = |range: Range<usize>| range.start <= span.start && span.end <= range.end;
    let mut found = None;
    for (key, value) in table.iter_mut() {
        if around(key.span()) || around(value.span()) {
            if !around(key.span()) && take_away_within(value, span) {
                return true;
            }
            found = Some(key.get_ref().to_string());
            break;
        }
        // A table's span is its header alone, but its entries may be written anywhere below it.
        if take_away_within(value, span) {
            return true;
        }
    }
    found.is_some_and(|key| table.remove(key.as_str()).is_some())
}

fn take_away_within(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    match value.get_mut() {
        DeValue::Table(table) => take_away(table, span),
        DeValue::Array(array) => {
            if array.iter_mut().any(|element| take_away_within(element, span)) {
                return true;
            }
            let around = |range: Range<usize>| range.start <= span.start && span.end <= range.end;
            let before = array.len();
            *array = std::mem::replace(array, DeArray::new())
                .into_iter()
                .filter(|element| !around(element.span()))
                .collect();
            array.len() < before
        }
        _ => false,
    }
}

fn collect_table(table: &DeTable<'_>, prefix: &str, places: &mut Vec<KeyPlace>) {
    for (key, value) in table.iter() {
        let path = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        collect_value(value.get_ref(), &path, key.span(), value.span(), places);
    }
}

fn collect_value(value: &DeValue<'_>, path: &str, key: Range<usize>, span: Range<usize>, places: &mut Vec<KeyPlace>) {
    let text = value.as_str().map(str::to_owned);
    places.push(KeyPlace { path: path.to_owned(), key, value: span, text });
    match value {
        DeValue::Table(table) => collect_table(table, path, places),
        DeValue::Array(array) => {
            for (index, element) in array.iter().enumerate() {
                let element_path = format!("{path}[{index}]");
                collect_value(element.get_ref(), &element_path, element.span(), element.span(), places);
            }
        }
        _ => {}
    }
}

/// Serde's message in our words, and the nearest of the names that it lists.
fn plain_words(message: &str) -> (String, Option<String>) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (Some(word), listed) = (quoted.first(), quoted.get(1..).unwrap_or_default()) else {
        return (message.replace('\n', ", "), None);
    };
    let hint = nearest(word, listed.iter().copied()).map(str::to_owned);
    let list = if hint.is_some() { String::new() } else { format!("; valid are {}", listed.join(", ")) };
    if message.starts_with("unknown field") {
        return (format!("unknown key \"{word}\"{list}"), hint);
    }
    if message.starts_with("unknown variant") {
        return (format!("unknown value \"{word}\"{list}"), hint);
    }
    if message.starts_with("missing field") {
        return (format!("the key \"{word}\" is missing"), None);
    }
    (message.replace('\n', ", "), None)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    struct Node {
        #[allow(dead_code, reason = "read by its form only")]
        sip: Sip,
        #[allow(dead_code, reason = "read by its form only")]
        limits: Limits,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Limits {
        #[allow(dead_code, reason = "read by its form only")]
        parties: u8,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Sip {
        #[allow(dead_code, reason = "read by its form only")]
        realm: String,
        #[allow(dead_code, reason = "read by its form only")]
        listeners: Vec<Listener>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listener {
        #[allow(dead_code, reason = "read by its form only")]
        address: String,
    }

    fn problems(text: &str) -> Vec<String> {
        match TomlText::parse::<Node>("f", text) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn all_faults_of_form_are_told_at_once() {
        let cases: [(&str, &[&str]); 5] = [
            ("[sip]\nrealm = \"a\"\n", &[]),
            (
                "[sip]\nrealmm = \"a\"\nrealm = 5\n[limitz]\n[limits]\nparties = -1\npartie = 1\n",
                &[
                    "f:2:1: sip.realmm: unknown key \"realmm\"; did you mean \"realm\"?",
                    "f:3:9: sip.realm: invalid type: integer `5`, expected a string",
                    "f:4:2: limitz: unknown key \"limitz\"; did you mean \"limits\"?",
                    "f:6:11: limits.parties: invalid value: integer `-1`, expected u8",
                    "f:7:1: limits.partie: unknown key \"partie\"; did you mean \"parties\"?",
                ],
            ),
            (
                "[[sip.listeners]]\n[[sip.listeners]]\naddress = 1\n[[sip.listeners]]\naddress = \"x\"\nport = 1\n",
                &[
                    "f:1:1: sip.listeners[0]: the key \"address\" is missing",
                    "f:3:11: sip.listeners[1].address: invalid type: integer `1`, expected a string",
                    "f:6:1: sip.listeners[2].port: unknown key \"port\"; valid are address",
                ],
            ),
            (
                "sip = { realm = 1, listeners = [{ adress = \"a\" }, 7] }\n",
                &[
                    "f:1:17: sip.realm: invalid type: integer `1`, expected a string",
                    "f:1:35: sip.listeners[0].adress: unknown key \"adress\"; did you mean \"address\"?",
                    "f:1:51: sip.listeners[1]: invalid type: integer `7`, expected struct Listener",
                ],
            ),
            ("[sip\nrealm = \n", &["f:1:5: unclosed table, expected `]`"]),
        ];
        for (text, expected) in cases {
            let mut found = problems(text);
            found.sort();
            let mut expected: Vec<String> = expected.iter().map(|each| each.to_string()).collect();
            expected.sort();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_file_full_of_faults_is_told_in_part() {
        let text: String =
            std::iter::once("[sip]\n".to_owned()).chain((0..100).map(|n| format!("k{n} = 1\n"))).collect();
        assert_eq!(problems(&text).len(), PROBLEMS_MAX);
        assert!(!problems(&"= =\n".repeat(100)).is_empty());
    }
}
