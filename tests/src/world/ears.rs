//! Listening at every ear at once: exactly those tones that should be heard are heard.

use std::collections::{BTreeMap, BTreeSet};

use baton_media::{Hears, StreamId};

use super::World;
use super::line::{Line, LineState};
use super::sound::HEARD;

/// Nothing may have changed for so long before ears are trusted: jitter buffers have filled, windows hold one state.
const CALM_MS: u64 = 500;
/// How much of what came is listened to.
const WINDOW_US: u64 = 200_000;

/// The lines whose tones a line should hear, and those of which nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    heard: BTreeSet<u64>,
    unsure: BTreeSet<u64>,
    /// More than one is heard.
    mixed: bool,
}

impl World {
    /// Lets half a second pass and, where all was calm meanwhile, compares what comes to each ear with the plan that the
    /// core has published. Gives the number of ears that were listened at.
    pub fn listen(&mut self) -> usize {
        let before = self.expected_tones();
        let from_us = self.now_us;
        self.run_ms(CALM_MS);
        if self.studio.is_none() || self.media_changed_us > from_us {
            return 0;
        }
        let after = self.expected_tones();
        let calm: Vec<(u64, Expected)> =
            after.into_iter().filter(|(line, expected)| before.get(line) == Some(expected)).collect();
        let wrong: Vec<String> = calm.iter().filter_map(|(line, expected)| self.wrong_at(*line, expected)).collect();
        assert!(wrong.is_empty(), "{}\nby {:?}\n{}", wrong.join("\n"), self.plans, self.ladder);
        calm.len()
    }

    /// What is wrong at an ear.
    fn wrong_at(&self, ear: u64, expected: &Expected) -> Option<String> {
        let (line, from_us) = (&self.lines[&ear], self.now_us - WINDOW_US);
        // With more lines than tones, some share one: whose of them it is cannot be heard.
        let same = |other: u64, lines: &BTreeSet<u64>| {
            lines.iter().any(|line| *line != other && self.lines[line].voice.hz == self.lines[&other].voice.hz)
        };
        let shared = |other: u64| same(other, &expected.heard) && !expected.heard.contains(&other);
        let speaks = |other: &&u64| {
            let unsure = expected.unsure.contains(other) || same(**other, &expected.unsure) || shared(**other);
            !self.lines[*other].is_over() && !unsure
        };
        let heard: BTreeSet<u64> = (self.lines.keys())
            .filter(speaks)
            .filter(|other| line.voice.loudness(&self.lines[*other].voice, from_us, expected.mixed) > HEARD)
            .copied()
            .collect();
        let names = |ids: &BTreeSet<u64>| ids.iter().map(|id| self.lines[id].who.clone()).collect::<Vec<_>>().join(" ");
        let (stream, packets) = (self.stream_of(line), line.voice.packets_since(from_us));
        (heard != expected.heard).then(|| {
            let (heard, wanted) = (names(&heard), names(&expected.heard));
            format!("{} ({stream:?}) hears [{heard}] and not [{wanted}], in {packets} packets", line.who)
        })
    }

    /// For each line whose phone listens: whose tones the plan gives it.
    fn expected_tones(&self) -> BTreeMap<u64, Expected> {
        let mut by_stream: BTreeMap<StreamId, Vec<u64>> = BTreeMap::new();
        for (id, line) in self.lines.iter().filter(|(_, line)| !line.is_over()) {
            if let Some(stream) = self.stream_of(line) {
                by_stream.entry(stream).or_default().push(*id);
            }
        }
        let plans = self.plans.values().flat_map(|plan| &plan.hears);
        let known = plans.filter_map(|(stream, hears)| match by_stream.get(stream).map(Vec::as_slice) {
            Some([only]) if self.listens(&self.lines[only]) => Some((*only, hears)),
            _ => None,
        });
        known.map(|(line, hears)| (line, self.expected_of(hears, &by_stream))).collect()
    }

    fn expected_of(&self, hears: &Hears, by_stream: &BTreeMap<StreamId, Vec<u64>>) -> Expected {
        let mut expected = Expected { heard: BTreeSet::new(), unsure: BTreeSet::new(), mixed: false };
        let mut voices = BTreeSet::new();
        expected.mixed = self.add_voices(hears, &mut voices) || voices.len() > 1;
        for voice in voices.iter().flat_map(|voice| by_stream.get(voice).into_iter().flatten()) {
            let line = &self.lines[voice];
            let speaks = line.negotiated().is_some_and(|negotiated| negotiated.send) && !line.voice.silent;
            // Who holds may go on sending (P1), and who has two offers on the way does not know what was agreed.
            let is_sure = self.is_well_behaved(line) && !line.holding && line.pending.is_none();
            match (is_sure, speaks) {
                (true, true) => drop(expected.heard.insert(*voice)),
                (true, false) => {}
                (false, _) => drop(expected.unsure.insert(*voice)),
            }
        }
        expected
    }

    /// Whose streams are heard, those beyond tie lines included; whether there are such.
    fn add_voices(&self, hears: &Hears, voices: &mut BTreeSet<StreamId>) -> bool {
        let Hears::Parties(heard) = hears else { return false };
        let mut beyond = false;
        for voice in heard {
            let Some(far) = self.far_end(*voice) else {
                voices.insert(*voice);
                continue;
            };
            beyond = true;
            for hears in self.plans.values().filter_map(|plan| plan.hears.get(&far)) {
                self.add_voices(hears, voices);
            }
        }
        beyond
    }

    fn stream_of(&self, line: &Line) -> Option<StreamId> {
        self.streams.get(&line.negotiated()?.remote.port()).copied()
    }

    fn listens(&self, line: &Line) -> bool {
        let receives = line.negotiated().is_some_and(|negotiated| negotiated.receive);
        line.state == LineState::Up && receives && !line.holding && line.pending.is_none() && self.is_well_behaved(line)
    }

    /// Its phone has power and describes what it does.
    fn is_well_behaved(&self, line: &Line) -> bool {
        let device = &self.devices[line.device];
        !device.dead && !self.vices.contains_key(&device.name)
    }
}
