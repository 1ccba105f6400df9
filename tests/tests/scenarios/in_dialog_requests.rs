//! R13: every request in a dialog is answered, and of two REFERs the second gets 491.

use baton_tests::world::{Dialect, World, office};

#[test]
fn r13_every_in_dialog_request_is_answered() {
    let requests = [
        ("OPTIONS", ""),
        ("INFO", "Content-Type: application/dtmf-relay\n--\nSignal=5\nDuration=100\n"),
        ("INFO", "Content-Type: text/plain\n--\nhello\n"),
        ("MESSAGE", "Content-Type: text/plain\n--\nhello\n"),
        ("SUBSCRIBE", "Event: dialog\nExpires: 60"),
        ("NOTIFY", "Event: dialog\nSubscription-State: active"),
        ("UPDATE", ""),
        ("PRACK", "RAck: 1 1 INVITE"),
        ("PUBLISH", ""),
        ("DANCE", ""),
        ("REFER", ""),
        ("REFER", "Refer-To: <mailto:bank@example.com>"),
        ("REFER", "Refer-To: <sip:@>"),
    ];
    for held in [false, true] {
        let mut world = World::new(&["anna"]);
        world.talking();
        if held {
            world.hold("anna", Dialect::SendOnly);
        }
        for (at, (method, extra)) in requests.into_iter().enumerate() {
            world.ladder.clear();
            world.send_in_dialog("anna", method, 500 + at as u32, extra);
            world.settle();
            let end = format!(" {method}");
            let answered = world.ladder.of("anna").iter().any(|rung| rung.starts_with("< ") && rung.ends_with(&end));
            assert!(answered, "{method} {extra}\n{}", world.ladder);
        }
        assert!(world.is_up("C"), "nothing of it ends the call");
        world.hang_up("C");
        world.run_ms(70_000);
        assert_eq!(world.core.gauges().sessions, 0);
    }
}

#[test]
fn r13_of_two_refers_the_second_gets_491() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", office::BANK);
    world.ladder.clear();
    world.send_in_dialog("anna", "REFER", 500, &format!("Refer-To: <sip:{}@192.0.2.1>", office::PLUMBER));
    world.settle();
    world.expect_ladder("anna", &["> REFER", "< 491 REFER"]);
    assert!(!world.rings("plumber"));
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

#[test]
fn r13_a_request_for_a_dialog_that_is_over_gets_481() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.hang_up("C");
    for (at, method) in ["BYE", "INFO", "REFER", "UPDATE", "INVITE"].into_iter().enumerate() {
        world.ladder.clear();
        world.send_in_dialog("anna", method, 500 + at as u32, "");
        world.settle();
        let wanted = format!("< 481 {method}");
        assert!(world.ladder.of("anna").contains(&wanted), "{wanted}\n{}", world.ladder);
    }
}
