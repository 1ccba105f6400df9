//! `rsip`'s types as the vocabulary at the crate's edge: filled and printed by our code, never parsed by theirs.

use crate::wire::{Message, Method};

impl Message {
    /// The message as `rsip`'s type, for tools and tests; `None` when `rsip` has no word for its method.
    pub fn to_rsip(&self) -> Option<rsip::SipMessage> {
        unimplemented!()
    }
}

/// `rsip`'s method; `None` for one it does not know.
pub fn method_to_rsip(_method: &Method) -> Option<rsip::Method> {
    unimplemented!()
}
