//! The way back of a customer whose target was not reached (R4): to the agent, to a queue, to a prompt, as the quick connect
//! or the queue says.

use baton_contact::directory::{Directory, RecallPolicy, RecallStage};
use baton_tests::world::{Behaviour, World, header, office};
use serde_json::json;

const STAGES: [RecallStage; 3] = [RecallStage::Transferor, RecallStage::Queue, RecallStage::Prompt];

fn with(agents: &[&str], policy: RecallPolicy) -> World {
    World::with(agents, 1, |_, directory| directory.queues[0].recall = Some(policy))
}

/// Anna sends C on to the bank and is gone; she has not cleared her work, so that no queue finds her.
fn sent_on(world: &mut World) {
    world.talking();
    world.transfer_blind("anna", "Bank");
    world.expect_hearing(&[("anna", "nothing")]);
}

#[test]
fn r4_each_cause_begins_where_the_policy_says() {
    type Key = fn(&mut RecallPolicy) -> &mut RecallStage;
    let causes: [(&str, Behaviour, Key); 4] = [
        ("no answer", Behaviour::Rings, |policy| &mut policy.no_answer),
        ("busy", Behaviour::Busy(486), |policy| &mut policy.busy),
        ("declined", Behaviour::Refuses(603, 1_000), |policy| &mut policy.declined),
        ("network failure", Behaviour::Busy(500), |policy| &mut policy.network_failure),
    ];
    for (cause, behaviour, key) in causes {
        for stage in STAGES {
            let mut policy = RecallPolicy { ring_seconds: Some(6), ..RecallPolicy::default() };
            *key(&mut policy) = stage;
            let mut world = with(&["anna"], policy);
            world.behave("bank", behaviour);
            sent_on(&mut world);
            world.run_ms(6_500);
            let found = (world.rings("anna"), world.hears("C"));
            let wanted = match stage {
                RecallStage::Transferor => (true, "music".to_owned()),
                RecallStage::Queue => (false, "music".to_owned()),
                RecallStage::Prompt => (false, "prompt".to_owned()),
            };
            assert_eq!(found, wanted, "{cause}, {stage:?}\n{}", world.ladder);
            world.expect_record(1, &[("/Baton/TransferType", json!("FAILED"))]);
            world.end_of_day();
        }
    }
}

#[test]
fn r4_a_target_that_is_not_registered_leads_there_at_once() {
    for (stage, hears) in
        [(RecallStage::Transferor, "anna"), (RecallStage::Queue, "music"), (RecallStage::Prompt, "prompt")]
    {
        let mut world = with(&["anna"], RecallPolicy { unregistered: stage, ..RecallPolicy::default() });
        world.talking();
        world.transfer_blind("anna", "Bert");
        world.expect_hearing(&[("C", hears)]);
        assert_eq!(world.is_up("anna"), stage == RecallStage::Transferor, "{stage:?}\n{}", world.ladder);
        world.expect_record(1, &[("/Baton/TransferType", json!("FAILED"))]);
        if stage == RecallStage::Queue {
            let contacts = world.contacts();
            world.expect_record(
                3,
                &[("/InitiationMethod", json!("QUEUE_TRANSFER")), ("/PreviousContactId", json!(contacts[1]))],
            );
        }
        world.end_of_day();
    }
}

#[test]
fn r4_every_stage_falls_on_to_the_next_in_its_time() {
    let policy = RecallPolicy {
        transferor_seconds: Some(10),
        queue_seconds: 20,
        prompt: Some("sorry".into()),
        prompt_seconds: 5,
        ..RecallPolicy::default()
    };
    let mut world = with(&["anna"], policy);
    world.behave("bank", Behaviour::Busy(486));
    sent_on(&mut world);
    assert!(world.rings("anna"), "{}", world.ladder);
    world.run_ms(9_000);
    assert!(world.rings("anna"));
    world.run_ms(1_500);
    assert!(!world.rings("anna"), "her ten seconds are over\n{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.run_ms(18_000);
    world.expect_hearing(&[("C", "music")]);
    world.run_ms(2_500);
    world.expect_hearing(&[("C", "prompt")]);
    let named = |world: &World| format!("{:?}", world.plans.values().collect::<Vec<_>>()).contains("sorry");
    assert!(named(&world), "{:?}", world.plans);
    world.run_ms(5_500);
    assert!(!world.is_up("C"), "{}", world.ladder);
    let contacts = world.contacts();
    assert_eq!(contacts.len(), 3, "the customer's, the bank's, and the way back");
    world.expect_record(1, &[("/NextContactId", json!(contacts[1])), ("/TransferCompletedTimestamp", json!(null))]);
    world.expect_record(2, &[("/NextContactId", json!(contacts[2])), ("/DisconnectReason", json!("TELECOM_BUSY"))]);
    world.expect_record(
        3,
        &[
            ("/InitialContactId", json!(contacts[0])),
            ("/PreviousContactId", json!(contacts[1])),
            ("/Baton/RecalledFrom", json!(contacts[1])),
            ("/AgentConnectionAttempts", json!(1)),
            ("/Queue/Name", json!("support")),
            ("/Agent", json!(null)),
        ],
    );
    world.end_of_day();
}

#[test]
fn r4_the_recalled_agent_sees_why_on_its_phone_and_in_its_panel() {
    let mut world = with(&["anna"], RecallPolicy::default());
    world.behave("bank", Behaviour::Busy(486));
    sent_on(&mut world);
    let invites = world.ladder.rungs.iter().filter(|rung| rung.to == "anna" && rung.title == "INVITE");
    let text = invites.last().expect("anna is rung").text();
    assert!(header(&text, "From").contains("Recall (Bank: busy) C"), "{text}");
    assert_eq!(header(&text, "Alert-Info"), "<urn:alert:service:recall:transfer>");
    let panel = world.agents["anna"].contacts.iter().find_map(|contact| contact.recall.clone()).expect("told");
    assert_eq!((panel.target.as_str(), panel.outcome.as_str(), panel.sip_status), ("Bank", "busy", Some(486)));
    assert_eq!(panel.from_contact_id, world.contacts()[1]);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn r4_another_queue_may_take_the_customer() {
    let policy = RecallPolicy { busy: RecallStage::Queue, queue: Some("sales".into()), ..RecallPolicy::default() };
    let mut world = with(&["anna", "carla"], policy);
    world.behave("bank", Behaviour::Busy(486));
    sent_on(&mut world);
    assert!(world.rings("carla"), "{}", world.ladder);
    let invites = world.ladder.rungs.iter().filter(|rung| rung.to == "carla" && rung.title == "INVITE");
    assert!(!invites.last().expect("carla is rung").text().contains("Recall"), "she had not sent it on");
    world.answer("carla");
    world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
    world.run_ms(100_000);
    world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
    world.end_of_day();
}

#[test]
fn r4_the_quick_connects_policy_stands_before_the_queues() {
    let change = |directory: &mut Directory| {
        let prompt = RecallPolicy { busy: RecallStage::Prompt, ..RecallPolicy::default() };
        directory.queues[0].recall = Some(prompt);
        let bank = directory.quick_connects.iter_mut().find(|entry| entry.name == "Bank");
        bank.expect("a bank").recall = Some(RecallPolicy::default());
    };
    let mut world = World::with(&["anna"], 1, |_, directory| change(directory));
    world.behave("bank", Behaviour::Busy(486));
    sent_on(&mut world);
    assert!(world.rings("anna"), "{}", world.ladder);
    world.answer("anna");
    world.click(
        "anna",
        baton_contact::command::Control::Add {
            target: baton_contact::command::Target::PhoneNumber(office::BANK.into()),
            mode: baton_contact::command::AddMode::Blind,
        },
    );
    world.expect_hearing(&[("C", "prompt")]);
    world.end_of_day();
}

#[test]
fn r4_an_agent_without_a_phone_is_passed_over() {
    let mut world = with(&["anna"], RecallPolicy::default());
    world.behave("bank", Behaviour::Refuses(486, 1_000));
    sent_on(&mut world);
    world.unregister("anna");
    world.run_ms(1_500);
    world.expect_hearing(&[("C", "music")]);
    assert!(!world.all_kinds().contains(&"RECALLED".to_owned()));
    world.end_of_day();
}

#[test]
fn r4_whoever_is_just_being_rung_may_still_take_a_customer_whose_time_in_the_queue_is_over() {
    let policy = RecallPolicy {
        busy: RecallStage::Queue,
        queue: Some("sales".into()),
        queue_seconds: 10,
        ..RecallPolicy::default()
    };
    let mut world = with(&["anna", "carla"], policy);
    world.behave("bank", Behaviour::Busy(486));
    sent_on(&mut world);
    world.run_ms(12_000);
    assert!(world.rings("carla"), "{}", world.ladder);
    world.answer("carla");
    world.run_ms(5_000);
    world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
    world.end_of_day();
}

#[test]
fn r4_a_phone_that_died_takes_the_queues_way_back() {
    let policy = RecallPolicy { transferor_seconds: Some(7), queue_seconds: 9, ..RecallPolicy::default() };
    let mut world = with(&["anna"], policy);
    world.talking();
    world.click("anna", baton_contact::command::Control::Hold);
    world.hang_up("anna");
    assert!(world.rings("anna"));
    let invites = world.ladder.rungs.iter().filter(|rung| rung.to == "anna" && rung.title == "INVITE");
    assert!(!invites.last().expect("anna is rung").text().contains("Recall"), "no target was tried");
    world.run_ms(7_500);
    assert!(!world.rings("anna"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.run_ms(9_000);
    world.expect_hearing(&[("C", "prompt")]);
    world.end_of_day();
}

#[test]
fn r4_the_customer_hangs_up_at_each_stage() {
    for wait_ms in [1_000, 12_000, 30_000] {
        let policy = RecallPolicy { transferor_seconds: Some(10), queue_seconds: 15, ..RecallPolicy::default() };
        let mut world = with(&["anna"], policy);
        world.behave("bank", Behaviour::Busy(486));
        sent_on(&mut world);
        world.run_ms(wait_ms);
        world.hang_up("C");
        assert!(!world.rings("anna"), "{}", world.ladder);
        world.end_of_day();
    }
}
