//! The agent itself.

use axum::Json;
use axum::extract::State;
use baton_contact::command::{Command, Query as Question, Reply};
use baton_contact::snapshot::{AgentSnapshot, QuickConnectView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::unexpected_reply;
use crate::auth::{Admin, Caller};
use crate::extract::Body;
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, QueryProblems, kind};
use crate::schema::snapshot as shape;
use crate::state::App;

/// Longest status, in characters.
const STATUS_CHARACTERS_MAX: usize = 127;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(set_status))
        .routes(routes!(quick_connects))
        .routes(routes!(all))
}

/// The status that an agent chooses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "Available"}))]
struct StatusChoice {
    /// `Available`, `Offline`, or a custom one.
    #[schema(min_length = 1, max_length = 127)]
    status: String,
}

/// The agent's quick connects.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuickConnects {
    /// Each with presence, queue length and waits now.
    #[schema(value_type = Vec<shape::QuickConnectView>)]
    quick_connects: Vec<QuickConnectView>,
}

/// Agents.
#[derive(Serialize, ToSchema)]
struct Agents {
    /// All of them.
    #[schema(value_type = Vec<shape::AgentSnapshot>)]
    agents: Vec<AgentSnapshot>,
}

/// The agent that asks, with its contacts.
#[utoipa::path(
    get, path = "/agents/me", tag = "agents", operation_id = "getMe",
    responses((status = 200, description = "The agent", body = shape::AgentSnapshot), QueryProblems)
)]
async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Box<AgentSnapshot>>, ApiError> {
    let question = Question::Agent(caller.agent()?.to_owned());
    agent(app.command(Command::Query(question)).await?)
}

/// Choose a status. While on a contact it is the next one.
#[utoipa::path(
    put, path = "/agents/me/status", tag = "agents", operation_id = "setMyStatus", request_body = StatusChoice,
    params(IdempotencyKey),
    responses((status = 200, description = "The agent after it", body = shape::AgentSnapshot), CommandProblems)
)]
async fn set_status(
    State(app): State<App>,
    caller: Caller,
    Body(choice): Body<StatusChoice>,
) -> Result<Json<Box<AgentSnapshot>>, ApiError> {
    let agent_name = caller.agent()?.to_owned();
    if !(1..=STATUS_CHARACTERS_MAX).contains(&choice.status.chars().count()) {
        return Err(ApiError::new(kind::INVALID, "a status has 1 to 127 characters").field("status"));
    }
    agent(app.command(Command::SetStatus { agent: agent_name, status: choice.status }).await?)
}

/// Whom the agent can bring in with one click.
#[utoipa::path(
    get, path = "/agents/me/quick-connects", tag = "agents", operation_id = "getMyQuickConnects",
    responses((status = 200, description = "The quick connects", body = QuickConnects), QueryProblems)
)]
async fn quick_connects(State(app): State<App>, caller: Caller) -> Result<Json<QuickConnects>, ApiError> {
    let question = Question::QuickConnects(caller.agent()?.to_owned());
    match app.command(Command::Query(question)).await? {
        Reply::QuickConnects(quick_connects) => Ok(Json(QuickConnects { quick_connects })),
        _ => Err(unexpected_reply()),
    }
}

/// All agents. For administrators.
#[utoipa::path(
    get, path = "/agents", tag = "agents", operation_id = "getAgents",
    responses((status = 200, description = "The agents", body = Agents), QueryProblems)
)]
async fn all(State(app): State<App>, _: Admin) -> Result<Json<Agents>, ApiError> {
    match app.command(Command::Query(Question::Agents)).await? {
        Reply::Agents(agents) => Ok(Json(Agents { agents })),
        _ => Err(unexpected_reply()),
    }
}

fn agent(reply: Reply) -> Result<Json<Box<AgentSnapshot>>, ApiError> {
    match reply {
        Reply::Agent(agent) => Ok(Json(agent)),
        _ => Err(unexpected_reply()),
    }
}
