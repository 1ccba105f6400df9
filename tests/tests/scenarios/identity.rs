//! Who is shown to whom (R14), what of the inside is not (R10), and what each leg is told that we can do (R8).

use baton_tests::world::{World, header, office};

#[test]
fn r14_both_remaining_parties_learn_whom_they_talk_to() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.ladder.clear();
    world.transfer_blind("anna", "Bert");
    world.answer("bert");
    let identity = |world: &World, who: &str| -> Vec<String> {
        let updates = world.ladder.rungs.iter().filter(|rung| rung.to == who && rung.title == "UPDATE");
        updates.map(|rung| header(&rung.text(), "P-Asserted-Identity")).collect()
    };
    let told = identity(&world, "C");
    // The customer sees the number it dialled, not a colleague's account.
    assert!(told.iter().any(|text| text.contains(office::SUPPORT)), "{told:?}\n{}", world.ladder);
    let invite = world.ladder.rungs.iter().find(|rung| rung.to == "bert" && rung.title == "INVITE");
    let from = header(&invite.expect("bert is rung").text(), "From");
    assert!(from.contains("sip:C@"), "the customer is shown on bert's phone: {from}");
    world.end_of_day();
}

#[test]
fn r10_nothing_of_the_inside_reaches_the_trunk() {
    let mut world = World::new(&["anna"]);
    world.talking();
    let inside = "\"Anna\" <sip:anna-desk@198.51.100.1:5060;transport=udp>;cid=\"1@198.51.100.1\"";
    world.refer_by("anna", office::BANK, inside);
    world.answer("bank");
    let to_trunk = world.ladder.rungs.iter().filter(|rung| rung.to == "bank" || rung.to == "C");
    for rung in to_trunk {
        let text = rung.text();
        assert!(!text.contains("198.51.100."), "an inside address: {text}");
        let inside = world.lines.values().filter(|line| line.who.starts_with("anna")).map(|line| &line.call_id);
        assert!(!inside.clone().any(|call_id| text.contains(call_id.as_str())), "an inside Call-ID: {text}");
    }
    world.end_of_day();
}

#[test]
fn r8_every_leg_is_told_the_same_of_what_we_can_do() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.consult("anna", "Bank");
    let told = world.ladder.rungs.iter().filter(|rung| rung.from == "baton");
    let told = told.filter(|rung| rung.title == "INVITE" || rung.title == "200 INVITE");
    let mut legs = 0;
    for rung in told {
        let text = rung.text();
        for method in ["REFER", "NOTIFY", "UPDATE", "INFO"] {
            assert!(header(&text, "Allow").contains(method), "{method}: {text}");
        }
        for option in ["replaces", "norefersub", "timer"] {
            assert!(header(&text, "Supported").contains(option), "{option}: {text}");
        }
        legs += 1;
    }
    assert_eq!(legs, 3, "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r8_a_refer_without_a_subscription_gets_no_notify() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.ladder.clear();
    world.send_in_dialog(
        "anna",
        "REFER",
        500,
        &format!("Refer-To: <sip:{}@192.0.2.1>\nRefer-Sub: false", office::BANK),
    );
    world.settle();
    world.answer("bank");
    let said = world.ladder.of("anna");
    assert!(said.contains(&"< 202 REFER".to_owned()) && said.contains(&"< BYE".to_owned()), "{}", world.ladder);
    assert!(!said.iter().any(|rung| rung.contains("NOTIFY")), "{}", world.ladder);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}

#[test]
fn r12_a_loop_of_transfers_is_cut() {
    let mut world = World::with(&["anna", "bert"], 1, |config, _| config.limits.transfers_max = 3);
    world.talking();
    let mut holder = "anna";
    let mut refused = None;
    for _ in 0..6 {
        let (other, number) = if holder == "anna" { ("bert", "102") } else { ("anna", "101") };
        world.clear_all();
        world.refer(holder, number);
        let status = world.line(holder).progress.first().copied();
        if status != Some(202) {
            refused = status;
            break;
        }
        world.answer(other);
        holder = other;
    }
    assert_eq!(refused, Some(482), "{}", world.ladder);
    world.expect_hearing(&[("C", holder), (holder, "C")]);
    world.end_of_day();
}
