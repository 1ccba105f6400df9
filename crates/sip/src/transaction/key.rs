//! How a request finds its server transaction (RFC 3261 §17.2.3, §8.2.2.2).

use std::collections::HashMap; // lookup only
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::TransactionId;
use crate::wire::{Message, Method};

/// What begins every branch since RFC 3261.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// What names a transaction, as a hash: a look-up compares numbers, not long texts all over the memory. The hash (SipHash-2-4 with
/// 128 bits) has a key of ours, so that nobody can send two requests that differ and have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Key(u128);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // It is random already.
        state.write_u64(self.0 as u64);
    }
}

/// Transactions by their keys. Nothing walks this table, so that its order decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Key, TransactionId)>", into = "Vec<(Key, TransactionId)>")]
pub(crate) struct Keys(HashMap<Key, TransactionId, BuildHasherDefault<AsItIs>>); // lookup only

impl Keys {
    pub(crate) fn insert(&mut self, key: Key, id: TransactionId) {
        self.0.insert(key, id);
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.0.remove(&key);
    }

    pub(crate) fn get(&self, key: Key) -> Option<TransactionId> {
        self.0.get(&key).copied()
    }
}

impl From<Vec<(Key, TransactionId)>> for Keys {
    fn from(list: Vec<(Key, TransactionId)>) -> Keys {
        Keys(list.into_iter().collect())
    }
}

impl From<Keys> for Vec<(Key, TransactionId)> {
    fn from(keys: Keys) -> Self {
        // In order, so that the same state is written in the same words.
        let mut list: Vec<_> = keys.0.into_iter().collect();
        list.sort_unstable();
        list
    }
}

/// Takes the number of a [`Key`] for its hash.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What makes keys.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeyMaker([u8; 16]);

impl fmt::Debug for KeyMaker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret is nobody's to read.
        formatter.write_str("KeyMaker(..)")
    }
}

impl KeyMaker {
    /// With a secret, of which SipHash takes half.
    pub(crate) fn new(secret: [u8; 32]) -> KeyMaker {
        KeyMaker(std::array::from_fn(|at| secret[at]))
    }

    /// The key that equals for a request, its retransmissions and its ACK or CANCEL, when `method` is that of the request
    /// that made the transaction: INVITE for an ACK and for the target of a CANCEL.
    pub(crate) fn server_key(&self, request: &Message, method: &Method) -> Key {
        let branch = request.branch();
        let rfc3261 = branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE));
        if rfc3261 {
            // RFC 3261 §17.2.3: branch, sent-by and method.
            let (host, port) = request.sent_by();
            return self.key((branch, host, port.unwrap_or(5060), method.as_str()));
        }
        // RFC 2543 peers: Request-URI, From tag, Call-ID, CSeq number and topmost Via, where the others have a branch.
        let (tag, uri, via) = (request.from_tag().unwrap_or(""), request.request_uri(), request.via().to_string());
        self.key(("", request.call_id(), request.cseq().number, tag, uri, via, method.as_str()))
    }

    /// The key that equals for copies of one request that came by different ways (RFC 3261 §8.2.2.2).
    pub(crate) fn merge_key(&self, request: &Message) -> Key {
        let tag = request.from_tag().unwrap_or("");
        self.key((request.call_id(), tag, request.cseq().number, request.method().as_str()))
    }

    /// Each text is hashed with its end, so that none can run on into the next.
    fn key(&self, names: impl Hash) -> Key {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        names.hash(&mut hasher);
        Key(hasher.finish128().as_u128())
    }
}
