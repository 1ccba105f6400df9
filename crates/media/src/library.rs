//! Music and prompts, encoded in both laws when they are loaded, so that playing is copying.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::command::{Codec, Tone};
use crate::g711;
use crate::limits::FRAME_SAMPLES;
use crate::prompts;
use crate::tone;
use crate::tune::default_tune;

/// Samples faded at both ends of loaded sound (5 ms), so that a loop does not click.
const EDGE: usize = 40;
/// The tracks that are always there.
const TUNE: u16 = 0;
const BEEP: u16 = 1;

/// One piece of sound in both laws.
#[derive(Clone, PartialEq)]
struct Track {
    pcmu: Arc<[u8]>,
    pcma: Arc<[u8]>,
}

/// All sound of a shard; cloning it is cheap.
#[derive(Clone, PartialEq)]
pub struct Library {
    tracks: Vec<Track>,
    names: BTreeMap<String, u16>,
}

impl fmt::Debug for Library {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.names.keys()).finish()
    }
}

impl Default for Library {
    fn default() -> Self {
        Self::new(&BTreeMap::new())
    }
}

impl Library {
    /// From 8 kHz mono sound by name. At most 65,000 pieces; empty ones are left out. `press-one` and `unavailable` are
    /// there without being given.
    pub fn new(sounds: &BTreeMap<String, Arc<[i16]>>) -> Self {
        let mut beep = [0; 10 * FRAME_SAMPLES];
        tone::fill(Tone::Beep, 0, &mut beep);
        let mut library = Self { tracks: vec![Track::new(&default_tune()), Track::new(&beep)], names: BTreeMap::new() };
        for (name, sound) in [("press-one", prompts::press_one()), ("unavailable", prompts::unavailable())] {
            library.names.insert(name.to_owned(), library.tracks.len() as u16);
            library.tracks.push(Track::new(&sound));
        }
        for (name, sound) in sounds.iter().filter(|(_, sound)| !sound.is_empty()).take(65_000) {
            let mut sound = sound.to_vec();
            fade_ends(&mut sound);
            library.names.insert(name.clone(), library.tracks.len() as u16);
            library.tracks.push(Track::new(&sound));
        }
        library
    }

    /// The track of hold music; the default tune when the name is unknown.
    pub(crate) fn music(&self, name: &str) -> u16 {
        self.names.get(name).copied().unwrap_or(TUNE)
    }

    /// The track of a prompt; a beep when the name is unknown.
    pub(crate) fn prompt(&self, name: &str) -> u16 {
        self.names.get(name).copied().unwrap_or(BEEP)
    }

    /// Length of a track in samples, at least 1.
    pub(crate) fn samples(&self, track: u16) -> u32 {
        self.track(track).map_or(1, |track| track.pcmu.len() as u32).max(1)
    }

    /// Copies codes from `position` on; what lies beyond the end is silence.
    pub(crate) fn copy(&self, track: u16, codec: Codec, position: u32, into: &mut [u8]) {
        let sound = self.track(track).map(|track| track.codes(codec)).unwrap_or_default();
        let rest = sound.get(position as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        into[count..].fill(g711::silence(codec));
    }

    /// Copies codes from a loop without end.
    pub(crate) fn copy_loop(&self, track: u16, codec: Codec, position: u32, into: &mut [u8]) {
        let samples = self.samples(track);
        let start = position % samples;
        let first = ((samples - start) as usize).min(into.len());
        let (head, tail) = into.split_at_mut(first);
        self.copy(track, codec, start, head);
        if !tail.is_empty() {
            self.copy(track, codec, 0, tail);
        }
    }

    fn track(&self, track: u16) -> Option<&Track> {
        self.tracks.get(usize::from(track))
    }
}

impl Track {
    fn new(sound: &[i16]) -> Self {
        let encoded = |codec| sound.iter().map(|sample| g711::encode(codec, *sample)).collect();
        Self { pcmu: encoded(Codec::Pcmu), pcma: encoded(Codec::Pcma) }
    }

    fn codes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
        }
    }
}

fn fade_ends(sound: &mut [i16]) {
    let edge = EDGE.min(sound.len() / 2);
    let last = sound.len().saturating_sub(1);
    for at in 0..edge {
        for place in [at, last - at] {
            sound[place] = (i32::from(sound[place]) * at as i32 / edge as i32) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_have_something_to_play() {
        let sounds = BTreeMap::from([
            ("queue".to_owned(), Arc::from(vec![1_000i16; 500])),
            ("empty".to_owned(), Arc::from(vec![])),
        ]);
        let library = Library::new(&sounds);
        assert_eq!((library.music("nothing"), library.prompt("nothing"), library.prompt("empty")), (TUNE, BEEP, BEEP));
        assert_eq!(library.samples(library.music("queue")), 500);
        for prompt in ["press-one", "unavailable"] {
            assert!(library.samples(library.prompt(prompt)) > 7_000, "{prompt} is always there");
        }
    }

    #[test]
    fn a_loop_goes_on_across_its_end() {
        let sound: Arc<[i16]> = (0..500).map(|at| at * 10).collect();
        let library = Library::new(&BTreeMap::from([("a".to_owned(), sound)]));
        let track = library.music("a");
        let mut codes = [0; 160];
        library.copy_loop(track, Codec::Pcma, 400 + 5_000, &mut codes);
        let mut head = [0; 100];
        library.copy(track, Codec::Pcma, 400, &mut head);
        let mut tail = [0; 60];
        library.copy(track, Codec::Pcma, 0, &mut tail);
        assert_eq!((&codes[..100], &codes[100..]), (&head[..], &tail[..]));
        library.copy(track, Codec::Pcma, 9_999, &mut codes);
        assert!(codes.iter().all(|code| *code == g711::silence(Codec::Pcma)));
    }
}
