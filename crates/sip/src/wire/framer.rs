//! Cutting a stream into messages (RFC 3261 §18.3, RFC 5626 §3.5.1).

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memmem};
use serde::{Deserialize, Serialize};

use super::header::{self, HeaderName};
use super::text::{is_blank, number};
use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, LINE_BYTES_MAX};

/// What a stream yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, for [`super::Message::parse`].
    Message(Bytes),
    /// CRLFCRLF: answer with CRLF (RFC 5626 §3.5.1).
    KeepAlive,
}

/// The stream cannot be cut any more: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
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
///
/// It holds at most one unfinished message (bounded by the limits of this module) and what the last push brought. A
/// message without Content-Length has no body here: RFC 3261 §18.3 demands the header, and phones leave it out (P3).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Framer {
    buffer: BytesMut,
    /// Most bytes of a message with its body, below the module's own limits.
    message_bytes_max: Option<usize>,
    /// Where the search for the head's end goes on: every byte is looked at once.
    scanned: usize,
    /// Lines of the head so far, and where the current one began.
    lines: usize,
    line_start: usize,
    /// The whole message's length, once its head is complete.
    length: Option<usize>,
    failed: Option<FrameError>,
}

impl Framer {
    /// An empty one.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// An empty one that takes messages of so many bytes at most.
    pub fn with_limit(message_bytes_max: usize) -> Framer {
        Framer { message_bytes_max: Some(message_bytes_max), ..Framer::default() }
    }

    /// Whether a part of a message waits for the rest. A line break may become a keep-alive yet, and is no message.
    pub fn is_within_message(&self) -> bool {
        !matches!(self.buffer.first(), None | Some(b'\r' | b'\n'))
    }

    /// Takes bytes, cut anywhere. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame; `Ok(None)` when more bytes are needed. After an error only errors follow.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let frame = self.cut();
        if let Err(error) = frame {
            *self = Framer { failed: Some(error), ..Framer::default() };
        }
        frame
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.length.is_none() {
            if self.scanned == 0 && self.skip_line_breaks() {
                return Ok(Some(Frame::KeepAlive));
            }
            match self.find_head()? {
                Some(head) => {
                    let length = head + content_length(self.buffer.get(..head).unwrap_or(&[]))?;
                    if self.message_bytes_max.is_some_and(|most| length > most) {
                        return Err(FrameError::TooLarge);
                    }
                    self.length = Some(length);
                }
                None => return Ok(None),
            }
        }
        match self.length {
            Some(length) if length <= self.buffer.len() => {
                let message = self.buffer.split_to(length).freeze();
                (self.scanned, self.lines, self.line_start, self.length) = (0, 0, 0, None);
                Ok(Some(Frame::Message(message)))
            }
            _ => Ok(None),
        }
    }

    /// Drops line breaks between messages; true when they were a keep-alive.
    fn skip_line_breaks(&mut self) -> bool {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return true;
                }
                // It may become a keep-alive yet.
                [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return false,
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                [b'\n', ..] => self.buffer.advance(1),
                _ => return false,
            }
        }
    }

    /// The length of the head with its empty line.
    fn find_head(&mut self) -> Result<Option<usize>, FrameError> {
        if matches!(self.buffer.first(), Some(b'\r') | None) {
            return if self.buffer.len() > 3 { Err(FrameError::NotSip) } else { Ok(None) };
        }
        while let Some(feed) = memchr(b'\n', self.buffer.get(self.scanned..).unwrap_or(&[])) {
            let end = self.scanned + feed;
            let line = self.buffer.get(self.line_start..end).unwrap_or(&[]);
            self.scanned = end + 1;
            if self.lines == 0 && !is_start_line(line) {
                return Err(FrameError::NotSip);
            }
            if matches!(line, [] | [b'\r']) {
                return Ok(Some(self.scanned));
            }
            self.lines += 1;
            self.line_start = self.scanned;
            if line.len() > LINE_BYTES_MAX || self.lines > HEADERS_MAX + 1 || self.scanned > HEAD_BYTES_MAX {
                return Err(FrameError::TooLarge);
            }
        }
        self.scanned = self.buffer.len();
        // Two for the line break that is still to come.
        if self.scanned - self.line_start > LINE_BYTES_MAX + 2 || self.scanned > HEAD_BYTES_MAX + 2 {
            return Err(FrameError::TooLarge);
        }
        Ok(None)
    }
}

/// Whether a line could begin a SIP message of any version.
fn is_start_line(line: &[u8]) -> bool {
    memmem::find(line, b"SIP/").is_some() || memmem::find(line, b"sip/").is_some()
}

/// The Content-Length of a whole head, long or compact; 0 when there is none.
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let wanted = HeaderName::ContentLength.id();
    let mut found: Option<usize> = None;
    let mut rest = head;
    while let Some(feed) = memchr(b'\n', rest) {
        let (line, next) = rest.split_at(feed + 1);
        rest = next;
        let Some((name, value)) = memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) else { continue };
        if header::find(name.trim_ascii_end()) != wanted {
            continue;
        }
        let value = folded_value(value.get(1..).unwrap_or(&[]), rest);
        let length: usize = number(value.trim()).ok_or(FrameError::ContentLength)?;
        if found.is_some_and(|other| other != length) {
            return Err(FrameError::ContentLength);
        }
        if length > BODY_BYTES_MAX {
            return Err(FrameError::TooLarge);
        }
        found = Some(length);
    }
    Ok(found.unwrap_or(0))
}

/// A value with the lines that continue it.
fn folded_value(first: &[u8], mut rest: &[u8]) -> String {
    let mut value = first.to_vec();
    while rest.first().copied().is_some_and(is_blank) {
        let end = memchr(b'\n', rest).map_or(rest.len(), |feed| feed + 1);
        let (line, next) = rest.split_at(end);
        value.extend_from_slice(line);
        rest = next;
    }
    String::from_utf8_lossy(&value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl: 4\r\n\r\nbody";
    const BARE: &str = "SIP/2.0 200 OK\r\nCall-ID: 1\r\n\r\n";

    fn frames(framer: &mut Framer) -> Result<Vec<Frame>, FrameError> {
        std::iter::from_fn(|| framer.next_frame().transpose()).collect()
    }

    fn message(text: &str) -> Frame {
        Frame::Message(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn messages_come_out_whole_wherever_the_stream_was_cut() {
        let stream = format!("\r\n{OPTIONS}{BARE}\r\n\r\n{OPTIONS}\r\n\r\n");
        let wanted = [message(OPTIONS), message(BARE), Frame::KeepAlive, message(OPTIONS), Frame::KeepAlive];
        for size in 1..stream.len() {
            let mut framer = Framer::new();
            let mut got = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                framer.push(chunk);
                got.extend(frames(&mut framer).unwrap());
            }
            assert_eq!(got, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn content_length_is_read_in_every_spelling() {
        for (header, wanted) in [
            ("Content-Length: 4", Ok(4)),
            ("CONTENT-LENGTH : 0004", Ok(4)),
            ("L:4", Ok(4)),
            ("Content-Length:\r\n 4", Ok(4)),
            ("l: 4\r\nContent-Length: 4", Ok(4)),
            ("X-Other: 4", Ok(0)),
            ("l: 4\r\nContent-Length: 5", Err(FrameError::ContentLength)),
            ("Content-Length: -4", Err(FrameError::ContentLength)),
            ("Content-Length: four", Err(FrameError::ContentLength)),
            ("Content-Length: 18446744073709551616", Err(FrameError::ContentLength)),
            ("Content-Length: 1048577", Err(FrameError::TooLarge)),
        ] {
            let head = format!("OPTIONS sip:a@h SIP/2.0\r\n{header}\r\n\r\n");
            assert_eq!(content_length(head.as_bytes()), wanted, "{header}");
        }
    }

    #[test]
    fn limits_close_the_stream_and_its_memory() {
        let long_line = format!("OPTIONS sip:a@h SIP/2.0\r\nX: {}", "x".repeat(LINE_BYTES_MAX));
        let many_lines = format!("OPTIONS sip:a@h SIP/2.0\r\n{}", "X: y\r\n".repeat(HEADERS_MAX + 1));
        let long_head = format!("OPTIONS sip:a@h SIP/2.0\r\n{}", format!("X: {}\r\n", "x".repeat(8_000)).repeat(9));
        for stream in [long_line, many_lines, long_head] {
            let mut framer = Framer::new();
            let mut outcome = Ok(Vec::new());
            for chunk in stream.as_bytes().chunks(1_000) {
                framer.push(chunk);
                outcome = frames(&mut framer);
            }
            assert_eq!(outcome, Err(FrameError::TooLarge));
            framer.push(b"more");
            assert_eq!(framer.next_frame(), Err(FrameError::TooLarge));
            assert!(framer.buffer.is_empty());
        }
    }

    #[test]
    fn other_protocols_are_noticed_at_their_first_line() {
        for stream in ["GET / HTTP/1.1\r\n", "\x16\x03\x01 tls?\n", "\r\rx\r\n"] {
            let mut framer = Framer::new();
            framer.push(stream.as_bytes());
            assert_eq!(frames(&mut framer), Err(FrameError::NotSip), "{stream:?}");
        }
    }

    /// A byte at a time, 64 kB of head: a search that began anew each time would look at two thousand million bytes.
    #[test]
    fn every_byte_is_looked_at_once() {
        let mut framer = Framer::new();
        framer.push(b"OPTIONS sip:a@h SIP/2.0\r\n");
        for _ in 0..8 {
            for byte in [b"X: ".as_slice(), &[b'x'; 8_000], b"\r\n"].concat() {
                framer.push(&[byte]);
                assert_eq!(framer.next_frame(), Ok(None));
                assert_eq!(framer.scanned, framer.buffer.len());
            }
        }
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer).unwrap().len(), 1);
    }
}
