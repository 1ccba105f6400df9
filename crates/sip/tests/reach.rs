//! Ways to a peer: streams, host names, routes, forks, challenges to our own requests.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use bytes::Bytes;
use world::*;

const ONE: ConnectionHandle = ConnectionHandle(1);

fn tcp_desk() -> Desk {
    let mut desk = Desk::new();
    desk.handle(Input::StreamOpened {
        connection: ONE,
        listener: ListenerId(1),
        remote: address(1),
        peer_names: Vec::new(),
    });
    desk
}

fn tcp_invite() -> String {
    Phone::invite("")
        .replace("SIP/2.0/UDP", "SIP/2.0/TCP")
        .replace("<sip:phone@192.0.2.2:5060>", "<sip:phone@192.0.2.2:5060;transport=tcp>")
}

fn push(desk: &mut Desk, bytes: &[u8]) {
    desk.handle(Input::StreamBytes { connection: ONE, bytes: Bytes::copy_from_slice(bytes) });
}

#[test]
fn a_call_over_tcp_stays_on_its_stream_however_it_is_cut() {
    let mut desk = tcp_desk();
    for byte in message(&tcp_invite()).iter() {
        push(&mut desk, &[*byte]);
    }
    let Some(Event::Incoming { session, invite }) = desk.event() else { panic!("no call") };
    assert_eq!((invite.flow.transport, invite.flow.connection), (Transport::Tcp, Some(ONE)));
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    let ok = desk.sent.pop_back().unwrap();
    assert!(header(&ok, "Contact").ends_with(";transport=tcp>"), "{ok}");
    let ack = format!(
        "ACK sip:x@192.0.2.1 SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKack\nMax-Forwards: 70\nFrom: <sip:phone@example.com>;tag=phonetag\nTo: {}\nCall-ID: phonecall\nCSeq: 1 ACK\n",
        header(&ok, "To")
    );
    push(&mut desk, &message(&ack));
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    let bye = desk.sent.pop_back().unwrap();
    assert!(header(&bye, "Via").starts_with("SIP/2.0/TCP"));
    assert!(desk.flows.iter().all(|flow| flow.connection == Some(ONE)));
    assert!(desk.outputs.is_empty(), "no second connection");
    desk.run(5 * SECOND);
    assert_eq!(desk.sent.iter().filter(|text| text.starts_with("BYE")).count(), 0, "TCP repeats nothing");
}

#[test]
fn a_ping_is_answered_by_a_pong_and_rubbish_closes_the_stream() {
    let mut desk = tcp_desk();
    push(&mut desk, b"\r\n\r\n");
    assert_eq!(desk.sent.pop_front().as_deref(), Some("\r\n"));
    push(&mut desk, b"HELO there\r\nContent-Length: -1\r\n\r\n");
    assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }));
    push(&mut desk, &message(&tcp_invite()));
    desk.no_event();
}

#[test]
fn an_idle_stream_is_closed_and_one_with_a_call_is_kept() {
    let mut desk = tcp_desk();
    desk.run(121 * SECOND);
    assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: ONE }));
    let mut desk = tcp_desk();
    push(&mut desk, &message(&tcp_invite()));
    desk.run(500 * SECOND);
    assert!(desk.outputs.is_empty());
}

fn call_over_tcp(desk: &mut Desk) -> (SessionId, ConnectionHandle) {
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    invite.destination = Destination::address(Transport::Tcp, address(2));
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    match desk.flows.back().and_then(|flow| flow.connection) {
        Some(connection) => (session, connection),
        None => panic!("no stream: {:?}", desk.outputs),
    }
}

#[test]
fn our_calls_open_a_stream_and_use_it_again() {
    let mut desk = Desk::new();
    let (_, first) = call_over_tcp(&mut desk);
    let expected =
        Output::Connect { connection: first, listener: ListenerId(1), remote: address(2), names: Vec::new() };
    assert_eq!(desk.outputs.pop_front(), Some(expected));
    assert!(first.0 % 2 == 0, "ours are even");
    desk.handle(Input::StreamOpened {
        connection: first,
        listener: ListenerId(1),
        remote: address(2),
        peer_names: Vec::new(),
    });
    let (_, second) = call_over_tcp(&mut desk);
    assert_eq!((first, desk.outputs.pop_front()), (second, None));
}

#[test]
fn what_waits_on_a_stream_that_ends_fails_with_503() {
    let mut desk = Desk::new();
    let (session, connection) = call_over_tcp(&mut desk);
    desk.handle(Input::StreamClosed { connection });
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 503, .. }) if own == session));
    assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
}

#[test]
fn a_flow_that_is_gone_fails_with_503_at_once() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    let flow = Flow { transport: Transport::Tcp, listener: ListenerId(1), remote: address(2), connection: Some(ONE) };
    invite.destination = Destination::Flow(flow);
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    assert!(matches!(desk.event(), Some(Event::Refused { status: 503, .. })));
    assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
}

fn call_by_name(desk: &mut Desk) -> (SessionId, u64) {
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    let transport = Some(Transport::Udp);
    invite.destination = Destination::Name { transport, host: "pbx.example.com".into(), port: Some(5070) };
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    match desk.outputs.pop_front() {
        Some(Output::Resolve { query, host, port: Some(5070), transport: Some(Transport::Udp) })
            if host == "pbx.example.com" =>
        {
            (session, query)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_host_names_addresses_are_tried_in_order() {
    let mut desk = Desk::new();
    let (session, query) = call_by_name(&mut desk);
    desk.handle(Input::Resolved { query, addresses: [3, 4, 5].map(|side| (Transport::Udp, address(side))).to_vec() });
    let invite = desk.next();
    desk.answer(&invite, "503 Service Unavailable", "a", "");
    assert!(desk.next().starts_with("ACK"));
    assert_eq!(desk.flows.front().map(|flow| flow.remote), Some(address(4)));
    desk.no_event();
    desk.titles();
    desk.flows.clear();
    desk.run(33 * SECOND);
    assert_eq!(desk.flows.back().map(|flow| flow.remote), Some(address(5)), "the second is silent");
    let invite = desk.sent.pop_back().unwrap();
    desk.answer(&invite, "486 Busy Here", "b", "");
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 486, .. }) if own == session));
    desk.run(40 * SECOND);
    assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
}

#[test]
fn a_silent_address_that_rings_late_is_cancelled_and_forgotten() {
    for ends in [true, false] {
        let mut desk = Desk::new();
        let session = desk.endpoint.allocate_session();
        let mut invite = invite_to(2, Some(OFFER));
        (invite.destination, invite.patience_ms) = (by_name(), Some(4_000));
        desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
        let Some(Output::Resolve { query, .. }) = desk.outputs.pop_front() else { panic!("a name is looked up") };
        let addresses = [3, 4].map(|side| (Transport::Udp, address(side))).to_vec();
        desk.handle(Input::Resolved { query, addresses });
        let first = desk.next();
        desk.run(4_100 * MILLISECOND);
        assert_eq!(desk.flows.back().map(|flow| flow.remote), Some(address(4)), "it was silent for 4 s");
        let second = desk.sent.pop_back().unwrap();
        desk.titles();
        desk.answer(&first, "180 Ringing", "late", "");
        let cancel = desk.sent.pop_front().unwrap();
        assert!(cancel.starts_with("CANCEL"), "{cancel}");
        assert_eq!(tag_of_branch(&cancel), tag_of_branch(&first));
        desk.answer(&first, "180 Ringing", "late", "");
        assert!(desk.titles().is_empty(), "once");
        desk.no_event();
        desk.answer(&cancel, "200 OK", "late", "");
        if ends {
            desk.answer(&first, "487 Request Terminated", "late", "");
            assert_eq!(desk.titles(), ["ACK"]);
        }
        desk.answer(&second, "486 Busy Here", "b", "");
        assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 486, .. }) if own == session));
        desk.run(40 * SECOND);
        assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
        assert_eq!(desk.endpoint.next_timeout_us(), None);
    }
}

/// It is asked by TCP; its connection ends while another address is called.
#[test]
fn a_silent_address_is_not_called_again_when_its_connection_ends() {
    for rings_late in [false, true] {
        let mut desk = Desk::new();
        let session = desk.endpoint.allocate_session();
        let mut invite = invite_to(2, Some(OFFER));
        let (transport, host) = (Some(Transport::Tcp), "pbx.example.com".into());
        invite.destination = Destination::Name { transport, host, port: Some(5070) };
        invite.patience_ms = Some(4_000);
        desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
        let Some(Output::Resolve { query, .. }) = desk.outputs.pop_front() else { panic!("a name is looked up") };
        let addresses = [3, 4].map(|side| (Transport::Tcp, address(side))).to_vec();
        desk.handle(Input::Resolved { query, addresses });
        let [first, second] = [3, 4].map(|side| {
            let Some(Output::Connect { connection, .. }) = desk.outputs.pop_front() else { panic!("no connection") };
            let (listener, remote, peer_names) = (ListenerId(1), address(side), Vec::new());
            desk.handle(Input::StreamOpened { connection, listener, remote, peer_names });
            desk.run(4_100 * MILLISECOND);
            connection
        });
        let invite = desk.next();
        assert_eq!(desk.flows.pop_front().and_then(|flow| flow.connection), Some(second));
        assert_eq!(desk.titles(), ["INVITE"]);
        if rings_late {
            desk.connection = Some(first);
            desk.answer(&invite, "180 Ringing", "late", "");
            assert_eq!(desk.titles(), ["CANCEL"]);
        }
        desk.handle(Input::StreamClosed { connection: first });
        let again: &[&str] = if rings_late { &["INVITE", "CANCEL"] } else { &[] };
        assert_eq!(desk.titles(), again);
        assert_eq!(desk.outputs.len(), again.len().min(1), "{:?}", desk.outputs);
    }
}

fn by_name() -> Destination {
    Destination::Name { transport: Some(Transport::Udp), host: "pbx.example.com".into(), port: Some(5070) }
}

fn tag_of_branch(text: &str) -> String {
    header(text, "Via").split("branch=").nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_name_without_an_address_is_503_and_an_unanswered_query_too() {
    let mut desk = Desk::new();
    let (_, query) = call_by_name(&mut desk);
    desk.handle(Input::Resolved { query, addresses: Vec::new() });
    assert!(matches!(desk.event(), Some(Event::Refused { status: 503, .. })));
    call_by_name(&mut desk);
    desk.run(33 * SECOND);
    assert!(matches!(desk.event(), Some(Event::Refused { status: 503, .. })));
    let (session, query) = call_by_name(&mut desk);
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    desk.handle(Input::Resolved { query, addresses: vec![(Transport::Udp, address(3))] });
    assert!(desk.titles().is_empty());
    assert_eq!(desk.endpoint.sessions_len(), 0);
}

#[test]
fn rfc3263_4_3_a_connection_that_cannot_be_opened_makes_way_for_the_next_address_and_transport() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    invite.destination = Destination::Name { transport: None, host: "pbx.example.com".into(), port: None };
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let Some(Output::Resolve { query, port: None, transport: None, .. }) = desk.outputs.pop_front() else { panic!() };
    let addresses = vec![(Transport::Tcp, address(3)), (Transport::Udp, address(4))];
    desk.handle(Input::Resolved { query, addresses });
    let Some(Output::Connect { connection, remote, .. }) = desk.outputs.pop_front() else { panic!() };
    assert_eq!(remote, address(3));
    desk.titles();
    desk.flows.clear();
    desk.handle(Input::StreamClosed { connection });
    assert_eq!(desk.flows.pop_front().map(|flow| (flow.transport, flow.remote)), Some((Transport::Udp, address(4))));
    desk.no_event();
}

#[test]
fn rfc3263_4_2_a_numeric_host_is_not_looked_up_and_has_the_standard_port() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    invite.destination = Destination::Name { transport: None, host: "192.0.2.9".into(), port: None };
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let flow = desk.flows.pop_front().unwrap();
    assert_eq!((flow.transport, flow.remote), (Transport::Udp, "192.0.2.9:5060".parse().unwrap()));
}

fn called(desk: &mut Desk, change: impl Fn(&mut OutgoingInvite)) -> (SessionId, String) {
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    change(&mut invite);
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    (session, desk.next())
}

fn answered(extra: &str) -> String {
    format!("Contact: <sip:bob@192.0.2.9:5099>\n{extra}Content-Type: application/sdp\n--\n{ANSWER}")
}

#[test]
fn requests_follow_the_remote_target_and_the_route_set() {
    let cases = [
        ("", "192.0.2.9:5099", "sip:bob@192.0.2.9:5099", vec![]),
        (
            "Record-Route: <sip:192.0.2.21;lr>, <sip:192.0.2.22:5080;lr>\n",
            "192.0.2.22:5080",
            "sip:bob@192.0.2.9:5099",
            vec!["<sip:192.0.2.22:5080;lr>", "<sip:192.0.2.21;lr>"],
        ),
        ("Record-Route: <sip:192.0.2.23>\n", "192.0.2.23:5060", "sip:192.0.2.23", vec!["<sip:bob@192.0.2.9:5099>"]),
        (
            "Record-Route: <sip:proxy.example.com;lr>\n",
            "192.0.2.3:5060",
            "sip:bob@192.0.2.9:5099",
            vec!["<sip:proxy.example.com;lr>"],
        ),
    ];
    for (extra, remote, uri, routes) in cases {
        let mut desk = Desk::new();
        let (_, invite) = called(&mut desk, |_| {});
        desk.answer(&invite, "200 OK", "t", &answered(extra));
        let flow = desk.flows.pop_front().unwrap();
        let ack = desk.sent.pop_front().unwrap();
        assert!(ack.starts_with(&format!("ACK {uri} ")), "{ack}");
        assert_eq!(flow.remote, remote.parse().unwrap(), "{extra}");
        assert_eq!(headers(&ack, "Route"), routes, "{extra}");
    }
}

#[test]
fn d7_forks_ring_apart_and_only_the_first_answer_counts() {
    let mut desk = Desk::new();
    let (session, invite) = called(&mut desk, |_| {});
    let media = |sdp: &str| format!("Content-Type: application/sdp\n--\n{sdp}");
    desk.answer(&invite, "183 Session Progress", "one", &media(ANSWER));
    desk.answer(&invite, "180 Ringing", "two", "");
    desk.answer(&invite, "183 Session Progress", "one", &media(OFFER));
    let ringing = |status, sdp| Some(Event::Ringing { session, status, sdp });
    assert_eq!(desk.event(), ringing(183, Some(sdp(ANSWER))));
    assert_eq!(desk.event(), ringing(180, None));
    assert_eq!(desk.event(), ringing(183, Some(sdp(OFFER))));
    desk.answer(&invite, "200 OK", "two", &answered(""));
    assert!(matches!(desk.event(), Some(Event::Answered { .. })));
    assert_eq!(desk.titles(), ["ACK"]);
    desk.answer(&invite, "200 OK", "one", &answered(""));
    let ack = desk.next();
    let bye = desk.next();
    assert!(ack.starts_with("ACK") && bye.starts_with("BYE"));
    assert_eq!((tag(&header(&ack, "To")), tag(&header(&bye, "To"))), ("one".into(), "one".into()));
    desk.answer(&invite, "200 OK", "one", &answered("")).answer(&invite, "200 OK", "two", &answered(""));
    assert_eq!(desk.titles(), ["ACK", "ACK"], "repeated 2xx are acknowledged again, each by its own ACK");
    desk.no_event();
    assert_eq!(desk.endpoint.sessions_len(), 1);
}

#[test]
fn d7_a_200_without_sdp_takes_the_early_answer_of_its_fork() {
    let mut desk = Desk::new();
    let (_, invite) = called(&mut desk, |_| {});
    desk.answer(&invite, "183 Session Progress", "one", &format!("Content-Type: application/sdp\n--\n{ANSWER}"));
    desk.event();
    desk.answer(&invite, "200 OK", "one", "Contact: <sip:bob@192.0.2.9>\n");
    assert!(matches!(desk.event(), Some(Event::Answered { sdp: Some(answer), .. }) if answer == sdp(ANSWER)));
}

#[test]
fn a_200_after_the_session_is_forgotten_is_acknowledged_and_ended() {
    let mut desk = Desk::new();
    let (session, invite) = called(&mut desk, |_| {});
    desk.answer(&invite, "200 OK", "one", &answered(""));
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    let bye = desk.sent.pop_back().unwrap();
    desk.answer(&bye, "200 OK", "", "");
    assert_eq!(desk.endpoint.sessions_len(), 0);
    desk.titles();
    desk.answer(&invite, "200 OK", "late", &answered(""));
    assert_eq!(desk.titles(), ["ACK", "BYE"]);
}

#[test]
fn a_bye_that_overtakes_its_200_ends_the_call_when_the_200_comes() {
    for rang_before in [true, false] {
        bye_overtakes_200(rang_before);
    }
}

fn bye_overtakes_200(rang_before: bool) {
    let mut desk = Desk::new();
    let (session, invite) = called(&mut desk, |_| {});
    if rang_before {
        desk.answer(&invite, "180 Ringing", "one", "");
        desk.event();
    }
    let bye = format!(
        "BYE sip:x@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb\nMax-Forwards: 70\nFrom: <sip:bob@example.com>;tag=one\nTo: {}\nCall-ID: {}\nCSeq: 1 BYE\n",
        header(&invite, "From"),
        header(&invite, "Call-ID")
    );
    desk.send(&bye);
    assert_eq!(desk.titles(), ["200 BYE"]);
    desk.answer(&invite, "200 OK", "one", &answered(""));
    assert_eq!(desk.titles(), ["ACK", "BYE"]);
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 480, .. }) if own == session));
}

const CHALLENGE: &str = "Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"";

fn with_credentials(invite: &mut OutgoingInvite) {
    invite.credentials = Some(Credentials { username: "u".into(), password: "p".into() });
}

#[test]
fn challenges_to_our_invite_are_answered_once_per_nonce() {
    for (status, asks, answers) in [
        ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"),
    ] {
        let mut desk = Desk::new();
        let (_, invite) = called(&mut desk, with_credentials);
        desk.answer(&invite, status, "a", &format!("{asks}: {CHALLENGE}\n"));
        assert!(desk.next().starts_with("ACK"));
        let again = desk.next();
        assert!(again.starts_with("INVITE") && again.ends_with(OFFER), "{again}");
        assert!(header(&again, answers).contains("nonce=\"n1\""));
        assert_eq!(header(&again, "CSeq"), "2 INVITE");
        assert_eq!(header(&again, "Call-ID"), header(&invite, "Call-ID"));
        assert_ne!(header(&again, "Via"), header(&invite, "Via"));
        // The old nonce was stale: once more.
        desk.answer(
            &again,
            status,
            "b",
            &format!("{asks}: Digest realm=\"pbx\", nonce=\"n2\", qop=\"auth\", stale=true\n"),
        );
        desk.next();
        let third = desk.next();
        assert!(header(&third, answers).contains("nonce=\"n2\""));
        assert_eq!(headers(&third, answers).len(), 1);
        // Not stale: our password is wrong, and that is final.
        desk.answer(&third, status, "c", &format!("{asks}: Digest realm=\"pbx\", nonce=\"n3\", qop=\"auth\"\n"));
        let refused = if status.starts_with("401") { 401 } else { 407 };
        assert!(matches!(desk.event(), Some(Event::Refused { status, .. }) if status == refused));
    }
}

#[test]
fn a_challenge_without_credentials_is_a_refusal() {
    let mut desk = Desk::new();
    let (_, invite) = called(&mut desk, |_| {});
    desk.answer(&invite, "407 Proxy Authentication Required", "a", &format!("Proxy-Authenticate: {CHALLENGE}\n"));
    assert!(matches!(desk.event(), Some(Event::Refused { status: 407, .. })));
}

#[test]
fn a_refusal_brings_its_contacts_reason_and_cause() {
    let mut desk = Desk::new();
    let (_, invite) = called(&mut desk, |_| {});
    desk.answer(&invite, "302 Moved", "a", "Contact: <sip:new@example.com>, <sip:newer@example.com>\nReason: Q.850;cause=17;text=\"User busy\"\nRetry-After: 12\n");
    let Some(Event::Refused { status, reason, q850, contacts, retry_after_s, .. }) = desk.event() else { panic!() };
    assert_eq!((status, reason.as_str(), q850, retry_after_s), (302, "User busy", Some(17), Some(12)));
    assert_eq!(
        contacts.iter().map(|party| party.uri.as_str()).collect::<Vec<_>>(),
        ["sip:new@example.com", "sip:newer@example.com"]
    );
}

#[test]
fn a_response_with_a_foreign_branch_is_dropped() {
    let mut desk = Desk::new();
    let (_, invite) = called(&mut desk, |_| {});
    let via = header(&invite, "Via");
    let forged = invite.replace(&via, &via.replace("z9hG4bK1-", "z9hG4bK1-0"));
    desk.answer(&forged, "200 OK", "evil", &answered(""));
    let other_method = invite.replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    desk.answer(&other_method, "200 OK", "evil", &answered(""));
    desk.no_event();
    assert!(desk.titles().is_empty());
}

#[test]
fn digits_go_by_info_both_ways() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.talking();
    pair.command(0, Command::SendDigit { session: caller, digit: '#', duration_ms: 120 }).unwrap();
    pair.settle();
    assert_eq!(pair.event(1), Some(Event::Digit { session: callee, digit: '#', duration_ms: 120 }));
    assert_eq!(pair.take_ladder(), ["> INFO", "< 200 INFO"]);
    let bad = Command::SendDigit { session: caller, digit: 'x', duration_ms: 120 };
    assert_eq!(pair.command(0, bad), Err(CommandRefused::BadText));
}

/// The list of packages is empty; a peer that says what it takes is sent none either.
#[test]
fn rfc6086_5_2_each_invite_and_its_answer_say_that_no_info_package_is_taken() {
    let mut pair = Pair::new();
    let (_, callee) = pair.talking();
    let reoffer = Command::Offer { session: callee, sdp: sdp(OFFER), identity: None };
    pair.command(1, reoffer).unwrap();
    pair.run(100 * MILLISECOND);
    pair.texts.iter().for_each(|text| {
        let is_invite = header(text, "CSeq").ends_with("INVITE") && !text.starts_with("ACK");
        let expected = is_invite && (text.starts_with("INVITE") || text.starts_with("SIP/2.0 200"));
        assert_eq!(text.contains("\r\nRecv-Info: \r\n"), expected, "{text}");
    });
    assert!(pair.texts.iter().filter(|text| text.starts_with("INVITE")).count() > 1);
}

#[test]
fn a_binding_on_a_stream_goes_with_it() {
    let flow = Flow { transport: Transport::Tcp, listener: ListenerId(1), remote: address(1), connection: Some(ONE) };
    let mut desk = Desk::new();
    let binding = Binding {
        contact: "sip:101@192.0.2.2".into(),
        flow,
        expires_at_us: desk.now_us + 100 * SECOND,
        q_thousandths: 1000,
        call_id: "c".into(),
        cseq: 1,
        user_agent: None,
        instance: None,
        reg_id: None,
        path: Vec::new(),
    };
    desk.handle(Input::StreamOpened {
        connection: ONE,
        listener: ListenerId(1),
        remote: address(1),
        peer_names: Vec::new(),
    });
    desk.command(Command::RestoreBindings { account: "101".into(), bindings: vec![binding] }).unwrap();
    desk.event();
    desk.handle(Input::StreamClosed { connection: ONE });
    assert_eq!(desk.event(), Some(Event::BindingsChanged { account: "101".into(), bindings: Vec::new() }));
}

#[test]
fn a_revived_endpoint_forgets_the_streams_of_its_former_process() {
    let mut desk = Desk::new();
    let (session, _) = call_over_tcp(&mut desk);
    desk.endpoint.streams_lost(desk.now_us);
    desk.run(0);
    desk.handle(Input::Timeout);
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 503, .. }) if own == session));
    desk.outputs.clear();
    call_over_tcp(&mut desk);
    assert!(matches!(desk.outputs.pop_front(), Some(Output::Connect { .. })), "a new stream is opened");
}

#[test]
fn a_2xx_with_the_largest_cseq_does_no_harm() {
    let mut desk = Desk::new();
    let (_, invite) = called(&mut desk, |_| {});
    desk.answer(&invite, "200 OK", "one", &answered(""));
    desk.titles();
    let odd = invite.replace("CSeq: 1 INVITE", "CSeq: 4294967295 INVITE");
    desk.answer(&odd, "200 OK", "two", &answered(""));
    assert_eq!(desk.titles(), ["ACK", "BYE"]);
}

/// Its Contact is an address behind its NAT, which nothing but its flow reaches.
#[test]
fn p7_an_answer_that_nobody_wants_is_declined_along_the_phones_flow() {
    for connection in [None, Some(ONE)] {
        let mut desk = tcp_desk();
        let (transport, listener) = connection.map_or((Transport::Udp, 0), |_| (Transport::Tcp, 1));
        let flow = Flow { transport, listener: ListenerId(listener), remote: address(1), connection };
        let (session, invite) = called(&mut desk, |invite| invite.destination = Destination::Flow(flow));
        desk.answer(&invite, "180 Ringing", "one", "");
        desk.command(Command::End { session, status: 0, reason: None }).unwrap();
        assert_eq!(desk.titles(), ["CANCEL"]);
        desk.flows.clear();
        let ok = format!("Contact: <sip:anna@10.0.0.9:5099>\nContent-Type: application/sdp\n--\n{ANSWER}");
        desk.answer(&invite, "200 OK", "one", &ok);
        assert_eq!(desk.titles(), ["ACK", "BYE"]);
        assert!(desk.flows.iter().all(|each| *each == flow), "{:?}", desk.flows);
    }
}
