//! RFC 4579: a conference factory, and a focus that acts on the REFERs of those in its room: it calls guests in, removes them,
//! and takes over the other calls of a phone with a conference key.

use baton_contact::directory::{Directory, Number, SecurityProfile};
use baton_tests::world::{Behaviour, Dialect, World, header, office};
use serde_json::json;

const FACTORY: &str = "810";

fn factory(directory: &mut Directory) {
    let (number, conference_factory) = (FACTORY.into(), Some("room".into()));
    directory.numbers.push(Number { number, conference_factory, ..Number::default() });
}

fn quiet(agents: &[&str]) -> World {
    World::with(agents, 1, |_, directory| factory(directory))
}

/// Anna has made a room; its name.
fn made(world: &mut World) -> String {
    world.dial("anna", FACTORY);
    let contact = focus_of(world, "anna");
    contact.trim_start_matches("<sip:").split('@').next().expect("a user").to_owned()
}

/// The Contact in the last 200 to an INVITE of a phone.
fn focus_of(world: &World, who: &str) -> String {
    let ok = world.ladder.rungs.iter().rfind(|rung| rung.to == who && rung.title == "200 INVITE").expect("a 200");
    header(&ok.text(), "Contact").to_owned()
}

#[test]
fn rfc4579_5_4_a_factory_makes_a_room_each_time() {
    let mut world = quiet(&["anna", "bert", "carla"]);
    let room = made(&mut world);
    assert!(room.starts_with("room-") && focus_of(&world, "anna").ends_with(">;isfocus"), "{room}");
    world.expect_hearing(&[("anna", "music")]);
    // Whom the phone tells the URI calls it.
    world.call_in("guest", &room);
    world.expect_hearing(&[("anna", "guest"), ("guest", "anna")]);
    let watch = world.watch("bert", "conference", &room);
    assert!(world.told(watch).contains("<user-count>2</user-count>"), "{}", world.told(watch));
    // Another call to the factory makes another room.
    world.dial("bert", FACTORY);
    assert_ne!(focus_of(&world, "bert"), focus_of(&world, "anna"));
    world.expect_hearing(&[("bert", "music"), ("anna", "guest")]);
    world.freeze_and_revive();
    // With its last guest the room is over, and its name leads nowhere.
    world.hang_up("anna");
    world.hang_up("guest");
    world.run_ms(1_100);
    assert_eq!(world.watches[watch].state, "terminated;reason=noresource");
    world.dial("carla", &room);
    assert_eq!(world.line("carla").refused, Some(404));
    world.end_of_day();
}

#[test]
fn rfc4579_5_5_a_refer_to_the_focus_calls_a_guest_in_and_its_sender_stays() {
    let mut world = quiet(&["anna", "bert"]);
    made(&mut world);
    world.refer("anna", office::BANK);
    assert_eq!(world.line("anna").progress, [202, 100, 180], "{}", world.ladder);
    world.answer("bank");
    assert_eq!(world.line("anna").progress, [202, 100, 180, 200], "{}", world.ladder);
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    world.refer("anna", "102");
    world.answer("bert");
    world.expect_hearing(&[("anna", "bank bert"), ("bank", "anna bert"), ("bert", "anna bank")]);
    world.expect_record(
        2,
        &[
            ("/InitiationMethod", json!("EXTERNAL_OUTBOUND")),
            ("/CustomerEndpoint/Address", json!(office::BANK)),
            ("/SystemEndpoint/Address", json!(office::SUPPORT)),
        ],
    );
    world.hang_up("anna");
    world.expect_hearing(&[("bank", "bert"), ("bert", "bank")]);
    world.end_of_day();
}

#[test]
fn r1_a_guest_that_is_not_reached_is_told_truly_and_changes_nothing() {
    let mut world = quiet(&["anna"]);
    made(&mut world);
    for (behaviour, last) in [(Behaviour::Busy(486), 486), (Behaviour::Refuses(603, 200), 603)] {
        world.behave("bank", behaviour);
        world.refer("anna", office::BANK);
        world.run_ms(300);
        assert_eq!(world.line("anna").progress.last(), Some(&last), "{}", world.ladder);
        world.expect_hearing(&[("anna", "music")]);
    }
    world.refer("anna", "555");
    assert_eq!(world.line("anna").progress, [404]);
    // A room is no queue, and no guest of another one.
    for number in ["200", "800"] {
        world.refer("anna", number);
        assert_eq!(world.line("anna").progress, [403], "{number}");
    }
    assert!(!world.all_kinds().contains(&"RECALLED".to_owned()));
    world.end_of_day();
}

#[test]
fn rfc4579_5_11_a_refer_of_bye_removes_a_guest_when_its_sender_may() {
    let mut world = quiet(&["anna", "bert"]);
    let room = made(&mut world);
    world.call_in("guest", &room);
    world.call_in("D", &room);
    let bye = |world: &mut World, who: &str, whom: &str| {
        world.refer_now(who, &format!("sip:{whom}@192.0.2.1;method=BYE"));
        world.settle();
    };
    // Who comes by a trunk removes nobody else, and nobody who is not there goes.
    bye(&mut world, "guest", "D");
    assert_eq!(world.line("guest").progress, [403]);
    bye(&mut world, "anna", "555");
    assert_eq!(world.line("anna").progress, [404]);
    bye(&mut world, "anna", "D");
    assert_eq!(world.line("anna").progress, [202, 100, 200], "{}", world.ladder);
    assert!(!world.is_up("D"));
    world.expect_hearing(&[("anna", "guest"), ("guest", "anna")]);
    bye(&mut world, "guest", "guest");
    assert!(!world.is_up("guest"), "itself it may\n{}", world.ladder);
    world.expect_record(2, &[("/DisconnectReason", json!("CUSTOMER_DISCONNECT"))]);
    world.expect_record(3, &[("/DisconnectReason", json!("AGENT_DISCONNECT"))]);
    // Outside a room there is nobody to remove.
    world.hang_up("anna");
    world.clear_all();
    world.talking();
    bye(&mut world, "anna", "C");
    assert_eq!(world.line("anna").progress, [501]);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn who_may_not_moderate_removes_nobody() {
    let profile = SecurityProfile { name: "clerk".into(), moderate: Some(false), ..SecurityProfile::default() };
    let mut world = World::with(&["anna", "bert"], 1, |_, directory| {
        factory(directory);
        directory.security_profiles = vec![profile];
        directory.users[0].security_profile = Some("clerk".into());
    });
    let room = made(&mut world);
    world.call_in("guest", &room);
    world.refer_now("anna", "sip:guest@192.0.2.1;method=BYE");
    world.settle();
    assert_eq!(world.line("anna").progress, [403]);
    world.expect_hearing(&[("anna", "guest")]);
    world.end_of_day();
}

#[test]
fn a_conference_key_of_the_focus_kind_brings_the_phones_calls_together() {
    let mut world = World::with(&[], 1, |_, directory| factory(directory));
    world.add_sound();
    world.register("anna");
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.behave("bank", Behaviour::Answers(100));
    world.dial("anna", office::BANK);
    world.settle();
    world.hold("anna/2", Dialect::SendOnly);
    world.dial("anna", FACTORY);
    assert!(focus_of(&world, "anna").ends_with(">;isfocus"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music"), ("bank", "music")]);
    world.refer_to_line("anna/3", "anna");
    assert_eq!(world.line("anna/3").progress, [202, 100, 200], "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("bank", "music")]);
    world.refer_to_line("anna/3", "anna/2");
    world.expect_hearing(&[("C", "anna bank"), ("bank", "C anna")]);
    assert_eq!(world.lines.values().filter(|line| line.who.starts_with("anna") && !line.is_over()).count(), 1);
    world.check_streams();
    // One is removed, another one called in: by the same focus.
    world.behave("plumber", Behaviour::Answers(100));
    world.refer("anna/3", office::PLUMBER);
    world.settle();
    world.expect_hearing(&[("C", "anna bank plumber"), ("plumber", "C anna bank")]);
    world.refer_now("anna/3", &format!("sip:{}@192.0.2.1;method=BYE", office::BANK));
    world.settle();
    world.expect_hearing(&[("C", "anna plumber"), ("bank", "nothing")]);
    world.hang_up("anna/3");
    world.expect_hearing(&[("C", "plumber"), ("plumber", "C")]);
    world.end_of_day();
}

#[test]
fn a_call_of_ones_own_is_brought_into_the_room_or_left_there() {
    for stays in [true, false] {
        let mut world = quiet(&["anna"]);
        let room = made(&mut world);
        world.call_in("guest", &room);
        world.behave("bank", Behaviour::Answers(100));
        // From within a room anna calls on her own account.
        world.dial("anna", office::BANK);
        world.settle();
        world.expect_hearing(&[("bank", "anna")]);
        if stays {
            // A REFER to the focus: bring it in.
            world.refer_to_line("anna", "anna/2");
            world.expect_hearing(&[("anna", "bank guest"), ("bank", "anna guest"), ("guest", "anna bank")]);
            assert!(world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
        } else {
            // An attended transfer to the room.
            world.refer_to_line("anna/2", "anna");
            world.expect_hearing(&[("bank", "guest"), ("guest", "bank")]);
            assert!(!world.is_up("anna") && !world.is_up("anna/2"), "{}", world.ladder);
        }
        world.end_of_day();
    }
}

#[test]
fn every_change_is_told_to_who_watches() {
    let mut world = quiet(&["anna", "bert"]);
    let room = made(&mut world);
    let watch = world.watch("anna", "conference", &room);
    let expect = |world: &mut World, wanted: &[&str]| {
        world.run_ms(5_100);
        let told = world.told(watch);
        for text in wanted {
            assert!(told.contains(text), "{text} in {told}");
        }
    };
    expect(&mut world, &["<user-count>1</user-count>"]);
    world.refer("anna", office::BANK);
    expect(&mut world, &["<user-count>1</user-count>", "<status>alerting</status>", "dialed-out"]);
    world.answer("bank");
    expect(&mut world, &["<user-count>2</user-count>"]);
    assert!(!world.told(watch).contains("alerting"));
    world.hang_up("bank");
}

#[test]
fn a_call_in_which_nobody_would_be_left_is_not_led_into_a_room() {
    let mut world = quiet(&[]);
    world.call_in("guest", "800");
    // C waits in the queue: there is nobody to bring in by its line.
    world.call_in("C", office::SUPPORT);
    world.refer_to_line("guest", "C");
    assert_eq!(world.line("guest").progress, [480], "{}", world.ladder);
    world.expect_hearing(&[("C", "music"), ("guest", "music")]);
    // It sends its own end away: the room waits for no agent in its place.
    world.refer("C", "800");
    assert_eq!(world.line("C").progress, [202, 100, 200], "{}", world.ladder);
    assert!(!world.is_up("C"), "{}", world.ladder);
    assert_eq!(world.core.gauges().waiting, 0);
    world.expect_hearing(&[("guest", "music")]);
    world.end_of_day();
}

#[test]
fn of_two_guests_of_one_number_none_is_removed() {
    let mut world = quiet(&["anna"]);
    made(&mut world);
    for bank in ["bank", "bank/2"] {
        world.refer("anna", office::BANK);
        world.answer(bank);
    }
    world.refer_now("anna", &format!("sip:{}@192.0.2.1;method=BYE", office::BANK));
    world.settle();
    assert_eq!(world.line("anna").progress, [484], "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r12_each_calls_as_many_guests_in_as_it_may_transfer_calls() {
    let profile = SecurityProfile { name: "clerk".into(), max_transfers: Some(1), ..SecurityProfile::default() };
    let mut world = World::with(&["anna"], 1, |_, directory| {
        factory(directory);
        directory.security_profiles = vec![profile];
        directory.users[0].security_profile = Some("clerk".into());
    });
    made(&mut world);
    world.behave("bank", Behaviour::Answers(100));
    world.refer("anna", office::BANK);
    world.settle();
    world.expect_hearing(&[("anna", "bank")]);
    world.refer("anna", office::PLUMBER);
    assert_eq!(world.line("anna").progress, [486], "{}", world.ladder);
    world.expect_hearing(&[("anna", "bank")]);
    world.end_of_day();
}
