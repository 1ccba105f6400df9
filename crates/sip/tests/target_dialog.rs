//! A REFER outside the dialog that it names (RFC 4538).

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

fn report(phone: &mut Phone, transfer: TransferId, status: u16) {
    let session = phone.session;
    phone.desk.command(Command::ReportTransfer { session, transfer, status, reason: String::new() }).unwrap();
}

/// A REFER outside the phone's dialog.
fn refer_outside(phone: &Phone, call_id: &str, target_dialog: &str) -> String {
    let own = phone.request("REFER", 1, &format!("z9hG4bK{call_id}"), "Refer-To: <sip:target@example.com>");
    let (from, tag) = ("phonetag", phone.tag.clone());
    let text = own.replace(&format!(";tag={tag}"), "").replace(from, "outside").replace("phonecall", call_id);
    if target_dialog.is_empty() { text } else { format!("{text}\nRequire: tdialog\nTarget-Dialog: {target_dialog}") }
}

#[test]
fn rfc4538_a_refer_outside_the_dialog_is_taken_when_it_names_it_and_told_along_its_own() {
    let mut phone = Phone::answered();
    let tags = format!("phonecall;remote-tag={};local-tag=phonetag", phone.tag);
    let text = refer_outside(&phone, "other", &tags);
    phone.desk.send(&text);
    let Some(Event::TransferAsked { session, transfer, target, .. }) = phone.desk.event() else {
        panic!("{:?}", phone.desk.sent)
    };
    assert_eq!((session, target.target.user.as_str()), (phone.session, "target"));
    phone.desk.command(Command::AcceptTransfer { session, transfer }).unwrap();
    let accepted = phone.desk.next();
    let own_tag = tag(&header(&accepted, "To"));
    assert_eq!(title(accepted.as_bytes()), "202 REFER");
    assert!(!own_tag.is_empty() && own_tag != phone.tag);
    let trying = phone.desk.next();
    assert_eq!(header(&trying, "Call-ID"), "other");
    assert_eq!((tag(&header(&trying, "From")), tag(&header(&trying, "To"))), (own_tag, "outside".to_owned()));
    assert_eq!((header(&trying, "Event").as_str(), header(&trying, "CSeq").as_str()), ("refer", "1 NOTIFY"));
    phone.desk.answer(&trying, "200 OK", "", "");
    report(&mut phone, transfer, 200);
    let last = phone.desk.next();
    assert_eq!((header(&last, "Call-ID").as_str(), header(&last, "CSeq").as_str()), ("other", "2 NOTIFY"));
    assert!(header(&last, "Subscription-State").starts_with("terminated"));
    // The session's own dialog has counted nothing of it.
    phone.desk.command(Command::End { session, status: 0, reason: None }).unwrap();
    assert!(phone.desk.titles().is_empty(), "the BYE waits for the answer (R2)");
    phone.desk.answer(&last, "200 OK", "", "");
    let bye = phone.desk.next();
    assert_eq!((header(&bye, "Call-ID").as_str(), header(&bye, "CSeq").as_str()), ("phonecall", "1 BYE"));
}

#[test]
fn rfc4538_a_refer_that_names_no_dialog_of_ours_is_refused_as_one_without_a_name() {
    let wrong =
        ["", "phonecall;remote-tag=x;local-tag=phonetag", "elsewhere;remote-tag=TAG;local-tag=phonetag", "phonecall"];
    for (number, target) in wrong.into_iter().enumerate() {
        let mut phone = Phone::answered();
        let text = refer_outside(&phone, &format!("other{number}"), &target.replace("TAG", &phone.tag));
        phone.desk.send(&text);
        assert_eq!(phone.desk.titles(), ["403 REFER"], "{target}");
        phone.desk.no_event();
    }
    // While a transfer pends there is no second one (R13), and what an in-dialog REFER must have this one must too.
    let mut phone = Phone::answered();
    let tags = format!("phonecall;remote-tag={};local-tag=phonetag", phone.tag);
    for (call_id, change, status) in [
        ("one", ("sip:target@example.com", "http://example.com"), "416 REFER"),
        ("two", ("", ""), ""),
        ("three", ("", ""), "491 REFER"),
    ] {
        let text =
            refer_outside(&phone, call_id, &tags).replace(change.0, if change.0.is_empty() { "" } else { change.1 });
        phone.desk.send(&text);
        let wanted: Vec<&str> = Some(status).filter(|status| !status.is_empty()).into_iter().collect();
        assert_eq!(phone.desk.titles(), wanted, "{call_id}");
    }
}
