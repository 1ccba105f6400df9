//! What was recorded.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use baton_contact::ContactId;
use baton_contact::event::{ContactEvent, EventKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::PageQuery;
use crate::auth::{Admin, Caller};
use crate::extract::{ContactPath, Query};
use crate::ladder;
use crate::problem::{ApiError, QueryProblems, kind};
use crate::schema::event as event_shape;
use crate::schema::snapshot as shape;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(record))
        .routes(routes!(contact_ladder))
        .routes(routes!(records))
        .routes(routes!(conversation))
}

/// A contact record: one JSON document in the field names of Amazon Connect's contact record, with baton's own facts
/// in one object `Baton`. What a contact does not have is absent.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[allow(dead_code, reason = "only described; the store's own text is sent")]
struct ContactRecord {
    /// The contact.
    contact_id: shape::ContactId,
    /// The root, absent on the root itself.
    #[schema(required = false, nullable = false)]
    initial_contact_id: Option<shape::ContactId>,
    /// The contact that created it.
    #[schema(required = false, nullable = false)]
    previous_contact_id: Option<shape::ContactId>,
    /// The last contact created from it.
    #[schema(required = false, nullable = false)]
    next_contact_id: Option<shape::ContactId>,
    /// How it came to be.
    initiation_method: event_shape::InitiationMethod,
    /// Why it ended.
    #[schema(required = false, nullable = false)]
    disconnect_reason: Option<event_shape::DisconnectReason>,
    /// The agent's part, with `Username` and the durations.
    #[schema(value_type = Option<Object>, nullable = false)]
    agent: Option<()>,
    /// What the published record has no place for: `TransferType`, `Legs`, `Timeline`, `Revision` and others.
    #[schema(value_type = Object)]
    baton: (),
}

/// A page of records.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Page {
    /// The records in the order of their last change.
    #[schema(value_type = Vec<ContactRecord>)]
    records: Vec<Box<RawValue>>,
    /// Pass it as `after` for the next page; unchanged when there is none yet.
    next_cursor: u64,
}

/// A conversation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    /// Its records, in the order in which its contacts began.
    #[schema(value_type = Vec<ContactRecord>)]
    records: Vec<Box<RawValue>>,
    /// Its summary, once all its contacts are complete.
    #[schema(value_type = Option<Object>)]
    summary: Option<Box<RawValue>>,
}

/// What happened to a contact.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ladder {
    /// The contact.
    #[schema(value_type = shape::ContactId)]
    contact_id: ContactId,
    /// Its events, in order.
    #[schema(value_type = Vec<event_shape::ContactEvent>)]
    events: Vec<ContactEvent>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LadderQuery {
    /// `json` (the default) or `text`, for people.
    #[serde(default)]
    #[param(inline)]
    format: LadderFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LadderFormat {
    #[default]
    Json,
    Text,
}

/// The contact record; of an open contact as it would be now. Agents see their own.
#[utoipa::path(
    get, path = "/contacts/{contactId}/record", tag = "records", operation_id = "getRecord",
    params(("contactId" = shape::ContactId, Path, description = "The contact")),
    responses((status = 200, description = "The record", body = ContactRecord), QueryProblems)
)]
async fn record(
    State(app): State<App>,
    caller: Caller,
    ContactPath(contact): ContactPath,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let record = app.read(move |reader| reader.record(contact)).await?;
    let record = record.ok_or_else(|| no_record(contact))?;
    must_be_own(&caller, std::slice::from_ref(&record))?;
    Ok(Json(record))
}

/// The contact's events as a list, or as text with `?format=text`. Agents see their own contacts'.
#[utoipa::path(
    get, path = "/contacts/{contactId}/ladder", tag = "records", operation_id = "getLadder",
    params(("contactId" = shape::ContactId, Path, description = "The contact"), LadderQuery),
    responses(
        (status = 200, description = "The events", content((Ladder = "application/json"), (String = "text/plain"))),
        QueryProblems
    )
)]
async fn contact_ladder(
    State(app): State<App>,
    caller: Caller,
    ContactPath(contact_id): ContactPath,
    Query(LadderQuery { format }): Query<LadderQuery>,
) -> Result<Response, ApiError> {
    let events = app.read(move |reader| reader.events(contact_id)).await?;
    if events.is_empty() {
        return Err(no_record(contact_id));
    }
    if !caller.admin && !events.iter().any(|event| connects(event, caller.agent().unwrap_or_default())) {
        return Err(not_yours());
    }
    if format == LadderFormat::Text {
        let text = ladder::text(contact_id, &events);
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    Ok(Json(Ladder { contact_id, events }).into_response())
}

/// The records of completed contacts after a cursor, in the order of their last change; a record that changes comes
/// again, with a higher `Baton.Revision`. For administrators.
#[utoipa::path(
    get, path = "/records", tag = "records", operation_id = "getRecords", params(PageQuery),
    responses((status = 200, description = "A page", body = Page), QueryProblems)
)]
async fn records(State(app): State<App>, _: Admin, Query(page): Query<PageQuery>) -> Result<Json<Page>, ApiError> {
    let (after, limit) = page.checked()?;
    // The database counts to 2^63 − 1.
    let after = after.min(i64::MAX.unsigned_abs());
    let page = app.read(move |reader| reader.records_after(after, usize::from(limit))).await?;
    Ok(Json(Page { records: page.records, next_cursor: page.next_cursor }))
}

/// All records of a conversation, by its root contact. Agents see those in which they had a part.
#[utoipa::path(
    get, path = "/conversations/{contactId}", tag = "records", operation_id = "getConversation",
    params(("contactId" = shape::ContactId, Path, description = "The root contact")),
    responses((status = 200, description = "The conversation", body = Conversation), QueryProblems)
)]
async fn conversation(
    State(app): State<App>,
    caller: Caller,
    ContactPath(root): ContactPath,
) -> Result<Json<Conversation>, ApiError> {
    let read = app.read(move |reader| Ok((reader.conversation(root)?, reader.summary(root)?)));
    let (records, summary) = read.await?;
    if records.is_empty() {
        return Err(no_record(root));
    }
    must_be_own(&caller, &records)?;
    Ok(Json(Conversation { records, summary }))
}

fn no_record(contact: ContactId) -> ApiError {
    ApiError::new(kind::NOT_FOUND, format!("there is no contact {contact}"))
}

fn not_yours() -> ApiError {
    ApiError::new(kind::NOT_ALLOWED, "this contact is not yours")
}

/// An agent must be the agent of one of the records.
fn must_be_own(caller: &Caller, records: &[Box<RawValue>]) -> Result<(), ApiError> {
    if caller.admin {
        return Ok(());
    }
    let own = caller.agent()?;
    let mut agents = records.iter().filter_map(|record| agent_of(record));
    if agents.any(|agent| agent == own) { Ok(()) } else { Err(not_yours()) }
}

fn agent_of(record: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Agent {
        username: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Part {
        agent: Option<Agent>,
    }
    Some(serde_json::from_str::<Part>(record.get()).ok()?.agent?.username)
}

fn connects(event: &ContactEvent, own: &str) -> bool {
    matches!(&event.kind, EventKind::ConnectedToAgent { agent, .. } if agent == own)
}
