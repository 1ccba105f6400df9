//! The endpoints, a file for each noun.

pub(crate) mod agents;
pub(crate) mod conferences;
pub(crate) mod connections;
pub(crate) mod contacts;
mod control;
pub(crate) mod directory;
pub(crate) mod events;
pub(crate) mod node;
pub(crate) mod operations;
mod page;
pub(crate) mod records;
pub(crate) mod sessions;
pub(crate) mod supervision;
pub(crate) mod trace;

use utoipa_axum::router::OpenApiRouter;

use crate::problem::{ApiError, kind};
use crate::state::App;

/// Everything under `/api/v1`.
pub(crate) fn v1() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(sessions::routes())
        .merge(agents::routes())
        .merge(contacts::routes())
        .merge(connections::routes())
        .merge(conferences::routes())
        .merge(supervision::routes())
        .merge(records::routes())
        .merge(operations::routes())
        .merge(trace::routes())
        .merge(directory::routes())
        .merge(events::routes())
        .merge(node::document_route())
}

/// The core answered a question with the answer to another one.
fn unexpected_reply() -> ApiError {
    tracing::error!("the core's reply is not of the kind that was asked for");
    ApiError::new(kind::INTERNAL, "the core's reply is not of the kind that was asked for")
}
