//! A conference room as the target of a call: led into it blind, attended or by a consult, from the phone, the trunk and the
//! panel. The call stays one of its own, and a tie line leads from it into the room.

use baton_contact::command::{AddMode, Command, Control, RefusalKind, Target};
use baton_contact::directory::{Directory, QuickConnect, QuickConnectType, SecurityProfile};
use baton_contact::snapshot::ConnectionState;
use baton_tests::world::{Dialect, World, office};
use serde_json::json;

/// The number of the room.
const ROOM: &str = "800";

fn room(directory: &mut Directory) {
    directory.quick_connects.push(QuickConnect {
        name: "Room".into(),
        kind: QuickConnectType::PhoneNumber,
        phone_number: Some(ROOM.into()),
        // Nobody in a room could press it.
        press_one: true,
        ..QuickConnect::default()
    });
    directory.queues[0].quick_connects.push("Room".into());
}

fn quiet(agents: &[&str]) -> World {
    World::with(agents, 1, |_, directory| room(directory))
}

fn loud(agents: &[&str]) -> World {
    let mut world = World::with(&[], 1, |_, directory| room(directory));
    world.add_sound();
    agents.iter().for_each(|agent| world.register(agent));
    world
}

/// A guest and bert are in the room, C talks with anna.
fn peopled(mut world: World) -> World {
    world.call_in("guest", ROOM);
    world.dial("bert", ROOM);
    world.talking();
    world.expect_hearing(&[("guest", "bert"), ("bert", "guest"), ("C", "anna"), ("anna", "C")]);
    world.ladder.clear();
    world
}

const IN_THE_ROOM: [(&str, &str); 3] = [("C", "bert guest"), ("guest", "C bert"), ("bert", "C guest")];

/// The contacts of C: the first one with anna, the second in the room. Those of the guest and bert came before.
const OF_ANNA: usize = 3;
const OF_ROOM: usize = 4;

#[test]
fn a_blind_transfer_leads_the_customer_into_the_room() {
    let mut world = peopled(loud(&["anna", "bert"]));
    world.transfer_blind("anna", "Room");
    world.expect_hearing(&IN_THE_ROOM);
    assert!(!world.is_up("anna"), "{}", world.ladder);
    let said = world.ladder.of("C").into_iter().filter(|rung| rung.contains("INVITE")).count();
    assert_eq!(said, 0, "the customer's phone is offered nothing new\n{}", world.ladder);
    world.run_ms(5_000);
    world.expect_hearing(&IN_THE_ROOM);
    world.check_streams();
    world.hang_up("C");
    world.expect_hearing(&[("guest", "bert"), ("bert", "guest")]);
    let (anna, in_room) = (world.contacts()[OF_ANNA - 1], world.contacts()[OF_ROOM - 1]);
    world.expect_record(
        OF_ANNA,
        &[
            ("/NextContactId", json!(in_room)),
            ("/DisconnectReason", json!("AGENT_DISCONNECT")),
            ("/Baton/TransferType", json!("COLD")),
            ("/Baton/TransferOutcome", json!("completed")),
            ("/TransferredToEndpoint", json!(null)),
        ],
    );
    assert!(world.record(OF_ANNA).get("TransferCompletedTimestamp").is_some());
    world.expect_record(
        OF_ROOM,
        &[
            ("/InitiationMethod", json!("TRANSFER")),
            ("/InitialContactId", json!(anna)),
            ("/PreviousContactId", json!(anna)),
            ("/CustomerEndpoint/Address", json!("C")),
            ("/SystemEndpoint/Address", json!(ROOM)),
            ("/SystemEndpoint/DisplayName", json!("room")),
            ("/Agent", json!(null)),
            ("/Baton/QuickConnect", json!("Room")),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}

#[test]
fn r1_a_refer_of_the_agents_phone_and_of_the_trunk_leads_into_the_room() {
    let mut world = peopled(quiet(&["anna", "bert"]));
    world.refer("anna", ROOM);
    assert_eq!(world.line("anna").progress, [202, 100, 200], "{}", world.ladder);
    world.expect_hearing(&IN_THE_ROOM);
    assert!(!world.is_up("anna"), "{}", world.ladder);
    world.end_of_day();
    // The customer's side sends itself elsewhere: anna goes into the room.
    let mut world = peopled(quiet(&["anna", "bert"]));
    world.refer("C", ROOM);
    assert_eq!(world.line("C").progress, [202, 100, 200], "{}", world.ladder);
    world.expect_hearing(&[("anna", "bert guest"), ("guest", "anna bert"), ("bert", "anna guest")]);
    world.end_of_day();
}

#[test]
fn r6_an_attended_transfer_hands_the_room_on() {
    let mut world = peopled(loud(&["anna", "bert"]));
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", ROOM);
    // A phone sees at once that it talks with a focus.
    let ok = world.ladder.rungs.iter().rfind(|rung| rung.to == "anna" && rung.title == "200 INVITE").expect("a 200");
    assert_eq!(baton_tests::world::header(&ok.text(), "Contact"), "<sip:800@192.0.2.1:5060>;isfocus");
    world.expect_hearing(&[("C", "music"), ("guest", "anna bert"), ("bert", "anna guest")]);
    world.refer_to_line("anna", "anna/2");
    world.expect_hearing(&IN_THE_ROOM);
    assert!(!world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
    world.expect_record(OF_ANNA, &[("/Baton/TransferType", json!("WARM_CONSULT"))]);
    world.end_of_day();
}

#[test]
fn the_agent_consults_the_room_swaps_joins_and_leaves() {
    let mut world = peopled(loud(&["anna", "bert"]));
    world.consult("anna", "Room");
    world.expect_hearing(&[("C", "music"), ("anna", "bert guest"), ("guest", "anna bert"), ("bert", "anna guest")]);
    assert_eq!(world.state(ROOM), Some(ConnectionState::Connected));
    // Back to the customer: the guests go on, and hear no music of ours.
    world.click("anna", Control::Swap);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("guest", "bert"), ("bert", "guest")]);
    world.click("anna", Control::HoldAll);
    world.expect_hearing(&[("C", "music"), ("anna", "silence"), ("guest", "bert"), ("bert", "guest")]);
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bert guest"), ("anna", "C bert guest"), ("guest", "C anna bert")]);
    world.freeze_and_revive();
    world.click("anna", Control::Leave);
    world.expect_hearing(&IN_THE_ROOM);
    world.expect_record(OF_ANNA, &[("/Baton/TransferType", json!("WARM_CONFERENCE"))]);
    world.check_streams();
    world.end_of_day();
}

#[test]
fn the_agent_lets_the_room_go_and_has_the_customer_back() {
    let mut world = peopled(quiet(&["anna", "bert"]));
    world.consult("anna", "Room");
    let connection = world.connection(ROOM);
    world.click("anna", Control::Drop(connection));
    world.click("anna", Control::Resume);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("guest", "bert"), ("bert", "guest")]);
    world.expect_record(OF_ANNA, &[("/Baton/TransferType", json!("CONSULT_ONLY"))]);
    world.end_of_day();
}

#[test]
fn an_empty_room_plays_music_to_one_and_none_between_several() {
    let mut world = quiet(&["anna"]);
    world.talking();
    world.consult("anna", "Room");
    world.expect_hearing(&[("C", "music"), ("anna", "music")]);
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "music")]);
    // The next one who comes has company.
    world.call_in("guest", ROOM);
    world.expect_hearing(&[("C", "guest"), ("guest", "C")]);
    world.hang_up("guest");
    world.expect_hearing(&[("C", "music")]);
    world.hang_up("C");
    world.end_of_day();
}

#[test]
fn two_calls_are_led_into_one_room() {
    let mut world = peopled(loud(&["anna", "bert"]));
    world.transfer_blind("anna", "Room");
    world.clear_all();
    world.call_in("D", office::SUPPORT);
    world.answer("anna");
    world.consult("anna", "Room");
    world.expect_hearing(&[("C", "anna bert guest"), ("anna", "C bert guest"), ("D", "music")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "D bert guest"), ("D", "C bert guest"), ("guest", "C D bert")]);
    world.hang_up("guest");
    world.hang_up("bert");
    world.expect_hearing(&[("C", "D"), ("D", "C")]);
    world.end_of_day();
}

#[test]
fn r4_a_full_room_is_said_to_be_and_the_customer_stays() {
    let mut world = peopled(World::with(&["anna", "bert"], 1, |_, directory| {
        room(directory);
        directory.conferences[0].max_parties = 2;
    }));
    for mode in [AddMode::Blind, AddMode::Consult] {
        let target = Target::QuickConnect("Room".into());
        let refusal = world.try_click("anna", Control::Add { target, mode }).expect_err("full");
        assert_eq!((refusal.kind, refusal.detail.contains("full")), (RefusalKind::LimitReached, true), "{refusal:?}");
    }
    world.refer("anna", ROOM);
    assert_eq!(world.line("anna").progress, [486], "{}", world.ladder);
    world.dial("anna", ROOM);
    assert_eq!(world.line("anna/2").refused, Some(486));
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert!(!world.all_kinds().contains(&"HELD".to_owned()), "nobody was held for it");
    // One goes, and there is room.
    world.hang_up("guest");
    world.transfer_blind("anna", "Room");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn r4_a_room_that_is_gone_or_has_no_port_for_it_costs_no_customer() {
    let mut world = peopled(quiet(&["anna", "bert"]));
    world.directory.numbers.retain(|number| number.number != ROOM);
    world.directory.conferences.clear();
    world.apply_directory();
    let target = Target::QuickConnect("Room".into());
    let refusal = world.try_click("anna", Control::Add { target, mode: AddMode::Blind }).expect_err("gone");
    assert_eq!(refusal.kind, RefusalKind::NoRoute);
    world.refer("anna", ROOM);
    assert_eq!(world.line("anna").progress, [404], "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("guest", "bert")]);
    world.end_of_day();
    // Ports for a guest, bert, C and anna, and one.
    let few = |config: &mut baton_contact::Config, directory: &mut Directory| {
        room(directory);
        config.media_ports = (20_000, 20_009);
    };
    let mut world = peopled(World::with(&["anna", "bert"], 1, few));
    world.refer("anna", ROOM);
    assert_eq!(world.line("anna").progress, [202, 100, 480], "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("guest", "bert")]);
    world.end_of_day();
}

#[test]
fn r12_who_may_bring_nobody_in_from_inside_may_not_lead_into_a_room() {
    let profile = SecurityProfile { name: "clerk".into(), transfer: Some(vec!["other".into()]), ..Default::default() };
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
        room(directory);
        directory.security_profiles = vec![profile];
        directory.users[0].security_profile = Some("clerk".into());
    });
    world.talking();
    let target = Target::QuickConnect("Room".into());
    let refusal = world.try_click("anna", Control::Add { target, mode: AddMode::Blind }).expect_err("not permitted");
    assert_eq!(refusal.kind, RefusalKind::NotPermitted);
    world.refer("anna", ROOM);
    assert_eq!(world.line("anna").progress, [403], "{}", world.ladder);
    world.dial("anna", ROOM);
    assert_eq!(world.line("anna/2").refused, Some(403));
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn who_watches_the_room_sees_who_is_behind_the_line() {
    let mut world = quiet(&["anna", "bert"]);
    let watch = world.watch("bert", "conference", ROOM);
    world.talking();
    world.consult("anna", "Room");
    world.run_ms(5_100);
    let told = world.told(watch);
    assert!(told.contains("<user-count>1</user-count>") && told.contains("entity=\"sip:anna@192.0.2.1\""), "{told}");
    assert!(told.contains("dialed-in"), "{told}");
    world.click("anna", Control::Leave);
    world.run_ms(5_100);
    let told = world.told(watch);
    assert!(told.contains("<user-count>1</user-count>") && told.contains("entity=\"sip:C@192.0.2.1\""), "{told}");
    world.hang_up("C");
    world.run_ms(5_100);
    assert!(world.told(watch).contains("<user-count>0</user-count>"));
}

#[test]
fn the_panel_dials_the_room_for_an_agent() {
    let mut world = quiet(&["anna"]);
    world.call_in("guest", ROOM);
    let target = Target::QuickConnect("Room".into());
    assert!(world.command(Command::Dial { agent: "anna".into(), target }).is_ok());
    world.settle();
    world.answer("anna");
    world.expect_hearing(&[("anna", "guest"), ("guest", "anna")]);
    world.hang_up("guest");
    world.hang_up("anna");
    world.end_of_day();
}

#[test]
fn m5_digits_cross_the_line_into_the_room() {
    let mut world = loud(&["anna"]);
    world.call_in("guest", ROOM);
    world.talking();
    world.transfer_blind("anna", "Room");
    world.run_ms(300);
    world.press("C", '7');
    assert_eq!(world.digits_heard("guest"), "7");
    world.press("guest", '3');
    assert_eq!(world.digits_heard("C"), "3");
    world.end_of_day();
}

#[test]
fn who_is_in_a_room_already_does_not_come_there_a_second_time_by_a_call() {
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| room(directory));
    world.call_in("guest", "800");
    world.dial("anna", "800");
    world.dial("anna", office::BANK);
    world.answer("bank");
    world.dial("anna", ROOM);
    assert_eq!(world.line("anna/3").refused, Some(403), "it would hear itself\n{}", world.ladder);
    world.expect_hearing(&[("bank", "anna"), ("guest", "anna"), ("anna", "bank guest")]);
    // It may lead the call there, and goes itself.
    world.refer("anna/2", ROOM);
    world.expect_hearing(&[("bank", "anna guest"), ("guest", "anna bank"), ("anna", "bank guest")]);
    world.end_of_day();
}

#[test]
fn r6_a_call_in_a_room_is_not_spliced_with_one_of_an_agent_who_is_there() {
    let mut world = peopled(quiet(&["anna", "bert"]));
    world.transfer_blind("anna", "Room");
    world.dial("bert", office::BANK);
    world.answer("bank");
    world.refer_to_line("C", "bank");
    assert_eq!(world.line("C").progress, [403], "bert would hear itself\n{}", world.ladder);
    assert!(world.is_up("C") && world.is_up("bank"), "{}", world.ladder);
    // The other way round, too.
    world.refer_to_line("bank", "C");
    assert_eq!(world.line("bank").progress, [403], "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn who_is_rung_for_a_call_in_a_room_does_not_dial_that_room() {
    let mut world = loud(&["anna", "bert"]);
    world.talking();
    world.call_in("guest", ROOM);
    world.transfer_blind("anna", "Room");
    world.refer("C", "102");
    assert!(world.rings("bert"), "{}", world.ladder);
    world.dial("bert", ROOM);
    assert_eq!(world.line("bert/2").refused, Some(486), "it would hear itself\n{}", world.ladder);
    world.answer("bert");
    world.expect_hearing(&[("guest", "bert"), ("bert", "guest")]);
    world.end_of_day();
}

#[test]
fn two_calls_of_one_agent_do_not_lead_into_the_same_room() {
    let mut world = quiet(&["anna", "bert"]);
    world.talking();
    world.call_in("guest", ROOM);
    world.transfer_blind("anna", "Room");
    world.refer("C", "102");
    // It has a call of its own, and answers the other one then.
    world.dial("bert", office::BANK);
    world.answer("bank");
    world.answer("bert");
    world.expect_hearing(&[("guest", "bert"), ("bert", "bank guest"), ("bank", "bert")]);
    world.refer("bank", ROOM);
    assert_eq!(world.line("bank").progress, [480], "bert would hear itself\n{}", world.ladder);
    world.expect_hearing(&[("guest", "bert"), ("bert", "bank guest"), ("bank", "bert")]);
    world.end_of_day();
}
