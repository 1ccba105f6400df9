//! Both hold at once. Towards baton each leg is a call of its own, so the holds do not cross; where an offer of ours meets
//! one of theirs, 491 and the two windows of RFC 3261 §14.1 part them (D4).

use baton_contact::command::Control;
use baton_tests::world::{Dialect, World, office};

#[test]
fn both_hold_and_resume_at_once_and_no_491_is_needed() {
    let mut world = World::with_sound(&["anna"]);
    world.talking();
    world.ladder.clear();
    let hold = |text: String| text.replace("a=sendrecv", "a=sendonly");
    world.offer("anna", hold);
    world.offer("C", hold);
    world.settle();
    assert!(!world.ladder.rungs.iter().any(|rung| rung.title == "491 INVITE"), "{}", world.ladder);
    world.offer("C", |text| text);
    world.offer("anna", |text| text);
    world.settle();
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_hold_that_meets_our_own_offer_is_tried_again_and_holds() {
    for after_us in [0, 4_000, 5_000, 6_000, 9_000] {
        let mut world = World::new(&["anna", "bert"]);
        // The customer's call is from a trunk that learns of changes by re-INVITE: here, by an offer of ours at any time.
        world.talking();
        world.consult("anna", "Bert");
        world.answer("bert");
        let left = world.try_click("anna", Control::Leave);
        assert!(left.is_ok());
        world.run_until(world.now_us + after_us);
        world.hold("bert", Dialect::SendOnly);
        world.run_ms(5_000);
        world.expect_hearing(&[("C", "music")]);
        world.unhold("bert");
        world.run_ms(5_000);
        world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
        world.end_of_day();
    }
}

#[test]
fn a_hold_in_the_midst_of_a_transfer_by_phone_and_panel_at_once() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.offer("anna", |text| text.replace("a=sendrecv", "a=sendonly"));
    drop(world.try_click("anna", Control::Hold));
    world.settle();
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    drop(world.try_click("anna", Control::Resume));
    world.settle();
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.refer("anna", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}
