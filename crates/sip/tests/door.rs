//! The front door: who may come in, and what a request must be like.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use std::collections::BTreeMap;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::wire::{Challenge, Method};
use baton_sip::*;
use world::*;

const PASSWORD: &str = "secret";

fn accounts() -> Access {
    let account = |name: &str| Account {
        ha1_md5: ha1(name, "baton", PASSWORD, Algorithm::Md5),
        ha1_sha256: ha1(name, "baton", PASSWORD, Algorithm::Sha256),
    };
    let names = ["101", "102"];
    let accounts = names.iter().map(|name| (name.to_string(), account(name))).collect();
    Access { accounts, ..Access::default() }
}

fn desk(unknown_source: UnknownSource) -> Desk {
    Desk::with(Config { unknown_source, ..config(0) }, accounts())
}

/// The credentials that answer the challenges in a 401 or 407, with the given algorithm.
fn credentials(
    response: &str,
    user: &str,
    password: &str,
    method: Method,
    uri: &str,
    algorithm: &str,
    count: u32,
) -> String {
    let name = if response.starts_with("SIP/2.0 401") { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let challenges: Vec<Challenge> =
        headers(response, name).iter().map(|value| Challenge::parse(value).unwrap()).collect();
    let challenge = challenges
        .iter()
        .find(|challenge| challenge.algorithm.as_deref().unwrap_or("MD5") == algorithm)
        .expect("the algorithm is offered");
    let own = Credentials { username: user.into(), password: password.into() };
    answer(challenge, &own, &method, uri, b"", "cnonce", count).unwrap().to_string()
}

fn register(cseq: u32, extra: &str) -> String {
    format!(
        "REGISTER sip:192.0.2.1 SIP/2.0\n\
         Via: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bKreg{cseq};rport\n\
         Max-Forwards: 70\n\
         From: <sip:101@192.0.2.1>;tag=f\n\
         To: <sip:101@192.0.2.1>\n\
         Call-ID: regcall\n\
         CSeq: {cseq} REGISTER\n\
         {extra}"
    )
}

/// Registers and gives the final response.
fn registered(desk: &mut Desk, cseq: u32, extra: &str) -> String {
    desk.send(&register(cseq, extra));
    let challenge = desk.next();
    assert!(challenge.starts_with("SIP/2.0 401"), "{challenge}");
    let credentials = credentials(&challenge, "101", PASSWORD, Method::Register, "sip:192.0.2.1", "SHA-256", 1);
    desk.send(&register(cseq + 1, &format!("Authorization: {credentials}\n{extra}")));
    desk.next()
}

const CONTACT: &str = "Contact: <sip:101@10.0.0.5:5062>";

#[test]
fn a_phone_registers_with_digest_and_its_flow_is_the_observed_one() {
    for algorithm in ["SHA-256", "MD5"] {
        let mut desk = desk(UnknownSource::Challenge);
        desk.source = "198.51.100.9:40000".parse().unwrap();
        desk.send(&register(1, CONTACT));
        assert_eq!(desk.endpoint.transactions_len(), 0, "a challenge leaves no state");
        let challenge = desk.next();
        let credentials = credentials(&challenge, "101", PASSWORD, Method::Register, "sip:192.0.2.1", algorithm, 1);
        desk.send(&register(2, &format!("Authorization: {credentials}\nUser-Agent: phone/1\n{CONTACT};expires=120;q=0.5;+sip.instance=\"<urn:uuid:1>\"")));
        let ok = desk.next();
        assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
        assert_eq!(header(&ok, "Contact"), "<sip:101@10.0.0.5:5062>;expires=120");
        assert!(header(&ok, "Via").contains("received=198.51.100.9"), "{ok}");
        assert!(header(&ok, "Via").contains("rport=40000"), "{ok}");
        let Some(Event::BindingsChanged { account, bindings }) = desk.event() else { panic!() };
        assert_eq!(account, "101");
        let binding = &bindings[0];
        assert_eq!(binding.flow.remote, desk.source);
        assert_eq!((binding.q_thousandths, binding.instance.as_deref()), (500, Some("urn:uuid:1")));
        assert_eq!(binding.user_agent.as_deref(), Some("phone/1"));
        assert_eq!(binding.expires_at_us, desk.now_us + 120 * SECOND);
    }
}

#[test]
fn wrong_credentials_are_challenged_again_and_counted() {
    for (user, password) in [("101", "wrong"), ("nobody", PASSWORD)] {
        let mut desk = desk(UnknownSource::Challenge);
        desk.send(&register(1, CONTACT));
        let challenge = desk.next();
        let credentials = credentials(&challenge, user, password, Method::Register, "sip:192.0.2.1", "MD5", 1);
        desk.send(&register(2, &format!("Authorization: {credentials}\n{CONTACT}")));
        let again = desk.next();
        assert!(again.starts_with("SIP/2.0 401") && !again.contains("stale=true"), "{again}");
        assert_eq!(desk.endpoint.counters().authentication_failed, 1);
        assert!(desk.endpoint.bindings("101").is_empty());
        assert_eq!(desk.endpoint.transactions_len(), 0);
    }
}

#[test]
fn an_old_nonce_is_stale_and_a_used_count_is_too() {
    let mut desk = desk(UnknownSource::Challenge);
    desk.send(&register(1, CONTACT));
    let challenge = desk.next();
    let used = credentials(&challenge, "101", PASSWORD, Method::Register, "sip:192.0.2.1", "MD5", 1);
    desk.send(&register(2, &format!("Authorization: {used}\n{CONTACT}")));
    assert!(desk.next().starts_with("SIP/2.0 200"));
    desk.send(&register(3, &format!("Authorization: {used}\n{CONTACT}")));
    let replayed = desk.next();
    assert!(replayed.starts_with("SIP/2.0 401") && replayed.contains("stale=true"), "{replayed}");
    desk.run(301 * SECOND);
    let old = credentials(&challenge, "101", PASSWORD, Method::Register, "sip:192.0.2.1", "MD5", 2);
    desk.send(&register(4, &format!("Authorization: {old}\n{CONTACT}")));
    assert!(desk.next().contains("stale=true"));
}

#[test]
fn an_account_registers_nobody_else() {
    let mut desk = desk(UnknownSource::Challenge);
    let other = |text: String| text.replace("To: <sip:101@", "To: <sip:102@");
    desk.send(&other(register(1, CONTACT)));
    let challenge = desk.next();
    let credentials = credentials(&challenge, "101", PASSWORD, Method::Register, "sip:192.0.2.1", "MD5", 1);
    desk.send(&other(register(2, &format!("Authorization: {credentials}\n{CONTACT}"))));
    assert!(desk.next().starts_with("SIP/2.0 403"));
    assert!(desk.endpoint.bindings("101").is_empty() && desk.endpoint.bindings("102").is_empty());
}

#[test]
fn registrations_are_limited_queried_refreshed_and_removed() {
    let mut desk = desk(UnknownSource::Challenge);
    let brief = registered(&mut desk, 1, &format!("{CONTACT}\nExpires: 30"));
    assert!(brief.starts_with("SIP/2.0 423"), "{brief}");
    assert_eq!(header(&brief, "Min-Expires"), "60");
    let long = registered(&mut desk, 10, &format!("{CONTACT}\nExpires: 99999"));
    assert_eq!(header(&long, "Contact"), "<sip:101@10.0.0.5:5062>;expires=3600");
    let default = registered(&mut desk, 20, "Contact: <sip:101@10.0.0.6>");
    assert_eq!(headers(&default, "Contact").len(), 2);
    assert!(headers(&default, "Contact")[1].ends_with("expires=300"));
    let query = registered(&mut desk, 30, "");
    assert_eq!(headers(&query, "Contact").len(), 2, "no Contact asks what is there");
    let refresh = registered(&mut desk, 40, &format!("{CONTACT}\nExpires: 600"));
    assert_eq!(headers(&refresh, "Contact").len(), 2, "the same URI is one binding");
    let one_less = registered(&mut desk, 50, &format!("{CONTACT};expires=0"));
    assert_eq!(headers(&one_less, "Contact").len(), 1);
    let star_wrong = registered(&mut desk, 60, "Contact: *\nExpires: 60");
    assert!(star_wrong.starts_with("SIP/2.0 400"));
    let none = registered(&mut desk, 70, "Contact: *\nExpires: 0");
    assert!(none.starts_with("SIP/2.0 200") && headers(&none, "Contact").is_empty());
    let last = desk.events.pop_back();
    assert_eq!(last, Some(Event::BindingsChanged { account: "101".into(), bindings: Vec::new() }));
}

#[test]
fn rfc3261_10_3_an_older_cseq_of_the_same_call_id_changes_nothing() {
    let mut desk = desk(UnknownSource::Challenge);
    assert!(registered(&mut desk, 10, CONTACT).starts_with("SIP/2.0 200"));
    let old = registered(&mut desk, 5, &format!("{CONTACT};expires=0"));
    assert!(old.starts_with("SIP/2.0 500"), "{old}");
    assert_eq!(desk.endpoint.bindings("101").len(), 1);
}

#[test]
fn too_many_contacts_are_refused_as_a_whole() {
    let mut desk = desk(UnknownSource::Challenge);
    let many: String = (0..11).map(|port| format!("Contact: <sip:101@10.0.0.5:{}>\n", 6000 + port)).collect();
    assert!(registered(&mut desk, 1, &many).starts_with("SIP/2.0 403"));
    assert!(desk.endpoint.bindings("101").is_empty());
}

/// Each is compared with every one that is there: a message full of them must not keep us busy.
#[test]
fn a_message_full_of_contacts_is_refused_before_they_are_compared() {
    let mut desk = desk(UnknownSource::Challenge);
    let contacts = |line: usize| (0..200).map(move |port| format!("<sip:101@10.0.0.{line}:{}>", 6_000 + port));
    let many: String = (0..10).map(|line| format!("m: {}\n", contacts(line).collect::<Vec<_>>().join(","))).collect();
    // Whoever looked at the first would refuse it as too brief.
    let brief = "Contact: <sip:101@10.0.0.5:5999>;expires=1\n".to_owned();
    assert!(registered(&mut desk, 1, &(brief.clone() + &many)).starts_with("SIP/2.0 403"));
    assert!(registered(&mut desk, 5, &brief).starts_with("SIP/2.0 423"));
    // All that may be there are replaced by as many others at once.
    let all = |port: usize, expires| format!("Contact: <sip:101@10.0.0.5:{port}>;expires={expires}\n");
    let first: String = (0..10).map(|number| all(6_000 + number, 300)).collect();
    let others: String = (0..10).map(|number| all(6_000 + number, 0) + &all(7_000 + number, 300)).collect();
    assert!(registered(&mut desk, 10, &first).starts_with("SIP/2.0 200"));
    assert!(registered(&mut desk, 20, &others).starts_with("SIP/2.0 200"));
    assert_eq!(desk.endpoint.bindings("101").len(), 10);
}

#[test]
fn a_connection_whose_registration_is_over_is_idle() {
    let one = ConnectionHandle(1);
    for extra in ["Expires: 60", "Expires: 300"] {
        let mut desk = desk(UnknownSource::Challenge);
        desk.connect(one, "198.51.100.9:40000".parse().unwrap());
        assert!(registered(&mut desk, 1, &format!("{CONTACT}\n{extra}")).starts_with("SIP/2.0 200"));
        if extra == "Expires: 300" {
            desk.run(250 * SECOND);
            assert!(desk.outputs.is_empty(), "a registration keeps its connection");
            assert!(registered(&mut desk, 10, &format!("{CONTACT}\nExpires: 0")).starts_with("SIP/2.0 200"));
        }
        desk.run(250 * SECOND);
        assert_eq!(desk.outputs.pop_front(), Some(Output::Close { connection: one }), "{extra}");
    }
}

#[test]
fn bindings_expire_are_restored_and_go_with_their_account() {
    let mut desk = desk(UnknownSource::Challenge);
    registered(&mut desk, 1, &format!("{CONTACT}\nExpires: 100"));
    let Some(Event::BindingsChanged { bindings, .. }) = desk.event() else { panic!() };
    desk.run(101 * SECOND);
    let gone = Some(Event::BindingsChanged { account: "101".into(), bindings: Vec::new() });
    assert_eq!(desk.event(), gone);
    desk.command(Command::RestoreBindings { account: "101".into(), bindings: bindings.clone() }).unwrap();
    assert_eq!(desk.event(), gone, "expired ones are ignored");
    let mut later = bindings.clone();
    later[0].expires_at_us = desk.now_us + 50 * SECOND;
    desk.command(Command::RestoreBindings { account: "101".into(), bindings: later.clone() }).unwrap();
    assert_eq!(desk.event(), Some(Event::BindingsChanged { account: "101".into(), bindings: later.clone() }));
    desk.command(Command::SetAccess(Access::default())).unwrap();
    assert_eq!(desk.event(), gone);
    assert_eq!(desk.endpoint.next_timeout_us().filter(|at_us| *at_us > desk.now_us + 40 * SECOND), None);
}

#[test]
fn a_restarted_phone_replaces_its_own_binding_by_its_instance() {
    let mut desk = desk(UnknownSource::Challenge);
    registered(&mut desk, 1, &format!("{CONTACT};+sip.instance=\"<urn:uuid:1>\""));
    let again = registered(&mut desk, 5, "Contact: <sip:101@10.0.0.5:7777>;+sip.instance=\"<urn:uuid:1>\"");
    assert_eq!(headers(&again, "Contact").len(), 1);
}

fn invite(number: u32, extra: &str) -> String {
    Phone::invite(extra).replace("z9hG4bKinvite", &format!("z9hG4bKi{number}"))
}

#[test]
fn a_phone_calls_after_a_407_and_keeps_no_state_before() {
    let mut desk = desk(UnknownSource::Challenge);
    desk.send(&invite(1, ""));
    let challenge = desk.next();
    assert!(challenge.starts_with("SIP/2.0 407"), "{challenge}");
    assert_eq!((desk.endpoint.transactions_len(), desk.endpoint.sessions_len()), (0, 0));
    let ack = format!(
        "ACK sip:desk@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKi1\nFrom: <sip:phone@example.com>;tag=phonetag\nTo: {}\nCall-ID: phonecall\nCSeq: 1 ACK\nMax-Forwards: 70\n",
        header(&challenge, "To")
    );
    desk.send(&ack);
    assert!(desk.titles().is_empty());
    let credentials = credentials(&challenge, "102", PASSWORD, Method::Invite, "sip:desk@192.0.2.1", "SHA-256", 1);
    desk.send(&invite(2, &format!("Proxy-Authorization: {credentials}\nP-Asserted-Identity: <sip:boss@example.com>")));
    let Some(Event::Incoming { invite, .. }) = desk.event() else { panic!("{:?}", desk.sent) };
    assert_eq!(invite.origin, Origin::Account("102".into()));
    assert_eq!(invite.asserted_identity, None, "a phone asserts nothing");
}

#[test]
fn unknown_sources_meet_the_policy() {
    let cases = [
        (UnknownSource::Challenge, vec!["407 INVITE"]),
        (UnknownSource::Forbid, vec!["403 INVITE"]),
        (UnknownSource::Silence, vec![]),
    ];
    for (policy, titles) in cases {
        let mut desk = desk(policy);
        desk.send(&invite(1, ""));
        assert_eq!(desk.titles(), titles);
        assert_eq!(desk.endpoint.counters().unknown_source, 1);
        desk.no_event();
    }
}

#[test]
fn p7_a_phones_dialog_goes_along_its_flow_and_follows_it() {
    let mut desk = desk(UnknownSource::Challenge);
    desk.source = "198.51.100.9:40000".parse().unwrap();
    let wrong =
        |text: String| text.replace("Contact: <sip:phone@192.0.2.2:5060>", "Contact: <sip:phone@10.1.1.1:5060>");
    desk.send(&wrong(invite(1, "")));
    let challenge = desk.next();
    let credentials = credentials(&challenge, "101", PASSWORD, Method::Invite, "sip:desk@192.0.2.1", "MD5", 1);
    desk.send(&wrong(invite(2, &format!("Proxy-Authorization: {credentials}"))));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!() };
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    let ok = desk.sent.pop_back().unwrap();
    let in_dialog = |method: &str, cseq: u32| {
        format!(
            "{method} sip:x@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK{method}{cseq};rport\nMax-Forwards: 70\nFrom: <sip:phone@example.com>;tag=phonetag\nTo: {}\nCall-ID: phonecall\nCSeq: {cseq} {method}\n",
            header(&ok, "To")
        )
    };
    desk.send(&in_dialog("ACK", 1));
    desk.source = "198.51.100.9:41111".parse().unwrap();
    desk.send(&in_dialog("OPTIONS", 2));
    desk.titles();
    desk.flows.clear();
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    assert_eq!(desk.titles(), ["BYE"]);
    assert_eq!(desk.flows.pop_front().map(|flow| flow.remote), Some(desk.source), "the new NAT binding");
}

#[test]
fn requests_that_make_no_sense_get_the_status_that_says_so() {
    let cases: &[(&str, &str, &str)] = &[
        ("OPTIONS", "", "200"),
        ("MESSAGE", "", "405"),
        ("PUBLISH", "", "405"),
        ("SUBSCRIBE", "Event: message-summary", "489"),
        ("SUBSCRIBE", "Event: presence", "403"),
        ("NOTIFY", "Event: refer", "481"),
        ("BYE", "", "481"),
        ("INFO", "", "481"),
        ("UPDATE", "", "481"),
        ("CANCEL", "", "481"),
        ("REFER", "Refer-To: <sip:a@b>", "403"),
        ("FROBNICATE", "", "501"),
        ("INVITE", "Require: precondition", "420"),
        ("INVITE", "Content-Type: text/plain\n--\nhello", "415"),
        ("INVITE", "Content-Encoding: gzip", "415"),
        ("INVITE", "Session-Expires: 20", "422"),
    ];
    for (method, extra, status) in cases {
        let mut desk = Desk::new();
        let text = format!(
            "{method} sip:desk@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKx;rport\nMax-Forwards: 70\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 {method}\nContact: <sip:a@192.0.2.2>\n{extra}"
        );
        desk.send(&text);
        assert_eq!(desk.titles(), [format!("{status} {method}")], "{extra}");
        desk.no_event();
        assert_eq!(desk.endpoint.sessions_len(), 0);
    }
}

#[test]
fn invites_that_cannot_be_taken_get_the_status_of_section_8_2() {
    let cases: &[(&str, &str, &str)] = &[
        ("sip:desk@192.0.2.1 SIP/2.0", "http://x SIP/2.0", "416 INVITE"),
        ("SIP/2.0\nVia", "SIP/7.0\nVia", "505 INVITE"),
        ("Max-Forwards: 70", "Max-Forwards: 0", "483 INVITE"),
        ("Contact: <sip:phone@192.0.2.2:5060>", "X-None: y", "400 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: 1 BYE", "400 BYE"),
        ("Max-Forwards: 70", "Max-Forwards: many", "400 INVITE"),
    ];
    for (from, to, title) in cases {
        let mut desk = Desk::new();
        desk.send(&Phone::invite("").replacen(from, to, 1));
        assert_eq!(desk.titles(), [*title], "{to}");
        desk.no_event();
    }
}

#[test]
fn rfc3261_8_2_2_2_a_merged_request_gets_482_and_a_repeated_one_its_response() {
    let mut desk = Desk::new();
    desk.send(&Phone::invite("")).send(&Phone::invite(""));
    assert_eq!(desk.titles(), ["100 INVITE", "100 INVITE"], "a retransmission");
    desk.send(&invite(7, ""));
    assert_eq!(desk.titles(), ["482 INVITE"], "the same request by another way");
    assert_eq!(desk.events.len(), 1);
}

#[test]
fn limits_are_answered_503_and_counted() {
    let mut desk = Desk::with(Config { sessions_max: 1, ..config(0) }, peers());
    desk.send(&Phone::invite(""));
    desk.titles();
    desk.send(&invite(2, "").replace("phonecall", "another"));
    let refusal = desk.next();
    assert!(refusal.starts_with("SIP/2.0 503") && !header(&refusal, "Retry-After").is_empty(), "{refusal}");
    assert_eq!(desk.endpoint.counters().put_off, 1);
    let session = desk.endpoint.allocate_session();
    let invite = Box::new(invite_to(1, None));
    assert_eq!(desk.command(Command::Invite { session, invite }), Err(CommandRefused::Limit));
    let mut desk = Desk::with(Config { transactions_max: 0, ..config(0) }, peers());
    desk.send(&Phone::invite(""));
    assert_eq!(desk.titles(), ["503 INVITE"]);
    let mut desk = Desk::with(Config { message_bytes_max: 300, ..config(0) }, peers());
    desk.send(&Phone::invite(""));
    assert_eq!(desk.titles(), ["513 INVITE"]);
}

#[test]
fn rubbish_is_counted_and_never_answered_to_nobody() {
    let mut desk = Desk::new();
    for bytes in [&b"hello"[..], b"\r\n\r\n", b"\0", b"", b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", &[0xff; 40]] {
        let input = Input::Datagram { listener: ListenerId(0), source: desk.source, bytes: bytes.to_vec().into() };
        desk.handle(input);
    }
    assert!(desk.titles().is_empty());
    assert_eq!(desk.endpoint.counters().malformed, 4);
}

#[test]
fn an_unauthenticated_register_from_a_trusted_peer_is_challenged() {
    let mut access = peers();
    access.accounts = BTreeMap::new();
    let mut desk = Desk::with(config(0), access);
    desk.send(&register(1, CONTACT));
    assert_eq!(desk.titles(), ["401 REGISTER"]);
}

#[test]
fn path_is_kept_and_given_back() {
    let mut desk = desk(UnknownSource::Challenge);
    let ok = registered(&mut desk, 1, &format!("{CONTACT}\nSupported: path\nPath: <sip:edge@192.0.2.77;lr>"));
    assert_eq!(header(&ok, "Path"), "<sip:edge@192.0.2.77;lr>");
    assert_eq!(desk.endpoint.bindings("101")[0].path, ["<sip:edge@192.0.2.77;lr>"]);
}

/// RFC 3261 §16.3 step 4: known by its names, or by our Via below the one that sent it back.
#[test]
fn a_call_of_ours_that_comes_back_is_a_loop() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let invite = Box::new(invite_to(1, Some(OFFER)));
    desk.command(Command::Invite { session, invite }).unwrap();
    let ours = desk.next();
    let from = header(&ours, "From");
    let back = |from: &str, call_id: &str, via: &str, number: u32| {
        format!(
            "INVITE sip:desk@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKback{number};rport\n{via}\
             Max-Forwards: 60\nFrom: {from}\nTo: <sip:desk@192.0.2.1>\nCall-ID: {call_id}\nCSeq: 1 INVITE\n\
             Contact: <sip:x@192.0.2.2>\nContent-Type: application/sdp\n--\n{OFFER}"
        )
    };
    let own_via = format!("Via: {}\n", header(&ours, "Via"));
    let foreign_via = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1-0000000000000001\n";
    let (other, call_id) = ("<sip:x@h>;tag=other", header(&ours, "Call-ID"));
    for (number, (text, looped)) in [
        (back(&from, &call_id, "", 1), true),
        (back(other, "another", &own_via, 2), true),
        (back(other, "a-third", foreign_via, 3), false),
        (back(other, &call_id, "", 4), false),
    ]
    .into_iter()
    .enumerate()
    {
        desk.send(&text);
        let first = desk.titles().first().cloned().unwrap();
        assert_eq!(first, if looped { "482 INVITE" } else { "100 INVITE" }, "{number}: {text}");
    }
}
