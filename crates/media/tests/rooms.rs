//! M2, M3, M4: who hears whom, and that no change of it can be heard.

mod common;

use baton_media::Codec::{Pcma, Pcmu};
use baton_media::stream::Feed;
use baton_media::*;
use common::*;

#[test]
fn two_parties_are_forwarded_packet_by_packet() {
    for (codecs, same) in [([Pcmu, Pcmu], true), ([Pcma, Pcma], true), ([Pcmu, Pcma], false), ([Pcma, Pcmu], false)] {
        let mut world = World::with_peers(&codecs);
        world.join(&[1, 2]);
        world.run_ms(2_000);
        assert_eq!((world.hears_whom(1, 1_000), world.hears_whom(2, 1_000)), (vec![2], vec![1]));
        assert!(matches!(world.shard.feed(StreamId(1)), Some(Feed::Forward { .. })));
        world.check_lines();
        let last = world.peer(1).received.last().unwrap().clone();
        let sent_at = world.peer(2).due_us as u64 - 20_000;
        assert_eq!(last.at_us, sent_at, "no delay at all");
        assert_eq!(last.view.payload_type == if codecs[1] == Pcmu { 0 } else { 8 }, same);
    }
}

#[test]
fn m2_a_held_party_hears_music_and_is_heard_by_nobody() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.mix(&[(1, music()), (2, parties(&[3])), (3, parties(&[2]))]);
    world.run_ms(5_000);
    assert_eq!(world.hears_whom(2, 1_000), [3]);
    assert_eq!(world.hears_whom(3, 1_000), [2]);
    let sound = world.heard(1, 3_000);
    let loud = sound.iter().filter(|sample| sample.unsigned_abs() > 300).count();
    assert!(loud > sound.len() / 2, "music is heard");
    world.check_lines();
}

#[test]
fn m2_music_goes_on_where_it_was_left() {
    let tune: std::sync::Arc<[i16]> = (0..80_000).map(|at| (at / 10) as i16).collect();
    let library = Library::new(&[("hold".to_owned(), tune)].into());
    let mut world = World::with(Config { library, ..Config::default() });
    world.add(1, Pcma);
    world.add(2, Pcma);
    for hold in 1..=3u64 {
        world.mix(&[(1, music()), (2, Hears::Silence)]);
        world.run_ms(1_000);
        let last = i64::from(*world.heard(1, 100).last().unwrap());
        let expected = hold as i64 * 800;
        assert!((last - expected).abs() < 80, "hold {hold}: {last} for {expected}");
        world.join(&[1, 2]);
        world.run_ms(1_000);
    }
}

#[test]
fn m3_a_third_party_comes_and_goes_without_a_gap_or_a_click() {
    for (codecs, start_ms) in [
        ([Pcmu, Pcmu], 1_000),
        ([Pcma, Pcma], 1_003),
        ([Pcmu, Pcma], 1_007),
        ([Pcma, Pcma], 1_013),
        ([Pcmu, Pcmu], 1_018),
    ] {
        let mut world = World::with_peers(&[codecs[0], codecs[1], Pcmu]);
        world.join(&[1, 2]);
        world.run_ms(start_ms);
        let from = world.now_us - 500_000;
        for change in 0..12 {
            world.join(if change % 2 == 0 { &[1, 2, 3] } else { &[1, 2] });
            // The third is silent, so that what 1 and 2 hear of each other can be told exactly.
            world.peer(3).hz = None;
            world.run_ms(700 + 3 * change);
        }
        for (id, other) in [(1, 2), (2, 1)] {
            let peer = world.peer(id);
            assert!(peer.longest_wait_ms(from) <= 42, "{id}: {} ms", peer.longest_wait_ms(from));
            peer.check_line();
            let sound = peer.sound(from);
            assert_eq!(pieces_without(&sound, hz(other), 6_000.0), 0, "{id} misses a piece ({codecs:?}, {start_ms})");
            // A sine of 6000 at 600 Hz steps by 2827 at most, plus a quantising step.
            assert!(
                largest_step(&sound) < 3_300,
                "{id} hears a click of {} ({codecs:?}, {start_ms})",
                largest_step(&sound)
            );
        }
    }
}

#[test]
fn m3_the_joined_hear_each_other_and_the_dropped_are_gone_at_once() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(1_000);
    world.join(&[1, 2, 3]);
    world.run_ms(1_000);
    for (id, others) in [(1, [2, 3]), (2, [1, 3]), (3, [1, 2])] {
        assert_eq!(world.hears_whom(id, 500), others, "{id}");
    }
    world.join(&[1, 2]);
    world.run_ms(200);
    assert_eq!(world.hears_whom(1, 140), [2]);
    assert_eq!(world.hears_whom(3, 140), [] as [u64; 0]);
    world.check_lines();
}

#[test]
fn m4_a_continuous_tone_stays_one_through_the_mixer() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.peer(3).hz = None;
    world.join(&[1, 2, 3]);
    world.run_ms(1_000);
    let from = world.now_us;
    world.run_ms(20_000);
    for (id, other) in [(1, 2), (2, 1)] {
        let sound = world.peer(id).sound(from);
        assert_eq!(pieces_without(&sound, hz(other), 6_000.0), 0, "{id}");
        assert!(largest_step(&sound) < 3_300, "{id}: {}", largest_step(&sound));
    }
}

#[test]
fn m4_every_packet_time_is_mixed_in_and_out() {
    for (send, receive) in [(10, 10), (20, 30), (30, 20), (40, 60), (60, 10)] {
        let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
        for id in 1..=3 {
            world.peer(id).samples = send * 8;
            world.configure(id, |configuration| configuration.ptime_ms = receive as u8);
        }
        world.join(&[1, 2, 3]);
        world.run_ms(3_000);
        for id in 1..=3u64 {
            let others: Vec<u64> = (1..=3).filter(|other| *other != id).collect();
            assert_eq!(world.hears_whom(id, 1_000), others, "{send} {receive}");
            assert!(world.peer(id).received.iter().all(|received| received.payload.len() == receive * 8));
        }
        world.check_lines();
    }
}

#[test]
fn m4_another_packet_time_is_reframed_between_two() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.configure(1, |configuration| configuration.ptime_ms = 30);
    world.join(&[1, 2]);
    world.run_ms(3_000);
    assert_eq!(world.hears_whom(1, 1_000), [2]);
    assert!(world.peer(1).received.iter().rev().take(20).all(|received| received.payload.len() == 240));
    assert!(world.peer(2).received.iter().all(|received| received.payload.len() == 160));
    world.check_lines();
}

#[test]
fn m4_wrong_clocks_and_jitter_do_not_let_the_delay_creep() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.peer(1).drift_ppm = 200.0;
    world.peer(2).drift_ppm = -200.0;
    world.peer(2).shake_us = 15_000;
    world.join(&[1, 2, 3]);
    for minute in 0..10 {
        world.run_ms(59_000);
        let from = world.now_us;
        // A marker in the tone: peer 1 and 2 fall silent for a moment, and the others hear when.
        world.run_ms(1_000);
        for (id, other) in [(3, 1), (3, 2), (1, 2), (2, 1)] {
            let sound = world.peer(id).sound(from);
            let missing = pieces_without(&sound, hz(other), 4_000.0);
            assert!(missing <= 3, "minute {minute}: {id} misses {missing} pieces of {other}");
        }
        for (speaker, listener) in [(1, 3), (2, 3)] {
            let delay = delay_ms(&mut world, speaker, listener);
            assert!(delay <= 90, "minute {minute}: {delay} ms from {speaker}");
        }
        for id in 1..=3 {
            world.peer(id).received.clear();
        }
    }
}

/// How long it takes until a listener hears that a speaker has changed its tone.
fn delay_ms(world: &mut World, speaker: u64, listener: u64) -> u64 {
    let start = world.now_us;
    world.peer(speaker).hz = Some(2_600.0);
    for _ in 0..40 {
        world.run_ms(5);
        let sound = world.peer(listener).sound(start);
        if sound.chunks(160).any(|piece| goertzel::amplitude(piece, 2_600.0) > 2_000.0) {
            break;
        }
    }
    let delay = (world.now_us - start) / 1_000;
    world.peer(speaker).hz = Some(hz(speaker));
    world.run_ms(200);
    delay
}

#[test]
fn m4_many_loud_voices_are_limited_and_not_wrapped() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu, Pcma, Pcmu, Pcma]);
    for id in 1..=6 {
        let peer = world.peer(id);
        peer.hz = Some(400.0);
        peer.amplitude = 28_000.0;
    }
    world.join(&[1, 2, 3, 4, 5, 6]);
    world.run_ms(2_000);
    let sound = world.heard(1, 1_000);
    assert!(largest_step(&sound) < 32_000, "a wrap would step by 65,535: {}", largest_step(&sound));
    assert!(goertzel::amplitude(&sound, 400.0) > 20_000.0);
}

#[test]
fn a_muted_party_is_not_heard_and_a_monitor_is_heard_by_nobody() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu, Pcma]);
    // 2 is muted; 4 listens to all.
    world.mix(&[(1, parties(&[3])), (2, parties(&[1, 3])), (3, parties(&[1])), (4, parties(&[1, 2, 3]))]);
    world.run_ms(2_000);
    assert_eq!(world.hears_whom(1, 1_000), [3]);
    assert_eq!(world.hears_whom(2, 1_000), [1, 3]);
    assert_eq!(world.hears_whom(3, 1_000), [1]);
    assert_eq!(world.hears_whom(4, 1_000), [1, 2, 3]);
    world.check_lines();
}

#[test]
fn who_is_named_nowhere_hears_silence_and_stays_alive() {
    let mut world = World::with_peers(&[Pcmu, Pcma]);
    world.run_ms(1_000);
    assert!((48..=51).contains(&world.peer(1).received.len()), "{}", world.peer(1).received.len());
    assert!(world.heard(1, 900).iter().all(|sample| *sample == 0));
    world.join(&[1, 2]);
    world.run_ms(500);
    world.mix(&[]);
    world.run_ms(500);
    assert!(world.heard(1, 400).iter().all(|sample| *sample == 0));
    world.check_lines();
}

#[test]
fn a_stream_that_moves_to_another_room_leaves_the_first() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(500);
    let plan = MixPlan { hears: [(StreamId(2), parties(&[3])), (StreamId(3), parties(&[2]))].into() };
    world.command(Command::SetMix { room: RoomId(2), plan });
    world.run_ms(500);
    assert_eq!(
        (world.hears_whom(1, 300), world.hears_whom(2, 300), world.hears_whom(3, 300)),
        (vec![], vec![3], vec![2])
    );
    world.check_lines();
}

#[test]
fn a_plan_may_come_before_its_streams() {
    let mut world = World::new();
    world.join(&[1, 2]);
    world.add(1, Pcmu);
    world.run_ms(200);
    world.add(2, Pcma);
    world.run_ms(500);
    assert_eq!((world.hears_whom(1, 300), world.hears_whom(2, 300)), (vec![2], vec![1]));
}

#[test]
fn closing_a_stream_tells_its_statistics_and_leaves_silence() {
    let mut world = World::with_peers(&[Pcmu, Pcma]);
    world.join(&[1, 2]);
    world.run_ms(1_000);
    world.peer(2).hz = None;
    world.command(Command::Close { stream: StreamId(2) });
    world.run_ms(500);
    let closed = world.events.iter().find_map(|event| match event {
        Event::Closed { stream: StreamId(2), statistics } => Some(*statistics),
        _ => None,
    });
    let statistics = closed.unwrap();
    assert!((48..=51).contains(&statistics.packets_received) && statistics.mos_x100 > 420, "{statistics:?}");
    assert!(world.peer(2).reports.last().unwrap().3.windows(2).any(|pair| pair == [0x81, 203]), "a farewell by RTCP");
    assert!(world.heard(1, 400).iter().all(|sample| *sample == 0));
    world.check_lines();
    world.command(Command::Close { stream: StreamId(2) });
    assert!(matches!(world.events.last(), Some(Event::Closed { .. })), "closing twice is harmless");
}

#[test]
fn a_prompt_is_played_once_over_what_is_heard() {
    let prompt: std::sync::Arc<[i16]> = goertzel::sine(3_000.0, 6_000.0, 0, 8_000).into();
    let library = Library::new(&[("please wait".to_owned(), prompt)].into());
    let mut world = World::with(Config { library, ..Config::default() });
    world.add(1, Pcmu);
    world.add(2, Pcma);
    world.join(&[1, 2]);
    world.run_ms(1_000);
    world.command(Command::Play { stream: StreamId(1), prompt: "please wait".into() });
    world.run_ms(900);
    assert!(goertzel::hears(&world.heard(1, 500), 3_000.0));
    assert_eq!(world.hears_whom(1, 500), [] as [u64; 0]);
    world.run_ms(600);
    assert!(world.events.contains(&Event::PlayEnded { stream: StreamId(1) }));
    assert_eq!(world.hears_whom(1, 300), [2]);
    world.check_lines();
}
