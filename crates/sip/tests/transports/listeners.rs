//! What listeners take and close: slow senders, keep-alives (RFC 5626), STUN; and by which address each is known.

use super::*;

#[test]
fn a_slow_sender_is_cut_off() {
    let whole = options("TCP");
    // A byte a second: the message would take minutes.
    let mut desk = Desk::with(all_transports(), account());
    open(&mut desk, TCP, STRANGER.parse().unwrap());
    for byte in whole.iter().take(19) {
        push(&mut desk, [*byte]);
        desk.run(SECOND);
    }
    assert!(desk.outputs.is_empty());
    desk.run(2 * SECOND);
    assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }));
    assert_eq!(desk.endpoint.counters().streams_cut_off, 1);

    // A trunk may be silent, but not in the middle of a message; a body that does not come is such a middle.
    let mut desk = trusting();
    open(&mut desk, TCP, address(2));
    desk.run(100 * SECOND);
    push(&mut desk, &whole);
    let half = Phone::invite("").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    push(&mut desk, &message(&half)[..390]);
    desk.run(19 * SECOND);
    assert!(desk.outputs.is_empty());
    desk.run(2 * SECOND);
    assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }));
}

#[test]
fn a_stranger_that_says_nothing_or_only_pings_is_cut_off() {
    for said in ["", "\r\n\r\n"] {
        let mut desk = Desk::with(all_transports(), account());
        open(&mut desk, TCP, STRANGER.parse().unwrap());
        for _ in 0..21 {
            push(&mut desk, said);
            desk.run(SECOND);
        }
        assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }), "{said:?}");
    }
    // Nor do pings keep a connection on which only nonsense was asked.
    let mut desk = Desk::with(all_transports(), account());
    open(&mut desk, TCP, STRANGER.parse().unwrap());
    push(&mut desk, options("TCP"));
    for _ in 0..13 {
        push(&mut desk, "\r\n\r\n");
        desk.run(10 * SECOND);
    }
    assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }));
}

#[test]
fn a_trunks_pings_keep_its_connection_and_a_lone_line_break_is_no_message() {
    let mut desk = trusting();
    open(&mut desk, TCP, address(2));
    for ping in ["\r\n\r\n", "\r\n"].iter().cycle().take(40) {
        push(&mut desk, ping);
        desk.run(10 * SECOND);
    }
    assert!(desk.outputs.is_empty(), "{:?} {:?}", desk.outputs, desk.endpoint.counters());
}

#[test]
fn a_message_beyond_the_limit_closes_its_stream_before_its_body_is_taken() {
    let mut desk = Desk::with(Config { message_bytes_max: 1_000, ..all_transports() }, peers());
    open(&mut desk, TCP, address(2));
    let head = String::from_utf8(options("TCP").to_vec()).unwrap();
    push(&mut desk, head.replace("Content-Length: 0", "Content-Length: 900"));
    assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }));
}

const BINDING: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";

#[test]
fn stun_on_the_sip_port_is_answered_with_the_address_seen() {
    let mut desk = trusting();
    desk.handle(Input::Datagram { listener: UDP, source: address(1), bytes: Bytes::from_static(BINDING) });
    assert_eq!(desk.sent.len(), 1);
    assert_eq!(desk.flows[0].remote, address(1));
    assert!(desk.sent[0].contains("abcdefghijkl"));
    assert_eq!(desk.endpoint.counters().malformed, 0);
    // No answer to what is no request, so that two servers never talk to each other for ever.
    let response = [b"\x01\x01".as_slice(), &BINDING[2..]].concat();
    desk.handle(Input::Datagram { listener: UDP, source: address(1), bytes: response.into() });
    assert_eq!(desk.sent.len(), 1);

    let silent = Config { unknown_source: UnknownSource::Silence, ..all_transports() };
    let mut desk = Desk::with(silent, peers());
    for source in [address(1), STRANGER.parse().unwrap()] {
        desk.handle(Input::Datagram { listener: UDP, source, bytes: Bytes::from_static(BINDING) });
    }
    assert_eq!(desk.flows.iter().map(|flow| flow.remote).collect::<Vec<_>>(), [address(1)]);
}

#[test]
fn each_listener_is_told_of_by_its_own_address() {
    let two = |id, host: [u8; 4], told: [u8; 4]| Listener {
        id: ListenerId(id),
        transport: Transport::Udp,
        local: SocketAddr::from((host, 5060)),
        advertised: SocketAddr::from((told, 5070)),
        verifies_peers: false,
    };
    let v6: SocketAddr = "[2001:db8::1]:5060".parse().unwrap();
    let six =
        Listener { id: ListenerId(2), transport: Transport::Udp, local: v6, advertised: v6, verifies_peers: false };
    let listeners = vec![two(0, [10, 0, 0, 1], [203, 0, 113, 1]), two(1, [10, 0, 1, 1], [203, 0, 113, 2]), six];
    let mut access = peers();
    access.peers.push(TrustedPeer { peer: PeerId(2), network: "2001:db8::".parse().unwrap(), prefix: 32, port: None });
    for (id, source, host) in [
        (0, "192.0.2.2:5060", "203.0.113.1:5070"),
        (1, "192.0.2.2:5060", "203.0.113.2:5070"),
        (2, "[2001:db8::2]:5060", "[2001:db8::1]:5060"),
    ] {
        let mut desk = Desk::with(Config { listeners: listeners.clone(), ..config(0) }, access.clone());
        let bytes = message(&Phone::invite(""));
        desk.handle(Input::Datagram { listener: ListenerId(id), source: source.parse().unwrap(), bytes });
        let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call") };
        desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
        let ok = desk.sent.pop_back().unwrap();
        assert_eq!(header(&ok, "Contact"), format!("<sip:desk@{host}>"));
    }
    // What we begin leaves by the first listener of the peer's address family.
    let mut desk = Desk::with(Config { listeners, ..config(0) }, access);
    let remote = "[2001:db8::2]:5060".parse().unwrap();
    call(&mut desk, Destination::address(Transport::Udp, remote), |_| {});
    assert!(header(&desk.next(), "Via").starts_with("SIP/2.0/UDP [2001:db8::1]:5060;"));
}
