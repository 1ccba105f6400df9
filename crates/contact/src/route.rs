//! Numbers: what a dialled number leads to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::directory::{CLASS_OTHER, Directory, NumberPlan, Route};

/// Longest number that is looked at.
const NUMBER_LENGTH_MAX: usize = 64;

/// What a number leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Destination {
    /// A queue, by name.
    Queue(String),
    /// An agent, by user name.
    Agent(String),
    /// A conference room, by name.
    Conference(String),
    /// A new conference room, with the settings of this one.
    Factory(String),
    /// Out by a trunk.
    Outside {
        /// The number as the trunk gets it.
        number: String,
        /// The trunks' names, in the order in which they are tried.
        trunks: Vec<String>,
    },
}

/// The numbers of a directory, ready for look-ups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Numbers {
    inside: BTreeMap<String, Destination>,
    /// By prefix: trunks, how many characters go, what comes before.
    outside: BTreeMap<String, (Vec<String>, usize, String)>,
    /// Classes of outside numbers, by prefix.
    classes: BTreeMap<String, String>,
    /// The number plans of trunks that have a country, each once.
    plans: Vec<NumberPlan>,
}

impl Numbers {
    pub(crate) fn of(directory: &Directory) -> Self {
        let mut inside = BTreeMap::new();
        // Later entries win: a configured number beats an extension, an extension beats a mere name.
        for user in &directory.users {
            let agent = || Destination::Agent(user.username.clone());
            inside.insert(user.username.clone(), agent());
            inside.extend(user.phones.iter().map(|phone| (phone.username.clone(), agent())));
        }
        for user in &directory.users {
            let agent = Destination::Agent(user.username.clone());
            inside.extend(user.extension.clone().map(|extension| (extension, agent)));
        }
        for queue in &directory.queues {
            let to = Destination::Queue(queue.name.clone());
            inside.extend(queue.extension.clone().map(|extension| (extension, to)));
        }
        for number in &directory.numbers {
            let to = (number.queue.clone().map(Destination::Queue))
                .or_else(|| number.user.clone().map(Destination::Agent))
                .or_else(|| number.conference.clone().map(Destination::Conference))
                .or_else(|| number.conference_factory.clone().map(Destination::Factory));
            inside.extend(to.map(|to| (number.number.clone(), to)));
        }
        let routes = directory.routes.iter();
        let trunks = |route: &Route| std::iter::once(&route.trunk).chain(&route.alternatives).cloned().collect();
        let outside = routes
            .map(|route| (route.prefix.clone(), (trunks(route), usize::from(route.strip), route.add.clone())))
            .collect();
        let classes = directory.destination_classes.iter();
        let classes =
            classes.flat_map(|class| class.prefixes.iter().map(|prefix| (prefix.clone(), class.name.clone())));
        let mut plans: Vec<NumberPlan> = Vec::new();
        for plan in directory.trunks.iter().filter_map(|trunk| trunk.numbers.as_ref()) {
            if plan.country.is_some() && !plans.contains(plan) {
                plans.push(plan.clone());
            }
        }
        Numbers { inside, outside, classes: classes.collect(), plans }
    }

    /// What a number leads to as it was dialled; if nowhere, what it leads to in E.164.
    pub(crate) fn look_up(&self, number: &str) -> Option<Destination> {
        self.look_up_as_dialled(number).or_else(|| self.look_up_as_read(number))
    }

    /// The longest prefix wins among routes.
    fn look_up_as_dialled(&self, number: &str) -> Option<Destination> {
        if let Some(inside) = self.inside.get(number) {
            return Some(inside.clone());
        }
        if !is_number(number) {
            return None;
        }
        let ends = (0..=number.len()).rev();
        let (trunks, strip, add) = ends.filter_map(|end| number.get(..end)).find_map(|p| self.outside.get(p))?;
        let rest = number.get(*strip..).unwrap_or_default();
        Some(Destination::Outside { number: format!("{add}{rest}"), trunks: trunks.clone() })
    }

    /// As the dial plans of the trunks' countries read a number, if they agree: nobody knows in which country it was dialled.
    fn look_up_as_read(&self, number: &str) -> Option<Destination> {
        let readings: BTreeSet<String> = self.plans.iter().map(|plan| plan.read_dialled(number)).collect();
        let read = readings.first().filter(|read| readings.len() == 1 && *read != number)?;
        self.look_up_as_dialled(read)
    }

    /// The class of an outside number; the longest prefix wins.
    pub(crate) fn class_of(&self, number: &str) -> &str {
        let prefixes = (0..=number.len()).rev().filter_map(|end| number.get(..end));
        prefixes.filter_map(|prefix| self.classes.get(prefix)).map(String::as_str).next().unwrap_or(CLASS_OTHER)
    }
}

/// A number as people type it, without the characters that only help the eye; `None` when it is no number.
pub(crate) fn tidy_number(typed: &str) -> Option<String> {
    let typed = typed.trim().trim_start_matches("tel:");
    // Nobody dials the zero in +49 (0)89.
    let without_zero = typed.strip_prefix('+').map(|rest| format!("+{}", rest.replacen("(0)", "", 1)));
    let number: String = without_zero.as_deref().unwrap_or(typed).chars().filter(|c| !" ()-./".contains(*c)).collect();
    (!number.is_empty() && number.len() <= NUMBER_LENGTH_MAX && is_number(&number)).then_some(number)
}

/// Digits, `+`, `*`, `#`, or a name of letters, digits and `_ . -`: what can stand in a user part unescaped.
fn is_number(text: &str) -> bool {
    text.len() <= NUMBER_LENGTH_MAX && text.chars().all(|c| c.is_ascii_alphanumeric() || "+*#_.-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{DestinationClass, Number, Trunk, User};

    fn numbers() -> Numbers {
        let number = |number: &str, queue: &str| Number {
            number: number.into(),
            queue: Some(queue.into()),
            ..Number::default()
        };
        let route = |prefix: &str, trunk: &str, strip, add: &str| Route {
            prefix: prefix.into(),
            trunk: trunk.into(),
            strip,
            add: add.into(),
            ..Route::default()
        };
        let class = |name: &str, prefix: &str| DestinationClass { name: name.into(), prefixes: vec![prefix.into()] };
        let anna = User { username: "anna".into(), extension: Some("101".into()), ..User::default() };
        Numbers::of(&Directory {
            users: vec![anna],
            numbers: vec![number("+4989222", "support")],
            destination_classes: vec![
                class("national", "+49"),
                class("premium", "+49900"),
                class("freephone", "+49800"),
            ],
            routes: vec![route("+", "world", 0, ""), route("+49", "home", 3, "0"), route("9", "pbx", 1, "")],
            ..Directory::default()
        })
    }

    #[test]
    fn numbers_lead_where_the_directory_says() {
        let outside =
            |number: &str, trunk: &str| Destination::Outside { number: number.into(), trunks: vec![trunk.into()] };
        let cases = [
            ("101", Some(Destination::Agent("anna".into()))),
            ("anna", Some(Destination::Agent("anna".into()))),
            ("+4989222", Some(Destination::Queue("support".into()))),
            ("+4912", Some(outside("012", "home"))),
            ("+33123", Some(outside("+33123", "world"))),
            ("9123", Some(outside("123", "pbx"))),
            ("555", None),
            ("", None),
            ("+49\r\nTo: x", None),
        ];
        for (number, wanted) in cases {
            assert_eq!(numbers().look_up(number), wanted, "{number:?}");
        }
    }

    #[test]
    fn a_number_that_leads_nowhere_as_it_was_dialled_is_read_by_the_countrys_plan() {
        let trunk = |country: &str| Trunk {
            numbers: Some(NumberPlan { country: Some(country.into()), ..NumberPlan::default() }),
            ..Trunk::default()
        };
        let route = |prefix: &str| Route { prefix: prefix.into(), trunk: "carrier".into(), ..Route::default() };
        let queue = Number { number: "+4989222".into(), queue: Some("support".into()), ..Number::default() };
        let numbers = |countries: &[&str]| {
            Numbers::of(&Directory {
                numbers: vec![queue.clone()],
                trunks: countries.iter().map(|country| trunk(country)).collect(),
                routes: ["+", "110", "0800"].map(route).to_vec(),
                ..Directory::default()
            })
        };
        let outside = |number: &str| Destination::Outside { number: number.into(), trunks: vec!["carrier".into()] };
        let cases = [
            ("089123456", Some(outside("+4989123456"))),
            ("0033142685300", Some(outside("+33142685300"))),
            // A number of ours is not called by way of outside.
            ("089222", Some(Destination::Queue("support".into()))),
            // What leads somewhere as it was dialled goes there.
            ("0800123456", Some(outside("0800123456"))),
            ("110", Some(outside("110"))),
            ("112", None),
            ("116117", None),
            ("nobody", None),
        ];
        for (number, wanted) in cases {
            assert_eq!(numbers(&["DE", "DE"]).look_up(number), wanted, "{number:?}");
        }
        // In which country was it dialled?
        assert_eq!(numbers(&["DE", "FR"]).look_up("0142685300"), None);
        assert_eq!(numbers(&["DE", "US"]).look_up("2025550123"), None, "one of the two does not read it");
        assert_eq!(numbers(&["DE", "FR"]).look_up("0033142685300"), Some(outside("+33142685300")));
        assert_eq!(numbers(&[]).look_up("089123456"), None);
    }

    #[test]
    fn the_longest_prefix_says_which_class_a_number_is_of() {
        let cases = [
            ("+4989123", "national"),
            ("+49900123", "premium"),
            ("+4990", "national"),
            ("+49", "national"),
            ("+33123", "other"),
            ("0900123", "other"),
            ("", "other"),
        ];
        for (number, class) in cases {
            assert_eq!(numbers().class_of(number), class, "{number:?}");
        }
    }

    #[test]
    fn typed_numbers_are_tidied() {
        let cases = [
            (" +49 (89) 123-45/6 ", Some("+4989123456".to_string())),
            ("tel:+4989", Some("+4989".to_string())),
            ("", None),
            ("a b;c", None),
        ];
        for (typed, wanted) in cases {
            assert_eq!(tidy_number(typed), wanted, "{typed:?}");
        }
    }
}
