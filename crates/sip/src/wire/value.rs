//! What every header value shares: the error, and the split at commas.

use serde::{Deserialize, Serialize};

/// A header value that does not read as what its header should hold; a request with it gets 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("a header value does not follow its grammar")]
pub struct BadValue;

/// The parts between commas, outside quotes and `<>`, trimmed, empty ones left out (RFC 3261 §7.3.1).
pub fn split_commas(_value: &str) -> impl Iterator<Item = &str> {
    unimplemented!();
    #[allow(unreachable_code)]
    std::iter::empty()
}
