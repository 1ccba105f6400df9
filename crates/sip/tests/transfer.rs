//! REFER in both directions, its subscription, and INVITE with Replaces.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

fn refer(phone: &Phone, cseq: u32, extra: &str) -> String {
    phone.request("REFER", cseq, &format!("z9hG4bKrefer{cseq}"), &format!("Refer-To: <sip:carol@example.com>\n{extra}"))
}

fn asked(phone: &mut Phone) -> TransferId {
    match phone.desk.event() {
        Some(Event::TransferAsked { transfer, session, .. }) if session == phone.session => transfer,
        other => panic!("no transfer: {other:?}"),
    }
}

fn report(phone: &mut Phone, transfer: TransferId, status: u16) {
    let session = phone.session;
    phone.desk.command(Command::ReportTransfer { session, transfer, status, reason: String::new() }).unwrap();
}

fn accepted() -> (Phone, TransferId) {
    let mut phone = Phone::answered();
    let text = refer(&phone, 2, "");
    phone.desk.send(&text);
    let transfer = asked(&mut phone);
    phone.desk.command(Command::AcceptTransfer { session: phone.session, transfer }).unwrap();
    (phone, transfer)
}

#[test]
fn r1_202_then_notify_trying_on_one_flow() {
    let (mut phone, _) = accepted();
    let flows: Vec<Flow> = phone.desk.flows.iter().copied().collect();
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0], flows[1]);
    let accepted = phone.desk.next();
    let notify = phone.desk.next();
    assert!(accepted.starts_with("SIP/2.0 202"));
    assert!(notify.starts_with("NOTIFY"));
    assert_eq!(header(&notify, "Event"), "refer");
    assert!(header(&notify, "Subscription-State").starts_with("active"));
    assert!(header(&notify, "Content-Type").starts_with("message/sipfrag"));
    assert!(notify.ends_with("\r\n\r\nSIP/2.0 100 Trying\r\n"), "{notify}");
}

#[test]
fn r1_every_provisional_is_relayed_in_order_and_then_the_true_final_status() {
    let (mut phone, transfer) = accepted();
    for status in [180, 183, 199, 486] {
        report(&mut phone, transfer, status);
    }
    phone.desk.next();
    let mut told = Vec::new();
    while let Some(notify) = phone.desk.sent.pop_front() {
        assert!(phone.desk.sent.is_empty(), "one NOTIFY at a time, so that UDP cannot reorder them");
        let status = notify.rsplit("SIP/2.0 ").next().unwrap().trim().to_owned();
        let state = header(&notify, "Subscription-State");
        assert_eq!(state == "terminated;reason=noresource", status.starts_with("486"), "{state}");
        told.push(status);
        phone.desk.answer(&notify, "200 OK", "", "");
    }
    assert_eq!(
        told,
        ["100 Trying", "180 Ringing", "183 Session Progress", "199 Early Dialog Terminated", "486 Busy Here"]
    );
}

#[test]
fn r2_bye_to_the_transferor_waits_for_its_answer_to_the_final_notify() {
    let (mut phone, transfer) = accepted();
    report(&mut phone, transfer, 200);
    phone.desk.command(Command::End { session: phone.session, status: 0, reason: None }).unwrap();
    phone.desk.next();
    for _ in 0..2 {
        let notify = phone.desk.next();
        assert!(notify.starts_with("NOTIFY"));
        assert!(phone.desk.sent.is_empty());
        phone.desk.answer(&notify, "200 OK", "", "");
    }
    let bye = phone.desk.next();
    assert!(bye.starts_with("BYE"));
    phone.desk.answer(&bye, "200 OK", "", "");
    phone.desk.run(40 * SECOND);
    assert_eq!((phone.desk.endpoint.sessions_len(), phone.desk.endpoint.transactions_len()), (0, 0));
    phone.desk.no_event();
}

#[test]
fn r2_a_transferor_that_never_answers_is_given_32_s() {
    let (mut phone, transfer) = accepted();
    report(&mut phone, transfer, 200);
    phone.desk.command(Command::End { session: phone.session, status: 0, reason: None }).unwrap();
    phone.desk.run(31 * SECOND);
    assert!(!phone.desk.titles().contains(&"BYE".to_owned()));
    phone.desk.run(2 * SECOND);
    assert!(phone.desk.titles().contains(&"BYE".to_owned()));
    phone.desk.run(80 * SECOND);
    assert_eq!((phone.desk.endpoint.sessions_len(), phone.desk.endpoint.transactions_len()), (0, 0));
}

#[test]
fn r3_transferor_hangs_up_right_after_202() {
    let (mut phone, transfer) = accepted();
    let bye = phone.request("BYE", 3, "z9hG4bKbye", "");
    phone.desk.send(&bye);
    assert_eq!(phone.desk.titles(), ["202 REFER", "NOTIFY", "200 BYE"]);
    assert!(matches!(phone.desk.event(), Some(Event::Ended { cause: EndCause::Bye, .. })));
    for status in [180, 200] {
        report(&mut phone, transfer, status);
    }
    assert!(phone.desk.titles().is_empty(), "the remaining reports are dropped");
    phone.desk.run(40 * SECOND);
    assert_eq!((phone.desk.endpoint.sessions_len(), phone.desk.endpoint.transactions_len()), (0, 0));
}

#[test]
fn r3_a_report_after_our_own_bye_is_dropped() {
    let (mut phone, transfer) = accepted();
    phone.desk.next();
    let notify = phone.desk.next();
    phone.desk.answer(&notify, "200 OK", "", "");
    phone.desk.command(Command::End { session: phone.session, status: 0, reason: None }).unwrap();
    let bye = phone.desk.next();
    report(&mut phone, transfer, 200);
    assert!(phone.desk.titles().is_empty(), "the report is dropped");
    phone.desk.answer(&bye, "200 OK", "", "");
    assert_eq!(phone.desk.endpoint.sessions_len(), 0);
}

#[test]
fn p6_transferor_hangs_up_after_the_final_notify_while_we_do() {
    let (mut phone, transfer) = accepted();
    report(&mut phone, transfer, 200);
    phone.desk.next();
    for _ in 0..2 {
        let notify = phone.desk.next();
        phone.desk.answer(&notify, "200 OK", "", "");
    }
    phone.desk.command(Command::End { session: phone.session, status: 0, reason: None }).unwrap();
    let own = phone.desk.next();
    let bye = phone.request("BYE", 3, "z9hG4bKbye", "");
    phone.desk.send(&bye);
    assert_eq!(phone.desk.titles(), ["200 BYE"]);
    phone.desk.answer(&own, "481 Gone", "", "");
    phone.desk.no_event();
    assert_eq!(phone.desk.endpoint.sessions_len(), 0);
}

#[test]
fn r8_refer_sub_false_gets_no_notify_but_the_same_events() {
    let mut phone = Phone::answered();
    let text = refer(&phone, 2, "Refer-Sub: false");
    phone.desk.send(&text);
    let Some(Event::TransferAsked { transfer, subscription: false, .. }) = phone.desk.event() else { panic!() };
    phone.desk.command(Command::AcceptTransfer { session: phone.session, transfer }).unwrap();
    report(&mut phone, transfer, 180);
    report(&mut phone, transfer, 200);
    let accepted = phone.desk.next();
    assert_eq!(header(&accepted, "Refer-Sub"), "false");
    assert!(phone.desk.titles().is_empty());
    phone.desk.command(Command::End { session: phone.session, status: 0, reason: None }).unwrap();
    assert_eq!(phone.desk.titles(), ["BYE"], "nothing is owed");
}

#[test]
fn r8_every_dialog_message_advertises_the_same_abilities() {
    let (mut phone, _) = accepted();
    let mut texts = vec![phone.ok.clone(), phone.desk.next(), phone.desk.next()];
    let options = phone.request("OPTIONS", 3, "z9hG4bKopt", "");
    phone.desk.send(&options);
    texts.push(phone.desk.next());
    for text in texts {
        assert_eq!(
            header(&text, "Allow"),
            "INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, INFO, UPDATE, PRACK, SUBSCRIBE",
            "{text}"
        );
        assert_eq!(header(&text, "Supported"), "100rel, replaces, norefersub, tdialog, timer", "{text}");
    }
}

#[test]
fn r9_referred_by_is_that_of_this_refer() {
    let mut phone = Phone::answered();
    for (cseq, value) in [(2, "<sip:one@example.com>"), (3, "<sip:two@example.com>;tag=x"), (4, "")] {
        let header = if value.is_empty() { String::new() } else { format!("Referred-By: {value}") };
        let text = refer(&phone, cseq, &header);
        phone.desk.send(&text);
        let Some(Event::TransferAsked { transfer, referred_by, .. }) = phone.desk.event() else { panic!() };
        assert_eq!(referred_by.unwrap_or_default(), value);
        phone.desk.command(Command::RefuseTransfer { session: phone.session, transfer, status: 603 }).unwrap();
    }
    assert_eq!(phone.desk.titles(), ["603 REFER", "603 REFER", "603 REFER"]);
}

#[test]
fn r13_a_second_refer_while_one_pends_gets_491_and_the_next_carries_an_id() {
    let (mut phone, transfer) = accepted();
    let second = refer(&phone, 3, "");
    phone.desk.send(&second);
    phone.desk.next();
    let notify = phone.desk.next();
    assert_eq!(phone.desk.titles(), ["491 REFER"]);
    phone.desk.answer(&notify, "200 OK", "", "");
    report(&mut phone, transfer, 486);
    let last = phone.desk.next();
    phone.desk.answer(&last, "200 OK", "", "");
    let third = refer(&phone, 4, "");
    phone.desk.send(&third);
    let transfer = asked(&mut phone);
    phone.desk.command(Command::AcceptTransfer { session: phone.session, transfer }).unwrap();
    phone.desk.next();
    assert_eq!(header(&phone.desk.next(), "Event"), "refer;id=4");
}

#[test]
fn r13_every_in_dialog_request_is_answered() {
    let cases = [
        ("OPTIONS", "", "200"),
        ("INFO", "", "200"),
        ("INFO", "Content-Type: application/dtmf-relay\n--\nSignal=5\nDuration=160\n", "200"),
        ("INFO", "Content-Type: application/dtmf-relay\n--\nSignal=x\n", "400"),
        ("INFO", "Content-Type: text/plain\n--\nhello", "415"),
        ("INFO", "Info-Package: foo\nContent-Type: application/dtmf-relay\n--\nSignal=5\n", "469"),
        ("UPDATE", "", "200"),
        ("NOTIFY", "Event: refer\nSubscription-State: active", "481"),
        ("NOTIFY", "Event: presence\nSubscription-State: active", "489"),
        ("SUBSCRIBE", "Event: dialog", "489"),
        ("MESSAGE", "", "405"),
        ("PUBLISH", "", "405"),
        ("REGISTER", "", "405"),
        ("PRACK", "RAck: 1 1 INVITE", "481"),
        ("FROBNICATE", "", "501"),
        ("REFER", "", "400"),
        ("REFER", "Refer-To: <http://example.com>", "416"),
        ("REFER", "Refer-To: <sip:a@b;method=OPTIONS>", "501"),
        ("REFER", "Refer-To: <sip:a@b>\nRefer-To: <sip:c@d>", "400"),
        ("OPTIONS", "Require: precondition, foo", "420"),
        ("INVITE", "Require: precondition", "420"),
        ("BYE", "", "200"),
    ];
    for (method, extra, status) in cases {
        let mut phone = Phone::answered();
        let text = phone.request(method, 2, "z9hG4bKany", extra);
        phone.desk.send(&text);
        assert_eq!(phone.desk.titles(), [format!("{status} {method}")], "{extra}");
    }
}

#[test]
fn r13_a_request_of_no_dialog_gets_481_and_an_ack_nothing() {
    for method in ["BYE", "INFO", "REFER", "NOTIFY", "INVITE", "UPDATE", "OPTIONS", "MESSAGE"] {
        let mut phone = Phone::answered();
        phone.tag = "1-0000000000000000".into();
        let text = phone.request(method, 2, "z9hG4bKany", "Refer-To: <sip:a@b>");
        phone.desk.send(&text);
        assert_eq!(phone.desk.titles(), [format!("481 {method}")]);
        phone.desk.no_event();
    }
    let mut phone = Phone::answered();
    phone.tag = "foreign".into();
    let ack = phone.request("ACK", 2, "z9hG4bKany", "");
    phone.desk.send(&ack);
    assert!(phone.desk.titles().is_empty());
}

/// RFC 4320 §4.2 forbids 408 here, not an answer: a far end that has said 408 to our own REFER is passed on as 504.
#[test]
fn r13_a_refer_that_is_refused_with_408_is_answered() {
    let mut phone = Phone::answered();
    let text = refer(&phone, 2, "");
    phone.desk.send(&text);
    let transfer = asked(&mut phone);
    phone.desk.command(Command::RefuseTransfer { session: phone.session, transfer, status: 408 }).unwrap();
    assert_eq!(phone.desk.titles(), ["504 REFER"]);
}

#[test]
fn r13_a_pending_refer_is_answered_when_the_session_ends() {
    let mut phone = Phone::answered();
    let text = refer(&phone, 2, "");
    phone.desk.send(&text);
    let bye = phone.request("BYE", 3, "z9hG4bKbye", "");
    phone.desk.send(&bye);
    assert_eq!(phone.desk.titles(), ["200 BYE", "487 REFER"]);
}

#[test]
fn refer_retransmission_after_its_subscription_is_gone_is_answered_from_the_transaction() {
    let (mut phone, transfer) = accepted();
    report(&mut phone, transfer, 200);
    phone.desk.next();
    for _ in 0..2 {
        let notify = phone.desk.next();
        phone.desk.answer(&notify, "200 OK", "", "");
    }
    let again = refer(&phone, 2, "");
    phone.desk.send(&again);
    assert_eq!(phone.desk.titles(), ["202 REFER"]);
    phone.desk.events.clear();
}

#[test]
fn a_refused_notify_ends_the_subscription_and_not_the_call() {
    let (mut phone, transfer) = accepted();
    phone.desk.next();
    let notify = phone.desk.next();
    phone.desk.answer(&notify, "481 No Subscription", "", "");
    report(&mut phone, transfer, 180);
    report(&mut phone, transfer, 200);
    assert!(phone.desk.titles().is_empty());
    assert_eq!(phone.desk.endpoint.sessions_len(), 1);
    phone.desk.no_event();
}

/// A second dialog of the same endpoint: its own call to a target that has answered. Its Call-ID, own and remote tag.
fn consulted(desk: &mut Desk) -> (SessionId, String, String, String) {
    let session = desk.endpoint.allocate_session();
    desk.command(Command::Invite { session, invite: Box::new(invite_to(2, Some(OFFER))) }).unwrap();
    let invite = desk.next();
    let body = format!("Contact: <sip:carol@192.0.2.3>\nContent-Type: application/sdp\n--\n{ANSWER}");
    desk.answer(&invite, "200 OK", "targettag", &body);
    assert!(matches!(desk.event(), Some(Event::Answered { .. })));
    desk.titles();
    (session, header(&invite, "Call-ID"), tag(&header(&invite, "From")), "targettag".into())
}

fn replaces_of(phone: &mut Phone, cseq: u32, refer_to: &str) -> Option<ReplacesTarget> {
    let text = phone.request("REFER", cseq, &format!("z9hG4bKr{cseq}"), &format!("Refer-To: {refer_to}"));
    phone.desk.send(&text);
    let Some(Event::TransferAsked { transfer, target, .. }) = phone.desk.event() else {
        panic!("{:?}", phone.desk.sent)
    };
    phone.desk.command(Command::RefuseTransfer { session: phone.session, transfer, status: 603 }).unwrap();
    target.replaces
}

#[test]
fn r5_r6_p2_replaces_in_refer_to_finds_our_session_in_either_orientation() {
    let mut phone = Phone::answered();
    let (session, call_id, own, remote) = consulted(&mut phone.desk);
    let ours = Some(ReplacesTarget::Session(session));
    let forms = [
        format!("<sip:carol@192.0.2.1?Replaces={call_id}%3Bto-tag%3D{own}%3Bfrom-tag%3D{remote}>"),
        format!("<sip:carol@192.0.2.1?Replaces={call_id}%3bfrom-tag%3d{own}%3bto-tag%3d{remote}>"),
        format!("<sip:carol@192.0.2.1?Require=replaces&Replaces={call_id}%3Bfrom-tag%3D{own}%3Bto-tag%3D{remote}>"),
    ];
    let mut cseq = 2;
    for form in forms {
        assert_eq!(replaces_of(&mut phone, cseq, &form), ours, "{form}");
        cseq += 1;
    }
    let elsewhere = [
        format!("<sip:carol@192.0.2.1?Replaces={call_id}x%3Bto-tag%3D{own}%3Bfrom-tag%3D{remote}>"),
        format!("<sip:carol@192.0.2.1?Replaces={call_id}%3Bto-tag%3D{own}%3Bfrom-tag%3Dother>"),
        format!("<sip:carol@192.0.2.1?Replaces={call_id}%3Bto-tag%3Dother%3Bfrom-tag%3D{remote}>"),
    ];
    for form in elsewhere {
        assert!(matches!(replaces_of(&mut phone, cseq, &form), Some(ReplacesTarget::Elsewhere(_))), "{form}");
        cseq += 1;
    }
    assert_eq!(replaces_of(&mut phone, cseq, "sip:carol@example.com"), None);
    let early = format!("<sip:carol@192.0.2.1?Replaces={call_id}%3Bto-tag%3D{own}%3Bfrom-tag%3D{remote}%3Bearly-only>");
    assert_eq!(replaces_of(&mut phone, cseq + 1, &early), Some(ReplacesTarget::Answered(session)));
}

fn invite_with(replaces: &str, number: u32) -> String {
    Phone::invite(replaces)
        .replace("phonecall", &format!("other{number}"))
        .replace("z9hG4bKinvite", &format!("z9hG4bKi{number}"))
}

#[test]
fn r5_invite_with_replaces_matches_call_id_and_both_tags_or_gets_481() {
    let mut phone = Phone::answered();
    let (session, call_id, own, remote) = consulted(&mut phone.desk);
    let good = [
        format!("Replaces: {call_id};to-tag={own};from-tag={remote}"),
        format!("Replaces: {call_id};from-tag={own};to-tag={remote}"),
    ];
    for (number, replaces) in good.iter().enumerate() {
        phone.desk.send(&invite_with(replaces, number as u32));
        let Some(Event::Incoming { invite, .. }) = phone.desk.event() else { panic!("{:?}", phone.desk.sent) };
        assert_eq!(invite.replaces, Some(session));
        assert_eq!(phone.desk.titles(), ["100 INVITE"]);
    }
    let bad = [
        (format!("Replaces: {call_id};to-tag={own};from-tag=x"), "481 INVITE"),
        (format!("Replaces: {call_id};to-tag=x;from-tag={remote}"), "481 INVITE"),
        (format!("Replaces: x;to-tag={own};from-tag={remote}"), "481 INVITE"),
        (format!("Replaces: {call_id};to-tag={own};from-tag={remote};early-only"), "486 INVITE"),
        (format!("Replaces: {call_id};to-tag={own}"), "400 INVITE"),
        (format!("Replaces: a;to-tag=b;from-tag=c\nReplaces: {call_id};to-tag={own};from-tag={remote}"), "400 INVITE"),
    ];
    for (number, (replaces, title)) in bad.iter().enumerate() {
        phone.desk.send(&invite_with(replaces, 50 + number as u32));
        assert_eq!(phone.desk.titles(), [*title], "{replaces}");
        phone.desk.no_event();
    }
}

#[test]
fn r5_replaces_of_a_call_that_is_over_gets_603() {
    let mut phone = Phone::answered();
    let (session, call_id, own, remote) = consulted(&mut phone.desk);
    let replaces = format!("Replaces: {call_id};to-tag={own};from-tag={remote}");
    phone.desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    let bye = phone.desk.next();
    phone.desk.send(&invite_with(&replaces, 1));
    assert_eq!(phone.desk.titles(), ["603 INVITE"], "while our BYE is unanswered");
    phone.desk.answer(&bye, "200 OK", "", "");
    phone.desk.send(&invite_with(&replaces, 2));
    assert_eq!(phone.desk.titles(), ["603 INVITE"], "shortly after");
    phone.desk.no_event();
}

#[test]
fn r5_a_ringing_call_of_ours_can_be_replaced_also_early_only() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    desk.command(Command::Invite { session, invite: Box::new(invite_to(2, Some(OFFER))) }).unwrap();
    let invite = desk.next();
    desk.answer(&invite, "180 Ringing", "ringtag", "");
    assert!(matches!(desk.event(), Some(Event::Ringing { .. })));
    let (call_id, own) = (header(&invite, "Call-ID"), tag(&header(&invite, "From")));
    desk.send(&invite_with(&format!("Replaces: {call_id};to-tag={own};from-tag=ringtag;early-only"), 1));
    assert!(matches!(desk.event(), Some(Event::Incoming { invite, .. }) if invite.replaces == Some(session)));
}

#[test]
fn our_refer_reports_its_response_and_its_notifies() {
    let mut phone = Phone::answered();
    let target = "sip:carol@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc".to_owned();
    let transfer =
        Command::Transfer { session: phone.session, target: target.clone(), referred_by: Some("<sip:me@x>".into()) };
    phone.desk.command(transfer).unwrap();
    let refer = phone.desk.next();
    assert_eq!(header(&refer, "Refer-To"), format!("<{target}>"));
    assert_eq!(header(&refer, "Referred-By"), "<sip:me@x>");
    phone.desk.answer(&refer, "202 Accepted", "", "");
    let progress = |status, from_notify| Some(Event::TransferProgress { session: phone.session, status, from_notify });
    assert_eq!(phone.desk.event(), progress(202, false));
    for (cseq, state, status) in [(2, "active", 100), (3, "active", 180), (4, "terminated;reason=noresource", 200)] {
        let extra = format!(
            "Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag\n--\nSIP/2.0 {status} X\n"
        );
        let notify = phone.request("NOTIFY", cseq, &format!("z9hG4bKn{cseq}"), &extra);
        phone.desk.send(&notify);
        assert_eq!(phone.desk.event(), progress(status, true));
    }
    assert_eq!(phone.desk.titles(), ["200 NOTIFY", "200 NOTIFY", "200 NOTIFY"]);
    let late = phone.request("NOTIFY", 5, "z9hG4bKn5", "Event: refer\nSubscription-State: active");
    phone.desk.send(&late);
    assert_eq!(phone.desk.titles(), ["481 NOTIFY"], "the subscription is over");
}

#[test]
fn a_challenge_to_our_refer_is_answered_and_not_lost() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    invite.credentials = Some(Credentials { username: "u".into(), password: "p".into() });
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let invite = desk.next();
    let body = format!("Contact: <sip:carol@192.0.2.3>\nContent-Type: application/sdp\n--\n{ANSWER}");
    desk.answer(&invite, "200 OK", "t", &body);
    desk.titles();
    desk.events.clear();
    desk.command(Command::Transfer { session, target: "sip:d@example.com".into(), referred_by: None }).unwrap();
    let refer = desk.next();
    desk.answer(
        &refer,
        "407 Proxy Authentication Required",
        "",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    );
    let again = desk.next();
    assert!(again.starts_with("REFER") && !header(&again, "Proxy-Authorization").is_empty(), "{again}");
    desk.answer(&again, "202 Accepted", "", "");
    assert_eq!(desk.event(), Some(Event::TransferProgress { session, status: 202, from_notify: false }));
    desk.titles();
    desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    let bye = desk.next();
    assert!(
        header(&bye, "Proxy-Authorization").contains("nc=00000002"),
        "the nonce that was good is used again: {bye}"
    );
}

#[test]
fn a_server_that_takes_each_nonce_once_is_answered_in_every_request() {
    let mut desk = Desk::new();
    let session = desk.endpoint.allocate_session();
    let mut invite = invite_to(2, Some(OFFER));
    invite.credentials = Some(Credentials { username: "u".into(), password: "p".into() });
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    let challenge = |nonce: &str| format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"\n");
    let invite = desk.next();
    desk.answer(&invite, "401 Unauthorized", "", &challenge("n1"));
    desk.next();
    let invite = desk.next();
    desk.answer(
        &invite,
        "200 OK",
        "t",
        &format!("Contact: <sip:carol@192.0.2.3>\nContent-Type: application/sdp\n--\n{ANSWER}"),
    );
    desk.titles();
    desk.events.clear();
    desk.command(Command::Transfer { session, target: "sip:d@example.com".into(), referred_by: None }).unwrap();
    let refer = desk.next();
    assert!(header(&refer, "Authorization").contains("nonce=\"n1\""), "{refer}");
    desk.answer(&refer, "401 Unauthorized", "", &challenge("n2"));
    let again = desk.next();
    assert!(again.starts_with("REFER") && header(&again, "Authorization").contains("nonce=\"n2\""), "{again}");
    // Not good enough either: now it is final.
    desk.answer(&again, "401 Unauthorized", "", &challenge("n3"));
    assert_eq!(desk.event(), Some(Event::TransferProgress { session, status: 401, from_notify: false }));
    assert!(desk.titles().is_empty());
}

/// RFC 5589 §7: the Refer-To names the other dialog as its peer sees it.
#[test]
fn a_peer_is_asked_to_step_into_our_place_in_another_call() {
    let mut pair = Pair::new();
    let (first, _) = pair.talking();
    let (other, other_callee) = pair.talking();
    pair.command(0, Command::TransferTo { session: first, other }).unwrap();
    pair.settle();
    let refer = pair.texts.iter().rev().find(|text| text.starts_with("REFER")).unwrap().clone();
    assert!(header(&refer, "Refer-To").starts_with("<sip:bob@192.0.2.2:5060?Replaces="), "{refer}");
    match pair.event(1) {
        Some(Event::TransferAsked { target, .. }) => {
            assert_eq!(target.replaces, Some(ReplacesTarget::Session(other_callee)), "{refer}");
        }
        event => panic!("{event:?}"),
    }
    pair.end(0, other);
    pair.run_out();
    assert_eq!(
        pair.command(0, Command::TransferTo { session: first, other }),
        Err(CommandRefused::NoSession),
        "there is no place to take any more"
    );
}

#[test]
fn a_peer_whose_allow_has_no_refer_is_not_sent_one() {
    for (allow, taken) in [("", true), ("Allow: INVITE, ACK, BYE, REFER\n", true), ("Allow: INVITE, ACK, BYE\n", false)]
    {
        let mut phone = Phone::answered_with(allow);
        let transfer = Command::Transfer { session: phone.session, target: "sip:c@h".into(), referred_by: None };
        assert_eq!(
            phone.desk.command(transfer),
            if taken { Ok(()) } else { Err(CommandRefused::WrongState) },
            "{allow}"
        );
    }
}

/// RFC 3261 §21.3.3.
#[test]
fn a_caller_is_redirected_with_contacts_in_order() {
    let mut desk = Desk::new();
    desk.send(&Phone::invite(""));
    let Some(Event::Incoming { session, .. }) = desk.event() else { panic!() };
    let redirect = |contacts: &[&str]| {
        let contacts = contacts.iter().map(|uri| uri.to_string()).collect();
        Command::Redirect { session, contacts }
    };
    for unreadable in [&["sip:a@b>"][..], &["nonsense"], &[]] {
        assert_eq!(desk.command(redirect(unreadable)), Err(CommandRefused::BadText), "{unreadable:?}");
    }
    desk.titles();
    desk.command(redirect(&["sip:one@h", "sip:two@h"])).unwrap();
    let response = desk.next();
    assert!(response.starts_with("SIP/2.0 302"), "{response}");
    assert_eq!(headers(&response, "Contact"), ["<sip:one@h>", "<sip:two@h>"]);
}
