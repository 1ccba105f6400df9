//! M1–M4 over the whole path: what reaches an ear through hold, consult, join and leave is one unbroken stream.

use baton_contact::command::Control;
use baton_tests::world::World;

/// More than this between two packets is a gap (M3: 40 ms over the packet time of 20 ms).
const GAP_MS: u64 = 60;

#[test]
fn m1_m3_one_stream_through_hold_consult_join_and_leave() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.run_ms(500);
    let from_us = world.now_us;
    world.click("anna", Control::Hold);
    world.run_ms(500);
    world.click("anna", Control::Resume);
    world.run_ms(500);
    world.consult("anna", "Bert");
    world.run_ms(500);
    world.answer("bert");
    world.run_ms(500);
    world.click("anna", Control::Swap);
    world.run_ms(500);
    world.click("anna", Control::Join);
    world.run_ms(500);
    world.click("anna", Control::Leave);
    world.run_ms(500);
    assert!(world.longest_gap_ms("C", from_us) <= GAP_MS, "{} ms", world.longest_gap_ms("C", from_us));
    world.check_streams();
    world.end_of_day();
}

#[test]
fn m4_who_goes_on_talking_is_heard_without_a_break_when_a_third_joins_and_leaves() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.run_ms(1_000);
    world.click("anna", Control::Join);
    world.run_ms(1_000);
    let bert = world.connection("bert");
    world.click("anna", Control::Drop(bert));
    world.run_ms(1_000);
    // Anna heard the customer from the join on.
    let silence = world.longest_silence_ms("anna", "C", 2_000);
    assert!(silence <= 40, "{silence} ms without the customer's tone");
    world.end_of_day();
}

#[test]
fn m2_a_held_party_hears_music_only_and_is_heard_by_nobody() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    world.click("anna", Control::HoldAll);
    world.expect_hearing(&[("C", "music"), ("anna", "silence"), ("bert", "music")]);
    let bert = world.connection("bert");
    world.click("anna", Control::ResumeConnection(bert));
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    world.click("anna", Control::Mute(bert));
    world.expect_hearing(&[("bert", "anna"), ("anna", "silence")]);
    world.end_of_day();
}
