//! By which numbers a call came that goes on: History-Info (RFC 7044) and Diversion (RFC 5806), each made of the other where a
//! trunk wants it so (RFC 7544).

use baton_sip::History;
use baton_sip::wire::{NameAddr, Uri};
use serde::{Deserialize, Serialize};

use crate::carried::anonymous;
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

/// Most numbers that one entry says are missing before it: as many more are believed by nobody.
const MISSING_MAX: usize = 20;

/// A number that the call has passed, and why it went on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Passed {
    uri: Uri,
    reason: String,
    /// It is not to be shown to whom the call goes (RFC 5806 §4: `privacy`; RFC 7044 §10.1: `Privacy: history`).
    is_private: bool,
    /// How many numbers the call has passed before it, since the one that is told, that are not told.
    missing: usize,
}

impl Telling {
    /// The headers that tell by which numbers a call to `target` came: those that its sender told, and `own`, the one that was
    /// called here.
    pub(crate) fn headers(self, target: &str, came: &History, own: &str) -> Vec<(String, String)> {
        let nothing = History::default();
        let came = &if self.of_others == HistoryOfOthers::Hide { nothing } else { readable(came) };
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

/// What cannot be read goes no further.
fn readable(came: &History) -> History {
    let those =
        |values: &[String]| values.iter().filter(|value| NameAddr::parse(value).is_ok()).cloned().collect::<Vec<_>>();
    History { history_info: those(&came.history_info), diversion: those(&came.diversion) }
}

/// RFC 7044 §10.3: each entry is a child of the one before it.
fn history_info_of(target: &str, came: &History, own: &str) -> Vec<String> {
    let mut values = came.history_info.clone();
    let mut index = values.last().map(|last| index_of(last).to_owned());
    let mut cause = None;
    let mut add = |uri: &str, cause: Option<&str>, missing: usize| {
        let (next, value) = entry(uri, index.as_deref(), cause, missing);
        index = Some(next);
        values.push(value);
    };
    if came.history_info.is_empty() {
        // RFC 7544 §6: Diversion has the latest first, and a cause belongs to the number that the call went on to.
        for passed in came.diversion.iter().rev().filter_map(|value| passed_by_diversion(value)) {
            add(&passed.shown_by_history_info(), cause.replace(cause_of(&passed.reason)), passed.missing);
        }
    }
    add(own, cause, 0);
    add(target, Some("302"), 0);
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

/// The next entry and its index: the first of a history, or a child of `parent`, below those that are missing (RFC 7044 §10.3: a
/// gap in the numbers tells of them). With a cause it is a number that the call was diverted to.
fn entry(uri: &str, parent: Option<&str>, cause: Option<&str>, missing: usize) -> (String, String) {
    let first = parent.map_or_else(|| "1".to_owned(), |parent| format!("{parent}.1"));
    let index = first + &".1".repeat(missing);
    let value = match (cause, parent) {
        (Some(cause), Some(parent)) => format!("<{}>;index={index};mp={parent}", with_cause(uri, cause)),
        _ => format!("<{uri}>;index={index}"),
    };
    (index, value)
}

/// RFC 4458 §2: it is a parameter of the URI, and stands before the URI's headers.
fn with_cause(uri: &str, cause: &str) -> String {
    match Uri::parse(uri) {
        Ok(Uri::Sip(mut sip)) => {
            sip.params.set("cause", Some(cause));
            sip.to_string()
        }
        _ => format!("{uri};cause={cause}"),
    }
}

/// The index of an entry; of one without a proper one, that of the first.
fn index_of(entry: &str) -> &str {
    let index = entry.rsplit(';').find_map(|param| param.trim().strip_prefix("index="));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    index.filter(|index| index.split('.').all(is_number)).unwrap_or("1")
}

fn cause_of(reason: &str) -> &'static str {
    REASONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(reason)).map_or("404", |(_, cause)| cause)
}

fn reason_of(cause: &str) -> &'static str {
    REASONS.iter().find(|(_, known)| *known == cause).map_or("unknown", |(reason, _)| reason)
}

/// RFC 7544 §7.1. A `counter` above 1 counts numbers that are not told.
fn passed_by_diversion(value: &str) -> Option<Passed> {
    let NameAddr { uri, params, .. } = NameAddr::parse(value).ok()?;
    let of = |name| params.unquoted(name).unwrap_or_default();
    let is_private = !matches!(of("privacy").to_ascii_lowercase().as_str(), "" | "off");
    let missing = of("counter").parse::<usize>().unwrap_or(1).saturating_sub(1).min(MISSING_MAX);
    Some(Passed { uri, reason: of("reason"), is_private, missing })
}

/// RFC 7544 §7.2. A number was passed where the next entry tells the cause for which the call left it; other entries are ways, not
/// numbers.
fn passed_by_history_info(values: &[String]) -> Vec<Passed> {
    let entries: Vec<(NameAddr, usize)> = values
        .iter()
        .filter_map(|value| Some((NameAddr::parse(value).ok()?, index_of(value).split('.').count())))
        .collect();
    let next = entries.iter().skip(1);
    let depths_before = std::iter::once(0).chain(entries.iter().map(|(_, depth)| *depth));
    let passed = entries.iter().zip(next).zip(depths_before).filter_map(|(((from, depth), (to, _)), before)| {
        let cause = match &to.uri {
            Uri::Sip(sip) => sip.params.get("cause")?,
            Uri::Tel(tel) => tel.params.get("cause")?,
            Uri::Opaque(_) => return None,
        };
        let (uri, is_private) = plain(&from.uri);
        let missing = depth.saturating_sub(before).saturating_sub(1).min(MISSING_MAX);
        Some(Passed { uri, reason: reason_of(cause).to_owned(), is_private, missing })
    });
    passed.collect()
}

/// An address without what History-Info says in it, and whether it is private.
fn plain(uri: &Uri) -> (Uri, bool) {
    let mut uri = uri.clone();
    let mut is_private = false;
    match &mut uri {
        Uri::Sip(sip) => {
            let wishes = sip.header("Privacy").unwrap_or_default();
            is_private = wishes.split(';').any(|wish| wish.trim().eq_ignore_ascii_case("history"));
            sip.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Privacy"));
            sip.params.remove("cause");
        }
        Uri::Tel(tel) => tel.params.remove("cause"),
        Uri::Opaque(_) => {}
    }
    (uri, is_private)
}

impl Passed {
    fn as_diversion(&self) -> String {
        let privacy = if self.is_private { ";privacy=full" } else { "" };
        format!("<{}>;reason={};counter={}{privacy}", self.uri, self.reason, self.missing + 1)
    }

    /// The address of its entry. One that cannot say that it is private is not told (RFC 7044 §10.1.2).
    fn shown_by_history_info(&self) -> String {
        match (&self.uri, self.is_private) {
            (uri, false) => uri.to_string(),
            (Uri::Sip(sip), true) => {
                let mut sip = sip.clone();
                sip.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Privacy"));
                sip.headers.push(("Privacy".to_owned(), "history".to_owned()));
                sip.to_string()
            }
            (_, true) => anonymous().uri,
        }
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
    fn rfc7544_what_is_private_stays_so_and_what_is_missing_is_told() {
        let diversion = values(&[
            "<sip:2@h?Subject=x>;reason=no-answer;privacy=full;counter=3",
            "<tel:+1>;reason=user-busy;privacy=name",
            "<sip:0@h>;privacy=off;counter=nonsense",
        ]);
        let diverted = History { history_info: Vec::new(), diversion };
        let history_info = [
            "<sip:0@h>;index=1",
            "<sip:anonymous@anonymous.invalid;cause=404>;index=1.1;mp=1",
            "<sip:2@h;cause=486?Subject=x&Privacy=history>;index=1.1.1.1.1;mp=1.1",
            "<sip:own@b;cause=408>;index=1.1.1.1.1.1;mp=1.1.1.1.1",
            "<sip:target@t;cause=302>;index=1.1.1.1.1.1.1;mp=1.1.1.1.1.1",
        ];
        let expected = history_info.map(|value| format!("History-Info: {value}"));
        assert_eq!(told(CallHistory::HistoryInfo, HistoryOfOthers::Pass, &diverted), expected);

        let listed = History { history_info: values(&history_info[..4]), diversion: Vec::new() };
        assert_eq!(
            told(CallHistory::Diversion, HistoryOfOthers::Pass, &listed),
            [
                "Diversion: <sip:own@b>;reason=unconditional;counter=1",
                "Diversion: <sip:2@h?Subject=x>;reason=no-answer;counter=3;privacy=full",
                "Diversion: <sip:anonymous@anonymous.invalid>;reason=user-busy;counter=1",
                "Diversion: <sip:0@h>;reason=unknown;counter=1",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_behind() {
        let broken = History { history_info: values(&["<<", "<sip:a@h>;index=", ";;"]), diversion: values(&["<", ""]) };
        let own = "Diversion: <sip:own@b>;reason=unconditional;counter=1";
        let came = "History-Info: <sip:a@h>;index=";
        let ours = ["History-Info: <sip:own@b>;index=1.1", "History-Info: <sip:target@t;cause=302>;index=1.1.1;mp=1.1"];
        let cases: [(CallHistory, &[&str]); 4] = [
            (CallHistory::Diversion, &[own]),
            (CallHistory::HistoryInfo, &[came, ours[0], ours[1]]),
            (CallHistory::Both, &[came, ours[0], ours[1], own]),
            (CallHistory::AsReceived, &[came, ours[0], ours[1]]),
        ];
        for (history, expected) in cases {
            assert_eq!(told(history, HistoryOfOthers::Pass, &broken), expected, "{history:?}");
        }
        let nothing = History { history_info: values(&["<<"]), diversion: values(&["<"]) };
        assert_eq!(told(CallHistory::AsReceived, HistoryOfOthers::Pass, &nothing), [own]);
    }
}
