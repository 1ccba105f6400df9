//! Session descriptions and offer/answer for audio legs (RFC 4566, RFC 3264).
//!
//! It reads what peers describe, decides, and writes our own descriptions; none is ever relayed. It never touches the
//! network and knows neither SIP nor RTP packets; it reads no clock and rolls no dice. Read [`Negotiation`] first,
//! then [`Negotiated`].

mod audio;
mod description;
mod exchange;
mod limits;
mod negotiation;
mod print;

pub use exchange::{Negotiation, PendingOffer};
pub use negotiation::*;
