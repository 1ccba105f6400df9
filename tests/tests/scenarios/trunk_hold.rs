//! How a trunk is told that its party is on hold (D6): in the dialect that it wants, by one offer at a time.

use baton_contact::command::Control;
use baton_contact::directory::HoldSignal;
use baton_sdp::RemoteHold;
use baton_tests::world::{Dialect, World};

fn world(hold: HoldSignal) -> World {
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| directory.trunks[0].hold = hold);
    world.add_sound();
    world
}

/// The directions of our offers to the trunk so far, with `0` where the connection address was none.
fn offered(world: &World) -> Vec<String> {
    let ours = world.ladder.rungs.iter().filter(|rung| rung.from == "baton" && rung.to != "anna" && rung.to != "bert");
    let direction = |text: String| {
        let zero = if text.contains("c=IN IP4 0.0.0.0") { "0 " } else { "" };
        text.rsplit("a=").next().map(|last| format!("{zero}{}", last.trim()))
    };
    ours.filter(|rung| rung.title == "re-INVITE").filter_map(|rung| direction(rung.text())).collect()
}

/// Whether baton holds the customer, as the trunk knows it.
fn holds(world: &World) -> RemoteHold {
    world.line("C").negotiated().map(|negotiated| negotiated.remote_hold).expect("a call with sound")
}

#[test]
fn d6_a_trunk_is_told_of_hold_in_its_own_dialect() {
    for (signal, held, hears) in [
        (HoldSignal::SendOnly, "sendonly", "music"),
        (HoldSignal::Inactive, "inactive", "silence"),
        (HoldSignal::ZeroAddress, "0 sendonly", "music"),
    ] {
        let mut world = world(signal);
        world.talking();
        world.ladder.clear();
        world.click("anna", Control::Hold);
        assert_eq!(offered(&world), [held], "{}", world.ladder);
        world.run_ms(1_000);
        assert_eq!(world.sounds("C"), hears, "{signal:?}");
        world.click("anna", Control::Resume);
        assert_eq!(offered(&world), [held, "sendrecv"], "{}", world.ladder);
        world.run_ms(1_000);
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.end_of_day();
    }
}

#[test]
fn a_trunk_that_wants_to_know_nothing_is_told_nothing() {
    let mut world = world(HoldSignal::None);
    world.talking();
    world.ladder.clear();
    world.click("anna", Control::Hold);
    world.expect_hearing(&[("C", "music")]);
    assert!(offered(&world).is_empty(), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn d3_a_customer_is_told_the_end_of_its_hold_when_it_is_handed_on() {
    let mut world = world(HoldSignal::SendOnly);
    world.talking();
    world.ladder.clear();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    world.click("anna", Control::Leave);
    assert_eq!(offered(&world), ["sendonly", "sendrecv"], "{}", world.ladder);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn both_parties_of_one_trunk_are_told_each_by_itself() {
    let mut world = world(HoldSignal::Inactive);
    world.talking();
    world.ladder.clear();
    world.consult("anna", "Bank");
    world.answer("bank");
    world.click("anna", Control::Swap);
    world.click("anna", Control::Join);
    let told = |who: &str| {
        let offers = world.ladder.rungs.iter().filter(|rung| rung.from == "baton" && rung.title == "re-INVITE");
        let mine = offers.filter(|rung| rung.to == who);
        mine.filter_map(|rung| rung.text().rsplit("a=").next().map(|last| last.trim().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(told("C"), ["inactive", "sendrecv"], "{}", world.ladder);
    assert_eq!(told("bank"), ["inactive", "sendrecv"], "{}", world.ladder);
    world.run_ms(1_000);
    world.expect_hearing(&[("C", "anna bank"), ("anna", "C bank"), ("bank", "C anna")]);
    world.end_of_day();
}

#[test]
fn d4_holds_that_change_and_cross_end_in_what_is_true() {
    for after_us in [0, 4_000, 6_000, 9_000, 20_000] {
        let mut world = world(HoldSignal::SendOnly);
        world.talking();
        // Their offer meets ours, and ours changes before it is answered.
        drop(world.try_click("anna", Control::Hold));
        world.run_until(world.now_us + after_us);
        world.offer("C", |text| text);
        drop(world.try_click("anna", Control::Resume));
        drop(world.try_click("anna", Control::Hold));
        world.run_ms(10_000);
        assert_eq!(holds(&world), RemoteHold::SendOnly, "{after_us}:\n{}", world.ladder);
        world.expect_hearing(&[("C", "music")]);
        drop(world.try_click("anna", Control::Resume));
        world.run_ms(10_000);
        assert_eq!(holds(&world), RemoteHold::None, "{after_us}:\n{}", world.ladder);
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.end_of_day();
    }
}

#[test]
fn d6_the_trunks_own_hold_within_ours_is_its_own_matter() {
    let mut world = world(HoldSignal::SendOnly);
    world.talking();
    world.click("anna", Control::Hold);
    for dialect in [Dialect::Inactive, Dialect::ZeroAddress, Dialect::SendOnly] {
        world.hold("C", dialect);
        world.unhold("C");
    }
    world.click("anna", Control::Resume);
    world.run_ms(1_000);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_trunk_that_refuses_to_be_told_keeps_its_call_and_is_asked_once() {
    let mut world = world(HoldSignal::SendOnly);
    world.talking();
    world.ladder.clear();
    world.refuse_offers("C", 488);
    world.click("anna", Control::Hold);
    world.run_ms(5_000);
    assert_eq!(offered(&world), ["sendonly"], "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.click("anna", Control::Resume);
    world.run_ms(1_000);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_customer_is_heard_again_though_its_trunk_refuses_the_resume() {
    for (signal, held) in [(HoldSignal::SendOnly, "sendonly"), (HoldSignal::Inactive, "inactive")] {
        for status in [500, 503, 488] {
            let mut world = world(signal);
            world.talking();
            world.ladder.clear();
            world.click("anna", Control::Hold);
            world.refuse_offers("C", status);
            world.click("anna", Control::Resume);
            world.run_ms(500);
            // It is spoken to, and heard if it speaks: whether it does is its trunk's to say.
            assert_eq!(world.sounds("C"), "anna", "{signal:?} {status}\n{}", world.ladder);
            world.run_ms(2_000);
            let asked = offered(&world);
            assert_eq!(asked[..3], [held, "sendrecv", "sendrecv"], "{}", world.ladder);
            world.accept_offers("C");
            world.run_ms(4_000);
            assert_eq!(holds(&world), RemoteHold::None, "{signal:?} {status}\n{}", world.ladder);
            world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
            // And the next hold is told as if nothing had been.
            world.ladder.clear();
            world.click("anna", Control::Hold);
            assert_eq!(offered(&world), [held], "{}", world.ladder);
            world.click("anna", Control::Resume);
            world.end_of_day();
        }
    }
}

#[test]
fn a_trunk_is_asked_to_end_a_hold_only_so_often() {
    let mut world = world(HoldSignal::Inactive);
    world.talking();
    world.click("anna", Control::Hold);
    world.refuse_offers("C", 500);
    world.ladder.clear();
    world.click("anna", Control::Resume);
    world.run_ms(300_000);
    assert_eq!(offered(&world).len(), 7, "{}", world.ladder);
    assert_eq!(world.sounds("C"), "anna");
    // On hold once more it is as it was told: nothing flows.
    world.click("anna", Control::Hold);
    world.run_ms(1_000);
    assert_eq!((offered(&world).len(), world.sounds("C").as_str()), (7, "silence"));
    world.click("anna", Control::Resume);
    world.run_ms(1_000);
    assert_eq!(world.sounds("C"), "anna");
    world.end_of_day();
}
