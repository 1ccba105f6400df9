//! A transfer is completed while its target still rings: the ringing leg is kept and handed on (R7), however the transfer is
//! completed, and the target's phone is called once.

use baton_contact::command::{AddMode, Control, Target};
use baton_contact::directory::OnRingingHangup;
use baton_tests::world::{Behaviour, Dialect, World, office};
use serde_json::json;

/// Anna talks with C on her first line, and the bank rings for her second one.
fn second_line_rings(world: &mut World) {
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", office::BANK);
    world.expect_hearing(&[("C", "music")]);
    world.ladder.clear();
}

fn consult_rings(world: &mut World) {
    world.talking();
    world.consult("anna", "Bank");
    world.ladder.clear();
}

fn blind(world: &mut World, number: &str) -> Result<(), baton_contact::command::Refusal> {
    world.try_click("anna", Control::Add { target: Target::PhoneNumber(number.into()), mode: AddMode::Blind })
}

/// The bank's phone hears nothing of the transfer, goes on ringing, and gets the customer.
fn is_handed_on(world: &mut World) {
    world.settle();
    assert_eq!(world.ladder.of("bank"), Vec::<String>::new(), "the same ringing leg\n{}", world.ladder);
    world.expect_hearing(&[("C", "ring-back")]);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(!world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    assert!(!world.ladder.of("bank").contains(&"< INVITE".to_owned()), "{}", world.ladder);
    world.expect_record(
        1,
        &[
            ("/Baton/TransferType", json!("COLD")),
            ("/Baton/TransferOutcome", json!("completed")),
            ("/TransferredToEndpoint/Address", json!(office::BANK)),
        ],
    );
    assert_eq!(world.contacts().len(), 2, "one contact for the customer, one for the bank");
    world.end_of_day();
}

#[test]
fn r7_leave_hands_the_ringing_leg_on() {
    let mut world = World::with_sound(&["anna"]);
    consult_rings(&mut world);
    world.click("anna", Control::Leave);
    is_handed_on(&mut world);
}

#[test]
fn r7_end_hands_the_ringing_leg_on() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    world.click("anna", Control::End);
    is_handed_on(&mut world);
}

#[test]
fn r7_a_blind_transfer_to_the_number_that_rings_is_no_second_call() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    assert!(blind(&mut world, office::BANK).is_ok());
    is_handed_on(&mut world);
}

#[test]
fn r7_a_feature_code_hands_the_ringing_leg_on() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    world.press_by_info("anna", '*');
    world.press_by_info("anna", '2');
    is_handed_on(&mut world);
}

#[test]
fn r7_the_transferors_hang_up_hands_the_ringing_leg_on() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    world.hang_up("anna");
    is_handed_on(&mut world);
}

#[test]
fn r7_a_refer_to_the_number_that_the_panel_consults_hands_the_ringing_leg_on() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    world.refer("anna", office::BANK);
    is_handed_on(&mut world);
}

#[test]
fn r7_a_refer_without_replaces_to_the_number_that_rings_hands_the_ringing_leg_on() {
    let mut world = World::new(&["anna"]);
    second_line_rings(&mut world);
    world.refer("anna", office::BANK);
    assert_eq!(world.line("anna").progress, [202, 100, 180], "{}", world.ladder);
    is_handed_on(&mut world);
}

#[test]
fn r7_early_only_names_the_line_that_rings() {
    let mut world = World::new(&["anna"]);
    second_line_rings(&mut world);
    let target = format!("{}%3Bearly-only", world.replacing("anna/2", false));
    world.refer_now("anna", &target);
    is_handed_on(&mut world);
}

#[test]
fn r5_early_only_is_486_when_the_target_has_answered_meanwhile() {
    let mut world = World::new(&["anna"]);
    second_line_rings(&mut world);
    let target = format!("{}%3Bearly-only", world.replacing("anna/2", false));
    // The answer and the REFER cross.
    let bank = world.line_id("bank");
    world.answer_now(bank);
    world.run_ms(8);
    world.refer_now("anna", &target);
    world.settle();
    assert_eq!(world.line("anna").progress, [486], "{}", world.ladder);
    world.expect_hearing(&[("C", "music"), ("bank", "anna"), ("anna", "bank")]);
    world.refer_to_line("anna", "anna/2");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn r6_a_refer_without_replaces_to_a_target_that_is_connected_is_a_splice() {
    for by_phone in [false, true] {
        let mut world = World::new(&["anna"]);
        if by_phone {
            second_line_rings(&mut world);
        } else {
            consult_rings(&mut world);
        }
        world.answer("bank");
        world.ladder.clear();
        world.refer("anna", office::BANK);
        assert_eq!(world.line("anna").progress.last(), Some(&200), "{}", world.ladder);
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        assert!(!world.ladder.of("bank").contains(&"< INVITE".to_owned()), "{}", world.ladder);
        world.expect_record(1, &[("/Baton/TransferType", json!("WARM_CONSULT"))]);
        world.end_of_day();
    }
}

#[test]
fn r4_a_handed_on_target_that_refuses_recalls_the_agent_who_left() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    world.click("anna", Control::Leave);
    world.clear_all();
    world.refuse("bank", 486);
    assert!(world.rings("anna"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.expect_record(1, &[("/Baton/TransferType", json!("FAILED")), ("/TransferCompletedTimestamp", json!(null))]);
    world.expect_record(3, &[("/Baton/RecalledFrom", json!(world.contacts()[1]))]);
    world.end_of_day();
}

#[test]
fn r4_a_referred_target_that_refuses_leaves_the_transferor_with_its_held_customer() {
    let mut world = World::new(&["anna"]);
    second_line_rings(&mut world);
    world.refer("anna", office::BANK);
    world.refuse("bank", 486);
    assert_eq!(world.line("anna").progress, [202, 100, 180, 486], "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn r4_the_customer_hangs_up_while_the_handed_on_target_rings() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    world.click("anna", Control::Leave);
    world.hang_up("C");
    assert!(!world.rings("bank"), "{}", world.ladder);
    world.expect_record(2, &[("/DisconnectReason", json!("CUSTOMER_DISCONNECT"))]);
    world.end_of_day();
}

#[test]
fn by_policy_a_hang_up_while_the_target_rings_withdraws_the_transfer() {
    let mut world =
        World::with(&["anna"], 1, |_, directory| directory.queues[0].on_ringing_hangup = OnRingingHangup::Recall);
    consult_rings(&mut world);
    world.hang_up("anna");
    assert!(!world.rings("bank"), "{}", world.ladder);
    assert!(world.rings("anna"), "the agent is recalled\n{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.expect_record(1, &[("/Baton/TransferType", json!("FAILED")), ("/Baton/TransferOutcome", json!("cancelled"))]);
    world.expect_record(2, &[("/DisconnectReason", json!("TELECOM_ORIGINATOR_CANCEL"))]);
    world.end_of_day();
}

#[test]
fn by_policy_the_transferors_hang_up_after_its_refer_is_still_no_withdrawal() {
    let mut world =
        World::with(&["anna"], 1, |_, directory| directory.queues[0].on_ringing_hangup = OnRingingHangup::Recall);
    world.talking();
    world.refer("anna", office::BANK);
    world.hang_up("anna");
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn r13_another_transfer_while_a_target_rings_is_refused_and_the_first_one_goes_on() {
    let mut world = World::new(&["anna"]);
    consult_rings(&mut world);
    let refusal = blind(&mut world, office::PLUMBER).expect_err("one at a time");
    assert!(refusal.detail.contains("being reached"), "{}", refusal.detail);
    world.refer("anna", office::PLUMBER);
    assert_eq!(world.line("anna").progress, [491], "{}", world.ladder);
    assert!(!world.rings("plumber"));
    world.click("anna", Control::Leave);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn r13_whoever_waits_for_its_refer_can_leave_or_drop_its_target_and_nothing_else() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", office::BANK);
    for control in [Control::Hold, Control::Join, Control::Swap, Control::HoldAll] {
        let refusal = world.try_click("anna", control).expect_err("under way");
        assert!(refusal.detail.contains("under way"), "{}", refusal.detail);
    }
    world.dial("anna", office::PLUMBER);
    assert_eq!(world.line("anna/2").refused, Some(491), "{}", world.ladder);
    let bank = world.connection("bank");
    world.click("anna", Control::Drop(bank));
    assert_eq!(world.line("anna").progress.last(), Some(&487), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_party_that_the_attended_transfer_does_not_name_is_hung_up_on() {
    let mut world = World::new(&["anna", "bert"]);
    second_line_rings(&mut world);
    world.answer("bank");
    world.hold("anna/2", Dialect::SendOnly);
    world.behave("bert", Behaviour::Answers(0));
    world.dial("anna", "102");
    world.refer_to_line("anna", "anna/2");
    world.expect_hearing(&[("C", "bank"), ("bank", "C"), ("bert", "nothing")]);
    world.expect_record(3, &[("/Agent/Username", json!("bert")), ("/Baton/LeftBy", json!("anna"))]);
    world.end_of_day();
}
