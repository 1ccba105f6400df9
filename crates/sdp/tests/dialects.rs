//! Descriptions as phones and exchanges write them, and mutations of them.

mod support;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use support::{fixture, fixtures, leg, leg_at, outcome, short};

/// Every fixture, and what answering it as an offer gives.
const OFFERS: &[(&str, &str)] = &[
    ("asterisk_hold_inactive.sdp", "192.0.2.10:18432 rtcp 192.0.2.10:18433 Pcmu 0/0 dtmf 101/101 20ms Inactive"),
    ("asterisk_offer.sdp", "192.0.2.10:18432 rtcp 192.0.2.10:18433 Pcmu 0/0 dtmf 101/101 20ms send receive None"),
    ("baresip_hold_sendonly.sdp", "192.0.2.50:10020 rtcp 192.0.2.50:10021 Pcma 8/8 dtmf 101/101 20ms receive SendOnly"),
    ("baresip_offer.sdp", "192.0.2.50:10020 rtcp 192.0.2.50:10021 Pcma 8/8 dtmf 101/101 20ms send receive None"),
    ("cisco_hold_zero_address.sdp", "0.0.0.0:17822 rtcp 0.0.0.0:17823 Pcmu 0/0 dtmf 101/101 20ms receive ZeroAddress"),
    ("cisco_offer.sdp", "192.0.2.70:17822 rtcp 192.0.2.70:17823 Pcmu 0/0 dtmf 101/101 20ms send receive None"),
    ("freeswitch_offer.sdp", "192.0.2.20:27912 rtcp 192.0.2.20:27913 Pcmu 0/0 dtmf 101/101 20ms send receive None"),
    ("ipv6_offer.sdp", "NoAudio"),
    ("latin1_names_offer.sdp", "192.0.2.90:5004 rtcp 192.0.2.90:5005 Pcma 8/8 20ms send receive None"),
    (
        "linphone_hold_sendonly_session_level.sdp",
        "192.0.2.30:7078 rtcp 192.0.2.30:7079 Pcmu 0/0 dtmf 101/101 20ms receive SendOnly",
    ),
    ("linphone_offer.sdp", "192.0.2.30:7078 rtcp 192.0.2.30:7079 Pcmu 0/0 dtmf 100/100 20ms send receive None"),
    ("pjsip_answer.sdp", "192.0.2.40:4000 rtcp 192.0.2.40:4001 Pcmu 0/0 dtmf 101/101 20ms send receive None"),
    ("pjsip_offer.sdp", "192.0.2.40:4000 rtcp 192.0.2.40:4001 Pcmu 0/0 dtmf 121/121 20ms send receive None"),
    ("savp_before_avp_offer.sdp", "192.0.2.80:5006 rtcp 192.0.2.80:5007 Pcma 8/8 dtmf 101/101 20ms send receive None"),
    ("sipp_offer.sdp", "192.0.2.60:6000 rtcp 192.0.2.60:6001 Pcmu 0/0 20ms send receive None"),
    ("webrtc_offer_refused.sdp", "NoAudio"),
];

#[test]
fn d6_offers_as_phones_write_them() {
    for (name, expected) in OFFERS {
        let result = leg().answer(&fixture(name)).map(|(_, negotiated)| negotiated);
        assert_eq!(outcome(&result), *expected, "{name}");
    }
}

#[test]
fn no_fixture_is_dead() {
    let mut names: Vec<String> = std::fs::read_dir(fixtures())
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".sdp"))
        .collect();
    names.sort();
    let listed: Vec<&str> = OFFERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed);
}

#[test]
fn d5_a_phones_answer_to_our_offer() {
    let mut leg = leg();
    let (_, pending) = leg.offer();
    let result = leg.accept(pending, &fixture("pjsip_answer.sdp"));
    assert_eq!(outcome(&result), "192.0.2.40:4000 rtcp 192.0.2.40:4001 Pcmu 0/0 dtmf 101/101 20ms send receive None");
}

#[test]
fn the_secured_stream_and_the_fax_are_refused_in_their_places() {
    let (body, _) = leg().answer(&fixture("savp_before_avp_offer.sdp")).expect("an answer");
    assert_eq!(
        short(&body),
        "v1 | m=audio 0 RTP/SAVP 8 0 101 | m=audio 30000 RTP/AVP 8 101 | a=rtpmap:8 PCMA/8000 \
         | a=rtpmap:101 telephone-event/8000 | a=fmtp:101 0-15 | a=ptime:20 | a=sendrecv | m=image 0 udptl t38"
    );
}

#[test]
fn an_ipv6_phone_reaches_an_ipv6_leg() {
    let mut leg = leg_at("2001:db8::99", |_| {});
    let result = leg.answer(&fixture("ipv6_offer.sdp")).map(|(_, negotiated)| negotiated);
    assert_eq!(outcome(&result), "[2001:db8::7]:40000 rtcp [2001:db8::7]:40001 Pcma 8/8 20ms send receive None");
}

/// Whatever arrives, nothing panics, and what we send can be read by ourselves with the same number of lines.
#[test]
fn mutated_descriptions_do_no_harm() {
    let seeds: Vec<Vec<u8>> = OFFERS.iter().map(|(name, _)| fixture(name)).collect();
    let mut random = ChaCha8Rng::seed_from_u64(0x5d9);
    let mut answered = 0;
    for round in 0..20_000 {
        let mut offer = seeds[random.next_u32() as usize % seeds.len()].clone();
        for _ in 0..=random.next_u32() % 6 {
            mutate(&mut offer, &seeds, &mut random);
        }
        let mut leg = leg();
        let (_, pending) = leg.offer();
        let _ = leg.accept(pending, &offer);
        if let Ok((body, negotiated)) = leg.answer(&offer) {
            answered += 1;
            let lines = |text: &[u8]| text.windows(2).filter(|pair| *pair == b"m=").count();
            assert!(lines(&body) <= lines(&offer), "round {round}");
            assert!(body.is_ascii(), "round {round}");
            assert_ne!(negotiated.remote.port(), 0, "round {round}");
            assert!(leg_at("198.51.100.2", |_| {}).answer(&body).is_ok(), "round {round}");
            let (_, again) = leg.offer();
            assert!(leg.accept(again, &body).is_ok(), "round {round}");
        }
    }
    assert!(answered > 2_000, "the mutations leave {answered} readable");
}

fn mutate(text: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut ChaCha8Rng) {
    let at = random.next_u32() as usize % (text.len() + 1);
    let length = random.next_u32() as usize % 24;
    let end = (at + length).min(text.len());
    match random.next_u32() % 6 {
        0 if at < text.len() => text[at] = random.next_u32().to_le_bytes()[0],
        1 if at < text.len() => text[at] ^= 1 << (random.next_u32() % 8),
        2 => drop(text.drain(at..end)),
        3 => {
            let copy = text[at..end].to_vec();
            text.splice(at..at, copy);
        }
        4 => {
            let words: [&[u8]; 8] = [
                b"\r\n",
                b"4294967296",
                b"-1",
                b"m=audio 1 RTP/AVP 0\r\n",
                b"c=IN IP4 0.0.0.0\r\n",
                b"a=rtcp:70000\r\n",
                b"\0",
                b"a=rtpmap:0 x/0/0\r\n",
            ];
            let word = words[random.next_u32() as usize % words.len()];
            text.splice(at..at, word.iter().copied());
        }
        _ => {
            let other = &seeds[random.next_u32() as usize % seeds.len()];
            let from = random.next_u32() as usize % other.len();
            let to = (from + length * 4).min(other.len());
            text.splice(at..end, other[from..to].iter().copied());
        }
    }
}
