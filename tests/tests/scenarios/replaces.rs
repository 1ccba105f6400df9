//! INVITE with Replaces, and REFERs whose Replaces fits nothing (R5).

use baton_tests::world::{World, office};

fn pick_up(world: &mut World, replaces: &str) -> Option<u16> {
    world.call_with("bert", "101", |invite| invite.replaces = Some(replaces.to_owned()));
    world.line("bert").refused
}

#[test]
fn r5_a_dialog_that_is_not_there_is_481() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    let replaces = world.replaces("anna", false);
    let wrong = replaces.replace("from-tag=", "from-tag=x");
    assert_eq!(pick_up(&mut world, &wrong), Some(481), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn r5_early_only_is_486_on_a_confirmed_dialog() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    let replaces = format!("{};early-only", world.replaces("anna", false));
    assert_eq!(pick_up(&mut world, &replaces), Some(486), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r5_603_when_the_dialog_is_over() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    let replaces = world.replaces("anna", false);
    world.hang_up("anna");
    assert_eq!(pick_up(&mut world, &replaces), Some(603), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r5_a_stranger_to_the_dialog_is_refused() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    let replaces = world.replaces("anna", false);
    assert_eq!(pick_up(&mut world, &replaces), Some(403), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_second_phone_of_the_same_agent_takes_the_call_over() {
    let mut world = World::new(&["anna"]);
    world.talking();
    for turned in [false, true] {
        let last = if turned { "anna/2" } else { "anna" };
        let replaces = world.replaces(last, turned);
        world.call_with("anna", "101", |invite| invite.replaces = Some(replaces));
        assert!(!world.lines.values().any(|line| line.refused.is_some()), "{}", world.ladder);
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    }
    world.end_of_day();
}

#[test]
fn r5_a_refer_to_a_dialog_of_others_is_refused() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.dial("bert", office::BANK);
    world.answer("bank");
    let target = world.replacing("bert", false);
    world.refer_now("anna", &target);
    world.settle();
    assert_eq!(world.line("anna").progress.first(), Some(&403), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("bert", "bank")]);
    world.end_of_day();
}
