//! Requests that are too large for a datagram (RFC 3261 §18.1.1).

use super::*;

fn large(invite: &mut OutgoingInvite) {
    invite.headers.push(("X-Large".into(), "x".repeat(1_000)));
}

fn by_udp() -> Destination {
    Destination::address(Transport::Udp, address(2))
}

#[test]
fn a_request_over_1300_bytes_moves_to_tcp() {
    let mut desk = trusting();
    call(&mut desk, by_udp(), |_| {});
    assert_eq!(desk.flows.back().map(|flow| flow.transport), Some(Transport::Udp));
    call(&mut desk, by_udp(), large);
    let (connection, listener, _) = connected(&mut desk);
    assert_eq!((listener, desk.endpoint.counters().moved_to_tcp), (TCP, 1));
    let invite = desk.sent.pop_back().unwrap();
    assert!(invite.len() > 1_300);
    assert!(header(&invite, "Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;branch="), "{invite}");
    assert_eq!(desk.flows.back().and_then(|flow| flow.connection), Some(connection));
    desk.handle(Input::StreamOpened { connection, listener: TCP, remote: address(2), peer_names: Vec::new() });
    desk.sent.clear();
    desk.run(5 * SECOND);
    assert_eq!(desk.sent.iter().filter(|text| text.contains("X-Large")).count(), 0, "TCP repeats nothing");
    // Once it is up, its end is no reason for UDP: the peer may have got the request.
    desk.handle(Input::StreamClosed { connection });
    let (_, listener, _) = connected(&mut desk);
    assert_eq!((listener, desk.sent.pop_back()), (TCP, Some(invite)));
    desk.no_event();
}

#[test]
fn a_peer_without_tcp_gets_its_large_requests_by_udp_and_is_not_asked_again_for_a_while() {
    let mut desk = trusting();
    let session = call(&mut desk, by_udp(), large);
    let (connection, ..) = connected(&mut desk);
    let first = desk.next();
    desk.handle(Input::StreamClosed { connection });
    let again = desk.next();
    assert_eq!(again, first.replace("SIP/2.0/TCP", "SIP/2.0/UDP"), "the same request by another way");
    desk.run(SECOND);
    assert_eq!(desk.titles(), ["INVITE"], "UDP repeats");
    desk.answer(&again, "486 Busy Here", "one", "");
    assert_eq!(desk.titles(), ["ACK"]);
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 486, .. }) if own == session));

    call(&mut desk, by_udp(), large);
    assert!(desk.outputs.is_empty(), "no other connection");
    desk.run(601 * SECOND);
    call(&mut desk, by_udp(), large);
    connected(&mut desk);
}

#[test]
fn an_answered_request_is_not_sent_again_when_its_connection_comes_to_nothing() {
    let mut desk = trusting();
    call(&mut desk, by_udp(), large);
    let (connection, ..) = connected(&mut desk);
    let invite = desk.next();
    // By another way than it was to go: the peer is odd, or somebody lies.
    desk.answer(&invite, "200 OK", "one", "Contact: <sip:b@192.0.2.3>\n");
    desk.titles();
    desk.handle(Input::StreamClosed { connection });
    assert!(desk.titles().iter().all(|title| title == "BYE"), "nothing of the INVITE");
}

#[test]
fn a_large_request_stays_where_tcp_cannot_go() {
    // Along a phone's flow (P7), and without a TCP listener.
    let mut desk = trusting();
    let flow = Flow { transport: Transport::Udp, listener: UDP, remote: address(2), connection: None };
    call(&mut desk, Destination::Flow(flow), large);
    let config = Config { listeners: vec![listener(UDP, Transport::Udp, 5060)], ..config(0) };
    let mut other = Desk::with(config, peers());
    call(&mut other, by_udp(), large);
    for desk in [desk, other] {
        assert!(desk.outputs.is_empty());
        assert_eq!(desk.flows.back().map(|flow| flow.transport), Some(Transport::Udp));
    }
}
