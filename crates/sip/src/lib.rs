//! SIP for one endpoint, as a pure state machine.
//!
//! It opens no socket, reads no clock, rolls no dice but those seeded in, and knows neither SDP nor contacts.
//! Read [`interface`] first.

pub mod digest;
pub mod interface;
mod rsip_edge;
pub mod wire;

pub use interface::*;
