//! Digits cross every bridge (M5), and feature codes drive the contact as the panel does.

use baton_contact::command::Control;
use baton_tests::world::World;

fn consulting(world: &mut World) {
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
}

#[test]
fn m5_digits_cross_the_bridge_after_a_join() {
    let mut world = World::with_sound(&["anna", "bert"]);
    consulting(&mut world);
    world.press("anna", '7');
    assert_eq!((world.digits_heard("bert"), world.digits_heard("C")), ("7".into(), String::new()));
    world.click("anna", Control::Join);
    world.press("C", '5');
    assert_eq!((world.digits_heard("anna"), world.digits_heard("bert")), ("5".into(), "75".into()));
    world.click("anna", Control::Leave);
    world.press("bert", '9');
    assert_eq!(world.digits_heard("C"), "9");
    world.end_of_day();
}

#[test]
fn m5_digits_by_info_cross_as_events() {
    let mut world = World::with_sound(&["anna", "bert"]);
    consulting(&mut world);
    world.click("anna", Control::Join);
    world.press_by_info("C", '3');
    world.run_ms(500);
    assert_eq!((world.digits_heard("anna"), world.digits_heard("bert")), ("3".into(), "3".into()));
    world.end_of_day();
}

#[test]
fn feature_codes_swap_join_and_leave() {
    let mut world = World::with_sound(&["anna", "bert"]);
    consulting(&mut world);
    for (code, expected) in [
        ('4', [("C", "anna"), ("bert", "music")]),
        ('3', [("C", "anna bert"), ("bert", "C anna")]),
        ('2', [("C", "bert"), ("bert", "C")]),
    ] {
        world.press("anna", '*');
        world.press("anna", code);
        world.expect_hearing(&expected);
    }
    world.end_of_day();
}

#[test]
fn a_feature_code_by_info_gives_the_target_up() {
    let mut world = World::new(&["anna", "bert"]);
    consulting(&mut world);
    world.press_by_info("anna", '*');
    world.press_by_info("anna", '1');
    assert!(!world.is_up("bert"));
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}
