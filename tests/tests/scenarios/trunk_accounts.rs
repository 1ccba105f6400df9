//! Trunks that prove themselves by digest, and trunks that we register with.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use baton_contact::Input;
use baton_contact::command::{Command, Query, Reply};
use baton_contact::directory::{Gateway, Number, Register};
use baton_contact::snapshot::TrunkRegistrationView;
use baton_contact::trace::TraceMessage;
use baton_sip::digest::{Algorithm, ha1};
use baton_sip::{Access, Account, Credentials, PeerId, TrustedPeer};
use baton_tests::world::{World, header, office};

const SECOND: ([u8; 4], u16) = ([192, 0, 2, 10], 5060);

/// The trunk's networks are elsewhere, so that nothing is known by its source address.
fn by_digest() -> World {
    World::with(&["anna"], 1, |_, directory| {
        let trunk = &mut directory.trunks[0];
        trunk.networks = vec!["203.0.113.0/24".into()];
        trunk.inbound_username = Some("carrier".into());
        trunk.inbound_password = Some("in-secret".into());
    })
}

fn credentials(password: &str) -> Option<Credentials> {
    Some(Credentials { username: "carrier".into(), password: password.into() })
}

#[test]
fn a_trunk_that_proves_itself_by_digest_calls_from_anywhere() {
    let mut world = by_digest();
    world.call_with("C", office::SUPPORT, |invite| {
        invite.credentials = credentials("in-secret");
        let uri = "sip:+4930777@192.0.2.9".to_owned();
        invite.asserted_identity = Some(baton_sip::Party { display: "Zoe".into(), uri, user: "+4930777".into() });
    });
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.expect_record(1, &[("/CustomerEndpoint/Address", "+4930777".into())]);
    world.end_of_day();
}

#[test]
fn a_trunk_with_the_wrong_password_calls_nobody() {
    for given in [None, credentials("guess")] {
        let mut world = by_digest();
        world.call_with("C", office::SUPPORT, |invite| invite.credentials = given);
        world.run_ms(2_000);
        assert_eq!(world.line("C").refused, Some(407), "{}", world.ladder);
        world.end_of_day();
    }
}

/// An operator who follows a trunk sees the call that proves itself, its refusal too: its address says nothing.
#[test]
fn what_a_trunk_that_proves_itself_by_digest_sends_is_told_as_its_own() {
    let of_trunk = |given: Option<Credentials>, number: &str| {
        let mut world = by_digest();
        world.core.handle(world.now_us, Input::Trace(true));
        world.call_with("C", number, |invite| invite.credentials = given);
        world.run_ms(2_000);
        world.traces.retain(|trace| trace.trunk.as_deref() == Some("pbx"));
        assert!(world.traces.iter().all(|trace| trace.phone.is_none()), "{:?}", world.traces);
        let first_line = |trace: &TraceMessage| trace.message.lines().next().unwrap_or_default().to_owned();
        world.traces.iter().map(first_line).collect::<Vec<_>>()
    };
    let told = of_trunk(credentials("in-secret"), office::SUPPORT);
    assert!(told[0].starts_with("INVITE ") && told[1].contains(" 100 "), "{told:?}");
    let told = of_trunk(credentials("in-secret"), "nowhere");
    assert!(told.iter().any(|line| line.contains(" 404 ")), "{told:?}");
    let told = of_trunk(credentials("guess"), office::SUPPORT);
    assert!(told[0].starts_with("INVITE ") && told.iter().any(|line| line.contains(" 407 ")), "{told:?}");
    assert_eq!(of_trunk(None, office::SUPPORT), Vec::<String>::new());
}

/// A trunk with two gateways that we register with, each of which is a registrar.
fn registering() -> World {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        let gateway = |address: ([u8; 4], u16), priority| {
            let address = SocketAddr::from(address).to_string();
            Gateway { address, priority, ..Gateway::default() }
        };
        let queue = directory.numbers[0].queue.clone();
        directory.numbers.push(Number { number: "office".into(), queue, ..Number::default() });
        let trunk = &mut directory.trunks[0];
        trunk.address.clear();
        trunk.gateways = vec![gateway(office::TRUNK, 1), gateway(SECOND, 2)];
        trunk.networks = vec!["203.0.113.0/24".into()];
        (trunk.username, trunk.password) = (Some("office".into()), Some("out-secret".into()));
        trunk.register = Some(Register { aor: "sip:office@carrier.example".into(), expires_seconds: 100 });
    });
    for name in ["pbx", "gateway-10"] {
        become_registrar(&mut world, name);
    }
    world
}

fn become_registrar(world: &mut World, name: &str) {
    let hash = |algorithm| ha1("office", "baton", "out-secret", algorithm);
    let account = Account { ha1_md5: hash(Algorithm::Md5), ha1_sha256: hash(Algorithm::Sha256) };
    let baton = SocketAddr::from(baton_tests::world::BATON);
    let peer = TrustedPeer { peer: PeerId(0), network: baton.ip(), prefix: 32, port: None };
    let accounts = BTreeMap::from([("office".to_owned(), account)]);
    let access = Access { accounts, peers: vec![peer], ..Access::default() };
    let (at, now_us) = (world.device(name), world.now_us);
    world.devices[at].endpoint.command(now_us, baton_sip::Command::SetAccess(access)).expect("a registrar");
}

fn registration(world: &mut World) -> TrunkRegistrationView {
    match world.command(Command::Query(Query::Trunks)) {
        Ok(Reply::Trunks(mut trunks)) => trunks.remove(0).registration.expect("it registers"),
        other => panic!("trunks were asked for: {other:?}"),
    }
}

fn registers(world: &World, to: &str) -> usize {
    world.ladder.rungs.iter().filter(|rung| rung.device == to && rung.title == "REGISTER").count()
}

/// The gateways were no registrars before ten o'clock: after the longest back-off that has come of it.
fn registered() -> World {
    let mut world = registering();
    world.run_ms(121_000);
    assert!(registration(&mut world).registered, "{}", world.ladder);
    world
}

#[test]
fn a_registration_is_challenged_kept_and_refreshed_before_it_expires() {
    let mut world = registered();
    let shown = registration(&mut world);
    assert_eq!((shown.gateway.as_str(), shown.last_status), ("192.0.2.9:5060", Some(200)));
    world.ladder.clear();
    world.run_ms(900_000);
    assert!(registration(&mut world).registered, "{}", world.ladder);
    let refreshes = registers(&world, "pbx") / 2;
    assert!((9..=12).contains(&refreshes), "{refreshes} refreshes in 15 minutes\n{}", world.ladder);
    let texts: Vec<String> =
        world.ladder.rungs.iter().filter(|rung| rung.title == "REGISTER").map(|rung| rung.text()).collect();
    assert!(texts.iter().all(|text| header(text, "Call-ID") == header(&texts[0], "Call-ID")));
    let numbers: Vec<u32> =
        texts.iter().filter_map(|text| header(text, "CSeq").split(' ').next()?.parse().ok()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    world.end_of_day();
}

#[test]
fn a_call_on_our_registration_is_the_trunks_wherever_it_comes_from() {
    let mut world = registered();
    let at = world.device("pbx");
    let contact = world.devices[at].endpoint.bindings("office")[0].contact.clone();
    world.call_with("C", office::SUPPORT, |invite| invite.uri = contact);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.call_with("D", office::SUPPORT, |invite| invite.uri = "sip:line-0000000000000000@192.0.2.1".into());
    world.run_ms(1_000);
    assert_eq!(world.line("D").refused, Some(407), "a guess is a stranger's\n{}", world.ladder);
    world.end_of_day();
}

/// Asterisk writes our Contact into To as well, and so do we: what was called is the account that we registered.
#[test]
fn a_call_on_our_registration_that_names_no_number_is_for_the_account_that_we_registered() {
    let mut world = registered();
    let at = world.device("pbx");
    let contact = world.devices[at].endpoint.bindings("office")[0].contact.clone();
    world.call_with("C", office::SUPPORT, |invite| {
        invite.to.uri.clone_from(&contact);
        invite.uri = contact;
    });
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.expect_record(1, &[("/SystemEndpoint/Address", "office".into())]);
    world.end_of_day();
}

#[test]
fn a_silent_registrar_is_left_for_the_next_gateway() {
    let mut world = registered();
    world.unplug("pbx");
    world.run_ms(100_000);
    let shown = registration(&mut world);
    assert!(shown.registered, "{}", world.ladder);
    assert_eq!(shown.gateway, "192.0.2.10:5060");
    world.end_of_day();
}

#[test]
fn a_registrar_that_is_not_wanted_any_more_is_told() {
    let mut world = registered();
    world.directory.trunks[0].register = None;
    let directory = Box::new(world.directory.clone());
    assert!(world.command(Command::SetDirectory(directory)).is_ok());
    world.settle();
    let at = world.device("pbx");
    assert!(world.devices[at].endpoint.bindings("office").is_empty(), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_trunk_that_is_deleted_is_unregistered() {
    let mut world = registered();
    world.directory.trunks.clear();
    world.directory.routes.clear();
    let directory = Box::new(world.directory.clone());
    assert!(world.command(Command::SetDirectory(directory)).is_ok());
    world.settle();
    let at = world.device("pbx");
    assert!(world.devices[at].endpoint.bindings("office").is_empty(), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_wrong_password_waits_longer_and_longer() {
    let mut world = registering();
    for name in ["pbx", "gateway-10"] {
        let (at, now_us) = (world.device(name), world.now_us);
        let command = baton_sip::Command::SetAccess(Access::default());
        world.devices[at].endpoint.command(now_us, command).expect("nobody is known");
    }
    world.run_ms(3_600_000);
    assert!(!registration(&mut world).registered);
    // 30 s, doubled up to 30 min, half of each at random: some eight rounds an hour, two requests each.
    let sent = registers(&world, "pbx") + registers(&world, "gateway-10");
    assert!((8..=26).contains(&sent), "{sent}\n{}", world.ladder);
    world.end_of_day();
}
