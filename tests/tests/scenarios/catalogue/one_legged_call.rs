//! Refresh or hold on a call that has only one leg yet: each leg has its own offer and answer.

use baton_tests::world::{Dialect, World, office};

#[test]
fn hold_and_refresh_on_a_call_that_has_only_one_leg_yet() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", office::SUPPORT);
    world.hold("C", Dialect::SendOnly);
    world.unhold("C");
    world.ladder.clear();
    world.send_in_dialog("C", "UPDATE", 50, "Supported: timer");
    world.settle();
    assert!(world.ladder.of("C").contains(&"< 200 UPDATE".to_owned()), "a refresh is answered\n{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.send_in_dialog("C", "BYE", 51, "");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

#[test]
fn an_agent_that_waits_in_a_queue_alone_holds_and_resumes() {
    let mut world = World::new(&["anna"]);
    world.dial("anna", "200");
    world.hold("anna", Dialect::SendOnly);
    world.unhold("anna");
    world.offer("anna", |text| text);
    world.settle();
    assert!(world.line("anna").offers_refused.is_empty(), "{}", world.ladder);
    world.end_of_day();
}
