//! The shapes of what crate `contact` says, described for the OpenAPI document.
//!
//! Crate `contact` knows nothing of HTTP, so its types are described here a second time. They are never what is sent:
//! the real values are. A test reads each real value into its description and back and compares.

pub(crate) mod directory;
pub(crate) mod event;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A contact's id: a UUID as text (RFC 9562).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "uuid", example = "0b8e5a52-4b5c-4c6e-9a70-3f2f7a1d2c11")]
pub(crate) struct ContactId(pub(crate) String);
