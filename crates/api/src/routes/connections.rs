//! A contact's parties.

use axum::Json;
use axum::extract::State;
use baton_contact::command::{AddMode, Control};
use baton_contact::snapshot::ContactSnapshot;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contacts::{control, target};
use super::control::control;
use crate::auth::Caller;
use crate::extract::{Body, ConnectionPath, ContactPath};
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, kind};
use crate::schema::snapshot as shape;
use crate::state::App;

/// Most digits at a time.
const DIGITS_MAX: usize = 32;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add))
        .routes(routes!(hold))
        .routes(routes!(resume))
        .routes(routes!(swap))
        .routes(routes!(join))
        .routes(routes!(mute))
        .routes(routes!(unmute))
        .routes(routes!(drop_connection))
        .routes(routes!(send_digits))
}

/// Whom to bring in; exactly one of `quickConnectId`, `phoneNumber`, `agent` and `queue`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"quickConnectId": "Second line", "mode": "consult"}))]
struct Add {
    /// A quick connect, by name.
    #[schema(max_length = 128)]
    quick_connect_id: Option<String>,
    /// A number as typed: an outside number, or an extension.
    #[schema(max_length = 128)]
    phone_number: Option<String>,
    /// An agent, by user name.
    #[schema(max_length = 128)]
    agent: Option<String>,
    /// A queue, by name.
    #[schema(max_length = 128)]
    queue: Option<String>,
    /// Whether the agent talks to the target first; `consult` when absent.
    #[serde(default)]
    #[schema(value_type = Mode, required = false)]
    mode: AddMode,
}

/// Whether the agent talks to the target first.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only described")]
enum Mode {
    /// Consult, then join or leave.
    Consult,
    /// Leave at once: a blind (cold) transfer.
    Blind,
}

/// DTMF digits.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"digits": "4711#"}))]
struct Digits {
    /// `0`–`9 * # A`–`D`.
    #[schema(min_length = 1, max_length = 32, pattern = "^[0-9*#A-D]{1,32}$")]
    digits: String,
}

/// Bring a target in. The customer is put on hold first and stays held through a consult.
#[utoipa::path(
    post, path = "/contacts/{contactId}/connections", tag = "connections", operation_id = "addConnection",
    request_body = Add,
    params(
        ("contactId" = shape::ContactId, Path, description = "The contact"),
        IdempotencyKey,
    ),
    responses((status = 200, description = "The contact after it", body = shape::ContactSnapshot), CommandProblems)
)]
async fn add(
    State(app): State<App>,
    caller: Caller,
    ContactPath(contact): ContactPath,
    Body(add): Body<Add>,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let target = target(add.quick_connect_id, add.phone_number, add.agent, add.queue)?;
    control(&app, &caller, contact, Control::Add { target, mode: add.mode }).await
}

/// Send DTMF digits to one party.
#[utoipa::path(
    post, path = "/contacts/{contactId}/connections/{connectionId}/digits", tag = "connections",
    operation_id = "sendDigits", request_body = Digits,
    params(
        ("contactId" = shape::ContactId, Path, description = "The contact"),
        ("connectionId" = u64, Path, description = "The party"),
        IdempotencyKey,
    ),
    responses((status = 200, description = "The contact after it", body = shape::ContactSnapshot), CommandProblems)
)]
async fn send_digits(
    State(app): State<App>,
    caller: Caller,
    ConnectionPath(contact, connection): ConnectionPath,
    Body(Digits { digits }): Body<Digits>,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let all_known = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D'));
    if !all_known || !(1..=DIGITS_MAX).contains(&digits.len()) {
        return Err(ApiError::new(kind::INVALID, "digits are 1 to 32 of 0-9 * # A-D").field("digits"));
    }
    control(&app, &caller, contact, Control::SendDigits { connection, digits }).await
}

control!(
    connection,
    hold,
    "/contacts/{contactId}/connections/{connectionId}/hold",
    "holdConnection",
    Control::HoldConnection,
    "Hold one party."
);
control!(
    connection,
    resume,
    "/contacts/{contactId}/connections/{connectionId}/resume",
    "resumeConnection",
    Control::ResumeConnection,
    "Take one party off hold."
);
control!(
    connection,
    swap,
    "/contacts/{contactId}/connections/{connectionId}/swap",
    "swapToConnection",
    Control::SwapTo,
    "Talk to one party alone: whoever talks is held, and whoever else is held stays so."
);
control!(
    connection,
    join,
    "/contacts/{contactId}/connections/{connectionId}/join",
    "joinConnection",
    Control::JoinConnection,
    "Take one party off hold, into the bridge of those who talk."
);
control!(
    connection,
    mute,
    "/contacts/{contactId}/connections/{connectionId}/mute",
    "muteConnection",
    Control::Mute,
    "Mute one party."
);
control!(
    connection,
    unmute,
    "/contacts/{contactId}/connections/{connectionId}/unmute",
    "unmuteConnection",
    Control::Unmute,
    "Unmute one party."
);
control!(
    connection,
    drop_connection,
    "/contacts/{contactId}/connections/{connectionId}/drop",
    "dropConnection",
    Control::Drop,
    "Remove one party."
);
