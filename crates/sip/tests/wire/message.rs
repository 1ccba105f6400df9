//! The index: what it finds, what it refuses, and what it keeps.

use baton_sip::wire::{Fault, HeaderName, Message, Method, Refresher, SessionExpires};
use bytes::Bytes;

use super::{good, read};

const OPTIONS: &str = "\
OPTIONS sip:bob@192.0.2.9 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
From: <sip:alice@h>;tag=f
To: <sip:bob@h>
Call-ID: c
CSeq: 7 OPTIONS
";

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        ("", "", Fault::StartLine),
        ("OPTIONS sip:bob@192.0.2.9 SIP/2.0", "hello", Fault::StartLine),
        ("OPTIONS sip:bob@192.0.2.9 SIP/2.0", "GET / HTTP/1.1", Fault::StartLine),
        ("OPTIONS sip:bob@192.0.2.9 SIP/2.0", "SIP/2.0 99 Low", Fault::StartLine),
        ("OPTIONS sip:bob@192.0.2.9 SIP/2.0", "SIP/2.0 700 High", Fault::StartLine),
        ("OPTIONS sip:bob@192.0.2.9 SIP/2.0", "SIP/2.0 0200 Long", Fault::StartLine),
        ("sip:bob@192.0.2.9", "bob", Fault::RequestUri),
        ("SIP/2.0\n", "SIP/3.0\n", Fault::Version),
        ("Call-ID: c\n", "", Fault::Missing),
        ("Call-ID: c\n", "Call-ID: \n", Fault::HeaderLine),
        ("Call-ID: c\n", "Call-ID: c\ni: d\n", Fault::Duplicate),
        ("Call-ID: c\n", "Call-ID: c\nno colon\n", Fault::HeaderLine),
        ("Call-ID: c\n", "Call-ID: c\nna me: x\n", Fault::HeaderLine),
        ("Call-ID: c\n", "Call-ID: c\n: x\n", Fault::HeaderLine),
        ("Via: SIP", " Via: SIP", Fault::HeaderLine),
        ("CSeq: 7 OPTIONS", "CSeq: 7 BYE", Fault::MethodMismatch),
        ("CSeq: 7 OPTIONS", "CSeq: 7 options", Fault::MethodMismatch),
        ("CSeq: 7 OPTIONS", "CSeq: OPTIONS", Fault::CSeq),
        ("Via: SIP/2.0/UDP", "Via: UDP", Fault::Via),
        ("<sip:bob@h>", "<sip:bob@h", Fault::Address),
        ("<sip:bob@h>", "<sip:bob@h>;tag=", Fault::Address),
        ("Call-ID: c\n", "Call-ID: c\nMax-Forwards: 256\n", Fault::MaxForwards),
        ("Call-ID: c\n", "Call-ID: c\nContent-Length: 1\n", Fault::ContentLength),
        ("Call-ID: c\n", "Call-ID: c\nContent-Length: 4294967296\n", Fault::ContentLength),
        ("Call-ID: c\n", "Call-ID: c\nX: a\rRoute: b\n", Fault::HeaderLine),
    ];
    for (from, to, fault) in cases {
        let text = if from.is_empty() { String::new() } else { format!("{OPTIONS}\n").replacen(from, to, 1) };
        assert_eq!(read(&text).expect_err(to).fault, fault, "{to:?}");
    }
}

#[test]
fn limits_are_kept() {
    let with = |line: &str, times: usize| read(&format!("{OPTIONS}{}\n", line.repeat(times)));
    let fault = |result: Result<Message, baton_sip::wire::Malformed>| result.map(drop).map_err(|it| it.fault);
    assert_eq!(fault(with("X: y\n", 251)), Ok(()));
    assert_eq!(fault(with("X: y\n", 252)), Err(Fault::TooLarge));
    assert_eq!(fault(with(&format!("X: {}\n", "y".repeat(8_189)), 1)), Ok(()));
    assert_eq!(fault(with(&format!("X: {}\n", "y".repeat(8_190)), 1)), Err(Fault::TooLarge));
    assert_eq!(fault(with(&format!("X: {}\n", "y".repeat(8_000)), 9)), Err(Fault::TooLarge));
    assert_eq!(fault(with(&format!("X: y\n {}\n", "y".repeat(8_189)), 1)), Err(Fault::TooLarge));
    let malformed = with("X: y\n", 300).expect_err("too many");
    assert_eq!(malformed.status(), 513);
    assert!(malformed.response("t", "192.0.2.1:5060".parse().unwrap()).is_some());
}

#[test]
fn a_cut_message_is_not_taken() {
    let whole = format!("{OPTIONS}Content-Length: 4\n\nbody").replace('\n', "\r\n");
    for length in 0..whole.len() {
        assert!(Message::parse(Bytes::copy_from_slice(&whole.as_bytes()[..length])).is_err(), "{length} bytes");
    }
    assert_eq!(Message::parse(whole.into()).unwrap().body(), "body");
}

#[test]
fn the_body_ends_where_content_length_says() {
    for (header, body, wanted) in [
        ("Content-Length: 3\n", "abcdef", "abc"),
        ("l: 0\n", "abc", ""),
        ("", "abc", "abc"),
        ("", "", ""),
        ("Content-Length: 3\nl: 3\n", "abc", "abc"),
    ] {
        assert_eq!(good(&format!("{OPTIONS}{header}\n{body}")).body(), wanted, "{header:?}");
    }
    let typed = good(&format!("{OPTIONS}c: Application/SDP ; charset=x\n\nv=0"));
    assert_eq!(typed.body_of_type("application/sdp").as_deref(), Some(b"v=0".as_slice()));
    assert_eq!(typed.body_of_type("text/plain"), None);
}

#[test]
fn line_feeds_alone_and_keep_alives_in_front_are_read() {
    let text = format!("\r\n\r\n{OPTIONS}\n");
    let message = Message::parse(Bytes::from(text)).unwrap();
    assert_eq!((message.call_id(), message.branch()), ("c", "z9hG4bK1"));
}

#[test]
fn a_name_that_is_not_utf8_costs_only_its_letters() {
    let text = format!("{OPTIONS}\n").replace("<sip:alice@h>", "\"M\u{fc}ller\" <sip:alice@h>").replace('\n', "\r\n");
    let latin: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let message = Message::parse(latin.into()).unwrap();
    assert_eq!((message.from().display.as_str(), message.from_tag()), ("M?ller", Some("f")));
    let response = message.response(200, "", None).finish().unwrap();
    assert!(response.windows(8).any(|window| window == b"\"M\xfcller\""), "copied byte for byte");
}

#[test]
fn headers_are_found_by_any_name_and_split_at_commas() {
    let message = good(&format!(
        "{OPTIONS}Supported: timer, 100rel\nk: replaces\nx: 90;refresher=uas\nX-Any: 1\nx-aNY: 2\nAllow: INVITE,ACK\n\
         Contact: \"a, b\" <sip:a@h>, <sip:b@h>\nRequire: timer, tdialog\n\n"
    ));
    assert_eq!(message.values(HeaderName::Supported).collect::<Vec<_>>(), ["timer", "100rel", "replaces"]);
    assert!(message.has_token(HeaderName::Supported, "Replaces"));
    assert!(!message.has_token(HeaderName::Allow, "invite"));
    assert_eq!(message.allows(&Method::Invite), Some(true));
    assert_eq!(message.allows(&Method::Bye), Some(false));
    assert_eq!(good(&format!("{OPTIONS}\n")).allows(&Method::Bye), None);
    assert_eq!(message.headers(HeaderName::of("X-ANY")).collect::<Vec<_>>(), ["1", "2"]);
    let timer = SessionExpires { interval_s: 90, refresher: Some(Refresher::Uas) };
    assert_eq!(message.session_expires(), Ok(Some(timer)));
    assert_eq!(message.name_addrs(HeaderName::Contact).map(|list| list.len()), Ok(2));
    assert_eq!(message.unknown_requirements(&["timer"]), ["tdialog"]);
}

#[test]
fn the_small_views_read_and_fail_each_for_itself() {
    let message = good(&format!(
        "{OPTIONS}Expires: 99999999999\nRetry-After: 120 (busy);duration=3\nReason: SIP;cause=200;text=\"x, y\", Q.850;cause=16\n\
         Refer-Sub: false\nMin-SE: 90;x\nRSeq: 1\nRAck: 1 2 INVITE\nEvent: refer;id=2\nSession-Expires: soon\n\
         Subscription-State: active;expires=60\nRemote-Party-ID: \"B\" <sip:b@h>;party=called\n\n"
    ));
    assert_eq!(message.expires_s(), Ok(Some(u32::MAX)));
    assert_eq!(message.retry_after_s(), Some(120));
    assert_eq!((message.reasons().len(), message.q850()), (2, Some(16)));
    assert_eq!((message.refer_sub(), message.min_se_s(), message.rseq()), (Some(false), Ok(Some(90)), Ok(Some(1))));
    assert_eq!(message.rack().unwrap().unwrap().cseq.number, 2);
    assert_eq!(message.event().and_then(|event| event.id).as_deref(), Some("2"));
    assert!(message.session_expires().is_err());
    assert_eq!(message.subscription_state().and_then(|state| state.expires_s), Some(60));
    assert_eq!(message.identity().map(|identity| identity.display).as_deref(), Some("B"));
    assert_eq!((message.replaces(), message.refer_to()), (Ok(None), Ok(None)));
}

#[test]
fn a_message_survives_a_checkpoint() {
    let mut message = good(&format!("{OPTIONS}Subject: a\n folded\n\nbody"));
    message.set_source("[2001:db8::1]:5060".parse().unwrap());
    let kept = serde_json::to_string(&message).unwrap();
    let back: Message = serde_json::from_str(&kept).unwrap();
    assert_eq!(back, message);
    assert!(serde_json::from_str::<Message>(&kept.replace("79,80,84", "10,10,10")).is_err());
}
