//! SIP over WebSocket (RFC 7118) with the library that browsers use.

use baton_tests::real::{Account, Browser, Office, SUPPORT, until};
use serde_json::Value;

fn flows(office: &Office) -> Vec<(String, String)> {
    let listed = office.server.operator().get("/api/v1/registrations");
    let listed = listed.get("registrations").cloned().unwrap_or(listed);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = listed.as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| (text(&row["phone"]), text(&row["flow"]))).collect()
}

#[test]
fn jssip_registers_over_a_web_socket_is_called_along_it_and_goes_with_it() {
    let Some(office) = Office::open() else { return };
    let account = Account::registered("agent1", "agent1-secret");
    let Some(mut browser) = Browser::open(office.network(), office.host(1), &account) else { return };
    browser.expect("registered 200");
    let registered = flows(&office);
    assert!(
        matches!(registered.as_slice(), [(phone, flow)] if phone == "agent1" && flow.starts_with("ws:10.77.0.11:")),
        "{registered:?}"
    );

    // Its Contact is `.invalid`; the call finds it all the same.
    let _agents = office.all_available(&[1]);
    let _customer = office.customer_calls(5080, SUPPORT);
    browser.expect("got INVITE sip:");

    // A tab that is closed says nothing, and is unregistered all the same.
    browser.close();
    until("the registration to be gone", 10.0, || flows(&office).is_empty());
}

#[test]
fn jssip_unregisters_and_a_wrong_password_does_not_register() {
    let Some(office) = Office::open() else { return };
    let account = Account::registered("agent1", "agent1-secret");
    let Some(mut browser) = Browser::open(office.network(), office.host(1), &account) else { return };
    browser.expect("registered 200");
    browser.leave();
    until("the registration to be gone", 10.0, || flows(&office).is_empty());

    let Some(stranger) = Browser::open(office.network(), office.host(2), &Account::registered("agent2", "wrong"))
    else {
        return;
    };
    stranger.expect("registrationFailed 401");
    assert_eq!(flows(&office), []);
}
