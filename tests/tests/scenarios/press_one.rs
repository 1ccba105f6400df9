//! A target hears a brief, or has to press 1, before it gets the customer.

use baton_contact::command::Control;
use baton_contact::directory::{RecallPolicy, RecallStage};
use baton_contact::snapshot::ConnectionState;
use baton_tests::world::{Behaviour, World};
use serde_json::json;

fn world(agents: &[&str], press_one: bool) -> World {
    World::with(agents, 1, |_, directory| {
        for entry in &mut directory.quick_connects {
            (entry.press_one, entry.accept_seconds) = (press_one, 10);
            entry.brief = (!press_one).then(|| "brief".to_owned());
        }
    })
}

/// Anna has sent C on to the bank, which has answered and is asked.
fn asked(world: &mut World) {
    world.talking();
    world.transfer_blind("anna", "Bank");
    world.answer("bank");
    assert_eq!(world.state("bank"), Some(ConnectionState::Whispering));
    world.expect_hearing(&[("C", "ring-back"), ("bank", "prompt")]);
}

#[test]
fn whoever_presses_1_gets_the_customer() {
    let mut world = world(&["anna"], true);
    asked(&mut world);
    world.run_ms(4_000);
    world.press_by_info("bank", '1');
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.run_ms(10_000);
    world.hang_up("C");
    world.expect_record(
        1,
        &[("/Baton/TransferType", json!("COLD")), ("/TransferredToEndpoint/Address", json!("+49404040"))],
    );
    world.expect_record(
        2,
        &[
            ("/ExternalThirdParty/ExternalThirdPartyInteractionDuration", json!(10)),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    assert!(world.kinds(2).contains(&"WHISPERING".to_owned()));
    world.end_of_day();
}

#[test]
fn the_key_is_heard_in_the_sound_as_well() {
    let mut world = World::with(&[], 1, |_, directory| {
        directory.quick_connects.iter_mut().for_each(|entry| entry.press_one = true);
    });
    world.add_sound();
    world.register("anna");
    asked(&mut world);
    world.run_ms(500);
    assert_eq!(world.sounds("bank"), "music", "the prompt, and not the customer");
    world.press("bank", '1');
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn another_key_a_hang_up_or_no_key_declines_and_the_agent_is_recalled() {
    let declines: [fn(&mut World); 3] =
        [|world| world.press_by_info("bank", '2'), |world| world.hang_up("bank"), |world| world.run_ms(10_500)];
    for decline in declines {
        let mut world = world(&["anna"], true);
        asked(&mut world);
        world.clear_all();
        decline(&mut world);
        assert!(!world.is_up("bank") && world.rings("anna"), "{}", world.ladder);
        world.expect_hearing(&[("C", "music")]);
        let panel = world.agents["anna"].contacts.iter().find_map(|contact| contact.recall.clone()).expect("told");
        assert_eq!(panel.outcome, "rejected");
        world.answer("anna");
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.expect_record(
            1,
            &[("/Baton/TransferType", json!("FAILED")), ("/Baton/TransferOutcome", json!("rejected"))],
        );
        world.end_of_day();
    }
}

#[test]
fn a_decline_has_its_own_place_in_the_way_back() {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        let bank = directory.quick_connects.iter_mut().find(|entry| entry.name == "Bank").expect("a bank");
        bank.press_one = true;
        bank.recall = Some(RecallPolicy { declined: RecallStage::Prompt, ..RecallPolicy::default() });
    });
    asked(&mut world);
    world.press_by_info("bank", '9');
    world.expect_hearing(&[("C", "prompt")]);
    world.end_of_day();
}

#[test]
fn a_consulted_target_is_asked_first_and_the_agent_hears_it_ring_until_then() {
    let mut world = world(&["anna"], true);
    world.talking();
    world.consult("anna", "Bank");
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("anna", "ring-back"), ("bank", "prompt")]);
    world.press_by_info("bank", '1');
    world.expect_hearing(&[("C", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_consulted_target_that_declines_leaves_the_customer_held_and_the_agent_told() {
    let mut world = world(&["anna"], true);
    world.talking();
    world.consult("anna", "Bank");
    world.answer("bank");
    world.press_by_info("bank", '0');
    assert!(!world.is_up("bank"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music"), ("anna", "silence")]);
    world.end_of_day();
}

#[test]
fn an_agent_accepts_by_key_or_in_its_panel_and_may_reject_there() {
    for how in ["key", "panel", "reject"] {
        let mut world = world(&["anna", "bert"], true);
        world.talking();
        world.transfer_blind("anna", "Bert");
        world.answer("bert");
        world.expect_hearing(&[("C", "ring-back"), ("bert", "prompt")]);
        match how {
            "key" => world.press_by_info("bert", '1'),
            "panel" => world.click("bert", Control::Accept),
            _ => world.click("bert", Control::Reject),
        }
        if how == "reject" {
            assert!(!world.is_up("bert") && world.rings("anna"), "{}", world.ladder);
        } else {
            world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
            world.expect_record(2, &[("/Agent/Username", json!("bert"))]);
        }
        world.end_of_day();
    }
}

#[test]
fn an_agent_of_a_queue_that_declines_leaves_the_contact_in_the_queue() {
    let mut world = world(&["anna", "carla"], true);
    world.talking();
    world.transfer_blind("anna", "Sales");
    world.answer("carla");
    world.expect_hearing(&[("C", "music"), ("carla", "prompt")]);
    world.press_by_info("carla", '2');
    assert!(!world.is_up("carla"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.clear_all();
    world.settle();
    world.answer("carla");
    world.press_by_info("carla", '1');
    world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
    world.end_of_day();
}

/// The bank has answered, and hears the brief.
fn briefed() -> World {
    let mut world = World::with(&[], 1, |_, directory| {
        directory.quick_connects.iter_mut().for_each(|entry| entry.brief = Some("press-one".to_owned()));
    });
    world.add_sound();
    world.register("anna");
    world.talking();
    world.transfer_blind("anna", "Bank");
    world.answer("bank");
    world
}

#[test]
fn a_brief_is_heard_by_the_target_alone_and_then_it_is_connected() {
    let mut world = briefed();
    world.run_ms(500);
    assert_eq!(world.state("bank"), Some(ConnectionState::Whispering));
    assert_eq!(world.sounds("bank"), "music", "the brief");
    assert_eq!(world.hears("C"), "ring-back");
    world.run_ms(1_500);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn a_hang_up_in_the_brief_declines() {
    let mut world = briefed();
    world.run_ms(200);
    world.hang_up("bank");
    assert!(world.rings("anna"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_refer_to_a_number_that_no_quick_connect_names_asks_nothing() {
    let mut world = world(&["anna"], true);
    world.talking();
    world.behave("bank", Behaviour::Answers(0));
    world.refer("anna", baton_tests::world::office::BANK);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn leave_and_undo_while_the_target_is_asked() {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        directory.queues[0].undo_seconds = 20;
        directory.quick_connects.iter_mut().for_each(|entry| entry.press_one = true);
    });
    world.talking();
    world.consult("anna", "Bank");
    world.answer("bank");
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "ring-back"), ("bank", "prompt"), ("anna", "silence")]);
    world.click("anna", Control::Undo);
    world.expect_hearing(&[("C", "music"), ("bank", "prompt"), ("anna", "ring-back")]);
    world.click("anna", Control::Leave);
    world.press_by_info("bank", '1');
    world.expect_hearing(&[("C", "bank"), ("bank", "C"), ("anna", "nothing")]);
    world.end_of_day();
}

#[test]
fn the_customer_hangs_up_while_the_target_is_asked() {
    let mut world = world(&["anna"], true);
    asked(&mut world);
    world.hang_up("C");
    assert!(!world.is_up("bank"), "{}", world.ladder);
    world.expect_record(2, &[("/DisconnectReason", json!("CUSTOMER_DISCONNECT"))]);
    world.end_of_day();
}
