//! The whole core is written down in the middle of each kind of transfer, thrown away, read back, and goes on.

use baton_contact::command::Control;
use baton_tests::world::{Behaviour, Dialect, World, office};

type Act = fn(&mut World);

fn consulting(world: &mut World) {
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
}

fn refer(world: &mut World) {
    world.refer_now("anna", &format!("sip:{}@192.0.2.1", office::BANK));
}

fn two_lines(world: &mut World) {
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", office::BANK);
}

fn undoable(world: &mut World) {
    world.directory.queues[0].undo_seconds = 10;
    world.apply_directory();
}

/// What is frozen, how it comes about, how it is completed, and whom the customer then talks to.
const STAGES: [(&str, Act, Act, &str); 18] = [
    (
        "consult ringing",
        |w| {
            w.talking();
            w.consult("anna", "Bert");
        },
        |w| {
            w.answer("bert");
            w.click("anna", Control::Leave);
        },
        "bert",
    ),
    ("consult", consulting, |w| w.click("anna", Control::Leave), "bert"),
    (
        "joined",
        |w| {
            consulting(w);
            w.click("anna", Control::Join);
        },
        |w| w.click("anna", Control::Leave),
        "bert",
    ),
    (
        "blind pending",
        |w| {
            w.talking();
            w.transfer_blind("anna", "Bert");
        },
        |w| w.answer("bert"),
        "bert",
    ),
    (
        "REFER before its 202 arrives",
        |w| {
            w.talking();
            refer(w);
            w.run_ms(6);
        },
        |w| {
            w.settle();
            w.answer("bank");
        },
        "bank",
    ),
    (
        "REFER after its 202",
        |w| {
            w.talking();
            refer(w);
            w.settle();
        },
        |w| w.answer("bank"),
        "bank",
    ),
    (
        "REFER with its final NOTIFY unanswered",
        |w| {
            w.talking();
            refer(w);
            w.settle();
            let id = w.line_id("bank");
            w.answer_now(id);
            w.run_ms(7);
        },
        |w| w.run_ms(500),
        "bank",
    ),
    (
        "attended, both lines up",
        |w| {
            two_lines(w);
            w.answer("bank");
        },
        |w| w.refer_to_line("anna", "anna/2"),
        "bank",
    ),
    (
        "attended, the target rings",
        |w| {
            two_lines(w);
            w.refer_to_line("anna", "anna/2");
        },
        |w| w.answer("bank"),
        "bank",
    ),
    (
        "semi-attended by Leave",
        |w| {
            w.talking();
            w.consult("anna", "Bank");
            w.click("anna", Control::Leave);
        },
        |w| w.answer("bank"),
        "bank",
    ),
    (
        "semi-attended by a REFER to the number that rings",
        |w| {
            two_lines(w);
            w.refer("anna", office::BANK);
        },
        |w| w.answer("bank"),
        "bank",
    ),
    (
        "queue transfer waiting",
        |w| {
            w.set_status("carla", "Lunch");
            w.talking();
            w.transfer_blind("anna", "Sales");
        },
        |w| {
            w.set_status("carla", "Available");
            w.answer("carla");
        },
        "carla",
    ),
    (
        "queue transfer ringing",
        |w| {
            w.talking();
            w.transfer_blind("anna", "Sales");
        },
        |w| w.answer("carla"),
        "carla",
    ),
    (
        "recall ringing",
        |w| {
            w.behave("bank", Behaviour::Refuses(486, 500));
            w.talking();
            w.transfer_blind("anna", "Bank");
            w.clear_all();
            w.run_ms(1_000);
        },
        |w| w.answer("anna"),
        "anna",
    ),
    (
        "a target is asked to accept",
        |w| {
            w.directory.quick_connects.iter_mut().for_each(|entry| entry.press_one = true);
            w.apply_directory();
            w.talking();
            w.transfer_blind("anna", "Bank");
            w.answer("bank");
            w.expect_hearing(&[("C", "ring-back"), ("bank", "prompt")]);
        },
        |w| w.press_by_info("bank", '1'),
        "bank",
    ),
    (
        "aside after a Leave, then taken back and joined",
        |w| {
            undoable(w);
            w.talking();
            w.consult("anna", "Bank");
            w.click("anna", Control::Leave);
        },
        |w| {
            w.click("anna", Control::Undo);
            let bank = w.connection("bank");
            w.click("anna", Control::Drop(bank));
            w.click("anna", Control::Resume);
        },
        "anna",
    ),
    (
        "aside after a blind transfer, until the target answers",
        |w| {
            undoable(w);
            w.talking();
            w.transfer_blind("anna", "Bank");
        },
        |w| w.answer("bank"),
        "bank",
    ),
    (
        "on the way back, in the queue",
        |w| {
            w.behave("bank", Behaviour::Refuses(486, 500));
            w.talking();
            w.transfer_blind("anna", "Bank");
            w.run_ms(31_500);
            w.expect_hearing(&[("C", "music"), ("anna", "nothing")]);
        },
        |w| {
            w.clear_all();
            w.settle();
            w.answer("anna");
        },
        "anna",
    ),
];

#[test]
fn a_transfer_survives_in_each_of_its_stages() {
    for (stage, begin, complete, partner) in STAGES {
        let mut world = World::new(&["anna", "bert", "carla"]);
        begin(&mut world);
        world.freeze_and_revive();
        complete(&mut world);
        assert_eq!(
            (world.hears("C").as_str(), world.hears(partner).as_str()),
            (partner, "C"),
            "{stage}\n{}",
            world.ladder
        );
        world.end_of_day();
    }
}

#[test]
fn a_core_that_is_revived_after_each_message_does_what_it_would_have_done() {
    let play = |freeze: bool| {
        let mut world = World::new(&["anna", "bert"]);
        world.revive_always = freeze;
        world.talking();
        world.consult("anna", "Bert");
        world.answer("bert");
        world.click("anna", Control::Join);
        world.refer("anna", office::BANK);
        world.answer("bank");
        world.end_of_day();
        let said: Vec<String> = world.ladder.rungs.iter().map(|rung| rung.text()).collect();
        (said, world.events)
    };
    let (frozen, straight) = (play(true), play(false));
    assert!(frozen == straight, "the same messages, byte for byte, and the same events");
}
