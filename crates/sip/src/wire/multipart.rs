//! Bodies of several parts (RFC 2046 §5.1, RFC 5621): a session description is found wherever it stands, and a body that
//! must be understood is told from one that may be left aside.

use bytes::Bytes;
use memchr::memmem;

use super::message::Message;
use super::params::cut_params;
use super::text::trim;
use super::{HeaderName, PART_DEPTH_MAX, PARTS_MAX, Params};

/// A body, or a part of one.
struct Part {
    /// Content-Type in lower case, without parameters.
    kind: String,
    /// `boundary` of a multipart type.
    boundary: Option<String>,
    /// `handling=optional` in Content-Disposition (RFC 3261 §20.11): who does not understand it ignores it.
    optional: bool,
    /// An encoding that changes the bytes (base64, quoted-printable), which we do not undo.
    encoded: bool,
    bytes: Bytes,
}

impl Message {
    /// The body of this type (`application/sdp`, any case, parameters aside): the message's own, or a part of a multipart
    /// body, the last that fits of `multipart/alternative` (RFC 2046 §5.1.4) and the first of the others. Empty ones are
    /// not there.
    pub fn body_of_type(&self, content_type: &str) -> Option<Bytes> {
        find(self.whole_body()?, content_type, PART_DEPTH_MAX)
    }

    /// Whether the body has a part that must be understood and is of none of these types: the case of a 415 (RFC 3261
    /// §8.2.3, RFC 5621 §3.1).
    pub fn has_foreign_body(&self, known: &[&str]) -> bool {
        let is_there = !self.body().is_empty();
        is_there && self.whole_body().is_none_or(|body| is_foreign(body, known, PART_DEPTH_MAX))
    }

    /// The body with what the message's headers say of it; `None` when there is none, or nothing says what it is.
    fn whole_body(&self) -> Option<Part> {
        let bytes = Some(self.body()).filter(|body| !body.is_empty())?;
        let encoding = self.header(HeaderName::of("Content-Transfer-Encoding"));
        Some(Part::of(
            self.header(HeaderName::ContentType)?,
            self.header(HeaderName::ContentDisposition),
            encoding,
            bytes,
        ))
    }
}

impl Part {
    fn of(content_type: &str, disposition: Option<&str>, encoding: Option<&str>, bytes: Bytes) -> Part {
        let param = |value: &str, name: &str| Params::parse(cut_params(value).1).ok()?.unquoted(name);
        let handling = disposition.and_then(|value| param(value, "handling"));
        let plain = ["7bit", "8bit", "binary"];
        Part {
            kind: trim(cut_params(content_type).0).to_ascii_lowercase(),
            boundary: param(content_type, "boundary").filter(|boundary| !boundary.is_empty()),
            optional: handling.is_some_and(|handling| handling.eq_ignore_ascii_case("optional")),
            encoded: encoding.is_some_and(|name| !plain.iter().any(|plain| trim(name).eq_ignore_ascii_case(plain))),
            bytes,
        }
    }

    /// One part as it stands between two delimiters: headers, an empty line, content (RFC 2046 §5.1). A part may have no
    /// headers at all.
    fn read(bytes: &Bytes) -> Part {
        let (head, content) = match (bytes.first(), empty_line(bytes)) {
            (Some(b'\r' | b'\n'), _) => (Bytes::new(), bytes.slice(1 + usize::from(bytes.starts_with(b"\r\n"))..)),
            (_, Some((at, length))) => (bytes.slice(..at), bytes.slice(at + length..)),
            (_, None) => (bytes.clone(), Bytes::new()),
        };
        // Folds are joined; a byte that is not UTF-8 spoils its own value only.
        let text = String::from_utf8_lossy(&head).replace("\r\n", "\n").replace("\n ", "  ").replace("\n\t", "  ");
        let header = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            lines.into_iter().find(|(key, _)| trim(key).eq_ignore_ascii_case(name)).map(|(_, value)| trim(value))
        };
        // RFC 2046 §5.1: a part that does not say is plain text.
        let kind = header("Content-Type").or_else(|| header("c")).unwrap_or("text/plain");
        Part::of(kind, header("Content-Disposition"), header("Content-Transfer-Encoding"), content)
    }

    /// The parts, if it is multipart and reads as such.
    fn parts(&self) -> Option<Vec<Part>> {
        if !self.kind.starts_with("multipart/") {
            return None;
        }
        let parts = split(&self.bytes, self.boundary.as_deref()?);
        if parts.is_empty() { None } else { Some(parts.iter().map(Part::read).collect()) }
    }
}

fn find(part: Part, content_type: &str, depth: usize) -> Option<Bytes> {
    if part.encoded {
        return None;
    }
    if part.kind.eq_ignore_ascii_case(content_type) {
        return Some(part.bytes).filter(|bytes| !bytes.is_empty());
    }
    let mut parts = part.parts().filter(|_| depth > 0)?;
    if part.kind == "multipart/alternative" {
        parts.reverse();
    }
    parts.into_iter().find_map(|part| find(part, content_type, depth - 1))
}

fn is_foreign(part: Part, known: &[&str], depth: usize) -> bool {
    if part.optional {
        return false;
    }
    if part.encoded {
        return true;
    }
    if known.iter().any(|known| part.kind.eq_ignore_ascii_case(known)) {
        return false;
    }
    let Some(parts) = part.parts().filter(|_| depth > 0) else { return true };
    let mut judged = parts.into_iter().map(|part| is_foreign(part, known, depth - 1));
    match part.kind.as_str() {
        // One that is understood is enough (RFC 5621 §7.2), and of related ones the root decides (RFC 2387 §3.1).
        "multipart/alternative" => judged.all(|foreign| foreign),
        "multipart/related" => judged.next().unwrap_or(true),
        // Any other kind is read as mixed (RFC 2046 §5.1.7): each part for itself.
        _ => judged.any(|foreign| foreign),
    }
}

/// What stands between the delimiters (RFC 2046 §5.1.1). The line break before a delimiter belongs to it; a missing last
/// delimiter ends the last part with the body.
fn split(body: &Bytes, boundary: &str) -> Vec<Bytes> {
    let dashes = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begin: Option<usize> = None;
    let mut at = 0;
    while let Some(found) = memmem::find(body.get(at..).unwrap_or(&[]), dashes.as_bytes()).map(|offset| at + offset) {
        let after = found + dashes.len();
        at = after;
        let at_line_start = found == 0 || body.get(found - 1) == Some(&b'\n');
        let Some((is_last, next)) = delimiter_end(body, after).filter(|_| at_line_start) else { continue };
        if let Some(begin) = begin {
            parts.push(body.slice(begin..before_line_break(body, begin, found)));
        }
        begin = Some(next);
        at = next;
        if is_last || parts.len() >= PARTS_MAX {
            return parts;
        }
    }
    if let Some(begin) = begin {
        parts.push(body.slice(begin..));
    }
    parts
}

/// Whether a delimiter is the last one, and where the part after it begins; `None` if it is only the start of a longer text.
fn delimiter_end(body: &Bytes, after: usize) -> Option<(bool, usize)> {
    let rest = body.get(after..)?;
    let is_last = rest.starts_with(b"--");
    let tail = rest.get(if is_last { 2 } else { 0 }..)?;
    let blanks = tail.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let ended = tail.get(blanks..)?;
    let line_break = match ended {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        [] => 0,
        _ if is_last => 0,
        _ => return None,
    };
    Some((is_last, after + if is_last { 2 } else { 0 } + blanks + line_break))
}

fn before_line_break(body: &Bytes, begin: usize, delimiter: usize) -> usize {
    let part = body.get(begin..delimiter).unwrap_or(&[]);
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    begin + part.strip_suffix(b"\r").unwrap_or(part).len()
}

/// The first empty line and its length with the line break before it.
fn empty_line(bytes: &[u8]) -> Option<(usize, usize)> {
    let crlf = memmem::find(bytes, b"\r\n\r\n").map(|at| (at, 4));
    let lf = memmem::find(bytes, b"\n\n").map(|at| (at, 2));
    crlf.into_iter().chain(lf).min()
}
