//! Writing: requests, responses, and what never gets into a message.

use baton_sip::wire::{BadText, Builder, CSeq, HeaderName, Message, Method, NameAddr, Uri, Via};
use bytes::Bytes;

use super::good;

const INVITE: &str = "\
INVITE sip:bob@192.0.2.9 SIP/2.0
v: SIP / 2.0 / UDP 10.0.0.1 : 5062 ; rport ; branch=z9hG4bK1 , SIP/2.0/TCP p1.h;branch=z9hG4bK2
Via: SIP/2.0/TCP  p0.h;branch=z9hG4bK3
f: \"Alice\"   <sip:alice@h> ; tag=f
Record-Route: <sip:p1.h;lr>, <sip:p0.h;lr>
To: <sip:bob@h>
i: c
CSeq: 0007   INVITE
Timestamp: 54
Subject: not copied

";

fn response(status: u16, reason: &str, tag: Option<&str>) -> String {
    let mut message = good(INVITE);
    message.set_source("198.51.100.7:40000".parse().unwrap());
    String::from_utf8(message.response(status, reason, tag).finish().unwrap().to_vec()).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_response_copies_what_the_rfc_says_and_nothing_else() {
    let wanted = "\
SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 10.0.0.1:5062;rport=40000;branch=z9hG4bK1;received=198.51.100.7 , SIP/2.0/TCP p1.h;branch=z9hG4bK2
Via: SIP/2.0/TCP  p0.h;branch=z9hG4bK3
From: \"Alice\"   <sip:alice@h> ; tag=f
To: <sip:bob@h>;tag=t
Call-ID: c
CSeq: 0007   INVITE
Record-Route: <sip:p1.h;lr>, <sip:p0.h;lr>
Content-Length: 0

";
    assert_eq!(response(180, "", Some("t")), wanted);
}

#[test]
fn a_trying_has_no_tag_but_the_timestamp_and_a_failure_no_route() {
    let trying = response(100, "", Some("t"));
    assert!(trying.contains("\nTo: <sip:bob@h>\n") && trying.contains("\nTimestamp: 54\n"));
    let busy = response(486, "Besetzt", Some("t"));
    assert!(busy.starts_with("SIP/2.0 486 Besetzt\n") && busy.contains("\nTo: <sip:bob@h>;tag=t\n"));
    assert!(!busy.contains("Record-Route") && !trying.contains("Record-Route"));
}

/// Found by fuzzing: what could be read could not be answered.
#[test]
fn what_stands_behind_the_first_via_is_given_back_whatever_it_holds() {
    let mut message = good(&INVITE.replace("p1.h;branch=z9hG4bK2", "p1.h;branch=z9hG4bK\0"));
    message.set_source("198.51.100.7:40000".parse().unwrap());
    let answer = message.response(486, "", Some("t")).finish().unwrap();
    let vias = "rport=40000;branch=z9hG4bK1;received=198.51.100.7 , SIP/2.0/TCP p1.h;branch=z9hG4bK\0\r\n";
    assert!(String::from_utf8_lossy(&answer).contains(vias), "{answer:?}");
}

#[test]
fn a_tag_that_is_there_stays() {
    let message = good(&INVITE.replace("<sip:bob@h>", "<sip:bob@h>;tag=old"));
    let text = message.response(200, "", Some("new")).finish().unwrap();
    assert_eq!(Message::parse(text).unwrap().to_tag(), Some("old"));
    let message = good(&INVITE.replace("To: <sip:bob@h>", "To: sip:bob@h;x;"));
    let text = message.response(200, "", Some("new")).finish().unwrap();
    assert_eq!(Message::parse(text).unwrap().to_tag(), Some("new"));
}

#[test]
fn a_request_is_written_and_read() {
    let via = Via::parse("SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;rport").unwrap();
    let from = NameAddr::parse("\"A \\\"B\\\"\" <sip:a@h>").unwrap().with_tag("f");
    let written = Builder::request(&Method::Invite, "sip:b@[2001:db8::2]")
        .header(HeaderName::Via, &via)
        .header(HeaderName::MaxForwards, 70)
        .header(HeaderName::From, &from)
        .header(HeaderName::To, NameAddr::of(Uri::parse("sip:b@h").unwrap()))
        .header(HeaderName::CallId, "c")
        .header(HeaderName::CSeq, CSeq { number: 1, method: Method::Invite })
        .header(HeaderName::ContentLength, 999)
        .header(HeaderName::Other("X-Mine"), "")
        .body("application/sdp", Bytes::from_static(b"v=0\0\xff"))
        .finish()
        .unwrap();
    let message = Message::parse(written).unwrap();
    assert_eq!((message.via(), message.from()), (via, from));
    assert_eq!(message.headers(HeaderName::ContentLength).collect::<Vec<_>>(), ["5"]);
    assert_eq!(message.body_of_type("application/sdp").as_deref(), Some(b"v=0\0\xff".as_slice()));
    assert_eq!(message.header(HeaderName::Other("x-mine")), Some(""));
}

#[test]
fn nothing_smuggles_a_line_into_a_message() {
    let request = || Builder::request(&Method::Options, "sip:a@h");
    for evil in ["a\r\nRoute: <sip:evil>", "a\nb", "a\rb", "a\0b"] {
        let results = [
            request().header(HeaderName::Subject, evil).finish(),
            request().header(HeaderName::Other(evil), "x").finish(),
            request().body(evil, Bytes::new()).finish(),
            Builder::request(&Method::Options, evil).finish(),
            Builder::request(&Method::Other(evil.into()), "sip:a@h").finish(),
            Builder::response(200, evil).finish(),
            good(INVITE).response(200, "", Some(evil)).finish(),
        ];
        assert_eq!(results, [const { Err(BadText) }; 7], "{evil:?}");
    }
    assert_eq!(Builder::request(&Method::Options, "sip:a b@h").finish(), Err(BadText));
    assert_eq!(Builder::response(99, "").finish(), Err(BadText));
    assert_eq!(request().header(HeaderName::Other("a b"), "x").finish(), Err(BadText));
    let display = NameAddr { display: "a\r\nb".into(), ..NameAddr::of(Uri::parse("sip:a@h").unwrap()) };
    assert!(request().header(HeaderName::From, display).finish().is_ok(), "quoting makes blanks of them");
}
