//! SIP for one endpoint, as a pure state machine.
//!
//! It opens no socket, reads no clock, rolls no dice but those seeded in, and knows neither SDP nor contacts.
//! Read [`interface`] first, then [`Endpoint`]: `handle` and `command` go in, `poll_output` comes out. Below it lie the
//! transactions (RFC 3261 §17), the front door and the registrar, and the sessions with one file per verb.

mod access;
mod admission;
mod again;
mod dialog;
pub mod digest;
mod domains;
mod endpoint;
mod errand;
pub mod events;
mod front_door;
mod guard;
mod headers;
mod incoming;
pub mod interface;
pub mod locate;
mod notifier;
mod outgoing;
mod pairs;
mod random;
mod receive;
mod recent;
mod registrar;
mod replaces;
mod rsip_edge;
mod session;
mod stack;
mod streams;
pub mod stun;
mod subject;
mod timer;
mod trace;
mod transaction;
pub mod wire;

pub use endpoint::Endpoint;
pub use events::{EventState, Package, SubscriptionId};
pub use interface::*;
pub use notifier::{EndReason, SubscriptionSummary};
pub use trace::Traced;
