//! RTP, codecs and the mixer of one media shard, as a pure state machine.
//!
//! It opens no socket, reads no clock, rolls no dice but its seeded ones, and knows neither SIP nor
//! contacts. A packet of a two-party call is rewritten in place and sent before [`MediaShard::handle_packet`]
//! returns; whatever is mixed or made is sent by [`MediaShard::tick`]; neither allocates.
//!
//! Read [`command`] first (what a shard is told and tells), then [`stream::Feed`] (who feeds a leg), then
//! [`MediaShard`].
//!
//! Architecture invariant: towards one leg there is one [`line::Line`], and everything that is sent passes it.

pub mod command;
mod dice;
mod dtmf;
pub mod g711;
pub mod goertzel;
mod in_band;
pub mod io;
mod jitter_buffer;
pub mod latch;
pub mod library;
pub mod limits;
pub mod line;
mod mixer;
pub mod packet;
mod prompts;
pub mod quality;
pub mod reception;
mod rtcp;
pub mod shard;
pub mod stream;
mod tone;
pub mod tune;

pub use command::*;
pub use io::{PacketKind, Sink};
pub use library::Library;
pub use shard::{Config, MediaShard};
