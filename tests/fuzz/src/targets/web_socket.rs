//! A browser's connection (RFC 7118): the handshake and the frames through the server's own edge into an endpoint, and its
//! answers back. An even first byte shakes hands first; what follows is the stream.

use std::net::SocketAddr;
use std::time::Duration;

use baton_sip::{Config, ConnectionHandle, Endpoint, Input, ListenerId, Output};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use super::{OUTPUTS_MAX, START_US, is_well_formed, listeners};

#[path = "../../../../crates/server/src/web_socket.rs"]
mod edge;

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
/// Most bytes of a SIP message.
const MESSAGE_BYTES_MAX: usize = 65_535;
/// Room for all that is written, so that nobody waits.
const PIPE_BYTES: usize = 1 << 20;
/// The listener whose transport is WebSocket.
const LISTENER: ListenerId = ListenerId(3);

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
}

pub(crate) fn run(data: &[u8]) {
    RUNTIME.with(|runtime| runtime.block_on(serve(data)));
}

async fn serve(data: &[u8]) {
    let [first, data @ ..] = data else { return };
    let (mut browser, server) = tokio::io::duplex(PIPE_BYTES);
    if first.is_multiple_of(2) {
        browser.write_all(HANDSHAKE.as_bytes()).await.expect("room in the pipe");
    }
    browser.write_all(data).await.expect("room in the pipe");
    browser.shutdown().await.expect("an end");
    let Ok(socket) = edge::accept(Box::new(server), MESSAGE_BYTES_MAX).await else { return };
    let (mut outgoing, mut incoming) = socket.split();
    let config = Config { listeners: listeners(), message_bytes_max: MESSAGE_BYTES_MAX, ..Config::default() };
    let mut endpoint = Endpoint::new(config, [5; 32]);
    let connection = ConnectionHandle(1);
    let remote = SocketAddr::from(([192, 0, 2, 77], 50_000));
    endpoint.handle(START_US, Input::StreamOpened { connection, listener: LISTENER, remote, peer_names: Vec::new() });
    let (queue, mut queued) = tokio::sync::mpsc::channel(OUTPUTS_MAX);
    while let Some(bytes) = edge::next_message(&mut incoming).await {
        assert!(bytes.len() <= MESSAGE_BYTES_MAX);
        endpoint.handle(START_US, Input::StreamBytes { connection, bytes });
        while let Some(output) = endpoint.poll_output() {
            if let Output::Transmit { bytes, .. } = output {
                is_well_formed(&bytes);
                let _ = queue.try_send(bytes);
            }
        }
    }
    endpoint.handle(START_US, Input::StreamClosed { connection });
    drop(queue);
    edge::write(&mut outgoing, &mut queued, Duration::from_secs(1)).await;
    drop((outgoing, incoming));
    let mut answer = Vec::new();
    let _ = browser.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", Bytes::from(answer).len());
}
