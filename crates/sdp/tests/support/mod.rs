//! One leg to negotiate on, and short forms of what comes out, so that cases are literals.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fmt::Write;
use std::path::PathBuf;

use baton_sdp::{Capabilities, Codec, LocalMedia, Negotiated, Negotiation, PendingOffer, SdpError};

/// A leg at 198.51.100.1:30000 that does PCMU, PCMA and telephone events.
pub(crate) fn leg() -> Negotiation {
    leg_with(|_| {})
}

/// The same with other capabilities.
pub(crate) fn leg_with(change: impl FnOnce(&mut Capabilities)) -> Negotiation {
    leg_at("198.51.100.1", change)
}

/// The same at another address.
pub(crate) fn leg_at(address: &str, change: impl FnOnce(&mut Capabilities)) -> Negotiation {
    let mut capabilities =
        Capabilities { codecs: vec![Codec::Pcmu, Codec::Pcma], telephone_event: true, ptime_ms: 20, rtcp_mux: true };
    change(&mut capabilities);
    let address = address.parse().expect("an address");
    Negotiation::new(LocalMedia { address, port: 30000 }, capabilities, 77)
}

/// A description of the peer's from its lines after `t=`; `c=` at session level unless `lines` has one.
pub(crate) fn peer(lines: &str) -> Vec<u8> {
    let connection = if lines.contains("c=") { "" } else { "c=IN IP4 192.0.2.1\n" };
    let text = format!("v=0\no=peer 1 1 IN IP4 192.0.2.1\ns=-\n{connection}t=0 0\n{lines}\n");
    text.replace('\n', "\r\n").into_bytes()
}

/// Answers `lines`; gives the short form of the outcome.
pub(crate) fn answer(leg: &mut Negotiation, lines: &str) -> String {
    outcome(&leg.answer(&peer(lines)).map(|(_, negotiated)| negotiated))
}

/// Answers `lines`; gives our description without what never changes.
pub(crate) fn answer_text(leg: &mut Negotiation, lines: &str) -> String {
    let (body, _) = leg.answer(&peer(lines)).expect("an answer");
    short(&body)
}

/// Offers; gives our description without what never changes, and the pending offer.
pub(crate) fn offer_text(leg: &mut Negotiation) -> (String, PendingOffer) {
    let (body, pending) = leg.offer();
    (short(&body), pending)
}

/// Offers and takes `lines` as the answer.
pub(crate) fn offer_and_accept(leg: &mut Negotiation, lines: &str) -> String {
    let (_, pending) = leg.offer();
    outcome(&leg.accept(pending, &peer(lines)))
}

/// A description of ours from its `o=` version on: `v2 | m=… | a=…`.
pub(crate) fn short(body: &[u8]) -> String {
    let text = str::from_utf8(body).expect("our descriptions are text");
    assert!(text.ends_with("\r\n"), "{text:?} ends with a line end");
    let mut lines = text.trim_end().split("\r\n");
    assert_eq!(lines.next(), Some("v=0"));
    let origin = lines.next().expect("an o= line");
    let (version, address) =
        origin.strip_prefix("o=- 77 ").and_then(|rest| rest.split_once(' ')).expect("the o= line has our stable id");
    assert_eq!(lines.next(), Some("s=-"));
    assert_eq!(lines.next(), Some(format!("c={address}").as_str()));
    assert_eq!(lines.next(), Some("t=0 0"));
    let mut result = format!("v{version}");
    for line in lines {
        let _ = write!(result, " | {line}");
    }
    result
}

/// `192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 dtmf 101/101 20ms send receive None`; numbers are send/receive.
pub(crate) fn outcome(result: &Result<Negotiated, SdpError>) -> String {
    let negotiated = match result {
        Ok(negotiated) => negotiated,
        Err(SdpError::Malformed(_)) => return "Malformed".into(),
        Err(error) => return format!("{error:?}"),
    };
    let mut text = negotiated.remote.to_string();
    match negotiated.remote_rtcp {
        Some(rtcp) => write!(text, " rtcp {rtcp}"),
        None => write!(text, " mux"),
    }
    .expect("written to a string");
    let _ = write!(text, " {:?}", negotiated.codec);
    let _ = write!(text, " {}/{}", negotiated.payload_type_send, negotiated.payload_type_receive);
    if let (Some(send), Some(receive)) = (negotiated.dtmf_payload_type_send, negotiated.dtmf_payload_type_receive) {
        let _ = write!(text, " dtmf {send}/{receive}");
    }
    let _ = write!(text, " {}ms", negotiated.ptime_ms);
    text.push_str(if negotiated.send { " send" } else { "" });
    text.push_str(if negotiated.receive { " receive" } else { "" });
    let _ = write!(text, " {:?}", negotiated.remote_hold);
    text
}

/// The file `name` of the project's SDP fixtures.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = fixtures().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the SDP fixtures are.
pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sip-fixtures/messages/sdp")
}
