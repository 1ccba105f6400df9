//! What all requests share. None of it is about calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use baton_contact::command::{Command, Reply};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tokio::sync::Semaphore;

use crate::attempts::Attempts;
use crate::config::ApiConfig;
use crate::idempotency::Answers;
use crate::problem::{ApiError, kind};
use crate::services::{Records, RecordsError, Services};
use crate::sockets::Sockets;
use crate::token::Claims;

/// Most ended log-ins that are remembered until they expire.
const REVOKED_MAX: usize = 100_000;
/// Most reads of the store at a time.
const READS_MAX: usize = 4;
/// Most log-ins that wait for a password check; above: 503.
const LOGINS_WAITING_MAX: usize = 64;

/// The shared state.
pub(crate) type App = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) services: Services,
    pub(crate) config: ApiConfig,
    pub(crate) attempts: Attempts,
    pub(crate) answers: Answers,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) logins_waiting: Semaphore,
    pub(crate) password_checks: Arc<Semaphore>,
    /// The OpenAPI document, set once when the routes are known.
    pub(crate) document: OnceLock<Arc<str>>,
    /// The query parameters of each route, from the document.
    pub(crate) parameters: OnceLock<BTreeMap<(String, String), Vec<String>>>,
    reads: Semaphore,
    revoked: Mutex<BTreeMap<(u64, [u8; 16]), ()>>,
    random: Mutex<ChaCha20Rng>,
}

impl Shared {
    pub(crate) fn new(services: Services, config: ApiConfig) -> Self {
        Shared {
            attempts: Attempts::default(),
            answers: Answers::default(),
            sockets: Arc::default(),
            logins_waiting: Semaphore::new(LOGINS_WAITING_MAX),
            password_checks: Arc::new(Semaphore::new(config.limits.password_checks_max.max(1))),
            document: OnceLock::new(),
            parameters: OnceLock::new(),
            reads: Semaphore::new(READS_MAX),
            revoked: Mutex::default(),
            random: Mutex::new(ChaCha20Rng::from_seed(config.seed)),
            services,
            config,
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.services.now_ms)()
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        locked(&self.random).fill_bytes(&mut bytes);
        bytes
    }

    /// Passes a command on and waits for the reply.
    pub(crate) async fn command(&self, command: Command) -> Result<Reply, ApiError> {
        Ok(self.services.calls.command(command).await?)
    }

    /// Reads the store off the threads that serve requests.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Records) -> Result<T, RecordsError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _permit = self.reads.acquire().await.map_err(|_| stopped())?;
        let reader = Arc::clone(&self.services.reader);
        let result = tokio::task::spawn_blocking(move || read(&*reader)).await.map_err(|_| stopped())?;
        Ok(result?)
    }

    /// Ends a log-in before it expires. Over a restart this is forgotten; the token's own expiry is not.
    pub(crate) fn revoke(&self, claims: &Claims) {
        let now_ms = self.now_ms();
        let mut revoked = locked(&self.revoked);
        *revoked = revoked.split_off(&(now_ms, [0; 16]));
        if revoked.len() >= REVOKED_MAX {
            // The one that would expire first.
            revoked.pop_first();
        }
        revoked.insert((claims.expires_at_ms, claims.nonce), ());
    }

    pub(crate) fn is_revoked(&self, claims: &Claims) -> bool {
        locked(&self.revoked).contains_key(&(claims.expires_at_ms, claims.nonce))
    }
}

/// The value, also after a panic elsewhere: none of these tables can be left half changed.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn stopped() -> ApiError {
    ApiError::new(kind::UNAVAILABLE, "the server is stopping")
}
