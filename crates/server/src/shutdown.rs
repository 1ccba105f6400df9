//! How the process ends: on SIGINT or SIGTERM it takes no new calls and lets those that are up end, until a deadline. A
//! second signal ends it at once.

use std::time::Duration;

use baton_contact::command::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::inbox::Inbox;

/// The signals that end the process.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn catch() -> std::io::Result<Signals> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next one, by name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Lets the calls that are up end: until the last has, the deadline is reached, or another signal comes.
pub(crate) async fn drain(inbox: &Inbox, drained: oneshot::Receiver<()>, signals: &mut Signals, deadline: Duration) {
    if inbox.ask(Command::Drain).await.is_err() {
        return tracing::warn!("the core takes no command; the process ends at once");
    }
    tokio::select! {
        _ = drained => tracing::info!("the last call has ended"),
        () = tokio::time::sleep(deadline) => tracing::warn!("the deadline is reached; calls that are up are cut off"),
        name = signals.next() => tracing::warn!(signal = name, "a second signal; calls that are up are cut off"),
    }
}
