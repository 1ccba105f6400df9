//! Each trunk has its own way to write numbers and to say who calls.

use baton_contact::directory::{CallerIdHeader, NumberFormat, NumberPlan, Route, Trunk, Unprefixed};
use baton_sip::Party;
use baton_tests::world::{World, header, office};

fn world(change: impl FnOnce(&mut Trunk)) -> World {
    World::with(&["anna"], 1, |_, directory| change(&mut directory.trunks[0]))
}

fn germany(format: NumberFormat) -> Option<NumberPlan> {
    Some(NumberPlan { country: Some("DE".into()), unprefixed: Unprefixed::AsIs, format, ..NumberPlan::default() })
}

fn party(user: &str) -> Party {
    Party { display: String::new(), uri: format!("sip:{user}@192.0.2.9"), user: user.into() }
}

/// The INVITE that went to the trunk.
fn invite(world: &World) -> String {
    let sent =
        world.ladder.rungs.iter().find(|rung| rung.from == "baton" && rung.device == "pbx" && rung.title == "INVITE");
    sent.unwrap_or_else(|| panic!("no INVITE\n{}", world.ladder)).text()
}

#[test]
fn numbers_from_the_trunk_become_e164() {
    for dialled in ["+4989222", "089222", "004989222", "089-222"] {
        let mut world = world(|trunk| trunk.numbers = germany(NumberFormat::E164));
        world.call_with("C", dialled, |invite| invite.from = party("030777"));
        world.answer("anna");
        world.expect_record(
            1,
            &[("/CustomerEndpoint/Address", "+4930777".into()), ("/SystemEndpoint/Address", office::SUPPORT.into())],
        );
        world.end_of_day();
    }
}

#[test]
fn numbers_to_the_trunk_are_written_as_it_wants_them() {
    let cases = [
        (NumberFormat::E164, "+49404040", "+4989222"),
        (NumberFormat::Digits, "49404040", "4989222"),
        (NumberFormat::International, "0049404040", "004989222"),
        (NumberFormat::National, "0404040", "089222"),
    ];
    for (format, called, caller) in cases {
        let mut world = world(|trunk| trunk.numbers = germany(format));
        world.dial("anna", office::BANK);
        let text = invite(&world);
        assert!(text.starts_with(&format!("INVITE sip:{called}@")), "{format:?}: {text}");
        assert!(header(&text, "From").contains(&format!("<sip:{caller}@")), "{format:?}: {text}");
        assert!(header(&text, "P-Asserted-Identity").contains(&format!("<sip:{caller}@")), "{format:?}: {text}");
        world.end_of_day();
    }
}

/// A trunk that wants digits, and a route to it for numbers that begin so.
fn typing(prefix: &str) -> World {
    World::with(&["anna"], 1, |_, directory| {
        directory.trunks[0].numbers = germany(NumberFormat::Digits);
        directory.routes.push(Route { prefix: prefix.into(), trunk: "pbx".into(), ..Route::default() });
    })
}

#[test]
fn what_an_agent_types_goes_out_in_the_trunks_format_and_short_numbers_as_they_are() {
    for (typed, called) in
        [("089-404040", "4989404040"), ("+49(0)89-404040", "4989404040"), ("0043-1-404040", "431404040")]
    {
        let mut world = typing("0");
        world.dial("anna", typed);
        let text = invite(&world);
        assert!(text.starts_with(&format!("INVITE sip:{called}@")), "{typed}: {text}");
        world.end_of_day();
    }
    let mut world = typing("11");
    world.dial("anna", "112");
    assert!(invite(&world).starts_with("INVITE sip:112@"));
    world.end_of_day();
}

#[test]
fn the_caller_is_taken_from_the_header_that_the_trunk_fills() {
    use CallerIdHeader::{From, Pai, Rpid};
    for (trunk_says, expected) in [(Pai, "+491"), (Rpid, "+492"), (From, "+493")] {
        let mut world = world(|trunk| trunk.caller_id_in = trunk_says);
        world.call_with("C", office::SUPPORT, |invite| {
            invite.asserted_identity = Some(party("+491"));
            invite.headers.push(("Remote-Party-ID".into(), "<sip:+492@192.0.2.9>;party=calling".into()));
            invite.from = party("+493");
        });
        world.answer("anna");
        world.expect_record(1, &[("/CustomerEndpoint/Address", expected.into())]);
        world.end_of_day();
    }
}

#[test]
fn our_caller_is_shown_in_the_header_that_the_trunk_reads() {
    use CallerIdHeader::{From, Pai, Rpid};
    for (trunk_reads, asserted, remote) in [(Pai, true, false), (Rpid, false, true), (From, false, false)] {
        let mut world = world(|trunk| trunk.caller_id_out = trunk_reads);
        world.dial("anna", office::BANK);
        let text = invite(&world);
        assert!(header(&text, "From").contains(office::SUPPORT), "{text}");
        let has = |name| header(&text, name).contains(office::SUPPORT);
        assert_eq!((has("P-Asserted-Identity"), has("Remote-Party-ID")), (asserted, remote), "{text}");
        world.end_of_day();
    }
}

#[test]
fn an_anonymous_caller_stays_unknown_to_everybody() {
    let mut world = world(|_| {});
    world.call_with("C", office::BANK, |invite| {
        invite.from = Party {
            display: "Anonymous".into(),
            uri: "sip:anonymous@anonymous.invalid".into(),
            user: "anonymous".into(),
        };
        invite.asserted_identity = Some(party("+4930777"));
    });
    let text = invite(&world);
    assert!(header(&text, "From").contains("<sip:anonymous@anonymous.invalid>"), "{text}");
    assert_eq!(header(&text, "P-Asserted-Identity"), "", "{text}");
    assert!(!text.contains("4930777"), "{text}");
    world.end_of_day();
}
