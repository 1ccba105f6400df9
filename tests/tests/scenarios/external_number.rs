//! Golden chain B: a number outside, reached and not reached.

use baton_contact::command::Control;
use baton_tests::world::{Behaviour, World};
use serde_json::json;

#[test]
fn golden_chain_b_a_number_outside_is_consulted_and_left_with_the_customer() {
    let mut world = World::with_sound(&["anna"]);
    world.talking();
    world.behave("bank", Behaviour::EarlyMedia);
    world.consult("anna", "Bank");
    world.expect_hearing(&[("C", "music"), ("anna", "bank")]);
    world.answer("bank");
    world.expect_hearing(&[("C", "music"), ("anna", "bank"), ("bank", "anna")]);
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.run_ms(10_000);
    world.hang_up("C");
    world.expect_record(
        1,
        &[
            ("/TransferredToEndpoint/Address", json!("+49404040")),
            ("/DisconnectReason", json!("AGENT_DISCONNECT")),
            ("/Baton/TransferType", json!("WARM_CONSULT")),
        ],
    );
    world.expect_record(
        2,
        &[
            ("/InitiationMethod", json!("EXTERNAL_OUTBOUND")),
            ("/Agent", json!(null)),
            ("/CustomerEndpoint/Address", json!("+49404040")),
            ("/SystemEndpoint/Address", json!("+4989222")),
            ("/ExternalThirdParty/ExternalThirdPartyInteractionDuration", json!(10)),
            ("/DisconnectReason", json!("CUSTOMER_DISCONNECT")),
        ],
    );
    world.end_of_day();
}

#[test]
fn golden_chain_b_a_number_outside_that_is_not_reached() {
    let cases = [
        (486, "TELECOM_BUSY", "busy"),
        (404, "TELECOM_NUMBER_INVALID", "invalidNumber"),
        (603, "TELECOM_POTENTIAL_BLOCKING", "rejected"),
        (480, "TELECOM_UNANSWERED", "noAnswer"),
        (500, "TELECOM_PROBLEM", "unreachable"),
    ];
    for (status, reason, outcome) in cases {
        let mut world = World::new(&["anna"]);
        world.talking();
        world.behave("bank", Behaviour::Busy(status));
        world.consult("anna", "Bank");
        world.expect_hearing(&[("C", "music"), ("anna", "silence")]);
        world.click("anna", Control::Resume);
        world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
        world.expect_record(
            1,
            &[
                ("/TransferredToEndpoint", json!(null)),
                ("/Baton/TransferType", json!("FAILED")),
                ("/Baton/TransferOutcome", json!(outcome)),
                ("/Baton/SipStatus", json!(status)),
            ],
        );
        world.expect_record(2, &[("/ConnectedToSystemTimestamp", json!(null)), ("/DisconnectReason", json!(reason))]);
        world.end_of_day();
    }
}

#[test]
fn a_number_outside_that_nobody_answers_times_out() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.consult("anna", "Bank");
    world.ladder.clear();
    world.run_ms(61_000);
    world.expect_ladder("bank", &["< CANCEL", "> 200 CANCEL", "> 487 INVITE", "< ACK"]);
    world.expect_record(2, &[("/DisconnectReason", json!("TELECOM_TIMEOUT"))]);
    world.end_of_day();
}
