//! Hold and resume in every dialect (wire rule D6, RFC 3264 §8.4, RFC 6337 §5).

mod support;

use baton_sdp::LocalHold;
use support::{answer, answer_text, fixture, leg, offer_and_accept, outcome, peer, short};

const TALKING: &str = "m=audio 4000 RTP/AVP 0 8";

/// The peer, in a call, re-offers `lines`: what comes of it, and the direction that we answer.
#[track_caller]
fn check(lines: &str, expected: &str, answered: &str) {
    let mut leg = leg();
    answer(&mut leg, TALKING);
    let mut twin = leg.clone();
    assert_eq!(answer(&mut leg, lines), expected, "{lines}");
    let text = answer_text(&mut twin, lines);
    assert!(text.ends_with(&format!("| a={answered}")), "{lines}: {text}");
    // Resuming is the same for all of them.
    assert_eq!(
        answer(&mut leg, TALKING),
        "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms send receive None",
        "{lines}"
    );
}

#[test]
fn d6_dialects_of_hold() {
    let pcmu = "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms";
    for (lines, expected, answered) in [
        ("m=audio 4000 RTP/AVP 0\na=sendonly", "receive SendOnly", "recvonly"),
        ("m=audio 4000 RTP/AVP 0\na=inactive", "Inactive", "inactive"),
        ("m=audio 4000 RTP/AVP 0\na=recvonly", "send None", "sendonly"),
        ("a=sendonly\nm=audio 4000 RTP/AVP 0", "receive SendOnly", "recvonly"),
        ("a=inactive\nm=audio 4000 RTP/AVP 0", "Inactive", "inactive"),
        // The media's own direction goes before the session's.
        ("a=inactive\nm=audio 4000 RTP/AVP 0\na=sendrecv", "send receive None", "sendrecv"),
        ("a=sendrecv\nm=audio 4000 RTP/AVP 0\na=sendonly", "receive SendOnly", "recvonly"),
        ("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0", "receive ZeroAddress", "recvonly"),
        ("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\nc=IN IP4 0.0.0.0", "receive ZeroAddress", "recvonly"),
        ("c=IN IP6 ::\nm=audio 4000 RTP/AVP 0", "receive ZeroAddress", "recvonly"),
        ("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\na=sendonly", "receive ZeroAddress", "recvonly"),
        ("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\na=recvonly", "ZeroAddress", "inactive"),
        ("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\na=inactive", "Inactive", "inactive"),
        // A direction on another stream is not ours.
        ("m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 96\na=inactive", "send receive None", "sendrecv"),
    ] {
        let expected = format!("{pcmu} {expected}");
        if answered == "sendrecv" && lines.contains("m=video") {
            let mut leg = leg();
            answer(&mut leg, TALKING);
            assert_eq!(answer(&mut leg, lines), expected, "{lines}");
        } else {
            check(lines, &expected, answered);
        }
    }
}

/// Our own hold, told to a peer that goes along as RFC 3264 §6.1 says: its description, and what flows then.
#[test]
fn d6_our_own_hold_in_each_dialect() {
    let resumed = "send receive None";
    for (hold, address, direction, answer_with, expected) in [
        (LocalHold::SendOnly, "198.51.100.1", "sendonly", "recvonly", "send None"),
        // A peer that does not know directions sends on, and is not listened to.
        (LocalHold::SendOnly, "198.51.100.1", "sendonly", "sendrecv", "send None"),
        (LocalHold::Inactive, "198.51.100.1", "inactive", "inactive", "None"),
        (LocalHold::ZeroAddress, "0.0.0.0", "sendonly", "recvonly", "send None"),
        (LocalHold::None, "198.51.100.1", "sendrecv", "sendrecv", resumed),
    ] {
        let mut leg = leg();
        answer(&mut leg, TALKING);
        for (hold, address, direction, answer_with, expected) in [
            (hold, address, direction, answer_with, expected),
            (LocalHold::None, "198.51.100.1", "sendrecv", "sendrecv", resumed),
        ] {
            leg.set_hold(hold);
            let (offer, pending) = leg.offer();
            let text = String::from_utf8(offer.to_vec()).unwrap();
            assert!(text.contains(&format!("\r\nc=IN IP4 {address}\r\n")), "{hold:?}: {text}");
            assert!(text.ends_with(&format!("a={direction}\r\n")), "{hold:?}: {text}");
            let got = outcome(&leg.accept(pending, &peer(&format!("m=audio 4000 RTP/AVP 0\na={answer_with}"))));
            assert!(got.ends_with(&format!("20ms {expected}")), "{hold:?}: {got}");
        }
    }
}

#[test]
fn d6_an_offer_of_the_peers_is_answered_within_our_hold() {
    for (hold, offered, answered) in [
        (LocalHold::SendOnly, "sendrecv", "sendonly"),
        (LocalHold::SendOnly, "recvonly", "sendonly"),
        (LocalHold::SendOnly, "sendonly", "inactive"),
        (LocalHold::Inactive, "sendrecv", "inactive"),
        (LocalHold::None, "sendrecv", "sendrecv"),
    ] {
        let mut leg = leg();
        answer(&mut leg, TALKING);
        leg.set_hold(hold);
        let text = answer_text(&mut leg, &format!("m=audio 4000 RTP/AVP 0\na={offered}"));
        assert!(text.ends_with(&format!("| a={answered}")), "{hold:?}, {offered}: {text}");
    }
}

#[test]
fn d6_double_hold_is_one_hold() {
    let mut leg = leg();
    answer(&mut leg, TALKING);
    let held = "m=audio 4000 RTP/AVP 0\na=sendonly";
    let first = answer_text(&mut leg, held);
    let state = leg.current().cloned();
    assert_eq!(answer_text(&mut leg, held), first, "the same answer, the same version");
    assert_eq!(leg.current().cloned(), state);
    assert!(answer(&mut leg, "m=audio 4000 RTP/AVP 0\na=inactive").ends_with("20ms Inactive"));
}

#[test]
fn d6_hold_with_a_codec_or_port_change() {
    let mut leg = leg();
    answer(&mut leg, TALKING);
    assert_eq!(
        answer(&mut leg, "m=audio 4600 RTP/AVP 8\na=sendonly"),
        "192.0.2.1:4600 rtcp 192.0.2.1:4601 Pcma 8/8 20ms receive SendOnly"
    );
    assert_eq!(
        answer(&mut leg, "m=audio 4600 RTP/AVP 0 8"),
        "192.0.2.1:4600 rtcp 192.0.2.1:4601 Pcma 8/8 20ms send receive None",
        "resuming does not flip the codec"
    );
}

#[test]
fn d6_the_zero_address_keeps_the_last_real_one() {
    let mut leg = leg();
    answer(&mut leg, "m=audio 4000 RTP/AVP 0\na=rtcp:4100");
    let held = "192.0.2.1:4000 rtcp 192.0.2.1:4100 Pcmu 0/0 20ms receive ZeroAddress";
    assert_eq!(answer(&mut leg, "c=IN IP4 0.0.0.0\nm=audio 4700 RTP/AVP 0"), held);
    assert_eq!(answer(&mut leg, "c=IN IP4 0.0.0.0\nm=audio 4700 RTP/AVP 0"), held, "twice");
    assert_eq!(
        answer(&mut leg, "m=audio 4700 RTP/AVP 0"),
        "192.0.2.1:4700 rtcp 192.0.2.1:4701 Pcmu 0/0 20ms send receive None"
    );
}

#[test]
fn d6_a_call_that_begins_on_hold_has_no_real_address_yet() {
    let mut leg = leg();
    assert_eq!(
        answer(&mut leg, "c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0"),
        "0.0.0.0:4000 rtcp 0.0.0.0:4001 Pcmu 0/0 20ms receive ZeroAddress"
    );
    assert!(answer(&mut leg, TALKING).starts_with("192.0.2.1:4000 rtcp 192.0.2.1:4001"));
}

#[test]
fn d6_the_answer_to_our_offer_may_hold_too() {
    let mut leg = leg();
    offer_and_accept(&mut leg, TALKING);
    assert_eq!(
        offer_and_accept(&mut leg, "c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0"),
        "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms receive ZeroAddress"
    );
    assert_eq!(
        offer_and_accept(&mut leg, "m=audio 4000 RTP/AVP 0\na=sendonly"),
        "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms receive SendOnly"
    );
}

#[test]
fn d6_phones_hold_after_their_own_offer() {
    for (offer, hold, expected, answered) in [
        (
            "asterisk_offer.sdp",
            "asterisk_hold_inactive.sdp",
            "192.0.2.10:18432 rtcp 192.0.2.10:18433 Pcmu 0/0 dtmf 101/101 20ms Inactive",
            "inactive",
        ),
        (
            "baresip_offer.sdp",
            "baresip_hold_sendonly.sdp",
            "192.0.2.50:10020 rtcp 192.0.2.50:10021 Pcma 8/8 dtmf 101/101 20ms receive SendOnly",
            "recvonly",
        ),
        (
            "cisco_offer.sdp",
            "cisco_hold_zero_address.sdp",
            "192.0.2.70:17822 rtcp 192.0.2.70:17823 Pcmu 0/0 dtmf 101/101 20ms receive ZeroAddress",
            "recvonly",
        ),
        (
            "linphone_offer.sdp",
            "linphone_hold_sendonly_session_level.sdp",
            "192.0.2.30:7078 rtcp 192.0.2.30:7079 Pcmu 0/0 dtmf 101/101 20ms receive SendOnly",
            "recvonly",
        ),
    ] {
        let mut leg = leg();
        leg.answer(&fixture(offer)).expect("the call");
        let (body, held) = leg.answer(&fixture(hold)).expect("the hold");
        assert_eq!(outcome(&Ok(held)), expected, "{hold}");
        assert!(short(&body).contains(&format!("a={answered}")), "{hold}");
        let (_, talking) = leg.answer(&fixture(offer)).expect("the resumption");
        assert!(talking.send && talking.receive, "{offer}");
    }
}
