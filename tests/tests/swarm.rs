//! The swarm: a seed chooses who calls, clicks, holds, transfers and hangs up, what the network loses, repeats and
//! reorders, and when the core is thrown away and revived. Every invariant holds after every step; then the network heals,
//! everybody hangs up, and everything must end. `BATON_SWARM_SEEDS=from..to` (or a count) plays other seeds.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use baton_contact::command::{AddMode, Command, Control, Target};
use baton_tests::world::{Behaviour, LineState, World, office};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const AGENTS: [&str; 3] = ["anna", "bert", "carla"];
/// Conversations of the normal run.
const SEEDS: u64 = 400;
/// Steps of one seed.
const STEPS: u64 = 40;

struct Player {
    world: World,
    dice: ChaCha12Rng,
    callers: u32,
    told: Vec<String>,
}

fn pick<T: Copy>(dice: &mut ChaCha12Rng, from: &[T]) -> T {
    from[dice.next_u32() as usize % from.len()]
}

impl Player {
    fn new(seed: u64) -> Player {
        let mut dice = ChaCha12Rng::seed_from_u64(seed);
        let mut world = World::with(&AGENTS, seed, |_, directory| {
            directory.users.iter_mut().for_each(|user| user.acw_timeout_seconds = 5);
        });
        if seed % 20 == 7 {
            world.add_sound();
        }
        let talking = dice.next_u32() % 4 > 0;
        if talking {
            world.talking();
        }
        world.network.lost_per_mille = pick(&mut dice, &[0, 0, 50, 100, 200]);
        world.network.repeated_per_mille = pick(&mut dice, &[0, 0, 50, 200]);
        world.network.latency_us = pick(&mut dice, &[(5_000, 5_000), (1_000, 40_000), (1_000, 700_000)]);
        for who in ["anna", "bert", "carla", "bank", "plumber"] {
            let behaviour = match dice.next_u32() % 10 {
                0..5 => Behaviour::Answers(u64::from(dice.next_u32() % 3_000)),
                5 => Behaviour::Rings,
                6 => Behaviour::Silent,
                7 => Behaviour::Refuses(pick(&mut dice, &[486, 480, 603]), u64::from(dice.next_u32() % 3_000)),
                8 => Behaviour::Busy(pick(&mut dice, &[486, 404, 500, 302])),
                _ => Behaviour::EarlyMedia,
            };
            world.behave(who, behaviour);
        }
        Player { world, dice, callers: 0, told: Vec::new() }
    }

    fn play(&mut self) {
        for _ in 0..STEPS {
            self.step();
            let ms = pick(&mut self.dice, &[0, 3, 10, 60, 300, 1_500, 5_000]);
            self.world.run_ms(ms);
        }
        self.world.end_of_day();
    }

    fn step(&mut self) {
        match self.dice.next_u32() % 40 {
            0..3 => self.call(),
            3..18 => self.click(),
            18..35 => self.phone(),
            35 | 36 => self.world.clear_all(),
            37 => self.accident(),
            _ => self.world.freeze_and_revive(),
        }
    }

    /// A phone loses its power or its registration, or an agent goes to lunch and comes back.
    fn accident(&mut self) {
        let agent = pick(&mut self.dice, &AGENTS);
        let what = self.dice.next_u32() % 4;
        self.tell(format!("{agent} has the accident {what}"));
        match what {
            0 => self.world.unplug(agent),
            1 => self.world.plug_in(agent),
            2 => self.world.set_status(agent, "Lunch"),
            _ => self.world.set_status(agent, "Available"),
        }
    }

    fn tell(&mut self, what: String) {
        let ms = (self.world.now_us - baton_tests::world::TEN_OCLOCK_US) / 1_000;
        self.told.push(format!("{:>10.3} s  {what}", ms as f64 / 1e3));
    }

    fn call(&mut self) {
        if self.callers >= 3 {
            return;
        }
        if self.dice.next_u32().is_multiple_of(4) {
            let agent = pick(&mut self.dice, &AGENTS);
            let number = pick(&mut self.dice, &[office::BANK, "101", "102", "200", "555"]);
            self.tell(format!("{agent} dials {number}"));
            let target = Target::PhoneNumber(number.into());
            drop(self.world.command(Command::Dial { agent: agent.into(), target }));
            return;
        }
        self.callers += 1;
        let who = format!("C{}", self.callers);
        let number =
            pick(&mut self.dice, &[office::SUPPORT, office::SUPPORT, "101", "103", "800", office::PLUMBER, "555"]);
        self.tell(format!("{who} calls {number}"));
        self.world.call_in_now(&who, number);
    }

    fn click(&mut self) {
        let agent = pick(&mut self.dice, &AGENTS);
        if self.world.try_contact_of(agent).is_none() {
            return;
        }
        let control = self.control(agent);
        self.tell(format!("{agent} clicks {control:?}"));
        drop(self.world.try_click(agent, control));
    }

    fn control(&mut self, agent: &str) -> Control {
        let mode = pick(&mut self.dice, &[AddMode::Consult, AddMode::Consult, AddMode::Blind]);
        let quick = pick(&mut self.dice, &["Bert", "Carla", "Sales", "Bank"]);
        let contact = self.world.contact_of(agent);
        let snapshot = self.world.agents[agent].contacts.iter().find(|each| each.contact_id == contact).cloned();
        let parties: Vec<_> =
            snapshot.map(|s| s.connections.iter().map(|each| each.connection_id).collect()).unwrap_or_default();
        let party = if parties.is_empty() { baton_contact::ConnectionId(0) } else { pick(&mut self.dice, &parties) };
        let offered = self.world.agents[agent].contacts.iter().find(|each| each.contact_id == contact);
        let offered: Vec<String> = offered.map(|each| each.controls.clone()).unwrap_or_default();
        let sensible = ["hold", "resume", "swap", "join", "holdAll", "leave"];
        let sensible: Vec<&str> = sensible.into_iter().filter(|each| offered.iter().any(|name| name == each)).collect();
        if !sensible.is_empty() && self.dice.next_u32().is_multiple_of(2) {
            return match pick(&mut self.dice, &sensible) {
                "hold" => Control::Hold,
                "resume" => Control::Resume,
                "swap" => Control::Swap,
                "join" => Control::Join,
                "holdAll" => Control::HoldAll,
                _ => Control::Leave,
            };
        }
        match self.dice.next_u32() % 24 {
            0..6 => Control::Add { target: Target::QuickConnect(quick.into()), mode },
            6 => Control::Hold,
            7 => Control::Resume,
            8 => Control::Swap,
            9 | 10 => Control::Join,
            11 => Control::HoldAll,
            12 => Control::Leave,
            13 => Control::End,
            14 => Control::HoldConnection(party),
            15 => Control::ResumeConnection(party),
            16 => Control::Mute(party),
            17 => Control::Unmute(party),
            18 => Control::Drop(party),
            19 => Control::SendDigits { connection: party, digits: "12#".into() },
            20 => Control::Accept,
            21 => Control::SwapTo(party),
            22 => Control::JoinConnection(party),
            _ => Control::Reject,
        }
    }

    fn phone(&mut self) {
        let live: Vec<u64> = self.world.lines.iter().filter(|(_, line)| !line.is_over()).map(|(id, _)| *id).collect();
        if live.is_empty() {
            return;
        }
        let id = pick(&mut self.dice, &live);
        let (who, state) = (self.world.lines[&id].who.clone(), self.world.lines[&id].state);
        let what = self.dice.next_u32() % 12;
        self.tell(format!("{who} ({state:?}) does {what}"));
        match (what, state) {
            (0..4, LineState::Ringing) => self.world.answer_now(id),
            (_, LineState::Ringing | LineState::Calling) if what == 11 => self.world.hang_up_now(&who),
            (_, LineState::Ringing | LineState::Calling) => {}
            (0, _) => self.world.offer(&who, |text| text.replace("a=sendrecv", "a=sendonly")),
            (1, _) => self.world.offer(&who, |text| text.replace("a=sendrecv", "a=inactive")),
            (2, _) => self.world.offer(&who, |text| text),
            (3, _) => drop(self.world.refer_now(&who, &format!("sip:{}@192.0.2.1", office::BANK))),
            (4, _) => drop(self.world.refer_now(&who, "sip:102@192.0.2.1")),
            (5, _) => self.attend(&who),
            (6, _) => self.second_line(&who),
            (7 | 8, _) => {
                let key = pick(&mut self.dice, &['*', '1', '2', '3', '4']);
                let line = &self.world.lines[&id];
                let (device, session) = (line.device, line.session);
                self.world.send_digit(device, session, key);
            }
            (9, _) => self.world.hang_up_now(&who),
            _ => {}
        }
    }

    /// A REFER to another line, its own or somebody else's.
    fn attend(&mut self, who: &str) {
        let known = |id: &&u64| {
            let line = &self.world.lines[*id];
            line.who != who && line.state == LineState::Up && self.world.ladder.dialogs.contains_key(&line.call_id)
        };
        let ids: Vec<u64> = self.world.lines.keys().filter(known).copied().collect();
        if ids.is_empty() {
            return;
        }
        let other = self.world.lines[&pick(&mut self.dice, &ids)].who.clone();
        let turned = self.dice.next_u32().is_multiple_of(2);
        let target = self.world.replacing(&other, turned);
        self.tell(format!("{who} refers to the line {other}"));
        self.world.refer_now(who, &target);
    }

    fn second_line(&mut self, who: &str) {
        let Some(agent) = AGENTS.into_iter().find(|agent| *agent == who) else { return };
        let number = pick(&mut self.dice, &[office::BANK, office::PLUMBER, "102", "200"]);
        self.tell(format!("{agent} dials {number} on another line"));
        self.world.dial_now(agent, number);
    }
}

fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("BATON_SWARM_SEEDS").unwrap_or_default();
    match text.split_once("..") {
        Some((from, to)) => from.parse().expect("a seed")..to.parse().expect("a seed"),
        None => 0..text.parse().unwrap_or(SEEDS),
    }
}

/// CPU time of this process, so that a busy machine changes nothing.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn everything_ends_whatever_people_and_the_network_do() {
    let (begin, budget) = (cpu(), Duration::from_secs(40));
    let bounded = std::env::var_os("BATON_SWARM_SEEDS").is_none();
    let (mut played, mut contacts, mut failed) = (0, 0, Vec::new());
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for seed in seeds() {
        if bounded && cpu() - begin > budget {
            break;
        }
        let mut player = Player::new(seed);
        let done = catch_unwind(AssertUnwindSafe(|| player.play()));
        played += 1;
        contacts += player.world.contacts().len();
        player.world.all_kinds().into_iter().for_each(|kind| *kinds.entry(kind).or_default() += 1);
        if done.is_err() {
            println!("seed {seed}: {} steps\n{}\n", player.told.len(), player.told.join("\n"));
            failed.push(seed);
            if failed.len() >= 5 {
                break;
            }
        }
    }
    let seconds = (cpu() - begin).as_secs_f64();
    println!("{played} seeds, {contacts} contacts, {:.0} contacts/s of CPU time", contacts as f64 / seconds);
    println!("{kinds:?}");
    assert!(failed.is_empty(), "failed seeds: {failed:?}");
    assert!(played >= 20, "the budget of CPU time was enough for {played} seeds only");
}
