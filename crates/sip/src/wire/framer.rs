//! Cutting a stream into messages (RFC 3261 §18.3, RFC 5626 §3.5.1).

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// What a stream yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, for [`super::Message::parse`].
    Message(Bytes),
    /// CRLFCRLF: answer with CRLF (RFC 5626 §3.5.1).
    KeepAlive,
}

/// The stream cannot be cut any more: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A limit was passed.
    #[error("the stream exceeds a limit")]
    TooLarge,
    /// Content-Length is no number, or two of them differ.
    #[error("the stream's Content-Length is bad")]
    ContentLength,
    /// The stream is not SIP.
    #[error("the stream is not SIP")]
    NotSip,
}

/// Cuts a stream into messages. Push, then take frames until there is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Framer {
    buffer: BytesMut,
    scanned: usize,
}

impl Framer {
    /// An empty one.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, _bytes: &[u8]) {
        unimplemented!()
    }

    /// The next frame; `Ok(None)` when more bytes are needed. After an error only errors follow.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        unimplemented!()
    }
}
