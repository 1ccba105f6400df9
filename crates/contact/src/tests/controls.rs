//! The agent's controls, state by state (the table of the CCP).

use super::world::{Sent, World};
use crate::command::{AddMode, Control, RefusalKind, Target};
use crate::event::EventKind;
use crate::snapshot::ContactState;

const STAFF: [&str; 2] = ["anna", "bert"];

/// Asserts who hears what: pairs of a party and what it hears, in words.
fn check(world: &World, wanted: &[(&str, &[&str])]) {
    for (party, sounds) in wanted {
        assert_eq!(world.hears(party), *sounds, "what {party} hears");
    }
}

fn consulting() -> World {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bert");
    world.alert("bert");
    world.answer("bert");
    world
}

#[test]
fn talking_both_hear_each_other() {
    check(&World::talking(&STAFF), &[("C", &["anna"]), ("anna", &["C"])]);
}

#[test]
fn held_the_customer_hears_music_and_the_agent_nothing() {
    let mut world = World::talking(&STAFF);
    let shown = world.control("anna", Control::Hold).expect("hold").expect("a snapshot");
    assert!(shown.controls.contains(&"resume".to_string()) && !shown.controls.contains(&"hold".to_string()));
    check(&world, &[("C", &["music"]), ("anna", &["silence"])]);
    world.control("anna", Control::Resume).expect("resume");
    check(&world, &[("C", &["anna"]), ("anna", &["C"])]);
}

#[test]
fn dialling_the_agent_hears_ring_back_and_the_customer_music() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bert");
    check(&world, &[("C", &["music"]), ("anna", &["silence"])]);
    world.alert("bert");
    check(&world, &[("C", &["music"]), ("anna", &["ring-back"])]);
}

#[test]
fn consulting_the_agent_talks_with_the_target() {
    check(&consulting(), &[("C", &["music"]), ("anna", &["bert"]), ("bert", &["anna"])]);
}

#[test]
fn swapped_the_agent_talks_with_the_customer() {
    let mut world = consulting();
    world.control("anna", Control::Swap).expect("swap");
    check(&world, &[("C", &["anna"]), ("anna", &["C"]), ("bert", &["music"])]);
    world.control("anna", Control::Swap).expect("swap back");
    check(&world, &[("C", &["music"]), ("anna", &["bert"]), ("bert", &["anna"])]);
}

#[test]
fn all_held_the_agent_is_alone() {
    let mut world = consulting();
    world.control("anna", Control::HoldAll).expect("hold all");
    check(&world, &[("C", &["music"]), ("anna", &["silence"]), ("bert", &["music"])]);
}

#[test]
fn joined_everybody_hears_everybody() {
    let mut world = consulting();
    world.control("anna", Control::Join).expect("join");
    check(&world, &[("C", &["anna", "bert"]), ("anna", &["C", "bert"]), ("bert", &["C", "anna"])]);
}

#[test]
fn left_from_consult_or_conference_the_others_are_bridged_and_the_agent_works_on() {
    for joined in [false, true] {
        let mut world = consulting();
        if joined {
            world.control("anna", Control::Join).expect("join");
        }
        let (contact, leg) = (world.contact_of("anna"), world.leg_of("anna"));
        let shown = world.control("anna", Control::Leave).expect("leave").expect("a snapshot");
        assert_eq!((shown.state, shown.controls), (ContactState::Acw, vec!["clear".to_string()]));
        check(&world, &[("C", &["bert"]), ("bert", &["C"])]);
        assert!(world.sent.contains(&Sent::End(leg, 480)));
        world.control("anna", Control::Clear).expect("clear");
        assert_eq!(world.kinds(contact).last().map(String::as_str), Some("COMPLETED"));
        assert!(world.desk.agents["anna"].routable());
    }
}

#[test]
fn a_muted_party_hears_and_is_not_heard() {
    let mut world = consulting();
    world.control("anna", Control::Join).expect("join");
    let bert = world.call().connections.iter().find(|party| party.agent.as_deref() == Some("bert")).map(|p| p.id);
    world.control("anna", Control::Mute(bert.expect("bert is a party"))).expect("mute");
    check(&world, &[("C", &["anna"]), ("anna", &["C"]), ("bert", &["C", "anna"])]);
}

#[test]
fn a_blind_transfer_to_an_outside_number_leaves_the_customer_with_its_ring_back() {
    let mut world = World::talking(&STAFF);
    let target = Target::PhoneNumber("+49 30 1234".into());
    world.control("anna", Control::Add { target, mode: AddMode::Blind }).expect("blind");
    world.alert("+49301234");
    check(&world, &[("C", &["ring-back"])]);
    world.answer("+49301234");
    check(&world, &[("C", &["+49301234"]), ("+49301234", &["C"])]);
}

#[test]
fn impossible_controls_are_refused_with_the_snapshot() {
    let cases = [
        (Control::Swap, RefusalKind::WrongState),
        (Control::Join, RefusalKind::WrongState),
        (Control::Leave, RefusalKind::WrongState),
        (Control::Clear, RefusalKind::WrongState),
        (Control::Drop(crate::ConnectionId(999)), RefusalKind::NotFound),
        (Control::Add { target: Target::PhoneNumber("555".into()), mode: AddMode::Consult }, RefusalKind::NoRoute),
        (Control::Add { target: Target::Agent("anna".into()), mode: AddMode::Consult }, RefusalKind::Invalid),
        (Control::Add { target: Target::QuickConnect("x".into()), mode: AddMode::Consult }, RefusalKind::NotFound),
    ];
    for (control, kind) in cases {
        let mut world = World::talking(&STAFF);
        let refusal = world.control("anna", control.clone()).expect_err("refused");
        assert_eq!(refusal.kind, kind, "{control:?}");
        assert!(refusal.snapshot.is_some(), "{control:?}");
        check(&world, &[("C", &["anna"]), ("anna", &["C"])]);
    }
}

#[test]
fn a_stranger_may_not_touch_the_contact() {
    let mut world = World::talking(&STAFF);
    let contact = world.contact_of("anna");
    let refusal = world.control_on(Some("bert"), contact, Control::Hold).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::NotAllowed);
}

#[test]
fn controls_are_idempotent() {
    let mut world = consulting();
    world.control("anna", Control::Join).expect("join");
    let (plan, events) = (world.call().published.clone(), world.events.len());
    world.control("anna", Control::Join).expect("join again");
    assert_eq!((&world.call().published, world.events.len()), (&plan, events));
}

#[test]
fn feature_codes_do_what_the_buttons_do() {
    let press = |world: &mut World, code: &str| {
        let stream = baton_media::StreamId(world.leg_of("anna"));
        for digit in code.chars() {
            let event = baton_media::Event::Digit { stream, digit, duration_ms: 100 };
            world.media(event);
        }
    };
    let mut world = consulting();
    press(&mut world, "*4");
    check(&world, &[("C", &["anna"]), ("bert", &["music"])]);
    press(&mut world, "*3");
    check(&world, &[("C", &["anna", "bert"])]);
    press(&mut world, "*2");
    check(&world, &[("C", &["bert"])]);
    let mut world = consulting();
    press(&mut world, "*1");
    check(&world, &[("C", &["anna"]), ("anna", &["C"])]);
}

#[test]
fn durations_are_told_so_that_they_add_up() {
    let mut world = consulting();
    world.wait_ms(48_000);
    world.control("anna", Control::Join).expect("join");
    let held: Vec<u64> = (world.events.iter())
        .filter_map(|event| match event.kind {
            EventKind::Resumed { held_ms, .. } => Some(held_ms),
            _ => None,
        })
        .collect();
    assert_eq!(held, [48_000]);
}
