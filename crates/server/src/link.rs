//! One connection of the stream edge, once it is open: bytes (TCP, TLS) or messages (WebSocket), each with a side that reads
//! and one that writes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{SplitSink, SplitStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::web_socket::{self, Pipe, Socket};

/// A peer that takes no bytes for this long is cut off.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;

/// An open connection.
pub(crate) struct Link {
    /// Where what comes is read.
    pub(crate) incoming: Incoming,
    /// Where what goes is written.
    pub(crate) outgoing: Outgoing,
    /// The names by which the peer is known for certain, in lower case; none without TLS.
    pub(crate) peer_names: Vec<String>,
}

/// The reading side.
pub(crate) enum Incoming {
    /// Bytes, cut anywhere.
    Bytes(Box<dyn AsyncRead + Send + Unpin>, BytesMut),
    /// Whole messages.
    Messages(SplitStream<Socket>),
}

/// The writing side.
pub(crate) enum Outgoing {
    /// Bytes.
    Bytes(Box<dyn AsyncWrite + Send + Unpin>),
    /// Whole messages.
    Messages(SplitSink<Socket, Message>),
}

impl Link {
    /// TCP alone.
    pub(crate) fn tcp(stream: TcpStream) -> Link {
        let (incoming, outgoing) = stream.into_split();
        Link {
            incoming: Incoming::Bytes(Box::new(incoming), BytesMut::new()),
            outgoing: Outgoing::Bytes(Box::new(outgoing)),
            peer_names: Vec::new(),
        }
    }

    /// TLS with a peer of these names.
    pub(crate) fn tls(stream: impl Pipe + 'static, peer_names: Vec<String>) -> Link {
        let (incoming, outgoing) = tokio::io::split(stream);
        Link {
            incoming: Incoming::Bytes(Box::new(incoming), BytesMut::new()),
            outgoing: Outgoing::Bytes(Box::new(outgoing)),
            peer_names,
        }
    }

    /// A WebSocket over either, with a peer of these names.
    pub(crate) fn web_socket(socket: Socket, peer_names: Vec<String>) -> Link {
        let (outgoing, incoming) = socket.split();
        Link { incoming: Incoming::Messages(incoming), outgoing: Outgoing::Messages(outgoing), peer_names }
    }
}

impl Incoming {
    /// What comes next; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        match self {
            Incoming::Messages(messages) => web_socket::next_message(messages).await,
            Incoming::Bytes(stream, buffer) => {
                buffer.reserve(READ_BYTES);
                match stream.read_buf(buffer).await {
                    Ok(0) | Err(_) => None,
                    Ok(_) => Some(buffer.split().freeze()),
                }
            }
        }
    }
}

impl Outgoing {
    /// Writes what is queued, until the queue ends; false when the peer takes no more.
    pub(crate) async fn write(mut self, mut queue: mpsc::Receiver<Bytes>) -> bool {
        let stream = match &mut self {
            Outgoing::Messages(messages) => return web_socket::write(messages, &mut queue, WRITE_TIMEOUT).await,
            Outgoing::Bytes(stream) => stream,
        };
        while let Some(bytes) = queue.recv().await {
            let written = async {
                stream.write_all(&bytes).await?;
                // TLS may keep a record back.
                stream.flush().await
            };
            if !matches!(tokio::time::timeout(WRITE_TIMEOUT, written).await, Ok(Ok(()))) {
                // Dropped, not shut down: half a message is on the wire, and no more may follow it.
                return false;
            }
        }
        let _ = tokio::time::timeout(WRITE_TIMEOUT, stream.shutdown()).await;
        true
    }
}
