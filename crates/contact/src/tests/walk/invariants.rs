//! What holds in every state, and at the end of every conversation.

use std::collections::BTreeMap;

use baton_media::{Hears, StreamId};
use baton_sip::EndCause;

use super::steps::clear_all;
use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::directory::Supervision;
use crate::event::EventKind;
use crate::ids::ContactId;
use crate::mix::mix_plan;
use crate::tests::world::World;

pub(super) fn check(world: &World) {
    for conversation in world.desk.conversations.values() {
        supervision_is_no_part(world, conversation);
        let owner = |stream: StreamId| conversation.owner_of(stream.0).and_then(|id| conversation.connection(id));
        for (stream, hears) in &conversation.published.hears {
            let party = owner(*stream).expect("who hears is a live party");
            let Hears::Parties(voices) = hears else {
                // Somebody whose only company is muted hears nothing by the agent's own will.
                let muted = conversation.live().any(|other| other.id != party.id && other.muted);
                let customer = party.initial && party.tie().is_none();
                let sound = customer && party.talks() && *hears == Hears::Silence && !muted;
                assert!(!sound, "a customer is alone in silence");
                let music = matches!(hears, Hears::Music(_)) || party.is_room();
                assert!(party.hold.is_none() || music || !party.is_here(), "{hears:?}");
                continue;
            };
            if party.monitor.is_some() {
                continue;
            }
            assert!(party.talks() || party.phase == Phase::Calling, "a held party hears others");
            for voice in voices {
                let speaker = owner(*voice).expect("who is heard is a live party");
                assert_ne!(speaker.id, party.id, "nobody hears themselves");
                assert!(speaker.hold.is_none(), "a held party is heard");
                if speaker.phase != Phase::EarlyMedia {
                    mutual(conversation, *voice, party);
                }
            }
        }
        let customers = conversation.customers().filter(|party| party.is_connected());
        for customer in customers {
            let legs = customer.legs.iter().filter(|leg| leg.has_media());
            for leg in legs {
                assert!(conversation.published.hears.contains_key(&leg.stream()), "a customer without a sound");
            }
        }
    }
    let legs = world.desk.conversations.values().flat_map(|each| &each.connections).flat_map(|party| &party.legs);
    let wired = legs.filter(|leg| leg.is_wired()).count();
    assert_eq!(wired, world.legs.len(), "the desk and the wire disagree about the legs");
    if world.desk.conversations.is_empty() {
        ended_cleanly(world);
    }
}

/// Hearing is mutual: whoever is heard hears too.
fn mutual(conversation: &Conversation, voice: StreamId, listener: &Connection) {
    let back = conversation.published.hears.get(&voice);
    let heard =
        matches!(back, Some(Hears::Parties(voices)) if listener.legs.iter().any(|leg| voices.contains(&leg.stream())));
    assert!(heard || listener.muted, "hearing is not mutual: {back:?}");
}

fn ended_cleanly(world: &World) {
    assert!(world.legs.is_empty(), "legs are left: {:?}", world.legs);
    assert_eq!(world.desk.ports.used(), 0, "ports are left");
    assert!(world.desk.waiting.is_empty(), "somebody waits for nothing");
    assert_eq!(world.desk.timers.next_us(), None, "timers are left");
    assert!(world.desk.leg_index.is_empty() && world.desk.contact_index.is_empty());
    assert!(world.desk.agents.values().all(|agent| agent.engagements.is_empty()), "an agent is busy with nothing");
    let mut counts: BTreeMap<ContactId, [u32; 4]> = BTreeMap::new();
    for event in &world.events {
        let count = counts.entry(event.contact_id).or_default();
        match event.kind {
            EventKind::Initiated { .. } => count[0] += 1,
            EventKind::Disconnected { .. } => count[1] += 1,
            EventKind::Completed => count[2] += 1,
            EventKind::InteractionStarted => count[3] += 1,
            EventKind::InteractionEnded => count[3] -= 1,
            _ => {}
        }
    }
    for (contact, count) in counts {
        assert_eq!(count, [1, 1, 1, 0], "{contact}: initiated, disconnected, completed once; interactions end");
    }
    world.records_are_right();
    // A room has guests of its own, and counts their events by itself.
    let mut last: BTreeMap<ContactId, u64> = BTreeMap::new();
    for event in &world.events {
        let before = last.insert(event.root_contact_id, event.sequence);
        assert!(before.is_none_or(|before| before < event.sequence), "events are in order");
    }
}

/// From here, everybody hangs up: in one of three orders the first, the last, and who rings.
pub(super) fn hang_up_everything(mut world: World, order: u64) {
    for _ in 0..8 {
        for turn in 0..20 {
            let ringing = |leg: &&u64| world.ringing.contains_key(*leg);
            let next = match (order + turn) % 3 {
                0 => world.legs.keys().next(),
                1 => world.legs.keys().next_back(),
                _ => world.legs.keys().find(ringing).or_else(|| world.legs.keys().next_back()),
            };
            let Some(leg) = next.copied() else { break };
            if world.ringing.contains_key(&leg) {
                world.refuse_leg(leg, 480)
            } else {
                world.hang_up_leg(leg, EndCause::Bye)
            }
            clear_all(&mut world);
            world.wait_ms(3);
        }
        if world.desk.conversations.is_empty() {
            break;
        }
        world.wait_ms(61_000);
        clear_all(&mut world);
    }
    assert!(world.desk.conversations.is_empty(), "a conversation does not end: {:?}", world.desk.conversations);
    ended_cleanly(&world);
}

/// Supervisors are no part of the conversation: without their voices everybody hears what they would hear without them; who
/// listens is heard by nobody, who whispers by one party.
fn supervision_is_no_part(world: &World, conversation: &Conversation) {
    if conversation.monitors().next().is_none() {
        return;
    }
    let mut without = conversation.clone();
    without.connections.retain(|party| party.monitor.is_none());
    let plain = mix_plan(&without, world.desk.config.tones).hears;
    let of_monitor = |stream: StreamId| conversation.monitors().find(|party| party.leg(stream.0).is_some());
    for (stream, hears) in &conversation.published.hears {
        if of_monitor(*stream).is_some() {
            continue;
        }
        let Hears::Parties(voices) = hears else {
            assert_eq!(Some(hears), plain.get(stream), "a supervisor changes what is heard");
            continue;
        };
        let (beside, rest): (Vec<StreamId>, Vec<StreamId>) =
            voices.iter().partition(|voice| of_monitor(**voice).is_some());
        match plain.get(stream) {
            Some(Hears::Parties(others)) => assert!(rest.iter().eq(others), "a supervisor changes who is heard"),
            _ => assert!(rest.is_empty() && !beside.is_empty(), "a supervisor brings somebody else in"),
        }
        for monitor in beside.iter().filter_map(|voice| of_monitor(*voice)).filter_map(|party| party.monitor) {
            let to = monitor.to.and_then(|to| conversation.connection(to));
            let may_hear = match monitor.mode {
                Supervision::SilentMonitor | Supervision::TakeOver => false,
                Supervision::Whisper => to.is_some_and(|to| to.leg(stream.0).is_some()),
                Supervision::Barge => true,
            };
            assert!(may_hear, "a supervisor is heard by somebody whom it does not speak to");
        }
    }
}

/// A conversation that is frozen in this state and revived in another process goes on as if nothing had been: all that
/// decides is equal, to the last timer and the name that a phone shows. What a walk does not change is frozen once, by
/// [`freezes_whole`].
pub(super) fn freezes(world: &mut World) {
    let (directory, numbers) = (std::mem::take(&mut world.desk.directory), std::mem::take(&mut world.desk.numbers));
    freezes_whole(world);
    (world.desk.directory, world.desk.numbers) = (directory, numbers);
}

pub(super) fn freezes_whole(world: &World) {
    let frozen = serde_json::to_string(&world.desk).expect("the desk is plain data");
    let revived: Desk = serde_json::from_str(&frozen).expect("what was written down can be read back");
    assert!(revived == world.desk, "a revived desk is another one: {frozen}");
}
