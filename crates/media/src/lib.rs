//! RTP, codecs and the mixer of one media shard, as a pure state machine.
//!
//! It opens no socket, reads no clock and knows neither SIP nor contacts. Read [`command`] first.

pub mod command;

pub use command::*;
