//! SIP over WebSocket (RFC 7118, RFC 6455): the handshake with its subprotocol, one SIP message a WebSocket message, and the
//! pings that notice a browser which has gone without a word.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// How often a browser is pinged; its pong also keeps the ways of NATs and proxies open.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A browser from which nothing comes for this long, not even a pong, has gone.
const SILENCE_MAX: Duration = Duration::from_secs(75);
/// Bytes read at once; a SIP message has some hundred.
const BUFFER_BYTES: usize = 4 * 1024;
/// The subprotocol (RFC 7118 §4.1).
const SUBPROTOCOL: &str = "sip";

/// What a WebSocket runs over.
pub(crate) trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A WebSocket.
pub(crate) type Socket = WebSocketStream<Box<dyn Pipe>>;

/// Answers a handshake. A peer that does not ask for the subprotocol `sip` is refused (RFC 7118 §4.1).
///
/// # Errors
/// One sentence.
pub(crate) async fn accept(pipe: Box<dyn Pipe>, message_bytes_max: usize) -> Result<Socket, String> {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * message_bytes_max)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max));
    #[allow(clippy::result_large_err, reason = "the callback's type is the library's")]
    let agree = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if !asks_for_sip(request) {
            let mut refused = ErrorResponse::new(Some("the subprotocol \"sip\" is required".to_owned()));
            *refused.status_mut() = StatusCode::BAD_REQUEST;
            return Err(refused);
        }
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    };
    accept_hdr_async_with_config(pipe, agree, Some(config)).await.map_err(|error| error.to_string())
}

fn asks_for_sip(request: &Request) -> bool {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let mut names = offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case(SUBPROTOCOL))
}

/// The next SIP message; `None` at the end, and when nothing has come for too long. Pings are answered by the library.
pub(crate) async fn next_message(incoming: &mut SplitStream<Socket>) -> Option<Bytes> {
    loop {
        match tokio::time::timeout(SILENCE_MAX, incoming.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => return Some(Bytes::from(text)),
            Ok(Some(Ok(Message::Binary(bytes)))) => return Some(bytes),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return None,
        }
    }
}

/// Writes messages and pings until the queue ends, then says good-bye; false when the peer takes nothing for `patience`.
pub(crate) async fn write(
    outgoing: &mut SplitSink<Socket, Message>,
    queue: &mut mpsc::Receiver<Bytes>,
    patience: Duration,
) -> bool {
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.reset();
    loop {
        let message = tokio::select! {
            queued = queue.recv() => match queued {
                Some(bytes) => text_or_binary(bytes),
                None => break,
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        if !matches!(tokio::time::timeout(patience, outgoing.send(message)).await, Ok(Ok(()))) {
            return false;
        }
    }
    let _ = tokio::time::timeout(patience, outgoing.close()).await;
    true
}

/// RFC 7118 §4.2: text where it is UTF-8, which every browser takes.
fn text_or_binary(bytes: Bytes) -> Message {
    match tokio_tungstenite::tungstenite::Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}
