//! Starts the media shards and loads what they play.

use crate::config::Media;
use crate::core_thread::ShardInbox;
use crate::inbox::Inbox;
use crate::metrics::Metrics;

/// The running shards.
#[derive(Debug)]
pub(crate) struct MediaThreads {}

impl MediaThreads {
    /// Ends them.
    pub(crate) fn stop(self) {}
}

/// Sounds.
#[derive(Debug, Clone)]
pub(crate) struct Sounds {}

/// How many shards there are: what is configured; one for each processor when that is 0.
pub(crate) fn shard_count(configured: u16) -> u16 {
    if configured > 0 {
        return configured;
    }
    std::thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(u16::MAX)).min(64)
}

pub(crate) fn load_sounds(_media: &Media) -> Result<Sounds, String> {
    Ok(Sounds {})
}

pub(crate) fn start(
    shards: u16,
    _sounds: Sounds,
    _inbox: &Inbox,
    _metrics: &'static Metrics,
) -> Result<(MediaThreads, Vec<ShardInbox>), String> {
    let ignore = || -> ShardInbox { Box::new(|command| tracing::warn!(?command, "no media yet")) };
    Ok((MediaThreads {}, (0..shards).map(|_| ignore()).collect()))
}
