//! The contact record: one JSON document per contact, in the field names of Amazon Connect's contact record.

use serde::{Deserialize, Serialize};

/// A contact record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {}
