//! Several consults beside each other, a consult of a consult, and conferences that change hands.

use baton_contact::command::{AddMode, Control, Target};
use baton_tests::world::{Dialect, World, office};
use serde_json::json;

/// Anna holds C and bert, and talks with the bank.
fn two_consults(world: &mut World) {
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    world.consult("anna", "Bank");
    world.expect_hearing(&[("C", "music"), ("bert", "music"), ("anna", "ring-back")]);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("bert", "music"), ("anna", "bank"), ("bank", "anna")]);
}

fn add(world: &mut World, agent: &str, target: Target, mode: AddMode) {
    world.click(agent, Control::Add { target, mode });
}

#[test]
fn swapping_goes_round_the_customer_and_all_consulted() {
    let mut world = World::with_sound(&["anna", "bert"]);
    two_consults(&mut world);
    for round in [["C", "bert", "bank"], ["bert", "bank", "C"], ["bank", "C", "bert"], ["C", "bert", "bank"]] {
        let [talks, held, other] = round;
        world.click("anna", Control::Swap);
        world.expect_hearing(&[("anna", talks), (talks, "anna"), (held, "music"), (other, "music")]);
    }
    world.end_of_day();
}

#[test]
fn the_agent_picks_whom_it_talks_to_and_whom_it_joins() {
    let mut world = World::with_sound(&["anna", "bert"]);
    two_consults(&mut world);
    let (customer, bert) = (world.connection("C"), world.connection("bert"));
    world.click("anna", Control::SwapTo(customer));
    world.expect_hearing(&[("anna", "C"), ("C", "anna"), ("bert", "music"), ("bank", "music")]);
    world.click("anna", Control::SwapTo(bert));
    world.expect_hearing(&[("anna", "bert"), ("C", "music"), ("bert", "anna"), ("bank", "music")]);
    // Some are joined, the third one waits on.
    world.click("anna", Control::JoinConnection(customer));
    world.expect_hearing(&[("anna", "C bert"), ("C", "anna bert"), ("bert", "C anna"), ("bank", "music")]);
    world.click("anna", Control::Swap);
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna"), ("C", "music"), ("bert", "music")]);
    // Whoever was held by one act comes back together.
    world.click("anna", Control::Swap);
    world.expect_hearing(&[("anna", "C bert"), ("C", "anna bert"), ("bert", "C anna"), ("bank", "music")]);
    world.click("anna", Control::Join);
    world.expect_hearing(&[("anna", "C bank bert"), ("bank", "C anna bert")]);
    world.end_of_day();
}

#[test]
fn leave_after_one_was_dropped_connects_the_customer_with_the_chosen_one() {
    let mut world = World::new(&["anna", "bert"]);
    two_consults(&mut world);
    let bank = world.connection("bank");
    world.click("anna", Control::Drop(bank));
    world.expect_hearing(&[("anna", "silence"), ("C", "music"), ("bert", "music")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.run_ms(10_000);
    world.hang_up("C");
    world.expect_record(
        1,
        &[
            ("/Baton/TransferType", json!("WARM_CONSULT")),
            ("/Baton/NextContactIds", json!([world.contacts()[1], world.contacts()[2]])),
            ("/TransferredToEndpoint", json!(null)),
        ],
    );
    world.expect_record(
        2,
        &[("/Agent/AgentInteractionDuration", json!(10)), ("/PreviousContactId", json!(world.contacts()[0]))],
    );
    world.expect_record(
        3,
        &[("/DisconnectReason", json!("AGENT_DISCONNECT")), ("/PreviousContactId", json!(world.contacts()[0]))],
    );
    world.end_of_day();
}

#[test]
fn leave_with_all_of_them_leaves_them_all_together() {
    let mut world = World::new(&["anna", "bert"]);
    two_consults(&mut world);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bank bert"), ("bert", "C bank"), ("bank", "C bert")]);
    world.end_of_day();
}

#[test]
fn whoever_answers_is_talked_to_and_the_others_are_held() {
    let mut world = World::with_sound(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bank");
    world.consult("anna", "Bert");
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("bert", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_customer_that_the_agent_went_back_to_does_not_hear_the_target_answer() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.consult("anna", "Bank");
    world.click("anna", Control::Resume);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn one_of_two_that_ring_fails_and_the_other_is_reached() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bank");
    world.consult("anna", "Bert");
    world.refuse("bank", 486);
    assert!(world.rings("bert"));
    world.answer("bert");
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
    world.expect_record(2, &[("/DisconnectReason", json!("TELECOM_BUSY"))]);
    world.end_of_day();
}

#[test]
fn as_many_consults_as_parties_fit_and_one_more_is_refused() {
    let mut world = World::with(&["anna", "bert", "carla"], 1, |config, _| config.limits.parties_max = 4);
    two_consults(&mut world);
    let refusal =
        world.try_click("anna", Control::Add { target: Target::Agent("carla".into()), mode: AddMode::Consult });
    assert!(refusal.expect_err("full").detail.contains("4 parties"));
    world.expect_hearing(&[("C", "music"), ("bert", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_consult_of_a_consult_ends_with_the_first_agent_and_the_last_target() {
    let mut world = World::with_sound(&["anna", "bert", "carla"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    add(&mut world, "bert", Target::Agent("carla".into()), AddMode::Consult);
    world.expect_hearing(&[("C", "music"), ("anna", "music"), ("bert", "ring-back")]);
    world.answer("carla");
    world.expect_hearing(&[("C", "music"), ("anna", "music"), ("bert", "carla"), ("carla", "bert")]);
    // He goes between the two who are his; the customer is anna's.
    world.click("bert", Control::Swap);
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna"), ("carla", "music")]);
    world.click("bert", Control::Leave);
    world.expect_hearing(&[("C", "music"), ("anna", "carla"), ("carla", "anna")]);
    world.run_ms(5_000);
    // Now she is anna's target.
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
    world.run_ms(10_000);
    world.hang_up("C");
    let contacts = world.contacts();
    world.expect_record(
        1,
        &[
            ("/Baton/TransferType", json!("WARM_CONSULT")),
            ("/Baton/TransferOutcome", json!("completed")),
            ("/NextContactId", json!(contacts[1])),
        ],
    );
    world.expect_record(
        2,
        &[
            ("/Agent/Username", json!("bert")),
            ("/Agent/AgentInteractionDuration", json!(0)),
            ("/Baton/TransferType", json!("WARM_CONSULT")),
            ("/NextContactId", json!(contacts[2])),
        ],
    );
    world.expect_record(
        3,
        &[
            ("/InitialContactId", json!(contacts[0])),
            ("/PreviousContactId", json!(contacts[1])),
            ("/Agent/AgentInteractionDuration", json!(10)),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}

#[test]
fn a_consult_of_a_consult_whose_target_fails_after_its_initiator_left_is_told_to_the_record() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    add(&mut world, "bert", Target::QuickConnect("Bank".into()), AddMode::Consult);
    world.click("bert", Control::Leave);
    world.refuse("bank", 486);
    world.expect_hearing(&[("C", "music"), ("anna", "silence")]);
    world.click("anna", Control::Resume);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.expect_record(2, &[("/Baton/TransferType", json!("FAILED"))]);
    world.end_of_day();
}

#[test]
fn an_agents_seat_in_a_conference_is_handed_on_while_the_rest_talk() {
    for blind in [false, true] {
        let mut world = World::with_sound(&["anna", "bert", "carla"]);
        world.talking();
        world.consult("anna", "Bert");
        world.answer("bert");
        world.click("anna", Control::Join);
        if blind {
            add(&mut world, "anna", Target::Agent("carla".into()), AddMode::Blind);
            world.expect_hearing(&[("C", "bert"), ("bert", "C"), ("anna", "nothing")]);
            world.answer("carla");
        } else {
            add(&mut world, "anna", Target::Agent("carla".into()), AddMode::Consult);
            world.answer("carla");
            world.expect_hearing(&[("C", "music"), ("bert", "music"), ("anna", "carla"), ("carla", "anna")]);
            world.click("anna", Control::Leave);
        }
        world.expect_hearing(&[("C", "bert carla"), ("bert", "C carla"), ("carla", "C bert")]);
        let kind = if blind { "COLD" } else { "WARM_CONSULT" };
        world.expect_record(
            1,
            &[("/Baton/TransferType", json!(kind)), ("/DisconnectReason", json!("AGENT_DISCONNECT"))],
        );
        world.hang_up("bert");
        world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
        world.end_of_day();
    }
}

#[test]
fn a_conferences_blind_target_that_fails_leaves_the_rest_together() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    add(&mut world, "anna", Target::QuickConnect("Bank".into()), AddMode::Blind);
    world.refuse("bank", 503);
    assert!(!world.rings("anna"), "nobody needs her: {}", world.ladder);
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}

#[test]
fn a_party_that_the_phone_holds_cannot_be_picked_by_the_panel() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    let customer = world.connection("C");
    for control in [Control::SwapTo(customer), Control::JoinConnection(customer)] {
        let refusal = world.try_click("anna", control).expect_err("the phone does not listen");
        assert!(refusal.detail.contains("phone's own key"), "{}", refusal.detail);
    }
    let own = world.connection("anna");
    assert!(world.try_click("anna", Control::SwapTo(own)).is_err());
    assert!(world.try_click("anna", Control::SwapTo(baton_contact::ConnectionId(999))).is_err());
    world.unhold("anna");
    world.end_of_day();
}

#[test]
fn two_lines_of_a_phone_and_a_consult_of_the_panel_go_together() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", office::BANK);
    world.answer("bank");
    add(&mut world, "anna", Target::Agent("bert".into()), AddMode::Consult);
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("bank", "music"), ("bert", "anna")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bank bert"), ("bert", "C bank"), ("bank", "C bert")]);
    world.end_of_day();
}
