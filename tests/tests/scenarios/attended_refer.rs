//! REFER with Replaces: the two lines of one phone are spliced (R6), also while the target still rings (R7).

use baton_contact::command::Control;
use baton_tests::world::{Dialect, World, header, office};
use serde_json::json;

/// Anna talks with C on her first line and with the bank on her second.
fn two_lines(world: &mut World) {
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("bank", "anna")]);
    world.ladder.clear();
}

#[test]
fn r6_an_attended_transfer_is_a_splice_without_an_invite_to_the_target() {
    let mut world = World::with_sound(&["anna"]);
    two_lines(&mut world);
    let from_us = world.now_us;
    world.refer_to_line("anna", "anna/2");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(!world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    let to_bank = world.ladder.of("bank");
    assert!(!to_bank.iter().any(|rung| rung.contains("INVITE")), "{}", world.ladder);
    assert!(world.longest_gap_ms("bank", from_us) <= 60, "no gap in the target's audio");
    world.expect_record(
        1,
        &[("/Baton/TransferType", json!("WARM_CONSULT")), ("/TransferredToEndpoint/Address", json!(office::BANK))],
    );
    world.end_of_day();
}

#[test]
fn r6_the_second_line_refers_to_the_first() {
    let mut world = World::new(&["anna"]);
    two_lines(&mut world);
    world.refer_to_line("anna/2", "anna");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(!world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r5_replaces_names_the_dialog_in_either_orientation() {
    for turned in [false, true] {
        let mut world = World::new(&["anna"]);
        two_lines(&mut world);
        let target = world.replacing("anna/2", turned);
        world.refer_now("anna", &target);
        world.settle();
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        world.end_of_day();
    }
}

#[test]
fn r7_a_target_that_still_rings_is_handed_on_without_ringing_anew() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", office::BANK);
    world.ladder.clear();
    world.refer_to_line("anna", "anna/2");
    assert!(world.rings("bank"));
    world.expect_hearing(&[("C", "ring-back")]);
    assert_eq!(world.ladder.of("bank"), Vec::<String>::new(), "the same ringing leg");
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(!world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn the_second_line_is_hung_up_and_the_first_is_as_it_was() {
    let mut world = World::new(&["anna"]);
    two_lines(&mut world);
    world.hang_up("anna/2");
    assert!(!world.is_up("bank"));
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_phone_that_swaps_its_lines_by_holding_the_one_and_resuming_the_other() {
    let mut world = World::new(&["anna"]);
    two_lines(&mut world);
    world.hold("anna/2", Dialect::SendOnly);
    world.expect_hearing(&[("C", "music"), ("bank", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("bank", "music")]);
    world.end_of_day();
}

/// The phone's other line is a call of another server: only the target can find it, so it is told.
#[test]
fn r6_a_replaces_of_a_dialog_elsewhere_is_passed_on() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.ladder.clear();
    let elsewhere = "?Replaces=far%40away%3bfrom-tag%3Df1%3bto-tag%3Dt2";
    world.refer_now("anna", &format!("sip:{}@192.0.2.1{elsewhere}", office::BANK));
    world.settle();
    let invite = world.ladder.rungs.iter().find(|rung| rung.to == "bank" && rung.title == "INVITE");
    let text = invite.expect("the bank is called").text();
    assert_eq!(header(&text, "Replaces"), "far@away;to-tag=t2;from-tag=f1", "{text}");
    // This target has no such dialog; that is its true answer, and the customer is back.
    assert_eq!(world.line("anna").progress, [202, 100, 481], "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn the_line_to_a_target_that_hangs_up_is_hung_up_and_the_first_is_as_it_was() {
    let mut world = World::with_sound(&["anna"]);
    two_lines(&mut world);
    world.hang_up("bank");
    assert!(world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    // The hold key holds whom its one line carries.
    world.hold("anna", Dialect::SendOnly);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn the_line_of_a_customer_who_hangs_up_on_hold_is_hung_up_and_the_consult_goes_on() {
    let mut world = World::with_sound(&["anna"]);
    two_lines(&mut world);
    world.hang_up("C");
    assert!(!world.is_up("anna") && world.is_up("anna/2"), "{}", world.ladder);
    world.expect_hearing(&[("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_line_that_carries_the_customer_stays_when_its_target_hangs_up() {
    let mut world = World::with_sound(&["anna"]);
    two_lines(&mut world);
    // The phone holds its first line: the customer comes by the second one, too.
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bank")]);
    world.hang_up("bank");
    assert!(world.is_up("anna") && world.is_up("anna/2"), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna")]);
    // Its hold key holds the customer, whom it carries now.
    world.hold("anna/2", Dialect::SendOnly);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna/2");
    world.expect_hearing(&[("C", "anna")]);
    // Back on the first line, the second one is of no use any more.
    world.unhold("anna");
    assert!(world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

/// Anna's second line was for bert, who has sent it on to the bank and hung up.
fn handed_on_by_bert(world: &mut World) {
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", "102");
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("bert", "anna")]);
    world.refer("bert", office::BANK);
    world.hang_up("bert");
    assert!(world.rings("bank") && world.is_up("anna/2"), "{}", world.ladder);
}

#[test]
fn r3_a_line_whose_party_hands_it_on_stays_for_whom_it_is_handed_to() {
    let mut world = World::new(&["anna", "bert"]);
    handed_on_by_bert(&mut world);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("bank", "anna")]);
    // Each line goes on for its own.
    world.hold("anna/2", Dialect::SendOnly);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("bank", "music")]);
    world.hang_up("bank");
    assert!(world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_line_whose_target_nobody_reaches_any_more_is_hung_up() {
    let mut world = World::new(&["anna", "bert"]);
    handed_on_by_bert(&mut world);
    world.refuse("bank", 486);
    assert!(world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.end_of_day();
}
