//! Damaged messages: 200,000 of them, each read in every way there is. Nothing panics, nothing bad gets out.

use baton_sip::digest;
use baton_sip::wire::{
    Builder, Challenge, DigestCredentials, Frame, Framer, HeaderName, Message, NameAddr, Params, ReferTo, Replaces,
    Uri, Via, split_commas, unescape,
};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const CASES: usize = 200_000;

/// Bytes that mean something to a parser.
const LIVELY: &[u8] = b"\r\n\r\n \t:;,=\"\\<>@?&%[]()/*~0919a\0\x7f\xc3\xff";

fn seeds() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sip-fixtures/torture");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    seeds.push(
        "REFER sip:a@[::1]:5060;transport=tcp SIP/2.0\r\nv: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKa;rport\r\n\
         f: \"x\" <sip:a@h>;tag=1\r\nt: <tel:+1-555>;tag=2\r\ni: c@h\r\nCSeq: 2 REFER\r\nMax-Forwards: 7\r\n\
         Refer-To: <sip:b@h?Replaces=x%40y%3bto-tag%3d1%3Bfrom-tag%3D2&Require=replaces>\r\nReferred-By: <sip:a@h>\r\n\
         Replaces: a@b;to-tag=1;from-tag=2;early-only\r\nx: 90;refresher=uac\r\nReason: Q.850;cause=16;text=\"a\"\r\n\
         Authorization: Digest username=\"a\\\"b\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"0\", nc=1, qop=auth\r\n\
         WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\"\r\nRAck: 1 2 INVITE\r\nRetry-After: 5\r\n\
         Event: refer;id=1\r\nSubscription-State: active;expires=5\r\nContact: *\r\nl: 4\r\n\r\nbody"
            .into(),
    );
    seeds
}

fn damage(message: &mut Vec<u8>, random: &mut ChaCha8Rng, other: &[u8]) {
    for _ in 0..=random.next_u32() % 3 {
        let at = random.next_u32() as usize % (message.len() + 1);
        let length = random.next_u32() as usize % 24;
        let end = (at + length).min(message.len());
        let lively = LIVELY[random.next_u32() as usize % LIVELY.len()];
        match random.next_u32() % 7 {
            0 => message.insert(at, lively),
            1 if at < message.len() => message[at] = lively,
            2 if at < message.len() => message[at] ^= 1 << (random.next_u32() % 8),
            3 => drop(message.drain(at..end)),
            4 => {
                let piece = message[at..end].to_vec();
                message.splice(at..at, piece.iter().copied().cycle().take(length * 3));
            }
            5 => message.truncate(at),
            _ => {
                let from = random.next_u32() as usize % other.len();
                let piece = other[from..(from + length).min(other.len())].to_vec();
                drop(message.splice(at..at, piece));
            }
        }
    }
}

/// Reads everything there is to read.
fn look(message: &Message) {
    let _ = (message.vias(), message.via(), message.from(), message.to(), message.cseq(), message.contacts());
    let _ = (message.contact(), message.max_forwards(), message.expires_s(), message.min_expires_s());
    let _ = (message.session_expires(), message.min_se_s(), message.retry_after_s(), message.q850());
    let _ = (message.replaces(), message.refer_to(), message.refer_sub(), message.event(), message.rack());
    let _ = (message.subscription_state(), message.rseq(), message.identity(), message.content_type());
    let _ = (message.credentials(HeaderName::Authorization), message.challenges(HeaderName::WwwAuthenticate));
    let _ = (message.body(), message.to_rsip(), message.from_tag(), message.branch(), message.reason());
    for (_, value) in message.all_headers() {
        values(value);
    }
    values(message.request_uri());
}

/// Reads one text as everything it could be; what prints must read again as the same.
fn values(text: &str) {
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(Uri::parse(&uri.to_string()).as_ref(), Ok(&uri), "{text:?}");
        assert!(uri.equivalent(&uri), "{text:?}");
        let _ = uri.user();
    }
    if let Ok(via) = Via::parse(text) {
        assert_eq!(Via::parse(&via.to_string()), Ok(via), "{text:?}");
    }
    if let Ok(address) = NameAddr::parse(text)
        && !address.display.contains(char::is_control)
    {
        assert_eq!(NameAddr::parse(&address.to_string()), Ok(address), "{text:?}");
    }
    if let Ok(replaces) = Replaces::parse(text) {
        assert_eq!(Replaces::parse(&replaces.to_string()), Ok(replaces), "{text:?}");
    }
    if let Ok(challenge) = Challenge::parse(text) {
        let _ = digest::choose(&[challenge]);
    }
    let _ = (ReferTo::parse(text), Params::parse(text), DigestCredentials::parse(text), unescape(text));
    assert!(split_commas(text).map(str::len).sum::<usize>() <= text.len());
}

/// What we answer to it must itself be SIP.
fn answer(message: &mut Message) {
    message.set_source("192.0.2.9:9".parse().unwrap());
    if message.is_request() {
        let response = message.response(486, "", Some("t")).finish().expect("only copies and our own texts");
        let read = Message::parse(response).unwrap_or_else(|malformed| panic!("{malformed}: {message:?}"));
        assert_eq!((read.status(), read.call_id(), read.branch()), (486, message.call_id(), message.branch()));
        assert!(read.to_tag().is_some());
    }
}

#[test]
fn damaged_messages_are_read_or_refused_and_answered_in_order() {
    let seeds = seeds();
    let mut random = ChaCha8Rng::seed_from_u64(4475);
    let (mut taken, mut answered) = (0, 0);
    for case in 0..CASES {
        let mut bytes = seeds[case % seeds.len()].clone();
        damage(&mut bytes, &mut random, &seeds[(case / 7) % seeds.len()]);
        match Message::parse(Bytes::from(bytes)) {
            Ok(mut message) => {
                taken += 1;
                look(&message);
                answer(&mut message);
                let mut copy = Builder::response(200, "");
                let copied = copy.copy_all_but(&message, &[]).raw_body(message.body()).finish().unwrap();
                assert!(Message::parse(copied).is_ok(), "{message:?}");
            }
            Err(malformed) => {
                if let Some(response) = malformed.response("t", "192.0.2.9:9".parse().unwrap()) {
                    answered += 1;
                    assert!(response.starts_with(b"SIP/2.0 ") && response.ends_with(b"\r\n\r\n"));
                }
            }
        }
    }
    // The damage is of both kinds: deadly and not.
    assert!(taken > CASES / 10 && answered > CASES / 10, "{taken} taken, {answered} answered");
}

#[test]
fn damaged_streams_are_cut_the_same_wherever_they_are_cut() {
    let seeds = seeds();
    let mut random = ChaCha8Rng::seed_from_u64(3261);
    for case in 0..CASES / 20 {
        let mut stream = seeds[case % seeds.len()].clone();
        stream.extend(&seeds[(case + 1) % seeds.len()]);
        damage(&mut stream, &mut random, &seeds[(case + 2) % seeds.len()]);
        let cut = |size: usize| {
            let mut framer = Framer::new();
            let mut frames = Vec::new();
            for chunk in stream.chunks(size) {
                framer.push(chunk);
                loop {
                    match framer.next_frame() {
                        Ok(Some(Frame::Message(message))) => frames.push(Ok(message)),
                        Ok(Some(Frame::KeepAlive)) => frames.push(Ok(Bytes::from_static(b"\r\n\r\n"))),
                        Ok(None) => break,
                        Err(error) => {
                            frames.push(Err(error));
                            return frames;
                        }
                    }
                }
            }
            frames
        };
        let whole = cut(stream.len().max(1));
        let size = 1 + random.next_u32() as usize % 400;
        assert_eq!(cut(size), whole, "in pieces of {size}: {}", String::from_utf8_lossy(&stream));
    }
}
