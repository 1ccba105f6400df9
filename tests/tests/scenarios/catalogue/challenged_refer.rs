//! A REFER is challenged: the answer finds its session, and the REFER is sent again with credentials.

use std::net::SocketAddr;

use baton_tests::world::{BATON, Verdict, World, header, office};
use bytes::Bytes;

/// The phone runs the same stack as baton does, so what it does is what baton does.
#[test]
fn a_challenge_to_a_refer_is_answered_and_the_transfer_goes_on() {
    for status in ["401 Unauthorized", "407 Proxy Authentication Required"] {
        let mut world = World::new(&["anna"]);
        // A call that the phone has made: it knows its credentials.
        world.dial("anna", office::PLUMBER);
        world.answer("plumber");
        world.decide("anna", "REFER", Verdict::Lose);
        world.refer_now("anna", &format!("sip:{}@192.0.2.1", office::BANK));
        let refer = world.ladder.rungs.last().expect("the REFER").text();
        let kind = if status.starts_with("401") { "WWW" } else { "Proxy" };
        let copied =
            ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", header(&refer, name)));
        let challenge = format!(
            "SIP/2.0 {status}\r\n{}{kind}-Authenticate: Digest realm=\"elsewhere\", nonce=\"n\", qop=\"auth\"\r\n\
             Content-Length: 0\r\n\r\n",
            copied.concat()
        );
        let phone = world.devices[world.device("anna")].address;
        world.transmit(SocketAddr::from(BATON), phone, Bytes::from(challenge));
        world.settle();
        let refers = world.ladder.rungs.iter().filter(|rung| rung.title == "REFER");
        let again = refers.last().expect("it is sent again").text();
        let credentials = [header(&again, "Authorization"), header(&again, "Proxy-Authorization")].concat();
        assert!(credentials.contains("realm=\"elsewhere\""), "{again}");
        world.answer("bank");
        world.expect_hearing(&[("plumber", "bank"), ("bank", "plumber")]);
        world.end_of_day();
    }
}
