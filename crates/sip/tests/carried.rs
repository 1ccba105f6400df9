//! What of an INVITE and a REFER is handed up to go on with the call: RFC 3323, 3325, 5806, 7044, 7433.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::*;
use world::*;

fn invited(extra: &str, access: Access) -> Box<IncomingInvite> {
    let mut desk = Desk::with(config(0), access);
    desk.send(&Phone::invite(extra));
    match desk.event() {
        Some(Event::Incoming { invite, .. }) => invite,
        other => panic!("{extra}: {other:?} {:?}", desk.sent),
    }
}

/// RFC 3323 §4.2, RFC 3325 §9.3: `id`, `user` and `header` ask for it, `none` for nothing, in any case and order.
#[test]
fn rfc3323_privacy_is_asked_for_by_id_user_or_header_and_by_none_not_at_all() {
    for (extra, wanted) in [
        ("", false),
        ("Privacy: id\n", true),
        ("Privacy: user;critical\n", true),
        ("Privacy: Header ; ID\n", true),
        ("Privacy: session\n", false),
        ("Privacy: none\n", false),
        ("Privacy: id;none\n", false),
        ("Privacy: critical\nPrivacy: id\n", true),
    ] {
        assert_eq!(invited(extra, peers()).wants_privacy, wanted, "{extra}");
    }
}

/// draft-ietf-sip-privacy-04 §5.1, from those who may assert.
#[test]
fn a_remote_party_id_says_that_its_caller_is_not_to_be_shown() {
    let rpid = |params: &str| format!("Remote-Party-ID: \"Zoe\" <sip:+4930777@carrier.example>{params}\n");
    for (params, wanted) in [
        (";party=calling;privacy=full", true),
        (";privacy=\"URI,name\";screen=yes", true),
        (";privacy=Full;screen=yes", true),
        (";privacy=name", false),
        (";party=calling;screen=yes;privacy=off", false),
        ("", false),
    ] {
        assert_eq!(invited(&rpid(params), peers()).wants_privacy, wanted, "{params}");
    }
}

#[test]
fn rfc7433_user_to_user_is_handed_up_as_it_is() {
    let invite = invited("User-to-User: 56a390f3;encoding=hex;purpose=isdn-uui\nUser-to-User: \"a, b\"\n", peers());
    assert_eq!(invite.user_to_user, ["56a390f3;encoding=hex;purpose=isdn-uui", "\"a, b\""]);
    let many = "User-to-User: 00\n".repeat(100);
    assert_eq!(invited(&many, peers()).user_to_user.len(), 16);
}

#[test]
fn rfc7044_and_rfc5806_a_peers_story_of_the_call_is_handed_up() {
    let story = "History-Info: <sip:1@h>;index=1, <sip:2@h>;index=1.1\nDiversion: <sip:2@h>;reason=user-busy\n\
                 Diversion: <sip:1@h>;reason=no-answer\n";
    let invite = invited(story, peers());
    assert_eq!(invite.history.history_info, ["<sip:1@h>;index=1", "<sip:2@h>;index=1.1"]);
    assert_eq!(invite.history.diversion, ["<sip:2@h>;reason=user-busy", "<sip:1@h>;reason=no-answer"]);
}

/// RFC 7433 §4.2: "sip:…?User-to-User=56a390f3%3Bencoding%3Dhex".
#[test]
fn rfc7433_the_user_to_user_of_a_refer_to_is_handed_up_unescaped() {
    let mut phone = Phone::answered();
    let refer_to = "Refer-To: <sip:bob@h?User-to-User=56a390f3%3Bencoding%3Dhex&Subject=x>\n";
    let refer = phone.request("REFER", 2, "z9hG4bKr", refer_to);
    phone.desk.send(&refer);
    let Some(Event::TransferAsked { target, .. }) = phone.desk.event() else { panic!() };
    assert_eq!(target.user_to_user, ["56a390f3;encoding=hex"]);
    assert_eq!(target.target.uri, "sip:bob@h");
}
