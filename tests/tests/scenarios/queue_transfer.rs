//! Golden chain C: cold into a queue.

use baton_contact::command::Control;
use baton_tests::world::World;
use serde_json::json;

#[test]
fn golden_chain_c_cold_into_a_queue() {
    let mut world = World::new(&["anna", "carla"]);
    world.talking();
    world.set_status("carla", "Lunch");
    world.transfer_blind("anna", "Sales");
    world.expect_hearing(&[("C", "music"), ("anna", "nothing")]);
    world.run_ms(30_000);
    world.set_status("carla", "Available");
    world.expect_hearing(&[("C", "music")]);
    world.run_ms(25_000);
    assert!(!world.rings("carla"), "an offer ends after 20 s");
    world.clear_all();
    world.settle();
    world.answer("carla");
    world.expect_hearing(&[("C", "carla"), ("carla", "C")]);
    world.hang_up("C");
    world.expect_record(1, &[("/Baton/TransferType", json!("COLD")), ("/DisconnectReason", json!("AGENT_DISCONNECT"))]);
    world.expect_record(
        2,
        &[
            ("/InitiationMethod", json!("TRANSFER")),
            ("/Queue/Name", json!("sales")),
            ("/AgentConnectionAttempts", json!(2)),
            ("/Agent/Username", json!("carla")),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}

#[test]
fn golden_chain_c_the_customer_gives_up() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.transfer_blind("anna", "Sales");
    world.run_ms(40_000);
    world.hang_up("C");
    world.expect_record(
        2,
        &[
            ("/Agent", json!(null)),
            ("/AgentConnectionAttempts", json!(0)),
            ("/Queue/Name", json!("sales")),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}

#[test]
fn an_agent_that_waits_in_a_queue_with_the_customer_held() {
    let mut world = World::new(&["anna", "carla"]);
    world.set_status("carla", "Lunch");
    world.talking();
    world.consult("anna", "Sales");
    world.expect_hearing(&[("C", "music"), ("anna", "music")]);
    world.set_status("carla", "Available");
    world.answer("carla");
    world.expect_hearing(&[("C", "music"), ("anna", "carla"), ("carla", "anna")]);
    world.click("anna", Control::Swap);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "music")]);
    world.click("anna", Control::HoldAll);
    world.expect_hearing(&[("C", "music"), ("anna", "silence"), ("carla", "music")]);
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna carla"), ("anna", "C carla"), ("carla", "C anna")]);
    world.end_of_day();
}
