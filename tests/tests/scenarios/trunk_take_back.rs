//! A customer is handed back to its trunk by our own REFER, and whatever the trunk does, nobody is lost.

use baton_contact::command::Control;
use baton_contact::directory::{TransferPolicy, TrombonePolicy, Trunk};
use baton_tests::world::{Behaviour, World, header, office};
use serde_json::json;

fn world(change: impl FnOnce(&mut Trunk)) -> World {
    World::with(&["anna", "bert"], 1, |_, directory| {
        directory.trunks[0].transfer = TransferPolicy::Refer;
        change(&mut directory.trunks[0]);
    })
}

/// anna has transferred her customer to the bank by a click; the trunk thinks about it.
fn asked() -> World {
    let mut world = world(|_| {});
    world.talking();
    world.ponder("C");
    world.ladder.clear();
    world.transfer_blind("anna", "Bank");
    world
}

#[test]
fn a_blind_transfer_goes_to_the_trunk_as_a_refer_and_both_legs_end() {
    let mut world = asked();
    assert_eq!(world.asked("C"), Some((format!("sip:{}@192.0.2.9:5060", office::BANK), false)));
    let refer = world.ladder.rungs.iter().find(|rung| rung.title == "REFER").expect("a REFER").text();
    assert_eq!(header(&refer, "Referred-By"), format!("<sip:{}@192.0.2.1>", office::SUPPORT), "R10: no agent's name");
    world.expect_hearing(&[("C", "ring-back")]);
    assert!(!world.is_up("anna"), "a blind transfer leaves at once");
    world.accept_refer("C");
    for status in [180, 183] {
        world.report_refer("C", status);
    }
    assert!(world.is_up("C"));
    world.report_refer("C", 200);
    assert!(!world.is_up("C"), "{}", world.ladder);
    assert!(world.ladder.of("bank").is_empty(), "the bank is called by the trunk\n{}", world.ladder);
    world.expect_record(1, &[("/Baton/TransferType", json!("COLD")), ("/DisconnectReason", json!("AGENT_DISCONNECT"))]);
    assert!(!world.record(2)["ConnectedToSystemTimestamp"].is_null(), "{:#}", world.record(2));
    world.end_of_day();
}

#[test]
fn a_trunk_that_will_not_or_cannot_gets_a_call_of_ours_and_a_bridge() {
    type Spoil = fn(&mut World);
    let spoilt: [(&str, Spoil); 5] = [
        ("it refuses", |world| world.refuse_refer("C", 405)),
        ("it is silent", |world| {
            world.run_ms(3_700);
            assert!(!world.rings("bank"), "it has 4 s");
            world.run_ms(500);
        }),
        ("it takes the REFER and tells no more", |world| {
            world.accept_refer("C");
            world.run_ms(61_000);
        }),
        ("its NOTIFY reports failure", |world| {
            world.accept_refer("C");
            world.report_refer("C", 180);
            world.report_refer("C", 503);
        }),
        ("its NOTIFY reports busy", |world| {
            world.accept_refer("C");
            world.report_refer("C", 486);
        }),
    ];
    for (what, spoil) in spoilt {
        let mut world = asked();
        spoil(&mut world);
        assert!(world.is_up("C") && world.rings("bank"), "{what}\n{}", world.ladder);
        world.expect_hearing(&[("C", "ring-back")]);
        world.answer("bank");
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        world.end_of_day();
    }
}

#[test]
fn a_bridge_that_fails_too_recalls_the_agent() {
    let mut world = asked();
    world.clear_all();
    world.behave("bank", Behaviour::Busy(486));
    world.refuse_refer("C", 603);
    assert!(world.all_kinds().contains(&"RECALLED".to_owned()), "{}", world.ladder);
    world.clear_all();
    world.end_of_day();
}

#[test]
fn a_trunk_that_hangs_up_once_it_has_taken_the_refer_has_the_customer() {
    let mut world = asked();
    world.accept_refer("C");
    world.hang_up("C");
    assert!(!world.rings("bank") && world.ladder.of("bank").is_empty(), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_customer_that_hangs_up_before_the_trunk_has_said_anything_is_gone() {
    let mut world = asked();
    world.hang_up("C");
    // Its 487 to our REFER comes a moment before its BYE: what is begun in its place is given up again.
    assert!(!world.is_up("bank"), "{}", world.ladder);
    world.expect_record(2, &[("/DisconnectReason", json!("CUSTOMER_DISCONNECT"))]);
    world.end_of_day();
}

#[test]
fn a_phones_refer_becomes_one_of_ours_and_the_phone_is_told_how_it_goes() {
    for last in [200, 486] {
        let mut world = world(|_| {});
        world.talking();
        world.ponder("C");
        world.refer("anna", office::BANK);
        world.accept_refer("C");
        world.report_refer("C", 180);
        world.report_refer("C", last);
        let progress = &world.line("anna").progress;
        assert_eq!(progress[..3], [202, 100, 180], "{}", world.ladder);
        assert!(progress.iter().all(|status| *status < 300), "{progress:?}\n{}", world.ladder);
        if last != 200 {
            world.answer("bank");
            world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        }
        assert_eq!(world.line("anna").progress.last(), Some(&200), "{}", world.ladder);
        assert!(!world.is_up("anna") && world.is_up("C") == (last != 200), "{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn what_the_trunk_does_not_reach_itself_is_bridged_without_asking_it() {
    // A consult, an agent inside, a trunk without the policy.
    let mut world = world(|_| {});
    world.talking();
    world.consult("anna", "Bank");
    assert!(world.rings("bank") && world.asked("C").is_none());
    world.end_of_day();
    let mut world = self::world(|_| {});
    world.talking();
    world.transfer_blind("anna", "Bert");
    assert!(world.asked("C").is_none(), "{}", world.ladder);
    world.end_of_day();
    let mut world = self::world(|trunk| trunk.transfer = TransferPolicy::Bridge);
    world.talking();
    world.transfer_blind("anna", "Bank");
    assert!(world.rings("bank") && !world.ladder.of("C").contains(&"< REFER".to_owned()), "{}", world.ladder);
    world.end_of_day();
}

/// anna has consulted the bank and left: both legs are the trunk's.
fn attended() -> World {
    let mut world = world(|_| {});
    world.talking();
    world.consult("anna", "Bank");
    world.answer("bank");
    world.ponder("C");
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world
}

#[test]
fn after_an_attended_transfer_within_one_trunk_it_connects_the_two_itself() {
    let mut world = attended();
    let (target, replaces) = world.asked("C").expect("a REFER");
    assert!(replaces && target.contains("192.0.2.9"), "{target}\n{}", world.ladder);
    world.accept_refer("C");
    world.report_refer("C", 200);
    assert!(!world.is_up("C") && !world.is_up("bank"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_trunk_that_does_not_connect_the_two_leaves_them_talking_by_us() {
    for refused in [true, false] {
        let mut world = attended();
        if refused {
            world.refuse_refer("C", 501);
        } else {
            world.accept_refer("C");
            world.report_refer("C", 503);
        }
        world.run_ms(60_000);
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        let asked = world.ladder.rungs.iter().filter(|rung| rung.title == "REFER").count();
        assert_eq!(asked, 1, "once is enough\n{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn a_call_that_came_by_a_trunk_and_went_out_by_it_is_released_where_that_is_wanted() {
    for (policy, released) in [(TrombonePolicy::Keep, false), (TrombonePolicy::Release, true)] {
        let mut world = World::with(&[], 1, |_, directory| directory.trunks[0].trombones = policy);
        world.call_in("C", office::BANK);
        world.ponder("C");
        world.answer("bank");
        assert_eq!(world.asked("C").is_some(), released, "{}", world.ladder);
        assert_eq!(world.core.trunks()[0].trombones, 1, "noticed in any case");
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        world.end_of_day();
    }
}
