//! Messages that cannot be taken, and the answer to them.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use super::{HeaderName, Message, Method};

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Neither a request line nor a status line, or nothing that could be SIP.
    #[error("Bad Start Line")]
    StartLine,
    /// A version other than SIP/2.0: 505.
    #[error("Version Not Supported")]
    Version,
    /// A line that is no header, or no empty line after the headers.
    #[error("Bad Header Line")]
    HeaderLine,
    /// A limit of this module was passed: 513.
    #[error("Message Too Large")]
    TooLarge,
    /// A mandatory header is missing (RFC 3261 §8.1.1).
    #[error("Missing Mandatory Header")]
    Missing,
    /// A header that may stand once stands twice with different values.
    #[error("Duplicate Header")]
    Duplicate,
    /// Via does not parse.
    #[error("Bad Via")]
    Via,
    /// From or To does not parse.
    #[error("Bad From Or To")]
    Address,
    /// CSeq does not parse, or its number is out of range.
    #[error("Bad CSeq")]
    CSeq,
    /// CSeq's method is not the request's.
    #[error("CSeq Method Mismatch")]
    MethodMismatch,
    /// Content-Length is no number, or larger than what came.
    #[error("Bad Content-Length")]
    ContentLength,
    /// Max-Forwards is not a number of 0–255.
    #[error("Bad Max-Forwards")]
    MaxForwards,
    /// The Request-URI is not one (in `<>`, with spaces, headers in a SIP URI).
    #[error("Bad Request-URI")]
    RequestUri,
}

/// A message that cannot be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Malformed {
    /// What is wrong.
    pub fault: Fault,
    /// The index of it, when it is a request (not ACK) with the headers that a response copies.
    pub(super) request: Option<Box<Message>>,
}

impl Malformed {
    /// The status to answer with: 400, 505 or 513.
    pub fn status(&self) -> u16 {
        match self.fault {
            Fault::Version => 505,
            Fault::TooLarge => 513,
            _ => 400,
        }
    }

    /// The response, sent statelessly with this To tag to where the request came from; `None` when it cannot be
    /// answered: a response, an ACK, or a request without Via. Headers that are missing stay missing.
    pub fn response(&self, to_tag: &str, source: SocketAddr) -> Option<Bytes> {
        let mut request = self.request.as_deref()?.clone();
        request.set_source(source);
        request.response(self.status(), &self.fault.to_string(), Some(to_tag)).finish().ok()
    }

    /// Nothing can be answered.
    pub(super) fn silent(fault: Fault) -> Malformed {
        Malformed { fault, request: None }
    }

    /// With the faulty message, kept where it can be answered.
    pub(super) fn of(fault: Fault, message: Message) -> Malformed {
        let answerable =
            message.is_request() && *message.method() != Method::Ack && message.header(HeaderName::Via).is_some();
        Malformed { fault, request: answerable.then(|| Box::new(message)) }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(formatter)
    }
}

impl std::error::Error for Malformed {}
