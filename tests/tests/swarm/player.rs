//! One seed's people: who they are, what they do next, and which of their phones break the rules.

use baton_contact::command::{AddMode, Command, Control, Target};
use baton_contact::directory::{Number, QuickConnect, QuickConnectType};
use baton_tests::world::{Behaviour, LineState, Vice, World, office};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const AGENTS: [&str; 3] = ["anna", "bert", "carla"];
/// Steps of one seed.
const STEPS: u64 = 40;
/// Messages at which some phones hang up.
const TITLES: [&str; 13] = [
    "INVITE",
    "CANCEL",
    "ACK",
    "re-INVITE",
    "UPDATE",
    "100 INVITE",
    "180 INVITE",
    "200 INVITE",
    "202 REFER",
    "NOTIFY 100",
    "NOTIFY 180",
    "NOTIFY 200",
    "NOTIFY 486",
];

pub(crate) struct Player {
    pub(crate) world: World,
    dice: ChaCha12Rng,
    callers: u32,
    /// What people did.
    pub(crate) told: Vec<String>,
    /// How many ears were listened at.
    pub(crate) ears: usize,
}

fn pick<T: Copy>(dice: &mut ChaCha12Rng, from: &[T]) -> T {
    from[dice.next_u32() as usize % from.len()]
}

impl Player {
    /// A world and its people, as the seed wants them; `sound` puts the media shard into the loop.
    pub(crate) fn new(seed: u64, sound: bool) -> Player {
        let mut dice = ChaCha12Rng::seed_from_u64(seed);
        let mut world = World::with(&AGENTS, seed, |_, directory| {
            directory.users.iter_mut().for_each(|user| user.acw_timeout_seconds = 5);
            let (name, kind) = ("Room".into(), QuickConnectType::PhoneNumber);
            let room = QuickConnect { name, kind, phone_number: Some("800".into()), ..QuickConnect::default() };
            directory.quick_connects.push(room);
            let (number, conference_factory) = ("810".into(), Some("room".into()));
            directory.numbers.push(Number { number, conference_factory, ..Number::default() });
        });
        if sound {
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
        let mut player = Player { world, dice, callers: 0, told: Vec::new(), ears: 0 };
        player.choose_vices(sound);
        player
    }

    /// One phone in four breaks the rules.
    fn choose_vices(&mut self, sound: bool) {
        for who in ["anna", "bert", "carla", "pbx"] {
            if !self.dice.next_u32().is_multiple_of(4) {
                continue;
            }
            let vice = match self.dice.next_u32() % 5 {
                0 | 1 => Vice::HangsUpAt(pick(&mut self.dice, &TITLES).into()),
                2 | 3 => {
                    let method = pick(&mut self.dice, &["INVITE", "UPDATE", "NOTIFY", "INFO", "BYE", "CANCEL"]);
                    Vice::Refuses(method.into(), pick(&mut self.dice, &[405, 481, 488, 491, 500, 503, 603]))
                }
                // Two calls of one port would be heard there, and neither by itself.
                _ if sound => Vice::Refuses("INVITE".into(), 488),
                _ => Vice::StaleSdp,
            };
            self.tell(format!("{who} has the vice {vice:?}"));
            self.world.misbehave(who, vice);
        }
    }

    /// Plays to the end; panics where an invariant is broken.
    pub(crate) fn play(&mut self) {
        for _ in 0..STEPS {
            self.step();
            let ms = pick(&mut self.dice, &[0, 3, 10, 60, 300, 1_500, 5_000]);
            self.world.run_ms(ms);
            assert_eq!(self.world.core.gauges().faults, 0, "a panic inside\n{}", self.world.ladder);
            if ms >= 300 {
                self.ears += self.world.listen();
            }
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
        let quick = pick(&mut self.dice, &["Bert", "Carla", "Sales", "Bank", "Room"]);
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
        match self.dice.next_u32() % 25 {
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
            23 => Control::Undo,
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
            (4, _) => {
                let to = pick(&mut self.dice, &["102", "102", "800", "102;method=BYE"]);
                let (user, method) = to.split_once(';').unwrap_or((to, ""));
                let method = if method.is_empty() { String::new() } else { format!(";{method}") };
                self.world.refer_now(&who, &format!("sip:{user}@192.0.2.1{method}"));
            }
            (5, _) => self.attend(&who),
            (6, _) => self.second_line(&who),
            (7 | 8, _) => {
                let keys = pick(&mut self.dice, &["*", "1", "2", "3", "4", "#", "*6", "*9", "*7102#", "*8800#", "*8"]);
                let line = &self.world.lines[&id];
                let (device, session) = (line.device, line.session);
                keys.chars().for_each(|key| self.world.send_digit(device, session, key));
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
        let number = pick(&mut self.dice, &[office::BANK, office::PLUMBER, "102", "200", "800", "810"]);
        self.tell(format!("{agent} dials {number} on another line"));
        self.world.dial_now(agent, number);
    }
}
