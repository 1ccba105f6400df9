//! A request overtakes the 200 that makes its dialog: it is answered, and the call comes up all the same.

use baton_tests::world::{Verdict, World, office};

#[test]
fn a_phones_refer_overtakes_its_own_200() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", office::SUPPORT);
    world.ladder.clear();
    world.decide("anna", "200 INVITE", Verdict::Late(100));
    let id = world.line_id("anna");
    world.answer_now(id);
    let refer = format!("Refer-To: <sip:{}@192.0.2.1>", office::BANK);
    world.send_in_dialog("anna", "REFER", 2, &refer);
    world.run_ms(50);
    let answers = world.ladder.of("anna").into_iter().filter(|rung| rung.starts_with("< ") && rung.ends_with(" REFER"));
    let answers: Vec<String> = answers.collect();
    assert_eq!(answers.len(), 1, "answered once, at once\n{}", world.ladder);
    assert!(!world.rings("bank"), "nobody is called for a call that is not up: {answers:?}");
    world.run_ms(500);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.refer("anna", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

/// What baton itself sends after its 200 waits until the caller has acknowledged it: the identity of who answers cannot
/// overtake it.
#[test]
fn nothing_of_ours_overtakes_our_200() {
    let mut world = World::new(&["anna", "bert"]);
    world.call_in("C", office::SUPPORT);
    world.ladder.clear();
    world.decide("baton", "200 INVITE", Verdict::Late(300));
    let id = world.line_id("anna");
    world.answer_now(id);
    world.run_ms(30);
    world.transfer_blind("anna", "Bert");
    let early = world.ladder.of("C").into_iter().filter(|rung| rung == "< UPDATE" || rung == "< re-INVITE");
    assert_eq!(early.count(), 0, "{}", world.ladder);
    world.run_ms(700);
    world.answer("bert");
    world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
    world.end_of_day();
}
