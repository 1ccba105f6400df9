//! The bounds on what a peer may describe, together with what happens at each.

/// Bytes in one description; a larger one is malformed.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 64 * 1024;

/// `m=` lines in one description; more are malformed, for every one has to be answered.
pub(crate) const MEDIA_MAX: usize = 32;

/// Formats that are read from one `m=` line; the rest is not looked at.
pub(crate) const FORMATS_MAX: usize = 64;

/// `a=rtpmap` lines that are read for one `m=` line; the rest is not looked at.
pub(crate) const MAPPINGS_MAX: usize = 128;

/// Bytes in the media type, the protocol and a format of an `m=` line, which answers repeat; longer ones are malformed.
pub(crate) const TOKEN_BYTES_MAX: usize = 64;
