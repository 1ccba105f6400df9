//! What the API is given: the core behind its inbox, and the directory with the way to change it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use baton_api::{CallError, Calls, DirectoryDiff, DirectoryFailure, DirectoryStore};
use baton_contact::check::validate;
use baton_contact::command::{Command, Reply};
use baton_contact::directory::Directory;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::config::Node;
use crate::directory_diff::changes;
use crate::inbox::Inbox;
use crate::seal::seal;
use crate::sounds::SoundNames;
use crate::store_thread::{Entry, StoreInbox};

/// How often a new directory is offered to a full core, and the pause between.
const OFFERS_MAX: usize = 50;
const OFFER_PAUSE: Duration = Duration::from_millis(100);

impl Calls for Inbox {
    fn command(&self, command: Command) -> BoxFuture<'static, Result<Reply, CallError>> {
        let inbox = self.clone();
        Box::pin(async move { inbox.ask(command).await })
    }
}

/// The directory in force.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryInForce(Arc<InForce>);

#[derive(Debug)]
struct InForce {
    current: RwLock<(u64, Arc<Directory>)>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
    realm: String,
    sounds: SoundNames,
    store: StoreInbox,
    core: Inbox,
}

impl DirectoryInForce {
    /// The directory that the core was started with.
    pub(crate) fn new(revision: u64, directory: Arc<Directory>, node: &Node, store: StoreInbox, core: Inbox) -> Self {
        DirectoryInForce(Arc::new(InForce {
            current: RwLock::new((revision, directory)),
            changing: tokio::sync::Mutex::default(),
            realm: node.sip.realm.clone(),
            sounds: SoundNames::of(node),
            store,
            core,
        }))
    }
}

impl DirectoryStore for DirectoryInForce {
    fn current(&self) -> (u64, Arc<Directory>) {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        (current.0, current.1.clone())
    }

    fn apply(
        &self,
        directory: Directory,
        base: Option<u64>,
        dry_run: bool,
    ) -> BoxFuture<'static, Result<DirectoryDiff, DirectoryFailure>> {
        let this = self.clone();
        // In a task of its own: what is stored must also come into force, though whoever asked has gone.
        let change = tokio::spawn(async move { this.change(directory, base, dry_run).await });
        let stopped = |_| Err(DirectoryFailure::Unavailable("the server stops".to_owned()));
        Box::pin(async move { change.await.unwrap_or_else(stopped) })
    }
}

impl DirectoryInForce {
    async fn change(
        &self,
        directory: Directory,
        base: Option<u64>,
        dry_run: bool,
    ) -> Result<DirectoryDiff, DirectoryFailure> {
        let _one_at_a_time = self.0.changing.lock().await;
        let (revision, in_force) = self.current();
        if base.is_some_and(|base| base != revision) {
            return Err(DirectoryFailure::Conflict);
        }
        let mut errors = validate(&directory);
        errors.extend(self.0.sounds.errors(&directory));
        if !errors.is_empty() {
            return Err(DirectoryFailure::Invalid(errors));
        }
        let directory = self.sealed(directory, in_force.clone()).await?;
        let changes = changes(&in_force, &directory);
        if dry_run || *directory == *in_force {
            return Ok(DirectoryDiff { revision, changes });
        }
        let revision = self.store(directory.clone()).await?;
        self.tell_core(&directory).await?;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = (revision, directory);
        tracing::info!(revision, changes = changes.len(), "a new directory is in force");
        Ok(DirectoryDiff { revision, changes })
    }

    async fn sealed(
        &self,
        mut directory: Directory,
        in_force: Arc<Directory>,
    ) -> Result<Arc<Directory>, DirectoryFailure> {
        let realm = self.0.realm.clone();
        let sealing = tokio::task::spawn_blocking(move || {
            seal(&mut directory, &in_force, &realm)?;
            Ok(Arc::new(directory))
        });
        let stopped = |_| Err("the server stops".to_owned());
        sealing.await.unwrap_or_else(stopped).map_err(DirectoryFailure::Unavailable)
    }

    async fn store(&self, directory: Arc<Directory>) -> Result<u64, DirectoryFailure> {
        let (answer, answered) = oneshot::channel();
        self.0.store.send(Entry::Directory { directory, answer });
        let stopped = |_| Err("the store has stopped".to_owned());
        answered.await.unwrap_or_else(stopped).map_err(DirectoryFailure::Unavailable)
    }

    /// It is stored, so it must come into force: a full inbox is tried for some seconds.
    async fn tell_core(&self, directory: &Directory) -> Result<(), DirectoryFailure> {
        for _ in 0..OFFERS_MAX {
            match self.0.core.ask(Command::SetDirectory(Box::new(directory.clone()))).await {
                Ok(_) => return Ok(()),
                Err(CallError::Overloaded) => tokio::time::sleep(OFFER_PAUSE).await,
                Err(CallError::Refused(refusal)) => return Err(DirectoryFailure::Unavailable(refusal.detail)),
                Err(CallError::Stopped) => break,
            }
        }
        let sentence = "the directory is stored and comes into force at the next start: the core did not take it";
        Err(DirectoryFailure::Unavailable(sentence.to_owned()))
    }
}
