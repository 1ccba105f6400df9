//! The message: an index over one `Bytes`.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::builder::{Builder, respond};
use super::header::OTHER;
use super::{HeaderName, Malformed, Method, split_commas};

/// A request or a response. Cloning shares the bytes.
///
/// `parse` has checked: start line and version, Via (topmost), From, To, Call-ID, CSeq (present once, readable, method
/// matching), Content-Length, Max-Forwards, Request-URI. The views on those cannot fail; all others can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Message {
    /// The message, a fold's line break replaced by blanks, so that every value is one run of bytes.
    pub(super) bytes: Bytes,
    /// The head once more, as UTF-8: the same bytes, unless a byte was not UTF-8 (it is `?` here, at the same place).
    pub(super) text: Bytes,
    pub(super) start: Start,
    pub(super) method: Method,
    pub(super) cseq_number: u32,
    pub(super) lines: Vec<Line>,
    pub(super) body: Span,
    pub(super) branch: Span,
    pub(super) from_tag: Span,
    pub(super) to_tag: Span,
    pub(super) source: Option<SocketAddr>,
}

/// The start line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Request { uri: Span },
    Response { status: u16, reason: Span },
}

/// A header line: its name's number, its name and its trimmed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) id: u8,
    pub(super) name: Span,
    pub(super) value: Span,
}

/// Offsets into the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn of(start: usize, end: usize) -> Span {
        // A message is far below 4 GiB: the index has refused longer heads, and bodies are bounded by their carrier.
        Span { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// What a checkpoint keeps of a message: the index is made again.
#[derive(Serialize, Deserialize)]
struct Stored {
    bytes: Bytes,
    source: Option<SocketAddr>,
}

impl From<Message> for Stored {
    fn from(message: Message) -> Stored {
        Stored { bytes: message.bytes, source: message.source }
    }
}

impl TryFrom<Stored> for Message {
    type Error = Malformed;

    fn try_from(stored: Stored) -> Result<Message, Malformed> {
        let mut message = Message::parse(stored.bytes)?;
        message.source = stored.source;
        Ok(message)
    }
}

impl Message {
    /// Indexes one whole message: a datagram, or a frame of a [`super::Framer`]. What follows the body as told by
    /// Content-Length is ignored (RFC 3261 §18.3).
    pub fn parse(bytes: Bytes) -> Result<Message, Malformed> {
        super::index::index(bytes)
    }

    /// Remembers where the message came from, so that responses to it get `received` and `rport` (RFC 3261 §18.2.1).
    pub fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }

    /// Where the message came from.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The request's method; a response's CSeq method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as written; empty for a response.
    pub fn request_uri(&self) -> &str {
        match self.start {
            Start::Request { uri } => self.at(uri),
            Start::Response { .. } => "",
        }
    }

    /// The status, 100–699; 0 for a request.
    pub fn status(&self) -> u16 {
        match self.start {
            Start::Request { .. } => 0,
            Start::Response { status, .. } => status,
        }
    }

    /// The reason phrase as written; empty for a request.
    pub fn reason(&self) -> &str {
        match self.start {
            Start::Request { .. } => "",
            Start::Response { reason, .. } => self.at(reason),
        }
    }

    /// The first line of a header, unfolded and trimmed.
    pub fn header(&self, name: HeaderName<'_>) -> Option<&str> {
        self.headers(name).next()
    }

    /// All lines of a header, each unfolded and trimmed, not split.
    pub fn headers<'a>(&'a self, name: HeaderName<'_>) -> impl Iterator<Item = &'a str> {
        self.lines_of(name).map(|line| self.at(line.value))
    }

    /// All values of a header: its lines split at commas outside quotes and `<>`.
    pub fn values<'a>(&'a self, name: HeaderName<'_>) -> impl Iterator<Item = &'a str> {
        self.headers(name).flat_map(split_commas)
    }

    /// Every header line, in order.
    pub fn all_headers(&self) -> impl Iterator<Item = (HeaderName<'_>, &str)> {
        self.lines.iter().map(|line| (HeaderName::by_id(line.id, self.at(line.name)), self.at(line.value)))
    }

    /// The topmost Via's branch; empty when there is none (an RFC 2543 peer).
    pub fn branch(&self) -> &str {
        self.at(self.branch)
    }

    /// The From tag.
    pub fn from_tag(&self) -> Option<&str> {
        Some(self.at(self.from_tag)).filter(|tag| !tag.is_empty())
    }

    /// The To tag.
    pub fn to_tag(&self) -> Option<&str> {
        Some(self.at(self.to_tag)).filter(|tag| !tag.is_empty())
    }

    /// The body; empty when there is none. Shares the message's bytes.
    pub fn body(&self) -> Bytes {
        if self.body.is_empty() { Bytes::new() } else { self.bytes.slice(self.body.range()) }
    }

    /// The whole message as it came, but for folds, whose line breaks are blanks here.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Begins a response: status line, all Via (topmost with `received` and `rport` from the source), From, To with
    /// `to_tag` if it has none (never for 100), Call-ID, CSeq, verbatim; Record-Route too for 101–299 to INVITE,
    /// SUBSCRIBE, REFER and NOTIFY (RFC 3261 §8.2.6, §12.1.1). An empty `reason` is the standard one.
    pub fn response(&self, status: u16, reason: &str, to_tag: Option<&str>) -> Builder {
        respond(self, status, reason, to_tag)
    }

    pub(super) fn cseq_number(&self) -> u32 {
        self.cseq_number
    }

    pub(super) fn lines_of<'a>(&'a self, name: HeaderName<'_>) -> impl Iterator<Item = &'a Line> {
        let id = name.id();
        self.lines.iter().filter(move |line| {
            line.id == id && (id != OTHER || self.at(line.name).eq_ignore_ascii_case(name.as_str()))
        })
    }

    /// A part of the head. Spans end at ASCII separators, so a slice of the UTF-8 head is UTF-8.
    pub(super) fn at(&self, span: Span) -> &str {
        self.text.get(span.range()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// A value byte for byte.
    pub(super) fn raw(&self, span: Span) -> &[u8] {
        self.bytes.get(span.range()).unwrap_or(&[])
    }
}
