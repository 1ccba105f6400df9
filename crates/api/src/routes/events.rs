//! The WebSocket: snapshots and events with a cursor.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use baton_contact::command::{Command, Query as Question, Reply};
use baton_contact::snapshot::AgentSnapshot;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::Instrument;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::unexpected_reply;
use crate::auth::{self, Caller};
use crate::extract::Query;
use crate::problem::{ApiError, Problem, QueryProblems, kind};
use crate::schema::event as event_shape;
use crate::schema::snapshot as shape;
use crate::sockets::{NoPlace, Place};
use crate::state::App;

/// The subprotocol that is spoken.
const PROTOCOL: &str = "baton.v1";
/// Before the token in the list of subprotocols.
const TOKEN_PREFIX: &str = "bearer.";
/// Messages that are sent before the socket is listened to again.
const BATCH: usize = 64;
/// Least time between two looks for new messages: many events wake a socket once.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Largest message that a client may send, in bytes: it has nothing to say but pings and close.
const CLIENT_BYTES_MAX: usize = 4_096;

/// Close codes (RFC 6455 §7.4; 4000 and above are ours).
mod close {
    /// The server stops.
    pub(super) const GOING_AWAY: u16 = 1_001;
    /// The client sent what it has no reason to send.
    pub(super) const POLICY: u16 = 1_008;
    /// Too slow, or the core is too busy: come again with the cursor.
    pub(super) const TRY_AGAIN: u16 = 1_013;
    /// The token has expired or was ended.
    pub(super) const UNAUTHORIZED: u16 = 4_401;
    /// No pong came.
    pub(super) const TIMEOUT: u16 = 4_408;
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AfterQuery {
    /// The cursor of the last message that was taken: what came after it is sent first.
    after: Option<u64>,
}

/// What the WebSocket sends, each as one text message.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
#[allow(dead_code, reason = "agents and events are rendered by the hub")]
enum StreamMessage {
    /// Everything anew: forget what is known. Followed by a snapshot.
    Reset,
    /// All agents that are seen: an agent sees itself, an administrator all. What comes later may repeat what stands
    /// here; the higher `revision` is the newer.
    Snapshot {
        /// The cursor up to which it holds at least.
        cursor: u64,
        /// The agents with their contacts.
        #[schema(value_type = Vec<shape::AgentSnapshot>)]
        agents: Vec<AgentSnapshot>,
    },
    /// An agent, or one of its contacts, has changed.
    Agent {
        /// The message's cursor.
        cursor: u64,
        /// The agent.
        #[schema(value_type = shape::AgentSnapshot)]
        agent: Box<AgentSnapshot>,
    },
    /// Something happened to a contact, and is stored.
    Event {
        /// The message's cursor.
        cursor: u64,
        /// The event.
        #[schema(value_type = event_shape::ContactEvent)]
        event: Box<AgentSnapshot>,
    },
}

/// Snapshots and events as they happen (WebSocket).
///
/// The token goes into `Authorization`, or, from a browser, into the subprotocols: `new WebSocket(url, ["baton.v1",
/// "bearer." + token])`; never into the address. The first message is a `snapshot`; then come `agent` and `event`
/// messages with rising `cursor`. With `?after=<cursor>` there is no snapshot but all that came since; when that is no
/// longer kept, a `reset` and a snapshot. Agents see themselves and their own contacts, administrators everything.
/// The client sends nothing. Closed with 1001 when the server stops, 1008 when the client sends something, 1013 when it
/// reads too slowly (come again with the cursor), 4401 when the token expires, 4408 when it does not answer pings.
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "getEvents",
    params(
        AfterQuery,
        ("Sec-WebSocket-Protocol" = Option<String>, Header, description = "`baton.v1, bearer.<token>`"),
    ),
    responses(
        (status = 101, description = "The WebSocket; its messages:", body = StreamMessage),
        (status = 426, description = "The request is no WebSocket's", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "This user has too many WebSockets", body = Problem, content_type = "application/problem+json"),
        QueryProblems
    )
)]
async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    Query(AfterQuery { after }): Query<AfterQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let token = token_of(&headers).ok_or_else(|| {
        let message = "send `Authorization: Bearer <token>`, or the subprotocols `baton.v1, bearer.<token>`";
        ApiError::new(kind::UNAUTHORIZED, message)
    })?;
    let caller = auth::caller(&app, &token)?;
    let upgrade = upgrade.map_err(|rejection| ApiError::new(kind::UPGRADE, rejection.body_text()))?;
    let place = app.sockets.take(&app.config.limits, caller.name()).map_err(|full| match full {
        NoPlace::User => ApiError::new(kind::TOO_MANY, "this user has too many WebSockets").retry_after(10),
        NoPlace::Server => ApiError::new(kind::OVERLOADED, "the server has too many WebSockets").retry_after(10),
    })?;
    let stream = Stream { app, token, caller, cursor: 0, place };
    let run = move |socket| stream.run(socket, after).in_current_span();
    Ok(upgrade.protocols([PROTOCOL]).max_message_size(CLIENT_BYTES_MAX).on_upgrade(run).into_response())
}

fn token_of(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut protocols = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    protocols.find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PREFIX).map(str::to_owned))
}

/// Why a stream ends.
enum End {
    /// The client has gone, or cannot be reached.
    Gone,
    /// It is closed with a code and a reason.
    Close(u16, &'static str),
}

/// One open WebSocket.
struct Stream {
    app: App,
    token: String,
    caller: Caller,
    cursor: u64,
    #[allow(dead_code, reason = "given back when dropped")]
    place: Place,
}

impl Stream {
    async fn run(mut self, mut socket: WebSocket, after: Option<u64>) {
        let Err(end) = self.stream(&mut socket, after).await;
        if let End::Close(code, reason) = end {
            tracing::info!(code, reason, "a WebSocket is closed");
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            let _ = self.send(&mut socket, Message::Close(Some(frame))).await;
        }
    }

    async fn stream(&mut self, socket: &mut WebSocket, after: Option<u64>) -> Result<std::convert::Infallible, End> {
        let mut latest = self.app.services.hub.latest();
        let mut closed = self.app.services.hub.closed();
        self.begin(socket, after).await?;
        let period = self.app.config.limits.ping_interval.max(Duration::from_millis(10));
        let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        let mut answered = true;
        let mut look_at = tokio::time::Instant::now();
        loop {
            latest.mark_unchanged();
            let more = self.send_batch(socket).await?;
            tokio::select! {
                biased;
                () = stopped(&mut closed) => {
                    return Err(End::Close(close::GOING_AWAY, "the server is stopping"));
                }
                message = socket.recv() => answered |= heard(message)?,
                _ = pings.tick() => {
                    self.still_allowed()?;
                    if !std::mem::take(&mut answered) {
                        return Err(End::Close(close::TIMEOUT, "no pong came"));
                    }
                    self.send(socket, Message::Ping(Default::default())).await?;
                }
                changed = changed_after(&mut latest, look_at), if !more => {
                    changed.map_err(|_| End::Close(close::GOING_AWAY, "the server is stopping"))?;
                    look_at = tokio::time::Instant::now() + LOOK_INTERVAL;
                }
                () = std::future::ready(()), if more => {}
            }
        }
    }

    /// Begins behind a cursor, or with a snapshot.
    async fn begin(&mut self, socket: &mut WebSocket, after: Option<u64>) -> Result<(), End> {
        if let Some(after) = after {
            if self.app.services.hub.after(after, self.viewer(), 0).is_some() {
                self.cursor = after;
                return Ok(());
            }
            self.send_json(socket, &StreamMessage::Reset).await?;
        }
        // The cursor first: what changes while the core is asked comes twice rather than never.
        self.cursor = self.app.services.hub.cursor();
        let agents = self.agents().await.map_err(|_| End::Close(close::TRY_AGAIN, "no snapshot could be had"))?;
        self.send_json(socket, &StreamMessage::Snapshot { cursor: self.cursor, agents }).await
    }

    async fn agents(&self) -> Result<Vec<AgentSnapshot>, ApiError> {
        let question = match self.viewer() {
            Some(agent) => Question::Agent(agent.to_owned()),
            None => Question::Agents,
        };
        match self.app.command(Command::Query(question)).await? {
            Reply::Agent(agent) => Ok(vec![*agent]),
            Reply::Agents(agents) => Ok(agents),
            _ => Err(unexpected_reply()),
        }
    }

    /// Sends what has come after the cursor; says whether there is more.
    async fn send_batch(&mut self, socket: &mut WebSocket) -> Result<bool, End> {
        let batch = self.app.services.hub.after(self.cursor, self.viewer(), BATCH);
        let batch = batch.ok_or(End::Close(close::TRY_AGAIN, "too slow; come again with the cursor"))?;
        for text in batch.messages {
            self.send(socket, Message::Text(text)).await?;
        }
        self.cursor = batch.cursor;
        Ok(batch.more)
    }

    async fn send_json(&self, socket: &mut WebSocket, message: &StreamMessage) -> Result<(), End> {
        let text = serde_json::to_string(message).map_err(|_| End::Gone)?;
        self.send(socket, Message::Text(text.into())).await
    }

    async fn send(&self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        match tokio::time::timeout(self.app.config.limits.send_timeout, socket.send(message)).await {
            Ok(sent) => sent.map_err(|_| End::Gone),
            // A close frame would not get through either, but the peer may yet read it.
            Err(_) => Err(End::Close(close::TRY_AGAIN, "too slow; come again with the cursor")),
        }
    }

    fn still_allowed(&mut self) -> Result<(), End> {
        let ended = End::Close(close::UNAUTHORIZED, "the token has expired; log in again");
        let caller = auth::renew(&self.app, &self.token).ok_or(ended)?;
        if caller.admin != self.caller.admin {
            return Err(End::Close(close::UNAUTHORIZED, "the user's rights have changed; come again"));
        }
        Ok(())
    }

    /// Whose messages are sent; `None` is everybody's.
    fn viewer(&self) -> Option<&str> {
        if self.caller.admin { None } else { self.caller.username.as_deref() }
    }
}

/// Resolves when there are new messages and it is time to look.
async fn changed_after(
    latest: &mut watch::Receiver<u64>,
    look_at: tokio::time::Instant,
) -> Result<(), watch::error::RecvError> {
    tokio::time::sleep_until(look_at).await;
    latest.changed().await
}

/// Resolves when the hub is closed.
async fn stopped(closed: &mut watch::Receiver<bool>) {
    // An error is the hub's end, too.
    let _ = closed.wait_for(|closed| *closed).await;
}

/// Whether what the client sent is a sign of life.
fn heard(message: Option<Result<Message, axum::Error>>) -> Result<bool, End> {
    match message {
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(true),
        Some(Ok(Message::Text(_) | Message::Binary(_))) => {
            Err(End::Close(close::POLICY, "commands go by HTTP; nothing is taken here"))
        }
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
    }
}
