//! Name and address: From, To, Contact, Route, P-Asserted-Identity … (RFC 3261 §20.10, §25.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BadValue, Params, Uri};
use crate::interface::Party;

/// `"display" <uri>;params`, or the bare form `uri;params`, whose parameters belong to the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameAddr {
    /// The display name, unquoted; empty when there is none.
    pub display: String,
    /// The address.
    pub uri: Uri,
    /// Header parameters (`tag`, `expires`, `q` …).
    pub params: Params,
}

impl NameAddr {
    /// Reads one value (no comma list).
    pub fn parse(_text: &str) -> Result<NameAddr, BadValue> {
        unimplemented!()
    }

    /// An address without display name and parameters.
    pub fn of(uri: Uri) -> NameAddr {
        NameAddr {
            display: String::new(),
            uri,
            params: Params::default(),
        }
    }

    /// From a [`Party`]; its URI must parse.
    pub fn from_party(_party: &Party) -> Result<NameAddr, BadValue> {
        unimplemented!()
    }

    /// As a [`Party`].
    pub fn party(&self) -> Party {
        unimplemented!()
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }

    /// With a tag set.
    pub fn with_tag(mut self, tag: &str) -> NameAddr {
        self.params.set("tag", Some(tag));
        self
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}
