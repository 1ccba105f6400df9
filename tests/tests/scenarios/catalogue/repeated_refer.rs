//! A REFER is repeated after its subscription is gone: it is answered and calls nobody again.

use baton_tests::world::{World, office};

#[test]
fn a_refer_is_repeated_after_its_subscription_is_gone() {
    let mut world = World::new(&["anna"]);
    world.talking();
    let refer = format!("Refer-To: <sip:{}@192.0.2.1>", office::BANK);
    world.send_in_dialog("anna", "REFER", 500, &refer);
    world.settle();
    world.answer("bank");
    world.ladder.clear();
    for _ in 0..3 {
        world.send_in_dialog("anna", "REFER", 500, &refer);
        world.settle();
    }
    let said = world.ladder.of("anna");
    let answers: Vec<&String> = said.iter().filter(|rung| rung.ends_with(" REFER") && rung.starts_with('<')).collect();
    assert!(answers.iter().all(|rung| *rung == "< 202 REFER" || *rung == "< 481 REFER"), "{}", world.ladder);
    assert_eq!(answers.len(), 3, "{}", world.ladder);
    assert!(!world.rings("bank/2"), "nobody is called twice");
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}
