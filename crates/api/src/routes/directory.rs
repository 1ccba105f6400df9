//! The directory, whole and by entry. For administrators.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use baton_contact::directory::{
    Conference, DestinationClass, Directory, Number, Queue, QuickConnect, Route, RoutingProfile, SecurityProfile,
    Trunk, User,
};
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::extract::{Body, JsonBytes, Names, Query, from_json};
use crate::idempotency::IdempotencyKey;
use crate::problem::{ApiError, CommandProblems, Problem, QueryProblems, kind};
use crate::schema::directory as shape;
use crate::secrets::Secrets;
use crate::services::{DirectoryDiff, DirectoryFailure};
use crate::state::{App, Shared};

/// How often a change of one entry is repeated when somebody else was quicker.
const ATTEMPTS_MAX: usize = 5;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_all))
        .routes(routes!(put_all))
        .routes(routes!(get_entry))
        .routes(routes!(put_entry))
        .routes(routes!(delete_entry))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct ReadQuery {
    /// Show password hashes, SIP hashes and trunk passwords too, as an export needs them.
    #[serde(default)]
    #[param(default = false)]
    secrets: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct WriteQuery {
    /// Check and compare only; nothing is changed.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
}

/// An entry of one of the tables.
#[derive(ToSchema)]
#[schema(as = DirectoryEntry)]
#[serde(untagged)]
#[allow(dead_code, reason = "only described")]
enum EntryShape {
    User(shape::User),
    Queue(shape::Queue),
    RoutingProfile(shape::RoutingProfile),
    QuickConnect(shape::QuickConnect),
    Trunk(shape::Trunk),
    Number(shape::Number),
    Route(shape::Route),
    Conference(shape::Conference),
    DestinationClass(shape::DestinationClass),
    SecurityProfile(shape::SecurityProfile),
}

/// An entry of a table, known by its name.
trait Entry: Clone + Serialize + DeserializeOwned + PartialEq {
    /// The key of the name.
    const NAME: &'static str;
    /// The table.
    fn table(directory: &mut Directory) -> &mut Vec<Self>;
    /// The name as it stands in paths.
    fn entry_name(&self) -> &str;
    /// Takes secrets out.
    fn hide(&mut self) {}
    /// Keeps secrets.
    fn keep(&mut self, _in_force: &Self) {}
}

macro_rules! entry {
    ($type:ty, $table:ident, $key:ident $(, $secrets:ident)?) => {
        impl Entry for $type {
            const NAME: &'static str = stringify!($key);
            fn table(directory: &mut Directory) -> &mut Vec<Self> {
                &mut directory.$table
            }
            fn entry_name(&self) -> &str {
                &self.$key
            }
            $(
                fn hide(&mut self) {
                    $secrets::redact(self);
                }
                fn keep(&mut self, in_force: &Self) {
                    $secrets::fill_in(self, in_force);
                }
            )?
        }
    };
}

entry!(User, users, username, Secrets);
entry!(Queue, queues, name);
entry!(RoutingProfile, routing_profiles, name);
entry!(QuickConnect, quick_connects, name);
entry!(Trunk, trunks, name, Secrets);
entry!(Number, numbers, number);
entry!(Conference, conferences, name);
entry!(DestinationClass, destination_classes, name);
entry!(SecurityProfile, security_profiles, name);

impl Entry for Route {
    const NAME: &'static str = "prefix";

    fn table(directory: &mut Directory) -> &mut Vec<Self> {
        &mut directory.routes
    }

    /// The empty prefix is `*` in paths.
    fn entry_name(&self) -> &str {
        if self.prefix.is_empty() { "*" } else { &self.prefix }
    }
}

/// Runs one generic function for the table of this name.
macro_rules! for_table {
    ($table:expr, $function:ident ( $($argument:expr),* )) => {
        match $table {
            "users" => $function::<User>($($argument),*),
            "queues" => $function::<Queue>($($argument),*),
            "routingProfiles" => $function::<RoutingProfile>($($argument),*),
            "quickConnects" => $function::<QuickConnect>($($argument),*),
            "trunks" => $function::<Trunk>($($argument),*),
            "numbers" => $function::<Number>($($argument),*),
            "routes" => $function::<Route>($($argument),*),
            "conferences" => $function::<Conference>($($argument),*),
            "destinationClasses" => $function::<DestinationClass>($($argument),*),
            "securityProfiles" => $function::<SecurityProfile>($($argument),*),
            other => Err(no_table(other)),
        }
    };
}

/// The whole directory. Secrets are left out unless asked for. `ETag` is its revision.
#[utoipa::path(
    get, path = "/directory", tag = "directory", operation_id = "getDirectory", params(ReadQuery),
    responses(
        (status = 200, description = "The directory", body = shape::Directory, headers(("ETag" = String, description = "The revision"))),
        QueryProblems
    )
)]
async fn get_all(
    State(app): State<App>,
    _: Admin,
    Query(ReadQuery { secrets }): Query<ReadQuery>,
) -> Result<Response, ApiError> {
    let (revision, directory) = app.services.directory.current();
    let mut directory = Directory::clone(&directory);
    if !secrets {
        directory.redact();
    }
    Ok(with_revision(revision, Json(directory)))
}

/// Put a whole directory in force, or nothing of it on any error. What it does not name is removed.
///
/// Passwords in clear are stored as hashes only. Where an entry says nothing about its secrets, those in force are kept.
/// With `If-Match` it is refused with 412 when the directory is another one by now.
#[utoipa::path(
    put, path = "/directory", tag = "directory", operation_id = "putDirectory", request_body = shape::Directory,
    params(
        WriteQuery,
        ("If-Match" = Option<String>, Header, description = "The `ETag` from which the change was made"),
        IdempotencyKey,
    ),
    responses(
        (status = 200, description = "What it changed, or would change", body = DirectoryDiff, headers(("ETag" = String, description = "The revision"))),
        (status = 412, description = "The directory is another one by now", body = Problem, content_type = "application/problem+json"),
        CommandProblems
    )
)]
async fn put_all(
    State(app): State<App>,
    _: Admin,
    Query(WriteQuery { dry_run }): Query<WriteQuery>,
    headers: HeaderMap,
    Body(mut directory): Body<Directory>,
) -> Result<Response, ApiError> {
    let base = if_match(&headers)?;
    let (revision, in_force) = app.services.directory.current();
    if base.is_some_and(|base| base != revision) {
        return Err(other_by_now());
    }
    directory.fill_in(&in_force);
    let applied = app.services.directory.apply(directory, base, dry_run).await;
    match applied {
        Ok(diff) => Ok(with_revision(diff.revision, Json(diff))),
        Err(DirectoryFailure::Conflict) if base.is_some() => Err(other_by_now()),
        Err(failure) => Err(failure.into()),
    }
}

/// One entry. Secrets are left out.
#[utoipa::path(
    get, path = "/directory/{table}/{name}", tag = "directory", operation_id = "getDirectoryEntry",
    params(
        ("table" = String, Path, description = "`users`, `queues`, `routingProfiles`, `quickConnects`, `trunks`, `numbers`, `routes`, `conferences`, `destinationClasses` or `securityProfiles`"),
        ("name" = String, Path, description = "The entry's name, user name, number or prefix; `*` is the empty prefix"),
    ),
    responses((status = 200, description = "The entry", body = EntryShape), QueryProblems)
)]
async fn get_entry(State(app): State<App>, _: Admin, path: Names<2>) -> Result<Response, ApiError> {
    let Names([table, name]) = path;
    let (revision, directory) = app.services.directory.current();
    let mut directory = Directory::clone(&directory);
    let entry = for_table!(table.as_str(), find(&mut directory, &name))?;
    Ok(with_revision(revision, entry))
}

/// Put one entry, new or in place of the one of its name. The directory is checked as a whole.
#[utoipa::path(
    put, path = "/directory/{table}/{name}", tag = "directory", operation_id = "putDirectoryEntry",
    request_body = EntryShape,
    params(
        ("table" = String, Path, description = "`users`, `queues`, `routingProfiles`, `quickConnects`, `trunks`, `numbers`, `routes`, `conferences`, `destinationClasses` or `securityProfiles`"),
        ("name" = String, Path, description = "The entry's name, user name, number or prefix; `*` is the empty prefix"),
        WriteQuery,
        IdempotencyKey,
    ),
    responses((status = 200, description = "What it changed, or would change", body = DirectoryDiff), CommandProblems)
)]
async fn put_entry(
    State(app): State<App>,
    _: Admin,
    path: Names<2>,
    Query(WriteQuery { dry_run }): Query<WriteQuery>,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, ApiError> {
    let Names([table, name]) = path;
    let diff = change(&app, dry_run, |directory| for_table!(table.as_str(), put(directory, &name, &bytes))).await?;
    Ok(with_revision(diff.revision, Json(diff)))
}

/// Remove one entry. The directory is checked as a whole: an entry that others name is not removed.
#[utoipa::path(
    delete, path = "/directory/{table}/{name}", tag = "directory", operation_id = "deleteDirectoryEntry",
    params(
        ("table" = String, Path, description = "`users`, `queues`, `routingProfiles`, `quickConnects`, `trunks`, `numbers`, `routes`, `conferences`, `destinationClasses` or `securityProfiles`"),
        ("name" = String, Path, description = "The entry's name, user name, number or prefix; `*` is the empty prefix"),
        WriteQuery,
        IdempotencyKey,
    ),
    responses((status = 200, description = "What it changed, or would change", body = DirectoryDiff), CommandProblems)
)]
async fn delete_entry(
    State(app): State<App>,
    _: Admin,
    path: Names<2>,
    Query(WriteQuery { dry_run }): Query<WriteQuery>,
) -> Result<Response, ApiError> {
    let Names([table, name]) = path;
    let diff = change(&app, dry_run, |directory| for_table!(table.as_str(), remove(directory, &name))).await?;
    Ok(with_revision(diff.revision, Json(diff)))
}

/// Changes the directory in force; begins anew when somebody else was quicker, so that no change is lost.
async fn change(
    app: &Shared,
    dry_run: bool,
    change: impl Fn(&mut Directory) -> Result<(), ApiError>,
) -> Result<DirectoryDiff, ApiError> {
    for _ in 0..ATTEMPTS_MAX {
        let (revision, in_force) = app.services.directory.current();
        let mut directory = Directory::clone(&in_force);
        change(&mut directory)?;
        match app.services.directory.apply(directory, Some(revision), dry_run).await {
            Err(DirectoryFailure::Conflict) => {}
            applied => return Ok(applied?),
        }
    }
    Err(DirectoryFailure::Conflict.into())
}

fn find<E: Entry>(directory: &mut Directory, name: &str) -> Result<Response, ApiError> {
    let entry =
        E::table(directory).iter_mut().find(|entry| entry.entry_name() == name).ok_or_else(|| no_entry(name))?;
    entry.hide();
    Ok(Json(&*entry).into_response())
}

fn put<E: Entry>(directory: &mut Directory, name: &str, bytes: &[u8]) -> Result<(), ApiError> {
    let mut entry: E = from_json(bytes)?;
    if entry.entry_name() != name {
        let message = format!("the entry is named {:?}, the path {name:?}", entry.entry_name());
        return Err(ApiError::new(kind::INVALID, message).field(E::NAME));
    }
    let table = E::table(directory);
    match table.iter_mut().find(|each| each.entry_name() == name) {
        Some(in_force) => {
            entry.keep(in_force);
            *in_force = entry;
        }
        None => table.push(entry),
    }
    Ok(())
}

fn remove<E: Entry>(directory: &mut Directory, name: &str) -> Result<(), ApiError> {
    let table = E::table(directory);
    let at = table.iter().position(|entry| entry.entry_name() == name).ok_or_else(|| no_entry(name))?;
    table.remove(at);
    Ok(())
}

fn no_table(table: &str) -> ApiError {
    let message = format!(
        "there is no table {table:?}; tables are users, queues, routingProfiles, quickConnects, trunks, numbers, routes, \
         conferences, destinationClasses and securityProfiles"
    );
    ApiError::new(kind::NOT_FOUND, message)
}

fn no_entry(name: &str) -> ApiError {
    ApiError::new(kind::NOT_FOUND, format!("the table has no entry {name:?}"))
}

fn other_by_now() -> ApiError {
    ApiError::new(kind::PRECONDITION, "read the directory again and repeat the change").field("If-Match")
}

/// The revision of `If-Match` (RFC 9110 §13.1.1); `*` is any.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    // A tag of another form was never given here, so it matches nothing.
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    revision.map(Some).ok_or_else(other_by_now)
}

fn with_revision(revision: u64, response: impl IntoResponse) -> Response {
    let mut response = (StatusCode::OK, response).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
