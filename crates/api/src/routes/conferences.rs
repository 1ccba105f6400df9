//! Conference rooms: who is in them, and guests that are called in, muted and removed.

use axum::Json;
use axum::extract::State;
use baton_contact::command::{Command, Query, Reply, RoomControl};
use baton_contact::snapshot::ConferenceView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contacts::target;
use super::control::control;
use super::unexpected_reply;
use crate::auth::Caller;
use crate::extract::{Body, GuestPath, Names};
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, QueryProblems};
use crate::schema::snapshot as shape;
use crate::state::{App, Shared};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(add))
        .routes(routes!(mute))
        .routes(routes!(unmute))
        .routes(routes!(drop_guest))
}

/// All rooms.
#[derive(Serialize, ToSchema)]
struct Conferences {
    /// Those of the directory, then those that a factory has made.
    #[schema(value_type = Vec<shape::ConferenceView>)]
    conferences: Vec<ConferenceView>,
}

/// Whom to call into the room; exactly one of `quickConnectId`, `phoneNumber` and `agent`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phoneNumber": "+49891234"}))]
struct AddGuest {
    /// A quick connect, by name.
    #[schema(max_length = 128)]
    quick_connect_id: Option<String>,
    /// A number as typed: an outside number, or an agent's extension.
    #[schema(max_length = 128)]
    phone_number: Option<String>,
    /// An agent, by user name.
    #[schema(max_length = 128)]
    agent: Option<String>,
}

/// All conference rooms and who is in them.
///
/// Rooms that a factory has made are shown to those in them and to administrators. Who is in a room is shown to the same, and
/// to agents whose security profile lets them moderate rooms; others see how many there are, and whom they have called.
#[utoipa::path(
    get, path = "/conferences", tag = "conferences", operation_id = "listConferences",
    responses((status = 200, description = "The rooms", body = Conferences), QueryProblems)
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Conferences>, ApiError> {
    match app.command(Command::Query(Query::Conferences(asker(&caller)))).await? {
        Reply::Conferences(conferences) => Ok(Json(Conferences { conferences })),
        _ => Err(unexpected_reply()),
    }
}

/// One conference room and who is in it.
#[utoipa::path(
    get, path = "/conferences/{name}", tag = "conferences", operation_id = "getConference",
    params(("name" = String, Path, description = "The room")),
    responses((status = 200, description = "The room", body = shape::ConferenceView), QueryProblems)
)]
async fn get(State(app): State<App>, caller: Caller, path: Names<1>) -> Result<Json<Box<ConferenceView>>, ApiError> {
    let Names([room]) = path;
    conference(app.command(Command::Query(Query::Conference { by: asker(&caller), room })).await?)
}

/// Call a guest into a conference room, which may be empty.
///
/// Like `addConnection` it needs the right to `transfer` there, and counts as the agent's call. The guest is shown among the
/// room's connections, ringing at first, and with its `outcome` when it was not reached.
#[utoipa::path(
    post, path = "/conferences/{name}/connections", tag = "conferences", operation_id = "addGuest",
    request_body = AddGuest,
    params(("name" = String, Path, description = "The room"), IdempotencyKey),
    responses((status = 200, description = "The room after it", body = shape::ConferenceView), CommandProblems)
)]
async fn add(
    State(app): State<App>,
    caller: Caller,
    path: Names<1>,
    Body(add): Body<AddGuest>,
) -> Result<Json<Box<ConferenceView>>, ApiError> {
    let Names([room]) = path;
    let target = target(add.quick_connect_id, add.phone_number, add.agent, None)?;
    control(&app, &caller, room, RoomControl::Add(target)).await
}

async fn control(
    app: &Shared,
    caller: &Caller,
    room: String,
    control: RoomControl,
) -> Result<Json<Box<ConferenceView>>, ApiError> {
    conference(app.command(Command::Conference { by: asker(caller), room, control }).await?)
}

/// An administrator acts as the operator.
fn asker(caller: &Caller) -> Option<String> {
    caller.username.clone().filter(|_| !caller.admin)
}

fn conference(reply: Reply) -> Result<Json<Box<ConferenceView>>, ApiError> {
    match reply {
        Reply::Conference(conference) => Ok(Json(conference)),
        _ => Err(unexpected_reply()),
    }
}

control!(
    guest,
    mute,
    "/conferences/{name}/connections/{connectionId}/mute",
    "muteGuest",
    RoomControl::Mute,
    "Mute a guest. It needs the right to moderate rooms: an explicit one for who is not in the room."
);
control!(
    guest,
    unmute,
    "/conferences/{name}/connections/{connectionId}/unmute",
    "unmuteGuest",
    RoomControl::Unmute,
    "Unmute a guest. It needs the right to moderate rooms: an explicit one for who is not in the room."
);
control!(
    guest,
    drop_guest,
    "/conferences/{name}/connections/{connectionId}/drop",
    "dropGuest",
    RoomControl::Drop,
    "Remove a guest, or stop calling it. It needs the right to moderate rooms: an explicit one for who is not in the room."
);
