//! Transfers that the PBX behind the trunk asks for, between calls of its own.

use std::net::SocketAddr;

use baton_tests::world::{World, office};

/// C talks with anna, D with carla; both calls are the PBX's.
fn two_calls(world: &mut World) {
    world.talking();
    world.call_in("D", "103");
    world.answer("carla");
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("D", "carla"), ("carla", "D")]);
    world.ladder.clear();
}

#[test]
fn r6_two_calls_of_one_trunk_are_spliced() {
    let mut world = World::with_sound(&["anna", "carla"]);
    two_calls(&mut world);
    world.refer_to_line("C", "D");
    world.expect_hearing(&[("anna", "carla"), ("carla", "anna")]);
    assert!(!world.is_up("C") && !world.is_up("D"), "{}", world.ladder);
    for who in ["anna", "carla"] {
        assert!(!world.ladder.of(who).iter().any(|rung| rung.ends_with("INVITE")), "{}", world.ladder);
    }
    world.hang_up("anna");
    assert!(!world.is_up("carla"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r11_a_splice_that_would_let_an_agent_talk_to_itself_is_refused() {
    let mut world = World::new(&["bert"]);
    world.call_in("C", "102");
    assert!(world.rings("bert"));
    // Not on a call yet: it dials one of its own, and answers the other then.
    world.dial("bert", office::BANK);
    world.answer("bank");
    world.answer("bert");
    world.refer_to_line("bank", "C");
    assert_eq!(world.line("bank").progress, [403], "{}", world.ladder);
    assert!(world.is_up("C") && world.is_up("bank"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_splice_survives_a_restart_before_its_last_words() {
    let mut world = World::new(&["anna", "carla"]);
    two_calls(&mut world);
    let target = world.replacing("D", true);
    world.refer_now("C", &target);
    world.run_ms(7);
    world.freeze_and_revive();
    world.settle();
    world.expect_hearing(&[("anna", "carla"), ("carla", "anna")]);
    world.end_of_day();
}

/// Its two legs are of one contact.
#[test]
fn a_tandem_call_is_connected_once() {
    let mut world = World::new(&[]);
    world.call_in("C", office::BANK);
    world.answer("bank");
    world.hang_up("C");
    world.end_of_day();
    let timeline = world.record(1)["Baton"]["Timeline"].clone();
    let told = timeline.as_array().into_iter().flatten().filter(|entry| entry["Event"] == "CONNECTED_TO_SYSTEM");
    assert_eq!(told.count(), 1, "{timeline:#}");
}

#[test]
fn a_tandem_call_is_referred_from_both_ends_in_turn() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.refer("bank", "101");
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.refer("anna", office::PLUMBER);
    world.answer("plumber");
    world.expect_hearing(&[("C", "plumber"), ("plumber", "C")]);
    world.end_of_day();
}

#[test]
fn the_caller_of_a_tandem_call_puts_somebody_else_into_its_place() {
    let mut world = World::new(&[]);
    world.call_in("C", office::BANK);
    world.answer("bank");
    world.refer("C", office::PLUMBER);
    world.answer("plumber");
    world.expect_hearing(&[("bank", "plumber"), ("plumber", "bank")]);
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.run_ms(5_000);
    world.hang_up("plumber");
    assert!(!world.is_up("bank"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_tandem_call_is_busy_when_its_target_is() {
    let mut world = World::new(&[]);
    world.behave("bank", baton_tests::world::Behaviour::Busy(486));
    world.call_in("C", office::BANK);
    assert_eq!(world.line("C").refused, Some(486));
    world.end_of_day();
}

#[test]
fn d7_early_media_of_a_target_reaches_the_caller_before_the_answer() {
    let mut world = World::with_sound(&[]);
    world.behave("bank", baton_tests::world::Behaviour::EarlyMedia);
    world.call_in("C", office::BANK);
    world.run_ms(500);
    assert_eq!(world.sounds("C"), "bank", "{}", world.ladder);
    let said = world.ladder.of("C");
    assert!(said.contains(&"< 183 INVITE".to_owned()), "{}", world.ladder);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn rfc4538_the_trunk_hands_its_call_on_from_outside_its_dialog_when_it_names_it() {
    for (knows, rings) in [(true, true), (false, false)] {
        let mut world = World::new(&["anna", "carla"]);
        world.talking();
        let target = world.replaces("C", true).replace("to-tag", "remote-tag").replace("from-tag", "local-tag");
        let target = if knows { target } else { target.replace("remote-tag=", "remote-tag=x") };
        let trunk = SocketAddr::from(office::TRUNK);
        let text = format!(
            "REFER sip:baton@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {trunk};branch=z9hG4bKoutside;rport\n\
             Max-Forwards: 70\nFrom: <sip:pbx@192.0.2.9>;tag=outside\nTo: <sip:baton@192.0.2.1>\n\
             Call-ID: outside\nCSeq: 1 REFER\nContact: <sip:pbx@192.0.2.9>\nRefer-To: <sip:103@192.0.2.1>\n\
             Refer-Sub: false\nSupported: tdialog, norefersub\nTarget-Dialog: {target}"
        );
        // The customer has asked for it by a hand that the world does not know: its silence is its own wish.
        world.watchful = false;
        world.send_text(trunk, &text);
        world.settle();
        assert_eq!(world.rings("carla"), rings, "{}", world.ladder);
    }
}
