//! What goes on with a call: data for the far side (RFC 7433), the numbers by which it came (RFC 7044, RFC 5806), and the
//! wish not to be shown (RFC 3323, RFC 3325).

use baton_contact::directory::{CallHistory, HistoryOfOthers};
use baton_sip::Party;
use baton_tests::world::{World, header, headers, office};

const DATA: &str = "56a390f3;encoding=hex";

fn party(uri: &str) -> Party {
    Party { display: String::new(), uri: uri.into(), user: String::new() }
}

/// The INVITE that reached somebody.
fn invite_to(world: &World, who: &str) -> String {
    let found = world.ladder.rungs.iter().find(|rung| rung.to == who && rung.title == "INVITE");
    found.unwrap_or_else(|| panic!("{who} was not called:\n{}", world.ladder)).text()
}

#[test]
fn rfc7433_user_to_user_reaches_the_agent_and_goes_on_through_a_transfer() {
    let mut world = World::new(&["anna"]);
    world.call_with("C", "101", |invite| invite.headers.push(("User-to-User".into(), DATA.into())));
    assert_eq!(header(&invite_to(&world, "anna"), "User-to-User"), DATA);
    world.answer("anna");
    world.refer("anna", office::BANK);
    assert_eq!(header(&invite_to(&world, "bank"), "User-to-User"), DATA);
    world.answer("bank");
    world.end_of_day();
}

#[test]
fn rfc7433_what_the_transferor_says_replaces_what_came_with_the_call() {
    let mut world = World::new(&["anna"]);
    world.call_with("C", "101", |invite| invite.headers.push(("User-to-User".into(), DATA.into())));
    world.answer("anna");
    let target = format!("Refer-To: <sip:{}@192.0.2.1?User-to-User=00aa%3Bencoding%3Dhex>", office::BANK);
    world.send_in_dialog("anna", "REFER", 500, &target);
    world.settle();
    assert_eq!(headers(&invite_to(&world, "bank"), "User-to-User"), ["00aa;encoding=hex"]);
    world.answer("bank");
    world.end_of_day();
}

#[test]
fn rfc3325_a_caller_who_wants_privacy_is_anonymous_to_agents_and_known_to_trunks_alone() {
    let mut world = World::new(&["anna"]);
    let hide = |invite: &mut baton_sip::OutgoingInvite| {
        invite.asserted_identity = Some(party("sip:+4930777@192.0.2.9"));
        invite.headers.push(("Privacy".into(), "id".into()));
    };
    world.call_with("C", "101", hide);
    let rung = invite_to(&world, "anna");
    assert!(header(&rung, "From").contains("sip:anonymous@"), "{rung}");
    assert!(!rung.contains("4930777") && !rung.contains("sip:C@"), "{rung}");
    world.answer("anna");
    world.hang_up("anna");

    world.ladder.clear();
    world.call_with("D", office::BANK, hide);
    let passed_on = invite_to(&world, "bank");
    assert!(header(&passed_on, "From").starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"), "{passed_on}");
    assert!(header(&passed_on, "P-Asserted-Identity").contains("+4930777"), "{passed_on}");
    assert_eq!(header(&passed_on, "Privacy"), "id");
    world.answer("bank");
    world.end_of_day();
}

#[test]
fn rfc5806_a_call_that_goes_on_says_by_which_number_it_came() {
    let mut world = World::new(&[]);
    world.call_with("C", office::BANK, |invite| {
        invite.headers.push(("Diversion".into(), "<sip:1@h>;reason=no-answer".into()));
    });
    let diversions = headers(&invite_to(&world, "bank"), "Diversion");
    assert_eq!(diversions.len(), 2, "{diversions:?}");
    assert!(diversions[0].starts_with(&format!("<sip:{}@", office::BANK)), "the latest stands first: {diversions:?}");
    assert_eq!(diversions[1], "<sip:1@h>;reason=no-answer");
    world.answer("bank");
    world.end_of_day();
}

#[test]
fn rfc7044_history_info_is_carried_on_with_the_next_index() {
    let mut world = World::new(&[]);
    world.call_with("C", office::BANK, |invite| {
        invite.headers.push(("History-Info".into(), "<sip:1@h>;index=1, <sip:2@h>;index=1.1".into()));
    });
    let invite = invite_to(&world, "bank");
    let entries = headers(&invite, "History-Info");
    let indices: Vec<_> = entries.iter().filter_map(|entry| entry.split("index=").nth(1)).collect();
    assert_eq!(indices, ["1", "1.1", "1.1.1", "1.1.1.1;mp=1.1.1"], "{entries:?}");
    assert!(headers(&invite, "Diversion").is_empty(), "one dialect is enough");
    world.answer("bank");
    world.end_of_day();
}

#[test]
fn rfc7544_a_trunk_is_told_in_its_dialect_by_which_numbers_a_call_came() {
    use CallHistory::{Both, Diversion, HistoryInfo, None};
    let cases = [
        (None, HistoryOfOthers::Pass, (0, 0)),
        (Diversion, HistoryOfOthers::Pass, (0, 2)),
        (HistoryInfo, HistoryOfOthers::Pass, (3, 0)),
        (Both, HistoryOfOthers::Hide, (2, 1)),
    ];
    for (history, history_of_others, expected) in cases {
        let mut world = World::with(&[], 1, |_, directory| {
            directory.trunks[0].history = history;
            directory.trunks[0].history_of_others = history_of_others;
        });
        world.call_with("C", office::BANK, |invite| {
            invite.headers.push(("Diversion".into(), "<sip:1@h>;reason=no-answer".into()));
        });
        let invite = invite_to(&world, "bank");
        let told = |name| headers(&invite, name).len();
        assert_eq!((told("History-Info"), told("Diversion")), expected, "{history:?} {invite}");
        assert_eq!(invite.contains("<sip:1@h"), expected != (0, 0) && history != Both, "{invite}");
        world.answer("bank");
        world.end_of_day();
    }
}

#[test]
fn an_agents_own_call_out_is_not_a_forwarded_one() {
    let mut world = World::new(&["anna"]);
    world.dial("anna", office::BANK);
    let invite = invite_to(&world, "bank");
    assert!(headers(&invite, "Diversion").is_empty() && headers(&invite, "History-Info").is_empty(), "{invite}");
    world.answer("bank");
    world.end_of_day();
}
