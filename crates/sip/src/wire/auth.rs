//! Digest challenges and credentials as headers carry them (RFC 7616 §3.3, §3.4; RFC 8760).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::BadValue;

/// A Digest challenge (WWW-Authenticate, Proxy-Authenticate). Texts are unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// `opaque`, given back verbatim.
    pub opaque: Option<String>,
    /// The algorithm as written; MD5 when absent.
    pub algorithm: Option<String>,
    /// The offered `qop` values, in lower case; empty for RFC 2069 servers.
    pub qop: Vec<String>,
    /// `stale=true`: the credentials were right, the nonce was old.
    pub stale: bool,
}

/// Digest credentials (Authorization, Proxy-Authorization). Texts are unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DigestCredentials {
    /// The user name.
    pub username: String,
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// The `uri`, as written: it is what was hashed.
    pub uri: String,
    /// The response, as written.
    pub response: String,
    /// The algorithm as written; MD5 when absent.
    pub algorithm: Option<String>,
    /// `cnonce`.
    pub cnonce: Option<String>,
    /// `qop`, in lower case.
    pub qop: Option<String>,
    /// `nc`, as written: eight hexadecimal digits.
    pub nc: Option<String>,
    /// `opaque`.
    pub opaque: Option<String>,
}

impl Challenge {
    /// Reads a value that begins with `Digest`.
    pub fn parse(_text: &str) -> Result<Challenge, BadValue> {
        unimplemented!()
    }
}

impl DigestCredentials {
    /// Reads a value that begins with `Digest`.
    pub fn parse(_text: &str) -> Result<DigestCredentials, BadValue> {
        unimplemented!()
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

impl fmt::Display for DigestCredentials {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}
