//! Requests of ours outside any dialog: OPTIONS and REGISTER.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

const ERRAND: ErrandId = ErrandId(2);

fn errand(kind: ErrandKind) -> OutgoingErrand {
    OutgoingErrand {
        kind,
        uri: "sip:carrier.example".into(),
        destination: Destination::address(Transport::Udp, address(2)),
        from: party("sip:office@carrier.example"),
        to: party("sip:office@carrier.example"),
        call_id: Some("registration".into()),
        cseq: 7,
        credentials: Some(Credentials { username: "office".into(), password: "secret".into() }),
    }
}

fn register() -> OutgoingErrand {
    errand(ErrandKind::Register { expires_s: 600, user: "line-1".into() })
}

fn run(desk: &mut Desk, request: OutgoingErrand) -> String {
    desk.command(Command::Errand { errand: ERRAND, request: Box::new(request) }).unwrap();
    desk.next()
}

/// Status, CSeq, granted seconds and Min-Expires.
fn done(desk: &mut Desk) -> (u16, u32, Option<u32>, Option<u32>) {
    match desk.event() {
        Some(Event::ErrandDone { errand: ERRAND, status, cseq, expires_s, min_expires_s, .. }) => {
            (status, cseq, expires_s, min_expires_s)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_reports_whatever_is_answered() {
    for status in ["200 OK", "404 Not Found", "405 Method Not Allowed", "503 Service Unavailable"] {
        let mut desk = Desk::new();
        let options = run(&mut desk, errand(ErrandKind::Options));
        assert!(options.starts_with("OPTIONS sip:carrier.example SIP/2.0"), "{options}");
        desk.answer(&options, status, "a", "");
        assert_eq!(done(&mut desk), (status[..3].parse().unwrap(), 8, None, None));
        desk.run(40 * SECOND);
        assert_eq!(desk.endpoint.transactions_len(), 0);
    }
}

#[test]
fn silence_is_408_and_an_errand_that_is_forgotten_says_nothing() {
    let mut desk = Desk::new();
    run(&mut desk, errand(ErrandKind::Options));
    desk.run(33 * SECOND);
    assert_eq!(done(&mut desk).0, 408);
    run(&mut desk, errand(ErrandKind::Options));
    desk.command(Command::ForgetErrand { errand: ERRAND }).unwrap();
    assert_eq!(desk.endpoint.transactions_len(), 0, "nothing is sent again");
    desk.run(40 * SECOND);
    desk.no_event();
}

#[test]
fn register_is_challenged_once_and_reads_what_was_granted() {
    let contact = "Contact: <sip:other@192.0.2.7>;expires=9, <sip:line-1@192.0.2.1:5060>;expires=120\n";
    let cases = [(contact, Some(120)), ("Expires: 300\n", Some(300)), ("", Some(600))];
    for (headers, granted_s) in cases {
        let mut desk = Desk::new();
        let first = run(&mut desk, register());
        assert_eq!(header(&first, "Contact"), "<sip:line-1@192.0.2.1:5060>");
        assert_eq!((header(&first, "Expires"), header(&first, "CSeq")), ("600".into(), "8 REGISTER".into()));
        let challenge = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\n";
        desk.answer(&first, "401 Unauthorized", "a", challenge);
        let second = desk.next();
        assert_eq!(header(&second, "CSeq"), "9 REGISTER");
        assert_eq!(header(&second, "Call-ID"), "registration");
        assert!(header(&second, "Authorization").contains("username=\"office\""), "{second}");
        desk.answer(&second, "200 OK", "a", headers);
        assert_eq!(done(&mut desk), (200, 9, granted_s, None));
    }
}

#[test]
fn a_second_challenge_is_final() {
    let mut desk = Desk::new();
    let first = run(&mut desk, register());
    let challenge = |nonce: &str| format!("WWW-Authenticate: Digest realm=\"carrier\", nonce=\"{nonce}\"\n");
    desk.answer(&first, "401 Unauthorized", "a", &challenge("n"));
    let second = desk.next();
    desk.answer(&second, "401 Unauthorized", "a", &challenge("m"));
    assert_eq!(done(&mut desk).0, 401);
}

#[test]
fn a_423_brings_its_least_expiry() {
    let mut desk = Desk::new();
    let first = run(&mut desk, register());
    desk.answer(&first, "423 Interval Too Brief", "a", "Min-Expires: 1800\n");
    assert_eq!(done(&mut desk), (423, 8, None, Some(1_800)));
}

#[test]
fn a_host_name_is_looked_up_and_its_addresses_are_tried_in_order() {
    let mut desk = Desk::new();
    let mut request = register();
    let (transport, port) = (Some(Transport::Udp), Some(5060));
    request.destination = Destination::Name { transport, host: "carrier.example".into(), port };
    desk.command(Command::Errand { errand: ERRAND, request: Box::new(request.clone()) }).unwrap();
    let Some(Output::Resolve { query, .. }) = desk.outputs.pop_front() else { panic!("no look-up") };
    desk.handle(Input::Resolved { query, addresses: vec![(Transport::Udp, address(3)), (Transport::Udp, address(4))] });
    let first = desk.next();
    desk.answer(&first, "503 Service Unavailable", "a", "");
    assert_eq!(desk.flows.back().map(|flow| flow.remote), Some(address(4)));
    desk.next();
    desk.run(33 * SECOND);
    assert_eq!(done(&mut desk).0, 408, "the second is silent, and the last");
    desk.command(Command::Errand { errand: ERRAND, request: Box::new(request) }).unwrap();
    let Some(Output::Resolve { query, .. }) = desk.outputs.pop_front() else { panic!("no look-up") };
    desk.handle(Input::Resolved { query, addresses: Vec::new() });
    assert_eq!(done(&mut desk).0, 503, "no address");
}

#[test]
fn what_cannot_be_put_into_a_message_is_refused() {
    let mut desk = Desk::new();
    let request = OutgoingErrand { uri: "sip:a b".into(), ..register() };
    let refused = desk.command(Command::Errand { errand: ERRAND, request: Box::new(request) });
    assert_eq!(refused, Err(CommandRefused::BadText));
    desk.no_event();
}

#[test]
fn an_invite_to_the_contact_that_we_registered_is_its_peers_from_anywhere() {
    let lines = [("line-1".to_owned(), PeerId(5))].into();
    let access = Access { lines, ..Access::default() };
    let mut desk = Desk::with(config(0), access);
    desk.send(&Phone::invite("").replace("INVITE sip:desk@192.0.2.1", "INVITE sip:line-1@192.0.2.1"));
    let Some(Event::Incoming { invite, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
    assert_eq!(invite.origin, Origin::Peer(PeerId(5)));
    desk.send(&Phone::invite("").replace("phonecall", "another").replace("z9hG4bK", "z9hG4bKb"));
    desk.no_event();
}

/// Two accounts with one carrier call from one address.
#[test]
fn the_contact_that_we_registered_tells_more_than_the_address_that_lines_share() {
    let lines = [("line-1".to_owned(), PeerId(5)), ("line-2".to_owned(), PeerId(6))].into();
    let shared = TrustedPeer { peer: PeerId(5), network: address(1).ip(), prefix: 32, port: None };
    let mut desk = Desk::with(config(0), Access { lines, peers: vec![shared], ..Access::default() });
    for (number, (called, peer)) in [("line-1", 5), ("line-2", 6), ("desk", 5)].into_iter().enumerate() {
        let invite = Phone::invite("").replace("INVITE sip:desk@", &format!("INVITE sip:{called}@"));
        let number = number.to_string();
        desk.send(&invite.replace("phonecall", &number).replace("z9hG4bKinvite", &format!("z9hG4bK{number}")));
        let Some(Event::Incoming { invite, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
        assert_eq!(invite.origin, Origin::Peer(PeerId(peer)), "{called}");
    }
}

/// Where strangers are met with silence, the registrar that keeps our line is none when it asks whether we live.
#[test]
fn a_registrar_that_keeps_our_line_is_no_stranger() {
    let silent = Config { unknown_source: UnknownSource::Silence, ..config(0) };
    let lines = [("line-1".to_owned(), PeerId(7))].into();
    let mut desk = Desk::with(silent, Access { lines, ..Access::default() });
    let options = |to: &str, number: u32| {
        format!(
            "OPTIONS sip:{to} SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bK{number};rport\nMax-Forwards: 70\n\
             From: <sip:carrier.example>;tag=f\nTo: <sip:{to}>\nCall-ID: alive{number}\nCSeq: 1 OPTIONS\n"
        )
    };
    let answers = |desk: &mut Desk, from: std::net::SocketAddr, to: &str, number| {
        desk.source = from;
        desk.send(&options(to, number));
        desk.titles()
    };
    assert!(answers(&mut desk, address(2), "192.0.2.1", 1).is_empty(), "not registered yet");
    desk.source = address(2);
    let first = run(&mut desk, register());
    desk.answer(&first, "200 OK", "a", "");
    assert_eq!(done(&mut desk).0, 200);
    assert_eq!(answers(&mut desk, address(2), "192.0.2.1", 2), ["200 OPTIONS"]);
    let elsewhere = "198.51.100.7:5060".parse().unwrap();
    assert!(answers(&mut desk, elsewhere, "192.0.2.1", 3).is_empty(), "a stranger");
    assert_eq!(answers(&mut desk, elsewhere, "line-1@192.0.2.1", 4), ["200 OPTIONS"], "it knows our Contact");
    desk.source = address(2);
    let again = run(&mut desk, errand(ErrandKind::Register { expires_s: 0, user: "line-1".into() }));
    desk.answer(&again, "200 OK", "a", "");
    desk.titles();
    assert!(answers(&mut desk, address(2), "192.0.2.1", 5).is_empty(), "not registered any more");
}
