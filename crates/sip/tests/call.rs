//! Calls between two endpoints: set-up, refusal, CANCEL and its races, BYE and its races, loss.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

#[test]
fn a_call_rings_is_answered_and_ended() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Ring { session: callee, status: 180, sdp: None }).unwrap();
    pair.settle();
    assert_eq!(pair.event(0), Some(Event::Ringing { session: caller, status: 180, sdp: None }));
    pair.command(
        1,
        Command::Answer { session: callee, sdp: sdp(ANSWER), identity: Some(party("sip:desk@example.com")) },
    )
    .unwrap();
    pair.settle();
    match pair.event(0) {
        Some(Event::Answered { session, sdp: Some(answer), identity: Some(identity), user_agent: Some(_), .. }) => {
            assert_eq!((session, answer), (caller, sdp(ANSWER)));
            assert_eq!(identity.uri, "sip:desk@example.com");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pair.event(1), Some(Event::Confirmed { session: callee }));
    pair.end(0, caller);
    pair.settle();
    assert_eq!(pair.event(1), Some(Event::Ended { session: callee, cause: EndCause::Bye, q850: None }));
    pair.no_events();
    assert_eq!(
        pair.take_ladder(),
        ["> INVITE", "< 100 INVITE", "< 180 INVITE", "< 200 INVITE", "> ACK", "> BYE", "< 200 BYE"]
    );
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn early_media_comes_with_the_183() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Ring { session: callee, status: 183, sdp: Some(sdp(ANSWER)) }).unwrap();
    pair.settle();
    assert_eq!(pair.event(0), Some(Event::Ringing { session: caller, status: 183, sdp: Some(sdp(ANSWER)) }));
}

#[test]
fn the_incoming_event_tells_all_about_the_call() {
    let mut pair = Pair::new();
    let caller = pair.nodes[0].allocate_session();
    let mut invite = invite_to(1, Some(OFFER));
    invite.asserted_identity = Some(party("tel:+4930123"));
    invite.referred_by = Some("<sip:carol@example.com>".into());
    invite.headers = vec![("X-Ticket".into(), "17".into())];
    invite.max_forwards = 12;
    pair.command(0, Command::Invite { session: caller, invite: Box::new(invite) }).unwrap();
    pair.settle();
    let Some(Event::Incoming { invite, .. }) = pair.event(1) else { panic!("no call") };
    assert_eq!(invite.origin, Origin::Peer(PeerId(1)));
    assert_eq!(invite.target.user, "bob");
    assert_eq!(invite.from.uri, "sip:alice@example.com");
    assert_eq!(invite.asserted_identity.map(|party| party.uri), Some("tel:+4930123".into()));
    assert_eq!(invite.referred_by.as_deref(), Some("<sip:carol@example.com>"));
    assert_eq!((invite.max_forwards, invite.sdp, invite.replaces), (12, Some(sdp(OFFER)), None));
    assert!(invite.user_agent.is_some_and(|agent| agent.starts_with("baton/")));
    assert_eq!(header(&pair.texts[0], "X-Ticket"), "17");
}

#[test]
fn a_refusal_carries_status_reason_and_retry_after() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    let refuse = Command::Refuse { session: callee, status: 486, reason: "Very Busy".into(), retry_after_s: Some(30) };
    pair.command(1, refuse).unwrap();
    pair.settle();
    let expected = Event::Refused {
        session: caller,
        status: 486,
        reason: "Very Busy".into(),
        q850: None,
        contacts: Vec::new(),
        retry_after_s: Some(30),
    };
    assert_eq!(pair.event(0), Some(expected));
    assert_eq!(pair.take_ladder().last().map(String::as_str), Some("> ACK"));
    pair.run_out();
    pair.no_events();
    pair.assert_empty();
}

#[test]
fn d5_an_offerless_invite_is_answered_with_an_offer_and_acknowledged_with_the_answer() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(None);
    pair.command(1, Command::Answer { session: callee, sdp: sdp(OFFER), identity: None }).unwrap();
    pair.settle();
    assert!(matches!(pair.event(0), Some(Event::Answered { sdp: Some(offer), .. }) if offer == sdp(OFFER)));
    assert_eq!(pair.event(1), None, "no ACK before the answer");
    pair.command(0, Command::AcceptOffer { session: caller, sdp: sdp(ANSWER) }).unwrap();
    pair.settle();
    assert_eq!(pair.event(1), Some(Event::Confirmed { session: callee }));
    assert_eq!(pair.event(1), Some(Event::OfferAnswered { session: callee, sdp: sdp(ANSWER) }));
    pair.end(1, callee);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn nobody_answers_the_invite_and_it_times_out_as_408() {
    let mut pair = Pair::new().lose(|from, _| if from == 1 { Verdict::Lose } else { Verdict::Deliver });
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.run(33 * SECOND);
    assert!(matches!(pair.event(0), Some(Event::Refused { session, status: 408, .. }) if session == caller));
    let invites = pair.take_ladder().iter().filter(|line| *line == "> INVITE").count();
    assert_eq!(invites, 7, "timer A: at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s");
    pair.end(1, callee);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn d1_cancel_waits_for_a_provisional_response() {
    // The 100 is lost at first, so the caller hangs up without having heard anything.
    let mut lost = 0;
    let mut pair = Pair::new().lose(move |_, title| {
        lost += usize::from(title == "100 INVITE");
        if title == "100 INVITE" && lost <= 1 { Verdict::Lose } else { Verdict::Deliver }
    });
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.end(0, caller);
    pair.run(100 * MILLISECOND);
    assert!(!pair.ladder.contains(&"> CANCEL".to_owned()), "nothing to cancel yet");
    pair.run(SECOND);
    assert_eq!(
        pair.take_ladder(),
        ["> INVITE", "< 100 INVITE", "> INVITE", "< 100 INVITE", "> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK"]
    );
    assert_eq!(pair.event(1), Some(Event::Ended { session: callee, cause: EndCause::Cancel, q850: None }));
    pair.run_out();
    pair.no_events();
    pair.assert_empty();
}

#[test]
fn d1_answer_beats_cancel() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
    pair.end(0, caller);
    pair.settle();
    let ladder = pair.take_ladder();
    assert!(ladder.contains(&"> CANCEL".to_owned()), "{ladder:?}");
    let place = |what: &str| ladder.iter().position(|line| line == what).unwrap_or(usize::MAX);
    assert!(place("> ACK") < place("> BYE"), "ACK before BYE: {ladder:?}");
    assert_eq!(pair.event(1), Some(Event::Confirmed { session: callee }));
    assert_eq!(pair.event(1), Some(Event::Ended { session: callee, cause: EndCause::Bye, q850: None }));
    assert_eq!(pair.event(0), None, "the caller had ended it");
    pair.run_out();
    pair.no_events();
    pair.assert_empty();
}

#[test]
fn cancel_carries_its_reason_up() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    let reason = Some("Q.850;cause=26;text=\"answered elsewhere\"".to_owned());
    pair.command(0, Command::End { session: caller, status: 0, reason }).unwrap();
    pair.settle();
    assert_eq!(pair.event(1), Some(Event::Ended { session: callee, cause: EndCause::Cancel, q850: Some(26) }));
}

#[test]
fn a_cancelled_callee_that_never_ends_its_invite_is_given_up() {
    let mut pair = Pair::new().lose(|_, title| if title == "487 INVITE" { Verdict::Lose } else { Verdict::Deliver });
    let (caller, _) = pair.calling(Some(OFFER));
    pair.end(0, caller);
    pair.run(33 * SECOND);
    assert_eq!(pair.nodes[0].sessions_len(), 0);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn both_sides_hang_up() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.talking();
    pair.end(0, caller);
    pair.end(1, callee);
    pair.settle();
    let mut ladder = pair.take_ladder();
    ladder.sort();
    assert_eq!(ladder, ["< 200 BYE", "< BYE", "> 200 BYE", "> BYE"]);
    pair.run_out();
    pair.no_events();
    pair.assert_empty();
}

#[test]
fn a_bye_whose_answers_are_lost_ends_after_64_t1() {
    let mut pair = Pair::new();
    let (caller, _) = pair.talking();
    pair = pair.lose(|from, _| if from == 1 { Verdict::Lose } else { Verdict::Deliver });
    pair.end(0, caller);
    pair.run(31 * SECOND);
    assert_eq!(pair.nodes[0].sessions_len(), 1);
    pair.run(2 * SECOND);
    assert_eq!(pair.nodes[0].sessions_len(), 0);
    let byes = pair.take_ladder().iter().filter(|line| *line == "> BYE").count();
    assert_eq!(byes, 11, "timer E: at 0, 0.5, 1.5, 3.5, then every 4 s");
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn d1_the_callee_does_not_bye_before_the_ack() {
    let mut pair = Pair::new().lose(|_, title| if title == "ACK" { Verdict::Lose } else { Verdict::Deliver });
    let (_, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
    pair.end(1, callee);
    pair.run(30 * SECOND);
    assert!(!pair.ladder.contains(&"< BYE".to_owned()));
    let repeated = pair.ladder.iter().filter(|line| *line == "< 200 INVITE").count();
    assert_eq!(repeated, 10, "at 0, 0.5, 1.5, 3.5, then every 4 s until 27.5 s");
    pair.run(3 * SECOND);
    assert!(pair.ladder.contains(&"< BYE".to_owned()), "64·T1 is the end of the wait");
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn d1_the_bye_follows_the_late_ack_at_once() {
    let mut lost = 0;
    let mut pair = Pair::new().lose(move |_, title| {
        lost += usize::from(title == "ACK");
        if title == "ACK" && lost <= 2 { Verdict::Lose } else { Verdict::Deliver }
    });
    let (_, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
    pair.end(1, callee);
    pair.run(5 * SECOND);
    let ladder = pair.take_ladder();
    let tail = ladder.split_at(ladder.len() - 4).1;
    assert_eq!(tail, ["< 200 INVITE", "> ACK", "< BYE", "> 200 BYE"]);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn an_ack_that_never_comes_ends_the_session_with_a_bye() {
    let mut pair = Pair::new().lose(|_, title| if title == "ACK" { Verdict::Lose } else { Verdict::Deliver });
    let (_, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
    pair.run(33 * SECOND);
    assert_eq!(pair.event(1), Some(Event::Ended { session: callee, cause: EndCause::Timeout, q850: None }));
    assert!(pair.ladder.contains(&"< BYE".to_owned()));
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn a_call_survives_one_loss_of_every_message() {
    let titles = ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"];
    for victim in titles {
        let mut lost = false;
        let mut pair = Pair::new().lose(move |_, title| {
            let now = title == victim && !lost;
            lost |= now;
            if now { Verdict::Lose } else { Verdict::Deliver }
        });
        let caller = pair.nodes[0].allocate_session();
        pair.command(0, Command::Invite { session: caller, invite: Box::new(invite_to(1, Some(OFFER))) }).unwrap();
        pair.run(SECOND);
        let Some(Event::Incoming { session: callee, .. }) = pair.event(1) else { panic!("{victim}: no call") };
        pair.command(1, Command::Ring { session: callee, status: 180, sdp: None }).unwrap();
        pair.run(SECOND);
        pair.command(1, Command::Answer { session: callee, sdp: sdp(ANSWER), identity: None }).unwrap();
        pair.run(2 * SECOND);
        let answered = pair.events[0].iter().filter(|event| matches!(event, Event::Answered { .. })).count();
        assert_eq!(answered, 1, "{victim}");
        assert_eq!(pair.event(1), Some(Event::Confirmed { session: callee }), "{victim}");
        pair.end(0, caller);
        pair.run(2 * SECOND);
        assert!(matches!(pair.event(1), Some(Event::Ended { cause: EndCause::Bye, .. })), "{victim}");
        pair.run_out();
        pair.assert_empty();
    }
}

#[test]
fn duplicated_messages_change_nothing() {
    let mut pair = Pair::new().lose(|_, _| Verdict::Twice);
    let (caller, callee) = pair.talking();
    pair.end(1, callee);
    pair.settle();
    assert_eq!(pair.event(0), Some(Event::Ended { session: caller, cause: EndCause::Bye, q850: None }));
    pair.run_out();
    pair.no_events();
    pair.assert_empty();
}

#[test]
fn a_waiting_call_repeats_its_provisional_response_every_minute() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    pair.command(1, Command::Ring { session: callee, status: 180, sdp: None }).unwrap();
    pair.run(125 * SECOND);
    let rings = pair.take_ladder().iter().filter(|line| *line == "< 180 INVITE").count();
    assert_eq!(rings, 3);
    pair.end(0, caller);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn commands_in_the_wrong_state_are_refused_and_change_nothing() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.calling(Some(OFFER));
    let ghost = SessionId(4711);
    for side in 0..2 {
        // Both see the present time first, so that only the commands could change anything.
        let end = Command::End { session: ghost, status: 480, reason: None };
        assert_eq!(pair.command(side, end), Err(CommandRefused::NoSession));
    }
    let before = pair.nodes.clone();
    let cases = [
        (0, Command::Answer { session: caller, sdp: sdp(ANSWER), identity: None }, CommandRefused::WrongState),
        (0, Command::Offer { session: caller, sdp: sdp(OFFER), identity: None }, CommandRefused::WrongState),
        (0, Command::AcceptOffer { session: caller, sdp: sdp(OFFER) }, CommandRefused::WrongState),
        (1, Command::RefuseOffer { session: callee, status: 488 }, CommandRefused::WrongState),
        (1, Command::Ring { session: callee, status: 200, sdp: None }, CommandRefused::WrongState),
        (
            1,
            Command::Refuse { session: callee, status: 200, reason: String::new(), retry_after_s: None },
            CommandRefused::WrongState,
        ),
        (
            1,
            Command::Refuse { session: callee, status: 486, reason: "a\r\nb: c".into(), retry_after_s: None },
            CommandRefused::BadText,
        ),
        (1, Command::End { session: callee, status: 486, reason: Some("a\r\nb: c".into()) }, CommandRefused::BadText),
        (
            1,
            Command::Transfer { session: callee, target: "sip:x@y".into(), referred_by: None },
            CommandRefused::WrongState,
        ),
        (1, Command::SendDigit { session: callee, digit: '1', duration_ms: 100 }, CommandRefused::WrongState),
        (1, Command::AcceptTransfer { session: callee, transfer: TransferId(1) }, CommandRefused::WrongState),
        (0, Command::End { session: ghost, status: 480, reason: None }, CommandRefused::NoSession),
        (0, Command::Invite { session: caller, invite: Box::new(invite_to(1, None)) }, CommandRefused::WrongState),
    ];
    for (side, command, refused) in cases {
        let text = format!("{command:?}");
        assert_eq!(pair.command(side, command), Err(refused), "{text}");
    }
    assert!(pair.nodes == before);
}

#[test]
fn texts_that_would_break_a_message_are_refused() {
    let mut pair = Pair::new();
    let changes: [fn(&mut OutgoingInvite); 7] = [
        |invite| invite.uri = "no uri".into(),
        |invite| invite.uri = "sip:bob@192.0.2.2\r\nX: y".into(),
        |invite| invite.from.uri = String::new(),
        |invite| invite.headers = vec![("X-A".into(), "b\r\nVia: c".into())],
        |invite| invite.headers = vec![("Via".into(), "SIP/2.0/UDP x".into())],
        |invite| invite.headers = vec![("X A".into(), "b".into())],
        |invite| invite.referred_by = Some("a\nb".into()),
    ];
    for (number, change) in changes.iter().enumerate() {
        let session = pair.nodes[0].allocate_session();
        let mut invite = invite_to(1, Some(OFFER));
        change(&mut invite);
        let done = pair.command(0, Command::Invite { session, invite: Box::new(invite) });
        assert_eq!(done, Err(CommandRefused::BadText), "case {number}");
    }
    pair.assert_empty();
}

#[test]
fn rfc4579_a_conference_says_so_in_its_contact_and_a_plain_call_does_not() {
    let mut desk = Desk::new();
    desk.send(&Phone::invite(""));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!() };
    desk.command(Command::Focus { session, conference: Some("800".into()) }).unwrap();
    desk.command(Command::Answer { session, sdp: sdp(ANSWER), identity: None }).unwrap();
    let ok = desk.sent.pop_back().unwrap();
    assert_eq!(header(&ok, "Contact"), "<sip:800@192.0.2.1:5060>;isfocus");
    desk.titles();
    desk.command(Command::Focus { session, conference: None }).unwrap();
    assert!(desk.titles().is_empty(), "nothing is sent for it");
    desk.command(Command::Offer { session, sdp: sdp(OFFER), identity: None }).unwrap();
    desk.send(&format!(
        "ACK sip:800@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKack;rport\nMax-Forwards: 70\n\
         From: <sip:phone@example.com>;tag=phonetag\nTo: <sip:desk@example.com>;tag={}\nCall-ID: phonecall\nCSeq: 1 ACK",
        tag(&header(&ok, "To"))
    ));
    let invite = desk.sent.pop_back().expect("a re-INVITE");
    assert_eq!(header(&invite, "Contact"), "<sip:800@192.0.2.1:5060>");
}
