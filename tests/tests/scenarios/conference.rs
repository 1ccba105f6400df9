//! Conferences: two become three and three two without a word on the wire and without a lost frame; everybody can be held,
//! muted, dropped and added by any agent in it; and a phone that mixes two calls itself is left alone.

use baton_contact::command::{AddMode, Control, RefusalKind, Target};
use baton_tests::world::{Behaviour, Dialect, World, office};

fn add(number: &str) -> Control {
    Control::Add { target: Target::PhoneNumber(number.into()), mode: AddMode::Consult }
}

/// C, anna and bert in one conference.
fn three(world: &mut World) {
    world.talking();
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
}

#[test]
fn m3_two_become_three_and_two_again_without_an_offer_or_a_lost_frame() {
    let mut world = World::with_sound(&["anna", "bert"]);
    three(&mut world);
    let bert = world.connection("bert");
    world.click("anna", Control::HoldConnection(bert));
    world.run_ms(1_000);
    let from_us = world.now_us;
    for _ in 0..3 {
        world.ladder.rungs.clear();
        world.click("anna", Control::ResumeConnection(bert));
        world.run_ms(487);
        world.expect_hearing(&[("C", "anna bert"), ("anna", "C bert"), ("bert", "C anna")]);
        for who in ["C", "anna", "bert"] {
            world.expect_ladder(who, &[]);
        }
        world.click("anna", Control::HoldConnection(bert));
        world.run_ms(513);
        world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("bert", "music")]);
        for who in ["C", "anna", "bert"] {
            let said = world.ladder.rungs.iter().filter(|rung| rung.to == who && rung.text().contains("m=audio"));
            assert_eq!(said.count(), 0, "no description is sent to {who}\n{}", world.ladder);
        }
    }
    // Each of the two heard the other's tone all the time, in one line of packets.
    let ms = (world.now_us - from_us) / 1_000;
    for (who, of) in [("C", "anna"), ("anna", "C")] {
        assert_eq!(world.longest_silence_ms(who, of, ms), 0, "{who} heard {of} without a break");
        assert!(world.longest_gap_ms(who, from_us) <= 40, "{} ms", world.longest_gap_ms(who, from_us));
    }
    world.check_streams();
    world.end_of_day();
}

#[test]
fn as_many_parties_as_the_policy_allows_all_hear_each_other() {
    let mut world = World::with(&["anna", "bert"], 1, |config, _| config.limits.parties_max = 6);
    three(&mut world);
    let numbers = [("bank", office::BANK), ("plumber", office::PLUMBER), ("+4911", "+4911")];
    for (at, (who, number)) in numbers.iter().enumerate() {
        world.behave(who, Behaviour::Answers(100));
        // Any agent in it may add.
        let agent = if at % 2 == 0 { "bert" } else { "anna" };
        world.click(agent, add(number));
        world.settle();
        world.click("anna", Control::Join);
    }
    world.expect_hearing(&[
        ("C", "+4911 anna bank bert plumber"),
        ("anna", "+4911 C bank bert plumber"),
        ("bert", "+4911 C anna bank plumber"),
        ("plumber", "+4911 C anna bank bert"),
    ]);
    let refusal = world.try_click("anna", add("+4912")).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::LimitReached);
    world.freeze_and_revive();
    world.end_of_day();
}

#[test]
fn any_agent_holds_mutes_and_drops_anybody() {
    let mut world = World::with_sound(&["anna", "bert"]);
    three(&mut world);
    let (c, anna, bert) = (world.connection("C"), world.connection("anna"), world.connection("bert"));
    let steps: [(&str, Control, [&str; 3]); 8] = [
        ("bert", Control::Mute(c), ["anna bert", "bert", "anna"]),
        ("anna", Control::Mute(bert), ["anna", "silence", "anna"]),
        ("anna", Control::Unmute(c), ["anna", "C", "C anna"]),
        ("bert", Control::HoldConnection(anna), ["silence", "music", "C"]),
        ("bert", Control::Unmute(bert), ["bert", "music", "C"]),
        ("anna", Control::ResumeConnection(anna), ["anna bert", "C bert", "C anna"]),
        ("bert", Control::HoldConnection(c), ["music", "bert", "anna"]),
        ("anna", Control::Join, ["anna bert", "C bert", "C anna"]),
    ];
    for (agent, control, [customer, of_anna, of_bert]) in steps {
        world.click(agent, control.clone());
        world.expect_hearing(&[("C", customer), ("anna", of_anna), ("bert", of_bert)]);
    }
    world.click("bert", Control::Drop(anna));
    world.expect_hearing(&[("C", "bert"), ("bert", "C"), ("anna", "nothing")]);
    world.end_of_day();
}

#[test]
fn a_phone_that_mixes_two_calls_itself_is_left_alone() {
    let mut world = World::with_sound(&["anna"]);
    world.behave("bank", Behaviour::Answers(100));
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.dial("anna", office::BANK);
    world.settle();
    world.expect_hearing(&[("C", "music"), ("bank", "anna")]);
    // The conference key: both lines up, and the phone mixes. Bridged here as well they would hear each other twice.
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna"), ("bank", "anna")]);
    // It holds both, and takes them back.
    world.hold("anna", Dialect::SendOnly);
    world.hold("anna/2", Dialect::SendOnly);
    world.expect_hearing(&[("C", "music"), ("bank", "music")]);
    world.unhold("anna");
    world.unhold("anna/2");
    world.expect_hearing(&[("C", "anna"), ("bank", "anna")]);
    world.check_streams();
    // It hangs one line up: the other call goes on.
    world.hang_up("anna/2");
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("bank", "nothing")]);
    world.end_of_day();
}
