//! The final NOTIFY and the BYE that follows it are not swapped by the network: BYE waits for the NOTIFY's answer (R2).

use baton_tests::world::{Verdict, World, office};

fn referred() -> World {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", office::BANK);
    world.ladder.clear();
    world
}

#[test]
fn the_final_notify_and_the_bye_are_not_swapped_by_the_network() {
    let mut world = referred();
    world.decide("baton", "NOTIFY 200", Verdict::Late(60));
    world.answer("bank");
    world.settle();
    world.expect_ladder("anna", &["< NOTIFY 200", "> 200 NOTIFY", "< BYE", "> 200 BYE"]);
    assert_eq!(world.line("anna").progress.last(), Some(&200));
    world.end_of_day();
}

#[test]
fn a_network_that_swaps_everything_does_not_swap_them() {
    for seed in 0..20 {
        let mut world = World::with(&["anna"], seed, |_, _| {});
        world.talking();
        world.refer("anna", office::BANK);
        world.ladder.clear();
        world.network.latency_us = (1_000, 400_000);
        world.answer("bank");
        world.run_ms(4_000);
        let said = world.ladder.of("anna");
        let place = |rung: &str| said.iter().position(|each| each == rung).expect("it was said");
        assert!(place("> 200 NOTIFY") < place("< BYE"), "{}", world.ladder);
        assert_eq!(world.line("anna").progress.last(), Some(&200), "{}", world.ladder);
        world.end_of_day();
    }
}
