//! A REFER in a dialog is acted on or refused here, whoever sends it and whatever state the call is in; it goes nowhere else.

use baton_contact::command::Control;
use baton_tests::world::{Dialect, World, office};

/// Who refers, and in what state the call is brought before.
type Case = (&'static str, fn(&mut World));

#[test]
fn a_refer_of_anybody_in_any_state_is_answered_once_and_goes_nowhere_else() {
    let cases: [Case; 8] = [
        ("C", |world| world.talking()),
        ("anna", |world| world.talking()),
        ("anna", |world| {
            world.talking();
            world.hold("anna", Dialect::SendOnly);
        }),
        ("C", |world| {
            world.talking();
            world.click("anna", Control::Hold);
        }),
        ("C", |world| {
            world.set_status("anna", "Lunch");
            world.call_in("C", office::SUPPORT);
        }),
        ("bert", |world| {
            world.talking();
            world.consult("anna", "Bert");
            world.answer("bert");
        }),
        ("bank", |world| {
            world.talking();
            world.consult("anna", "Bank");
            world.answer("bank");
            world.click("anna", Control::Join);
        }),
        ("bank", |world| {
            world.talking();
            world.refer("anna", office::BANK);
            world.answer("bank");
        }),
    ];
    for (at, (who, prepare)) in cases.into_iter().enumerate() {
        for target in [office::PLUMBER, "555", "101", office::SUPPORT] {
            let mut world = World::new(&["anna", "bert"]);
            prepare(&mut world);
            world.ladder.clear();
            world.refer(who, target);
            let refers = world.ladder.rungs.iter().filter(|rung| rung.title == "REFER").count();
            assert_eq!(refers, 1, "case {at} to {target}: it goes nowhere else\n{}", world.ladder);
            let said = world.ladder.of(who);
            let answers = said.iter().filter(|rung| rung.starts_with("< ") && rung.ends_with(" REFER")).count();
            assert_eq!(answers, 1, "case {at} to {target}: it is answered\n{}", world.ladder);
            world.run_ms(1_000);
            let invites = world.ladder.rungs.iter().filter(|rung| rung.title == "INVITE").count();
            assert!(invites <= 1, "case {at} to {target}: nothing loops\n{}", world.ladder);
            world.end_of_day();
        }
    }
}

#[test]
fn a_caller_that_waits_refers_somebody_into_its_place() {
    let mut world = World::new(&["anna"]);
    world.set_status("anna", "Lunch");
    world.call_in("C", office::SUPPORT);
    world.ladder.clear();
    world.refer("C", office::BANK);
    assert_eq!(world.line("C").progress, [202, 100, 180], "{}", world.ladder);
    world.answer("bank");
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.expect_hearing(&[("bank", "music")]);
    world.set_status("anna", "Available");
    world.answer("anna");
    world.expect_hearing(&[("bank", "anna"), ("anna", "bank")]);
    world.end_of_day();
}
