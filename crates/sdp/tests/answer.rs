//! Answers to a peer's first offer, clause by clause of RFC 3264.

mod support;

use baton_sdp::Codec;
use support::{answer, answer_text, leg, leg_at, leg_with};

#[track_caller]
fn check(lines: &str, expected: &str) {
    assert_eq!(answer(&mut leg(), lines), expected, "{lines}");
}

#[test]
fn the_answer_mirrors_the_offers_numbers_and_names_one_codec() {
    let offer = "m=audio 4000 RTP/AVP 8 0 97\na=rtpmap:97 telephone-event/8000\na=rtcp-mux";
    assert_eq!(
        answer_text(&mut leg(), offer),
        "v1 | m=audio 30000 RTP/AVP 8 97 | a=rtpmap:8 PCMA/8000 | a=rtpmap:97 telephone-event/8000 \
         | a=fmtp:97 0-15 | a=ptime:20 | a=rtcp-mux | a=sendrecv"
    );
}

#[test]
fn codecs() {
    let both = "192.0.2.1:4000 rtcp 192.0.2.1:4001";
    for (lines, expected) in [
        ("m=audio 4000 RTP/AVP 0", "Pcmu 0/0 20ms send receive None"),
        ("m=audio 4000 RTP/AVP 8 0", "Pcma 8/8 20ms send receive None"),
        ("m=audio 4000 RTP/AVP 18 9 0 8", "Pcmu 0/0 20ms send receive None"),
        ("m=audio 4000 RTP/AVP 0\na=rtpmap:0 pcmu/8000/1", "Pcmu 0/0 20ms send receive None"),
        ("m=audio 4000 RTP/AVP 100\na=rtpmap:100 PCMA/8000", "Pcma 100/100 20ms send receive None"),
        ("m=audio 4000 RTP/AVP 100 0\na=rtpmap:100 PCMU/8000", "Pcmu 100/100 20ms send receive None"),
        // A static number with a mapping of something else is not the codec of the table.
        ("m=audio 4000 RTP/AVP 0 8\na=rtpmap:0 L16/8000", "Pcma 8/8 20ms send receive None"),
        ("m=audio 4000/2 RTP/AVP 0", "Pcmu 0/0 20ms send receive None"),
    ] {
        check(lines, &format!("{both} {expected}"));
    }
}

#[test]
fn no_codec_in_common() {
    for lines in [
        "m=audio 4000 RTP/AVP 18",
        "m=audio 4000 RTP/AVP 100\na=rtpmap:100 PCMU/16000",
        "m=audio 4000 RTP/AVP 100\na=rtpmap:100 PCMU/8000/2",
        "m=audio 4000 RTP/AVP 101\na=rtpmap:101 telephone-event/8000",
        "m=audio 4000 RTP/AVP",
        "m=audio 4000 RTP/AVP 300 zero",
    ] {
        check(lines, "NoCodec");
    }
    let mut only_alaw = leg_with(|capabilities| capabilities.codecs = vec![Codec::Pcma]);
    assert_eq!(answer(&mut only_alaw, "m=audio 4000 RTP/AVP 0"), "NoCodec");
    assert_eq!(only_alaw.current(), None);
}

#[test]
fn telephone_events_only_at_the_codecs_clock() {
    for (lines, expected) in [
        ("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000", " dtmf 96/96"),
        ("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 TELEPHONE-EVENT/8000", " dtmf 96/96"),
        ("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/48000", ""),
        (
            "m=audio 4000 RTP/AVP 0 96 97\na=rtpmap:96 telephone-event/16000\na=rtpmap:97 telephone-event/8000",
            " dtmf 97/97",
        ),
        // Mapped, but not among the formats of the m= line.
        ("m=audio 4000 RTP/AVP 0\na=rtpmap:101 telephone-event/8000", ""),
        ("m=audio 4000 RTP/AVP 0 101", ""),
    ] {
        check(lines, &format!("192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0{expected} 20ms send receive None"));
    }
    let mut without = leg_with(|capabilities| capabilities.telephone_event = false);
    assert!(!answer(&mut without, "m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000").contains("dtmf"));
}

#[test]
fn packet_time_is_the_peers_wish_in_our_steps() {
    for (attributes, expected) in [
        ("", 20),
        ("a=ptime:30", 30),
        ("a=ptime:40\na=maxptime:30", 30),
        ("a=maxptime:10", 10),
        ("a=ptime:25", 20),
        ("a=ptime:5", 10),
        ("a=ptime:1000", 60),
        ("a=ptime:0", 20),
        ("a=ptime:20.5", 20),
        ("a=ptime:soon", 20),
    ] {
        let lines = format!("m=audio 4000 RTP/AVP 0\n{attributes}").trim_end().to_owned();
        check(&lines, &format!("192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 {expected}ms send receive None"));
        let echoed = format!("a=ptime:{expected} ");
        assert!(answer_text(&mut leg(), &lines).contains(&echoed), "{lines}");
    }
    check("a=ptime:30\nm=audio 4000 RTP/AVP 0", "192.0.2.1:4000 rtcp 192.0.2.1:4001 Pcmu 0/0 30ms send receive None");
}

#[test]
fn addresses_of_rtp_and_rtcp() {
    for (lines, expected) in [
        ("c=IN IP4 192.0.2.5\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.6", "192.0.2.6:4000 rtcp 192.0.2.6:4001"),
        ("m=audio 4000 RTP/AVP 0\na=rtcp:4100", "192.0.2.1:4000 rtcp 192.0.2.1:4100"),
        ("m=audio 4000 RTP/AVP 0\na=rtcp:4100 IN IP4 192.0.2.9", "192.0.2.1:4000 rtcp 192.0.2.9:4100"),
        ("m=audio 4000 RTP/AVP 0\na=rtcp:none", "192.0.2.1:4000 rtcp 192.0.2.1:4001"),
        ("m=audio 65535 RTP/AVP 0", "192.0.2.1:65535 mux"),
        ("m=audio 4000 RTP/AVP 0\na=rtcp-mux", "192.0.2.1:4000 mux"),
        ("c=IN IP6 ::ffff:192.0.2.8\nm=audio 4000 RTP/AVP 0", "192.0.2.8:4000 rtcp 192.0.2.8:4001"),
    ] {
        check(lines, &format!("{expected} Pcmu 0/0 20ms send receive None"));
    }
}

#[test]
fn rtcp_is_multiplexed_only_if_offered_and_wanted() {
    assert!(!answer_text(&mut leg(), "m=audio 4000 RTP/AVP 0").contains("rtcp-mux"));
    let mut without = leg_with(|capabilities| capabilities.rtcp_mux = false);
    let lines = "m=audio 4000 RTP/AVP 0\na=rtcp-mux";
    assert!(!answer_text(&mut without, lines).contains("rtcp-mux"));
    assert!(answer(&mut without, lines).contains("rtcp 192.0.2.1:4001"));
}

#[test]
fn no_usable_audio() {
    for lines in [
        "",
        "m=video 4000 RTP/AVP 96",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/AVPF 0",
        "m=audio 4000 RTP/SAVP 0",
        "m=audio 4000 RTP/SAVPF 0",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 0",
        "m=audio 4000 TCP/RTP/AVP 0",
        "c=IN IP4 phone.example.com\nm=audio 4000 RTP/AVP 0",
        "c=IN IP4 224.2.1.1/127\nm=audio 4000 RTP/AVP 0",
        "c=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 0",
        "c=ATM NSAP 47.0091\nm=audio 4000 RTP/AVP 0",
        "a=note:c=\nm=audio 4000 RTP/AVP 0",
    ] {
        check(lines, "NoAudio");
    }
    // The other way round: an IPv4 phone cannot be reached from an IPv6 leg.
    let mut six = leg_at("2001:db8::99", |_| {});
    assert_eq!(answer(&mut six, "m=audio 4000 RTP/AVP 0"), "NoAudio");
}

#[test]
fn every_m_line_is_answered_in_its_place() {
    let offer = "m=video 5000 RTP/AVP 96 97\nm=audio 5002 RTP/SAVP 0\nm=audio 5004 RTP/AVP 18\n\
                 m=audio 5006 RTP/AVP 8\nm=audio 5008 RTP/AVP 0\nm=image 5010 udptl t38\nm=text 5012 RTP/AVP";
    let mut leg = leg();
    assert_eq!(
        answer_text(&mut leg, offer),
        "v1 | m=video 0 RTP/AVP 96 97 | m=audio 0 RTP/SAVP 0 | m=audio 0 RTP/AVP 18 \
         | m=audio 30000 RTP/AVP 8 | a=rtpmap:8 PCMA/8000 | a=ptime:20 | a=sendrecv \
         | m=audio 0 RTP/AVP 0 | m=image 0 udptl t38 | m=text 0 RTP/AVP 0"
    );
    let remote = leg.current().map(|current| current.remote.to_string());
    assert_eq!(remote.as_deref(), Some("192.0.2.1:5006"));
}

#[test]
fn malformed_descriptions_are_refused() {
    for text in [
        "",
        "\r\n",
        "hello",
        "v=1\r\nm=audio 4000 RTP/AVP 0\r\n",
        "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n",
        "v=0\r\nm=audio\r\n",
        "v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
        "v=0\r\nm=audio -1 RTP/AVP 0\r\n",
        "v=0\r\nm=audio 4000\r\n",
        "v=0\r\nc=IN IP4\r\nm=audio 4000 RTP/AVP 0\r\n",
        "v=0\r\nthis is no line\r\n",
        "v=0\r\nx\r\n",
    ] {
        let result = leg().answer(text.as_bytes());
        assert!(matches!(&result, Err(error) if error.status() == 400), "{text:?}: {result:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let long = format!("{}a=x:{}", "m=audio 4000 RTP/AVP 0\n", "y".repeat(70_000));
    check(&long, "Malformed");
    check(&"m=audio 4000 RTP/AVP 0\n".repeat(33), "Malformed");
    assert!(answer(&mut leg(), &"m=audio 4000 RTP/AVP 0\n".repeat(32)).contains("Pcmu"));
    check(&format!("m=audio 4000 {} 0", "P".repeat(65)), "Malformed");
    // The 65th format is not looked at.
    check(&format!("m=audio 4000 RTP/AVP{} 0", " 18".repeat(64)), "NoCodec");
    let mappings = "a=rtpmap:96 x/8000\n".repeat(2000);
    assert!(answer(&mut leg(), &format!("m=audio 4000 RTP/AVP 0\n{mappings}")).contains("Pcmu"));
}

#[test]
fn line_ends_and_blanks_do_not_matter() {
    for text in [
        "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n",
        "v=0\rc=IN IP4 192.0.2.1\rm=audio 4000 RTP/AVP 0",
        "v=0 \r\n\r\nc= IN  IP4 192.0.2.1 \r\nm=audio 4000  RTP/AVP 0 \r\n\r\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=AUDIO 4000 rtp/avp 0\r\nz=0 0\r\n",
    ] {
        let result = leg().answer(text.as_bytes());
        assert!(result.is_ok(), "{text:?}: {result:?}");
    }
}
