//! The desk without a wire: tables, and the exhaustive walk.

mod controls;
mod happenings;
mod media;
mod walk;
mod world;
