//! Phones that watch others: busy lamps (RFC 4235), presence (RFC 3856) and conference rooms (RFC 4575).

use baton_contact::command::{Command, Control, Query, Reply};
use baton_contact::snapshot::SubscriptionView;
use baton_tests::world::office::SUPPORT;
use baton_tests::world::{Behaviour, Dialect, World, header};

/// The states of the dialogs in a document, with who began them.
fn dialogs(document: &str) -> Vec<String> {
    let dialogs = document.split("<dialog ").skip(1);
    let text = |dialog: &str, before: &str, after: &str| {
        dialog.split(before).nth(1).unwrap_or("").split(after).next().unwrap_or("").to_owned()
    };
    let held = |dialog: &str| if dialog.contains("+sip.rendering") { " held" } else { "" };
    dialogs
        .map(|dialog| {
            let (direction, state) = (text(dialog, "direction=\"", "\""), text(dialog, "<state>", "<"));
            format!("{direction} {state}{}", held(dialog))
        })
        .collect()
}

fn presence(document: &str) -> (bool, String) {
    let note = document.split("<note>").nth(1).unwrap_or("").split('<').next().unwrap_or("");
    (document.contains("<basic>open</basic>"), note.to_owned())
}

#[test]
fn a_busy_lamp_follows_the_call_of_the_agent_it_watches() {
    let mut world = World::new(&["anna", "bert"]);
    let lamp = world.watch("bert", "dialog", "101");
    assert_eq!((world.watches[lamp].status, dialogs(world.told(lamp))), (Some(200), vec![]));
    world.run_ms(2_000);
    world.call_in("customer", SUPPORT);
    assert_eq!(dialogs(world.told(lamp)), ["recipient trying"]);
    world.run_ms(1_100);
    assert_eq!(dialogs(world.told(lamp)), ["recipient early"]);
    world.answer("anna");
    world.run_ms(1_100);
    assert_eq!(dialogs(world.told(lamp)), ["recipient confirmed"]);
    world.hold("anna", Dialect::SendOnly);
    world.run_ms(1_100);
    assert_eq!(dialogs(world.told(lamp)), ["recipient confirmed held"]);
    world.unhold("anna");
    world.run_ms(1_100);
    assert_eq!(dialogs(world.told(lamp)), ["recipient confirmed"]);
    world.hang_up("customer");
    world.run_ms(1_100);
    assert_eq!(dialogs(world.told(lamp)), ["recipient terminated"]);
    let told = world.watches[lamp].told.len();
    world.run_ms(60_000);
    assert_eq!(world.watches[lamp].told.len(), told, "nothing changes, nothing is told");
}

#[test]
fn a_busy_lamp_shows_calls_of_its_agent_too_by_any_of_its_names() {
    let mut world = World::new(&["anna", "bert", "carla"]);
    let lamps = ["101", "anna", "anna-desk"].map(|name| world.watch("bert", "dialog", name));
    world.run_ms(2_000);
    world.dial("anna", "103");
    world.run_ms(1_100);
    for lamp in lamps {
        assert_eq!(dialogs(world.told(lamp)), ["initiator early"]);
    }
    world.answer("carla");
    world.run_ms(1_100);
    for lamp in lamps {
        assert_eq!(dialogs(world.told(lamp)), ["initiator confirmed"]);
    }
}

#[test]
fn a_lamp_of_a_phone_that_is_gone_costs_a_subscription_and_no_call() {
    let mut world = World::new(&["anna", "bert"]);
    let lamp = world.watch("bert", "dialog", "101");
    world.run_ms(2_000);
    world.watches[lamp].answers = 481;
    world.call_in("customer", SUPPORT);
    world.answer("anna");
    world.run_ms(5_000);
    assert_eq!(world.core.gauges().subscriptions, 0);
    let told = world.watches[lamp].told.len();
    world.hang_up("customer");
    world.run_ms(5_000);
    assert_eq!(world.watches[lamp].told.len(), told);
}

#[test]
fn presence_says_whether_a_colleague_would_take_a_call_and_why_not() {
    let mut world = World::new(&["anna", "bert"]);
    let desk = world.watch("anna", "presence", "102");
    assert_eq!(presence(world.told(desk)), (true, "Available".into()));
    let set = |world: &mut World, status: &str| {
        world.set_status("bert", status);
        world.run_ms(5_100);
    };
    world.run_ms(6_000);
    set(&mut world, "Lunch");
    assert_eq!(presence(world.told(desk)), (false, "Lunch".into()));
    assert!(world.told(desk).contains("<rpid:away/>"));
    set(&mut world, "Available");
    assert_eq!(presence(world.told(desk)), (true, "Available".into()));
    world.behaviours.insert("bert".into(), Behaviour::Answers(0));
    world.call_in("customer", "102");
    world.run_ms(5_100);
    assert_eq!(presence(world.told(desk)), (false, "On a call".into()));
    assert!(world.told(desk).contains("<rpid:on-the-phone/>"));
    world.hang_up("customer");
    world.run_ms(5_100);
    assert_eq!(presence(world.told(desk)), (false, "After-contact work".into()));
    world.clear_all();
    world.unregister("bert");
    world.run_ms(5_100);
    assert_eq!(presence(world.told(desk)), (false, "No phone".into()));
}

#[test]
fn what_is_nobodys_is_not_found() {
    let mut world = World::new(&["anna"]);
    for (event, number) in [("dialog", "999"), ("presence", "200"), ("dialog", "800"), ("conference", "101")] {
        let watch = world.watch("anna", event, number);
        assert_eq!(world.watches[watch].status, Some(404), "{event} {number}");
    }
    let mailbox = world.watch("anna", "message-summary", "101");
    assert_eq!(world.watches[mailbox].status, Some(489));
    assert_eq!(world.core.gauges().subscriptions, 0);
}

#[test]
fn a_phone_ends_its_watch_and_the_directory_ends_those_of_who_is_removed() {
    let mut world = World::new(&["anna", "bert", "carla"]);
    let own = world.watch("anna", "dialog", "102");
    world.subscribe(own, 0);
    assert_eq!(
        (world.watches[own].state.as_str(), world.core.gauges().subscriptions),
        ("terminated;reason=timeout", 0)
    );
    let lamp = world.watch("anna", "dialog", "103");
    let mut directory = world.directory.clone();
    directory.users.retain(|user| user.username != "carla");
    directory.quick_connects.retain(|entry| entry.user.as_deref() != Some("carla"));
    world.command(Command::SetDirectory(Box::new(directory))).expect("a directory");
    world.run_ms(100);
    assert_eq!(world.watches[lamp].state, "terminated;reason=noresource");
    assert_eq!(world.core.gauges().subscriptions, 0);
}

#[test]
fn a_room_tells_who_is_in_it() {
    let mut world = World::new(&["anna", "bert"]);
    let room = world.watch("bert", "conference", "800");
    assert!(world.told(room).contains("<user-count>0</user-count><active>false</active>"), "{}", world.told(room));
    world.run_ms(6_000);
    world.dial("anna", "800");
    world.call_in("guest", "800");
    world.run_ms(5_100);
    let told = world.told(room);
    assert!(told.contains("<user-count>2</user-count>") && told.contains("entity=\"sip:anna@192.0.2.1\""), "{told}");
    assert_eq!(told.matches("<status>sendrecv</status>").count(), 2, "{told}");
    world.hang_up("anna");
    world.run_ms(5_100);
    assert!(world.told(room).contains("<user-count>1</user-count>"));
    world.hang_up("guest");
    world.run_ms(5_100);
    assert!(world.told(room).contains("<user-count>0</user-count>"));
    let versions =
        world.watches[room].told.iter().filter_map(|told| told.split("version=\"").nth(2)?.split('"').next());
    let versions: Vec<&str> = versions.collect();
    assert_eq!(versions, (0..versions.len()).map(|each| each.to_string()).collect::<Vec<_>>());
}

#[test]
fn watches_are_frozen_and_revived_with_everything_else() {
    let mut world = World::new(&["anna", "bert"]);
    world.revive_always = true;
    let lamp = world.watch("bert", "dialog", "101");
    world.run_ms(2_000);
    world.call_in("customer", SUPPORT);
    world.answer("anna");
    world.run_ms(2_000);
    assert_eq!(dialogs(world.told(lamp)), ["recipient confirmed"]);
}

#[test]
fn rfc4579_a_room_says_in_its_contact_that_it_is_one() {
    let mut world = World::new(&["anna"]);
    world.dial("anna", "800");
    let ok = world.ladder.rungs.iter().rfind(|rung| rung.to == "anna" && rung.title == "200 INVITE").expect("a 200");
    assert_eq!(header(&ok.text(), "Contact"), "<sip:800@192.0.2.1:5060>;isfocus");
}

#[test]
fn three_who_talk_are_a_conference_for_those_in_it() {
    let mut world = World::new(&["anna", "bert", "carla"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    // The Contact says so as soon as one is sent.
    world.ladder.clear();
    world.hold("anna", Dialect::SendOnly);
    world.unhold("anna");
    let ok = world.ladder.rungs.iter().rfind(|rung| rung.to == "anna" && rung.title == "200 INVITE").expect("a 200");
    let contact = header(&ok.text(), "Contact");
    assert!(contact.ends_with(";isfocus"), "{contact}");
    let user = contact.trim_start_matches("<sip:").split('@').next().expect("a user").to_owned();
    let (own, strangers) = (world.watch("anna", "conference", &user), world.watch("carla", "conference", &user));
    assert_eq!((world.watches[own].status, world.watches[strangers].status), (Some(200), Some(404)));
    let told = world.told(own);
    assert!(told.contains("<user-count>3</user-count>") && told.matches("sendrecv").count() == 3, "{told}");
    world.run_ms(6_000);
    world.click("anna", Control::Leave);
    world.run_ms(5_100);
    assert!(world.told(own).contains("<user-count>2</user-count>"), "{}", world.told(own));
    world.hang_up("bert");
    world.run_ms(5_100);
    assert_eq!(world.watches[own].state, "terminated;reason=noresource");
}

#[test]
fn the_operator_sees_who_watches_whom_a_page_at_a_time() {
    let page = |world: &mut World, after: u64, limit: u16| -> Vec<SubscriptionView> {
        match world.command(Command::Query(Query::Subscriptions { after, limit })) {
            Ok(Reply::Subscriptions(page)) => page,
            other => panic!("{other:?}"),
        }
    };
    let mut world = World::new(&["anna", "bert"]);
    assert_eq!(page(&mut world, 0, 10), []);
    let lamp = world.watch("bert", "dialog", "101");
    world.watch("anna", "presence", "102");
    let first = page(&mut world, 0, 1);
    let [one] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((one.phone.as_str(), one.agent.as_deref()), ("bert-desk", Some("bert")));
    assert_eq!(one.event, "dialog");
    assert!(one.watched.starts_with("sip:101@") && one.flow.starts_with("udp:"), "{one:?}");
    let second = page(&mut world, one.subscription_id, 10);
    let [two] = second.as_slice() else { panic!("{second:?}") };
    assert_eq!((two.phone.as_str(), two.event.as_str()), ("anna-desk", "presence"));
    assert!(two.subscription_id > one.subscription_id && two.expires_at_ms >= one.expires_at_ms);
    assert_eq!(page(&mut world, two.subscription_id, 10), []);
    world.subscribe(lamp, 0);
    assert_eq!(page(&mut world, 0, 10), second);
}
