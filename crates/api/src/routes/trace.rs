//! Live SIP messages, a JSON document a line, for as long as the client reads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use baton_contact::ContactId;
use baton_contact::command::{Command, Query as Question, Reply};
use baton_contact::trace::TraceMessage;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::unexpected_reply;
use crate::auth::Admin;
use crate::extract::Query;
use crate::problem::{ApiError, Problem, QueryProblems, kind};
use crate::schema::snapshot as shape;
use crate::state::App;
use crate::trace_filter::TraceFilter;

/// An empty line is sent after so long without a message, so that a client that has gone is noticed.
const SILENCE_MAX: Duration = Duration::from_secs(15);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(trace))
}

/// What is wanted: messages that fit all that is given.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TraceQuery {
    /// Only those of this trunk. What a trunk that proves itself by digest has sent before follows when it has.
    trunk: Option<String>,
    /// Only those of this phone (its SIP user name).
    phone: Option<String>,
    /// Only those of the conversation that this contact belongs to, from now on.
    #[param(value_type = Option<shape::ContactId>)]
    contact: Option<ContactId>,
}

/// A line of the stream: a message, or how many were lost because the client read too slowly.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "messages are rendered as the core tells them")]
enum TraceLine {
    /// A message.
    Message(Box<shape::TraceMessage>),
    /// Messages are missing here.
    Lost {
        /// How many.
        lost: u64,
    },
}

/// SIP messages as they come and go, without their secrets. For administrators.
///
/// The answer does not end: each line is a JSON document (`application/x-ndjson`), a message or `{"lost": n}` when the client
/// read too slowly; an empty line every 15 seconds says that nothing happens.
#[utoipa::path(
    get, path = "/trace", tag = "operations", operation_id = "getTrace", params(TraceQuery),
    responses(
        (status = 200, description = "The messages, a line each", body = TraceLine, content_type = "application/x-ndjson"),
        (status = 404, description = "There is no such trunk or phone", body = Problem, content_type = "application/problem+json"),
        QueryProblems
    )
)]
async fn trace(State(app): State<App>, _: Admin, Query(wanted): Query<TraceQuery>) -> Result<Response, ApiError> {
    let Some(messages) = app.services.trace.listen() else {
        return Err(ApiError::new(kind::OVERLOADED, "too many traces run already").retry_after(10));
    };
    // The question wakes the core, which begins to tell before it answers: nothing after this answer is missed.
    let trunks = match app.command(Command::Query(Question::Trunks)).await? {
        Reply::Trunks(trunks) => trunks,
        _ => return Err(unexpected_reply()),
    };
    if let Some(name) = wanted.trunk.as_ref().filter(|name| !trunks.iter().any(|trunk| trunk.name == **name)) {
        return Err(ApiError::new(kind::NOT_FOUND, format!("There is no trunk {name}.")));
    }
    let (_, directory) = app.services.directory.current();
    let has_phone =
        |name: &String| directory.users.iter().any(|user| user.phones.iter().any(|each| each.username == *name));
    if let Some(name) = wanted.phone.as_ref().filter(|name| !has_phone(name)) {
        return Err(ApiError::new(kind::NOT_FOUND, format!("There is no phone {name}.")));
    }
    let closed = app.services.trace.closed();
    let filter = TraceFilter::new(wanted.trunk, wanted.phone, wanted.contact);
    let trace = Trace { messages, closed, filter, wanted: VecDeque::new(), silence_max: SILENCE_MAX };
    let lines = futures_util::stream::unfold(trace, |mut trace| async move {
        let line = trace.next().await?;
        Some((Ok::<_, std::convert::Infallible>(line), trace))
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// One listener.
struct Trace {
    messages: Receiver<Arc<TraceMessage>>,
    closed: watch::Receiver<bool>,
    filter: TraceFilter,
    /// What is to be told next.
    wanted: VecDeque<Arc<TraceMessage>>,
    silence_max: Duration,
}

impl Trace {
    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        // Messages that are not wanted are silence as well.
        let silent = tokio::time::Instant::now() + self.silence_max;
        loop {
            if let Some(message) = self.wanted.pop_front() {
                return Some(line_of(&*message));
            }
            let message = tokio::select! {
                _ = self.closed.wait_for(|closed| *closed) => return None,
                message = tokio::time::timeout_at(silent, self.messages.recv()) => message,
            };
            match message {
                Err(_) => return Some(vec![b'\n']),
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(lost))) => return Some(line_of(&TraceLine::Lost { lost })),
                Ok(Ok(message)) => self.wanted.extend(self.filter.take(message)),
            }
        }
    }
}

fn line_of<T: Serialize>(told: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(told).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace_hub::TraceHub;

    /// Else the client takes the server for dead: it waits for a minute.
    #[tokio::test]
    async fn a_quiet_trunk_is_said_to_be_quiet_while_others_talk() {
        let hub = TraceHub::new();
        let mut trace = Trace {
            messages: hub.listen().expect("a listener"),
            closed: hub.closed(),
            filter: TraceFilter::new(Some("pbx".into()), None, None),
            wanted: VecDeque::new(),
            silence_max: Duration::from_millis(100),
        };
        let talking = async {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                hub.tell(TraceMessage {
                    at_us: 0,
                    received: true,
                    transport: "udp".into(),
                    remote: "192.0.2.9:5060".into(),
                    trunk: Some("other".into()),
                    phone: None,
                    contact_ids: Vec::new(),
                    call_id: "call".into(),
                    message: "OPTIONS".into(),
                });
            }
        };
        let line = tokio::select! {
            line = trace.next() => line,
            () = talking => None,
        };
        assert_eq!(line.as_deref(), Some(&b"\n"[..]));
    }
}
