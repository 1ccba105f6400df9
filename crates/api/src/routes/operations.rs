//! What is going on: calls, queues, registrations, subscriptions, trunks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use baton_contact::command::{Command, Query as Question, Reply};
use baton_contact::snapshot::{BanView, CallSummary, QueueView, RegistrationView, SubscriptionView, TrunkView};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::PageQuery;
use super::unexpected_reply;
use crate::auth::{Admin, Caller};
use crate::extract::{Names, Query};
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, QueryProblems, kind};
use crate::schema::snapshot as shape;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(calls))
        .routes(routes!(queues))
        .routes(routes!(registrations))
        .routes(routes!(unregister))
        .routes(routes!(subscriptions))
        .routes(routes!(trunks))
        .routes(routes!(bans))
        .routes(routes!(lift_ban))
}

/// Calls.
#[derive(Serialize, ToSchema)]
struct Calls {
    /// Those that are up.
    #[schema(value_type = Vec<shape::CallSummary>)]
    calls: Vec<CallSummary>,
}

/// Queues.
#[derive(Serialize, ToSchema)]
struct Queues {
    /// Each with its numbers now.
    #[schema(value_type = Vec<shape::QueueView>)]
    queues: Vec<QueueView>,
}

/// Registrations.
#[derive(Serialize, ToSchema)]
struct Registrations {
    /// Those that have not expired.
    #[schema(value_type = Vec<shape::RegistrationView>)]
    registrations: Vec<RegistrationView>,
}

/// A page of subscriptions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Subscriptions {
    /// Those that have not expired, in the order in which they were made.
    #[schema(value_type = Vec<shape::SubscriptionView>)]
    subscriptions: Vec<SubscriptionView>,
    /// Pass it as `after` for the next page; unchanged when there is none.
    next_cursor: u64,
}

/// Trunks.
#[derive(Serialize, ToSchema)]
struct Trunks {
    /// Each with its calls now.
    #[schema(value_type = Vec<shape::TrunkView>)]
    trunks: Vec<TrunkView>,
}

/// Banned sources.
#[derive(Serialize, ToSchema)]
struct Bans {
    /// Those whose ban has not ended.
    #[schema(value_type = Vec<shape::BanView>)]
    bans: Vec<BanView>,
}

/// All calls that are up. For administrators.
#[utoipa::path(
    get, path = "/calls", tag = "operations", operation_id = "getCalls",
    responses((status = 200, description = "The calls", body = Calls), QueryProblems)
)]
async fn calls(State(app): State<App>, _: Admin) -> Result<Json<Calls>, ApiError> {
    match app.command(Command::Query(Question::Calls)).await? {
        Reply::Calls(calls) => Ok(Json(Calls { calls })),
        _ => Err(unexpected_reply()),
    }
}

/// All queues with their numbers now.
#[utoipa::path(
    get, path = "/queues", tag = "operations", operation_id = "getQueues",
    responses((status = 200, description = "The queues", body = Queues), QueryProblems)
)]
async fn queues(State(app): State<App>, _: Caller) -> Result<Json<Queues>, ApiError> {
    match app.command(Command::Query(Question::Queues)).await? {
        Reply::Queues(queues) => Ok(Json(Queues { queues })),
        _ => Err(unexpected_reply()),
    }
}

/// All registrations of phones. For administrators.
#[utoipa::path(
    get, path = "/registrations", tag = "operations", operation_id = "getRegistrations",
    responses((status = 200, description = "The registrations", body = Registrations), QueryProblems)
)]
async fn registrations(State(app): State<App>, _: Admin) -> Result<Json<Registrations>, ApiError> {
    match app.command(Command::Query(Question::Registrations)).await? {
        Reply::Registrations(registrations) => Ok(Json(Registrations { registrations })),
        _ => Err(unexpected_reply()),
    }
}

/// Remove all registrations of a phone. For administrators.
#[utoipa::path(
    delete, path = "/registrations/{phone}", tag = "operations", operation_id = "removeRegistrations",
    params(
        ("phone" = String, Path, description = "The phone's SIP user name"),
        IdempotencyKey,
    ),
    responses((status = 204, description = "They are gone"), CommandProblems)
)]
async fn unregister(State(app): State<App>, _: Admin, path: Names<1>) -> Result<StatusCode, ApiError> {
    let Names([phone]) = path;
    match app.command(Command::Unregister { phone }).await? {
        Reply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected_reply()),
    }
}

/// Who watches whom: the subscriptions of phones, a page at a time. For administrators.
#[utoipa::path(
    get, path = "/subscriptions", tag = "operations", operation_id = "getSubscriptions",
    params(PageQuery),
    responses((status = 200, description = "The page", body = Subscriptions), QueryProblems)
)]
async fn subscriptions(
    State(app): State<App>,
    _: Admin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Subscriptions>, ApiError> {
    let (after, limit) = page.checked()?;
    match app.command(Command::Query(Question::Subscriptions { after, limit })).await? {
        Reply::Subscriptions(subscriptions) => {
            let next_cursor = subscriptions.last().map_or(after, |last| last.subscription_id);
            Ok(Json(Subscriptions { subscriptions, next_cursor }))
        }
        _ => Err(unexpected_reply()),
    }
}

/// All trunks with their calls. For administrators.
#[utoipa::path(
    get, path = "/trunks", tag = "operations", operation_id = "getTrunks",
    responses((status = 200, description = "The trunks", body = Trunks), QueryProblems)
)]
async fn trunks(State(app): State<App>, _: Admin) -> Result<Json<Trunks>, ApiError> {
    match app.command(Command::Query(Question::Trunks)).await? {
        Reply::Trunks(trunks) => Ok(Json(Trunks { trunks })),
        _ => Err(unexpected_reply()),
    }
}

/// All banned sources of SIP messages. For administrators.
#[utoipa::path(
    get, path = "/bans", tag = "operations", operation_id = "getBans",
    responses((status = 200, description = "The bans", body = Bans), QueryProblems)
)]
async fn bans(State(app): State<App>, _: Admin) -> Result<Json<Bans>, ApiError> {
    match app.command(Command::Query(Question::Bans)).await? {
        Reply::Bans(bans) => Ok(Json(Bans { bans })),
        _ => Err(unexpected_reply()),
    }
}

/// End the ban of a source, and forget what led to it. For administrators.
#[utoipa::path(
    delete, path = "/bans/{address}", tag = "operations", operation_id = "liftBan",
    params(
        ("address" = String, Path, description = "An address of the source"),
        IdempotencyKey,
    ),
    responses((status = 204, description = "It is heard again"), CommandProblems)
)]
async fn lift_ban(State(app): State<App>, _: Admin, path: Names<1>) -> Result<StatusCode, ApiError> {
    let Names([address]) = path;
    let address =
        address.parse().map_err(|_| ApiError::new(kind::NOT_FOUND, format!("{address} is no IP address.")))?;
    match app.command(Command::LiftBan { address }).await? {
        Reply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected_reply()),
    }
}
