//! What signals do. On SIGINT or SIGTERM the process takes no new calls and lets those that are up end, until a deadline or a
//! second signal; then it hangs up. On SIGHUP it reads its files again ([`crate::reread`]).

use std::time::Duration;

use baton_api::CallError;
use baton_contact::command::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::inbox::Inbox;

/// How long those who are hung up on may take to answer.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// Pause before a full inbox is offered a command again.
const RETRY: Duration = Duration::from_millis(10);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The end, by this signal.
    End(&'static str),
    /// That files are read again.
    Reread,
}

/// The signals that are heard.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn catch() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// What the next one asks for.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End("SIGINT"),
            _ = self.terminate.recv() => Asked::End("SIGTERM"),
            _ = self.hang_up.recv() => Asked::Reread,
        }
    }

    /// The next one that asks for the end, by name.
    async fn next_end(&mut self) -> &'static str {
        loop {
            if let Asked::End(name) = self.next().await {
                return name;
            }
        }
    }
}

/// Lets the calls that are up end: until the last has, the deadline is reached, or another signal comes. What is left then
/// is hung up on.
pub(crate) async fn drain(
    inbox: &Inbox,
    drained: &mut oneshot::Receiver<()>,
    signals: &mut Signals,
    deadline: Duration,
) {
    let last_has_ended = async {
        ask(inbox, Command::Drain).await;
        // An error is the core's end, and the last call's, too.
        let _ = (&mut *drained).await;
    };
    tokio::select! {
        () = last_has_ended => {
            tracing::info!("the last call has ended");
            // After-contact work holds nothing up; its records are completed now.
            let _ = tokio::time::timeout(END_PATIENCE, ask(inbox, Command::EndAll)).await;
            return;
        }
        () = tokio::time::sleep(deadline) => tracing::warn!("the deadline is reached; calls that are up are ended"),
        name = signals.next_end() => tracing::warn!(signal = name, "a second signal; calls that are up are ended"),
    }
    end_all(inbox, drained).await;
}

/// Hangs up on everybody, and waits a moment for their answers.
pub(crate) async fn end_all(inbox: &Inbox, drained: &mut oneshot::Receiver<()>) {
    let ended = async {
        ask(inbox, Command::EndAll).await;
        let _ = drained.await;
    };
    if tokio::time::timeout(END_PATIENCE, ended).await.is_err() {
        tracing::warn!("not every call has ended in time; the process ends all the same");
    }
}

/// Asks the core, again while its inbox is full.
async fn ask(inbox: &Inbox, command: Command) {
    while let Err(CallError::Overloaded) = inbox.ask(command.clone()).await {
        tokio::time::sleep(RETRY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::{Letter, inbox};
    use baton_contact::Input;
    use baton_contact::command::Reply;

    #[tokio::test]
    async fn a_full_inbox_only_delays_the_end_of_calls() {
        let (sender, mut reader) = inbox(1).unwrap();
        sender.offer(Letter::Input(Input::Timeout)).unwrap();
        let (tell, mut drained) = oneshot::channel();
        let core = async {
            tokio::time::sleep(RETRY * 3).await;
            assert!(matches!(reader.take(), Some((_, Letter::Input(Input::Timeout)))));
            loop {
                match reader.take() {
                    Some((_, Letter::Ask { command, answer })) => {
                        assert_eq!(*command, Command::EndAll);
                        answer.send(Ok(Reply::Done)).unwrap();
                        return tell.send(()).unwrap();
                    }
                    Some(other) => panic!("{other:?}"),
                    None => tokio::time::sleep(RETRY).await,
                }
            }
        };
        tokio::join!(end_all(&sender, &mut drained), core);
    }
}
