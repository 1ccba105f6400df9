//! M6, M7, RTCP, statistics, and bytes that mean ill.

mod common;

use baton_media::Codec::{Pcma, Pcmu};
use baton_media::*;
use common::*;

fn statistics(world: &World, id: u64) -> Statistics {
    world.shard.statistics(StreamId(id)).expect("an open stream")
}

#[test]
fn m6_foreign_packets_are_counted_and_never_forwarded() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(500);
    let before = world.peer(2).received.len();
    let packet = rtp_packet(false, 0, 1, 1, 0x1001, &[0x80; 160]);
    for port in 0..100 {
        world.inject(1, PacketKind::Rtp, ([203, 0, 113, 9], 5_000 + port).into(), &packet);
    }
    assert_eq!(world.peer(2).received.len(), before);
    assert_eq!(statistics(&world, 1).packets_foreign, 100);
    assert_eq!(world.shard.destination(StreamId(1)), Some((address(1), true)));
}

#[test]
fn m6_a_phone_behind_nat_is_found_after_probation() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    let public = std::net::SocketAddr::from(([203, 0, 113, 1], 61_000));
    world.join(&[1, 2]);
    world.peer(1).hz = None;
    world.run_ms(100);
    // Until it has sent, it is spoken to where it said.
    assert!(world.peer(1).received.len() >= 4);
    world.peer(1).address = public;
    for sequence in 0..10u16 {
        let packet = rtp_packet(false, 0, sequence, u32::from(sequence) * 160, 5, &[0x90; 160]);
        world.inject(1, PacketKind::Rtp, public, &packet);
    }
    assert_eq!(world.shard.destination(StreamId(1)), Some((public, true)));
    assert_eq!(statistics(&world, 1).packets_received, 7, "three in probation");
    world.run_ms(100);
}

#[test]
fn m6_a_new_remote_address_may_latch_anew() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(500);
    world.configure(1, |configuration| configuration.remote = address(77));
    world.run_ms(500);
    assert_eq!(world.shard.destination(StreamId(1)), Some((address(77), true)));
    assert_eq!(world.hears_whom(2, 300), [1]);
    world.check_lines();
}

#[test]
fn m7_silence_is_told_once_within_two_seconds_and_sound_too() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(1_000);
    assert_eq!(world.events, [Event::Audible { stream: StreamId(1) }, Event::Audible { stream: StreamId(2) }]);
    world.events.clear();
    let hz = world.peer(1).hz.take();
    world.run_ms(1_900);
    assert_eq!(world.events, []);
    world.run_ms(3_000);
    assert!(
        matches!(world.events[..], [Event::Silent { stream: StreamId(1), for_ms: 2_000..=2_200 }]),
        "{:?}",
        world.events
    );
    assert!(world.peer(2).longest_wait_ms(START_US) <= 700, "comfort silence keeps the other leg's stream alive");
    world.events.clear();
    world.peer(1).hz = hz;
    world.run_ms(300);
    assert_eq!(world.events, [Event::Audible { stream: StreamId(1) }]);
    assert_eq!(world.hears_whom(2, 200), [1]);
    world.check_lines();
}

#[test]
fn m7_a_peer_that_may_be_silent_is_not_reported() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.peer(1).hz = None;
    world.configure(1, |configuration| configuration.receive = false);
    world.run_ms(5_000);
    assert!(world.events.iter().all(|event| !matches!(event, Event::Silent { .. })));
}

#[test]
fn what_a_peer_sends_while_it_holds_us_goes_nowhere() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.configure(1, |configuration| configuration.receive = false);
    world.run_ms(2_000);
    assert_eq!(world.hears_whom(2, 1_000), [] as [u64; 0]);
    assert_eq!(world.hears_whom(1, 1_000), [2]);
}

#[test]
fn statistics_are_right_under_loss_disorder_and_duplicates() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.peer(1).hz = None;
    world.join(&[1, 2]);
    let mut sent = 0u64;
    for packet in 0..1_000u16 {
        if packet % 20 == 7 {
            continue; // lost
        }
        let order = if packet % 20 == 3 {
            packet + 1
        } else if packet % 20 == 4 {
            packet - 1
        } else {
            packet
        };
        let bytes = rtp_packet(false, 0, order.wrapping_add(65_000), u32::from(order) * 160, 9, &[0x90; 160]);
        for _ in 0..if packet % 50 == 0 { 2 } else { 1 } {
            world.inject(1, PacketKind::Rtp, address(1), &bytes);
        }
        sent += 1;
        world.run_ms(20);
    }
    world.inject(1, PacketKind::Rtp, address(1), &[0x80, 0, 1]);
    let statistics = statistics(&world, 1);
    assert_eq!((statistics.packets_received, statistics.packets_lost), (sent, 50));
    assert_eq!(statistics.packets_malformed, 1);
    assert!(statistics.mos_x100 < 400 && statistics.mos_x100 > 300, "{statistics:?}");
}

#[test]
fn reports_are_sent_every_five_seconds_and_give_the_round_trip() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(60_000);
    let reports = world.peer(1).reports.clone();
    assert!((9..=18).contains(&reports.len()), "{}", reports.len());
    let (at_us, kind, destination, bytes) = reports.last().unwrap().clone();
    assert_eq!((kind, destination), (PacketKind::Rtp, address(1)), "multiplexed");
    assert_eq!(bytes[1], 200, "a sender report");
    let ssrc = world.peer(1).received[0].view.ssrc;
    assert_eq!(bytes[4..8], ssrc.to_be_bytes());
    assert_eq!(
        u32::from_be_bytes(bytes[20..24].try_into().unwrap()) as usize,
        world.peer(1).received.iter().filter(|r| r.at_us <= at_us).count()
    );
    // The peer answers 50 ms after it has got the report, and 80 ms have gone by in all.
    world.now_us = world.now_us.max(at_us + 80_000);
    let delay_s16 = (world.now_us - at_us - 30_000) * 65_536 / 1_000_000;
    let mut answer = vec![0x81, 201, 0, 7, 0, 0, 0x10, 1];
    answer.extend(ssrc.to_be_bytes());
    answer.extend([0; 12]);
    answer.extend(&bytes[10..14]);
    answer.extend((delay_s16 as u32).to_be_bytes());
    world.inject(1, PacketKind::Rtp, address(1), &answer);
    let trip = statistics(&world, 1).round_trip_us;
    assert!((29_500..=30_500).contains(&trip), "{trip}");
}

/// RFC 3550 §6.3.7.
#[test]
fn a_leg_that_was_sent_nothing_is_told_no_goodbye() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.command(Command::Close { stream: StreamId(1) });
    world.join(&[2]);
    world.run_ms(100);
    world.command(Command::Close { stream: StreamId(2) });
    assert_eq!((world.peer(1).received.len(), world.peer(1).reports.len()), (0, 0));
    assert!(!world.peer(2).received.is_empty() && world.peer(2).reports.len() == 1);
}

#[test]
fn a_separate_rtcp_port_is_used_when_negotiated() {
    let mut world = World::with_peers(&[Pcmu]);
    let rtcp = std::net::SocketAddr::from(([192, 0, 2, 1], 4_009));
    world.configure(1, |configuration| configuration.remote_rtcp = Some(rtcp));
    world.run_ms(20_000);
    let reports = &world.peer(1).reports;
    assert!(!reports.is_empty() && reports.iter().all(|report| (report.1, report.2) == (PacketKind::Rtcp, rtcp)));
}

/// Random bytes, and valid packets with random changes, on every kind of bridge.
#[test]
fn nothing_that_arrives_can_break_the_shard() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu, Pcma, Pcmu]);
    world.configure(2, |configuration| configuration.dtmf_payload_type_receive = None);
    world.configure(5, |configuration| configuration.ptime_ms = 30);
    world.configure(4, |configuration| configuration.dtmf_payload_type_send = None);
    let mut dice = 1u64;
    let mut roll = move |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    for round in 0..40_000u32 {
        if round % 500 == 0 {
            let bridges: [&[u64]; 4] = [&[1, 2], &[1, 2, 3], &[1, 4], &[1, 2, 3, 4, 5]];
            world.join(bridges[roll(4) as usize]);
        }
        let id = 1 + roll(5);
        let types = [0u8, 8, DTMF, 13, 72];
        let mut packet = rtp_packet(
            roll(2) == 0,
            types[roll(5) as usize],
            roll(65_536) as u16,
            roll(1 << 32) as u32,
            roll(3) as u32,
            &vec![roll(256) as u8; [0, 1, 4, 80, 160, 161, 480, 1_600, 3_000][roll(9) as usize]],
        );
        for _ in 0..roll(4) {
            let at = roll(packet.len().min(24) as u64) as usize;
            packet[at] = roll(256) as u8;
        }
        packet.truncate(roll(packet.len() as u64 * 2) as usize + 1);
        let kind = if roll(8) == 0 { PacketKind::Rtcp } else { PacketKind::Rtp };
        world.inject(id, kind, address(id), &packet);
        if round % 7 == 0 {
            world.run_ms(roll(30));
        }
        if roll(200) == 0 {
            world.command(Command::SendDigits { stream: StreamId(id), digits: "19#?".into() });
        }
    }
    for peer in world.peers.values() {
        let mut sequences = peer.received.windows(2).filter(|pair| {
            let step = pair[1].view.sequence.wrapping_sub(pair[0].view.sequence) as i16;
            !(-64..=65).contains(&step) || pair[0].view.ssrc != pair[1].view.ssrc
        });
        assert!(sequences.next().is_none(), "{:?}: even then there is one line", peer.id);
    }
    world.join(&[1, 2]);
    for id in 1..=5 {
        world.peer(id).received.clear();
    }
    world.run_ms(5_000);
    assert!(world.hears_whom(1, 300).contains(&2), "and afterwards a call works");
}

#[test]
fn too_many_streams_are_refused_by_name() {
    let mut world = World::with(Config { streams_max: 1, ..Config::default() });
    world.add(1, Pcmu);
    world.command(Command::Open { stream: StreamId(2), local: address(2), local_rtcp: None });
    assert!(matches!(&world.events[..], [Event::OpenFailed { stream: StreamId(2), .. }]));
}
