//! A peer's connection ends in the middle of a call: what is owed to it still gets there (RFC 3261 §18).

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use std::net::SocketAddr;

use baton_sip::*;
use world::*;

const ONE: ConnectionHandle = ConnectionHandle(1);

/// A trunk's call over a connection from a port of its own; it listens at another.
fn called() -> (Desk, SessionId) {
    let mut desk = Desk::new();
    desk.connect(ONE, SocketAddr::new(address(1).ip(), 40_001));
    let invite = Phone::invite("").replace("SIP/2.0/UDP 192.0.2.2:5060", "SIP/2.0/TCP 192.0.2.2:5070");
    desk.send(&invite);
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
    desk.titles();
    (desk, session)
}

fn end_of_connection(desk: &mut Desk) {
    desk.handle(Input::StreamClosed { connection: ONE });
    desk.flows.clear();
}

/// Where a connection is opened to, and that what was sent last goes along it.
fn reopened(desk: &mut Desk) -> String {
    let Some(Output::Connect { connection, remote, .. }) = desk.outputs.pop_front() else { panic!("no connection") };
    assert_eq!(desk.flows.back().and_then(|flow| flow.connection), Some(connection));
    remote.to_string()
}

#[test]
fn rfc3261_18_2_2_an_answer_goes_to_where_its_peer_listens() {
    let (mut desk, session) = called();
    end_of_connection(&mut desk);
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    assert_eq!(reopened(&mut desk), "192.0.2.2:5070", "the port of its sent-by, not the one that it came from");
    desk.run(600 * MILLISECOND);
    assert_eq!(desk.titles(), ["200 INVITE"; 2], "and is repeated there");
    assert!(desk.outputs.is_empty(), "{:?}", desk.outputs);
}

#[test]
fn a_request_goes_to_its_peers_contact() {
    let (mut desk, session) = called();
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    let ok = desk.sent.pop_back().unwrap();
    let ack = Phone { desk, session, tag: tag(&header(&ok, "To")), ok };
    let text = ack.request("ACK", 1, "z9hG4bKack", "");
    let mut desk = ack.desk;
    desk.send(&text);
    assert_eq!(desk.event(), Some(Event::Confirmed { session }));
    end_of_connection(&mut desk);
    desk.titles();
    desk.command(Command::End { session, status: 480, reason: None }).unwrap();
    assert_eq!(desk.titles(), ["BYE"]);
    assert_eq!(reopened(&mut desk), "192.0.2.2:5060");
}
