//! REFER without Replaces: the phone's blind transfer key.

use baton_contact::command::Control;
use baton_contact::snapshot::ConnectionState;
use baton_tests::world::{Behaviour, Verdict, World, header, office};
use serde_json::json;

const ASKED: [&str; 4] = ["> REFER", "< 202 REFER", "< NOTIFY 100", "> 200 NOTIFY"];

fn referred(world: &mut World) {
    world.talking();
    world.ladder.clear();
    world.refer("anna", office::BANK);
}

#[test]
fn r1_202_then_notify_100_then_the_targets_own_statuses() {
    let mut world = World::with_sound(&["anna"]);
    referred(&mut world);
    world.expect_ladder("anna", &[&ASKED[..], &["< NOTIFY 180", "> 200 NOTIFY"]].concat());
    world.expect_hearing(&[("C", "ring-back")]);
    world.ladder.clear();
    world.answer("bank");
    world.expect_ladder("anna", &["< NOTIFY 200", "> 200 NOTIFY", "< BYE", "> 200 BYE"]);
    world.expect_hearing(&[("C", "bank"), ("bank", "C"), ("anna", "nothing")]);
    world.hang_up("bank");
    assert!(!world.is_up("C"), "the customer's call is over, too");
    world.expect_record(1, &[("/Baton/TransferOutcome", json!("completed"))]);
    world.end_of_day();
}

#[test]
fn r2_bye_waits_until_the_final_notify_is_answered() {
    let mut world = World::new(&["anna"]);
    referred(&mut world);
    world.ladder.clear();
    world.decide("anna", "200 NOTIFY", Verdict::Lose);
    world.answer("bank");
    world.run_ms(1_000);
    world
        .expect_ladder("anna", &["< NOTIFY 200", "> 200 NOTIFY", "< NOTIFY 200", "> 200 NOTIFY", "< BYE", "> 200 BYE"]);
    world.end_of_day();
}

#[test]
fn r2_a_phone_that_never_answers_the_final_notify_is_let_go() {
    let mut world = World::new(&["anna"]);
    referred(&mut world);
    world.unplug("anna");
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.run_ms(40_000);
    assert!(world.ladder.of("anna").contains(&"< BYE".to_owned()), "{}", world.ladder);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

#[test]
fn r3_transferor_hangs_up_right_after_202() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.ladder.clear();
    world.refer_now("anna", &format!("sip:{}@192.0.2.1", office::BANK));
    world.run_ms(11);
    world.hang_up("anna");
    world.expect_hearing(&[("C", "ring-back")]);
    let notifies = world.ladder.of("anna").iter().filter(|rung| rung.contains("NOTIFY 180")).count();
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(notifies <= 1 && !world.ladder.of("anna").contains(&"< NOTIFY 200".to_owned()), "{}", world.ladder);
    world.expect_record(1, &[("/Baton/TransferType", json!("COLD"))]);
    world.end_of_day();
}

#[test]
fn r4_the_target_is_busy_and_the_transferor_has_the_customer_back() {
    for status in [486, 404, 603, 500, 481] {
        let mut world = World::new(&["anna"]);
        world.behave("bank", Behaviour::Busy(status));
        referred(&mut world);
        assert_eq!(world.line("anna").progress.last(), Some(&status), "its true status (R1)");
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.expect_record(1, &[("/Baton/TransferType", json!("FAILED"))]);
        world.end_of_day();
    }
}

#[test]
fn r4_the_target_is_busy_and_the_transferor_has_gone() {
    let mut world = World::new(&["anna"]);
    world.behave("bank", Behaviour::Refuses(486, 2_000));
    referred(&mut world);
    world.hang_up("anna");
    world.expect_hearing(&[("C", "ring-back")]);
    world.clear_all();
    world.run_ms(2_000);
    assert!(world.rings("anna"), "the agent is recalled\n{}", world.ladder);
    assert!(world.all_kinds().contains(&"RECALLED".to_owned()), "by recall, not by the queue");
    world.expect_hearing(&[("C", "music")]);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn r4_the_target_is_busy_and_nobody_else_is_there_any_more() {
    let mut world = World::new(&["anna"]);
    world.behave("bank", Behaviour::Refuses(486, 2_000));
    world.call_in("C", "101");
    world.answer("anna");
    world.refer("anna", office::BANK);
    world.hang_up("anna");
    world.clear_all();
    world.unregister("anna");
    world.run_ms(2_000);
    world.expect_hearing(&[("C", "prompt")]);
    world.run_ms(10_000);
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r4_a_phone_that_holds_before_its_refer_keeps_the_customer_held_after_a_failure() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.hold("anna", baton_tests::world::Dialect::SendOnly);
    world.behave("bank", Behaviour::Refuses(486, 1_000));
    world.refer("anna", office::BANK);
    world.expect_hearing(&[("C", "ring-back")]);
    world.run_ms(1_500);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn r4_a_held_customer_whose_own_refer_fails_is_not_held_by_an_agent_that_has_left() {
    let mut world = World::new(&["anna", "bert"]);
    world.behave("bank", Behaviour::Refuses(486, 1_000));
    world.talking();
    world.click("anna", Control::Hold);
    world.refer("C", office::BANK);
    world.transfer_blind("anna", "Bert");
    world.run_ms(2_000);
    assert_ne!(world.state("C"), Some(ConnectionState::Hold), "{}", world.ladder);
    world.answer("bert");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn r9_referred_by_of_this_refer_is_carried_to_the_target() {
    let mut world = World::new(&["anna"]);
    referred(&mut world);
    let invite = world.ladder.rungs.iter().find(|rung| rung.to == "bank" && rung.title == "INVITE");
    let text = invite.expect("the bank is called").text();
    assert!(header(&text, "Referred-By").contains("anna-desk"), "{text}");
    world.end_of_day();
}

#[test]
fn p6_a_phone_that_hangs_up_by_itself_after_the_final_notify() {
    let mut world = World::new(&["anna"]);
    world.hang_up_after_transfer.push("anna".into());
    referred(&mut world);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    assert!(!world.is_up("anna"));
    world.end_of_day();
}

#[test]
fn a_blind_refer_to_an_agent_that_is_busy_waits_in_its_personal_queue() {
    let mut world = World::new(&["anna", "bert"]);
    world.dial("bert", office::PLUMBER);
    world.answer("plumber");
    referred_to_bert(&mut world);
    world.hang_up("plumber");
    world.clear_all();
    world.settle();
    world.answer("bert");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

fn referred_to_bert(world: &mut World) {
    world.talking();
    world.refer("anna", "102");
    world.expect_hearing(&[("C", "music")]);
    // A queue takes the customer at once: nobody needs to wait at the other end.
    assert_eq!(world.line("anna").progress.last(), Some(&200), "{}", world.ladder);
}

#[test]
fn a_refer_in_a_conference_of_three_takes_only_the_transferor_away() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    world.refer("anna", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank bert"), ("bert", "C bank"), ("bank", "C bert")]);
    world.end_of_day();
}
