//! The guard: floods, guessers, scanners and an overloaded node leave what is in progress alone, and cost next to nothing.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::wire::{Challenge, Method};
use baton_sip::*;
use bytes::Bytes;
use world::*;

const PASSWORD: &str = "secret";

/// Trunk 192.0.2.0/24, and phones 100 to 199.
fn access() -> Access {
    let account = |name: &str| Account {
        ha1_md5: ha1(name, "baton", PASSWORD, Algorithm::Md5),
        ha1_sha256: ha1(name, "baton", PASSWORD, Algorithm::Sha256),
    };
    let names = (100..200).map(|number| number.to_string());
    Access { accounts: names.map(|name| (name.clone(), account(&name))).collect(), ..peers() }
}

fn desk() -> Desk {
    Desk::with(config(0), access())
}

fn source(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn request(method: &str, user: &str, number: u32, extra: &str) -> String {
    format!(
        "{method} sip:{user}@192.0.2.1 SIP/2.0\n\
         Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{number};rport\n\
         Max-Forwards: 70\n\
         From: <sip:{user}@192.0.2.1>;tag=f\n\
         To: <sip:{user}@192.0.2.1>\n\
         Call-ID: call{number}\n\
         CSeq: {number} {method}\n\
         Contact: <sip:{user}@198.51.100.1:5060>\n\
         {extra}"
    )
}

/// Credentials for the challenge in a 401 or 407.
fn credentials(challenge: &str, user: &str, password: &str, method: Method) -> String {
    let (asks, answers) = match challenge.starts_with("SIP/2.0 401") {
        true => ("WWW-Authenticate", "Authorization"),
        false => ("Proxy-Authenticate", "Proxy-Authorization"),
    };
    let challenge = Challenge::parse(&header(challenge, asks)).unwrap();
    let own = Credentials { username: user.into(), password: password.into() };
    let answer = answer(&challenge, &own, &method, "sip:192.0.2.1", b"", "cnonce", 1).unwrap();
    format!("{answers}: {answer}")
}

fn register_from(desk: &mut Desk, from: SocketAddr, user: &str, number: u32) -> Option<String> {
    let before = std::mem::replace(&mut desk.source, from);
    desk.send(&request("REGISTER", user, number, ""));
    let challenge = desk.sent.pop_back()?;
    let proof = credentials(&challenge, user, PASSWORD, Method::Register);
    desk.send(&request("REGISTER", user, number + 1, &proof));
    desk.source = before;
    desk.sent.pop_back()
}

fn banned(desk: &mut Desk) -> Option<Ban> {
    std::iter::from_fn(|| desk.event()).find_map(|event| match event {
        Event::Banned(ban) => Some(ban),
        _ => None,
    })
}

/// What a listener on the open Internet is sent, twenty in turn; three of four sources are forged.
fn rubbish(number: u32) -> (SocketAddr, Bytes) {
    let from = match number % 4 {
        0 => SocketAddr::from(([203, 0, 113, (number / 4 % 3) as u8], 5060)),
        _ => SocketAddr::from(([10, (number >> 16) as u8, (number >> 8) as u8, number as u8], 5060)),
    };
    let guess = "Authorization: Digest username=\"101\", realm=\"baton\", nonce=\"0\", uri=\"sip:a\", response=\"0\"";
    let bytes = match number % 20 {
        0 | 1 => Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"),
        2 | 3 => Bytes::from(vec![number as u8; 900]),
        4 => message(&request("INVITE", "101", number, "CSeq: 1 BYE")),
        5..=8 => message(&request("REGISTER", "101", number, guess)),
        9..=11 => message(&request("INVITE", "900441", number, "User-Agent: friendly-scanner")),
        12 => message(&request("BYE", "101", number, "")),
        13 => message(&request("CANCEL", "101", number, "")),
        14 => message(&request("ACK", "101", number, "")),
        15 => message(&request("OPTIONS", "101", number, "")),
        16 => Bytes::from_static(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1-0000000000000001\r\n\r\n"),
        _ => message(&request("INVITE", "101", number, "")),
    };
    (from, bytes)
}

#[test]
fn a_flood_of_20000_bad_messages_a_second_leaves_a_call_and_new_callers_untouched() {
    let Phone { mut desk, session, tag, .. } = Phone::answered();
    desk.command(Command::SetAccess(access())).unwrap();
    let in_dialog = |number: u32, tag: &str| {
        let text = request("OPTIONS", "desk", number, "");
        let text = text.replace("<sip:desk@192.0.2.1>;tag=f", "<sip:phone@example.com>;tag=phonetag");
        let text = text.replace("To: <sip:desk@192.0.2.1>", &format!("To: <sip:desk@example.com>;tag={tag}"));
        text.replace(&format!("Call-ID: call{number}"), "Call-ID: phonecall")
    };
    let mut answered: BTreeMap<SocketAddr, (usize, usize)> = BTreeMap::new();
    let (mut calls, mut phones) = (0, 0);
    for tick in 0..200u32 {
        for number in 0..200 {
            let (from, bytes) = rubbish(tick * 200 + number);
            let length = bytes.len();
            desk.handle(Input::Datagram { listener: ListenerId(0), source: from, bytes });
            let sent: usize = desk.sent.drain(..).map(|text| text.len()).sum();
            assert!(desk.flows.drain(..).count() <= 1, "one answer at most");
            assert!(sent <= 3 * length, "{sent} bytes for {length}");
            let count = answered.entry(from).or_default();
            *count = (count.0 + usize::from(sent > 0), count.1 + sent);
        }
        if tick % 10 == 0 {
            desk.send(&in_dialog(1_000_000 + tick, &tag));
            assert_eq!(desk.titles(), ["200 OPTIONS"], "the call that is up");
            let from = SocketAddr::from(([198, 51, 100, tick as u8], 5060));
            let ok = register_from(&mut desk, from, &(100 + tick / 10).to_string(), 2_000_000 + 2 * tick);
            assert_eq!(title(ok.unwrap().as_bytes()), "200 REGISTER", "a phone that is new here");
            phones += 1;
            desk.send(
                &Phone::invite("").replace("phonecall", &format!("trunk{tick}")).replace("invite", &tick.to_string()),
            );
            assert_eq!(desk.titles().last().unwrap(), "100 INVITE", "a call of the trunk");
            calls += 1;
            desk.events.clear();
        }
        desk.run(10 * MILLISECOND);
        desk.sent.clear();
        desk.flows.clear();
    }
    assert_eq!(desk.endpoint.sessions_len(), 1 + calls);
    assert!(desk.endpoint.transactions_len() <= 4 * (calls + phones), "{}", desk.endpoint.transactions_len());
    // Two seconds: a burst of 200 and 50 a second more.
    let most = answered.values().map(|(answers, _)| *answers).max().unwrap();
    assert!(most <= 300, "{most} answers to one source");
    let counters = desk.endpoint.counters();
    assert!(counters.rate_limited > 5_000 && counters.scanners > 1_000 && counters.malformed > 5_000, "{counters:?}");
    assert_eq!(counters.bans, 0, "nobody is banned for what a forged datagram says");
    desk.command(Command::End { session, status: 480, reason: None }).unwrap();
    assert_eq!(desk.titles(), ["BYE"]);
}

#[test]
fn who_has_proven_nothing_leaves_nothing_behind() {
    let mut desk = desk();
    for number in 0..5_000 {
        let (source, bytes) = rubbish(number);
        desk.handle(Input::Datagram { listener: ListenerId(0), source, bytes });
    }
    assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
    assert_eq!(desk.endpoint.next_timeout_us(), None);
}

#[test]
fn a_thousand_phones_behind_one_address_register_for_nothing() {
    let mut desk = desk();
    for number in 0..1_000u32 {
        let from = SocketAddr::from(([203, 0, 113, 5], 10_000 + number as u16));
        let ok = register_from(&mut desk, from, &(100 + number % 100).to_string(), 2 * number);
        // An account has ten contacts at most; what matters is that each is heard.
        assert!(ok.is_some_and(|ok| !ok.starts_with("SIP/2.0 401")), "{number}");
    }
    assert_eq!(desk.endpoint.counters().rate_limited, 0);
}

#[test]
fn guessing_passwords_is_slow_and_the_tenth_guess_is_the_last() {
    let mut desk = desk();
    desk.source = source("203.0.113.5:5060");
    let mut guesses = 0;
    let ban = loop {
        desk.send(&request("REGISTER", "101", 2 * guesses, ""));
        let challenge = desk.sent.pop_back().expect("a challenge");
        let guess = credentials(&challenge, "101", &format!("guess{guesses}"), Method::Register);
        desk.send(&request("REGISTER", "101", 2 * guesses + 1, &guess));
        guesses += 1;
        if let Some(ban) = banned(&mut desk) {
            break ban;
        }
        assert_eq!(desk.titles(), ["401 REGISTER"]);
    };
    assert_eq!((guesses, ban.reason, ban.count), (10, BanReason::WrongPasswords, 1));
    assert_eq!(ban.address, desk.source.ip());
    assert_eq!(ban.until_us - ban.since_us, 300 * SECOND);
    assert!(desk.titles().is_empty(), "the last guess gets no answer");
    desk.send(&request("REGISTER", "101", 1_000, "")).send(&request("OPTIONS", "101", 1_001, ""));
    assert!(desk.titles().is_empty());
    assert_eq!(desk.endpoint.counters().banned_dropped, 2);
    assert!(desk.endpoint.drops(desk.now_us, desk.source), "the driver may ask first");
    desk.now_us = ban.until_us;
    desk.send(&request("OPTIONS", "101", 1_002, ""));
    assert_eq!(desk.titles(), ["200 OPTIONS"], "a ban ends");
}

#[test]
fn guessing_account_names_is_banned_sooner_and_looks_the_same() {
    let mut desk = desk();
    desk.source = source("203.0.113.5:5060");
    for number in 0..5 {
        desk.send(&request("INVITE", "nobody", 2 * number, ""));
        let challenge = desk.sent.pop_back().unwrap();
        let guess = credentials(&challenge, "nobody", "x", Method::Invite);
        desk.send(&request("INVITE", "nobody", 2 * number + 1, &guess));
        if number < 4 {
            assert_eq!(desk.titles(), ["407 INVITE"]);
        }
    }
    assert_eq!(banned(&mut desk).unwrap().reason, BanReason::UnknownAccounts);
}

#[test]
fn a_ban_can_be_lifted_and_a_whole_ipv6_network_is_one_source() {
    let mut desk = desk();
    for number in 0..10 {
        desk.source = SocketAddr::new(format!("2001:db8:0:7::{number}").parse().unwrap(), 5060);
        desk.send(&request("REGISTER", "101", 2 * number, ""));
        let challenge = desk.sent.pop_back().unwrap();
        let guess = credentials(&challenge, "101", "x", Method::Register);
        desk.send(&request("REGISTER", "101", 2 * number + 1, &guess));
        desk.sent.clear();
    }
    let ban = banned(&mut desk).unwrap();
    assert_eq!((ban.address, ban.prefix), ("2001:db8:0:7::".parse().unwrap(), 64));
    desk.source = source("[2001:db8:0:7:ffff::1]:5060");
    desk.send(&request("OPTIONS", "101", 100, ""));
    assert!(desk.titles().is_empty());
    desk.command(Command::LiftBan { address: "2001:db8:0:7::99".parse().unwrap() }).unwrap();
    desk.send(&request("OPTIONS", "101", 101, ""));
    assert_eq!(desk.titles(), ["200 OPTIONS"]);
}

#[test]
fn nobody_gets_another_banned_by_forging_its_address() {
    let mut desk = desk();
    let (attacker, victim) = (source("203.0.113.5:5060"), source("198.51.100.7:5060"));
    desk.source = attacker;
    desk.send(&request("REGISTER", "101", 1, ""));
    let challenge = desk.sent.pop_back().unwrap();
    desk.source = victim;
    for number in 0..1_000 {
        let guess = credentials(&challenge, "101", "x", Method::Register);
        desk.send(&request("REGISTER", "101", 10 + 2 * number, &guess));
        desk.send(&request("INVITE", "101", 11 + 2 * number, "User-Agent: friendly-scanner"));
        desk.handle(Input::Datagram {
            listener: ListenerId(0),
            source: victim,
            bytes: Bytes::from_static(b"x\r\n\r\n"),
        });
    }
    assert_eq!((banned(&mut desk), desk.endpoint.counters().bans), (None, 0));
    desk.run(10 * SECOND);
    assert!(register_from(&mut desk, victim, "102", 9_000).unwrap().starts_with("SIP/2.0 200"));
}

#[test]
fn an_office_is_not_banned_for_one_phone_with_an_old_password() {
    let mut desk = desk();
    let (phone, neighbour) = (source("203.0.113.5:5060"), source("203.0.113.5:40000"));
    register_from(&mut desk, phone, "101", 1);
    desk.source = neighbour;
    for number in 0..10 {
        desk.send(&request("REGISTER", "102", 10 + 2 * number, ""));
        let challenge = desk.sent.pop_back().unwrap();
        desk.send(&request("REGISTER", "102", 11 + 2 * number, &credentials(&challenge, "102", "x", Method::Register)));
        desk.sent.clear();
    }
    assert_eq!(banned(&mut desk), None, "others are registered from this address");
    desk.source = phone;
    desk.send(&request("OPTIONS", "101", 100, ""));
    assert_eq!(desk.titles(), ["200 OPTIONS"]);
}

/// Trunks that prove themselves by digest have no address of their own: their calls that are up are heard all the same.
#[test]
fn a_call_that_is_up_is_heard_though_its_address_is_banned_meanwhile() {
    let mut desk = desk();
    desk.source = source("198.51.100.1:5060");
    desk.send(&request("INVITE", "101", 1, ""));
    let challenge = desk.sent.pop_back().unwrap();
    let proof = credentials(&challenge, "101", PASSWORD, Method::Invite);
    desk.send(&request("INVITE", "101", 2, &format!("{proof}\nContent-Type: application/sdp\n--\n{OFFER}")));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("{:?}", desk.sent) };
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    let tag = tag(&header(&desk.sent.pop_back().unwrap(), "To"));
    let in_dialog = |method: &str, number| {
        let text = request(method, "101", number, "").replace(&format!("Call-ID: call{number}"), "Call-ID: call2");
        let text = text.replace("To: <sip:101@192.0.2.1>", &format!("To: <sip:101@192.0.2.1>;tag={tag}"));
        if method == "ACK" { text.replace(&format!("CSeq: {number}"), "CSeq: 2") } else { text }
    };
    desk.send(&in_dialog("ACK", 3));
    assert_eq!(desk.event(), Some(Event::Confirmed { session }));
    desk.titles();
    // A neighbour behind the same address guesses, and is banned there or would be.
    desk.source = source("198.51.100.1:5999");
    for number in 100..130 {
        desk.send(&request("REGISTER", "102", number, ""));
        let Some(challenge) = desk.sent.pop_back() else { continue };
        desk.send(&request(
            "REGISTER",
            "102",
            200 + number,
            &credentials(&challenge, "102", "guess", Method::Register),
        ));
    }
    assert_eq!(banned(&mut desk), None, "limited, not banned, while a call is up there");
    desk.titles();
    desk.source = source("198.51.100.1:5060");
    desk.send(&in_dialog("OPTIONS", 4));
    desk.send(&in_dialog("BYE", 5));
    assert_eq!(desk.titles(), ["200 OPTIONS", "200 BYE"]);
    assert_eq!(desk.event(), Some(Event::Ended { session, cause: EndCause::Bye, q850: None }));
    desk.run(100 * SECOND);
    desk.source = source("198.51.100.1:5999");
    for number in 300..340 {
        desk.send(&request("REGISTER", "102", number, ""));
        let Some(challenge) = desk.sent.pop_back() else { continue };
        desk.send(&request(
            "REGISTER",
            "102",
            400 + number,
            &credentials(&challenge, "102", "guess", Method::Register),
        ));
    }
    assert!(banned(&mut desk).is_some(), "the call is over");
}

/// The ban may be older than the call: ours to that address.
#[test]
fn our_call_to_a_banned_address_is_answered() {
    let mut desk = desk();
    let connection = stream(&mut desk, 1, source("203.0.113.9:5060"));
    let bytes = message(&request("OPTIONS", "101", 1, "User-Agent: friendly-scanner"));
    desk.handle(Input::StreamBytes { connection, bytes });
    assert!(banned(&mut desk).is_some());
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(1, Some(OFFER));
    let remote = source("203.0.113.9:5060");
    invite.destination = Destination::address(Transport::Udp, remote);
    desk.sent.clear();
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let invite = desk.sent.pop_back().unwrap();
    desk.source = remote;
    desk.answer(&invite, "486 Busy Here", "b", "");
    assert!(matches!(desk.event(), Some(Event::Refused { status: 486, .. })));
    desk.run(40 * SECOND);
    assert!(desk.endpoint.drops(desk.now_us, remote), "the ban stands");
}

#[test]
fn a_trunk_and_the_allow_list_are_never_limited_or_banned() {
    let mut config = config(0);
    config.guard.allow = vec![Network { address: "203.0.113.0".parse().unwrap(), prefix: 24 }];
    let mut desk = Desk::with(config, access());
    for from in ["192.0.2.9:5060", "203.0.113.5:5060"] {
        desk.source = source(from);
        for number in 0..500 {
            desk.send(&request("REGISTER", "101", 2 * number, "User-Agent: friendly-scanner"));
            let challenge = desk.sent.pop_back().expect("an answer");
            let guess = credentials(&challenge, "101", "x", Method::Register);
            desk.send(&request("REGISTER", "101", 2 * number + 1, &guess));
            assert_eq!(desk.titles(), ["401 REGISTER"], "{from} {number}");
        }
    }
    assert_eq!(desk.endpoint.counters().bans, 0);
}

fn stream(desk: &mut Desk, number: u64, remote: SocketAddr) -> ConnectionHandle {
    let connection = ConnectionHandle(number);
    desk.handle(Input::StreamOpened { connection, listener: ListenerId(1), remote, peer_names: Vec::new() });
    connection
}

#[test]
fn a_scanner_gets_no_answer_and_over_tcp_it_is_banned() {
    let mut desk = desk();
    let scan = request("OPTIONS", "100", 1, "User-Agent: friendly-scanner");
    desk.source = source("203.0.113.5:5060");
    desk.send(&scan);
    assert!(desk.titles().is_empty() && banned(&mut desk).is_none());
    let connection = stream(&mut desk, 1, source("203.0.113.5:33000"));
    desk.handle(Input::StreamBytes { connection, bytes: message(&scan) });
    assert_eq!(desk.outputs.pop_back(), Some(Output::Close { connection }));
    assert_eq!(banned(&mut desk).unwrap().reason, BanReason::Scanner);
    let connection = stream(&mut desk, 3, source("203.0.113.5:33001"));
    assert_eq!(desk.outputs.pop_back(), Some(Output::Close { connection }), "closed as soon as it is open");
    desk.send(&scan);
    assert_eq!(desk.endpoint.counters().banned_dropped, 2);
}

#[test]
fn who_sends_rubbish_over_tcp_is_banned_after_ten() {
    let mut desk = desk();
    let mut rounds = 0;
    while banned(&mut desk).is_none() {
        let connection = stream(&mut desk, 2 * rounds + 1, source("203.0.113.5:33000"));
        desk.handle(Input::StreamBytes { connection, bytes: Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n") });
        rounds += 1;
        assert!(rounds <= 10);
    }
    assert_eq!(rounds, 10);
}

#[test]
fn a_busy_node_puts_newcomers_off_and_goes_on_with_what_it_has() {
    let Phone { mut desk, session, tag, .. } = Phone::answered();
    desk.command(Command::SetAccess(access())).unwrap();
    let phone = source("198.51.100.9:5060");
    register_from(&mut desk, phone, "101", 1);
    desk.run(60 * SECOND);
    desk.sent.clear();
    desk.flows.clear();
    desk.events.clear();
    let before = (desk.endpoint.sessions_len(), desk.endpoint.transactions_len());
    desk.handle(Input::Load(Load { behind_us: 300_000, ..Load::default() }));
    assert_eq!(desk.endpoint.pressure(), Pressure::Busy);

    desk.send(&Phone::invite("").replace("phonecall", "second").replace("z9hG4bKinvite", "z9hG4bKsecond"));
    let refusal = desk.next();
    assert!(refusal.starts_with("SIP/2.0 503"), "{refusal}");
    assert!((5..=15).contains(&header(&refusal, "Retry-After").parse::<u32>().unwrap()));
    desk.source = source("198.51.100.77:5060");
    desk.send(&request("REGISTER", "102", 50, "")).send(&request("OPTIONS", "102", 51, ""));
    assert_eq!(desk.titles(), ["503 REGISTER"], "a stranger's OPTIONS gets no answer");
    assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), before, "nothing was kept");
    let counters = desk.endpoint.counters();
    assert_eq!((counters.put_off, counters.put_off_calls), (2, 1));

    desk.source = phone;
    desk.send(&request("REGISTER", "101", 60, ""));
    assert_eq!(desk.titles(), ["401 REGISTER"], "a phone that is here keeps its registration");
    desk.send(&request("INVITE", "102", 61, ""));
    assert_eq!(desk.titles(), ["407 INVITE"], "it may be a consult: the contact decides");
    desk.source = address(1);
    let phone = Phone { desk, session, ok: String::new(), tag };
    let options = phone.request("OPTIONS", 2, "z9hG4bKinside", "");
    let bye = phone.request("BYE", 3, "z9hG4bKbye", "");
    let mut desk = phone.desk;
    desk.send(&options).send(&bye);
    assert_eq!(desk.titles(), ["200 OPTIONS", "200 BYE"]);

    desk.handle(Input::Load(Load::default()));
    desk.events.clear();
    desk.send(&Phone::invite("").replace("phonecall", "third").replace("z9hG4bKinvite", "z9hG4bKthird"));
    assert_eq!(desk.titles(), ["100 INVITE"]);
}

#[test]
fn a_flooded_node_does_not_answer_strangers() {
    let mut desk = desk();
    desk.handle(Input::Load(Load { behind_us: 3_000_000, ..Load::default() }));
    desk.source = source("198.51.100.77:5060");
    desk.send(&request("REGISTER", "102", 50, "")).send(&request("INVITE", "102", 51, ""));
    assert!(desk.titles().is_empty());
    assert_eq!(desk.endpoint.counters().shed, 2);
    desk.source = address(1);
    desk.send(&Phone::invite(""));
    assert_eq!(desk.titles(), ["503 INVITE"], "a trunk may go elsewhere");
}

#[test]
fn a_short_datagram_gets_a_short_answer_or_none() {
    let mut desk = desk();
    desk.source = source("203.0.113.5:5060");
    let tiny = |method: &str, more: &str| {
        let text = format!(
            "{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK1\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\ni:1\r\nCSeq:1 \
             {method}\r\n{more}\r\n"
        );
        Bytes::from(text)
    };
    let cases = [
        (tiny("INVITE", ""), 0),
        (tiny("REGISTER", &format!("Subject: {}\r\n", "x".repeat(100))), 1),
        (tiny("BYE", ""), 1),
        (tiny("OPTIONS", ""), 0),
        (tiny("OPTIONS", &format!("Subject: {}\r\n", "x".repeat(200))), 1),
        (tiny("INVITE", "Max-Forwards: x\r\n"), 1),
    ];
    for (bytes, answers) in cases {
        let length = bytes.len();
        desk.handle(Input::Datagram { listener: ListenerId(0), source: desk.source, bytes: bytes.clone() });
        let sent: Vec<String> = desk.sent.drain(..).collect();
        let size: usize = sent.iter().map(String::len).sum();
        assert!(sent.len() <= 1 && size <= 3 * length, "{length} bytes got {size}: {bytes:?} {sent:?}");
        assert_eq!(sent.len(), answers, "{bytes:?}");
    }
}
