//! Supervisors: they listen to an agent's contact, whisper, barge in, or take it over.

use axum::Json;
use axum::extract::State;
use baton_contact::ConnectionId;
use baton_contact::command::{Command, Watched};
use baton_contact::directory::Supervision;
use baton_contact::snapshot::ContactSnapshot;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contacts::snapshot;
use crate::auth::Caller;
use crate::extract::{Body, ContactPath, Names};
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, kind};
use crate::schema::directory as directory_shape;
use crate::schema::snapshot as shape;
use crate::state::{App, Shared};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(monitor_contact)).routes(routes!(monitor_agent))
}

/// How to take part.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"mode": "SILENT_MONITOR"}))]
struct Monitor {
    /// `TAKE_OVER` is for a supervisor that listens already.
    #[schema(value_type = directory_shape::Supervision)]
    mode: Supervision,
    /// With `WHISPER`: the connection that hears it; the agent's when absent.
    #[schema(value_type = Option<u64>)]
    to: Option<ConnectionId>,
    /// The supervisor; given by administrators for others only.
    supervisor: Option<String>,
}

/// Listen to a contact, whisper, barge in, or take it over.
///
/// The supervisor's phone is rung and asked to answer by itself. Asked again, it changes how the supervisor takes part. The
/// supervisor's security profile must name the mode. `end` of the supervisor's own contact, or its hang-up, ends it; nobody
/// else notices.
#[utoipa::path(
    post, path = "/contacts/{contactId}/monitor", tag = "supervision", operation_id = "monitorContact",
    request_body = Monitor,
    params(
        ("contactId" = shape::ContactId, Path, description = "The contact; also the supervisor's own one that came of it"),
        IdempotencyKey,
    ),
    responses((status = 200, description = "The supervisor's own contact", body = shape::ContactSnapshot), CommandProblems)
)]
async fn monitor_contact(
    State(app): State<App>,
    caller: Caller,
    ContactPath(contact): ContactPath,
    Body(monitor): Body<Monitor>,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    supervise(&app, &caller, Watched::Contact(contact), monitor).await
}

/// Listen to the contact that an agent is on now, whisper, barge in, or take it over.
#[utoipa::path(
    post, path = "/agents/{username}/monitor", tag = "supervision", operation_id = "monitorAgent",
    request_body = Monitor,
    params(
        ("username" = String, Path, description = "The agent"),
        IdempotencyKey,
    ),
    responses((status = 200, description = "The supervisor's own contact", body = shape::ContactSnapshot), CommandProblems)
)]
async fn monitor_agent(
    State(app): State<App>,
    caller: Caller,
    path: Names<1>,
    Body(monitor): Body<Monitor>,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let Names([username]) = path;
    supervise(&app, &caller, Watched::Agent(username), monitor).await
}

async fn supervise(
    app: &Shared,
    caller: &Caller,
    watched: Watched,
    Monitor { mode, to, supervisor }: Monitor,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let supervisor = match (supervisor, &caller.username) {
        (Some(name), own) if caller.admin || Some(&name) == own.as_ref() => name,
        (Some(_), _) => {
            let message = "only an administrator supervises for others";
            return Err(ApiError::new(kind::NOT_ALLOWED, message).field("supervisor"));
        }
        (None, Some(own)) => own.clone(),
        (None, None) => {
            let message = "say who supervises: the operator has no phone";
            return Err(ApiError::new(kind::INVALID, message).field("supervisor"));
        }
    };
    snapshot(app.command(Command::Supervise { supervisor, watched, mode, to }).await?)
}
