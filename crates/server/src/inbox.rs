//! The bounded inbox of the core thread, and the wake-up that goes with it.
//!
//! Datagrams do not come through here: the core thread reads them itself, and the kernel's socket buffer bounds them. When
//! the inbox is three quarters full, commands are refused at once (503) and TCP readers wait (so the peers' windows close);
//! the last quarter is for the media threads, which keep their events when even that is full.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

use baton_api::CallError;
use baton_contact::command::{Command, Reply};
use baton_contact::{Input, RequestId};
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::oneshot;

use crate::clock;

/// How long a TCP reader waits before it offers again.
const RETRY: Duration = Duration::from_millis(2);

/// What comes through the inbox.
#[derive(Debug)]
pub(crate) enum Letter {
    /// An input as it is.
    Input(Input),
    /// A command that someone waits for.
    Ask {
        /// The command.
        command: Box<Command>,
        /// Where the answer goes.
        answer: oneshot::Sender<Result<Reply, CallError>>,
    },
    /// End the thread.
    Stop,
}

/// Why a letter was not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// The inbox is full; the letter comes back.
    Full(Letter),
    /// The core thread is gone.
    Stopped,
}

/// The sending side.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    sender: SyncSender<(u64, Letter)>,
    bell: Arc<Bell>,
    /// Above this length only media events are taken.
    mark: usize,
}

/// The receiving side, owned by the core thread.
#[derive(Debug)]
pub(crate) struct InboxReader {
    receiver: Receiver<(u64, Letter)>,
    bell: Arc<Bell>,
    capacity: usize,
    next_request: u64,
}

/// Wakes the core thread, only when it sleeps.
#[derive(Debug)]
struct Bell {
    event: OwnedFd,
    asleep: AtomicBool,
    length: AtomicUsize,
}

/// An inbox for this many letters.
///
/// # Errors
/// When the kernel gives no event descriptor.
pub(crate) fn inbox(capacity: usize) -> std::io::Result<(Inbox, InboxReader)> {
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let bell = Arc::new(Bell { event, asleep: AtomicBool::new(false), length: AtomicUsize::new(0) });
    let (sender, receiver) = sync_channel(capacity);
    let mark = (capacity - capacity / 4).max(1);
    Ok((Inbox { sender, bell: bell.clone(), mark }, InboxReader { receiver, bell, capacity, next_request: 1 }))
}

impl Inbox {
    /// Puts a letter in, or gives it back at once.
    pub(crate) fn offer(&self, letter: Letter) -> Result<(), NotTaken> {
        // Counted before it is there, so that the reader never counts below nothing.
        self.bell.length.fetch_add(1, Ordering::SeqCst);
        let refused = match self.sender.try_send((clock::now_us(), letter)) {
            Ok(()) => {
                self.bell.ring();
                return Ok(());
            }
            Err(TrySendError::Full((_, letter))) => NotTaken::Full(letter),
            Err(TrySendError::Disconnected(_)) => NotTaken::Stopped,
        };
        self.bell.length.fetch_sub(1, Ordering::Relaxed);
        Err(refused)
    }

    /// Puts a letter in while the inbox is below its mark, or gives it back at once.
    fn offer_below_mark(&self, letter: Letter) -> Result<(), NotTaken> {
        if self.length() >= self.mark { Err(NotTaken::Full(letter)) } else { self.offer(letter) }
    }

    /// Puts an input in, waiting for room; false when the core thread is gone.
    pub(crate) async fn pass(&self, input: Input) -> bool {
        let mut letter = Letter::Input(input);
        loop {
            match self.offer_below_mark(letter) {
                Ok(()) => return true,
                Err(NotTaken::Stopped) => return false,
                Err(NotTaken::Full(back)) => letter = back,
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Asks the core and waits for its answer.
    pub(crate) async fn ask(&self, command: Command) -> Result<Reply, CallError> {
        let (answer, answered) = oneshot::channel();
        match self.offer_below_mark(Letter::Ask { command: Box::new(command), answer }) {
            Ok(()) => answered.await.unwrap_or(Err(CallError::Stopped)),
            Err(NotTaken::Full(_)) => Err(CallError::Overloaded),
            Err(NotTaken::Stopped) => Err(CallError::Stopped),
        }
    }

    /// How many letters wait.
    pub(crate) fn length(&self) -> usize {
        self.bell.length.load(Ordering::Relaxed)
    }
}

impl InboxReader {
    /// The next letter, if one is there, and how long it has waited, in microseconds. `Stop` when all senders are gone.
    pub(crate) fn take(&mut self) -> Option<(u64, Letter)> {
        match self.receiver.try_recv() {
            Ok((at_us, letter)) => {
                self.bell.length.fetch_sub(1, Ordering::Relaxed);
                Some((clock::now_us().saturating_sub(at_us), letter))
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some((0, Letter::Stop)),
        }
    }

    /// Whether a letter is there, or about to be.
    pub(crate) fn has_letters(&self) -> bool {
        self.bell.length.load(Ordering::SeqCst) > 0
    }

    /// What waits, in thousandths of the room.
    pub(crate) fn fullness_permille(&self) -> u32 {
        let length = self.bell.length.load(Ordering::Relaxed);
        u32::try_from(length.saturating_mul(1_000) / self.capacity.max(1)).unwrap_or(u32::MAX)
    }

    /// A number for a command.
    pub(crate) fn number(&mut self) -> RequestId {
        let number = self.next_request;
        self.next_request += 1;
        RequestId(number)
    }

    /// Says that the thread is about to sleep; look into the inbox once more after it, then wait.
    pub(crate) fn lie_down(&self) {
        self.bell.asleep.store(true, Ordering::SeqCst);
    }

    /// Says that the thread is awake.
    pub(crate) fn get_up(&self) {
        self.bell.asleep.store(false, Ordering::SeqCst);
    }

    /// Silences the bell; called when it has become readable.
    pub(crate) fn silence(&self) {
        let mut counter = [0u8; 8];
        // Nothing to read is as good as silence.
        let _ = rustix::io::read(&self.bell.event, &mut counter);
    }

    /// What becomes readable when the bell rings.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.event.as_fd()
    }
}

impl Bell {
    fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // It can only fail when the counter is full, and then the thread is awake anyway.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_contact::command::Query;

    #[test]
    fn a_full_inbox_gives_the_letter_back() {
        let (sender, mut reader) = inbox(1).unwrap();
        sender.offer(Letter::Input(Input::Timeout)).unwrap();
        assert!(matches!(sender.offer(Letter::Stop), Err(NotTaken::Full(Letter::Stop))));
        assert_eq!(sender.length(), 1);
        std::thread::sleep(Duration::from_millis(3));
        assert!(matches!(reader.take(), Some((3_000.., Letter::Input(Input::Timeout)))));
        assert_eq!(sender.length(), 0);
        sender.offer(Letter::Stop).unwrap();
        drop(sender);
        assert!(matches!(reader.take(), Some((_, Letter::Stop))));
        assert!(matches!(reader.take(), Some((_, Letter::Stop))), "all senders gone");
    }

    #[test]
    fn a_command_is_refused_when_the_inbox_is_full_or_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sender, reader) = inbox(1).unwrap();
        sender.offer(Letter::Input(Input::Timeout)).unwrap();
        let ask = || runtime.block_on(sender.ask(Command::Query(Query::Calls)));
        assert_eq!(ask(), Err(CallError::Overloaded));
        drop(reader);
        assert_eq!(ask(), Err(CallError::Overloaded), "nobody has taken the letter");
        let (sender, reader) = inbox(1).unwrap();
        drop(reader);
        assert_eq!(runtime.block_on(sender.ask(Command::Query(Query::Calls))), Err(CallError::Stopped));
    }
}
