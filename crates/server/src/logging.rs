//! Log lines on standard error: text for people, JSON for machines.
//!
//! A thread of its own writes them. Whoever logs never waits: when standard error is not read and the queue is full, lines
//! are dropped and counted, and calls go on.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};

/// Lines that may wait.
const LINES_MAX: usize = 8_192;
/// How long the last lines may take at the end of the process.
const PATIENCE: Duration = Duration::from_secs(1);

static DROPPED: AtomicU64 = AtomicU64::new(0);
static LINES: OnceLock<Lines> = OnceLock::new();

/// Starts logging. `BATON_LOG` in the environment takes the place of the configured filter.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn start(log: &Log) -> io::Result<()> {
    let filter = std::env::var("BATON_LOG").ok().and_then(|text| text.parse::<EnvFilter>().ok());
    let filter = filter.or_else(|| log.filter.parse().ok()).unwrap_or_default();
    let (writer, queue) = lines(LINES_MAX);
    std::thread::Builder::new().name("baton-log".to_owned()).spawn(move || write_all(&queue, &mut io::stderr()))?;
    let _ = LINES.set(writer.clone());
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A second start (in tests) changes nothing.
    let _ = match log.format {
        LogFormat::Text => subscriber.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Waits a moment until the lines so far are written.
pub(crate) fn flush() {
    let Some(lines) = LINES.get() else { return };
    let (told, written) = sync_channel(1);
    if lines.queue.try_send(Item::Flush(told)).is_ok() {
        let _ = written.recv_timeout(PATIENCE);
    }
}

/// How many lines were dropped.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Where lines go in.
#[derive(Debug, Clone)]
struct Lines {
    queue: SyncSender<Item>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

fn lines(max: usize) -> (Lines, Receiver<Item>) {
    let (queue, items) = sync_channel(max);
    (Lines { queue }, items)
}

fn write_all(items: &Receiver<Item>, output: &mut impl Write) {
    for item in items {
        match item {
            // A closed standard error is no reason to end.
            Item::Line(line) => drop(output.write_all(&line)),
            Item::Flush(told) => drop(told.try_send(())),
        }
    }
}

impl Write for Lines {
    /// Takes one line; the formatter gives each whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Item::Line(line.to_vec())) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted() {
        let (mut writer, queue) = lines(2);
        for line in ["one\n", "two\n", "three\n"] {
            writer.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(dropped(), 1);
        drop(writer);
        let mut output = Vec::new();
        write_all(&queue, &mut output);
        assert_eq!(output, b"one\ntwo\n");
    }
}
