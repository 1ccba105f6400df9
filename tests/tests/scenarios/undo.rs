//! A Leave is taken back until the target has confirmed.

use baton_contact::command::{AddMode, Control, Target};
use baton_tests::world::{Behaviour, World, office};
use serde_json::json;

fn world(agents: &[&str]) -> World {
    World::with(agents, 1, |_, directory| directory.queues[0].undo_seconds = 10)
}

/// Anna consults the bank and leaves while it rings.
fn left_while_it_rings(world: &mut World) {
    world.talking();
    world.consult("anna", "Bank");
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "ring-back"), ("anna", "silence")]);
    world.ladder.clear();
}

fn sent_on(world: &mut World) {
    world.talking();
    world.transfer_blind("anna", "Bank");
    world.expect_hearing(&[("C", "ring-back"), ("anna", "silence")]);
}

fn controls(world: &World) -> Vec<String> {
    world.agents["anna"].contacts[0].controls.clone()
}

#[test]
fn a_leave_from_a_consult_is_taken_back_to_the_ringing_target() {
    let mut world = world(&["anna"]);
    left_while_it_rings(&mut world);
    assert_eq!(controls(&world), ["undo", "end"]);
    world.run_ms(5_000);
    world.click("anna", Control::Undo);
    world.expect_hearing(&[("C", "music"), ("anna", "ring-back")]);
    assert_eq!(world.ladder.of("bank"), Vec::<String>::new(), "it rings on\n{}", world.ladder);
    assert_eq!(world.ladder.of("anna"), Vec::<String>::new(), "her line stayed up\n{}", world.ladder);
    world.run_ms(20_000);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bank"), ("bank", "C"), ("anna", "nothing")]);
    world.expect_record(1, &[("/Baton/TransferType", json!("WARM_CONSULT"))]);
    assert!(
        world.kinds(1).contains(&"LEAVE_PENDING".to_owned()) && world.kinds(1).contains(&"LEAVE_UNDONE".to_owned())
    );
    world.end_of_day();
}

#[test]
fn a_blind_transfer_is_taken_back_to_the_customer() {
    let mut world = World::with(&["anna"], 1, |_, directory| directory.queues[0].undo_seconds = 10);
    sent_on(&mut world);
    world.run_ms(3_000);
    world.click("anna", Control::Undo);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert!(!world.rings("bank"), "{}", world.ladder);
    world.run_ms(7_000);
    world.hang_up("C");
    world.expect_record(
        1,
        &[
            ("/Baton/TransferType", json!("FAILED")),
            ("/Baton/TransferOutcome", json!("cancelled")),
            ("/TransferCompletedTimestamp", json!(null)),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
            ("/Agent/AgentInteractionDuration", json!(7)),
        ],
    );
    world.expect_record(2, &[("/DisconnectReason", json!("TELECOM_ORIGINATOR_CANCEL"))]);
    world.end_of_day();
}

#[test]
fn a_feature_code_takes_it_back_too() {
    let mut world = world(&["anna"]);
    sent_on(&mut world);
    world.press_by_info("anna", '*');
    world.press_by_info("anna", '5');
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn the_target_answers_and_it_is_too_late() {
    let mut world = world(&["anna"]);
    left_while_it_rings(&mut world);
    let contact = world.contact_of("anna");
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C"), ("anna", "nothing")]);
    assert_eq!(world.contact_of("anna"), contact);
    let refusal = world.try_click("anna", Control::Undo).expect_err("complete");
    assert!(refusal.detail.contains("complete"), "{}", refusal.detail);
    world.expect_record(
        1,
        &[("/Baton/TransferType", json!("COLD")), ("/TransferredToEndpoint/Address", json!(office::BANK))],
    );
    world.end_of_day();
}

#[test]
fn the_answer_and_the_undo_cross() {
    let mut world = world(&["anna"]);
    left_while_it_rings(&mut world);
    let bank = world.line_id("bank");
    // Its 200 is on the way.
    world.answer_now(bank);
    world.click("anna", Control::Undo);
    world.expect_hearing(&[("C", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn the_answer_to_a_blind_transfer_and_the_undo_cross() {
    let mut world = world(&["anna"]);
    sent_on(&mut world);
    let bank = world.line_id("bank");
    world.answer_now(bank);
    world.click("anna", Control::Undo);
    // D1: the 200 that crosses the CANCEL is acknowledged and hung up on.
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert!(!world.is_up("bank"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn the_target_refuses_and_the_agent_has_the_customer_back_without_being_rung() {
    let mut world = world(&["anna"]);
    left_while_it_rings(&mut world);
    world.refuse("bank", 486);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    // R14: her line stayed up, and her phone is told whom she talks with again.
    world.expect_ladder("anna", &["< UPDATE", "> 200 UPDATE"]);
    assert!(!world.all_kinds().contains(&"RECALLED".to_owned()));
    assert!(world.try_click("anna", Control::Undo).is_err(), "nothing is left to take back");
    world.expect_record(1, &[("/Baton/TransferType", json!("FAILED"))]);
    world.end_of_day();
}

#[test]
fn the_time_is_over_and_the_line_ends_while_the_target_rings_on() {
    let mut world = world(&["anna"]);
    left_while_it_rings(&mut world);
    world.run_ms(9_000);
    assert!(world.is_up("anna"));
    world.run_ms(1_500);
    world.expect_ladder("anna", &["< BYE", "> 200 BYE"]);
    assert!(world.rings("bank"));
    assert!(world.try_click("anna", Control::Undo).is_err());
    world.refuse("bank", 486);
    assert!(world.rings("anna"), "by recall, as always\n{}", world.ladder);
    world.end_of_day();
}

#[test]
fn the_customer_hangs_up_and_nobody_is_left() {
    for blind in [false, true] {
        let mut world = world(&["anna"]);
        if blind {
            sent_on(&mut world);
        } else {
            left_while_it_rings(&mut world);
        }
        world.hang_up("C");
        assert!(!world.rings("bank") && !world.is_up("anna"), "{}", world.ladder);
        world.expect_record(1, &[("/DisconnectReason", json!("CUSTOMER_DISCONNECT"))]);
        world.expect_record(2, &[("/DisconnectReason", json!("CUSTOMER_DISCONNECT"))]);
        world.end_of_day();
    }
}

#[test]
fn the_agent_hangs_up_and_has_left() {
    let mut world = world(&["anna"]);
    left_while_it_rings(&mut world);
    world.hang_up("anna");
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn a_refer_is_taken_back_by_the_panel() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", office::BANK);
    world.click("anna", Control::Undo);
    assert_eq!(world.line("anna").progress, [202, 100, 180, 487], "{}", world.ladder);
    assert!(!world.rings("bank"));
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn what_is_confirmed_cannot_be_taken_back() {
    // A queue takes the customer at once.
    let mut world = world(&["anna"]);
    world.talking();
    world.transfer_blind("anna", "Sales");
    world.expect_hearing(&[("C", "music"), ("anna", "nothing")]);
    world.end_of_day();
    // And a target that is there has confirmed.
    let mut world = self::world(&["anna"]);
    world.talking();
    world.consult("anna", "Bank");
    world.answer("bank");
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bank"), ("anna", "nothing")]);
    world.end_of_day();
}

#[test]
fn another_transfer_beside_the_pending_one_is_refused() {
    let mut world = world(&["anna"]);
    sent_on(&mut world);
    let target = Target::PhoneNumber(office::PLUMBER.into());
    assert!(world.try_click("anna", Control::Add { target, mode: AddMode::Blind }).is_err());
    world.refer("anna", office::PLUMBER);
    assert_eq!(world.line("anna").progress, [491], "{}", world.ladder);
    world.behave("plumber", Behaviour::Answers(0));
    world.dial("anna", office::PLUMBER);
    assert_eq!(world.line("anna/2").refused, Some(491), "{}", world.ladder);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}
