//! Pages of what there may be much of: a cursor and a limit.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::{ApiError, kind};

/// Entries of a page when nothing is said.
const LIMIT_DEFAULT: u16 = 100;
/// Most entries of a page: what may be spent on one question.
const LIMIT_MAX: u16 = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The cursor of the page before; 0, or nothing, for the first.
    #[serde(default)]
    #[param(default = 0)]
    after: u64,
    /// How many, 1 to 1,000.
    #[serde(default = "limit_default")]
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: u16,
}

impl PageQuery {
    /// The cursor and the limit.
    ///
    /// # Errors
    /// When the limit is out of its range.
    pub(super) fn checked(&self) -> Result<(u64, u16), ApiError> {
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            return Err(ApiError::new(kind::MALFORMED, format!("limit is 1 to {LIMIT_MAX}")).field("limit"));
        }
        Ok((self.after, self.limit))
    }
}

fn limit_default() -> u16 {
    LIMIT_DEFAULT
}
