//! Writing messages.

use bytes::{Bytes, BytesMut};
use memchr::memchr3;

use super::message::Span;
use super::print::Print;
use super::text::is_token;
use super::via::ViaSlices;
use super::{HeaderName, Message, Method, reason_phrase, split_commas};

/// A text that would break the message: CR, LF or NUL in a value, or a header name that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text cannot be put into a SIP message")]
pub struct BadText;

/// Writes one message: start line, headers in the order given, Content-Length, body.
#[derive(Debug, Clone)]
pub struct Builder {
    head: BytesMut,
    body: Bytes,
    bad: bool,
}

impl Builder {
    /// A request.
    pub fn request(method: &Method, uri: &str) -> Builder {
        let mut builder = Builder::empty();
        builder.bad |= uri.is_empty() || uri.contains(' ') || !is_token(method.as_str());
        builder.line([method.as_str(), " ", uri, " SIP/2.0"]);
        builder
    }

    /// A response; an empty `reason` is the standard one.
    pub fn response(status: u16, reason: &str) -> Builder {
        let mut builder = Builder::empty();
        builder.bad |= !(100..700).contains(&status);
        let reason = if reason.is_empty() { reason_phrase(status) } else { reason };
        builder.line(["SIP/2.0 ", itoa::Buffer::new().format(status), " ", reason]);
        builder
    }

    fn empty() -> Builder {
        Builder { head: BytesMut::with_capacity(1_024), body: Bytes::new(), bad: false }
    }

    /// Appends a header. `value` is anything that [`Print`]s: a text, a [`super::NameAddr`], a [`super::Via`], a number.
    /// Content-Length is computed and left out here.
    pub fn header(&mut self, name: HeaderName<'_>, value: impl Print) -> &mut Self {
        if name != HeaderName::ContentLength {
            self.bad |= matches!(name, HeaderName::Other(name) if !is_token(name));
            self.head.extend_from_slice(name.as_str().as_bytes());
            self.head.extend_from_slice(b": ");
            self.line(value);
        }
        self
    }

    /// Copies all lines of a header from a message, verbatim.
    pub fn copy(&mut self, from: &Message, name: HeaderName<'_>) -> &mut Self {
        for line in from.lines_of(name) {
            self.copy_value(from, name, line.value, b"");
        }
        self
    }

    /// Copies every header of a message but those named, verbatim and in order. Content-Length is always left out.
    pub fn copy_all_but(&mut self, from: &Message, left_out: &[HeaderName<'_>]) -> &mut Self {
        for line in &from.lines {
            let name = HeaderName::by_id(line.id, from.at(line.name));
            if !left_out.contains(&name) {
                self.copy_value(from, name, line.value, b"");
            }
        }
        self
    }

    /// Sets the body and appends its Content-Type.
    pub fn body(&mut self, content_type: &str, body: Bytes) -> &mut Self {
        self.raw_body(body).header(HeaderName::ContentType, content_type)
    }

    /// Sets the body alone; its Content-Type is among the headers.
    pub fn raw_body(&mut self, body: Bytes) -> &mut Self {
        self.body = body;
        self
    }

    /// Appends Content-Length and the body. An error if any text given was bad. The builder is empty afterwards.
    pub fn finish(&mut self) -> Result<Bytes, BadText> {
        self.head.extend_from_slice(b"Content-Length: ");
        self.line(self.body.len());
        let mut head = std::mem::take(&mut self.head);
        let body = std::mem::take(&mut self.body);
        if std::mem::take(&mut self.bad) {
            return Err(BadText);
        }
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(&body);
        Ok(head.freeze())
    }

    /// Appends a line. Whatever was inserted, it stays one line.
    fn line(&mut self, text: impl Print) {
        let from = self.head.len();
        let written = text.print(&mut self.head);
        let inserted = self.head.get(from..).unwrap_or(&[]);
        self.bad |= written.is_err() || memchr3(b'\r', b'\n', 0, inserted).is_some();
        self.head.extend_from_slice(b"\r\n");
    }

    fn copy_value(&mut self, from: &Message, name: HeaderName<'_>, value: Span, suffix: &[u8]) {
        if name == HeaderName::ContentLength {
            return;
        }
        self.head.extend_from_slice(name.as_str().as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(from.raw(value));
        self.head.extend_from_slice(suffix);
        self.head.extend_from_slice(b"\r\n");
    }
}

/// Begins a response (RFC 3261 §8.2.6).
pub(super) fn respond(request: &Message, status: u16, reason: &str, to_tag: Option<&str>) -> Builder {
    let mut builder = Builder::response(status, reason);
    copy_vias(&mut builder, request);
    builder.copy(request, HeaderName::From);
    match to_tag {
        // §8.2.6.2: a 100 may do without a tag; with one, a retransmission answered by another node would differ.
        Some(tag) if status > 100 && request.to_tag().is_none() => copy_to(&mut builder, request, tag),
        _ => {
            builder.copy(request, HeaderName::To);
        }
    }
    builder.copy(request, HeaderName::CallId).copy(request, HeaderName::CSeq);
    let makes_dialog = matches!(request.method(), Method::Invite | Method::Subscribe | Method::Refer | Method::Notify);
    if makes_dialog && (101..300).contains(&status) {
        builder.copy(request, HeaderName::RecordRoute);
    }
    if status == 100 {
        // §8.2.6.1
        builder.copy(request, HeaderName::Timestamp);
    }
    builder
}

fn copy_vias(builder: &mut Builder, request: &Message) {
    for (index, line) in request.lines_of(HeaderName::Via).enumerate() {
        let value = request.at(line.value);
        if index > 0 || !write_stamped(builder, request, value) {
            builder.copy_value(request, HeaderName::Via, line.value, b"");
        }
    }
}

/// Writes the first Via line with `received` and `rport` in its first value (RFC 3261 §18.2.1, RFC 3581 §4); false when it
/// stays as it is.
fn write_stamped(builder: &mut Builder, request: &Message, line: &str) -> bool {
    let Some(source) = request.source() else { return false };
    let Some(first) = split_commas(line).next() else { return false };
    let Ok(via) = ViaSlices::parse(first) else { return false };
    let Some(stamp) = via.stamp(source) else { return false };
    let rest = line.find(first).and_then(|at| line.get(at + first.len()..)).unwrap_or("");
    // As what is copied, it may hold what we would not write ourselves; a line end it cannot hold.
    builder.head.extend_from_slice(b"Via: ");
    builder.bad |= stamp.print(&mut builder.head).is_err();
    builder.head.extend_from_slice(rest.as_bytes());
    builder.head.extend_from_slice(b"\r\n");
    true
}

fn copy_to(builder: &mut Builder, request: &Message, tag: &str) {
    builder.bad |= !is_token(tag);
    let suffix = format!(";tag={tag}");
    for line in request.lines_of(HeaderName::To) {
        let mut value = line.value;
        if request.raw(value).ends_with(b";") {
            value.end -= 1;
        }
        builder.copy_value(request, HeaderName::To, value, suffix.as_bytes());
    }
}
