//! The transferee, or the target, sends a re-INVITE during the transfer: it is answered here, and no offers cross.

use baton_tests::world::{Dialect, World, office};

#[test]
fn the_transferee_holds_and_resumes_in_each_stage_of_a_blind_transfer() {
    for stage in 0..3 {
        let mut world = World::with_sound(&["anna"]);
        world.talking();
        world.refer_now("anna", &format!("sip:{}@192.0.2.1", office::BANK));
        world.run_ms([3, 12, 200][stage]);
        world.hold("C", Dialect::SendOnly);
        world.answer("bank");
        world.unhold("C");
        assert!(world.line("C").offers_refused.is_empty(), "{}", world.ladder);
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        world.end_of_day();
    }
}

#[test]
fn each_end_sends_a_reinvite_at_the_instant_of_an_attended_transfer() {
    for who in ["C", "bank"] {
        for after_us in [0, 4_999, 5_001, 10_000] {
            let mut world = World::with_sound(&["anna"]);
            world.talking();
            world.dial("anna", office::BANK);
            world.answer("bank");
            let target = world.replacing("anna/2", false);
            world.refer_now("anna", &target);
            world.run_until(world.now_us + after_us);
            // The same description again, as phones do at a change of network.
            world.offer(who, |text| text);
            world.run_ms(3_000);
            assert!(world.line(who).pending.is_none(), "{who} has its answer\n{}", world.ladder);
            world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
            world.end_of_day();
        }
    }
}
