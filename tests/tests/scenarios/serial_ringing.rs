//! An agent's devices ring one after the other.

use baton_contact::directory::Ringing;
use baton_tests::world::{Behaviour, World, office};

/// Anna with a desk phone and one at home.
fn world() -> World {
    let mut world = World::with(&[], 1, |_, directory| {
        let anna = &mut directory.users[0];
        anna.phones.push(office::phone("anna-home", "anna"));
        (anna.ring, anna.serial_seconds) = (Ringing::Serial, 5);
        directory.queues[0].offer_timeout_seconds = 30;
    });
    world.register("anna");
    world.register("anna-home");
    world
}

#[test]
fn the_second_device_rings_when_the_first_has_rung_for_its_time() {
    let mut world = world();
    world.call_in("C", office::SUPPORT);
    assert!(world.rings("anna") && !world.rings("anna-home"), "{}", world.ladder);
    world.run_ms(5_000);
    assert!(!world.rings("anna") && world.rings("anna-home"), "{}", world.ladder);
    world.run_ms(10_000);
    assert!(world.rings("anna-home"), "the last one goes on\n{}", world.ladder);
    world.answer("anna-home");
    world.expect_hearing(&[("C", "anna-home"), ("anna-home", "C")]);
    world.end_of_day();
}

#[test]
fn a_busy_device_gives_way_at_once_and_a_declined_call_rings_nowhere_else() {
    for (status, second_rings) in [(486, true), (480, true), (603, false)] {
        let mut world = world();
        world.behave("anna", Behaviour::Busy(status));
        world.call_in("C", office::SUPPORT);
        assert_eq!(world.rings("anna-home"), second_rings, "{status}\n{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn a_caller_who_gives_up_ends_it_for_all_devices() {
    let mut world = world();
    world.call_in("C", office::SUPPORT);
    world.hang_up("C");
    world.run_ms(10_000);
    assert!(!world.rings("anna") && !world.rings("anna-home"), "{}", world.ladder);
    world.end_of_day();
}
