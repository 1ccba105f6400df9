//! A contact and its controls.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use baton_contact::ContactId;
use baton_contact::command::{Command, Control, Query as Question, Reply, Target};
use baton_contact::snapshot::ContactSnapshot;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::control;
use super::unexpected_reply;
use crate::auth::Caller;
use crate::extract::{Body, ContactPath};
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, QueryProblems, kind};
use crate::schema::snapshot as shape;
use crate::state::{App, Shared};

/// Longest name or number of a target, in characters.
const TARGET_CHARACTERS_MAX: usize = 128;
/// Largest attributes of a contact, keys and values together, in bytes.
const ATTRIBUTES_BYTES_MAX: usize = 32 * 1024;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(dial))
        .routes(routes!(get))
        .routes(routes!(set_attributes))
        .routes(routes!(accept))
        .routes(routes!(reject))
        .routes(routes!(clear))
        .routes(routes!(hold))
        .routes(routes!(resume))
        .routes(routes!(swap))
        .routes(routes!(join))
        .routes(routes!(leave))
        .routes(routes!(undo))
        .routes(routes!(hold_all))
        .routes(routes!(end))
}

/// Whom to dial; exactly one of `quickConnectId`, `phoneNumber`, `agent` and `queue`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phoneNumber": "+4930123456"}))]
struct Dial {
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
    /// The agent that dials; given by administrators for others only.
    from: Option<String>,
}

/// Attributes of a contact: keys of `A-Z a-z 0-9 _ -`, 32 KiB in all.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"attributes": {"ticket": "4711"}}))]
struct Attributes {
    /// What is set; attributes that are not named stay.
    attributes: BTreeMap<String, String>,
}

/// The one target of several optional ones.
pub(super) fn target(
    quick_connect: Option<String>,
    phone_number: Option<String>,
    agent: Option<String>,
    queue: Option<String>,
) -> Result<Target, ApiError> {
    let given = [
        ("quickConnectId", quick_connect.map(Target::QuickConnect)),
        ("phoneNumber", phone_number.map(Target::PhoneNumber)),
        ("agent", agent.map(Target::Agent)),
        ("queue", queue.map(Target::Queue)),
    ];
    let mut given = given.into_iter().filter_map(|(field, target)| Some((field, target?)));
    let (Some((field, target)), None) = (given.next(), given.next()) else {
        let message = "give exactly one of quickConnectId, phoneNumber, agent and queue";
        return Err(ApiError::new(kind::INVALID, message));
    };
    let (Target::QuickConnect(name) | Target::PhoneNumber(name) | Target::Agent(name) | Target::Queue(name)) = &target;
    if !(1..=TARGET_CHARACTERS_MAX).contains(&name.chars().count()) {
        return Err(ApiError::new(kind::INVALID, format!("{field} has 1 to 128 characters")).field(field));
    }
    Ok(target)
}

/// Sends a control to a contact and answers with the contact after it.
pub(super) async fn control(
    app: &Shared,
    caller: &Caller,
    contact: ContactId,
    control: Control,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let agent = acting_agent(app, caller, contact).await?;
    snapshot(app.command(Command::Control { agent, contact, control }).await?)
}

/// As whom a caller acts on a contact. An agent acts as itself, and the core refuses it what is not its own. An
/// administrator acts as itself where it is a party, and as the operator elsewhere.
async fn acting_agent(app: &Shared, caller: &Caller, contact: ContactId) -> Result<Option<String>, ApiError> {
    let Some(username) = &caller.username else { return Ok(None) };
    if !caller.admin {
        return Ok(Some(username.clone()));
    }
    let Json(contact) = snapshot(app.command(Command::Query(Question::Contact(contact))).await?)?;
    Ok(is_party(&contact, username).then(|| username.clone()))
}

/// Whether an agent has or had a part in a contact.
fn is_party(contact: &ContactSnapshot, username: &str) -> bool {
    let is_own = |agent: &Option<String>| agent.as_deref() == Some(username);
    is_own(&contact.agent) || contact.connections.iter().any(|connection| is_own(&connection.agent))
}

pub(super) fn snapshot(reply: Reply) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    match reply {
        Reply::Contact(contact) => Ok(Json(contact)),
        _ => Err(unexpected_reply()),
    }
}

/// Dial out: rings the agent's phone, then the target.
#[utoipa::path(
    post, path = "/contacts", tag = "contacts", operation_id = "dial", request_body = Dial,
    params(IdempotencyKey),
    responses(
        (status = 201, description = "The new contact", body = shape::ContactSnapshot,
            headers(("Location" = String, description = "The contact's path"))),
        CommandProblems
    )
)]
async fn dial(State(app): State<App>, caller: Caller, Body(dial): Body<Dial>) -> Result<Response, ApiError> {
    let target = target(dial.quick_connect_id, dial.phone_number, dial.agent, dial.queue)?;
    let agent = match (dial.from, &caller.username) {
        (Some(from), own) if caller.admin || Some(&from) == own.as_ref() => from,
        (Some(_), _) => {
            return Err(ApiError::new(kind::NOT_ALLOWED, "only an administrator dials for others").field("from"));
        }
        (None, Some(own)) => own.clone(),
        (None, None) => {
            return Err(ApiError::new(kind::INVALID, "say who dials: the operator has no phone").field("from"));
        }
    };
    let Json(contact) = snapshot(app.command(Command::Dial { agent, target }).await?)?;
    let location = format!("/api/v1/contacts/{}", contact.contact_id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(contact)).into_response())
}

/// A contact as it is now. Agents see those that they have a part in.
#[utoipa::path(
    get, path = "/contacts/{contactId}", tag = "contacts", operation_id = "getContact",
    params(("contactId" = shape::ContactId, Path, description = "The contact")),
    responses((status = 200, description = "The contact", body = shape::ContactSnapshot), QueryProblems)
)]
async fn get(
    State(app): State<App>,
    caller: Caller,
    ContactPath(id): ContactPath,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let Json(contact) = snapshot(app.command(Command::Query(Question::Contact(id))).await?)?;
    if !caller.admin && !is_party(&contact, caller.agent()?) {
        return Err(ApiError::new(kind::NOT_ALLOWED, "this contact is not yours"));
    }
    Ok(Json(contact))
}

/// Set attributes of a contact.
#[utoipa::path(
    put, path = "/contacts/{contactId}/attributes", tag = "contacts", operation_id = "setAttributes",
    request_body = Attributes,
    params(
        ("contactId" = shape::ContactId, Path, description = "The contact"),
        IdempotencyKey,
    ),
    responses((status = 200, description = "The contact after it", body = shape::ContactSnapshot), CommandProblems)
)]
async fn set_attributes(
    State(app): State<App>,
    caller: Caller,
    ContactPath(contact): ContactPath,
    Body(Attributes { attributes }): Body<Attributes>,
) -> Result<Json<Box<ContactSnapshot>>, ApiError> {
    let is_key = |key: &str| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    if let Some(key) = attributes.keys().find(|key| !is_key(key)) {
        let message = "a key is of `A-Z a-z 0-9 _ -`";
        return Err(ApiError::new(kind::INVALID, message).field(format!("attributes.{key}")));
    }
    let bytes: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > ATTRIBUTES_BYTES_MAX {
        return Err(ApiError::new(kind::INVALID, "attributes have 32 KiB in all").field("attributes"));
    }
    control(&app, &caller, contact, Control::SetAttributes(attributes)).await
}

control!(contact, accept, "/contacts/{contactId}/accept", "acceptContact", Control::Accept, "Answer an offer.");
control!(contact, reject, "/contacts/{contactId}/reject", "rejectContact", Control::Reject, "Refuse an offer.");
control!(
    contact,
    clear,
    "/contacts/{contactId}/clear",
    "clearContact",
    Control::Clear,
    "End after-contact work, or acknowledge a missed contact."
);
control!(contact, hold, "/contacts/{contactId}/hold", "holdCustomer", Control::Hold, "Hold the customer.");
control!(
    contact,
    resume,
    "/contacts/{contactId}/resume",
    "resumeCustomer",
    Control::Resume,
    "Take the customer off hold."
);
control!(
    contact,
    swap,
    "/contacts/{contactId}/swap",
    "swap",
    Control::Swap,
    "Exchange the talking and the held parties; of several consults, whom the agent holds longest is next."
);
control!(
    contact,
    join,
    "/contacts/{contactId}/join",
    "join",
    Control::Join,
    "Take everybody off hold into one bridge."
);
control!(contact, leave, "/contacts/{contactId}/leave", "leave", Control::Leave, "Leave; the others stay together.");
control!(
    contact,
    undo,
    "/contacts/{contactId}/undo",
    "undo",
    Control::Undo,
    "Take a Leave, a blind transfer or the phone's REFER back, while its target has not confirmed."
);
control!(contact, hold_all, "/contacts/{contactId}/hold-all", "holdAll", Control::HoldAll, "Hold everybody else.");
control!(
    contact,
    end,
    "/contacts/{contactId}/end",
    "endContact",
    Control::End,
    "Leave when a target is there, otherwise end the call."
);
