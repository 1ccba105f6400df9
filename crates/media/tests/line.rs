//! M1: one line of RTP towards each leg, through everything that may feed it.

mod common;

use baton_media::Codec::{Pcma, Pcmu};
use baton_media::*;
use common::*;

/// Everything that peer 1 can hear, in every order.
fn feeds() -> Vec<Hears> {
    vec![
        Hears::Silence,
        Hears::Tone(Tone::RingBack(ToneCountry::De)),
        music(),
        Hears::Prompt("unknown".into()),
        parties(&[2]),
        parties(&[3]),
        parties(&[2, 3]),
        parties(&[]),
    ]
}

#[test]
fn m1_the_line_goes_on_through_every_change_of_feed() {
    for ptime_ms in [20, 30, 10, 60] {
        let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
        world.configure(1, |configuration| configuration.ptime_ms = ptime_ms);
        let mut pause = 100;
        for from in feeds() {
            for to in feeds() {
                for hears in [&from, &to] {
                    world.mix(&[(1, hears.clone()), (2, parties(&[1])), (3, parties(&[1]))]);
                    pause = (pause * 31 + 17) % 230;
                    world.run_ms(60 + pause);
                }
            }
        }
        world.check_lines();
        assert!(world.peer(1).longest_wait_ms(START_US) <= 2 * u64::from(ptime_ms).max(20) + 20, "{ptime_ms}");
    }
}

#[test]
fn m1_a_peer_that_begins_anew_does_not_break_the_other_side_s_line() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    for change in 0..20u32 {
        world.run_ms(330);
        let peer = world.peer(2);
        match change % 3 {
            0 => peer.ssrc += 1,
            1 => peer.sequence = peer.sequence.wrapping_add(20_000),
            _ => peer.timestamp = peer.timestamp.wrapping_add(1_000_000_007),
        }
    }
    world.check_lines();
    assert_eq!(world.hears_whom(1, 300), [2]);
}

#[test]
fn m1_the_clock_goes_on_while_nothing_is_sent() {
    let mut world = World::with_peers(&[Pcmu, Pcmu]);
    world.join(&[1, 2]);
    world.run_ms(500);
    world.configure(1, |configuration| configuration.send = false);
    let before = world.peer(1).received.len();
    world.run_ms(3_000);
    assert_eq!(world.peer(1).received.len(), before, "nothing to a peer that does not receive");
    world.configure(1, |configuration| configuration.send = true);
    world.run_ms(500);
    world.check_lines();
    assert_eq!(world.hears_whom(1, 300), [2]);
}

#[test]
fn m1_a_line_forwarded_from_a_wrong_clock_has_no_seam_at_the_next_change() {
    for drift_ppm in [-200.0, 200.0] {
        let mut world = World::with_peers(&[Pcmu, Pcmu]);
        world.peer(2).drift_ppm = drift_ppm;
        world.join(&[1, 2]);
        world.run_ms(300_000);
        let from = world.now_us;
        world.mix(&[(1, music()), (2, Hears::Silence)]);
        world.run_ms(1_000);
        assert!(world.peer(1).longest_wait_ms(from - 100_000) <= 40, "{drift_ppm}");
        let gaps = world
            .peer(1)
            .received
            .windows(2)
            .filter(|pair| pair[1].view.timestamp.wrapping_sub(pair[0].view.timestamp) > 160 + 160);
        assert_eq!(gaps.count(), 0);
    }
}

#[test]
fn a_state_that_was_written_down_goes_on_as_if_nothing_had_been() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    world.join(&[1, 2, 3]);
    world.run_ms(1_000);
    let written = serde_json::to_string(&world.shard).unwrap();
    let mut revived: MediaShard = serde_json::from_str(&written).unwrap();
    revived.set_library(Library::default());
    assert_eq!(revived, world.shard);
    world.shard = revived;
    world.run_ms(1_000);
    world.mix(&[(1, music()), (2, parties(&[3])), (3, parties(&[2]))]);
    world.run_ms(1_000);
    world.check_lines();
    assert_eq!(world.hears_whom(2, 500), [3]);
}

#[test]
fn saying_a_command_twice_changes_nothing() {
    let mut world = World::with_peers(&[Pcmu, Pcma, Pcmu]);
    let hears = [(1, music()), (2, parties(&[1, 3])), (3, parties(&[2]))];
    world.mix(&hears);
    world.run_ms(500);
    let before = world.shard.clone();
    world.mix(&hears);
    world.configure(2, |_| {});
    world.command(Command::Open { stream: StreamId(2), local: address(9), local_rtcp: None });
    let feeds = |shard: &MediaShard| (1..=3).map(|id| shard.feed(StreamId(id)).cloned()).collect::<Vec<_>>();
    assert_eq!(feeds(&before), feeds(&world.shard));
    assert!(world.events.iter().all(|event| matches!(event, Event::Audible { .. })));
}

#[test]
fn m1_a_line_from_a_checkpoint_goes_on_after_a_restart() {
    let mut world = World::with_peers(&[Pcmu, Pcma]);
    world.join(&[1, 2]);
    world.run_ms(1_000);
    let lines: Vec<_> =
        (1..=2).map(|id| serde_json::to_string(world.shard.line(StreamId(id)).unwrap()).unwrap()).collect();
    world.shard = MediaShard::new(Config::default(), 43);
    world.now_us += 700_000; // dead, and what the peers send meanwhile is lost
    for peer in world.peers.values_mut() {
        peer.due_us += 700_000.0;
        peer.sequence = peer.sequence.wrapping_add(35);
        peer.timestamp = peer.timestamp.wrapping_add(35 * 160);
    }
    for (id, line) in (1..=2).zip(lines) {
        world.command(Command::Open { stream: StreamId(id), local: address(9), local_rtcp: None });
        world.shard.resume_line(StreamId(id), serde_json::from_str(&line).unwrap());
        let configuration = world.peer(id).configuration.clone();
        world.command(Command::Configure { stream: StreamId(id), configuration });
    }
    world.join(&[1, 2]);
    world.run_ms(1_000);
    world.check_lines();
    assert_eq!(world.hears_whom(1, 500), [2]);
}
