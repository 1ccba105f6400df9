//! An agent with a desk phone and a mobile: both ring, the first takes the call.

use baton_contact::command::Control;
use baton_tests::world::{Verdict, World, header, office};

fn two_phones(registered: &[&str]) -> World {
    World::with(registered, 1, |_, directory| {
        directory.users[0].phones.push(office::phone("anna-mobile", "anna"));
    })
}

#[test]
fn both_phones_ring_and_the_other_is_told_that_the_call_was_taken_elsewhere() {
    let mut world = two_phones(&["anna", "anna-mobile"]);
    world.call_in("C", office::SUPPORT);
    assert!(world.rings("anna") && world.rings("anna-mobile"));
    world.ladder.clear();
    world.answer("anna-mobile");
    world.expect_ladder("anna", &["< CANCEL", "> 200 CANCEL", "> 487 INVITE", "< ACK"]);
    let cancel = world.ladder.rungs.iter().find(|rung| rung.title == "CANCEL").expect("a CANCEL");
    assert!(header(&cancel.text(), "Reason").contains("cause=200"), "{}", cancel.text());
    world.expect_hearing(&[("C", "anna-mobile"), ("anna-mobile", "C")]);
    world.end_of_day();
}

#[test]
fn both_phones_answer_at_once_and_one_of_them_has_the_call() {
    let mut world = two_phones(&["anna", "anna-mobile"]);
    world.call_in("C", office::SUPPORT);
    let (desk, mobile) = (world.line_id("anna"), world.line_id("anna-mobile"));
    world.decide("anna", "200 INVITE", Verdict::Late(8));
    world.answer_now(desk);
    world.answer_now(mobile);
    world.run_ms(1_000);
    world.expect_hearing(&[("C", "anna-mobile"), ("anna-mobile", "C")]);
    assert!(!world.is_up("anna"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn one_phone_refuses_and_the_other_rings_on() {
    let mut world = two_phones(&["anna", "anna-mobile"]);
    world.call_in("C", office::SUPPORT);
    world.refuse("anna", 486);
    assert!(world.rings("anna-mobile"));
    world.answer("anna-mobile");
    world.expect_hearing(&[("C", "anna-mobile"), ("anna-mobile", "C")]);
    world.end_of_day();
}

#[test]
fn the_call_is_taken_over_from_desk_to_mobile_by_replaces() {
    let mut world = two_phones(&["anna", "anna-mobile"]);
    world.talking();
    let replaces = world.replaces("anna", true);
    world.call_with("anna-mobile", "101", |invite| invite.replaces = Some(replaces));
    world.expect_hearing(&[("C", "anna-mobile"), ("anna-mobile", "C")]);
    assert!(!world.is_up("anna"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_call_that_rings_at_the_desk_is_picked_up_at_the_mobile_by_replaces() {
    let mut world = two_phones(&["anna", "anna-mobile"]);
    world.call_in("C", office::SUPPORT);
    let replaces = format!("{};early-only", world.replaces("anna", true));
    world.refuse("anna-mobile", 486);
    world.call_with("anna-mobile", "101", |invite| invite.replaces = Some(replaces));
    let refused = world.line("anna-mobile").refused;
    // RFC 3891 §3: an early dialog that the recipient did not initiate cannot be replaced; baton calls the phone, so it did.
    assert_eq!(refused, None, "{}", world.ladder);
    world.expect_hearing(&[("C", "anna-mobile"), ("anna-mobile", "C")]);
    world.end_of_day();
}

#[test]
fn the_panel_accepts_and_the_phones_are_rung_anew_to_answer_by_themselves() {
    let mut world = two_phones(&["anna"]);
    world.call_in("C", office::SUPPORT);
    world.ladder.clear();
    world.click("anna", Control::Accept);
    let invite = world.ladder.rungs.iter().find(|rung| rung.to == "anna" && rung.title == "INVITE").expect("an INVITE");
    assert!(header(&invite.text(), "Call-Info").contains("answer-after=0"), "{}", invite.text());
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn rfc5393_a_call_rings_at_no_more_phones_than_its_max_breadth_and_each_has_its_part() {
    for (breadth, parts) in [("5", vec!["2", "2"]), ("2", vec!["1", "1"]), ("1", vec!["1"]), ("0", vec![])] {
        let mut world = two_phones(&["anna", "anna-mobile"]);
        world.ladder.clear();
        world.call_with("C", "101", |invite| invite.headers.push(("Max-Breadth".into(), breadth.into())));
        let rung = world.ladder.rungs.iter().filter(|rung| rung.from == "baton" && rung.title == "INVITE");
        let told: Vec<String> = rung.map(|rung| header(&rung.text(), "Max-Breadth")).collect();
        assert_eq!(told, parts, "{breadth}");
        let refused = world.ladder.rungs.iter().any(|rung| rung.title == "440 INVITE");
        assert_eq!(refused, parts.is_empty(), "{breadth}");
    }
}
