//! Hold in a conference takes out who holds or is held, and nobody else; who comes back is heard by all again.

use baton_contact::command::Control;
use baton_tests::world::{Dialect, World};

fn conference() -> World {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
    world
}

#[test]
fn a_member_that_holds_by_its_phone_is_out_and_comes_back() {
    for who in ["anna", "bert"] {
        let mut world = conference();
        let other = if who == "anna" { "bert" } else { "anna" };
        world.hold(who, Dialect::SendOnly);
        world.expect_hearing(&[("C", other), (other, "C")]);
        assert!(world.is_up(who), "{}", world.ladder);
        world.unhold(who);
        world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
        world.end_of_day();
    }
}

#[test]
fn a_member_that_is_held_by_another_hears_music_and_comes_back() {
    for who in ["C", "bert"] {
        let mut world = conference();
        let other = if who == "C" { "bert" } else { "C" };
        let held = world.connection(who);
        world.click("anna", Control::HoldConnection(held));
        world.expect_hearing(&[(who, "music"), (other, "anna"), ("anna", other)]);
        world.click("anna", Control::ResumeConnection(held));
        world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
        world.end_of_day();
    }
}
