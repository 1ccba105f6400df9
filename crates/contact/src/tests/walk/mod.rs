//! The exhaustive walk: every reachable conversation of a queue call under every control, every answer, failure and
//! hang-up, each state checked for every invariant; and from every state everything can be hung up, ends cleanly, and
//! leaves right records; and every state can be frozen and revived. The build walks a part, `make walk` more of it.
//!
//! What is reduced, and why nothing is missed by it:
//! - States are equal when their parties are, in any order and without their numbers and times ([`key`]): nothing that
//!   decides looks at a number's value or, short of the timers that are steps here, at a time.
//! - anna and bert can do the same, and states in which they have changed places are equal.
//! - Of parties that are equal in that sense only one takes each step: the others would reach the same state.
//! - After-contact work is cleared at once: it is no part of who talks.
//! - Only the customer is muted: muting decides whom others hear, for each party alike, and nothing else.
//! - A trunk refuses with 486 only, a phone dies only with an agent: other refusals and deaths go the same way, by
//!   tables of their own (`outcome.rs`).
//!
//! What is cut, because it would be far too many states: see [`Reach`] and [`WALKS`].

mod invariants;
mod key;
mod steps;

use std::collections::HashSet;
use std::sync::Arc;

use self::invariants::{check, freezes, freezes_whole, hang_up_everything};
use self::key::key;
use self::steps::{ROOM, Reach, SUPERVISOR, Step, apply, steps};
use super::world::World;
use crate::directory::{Phone, QuickConnect, SecurityProfile, Supervision, User};

/// How a state is reached: each step by its place among those of the state before.
type Path = Vec<u8>;

/// A state whose steps are to be taken: by the state before it while there is room for that, else by the whole way to it.
struct Place {
    path: Path,
    key: u64,
    /// One for all states that are one step away from it.
    before: Option<Arc<World>>,
}

/// Most states that are kept as they are.
const KEPT_MAX: usize = 32_768;

/// How many states are worked on between two looks at what is new.
const CHUNK: usize = 4_096;

/// What one state led to.
#[derive(Default)]
struct Found {
    steps: usize,
    refused: usize,
    states: Vec<Place>,
}

/// A walk: where it begins, and how far it goes.
struct Walk {
    start: World,
    reach: Reach,
    states_max: usize,
    threads: usize,
}

/// How much was walked.
struct Walked {
    states: usize,
    steps: usize,
    refused: usize,
    /// Most steps to a state.
    depth: usize,
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
        Walk { start, reach: Reach::ALL, states_max, threads }.with(|_| ())
    }

    fn within(mut self, reach: Reach) -> Walk {
        self.reach = reach;
        self
    }

    /// With another directory.
    fn with(mut self, change: impl FnOnce(&mut crate::directory::Directory)) -> Walk {
        let mut directory = super::world::directory();
        // anna is brought in as bert is: neither can do what the other cannot.
        let bert = directory.quick_connects.iter().find(|entry| entry.name == "Bert").cloned().expect("bert's entry");
        directory.quick_connects.push(QuickConnect { name: "Anna".into(), user: Some("anna".into()), ..bert });
        change(&mut directory);
        self.start.desk.set_directory(directory);
        self
    }

    /// With somebody who may listen, whisper, barge in and take over.
    fn supervised(self) -> Walk {
        let mut walk = self.with(|directory| {
            let (profile, name) = ("supervisors".to_string(), SUPERVISOR.to_string());
            use Supervision::{Barge, SilentMonitor, TakeOver, Whisper};
            let supervise = vec![SilentMonitor, Whisper, Barge, TakeOver];
            directory.security_profiles.push(SecurityProfile {
                name: profile.clone(),
                supervise,
                ..Default::default()
            });
            directory.users.push(User {
                phones: vec![Phone { username: format!("{name}-desk"), ..Phone::default() }],
                security_profile: Some(profile),
                name: name.clone(),
                username: name,
                ..User::default()
            });
        });
        walk.start.register(SUPERVISOR);
        walk
    }

    /// Walks all states, those that are fewest steps away first.
    fn go(&self) -> Walked {
        #[expect(clippy::disallowed_methods, reason = "how long a walk takes is told, and decides nothing")]
        let begun = std::time::Instant::now();
        let key = key(&self.start);
        freezes_whole(&self.start);
        let mut seen = HashSet::from([key]);
        let mut walked = Walked { states: 1, steps: 0, refused: 0, depth: 0, complete: true };
        let mut level = vec![Place { path: Path::new(), key, before: None }];
        while !level.is_empty() {
            let mut next: Vec<Place> = Vec::new();
            let mut kept = 0;
            for chunk in level.chunks(CHUNK) {
                if seen.len() >= self.states_max {
                    walked.complete = false;
                    break;
                }
                for found in self.expand_all(chunk, &seen) {
                    walked.steps += found.steps;
                    walked.refused += found.refused;
                    let before = next.len();
                    next.extend(found.states.into_iter().filter(|place| seen.insert(place.key)));
                    kept += usize::from(next.len() > before);
                    if kept > KEPT_MAX {
                        next[before..].iter_mut().for_each(|place| place.before = None);
                    }
                }
            }
            walked.depth += usize::from(!next.is_empty());
            if number("BATON_WALK").is_some() {
                // A long walk says how far it is: once a level has fewer new states than the one before, the end is near.
                let (new, all, depth) = (next.len(), seen.len(), walked.depth);
                eprintln!("  {depth:>2} steps away: {new:>6} new states, {all} in all, after {:.0?}", begun.elapsed());
            }
            level = next;
        }
        walked.states = seen.len();
        walked
    }

    fn expand_all(&self, level: &[Place], seen: &HashSet<u64>) -> Vec<Found> {
        let share = level.len().div_ceil(self.threads);
        std::thread::scope(|scope| {
            let work = |places: &[Place]| places.iter().map(|place| self.expand(place, seen)).collect::<Vec<_>>();
            let workers: Vec<_> = level.chunks(share).map(|places| scope.spawn(move || work(places))).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("a broken invariant, see above")).collect()
        })
    }

    /// Takes every step from one state.
    fn expand(&self, place: &Place, seen: &HashSet<u64>) -> Found {
        let path = &place.path;
        let world = Arc::new(self.come_to(place));
        let own = key(&world);
        assert_eq!(own, place.key, "the same way leads to the same state");
        let mut found = Found::default();
        let mut fresh = None;
        for (at, step) in steps(&world, self.reach).iter().enumerate() {
            let guard = Way(self, path, step);
            let mut next = fresh.take().unwrap_or_else(|| World::clone(&world));
            found.steps += 1;
            if !apply(&mut next, step) {
                found.refused += 1;
                if step.gives_up_a_number(&world) {
                    check(&next);
                    drop(guard);
                    continue;
                }
                assert_eq!(key(&next), own, "a refused click changes nothing");
                fresh = Some(next);
                drop(guard);
                continue;
            }
            assert_eq!(next.desk.faults, 0, "a panic inside");
            check(&next);
            let key = key(&next);
            let known = seen.contains(&key) || found.states.iter().any(|other| other.key == key);
            if !known {
                freezes(&mut next);
                hang_up_everything(next, key % 3);
                let at = u8::try_from(at).expect("a state has few steps");
                let path = [path.as_slice(), &[at]].concat();
                found.states.push(Place { path, key, before: Some(Arc::clone(&world)) });
            }
            drop(guard);
        }
        found
    }

    fn come_to(&self, place: &Place) -> World {
        match (&place.before, place.path.split_last()) {
            (Some(before), Some((last, _))) => self.replay((**before).clone(), &[*last]),
            _ => self.replay(self.start.clone(), &place.path),
        }
    }

    fn replay(&self, mut world: World, path: &[u8]) -> World {
        for at in path {
            let step = steps(&world, self.reach).swap_remove(usize::from(*at));
            apply(&mut world, &step);
        }
        world
    }
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
            let step = steps(&world, self.0.reach).swap_remove(usize::from(*at));
            eprintln!("  {step:?}");
            apply(&mut world, &step);
        }
        eprintln!("  {:?}", self.2);
    }
}

impl Walked {
    /// What is wrong with the number of states.
    fn surprise(&self, states: States) -> Option<String> {
        match states {
            States::All(all) => (self.states != all).then(|| format!("{} states, not {all}", self.states)),
            States::Nearest(most) => (self.states < most).then(|| format!("no more than {} states", self.states)),
            States::Unknown => None,
        }
    }

    fn tell(&self, what: &str) {
        let Walked { states, steps, refused, depth, complete } = self;
        let all = if *complete { format!(", which is all, at most {depth} steps away") } else { ", of more".into() };
        println!("{what}: {states} states{all}; {steps} steps, {refused} of them refused clicks");
    }
}

/// How many states of a row are walked.
#[derive(Debug, Clone, Copy)]
enum States {
    /// All that there are, which are so many: whoever changes what can be reached, or what makes states differ, says so here.
    All(usize),
    /// At least so many, which are fewest steps away.
    Nearest(usize),
    /// All that there are, however many.
    Unknown,
}

impl States {
    fn max(self) -> usize {
        match self {
            States::All(_) | States::Unknown => usize::MAX,
            States::Nearest(most) => most,
        }
    }
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What is walked: at most so many parties, of what can happen, and how many states of that.
type Row = (usize, Reach, States);

/// All that two parties can reach.
const ALL_OF_TWO: usize = 71;

const WITHOUT_PHONES: Reach = Reach { phones: false, ..Reach::ALL };

const OUTSIDE: Reach = Reach { phones: false, colleagues: false, ..Reach::ALL };

const WITH_GUESTS: Reach = Reach { guests: true, ..Reach::ALL };

/// What `make walk` walks: everything of three parties; of more of them the less the more they are. Each row is all that can be
/// reached with so many parties by what it takes.
const WALKS: [Row; 4] = [
    (2, Reach::ALL, States::All(ALL_OF_TWO)),
    (3, Reach::ALL, States::All(911_779)),
    (4, WITHOUT_PHONES, States::All(139_849)),
    (6, OUTSIDE, States::All(110_749)),
];

/// A bounded part of that for every build: what is nearest.
const NEAREST: [Row; 3] = [
    (2, Reach::ALL, States::All(ALL_OF_TWO)),
    (4, Reach::ALL, States::Nearest(1_500)),
    (6, OUTSIDE, States::Nearest(1_500)),
];

impl Reach {
    /// Everything but what `BATON_WALK_WITHOUT` names.
    fn asked() -> Reach {
        let without = std::env::var("BATON_WALK_WITHOUT").unwrap_or_default();
        let with = |what: &str| !without.split(',').any(|each| each == what);
        let (alerting, phones) = (with("alerting"), with("phones"));
        Reach { alerting, phones, each_party: with("parties"), colleagues: with("colleagues"), ..Reach::ALL }
    }

    /// In words.
    fn tell(self) -> String {
        let cut = [
            (self.alerting, "alerting"),
            (self.phones, "phones' keys and deaths"),
            (self.each_party, "controls of one party"),
            (self.colleagues, "colleagues and queues"),
        ];
        let cut: Vec<&str> = cut.into_iter().filter(|(taken, _)| !taken).map(|(_, what)| what).collect();
        if cut.is_empty() { "everything".into() } else { format!("all but {}", cut.join(" and ")) }
    }
}

/// Walks each row from the start that `prepare` makes of the usual one, and fails when one has other states than it should.
fn walk(rows: &[Row], among: &str, prepare: impl Fn(Walk) -> Walk) {
    let mut surprises = Vec::new();
    for (parties, reach, states) in rows {
        let walked = prepare(Walk::new(*parties, states.max(), number("BATON_WALK").unwrap_or(1)).within(*reach)).go();
        let what = format!("up to {parties} parties{among}, {}", reach.tell());
        walked.tell(&what);
        surprises.extend(walked.surprise(*states).map(|of| format!("{what}: {of}")));
    }
    assert!(surprises.is_empty(), "what can be reached, or what makes states differ, has changed: {surprises:#?}");
}

/// The rows of `make walk`, or those of every build.
fn rows<'a>(whole: &'a [Row], nearest: &'a [Row]) -> &'a [Row] {
    if number("BATON_WALK").is_some() { whole } else { nearest }
}

/// `make walk` sets `BATON_WALK` to the number of threads, and all of [`WALKS`] is walked. `BATON_WALK_PARTIES` and
/// `BATON_WALK_STATES` ask for everything of so many parties, up to so many states; `BATON_WALK_WITHOUT` (`alerting`, `phones`,
/// `parties`, `colleagues`, with commas between) for less of it.
#[test]
fn every_reachable_conversation_keeps_the_invariants_and_leaves_right_records() {
    match number("BATON_WALK_PARTIES") {
        Some(parties) => {
            let states = number("BATON_WALK_STATES").map_or(States::Unknown, States::Nearest);
            walk(&[(parties, Reach::asked(), states)], "", |walk| walk);
        }
        None => walk(rows(&WALKS, &NEAREST), "", |walk| walk),
    }
}

/// With somebody who listens, whispers, barges in, takes over and leaves, at any moment.
#[test]
fn every_supervision_keeps_the_invariants() {
    let whole = [(2, WITHOUT_PHONES, States::All(305)), (3, WITHOUT_PHONES, States::All(110_656))];
    let nearest = [whole[0], (3, WITHOUT_PHONES, States::Nearest(1_000))];
    walk(rows(&whole, &nearest), " and a supervisor", Walk::supervised);
}

#[test]
fn every_leave_that_can_be_taken_back_keeps_the_invariants() {
    let whole = [(3, WITHOUT_PHONES, States::All(4_674))];
    walk(rows(&whole, &[(3, Reach::ALL, States::Nearest(600))]), " with an agent aside", |walk| {
        walk.with(|directory| directory.queues.iter_mut().for_each(|queue| queue.undo_seconds = 30))
    });
}

/// Calls are led into a room, as guests come, go, are muted and removed there, and tie lines break: everything happens in the
/// call and in the room, and both are part of what makes states differ.
#[test]
fn every_call_that_is_led_into_a_room_keeps_the_invariants() {
    let nearest = [(3, WITH_GUESTS, States::Nearest(600))];
    let whole = [(2, WITH_GUESTS, States::All(99_943)), nearest[0]];
    walk(rows(&whole, &nearest), " with a room among them", |walk| {
        walk.with(|directory| {
            let entries = directory.quick_connects.iter_mut();
            entries.filter(|entry| entry.name == "Bank").for_each(|entry| entry.phone_number = Some(ROOM.1.into()));
            directory.conferences.iter_mut().for_each(|room| room.max_parties = 3);
        })
    });
}

#[test]
fn every_feature_code_keeps_the_invariants() {
    let codes = Reach { keys: true, ..Reach::ALL };
    let whole = [(2, codes, States::All(16_323)), (3, codes, States::Nearest(600))];
    walk(rows(&whole, &whole[1..]), " with feature codes", |walk| walk);
}

#[test]
fn every_target_that_is_to_accept_keeps_the_invariants() {
    let whole = [(3, WITHOUT_PHONES, States::All(5_576))];
    walk(rows(&whole, &[(3, Reach::ALL, States::Nearest(600))]), " with targets that are to accept", |walk| {
        walk.with(|directory| {
            directory.queues.iter_mut().for_each(|queue| queue.undo_seconds = 30);
            directory.quick_connects.iter_mut().for_each(|entry| entry.press_one = true);
        })
    });
}
