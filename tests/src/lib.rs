//! Shared pieces of the tests.

pub mod real;
pub mod world;
