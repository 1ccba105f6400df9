//! TLS: whom a certificate must name, whom it proves (RFC 5922), and which connection is used again (RFC 5923).

use super::*;

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
    assert_eq!(connected(&mut desk).2, "b.example.com", "what is under way with it goes on");
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
