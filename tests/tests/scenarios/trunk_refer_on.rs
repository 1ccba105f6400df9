//! What a trunk asks for by REFER or 3xx goes on to the other side, where its policy says so (R11).

use baton_contact::directory::{RedirectPolicy, ReferPolicy, Trunk};
use baton_tests::world::{Behaviour, World, header, office};

fn world(change: impl FnOnce(&mut Trunk)) -> World {
    World::with(&["anna"], 1, |_, directory| {
        change(&mut directory.trunks[0]);
    })
}

/// C talks with the bank through us; the bank asks for the plumber.
fn asked(policy: ReferPolicy) -> World {
    let mut world = world(|trunk| trunk.refer = policy);
    world.call_in("C", office::BANK);
    world.answer("bank");
    world.ponder("C");
    world.ladder.clear();
    world.refer("bank", office::PLUMBER);
    world
}

#[test]
fn r11_a_refer_is_passed_on_and_its_notifys_come_back() {
    for policy in [ReferPolicy::Pass, ReferPolicy::Convert] {
        let mut world = asked(policy);
        assert_eq!(world.asked("C"), Some((format!("sip:{}@192.0.2.9:5060", office::PLUMBER), false)));
        let refer = world.ladder.rungs.iter().find(|rung| rung.from == "baton" && rung.title == "REFER");
        let referred_by = header(&refer.expect("a REFER").text(), "Referred-By");
        assert_eq!(referred_by, format!("<sip:{}@192.0.2.1>", office::BANK), "R10");
        assert!(world.line("bank").progress.is_empty(), "the far end has not answered\n{}", world.ladder);
        world.accept_refer("C");
        world.report_refer("C", 180);
        world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
        world.report_refer("C", 200);
        assert_eq!(world.line("bank").progress, [202, 100, 180, 200], "{}", world.ladder);
        assert!(world.ladder.of("plumber").is_empty(), "{}", world.ladder);
        world.hang_up("bank");
        assert!(!world.is_up("C"), "{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn r11_what_the_far_end_refuses_is_refused_or_done_here() {
    let mut world = asked(ReferPolicy::Pass);
    world.refuse_refer("C", 405);
    assert_eq!(world.line("bank").progress, [405], "{}", world.ladder);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();

    let mut world = asked(ReferPolicy::Convert);
    world.refuse_refer("C", 405);
    assert!(world.rings("plumber"), "the REFER has become an INVITE\n{}", world.ladder);
    world.answer("plumber");
    world.expect_hearing(&[("C", "plumber"), ("plumber", "C")]);
    assert_eq!(world.line("bank").progress.last(), Some(&200), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r11_a_far_end_that_says_nothing_is_not_waited_for() {
    let mut world = asked(ReferPolicy::Pass);
    world.run_ms(4_300);
    assert_eq!(world.line("bank").progress, [504], "{}", world.ladder);
    world.end_of_day();

    let mut world = asked(ReferPolicy::Pass);
    world.accept_refer("C");
    world.run_ms(61_000);
    assert_eq!(world.line("bank").progress.last(), Some(&504), "{}", world.ladder);
    world.expect_hearing(&[("C", "bank"), ("bank", "C")]);
    world.end_of_day();
}

#[test]
fn r13_a_second_refer_while_one_is_passed_on_gets_491() {
    let mut world = asked(ReferPolicy::Pass);
    let first = world.line("bank").progress.clone();
    world.send_in_dialog("bank", "REFER", 100, &format!("Refer-To: <sip:{}@192.0.2.1>", office::PLUMBER));
    world.settle();
    assert!(world.ladder.of("bank").contains(&"< 491 REFER".to_owned()), "{first:?}\n{}", world.ladder);
    world.end_of_day();
}

#[test]
fn r12_a_trunk_whose_calls_may_not_go_on_cannot_send_others_out() {
    let mut world = World::with(&["anna"], 1, |_, directory| {
        let mut other = directory.trunks[0].clone();
        (other.name, other.tandem, other.refer) = ("other".into(), false, ReferPolicy::Pass);
        other.address = "192.0.2.10:5060".into();
        directory.trunks.push(other);
    });
    let at = world.device("gateway-10");
    world.devices[at].name = "elsewhere".into();
    world.call_with("elsewhere", "101", |_| {});
    world.answer("anna");
    world.ponder("anna");
    world.refer("elsewhere", office::PLUMBER);
    assert!(world.asked("anna").is_none(), "{}", world.ladder);
    assert_eq!(world.line("elsewhere").progress, [403], "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_3xx_goes_on_to_a_caller_whose_call_is_unanswered() {
    let mut world = world(|trunk| trunk.redirect = RedirectPolicy::Pass);
    world.call_in("C", office::BANK);
    world.ladder.clear();
    world.redirect("bank", &format!("sip:{}@198.51.100.77", office::PLUMBER));
    assert_eq!(world.line("C").refused, Some(302), "{}", world.ladder);
    let rung = world.ladder.rungs.iter().find(|rung| rung.from == "baton" && rung.title == "302 INVITE");
    let contact = header(&rung.expect("a 302").text(), "Contact");
    assert_eq!(contact, format!("<sip:{}@192.0.2.9:5060>", office::PLUMBER), "R10: in the caller's own trunk's way");
    assert!(world.ladder.of("plumber").is_empty());
    world.end_of_day();
}

#[test]
fn a_3xx_for_a_customer_whose_call_is_up_is_called_by_us() {
    let mut world = world(|trunk| trunk.redirect = RedirectPolicy::Pass);
    world.talking();
    world.consult("anna", "Bank");
    world.redirect("bank", &format!("sip:{}@198.51.100.77", office::PLUMBER));
    world.answer("plumber");
    world.expect_hearing(&[("C", "music"), ("anna", "plumber"), ("plumber", "anna")]);
    world.end_of_day();
}

#[test]
fn a_3xx_that_leads_in_a_circle_ends() {
    let mut world = world(|trunk| trunk.redirect = RedirectPolicy::Pass);
    world.talking();
    world.consult("anna", "Bank");
    for _ in 0..6 {
        world.redirect("bank", &format!("sip:{}@198.51.100.77", office::BANK));
    }
    assert!(!world.rings("bank"), "{}", world.ladder);
    world.expect_hearing(&[("C", "music")]);
    world.end_of_day();
}

#[test]
fn a_blind_transfer_that_meets_a_3xx_becomes_a_refer_to_the_customers_trunk() {
    use baton_contact::directory::TransferPolicy;
    let mut world = world(|trunk| {
        (trunk.redirect, trunk.transfer) = (RedirectPolicy::Pass, TransferPolicy::Refer);
    });
    world.talking();
    world.ponder("C");
    world.transfer_blind("anna", "Bank");
    world.refuse_refer("C", 503);
    world.redirect("bank", &format!("sip:{}@198.51.100.77", office::PLUMBER));
    assert_eq!(world.asked("C").map(|(uri, _)| uri), Some(format!("sip:{}@192.0.2.9:5060", office::PLUMBER)));
    world.accept_refer("C");
    world.report_refer("C", 200);
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn early_media_that_is_ignored_is_no_ringing_and_a_180_is() {
    use baton_contact::directory::EarlyMedia;
    let mut world = world(|trunk| trunk.early_media = EarlyMedia::Ignore);
    world.behave("bank", Behaviour::EarlyMedia);
    world.dial("anna", office::BANK);
    let said = world.ladder.of("anna");
    assert!(!said.iter().any(|rung| rung == "< 183 INVITE" || rung == "< 180 INVITE"), "{}", world.ladder);
    world.answer("bank");
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    world.end_of_day();
}

#[test]
fn a_call_whose_number_was_passed_again_and_again_is_a_loop() {
    let entry = |index: &str| format!("<sip:{}@carrier.example>;index={index}", office::SUPPORT);
    let history = |count: usize| (1..=count).map(|n| ("History-Info".to_owned(), entry(&n.to_string()))).collect();
    let diverted = |count: usize| {
        let value = format!("<sip:{}@carrier.example>;reason=unconditional", office::SUPPORT);
        vec![("Diversion".to_owned(), value); count]
    };
    // The same number at other hosts is another's: each carrier on the way names its own.
    let by_way_of = |name: &str, hosts: &[&str]| {
        let value = |host: &&str| (name.to_owned(), format!("<sip:{}@{host}>;index=1", office::SUPPORT));
        hosts.iter().map(value).collect::<Vec<_>>()
    };
    let cases = [
        (history(2), None),
        (history(3), Some(482)),
        (diverted(1), None),
        (diverted(2), Some(482)),
        (by_way_of("History-Info", &["a.example", "b.example", "c.example", "b.example"]), None),
        (by_way_of("History-Info", &["a.example", "B.example.", "b.example", "b.EXAMPLE"]), Some(482)),
        (by_way_of("Diversion", &["a.example", "b.example", "c.example"]), None),
        (by_way_of("Diversion", &["a.example", "b.example", "A.example"]), Some(482)),
    ];
    for (headers, refused) in cases {
        let headers: Vec<(String, String)> = headers;
        let mut world = world(|_| {});
        world.call_with("C", office::SUPPORT, |invite| invite.headers = headers.clone());
        assert_eq!(world.line("C").refused, refused, "{headers:?}\n{}", world.ladder);
        world.end_of_day();
    }
}
