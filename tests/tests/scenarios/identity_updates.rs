//! Whom each party sees (R14) after each transfer, join and leave: a table.

use baton_contact::command::{AddMode, Control, Target};
use baton_contact::directory::{QuickConnect, QuickConnectType};
use baton_tests::world::{Behaviour, World, header, office};

/// The number that a party's device was shown last: by the INVITE to it, or by what was told since.
fn sees(world: &World, who: &str) -> String {
    let told = world.ladder.rungs.iter().rev().filter(|rung| rung.from == "baton" && rung.to == who);
    let identity = |text: String, title: &str| match title {
        "UPDATE" => Some(header(&text, "P-Asserted-Identity").to_owned()),
        "INVITE" if text.contains("P-Asserted-Identity") => Some(header(&text, "P-Asserted-Identity").to_owned()),
        "INVITE" => Some(header(&text, "From").to_owned()),
        _ => None,
    };
    let shown = told.filter_map(|rung| identity(rung.text(), &rung.title)).next().unwrap_or_default();
    let user = shown.split("sip:").nth(1).and_then(|rest| rest.split('@').next()).unwrap_or_default();
    user.to_owned()
}

fn expect(world: &World, expected: &[(&str, &str)], what: &str) {
    for (who, number) in expected {
        assert_eq!(sees(world, who), *number, "{what}: what {who} sees\n{}", world.ladder);
    }
}

#[test]
fn r14_each_party_sees_whom_it_talks_with_after_each_step() {
    let quick = |name: &str, mode| Control::Add { target: Target::QuickConnect(name.into()), mode };
    let consult = |name: &str| quick(name, AddMode::Consult);
    type Step<'a> = (Control, &'a [(&'a str, &'a str)]);
    let cases: [(&str, Vec<Step<'_>>); 4] = [
        (
            "a consult, joined and left",
            vec![
                (consult("Bert"), &[("anna", "bert"), ("bert", "anna")]),
                (Control::Swap, &[("anna", "C")]),
                (Control::Swap, &[("anna", "bert")]),
                (Control::Join, &[("anna", "bert"), ("bert", "anna")]),
                (Control::Leave, &[("C", office::SUPPORT), ("bert", "C")]),
            ],
        ),
        (
            "a blind transfer to a colleague",
            vec![(quick("Bert", AddMode::Blind), &[("C", office::SUPPORT), ("bert", "C")])],
        ),
        (
            "a consult with an outside number, left",
            vec![
                (consult("Bank"), &[("anna", office::BANK), ("bank", office::SUPPORT)]),
                (Control::Leave, &[("C", office::BANK), ("bank", office::SUPPORT)]),
            ],
        ),
        (
            "a consult that comes to nothing",
            vec![(consult("Bert"), &[("anna", "bert")]), (Control::Swap, &[("anna", "C"), ("bert", "anna")])],
        ),
    ];
    for (what, steps) in cases {
        let mut world = World::new(&["anna", "bert"]);
        for who in ["bert", "bank"] {
            world.behave(who, Behaviour::Answers(100));
        }
        world.talking();
        assert!(!world.ladder.rungs.iter().any(|rung| rung.title == "UPDATE"), "{what}: nothing to tell yet");
        for (control, expected) in steps {
            let shown = format!("{what}, {control:?}");
            world.click("anna", control);
            world.settle();
            expect(&world, expected, &shown);
        }
        world.end_of_day();
    }
}

#[test]
fn r14_the_transferees_display_follows_a_blind_and_an_attended_refer() {
    for attended in [false, true] {
        let mut world = World::new(&["anna", "bert"]);
        world.behave("anna", Behaviour::Answers(100));
        // The transferee is a colleague, at a phone with a display.
        world.dial("bert", "101");
        world.settle();
        if attended {
            world.behave("bank", Behaviour::Answers(100));
            world.hold("anna", baton_tests::world::Dialect::SendOnly);
            world.dial("anna", office::BANK);
            world.settle();
            world.refer_to_line("anna", "anna/2");
        } else {
            world.behave("bank", Behaviour::Answers(100));
            world.refer("anna", office::BANK);
            world.settle();
        }
        world.expect_hearing(&[("bert", "bank"), ("bank", "bert")]);
        expect(&world, &[("bert", office::BANK)], if attended { "attended" } else { "blind" });
        world.end_of_day();
    }
}

#[test]
fn r14_an_outside_target_sees_the_queue_the_customer_or_a_number_as_chosen_and_goes_on_seeing_it() {
    // The quick connect's choice, the queue's, and what the target sees; the quick connect's word is the last.
    let cases = [
        (None, None, office::SUPPORT),
        (Some("queue"), Some("customer"), office::SUPPORT),
        (Some("customer"), None, "C"),
        (None, Some("customer"), "C"),
        (Some("+49111"), Some("customer"), "+49111"),
        (None, Some("+49222"), "+49222"),
    ];
    for (own, of_queue, expected) in cases {
        let mut world = World::with(&["anna"], 1, |_, directory| {
            directory.queues[0].caller_id = of_queue.map(str::to_owned);
            let bank = directory.quick_connects.iter_mut().find(|entry| entry.kind == QuickConnectType::PhoneNumber);
            if let Some(bank) = bank {
                *bank = QuickConnect { caller_id: own.map(str::to_owned), ..bank.clone() };
            }
        });
        world.behave("bank", Behaviour::Answers(100));
        world.talking();
        world.consult("anna", "Bank");
        world.settle();
        expect(&world, &[("bank", expected)], "called");
        world.click("anna", Control::Leave);
        expect(&world, &[("bank", expected)], "left with the customer");
        world.end_of_day();
    }
}

#[test]
fn r14_a_customer_who_wants_privacy_stays_unknown_after_a_transfer() {
    let mut world = World::new(&["anna", "bert"]);
    world.behave("bert", Behaviour::Answers(100));
    world.call_with("C", "101", |invite| invite.headers.push(("Privacy".into(), "id".into())));
    world.answer("anna");
    world.consult("anna", "Bert");
    world.settle();
    world.click("anna", Control::Leave);
    expect(&world, &[("bert", "anonymous")], "after the leave");
    let told = world.ladder.rungs.iter().filter(|rung| rung.to == "bert" && rung.from == "baton");
    assert!(!told.map(|rung| rung.text()).any(|text| text.contains("sip:C@")), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r9_a_colleague_learns_who_transferred_and_the_outside_does_not() {
    let mut world = World::new(&["anna", "bert"]);
    world.talking();
    world.consult("anna", "Bert");
    let invite = |world: &World, who: &str| {
        let found = world.ladder.rungs.iter().find(|rung| rung.to == who && rung.title == "INVITE");
        found.expect("it is called").text()
    };
    assert!(header(&invite(&world, "bert"), "Referred-By").contains("sip:101@"), "{}", world.ladder);
    world.answer("bert");
    world.consult("bert", "Bank");
    assert!(!invite(&world, "bank").contains("Referred-By"), "{}", world.ladder);
    world.end_of_day();
}
