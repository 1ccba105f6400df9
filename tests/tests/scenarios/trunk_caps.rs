//! A trunk takes as many calls as it may, and no more in a second than it may.

use std::net::SocketAddr;

use baton_contact::directory::Trunk;
use baton_tests::world::{World, header, office};

fn world(change: impl FnOnce(&mut Trunk)) -> World {
    World::with(&["anna", "bert"], 1, |_, directory| change(&mut directory.trunks[0]))
}

/// The last refusal that went to somebody: status and Retry-After.
fn refusal(world: &World, who: &str) -> (Option<u16>, String) {
    let sent = world.ladder.rungs.iter().rev().find(|rung| rung.title.ends_with("503 INVITE"));
    (world.line(who).refused, sent.map(|rung| header(&rung.text(), "Retry-After")).unwrap_or_default())
}

#[test]
fn a_call_in_above_its_cap_is_503_with_retry_after() {
    let mut world = world(|trunk| trunk.max_calls_in = Some(1));
    world.call_in("C", office::SUPPORT);
    world.call_in("D", office::SUPPORT);
    assert_eq!(refusal(&world, "D"), (Some(503), "10".to_owned()), "{}", world.ladder);
    assert!(world.line("C").refused.is_none());
    world.dial("bert", office::BANK);
    assert!(world.rings("bank"), "the other direction is free\n{}", world.ladder);
    world.hang_up("C");
    world.call_in("E", office::SUPPORT);
    assert!(world.line("E").refused.is_none(), "a place is free again\n{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_call_out_above_its_cap_is_503_with_retry_after() {
    let mut world = world(|trunk| trunk.max_calls_out = Some(1));
    world.dial("anna", office::BANK);
    world.dial("bert", office::PLUMBER);
    assert!(world.rings("bank"));
    assert_eq!(refusal(&world, "bert"), (Some(503), "10".to_owned()), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_call_above_the_pace_is_503_until_the_bucket_has_filled() {
    let mut world = world(|trunk| trunk.calls_per_second = Some(1));
    world.call_in("C", office::SUPPORT);
    world.call_in("D", office::SUPPORT);
    assert_eq!(refusal(&world, "D"), (Some(503), "10".to_owned()), "{}", world.ladder);
    world.run_ms(1_000);
    world.call_in("E", office::SUPPORT);
    assert!(world.line("E").refused.is_none(), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_full_trunk_gives_way_to_the_next_of_the_route() {
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
        directory.trunks[0].max_calls_out = Some(1);
        let address = SocketAddr::from(([192, 0, 2, 11], 5060)).to_string();
        directory.trunks.push(Trunk { name: "other".into(), address, ..Trunk::default() });
        directory.routes[0].alternatives = vec!["other".into()];
    });
    world.dial("anna", office::BANK);
    world.dial("bert", office::PLUMBER);
    assert!(world.rings("bank") && world.rings("plumber"), "{}", world.ladder);
    let to_other = world.ladder.rungs.iter().filter(|rung| rung.device == "gateway-11" && rung.title == "INVITE");
    assert_eq!(to_other.count(), 1);
    world.end_of_day();
}
