//! Who sent what to whom, and when: what a scenario asserts, and what a failure prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use super::TEN_OCLOCK_US;
use super::office::who;

/// One message as it was sent, whether it arrived or not.
#[derive(Debug, Clone)]
pub struct Rung {
    pub at_us: u64,
    pub from: String,
    pub to: String,
    /// The device that it goes to, also where `to` is the person at it.
    pub device: String,
    pub title: String,
    pub call_id: String,
    pub bytes: Bytes,
}

impl Rung {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[derive(Debug, Default)]
pub struct Ladder {
    pub rungs: Vec<Rung>,
    /// Whose call it is, by Call-ID: people on one trunk are told apart.
    pub callers: BTreeMap<String, String>,
    /// The tags of the INVITE dialogs, of the caller and of the called, by Call-ID.
    pub dialogs: BTreeMap<String, (String, String)>,
    /// Whose description names a media port of baton's, and in which call.
    pub ports: BTreeMap<u16, (String, String)>,
    /// Final statuses of each INVITE transaction.
    finals: BTreeMap<String, BTreeSet<u16>>,
}

/// The first word of a request with what tells it apart, or the status of a response with its method: `INVITE`,
/// `re-INVITE`, `NOTIFY 200`, `202 REFER`.
pub fn title(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    if first == "SIP/2.0" {
        let status = words.next().unwrap_or_default();
        let cseq = header(&text, "CSeq");
        return format!("{status} {}", cseq.split(' ').nth(1).unwrap_or_default());
    }
    match first {
        "INVITE" if !tag(&header(&text, "To")).is_empty() => "re-INVITE".into(),
        "NOTIFY" => {
            let fragment = text.split("\r\n\r\n").nth(1).unwrap_or_default();
            format!("NOTIFY {}", fragment.split(' ').nth(1).unwrap_or_default())
        }
        other => other.into(),
    }
}

/// A header's value in a message's text; empty when it is absent.
pub fn header(text: &str, name: &str) -> String {
    headers(text, name).into_iter().next().unwrap_or_default()
}

/// The values of all lines of a header in a message's text.
pub fn headers(text: &str, name: &str) -> Vec<String> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let named = lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim().to_owned()).collect()
}

/// Whether a device is a trunk's far end.
fn is_gateway(device: &str) -> bool {
    device == "pbx" || device.starts_with("gateway-")
}

/// The tag in a From or To value; empty when there is none.
pub fn tag(value: &str) -> String {
    value.split(";tag=").nth(1).unwrap_or_default().split([';', '>']).next().unwrap_or_default().to_owned()
}

impl Ladder {
    pub(crate) fn note(&mut self, at_us: u64, [from, to]: [String; 2], bytes: &Bytes) {
        let text = String::from_utf8_lossy(bytes);
        let call_id = header(&text, "Call-ID");
        let title = title(bytes);
        if title.ends_with(" INVITE") {
            self.note_response(&text, &call_id, &title);
        }
        if title == "INVITE" {
            self.finals.entry(transaction(&text)).or_default();
            let user = if is_gateway(&from) { user_of(&header(&text, "From")) } else { user_of(&text) };
            if is_gateway(&from) || is_gateway(&to) {
                self.callers.entry(call_id.clone()).or_insert_with(|| who(&user).to_owned());
            }
        }
        let caller = self.callers.get(&call_id);
        let name = |end: String| match caller {
            Some(caller) if is_gateway(&end) => caller.clone(),
            _ => end,
        };
        let device = to.clone();
        let (from, to) = (name(from), name(to));
        let port = text.split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        if let Some(port) = port.filter(|_| from == "baton") {
            self.ports.insert(port, (to.clone(), call_id.clone()));
        }
        self.rungs.push(Rung { at_us, from, to, device, title, call_id, bytes: bytes.clone() });
    }

    fn note_response(&mut self, text: &str, call_id: &str, title: &str) {
        let status: u16 = title.split(' ').next().and_then(|status| status.parse().ok()).unwrap_or_default();
        let to_tag = tag(&header(text, "To"));
        if (101..300).contains(&status) && !to_tag.is_empty() {
            self.dialogs.entry(call_id.to_owned()).or_insert((tag(&header(text, "From")), to_tag));
        }
        if status >= 200 {
            self.finals.entry(transaction(text)).or_default().insert(status);
        }
    }

    /// INVITE transactions that got more than one final response. (One to a phone without power gets none.)
    pub fn wrong_finals(&self) -> Vec<String> {
        let wrong = self.finals.iter().filter(|(_, statuses)| statuses.len() > 1);
        wrong.map(|(key, statuses)| format!("{key}: {statuses:?}")).collect()
    }

    /// What was said between baton and one party, from the party's side: `> REFER`, `< 202 REFER`.
    pub fn of(&self, who: &str) -> Vec<String> {
        let seen = |rung: &&Rung| rung.from == who || rung.to == who;
        let line = |rung: &Rung| format!("{} {}", if rung.from == who { ">" } else { "<" }, rung.title);
        self.rungs.iter().filter(seen).map(line).collect()
    }

    pub fn clear(&mut self) {
        self.rungs.clear();
    }
}

/// The user part of the first SIP URI in a text.
fn user_of(text: &str) -> String {
    text.split("sip:").nth(1).unwrap_or_default().split('@').next().unwrap_or_default().to_owned()
}

/// An INVITE transaction, as both its request and its responses show it.
fn transaction(text: &str) -> String {
    let via = header(text, "Via");
    let branch = via.split("branch=").nth(1).unwrap_or_default().split([';', ',']).next().unwrap_or_default();
    let number = header(text, "CSeq");
    format!("{} {} {branch}", header(text, "Call-ID"), number.split(' ').next().unwrap_or_default())
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = self.rungs.len().saturating_sub(400);
        for rung in self.rungs.iter().skip(skipped) {
            let ms = rung.at_us as i64 / 1_000 - TEN_OCLOCK_US as i64 / 1_000;
            let call: String = rung.call_id.chars().take(6).collect();
            writeln!(f, "{:>10.3} s  {:>10} -> {:<10} {:<16} {call}", ms as f64 / 1e3, rung.from, rung.to, rung.title)?;
        }
        Ok(())
    }
}
