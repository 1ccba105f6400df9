//! Guests that are called into a room, muted and removed, by the API from outside and by the panel of an agent in it.

use baton_contact::command::{AddMode, Command, Control, Query, Refusal, RefusalKind, Reply, RoomControl, Target};
use baton_contact::directory::SecurityProfile;
use baton_contact::snapshot::{ConferenceView, ConnectionState};
use baton_tests::world::{Behaviour, Dialect, World, office};
use serde_json::json;

fn ask(world: &mut World, by: Option<&str>, control: RoomControl) -> Result<ConferenceView, Refusal> {
    let by = by.map(str::to_owned);
    let done = world.command(Command::Conference { by, room: "room".into(), control });
    world.settle();
    match done? {
        Reply::Conference(room) => Ok(*room),
        other => panic!("not a room: {other:?}"),
    }
}

fn number(number: &str) -> RoomControl {
    RoomControl::Add(Target::PhoneNumber(number.into()))
}

fn add(number: &str) -> Control {
    Control::Add { target: Target::PhoneNumber(number.into()), mode: AddMode::Consult }
}

fn rooms(world: &mut World, by: Option<&str>) -> Vec<ConferenceView> {
    match world.command(Command::Query(Query::Conferences(by.map(str::to_owned)))) {
        Ok(Reply::Conferences(rooms)) => rooms,
        other => panic!("rooms were asked for: {other:?}"),
    }
}

#[test]
fn guests_are_called_into_an_empty_room_muted_and_removed() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.behave("bank", Behaviour::Answers(100));
    let room = ask(&mut world, Some("anna"), number(office::BANK)).expect("a guest");
    assert_eq!(
        (room.name.as_str(), room.numbers, room.max_parties, room.ad_hoc),
        ("room", vec!["800".into()], 8, false)
    );
    assert_eq!(room.connections[0].state, ConnectionState::Offered);
    world.settle();
    world.expect_hearing(&[("bank", "music")]);
    ask(&mut world, None, RoomControl::Add(Target::Agent("bert".into()))).expect("an agent");
    world.answer("bert");
    world.expect_hearing(&[("bank", "bert"), ("bert", "bank")]);
    let bank = world.connection("bank");
    ask(&mut world, Some("anna"), RoomControl::Mute(bank)).expect("muted");
    world.expect_hearing(&[("bank", "bert"), ("bert", "silence")]);
    let room = ask(&mut world, Some("anna"), RoomControl::Unmute(bank)).expect("unmuted");
    assert_eq!((room.parties, room.connections[0].muted), (2, false));
    world.expect_hearing(&[("bert", "bank")]);
    assert_eq!(rooms(&mut world, Some("carla"))[0].parties, 2);
    ask(&mut world, Some("anna"), RoomControl::Drop(bank)).expect("removed");
    assert!(!world.is_up("bank"), "{}", world.ladder);
    world.expect_hearing(&[("bert", "music")]);
    world.expect_record(
        1,
        &[
            ("/InitiationMethod", json!("EXTERNAL_OUTBOUND")),
            ("/CustomerEndpoint/Address", json!(office::BANK)),
            ("/SystemEndpoint/Address", json!(office::SUPPORT)),
            ("/Baton/LeftBy", json!("anna")),
        ],
    );
    world.expect_record(
        2,
        &[
            ("/InitiationMethod", json!("API")),
            ("/SystemEndpoint/Address", json!("800")),
            ("/Agent/Username", json!("bert")),
        ],
    );
    world.end_of_day();
}

#[test]
fn what_is_refused_says_why_and_changes_nothing() {
    let profile = SecurityProfile {
        name: "clerk".into(),
        transfer: Some(vec!["internal".into()]),
        moderate: Some(false),
        ..SecurityProfile::default()
    };
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
        directory.security_profiles = vec![profile];
        directory.users[0].security_profile = Some("clerk".into());
        directory.conferences[0].max_parties = 2;
    });
    let kind = |world: &mut World, by, control| ask(world, by, control).expect_err("refused").kind;
    assert_eq!(kind(&mut world, Some("anna"), number(office::BANK)), RefusalKind::NotPermitted);
    assert_eq!(kind(&mut world, Some("bert"), number("555")), RefusalKind::NoRoute);
    let queue = RoomControl::Add(Target::Queue("sales".into()));
    assert_eq!(kind(&mut world, None, queue), RefusalKind::Invalid);
    assert_eq!(kind(&mut world, None, number("800")), RefusalKind::Invalid);
    assert_eq!(kind(&mut world, None, RoomControl::Drop(baton_contact::ConnectionId(9))), RefusalKind::NotFound);
    let unknown = Command::Conference { by: None, room: "attic".into(), control: number(office::BANK) };
    assert_eq!(world.command(unknown).expect_err("unknown").kind, RefusalKind::NotFound);
    assert_eq!(world.core.gauges().conversations, 0, "an empty room is none");
    world.call_in("guest", "800");
    world.dial("bert", "800");
    let guest = world.connection("guest");
    assert_eq!(kind(&mut world, Some("bert"), number(office::BANK)), RefusalKind::LimitReached);
    assert_eq!(kind(&mut world, Some("anna"), RoomControl::Mute(guest)), RefusalKind::NotPermitted);
    assert_eq!(
        kind(&mut world, Some("bert"), RoomControl::Drop(baton_contact::ConnectionId(9))),
        RefusalKind::NotFound
    );
    world.expect_hearing(&[("guest", "bert"), ("bert", "guest")]);
    world.end_of_day();
}

#[test]
fn a_guest_that_is_not_reached_is_shown_and_the_room_goes_on() {
    let mut world = World::new(&["anna", "bert"]);
    world.call_in("guest", "800");
    world.behave("bank", Behaviour::Busy(486));
    let room = ask(&mut world, Some("anna"), number(office::BANK)).expect("asked for");
    assert_eq!((room.connections.len(), room.parties), (1, 2));
    let room = rooms(&mut world, None).remove(0);
    let bank = room.connections.iter().find(|each| each.address == office::BANK).expect("still shown");
    assert_eq!((bank.outcome.as_deref(), bank.sip_status), (Some("busy"), Some(486)));
    // Who is busy is; who is called and is no more wanted rings no more.
    world.talking();
    let room = ask(&mut world, None, RoomControl::Add(Target::Agent("anna".into()))).expect("asked for");
    assert!(room.connections.iter().any(|each| each.outcome.as_deref() == Some("busy")));
    ask(&mut world, Some("anna"), RoomControl::Add(Target::Agent("bert".into()))).expect("asked for");
    assert!(world.rings("bert"));
    let bert = world.connection("bert");
    ask(&mut world, Some("anna"), RoomControl::Drop(bert)).expect("no more wanted");
    assert!(!world.rings("bert"), "{}", world.ladder);
    world.expect_hearing(&[("guest", "music"), ("C", "anna")]);
    world.end_of_day();
}

#[test]
fn an_agent_in_the_room_has_the_same_by_its_panel() {
    let mut world = World::new(&["anna", "bert"]);
    world.dial("anna", "800");
    world.call_in("guest", "800");
    assert_eq!(world.agents["anna"].contacts[0].controls, ["hold", "leave", "end", "add"]);
    world.behave("bank", Behaviour::Answers(100));
    world.click("anna", add(office::BANK));
    world.settle();
    world.expect_hearing(&[("anna", "bank guest"), ("bank", "anna guest"), ("guest", "anna bank")]);
    let (guest, bank) = (world.connection("guest"), world.connection("bank"));
    world.click("anna", Control::Mute(guest));
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna"), ("guest", "anna bank")]);
    world.click("anna", Control::Unmute(guest));
    world.click("anna", Control::Drop(bank));
    world.expect_hearing(&[("anna", "guest"), ("guest", "anna"), ("bank", "nothing")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("guest", "music")]);
    world.end_of_day();
    // Who came by itself was created by no contact of the room; whom anna called was by hers.
    let contacts = world.contacts();
    let of_room = |previous| [("/InitialContactId", json!(contacts[0])), ("/PreviousContactId", previous)];
    world.expect_record(2, &of_room(json!(null)));
    world.expect_record(3, &of_room(json!(contacts[0])));
    world.expect_record(1, &[("/NextContactId", json!(contacts[2]))]);
}

#[test]
fn who_is_not_in_a_room_sees_how_many_are_there_and_moderates_nobody() {
    let profile = SecurityProfile { name: "warden".into(), moderate: Some(true), ..SecurityProfile::default() };
    let mut world = World::with(&["anna", "bert", "carla"], 1, |_, directory| {
        directory.security_profiles = vec![profile];
        directory.users[2].security_profile = Some("warden".into());
    });
    world.call_in("guest", "800");
    world.dial("bert", "800");
    let guest = world.connection("guest");
    let seen = rooms(&mut world, Some("anna")).remove(0);
    assert_eq!((seen.name.as_str(), seen.parties, seen.connections.len()), ("room", 2, 0));
    for control in [RoomControl::Mute(guest), RoomControl::Unmute(guest), RoomControl::Drop(guest)] {
        assert_eq!(ask(&mut world, Some("anna"), control).expect_err("outside").kind, RefusalKind::NotPermitted);
    }
    for by in [Some("bert"), Some("carla"), None] {
        assert_eq!(rooms(&mut world, by)[0].connections.len(), 2, "{by:?}");
        ask(&mut world, by, RoomControl::Mute(guest)).expect("muted");
        ask(&mut world, by, RoomControl::Unmute(guest)).expect("unmuted");
    }
    // Whom anna calls she sees, and may remove.
    world.behave("bank", Behaviour::Answers(100));
    assert_eq!(ask(&mut world, Some("anna"), number(office::BANK)).expect("a guest").connections.len(), 1);
    let bank = world.connection("bank");
    ask(&mut world, Some("anna"), RoomControl::Drop(bank)).expect("removed");
    ask(&mut world, None, RoomControl::Drop(guest)).expect("removed");
    world.expect_hearing(&[("bert", "music")]);
    assert_eq!(world.calls()[0].conference.as_deref(), Some("room"));
    world.expect_record(1, &[("/DisconnectReason", json!("OTHER"))]);
    world.expect_record(3, &[("/DisconnectReason", json!("AGENT_DISCONNECT"))]);
    // Whoever is there by a call that leads there is there.
    world.call_in("other", "800");
    let other = world.connection("other");
    world.talking();
    world.click("anna", add("800"));
    assert_eq!(
        rooms(&mut world, Some("anna"))[0].connections.iter().filter(|each| each.address != office::BANK).count(),
        4
    );
    ask(&mut world, Some("anna"), RoomControl::Mute(other)).expect("muted");
    world.end_of_day();
}

#[test]
fn a_room_is_opened_for_a_call_only_while_conversations_may_begin() {
    let mut world = World::with(&["anna"], 1, |config, _| config.limits.conversations_max = 1);
    world.talking();
    let refusal = world.try_click("anna", add("800")).expect_err("one too many");
    assert_eq!(refusal.kind, RefusalKind::LimitReached, "{refusal:?}");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn an_agent_that_dials_a_room_while_it_is_called_there_has_picked_up() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.dial("anna", "800");
    world.refer("anna", "102");
    assert!(world.rings("bert"));
    world.dial("bert", "800");
    assert!(!world.rings("bert"), "{}", world.ladder);
    assert_eq!(world.line("anna").progress, [202, 100, 180, 200], "{}", world.ladder);
    world.expect_hearing(&[("anna", "bert"), ("bert", "anna")]);
    assert_eq!(rooms(&mut world, None)[0].parties, 2);
    world.end_of_day();
}

#[test]
fn an_agent_that_dials_a_room_again_goes_on_there_on_its_new_line() {
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| directory.conferences[0].max_parties = 2);
    world.dial("anna", "800");
    world.dial("bert", "800");
    world.hold("bert", Dialect::SendOnly);
    world.ladder.clear();
    world.dial("bert", "800");
    world.expect_ladder(
        "bert",
        &["> INVITE", "< 407 INVITE", "> ACK", "> INVITE", "< 200 INVITE", "< BYE", "> ACK", "> 200 BYE"],
    );
    world.expect_hearing(&[("anna", "bert"), ("bert", "anna")]);
    assert_eq!(rooms(&mut world, None)[0].parties, 2);
    world.end_of_day();
}
