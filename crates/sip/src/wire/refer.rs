//! Refer-To (RFC 3515) and Replaces (RFC 3891).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BadValue, SipUri, Uri};

/// The dialog that a Replaces names. `to_tag` is the tag of the side that receives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: String,
    /// `to-tag`.
    pub to_tag: String,
    /// `from-tag`.
    pub from_tag: String,
    /// `early-only`.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a Replaces header's value, parameters in any order (P2).
    pub fn parse(_text: &str) -> Result<Replaces, BadValue> {
        unimplemented!()
    }

    /// The Replaces among a URI's headers, escapes in any case (P2).
    pub fn from_uri(_uri: &SipUri) -> Result<Option<Replaces>, BadValue> {
        unimplemented!()
    }
}

/// Prints the header's value, unescaped.
impl fmt::Display for Replaces {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

/// A Refer-To.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferTo {
    /// The display name; empty when there is none.
    pub display: String,
    /// The target without URI headers and without a `method` parameter.
    pub uri: Uri,
    /// The `method` parameter of the URI; INVITE when absent.
    pub method: super::Method,
    /// The embedded Replaces.
    pub replaces: Option<Replaces>,
    /// Other embedded headers (`Require` …), unescaped.
    pub headers: Vec<(String, String)>,
}

impl ReferTo {
    /// Reads the value, with `<>` or without (P3: in a bare URI what follows `?` is still the URI's).
    pub fn parse(_text: &str) -> Result<ReferTo, BadValue> {
        unimplemented!()
    }
}
