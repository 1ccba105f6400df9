//! What follows the first exchange: versions, later offers of both sides, stale answers.

mod support;

use baton_sdp::{Codec, Negotiation, PendingOffer, SdpError};
use support::{answer, answer_text, leg, leg_at, leg_with, offer_and_accept, offer_text, outcome, peer};

const OFFER: &str = "m=audio 30000 RTP/AVP 0 8 101 | a=rtpmap:0 PCMU/8000 | a=rtpmap:8 PCMA/8000 \
                     | a=rtpmap:101 telephone-event/8000 | a=fmtp:101 0-15 | a=ptime:20 | a=rtcp-mux | a=sendrecv";

#[test]
fn d5_our_offer_is_a_full_one() {
    assert_eq!(offer_text(&mut leg()).0, format!("v1 | {OFFER}"));
    let mut bare = leg_with(|capabilities| {
        capabilities.codecs = vec![Codec::Pcma];
        capabilities.telephone_event = false;
        capabilities.rtcp_mux = false;
        capabilities.ptime_ms = 30;
    });
    assert_eq!(
        offer_text(&mut bare).0,
        "v1 | m=audio 30000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:30 | a=sendrecv"
    );
}

#[test]
fn answers_to_our_offer() {
    for (lines, expected) in [
        ("m=audio 4000 RTP/AVP 0", "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms send receive None"),
        ("m=audio 4000 RTP/AVP 8 0", "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcma 8/8 20ms send receive None"),
        // We send telephone events with the peer's number and receive them with ours.
        (
            "m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\na=rtcp-mux",
            "192.0.2.1:4000 mux Pcmu 0/0 dtmf 96/101 20ms send receive None",
        ),
        (
            "m=audio 4000 RTP/AVP 99\na=rtpmap:99 PCMU/8000",
            "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 99/0 20ms send receive None",
        ),
        ("m=audio 4000 RTP/AVP 0\na=recvonly", "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms send None"),
        ("m=audio 4000 RTP/AVP 0\na=sendonly", "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms receive SendOnly"),
        ("m=audio 4000 RTP/AVP 0\na=inactive", "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 20ms Inactive"),
        ("m=audio 0 RTP/AVP 0", "NoAudio"),
        ("m=audio 4000 RTP/SAVP 0", "NoAudio"),
        ("m=audio 4000 RTP/AVP 18", "NoCodec"),
        ("m=video 4000 RTP/AVP 96", "Stale"),
        ("m=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 96", "Stale"),
        ("", "Stale"),
        ("m=audio", "Malformed"),
    ] {
        assert_eq!(offer_and_accept(&mut leg(), lines), expected, "{lines}");
    }
}

#[test]
fn what_we_did_not_offer_is_not_agreed() {
    let mut bare = leg_with(|capabilities| {
        capabilities.codecs = vec![Codec::Pcma];
        capabilities.telephone_event = false;
        capabilities.rtcp_mux = false;
    });
    let lines = "m=audio 4000 RTP/AVP 0 8 96\na=rtpmap:96 telephone-event/8000\na=rtcp-mux";
    assert_eq!(
        offer_and_accept(&mut bare, lines),
        "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcma 8/8 20ms send receive None"
    );
}

#[test]
fn d2_the_version_rises_with_each_change_and_only_then() {
    let mut leg = leg();
    let offered = "m=audio 4000 RTP/AVP 0";
    let version = |text: String| text.split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(version(answer_text(&mut leg, offered)), "v1");
    assert_eq!(version(answer_text(&mut leg, offered)), "v1", "nothing changed");
    assert_eq!(version(answer_text(&mut leg, "m=audio 4000 RTP/AVP 0\na=sendonly")), "v2");
    assert_eq!(version(answer_text(&mut leg, "m=audio 4000 RTP/AVP 0\na=sendonly")), "v2");
    let (offer, pending) = offer_text(&mut leg);
    assert_eq!(version(offer), "v3");
    assert!(leg.accept(pending, &peer(offered)).is_ok());
    assert_eq!(version(answer_text(&mut leg, offered)), "v4");
}

#[test]
fn d2_the_latest_remote_description_counts_from_answers_as_well_as_offers() {
    let mut leg = leg();
    let mut remotes = Vec::new();
    for port in [4000, 4100] {
        answer(&mut leg, &format!("m=audio {port} RTP/AVP 0"));
        remotes.push(leg.current().map(|current| current.remote.port()));
        offer_and_accept(&mut leg, &format!("m=audio {} RTP/AVP 0", port + 2));
        remotes.push(leg.current().map(|current| current.remote.port()));
    }
    assert_eq!(remotes, [Some(4000), Some(4002), Some(4100), Some(4102)]);
}

#[test]
fn a_later_offer_keeps_the_agreed_numbers_codec_and_lines() {
    let mut leg = leg();
    let offer = "m=video 5000 RTP/AVP 96\nm=audio 4000 RTP/AVP 100 97\na=rtpmap:100 PCMA/8000\na=rtpmap:97 telephone-event/8000";
    answer(&mut leg, offer);
    assert_eq!(
        offer_text(&mut leg).0,
        "v2 | m=video 0 RTP/AVP 96 | m=audio 30000 RTP/AVP 100 0 97 | a=rtpmap:100 PCMA/8000 \
         | a=rtpmap:0 PCMU/8000 | a=rtpmap:97 telephone-event/8000 | a=fmtp:97 0-15 | a=ptime:20 | a=rtcp-mux | a=sendrecv"
    );
}

#[test]
fn telephone_events_take_no_number_that_the_peer_uses_otherwise() {
    let mut leg = leg();
    answer(&mut leg, "m=audio 4000 RTP/AVP 0 101 102\na=rtpmap:101 opus/48000/2\na=rtpmap:102 telephone-event/48000");
    assert!(offer_text(&mut leg).0.contains("a=rtpmap:103 telephone-event/8000"));
}

#[test]
fn the_lines_left_out_of_an_answer_were_refused_ones() {
    let mut leg = leg();
    answer(&mut leg, "m=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 96");
    assert!(offer_and_accept(&mut leg, "m=audio 4002 RTP/AVP 0").starts_with("192.0.2.1:4002"));
    // It is forgiven in the answer; our own descriptions keep the line.
    assert!(offer_text(&mut leg).0.contains("m=video 0 RTP/AVP 96"));
}

#[test]
fn a_later_answer_keeps_the_present_codec_while_the_peer_offers_it() {
    let mut leg = leg();
    for (offered, codec) in [("0 8", "Pcmu"), ("8 0", "Pcmu"), ("8", "Pcma"), ("0 8", "Pcma"), ("0", "Pcmu")] {
        let outcome = answer(&mut leg, &format!("m=audio 4000 RTP/AVP {offered}"));
        assert!(outcome.contains(codec), "{offered}: {outcome}");
    }
}

#[test]
fn a_second_usable_stream_does_not_take_the_place_of_the_one_in_use() {
    let mut leg = leg();
    answer(&mut leg, "m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 0");
    let again = answer(&mut leg, "m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0");
    assert!(again.starts_with("192.0.2.1:4002"), "{again}");
    let gone = answer(&mut leg, "m=audio 4000 RTP/AVP 0\nm=audio 0 RTP/AVP 0");
    assert!(gone.starts_with("192.0.2.1:4000"), "{gone}");
}

#[test]
fn a_stale_answer_fails_and_changes_nothing() {
    let mut leg = leg();
    let (_, first) = leg.offer();
    let (_, second) = leg.offer();
    assert_eq!(leg.accept(first, &peer("m=audio 4000 RTP/AVP 0")), Err(SdpError::Stale));
    assert_eq!(leg.current(), None);
    assert!(leg.accept(second, &peer("m=audio 4002 RTP/AVP 0")).is_ok());

    let (_, crossed) = leg.offer();
    answer(&mut leg, "m=audio 4004 RTP/AVP 0");
    let before = leg.clone();
    assert_eq!(leg.accept(crossed, &peer("m=audio 4006 RTP/AVP 0")), Err(SdpError::Stale));
    assert_eq!(leg, before);
}

#[test]
fn d7_a_clone_of_the_pending_offer_takes_the_answer_of_another_fork() {
    let mut leg = leg();
    let (_, pending) = leg.offer();
    let early = leg.accept(pending.clone(), &peer("m=audio 4000 RTP/AVP 0"));
    assert!(outcome(&early).starts_with("192.0.2.1:4000"));
    let last = leg.accept(pending, &peer("m=audio 4800 RTP/AVP 8"));
    assert!(outcome(&last).starts_with("192.0.2.1:4800 rtcp 192.0.2.1:4801 Pcma"));
}

#[test]
fn a_failed_exchange_leaves_the_session_as_it_was() {
    let mut leg = leg();
    answer(&mut leg, "m=audio 4000 RTP/AVP 0");
    let before = leg.clone();
    for lines in ["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 18", "m=audio 4000 RTP/SAVP 0", "m=audio"] {
        answer(&mut leg, lines);
        assert_eq!(leg, before, "{lines}");
    }
    let (_, pending) = leg.offer();
    let agreed = leg.current().cloned();
    assert_eq!(leg.accept(pending, &peer("m=audio 4000 RTP/AVP 18")), Err(SdpError::NoCodec));
    assert_eq!(leg.current().cloned(), agreed);
}

#[test]
fn ipv6_legs() {
    let mut leg = leg_at("2001:db8::99", |_| {});
    let (offer, _) = leg.offer();
    let text = String::from_utf8_lossy(&offer).into_owned();
    assert!(text.starts_with("v=0\r\no=- 77 1 IN IP6 2001:db8::99\r\ns=-\r\nc=IN IP6 2001:db8::99\r\n"), "{text}");
    assert_eq!(
        offer_and_accept(&mut leg, "c=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 0"),
        "[2001:db8::1]:4000 rtcp [2001:db8::1]:4001 Pcmu 0/0 20ms send receive None"
    );
}

#[test]
fn a_negotiation_and_its_pending_offer_are_plain_data() {
    let mut leg = leg();
    answer(&mut leg, "m=audio 4000 RTP/AVP 8 97\na=rtpmap:97 telephone-event/8000\nm=video 5000 RTP/AVP 96");
    let (_, pending) = leg.offer();
    let frozen = serde_json::to_string(&(&leg, &pending)).expect("serialised");
    let (mut revived, revived_pending): (Negotiation, PendingOffer) = serde_json::from_str(&frozen).expect("restored");
    assert_eq!((&revived, &revived_pending), (&leg, &pending));
    let taken = revived.accept(revived_pending, &peer("m=audio 4002 RTP/AVP 8\nm=video 0 RTP/AVP 96"));
    assert_eq!(outcome(&taken), "192.0.2.1:4002 rtcp 192.0.2.1:4003 Pcma 8/8 20ms send receive None");
}
