//! RFC 3262, sentence by sentence: reliable provisional responses and PRACK, in both roles; UPDATE in early dialogs.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

/// A phone's call (with these headers) that waits to be rung; its session and the endpoint's tag.
fn called(extra: &str, policy: ReliableProvisionals) -> (Desk, SessionId) {
    let mut desk = Desk::with(Config { reliable_provisionals: policy, ..config(0) }, peers());
    desk.send(&Phone::invite(extra));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!("no call: {:?}", desk.sent) };
    desk.titles();
    (desk, session)
}

/// An INVITE without an offer.
fn offerless(extra: &str) -> String {
    let text = Phone::invite(extra);
    text.split("Content-Type").next().unwrap().to_owned()
}

fn in_dialog(response: &str, method: &str, cseq: u32, extra: &str) -> String {
    format!(
        "{method} sip:desk@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{method}{cseq}\n\
         Max-Forwards: 70\nFrom: <sip:phone@example.com>;tag=phonetag\nTo: {}\nCall-ID: phonecall\n\
         CSeq: {cseq} {method}\nContact: <sip:phone@192.0.2.2:5060>\n{extra}",
        header(response, "To")
    )
}

fn prack(response: &str, cseq: u32, extra: &str) -> String {
    in_dialog(response, "PRACK", cseq, &format!("RAck: {} 1 INVITE\n{extra}", header(response, "RSeq")))
}

fn with_sdp(sdp: &str) -> String {
    format!("Content-Type: application/sdp\n--\n{sdp}")
}

fn ring(session: SessionId, status: u16, description: Option<&str>) -> Command {
    Command::Ring { session, status, sdp: description.map(sdp) }
}

fn pick_up(session: SessionId) -> Command {
    Command::Answer { session, sdp: sdp(ANSWER), identity: None }
}

#[test]
fn a_response_is_reliable_when_the_peer_requires_it_or_can_and_the_policy_wants_it() {
    use ReliableProvisionals::{Always, Required, WithDescription};
    for (extra, policy, description, reliable) in [
        ("Require: 100rel\n", Required, None, true),
        ("Supported: 100rel\n", Required, Some(ANSWER), false),
        ("Supported: 100rel\n", WithDescription, Some(ANSWER), true),
        ("Supported: 100rel\n", WithDescription, None, false),
        ("Supported: timer, 100REL\n", Always, None, true),
        ("", Always, Some(ANSWER), false),
    ] {
        let (mut desk, session) = called(extra, policy);
        desk.command(ring(session, 183, description)).unwrap();
        let response = desk.next();
        assert_eq!(header(&response, "Require") == "100rel", reliable, "{extra}{policy:?}");
        let rseq = header(&response, "RSeq").parse::<u32>().ok();
        assert_eq!(rseq.is_some_and(|rseq| (1..=0x7fff_ffff).contains(&rseq)), reliable, "{response}");
    }
}

/// "retransmitted … starting at T1 seconds and doubling"; "If a PRACK … after 64*T1 … reject the original request with 5xx".
#[test]
fn without_a_prack_the_response_is_repeated_and_the_call_refused_in_the_end() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 180, None)).unwrap();
    desk.run(31_900 * MILLISECOND);
    assert_eq!(desk.titles(), ["180 INVITE"; 7], "at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s");
    desk.no_event();
    desk.run(200 * MILLISECOND);
    assert_eq!(desk.titles(), ["504 INVITE"]);
    assert_eq!(desk.event(), Some(Event::Ended { session, cause: EndCause::Timeout, q850: None }));
}

/// "MUST NOT send a second reliable provisional response until the first is acknowledged"; "one greater than the last".
#[test]
fn the_next_response_waits_for_the_prack_and_counts_up() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 180, None)).unwrap();
    desk.command(ring(session, 183, Some(ANSWER))).unwrap();
    let first = desk.next();
    assert!(desk.titles().is_empty());
    desk.send(&prack(&first, 2, ""));
    assert!(desk.next().starts_with("SIP/2.0 200"));
    let second = desk.next();
    assert!(second.starts_with("SIP/2.0 183") && second.ends_with(ANSWER), "{second}");
    let number = |text: &str| header(text, "RSeq").parse::<u64>().unwrap();
    assert_eq!(number(&second), number(&first) + 1);
    desk.run(600 * MILLISECOND);
    assert_eq!(desk.titles(), ["183 INVITE"], "only the second one is repeated");
}

/// "If the PRACK does not match any unacknowledged reliable provisional response, the UAS MUST respond with 481".
#[test]
fn a_prack_that_matches_nothing_gets_481() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 180, None)).unwrap();
    let response = desk.next();
    let rseq: u64 = header(&response, "RSeq").parse().unwrap();
    for (number, rack, status) in [
        (2, format!("{} 1 INVITE", rseq + 1), 481),
        (3, format!("{rseq} 2 INVITE"), 481),
        (4, format!("{rseq} 1 OPTIONS"), 481),
        (5, "rubbish".to_owned(), 400),
        (6, format!("{rseq} 1 INVITE"), 200),
        (7, format!("{rseq} 1 INVITE"), 481),
    ] {
        desk.send(&in_dialog(&response, "PRACK", number, &format!("RAck: {rack}\n")));
        assert_eq!(desk.titles(), [format!("{status} PRACK")], "{rack}");
    }
}

/// "the UAS MUST NOT send a final 2xx before a description sent reliably was acknowledged".
#[test]
fn the_200_waits_for_the_prack_to_a_description_and_leaves_it_out() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 183, Some(ANSWER))).unwrap();
    let progress = desk.next();
    desk.command(pick_up(session)).unwrap();
    assert!(desk.titles().is_empty(), "the 200 waits");
    assert_eq!(desk.command(pick_up(session)), Err(CommandRefused::WrongState));
    desk.command(Command::Offer { session, sdp: sdp(OFFER), identity: None })
        .expect("answered, as far as anybody knows");
    desk.send(&prack(&progress, 2, ""));
    assert!(desk.next().contains("CSeq: 2 PRACK"));
    let ok = desk.next();
    assert!(ok.starts_with("SIP/2.0 200") && ok.contains("CSeq: 1 INVITE"), "{ok}");
    assert_eq!(header(&ok, "Content-Length"), "0");
    desk.send(&in_dialog(&ok, "ACK", 1, ""));
    assert_eq!(desk.event(), Some(Event::Confirmed { session }));
    assert_eq!(desk.titles(), ["INVITE"], "the offer that came meanwhile");
}

/// "The UAS MAY send a final response … before having received PRACKs"; it "MUST be prepared to process PRACK requests".
#[test]
fn the_200_does_not_wait_for_the_prack_to_a_bare_180() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 180, None)).unwrap();
    let ringing = desk.next();
    desk.command(pick_up(session)).unwrap();
    let ok = desk.next();
    assert!(ok.starts_with("SIP/2.0 200") && ok.ends_with(ANSWER), "{ok}");
    desk.send(&prack(&ringing, 2, ""));
    assert_eq!(desk.titles(), ["200 PRACK"]);
    desk.send(&in_dialog(&ok, "ACK", 1, ""));
    desk.run(2 * SECOND);
    assert!(desk.titles().is_empty(), "nothing is repeated any more");
}

#[test]
fn a_caller_that_cancels_or_is_refused_is_not_rung_again() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 180, None)).unwrap();
    desk.titles();
    desk.command(Command::Refuse { session, status: 486, reason: String::new(), retry_after_s: None }).unwrap();
    let ack = Phone::invite("").replace("INVITE", "ACK");
    desk.titles();
    desk.send(ack.split("Content-Type").next().unwrap());
    desk.run(40 * SECOND);
    assert!(!desk.titles().contains(&"180 INVITE".to_owned()));
}

/// §5: "If the INVITE contained no offer, the first reliable … MUST contain an offer", and the PRACK the answer.
#[test]
fn an_offerless_invite_gets_the_offer_reliably_and_the_answer_in_the_prack() {
    let mut desk = Desk::new();
    desk.send(&offerless("Require: 100rel\n"));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!() };
    desk.titles();
    desk.command(ring(session, 180, None)).unwrap();
    assert!(desk.titles().is_empty(), "nothing can be said reliably without an offer");
    desk.command(ring(session, 183, Some(OFFER))).unwrap();
    let progress = desk.next();
    desk.command(pick_up(session)).unwrap();
    desk.send(&prack(&progress, 2, &with_sdp(ANSWER)));
    assert_eq!(desk.event(), Some(Event::OfferAnswered { session, sdp: sdp(ANSWER) }));
    assert!(desk.next().contains("CSeq: 2 PRACK"));
    let ok = desk.next();
    assert_eq!(header(&ok, "Content-Length"), "0", "the exchange is complete: {ok}");
    desk.send(&in_dialog(&ok, "ACK", 1, ""));
    assert_eq!(desk.event(), Some(Event::Confirmed { session }));
    desk.no_event();
}

#[test]
fn a_prack_without_the_answer_that_is_due_ends_the_call() {
    let mut desk = Desk::new();
    desk.send(&offerless("Require: 100rel\n"));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!() };
    desk.command(ring(session, 183, Some(OFFER))).unwrap();
    let progress = desk.sent.pop_back().unwrap();
    desk.titles();
    desk.send(&prack(&progress, 2, ""));
    assert_eq!(desk.titles(), ["400 PRACK", "400 INVITE"]);
    assert_eq!(desk.event(), Some(Event::Ended { session, cause: EndCause::Protocol, q850: None }));
}

/// §5: "the UAC MAY generate an additional offer in the PRACK", and its 2xx carries the answer. RFC 3311 §5.1: so may UPDATE.
#[test]
fn a_new_offer_in_the_prack_or_in_an_early_update_is_answered() {
    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 183, Some(ANSWER))).unwrap();
    let progress = desk.next();
    desk.send(&prack(&progress, 2, &with_sdp(OFFER)));
    assert_eq!(desk.event(), Some(Event::Offered { session, sdp: Some(sdp(OFFER)) }));
    desk.command(pick_up(session)).unwrap();
    assert!(desk.titles().is_empty(), "the 200 waits for the open offer too");
    desk.command(Command::AcceptOffer { session, sdp: sdp(ANSWER) }).unwrap();
    let answered = desk.next();
    assert!(answered.contains("CSeq: 2 PRACK") && answered.ends_with(ANSWER), "{answered}");
    assert_eq!(desk.titles(), ["200 INVITE"]);

    let (mut desk, session) = called("Require: 100rel\n", ReliableProvisionals::Required);
    desk.command(ring(session, 183, Some(ANSWER))).unwrap();
    let progress = desk.next();
    desk.send(&in_dialog(&progress, "UPDATE", 2, &with_sdp(OFFER)));
    assert_eq!(desk.titles(), ["500 UPDATE"], "not before the PRACK");
    desk.send(&prack(&progress, 3, ""));
    desk.send(&in_dialog(&progress, "UPDATE", 4, &with_sdp(OFFER)));
    assert_eq!(desk.event(), Some(Event::Offered { session, sdp: Some(sdp(OFFER)) }));
    desk.command(Command::AcceptOffer { session, sdp: sdp(ANSWER) }).unwrap();
    assert_eq!(desk.titles(), ["200 PRACK", "200 UPDATE"]);
}

/// A call of ours, and the INVITE as it went out.
fn calling(change: impl FnOnce(&mut OutgoingInvite)) -> (Desk, SessionId, String) {
    let mut desk = Desk::new();
    let session = SessionId(2);
    let mut invite = invite_to(1, Some(OFFER));
    change(&mut invite);
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let invite = desk.next();
    (desk, session, invite)
}

fn reliable(rseq: u32, sdp: Option<&str>) -> String {
    let body = sdp.map(with_sdp).unwrap_or_default();
    format!(
        "Contact: <sip:bob@192.0.2.2:5070>\nRecord-Route: <sip:192.0.2.2:5062;lr>\nRequire: 100rel\nRSeq: {rseq}\n{body}"
    )
}

/// §4: "the UAC MUST … acknowledge with PRACK", within the early dialog, RAck naming RSeq and CSeq.
#[test]
fn each_reliable_response_is_acknowledged_in_order_once_in_its_early_dialog() {
    let (mut desk, session, invite) = calling(|_| {});
    assert!(header(&invite, "Supported").contains("100rel"));
    assert!(header(&invite, "Allow").contains("PRACK"));
    let cseq = header(&invite, "CSeq");
    desk.answer(&invite, "180 Ringing", "one", &reliable(7, None));
    let prack = desk.next();
    assert!(prack.starts_with("PRACK sip:bob@192.0.2.2:5070 SIP/2.0"), "{prack}");
    assert_eq!(header(&prack, "RAck"), format!("7 {cseq}"));
    assert_eq!((header(&prack, "Route"), tag(&header(&prack, "To"))), ("<sip:192.0.2.2:5062;lr>".into(), "one".into()));
    assert_eq!(desk.event(), Some(Event::Ringing { session, status: 180, sdp: None }));
    for (rseq, why) in
        [(7, "a repetition is not acknowledged again"), (9, "one is missing before it"), (6, "an old one")]
    {
        desk.answer(&invite, "183 Session Progress", "one", &reliable(rseq, None));
        assert!(desk.titles().is_empty(), "{why}");
        desk.no_event();
    }
    desk.answer(&invite, "183 Session Progress", "one", &reliable(8, Some(ANSWER)));
    assert_eq!(header(&desk.next(), "RAck"), format!("8 {cseq}"));
    // D7: another fork counts for itself.
    desk.answer(&invite, "180 Ringing", "two", &reliable(900, None));
    let prack = desk.next();
    assert_eq!((header(&prack, "RAck"), tag(&header(&prack, "To"))), (format!("900 {cseq}"), "two".into()));
    desk.answer(&prack, "481 Gone", "", "");
    assert!(desk.titles().is_empty(), "a refused PRACK harms nobody");
    desk.answer(&invite, "180 Ringing", "three", "Contact: <sip:c@192.0.2.2>\n");
    assert!(desk.titles().is_empty(), "an unreliable one needs none");
}

/// RFC 3261 §13.2.1: after a reliable answer "the UAC … MUST ignore any session descriptions in subsequent responses".
#[test]
fn a_reliable_answer_stands_whatever_later_responses_say() {
    let (mut desk, session, invite) = calling(|_| {});
    desk.answer(&invite, "183 Session Progress", "one", &reliable(1, Some(ANSWER)));
    let prack = desk.next();
    desk.answer(&prack, "200 OK", "", "");
    assert_eq!(desk.event(), Some(Event::Ringing { session, status: 183, sdp: Some(sdp(ANSWER)) }));
    let other = ANSWER.replace("5000", "6000");
    desk.answer(&invite, "180 Ringing", "one", &format!("Contact: <sip:bob@192.0.2.2>\n{}", with_sdp(&other)));
    assert_eq!(desk.event(), Some(Event::Ringing { session, status: 180, sdp: None }));
    desk.answer(&invite, "200 OK", "one", &format!("Contact: <sip:bob@192.0.2.2>\n{}", with_sdp(&other)));
    assert!(matches!(desk.event(), Some(Event::Answered { sdp: Some(answer), .. }) if answer == sdp(ANSWER)));
    assert_eq!(desk.titles(), ["ACK"]);
}

/// RFC 3311 §5.2: the callee updates the session before it answers.
#[test]
fn the_callees_early_update_is_answered_and_its_description_stands() {
    let (mut desk, session, invite) = calling(|_| {});
    desk.answer(&invite, "183 Session Progress", "one", &reliable(1, Some(ANSWER)));
    desk.event();
    let new = ANSWER.replace("5000", "6000");
    let update = |tag: &str, cseq: u32| {
        format!(
            "UPDATE sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKu{tag}{cseq}\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag={tag}\nTo: {}\nCall-ID: {}\nCSeq: {cseq} UPDATE\n\
             Contact: <sip:bob@192.0.2.2>\n{}",
            header(&invite, "From"),
            header(&invite, "Call-ID"),
            with_sdp(&new)
        )
    };
    desk.titles();
    desk.send(&update("two", 1));
    assert_eq!(desk.titles(), ["491 UPDATE"], "this fork has not answered our offer");
    desk.send(&update("one", 1));
    assert_eq!(desk.event(), Some(Event::Offered { session, sdp: Some(sdp(&new)) }));
    desk.command(Command::AcceptOffer { session, sdp: sdp(OFFER) }).unwrap();
    assert_eq!(desk.titles(), ["200 UPDATE"]);
    desk.answer(&invite, "200 OK", "one", "Contact: <sip:bob@192.0.2.2>\n");
    assert!(matches!(desk.event(), Some(Event::Answered { sdp: Some(answer), .. }) if answer == sdp(&new)));
}

/// A PRACK may come after the 200 (RFC 3262 §3), and find an offer open that is not its own.
#[test]
fn a_prack_with_an_offer_beside_another_one_takes_nothing_away() {
    let (mut desk, session) = called("Supported: 100rel\n", ReliableProvisionals::Always);
    desk.command(ring(session, 183, Some(ANSWER))).unwrap();
    let described = desk.next();
    desk.send(&prack(&described, 2, ""));
    desk.command(ring(session, 180, None)).unwrap();
    let bare = desk.sent.pop_back().unwrap();
    desk.command(pick_up(session)).unwrap();
    desk.titles();
    desk.send(&in_dialog(&bare, "ACK", 1, ""));
    assert_eq!(desk.event(), Some(Event::Confirmed { session }));
    desk.send(&in_dialog(&bare, "UPDATE", 3, &with_sdp(OFFER)));
    assert_eq!(desk.event(), Some(Event::Offered { session, sdp: Some(sdp(OFFER)) }));
    desk.send(&prack(&bare, 4, &with_sdp(OFFER)));
    assert_eq!((desk.titles(), desk.event()), (vec!["500 PRACK".to_owned()], None));
    desk.command(Command::AcceptOffer { session, sdp: sdp(ANSWER) }).unwrap();
    assert_eq!(desk.titles(), ["200 UPDATE"]);
}

/// What nobody above has decided is answered when the call is over.
#[test]
fn an_early_update_is_answered_when_its_call_ends() {
    let (mut desk, session, invite) = calling(|_| {});
    desk.answer(&invite, "183 Session Progress", "one", &reliable(1, Some(ANSWER)));
    let update = format!(
        "UPDATE sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKu\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=one\nTo: {}\nCall-ID: {}\nCSeq: 1 UPDATE\nContact: <sip:bob@192.0.2.2>\n{}",
        header(&invite, "From"),
        header(&invite, "Call-ID"),
        with_sdp(ANSWER)
    );
    desk.send(&update);
    desk.command(Command::End { session, status: 480, reason: None }).unwrap();
    desk.titles();
    desk.answer(&invite, "487 Request Terminated", "one", "");
    assert!(desk.titles().contains(&"487 UPDATE".to_owned()));
    desk.run(100 * SECOND);
    assert_eq!(desk.endpoint.transactions_len(), 0);
}

/// What would have to be answered in the PRACK is not asked for.
#[test]
fn an_invite_without_an_offer_does_not_ask_for_reliable_responses() {
    let (_, _, invite) = calling(|invite| invite.sdp = None);
    assert_eq!(header(&invite, "Supported"), "replaces, norefersub, tdialog, timer");
}

/// The two roles against each other, over a network that loses one of each message.
#[test]
fn both_roles_agree_under_loss() {
    let mut lost = std::collections::BTreeSet::new();
    let mut pair = Pair::with(|_, config| config.reliable_provisionals = ReliableProvisionals::Always)
        .lose(move |from, title| if lost.insert((from, title.to_owned())) { Verdict::Lose } else { Verdict::Deliver });
    let caller = pair.nodes[0].allocate_session();
    pair.command(0, Command::Invite { session: caller, invite: Box::new(invite_to(1, Some(OFFER))) }).unwrap();
    pair.run(SECOND);
    let Some(Event::Incoming { session: callee, .. }) = pair.event(1) else { panic!("no call") };
    pair.command(1, ring(callee, 183, Some(ANSWER))).unwrap();
    pair.command(1, pick_up(callee)).unwrap();
    pair.run(20 * SECOND);
    assert_eq!(pair.event(0), Some(Event::Ringing { session: caller, status: 183, sdp: Some(sdp(ANSWER)) }));
    assert!(matches!(pair.event(0), Some(Event::Answered { sdp: Some(answer), .. }) if answer == sdp(ANSWER)));
    assert_eq!(pair.event(1), Some(Event::Confirmed { session: callee }));
    pair.freeze_and_revive();
    pair.end(0, caller);
    pair.run_out();
    pair.assert_empty();
}
