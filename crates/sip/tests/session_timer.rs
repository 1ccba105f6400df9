//! RFC 4028, sentence by sentence: session timers that we ask for, on either side (D8).

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

fn desk(asked_s: u32, least_s: u32) -> Desk {
    let config = Config { session_expires_s: asked_s, session_expires_least_s: least_s, ..config(0) };
    Desk::with(config, peers())
}

fn call(desk: &mut Desk) -> (SessionId, String) {
    let session = SessionId(2);
    desk.command(Command::Invite { session, invite: Box::new(invite_to(1, Some(OFFER))) }).unwrap();
    (session, desk.next())
}

fn ok(timer: &str) -> String {
    format!("Contact: <sip:bob@192.0.2.2>\n{timer}Content-Type: application/sdp\n--\n{ANSWER}")
}

/// §7.1: "A UAC MAY include a Session-Expires header field in an initial session refresh request".
#[test]
fn our_invite_asks_for_the_configured_interval() {
    for (asked_s, least_s, session_expires, min_se) in
        [(1_800, 90, "1800", ""), (0, 90, "", ""), (600, 300, "600", "300"), (100, 300, "300", "300")]
    {
        let mut desk = desk(asked_s, least_s);
        let (_, invite) = call(&mut desk);
        assert_eq!(
            (header(&invite, "Session-Expires"), header(&invite, "Min-SE")),
            (session_expires.into(), min_se.into())
        );
        assert!(header(&invite, "Supported").contains("timer"));
    }
}

/// §7.3: on a 422 "the UAC MAY retry the request … Session-Expires … at least … Min-SE", and "MUST include" Min-SE.
#[test]
fn a_422_makes_us_ask_for_more_once() {
    let mut desk = desk(600, 90);
    let (session, invite) = call(&mut desk);
    desk.answer(&invite, "422 Session Interval Too Small", "x", "Min-SE: 900\n");
    assert_eq!(desk.next().split(' ').next(), Some("ACK"));
    let again = desk.next();
    assert_eq!((header(&again, "Session-Expires"), header(&again, "Min-SE")), ("900".into(), "900".into()));
    assert_eq!(header(&again, "Call-ID"), header(&invite, "Call-ID"));
    assert_ne!(header(&again, "CSeq"), header(&invite, "CSeq"));
    desk.answer(&again, "422 Session Interval Too Small", "x", "Min-SE: 900\n");
    assert_eq!(desk.titles(), ["ACK"]);
    assert!(matches!(desk.event(), Some(Event::Refused { session: over, status: 422, .. }) if over == session));
}

/// §7.2, §10: who refreshes and who watches, as the 2xx says; without Session-Expires nobody does.
#[test]
fn the_2xx_says_who_refreshes() {
    for (timer, after_s, expected) in [
        ("Session-Expires: 600;refresher=uac\n", 301, vec!["UPDATE"]),
        ("Session-Expires: 600;refresher=uas\n", 567, vec![]),
        ("Session-Expires: 600;refresher=uas\n", 569, vec!["BYE"]),
        ("", 2_000, vec![]),
    ] {
        let mut desk = desk(600, 90);
        let (_, invite) = call(&mut desk);
        desk.answer(&invite, "200 OK", "x", &ok(&format!("Allow: INVITE, ACK, BYE, UPDATE\n{timer}")));
        desk.titles();
        desk.run(after_s * SECOND);
        let mut titles = desk.titles();
        titles.dedup();
        assert_eq!(titles, expected, "{timer}after {after_s} s");
    }
}

/// §10: "if the … refresh … fails … 32 seconds before" the end, or a third of the interval, the session is ended by BYE.
#[test]
fn a_refresh_that_keeps_failing_ends_the_session_in_time() {
    let mut desk = desk(300, 90);
    let (session, invite) = call(&mut desk);
    desk.answer(&invite, "200 OK", "x", &ok("Allow: INVITE, ACK, BYE, UPDATE\nSession-Expires: 300;refresher=uac\n"));
    desk.event();
    desk.titles();
    let mut refreshes = 0;
    for _ in 0..2_700 {
        desk.run(100 * MILLISECOND);
        while let Some(text) = desk.sent.pop_front() {
            if text.starts_with("UPDATE") {
                refreshes += 1;
                desk.answer(&text, "500 Server Internal Error", "", "");
            }
        }
    }
    assert!(refreshes > 5, "{refreshes}");
    assert_eq!(desk.event(), Some(Event::Ended { session, cause: EndCause::Timeout, q850: None }));
}

/// A glare of refreshes is no reason to end a call.
#[test]
fn a_refresh_that_meets_a_glare_goes_again() {
    let mut desk = desk(300, 90);
    let (_, invite) = call(&mut desk);
    desk.answer(&invite, "200 OK", "x", &ok("Allow: INVITE, ACK, BYE, UPDATE\nSession-Expires: 300;refresher=uac\n"));
    desk.titles();
    desk.run(151 * SECOND);
    let update = desk.sent.pop_front().unwrap();
    desk.titles();
    desk.answer(&update, "491 Request Pending", "", "");
    desk.run(11 * SECOND);
    let update = desk.sent.pop_front().unwrap();
    assert_eq!(header(&update, "Session-Expires"), "300;refresher=uac");
    desk.answer(&update, "200 OK", "", "Contact: <sip:bob@192.0.2.2>\nSession-Expires: 300;refresher=uac\n");
    desk.titles();
    desk.run(149 * SECOND);
    assert!(desk.titles().is_empty(), "the timer runs anew from the refresh");
}

/// A description that was refused is not what the session has: a refresh by re-INVITE must not offer it again.
#[test]
fn a_refresh_offers_what_was_agreed_on_and_not_what_was_refused() {
    for (status, refreshed) in [("488 Not Acceptable Here", OFFER), ("200 OK", ANSWER)] {
        let mut desk = desk(300, 90);
        let (session, invite) = call(&mut desk);
        desk.answer(&invite, "200 OK", "x", &ok("Session-Expires: 300;refresher=uac\n"));
        desk.titles();
        desk.command(Command::Offer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
        let offer = desk.sent.pop_front().unwrap();
        let accepted = status.starts_with('2');
        let extra = if accepted { ok("Session-Expires: 300;refresher=uac\n") } else { String::new() };
        desk.answer(&offer, status, "", &extra);
        desk.titles();
        desk.run(151 * SECOND);
        let refresh = desk.sent.pop_front().unwrap();
        assert!(refresh.starts_with("INVITE"), "{refresh}");
        assert_eq!(refresh.split_once("\r\n\r\n").unwrap().1, refreshed, "{status}");
    }
}

/// §7.3 within a session, by UPDATE and by re-INVITE.
#[test]
fn a_422_to_a_refresh_raises_the_interval() {
    for (allow, method) in [("Allow: INVITE, ACK, BYE, UPDATE\n", "UPDATE"), ("", "INVITE")] {
        let mut desk = desk(300, 90);
        let (_, invite) = call(&mut desk);
        desk.answer(&invite, "200 OK", "x", &ok(&format!("{allow}Session-Expires: 300;refresher=uac\n")));
        desk.titles();
        desk.run(150 * SECOND + 10 * MILLISECOND);
        let refresh = desk.sent.pop_front().unwrap();
        assert!(refresh.starts_with(method));
        desk.titles();
        desk.answer(&refresh, "422 Session Interval Too Small", "", "Min-SE: 500\n");
        let again = desk.sent.iter().find(|text| text.starts_with(method)).unwrap();
        assert_eq!(header(again, "Session-Expires"), "500;refresher=uac");
        assert_eq!(header(again, "Min-SE"), "500");
    }
}

/// §9: what a UAS puts into its 2xx, by what the request says and what we want.
#[test]
fn as_server_the_interval_is_the_lower_one_but_no_ones_least() {
    for (asked, ours_s, least_s, expected, require) in [
        ("Supported: timer\n", 1_800, 90, "1800;refresher=uas", ""),
        ("Supported: timer\n", 0, 90, "", ""),
        ("", 1_800, 90, "", ""),
        ("Supported: timer\nSession-Expires: 4000\n", 1_800, 90, "1800;refresher=uac", "timer"),
        ("Supported: timer\nSession-Expires: 4000;refresher=uas\n", 0, 90, "4000;refresher=uas", ""),
        ("Supported: timer\nSession-Expires: 600\n", 1_800, 90, "600;refresher=uac", "timer"),
        ("Supported: timer\nSession-Expires: 4000\nMin-SE: 3000\n", 1_800, 90, "3000;refresher=uac", "timer"),
        ("Supported: timer\nMin-SE: 2000\n", 1_800, 90, "2000;refresher=uas", ""),
        // A proxy asks on behalf of a peer that cannot: we refresh.
        ("Session-Expires: 600\n", 1_800, 90, "600;refresher=uas", ""),
        ("Require: timer\nSession-Expires: 600\n", 1_800, 90, "600;refresher=uac", "timer"),
    ] {
        let mut desk = desk(ours_s, least_s);
        desk.send(&Phone::invite(asked));
        let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("{asked}") };
        desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
        let ok = desk.sent.pop_back().unwrap();
        assert_eq!(
            (header(&ok, "Session-Expires"), header(&ok, "Require")),
            (expected.into(), require.into()),
            "{asked}"
        );
    }
}

/// §9: "If … lower than … minimum timer, … MUST reject … 422", with Min-SE.
#[test]
fn an_interval_below_our_least_gets_422_with_it() {
    for (least_s, asked_s, refused) in [(90, 89, true), (90, 90, false), (300, 200, true), (10, 80, true)] {
        let mut desk = desk(1_800, least_s);
        desk.send(&Phone::invite(&format!("Supported: timer\nSession-Expires: {asked_s}\n")));
        let response = desk.next();
        assert_eq!(response.starts_with("SIP/2.0 422"), refused, "{least_s} {asked_s}: {response}");
        if refused {
            assert_eq!(header(&response, "Min-SE"), least_s.max(90).to_string());
        }
    }
}

/// D8: between two that both ask, one refreshes, and the call lives on.
#[test]
fn d8_two_that_ask_keep_their_call_alive() {
    let mut pair = Pair::with(|_, config| config.session_expires_s = 200);
    let (caller, callee) = pair.talking();
    pair.run(3_600 * SECOND);
    pair.no_events();
    let ladder = pair.take_ladder();
    assert!(ladder.len() > 60 && ladder.iter().all(|line| line.contains("UPDATE")), "{ladder:?}");
    // The far side vanishes: both learn of it.
    pair.fate = Box::new(|_, _| Verdict::Lose);
    pair.run(300 * SECOND);
    for (side, session) in [(0, caller), (1, callee)] {
        assert_eq!(pair.event(side), Some(Event::Ended { session, cause: EndCause::Timeout, q850: None }), "{side}");
    }
    pair.run_out();
    pair.assert_empty();
}
