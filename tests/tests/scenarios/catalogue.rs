//! Races and slips that other systems published as bugs, each as a test here.

use baton_contact::command::Control;
use baton_tests::world::{Dialect, Verdict, World, office};

#[test]
fn a_refer_is_repeated_after_its_subscription_is_gone() {
    let mut world = World::new(&["anna"]);
    world.talking();
    let refer = format!("Refer-To: <sip:{}@192.0.2.1>", office::BANK);
    world.send_in_dialog("anna", "REFER", 500, &refer);
    world.settle();
    world.answer("bank");
    world.ladder.clear();
    for _ in 0..3 {
        world.send_in_dialog("anna", "REFER", 500, &refer);
        world.settle();
    }
    let said = world.ladder.of("anna");
    let answers: Vec<&String> = said.iter().filter(|rung| rung.ends_with(" REFER") && rung.starts_with('<')).collect();
    assert!(answers.iter().all(|rung| *rung == "< 202 REFER" || *rung == "< 481 REFER"), "{}", world.ladder);
    assert_eq!(answers.len(), 3, "{}", world.ladder);
    assert!(!world.rings("bank/2"), "nobody is called twice");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

#[test]
fn hold_on_a_call_that_has_only_one_leg_yet() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", office::SUPPORT);
    world.hold("C", Dialect::SendOnly);
    world.unhold("C");
    world.expect_hearing(&[("C", "music")]);
    world.dial("anna", "200");
    world.hold("anna", Dialect::SendOnly);
    world.unhold("anna");
    world.end_of_day();
}

#[test]
fn hold_before_a_consult_leaves_no_one_way_audio() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.unhold("anna");
    world.consult("anna", "Bert");
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn the_customer_is_not_left_on_hold_after_an_attended_transfer() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.hold("anna", Dialect::Inactive);
    world.dial("anna", "102");
    world.answer("bert");
    world.refer_to_line("anna", "anna/2");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn the_final_notify_and_the_bye_are_not_swapped_by_the_network() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", office::BANK);
    world.ladder.clear();
    world.decide("baton", "NOTIFY 200", Verdict::Late(60));
    world.answer("bank");
    world.settle();
    world.expect_ladder("anna", &["< NOTIFY 200", "> 200 NOTIFY", "< BYE", "> 200 BYE"]);
    assert_eq!(world.line("anna").progress.last(), Some(&200));
    world.end_of_day();
}

#[test]
fn a_caller_that_waits_refers_somebody_into_its_place() {
    let mut world = World::new(&["anna"]);
    world.set_status("anna", "Lunch");
    world.call_in("C", office::SUPPORT);
    world.ladder.clear();
    world.refer("C", office::BANK);
    assert_eq!(world.line("C").progress, [202, 100, 180], "{}", world.ladder);
    let sent = world.ladder.rungs.iter().filter(|rung| rung.title == "REFER").count();
    assert_eq!(sent, 1, "the request goes nowhere else");
    world.answer("bank");
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.expect_hearing(&[("bank", "music")]);
    world.set_status("anna", "Available");
    world.answer("anna");
    world.expect_hearing(&[("bank", "anna"), ("anna", "bank")]);
    world.end_of_day();
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
