//! The toolkit by itself: phones and SIPp call each other without a server, so that a fault in an end to end test is
//! known to be the server's.

use std::net::SocketAddrV4;

use baton_tests::real::{Account, Baresip, Linphone, Network, Room, TONES_HZ, TrunkCall, WhenRung};

#[test]
fn baresip_and_linphone_hear_each_other_and_a_hold() {
    let Some(network) = Network::enter(&["baresip", "linphonec"]) else {
        return;
    };
    let [left, right] = [network.host("left", 11), network.host("right", 12)];
    let (alice, bob) = (Account::alone("alice"), Account::alone("bob"));
    let mut alice = Baresip::start(&network, &left, &alice, TONES_HZ[0], WhenRung::Ring);
    let mut bob = Linphone::start(&network, &right, &bob, TONES_HZ[1], WhenRung::Ring);

    alice.dial(&format!("sip:bob@{}", right.address));
    bob.expect_said("Receiving new incoming call", 1);
    bob.answer();
    alice.expect_event("CALL_ESTABLISHED", 1);
    Room::new().with("alice", TONES_HZ[0], &alice).with("bob", TONES_HZ[1], &bob).expect(&["alice: bob", "bob: alice"]);

    // No further than the hold: on a resume linphonec begins a new RTP timeline, of which baresip discards every
    // packet with an earlier timestamp. A server between them must not let either see that (M1).
    alice.hold();
    Room::new().with("alice", TONES_HZ[0], &alice).with("bob", TONES_HZ[1], &bob).expect(&["alice: -", "bob: -"]);
    bob.hang_up(None);
    alice.expect_event("CALL_CLOSED", 1);
}

#[test]
fn the_trunk_calls_a_phone_and_hangs_up() {
    let Some(network) = Network::enter(&["baresip", "sipp"]) else {
        return;
    };
    let host = network.host("left", 11);
    let account = Account::alone("alice");
    let mut alice = Baresip::start(&network, &host, &account, TONES_HZ[0], WhenRung::Answer);
    let at = SocketAddrV4::new(host.address, 5060);
    let mut trunk = TrunkCall::calling(&network, 5080, at, "alice", "4930123456", TONES_HZ[2]);
    trunk.expect_answered(5.0);
    {
        let room = Room::new().with("alice", TONES_HZ[0], &alice).with("trunk", TONES_HZ[2], &trunk);
        room.expect(&["alice: trunk", "trunk: alice"]);
        trunk.party().be_silent(true);
        room.expect(&["alice: -", "trunk: alice"]);
    }
    alice.press("5");
    trunk.party().press(7);
    assert_eq!(alice.expect_event("CALL_DTMF_START", 1)["param"], "7");
    baton_tests::real::until("the digit that baresip pressed", 3.0, || {
        trunk.party().digits().iter().any(|digit| digit.event == 5)
    });
    trunk.hang_up();
    alice.expect_event("CALL_CLOSED", 1);
    trunk.sipp().expect_success(5.0);
}

#[test]
fn a_phone_calls_the_trunk_which_hangs_up() {
    let Some(network) = Network::enter(&["linphonec", "sipp"]) else {
        return;
    };
    let host = network.host("left", 11);
    let account = Account::alone("alice");
    let mut alice = Linphone::start(&network, &host, &account, TONES_HZ[0], WhenRung::Answer);
    let mut trunk = TrunkCall::answering(&network, 5080, 300, TONES_HZ[2]);
    alice.dial(&format!("sip:outside@{}:5080", baton_tests::real::TRUNK));
    trunk.expect_answered(5.0);
    Room::new()
        .with("alice", TONES_HZ[0], &alice)
        .with("trunk", TONES_HZ[2], &trunk)
        .expect(&["alice: trunk", "trunk: alice"]);
    alice.press("8");
    baton_tests::real::until("the digit that linphonec pressed", 3.0, || {
        trunk.party().digits().iter().any(|digit| digit.event == 8)
    });
    trunk.hang_up();
    trunk.sipp().expect_success(5.0);
}
