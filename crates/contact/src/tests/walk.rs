//! The exhaustive walk: every reachable conversation of a queue call under every control, every answer, failure and
//! hang-up, each state checked for every invariant; and from every state everything can be hung up, ends cleanly, and
//! leaves right records. The build walks a part; `make walk` walks all of it for six parties.
//!
//! What is reduced, and why nothing is missed by it:
//! - States are equal when their parties are, in any order and without their numbers and times ([`key`]): nothing that
//!   decides looks at a number's value or, short of the timers that are steps here, at a time.
//! - Of parties that are equal in that sense only one takes each step: the others would reach the same state.
//! - After-contact work is cleared at once: it is no part of who talks.
//! - Only the customer is muted: muting decides whom others hear, for each party alike, and nothing else.
//! - A trunk refuses with 486 only, a phone dies only with an agent: other refusals and deaths go the same way, by
//!   tables of their own (`outcome.rs`).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

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
    /// A target that is asked to accept presses a key.
    Key(u64, char),
}

/// All that can happen, once for parties that are equal.
fn steps(world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(conversation) = world.desk.conversations.values().next() else { return steps };
    let mut known = BTreeSet::new();
    for party in conversation.live() {
        if !known.insert(describe(conversation, party)) {
            continue;
        }
        if let Some(agent) = party.agent.as_ref().filter(|_| party.is_pending() && !party.legs.is_empty()) {
            steps.push(Step::Control(agent.clone(), Control::Accept));
            steps.push(Step::Control(agent.clone(), Control::Reject));
        }
        if let Some(agent) = party.agent.as_ref().filter(|_| party.is_connected()) {
            steps
                .extend(controls(conversation, party).into_iter().map(|control| Step::Control(agent.clone(), control)));
            steps.extend((party.legs.len() == 1 && party.is_here()).then(|| Step::SecondLine(agent.clone())));
        }
        for leg in &party.legs {
            match leg.state {
                LegState::Inviting => steps.extend([Step::Alert(leg.id), Step::Answer(leg.id), Step::Refuse(leg.id)]),
                LegState::Alerting => steps.extend([Step::Answer(leg.id), Step::Refuse(leg.id)]),
                LegState::Incoming => steps.push(Step::HangUp(leg.id)),
                LegState::Up => {
                    steps.push(Step::HangUp(leg.id));
                    if party.phase == Phase::Whispering {
                        steps.extend([Step::Key(leg.id, '1'), Step::Key(leg.id, '2')]);
                    }
                    if party.is_agent() {
                        steps.extend([Step::Die(leg.id), Step::PhoneHold(leg.id, !leg.remote_hold)]);
                        steps.extend(party.is_here().then_some(Step::Refer(leg.id)));
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
    if !actor.is_here() {
        // On its way out: all else is refused.
        let others = conversation.live().filter(|other| other.id != actor.id).map(|other| Control::Drop(other.id));
        return [Control::Leave, Control::Undo, Control::End].into_iter().chain(others).collect();
    }
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
    let mut known = BTreeSet::new();
    for other in conversation.live().filter(|other| other.id != actor.id) {
        if !known.insert(describe(conversation, other)) {
            continue;
        }
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

/// Does a step. False when it was a click that was refused: then nothing has changed.
fn apply(world: &mut World, step: &Step) -> bool {
    match step {
        Step::Control(agent, control) => {
            if world.control(agent, control.clone()).is_err() {
                return false;
            }
        }
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
        Step::Key(leg, digit) => {
            let stream = StreamId(*leg);
            world.media(baton_media::Event::Digit { stream, digit: *digit, duration_ms: 100 });
        }
        Step::Refer(leg) => world.refer(*leg, "+49404040", None),
    }
    clear_all(world);
    // Time passes, so that durations differ; nothing is due so soon.
    world.wait_ms(1 + world.events.len() as u64 % 11);
    true
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
    let refer = (party.refer.is_some(), party.aside);
    let who = (party.kind, party.initial, &party.agent, party.phase);
    let muted = party.muted;
    format!("{who:?} {hold:?} {muted} {refer:?} {recalled} {queued} {added_by:?} {:?} {legs:?}", party.recall_to)
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
                assert!(party.hold.is_none() || matches!(hears, Hears::Music(_)) || !party.is_here(), "{hears:?}");
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
    world.records_are_right();
    let sequence: Vec<u64> = world.events.iter().map(|event| event.sequence).collect();
    assert!(sequence.windows(2).all(|pair| pair[0] < pair[1]), "events are in order");
}

/// From here, everybody hangs up: in one of three orders the first, the last, and who rings.
fn hang_up_everything(mut world: World, order: u64) {
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
        world.wait_ms(61_000);
        clear_all(&mut world);
    }
    assert!(world.desk.conversations.is_empty(), "a conversation does not end: {}", key(&world));
    ended_cleanly(&world);
}

/// How a state is reached: each step by its place among those of the state before.
type Path = Vec<u8>;

/// What one state led to.
#[derive(Default)]
struct Found {
    steps: usize,
    refused: usize,
    states: Vec<(u64, Path)>,
}

struct Walk {
    start: World,
    states_max: usize,
    threads: usize,
}

/// How much was walked.
struct Walked {
    states: usize,
    steps: usize,
    refused: usize,
    complete: bool,
}

impl Walk {
    /// A customer in talk with anna; at most so many parties.
    fn new(parties: usize, states_max: usize, threads: usize) -> Walk {
        let mut start = World::talking(&["anna", "bert"]);
        start.desk.config.limits.parties_max = parties;
        start.desk.config.limits.transfers_max = u32::MAX;
        start.desk.config.limits.hold_reminder_s = 100_000;
        start.desk.config.limits.call_seconds_max = u32::MAX;
        Walk { start, states_max, threads }
    }

    /// With another directory.
    fn with(mut self, change: impl FnOnce(&mut crate::directory::Directory)) -> Walk {
        let mut directory = super::world::directory();
        change(&mut directory);
        self.start.desk.set_directory(directory);
        self
    }

    /// Walks all states, those that are fewest steps away first.
    fn go(&self) -> Walked {
        let mut seen = HashSet::from([hash(&self.start)]);
        let mut walked = Walked { states: 1, steps: 0, refused: 0, complete: true };
        let mut level = vec![Path::new()];
        while !level.is_empty() {
            let mut next = Vec::new();
            for chunk in level.chunks(512) {
                if seen.len() >= self.states_max {
                    walked.complete = false;
                    break;
                }
                for found in self.expand_all(chunk, &seen) {
                    walked.steps += found.steps;
                    walked.refused += found.refused;
                    next.extend(found.states.into_iter().filter(|(hash, _)| seen.insert(*hash)).map(|(_, path)| path));
                }
            }
            level = next;
        }
        walked.states = seen.len();
        walked
    }

    fn expand_all(&self, level: &[Path], seen: &HashSet<u64>) -> Vec<Found> {
        let share = level.len().div_ceil(self.threads);
        std::thread::scope(|scope| {
            let work = |paths: &[Path]| paths.iter().map(|path| self.expand(path, seen)).collect::<Vec<_>>();
            let workers: Vec<_> = level.chunks(share).map(|paths| scope.spawn(move || work(paths))).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("a broken invariant, see above")).collect()
        })
    }

    /// Takes every step from one state.
    fn expand(&self, path: &[u8], seen: &HashSet<u64>) -> Found {
        let world = self.replay(path);
        let mut found = Found::default();
        let mut fresh = None;
        for (at, step) in steps(&world).iter().enumerate() {
            let guard = Way(self, path, step);
            let mut next = fresh.take().unwrap_or_else(|| world.clone());
            found.steps += 1;
            if !apply(&mut next, step) {
                found.refused += 1;
                assert_eq!(hash(&next), hash(&world), "a refused click changes nothing");
                fresh = Some(next);
                drop(guard);
                continue;
            }
            assert_eq!(next.desk.faults, 0, "a panic inside");
            check(&next);
            let hash = hash(&next);
            let known = seen.contains(&hash) || found.states.iter().any(|(other, _)| *other == hash);
            if !known {
                hang_up_everything(next, hash % 3);
                let at = u8::try_from(at).expect("a state has few steps");
                found.states.push((hash, [path, &[at]].concat()));
            }
            drop(guard);
        }
        found
    }

    fn replay(&self, path: &[u8]) -> World {
        let mut world = self.start.clone();
        for at in path {
            let step = steps(&world).swap_remove(usize::from(*at));
            apply(&mut world, &step);
        }
        world
    }
}

fn hash(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    key(world).hash(&mut hasher);
    hasher.finish()
}

/// Prints the way to a broken state.
struct Way<'a>(&'a Walk, &'a [u8], &'a Step);

impl Drop for Way<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut world = self.0.start.clone();
        eprintln!("the way there:");
        for at in self.1 {
            let step = steps(&world).swap_remove(usize::from(*at));
            eprintln!("  {step:?}");
            apply(&mut world, &step);
        }
        eprintln!("  {:?}", self.2);
    }
}

/// `BATON_WALK_PARTIES`, `BATON_WALK_STATES` and `BATON_WALK_THREADS` ask for another walk.
#[test]
fn every_reachable_conversation_keeps_the_invariants_and_leaves_right_records() {
    let number =
        |name: &str, usual: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let asked = number("BATON_WALK_PARTIES", 0);
    let (states_max, threads) = (number("BATON_WALK_STATES", usize::MAX), number("BATON_WALK_THREADS", 1));
    // Two parties whole, and of six what is nearest; all of six takes long.
    let walks = if asked > 0 { vec![(asked, states_max)] } else { vec![(2, usize::MAX), (6, 8_000)] };
    for (parties, states_max) in walks {
        let walked = Walk::new(parties, states_max, threads).go();
        println!(
            "{} states of up to {parties} parties{}, {} steps, {} of them refused clicks",
            walked.states,
            if walked.complete { ", which is all" } else { "" },
            walked.steps,
            walked.refused
        );
        assert!(walked.states >= 150.min(states_max), "the walk has become too small to show anything");
    }
}

#[test]
fn every_leave_that_can_be_taken_back_keeps_the_invariants() {
    let undo = |directory: &mut crate::directory::Directory| {
        directory.queues.iter_mut().for_each(|queue| queue.undo_seconds = 30);
    };
    let walked = Walk::new(3, 600, 1).with(undo).go();
    println!("{} states of up to 3 parties with an agent aside, {} steps", walked.states, walked.steps);
    assert!(walked.states >= 300, "the walk has become too small to show anything");
}

#[test]
fn every_target_that_is_to_accept_keeps_the_invariants() {
    let ask = |directory: &mut crate::directory::Directory| {
        directory.queues.iter_mut().for_each(|queue| queue.undo_seconds = 30);
        directory.quick_connects.iter_mut().for_each(|entry| entry.press_one = true);
    };
    let walked = Walk::new(3, 600, 1).with(ask).go();
    println!("{} states of up to 3 parties with targets that are to accept, {} steps", walked.states, walked.steps);
    assert!(walked.states >= 300, "the walk has become too small to show anything");
}
