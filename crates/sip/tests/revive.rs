//! An endpoint is plain data: written down and read back in any state, it goes on as if nothing had happened.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

/// A whole call with a hold, a refused offer and a BYE, frozen after every `stride`-th millisecond step.
fn life(stride: Option<u64>) -> (Vec<String>, usize) {
    let mut pair = Pair::new();
    let run = |pair: &mut Pair, duration_us: u64| {
        let Some(stride_us) = stride else { return pair.run(duration_us) };
        let until_us = pair.now_us + duration_us;
        while pair.now_us < until_us {
            pair.freeze_and_revive();
            pair.run(stride_us.min(until_us - pair.now_us));
        }
    };
    let caller = pair.nodes[0].allocate_session();
    pair.command(0, Command::Invite { session: caller, invite: Box::new(invite_to(1, Some(OFFER))) }).unwrap();
    run(&mut pair, 50 * MILLISECOND);
    let Some(Event::Incoming { session: callee, .. }) = pair.event(1) else { panic!() };
    pair.command(1, Command::Ring { session: callee, status: 183, sdp: Some(sdp(ANSWER)) }).unwrap();
    run(&mut pair, 50 * MILLISECOND);
    pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
    run(&mut pair, 50 * MILLISECOND);
    // A glare, whose back-off is crossed frozen.
    for (side, session) in [(0, caller), (1, callee)] {
        pair.command(side, Command::Offer { session, sdp: sdp(OFFER), identity: None }).unwrap();
    }
    for _ in 0..50 {
        run(&mut pair, 100 * MILLISECOND);
        for (side, session) in [(0, caller), (1, callee)] {
            while let Some(event) = pair.event(side) {
                if matches!(event, Event::Offered { .. }) {
                    pair.command(side, Command::AcceptOffer { session, sdp: sdp(ANSWER) }).unwrap();
                }
            }
        }
    }
    pair.command(0, Command::Transfer { session: caller, target: "sip:c@example.com".into(), referred_by: None })
        .unwrap();
    run(&mut pair, 50 * MILLISECOND);
    let Some(Event::TransferAsked { transfer, .. }) = pair.event(1) else { panic!() };
    pair.command(1, Command::AcceptTransfer { session: callee, transfer }).unwrap();
    run(&mut pair, 15 * MILLISECOND);
    for status in [180, 200] {
        let report = Command::ReportTransfer { session: callee, transfer, status, reason: String::new() };
        pair.command(1, report).unwrap();
    }
    pair.end(1, callee);
    run(&mut pair, 200 * MILLISECOND);
    pair.run_out();
    pair.assert_empty();
    (pair.take_ladder(), pair.events[0].len())
}

#[test]
fn freeze_and_revive_in_every_state_changes_nothing() {
    let plain = life(None);
    assert!(plain.0.iter().filter(|line| line.ends_with("NOTIFY") && !line.contains("200")).count() == 3, "{plain:?}");
    for stride_us in [5 * MILLISECOND, 7 * MILLISECOND, 33 * MILLISECOND] {
        assert_eq!(life(Some(stride_us)), plain);
    }
}

#[test]
fn a_calling_endpoint_on_a_stream_revives() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    invite.destination = Destination::address(Transport::Tcp, address(2));
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let connection = desk.flows[0].connection.unwrap();
    desk.handle(Input::StreamOpened {
        connection,
        listener: ListenerId(1),
        remote: address(2),
        peer_names: Vec::new(),
    });
    desk.handle(Input::StreamBytes { connection, bytes: bytes::Bytes::from_static(b"SIP/2.0 1") });
    let text = serde_json::to_string(&desk.endpoint).unwrap();
    let revived: Endpoint = serde_json::from_str(&text).unwrap();
    assert!(revived == desk.endpoint);
    desk.endpoint = revived;
    let invite = desk.next();
    let rest = format!(
        "80 Ringing\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=x\r\nCall-ID: {}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        header(&invite, "Via"),
        header(&invite, "From"),
        header(&invite, "To"),
        header(&invite, "Call-ID")
    );
    desk.handle(Input::StreamBytes { connection, bytes: rest.into() });
    assert_eq!(desk.event(), Some(Event::Ringing { session, status: 180, sdp: None }));
}
