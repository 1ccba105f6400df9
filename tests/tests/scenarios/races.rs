//! Messages that cross, named by which wins.

use baton_contact::command::Control;
use baton_tests::world::{Dialect, Verdict, World, office};
use serde_json::json;

#[test]
fn d1_answer_beats_cancel() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.consult("anna", "Bank");
    world.ladder.clear();
    // The bank answers; while its 200 is on the way, anna gives up.
    world.decide("pbx", "200 INVITE", Verdict::Late(40));
    let id = world.line_id("bank");
    world.answer_now(id);
    let bank = world.connection("bank");
    world.click("anna", Control::Drop(bank));
    world.run_ms(1_000);
    let said = world.ladder.of("bank");
    let place = |rung: &str| said.iter().position(|each| each == rung);
    assert!(place("< CANCEL") < place("< ACK") && place("< ACK") < place("< BYE"), "{}", world.ladder);
    assert!(place("< BYE").is_some() && !world.is_up("bank"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn d1_cancel_beats_answer() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.consult("anna", "Bank");
    world.ladder.clear();
    let bank = world.connection("bank");
    world.click("anna", Control::Drop(bank));
    world.expect_ladder("bank", &["< CANCEL", "> 200 CANCEL", "> 487 INVITE", "< ACK"]);
    world.expect_record(2, &[("/DisconnectReason", json!("TELECOM_ORIGINATOR_CANCEL"))]);
    world.end_of_day();
}

#[test]
fn d1_the_caller_cancels_while_baton_answers() {
    let mut world = World::new(&["anna"]);
    world.decide("baton", "200 INVITE", Verdict::Late(60));
    world.call_in_now("C", "101");
    world.run_ms(20);
    let id = world.line_id("anna");
    world.answer_now(id);
    world.run_ms(7);
    world.hang_up("C");
    world.run_ms(2_000);
    assert!(!world.is_up("C") && !world.is_up("anna"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn baton_and_the_phone_hang_up_at_once() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.hang_up_now("anna");
    let left = world.try_click("anna", Control::Leave);
    assert!(left.is_ok());
    world.settle();
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn the_answer_and_the_leave_cross() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    let id = world.line_id("bert");
    world.answer_now(id);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bert"), ("bert", "C"), ("anna", "nothing")]);
    world.end_of_day();
}

#[test]
fn d4_the_transferee_holds_and_resumes_during_the_transfer() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", office::BANK);
    world.hold("C", Dialect::SendOnly);
    world.answer("bank");
    world.unhold("C");
    assert!(world.line("C").offers_refused.is_empty(), "{}", world.ladder);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn d4_the_phones_reinvite_crosses_its_own_refers_202() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer_now("anna", &format!("sip:{}@192.0.2.1", office::BANK));
    world.hold("anna", Dialect::SendOnly);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(!world.is_up("anna"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_lost_invite_a_lost_200_and_a_lost_ack() {
    for (who, title) in [
        ("pbx", "INVITE"),
        ("baton", "200 INVITE"),
        ("pbx", "ACK"),
        ("baton", "INVITE"),
        ("anna", "200 INVITE"),
        ("baton", "ACK"),
    ] {
        let mut world = World::new(&["anna"]);
        world.decide(who, title, Verdict::Lose);
        world.call_in("C", office::SUPPORT);
        world.run_ms(1_000);
        world.answer("anna");
        world.run_ms(1_500);
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.end_of_day();
    }
}

#[test]
fn everything_arrives_twice() {
    let mut world = World::new(&["anna", "bert"]);
    world.network.repeated_per_mille = 1_000;
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    world.refer("anna", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank bert"), ("bert", "C bank")]);
    world.end_of_day();
}
