//! A SIP message: every view of it can be asked for, what it says survives being written again, and a response to it reads.

use std::net::SocketAddr;

use baton_sip::wire::{Builder, HeaderName, Message, NameAddr, Via};
use bytes::Bytes;

/// Where it came from.
const SOURCE: ([u8; 4], u16) = ([192, 0, 2, 7], 5_070);

pub(crate) fn run(data: &[u8]) {
    match Message::parse(Bytes::copy_from_slice(data)) {
        Ok(message) => holds(message),
        Err(malformed) => {
            assert!(matches!(malformed.status(), 400 | 505 | 513));
            if let Some(response) = malformed.response("tag", SocketAddr::from(SOURCE)) {
                assert!(response.starts_with(b"SIP/2.0 "));
                assert!(response.len() < data.len() + 1_024, "an answer to rubbish is no amplifier");
            }
        }
    }
}

fn holds(mut message: Message) {
    look_at_everything(&message);
    let again = rewritten(&message);
    assert_eq!(again.method(), message.method());
    assert_eq!(again.body(), message.body());
    let texts = |message: &Message| -> Vec<(String, String)> {
        let is_length = |name: &HeaderName<'_>| *name == HeaderName::ContentLength;
        let headers = message.all_headers().filter(|(name, _)| !is_length(name));
        headers.map(|(name, value)| (name.as_str().to_ascii_lowercase(), value.to_owned())).collect()
    };
    assert_eq!(texts(&again), texts(&message));
    message.set_source(SocketAddr::from(SOURCE));
    if message.is_request() {
        let response = message.response(486, "", Some("tag")).finish().expect("a response to what was read");
        let response = Message::parse(response).expect("our response reads");
        assert_eq!((response.status(), response.call_id()), (486, message.call_id()));
        assert_eq!(response.cseq(), message.cseq());
        assert!(response.to_tag().is_some());
    }
}

fn rewritten(message: &Message) -> Message {
    let mut builder = if message.is_request() {
        Builder::request(message.method(), message.request_uri())
    } else {
        // The phrase is the one text that is not copied: what we would not write ourselves is read all the same.
        let reason = Some(message.reason()).filter(|reason| !reason.contains('\0')).unwrap_or_default();
        Builder::response(message.status(), reason)
    };
    builder.copy_all_but(message, &[]).raw_body(message.body());
    Message::parse(builder.finish().expect("what was read can be written")).expect("what was written reads")
}

fn look_at_everything(message: &Message) {
    let via = message.via();
    assert_eq!(Via::parse(&via.to_string()), Ok(via.clone()), "a Via reads back");
    let _ = (via.received(), via.rport(), message.response_address(SocketAddr::from(SOURCE)));
    let _ = (via.listening_address(SocketAddr::from(SOURCE)), message.vias(), message.branch());
    for party in [message.from(), message.to()] {
        // Control characters of a name are printed as blanks.
        let again = NameAddr::parse(&party.to_string()).expect("a party reads back");
        let display = party.display.replace(char::is_control, " ");
        assert_eq!((&again.uri, &again.params, &again.display), (&party.uri, &party.params, &display));
        let _ = party.party();
    }
    let _ = (message.from_tag(), message.to_tag(), message.cseq(), message.contacts(), message.contact());
    for name in [HeaderName::Route, HeaderName::RecordRoute, HeaderName::Path, HeaderName::PAssertedIdentity] {
        let _ = message.name_addrs(name);
    }
    let _ = (message.max_forwards(), message.expires_s(), message.min_expires_s(), message.session_expires());
    let _ = (message.min_se_s(), message.retry_after_s(), message.reasons(), message.q850());
    let _ = (message.replaces(), message.refer_to(), message.refer_sub(), message.event());
    let _ = (message.subscription_state(), message.rack(), message.rseq(), message.identity());
    let _ = (message.unknown_requirements(&["100rel"]), message.content_type());
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        let _ = message.credentials(name);
    }
    for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
        let _ = message.challenges(name);
    }
    let _ = (message.body_of_type("application/sdp"), message.has_foreign_body(&["application/sdp"]));
}
