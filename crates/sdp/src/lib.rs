//! Session descriptions and offer/answer for audio legs.
//!
//! It never touches the network and knows neither SIP nor RTP packets. Read [`Negotiation`] first.

mod exchange;
mod negotiation;

pub use exchange::{Negotiation, PendingOffer};
pub use negotiation::*;
