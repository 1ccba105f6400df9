//! Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760), as server and as client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interface::{Account, Credentials};
use crate::wire::{Challenge, DigestCredentials, Method};

/// The hash algorithms; `-sess` ones are answered as client, never offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// `MD5`.
    Md5,
    /// `MD5-sess`.
    Md5Session,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Session,
}

/// H(username:realm:password) in lower-case hex: what [`Account`] keeps. The session forms give the plain one.
pub fn ha1(_username: &str, _realm: &str, _password: &str, _algorithm: Algorithm) -> String {
    unimplemented!()
}

/// What the server thinks of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are right.
    Accepted,
    /// They are right but the nonce is old or its count was used: challenge again with `stale`.
    Stale,
    /// They are wrong, or for another realm or nonce: challenge again (or 403).
    Wrong,
}

/// The server side: makes nonces that need no memory, and remembers the counts seen per nonce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    realm: String,
    secret: [u8; 32],
    lifetime_us: u64,
    counts: BTreeMap<u64, u64>,
}

impl Server {
    /// A server for a realm. `secret` is random.
    pub fn new(_realm: &str, _secret: [u8; 32], _nonce_lifetime_s: u32) -> Server {
        unimplemented!()
    }

    /// The values of the WWW-Authenticate or Proxy-Authenticate headers of a challenge: SHA-256 first, then MD5, one
    /// nonce for both.
    pub fn challenge(&mut self, _now_us: u64, _stale: bool) -> Vec<Challenge> {
        unimplemented!()
    }

    /// Judges credentials for a request; `account` is that of `credentials.username`.
    pub fn verify(
        &mut self,
        _now_us: u64,
        _method: &Method,
        _credentials: &DigestCredentials,
        _account: &Account,
    ) -> Verdict {
        unimplemented!()
    }
}

/// The challenge that we answer best: SHA-256 before MD5; `None` when none is usable.
pub fn choose(_challenges: &[Challenge]) -> Option<&Challenge> {
    unimplemented!()
}

/// The client side: credentials for a request. `count` is how often this nonce was used, from 1; `cnonce` is random.
/// `None` when the challenge's algorithm or quality of protection is unknown.
pub fn answer(
    _challenge: &Challenge,
    _credentials: &Credentials,
    _method: &Method,
    _uri: &str,
    _body: &[u8],
    _cnonce: &str,
    _count: u32,
) -> Option<DigestCredentials> {
    unimplemented!()
}
