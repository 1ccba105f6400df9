//! RFC 7989: each end of a call has a name, and every message carries both.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

/// §6, §7: "local" first, then ";remote=", nil until it is known; the same two in every message of the call.
#[test]
fn rfc7989_every_message_of_a_call_carries_both_names_its_senders_first() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Ring { session: callee, status: 180, sdp: None }).unwrap();
    pair.settle();
    pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
    pair.settle();
    pair.command(0, Command::SendDigit { session: caller, digit: '5', duration_ms: 100 }).unwrap();
    pair.settle();
    pair.end(1, callee);
    pair.settle();
    let nil = "0".repeat(32);
    let name = |text: &str| header(text, "Session-ID").split(';').next().unwrap().to_owned();
    let ours = name(&pair.texts[0]);
    let theirs = pair.texts.iter().find(|text| text.starts_with("SIP/2.0 180")).map(|text| name(text)).unwrap();
    assert!(ours.len() == 32 && theirs.len() == 32 && ours != theirs && ours != nil);
    assert_eq!(header(&pair.texts[0], "Session-ID"), format!("{ours};remote={nil}"));
    for (text, line) in pair.texts.iter().zip(&pair.ladder).skip(2) {
        let (first, second) = if line.starts_with('>') { (&ours, &theirs) } else { (&theirs, &ours) };
        assert_eq!(header(text, "Session-ID"), format!("{first};remote={second}"), "{line}");
    }
}

#[test]
fn rfc7989_a_cancel_carries_the_names_of_its_invite() {
    let mut pair = Pair::new();
    let (caller, _) = pair.calling(Some(OFFER));
    pair.end(0, caller);
    pair.settle();
    let of =
        |title: &str| pair.texts.iter().find(|text| text.starts_with(title)).map(|text| header(text, "Session-ID"));
    assert!(of("CANCEL").is_some_and(|value| !value.is_empty()));
    assert_eq!(of("CANCEL"), of("INVITE"));
    assert_eq!(of("ACK"), of("INVITE"));
}

/// §4.1: 32 hexadecimal digits; what is something else, or nil, is no name.
#[test]
fn rfc7989_what_is_no_name_is_not_learnt() {
    for (value, learnt) in [
        ("ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000", true),
        ("AB30317F1A784DC48FF824D0D3715D86", true),
        ("00000000000000000000000000000000", false),
        ("ab30317f", false),
        ("xy30317f1a784dc48ff824d0d3715d86", false),
        ("", false),
    ] {
        let phone = Phone::answered_with(&format!("Session-ID: {value}\n"));
        let remote = header(&phone.ok, "Session-ID").split("remote=").nth(1).unwrap().to_owned();
        let expected = if learnt { "ab30317f1a784dc48ff824d0d3715d86".to_owned() } else { "0".repeat(32) };
        assert_eq!(remote, expected, "{value}");
    }
}
