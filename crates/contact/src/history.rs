//! By which numbers a call came that goes on: History-Info (RFC 7044) and Diversion (RFC 5806), each made of the other where a
//! trunk wants it so (RFC 7544).

use baton_sip::History;
use baton_sip::wire::{NameAddr, Uri};
use serde::{Deserialize, Serialize};

use crate::directory::{CallHistory, HistoryOfOthers};

/// What a trunk is told of a call's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Telling {
    pub(crate) history: CallHistory,
    pub(crate) of_others: HistoryOfOthers,
}

/// Reasons of Diversion, with the cause that says the same in History-Info (RFC 7544 §4.1, RFC 4458).
const REASONS: [(&str, &str); 7] = [
    ("unconditional", "302"),
    ("user-busy", "486"),
    ("no-answer", "408"),
    ("deflection", "480"),
    ("deflection", "487"),
    ("unavailable", "503"),
    ("unknown", "404"),
];

/// A number that the call has passed, and why it went on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Passed {
    uri: String,
    reason: String,
}

impl Telling {
    /// The headers that tell by which numbers a call to `target` came: those that its sender told, and `own`, the one that was
    /// called here.
    pub(crate) fn headers(self, target: &str, came: &History, own: &str) -> Vec<(String, String)> {
        let nothing = History::default();
        let came = if self.of_others == HistoryOfOthers::Hide { &nothing } else { came };
        let (history_info, diversion) = match self.history {
            CallHistory::None => (false, false),
            CallHistory::Diversion => (false, true),
            CallHistory::HistoryInfo => (true, false),
            CallHistory::Both => (true, true),
            // Diversion when it told nothing: it is the one that most read.
            CallHistory::AsReceived => {
                let tells = !came.history_info.is_empty();
                (tells, !tells || !came.diversion.is_empty())
            }
        };
        let named = |name: &str, values: Vec<String>| {
            let name = name.to_owned();
            values.into_iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>()
        };
        let history_info = history_info.then(|| named("History-Info", history_info_of(target, came, own)));
        let diversion = diversion.then(|| named("Diversion", diversion_of(came, own)));
        history_info.into_iter().chain(diversion).flatten().collect()
    }
}

/// RFC 7044 §10.3: each entry is a child of the one before it.
fn history_info_of(target: &str, came: &History, own: &str) -> Vec<String> {
    let mut values = came.history_info.clone();
    let mut index = values.last().map(|last| index_of(last).to_owned());
    let mut cause = None;
    let mut add = |uri: &str, cause: Option<&str>| {
        let (next, value) = entry(uri, index.as_deref(), cause);
        index = Some(next);
        values.push(value);
    };
    if came.history_info.is_empty() {
        // RFC 7544 §6: Diversion has the latest first, and a cause belongs to the number that the call went on to.
        for passed in came.diversion.iter().rev().filter_map(|value| passed_by_diversion(value)) {
            add(&passed.uri, cause.replace(cause_of(&passed.reason)));
        }
    }
    add(own, cause);
    add(target, Some("302"));
    values
}

/// RFC 5806 §4: the latest diversion stands first.
fn diversion_of(came: &History, own: &str) -> Vec<String> {
    let mut values = vec![format!("<{own}>;reason=unconditional;counter=1")];
    match came.diversion.is_empty() {
        true => values.extend(passed_by_history_info(&came.history_info).iter().rev().map(Passed::as_diversion)),
        false => values.extend(came.diversion.iter().cloned()),
    }
    values
}

/// The next entry and its index: the first of a history, or a child of `parent`. With a cause it is a number that the call was
/// diverted to.
fn entry(uri: &str, parent: Option<&str>, cause: Option<&str>) -> (String, String) {
    let index = parent.map_or_else(|| "1".to_owned(), |parent| format!("{parent}.1"));
    let value = match (cause, parent) {
        (Some(cause), Some(parent)) => format!("<{uri};cause={cause}>;index={index};mp={parent}"),
        _ => format!("<{uri}>;index={index}"),
    };
    (index, value)
}

fn index_of(entry: &str) -> &str {
    entry.rsplit(';').find_map(|param| param.trim().strip_prefix("index=")).unwrap_or("1")
}

fn cause_of(reason: &str) -> &'static str {
    REASONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(reason)).map_or("404", |(_, cause)| cause)
}

fn reason_of(cause: &str) -> &'static str {
    REASONS.iter().find(|(_, known)| *known == cause).map_or("unknown", |(reason, _)| reason)
}

fn passed_by_diversion(value: &str) -> Option<Passed> {
    let address = NameAddr::parse(value).ok()?;
    let reason = address.params.unquoted("reason").unwrap_or_default();
    Some(Passed { uri: address.uri.to_string(), reason })
}

/// A number was passed where the next entry tells the cause for which the call left it; other entries are ways, not numbers.
fn passed_by_history_info(values: &[String]) -> Vec<Passed> {
    let entries: Vec<NameAddr> = values.iter().filter_map(|value| NameAddr::parse(value).ok()).collect();
    let pairs = entries.iter().zip(entries.iter().skip(1));
    let passed = pairs.filter_map(|(from, to)| {
        let cause = to.uri.as_sip()?.params.get("cause")?;
        let mut uri = from.uri.clone();
        if let Uri::Sip(sip) = &mut uri {
            sip.params.remove("cause");
        }
        Some(Passed { uri: uri.to_string(), reason: reason_of(cause).to_owned() })
    });
    passed.collect()
}

impl Passed {
    fn as_diversion(&self) -> String {
        format!("<{}>;reason={};counter=1", self.uri, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "sip:own@b";

    fn told(history: CallHistory, of_others: HistoryOfOthers, came: &History) -> Vec<String> {
        let headers = Telling { history, of_others }.headers("sip:target@t", came, OWN);
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    fn values(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rfc7544_each_dialect_is_made_of_the_other() {
        let diverted = History {
            history_info: Vec::new(),
            diversion: values(&["<sip:2@h>;reason=no-answer;counter=1", "\"First\" <tel:+1>;reason=user-busy"]),
        };
        assert_eq!(
            told(CallHistory::HistoryInfo, HistoryOfOthers::Pass, &diverted),
            [
                "History-Info: <tel:+1>;index=1",
                "History-Info: <sip:2@h;cause=486>;index=1.1;mp=1",
                "History-Info: <sip:own@b;cause=408>;index=1.1.1;mp=1.1",
                "History-Info: <sip:target@t;cause=302>;index=1.1.1.1;mp=1.1.1",
            ]
        );
        let history_info =
            values(&["<sip:1@h>;index=1", "<sip:2@h;cause=486>;index=1.1;mp=1", "<sip:own@b;cause=408>;index=1.1.1"]);
        let listed = History { history_info, diversion: Vec::new() };
        assert_eq!(
            told(CallHistory::Diversion, HistoryOfOthers::Pass, &listed),
            [
                "Diversion: <sip:own@b>;reason=unconditional;counter=1",
                "Diversion: <sip:2@h>;reason=no-answer;counter=1",
                "Diversion: <sip:1@h>;reason=user-busy;counter=1",
            ]
        );
    }

    #[test]
    fn a_trunk_is_told_as_much_as_it_is_meant_to_know() {
        let diverted = History { history_info: Vec::new(), diversion: values(&["<sip:1@h>;reason=no-answer"]) };
        let own = "Diversion: <sip:own@b>;reason=unconditional;counter=1";
        let came = "Diversion: <sip:1@h>;reason=no-answer";
        use CallHistory::{AsReceived, Both, Diversion, None};
        use HistoryOfOthers::{Hide, Pass};
        let cases: [(CallHistory, HistoryOfOthers, &[&str]); 4] = [
            (None, Pass, &[]),
            (AsReceived, Pass, &[own, came]),
            (AsReceived, Hide, &[own]),
            (Diversion, Hide, &[own]),
        ];
        for (history, of_others, expected) in cases {
            assert_eq!(told(history, of_others, &diverted), values(expected), "{history:?} {of_others:?}");
        }
        let both = told(Both, Hide, &diverted);
        assert_eq!(
            both,
            ["History-Info: <sip:own@b>;index=1", "History-Info: <sip:target@t;cause=302>;index=1.1;mp=1", own,]
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_behind() {
        let broken = History { history_info: values(&["<<", "<sip:a@h>;index=", ";;"]), diversion: values(&["<", ""]) };
        for history in [CallHistory::Diversion, CallHistory::HistoryInfo, CallHistory::Both, CallHistory::AsReceived] {
            let _ = told(history, HistoryOfOthers::Pass, &broken);
        }
    }
}
