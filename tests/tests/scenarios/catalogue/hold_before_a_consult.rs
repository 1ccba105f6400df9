//! Hold and resume before a consult leave no one-way audio.

use baton_contact::command::Control;
use baton_tests::world::{Dialect, World};

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
