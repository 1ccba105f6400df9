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
    reopened_for(desk).0
}

/// As [`reopened`], and whom the peer's certificate must name.
fn reopened_for(desk: &mut Desk) -> (String, String) {
    let Some(Output::Connect { connection, remote, names, .. }) = desk.outputs.pop_front() else {
        panic!("no connection")
    };
    assert_eq!(desk.flows.back().and_then(|flow| flow.connection), Some(connection));
    (remote.to_string(), names.join(" "))
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

const TWO: ConnectionHandle = ConnectionHandle(3);
const TLS: ListenerId = ListenerId(2);

/// A desk that is reached by TLS also.
fn secured() -> Desk {
    let listener = |(id, transport, port)| {
        let local = SocketAddr::new(address(0).ip(), port);
        Listener { id: ListenerId(id), transport, local, advertised: local, verifies_peers: true }
    };
    let listeners = [(0, Transport::Udp, 5060), (1, Transport::Tcp, 5060), (2, Transport::Tls, 5061)].map(listener);
    Desk::with(Config { listeners: listeners.to_vec(), ..config(0) }, peers())
}

/// The trunk's TLS connection from a port of its own, and what comes along it.
fn trunk_says(desk: &mut Desk, connection: ConnectionHandle, text: &str) {
    peer_says(desk, connection, &["sbc.example.com"], text);
}

fn peer_says(desk: &mut Desk, connection: ConnectionHandle, names: &[&str], text: &str) {
    let remote = SocketAddr::new(address(1).ip(), 40_001);
    let peer_names = names.iter().map(ToString::to_string).collect();
    desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names });
    desk.handle(Input::StreamBytes { connection, bytes: message(text) });
}

/// Its connection stands for the port where it would listen.
fn trunk_stands(desk: &mut Desk, connection: ConnectionHandle) {
    let text = format!(
        "OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/TLS 192.0.2.2:5061;branch=z9hG4bKo{};alias\nMax-Forwards: 70\n\
         From: <sip:pbx@192.0.2.2>;tag=f\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: 1 OPTIONS\n",
        connection.0
    );
    trunk_says(desk, connection, &text);
    assert_eq!(desk.titles(), ["200 OPTIONS"]);
}

fn call_trunk(desk: &mut Desk, shows: &[&str]) -> SessionId {
    let session = desk.endpoint.allocate_session();
    let shows = shows.iter().map(ToString::to_string).collect();
    let remote = SocketAddr::new(address(1).ip(), 5061);
    let destination = Destination::Address { transport: Transport::Tls, remote, shows };
    let invite = Box::new(OutgoingInvite { destination, ..invite_to(1, Some(OFFER)) });
    desk.command(Command::Invite { session, invite }).unwrap();
    session
}

fn last_way(desk: &Desk) -> Option<ConnectionHandle> {
    desk.flows.back().and_then(|flow| flow.connection)
}

/// A call that came by TLS, whose peer's Contact names another transport, or none. Its connection has ended.
fn called_by_tls(parameter: &str) -> (Desk, SessionId) {
    let (mut desk, session) = talking_by_tls(parameter);
    end_of_connection(&mut desk);
    (desk, session)
}

/// Answers the call that has come by TLS, and takes its ACK.
fn picked_up(mut desk: Desk, session: SessionId) -> Desk {
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    let ok = desk.sent.pop_back().unwrap();
    let phone = Phone { desk, session, tag: tag(&header(&ok, "To")), ok };
    let ack = phone.request("ACK", 1, "z9hG4bKack", "").replace("SIP/2.0/UDP", "SIP/2.0/TLS");
    let mut desk = phone.desk;
    desk.handle(Input::StreamBytes { connection: ONE, bytes: message(&ack) });
    desk
}

/// As [`called_by_tls`], and its connection is up.
fn talking_by_tls(parameter: &str) -> (Desk, SessionId) {
    let mut desk = secured();
    let text = Phone::invite("")
        .replace("SIP/2.0/UDP 192.0.2.2:5060", "SIP/2.0/TLS 192.0.2.2:5061")
        .replace("<sip:phone@192.0.2.2:5060>", &format!("<sip:phone@192.0.2.2{parameter}>"));
    trunk_says(&mut desk, ONE, &text);
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
    let mut desk = picked_up(desk, session);
    assert_eq!(desk.event(), Some(Event::Confirmed { session }));
    desk.titles();
    (desk, session)
}

#[test]
fn a_call_that_came_encrypted_goes_on_encrypted() {
    for parameter in ["", ";transport=tcp", ";transport=udp", ";transport=tls"] {
        let (mut desk, session) = called_by_tls(parameter);
        desk.command(Command::End { session, status: 480, reason: None }).unwrap();
        let bye = desk.sent.pop_back().unwrap();
        assert!(header(&bye, "Via").starts_with("SIP/2.0/TLS "), "{parameter} {bye}");
        assert_eq!(reopened(&mut desk), "192.0.2.2:5061", "{parameter}");
    }
}

#[test]
fn a_connection_that_stands_is_used_rather_than_one_that_is_being_opened() {
    let mut desk = secured();
    call_trunk(&mut desk, &["sbc.example.com"]);
    let Some(Output::Connect { connection, .. }) = desk.outputs.pop_front() else { panic!("no connection") };
    desk.titles();
    trunk_stands(&mut desk, ONE);
    call_trunk(&mut desk, &["sbc.example.com"]);
    assert_eq!(last_way(&desk), Some(ONE));
    // One that is up leads there by itself.
    let remote = SocketAddr::new(address(1).ip(), 5061);
    desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names: Vec::new() });
    call_trunk(&mut desk, &["sbc.example.com"]);
    assert_eq!(last_way(&desk), Some(connection));
}

#[test]
fn a_call_finds_its_trunk_on_the_connection_that_it_opens_next() {
    // Called by us, along a connection of the trunk's.
    let mut desk = secured();
    trunk_stands(&mut desk, ONE);
    let session = call_trunk(&mut desk, &["sbc.example.com"]);
    assert_eq!(last_way(&desk), Some(ONE));
    let invite = desk.next();
    let ok = "Contact: <sip:bob@192.0.2.2:5061;transport=tls>\nContent-Type: application/sdp\n--\n".to_owned() + ANSWER;
    desk.answer(&invite, "200 OK", "one", &ok);
    assert_eq!(desk.titles(), ["ACK"]);
    end_of_connection(&mut desk);
    // Called by the trunk.
    for (mut desk, session) in [(desk, session), called_by_tls(";transport=tls")] {
        trunk_stands(&mut desk, TWO);
        desk.command(Command::End { session, status: 0, reason: None }).unwrap();
        assert_eq!(desk.titles(), ["BYE"]);
        assert_eq!(last_way(&desk), Some(TWO));
    }
}

fn by_tls(sent_by: &str, contact: &str) -> String {
    Phone::invite("")
        .replace("SIP/2.0/UDP 192.0.2.2:5060", &format!("SIP/2.0/TLS {sent_by}"))
        .replace("<sip:phone@192.0.2.2:5060>", &format!("<sip:phone@{contact};transport=tls>"))
}

#[test]
fn rfc3261_18_2_2_an_answer_goes_by_tls_to_who_has_asked() {
    let cases = [
        // Who has shown a certificate, whatever it calls itself.
        (&["sbc.example.com"][..], "192.0.2.2:5070", "192.0.2.2:5070", "sbc.example.com 192.0.2.2"),
        (&["sbc.example.com", "192.0.2.2"], "other.example.com", "192.0.2.2:5061", "sbc.example.com 192.0.2.2"),
        // Who has not is held to its sent-by.
        (&[], "PBX.example.com:5070", "192.0.2.2:5070", "pbx.example.com"),
        (&[], "192.0.2.2", "192.0.2.2:5061", "192.0.2.2"),
        (&[], "10.0.0.7:5071", "192.0.2.2:5071", "192.0.2.2"),
    ];
    for (shown, sent_by, remote, names) in cases {
        let mut desk = secured();
        peer_says(&mut desk, ONE, shown, &by_tls(sent_by, "192.0.2.2"));
        let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
        end_of_connection(&mut desk);
        desk.titles();
        desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
        assert_eq!(reopened_for(&mut desk), (remote.to_owned(), names.to_owned()), "{sent_by}");
        desk.run(600 * MILLISECOND);
        assert_eq!(desk.titles(), ["200 INVITE"; 2]);
        assert!(desk.outputs.is_empty(), "{:?}", desk.outputs);
    }
}

/// It is not looked up: where the peer called from, it listens, at the port of its Contact.
#[test]
fn a_request_goes_to_a_contact_with_a_host_name_at_the_address_that_the_call_came_from() {
    let cases = [
        (&["sbc.example.com"][..], "node7.example.com", "192.0.2.2:5061", "sbc.example.com 192.0.2.2"),
        (&["sbc.example.com"], "node7.example.com:5071", "192.0.2.2:5071", "sbc.example.com 192.0.2.2"),
        (&[], "node7.example.com:5071", "192.0.2.2:5071", "node7.example.com"),
    ];
    for (shown, contact, remote, names) in cases {
        let mut desk = secured();
        peer_says(&mut desk, ONE, shown, &by_tls("192.0.2.2:5061", contact));
        let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
        let mut desk = picked_up(desk, session);
        end_of_connection(&mut desk);
        desk.titles();
        desk.command(Command::End { session, status: 480, reason: None }).unwrap();
        for _ in 0..2 {
            assert_eq!(desk.titles(), ["BYE"]);
            assert_eq!(reopened_for(&mut desk), (remote.to_owned(), names.to_owned()), "{contact}");
            let connection = last_way(&desk).unwrap();
            stands(&mut desk, connection);
            desk.handle(Input::StreamClosed { connection });
        }
    }
}

#[test]
fn an_answer_that_nobody_wants_is_declined_where_its_contact_is_and_to_whom_was_called() {
    // While its session lives, and after.
    for is_over in [false, true] {
        let mut desk = secured();
        let session = call_trunk(&mut desk, &["sbc.example.com"]);
        let Some(Output::Connect { connection, names, .. }) = desk.outputs.pop_front() else { panic!("no connection") };
        assert_eq!(names, ["sbc.example.com", "192.0.2.2"]);
        let remote = SocketAddr::new(address(1).ip(), 5061);
        let peer_names = vec!["sbc.example.com".to_owned()];
        desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names });
        desk.connection = Some(connection);
        let invite = desk.next();
        let ok = |contact: &str| {
            format!("Contact: <sip:bob@{contact};transport=tls>\nContent-Type: application/sdp\n--\n{ANSWER}")
        };
        desk.answer(&invite, "200 OK", "one", &ok("192.0.2.2:5061"));
        assert_eq!(desk.titles(), ["ACK"]);
        if is_over {
            desk.command(Command::End { session, status: 0, reason: None }).unwrap();
            let bye = desk.sent.pop_back().unwrap();
            desk.answer(&bye, "200 OK", "one", "");
            assert_eq!(desk.endpoint.sessions_len(), 0);
        }
        desk.answer(&invite, "200 OK", "two", &ok("192.0.2.9:5071"));
        assert_eq!(desk.titles(), ["ACK", "BYE"]);
        let expected = ("192.0.2.9:5071".to_owned(), "sbc.example.com 192.0.2.9".to_owned());
        assert_eq!(reopened_for(&mut desk), expected);
        // A repeated 200 is acknowledged the way that the first one was.
        desk.answer(&invite, "200 OK", "two", &ok("192.0.2.9:5071"));
        assert_eq!(desk.titles(), ["ACK"]);
        assert_eq!(desk.flows.back().map(|flow| flow.remote.to_string()), Some("192.0.2.9:5071".to_owned()));
    }
}

/// The connection ends after the call was given up; the answer comes by the next one.
#[test]
fn d1_an_answer_after_the_connection_has_ended_is_declined_along_a_new_one() {
    let mut desk = secured();
    let session = call_trunk(&mut desk, &["sbc.example.com"]);
    let Some(Output::Connect { connection, .. }) = desk.outputs.pop_front() else { panic!("no connection") };
    let remote = SocketAddr::new(address(1).ip(), 5061);
    desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names: Vec::new() });
    desk.connection = Some(connection);
    let invite = desk.next();
    let ok = format!("Contact: <sip:bob@node7.example.com;transport=tls>\nContent-Type: application/sdp\n--\n{ANSWER}");
    desk.answer(&invite, "200 OK", "one", &ok);
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    let bye = desk.sent.pop_back().unwrap();
    desk.answer(&bye, "200 OK", "one", "");
    desk.titles();
    desk.handle(Input::StreamClosed { connection });
    desk.connect(ONE, SocketAddr::new(address(1).ip(), 40_001));
    desk.answer(&invite, "200 OK", "two", &ok);
    assert_eq!(desk.titles(), ["ACK", "BYE"]);
    assert_eq!(reopened_for(&mut desk), ("192.0.2.2:5061".to_owned(), "sbc.example.com 192.0.2.2".to_owned()));
}

/// A call of ours to the trunk along a connection that it has or that we open, and the INVITE.
fn calling(is_ours: bool) -> (Desk, SessionId, ConnectionHandle, String) {
    let mut desk = secured();
    if !is_ours {
        trunk_stands(&mut desk, ONE);
    }
    let session = call_trunk(&mut desk, &["sbc.example.com"]);
    let way = last_way(&desk).unwrap();
    desk.outputs.clear();
    if is_ours {
        stands(&mut desk, way);
    }
    desk.connection = Some(way);
    let invite = desk.next();
    (desk, session, way, invite)
}

/// A connection that we have opened to the trunk is up.
fn stands(desk: &mut Desk, connection: ConnectionHandle) {
    let (remote, peer_names) = (SocketAddr::new(address(1).ip(), 5061), vec!["sbc.example.com".to_owned()]);
    desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names });
}

#[test]
fn a_call_that_rings_goes_on_along_a_new_connection() {
    for is_ours in [true, false] {
        let (mut desk, session, way, invite) = calling(is_ours);
        desk.answer(&invite, "180 Ringing", "one", "");
        assert!(matches!(desk.event(), Some(Event::Ringing { .. })));
        desk.handle(Input::StreamClosed { connection: way });
        // The same to the letter, so that it is a repetition.
        assert_eq!(desk.sent.front(), Some(&invite));
        let again = last_way(&desk).unwrap();
        assert_eq!(reopened_for(&mut desk), ("192.0.2.2:5061".to_owned(), "sbc.example.com 192.0.2.2".to_owned()));
        stands(&mut desk, again);
        desk.titles();
        desk.connection = Some(again);
        let ok = format!("Contact: <sip:bob@192.0.2.2;transport=tls>\nContent-Type: application/sdp\n--\n{ANSWER}");
        desk.answer(&invite, "180 Ringing", "one", "").answer(&invite, "200 OK", "one", &ok);
        assert!(matches!(desk.event(), Some(Event::Ringing { .. })));
        assert!(matches!(desk.event(), Some(Event::Answered { .. })));
        desk.command(Command::End { session, status: 0, reason: None }).unwrap();
        assert_eq!(desk.titles(), ["ACK", "BYE"]);
        assert_eq!(last_way(&desk), Some(again));
        // The BYE too goes again.
        desk.handle(Input::StreamClosed { connection: again });
        assert_eq!(desk.titles(), ["BYE"]);
        assert_eq!(reopened(&mut desk), "192.0.2.2:5061");
    }
}

#[test]
fn a_call_whose_connections_all_end_or_cannot_be_opened_again_fails() {
    for opens in [true, false] {
        let (mut desk, session, way, invite) = calling(true);
        desk.answer(&invite, "180 Ringing", "one", "");
        desk.event();
        desk.handle(Input::StreamClosed { connection: way });
        let mut again = last_way(&desk).unwrap();
        for _ in 0..if opens { 2 } else { 0 } {
            stands(&mut desk, again);
            desk.handle(Input::StreamClosed { connection: again });
            again = last_way(&desk).unwrap();
        }
        if opens {
            stands(&mut desk, again);
        }
        desk.no_event();
        desk.handle(Input::StreamClosed { connection: again });
        assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 503, .. }) if own == session));
        desk.run(40 * SECOND);
        assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
    }
}

#[test]
fn a_call_that_was_given_up_is_cancelled_along_a_new_connection() {
    let (mut desk, session, way, invite) = calling(true);
    desk.answer(&invite, "180 Ringing", "one", "");
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    assert_eq!(desk.titles(), ["CANCEL"]);
    desk.handle(Input::StreamClosed { connection: way });
    assert_eq!(desk.titles(), ["INVITE", "CANCEL"], "there is nothing to cancel before");
    let again = last_way(&desk);
    assert!(again.is_some() && desk.flows.iter().rev().take(2).all(|flow| flow.connection == again));
}

#[test]
fn a_call_that_was_given_up_before_it_rang_or_whose_cancel_was_taken_does_not_ring_again() {
    for rang in [false, true] {
        let (mut desk, session, way, invite) = calling(true);
        if rang {
            desk.answer(&invite, "180 Ringing", "one", "");
            desk.event();
        }
        desk.command(Command::End { session, status: 0, reason: None }).unwrap();
        if rang {
            let cancel = desk.next();
            assert!(cancel.starts_with("CANCEL "), "{cancel}");
            desk.answer(&cancel, "200 OK", "one", "");
        }
        desk.handle(Input::StreamClosed { connection: way });
        assert!(desk.titles().is_empty() && desk.outputs.is_empty(), "{rang} {:?}", desk.outputs);
        assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
        desk.no_event();
    }
}

/// A call to the trunk that it has answered, along a connection of ours.
fn talking() -> (Desk, SessionId, ConnectionHandle) {
    let (mut desk, session, way, invite) = calling(true);
    let ok = format!("Contact: <sip:bob@192.0.2.2;transport=tls>\nContent-Type: application/sdp\n--\n{ANSWER}");
    desk.answer(&invite, "200 OK", "one", &ok);
    assert!(matches!(desk.event(), Some(Event::Answered { .. })));
    assert_eq!(desk.titles(), ["ACK"]);
    (desk, session, way)
}

/// The peer that has answered it has forgotten it: it would do it twice.
#[test]
fn rfc3261_17_2_2_what_a_peer_would_do_twice_is_not_sent_again() {
    for (title, goes_again) in [("INFO", false), ("INVITE", true), ("BYE", true)] {
        let (mut desk, session, way) = talking();
        let command = match title {
            "INFO" => Command::SendDigit { session, digit: '5', duration_ms: 160 },
            "INVITE" => Command::Offer { session, sdp: sdp(OFFER), identity: None },
            _ => Command::End { session, status: 0, reason: None },
        };
        desk.command(command).unwrap();
        let sent = desk.next();
        assert!(sent.starts_with(title), "{sent}");
        desk.handle(Input::StreamClosed { connection: way });
        assert_eq!(desk.sent.pop_front(), goes_again.then_some(sent));
    }
}

/// The trunk's connection has no `alias`: it listens where its Contact says.
#[test]
fn a_request_in_a_dialog_goes_again_to_its_peers_contact() {
    for ends in [false, true] {
        let (mut desk, session) = talking_by_tls(":5071;transport=tls");
        let command = match ends {
            false => Command::Offer { session, sdp: sdp(OFFER), identity: None },
            true => Command::End { session, status: 480, reason: None },
        };
        desk.command(command).unwrap();
        let sent = desk.next();
        assert_eq!(last_way(&desk), Some(ONE));
        desk.handle(Input::StreamClosed { connection: ONE });
        assert_eq!(desk.sent.pop_front(), Some(sent));
        desk.no_event();
        assert_eq!(reopened_for(&mut desk), ("192.0.2.2:5071".to_owned(), "sbc.example.com 192.0.2.2".to_owned()));
    }
}

/// Two trunks at one address, whose certificate bears the names of both.
#[test]
fn rfc5922_7_3_a_request_goes_again_to_whom_it_was_for_alone() {
    let mut desk = secured();
    call_trunk(&mut desk, &["sbc.example.com", "other.example.com"]);
    let Some(Output::Connect { connection, .. }) = desk.outputs.pop_front() else { panic!("no connection") };
    let remote = SocketAddr::new(address(1).ip(), 5061);
    let peer_names = ["other.example.com", "sbc.example.com"].map(str::to_owned).to_vec();
    desk.handle(Input::StreamOpened { connection, listener: TLS, remote, peer_names });
    let first = desk.next();
    desk.connection = Some(connection);
    desk.answer(&first, "486 Busy Here", "b", "");
    assert_eq!(desk.titles(), ["ACK"]);
    let session = desk.endpoint.allocate_session();
    let transport = Some(Transport::Tls);
    let destination = Destination::Name { transport, host: "sbc.example.com".into(), port: Some(5061) };
    let invite = Box::new(OutgoingInvite { destination, ..invite_to(1, Some(OFFER)) });
    desk.command(Command::Invite { session, invite }).unwrap();
    let Some(Output::Resolve { query, .. }) = desk.outputs.pop_front() else { panic!("no query") };
    desk.handle(Input::Resolved { query, addresses: vec![(Transport::Tls, remote)] });
    assert_eq!((desk.titles(), last_way(&desk)), (vec!["INVITE".to_owned()], Some(connection)), "it is used again");
    desk.handle(Input::StreamClosed { connection });
    assert_eq!(desk.titles(), ["INVITE"]);
    assert_eq!(reopened_for(&mut desk), ("192.0.2.2:5061".to_owned(), "sbc.example.com".to_owned()));
}

#[test]
fn a_repeated_answer_is_acknowledged_along_the_connection_that_it_comes_by() {
    let (mut desk, _, way, invite) = calling(true);
    let ok = format!("Contact: <sip:bob@192.0.2.2;transport=tls>\nContent-Type: application/sdp\n--\n{ANSWER}");
    desk.answer(&invite, "200 OK", "one", &ok);
    assert_eq!(desk.titles(), ["ACK"]);
    desk.handle(Input::StreamClosed { connection: way });
    trunk_stands(&mut desk, ONE);
    desk.connection = Some(ONE);
    desk.answer(&invite, "200 OK", "one", &ok);
    assert_eq!(desk.titles(), ["ACK"]);
    assert_eq!(last_way(&desk), Some(ONE));
}
