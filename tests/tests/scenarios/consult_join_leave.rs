//! Golden chain A without its callback: consult, join, leave, and what the records say of it.

use baton_contact::command::Control;
use baton_tests::world::{TEN_OCLOCK_US, World, office};
use serde_json::json;

fn at(world: &mut World, minutes: u64, seconds: u64) {
    world.run_until(TEN_OCLOCK_US + (minutes * 60 + seconds) * 1_000_000);
}

#[test]
fn golden_chain_a_consult_join_leave() {
    let mut world = World::new(&["anna", "bert"]);
    world.network.latency_us = (0, 0);
    world.set_status("anna", "Lunch");
    at(&mut world, 0, 5);
    world.call_in("C", office::SUPPORT);
    world.expect_hearing(&[("C", "music")]);
    at(&mut world, 0, 25);
    world.set_status("anna", "Available");
    at(&mut world, 0, 35);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    at(&mut world, 5, 0);
    world.consult("anna", "Bert");
    world.expect_hearing(&[("C", "music"), ("anna", "ring-back")]);
    at(&mut world, 5, 12);
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna")]);
    at(&mut world, 6, 0);
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
    at(&mut world, 6, 30);
    world.ladder.clear();
    world.click("anna", Control::Leave);
    world.expect_ladder("anna", &["< BYE", "> 200 BYE"]);
    world.expect_hearing(&[("C", "bert"), ("bert", "C"), ("anna", "nothing")]);
    at(&mut world, 7, 0);
    world.clear_all();
    at(&mut world, 15, 0);
    world.hang_up("C");
    at(&mut world, 15, 40);
    world.clear_all();
    world.expect_record(
        1,
        &[
            ("/InitiationMethod", json!("INBOUND")),
            ("/InitiationTimestamp", json!("2025-01-03T10:00:05Z")),
            ("/Queue/Duration", json!(30)),
            ("/Agent/AgentInteractionDuration", json!(295)),
            ("/Agent/Username", json!("anna")),
            ("/Agent/CustomerHoldDuration", json!(60)),
            ("/Agent/NumberOfHolds", json!(1)),
            ("/Agent/AfterContactWorkDuration", json!(30)),
            ("/TransferCompletedTimestamp", json!("2025-01-03T10:06:30Z")),
            ("/DisconnectReason", json!("AGENT_DISCONNECT")),
            ("/Baton/TransferType", json!("WARM_CONFERENCE")),
            ("/NextContactId", json!(world.contacts()[1])),
            ("/InitialContactId", json!(null)),
        ],
    );
    world.expect_record(
        2,
        &[
            ("/InitiationMethod", json!("TRANSFER")),
            ("/InitialContactId", json!(world.contacts()[0])),
            ("/PreviousContactId", json!(world.contacts()[0])),
            ("/Agent/Username", json!("bert")),
            ("/Agent/AgentInteractionDuration", json!(540)),
            ("/Agent/AfterContactWorkDuration", json!(40)),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}
