//! A room in which nobody is keeps no customer company: nobody is led there blindly, and whoever is left alone there goes the
//! way back (R4).

use baton_contact::command::{AddMode, Control, RefusalKind, Target};
use baton_contact::directory::{Directory, Number, QuickConnect, QuickConnectType, SecurityProfile};
use baton_tests::world::{Behaviour, Dialect, World, header, office};
use serde_json::json;

const ROOM: &str = "800";
const FACTORY: &str = "810";
const ATTIC: &str = "801";
/// Leads to anna without a queue.
const DIRECT: &str = "+4989444";

fn rooms(directory: &mut Directory) {
    for (name, number) in [("Room", ROOM), ("Factory", FACTORY), ("Attic", ATTIC)] {
        let (name, phone_number) = (name.to_owned(), Some(number.into()));
        let kind = QuickConnectType::PhoneNumber;
        directory.queues[0].quick_connects.push(name.clone());
        directory.quick_connects.push(QuickConnect { name, kind, phone_number, ..QuickConnect::default() });
    }
    let conference_factory = Some("room".into());
    directory.numbers.push(Number { number: FACTORY.into(), conference_factory, ..Number::default() });
    directory.numbers.push(Number { number: ATTIC.into(), conference: Some("attic".into()), ..Number::default() });
    let attic = baton_contact::directory::Conference { name: "attic".into(), ..directory.conferences[0].clone() };
    directory.conferences.push(attic);
}

fn world(agents: &[&str]) -> World {
    World::with(agents, 1, |_, directory| rooms(directory))
}

fn blind(name: &str) -> Control {
    Control::Add { target: Target::QuickConnect(name.into()), mode: AddMode::Blind }
}

fn consult(name: &str) -> Control {
    Control::Add { target: Target::QuickConnect(name.into()), mode: AddMode::Consult }
}

/// The room has turned out to be empty: anna gets C back.
fn comes_back(world: &mut World) {
    world.run_ms(25_000);
    world.expect_hearing(&[("C", "music")]);
    assert!(!world.rings("anna"), "somebody may come yet\n{}", world.ladder);
    world.run_ms(6_000);
    assert!(world.rings("anna"), "{}", world.ladder);
    world.freeze_and_revive();
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert!(world.calls().iter().all(|call| call.connections.iter().all(|each| each.address != ROOM || !live(each))));
    world.end_of_day();
}

fn live(connection: &baton_contact::snapshot::ConnectionSnapshot) -> bool {
    connection.state != baton_contact::snapshot::ConnectionState::Disconnected
}

#[test]
fn r4_a_phone_that_dies_while_it_consults_an_empty_room_is_rung_again() {
    let mut world = world(&["anna"]);
    world.talking();
    world.click("anna", consult("Room"));
    world.expect_hearing(&[("C", "music"), ("anna", "music")]);
    world.hang_up("anna");
    assert!(world.rings("anna"), "as with a customer on hold\n{}", world.ladder);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert_eq!(world.core.gauges().conversations, 1, "the empty room is over");
    world.end_of_day();
}

#[test]
fn end_beside_an_empty_room_ends_the_call() {
    let mut world = world(&["anna"]);
    world.talking();
    world.click("anna", consult("Room"));
    world.click("anna", Control::Join);
    world.click("anna", Control::End);
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r4_a_hang_up_beside_a_room_that_has_just_become_empty_loses_nobody() {
    let mut world = world(&["anna"]);
    world.call_in("guest", ROOM);
    world.talking();
    world.click("anna", consult("Room"));
    world.click("anna", Control::Join);
    world.hang_up("guest");
    world.hang_up("anna");
    comes_back(&mut world);
}

#[test]
fn r4_who_can_go_back_to_nobody_waits_in_the_room() {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        rooms(directory);
        let direct = Number { number: DIRECT.into(), user: Some("anna".into()), ..Number::default() };
        directory.numbers.push(direct);
    });
    world.call_in("C", DIRECT);
    world.answer("anna");
    world.click("anna", consult("Room"));
    world.click("anna", Control::Leave);
    // Anna is on a call of her own, and no queue is known.
    world.behave("bank", Behaviour::Answers(100));
    world.dial("anna", office::BANK);
    world.run_ms(95_000);
    world.expect_hearing(&[("C", "music")]);
    world.call_in("guest", ROOM);
    world.expect_hearing(&[("C", "guest"), ("guest", "C")]);
    world.run_ms(60_000);
    assert!(world.is_up("C"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r4_nobody_is_led_blindly_into_an_empty_room() {
    let mut world = world(&["anna"]);
    world.talking();
    for name in ["Room", "Factory"] {
        let refusal = world.try_click("anna", blind(name)).expect_err("nobody is there");
        assert_eq!((refusal.kind, refusal.detail.contains("room")), (RefusalKind::WrongState, true), "{refusal:?}");
    }
    for number in [ROOM, FACTORY] {
        world.refer("anna", number);
        assert_eq!(world.line("anna").progress, [480], "{number}\n{}", world.ladder);
    }
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert_eq!(world.core.gauges().conversations, 1);
    world.end_of_day();
}

#[test]
fn r4_who_is_led_into_a_room_of_ones_own_is_not_left_there_alone() {
    let mut world = world(&["anna"]);
    world.dial("anna", FACTORY);
    world.behave("bank", Behaviour::Answers(100));
    world.dial("anna", office::BANK);
    world.settle();
    // An attended transfer to the room: anna would leave both.
    world.refer_to_line("anna/2", "anna");
    assert_eq!(world.line("anna/2").progress, [480], "{}", world.ladder);
    world.expect_hearing(&[("bank", "anna")]);
    // By a REFER to the focus she stays there.
    world.refer_to_line("anna", "anna/2");
    world.expect_hearing(&[("bank", "anna"), ("anna", "bank")]);
    world.end_of_day();
}

#[test]
fn r4_who_is_left_behind_in_a_room_goes_the_way_back() {
    let mut world = world(&["anna", "bert"]);
    world.dial("bert", ROOM);
    world.talking();
    world.transfer_blind("anna", "Room");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.run_ms(60_000);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.hang_up("bert");
    comes_back(&mut world);
    let contacts = world.contacts();
    // Bert's, C's with anna, in the room, and with anna again.
    world.expect_record(
        3,
        &[
            ("/InitiationMethod", json!("TRANSFER")),
            ("/DisconnectReason", json!("THIRD_PARTY_DISCONNECT")),
            ("/NextContactId", json!(contacts[3])),
        ],
    );
    world.expect_record(4, &[("/Baton/RecalledFrom", json!(contacts[2]))]);
}

#[test]
fn r4_who_was_left_in_a_room_for_others_to_come_waits_for_a_while() {
    let mut first = world(&["anna"]);
    first.talking();
    first.click("anna", consult("Room"));
    first.click("anna", Control::Join);
    first.click("anna", Control::Leave);
    comes_back(&mut first);
    // With somebody there in time it stays.
    let mut second = world(&["anna"]);
    second.talking();
    second.click("anna", consult("Room"));
    second.click("anna", Control::Leave);
    second.run_ms(20_000);
    second.call_in("guest", ROOM);
    second.run_ms(20_000);
    second.expect_hearing(&[("C", "guest"), ("guest", "C")]);
    assert!(!second.rings("anna"), "{}", second.ladder);
    second.end_of_day();
}

#[test]
fn a_call_is_in_one_room_at_most() {
    let mut world = world(&["anna", "carla"]);
    world.call_in("guest", ROOM);
    world.call_in("other", ATTIC);
    world.talking();
    world.click("anna", consult("Room"));
    for control in [consult("Attic"), consult("Room"), consult("Factory"), blind("Attic")] {
        let refusal = world.try_click("anna", control).expect_err("one room");
        assert_eq!(refusal.kind, RefusalKind::WrongState, "{refusal:?}");
    }
    // Nor do two calls become one that is in two.
    world.call_in("D", "103");
    world.answer("carla");
    world.click("carla", Control::Add { target: Target::PhoneNumber(ATTIC.into()), mode: AddMode::Consult });
    world.refer_to_line("C", "D");
    assert_eq!(world.line("C").progress, [403], "{}", world.ladder);
    world.expect_hearing(&[("anna", "guest"), ("carla", "other"), ("C", "music"), ("D", "music")]);
    world.end_of_day();
}

#[test]
fn r12_a_call_is_led_into_a_room_only_by_the_right_to_hand_it_over() {
    let profile = SecurityProfile {
        name: "clerk".into(),
        dial: Some(vec!["internal".into(), "other".into()]),
        transfer: Some(vec!["internal".into()]),
        ..SecurityProfile::default()
    };
    let mut world = World::with(&["anna"], 1, |_, directory| {
        rooms(directory);
        directory.security_profiles = vec![profile];
        directory.users[0].security_profile = Some("clerk".into());
    });
    world.call_in("guest", ROOM);
    world.dial("anna", ROOM);
    world.behave("bank", Behaviour::Answers(100));
    world.dial("anna", office::BANK);
    world.settle();
    for (from, to) in [("anna", "anna/2"), ("anna/2", "anna")] {
        world.refer_to_line(from, to);
        assert_eq!(world.line(from).progress, [403], "{}", world.ladder);
    }
    world.expect_hearing(&[("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn r10_who_waits_outside_is_not_told_the_rooms_uri() {
    let mut world = world(&["anna"]);
    world.call_in("guest", ROOM);
    world.talking();
    let contact_of = |world: &mut World, who: &str| {
        world.hold(who, Dialect::SendOnly);
        world.unhold(who);
        let ok = world.ladder.rungs.iter().rfind(|rung| rung.to == who && rung.title == "200 INVITE").expect("a 200");
        header(&ok.text(), "Contact").to_owned()
    };
    world.click("anna", consult("Room"));
    let told = contact_of(&mut world, "C");
    assert!(told.contains("<sip:conference-") && told.ends_with(";isfocus"), "{told}");
    assert!(contact_of(&mut world, "anna").contains("<sip:800@"));
    // Nor is it told later: it came by a trunk.
    world.click("anna", Control::Join);
    world.click("anna", Control::Leave);
    let told = contact_of(&mut world, "C");
    assert!(!told.contains("800"), "{told}");
    world.end_of_day();
}
