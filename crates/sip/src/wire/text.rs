//! Character classes of RFC 3261 §25.1.

/// Whether a text is a token: at least one of the token characters and nothing else.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}
