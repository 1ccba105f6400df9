//! Live messages for an operator: each as it came or went, with its secrets removed. Made only while somebody listens.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::interface::{Flow, Output, PeerId, SessionId};
use crate::random::read_marked;
use crate::wire::{HeaderName, Message, Method, Uri};

/// What stands in a secret's place.
const REMOVED: &str = "(removed)";
/// Most bytes of one message that are shown.
const SHOWN_BYTES_MAX: usize = 65_535;
/// Most calls of which it is remembered whose credentials they brought.
const CALLS_MAX: usize = 256;
/// Parameters of credentials and challenges that tell nothing secret (RFC 7616 §3.3, §3.4).
const HARMLESS: &[&str] = &["username", "realm", "uri", "algorithm", "qop", "stale", "nc"];

/// A message that came or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// When, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// The way.
    pub flow: Flow,
    /// Whether it came; else it was sent.
    pub received: bool,
    /// The peer whose address it is.
    pub peer: Option<PeerId>,
    /// The account that it belongs to: named by its credentials, those of its call, or its addresses, or registered at its address.
    pub account: Option<String>,
    /// The sessions that its tags name.
    pub sessions: Vec<SessionId>,
    /// Its Call-ID; empty when it does not read.
    pub call_id: String,
    /// The message without its secrets.
    pub text: String,
}

/// Whose credentials came, by Call-ID, the newest last: what answers them, and comes after them, has none, and who calls from
/// anywhere is known by nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TracedCalls(VecDeque<(String, String)>);

impl TracedCalls {
    fn account(&self, call_id: &str) -> Option<String> {
        self.0.iter().rev().find(|(known, _)| known == call_id).map(|(_, account)| account.clone())
    }

    fn note(&mut self, call_id: &str, account: &str) {
        self.0.retain(|(known, _)| known != call_id);
        if self.0.len() >= CALLS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((call_id.to_owned(), account.to_owned()));
    }
}

impl Endpoint {
    /// Says who a message belongs to.
    pub(crate) fn attribute(&mut self, flow: Flow, received: bool, at_us: u64, bytes: &Bytes) -> Output {
        let message = Message::parse(bytes.clone()).ok();
        let sessions = message.as_ref().map(sessions_of).unwrap_or_default();
        Output::Trace(Box::new(Traced {
            at_us,
            flow,
            received,
            peer: self.peer_along(&flow),
            account: message.as_ref().and_then(|message| self.account_of(flow, message)),
            sessions,
            call_id: message.as_ref().map(|message| message.call_id().to_owned()).unwrap_or_default(),
            text: without_secrets(bytes),
        }))
    }

    fn account_of(&mut self, flow: Flow, message: &Message) -> Option<String> {
        let named = self.credentials_of(message).into_iter().map(|each| each.username);
        if let Some(account) = named.into_iter().find(|name| self.access.accounts.contains_key(name)) {
            self.traced_calls.note(message.call_id(), &account);
            return Some(account);
        }
        if let Some(account) = self.traced_calls.account(message.call_id()) {
            return Some(account);
        }
        let is_account = |name: &String| self.access.accounts.contains_key(name);
        let registering = Some(message.to().uri.user()).filter(|_| *message.method() == Method::Register);
        let called = Uri::parse(message.request_uri()).map(|uri| uri.user()).unwrap_or_default();
        let caller = message.from().uri.user();
        let here = || self.guard.accounts_at(flow.remote).map(str::to_owned);
        let named = || here().find(|account| *account == called || *account == caller);
        registering.filter(is_account).or_else(named).or_else(|| here().next())
    }
}

/// Our tags carry their session's number.
fn sessions_of(message: &Message) -> Vec<SessionId> {
    let tags = [message.from_tag(), message.to_tag()].into_iter().flatten();
    tags.filter_map(read_marked).map(|(number, _)| SessionId(number)).collect()
}

/// A message as text without passwords, what could be used to guess them, media keys and digits.
pub(crate) fn without_secrets(bytes: &[u8]) -> String {
    let bytes = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    // It is shown before it is read as SIP: some end their lines with a bare line feed.
    let ends = [("\r\n\r\n", 4), ("\n\n", 2)];
    let end = ends.iter().filter_map(|(end, length)| text.find(end).map(|at| at + length)).min();
    let (head, body) = text.split_at(end.unwrap_or(text.len()));
    let mut shown = String::with_capacity(text.len());
    let (mut secret_header, mut digits) = (false, false);
    for line in head.split_inclusive('\n') {
        let is_folded = line.starts_with([' ', '\t']);
        if is_folded && secret_header {
            continue;
        }
        if !is_folded {
            let name = line.split_once(':').map(|(name, _)| name.trim()).unwrap_or_default();
            secret_header = is_secret(name);
            digits |=
                matches!(HeaderName::of(name), HeaderName::ContentType) && line.to_ascii_lowercase().contains("dtmf");
        }
        if secret_header { push_credentials(&mut shown, line) } else { shown.push_str(&without_password(line)) }
    }
    for line in body.split_inclusive('\n') {
        shown.push_str(&body_line(line, digits));
    }
    shown
}

fn is_secret(name: &str) -> bool {
    ["authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info"]
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// A header line with credentials or a challenge: what is not known to be harmless is removed. Its folded lines are left out.
fn push_credentials(shown: &mut String, line: &str) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let (scheme, params) = value.trim().split_once([' ', '\t']).unwrap_or((value.trim(), ""));
    shown.push_str(name);
    shown.push_str(": ");
    if !scheme.eq_ignore_ascii_case("Digest") {
        // The scheme itself may be the secret when there is no other word.
        shown.push_str(REMOVED);
        return shown.push_str("\r\n");
    }
    shown.push_str(scheme);
    for (number, param) in crate::wire::split_commas(params).enumerate() {
        let (key, value) = param.split_once('=').unwrap_or((param, ""));
        let harmless = HARMLESS.iter().any(|name| key.trim().eq_ignore_ascii_case(name));
        shown.push_str(if number == 0 { " " } else { ", " });
        shown.push_str(key.trim());
        shown.push('=');
        shown.push_str(if harmless { value.trim() } else { REMOVED });
    }
    shown.push_str("\r\n");
}

/// A line without the passwords of the SIP URIs in it (RFC 3261 §19.1.1).
fn without_password(line: &str) -> Cow<'_, str> {
    if !line.contains('@') {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let start = before.rfind([' ', '<', '"', '\t']).map_or(0, |place| place + 1);
        let word = before.get(start..).unwrap_or_default();
        let is_sip = |end: &usize| {
            let scheme = word.get(..*end).unwrap_or_default().to_ascii_lowercase();
            scheme.ends_with("sip") || scheme.ends_with("sips")
        };
        let scheme = word.find(':').filter(is_sip);
        let password = scheme.and_then(|scheme| word.get(scheme + 1..)?.find(':').map(|colon| scheme + 1 + colon));
        match password {
            Some(colon) => {
                shown.push_str(before.get(..start + colon + 1).unwrap_or_default());
                shown.push_str(REMOVED);
            }
            None => shown.push_str(before),
        }
        shown.push('@');
        rest = after.get(1..).unwrap_or_default();
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// A line of a body without media keys (RFC 4568, RFC 8866 §5.12, RFC 8839) and pressed digits.
fn body_line(line: &str, digits: bool) -> Cow<'_, str> {
    let lower = line.to_ascii_lowercase();
    let key = ["a=crypto:", "a=ice-pwd:", "a=key-mgmt:", "k=", "signal="];
    if let Some(start) = key.iter().find(|start| lower.starts_with(**start)) {
        return Cow::Owned(format!("{}{REMOVED}\r\n", line.get(..start.len()).unwrap_or_default()));
    }
    let is_digit = digits && !lower.starts_with("duration") && !lower.trim().is_empty();
    if is_digit { Cow::Owned(format!("{REMOVED}\r\n")) } else { Cow::Borrowed(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_and_the_rest_stays() {
        let message = "REGISTER sip:baton SIP/2.0\r\n\
                       From: \"A:b@c\" <sips:101:geheim@baton>;tag=1\r\n\
                       Contact: <sip:101@192.0.2.1:5060>,<sip:a:pw@h>\r\n\
                       authorization: Digest username=\"101\", realm=\"a, b\", nonce=\"n\", uri=\"sip:x\", response=\"r\",\r\n \
                       cnonce=\"c\", nc=00000001\r\n\
                       Proxy-Authorization: Basic YTpi\r\n\
                       WWW-Authenticate: Digest realm=\"b\", nonce=\"nn\", opaque=\"o\", qop=\"auth\"\r\n\
                       Content-Type: application/sdp\r\n\r\n\
                       v=0\r\nk=clear:secret\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:key\r\na=ice-pwd:pw\r\nm=audio 1 RTP/SAVP 0\r\n";
        let expected = "REGISTER sip:baton SIP/2.0\r\n\
                        From: \"A:b@c\" <sips:101:(removed)@baton>;tag=1\r\n\
                        Contact: <sip:101@192.0.2.1:5060>,<sip:a:(removed)@h>\r\n\
                        authorization: Digest username=\"101\", realm=\"a, b\", nonce=(removed), uri=\"sip:x\", response=(removed)\r\n\
                        Proxy-Authorization: (removed)\r\n\
                        WWW-Authenticate: Digest realm=\"b\", nonce=(removed), opaque=(removed), qop=\"auth\"\r\n\
                        Content-Type: application/sdp\r\n\r\n\
                        v=0\r\nk=(removed)\r\na=crypto:(removed)\r\na=ice-pwd:(removed)\r\nm=audio 1 RTP/SAVP 0\r\n";
        assert_eq!(without_secrets(message.as_bytes()), expected);
    }

    #[test]
    fn pressed_digits_are_removed() {
        let relay = "INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
        assert!(without_secrets(relay.as_bytes()).ends_with("\r\n\r\nSignal=(removed)\r\nDuration=160\r\n"));
        let plain = "INFO sip:a SIP/2.0\r\nc: application/dtmf\r\n\r\n5";
        assert!(without_secrets(plain.as_bytes()).ends_with("\r\n\r\n(removed)\r\n"));
    }

    #[test]
    fn what_is_no_sip_is_shown_without_a_panic() {
        for bytes in
            [&b""[..], b"\xff\xfe@\n:@:", b"Authorization", b"sip:@@ sip::@\r\n", "sip:\u{e9}:\u{e9}@".as_bytes()]
        {
            let _ = without_secrets(bytes);
        }
        assert_eq!(without_secrets(b"\xff"), "\u{fffd}");
    }
}
