//! A real phone watches a colleague: its address book shows whether the colleague would take a call.

use baton_tests::real::{Office, SUPPORT, WhenRung};

#[test]
fn baresip_shows_a_colleague_busy_and_free_again() {
    let Some(office) = Office::open() else { return };
    let watched = "sip:1002@10.77.0.1".to_owned();
    let mut one = office.baresip_watching(1, std::slice::from_ref(&watched));
    let agents = office.all_available(&[1, 2]);
    agents[0].choose("Offline");
    one.expect_presence(&watched, "Offline");
    let mut two = office.linphone(2, WhenRung::Answer);
    one.expect_presence(&watched, "Online");

    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[1].expect_contact("connected");
    one.expect_presence(&watched, "Busy");
    two.hang_up(None);
    // What is to be done after a call keeps an agent busy.
    agents[1].expect_contact("acw");
    one.expect_presence(&watched, "Busy");
    agents[1].press("clear");
    one.expect_presence(&watched, "Online");
    let log = one.log();
    assert!(log.contains("application/pidf+xml") && log.contains("SUBSCRIBE"), "presence is asked for and told");
}
