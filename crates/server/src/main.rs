//! The baton server.
fn main() {}
