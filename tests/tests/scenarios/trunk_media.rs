//! What a trunk wants of sound: codecs in its order, its packet time, its audio before the answer or none.

use baton_contact::directory::{AudioCodec, EarlyMedia, Trunk};
use baton_tests::world::{Behaviour, World, office};

fn world(change: impl FnOnce(&mut Trunk)) -> World {
    World::with(&["anna"], 1, |_, directory| change(&mut directory.trunks[0]))
}

#[test]
fn an_offer_to_the_trunk_has_its_codecs_and_its_packet_time() {
    let cases = [
        (vec![], None, "8 0 ", "a=ptime:20"),
        (vec![AudioCodec::Pcmu, AudioCodec::Pcma], Some(30), "0 8 ", "a=ptime:30"),
        (vec![AudioCodec::Pcmu], Some(10), "0 ", "a=ptime:10"),
    ];
    for (codecs, ptime, order, line) in cases {
        let mut world = world(|trunk| (trunk.codecs, trunk.ptime) = (codecs, ptime));
        world.dial("anna", office::BANK);
        let sent = world.ladder.rungs.iter().find(|rung| rung.device == "pbx" && rung.title == "INVITE");
        let text = sent.expect("an INVITE").text();
        let audio = text.lines().find(|line| line.starts_with("m=audio")).unwrap_or_default().to_owned();
        assert!(audio.contains(&format!("RTP/AVP {order}")), "{text}");
        assert!(text.lines().any(|each| each.trim() == line), "{text}");
        world.end_of_day();
    }
}

#[test]
fn early_media_is_passed_on_or_replaced_by_our_ringing() {
    for (policy, heard, first) in
        [(EarlyMedia::Pass, "bank", "< 183 INVITE"), (EarlyMedia::Ringback, "ring-back", "< 180 INVITE")]
    {
        let mut world = world(|trunk| trunk.early_media = policy);
        world.behave("bank", Behaviour::EarlyMedia);
        world.talking();
        world.consult("anna", "Bank");
        world.expect_hearing(&[("C", "music"), ("anna", heard)]);
        world.answer("bank");
        world.expect_hearing(&[("C", "music"), ("anna", "bank"), ("bank", "anna")]);
        world.end_of_day();

        let mut world = self::world(|trunk| trunk.early_media = policy);
        world.behave("bank", Behaviour::EarlyMedia);
        world.dial("anna", office::BANK);
        assert!(world.ladder.of("anna").contains(&first.to_owned()), "{policy:?}\n{}", world.ladder);
        world.answer("bank");
        world.expect_hearing(&[("anna", "bank"), ("bank", "anna")]);
        world.end_of_day();
    }
}
