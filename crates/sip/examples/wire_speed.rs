//! Prints what reading and writing an INVITE costs: `cargo run --release -p baton-sip --example wire_speed`.
#![allow(clippy::disallowed_methods, reason = "a stopwatch reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use baton_sip::wire::{Builder, HeaderName, Message};
use bytes::Bytes;

const ROUNDS: u32 = 200_000;

fn invite() -> Bytes {
    let sdp = "v=0\r\no=- 3912345678 3912345678 IN IP4 192.0.2.1\r\ns=call\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
               m=audio 4000 RTP/AVP 8 0 9 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\n\
               a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
    let head = format!(
        "INVITE sip:+4930123456@sbc.example.net:5060;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK3f2a91c7;rport\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKPj8d2b7;received=192.0.2.1\r\n\
         Max-Forwards: 69\r\nRecord-Route: <sip:192.0.2.10;lr;ftag=8a7b>\r\n\
         From: \"Alice Example\" <sip:alice.example@example.net>;tag=8a7b6c5d\r\nTo: <sip:+4930123456@sbc.example.net>\r\n\
         Call-ID: 9f8e7d6c-5b4a-3928-1706-f5e4d3c2b1a0\r\nCSeq: 10293 INVITE\r\n\
         Contact: <sip:alice.example@192.0.2.1:5062;ob>;+sip.instance=\"<urn:uuid:1>\"\r\n\
         Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, UPDATE, PRACK, INFO\r\n\
         Supported: replaces, 100rel, timer, norefersub\r\nSession-Expires: 1800\r\nMin-SE: 90\r\n\
         P-Asserted-Identity: <tel:+49301111111>\r\nUser-Agent: Phone/2.17 (Linux)\r\nPrivacy: none\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        sdp.len()
    );
    Bytes::from(head + sdp)
}

fn time(what: &str, mut work: impl FnMut()) {
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| work());
            start.elapsed().as_nanos() / u128::from(ROUNDS)
        })
        .min();
    println!("{what:40} {:6} ns", best.unwrap_or(0));
}

fn main() {
    let bytes = invite();
    println!("an INVITE of {} bytes", bytes.len());
    time("index and checks", || drop(black_box(Message::parse(bytes.clone()))));
    let Ok(message) = Message::parse(bytes) else { return println!("the example's own message is refused") };
    time("tags, branch, Call-ID", || {
        black_box((message.from_tag(), message.to_tag(), message.branch(), message.call_id()));
    });
    time("typed Via, From, To, CSeq, Contact", || {
        drop(black_box((message.via(), message.from(), message.to(), message.cseq(), message.contact())));
    });
    time("a 180", || drop(black_box(message.response(180, "", Some("t")).finish())));
    time("a copy with another Request-URI", || {
        let mut builder = Builder::request(message.method(), "sip:other@192.0.2.7");
        builder.copy_all_but(&message, &[HeaderName::Via]).raw_body(message.body());
        drop(black_box(builder.finish()));
    });
}
