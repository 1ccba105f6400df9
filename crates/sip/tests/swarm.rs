//! A seed chooses clicks, loss, duplicates, delays, rubbish and freezes. Nothing panics, every session hears of its end once,
//! and when all is over nothing is left. A failure prints its seed.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use std::collections::BTreeMap;

use baton_sip::*;
use bytes::Bytes;
use world::*;

/// A small generator of our own, so that a seed means the same for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.roll(items.len() as u64) as usize) }
    }
}

/// What the contact knows of one session.
#[derive(Debug, Default, Clone)]
struct Known {
    ended: bool,
    answered: u32,
    confirmed: u32,
    transfers: Vec<TransferId>,
    /// An offer of the peer's waits, as far as the contact knows.
    offered: bool,
}

struct Swarm {
    pair: Pair,
    dice: Dice,
    known: [BTreeMap<SessionId, Known>; 2],
    heard: Vec<Bytes>,
    /// How often each kind of event came: a swarm that never gets anywhere proves nothing.
    kinds: BTreeMap<String, u32>,
}

impl Swarm {
    fn new(seed: u64) -> Swarm {
        let mut fate = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let pair = Pair::new().lose(move |_, _| match fate.roll(20) {
            0 | 1 => Verdict::Lose,
            2 => Verdict::Twice,
            3 => Verdict::Late(200 * MILLISECOND + fate.roll(900) * MILLISECOND),
            _ => Verdict::Deliver,
        });
        Swarm { pair, dice: Dice(seed | 1), known: Default::default(), heard: Vec::new(), kinds: BTreeMap::new() }
    }

    fn step(&mut self) {
        let side = self.dice.roll(2) as usize;
        let command = self.choose(side);
        let is_end = matches!(command, Command::End { .. } | Command::Refuse { .. });
        let session = session_of(&command);
        let done = self.pair.command(side, command);
        if is_end && done.is_ok() {
            self.known[side].entry(session).or_default().ended = true;
        }
        let pause = [1, 5, 20, 100, 700, 3_000][self.dice.roll(6) as usize];
        self.pair.run(pause * MILLISECOND);
        self.take_events();
        match self.dice.roll(12) {
            0 => self.pair.freeze_and_revive(),
            1 => self.replay(),
            _ => {}
        }
    }

    fn choose(&mut self, side: usize) -> Command {
        let sessions: Vec<SessionId> =
            self.known[side].iter().filter(|(_, known)| !known.ended).map(|(session, _)| *session).collect();
        let Some(session) = self.dice.pick(&sessions).copied().filter(|_| self.dice.roll(6) > 0) else {
            let session = self.pair.nodes[side].allocate_session();
            self.known[side].insert(session, Known::default());
            let offer = (self.dice.roll(3) > 0).then_some(OFFER);
            return Command::Invite { session, invite: Box::new(invite_to(1 - side, offer)) };
        };
        let transfers = self.known[side][&session].transfers.clone();
        if self.known[side][&session].offered && self.dice.roll(2) > 0 {
            self.known[side].entry(session).or_default().offered = false;
            return Command::AcceptOffer { session, sdp: sdp(ANSWER) };
        }
        let transfer = self.dice.pick(&transfers).copied().unwrap_or(TransferId(0));
        match self.dice.roll(18) {
            0 | 1 => Command::Ring { session, status: 180, sdp: None },
            2..=4 => Command::Answer { session, sdp: sdp(ANSWER), identity: None },
            5 => Command::Refuse { session, status: 486, reason: String::new(), retry_after_s: None },
            6 | 7 => Command::Offer { session, sdp: sdp(OFFER), identity: None },
            8 | 9 => Command::AcceptOffer { session, sdp: sdp(ANSWER) },
            10 => Command::RefuseOffer { session, status: 488 },
            11 => Command::Transfer { session, target: "sip:c@example.com".into(), referred_by: None },
            12 => Command::AcceptTransfer { session, transfer },
            13 => Command::RefuseTransfer { session, transfer, status: 603 },
            14 => {
                let status = [100, 180, 183, 200, 486][self.dice.roll(5) as usize];
                Command::ReportTransfer { session, transfer, status, reason: String::new() }
            }
            15 => Command::SendDigit { session, digit: '5', duration_ms: 100 },
            16 => Command::Identify { session, identity: party("sip:who@example.com"), by_offer: true },
            _ => Command::End { session, status: 480, reason: None },
        }
    }

    fn take_events(&mut self) {
        for side in 0..2 {
            while let Some(event) = self.pair.event(side) {
                self.take_event(side, event);
            }
        }
    }

    fn take_event(&mut self, side: usize, event: Event) {
        let kind = format!("{event:?}").split(' ').next().unwrap_or("").to_owned();
        *self.kinds.entry(kind).or_default() += 1;
        let (session, is_end) = match &event {
            Event::Incoming { session, .. } => {
                assert!(!self.known[side].contains_key(session), "a fresh session: {event:?}");
                (*session, false)
            }
            Event::Refused { session, .. } | Event::Ended { session, .. } => (*session, true),
            Event::Answered { session, .. }
            | Event::Ringing { session, .. }
            | Event::Confirmed { session }
            | Event::Offered { session, .. }
            | Event::OfferAnswered { session, .. }
            | Event::OfferRefused { session, .. }
            | Event::TransferAsked { session, .. }
            | Event::TransferProgress { session, .. }
            | Event::Digit { session, .. } => (*session, false),
            Event::BindingsChanged { .. }
            | Event::Banned(_)
            | Event::ErrandDone { .. }
            | Event::SubscriptionAsked { .. }
            | Event::Unsubscribed { .. } => return,
        };
        let known = self.known[side].entry(session).or_default();
        assert!(!known.ended, "no event follows the end: {event:?}");
        known.ended |= is_end;
        match event {
            Event::TransferAsked { transfer, .. } => known.transfers.push(transfer),
            Event::Offered { .. } => known.offered = true,
            Event::Answered { .. } => known.answered += 1,
            Event::Confirmed { .. } => known.confirmed += 1,
            _ => {}
        }
        assert!(known.answered <= 1 && known.confirmed <= 1);
    }

    /// An old message comes again, sometimes damaged.
    fn replay(&mut self) {
        let texts = &self.pair.texts;
        let recent: Vec<Bytes> =
            texts.iter().rev().take(40).map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
        self.heard = recent;
        let Some(bytes) = self.dice.pick(&self.heard).cloned() else { return };
        let mut bytes = bytes.to_vec();
        for _ in 0..self.dice.roll(4) {
            let place = self.dice.roll(bytes.len() as u64) as usize;
            match self.dice.roll(3) {
                0 => bytes[place] = self.dice.roll(256) as u8,
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, b"\r\n;,:<>\"@ 09az%-"[self.dice.roll(16) as usize]),
            }
        }
        let side = self.dice.roll(2) as usize;
        self.pair.inject(side, Bytes::from(bytes));
        self.take_events();
    }

    fn finish(&mut self) {
        self.pair.fate = Box::new(|_, _| Verdict::Deliver);
        for side in 0..2 {
            let alive: Vec<SessionId> =
                self.known[side].iter().filter(|(_, known)| !known.ended).map(|(session, _)| *session).collect();
            for session in alive {
                if self.pair.command(side, Command::End { session, status: 480, reason: None }).is_ok() {
                    self.known[side].entry(session).or_default().ended = true;
                }
                self.take_events();
            }
        }
        self.pair.run_out();
        self.take_events();
        self.pair.assert_empty();
    }
}

fn session_of(command: &Command) -> SessionId {
    match command {
        Command::End { session, .. } | Command::Refuse { session, .. } => *session,
        _ => SessionId(0),
    }
}

#[test]
fn swarm_of_clicks_and_losses_ends_with_nothing_left() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let first = number("BATON_SEED", 1);
    let mut kinds = BTreeMap::<String, u32>::new();
    for seed in first..first + number("BATON_SEEDS", 60) {
        let done = std::panic::catch_unwind(|| {
            let mut swarm = Swarm::new(seed);
            for _ in 0..120 {
                swarm.step();
            }
            swarm.finish();
            swarm.kinds
        });
        let Ok(seen) = done else { panic!("seed {seed}") };
        for (kind, count) in seen {
            *kinds.entry(kind).or_default() += count;
        }
    }
    for kind in [
        "Answered",
        "Confirmed",
        "Offered",
        "OfferAnswered",
        "OfferRefused",
        "TransferAsked",
        "TransferProgress",
        "Ended",
        "Refused",
        "Digit",
    ] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 3), "the swarm hardly gets to {kind}: {kinds:?}");
    }
}

#[test]
fn damaged_messages_never_panic() {
    let mut dice = Dice(4711);
    let mut desk = Desk::new();
    let phone = Phone::answered();
    let seeds: Vec<Vec<u8>> = [
        Phone::invite("Session-Expires: 120\nSupported: timer\nReplaces: a;to-tag=b;from-tag=c\n"),
        phone.request("REFER", 2, "z9hG4bKr", "Refer-To: <sip:c@d?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\n"),
        phone.request("BYE", 2, "z9hG4bKb", "Reason: Q.850;cause=16\n"),
        phone.request("ACK", 1, "z9hG4bKa", ""),
        phone.request("NOTIFY", 2, "z9hG4bKn", "Event: refer\nSubscription-State: active\n"),
        phone.ok.replace("\r\n", "\n"),
    ]
    .iter()
    .map(|text| message(text).to_vec())
    .collect();
    for _ in 0..20_000 {
        let mut bytes = dice.pick(&seeds).unwrap().clone();
        for _ in 0..=dice.roll(6) {
            let place = dice.roll(bytes.len() as u64) as usize;
            match dice.roll(4) {
                0 => bytes[place] = dice.roll(256) as u8,
                1 => bytes.truncate(place.max(1)),
                2 => bytes.insert(place, b"\r\n;,:<>\"@ 09az%-"[dice.roll(16) as usize]),
                _ => drop(bytes.remove(place)),
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        let input = Input::Datagram { listener: ListenerId(0), source: desk.source, bytes: bytes.into() };
        desk.handle(input);
        desk.titles();
        desk.flows.clear();
        while let Some(event) = desk.event() {
            if let Event::Incoming { session, .. } = event {
                desk.command(Command::End { session, status: 486, reason: None }).unwrap();
            }
        }
        desk.now_us += 10 * MILLISECOND;
        desk.run(0);
    }
    desk.run(200 * SECOND);
    assert_eq!((desk.endpoint.sessions_len(), desk.endpoint.transactions_len()), (0, 0));
}
