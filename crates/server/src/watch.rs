//! Notices a part of the process that ends when it should not: a thread that panics or gives up. Without any one of them
//! calls are half served, so whoever waits here ends the process, and readiness is gone at once.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

/// Where the first end is waited for.
#[derive(Debug)]
pub(crate) struct Watch {
    ended: mpsc::UnboundedReceiver<&'static str>,
    watcher: Watcher,
}

/// Hands out signs of life; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Watcher {
    tell: mpsc::UnboundedSender<&'static str>,
    first: Arc<OnceLock<&'static str>>,
}

/// A part's sign of life: whoever drops it has ended, by a panic too.
#[derive(Debug)]
pub(crate) struct Alive {
    part: &'static str,
    watcher: Watcher,
}

impl Watch {
    pub(crate) fn new() -> Watch {
        let (tell, ended) = mpsc::unbounded_channel();
        Watch { ended, watcher: Watcher { tell, first: Arc::default() } }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        self.watcher.clone()
    }

    /// Resolves with the name of a part that has ended.
    pub(crate) async fn ended(&mut self) -> &'static str {
        match self.ended.recv().await {
            Some(part) => part,
            // We hold a sender ourselves, so this never comes.
            None => std::future::pending().await,
        }
    }
}

impl Watcher {
    /// A sign of life for a part; `part` as it stands in a sentence: "the store thread".
    pub(crate) fn alive(&self, part: &'static str) -> Alive {
        Alive { part, watcher: self.clone() }
    }

    /// Which part was the first to end, if one has.
    pub(crate) fn first_end(&self) -> Option<&'static str> {
        self.first.get().copied()
    }
}

impl Alive {
    /// Says that the part cannot go on, though its thread may still be there.
    pub(crate) fn give_up(&self) {
        let _ = self.watcher.first.set(self.part);
        let _ = self.watcher.tell.send(self.part);
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_panics_is_noticed() {
        let mut watch = Watch::new();
        let alive = watch.watcher().alive("the test's thread");
        assert_eq!(watch.watcher().first_end(), None);
        let thread = std::thread::spawn(move || {
            let _alive = alive;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(watch.ended().await, "the test's thread");
        assert_eq!(watch.watcher().first_end(), Some("the test's thread"));
    }
}
