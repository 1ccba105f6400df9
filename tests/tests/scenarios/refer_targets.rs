//! What a Refer-To may name (RFC 3515 §2.4.2), from a phone and from a trunk: addresses of ours, telephone numbers however they are
//! written, other domains, and addresses that want TLS.

use baton_contact::directory::{Gateway, NumberPlan, ReferPolicy, Route, SecurityProfile, TrunkTransport};
use baton_tests::world::World;

const OURS: &str = "pbx.example.com";

fn world() -> World {
    let mut world = World::with(&["anna", "bert"], 1, |config, directory| {
        config.sip.domains = vec![OURS.into()];
        directory.trunks[0].numbers = Some(NumberPlan { country: Some("DE".into()), ..NumberPlan::default() });
        directory.routes.push(Route { prefix: "0".into(), trunk: "pbx".into(), ..Route::default() });
    });
    world.talking();
    world.ladder.clear();
    world
}

fn refer(world: &mut World, who: &str, target: &str) {
    assert!(world.refer_now(who, target), "{target}");
    world.settle();
}

#[test]
fn each_kind_of_address_reaches_who_is_meant() {
    let cases = [
        ("sip:102@192.0.2.1", "bert"),
        ("sip:102@192.0.2.1:5060;transport=udp", "bert"),
        ("sip:102@pbx.example.com", "bert"),
        ("sip:bert-desk@PBX.Example.COM.", "bert"),
        ("sip:+49404040@192.0.2.1", "bank"),
        ("sip:+49404040@192.0.2.1;user=phone", "bank"),
        // A global telephone number is one at every host (RFC 3966 §5.1.4), with what helps the eye and parameters of its own, and
        // many leave `user=phone` away.
        ("sip:+49404040@elsewhere.example", "bank"),
        ("sip:+49-40-4040@elsewhere.example;user=phone", "bank"),
        ("sip:+49(40)4040;phone-context=x@elsewhere.example;user=phone", "bank"),
        ("tel:+49404040", "bank"),
        ("tel:+49-40-4040", "bank"),
        ("tel:+49(40)40.40;ext=7", "bank"),
        ("tel:040-4040;phone-context=+49", "bank"),
        ("tel:4040;phone-context=+49-40", "bank"),
        ("tel:102;phone-context=pbx.example.com", "bert"),
    ];
    for (transferor, stays) in [("anna", "C"), ("C", "anna")] {
        for (target, reached) in cases {
            let mut world = world();
            refer(&mut world, transferor, target);
            assert!(world.ladder.of(transferor).contains(&"< 202 REFER".to_owned()), "{target}\n{}", world.ladder);
            assert!(world.rings(reached), "{transferor}, {target}\n{}", world.ladder);
            world.answer(reached);
            world.expect_hearing(&[(stays, reached), (reached, stays)]);
            world.end_of_day();
        }
    }
}

#[test]
fn what_cannot_be_called_is_refused_at_once_and_the_call_goes_on() {
    let cases = [
        // Another domain: nobody of ours is meant by its 102.
        ("sip:102@elsewhere.example", 404),
        ("sip:102@203.0.113.9", 404),
        ("sip:elsewhere.example", 404),
        // Nor by a local telephone number of others (RFC 3966 §5.1.5).
        ("sip:102@elsewhere.example;user=phone", 404),
        ("tel:102;phone-context=elsewhere.example", 404),
        ("sip:102;phone-context=elsewhere.example@pbx.example.com;user=phone", 404),
        // A number that leads nowhere, and what is no address of a call.
        ("tel:7777", 404),
        ("mailto:bert@pbx.example.com", 416),
        // Bert's phone and the trunk are called by UDP, and who will take a queue's call is not known (RFC 5630 §5.4).
        ("sips:102@pbx.example.com", 480),
        ("sips:+49404040@pbx.example.com;user=phone", 480),
        ("sips:200@pbx.example.com", 480),
    ];
    for (transferor, stays) in [("anna", "C"), ("C", "anna")] {
        for (target, status) in cases {
            let mut world = world();
            world.send_in_dialog(transferor, "REFER", 500, &format!("Refer-To: <{target}>"));
            world.settle();
            world.expect_ladder(transferor, &["> REFER", &format!("< {status} REFER")]);
            world.expect_hearing(&[(stays, transferor), (transferor, stays)]);
            world.end_of_day();
        }
    }
}

#[test]
fn a_peer_may_name_its_own_host_and_without_domains_any() {
    let mut world = world();
    refer(&mut world, "C", "sip:102@192.0.2.9:5062");
    assert!(world.rings("bert"), "{}", world.ladder);
    world.end_of_day();

    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    refer(&mut world, "anna", "sip:102@elsewhere.example");
    assert!(world.rings("bert"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn rfc3966_5_1_5_a_local_number_of_another_exchange_is_called_there() {
    let mut world = world();
    refer(&mut world, "anna", "tel:102;phone-context=+1-212");
    let invited = world.ladder.rungs.iter().find(|rung| rung.from == "baton" && rung.title == "INVITE");
    assert_eq!(invited.expect("a call").to, "+1212102", "{}", world.ladder);
    world.end_of_day();
}

/// A world where the trunk has two gateways and shows a certificate, with a policy for its REFERs.
fn carrier(policy: ReferPolicy) -> World {
    let mut world = World::with(&["anna", "bert"], 1, |config, directory| {
        config.sip.domains = vec![OURS.into()];
        let trunk = &mut directory.trunks[0];
        let gateway = |address: String| Gateway { address, ..Gateway::default() };
        trunk.gateways = vec![gateway(std::mem::take(&mut trunk.address)), gateway("192.0.2.78:5060".into())];
        trunk.networks = vec!["192.0.2.9/32".into()];
        trunk.certificate_names = vec!["SBC.carrier.example".into()];
        trunk.refer = policy;
    });
    world.talking();
    world.ladder.clear();
    world
}

#[test]
fn every_host_of_a_trunk_is_its_own() {
    for target in ["sip:102@192.0.2.78", "sip:102@sbc.carrier.example"] {
        let mut world = carrier(ReferPolicy::Terminate);
        refer(&mut world, "C", target);
        assert!(world.rings("bert"), "{target}\n{}", world.ladder);
        world.end_of_day();
        // They are nobody else's.
        let mut world = carrier(ReferPolicy::Terminate);
        world.send_in_dialog("anna", "REFER", 500, &format!("Refer-To: <{target}>"));
        world.settle();
        world.expect_ladder("anna", &["> REFER", "< 404 REFER"]);
        world.end_of_day();
    }
}

#[test]
fn r11_a_trunks_policy_comes_before_the_question_whose_address_it_is() {
    let mut world = carrier(ReferPolicy::Refuse);
    world.send_in_dialog("C", "REFER", 500, "Refer-To: <sip:102@elsewhere.example>");
    world.settle();
    world.expect_ladder("C", &["> REFER", "< 403 REFER"]);
    world.end_of_day();

    // What is passed on is not ours to judge, and stays as it is.
    let mut world = carrier(ReferPolicy::Pass);
    world.ponder("anna");
    world.send_in_dialog("C", "REFER", 500, "Refer-To: <sip:102@elsewhere.example>");
    world.settle();
    assert_eq!(world.asked("anna"), Some(("sip:102@elsewhere.example".into(), false)), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r12_an_address_elsewhere_is_judged_as_one_outside_and_not_by_its_user_part() {
    let classes = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let cases = [
        // Nobody of ours is meant by its 102.
        ("sip:102@elsewhere.example", true, classes(&["other"]), true),
        ("sip:102@elsewhere.example", true, classes(&["internal"]), false),
        // Whose calls may not go on outside leads nobody out there.
        ("sip:102@elsewhere.example", false, None, false),
        ("sip:102@pbx.example.com", false, classes(&["internal"]), true),
        ("sip:102@pbx.example.com", true, classes(&["other"]), false),
    ];
    for (target, tandem, transfer, passed) in cases {
        let mut world = World::with(&["anna", "bert"], 1, |config, directory| {
            config.sip.domains = vec![OURS.into()];
            let profile = SecurityProfile { name: "carrier".into(), transfer: transfer.clone(), ..Default::default() };
            directory.security_profiles = vec![profile];
            let trunk = &mut directory.trunks[0];
            (trunk.refer, trunk.tandem) = (ReferPolicy::Pass, tandem);
            trunk.security_profile = Some("carrier".into());
        });
        world.talking();
        world.ponder("anna");
        world.ladder.clear();
        world.send_in_dialog("C", "REFER", 500, &format!("Refer-To: <{target}>"));
        world.settle();
        assert_eq!(world.asked("anna").is_some(), passed, "{target} {tandem} {transfer:?}\n{}", world.ladder);
        let refused = world.ladder.of("C").contains(&"< 403 REFER".to_owned());
        assert_eq!(refused, !passed, "{target} {tandem} {transfer:?}\n{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn rfc5630_an_address_that_wants_tls_is_called_where_every_way_is_secured() {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        let mut secured = directory.trunks[0].clone();
        (secured.name, secured.transport) = ("secured".into(), TrunkTransport::Tls);
        (secured.address, secured.networks) = ("192.0.2.77:5061".into(), Vec::new());
        directory.trunks.push(secured);
        directory.routes.push(Route { prefix: "+43".into(), trunk: "secured".into(), ..Route::default() });
    });
    world.talking();
    world.ladder.clear();
    refer(&mut world, "anna", "sips:+431404040@192.0.2.1");
    // This node has no listener with TLS, so the call itself comes to nothing, and the customer is back.
    assert!(world.ladder.of("anna").contains(&"< 202 REFER".to_owned()), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}
