//! Live messages: told only while they are wanted, named by account and session, without secrets.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

fn traced(desk: &mut Desk) -> Vec<Traced> {
    let outputs = desk.outputs.drain(..);
    outputs
        .filter_map(|output| match output {
            Output::Trace(traced) => Some(*traced),
            _ => None,
        })
        .collect()
}

#[test]
fn messages_are_told_while_they_are_wanted_and_not_before_or_after() {
    let Phone { mut desk, session, tag, .. } = Phone::answered();
    assert!(traced(&mut desk).is_empty());
    desk.handle(Input::Trace(true));
    let phone = Phone { desk, session, ok: String::new(), tag };
    let bye = phone.request("BYE", 2, "z9hG4bKbye", "Authorization: Digest username=\"1\", response=\"secret\"");
    let mut desk = phone.desk;
    desk.send(&bye);
    let told = traced(&mut desk);
    let titles: Vec<_> = told.iter().map(|each| (each.received, title(each.text.as_bytes()))).collect();
    assert_eq!(titles, [(true, "BYE".to_owned()), (false, "200 BYE".to_owned())]);
    for each in &told {
        assert_eq!((each.peer, each.call_id.as_str()), (Some(PeerId(1)), "phonecall"));
        assert!(each.sessions.contains(&session), "{each:?}");
    }
    assert!(told[0].text.contains("response=(removed)") && !told[0].text.contains("secret"), "{}", told[0].text);
    desk.handle(Input::Datagram { listener: ListenerId(0), source: address(1), bytes: "no SIP at all\r\n\r\n".into() });
    assert_eq!(traced(&mut desk).first().map(|each| each.text.clone()).as_deref(), Some("no SIP at all\r\n\r\n"));
    desk.handle(Input::Trace(false));
    desk.send(&bye);
    assert!(traced(&mut desk).is_empty());
}

/// The address says nothing: what answers a call that has named its account, and what comes after, is known by the call.
#[test]
fn what_follows_credentials_is_the_accounts_while_it_is_told() {
    let account = Account { ha1_md5: String::new(), ha1_sha256: String::new() };
    let access = Access { accounts: [("carrier".to_owned(), account)].into(), ..Access::default() };
    let mut desk = Desk::with(config(0), access);
    desk.handle(Input::Trace(true));
    let realm = Config::default().realm;
    let credentials = format!(
        "Authorization: Digest username=\"carrier\", realm=\"{realm}\", nonce=\"n\", uri=\"sip:x\", response=\"r\""
    );
    let invite = Phone::invite(&credentials);
    desk.send(&invite);
    let ack =
        invite.lines().filter(|line| !line.starts_with("Auth")).collect::<Vec<_>>().join("\n").replace("INVITE", "ACK");
    desk.send(&ack);
    let told = traced(&mut desk);
    assert!(told.len() >= 3, "{told:?}");
    assert!(told.iter().all(|each| each.account.as_deref() == Some("carrier") && each.peer.is_none()), "{told:?}");
    desk.handle(Input::Trace(false)).handle(Input::Trace(true));
    desk.send(&ack);
    assert_eq!(traced(&mut desk)[0].account, None);
}
