//! Calls that are refused at the door, each with the status that says why.

use std::net::SocketAddr;

use baton_contact::command::Command;
use baton_contact::directory::{QueueFull, ReferPolicy};
use baton_sip::UnknownSource;
use baton_tests::world::{World, office};

#[test]
fn an_unknown_number_is_404() {
    let mut world = World::new(&["anna"]);
    world.call_in("C", "555");
    assert_eq!(world.line("C").refused, Some(404));
    world.dial("anna", "555");
    assert_eq!(world.line("anna").refused, Some(404));
    world.end_of_day();
}

#[test]
fn a_phone_is_challenged_with_407_and_then_served() {
    let mut world = World::new(&["anna", "bert"]);
    world.ladder.clear();
    world.dial("anna", "102");
    let said = world.ladder.of("anna");
    assert!(said.contains(&"< 407 INVITE".to_owned()), "{}", world.ladder);
    assert!(world.rings("bert"));
    world.end_of_day();
}

#[test]
fn a_wrong_password_gets_nowhere() {
    let mut world = World::new(&["bert"]);
    world.call_with("anna", "102", |invite| {
        invite.credentials = invite.credentials.clone().map(|c| baton_sip::Credentials { password: "x".into(), ..c });
    });
    world.run_ms(2_000);
    assert!(matches!(world.line("anna").refused, Some(401 | 403 | 407)), "{}", world.ladder);
    assert!(!world.rings("bert"));
    world.end_of_day();
}

fn stranger(world: &mut World) -> Vec<String> {
    let source = SocketAddr::from(([203, 0, 113, 5], 5060));
    world.ladder.clear();
    world.send_text(
        source,
        "INVITE sip:+4989222@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKx;rport\n\
         Max-Forwards: 70\nFrom: <sip:x@203.0.113.5>;tag=x\nTo: <sip:+4989222@192.0.2.1>\nCall-ID: stranger\n\
         CSeq: 1 INVITE\nContact: <sip:x@203.0.113.5>",
    );
    world.run_ms(300);
    world.ladder.of("203.0.113.5:5060").into_iter().skip(1).collect()
}

#[test]
fn a_foreign_source_is_treated_by_policy() {
    let cases = [
        (UnknownSource::Challenge, "< 407 INVITE"),
        (UnknownSource::Forbid, "< 403 INVITE"),
        (UnknownSource::Silence, ""),
    ];
    for (policy, expected) in cases {
        let mut world = World::with(&[], 1, |config, _| config.sip.unknown_source = policy);
        let said = stranger(&mut world);
        let first = said.first().cloned().unwrap_or_default();
        assert_eq!(first, expected, "{policy:?}\n{}", world.ladder);
        assert_eq!(world.core.gauges().conversations, 0);
    }
}

#[test]
fn a_full_queue_is_486_or_503() {
    for (when_full, status) in [(QueueFull::Busy, 486), (QueueFull::Unavailable, 503)] {
        let mut world = World::with(&[], 1, |_, directory| {
            directory.queues[0].max_contacts = 1;
            directory.queues[0].when_full = when_full;
        });
        world.call_in("C", office::SUPPORT);
        world.call_in("D", office::SUPPORT);
        assert!(world.is_up("C"));
        assert_eq!(world.line("D").refused, Some(status), "{}", world.ladder);
        world.end_of_day();
    }
}

#[test]
fn a_draining_server_takes_no_new_calls_and_ends_with_the_last() {
    let mut world = World::new(&["anna"]);
    world.talking();
    assert!(world.command(Command::Drain).is_ok());
    world.call_in("D", office::SUPPORT);
    assert_eq!(world.line("D").refused, Some(503), "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    assert!(!world.drained);
    world.hang_up("C");
    world.clear_all();
    world.settle();
    assert!(world.drained);
    world.end_of_day();
}

#[test]
fn r11_a_refer_from_the_trunk_is_refused_when_its_policy_says_so() {
    let mut world = World::with(&["anna"], 1, |_, directory| directory.trunks[0].refer = ReferPolicy::Refuse);
    world.talking();
    world.refer("C", office::BANK);
    assert_eq!(world.line("C").progress, [403], "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn r11_a_refer_from_the_trunk_is_acted_on_otherwise() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("C", office::BANK);
    world.answer("bank");
    world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
    assert!(!world.is_up("C"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn a_refer_to_nowhere_is_404_and_changes_nothing() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.refer("anna", "555");
    assert_eq!(world.line("anna").progress, [404], "{}", world.ladder);
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}
