//! The desk without a wire: tables, and the exhaustive walk.

mod controls;
mod happenings;
mod holds;
mod ledger;
mod media;
mod rooms;
mod walk;
mod world;
