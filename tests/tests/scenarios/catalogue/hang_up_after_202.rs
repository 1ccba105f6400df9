//! The transferor hangs up right after its REFER, whatever has arrived by then: the transfer goes on without it (R3).

use baton_tests::world::{World, office};

#[test]
fn transferor_hangs_up_at_any_moment_after_its_refer() {
    for after_us in [0, 1, 5_000, 9_999, 10_000, 10_019, 11_000, 15_000, 20_001, 25_000, 40_000] {
        let mut world = World::new(&["anna"]);
        world.talking();
        world.refer_now("anna", &format!("sip:{}@192.0.2.1", office::BANK));
        world.run_until(world.now_us + after_us);
        world.hang_up("anna");
        world.expect_hearing(&[("C", "ring-back")]);
        world.answer("bank");
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        world.end_of_day();
    }
}

#[test]
fn transferor_hangs_up_both_lines_at_any_moment_after_an_attended_refer() {
    for after_us in [0, 1, 5_000, 9_999, 10_000, 10_019, 11_000, 15_000, 20_001, 25_000, 40_000] {
        for first in ["anna", "anna/2"] {
            let mut world = World::new(&["anna"]);
            world.talking();
            world.dial("anna", office::BANK);
            world.answer("bank");
            let target = world.replacing("anna/2", false);
            world.refer_now("anna", &target);
            world.run_until(world.now_us + after_us);
            let second = if first == "anna" { "anna/2" } else { "anna" };
            for who in [first, second] {
                if world.is_up(who) {
                    world.hang_up_now(who);
                }
            }
            world.settle();
            world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
            world.end_of_day();
        }
    }
}
