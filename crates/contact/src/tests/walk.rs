//! The exhaustive walk: every reachable conversation of a queue call under every control, every answer, failure and
//! hang-up, each state checked for every invariant; and from every state everything can be hung up and ends cleanly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use baton_media::{Hears, StreamId};
use baton_sip::EndCause;

use super::world::World;
use crate::agent::Part;
use crate::command::{AddMode, Control, Target};
use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::event::EventKind;
use crate::ids::ContactId;
use crate::leg::LegState;

/// One thing that can happen.
#[derive(Debug, Clone)]
enum Step {
    Control(String, Control),
    Alert(u64),
    Answer(u64),
    Refuse(u64),
    RingTimeout,
    HangUp(u64),
    Die(u64),
    PhoneHold(u64, bool),
    /// The agent dials a number from its phone while on a call.
    SecondLine(String),
    /// REFER of one line with Replaces of the other.
    Attended(u64, u64),
    Refer(u64),
}

fn steps(world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(conversation) = world.desk.conversations.values().next() else { return steps };
    for party in conversation.live() {
        if let Some(agent) = party.agent.as_ref().filter(|_| party.is_connected() && party.refer.is_none()) {
            steps
                .extend(controls(conversation, party).into_iter().map(|control| Step::Control(agent.clone(), control)));
            steps.extend((party.legs.len() == 1).then(|| Step::SecondLine(agent.clone())));
        }
        for leg in &party.legs {
            match leg.state {
                LegState::Inviting => steps.extend([Step::Alert(leg.id), Step::Answer(leg.id), Step::Refuse(leg.id)]),
                LegState::Alerting => steps.extend([Step::Answer(leg.id), Step::Refuse(leg.id)]),
                LegState::Incoming => steps.push(Step::HangUp(leg.id)),
                LegState::Up => {
                    steps.push(Step::HangUp(leg.id));
                    if party.is_agent() {
                        steps.extend([Step::Die(leg.id), Step::PhoneHold(leg.id, !leg.remote_hold)]);
                        steps.extend(party.refer.is_none().then_some(Step::Refer(leg.id)));
                        let other = party.legs.iter().find(|other| other.id != leg.id);
                        steps.extend(other.map(|other| Step::Attended(leg.id, other.id)));
                    }
                }
            }
        }
    }
    if conversation.live().any(Connection::is_pending) {
        steps.push(Step::RingTimeout);
    }
    steps
}

fn controls(conversation: &Conversation, actor: &Connection) -> Vec<Control> {
    let add = |name: &str, mode| Control::Add { target: Target::QuickConnect(name.into()), mode };
    let mut controls = vec![
        Control::Hold,
        Control::Resume,
        Control::Swap,
        Control::Join,
        Control::HoldAll,
        Control::Leave,
        Control::End,
        add("Bank", AddMode::Consult),
        add("Bank", AddMode::Blind),
        add("Bert", AddMode::Consult),
        add("Bert", AddMode::Blind),
        add("Sales", AddMode::Consult),
    ];
    for other in conversation.live().filter(|other| other.id != actor.id) {
        controls.extend([
            Control::Drop(other.id),
            Control::HoldConnection(other.id),
            Control::ResumeConnection(other.id),
            Control::SwapTo(other.id),
            Control::JoinConnection(other.id),
        ]);
        if other.initial {
            controls.push(if other.muted { Control::Unmute(other.id) } else { Control::Mute(other.id) });
        }
    }
    controls.push(Control::HoldConnection(actor.id));
    controls
}

fn apply(world: &mut World, step: &Step) {
    match step {
        Step::Control(agent, control) => drop(world.control(agent, control.clone())),
        Step::Alert(leg) => {
            let session = baton_sip::SessionId(*leg);
            world.sip(baton_sip::Event::Ringing { session, status: 180, sdp: None });
        }
        Step::Answer(leg) => world.answer_leg(*leg),
        Step::Refuse(leg) => world.refuse_leg(*leg, 486),
        Step::RingTimeout => world.wait_ms(61_000),
        Step::HangUp(leg) => world.hang_up_leg(*leg, EndCause::Bye),
        Step::Die(leg) => world.hang_up_leg(*leg, EndCause::Timeout),
        Step::PhoneHold(leg, on) => world.phone_hold(*leg, *on),
        Step::SecondLine(agent) => drop(world.call_in(agent, "+49555")),
        Step::Attended(leg, other) => world.refer(*leg, "+49555", Some(*other)),
        Step::Refer(leg) => world.refer(*leg, "+49404040", None),
    }
    clear_all(world);
}

/// After-contact work is no part of the conversation's states: it is cleared at once.
fn clear_all(world: &mut World) {
    let todo: Vec<(String, ContactId)> = (world.desk.agents.iter())
        .flat_map(|(name, agent)| agent.engagements.iter().map(move |each| (name.clone(), each)))
        .filter(|(_, each)| matches!(each.part, Part::Acw | Part::Missed))
        .map(|(name, each)| (name, each.contact))
        .collect();
    for (agent, contact) in todo {
        world.control_on(Some(&agent), contact, Control::Clear).expect("what is to be cleared can be cleared");
    }
}

/// What makes two states the same: parties by what they are and do, without numbers.
fn key(world: &World) -> String {
    let Some(conversation) = world.desk.conversations.values().next() else { return "over".into() };
    let mut parties: Vec<String> = conversation.live().map(|party| describe(conversation, party)).collect();
    parties.sort();
    let farewell = if conversation.farewell { " farewell" } else { "" };
    format!("{}{farewell}", parties.join(" | "))
}

fn describe(conversation: &Conversation, party: &Connection) -> String {
    let partners = |leg: &crate::leg::Leg| {
        leg.partners.iter().filter(|id| conversation.connection(**id).is_some_and(Connection::is_live)).count()
    };
    let legs: Vec<String> =
        party.legs.iter().map(|leg| format!("{:?}{}{}", leg.state, leg.remote_hold, partners(leg))).collect();
    let hold = party.hold.map(|hold| {
        let by = conversation.connections.iter().find(|each| each.contact == hold.by && each.is_agent());
        // Which group of the held it is in: a swap brings them back in turn.
        let earlier = conversation.live().filter_map(|each| each.hold).filter(|each| each.round < hold.round).count();
        (by.and_then(|by| by.agent.clone()), hold.by_leg.is_some(), earlier)
    });
    let recalled = conversation.contact(party.contact).is_some_and(|contact| contact.recalled);
    let queued = conversation.contact(party.contact).is_some_and(|contact| contact.queue.is_some());
    let added_by = party.added_by.and_then(|id| conversation.connection(id)).map(|by| (by.agent.clone(), by.is_live()));
    let refer = party.refer.is_some();
    let who = (party.kind, party.initial, &party.agent, party.phase);
    let muted = party.muted;
    format!("{who:?} {hold:?} {muted} {refer} {recalled} {queued} {added_by:?} {:?} {legs:?}", party.recall_to)
}

fn check(world: &World) {
    for conversation in world.desk.conversations.values() {
        let owner = |stream: StreamId| conversation.owner_of(stream.0).and_then(|id| conversation.connection(id));
        for (stream, hears) in &conversation.published.hears {
            let party = owner(*stream).expect("who hears is a live party");
            let Hears::Parties(voices) = hears else {
                // Somebody whose only company is muted hears nothing by the agent's own will.
                let muted = conversation.live().any(|other| other.id != party.id && other.muted);
                let sound = party.initial && party.talks() && *hears == Hears::Silence && !muted;
                assert!(!sound, "a customer is alone in silence");
                assert!(party.hold.is_none() || matches!(hears, Hears::Music(_)) || party.refer.is_some(), "{hears:?}");
                continue;
            };
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
        assert_eq!(
            conversation.connections.iter().map(|party| party.legs.len()).sum::<usize>(),
            world.legs.len(),
            "the desk and the wire disagree about the legs"
        );
    }
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
    let sequence: Vec<u64> = world.events.iter().map(|event| event.sequence).collect();
    assert!(sequence.windows(2).all(|pair| pair[0] < pair[1]), "events are in order");
}

/// From here, everybody hangs up.
fn hang_up_everything(mut world: World) {
    for _ in 0..20 {
        let Some((leg, ringing)) = world.legs.keys().next().map(|leg| (*leg, world.ringing.contains_key(leg))) else {
            break;
        };
        if ringing {
            world.refuse_leg(leg, 480)
        } else {
            world.hang_up_leg(leg, EndCause::Bye)
        }
        clear_all(&mut world);
    }
    for _ in 0..8 {
        world.wait_ms(61_000);
        clear_all(&mut world);
        let rest: Vec<u64> = world.legs.keys().copied().collect();
        for leg in rest.into_iter().filter(|leg| world.legs.contains_key(leg)).collect::<Vec<_>>() {
            if !world.legs.contains_key(&leg) {
                continue;
            }
            if world.ringing.contains_key(&leg) {
                world.refuse_leg(leg, 480)
            } else {
                world.hang_up_leg(leg, EndCause::Bye)
            }
            clear_all(&mut world);
        }
    }
    assert!(world.desk.conversations.is_empty(), "a conversation does not end: {}", key(&world));
    ended_cleanly(&world);
}

/// Walks all states with at most so many parties; gives their number and that of the steps taken.
fn walk(parties: usize, states_max: usize) -> (usize, usize) {
    let mut world = World::talking(&["anna", "bert"]);
    world.desk.config.limits.parties_max = parties;
    world.desk.config.limits.transfers_max = u32::MAX;
    world.desk.config.limits.hold_reminder_s = 100_000;
    world.desk.config.limits.call_seconds_max = u32::MAX;
    let mut seen = BTreeSet::from([key(&world)]);
    let mut open = VecDeque::from([(world, Vec::<String>::new())]);
    let mut taken = 0;
    while let Some((world, path)) = open.pop_front() {
        for step in steps(&world) {
            let mut next = world.clone();
            let mut path = path.clone();
            path.push(format!("{step:?}"));
            let guard = Ladder(&path);
            apply(&mut next, &step);
            assert_eq!(next.desk.faults, 0, "a panic inside");
            check(&next);
            taken += 1;
            if !seen.insert(key(&next)) {
                drop(guard);
                continue;
            }
            hang_up_everything(next.clone());
            drop(guard);
            if seen.len() < states_max {
                open.push_back((next, path));
            }
        }
    }
    (seen.len(), taken)
}

/// Prints the way to a broken state.
struct Ladder<'a>(&'a [String]);

impl Drop for Ladder<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the way there:\n  {}", self.0.join("\n  "));
        }
    }
}

#[test]
fn every_reachable_conversation_of_four_parties_keeps_the_invariants() {
    // All of it takes minutes without optimisation: a longer walk is asked for by the environment.
    let number =
        |name: &str, usual: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (parties, states_max) = (number("BATON_WALK_PARTIES", 4), number("BATON_WALK_STATES", 2_500));
    let (states, steps) = walk(parties, states_max);
    println!("{states} states of up to {parties} parties, {steps} steps");
    assert!(states >= 700.min(states_max), "the walk has become too small to show anything: {states} states");
}
