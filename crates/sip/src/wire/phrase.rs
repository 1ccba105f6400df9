//! Standard reason phrases.

/// The standard phrase for a status; the class's phrase for an unknown one.
pub fn reason_phrase(_status: u16) -> &'static str {
    unimplemented!()
}
