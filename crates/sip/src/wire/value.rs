//! What every header value shares: the error, and the split at commas.

use serde::{Deserialize, Serialize};

use super::text::{find_outside, trim};

/// A header value that does not read as what its header should hold; a request with it gets 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("a header value does not follow its grammar")]
pub struct BadValue;

/// The parts between commas, outside quotes and `<>`, trimmed, empty ones left out (RFC 3261 §7.3.1).
pub fn split_commas(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        match find_outside(text, b',', true) {
            Some(comma) => {
                let (part, tail) = text.split_at(comma);
                rest = tail.get(1..);
                Some(part)
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
    .map(trim)
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_split_outside_quotes_and_brackets() {
        for (value, wanted) in [
            ("a, b ,c", vec!["a", "b", "c"]),
            (r#""x, y" <sip:a@b;c=1,2>, <sip:d>"#, vec![r#""x, y" <sip:a@b;c=1,2>"#, "<sip:d>"]),
            ("", vec![]),
            (" , ,a,", vec!["a"]),
        ] {
            assert_eq!(split_commas(value).collect::<Vec<_>>(), wanted);
        }
    }
}
