//! The swarm: a seed chooses who calls, clicks, holds, transfers and hangs up, which phones break the rules, what the network
//! loses, repeats and reorders, and when the core is thrown away and revived. Every invariant holds after every step; then
//! the network heals, everybody hangs up, and everything must end. A broken invariant prints its seed, the steps and the
//! ladder. `make swarm` plays 100,000 conversations; `BATON_SWARM_SEEDS=from..to` plays those seeds, on all cores.

#[path = "swarm/player.rs"]
mod player;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use baton_contact::event::EventKind;
use player::Player;

/// CPU time of one test in an ordinary run.
const BUDGET: Duration = Duration::from_secs(25);
/// After so many broken seeds the rest would tell nothing new.
const BROKEN_MAX: usize = 5;

#[derive(Default)]
struct Tally {
    seeds: u64,
    conversations: usize,
    contacts: usize,
    ears: usize,
    kinds: BTreeMap<String, u32>,
    broken: Vec<u64>,
}

impl Tally {
    /// Whether an ordinary run, on a slow machine for one, has shown anything.
    fn is_enough(&self, run: &Run, least: usize) -> bool {
        run.budget.is_none() || self.conversations >= least
    }

    fn add(&mut self, player: &Player) {
        self.seeds += 1;
        let begun = player.world.events.iter().filter_map(|event| match event.kind {
            EventKind::Initiated { initial_contact_id, .. } => Some(initial_contact_id.is_none()),
            _ => None,
        });
        for is_root in begun {
            self.conversations += usize::from(is_root);
            self.contacts += 1;
        }
        self.ears += player.ears;
        player.world.all_kinds().into_iter().for_each(|kind| *self.kinds.entry(kind).or_default() += 1);
    }
}

/// What one run plays: chosen seeds to their end, else as many as the budget of CPU time allows.
struct Run {
    seeds: Range<u64>,
    conversations_max: usize,
    budget: Option<Duration>,
    threads: usize,
}

impl Run {
    fn wanted() -> Run {
        let variable = |name: &str| std::env::var(name).ok();
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} is no number"));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (all, none) = (0..u64::MAX, usize::MAX);
        match (variable("BATON_SWARM_SEEDS"), variable("BATON_SWARM_CONVERSATIONS")) {
            (Some(seeds), _) => {
                let (from, to) = seeds.split_once("..").unwrap_or(("0", &seeds));
                Run { seeds: number(from)..number(to), conversations_max: none, budget: None, threads }
            }
            (None, Some(count)) => {
                Run { seeds: all, conversations_max: number(&count) as usize, budget: None, threads }
            }
            (None, None) => Run { seeds: all, conversations_max: none, budget: Some(BUDGET), threads: 1 },
        }
    }

    fn play(&self, sound: bool) -> Tally {
        let begin = cpu();
        let (next, tally) = (AtomicU64::new(self.seeds.start), Mutex::new(Tally::default()));
        let goes_on = || {
            let tally = tally.lock().expect("nobody panics with it");
            let in_time = self.budget.is_none_or(|budget| cpu() - begin < budget);
            in_time && tally.conversations < self.conversations_max && tally.broken.len() < BROKEN_MAX
        };
        let work = || {
            while goes_on() {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= self.seeds.end {
                    break;
                }
                play(seed, sound, &tally);
            }
        };
        std::thread::scope(|scope| (0..self.threads).for_each(|_| drop(scope.spawn(work))));
        let tally = tally.into_inner().expect("nobody panics with it");
        let seconds = (cpu() - begin).as_secs_f64();
        println!(
            "{} seeds, {} conversations, {} contacts, {} ears listened at; {:.0} conversations/s of CPU time",
            tally.seeds,
            tally.conversations,
            tally.contacts,
            tally.ears,
            tally.conversations as f64 / seconds
        );
        println!("{:?}", tally.kinds);
        tally
    }
}

fn play(seed: u64, sound: bool, tally: &Mutex<Tally>) {
    let mut player = Player::new(seed, sound);
    let done = catch_unwind(AssertUnwindSafe(|| player.play()));
    let mut tally = tally.lock().expect("nobody panics with it");
    tally.add(&player);
    if done.is_err() {
        let steps = player.told.join("\n");
        println!(
            "seed {seed} broke an invariant, after {} steps\n{steps}\n{}\n",
            player.told.len(),
            player.world.ladder
        );
        tally.broken.push(seed);
    }
}

/// CPU time of this process, so that a busy machine changes nothing.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn everything_ends_whatever_people_phones_and_the_network_do() {
    let run = Run::wanted();
    let tally = run.play(false);
    assert!(tally.broken.is_empty(), "broken seeds: {:?}", tally.broken);
    assert!(tally.is_enough(&run, 20), "{} conversations only", tally.conversations);
}

#[test]
fn every_tone_is_heard_by_exactly_those_that_should() {
    let run = Run::wanted();
    let tally = run.play(true);
    assert!(tally.broken.is_empty(), "broken seeds: {:?}", tally.broken);
    assert!(tally.is_enough(&run, 20) && tally.ears > 0, "{} ears only", tally.ears);
}
