//! How a request finds its server transaction (RFC 3261 §17.2.3, §8.2.2.2).

use std::collections::HashMap; // lookup only
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::TransactionId;
use crate::wire::{Message, Method, Print};

/// What begins every branch since RFC 3261.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// What names a transaction, as a hash: a look-up compares numbers, not long texts all over the memory. The hash (SipHash-2-4
/// with 128 bits) has a key of ours, so that nobody can send two requests that differ and have the same.
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
        let mut key = [0; 16];
        key.copy_from_slice(&secret[..16]);
        KeyMaker(key)
    }

    /// The key that equals for a request, its retransmissions and its ACK or CANCEL, when `method` is that of the request
    /// that made the transaction: INVITE for an ACK and for the target of a CANCEL.
    pub(crate) fn server_key(&self, request: &Message, method: &Method) -> Key {
        let branch = request.branch();
        let rfc3261 = branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE));
        if rfc3261 {
            // RFC 3261 §17.2.3: branch, sent-by and method.
            let (host, port) = request.sent_by();
            return self.key(&[branch, host, method.as_str()], port.unwrap_or(5060).into());
        }
        // RFC 2543 peers: Request-URI, From tag, Call-ID, CSeq number and topmost Via, where the others have a branch.
        let (tag, via) = (request.from_tag().unwrap_or(""), request.via().printed());
        let names = ["", request.call_id(), tag, request.request_uri(), &via, method.as_str()];
        self.key(&names, request.cseq().number)
    }

    /// The key that equals for copies of one request that came by different ways (RFC 3261 §8.2.2.2).
    pub(crate) fn merge_key(&self, request: &Message) -> Key {
        let tag = request.from_tag().unwrap_or("");
        self.key(&[request.call_id(), tag, request.method().as_str()], request.cseq().number)
    }

    /// The number first; each text with a byte at its end that no text has, so that none can run on into the next. Byte by byte, so
    /// that what one build has written down another one finds again.
    fn key(&self, names: &[&str], number: u32) -> Key {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&number.to_le_bytes());
        for name in names {
            hasher.write(name.as_bytes());
            hasher.write(&[0xff]);
        }
        Key(hasher.finish128().as_u128())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn request(method: &str, branch: &str, (call_id, tag): (&str, &str)) -> Message {
        let text = format!(
            "{method} sip:desk@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:phone@192.0.2.2>;tag={tag}\r\nTo: <sip:desk@192.0.2.1>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:phone@192.0.2.2:5060>\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(Bytes::from(text)).expect("a request")
    }

    fn server_key(method: &str, branch: &str) -> Key {
        KeyMaker::new([7; 32]).server_key(&request(method, branch, ("call", "a")), &Method::Invite)
    }

    #[test]
    fn rfc3261_17_2_3_an_ack_and_a_cancel_find_their_invite_and_another_branch_does_not() {
        for branch in ["z9hG4bKone", "Z9HG4BKone", "one"] {
            let key = server_key("INVITE", branch);
            for method in ["ACK", "CANCEL", "INVITE"] {
                assert_eq!(server_key(method, branch), key, "{method} {branch}");
            }
            assert_ne!(server_key("INVITE", &format!("{branch}2")), key);
        }
    }

    #[test]
    fn a_key_is_the_same_in_every_build() {
        assert_eq!(server_key("INVITE", "z9hG4bKone"), Key(0x14769373_8b98d174_e8c02d2d_e6a840c1));
    }

    #[test]
    fn rfc3261_8_2_2_2_a_text_does_not_run_on_into_the_next() {
        let merge = |call_id, tag| KeyMaker::new([7; 32]).merge_key(&request("INVITE", "z9hG4bKone", (call_id, tag)));
        assert_ne!(merge("ab", "c"), merge("a", "bc"));
        assert_ne!(merge("a|b", "c"), merge("a", "b|c"));
        assert_eq!(merge("ab", "c"), merge("ab", "c"));
    }
}
