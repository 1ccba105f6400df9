//! Reading and writing SIP messages.
//!
//! A [`Message`] is an index over one `Bytes`: header names and offsets, nothing copied. Typed views ([`Via`],
//! [`NameAddr`], [`Uri`], [`CSeq`] …) are made when asked for. [`Builder`] writes messages; what was not changed is
//! copied byte for byte. [`Framer`] cuts a stream into messages. Nothing here keeps state of calls, and nothing panics
//! on hostile bytes: what cannot be taken is a [`Malformed`] that knows whether and how it can be answered.

mod auth;
mod builder;
mod equivalent;
mod escape;
mod framer;
mod header;
mod index;
mod malformed;
mod message;
mod method;
mod multipart;
mod name_addr;
mod params;
mod phone;
mod phrase;
mod print;
mod refer;
mod text;
mod typed;
mod uri;
mod value;
mod via;
mod views;

pub use auth::{Challenge, DigestCredentials};
pub use builder::{BadText, Builder};
pub use escape::{escape, unescape};
pub use framer::{Frame, FrameError, Framer};
pub use header::HeaderName;
pub use malformed::{Fault, Malformed};
pub use message::Message;
pub use method::Method;
pub use name_addr::NameAddr;
pub use params::Params;
pub use phrase::reason_phrase;
pub use print::Print;
pub use refer::{ReferTo, Replaces, TargetDialog};
pub use typed::{CSeq, Contacts, EventPackage, RAck, Reason, Refresher, SessionExpires, SubscriptionState};
pub use uri::{Host, SipUri, TelUri, Uri};
pub use value::{BadValue, split_commas};
pub use via::Via;

/// Most bytes of a start line and headers together.
pub const HEAD_BYTES_MAX: usize = 65_536;
/// Most bytes of one header line, folds included.
pub const LINE_BYTES_MAX: usize = 8_192;
/// Most header lines of one message.
pub const HEADERS_MAX: usize = 256;
/// Most parts of a multipart body that are looked at.
pub const PARTS_MAX: usize = 16;
/// Most multipart bodies within one another.
pub const PART_DEPTH_MAX: usize = 4;
/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 1_048_576;
