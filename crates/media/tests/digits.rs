//! M5: DTMF crosses every bridge.

mod common;

use baton_media::Codec::{Pcma, Pcmu};
use baton_media::*;
use common::*;

/// The events a peer was sent: code, distinct timestamps counted, whether marker and end are right.
fn events_at(world: &mut World, id: u64) -> Vec<(u8, u16)> {
    let mut events: Vec<(u32, u8, u16, bool)> = Vec::new();
    for received in world.peer(id).received.iter().filter(|received| received.view.payload_type == DTMF) {
        let (timestamp, code) = (received.view.timestamp, received.payload[0]);
        let duration = u16::from_be_bytes([received.payload[2], received.payload[3]]);
        let end = received.payload[1] & 0x80 != 0;
        match events.last_mut().filter(|event| event.0 == timestamp) {
            Some(event) => {
                assert!(!received.view.marker, "the marker is on the first packet only");
                assert!(duration >= event.2 && event.1 == code);
                (event.2, event.3) = (duration, event.3 | end);
            }
            None => {
                assert!(received.view.marker, "the first packet is marked");
                events.push((timestamp, code, duration, end));
            }
        }
    }
    assert!(events.iter().all(|event| event.3), "every event has an end");
    events.iter().map(|event| (event.1, event.2)).collect()
}

#[test]
fn m5_digits_cross_a_forwarded_a_transcoded_and_a_mixed_bridge() {
    for (codecs, ids) in [(&[Pcmu, Pcmu][..], &[1, 2][..]), (&[Pcmu, Pcma], &[1, 2]), (&[Pcmu, Pcma, Pcmu], &[1, 2, 3])]
    {
        let mut world = World::with_peers(codecs);
        world.join(ids);
        world.run_ms(1_000);
        for code in [5, 11, 0] {
            world.press(1, code, false);
            world.run_ms(200);
        }
        for id in &ids[1..] {
            assert_eq!(events_at(&mut world, *id), [(5, 960), (11, 960), (0, 960)], "{codecs:?} at {id}");
        }
        assert_eq!(world.digits(), "1:5 1:# 1:0 ");
        world.run_ms(500);
        world.check_lines();
        assert!(world.hears_whom(2, 300).contains(&1), "sound goes on afterwards");
    }
}

#[test]
fn m5_the_payload_type_is_the_target_s_own() {
    let mut world = World::with_peers(&[Pcmu, Pcmu, Pcmu]);
    world.configure(2, |configuration| {
        configuration.dtmf_payload_type_send = Some(96);
        configuration.payload_type_send = 0;
    });
    for ids in [&[1, 2][..], &[1, 2, 3]] {
        world.join(ids);
        world.run_ms(500);
        world.peer(2).received.clear();
        world.press(1, 7, false);
        let types: std::collections::BTreeSet<u8> =
            world.peer(2).received.iter().map(|received| received.view.payload_type).collect();
        assert!(types.contains(&96) && !types.contains(&DTMF), "{types:?}");
    }
}

#[test]
fn m5_digits_cross_after_a_transfer_a_join_and_a_codec_change() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(500);
    world.join(&[1, 3]);
    world.run_ms(300);
    world.press(1, 1, false);
    world.run_ms(200);
    world.join(&[1, 2, 3]);
    world.run_ms(300);
    world.press(3, 2, false);
    world.run_ms(200);
    world.configure(1, |configuration| {
        configuration.codec = Pcma;
        configuration.payload_type_send = 8;
        configuration.payload_type_receive = 8;
    });
    world.run_ms(300);
    world.press(1, 3, false);
    world.run_ms(200);
    assert_eq!(world.digits(), "1:1 3:2 1:3 ");
    let codes = |world: &mut World, id| events_at(world, id).iter().map(|event| event.0).collect::<Vec<_>>();
    assert_eq!(codes(&mut world, 1), [2]);
    assert_eq!(codes(&mut world, 2), [2, 3]);
    assert_eq!(codes(&mut world, 3), [1, 3]);
}

#[test]
fn m5_a_digit_without_its_end_packets_is_told_and_sound_comes_back() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.join(&[1, 2, 3]);
    world.run_ms(500);
    world.press(1, 9, true);
    world.run_ms(600);
    assert_eq!(world.digits(), "1:9 ");
    assert!(world.hears_whom(2, 250).contains(&1));
}

#[test]
fn m5_a_held_party_s_digits_are_told_but_reach_nobody() {
    let mut world = World::with_peers(&[Pcmu, Pcma]);
    world.mix(&[(1, music()), (2, Hears::Silence)]);
    world.run_ms(500);
    world.press(1, 3, false);
    assert_eq!(world.digits(), "1:3 ");
    assert_eq!(events_at(&mut world, 2), []);
}

#[test]
fn m5_digits_of_our_own_are_events_with_three_ends() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    for ids in [&[1, 2][..], &[]] {
        world.join(ids);
        world.run_ms(500);
        world.peer(1).received.clear();
        world.command(Command::SendDigits { stream: StreamId(1), digits: "4*d".into() });
        world.run_ms(1_000);
        assert_eq!(events_at(&mut world, 1), [(4, 800), (10, 800), (15, 800)]);
        let ends = world.peer(1).received.iter().filter(|r| r.view.payload_type == DTMF && r.payload[1] & 0x80 != 0);
        assert_eq!(ends.count(), 9);
        world.peer(1).check_line();
    }
    world.join(&[1, 2]);
    world.run_ms(500);
    assert_eq!(world.hears_whom(1, 300), [2]);
}

#[test]
fn m5_without_telephone_events_digits_are_sound_both_ways() {
    let mut world = World::with_peers(&[Pcmu, Pcma]);
    world.configure(2, |configuration| {
        configuration.dtmf_payload_type_send = None;
        configuration.dtmf_payload_type_receive = None;
    });
    world.join(&[1, 2]);
    world.run_ms(500);
    // As events from 1, as sound to 2; sent back as sound by 2, it is told.
    let before = world.peer(2).received.len();
    world.press(1, 8, false);
    world.run_ms(400);
    let sound: Vec<_> = world.peer(2).received[before..].iter().map(|received| received.payload.clone()).collect();
    assert!(world.peer(2).received.iter().all(|received| received.view.payload_type == 8));
    world.peer(2).hz = None;
    world.run_ms(100);
    for codes in sound {
        let peer = world.peer(2);
        let packet = rtp_packet(false, 8, peer.sequence, peer.timestamp, peer.ssrc, &codes);
        peer.sequence = peer.sequence.wrapping_add(1);
        peer.timestamp = peer.timestamp.wrapping_add(160);
        let source = peer.address;
        world.inject(2, PacketKind::Rtp, source, &packet);
    }
    assert_eq!(world.digits(), "1:8 2:8 ");
}

#[test]
fn m5_speech_like_tones_of_the_peers_are_no_digits() {
    let mut world = World::with_peers(&[Pcmu, Pcma]);
    world.configure(1, |configuration| configuration.dtmf_payload_type_receive = None);
    world.join(&[1, 2]);
    for tone in [697.0, 941.0, 1_209.0, 1_633.0, 350.0] {
        world.peer(1).hz = Some(tone);
        world.run_ms(1_000);
    }
    assert_eq!(world.digits(), "");
}
