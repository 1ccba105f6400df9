//! Phones and the registrar.

use baton_tests::real::{Account, Baresip, Office, SUPPORT, WhenRung, tone_of, until};
use serde_json::Value;

fn registrations(office: &Office) -> Vec<(String, String)> {
    let listed = office.server.operator().get("/api/v1/registrations");
    let listed = listed.get("registrations").cloned().unwrap_or(listed);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = listed.as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| (text(&row["phone"]), text(&row["flow"]))).collect()
}

#[test]
fn two_phone_programs_register_and_stay_registered_over_a_restart_and_a_crash() {
    let Some(mut office) = Office::open() else { return };
    let one = office.baresip(1, WhenRung::Answer);
    let two = office.linphone(2, WhenRung::Answer);
    let expected = [("agent1", "udp:10.77.0.11:5060"), ("agent2", "udp:10.77.0.12:5060")];
    let expected = expected.map(|(phone, flow)| (phone.to_owned(), flow.to_owned()));
    assert_eq!(registrations(&office), expected);

    office.server.stop(15.0);
    office.server.start_again();
    assert_eq!(registrations(&office), expected);
    office.server.kill();
    office.server.start_again();
    assert_eq!(registrations(&office), expected);

    // They are not only listed: a call finds the phone, which knows nothing of the restarts.
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    until("a phone to be in the call", 10.0, || {
        one.log().contains("Call established") || two.log().contains("connected.")
    });
}

#[test]
fn a_wrong_password_does_not_register() {
    let Some(office) = Office::open() else { return };
    let account = Account::registered("agent1", "wrong");
    let phone = Baresip::start(office.network(), office.host(1), &account, tone_of(1), WhenRung::Answer);
    until("the second refusal", 10.0, || phone.log().matches("SIP/2.0 401").count() >= 2);
    assert!(!phone.log().contains("SIP/2.0 200"));
    assert_eq!(registrations(&office), []);
}

#[test]
fn a_phone_that_leaves_takes_its_registration_with_it() {
    let Some(office) = Office::open() else { return };
    let mut one = office.baresip(1, WhenRung::Answer);
    assert_eq!(registrations(&office).len(), 1);
    one.command("quit", "");
    until("the registration to be gone", 10.0, || registrations(&office).is_empty());
}
