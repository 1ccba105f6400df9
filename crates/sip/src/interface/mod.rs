//! The two faces of the endpoint: what goes in and what comes out, below (the wire) and above (the contact).
//!
//! Nothing above this crate sees a Via, a CSeq, a branch or a transaction. Times are microseconds since the
//! Unix epoch, given by the caller; they never go back.

mod call;
mod command;
mod config;
mod event;
mod names;
mod transport;

pub use crate::guard::{Ban, BanReason, GuardConfig, Load, Network, Pressure};
pub use call::{History, IncomingInvite, Origin, Party, ReferTarget, ReplacesTarget};
pub use command::{
    Command, CommandRefused, Credentials, DeviceFlow, ErrandKind, OutgoingErrand, OutgoingInvite, Voice,
};
pub use config::{Access, Account, Config, Counters, Listener, ReliableProvisionals, TrustedPeer, UnknownSource};
pub use event::{Binding, EndCause, Event};
pub use names::{ConnectionHandle, ErrandId, ListenerId, PeerId, SessionId, TransferId};
pub use transport::{Destination, Flow, Input, Output, Transport};
