//! Offers in an established session: re-INVITE, UPDATE, glare, offerless, refusals.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

const SECOND_OFFER: &str =
    "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n";

fn offer(session: SessionId) -> Command {
    Command::Offer { session, sdp: sdp(SECOND_OFFER), identity: None }
}

fn accept(session: SessionId) -> Command {
    Command::AcceptOffer { session, sdp: sdp(ANSWER) }
}

#[test]
fn a_reinvite_is_offered_accepted_and_answered() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.talking();
    pair.command(0, offer(caller)).unwrap();
    pair.run(100 * MILLISECOND);
    assert_eq!(pair.event(1), Some(Event::Offered { session: callee, sdp: Some(sdp(SECOND_OFFER)) }));
    pair.command(1, accept(callee)).unwrap();
    pair.settle();
    assert_eq!(pair.event(0), Some(Event::OfferAnswered { session: caller, sdp: sdp(ANSWER) }));
    assert_eq!(pair.take_ladder(), ["> INVITE", "< 200 INVITE", "> ACK"]);
    pair.no_events();
    pair.end(1, callee);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn a_refused_reinvite_leaves_the_session_as_it_was() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.talking();
    pair.command(1, offer(callee)).unwrap();
    pair.run(100 * MILLISECOND);
    pair.event(0);
    pair.command(0, Command::RefuseOffer { session: caller, status: 488 }).unwrap();
    pair.settle();
    assert_eq!(pair.event(1), Some(Event::OfferRefused { session: callee, status: 488 }));
    assert_eq!((pair.nodes[0].sessions_len(), pair.nodes[1].sessions_len()), (1, 1));
}

#[test]
fn own_offers_queue_behind_a_running_exchange() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.talking();
    for _ in 0..2 {
        pair.command(0, offer(caller)).unwrap();
    }
    pair.run(100 * MILLISECOND);
    assert_eq!(pair.take_ladder(), ["> INVITE"]);
    for _ in 0..2 {
        assert!(matches!(pair.event(1), Some(Event::Offered { .. })));
        pair.command(1, accept(callee)).unwrap();
        pair.run(100 * MILLISECOND);
        assert!(matches!(pair.event(0), Some(Event::OfferAnswered { .. })));
    }
    let queued = (0..8).map(|_| pair.command(0, offer(caller))).collect::<Vec<_>>();
    assert!(queued.contains(&Err(CommandRefused::Limit)), "the queue is bounded");
}

#[test]
fn d4_simultaneous_offers_meet_491_back_off_and_both_succeed() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.talking();
    let began_us = pair.now_us;
    pair.command(0, offer(caller)).unwrap();
    pair.command(1, offer(callee)).unwrap();
    pair.settle();
    let glares = pair.take_ladder().iter().filter(|line| line.ends_with("491 INVITE")).count();
    assert_eq!(glares, 2);
    pair.no_events();
    // The callee does not own the Call-ID, so it comes again within 2 s; the caller waits 2.1 s at least.
    pair.run(1_600 * MILLISECOND);
    assert!(pair.now_us < began_us + 2_100 * MILLISECOND);
    assert_eq!(pair.event(0), Some(Event::Offered { session: caller, sdp: Some(sdp(SECOND_OFFER)) }));
    pair.command(0, accept(caller)).unwrap();
    pair.settle();
    assert!(matches!(pair.event(1), Some(Event::OfferAnswered { .. })));
    pair.run(2_500 * MILLISECOND);
    assert_eq!(pair.event(1), Some(Event::Offered { session: callee, sdp: Some(sdp(SECOND_OFFER)) }));
    pair.command(1, accept(callee)).unwrap();
    pair.settle();
    assert!(matches!(pair.event(0), Some(Event::OfferAnswered { .. })));
    pair.no_events();
    pair.end(0, caller);
    pair.run_out();
    pair.assert_empty();
}

#[test]
fn d5_an_offerless_reinvite_is_answered_with_a_full_offer() {
    let mut phone = Phone::answered();
    let reinvite = phone.request("INVITE", 2, "z9hG4bKre", "");
    phone.desk.send(&reinvite);
    assert_eq!(phone.desk.event(), Some(Event::Offered { session: phone.session, sdp: None }));
    phone.desk.command(Command::AcceptOffer { session: phone.session, sdp: sdp(OFFER) }).unwrap();
    let ok = phone.desk.next();
    assert!(ok.starts_with("SIP/2.0 200") && ok.ends_with(OFFER), "{ok}");
    let ack = phone.request("ACK", 2, "z9hG4bKreack", &format!("Content-Type: application/sdp\n--\n{ANSWER}"));
    phone.desk.send(&ack);
    assert_eq!(phone.desk.event(), Some(Event::OfferAnswered { session: phone.session, sdp: sdp(ANSWER) }));
    phone.desk.run(5 * SECOND);
    assert_eq!(phone.desk.titles(), Vec::<String>::new(), "the 200 is repeated no more");
}

#[test]
fn d5_an_ack_without_the_owed_answer_refuses_our_offer() {
    let mut phone = Phone::answered();
    let reinvite = phone.request("INVITE", 2, "z9hG4bKre", "");
    phone.desk.send(&reinvite).event();
    phone.desk.command(Command::AcceptOffer { session: phone.session, sdp: sdp(OFFER) }).unwrap();
    let ack = phone.request("ACK", 2, "z9hG4bKreack", "");
    phone.desk.send(&ack);
    assert_eq!(phone.desk.event(), Some(Event::OfferRefused { session: phone.session, status: 488 }));
}

#[test]
fn rfc3261_14_2_overlapping_invites_of_the_peer_get_500_with_retry_after() {
    let mut phone = Phone::answered();
    let offer = format!("Content-Type: application/sdp\n--\n{OFFER}");
    let first = phone.request("INVITE", 2, "z9hG4bKa", &offer);
    let second = phone.request("INVITE", 3, "z9hG4bKb", &offer);
    phone.desk.send(&first).send(&second);
    let refusal = phone.desk.next();
    assert!(refusal.starts_with("SIP/2.0 500"), "{refusal}");
    let wait_s: u32 = header(&refusal, "Retry-After").parse().unwrap();
    assert!(wait_s <= 10);
}

#[test]
fn rfc3261_12_2_2_an_old_cseq_gets_500() {
    let mut phone = Phone::answered();
    let old = phone.request("INFO", 1, "z9hG4bKold", "");
    phone.desk.send(&old);
    assert_eq!(phone.desk.titles(), ["500 INFO"]);
}

#[test]
fn d4_an_offer_of_the_peer_during_ours_gets_491() {
    for method in ["INVITE", "UPDATE"] {
        let mut phone = Phone::answered();
        phone.desk.command(Command::Offer { session: phone.session, sdp: sdp(OFFER), identity: None }).unwrap();
        assert_eq!(phone.desk.titles(), ["INVITE"]);
        let request = phone.request(method, 2, "z9hG4bKx", &format!("Content-Type: application/sdp\n--\n{OFFER}"));
        phone.desk.send(&request);
        assert_eq!(phone.desk.titles(), [format!("491 {method}")]);
        phone.desk.no_event();
    }
}

#[test]
fn an_update_with_an_offer_is_answered_like_a_reinvite_without_an_ack() {
    let mut phone = Phone::answered();
    let update = phone.request("UPDATE", 2, "z9hG4bKu", &format!("Content-Type: application/sdp\n--\n{OFFER}"));
    phone.desk.send(&update);
    assert_eq!(phone.desk.event(), Some(Event::Offered { session: phone.session, sdp: Some(sdp(OFFER)) }));
    phone.desk.command(Command::AcceptOffer { session: phone.session, sdp: sdp(ANSWER) }).unwrap();
    let ok = phone.desk.next();
    assert!(ok.starts_with("SIP/2.0 200") && ok.ends_with(ANSWER), "{ok}");
    phone.desk.run(2 * SECOND);
    assert!(phone.desk.titles().is_empty(), "nothing is repeated");
}

#[test]
fn an_update_without_an_offer_is_a_refresh_and_moves_the_target() {
    let mut phone = Phone::answered();
    let update =
        phone.request("UPDATE", 2, "z9hG4bKu", "").replace("<sip:phone@192.0.2.2:5060>", "<sip:phone@192.0.2.2:5099>");
    phone.desk.send(&update);
    assert_eq!(phone.desk.titles(), ["200 UPDATE"]);
    phone.desk.no_event();
    phone.desk.command(Command::End { session: phone.session, status: 480, reason: None }).unwrap();
    let bye = phone.desk.next();
    assert!(bye.starts_with("BYE sip:phone@192.0.2.2:5099 "), "{bye}");
}

#[test]
fn a_reinvite_that_nobody_above_answers_is_refused_after_64_t1() {
    let mut phone = Phone::answered();
    let reinvite = phone.request("INVITE", 2, "z9hG4bKre", &format!("Content-Type: application/sdp\n--\n{OFFER}"));
    phone.desk.send(&reinvite);
    phone.desk.run(33 * SECOND);
    assert_eq!(phone.desk.titles().first().map(String::as_str), Some("500 INVITE"));
}

#[test]
fn a_foreign_body_in_a_reinvite_gets_415() {
    let mut phone = Phone::answered();
    let reinvite = phone.request("INVITE", 2, "z9hG4bKre", "Content-Type: text/plain\n--\nhello");
    phone.desk.send(&reinvite);
    let refusal = phone.desk.next();
    assert!(refusal.starts_with("SIP/2.0 415"));
    assert_eq!(
        header(&refusal, "Accept"),
        "application/sdp, multipart/mixed, multipart/alternative, multipart/related"
    );
}

#[test]
fn a_481_to_our_reinvite_ends_the_session() {
    let mut phone = Phone::answered();
    phone.desk.command(Command::Offer { session: phone.session, sdp: sdp(OFFER), identity: None }).unwrap();
    let reinvite = phone.desk.next();
    phone.desk.answer(&reinvite, "481 Gone", "", "");
    let expected = Event::Ended { session: phone.session, cause: EndCause::Protocol, q850: None };
    assert_eq!(phone.desk.event(), Some(expected));
    assert_eq!(phone.desk.titles(), ["ACK", "BYE"]);
}

/// Timer B ends with a provisional response; then nothing but we ourselves bounds the wait.
#[test]
fn a_reinvite_that_is_never_decided_is_cancelled() {
    for answers in [true, false] {
        let mut phone = Phone::answered();
        let session = phone.session;
        phone.desk.command(offer(session)).unwrap();
        let reinvite = phone.desk.next();
        phone.desk.answer(&reinvite, "100 Trying", "", "");
        phone.desk.run(170 * SECOND);
        phone.desk.answer(&reinvite, "180 Ringing", "", "");
        phone.desk.run(170 * SECOND);
        assert!(phone.desk.titles().is_empty());
        phone.desk.run(20 * SECOND);
        let cancel = phone.desk.next();
        assert!(cancel.starts_with("CANCEL "), "{cancel}");
        phone.desk.titles();
        phone.desk.answer(&cancel, "200 OK", "", "");
        if answers {
            phone.desk.answer(&reinvite, "487 Request Terminated", "", "");
            assert_eq!(phone.desk.event(), Some(Event::OfferRefused { session, status: 487 }));
            assert_eq!(phone.desk.titles(), ["ACK"]);
            phone.desk.command(offer(session)).unwrap();
            assert_eq!(phone.desk.titles(), ["INVITE"], "the call goes on");
        } else {
            phone.desk.run(40 * SECOND);
            assert_eq!(phone.desk.event(), Some(Event::Ended { session, cause: EndCause::Timeout, q850: None }));
            assert_eq!(phone.desk.titles()[0], "BYE");
        }
    }
}

#[test]
fn d1_no_bye_while_our_reinvite_is_unanswered() {
    let mut phone = Phone::answered();
    phone.desk.command(Command::Offer { session: phone.session, sdp: sdp(OFFER), identity: None }).unwrap();
    let reinvite = phone.desk.next();
    phone.desk.command(Command::End { session: phone.session, status: 480, reason: None }).unwrap();
    assert!(phone.desk.titles().is_empty());
    phone.desk.answer(
        &reinvite,
        "200 OK",
        "",
        &format!("Contact: <sip:phone@192.0.2.2>\nContent-Type: application/sdp\n--\n{ANSWER}"),
    );
    assert_eq!(phone.desk.titles(), ["ACK", "BYE"]);
    phone.desk.no_event();
}

#[test]
fn r14_identify_sends_update_only_to_a_peer_that_allows_it() {
    let mut pair = Pair::new();
    let (caller, _) = pair.talking();
    pair.command(0, Command::Identify { session: caller, identity: party("sip:carol@example.com"), by_offer: true })
        .unwrap();
    pair.settle();
    assert_eq!(pair.take_ladder(), ["> UPDATE", "< 200 UPDATE"]);
    let update = pair.texts.iter().find(|text| text.starts_with("UPDATE")).unwrap();
    assert_eq!(header(update, "P-Asserted-Identity"), "<sip:carol@example.com>");
    let mut phone = Phone::answered();
    let session = phone.session;
    let told = |name: &str, by_offer| Command::Identify { session, identity: party(name), by_offer };
    phone.desk.command(told("sip:c@example.com", false)).unwrap();
    assert!(phone.desk.titles().is_empty(), "this phone did not say that it allows UPDATE");
}

#[test]
fn r14_identify_goes_by_a_reinvite_that_changes_nothing_where_update_is_not_allowed() {
    let mut phone = Phone::answered();
    let told = Command::Identify { session: phone.session, identity: party("sip:carol@example.com"), by_offer: true };
    phone.desk.command(told).unwrap();
    let reinvite = phone.desk.next();
    assert_eq!(header(&reinvite, "P-Asserted-Identity"), "<sip:carol@example.com>");
    let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap();
    assert_eq!(body(&reinvite), body(&phone.ok), "the description stands");
    phone.desk.answer(
        &reinvite,
        "200 OK",
        "",
        &format!("Contact: <sip:phone@192.0.2.2>\nContent-Type: application/sdp\n--\n{ANSWER}"),
    );
    assert_eq!(phone.desk.titles(), ["ACK"]);
    phone.desk.no_event();
}

#[test]
fn d8_a_peer_that_asks_for_a_session_timer_refreshes_or_is_ended() {
    let mut phone = Phone::answered_with("Session-Expires: 120;refresher=uac\nSupported: timer\n");
    assert_eq!(header(&phone.ok, "Session-Expires"), "120;refresher=uac");
    assert_eq!(header(&phone.ok, "Require"), "timer");
    phone.desk.run(80 * SECOND);
    let update = phone.request("UPDATE", 2, "z9hG4bKu", "Session-Expires: 120;refresher=uac\nSupported: timer\n");
    phone.desk.send(&update);
    assert_eq!(phone.desk.titles(), ["200 UPDATE"]);
    phone.desk.run(80 * SECOND);
    phone.desk.no_event();
    phone.desk.run(20 * SECOND);
    let expected = Event::Ended { session: phone.session, cause: EndCause::Timeout, q850: None };
    assert_eq!(phone.desk.event(), Some(expected));
    assert_eq!(phone.desk.titles().first().map(String::as_str), Some("BYE"));
}

#[test]
fn d8_we_refresh_when_the_peer_wants_us_to() {
    for (allow, method) in [("Allow: INVITE, ACK, BYE, UPDATE\n", "UPDATE"), ("", "INVITE")] {
        let mut phone = Phone::answered_with(&format!("Session-Expires: 100;refresher=uas\nSupported: timer\n{allow}"));
        assert_eq!(header(&phone.ok, "Session-Expires"), "100;refresher=uas");
        phone.desk.run(51 * SECOND);
        let refresh = phone.desk.next();
        assert!(refresh.starts_with(method), "{refresh}");
        assert_eq!(header(&refresh, "Session-Expires"), "100;refresher=uac");
        phone.desk.titles();
        let body = format!(
            "Contact: <sip:phone@192.0.2.2>\nSession-Expires: 100;refresher=uac\nContent-Type: application/sdp\n--\n{ANSWER}"
        );
        phone.desk.answer(&refresh, "200 OK", "", &body);
        phone.desk.no_event();
        phone.desk.titles();
        phone.desk.run(51 * SECOND);
        assert!(phone.desk.next().starts_with(method));
    }
}

#[test]
fn rfc4028_an_interval_below_90_s_gets_422() {
    let mut desk = Desk::new();
    desk.send(&Phone::invite("Session-Expires: 60\nSupported: timer\n"));
    let refusal = desk.next();
    assert!(refusal.starts_with("SIP/2.0 422"));
    assert_eq!(header(&refusal, "Min-SE"), "90");
}
