//! Messages as real phones send them, shortened to what matters: wire rules P2, P3, P4, P7.

use baton_sip::wire::{HeaderName, Message, Method, Replaces};

use super::good;

fn refer(lines: &str) -> Message {
    good(&format!(
        "REFER sip:alice@192.0.2.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK.x;rport\n\
         From: <sip:1001@192.0.2.1>;tag=f\nTo: <sip:alice@192.0.2.1>;tag=t\nCall-ID: c\nCSeq: 21 REFER\n{lines}\n"
    ))
}

#[test]
fn p2_the_replaces_of_every_phone_names_the_same_dialog() {
    let wanted =
        Replaces { call_id: "7a1@192.0.2.1".into(), to_tag: "tt".into(), from_tag: "ff".into(), early_only: false };
    for line in [
        "Refer-To: <sip:bob@192.0.2.1:5060?Replaces=7a1%40192.0.2.1%3Bto-tag%3Dtt%3Bfrom-tag%3Dff>",
        "Refer-To: \"Bob\" <sip:bob@192.0.2.1?Replaces=7a1%40192.0.2.1%3bfrom-tag%3dff%3bto-tag%3dtt>",
        "r: <sip:bob@192.0.2.1?Require=replaces&Replaces=7a1%40192.0.2.1%3Bto-tag%3Dtt%3Bfrom-tag%3Dff>",
        "Refer-To: sip:bob@192.0.2.1?Replaces=7a1%40192.0.2.1%3Bto-tag%3Dtt%3Bfrom-tag%3Dff",
        "REFER-TO: <sip:bob@192.0.2.1?replaces=7a1@192.0.2.1;to-tag=tt;from-tag=ff>",
    ] {
        let target = refer(&format!("{line}\n")).refer_to().unwrap().unwrap();
        assert_eq!(target.replaces.as_ref(), Some(&wanted), "{line}");
        assert!(!target.uri.to_string().contains("eplaces"), "{line}");
    }
}

#[test]
fn p3_a_blind_refer_without_brackets_length_or_supported_is_whole() {
    let message = refer("Max-Forwards: 70\nRefer-To: sip:1003@192.0.2.1\nReferred-By: <sip:1001@192.0.2.1>;tag=f\n");
    let target = message.refer_to().unwrap().unwrap();
    assert_eq!(
        (target.uri.to_string().as_str(), target.replaces, target.method),
        ("sip:1003@192.0.2.1", None, Method::Invite)
    );
    assert_eq!(message.header(HeaderName::ReferredBy), Some("<sip:1001@192.0.2.1>;tag=f"));
    assert!(message.body().is_empty());
    assert_eq!(message.header(HeaderName::Supported), None);
}

#[test]
fn p4_required_options_are_told_apart_from_supported_ones() {
    let message = refer("Supported: replaces, 100rel, timer, norefersub\nRequire: timer\nRefer-To: <sip:x@h>\n");
    assert_eq!(message.unknown_requirements(&["timer", "100rel"]), Vec::<String>::new());
    assert!(message.has_token(HeaderName::Supported, "norefersub"));
}

#[test]
fn p7_a_browsers_contact_reads_with_its_unreachable_host() {
    let message = good(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\n\
         From: sip:alice@example.com;tag=asdyka899\nTo: sip:alice@example.com\nCall-ID: asidkj3ss\nCSeq: 1 REGISTER\n\
         Contact: <sip:ka7@df7jal23ls0d.invalid;transport=ws>;reg-id=1;\
         +sip.instance=\"<urn:uuid:f81-7dec-14a06cf1>\";expires=600\n\n",
    );
    let contact = message.contact().unwrap().unwrap();
    assert_eq!(contact.params.unquoted("+sip.instance").as_deref(), Some("<urn:uuid:f81-7dec-14a06cf1>"));
    assert_eq!(contact.uri.as_sip().and_then(|uri| uri.transport()).as_deref(), Some("ws"));
    assert_eq!(message.via().host.to_string(), "df7jal23ls0d.invalid");
}

#[test]
fn two_replaces_or_two_refer_to_are_refused() {
    assert!(refer("Refer-To: <sip:a@h>\nRefer-To: <sip:b@h>\n").refer_to().is_err());
    assert!(refer("Replaces: a;to-tag=1;from-tag=2\nReplaces: a;to-tag=1;from-tag=2\n").replaces().is_err());
}
