//! RFC 3261 §8.1.3.4: what a 3xx to our INVITE leads to.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

fn call(redirects_max: u8, change: impl FnOnce(&mut OutgoingInvite)) -> (Desk, SessionId, String) {
    let mut desk = Desk::new();
    let session = SessionId(2);
    let mut invite = invite_to(1, Some(OFFER));
    invite.redirects_max = redirects_max;
    invite.asserted_identity = Some(party("sip:alice@example.com"));
    invite.credentials = Some(Credentials { username: "alice".into(), password: "secret".into() });
    change(&mut invite);
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let invite = desk.next();
    (desk, session, invite)
}

/// Answers with a 3xx; the next INVITE, past the ACK.
fn moved(desk: &mut Desk, invite: &str, contacts: &str) -> Option<String> {
    desk.answer(invite, "302 Moved Temporarily", "x", &format!("Contact: {contacts}\n"));
    assert!(desk.next().starts_with("ACK"));
    desk.sent.pop_front()
}

fn target(invite: &str) -> String {
    invite.split(' ').nth(1).unwrap().to_owned()
}

/// "SHOULD reuse the same To, From, and Call-ID"; "order … q"; "a new transaction".
#[test]
fn the_best_contact_is_called_with_the_same_names_and_a_new_number() {
    let (mut desk, session, invite) = call(5, |_| {});
    let contacts = "<sip:c@198.51.100.3>;q=0.2, <sip:d@198.51.100.4:5070;transport=udp;method=INVITE>;q=0.9, <sip:e@h;transport=ws>";
    let again = moved(&mut desk, &invite, contacts).unwrap();
    assert_eq!(target(&again), "sip:d@198.51.100.4:5070;transport=udp");
    for name in ["To", "From", "Call-ID"] {
        assert_eq!(header(&again, name), header(&invite, name));
    }
    assert_eq!((header(&invite, "CSeq"), header(&again, "CSeq")), ("1 INVITE".into(), "2 INVITE".into()));
    assert_eq!(desk.flows.back().unwrap().remote, "198.51.100.4:5070".parse().unwrap());
    // The best one is busy: the next one.
    desk.answer(&again, "486 Busy Here", "y", "");
    assert!(desk.next().starts_with("ACK"));
    let third = desk.next();
    assert_eq!(target(&third), "sip:c@198.51.100.3");
    desk.answer(
        &third,
        "200 OK",
        "z",
        &format!("Contact: <sip:c@198.51.100.3>\nContent-Type: application/sdp\n--\n{ANSWER}"),
    );
    assert!(matches!(desk.event(), Some(Event::Answered { session: answered, .. }) if answered == session));
    desk.no_event();
}

/// "MUST NOT … add any URI … more than once"; the number is bounded; a 6xx speaks for all.
#[test]
fn loops_and_floods_of_contacts_end() {
    let (mut desk, session, invite) = call(5, |_| {});
    let again = moved(&mut desk, &invite, "<sip:c@198.51.100.3>").unwrap();
    assert_eq!(moved(&mut desk, &again, "<sip:bob@192.0.2.2:5060>, <sip:c@198.51.100.3>"), None, "both were tried");
    assert!(matches!(desk.event(), Some(Event::Refused { session: over, status: 302, .. }) if over == session));

    let (mut desk, _, mut invite) = call(3, |_| {});
    let mut tried = 0;
    while let Some(again) =
        moved(&mut desk, &invite, &format!("<sip:{tried}@198.51.100.3>, <sip:{tried}@198.51.100.4>"))
    {
        tried += 1;
        invite = again;
    }
    assert_eq!(tried, 3);
    assert!(matches!(desk.event(), Some(Event::Refused { status: 302, .. })));

    let (mut desk, _, invite) = call(5, |_| {});
    let again = moved(&mut desk, &invite, "<sip:c@198.51.100.3>, <sip:d@198.51.100.3>").unwrap();
    desk.answer(&again, "603 Decline", "y", "");
    assert!(matches!(desk.event(), Some(Event::Refused { status: 603, .. })));
}

#[test]
fn without_leave_the_3xx_is_reported_with_its_contacts() {
    let (mut desk, session, invite) = call(0, |_| {});
    assert_eq!(moved(&mut desk, &invite, "\"C\" <sip:c@198.51.100.3>"), None);
    let Some(Event::Refused { session: over, status: 302, contacts, .. }) = desk.event() else { panic!() };
    assert_eq!((over, contacts[0].uri.as_str()), (session, "sip:c@198.51.100.3"));
}

/// Another host learns neither who the caller is said to be, nor our credentials; the same host does.
#[test]
fn identity_and_credentials_are_for_the_host_that_was_called() {
    let (mut desk, _, invite) = call(5, |_| {});
    assert!(!header(&invite, "P-Asserted-Identity").is_empty());
    let again = moved(&mut desk, &invite, "<sip:carol@192.0.2.2:5060>, <sip:c@198.51.100.3>").unwrap();
    assert!(!header(&again, "P-Asserted-Identity").is_empty());
    desk.answer(&again, "404 Not Found", "y", "");
    desk.next();
    let elsewhere = desk.next();
    assert_eq!(
        (target(&elsewhere), header(&elsewhere, "P-Asserted-Identity")),
        ("sip:c@198.51.100.3".into(), String::new())
    );
    desk.answer(
        &elsewhere,
        "401 Unauthorized",
        "z",
        "WWW-Authenticate: Digest realm=\"h\", nonce=\"n\", algorithm=MD5\n",
    );
    assert_eq!(desk.titles(), ["ACK"]);
    assert!(matches!(desk.event(), Some(Event::Refused { status: 401, .. })));
}

#[test]
fn a_contact_with_a_host_name_is_looked_up() {
    let (mut desk, session, invite) = call(5, |_| {});
    assert_eq!(moved(&mut desk, &invite, "<sip:c@sip.example.net;transport=tcp>, <sip:d@198.51.100.4>"), None);
    let Some(Output::Resolve { query, host, port, .. }) = desk.outputs.pop_front() else {
        panic!("{:?}", desk.outputs)
    };
    assert_eq!((host.as_str(), port), ("sip.example.net", None));
    desk.handle(Input::Resolved { query, addresses: Vec::new() });
    let next = desk.next();
    assert_eq!(target(&next), "sip:d@198.51.100.4", "a name without an address is a target that failed");
    desk.command(Command::End { session, status: 480, reason: None }).unwrap();
    assert_eq!(moved(&mut desk, &next, "<sip:e@198.51.100.5>"), None, "who has hung up calls nobody");
}
