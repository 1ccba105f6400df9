//! Who hears whom.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::tone::Sound;
use super::wait::now;

/// What a party hears, as it comes in.
pub trait Ear {
    /// Where its recording stands now.
    fn mark(&self) -> Mark;

    /// What has come in since the mark.
    fn since(&self, mark: &Mark) -> Sound;
}

/// A place in a recording: for each of its files how long it was.
#[derive(Debug, Clone, Default)]
pub struct Mark(pub(super) BTreeMap<PathBuf, usize>);

/// One window of listening. Long enough to bridge what a phone buffers before it writes (256 ms).
const WINDOW: Duration = Duration::from_millis(700);

/// Two windows must agree, so that the tail of what was before does not count.
const WINDOWS_THAT_AGREE: usize = 2;

/// Everybody in a test: name, tone and ear.
#[derive(Default)]
pub struct Room<'a> {
    parties: Vec<(String, u32, Option<&'a dyn Ear>)>,
}

impl<'a> Room<'a> {
    /// An empty room.
    pub fn new() -> Room<'a> {
        Room::default()
    }

    /// With this party too.
    #[must_use]
    pub fn with(mut self, name: &str, tone_hz: u32, ear: &'a dyn Ear) -> Room<'a> {
        self.parties.push((name.to_owned(), tone_hz, Some(ear)));
        self
    }

    /// With this party too, who speaks, but whose ear is not asked.
    #[must_use]
    pub fn with_voice(mut self, name: &str, tone_hz: u32) -> Room<'a> {
        self.parties.push((name.to_owned(), tone_hz, None));
        self
    }

    /// Who hears whom in the next window: a line `name: what it hears` for each party. What is heard is names in the
    /// order of the room, then `music` for any other sound (ring-back and prompts too), or `-` for silence.
    pub fn listen(&self) -> Vec<String> {
        let listening: Vec<_> = self
            .parties
            .iter()
            .filter_map(|(name, _, ear)| Some((name, (*ear)?)))
            .map(|(name, ear)| (name, ear, ear.mark()))
            .collect();
        std::thread::sleep(WINDOW);
        listening.iter().map(|(name, ear, mark)| format!("{name}: {}", self.heard(&ear.since(mark)))).collect()
    }

    /// Waits until everybody hears exactly this, at most `seconds`: lines as of [`Room::listen`].
    #[track_caller]
    pub fn expect_within(&self, seconds: f64, expected: &[&str]) {
        let start = now();
        let mut agreed = 0;
        loop {
            let heard = self.listen();
            agreed = if heard == expected { agreed + 1 } else { 0 };
            if agreed == WINDOWS_THAT_AGREE {
                return;
            }
            assert!(
                start.elapsed().as_secs_f64() < seconds,
                "expected\n  {}\nbut heard\n  {}",
                expected.join("\n  "),
                heard.join("\n  ")
            );
        }
    }

    /// Waits until everybody hears exactly this: lines as of [`Room::listen`].
    #[track_caller]
    pub fn expect(&self, expected: &[&str]) {
        self.expect_within(8.0, expected);
    }

    fn heard(&self, sound: &Sound) -> String {
        let tones: Vec<u32> = self.parties.iter().map(|(_, tone, _)| *tone).collect();
        let found = sound.tones(&tones);
        let mut names: Vec<&str> =
            self.parties.iter().filter(|(_, tone, _)| found.contains(tone)).map(|(name, _, _)| name.as_str()).collect();
        if sound.has_other_than(&tones) {
            names.push("music");
        }
        if names.is_empty() { "-".to_owned() } else { names.join(", ") }
    }
}

/// Reads wav files (16 bit, mono, 8 kHz) while phones write them.
#[derive(Debug)]
pub(super) struct Recordings {
    /// Lists the files that there are now.
    pub(super) files: fn(&std::path::Path) -> Vec<PathBuf>,
    /// The folder that they come to lie in.
    pub(super) folder: PathBuf,
}

/// The header that both phones write.
const WAV_HEADER: usize = 44;

impl Ear for Recordings {
    fn mark(&self) -> Mark {
        let lengths = (self.files)(&self.folder).into_iter().map(|file| {
            let length = fs::metadata(&file).map_or(0, |data| data.len());
            (file, usize::try_from(length).unwrap_or(usize::MAX))
        });
        Mark(lengths.collect())
    }

    /// The sum of what came into each file: a phone with two calls hears both.
    fn since(&self, mark: &Mark) -> Sound {
        let mut sum: Vec<i16> = Vec::new();
        for file in (self.files)(&self.folder) {
            let bytes = fs::read(&file).unwrap_or_default();
            let start = mark.0.get(&file).copied().unwrap_or(0);
            // A phone that starts a file anew makes it shorter.
            let start = if start > bytes.len() { 0 } else { start & !1 };
            let samples = bytes.get(start.max(WAV_HEADER)..).unwrap_or_default();
            for (at, pair) in samples.chunks_exact(2).enumerate() {
                let sample = i16::from_le_bytes([pair[0], pair[1]]);
                match sum.get_mut(at) {
                    Some(before) => *before = before.saturating_add(sample),
                    None => sum.push(sample),
                }
            }
        }
        Sound(sum)
    }
}
