//! The message: an index over one `Bytes`.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Builder, HeaderName, Malformed, Method};

/// A request or a response, as it came. Cloning shares the bytes.
///
/// `parse` has checked: start line and version, Via (topmost), From, To, Call-ID, CSeq (present once, readable, method
/// matching), Content-Length, Max-Forwards, Request-URI. The views on those cannot fail; all others can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    bytes: Bytes,
    source: Option<SocketAddr>,
    method: Method,
}

impl Message {
    /// Indexes one whole message: a datagram, or a frame of a [`super::Framer`]. What follows the body as told by
    /// Content-Length is ignored (RFC 3261 §18.3).
    pub fn parse(_bytes: Bytes) -> Result<Message, Malformed> {
        unimplemented!()
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
        unimplemented!()
    }

    /// The request's method; a response's CSeq method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as written; empty for a response.
    pub fn request_uri(&self) -> &str {
        unimplemented!()
    }

    /// The status, 100–699; 0 for a request.
    pub fn status(&self) -> u16 {
        unimplemented!()
    }

    /// The reason phrase as written; empty for a request.
    pub fn reason(&self) -> &str {
        unimplemented!()
    }

    /// The first line of a header, unfolded and trimmed.
    pub fn header(&self, _name: HeaderName<'_>) -> Option<&str> {
        unimplemented!()
    }

    /// All lines of a header, each unfolded and trimmed, not split.
    pub fn headers<'a>(&'a self, _name: HeaderName<'a>) -> impl Iterator<Item = &'a str> {
        unimplemented!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }

    /// All values of a header: its lines split at commas outside quotes and `<>`.
    pub fn values<'a>(&'a self, _name: HeaderName<'a>) -> impl Iterator<Item = &'a str> {
        unimplemented!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }

    /// Every header line, in order.
    pub fn all_headers(&self) -> impl Iterator<Item = (HeaderName<'_>, &str)> {
        unimplemented!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }

    /// The body; empty when there is none. Shares the message's bytes.
    pub fn body(&self) -> Bytes {
        unimplemented!()
    }

    /// The body, if it is there and of this type (`application/sdp`), parameters and case aside.
    pub fn body_of_type(&self, _content_type: &str) -> Option<Bytes> {
        unimplemented!()
    }

    /// The whole message as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Begins a response: status line, all Via (topmost with `received` and `rport` from the source), From, To with
    /// `to_tag` if it has none (never for 100), Call-ID, CSeq, verbatim; Record-Route too for 101–299 to INVITE,
    /// SUBSCRIBE, REFER and NOTIFY (RFC 3261 §8.2.6, §12.1.1). An empty `reason` is the standard one.
    pub fn response(&self, _status: u16, _reason: &str, _to_tag: Option<&str>) -> Builder {
        unimplemented!()
    }
}
