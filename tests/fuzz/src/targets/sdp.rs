//! Session descriptions, as offers and as answers, one after another on one leg. A NUL byte parts two of them; a
//! description's first byte says what it comes as.

use baton_sdp::{Capabilities, Codec, LocalMedia, Negotiation};

/// Most descriptions of one leg.
const DESCRIPTIONS_MAX: usize = 8;

pub(crate) fn run(data: &[u8]) {
    let capabilities =
        Capabilities { codecs: vec![Codec::Pcma, Codec::Pcmu], telephone_event: true, ptime_ms: 20, rtcp_mux: true };
    let local = LocalMedia { address: [192, 0, 2, 1].into(), port: 20_000 };
    let mut leg = Negotiation::new(local, capabilities, 77);
    let mut stale = None;
    for text in data.split(|byte| *byte == 0).take(DESCRIPTIONS_MAX) {
        let before = leg.clone();
        // What begins like a description is an offer.
        match text.first().unwrap_or(&b'v') {
            b'a' => {
                let (offer, pending) = leg.offer();
                is_ours(&offer, None);
                if leg.accept(pending, &text[1..]).is_err() {
                    assert_eq!(leg.current(), before.current(), "a bad answer changes nothing");
                }
            }
            b's' => {
                if let Some(pending) = stale.take() {
                    let _ = leg.accept(pending, &text[1..]);
                }
                stale = Some(leg.offer().1);
            }
            _ => match leg.answer(text) {
                Ok((answer, negotiated)) => {
                    is_ours(&answer, Some(text));
                    assert_eq!(leg.current(), Some(&negotiated));
                    assert!(matches!(negotiated.ptime_ms, 10 | 20 | 30 | 40 | 60), "{}", negotiated.ptime_ms);
                    assert!(negotiated.payload_type_send < 128 && negotiated.payload_type_receive < 128);
                }
                Err(error) => {
                    assert!(matches!(error.status(), 400 | 488));
                    assert_eq!(leg.current(), before.current(), "a bad offer changes nothing");
                }
            },
        }
    }
}

/// What we send is text in lines, with a stream for each one of the offer's (RFC 3264 §6).
fn is_ours(body: &[u8], offer: Option<&[u8]>) {
    let text = str::from_utf8(body).expect("our descriptions are text");
    assert!(text.starts_with("v=0\r\no=") && text.ends_with("\r\n"), "{text}");
    for line in text.split_terminator("\r\n") {
        assert!(line.len() > 2 && line.as_bytes()[1] == b'=' && !line.contains(['\r', '\n']), "{text}");
    }
    let streams =
        |text: &[u8]| text.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| line.starts_with(b"m=")).count();
    if let Some(offer) = offer {
        assert_eq!(streams(body), streams(offer), "{text}");
    }
}
