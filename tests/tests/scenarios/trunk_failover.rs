//! A call out goes from gateway to gateway, and from trunk to trunk, until one takes it.

use std::net::SocketAddr;

use baton_contact::directory::{Directory, Gateway, RedirectPolicy, Trunk};
use baton_tests::world::{Behaviour, Verdict, World, header, office};

/// The second gateway, and another trunk's only one.
const SECOND: ([u8; 4], u16) = ([192, 0, 2, 10], 5060);
const OTHER: ([u8; 4], u16) = ([192, 0, 2, 11], 5060);

fn gateway(address: ([u8; 4], u16), priority: u16) -> Gateway {
    Gateway { address: SocketAddr::from(address).to_string(), priority, ..Gateway::default() }
}

/// The office's trunk has two gateways, and its route another trunk behind it.
fn two_gateways(directory: &mut Directory) {
    directory.trunks[0].address.clear();
    directory.trunks[0].gateways = vec![gateway(office::TRUNK, 1), gateway(SECOND, 2)];
    let address = SocketAddr::from(OTHER).to_string();
    directory.trunks.push(Trunk { name: "other".into(), address, ..Trunk::default() });
    directory.routes[0].alternatives = vec!["other".into()];
}

fn world() -> World {
    World::with(&["anna"], 1, |_, directory| two_gateways(directory))
}

/// Who got how many INVITEs, retransmissions not counted.
fn called(world: &World, gateway: &str) -> usize {
    let rungs = world.ladder.rungs.iter().filter(|rung| rung.device == gateway && rung.title == "INVITE");
    rungs.map(|rung| &rung.call_id).collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn the_gateway_of_the_lowest_priority_is_the_only_one_that_is_called() {
    let mut world = world();
    world.dial("anna", office::BANK);
    world.answer("bank");
    assert_eq!(["pbx", "gateway-10", "gateway-11"].map(|gateway| called(&world, gateway)), [1, 0, 0]);
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_silent_gateway_is_left_for_the_next_one() {
    let mut world = world();
    world.unplug("pbx");
    world.dial("anna", office::BANK);
    assert_eq!(called(&world, "gateway-10"), 0);
    world.run_ms(4_000);
    assert!(world.rings("bank"), "{}", world.ladder);
    world.answer("bank");
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    assert_eq!(["pbx", "gateway-10", "gateway-11"].map(|gateway| called(&world, gateway)), [1, 1, 0]);
    world.end_of_day();
}

#[test]
fn a_503_moves_on_and_a_word_of_the_called_party_does_not() {
    let cases = [(503, true), (486, false), (404, false), (480, false), (408, false), (600, false), (500, false)];
    for (status, moves) in cases {
        let mut world = world();
        world.behave("pbx", Behaviour::Busy(status));
        world.dial("anna", office::BANK);
        // A 408 that comes with nothing before it is a gateway's time-out, not a called party's.
        let moves = moves || status == 408;
        assert_eq!(world.rings("bank"), moves, "{status}\n{}", world.ladder);
        assert_eq!(called(&world, "gateway-10"), usize::from(moves), "{status}");
        assert_eq!(world.line("anna").refused.is_none(), moves, "{status}");
        world.end_of_day();
    }
}

#[test]
fn a_503_after_ringing_is_final() {
    let mut world = world();
    world.behave("pbx", Behaviour::Refuses(503, 500));
    world.dial("anna", office::BANK);
    world.run_ms(1_000);
    assert_eq!(called(&world, "gateway-10"), 0, "{}", world.ladder);
    assert_eq!(world.line("anna").refused, Some(503));
    world.end_of_day();
}

#[test]
fn the_next_trunk_of_the_route_is_tried_when_no_gateway_is_left() {
    let mut world = world();
    world.unplug("pbx");
    world.behave("gateway-10", Behaviour::Busy(503));
    world.dial("anna", office::BANK);
    world.run_ms(4_000);
    assert_eq!(["pbx", "gateway-10", "gateway-11"].map(|gateway| called(&world, gateway)), [1, 1, 1]);
    world.answer("bank");
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn the_caller_gets_503_when_nobody_takes_the_call() {
    let mut world = world();
    for gateway in ["pbx", "gateway-10", "gateway-11"] {
        world.behave(gateway, Behaviour::Busy(503));
    }
    world.dial("anna", office::BANK);
    assert_eq!(world.line("anna").refused, Some(503), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn d1_a_gateway_that_wakes_up_too_late_is_cancelled() {
    let mut world = world();
    let baton = SocketAddr::from(baton_tests::world::BATON);
    world.network.decide(baton, "INVITE", Verdict::Late(4_300), 1);
    world.network.decide(baton, "INVITE", Verdict::Lose, 3);
    world.dial("anna", office::BANK);
    world.run_ms(4_000);
    world.answer("bank");
    world.run_ms(1_000);
    assert_eq!(called(&world, "gateway-10"), 1, "{}", world.ladder);
    assert!(!world.rings("bank"), "the late phone is not left ringing\n{}", world.ladder);
    assert!(world.ladder.rungs.iter().any(|rung| rung.device == "pbx" && rung.title == "CANCEL"), "{}", world.ladder);
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_302_of_the_trunk_is_followed_or_refused_by_its_policy() {
    for (policy, moves) in [(RedirectPolicy::Follow, true), (RedirectPolicy::Refuse, false)] {
        let mut world = World::with(&["anna"], 1, |_, directory| {
            two_gateways(directory);
            directory.trunks[0].redirect = policy;
        });
        world.unplug("pbx");
        world.dial("anna", office::BANK);
        let sent = world.ladder.rungs.iter().find(|rung| rung.device == "pbx" && rung.title == "INVITE");
        let invite = sent.expect("an INVITE").text();
        let copied = ["Via", "From", "Call-ID", "CSeq"].map(|name| format!("{name}: {}", header(&invite, name)));
        let moved = format!(
            "SIP/2.0 302 Moved\n{}\nTo: {};tag=moved\nContact: <sip:bank@192.0.2.10:5060>",
            copied.join("\n"),
            header(&invite, "To")
        );
        world.send_text(SocketAddr::from(office::TRUNK), &moved);
        world.settle();
        assert_eq!(called(&world, "gateway-10"), usize::from(moves), "{policy:?}\n{}", world.ladder);
        assert_eq!(world.line("anna").refused.is_none(), moves, "{policy:?}\n{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn a_caller_who_gives_up_ends_the_search() {
    let mut world = world();
    world.unplug("pbx");
    world.dial("anna", office::BANK);
    world.hang_up("anna");
    world.run_ms(10_000);
    assert_eq!(called(&world, "gateway-10"), 0, "{}", world.ladder);
    world.end_of_day();
}
