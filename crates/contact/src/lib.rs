//! Contacts, connections, transfers, agents, queues and routing: the one room that decides.
//!
//! It opens no socket, reads no clock, spawns nothing, and never relays a session description: each leg has its own
//! offer/answer with us. Read [`Core`], [`Input`], [`Output`] first, then [`event`] and [`directory`].

mod agent;
mod attempt;
mod bans;
mod business;
mod carried;
pub mod check;
pub mod command;
pub mod config;
mod connection;
mod control;
mod conversation;
mod core;
mod country;
mod desk;
mod dial;
mod dial_out;
pub mod directory;
mod duty;
mod empty_room;
pub mod event;
mod feature;
mod guest;
mod handover;
mod happening;
mod health;
mod history;
mod hold_signal;
mod identity;
pub mod ids;
mod incoming;
mod io;
mod leg;
mod line;
mod mix;
mod names;
mod number_plan;
mod offer;
mod outcome;
mod permission;
mod ports;
mod queue;
mod recall;
mod redirect_on;
mod refer;
mod refer_on;
mod registrar;
mod registration;
mod room;
mod route;
mod settle;
pub mod snapshot;
mod supervise;
mod swap;
mod take_back;
mod target;
mod timer;
pub mod trace;
mod transfer;
mod trombone;
mod trunk;
mod undo;
mod view;
mod watch;
mod whisper;

pub use config::{Config, Limits};
pub use core::{Core, Gauges};
pub use ids::{ConnectionId, ContactId, ConversationId, RequestId};
pub use io::{Input, Output};

#[cfg(test)]
mod tests;
