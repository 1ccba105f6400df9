//! The customer is not left on hold after an attended transfer: hold is a state, and the mix is computed from it.

use baton_tests::world::{Dialect, World};

#[test]
fn the_customer_is_not_left_on_hold_after_an_attended_transfer() {
    for dialect in [Dialect::SendOnly, Dialect::Inactive, Dialect::ZeroAddress, Dialect::SessionLevel] {
        let mut world = World::with_sound(&["anna", "bert"]);
        world.talking();
        world.hold("anna", dialect);
        world.dial("anna", "102");
        world.answer("bert");
        world.refer_to_line("anna", "anna/2");
        world.expect_hearing(&[("C", "bert"), ("bert", "C")]);
        world.end_of_day();
    }
}
