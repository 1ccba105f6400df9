//! Writing messages.

use bytes::{Bytes, BytesMut};

use super::{HeaderName, Message, Method};

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
    pub fn request(_method: &Method, _uri: &str) -> Builder {
        unimplemented!()
    }

    /// A response; an empty `reason` is the standard one.
    pub fn response(_status: u16, _reason: &str) -> Builder {
        unimplemented!()
    }

    /// Appends a header. `value` is anything that prints: a text, a [`super::NameAddr`], a [`super::Via`], a number.
    pub fn header(&mut self, _name: HeaderName<'_>, _value: impl std::fmt::Display) -> &mut Self {
        unimplemented!()
    }

    /// Copies all lines of a header from a message, verbatim.
    pub fn copy(&mut self, _from: &Message, _name: HeaderName<'_>) -> &mut Self {
        unimplemented!()
    }

    /// Sets the body and appends its Content-Type.
    pub fn body(&mut self, _content_type: &str, _body: Bytes) -> &mut Self {
        unimplemented!()
    }

    /// Appends Content-Length and the body. An error if any text given was bad.
    pub fn finish(&mut self) -> Result<Bytes, BadText> {
        unimplemented!()
    }

    #[allow(dead_code)]
    fn _fields(self) -> (BytesMut, Bytes, bool) {
        (self.head, self.body, self.bad)
    }
}
