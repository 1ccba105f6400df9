//! Transports: TLS, WebSocket (RFC 7118), large requests (RFC 3261 §18.1.1), connection reuse (RFC 5923), keep-alives
//! (RFC 5626), slow senders.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::wire::{Challenge, Method};
use baton_sip::*;
use bytes::Bytes;
use world::*;

const UDP: ListenerId = ListenerId(0);
const TCP: ListenerId = ListenerId(1);
const TLS: ListenerId = ListenerId(2);
const WSS: ListenerId = ListenerId(3);
const ONE: ConnectionHandle = ConnectionHandle(1);

fn listener(id: ListenerId, transport: Transport, port: u16) -> Listener {
    let local = SocketAddr::new(address(0).ip(), port);
    // The WebSocket is reached by another address than the rest.
    let host = if transport == Transport::Wss { [203, 0, 113, 7].into() } else { local.ip() };
    Listener { id, transport, local, advertised: SocketAddr::new(host, port), verifies_peers: true }
}

fn all_transports() -> Config {
    let listeners = vec![
        listener(UDP, Transport::Udp, 5060),
        listener(TCP, Transport::Tcp, 5060),
        listener(TLS, Transport::Tls, 5061),
        listener(WSS, Transport::Wss, 443),
    ];
    Config { listeners, ..config(0) }
}

fn account() -> Access {
    let hash = |algorithm| ha1("101", "baton", "secret", algorithm);
    let account = Account { ha1_md5: hash(Algorithm::Md5), ha1_sha256: hash(Algorithm::Sha256) };
    Access { accounts: BTreeMap::from([("101".into(), account)]), ..Access::default() }
}

fn trusting() -> Desk {
    Desk::with(all_transports(), peers())
}

fn open(desk: &mut Desk, listener: ListenerId, remote: SocketAddr) {
    desk.handle(Input::StreamOpened { connection: ONE, listener, remote, peer_names: Vec::new() });
}

fn push(desk: &mut Desk, bytes: impl AsRef<[u8]>) {
    desk.handle(Input::StreamBytes { connection: ONE, bytes: Bytes::copy_from_slice(bytes.as_ref()) });
}

fn call(desk: &mut Desk, destination: Destination, change: impl FnOnce(&mut OutgoingInvite)) -> SessionId {
    let session = desk.endpoint.allocate_session();
    let mut invite = OutgoingInvite { destination, ..invite_to(2, Some(OFFER)) };
    change(&mut invite);
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    session
}

fn call_by_tls(desk: &mut Desk, host: &str, change: impl FnOnce(&mut OutgoingInvite)) -> SessionId {
    call_by_tls_at(desk, (host, address(2)), change)
}

fn call_by_tls_at(
    desk: &mut Desk,
    (host, remote): (&str, SocketAddr),
    change: impl FnOnce(&mut OutgoingInvite),
) -> SessionId {
    let named = Destination::Name { transport: Some(Transport::Tls), host: host.into(), port: Some(5061) };
    let session = call(desk, named, change);
    let Some(Output::Resolve { query, .. }) = desk.outputs.pop_front() else { panic!("no query") };
    desk.handle(Input::Resolved { query, addresses: vec![(Transport::Tls, remote)] });
    session
}

fn connected(desk: &mut Desk) -> (ConnectionHandle, ListenerId, String) {
    match desk.outputs.pop_front() {
        Some(Output::Connect { connection, listener, names, .. }) => (connection, listener, names.join(" ")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tls_trunk_is_called_by_the_name_that_its_certificate_must_bear() {
    let mut desk = trusting();
    call_by_tls(&mut desk, "SBC.example.com", |_| {});
    let (connection, listener, server_name) = connected(&mut desk);
    assert_eq!((listener, server_name.as_str()), (TLS, "sbc.example.com"));
    let invite = desk.next();
    let via = header(&invite, "Via");
    assert!(via.starts_with("SIP/2.0/TLS 192.0.2.1:5061;branch=") && via.ends_with(";rport;alias"), "{via}");
    assert_eq!(header(&invite, "Contact"), "<sip:alice@192.0.2.1:5061;transport=tls>");

    // The same name uses it again; another name at the same address may not.
    call_by_tls(&mut desk, "sbc.example.com", |_| {});
    assert_eq!(desk.outputs.pop_front(), None);
    assert_eq!(desk.flows.back().and_then(|flow| flow.connection), Some(connection));
    call_by_tls(&mut desk, "other.example.com", |_| {});
    assert_eq!(connected(&mut desk).2, "other.example.com");
    // Without a name the certificate must bear the address.
    call(&mut desk, Destination::address(Transport::Tls, address(2)), |_| {});
    assert_eq!(connected(&mut desk).2, "192.0.2.3");
}

#[test]
fn a_call_whose_connection_was_closed_by_the_trunk_opens_another_with_the_same_name() {
    let mut desk = trusting();
    let session = call_by_tls(&mut desk, "sbc.example.com", |_| {});
    let (connection, ..) = connected(&mut desk);
    desk.handle(Input::StreamOpened { connection, listener: TLS, remote: address(2), peer_names: Vec::new() });
    let invite = desk.next();
    let ok = "Contact: <sip:sbc.example.com;transport=tls>\nContent-Type: application/sdp\n--\n".to_owned() + ANSWER;
    desk.answer(&invite, "200 OK", "one", &ok);
    desk.handle(Input::StreamClosed { connection });
    desk.titles();
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    let (again, _, server_name) = connected(&mut desk);
    assert!(again != connection && server_name == "sbc.example.com");
    assert_eq!(desk.titles(), ["BYE"]);
}

#[test]
fn sips_asks_for_sips_in_the_contact() {
    let mut desk = trusting();
    call_by_tls(&mut desk, "sbc.example.com", |invite| invite.uri = "sips:bob@sbc.example.com".into());
    assert_eq!(header(&desk.next(), "Contact"), "<sips:alice@192.0.2.1:5061;transport=tcp>");

    for (scheme, contact) in
        [("sips", "<sips:desk@192.0.2.1:5061;transport=tcp>"), ("sip", "<sip:desk@192.0.2.1:5061;transport=tls>")]
    {
        let mut desk = trusting();
        open(&mut desk, TLS, SocketAddr::new(address(1).ip(), 40_000));
        let invite = Phone::invite("")
            .replace("SIP/2.0/UDP", "SIP/2.0/TLS")
            .replace("sip:desk@192", &format!("{scheme}:desk@192"));
        push(&mut desk, message(&invite));
        let Some(Event::Incoming { session, invite }) = desk.event() else { panic!("no call") };
        assert_eq!((invite.flow.transport, invite.flow.listener), (Transport::Tls, TLS));
        desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
        assert_eq!(header(&desk.sent.pop_back().unwrap(), "Contact"), contact);
    }
}

const BROWSER: &str = "198.51.100.9:50000";

fn browser_register(cseq: u32, extra: &str) -> String {
    format!(
        "REGISTER sip:example.com SIP/2.0\n\
         Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKreg{cseq}\n\
         Max-Forwards: 70\n\
         From: <sip:101@example.com>;tag=f\n\
         To: <sip:101@example.com>\n\
         Call-ID: browser\n\
         CSeq: {cseq} REGISTER\n\
         Contact: <sip:101@df7jal23ls0d.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\n\
         Supported: path, outbound\n\
         {extra}"
    )
}

/// A desk with a browser that has registered.
fn browser() -> (Desk, Binding) {
    let mut desk = Desk::with(all_transports(), account());
    open(&mut desk, WSS, BROWSER.parse().unwrap());
    push(&mut desk, message(&browser_register(1, "")));
    let challenge = Challenge::parse(&header(&desk.next(), "WWW-Authenticate")).unwrap();
    let own = Credentials { username: "101".into(), password: "secret".into() };
    let proof = answer(&challenge, &own, &Method::Register, "sip:example.com", b"", "cnonce", 1).unwrap();
    push(&mut desk, message(&browser_register(2, &format!("Authorization: {proof}\n"))));
    assert_eq!(desk.titles(), ["200 REGISTER"]);
    match desk.event() {
        Some(Event::BindingsChanged { bindings, .. }) => (desk, bindings[0].clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_browser_is_called_along_its_web_socket_whatever_its_contact_says() {
    let (mut desk, binding) = browser();
    assert_eq!((binding.flow.transport, binding.flow.connection), (Transport::Wss, Some(ONE)));
    desk.flows.clear();
    call(&mut desk, Destination::Flow(binding.flow), |invite| invite.uri = binding.contact.clone());
    let invite = desk.next();
    assert!(invite.starts_with("INVITE sip:101@df7jal23ls0d.invalid;transport=ws SIP/2.0\r\n"));
    assert!(header(&invite, "Via").starts_with("SIP/2.0/WSS 203.0.113.7:443;"), "{invite}");
    assert_eq!(header(&invite, "Contact"), "<sip:alice@203.0.113.7:443;transport=ws>");
    assert!(desk.outputs.is_empty(), "no connection was opened");
}

#[test]
fn a_browsers_registration_goes_with_its_connection_and_nothing_is_opened_towards_it() {
    let (mut desk, binding) = browser();
    desk.handle(Input::StreamClosed { connection: ONE });
    assert_eq!(desk.event(), Some(Event::BindingsChanged { account: "101".into(), bindings: Vec::new() }));
    let session = call(&mut desk, Destination::Flow(binding.flow), |_| {});
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 503, .. }) if own == session));
    let remote = BROWSER.parse().unwrap();
    call(&mut desk, Destination::address(Transport::Wss, remote), |_| {});
    assert!(matches!(desk.event(), Some(Event::Refused { status: 503, .. })));
    assert!(desk.outputs.is_empty());
}

#[test]
fn a_web_socket_message_is_one_sip_message() {
    let mut desk = Desk::with(all_transports(), account());
    open(&mut desk, WSS, BROWSER.parse().unwrap());
    // No Content-Length, as browsers may leave it out (RFC 7118 §4.2).
    let whole = browser_register(1, "").replace('\n', "\r\n") + "\r\n";
    push(&mut desk, &whole);
    assert_eq!(desk.titles(), ["401 REGISTER"]);
    // Half of one is none, and is not completed by the next.
    let (first, second) = whole.split_at(200);
    push(&mut desk, first);
    push(&mut desk, second);
    assert!(!desk.titles().iter().any(|title| title.starts_with("401")));
    push(&mut desk, "\r\n\r\n");
    assert_eq!(desk.sent.pop_front().as_deref(), Some("\r\n"));
    push(&mut desk, "\r\n");
    assert!(desk.sent.is_empty() && desk.outputs.is_empty());
}

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
    // Once it is up, its end is a failure: the peer may have got the request.
    desk.handle(Input::StreamClosed { connection });
    assert!(matches!(desk.event(), Some(Event::Refused { status: 503, .. })));
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

/// A trunk's OPTIONS over a connection from a port of its own.
fn options(transport: &str) -> Bytes {
    message(&format!(
        "OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/{transport} 192.0.2.3:5062;branch=z9hG4bKo;alias\nMax-Forwards: 70\n\
         From: <sip:pbx@192.0.2.3>;tag=f\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: 1 OPTIONS\n"
    ))
}

#[test]
fn a_trunks_connection_stands_for_its_own_port_when_it_says_alias() {
    let sent_by = SocketAddr::new(address(2).ip(), 5062);
    let from = SocketAddr::new(address(2).ip(), 40_001);
    for (transport, listener, text) in [(Transport::Tcp, TCP, "TCP"), (Transport::Tls, TLS, "TLS")] {
        let mut desk = trusting();
        // Its certificate bears the address by which it is called.
        let peer_names = vec![address(2).ip().to_string()];
        desk.handle(Input::StreamOpened { connection: ONE, listener, remote: from, peer_names });
        push(&mut desk, options(text));
        assert_eq!(desk.titles(), ["200 OPTIONS"]);
        call(&mut desk, Destination::address(transport, sent_by), |_| {});
        assert_eq!(desk.flows.back().and_then(|flow| flow.connection), Some(ONE));
        assert!(desk.outputs.is_empty());
        // Its end ends the standing.
        desk.handle(Input::StreamClosed { connection: ONE });
        call(&mut desk, Destination::address(transport, sent_by), |_| {});
        connected(&mut desk);
    }
}

/// A call over a connection from anywhere.
fn invite(transport: &str) -> Bytes {
    message(&format!(
        "INVITE sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/{transport} sbc.example.com:5061;branch=z9hG4bKi\nMax-Forwards: 70\n\
         From: <sip:4930@sbc.example.com>;tag=f\nTo: <sip:100@192.0.2.1>\nCall-ID: i\nCSeq: 1 INVITE\n\
         Contact: <sip:sbc.example.com:5061;transport=tls>\n"
    ))
}

/// A desk that knows a trunk by the name in its certificate alone, and a connection whose peer has shown these names.
fn shown(names: &[&str]) -> Desk {
    let certificate_names = BTreeMap::from([("sbc.example.com".to_string(), PeerId(7))]);
    let mut config = all_transports();
    config.listeners.iter_mut().for_each(|listener| listener.verifies_peers = false);
    let mut desk = Desk::with(config, Access { certificate_names, ..account() });
    let peer_names = names.iter().map(ToString::to_string).collect();
    let remote = STRANGER.parse().unwrap();
    desk.handle(Input::StreamOpened { connection: ONE, listener: TLS, remote, peer_names });
    desk
}

#[test]
fn rfc5922_7_2_a_trunk_is_known_by_the_whole_name_in_its_certificate() {
    let mut desk = shown(&["other.example.com", "sbc.example.com"]);
    push(&mut desk, invite("TLS"));
    let Some(Event::Incoming { invite: taken, .. }) = desk.event() else { panic!("{:?}", desk.titles()) };
    assert_eq!(taken.origin, Origin::Peer(PeerId(7)));
    for names in [&[][..], &["example.com"], &["*.example.com"], &["sbc.example.com.invalid"]] {
        let mut desk = shown(names);
        push(&mut desk, invite("TLS"));
        assert_eq!(desk.titles(), ["407 INVITE"], "{names:?}");
        assert!(desk.event().is_none());
    }
}

#[test]
fn a_connection_that_has_shown_a_trunks_certificate_may_wait_and_stands_for_its_port() {
    let remote = SocketAddr::new(STRANGER.parse::<SocketAddr>().unwrap().ip(), 5062);
    let mut desk = shown(&["sbc.example.com"]);
    desk.run(60 * SECOND);
    assert!(desk.outputs.is_empty(), "a stranger would have been cut off");
    push(&mut desk, options("TLS"));
    assert_eq!(desk.titles(), ["200 OPTIONS"]);
    call_by_tls_at(&mut desk, ("sbc.example.com", remote), |_| {});
    assert_eq!(desk.flows.back().and_then(|flow| flow.connection), Some(ONE));
}

#[test]
fn rfc5923_a_connection_stands_for_the_names_that_its_peer_has_shown_alone() {
    let remote = SocketAddr::new(address(2).ip(), 5062);
    let mut desk = trusting();
    let names = [(ONE, "a.example.com"), (ConnectionHandle(3), "b.example.com")];
    for (at, (connection, name)) in (0..).zip(names) {
        let (remote, peer_names) = (SocketAddr::new(address(2).ip(), 40_001 + at), vec![name.to_owned()]);
        desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names });
        let bytes = String::from_utf8(options("TLS").to_vec()).unwrap().replace("z9hG4bKo", &format!("z9hG4bKo{at}"));
        desk.handle(Input::StreamBytes { connection, bytes: bytes.into() });
        assert_eq!(desk.titles(), ["200 OPTIONS"]);
    }
    let call_by_name = |desk: &mut Desk, name: &str| {
        call_by_tls_at(desk, (name, remote), |_| {});
        desk.flows.back().and_then(|flow| flow.connection)
    };
    for (connection, name) in names {
        assert_eq!(call_by_name(&mut desk, name), Some(connection), "{name}");
        assert!(desk.outputs.is_empty());
    }
    // Neither is who is at that address by another name.
    call_by_name(&mut desk, "c.example.com");
    assert_eq!(connected(&mut desk).2, "c.example.com");
    // The one's end leaves the other.
    desk.handle(Input::StreamClosed { connection: ConnectionHandle(3) });
    assert_eq!(call_by_name(&mut desk, "a.example.com"), Some(ONE));
}

#[test]
fn rfc5923_a_trunk_called_by_its_address_is_reached_along_the_connection_that_its_certificate_proves() {
    let remote = SocketAddr::new(address(2).ip(), 5062);
    let opened_by = |names: &[&str]| {
        let mut desk = trusting();
        let peer_names = names.iter().map(ToString::to_string).collect();
        let from = SocketAddr::new(remote.ip(), 40_001);
        desk.handle(Input::StreamOpened { connection: ONE, listener: TLS, remote: from, peer_names });
        push(&mut desk, options("TLS"));
        assert_eq!(desk.titles(), ["200 OPTIONS"]);
        desk
    };
    let called = |desk: &mut Desk, remote, shows: &[&str]| {
        let shows = shows.iter().map(ToString::to_string).collect();
        call(desk, Destination::Address { transport: Transport::Tls, remote, shows }, |_| {});
        desk.flows.back().and_then(|flow| flow.connection)
    };
    // By its address in the certificate, and by a name that the trunk is known by.
    assert_eq!(called(&mut opened_by(&["192.0.2.3"]), remote, &[]), Some(ONE));
    let mut desk = opened_by(&["edge.example.com", "sbc.example.com"]);
    assert_eq!(called(&mut desk, remote, &["other.example.com", "sbc.example.com"]), Some(ONE));
    assert!(desk.outputs.is_empty());
    // For another trunk there, another port or another address it does not stand.
    for (remote, shows) in [
        (remote, &["other.example.com"][..]),
        (remote, &[]),
        (SocketAddr::new(remote.ip(), 5063), &["sbc.example.com"]),
        (SocketAddr::new(address(3).ip(), 5062), &["sbc.example.com"]),
    ] {
        let mut desk = opened_by(&["edge.example.com", "sbc.example.com"]);
        assert_ne!(called(&mut desk, remote, shows), Some(ONE), "{remote} {shows:?}");
        let names: Vec<String> = shows.iter().map(ToString::to_string).chain([remote.ip().to_string()]).collect();
        assert_eq!(connected(&mut desk).2, names.join(" "), "and a new one must be of whom it is called by");
    }
    // Who has shown nothing is nobody's trunk.
    let mut desk = opened_by(&[]);
    assert_ne!(called(&mut desk, remote, &["sbc.example.com"]), Some(ONE));
}

#[test]
fn a_certificate_of_two_trunks_is_told_apart_by_its_source() {
    let certificate_names =
        BTreeMap::from([("a.example.com".to_owned(), PeerId(7)), ("b.example.com".to_owned(), PeerId(8))]);
    let network = TrustedPeer { peer: PeerId(8), network: address(2).ip(), prefix: 32, port: None };
    for (remote, expected) in [(address(2), Some(PeerId(8))), (STRANGER.parse().unwrap(), None)] {
        let mut config = all_transports();
        config.listeners.iter_mut().for_each(|listener| listener.verifies_peers = false);
        let access = Access { certificate_names: certificate_names.clone(), peers: vec![network.clone()], ..account() };
        let mut desk = Desk::with(config, access);
        let peer_names = certificate_names.keys().cloned().collect();
        desk.handle(Input::StreamOpened { connection: ONE, listener: TLS, remote, peer_names });
        push(&mut desk, invite("TLS"));
        match (desk.event(), expected) {
            (Some(Event::Incoming { invite, .. }), Some(peer)) => assert_eq!(invite.origin, Origin::Peer(peer)),
            (None, None) => assert_eq!(desk.titles(), ["407 INVITE"]),
            (event, _) => panic!("{event:?} from {remote}"),
        }
    }
}

#[test]
fn an_alias_of_a_stranger_or_without_a_certificate_is_not_believed() {
    let remote = SocketAddr::new(address(2).ip(), 5062);
    let from = SocketAddr::new(address(2).ip(), 40_001);
    let mut stranger = Desk::with(all_transports(), account());
    open(&mut stranger, TCP, from);
    push(&mut stranger, options("TCP"));
    call(&mut stranger, Destination::address(Transport::Tcp, remote), |_| {});
    connected(&mut stranger);

    let mut config = all_transports();
    config.listeners.iter_mut().for_each(|listener| listener.verifies_peers = false);
    let mut unproven = Desk::with(config, peers());
    open(&mut unproven, TLS, from);
    push(&mut unproven, options("TLS"));
    call(&mut unproven, Destination::address(Transport::Tls, remote), |_| {});
    connected(&mut unproven);
}

const STRANGER: &str = "198.51.100.66:40000";

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
