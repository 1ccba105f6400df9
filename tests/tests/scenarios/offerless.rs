//! Offers that are absent (D5): an INVITE and a re-INVITE without a description get our full offer.

use baton_tests::world::{Dialect, World, office};

#[test]
fn d5_an_invite_without_an_offer_gets_ours_in_the_200() {
    let mut world = World::with_sound(&["anna"]);
    world.call_with("C", office::SUPPORT, |invite| invite.sdp = None);
    world.expect_hearing(&[("C", "music")]);
    world.answer("anna");
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn d5_a_reinvite_without_an_offer_gets_a_full_one_and_ends_a_hold() {
    let mut world = World::new(&["anna"]);
    world.talking();
    world.hold("anna", Dialect::SendOnly);
    world.expect_hearing(&[("C", "music")]);
    world.ladder.clear();
    world.send_in_dialog("anna", "INVITE", 900, "");
    world.settle();
    let rung = world.ladder.rungs.iter().find(|rung| rung.title == "200 INVITE").expect("it is accepted");
    let text = rung.text();
    assert!(text.contains("a=sendrecv") && text.contains("m=audio"), "{text}");
    let body = text.split("\r\n\r\n").nth(1).expect("a description");
    let port = world.line("anna").rtp().port();
    let answer: Vec<String> = body
        .lines()
        .map(|line| if line.starts_with("m=audio") { format!("m=audio {port} RTP/AVP 8") } else { line.to_owned() })
        .filter(|line| !line.starts_with("a=rtpmap") && !line.starts_with("a=fmtp"))
        .collect();
    let text = format!("Content-Type: application/sdp\n--\n{}\n", answer.join("\n"));
    world.send_in_dialog("anna", "ACK", 900, &text);
    world.settle();
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.hang_up("C");
    world.run_ms(70_000);
    assert_eq!(world.core.gauges().sessions, 0);
}
