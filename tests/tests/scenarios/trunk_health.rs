//! Gateways are asked by OPTIONS whether they live; the dead get no calls.

use std::net::SocketAddr;

use baton_contact::command::{Command, Query, Reply};
use baton_contact::directory::Gateway;
use baton_contact::snapshot::TrunkView;
use baton_tests::world::{Verdict, World, office};

const SECOND: ([u8; 4], u16) = ([192, 0, 2, 10], 5060);

/// Two gateways, asked every 10 s: two failures take one down, two answers bring it back.
fn world() -> World {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        let gateway = |address: ([u8; 4], u16), priority| {
            let address = SocketAddr::from(address).to_string();
            Gateway { address, priority, ..Gateway::default() }
        };
        let trunk = &mut directory.trunks[0];
        trunk.address.clear();
        trunk.gateways = vec![gateway(office::TRUNK, 1), gateway(SECOND, 2)];
        trunk.options_interval_seconds = 10;
    });
    world.run_ms(20_000);
    world.ladder.clear();
    world
}

fn trunk(world: &mut World) -> TrunkView {
    match world.command(Command::Query(Query::Trunks)) {
        Ok(Reply::Trunks(mut trunks)) => trunks.remove(0),
        other => panic!("trunks were asked for: {other:?}"),
    }
}

fn up(world: &mut World) -> Vec<bool> {
    trunk(world).gateways.iter().map(|gateway| gateway.up).collect()
}

#[test]
fn each_gateway_is_asked_about_every_interval() {
    let mut world = world();
    world.run_ms(60_000);
    for gateway in ["pbx", "gateway-10"] {
        let asked = world.ladder.rungs.iter().filter(|rung| rung.device == gateway && rung.title == "OPTIONS");
        let count = asked.count();
        assert!((5..=7).contains(&count), "{gateway}: {count}");
    }
    let shown = trunk(&mut world);
    assert!(shown.gateways.iter().all(|gateway| gateway.up && gateway.last_status == Some(200)), "{shown:?}");
    world.end_of_day();
}

#[test]
fn a_dead_gateway_gets_no_calls_and_a_living_one_gets_them_back() {
    let mut world = world();
    world.unplug("pbx");
    world.run_ms(45_000);
    assert_eq!(up(&mut world), [false, true], "{}", world.ladder);
    assert_eq!(trunk(&mut world).gateways[0].last_status, Some(408));
    world.dial("anna", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    let invited = world.ladder.rungs.iter().any(|rung| rung.device == "pbx" && rung.title == "INVITE");
    assert!(!invited, "no time is lost\n{}", world.ladder);
    world.plug_in("pbx");
    world.run_ms(45_000);
    assert_eq!(up(&mut world), [true, true], "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn one_lost_answer_takes_no_gateway_down() {
    let mut world = world();
    let baton = SocketAddr::from(baton_tests::world::BATON);
    // One OPTIONS and its retransmissions to whoever is asked first.
    world.network.decide(baton, "OPTIONS", Verdict::Lose, 5);
    world.run_ms(60_000);
    assert_eq!(up(&mut world), [true, true], "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_trunk_without_a_living_gateway_fails_fast_with_503_and_retry_after() {
    let mut world = world();
    world.unplug("pbx");
    world.unplug("gateway-10");
    world.run_ms(45_000);
    assert_eq!(up(&mut world), [false, false], "{}", world.ladder);
    world.ladder.clear();
    world.dial("anna", office::BANK);
    assert_eq!(world.line("anna").refused, Some(503), "{}", world.ladder);
    let refusal = world.ladder.rungs.iter().find(|rung| rung.title == "503 INVITE").expect("a 503");
    assert!(refusal.text().contains("Retry-After: "), "{}", refusal.text());
    assert!(!world.ladder.rungs.iter().any(|rung| rung.from == "baton" && rung.title == "INVITE"));
    world.end_of_day();
}
