//! Both sides send BYE at once: each gets its answer, and the record has one end, that of who was first.

use baton_tests::world::World;
use serde_json::json;

#[test]
fn both_sides_hang_up() {
    for (first, second, reason) in [("C", "anna", "CUSTOMER_DISCONNECT"), ("anna", "C", "AGENT_DISCONNECT")] {
        let mut world = World::new(&["anna"]);
        world.talking();
        world.ladder.clear();
        world.hang_up_now(first);
        world.hang_up_now(second);
        world.settle();
        world.expect_ladder(first, &["> BYE", "< 200 BYE"]);
        let said = world.ladder.of(second);
        assert_eq!(said.iter().filter(|rung| *rung == "> BYE").count(), 1, "answered at once\n{}", world.ladder);
        assert!(said.contains(&"< 200 BYE".to_owned()) || said.contains(&"< 481 BYE".to_owned()), "{}", world.ladder);
        world.expect_record(1, &[("/DisconnectReason", json!(reason))]);
        world.end_of_day();
    }
}
