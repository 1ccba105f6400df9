//! Feature codes from the keypad of an agent: transfers to a number that is pressed, hold and mute, and codes of one's own.

use baton_contact::command::{Control, RefusalKind};
use baton_contact::directory::SecurityProfile;
use baton_contact::snapshot::ConnectionState;
use baton_tests::world::{Behaviour, Dialect, World, office};
use serde_json::json;

fn press(world: &mut World, who: &str, keys: &str) {
    keys.chars().for_each(|key| world.press_by_info(who, key));
}

/// The bank can be dialled by digits alone.
fn world(agents: &[&str]) -> World {
    World::with(agents, 1, |_, directory| {
        directory.routes.push(baton_contact::directory::Route {
            prefix: "0".into(),
            trunk: "pbx".into(),
            ..Default::default()
        });
    })
}

#[test]
fn a_blind_transfer_to_the_digits_behind_its_code() {
    let mut world = world(&["anna", "bert"]);
    world.talking();
    press(&mut world, "anna", "*7");
    world.expect_hearing(&[("C", "music"), ("anna", "tone")]);
    press(&mut world, "anna", "102");
    assert!(!world.rings("bert"));
    press(&mut world, "anna", "#");
    assert!(world.rings("bert") && !world.is_up("anna"), "{}", world.ladder);
    world.expect_hearing(&[("C", "ring-back")]);
    world.answer("bert");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.expect_record(1, &[("/Baton/TransferType", json!("COLD")), ("/DisconnectReason", json!("AGENT_DISCONNECT"))]);
    world.end_of_day();
}

#[test]
fn a_consult_with_the_digits_behind_its_code_and_the_other_codes_after_it() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    press(&mut world, "anna", "*8102#");
    world.expect_hearing(&[("C", "music"), ("anna", "ring-back")]);
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    press(&mut world, "anna", "*4");
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("bert", "music")]);
    press(&mut world, "anna", "*3");
    world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
    press(&mut world, "anna", "*2");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.expect_record(1, &[("/Baton/TransferType", json!("WARM_CONFERENCE"))]);
    world.end_of_day();
}

#[test]
fn a_pause_ends_the_number_and_a_star_gives_it_up() {
    let mut world = world(&["anna"]);
    world.talking();
    press(&mut world, "anna", "*70494040");
    assert_eq!(world.lines.values().filter(|line| line.who == "0494040").count(), 0);
    world.run_ms(4_000);
    assert!(world.rings("0494040"), "{}", world.ladder);
    world.refuse("0494040", 486);
    world.settle();
    // R4: the customer comes back; and this time anna thinks again.
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    press(&mut world, "anna", "*812*");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    // A code without a number is given up, too.
    press(&mut world, "anna", "*8");
    world.expect_hearing(&[("C", "music"), ("anna", "tone")]);
    world.run_ms(8_000);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    press(&mut world, "anna", "*8#");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn a_number_that_leads_nowhere_is_heard_and_the_call_goes_on() {
    let profile = SecurityProfile { name: "clerk".into(), transfer: Some(vec!["other".into()]), ..Default::default() };
    for (profile, keys) in [
        (None, "*7555#"),
        (None, "*8555#"),
        // Nobody's phone is there, oneself, and who may not be brought in.
        (None, "*7103#"),
        (None, "*8101#"),
        (Some(profile.clone()), "*7102#"),
        (Some(profile), "*8102#"),
    ] {
        let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
            directory.users[0].security_profile = profile.as_ref().map(|profile| profile.name.clone());
            directory.security_profiles.extend(profile);
        });
        world.talking();
        press(&mut world, "anna", keys);
        world.expect_hearing(&[("C", "music"), ("anna", "tone")]);
        world.freeze_and_revive();
        world.run_ms(1_600);
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        assert!(!world.rings("bert"), "{keys}");
        world.end_of_day();
    }
}

#[test]
fn m5_the_digits_of_the_number_reach_nobody() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.run_ms(300);
    for key in ['*', '8', '1', '0', '2', '#'] {
        world.press("anna", key);
    }
    // The code itself is passed on at once, as every digit is.
    assert_eq!(world.digits_heard("C"), "*8");
    assert!(world.rings("bert"));
    world.end_of_day();
}

#[test]
fn of_three_who_talk_two_go_on_while_a_number_is_pressed() {
    let mut world = world(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    press(&mut world, "anna", "*8049");
    world.expect_hearing(&[("C", "bert"), ("bert", "C"), ("anna", "tone")]);
    // A click of the panel is another mind.
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert")]);
    press(&mut world, "anna", "*8049");
    world.hang_up("anna");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn the_customer_or_the_agent_is_gone_before_the_number_is_whole() {
    let mut world = world(&["anna"]);
    world.talking();
    press(&mut world, "anna", "*701");
    world.hang_up("C");
    assert!(!world.is_up("anna"));
    world.end_of_day();
    // R4: the customer is held: an agent that is gone is rung again.
    let mut world = self::world(&["anna"]);
    world.talking();
    press(&mut world, "anna", "*701");
    world.hang_up("anna");
    assert!(world.rings("anna"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn hold_and_mute_have_codes() {
    let mut world = World::with_sound(&["anna"]);
    world.talking();
    press(&mut world, "anna", "*6");
    world.expect_hearing(&[("C", "music"), ("anna", "silence")]);
    press(&mut world, "anna", "*6");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    press(&mut world, "anna", "*9");
    world.expect_hearing(&[("C", "silence"), ("anna", "C")]);
    press(&mut world, "anna", "*9");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
    // In a room they are the agent's own.
    let mut world = World::new(&["anna"]);
    world.dial("anna", "800");
    world.call_in("guest", "800");
    press(&mut world, "anna", "*6");
    world.expect_hearing(&[("guest", "music"), ("anna", "music")]);
    assert_eq!(world.state("anna"), Some(ConnectionState::Hold));
    press(&mut world, "anna", "*6");
    press(&mut world, "anna", "*9");
    world.expect_hearing(&[("guest", "silence"), ("anna", "guest")]);
    press(&mut world, "anna", "*9*7");
    world.expect_hearing(&[("guest", "anna"), ("anna", "guest")]);
    world.end_of_day();
}

#[test]
fn codes_are_the_directorys_and_an_empty_one_is_off() {
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
        let codes = &mut directory.feature_codes;
        (codes.blind_transfer, codes.hold, codes.supervise) = ("##".into(), String::new(), "*55".into());
        (codes.undo, codes.number_seconds) = ("*0".into(), 1);
        let profile = SecurityProfile {
            name: "coach".into(),
            supervise: vec![baton_contact::directory::Supervision::SilentMonitor],
            ..SecurityProfile::default()
        };
        directory.security_profiles.push(profile);
        directory.users[2].security_profile = Some("coach".into());
    });
    assert!(baton_contact::check::validate(&world.directory).is_empty());
    world.behave("bert", Behaviour::Answers(100));
    world.talking();
    press(&mut world, "anna", "*6*7");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.register("carla");
    world.dial("carla", "*55101");
    world.expect_hearing(&[("carla", "C anna")]);
    press(&mut world, "anna", "##102");
    world.run_ms(1_100);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn r12_the_number_goes_through_the_panels_machine() {
    let mut world = World::with(&["anna", "bert"], 1, |config, _| config.limits.transfers_max = 1);
    world.behave("bert", Behaviour::Answers(100));
    world.talking();
    press(&mut world, "anna", "*8102#");
    world.settle();
    press(&mut world, "anna", "*8200#");
    world.expect_hearing(&[("anna", "tone")]);
    let target = baton_contact::command::Target::PhoneNumber(office::BANK.into());
    let mode = baton_contact::command::AddMode::Consult;
    let refusal = world.try_click("anna", Control::Add { target, mode }).expect_err("a loop");
    assert_eq!(refusal.kind, RefusalKind::LimitReached);
    world.end_of_day();
}

#[test]
fn a_number_given_up_while_the_phone_holds_leaves_that_hold() {
    let mut world = world(&["anna"]);
    world.talking();
    press(&mut world, "anna", "*8");
    world.hold("anna", Dialect::SendOnly);
    world.run_ms(10_000);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}
