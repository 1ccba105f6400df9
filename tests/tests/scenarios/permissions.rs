//! Who may call and transfer where: security profiles, classes of numbers, and limits that follow whoever began (R12).

use baton_contact::command::{AddMode, Command, Control, RefusalKind, Target};
use baton_contact::directory::{DestinationClass, Directory, NumberPlan, SecurityProfile};
use baton_tests::world::{Behaviour, World, office};
use serde_json::json;

/// A number that costs money.
const PREMIUM: &str = "+49900100";

fn some(classes: &[&str]) -> Option<Vec<String>> {
    Some(classes.iter().map(|class| class.to_string()).collect())
}

/// Anna has a security profile; premium numbers are a class of their own, national ones another.
fn limited(agents: &[&str], profile: SecurityProfile) -> World {
    let mut world = World::with(agents, 1, |_, directory| limit(directory, profile));
    world.behave("bank", Behaviour::Answers(100));
    world.behave("plumber", Behaviour::Answers(100));
    world
}

fn limit(directory: &mut Directory, profile: SecurityProfile) {
    let class = |name: &str, prefix: &str| DestinationClass { name: name.into(), prefixes: vec![prefix.into()] };
    directory.destination_classes = vec![class("national", "+49"), class("premium", "+49900")];
    directory.security_profiles = vec![SecurityProfile { name: "clerk".into(), ..profile }];
    directory.users[0].security_profile = Some("clerk".into());
}

fn clerk() -> SecurityProfile {
    SecurityProfile {
        dial: some(&["internal", "national"]),
        transfer: some(&["internal"]),
        ..SecurityProfile::default()
    }
}

fn number(number: &str) -> Target {
    Target::PhoneNumber(number.into())
}

fn add(target: &str) -> Control {
    Control::Add { target: number(target), mode: AddMode::Consult }
}

#[test]
fn r12_what_the_profile_does_not_allow_is_refused_everywhere_with_403() {
    let mut world = limited(&["anna", "bert"], clerk());
    // From the panel.
    let dialled = world.command(Command::Dial { agent: "anna".into(), target: number(PREMIUM) });
    assert_eq!(dialled.unwrap_err().kind, RefusalKind::NotPermitted);
    // From the phone.
    world.dial("anna", PREMIUM);
    assert_eq!(world.line("anna").refused, Some(403));
    world.talking();
    for target in [PREMIUM, office::BANK] {
        let refusal = world.try_click("anna", add(target)).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::NotPermitted, "{target}");
        assert!(refusal.snapshot.is_some(), "the panel sees that nothing has changed");
        // By REFER, and by a second line.
        world.ladder.clear();
        world.refer("anna", target);
        world.expect_ladder("anna", &["> REFER", "< 403 REFER"]);
        world.dial("anna", target);
        let second = world.lines.values().rev().find(|line| line.who.starts_with("anna")).expect("a second line");
        assert_eq!(second.refused, Some(403), "{target}");
    }
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert!(!world.all_kinds().contains(&"HELD".to_owned()), "nobody was held for it");
    assert_eq!(world.core.gauges().not_permitted, 2 + 2 * 3);
    // What is allowed works.
    world.consult("anna", "Bert");
    world.answer("bert");
    world.expect_hearing(&[("anna", "bert"), ("bert", "anna"), ("C", "music")]);
    world.end_of_day();
}

#[test]
fn r12_an_attended_transfer_hands_over_only_what_the_profile_allows() {
    for (classes, status) in [(&["internal"][..], "< 403 REFER"), (&["national"], "< 202 REFER")] {
        let profile = SecurityProfile { transfer: some(classes), ..SecurityProfile::default() };
        let mut world = World::with(&[], 1, |_, directory| {
            limit(directory, profile);
            directory.trunks[0].security_profile = Some("clerk".into());
        });
        for (who, number, target) in [("C", office::BANK, "bank"), ("D", office::PLUMBER, "plumber")] {
            world.call_in(who, number);
            world.answer(target);
        }
        world.ladder.rungs.clear();
        world.refer_to_line("C", "D");
        assert_eq!(world.ladder.of("C")[1], status, "{}", world.ladder);
        let heard = if status.contains("202") { "plumber" } else { "C" };
        world.expect_hearing(&[("bank", heard)]);
        world.end_of_day();
    }
}

#[test]
fn r12_a_third_party_cannot_transfer_further_than_who_brought_it_in() {
    let mut world = limited(&["anna"], SecurityProfile { transfer: some(&["internal", "national"]), ..clerk() });
    world.talking();
    world.transfer_blind("anna", "Bank");
    world.settle();
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.clear_all();
    world.ladder.clear();
    // The bank was anna's call: it has her rights, also after she has left.
    world.refer("bank", PREMIUM);
    world.expect_ladder("bank", &["> REFER", "< 403 REFER"]);
    world.freeze_and_revive();
    world.refer("bank", office::PLUMBER);
    world.settle();
    world.expect_hearing(&[("C", "plumber"), ("plumber", "C")]);
    // And so has whom the bank brought in.
    world.ladder.clear();
    world.refer("plumber", PREMIUM);
    world.expect_ladder("plumber", &["> REFER", "< 403 REFER"]);
    world.end_of_day();
}

#[test]
fn r12_outside_calls_count_for_who_made_them_until_they_end() {
    let profile = SecurityProfile { max_outbound_calls: Some(1), ..SecurityProfile::default() };
    let mut world = limited(&["anna"], profile);
    world.talking();
    world.transfer_blind("anna", "Bank");
    world.settle();
    world.clear_all();
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    // Anna has left that call, but it is hers: no second one.
    world.dial("anna", office::PLUMBER);
    assert_eq!(world.line("anna").refused, Some(503));
    world.freeze_and_revive();
    let dialled = world.command(Command::Dial { agent: "anna".into(), target: number(office::PLUMBER) });
    assert_eq!(dialled.unwrap_err().kind, RefusalKind::LimitReached);
    world.hang_up("bank");
    world.dial("anna", office::PLUMBER);
    world.settle();
    world.expect_hearing(&[("anna", "plumber"), ("plumber", "anna")]);
    world.end_of_day();
}

#[test]
fn r12_an_outside_call_ends_after_its_longest_time_whoever_has_it_now() {
    let profile = SecurityProfile { max_outbound_seconds: Some(60), ..SecurityProfile::default() };
    let mut world = limited(&["anna", "bert"], profile);
    world.talking();
    world.consult("anna", "Bank");
    world.settle();
    world.click("anna", Control::Leave);
    world.run_ms(30_000);
    world.freeze_and_revive();
    world.run_ms(29_000);
    assert!(world.is_up("bank"), "{}", world.ladder);
    world.run_ms(2_000);
    assert!(!world.is_up("bank") && !world.is_up("C"), "{}", world.ladder);
    world.expect_record(2, &[("/DisconnectReason", json!("OTHER"))]);
    world.clear_all();
    world.end_of_day();
}

/// The callers of the trunk and anna may call outside for a minute.
fn a_minute_outside(agents: &[&str]) -> World {
    let profile = SecurityProfile { max_outbound_seconds: Some(60), ..SecurityProfile::default() };
    World::with(agents, 1, |_, directory| {
        limit(directory, profile);
        directory.trunks[0].security_profile = Some("clerk".into());
    })
}

#[test]
fn r12_a_call_to_a_queue_lasts_longer_than_outside_calls_may() {
    let mut world = a_minute_outside(&["anna"]);
    world.talking();
    world.run_ms(90_000);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    // A queue by its extension is dialled as anybody is.
    world.hang_up("C");
    world.clear_all();
    world.behave("anna", Behaviour::Answers(100));
    world.call_in("D", "200");
    world.run_ms(90_000);
    assert!(world.is_up("D"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r12_a_colleague_talks_longer_than_outside_calls_may() {
    for dialled in [true, false] {
        let mut world = a_minute_outside(&["anna", "bert"]);
        if dialled {
            world.dial("anna", "102");
            world.answer("bert");
        } else {
            world.talking();
            world.consult("anna", "Bert");
            world.answer("bert");
        }
        world.run_ms(90_000);
        let talk = [("anna", "bert"), ("bert", "anna"), ("C", "music")];
        world.expect_hearing(if dialled { &talk[..2] } else { &talk });
        world.end_of_day();
    }
}

#[test]
fn r12_a_trunks_caller_talks_to_an_extension_longer_than_outside_calls_may() {
    let mut world = a_minute_outside(&["anna", "bert"]);
    world.call_in("C", "102");
    world.answer("bert");
    world.run_ms(90_000);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn r12_a_conference_room_stays_open_longer_than_outside_calls_may() {
    let mut world = a_minute_outside(&["anna"]);
    world.call_in("C", "800");
    world.call_in("D", "800");
    world.dial("anna", "800");
    world.run_ms(90_000);
    world.expect_hearing(&[("C", "D anna"), ("D", "C anna"), ("anna", "C D")]);
    world.end_of_day();
}

#[test]
fn r12_a_customer_in_a_room_stays_longer_than_outside_calls_may() {
    let mut world = a_minute_outside(&["anna", "bert"]);
    world.dial("bert", "800");
    world.talking();
    world.click("anna", Control::Add { target: number("800"), mode: AddMode::Blind });
    world.settle();
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.run_ms(90_000);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn r12_a_tandem_call_ends_after_the_longest_time_of_its_trunk() {
    let mut world = a_minute_outside(&[]);
    world.call_in("C", office::BANK);
    world.answer("bank");
    world.run_ms(59_000);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.run_ms(2_000);
    assert!(!world.is_up("bank") && !world.is_up("C"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r12_an_attended_transfer_hands_over_an_agent_as_a_colleague() {
    // Whoever is handed over is inside: the trunk may do it, though its calls may not go on outside.
    for (classes, status) in [(&["internal"][..], "< 202 REFER"), (&["national"], "< 403 REFER")] {
        let profile = SecurityProfile { transfer: some(classes), ..SecurityProfile::default() };
        let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
            limit(directory, profile);
            directory.trunks[0].security_profile = Some("clerk".into());
            directory.trunks[0].tandem = false;
        });
        for (who, number, agent) in [("C", "101", "anna"), ("D", "102", "bert")] {
            world.call_in(who, number);
            world.answer(agent);
        }
        world.ladder.rungs.clear();
        world.refer_to_line("C", "D");
        assert_eq!(world.ladder.of("C")[1], status, "{}", world.ladder);
        let heard = if status.contains("202") { "bert" } else { "C" };
        world.expect_hearing(&[("anna", heard)]);
        world.end_of_day();
    }
}

#[test]
fn r12_transfers_of_one_conversation_are_bounded_by_the_profile() {
    let profile = SecurityProfile { max_transfers: Some(1), ..SecurityProfile::default() };
    let mut world = limited(&["anna", "bert"], profile);
    world.talking();
    world.behave("bert", Behaviour::Busy(486));
    world.consult("anna", "Bert");
    let refusal = world.try_click("anna", add(office::BANK)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::LimitReached);
    world.ladder.clear();
    world.refer("anna", office::BANK);
    world.expect_ladder("anna", &["> REFER", "< 482 REFER"]);
    world.end_of_day();
}

#[test]
fn r12_a_trunks_callers_have_its_profile() {
    let profile = SecurityProfile { dial: some(&["internal", "national"]), ..clerk() };
    let mut world = World::with(&["anna"], 1, |_, directory| {
        limit(directory, profile);
        directory.users[0].security_profile = None;
        directory.trunks[0].security_profile = Some("clerk".into());
    });
    world.behave("bank", Behaviour::Answers(100));
    world.call_in("D", PREMIUM);
    assert_eq!(world.line("D").refused, Some(403), "a tandem call");
    world.call_in("C", office::BANK);
    world.settle();
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.ladder.clear();
    world.refer("C", office::PLUMBER);
    world.expect_ladder("C", &["> REFER", "< 403 REFER"]);
    world.refer("C", "101");
    world.answer("anna");
    world.expect_hearing(&[("bank", "anna"), ("anna", "bank")]);
    world.end_of_day();
}

#[test]
fn a_number_is_what_the_trunk_would_make_of_it_however_it_is_typed() {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        limit(directory, clerk());
        directory.trunks[0].numbers = Some(NumberPlan { country: Some("DE".into()), ..NumberPlan::default() });
        let route =
            |prefix: &str| baton_contact::directory::Route { prefix: prefix.into(), ..directory.routes[0].clone() };
        directory.routes = ["+", "0"].map(route).to_vec();
    });
    for typed in ["+49900100", "0900100", "0049900100", "00 49 (900) 100"] {
        let dialled = world.command(Command::Dial { agent: "anna".into(), target: number(typed) });
        assert_eq!(dialled.unwrap_err().kind, RefusalKind::NotPermitted, "{typed}");
    }
    let dialled = world.command(Command::Dial { agent: "anna".into(), target: number("089 123456") });
    assert!(dialled.is_ok(), "{dialled:?}");
    world.end_of_day();
}

#[test]
fn rfc7332_a_call_that_goes_round_by_way_of_others_wears_out() {
    let mut world = World::new(&["anna"]);
    world.call_with("C", office::SUPPORT, |invite| invite.max_forwards = 5);
    world.answer("anna");
    world.click("anna", Control::Add { target: number(office::BANK), mode: AddMode::Consult });
    let invite = world.line("bank").invite.as_ref().expect("the bank is called");
    assert_eq!(invite.max_forwards, 4, "one less than the customer's call had");
    world.end_of_day();

    let mut world = World::new(&["anna"]);
    world.call_with("C", office::SUPPORT, |invite| invite.max_forwards = 1);
    world.answer("anna");
    let refusal = world.try_click("anna", add(office::BANK)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::LimitReached, "{}", refusal.detail);
    world.end_of_day();
}
