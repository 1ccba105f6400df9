//! Starts the media shards, loads what they play, and keeps what they have no room for at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use baton_contact::Input;
use baton_media::{Command, Event, Library};

use crate::config::{Media, Node};
use crate::inbox::{Inbox, Letter, NotTaken};
use crate::media_thread::{EventCallback, MediaCounters, MediaInbox, MediaThread, MediaThreadConfig, NotSent};
use crate::watch::{Alive, Watcher};
use crate::{audio_files, clock, random};

/// Commands that may wait in a shard's own queue; what comes on top waits on our side, in order.
const COMMANDS_MAX: usize = 16_384;
/// Commands, or events, that may wait on our side: some seconds of a full node. A thread that is behind by more does not
/// come back, and the process ends as if it had died.
const WAITING_MAX: usize = 65_536;

/// The running shards.
#[derive(Debug)]
pub(crate) struct MediaThreads {
    threads: Vec<MediaThread>,
}

/// The way to one shard. A command is never lost and never waited for.
#[derive(Debug)]
pub(crate) struct MediaOutlet {
    inbox: MediaInbox,
    waiting: VecDeque<Command>,
    /// Commands were handed over, and the shard has not been told.
    untold: bool,
    stuck: Alive,
}

/// How many shards there are: what is configured; one for each processor when that is 0.
pub(crate) fn shard_count(configured: u16) -> u16 {
    if configured > 0 {
        return configured;
    }
    std::thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(u16::MAX)).min(64)
}

/// Reads music and prompts; the ones of a configuration that names none are built in.
///
/// # Errors
/// A sentence with the key and the file.
pub(crate) fn load_sounds(node: &Node) -> Result<Library, String> {
    let Media { music, prompts, .. } = &node.media;
    let mut sounds = BTreeMap::new();
    for (table, files) in [("music", music), ("prompts", prompts)] {
        for (name, path) in files {
            let place = || node.place_of(&format!("media.{table}.{name}"));
            let sound = audio_files::load(path).map_err(|why| format!("{why} ({})", place()))?;
            if sounds.insert(name.clone(), sound).is_some() {
                return Err(format!("the sound \"{name}\" is there twice ({})", place()));
            }
        }
    }
    Ok(Library::new(&sounds))
}

/// Starts this many shards. What they tell goes into the core's inbox; `watcher` is told when one ends.
///
/// # Errors
/// One sentence.
pub(crate) fn start(
    shards: u16,
    sounds: &Library,
    inbox: &Inbox,
    watcher: &Watcher,
) -> Result<(MediaThreads, Vec<MediaOutlet>), String> {
    let failed = |error: std::io::Error| format!("a media thread cannot be started: {error}");
    let (mut threads, mut outlets) = (Vec::new(), Vec::new());
    for shard in 0..shards {
        let config = MediaThreadConfig {
            shard: baton_media::Config { library: sounds.clone(), ..baton_media::Config::default() },
            seed: u64::from_ne_bytes(random::bytes().map_err(failed)?),
            name: format!("baton-media-{shard}"),
            commands_max: COMMANDS_MAX,
            ..MediaThreadConfig::default()
        };
        let thread = MediaThread::start(config, clock::now_us, to_core(inbox.clone(), watcher.alive("a media thread")))
            .map_err(failed)?;
        outlets.push(MediaOutlet {
            inbox: thread.inbox(),
            waiting: VecDeque::new(),
            untold: false,
            stuck: watcher.alive("the core's way to a media thread"),
        });
        threads.push(thread);
    }
    Ok((MediaThreads { threads }, outlets))
}

/// Hands events to the core; those that it has no room for wait, in order, for the next one. `alive` is dropped with the
/// thread that owns this.
fn to_core(inbox: Inbox, alive: Alive) -> EventCallback {
    let mut waiting: VecDeque<Event> = VecDeque::new();
    Box::new(move |event| {
        if waiting.len() >= WAITING_MAX {
            return alive.give_up();
        }
        waiting.push_back(event);
        while let Some(event) = waiting.pop_front() {
            match inbox.offer(Letter::Input(Input::Media(event))) {
                Ok(()) => {}
                Err(NotTaken::Full(Letter::Input(Input::Media(event)))) => return waiting.push_front(event),
                Err(NotTaken::Full(_) | NotTaken::Stopped) => return,
            }
        }
    })
}

impl MediaThreads {
    /// The running totals of all shards, for metrics.
    pub(crate) fn counters(&self) -> Vec<Arc<MediaCounters>> {
        self.threads.iter().map(MediaThread::counters).collect()
    }

    /// Ends them.
    pub(crate) fn stop(self) {
        self.threads.into_iter().for_each(MediaThread::stop);
    }
}

impl MediaOutlet {
    /// Hands a command over, behind those that wait.
    pub(crate) fn send(&mut self, command: Command) {
        if self.waiting.len() >= WAITING_MAX {
            return self.stuck.give_up();
        }
        self.waiting.push_back(command);
        self.flush();
    }

    /// Wakes the shard if there is something new for it. To be called before the core waits: until then one wake-up serves
    /// all that a round of messages asked for.
    pub(crate) fn ring(&mut self) {
        if std::mem::take(&mut self.untold) {
            self.inbox.ring();
        }
    }

    /// Hands over what waits, as far as there is room; whether something still waits.
    pub(crate) fn flush(&mut self) -> bool {
        while let Some(command) = self.waiting.pop_front() {
            match self.inbox.send(command) {
                Ok(()) => self.untold = true,
                Err(NotSent::Full(command)) => {
                    self.waiting.push_front(*command);
                    return true;
                }
                // Its end was told; the process ends.
                Err(NotSent::Ended) => self.waiting.clear(),
            }
        }
        false
    }
}
