//! RFC 4475 and RFC 5118, message by message, as the endpoint answers them. `make torture` prints the score.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::wire::{Challenge, Message, Method};
use baton_sip::*;
use bytes::Bytes;
use world::*;

const PASSWORD: &str = "secret";

/// RFC 4475, in its order: name, section, what the endpoint does, why this is right.
///
/// What it does: the responses that it sends, `call` when the contact learns of a call, `read` for a response that is
/// taken and concerns nobody, `dropped` for what cannot be read nor answered. A REGISTER is sent once more with
/// credentials when it is challenged, unless it brings some of its own.
const RFC4475: &[(&str, &str, &str, &str)] = &[
    ("wsinv", "3.1.1.1", "481 INVITE", "well-formed; its To has a tag, and there is no such dialog"),
    ("intmeth", "3.1.1.2", "501 !interesting-Method0123456789_*+`.%indeed'~", "a UAS answers an unknown method 501"),
    ("esc01", "3.1.1.3", "100 INVITE, call", "well-formed: the user part is escaped, the URI is a sip one"),
    ("escnull", "3.1.1.4", "200 REGISTER", "well-formed: both contacts are bound"),
    ("esc02", "3.1.1.5", "501 RE%47IST%45R", "the method is not REGISTER, whatever it unescapes to"),
    ("lwsdisp", "3.1.1.6", "200 OPTIONS", "no space between display name and < is allowed"),
    ("longreq", "3.1.1.7", "100 INVITE, call", "well-formed, if long"),
    ("dblreq", "3.1.1.8", "200 REGISTER", "what follows in the datagram is ignored"),
    ("semiuri", "3.1.1.9", "200 OPTIONS", "the user part holds semicolons"),
    ("transports", "3.1.1.10", "200 OPTIONS", "an unknown transport in a lower Via harms nobody"),
    ("mpart01", "3.1.1.11", "405 MESSAGE", "the multipart body is taken; MESSAGE is not ours"),
    ("unreason", "3.1.1.12", "read", "the reason phrase is UTF-8"),
    ("noreason", "3.1.1.13", "read", "the reason phrase is empty"),
    ("badinv01", "3.1.2.1", "400 INVITE", "extraneous separators"),
    ("clerr", "3.1.2.2", "400 INVITE", "Content-Length is larger than the message"),
    ("ncl", "3.1.2.3", "400 INVITE", "Content-Length is negative"),
    ("scalar02", "3.1.2.4", "400 REGISTER", "numbers out of range"),
    ("scalarlg", "3.1.2.5", "dropped", "a response with numbers out of range is simply discarded"),
    ("quotbal", "3.1.2.6", "400 INVITE", "an unterminated quoted string"),
    ("ltgtruri", "3.1.2.7", "400 INVITE", "a Request-URI in <>"),
    ("lwsruri", "3.1.2.8", "400 INVITE", "spaces in the Request-URI"),
    ("lwsstart", "3.1.2.9", "400 INVITE", "more than one space in the request line"),
    ("trws", "3.1.2.10", "400 OPTIONS", "spaces at the end of the request line"),
    ("escruri", "3.1.2.11", "400 INVITE", "headers in the Request-URI"),
    ("baddate", "3.1.2.12", "100 INVITE, call", "a bad Date may be ignored, and is"),
    ("regbadct", "3.1.2.13", "400 REGISTER", "a Contact whose URI has a header but no brackets"),
    ("badaspec", "3.1.2.14", "400 OPTIONS", "spaces within an address"),
    ("baddn", "3.1.2.15", "400 OPTIONS", "a display name that is no token and not quoted"),
    ("badvers", "3.1.2.16", "505 OPTIONS", "an unknown protocol version"),
    ("mismatch01", "3.1.2.17", "400 INVITE", "the methods of request line and CSeq differ"),
    ("mismatch02", "3.1.2.18", "400 INVITE", "the same, with an unknown method"),
    ("bigcode", "3.1.2.19", "dropped", "a response code out of range is discarded"),
    ("badbranch", "3.2.1", "200 OPTIONS", "an empty branch after the cookie is a branch of RFC 2543's"),
    ("insuf", "3.3.1", "400 INVITE", "From, To and Call-ID are missing"),
    ("unkscm", "3.3.2", "416 OPTIONS", "an unknown scheme in the Request-URI"),
    ("novelsc", "3.3.3", "416 OPTIONS", "a known, but no SIP scheme in the Request-URI"),
    ("unksm2", "3.3.4", "401 REGISTER", "opaque addresses are read; To names nobody whom this registrar serves"),
    ("bext01", "3.3.5", "420 OPTIONS", "both unknown options are named in Unsupported"),
    ("invut", "3.3.6", "415 INVITE", "an unknown body; Accept says what would do"),
    ("regaut01", "3.3.7", "401 REGISTER", "credentials of an unknown scheme are none"),
    ("multi01", "3.3.8", "400 INVITE", "headers that may stand once stand twice"),
    ("mcl01", "3.3.9", "400 OPTIONS", "two Content-Length that differ"),
    ("bcast", "3.3.10", "read", "a response with a broadcast Via is not passed on, for nothing is"),
    ("zeromf", "3.3.11", "200 OPTIONS", "this is its final recipient, so it need go no further (RFC 3261 §11.2)"),
    ("cparam01", "3.3.12", "200 REGISTER", "the parameter is the Contact's"),
    ("cparam02", "3.3.13", "200 REGISTER", "the parameter is the URI's"),
    ("regescrt", "3.3.14", "200 REGISTER", "the URI has an escaped header, which is kept"),
    ("sdp01", "3.3.15", "406 INVITE", "no session description may come back"),
    ("inv2543", "3.4.1", "100 INVITE, call", "a request of RFC 2543 is taken"),
];

/// RFC 5118, in its order.
const RFC5118: &[(&str, &str, &str, &str)] = &[
    ("ipv6-good", "4.1", "200 REGISTER", "well-formed"),
    ("ipv6-bad", "4.2", "400 REGISTER", "the reference has no brackets"),
    ("port-ambiguous", "4.3", "200 REGISTER", "well-formed, whatever its sender meant"),
    ("port-unambiguous", "4.4", "200 REGISTER", "well-formed"),
    ("via-received-param-with-delim", "4.5", "481 BYE", "received in brackets is read; there is no such dialog"),
    ("via-received-param-no-delim", "4.5", "200 OPTIONS", "received without brackets is read"),
    ("ipv6-in-sdp", "4.6", "100 INVITE, call", "the description goes up as it is"),
    ("mult-ip-in-header", "4.7", "481 BYE", "IPv4 and IPv6 in the Via list; there is no such dialog"),
    ("mult-ip-in-sdp", "4.8", "100 INVITE, call", "the description goes up as it is"),
    ("ipv4-mapped-ipv6", "4.9", "100 INVITE, call", "mapped addresses are read"),
    ("ipv6-bug-abnf-3-colons", "4.10", "200 OPTIONS", "an implementation must tolerate the third colon"),
    ("ipv6-correct-abnf-2-colons", "4.10", "200 OPTIONS", "well-formed"),
];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sip-fixtures/torture"))
}

fn fixture(name: &str) -> Bytes {
    let path = folder().join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// An endpoint that trusts the senders of the messages, and knows the account that a REGISTER is for.
fn desk(message: &Bytes) -> Desk {
    let mut config = config(0);
    let local = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10], 5060));
    config.listeners.push(Listener {
        id: ListenerId(2),
        transport: Transport::Udp,
        local,
        advertised: local,
        verifies_peers: false,
    });
    let mut access = peers();
    access.peers.push(TrustedPeer { peer: PeerId(2), network: "2001:db8::".parse().unwrap(), prefix: 32, port: None });
    let user = Message::parse(message.clone()).map(|message| account_of(&message)).unwrap_or_default();
    let hash = |algorithm| ha1(&user, "baton", PASSWORD, algorithm);
    let account = Account { ha1_md5: hash(Algorithm::Md5), ha1_sha256: hash(Algorithm::Sha256) };
    access.accounts = BTreeMap::from([(user, account)]);
    let mut desk = Desk::with(config, access);
    desk.source = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 9, 1], 5060));
    desk
}

/// The user part of To as written: escnull's, unescaped, could stand in no header.
fn account_of(request: &Message) -> String {
    request.to().uri.as_sip().and_then(|uri| uri.user.clone()).unwrap_or_default()
}

fn take(desk: &mut Desk, bytes: Bytes) {
    let input = Input::Datagram { listener: ListenerId(2), source: desk.source, bytes };
    desk.handle(input);
}

/// What a message leads to, in the words of the tables.
fn outcome(bytes: &Bytes) -> (String, Vec<String>) {
    let mut desk = desk(bytes);
    take(&mut desk, bytes.clone());
    if let Some(again) = desk.sent.front().and_then(|challenge| with_credentials(bytes, challenge)) {
        desk.sent.clear();
        take(&mut desk, again);
    }
    let texts: Vec<String> = desk.sent.iter().cloned().collect();
    let mut words = desk.titles();
    words.extend(desk.event().filter(|event| matches!(event, Event::Incoming { .. })).map(|_| "call".to_owned()));
    let what = match (words.is_empty(), desk.endpoint.counters().malformed) {
        (true, 0) => "read".to_owned(),
        (true, _) => "dropped".to_owned(),
        (false, _) => words.join(", "),
    };
    (what, texts)
}

/// The request with credentials that answer its challenge; `None` when it was not challenged, or has credentials, or is for
/// nobody.
fn with_credentials(bytes: &Bytes, challenge: &str) -> Option<Bytes> {
    let value = header(challenge, "WWW-Authenticate");
    let request = Message::parse(bytes.clone()).ok()?;
    let user = account_of(&request);
    if value.is_empty() || user.is_empty() || !header(&String::from_utf8_lossy(bytes), "Authorization").is_empty() {
        return None;
    }
    let own = Credentials { username: user, password: PASSWORD.into() };
    let challenge = Challenge::parse(&value).ok()?;
    let answer = answer(&challenge, &own, &Method::Register, request.request_uri(), b"", "cnonce", 1)?;
    let line = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let mut again = bytes[..line].to_vec();
    again.extend_from_slice(format!("Authorization: {answer}\r\n").as_bytes());
    again.extend_from_slice(&bytes[line..]);
    Some(again.into())
}

/// How many of a table's messages lead to what it says; the others, told.
fn score(table: &[(&str, &str, &str, &str)]) -> (usize, Vec<String>) {
    let mut misses = Vec::new();
    for (name, section, wanted, why) in table {
        let (what, _) = outcome(&fixture(name));
        if what != *wanted {
            misses.push(format!("§{section} {name}: {what}, not {wanted} ({why})"));
        }
    }
    (table.len() - misses.len(), misses)
}

#[test]
fn the_score_is_full() {
    let (rfc4475, mut misses) = score(RFC4475);
    let (rfc5118, others) = score(RFC5118);
    misses.extend(others);
    println!("RFC 4475: {rfc4475} of {}; RFC 5118: {rfc5118} of {}", RFC4475.len(), RFC5118.len());
    assert_eq!((RFC4475.len(), RFC5118.len()), (49, 12));
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn every_message_has_a_verdict() {
    let listed: BTreeSet<String> = RFC4475.iter().chain(RFC5118).map(|(name, ..)| (*name).to_owned()).collect();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".dat").map(str::to_owned))
        .collect();
    assert_eq!(files, listed);
}

/// What the RFC asks of an answer beside its status.
#[test]
fn answers_say_what_the_rfc_wants_said() {
    for (name, field, wanted) in [
        ("bext01", "Unsupported", "nothingSupportsThis, nothingSupportsThisEither"),
        ("invut", "Accept", "application/sdp, multipart/mixed, multipart/alternative, multipart/related"),
        ("cparam01", "Contact", "<sip:+19725552222@gw1.example.net>;expires=300"),
        ("cparam02", "Contact", "<sip:+19725552222@gw1.example.net;unknownparam>;expires=300"),
        ("regescrt", "Contact", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=300"),
        ("ipv6-good", "Contact", "<sip:caller@[2001:db8::1]>;expires=300"),
    ] {
        let (_, texts) = outcome(&fixture(name));
        assert_eq!(header(texts.last().unwrap(), field), wanted, "{name}");
    }
    // RFC 5118 §4.5: what `received` said before is replaced by where the request came from.
    let (_, texts) = outcome(&fixture("via-received-param-with-delim"));
    assert_eq!(header(&texts[0], "Via").matches("received=").count(), 1);
}
