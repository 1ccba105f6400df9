//! Making the index: one pass over the head, then the checks that every message must pass (RFC 3261 §8.1.1, §8.2).

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memrchr};

use super::header::{self, HeaderName};
use super::message::{Line, Message, Span, Start};
use super::name_addr::NameAddrSlices;
use super::params::ParamSlices;
use super::text::{is_blank, is_token_byte, number, trim};
use super::typed::cseq_slices;
use super::uri::UriSlices;
use super::via::ViaSlices;
use super::{Fault, HEAD_BYTES_MAX, HEADERS_MAX, LINE_BYTES_MAX, Malformed, Method, split_commas};

/// Indexes and checks a message.
pub(super) fn index(mut bytes: Bytes) -> Result<Message, Malformed> {
    // RFC 3261 §7.5: CRLF before the start line is ignored.
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    bytes.advance(blank);
    let mut head = Head::default();
    head.scan(&bytes);
    if !head.folds.is_empty() {
        bytes = unfold(&bytes, &head.folds);
    }
    let text = utf8(bytes.slice(..head.end));
    let line = slice(&text, head.start_line);
    let (start, method) = start_line(line, &mut head.fault).ok_or(Malformed::silent(Fault::StartLine))?;
    let mut message = Message {
        body: Span::of(head.end, bytes.len()),
        bytes,
        text,
        start,
        method,
        cseq_number: 0,
        lines: head.lines,
        branch: Span::default(),
        from_tag: Span::default(),
        to_tag: Span::default(),
        source: None,
    };
    let checked = check(&mut message);
    match head.fault.or(checked.err()) {
        None => Ok(message),
        Some(fault) => Err(Malformed::of(fault, message)),
    }
}

/// What one pass over the head finds.
#[derive(Default)]
struct Head {
    start_line: Span,
    lines: Vec<Line>,
    /// The positions of the line feeds that a fold follows.
    folds: Vec<usize>,
    /// The first byte after the empty line.
    end: usize,
    /// The carriage returns that stand before a line feed.
    returns: usize,
    fault: Option<Fault>,
}

impl Head {
    fn scan(&mut self, bytes: &[u8]) {
        self.lines.reserve(24);
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or(&[]);
            let Some(feed) = memchr(b'\n', rest) else {
                // A head that no empty line ends was cut on its way.
                self.faulty(Fault::HeaderLine);
                self.end = bytes.len().min(HEAD_BYTES_MAX);
                return;
            };
            let line = rest.get(..feed).unwrap_or(&[]);
            let line = line.strip_suffix(b"\r").map_or(line, |line| {
                self.returns += 1;
                line
            });
            let next = at + feed + 1;
            if line.is_empty() {
                self.end = next;
                return self.check_returns(bytes);
            }
            if next > HEAD_BYTES_MAX || line.len() > LINE_BYTES_MAX || self.lines.len() >= HEADERS_MAX {
                self.faulty(Fault::TooLarge);
                self.end = at;
                return;
            }
            if at == 0 {
                self.start_line = Span::of(0, line.len());
            } else if line.first().copied().is_some_and(is_blank) {
                self.fold(bytes, at, line);
            } else {
                self.header(at, line);
            }
            at = next;
        }
    }

    fn header(&mut self, at: usize, line: &[u8]) {
        let length = line.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(line.len());
        let (name, rest) = line.split_at(length);
        // RFC 3261 §25.1 `HCOLON`: blanks may stand before the colon.
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        let colon = length + blanks;
        if name.is_empty() || rest.get(blanks) != Some(&b':') {
            return self.faulty(Fault::HeaderLine);
        }
        self.lines.push(Line {
            id: header::find(name),
            name: Span::of(at, at + name.len()),
            value: trimmed(line.get(colon..).unwrap_or(&[]), at + colon, 1),
        });
    }

    /// A line that begins with a blank continues the value of the one before (RFC 3261 §7.3.1).
    fn fold(&mut self, bytes: &[u8], at: usize, line: &[u8]) {
        let Some(last) = self.lines.last_mut() else { return self.faulty(Fault::HeaderLine) };
        let end = at + line.len();
        // The value may have been empty so far; its start is then wherever something visible begins.
        let from = last.name.end as usize;
        let Some(whole) = bytes.get(from..end) else { return };
        let colon = memchr(b':', whole).unwrap_or(0);
        last.value = trimmed(whole.get(colon..).unwrap_or(&[]), from + colon, 1);
        self.folds.push(at - 1);
        if whole.len() > LINE_BYTES_MAX {
            self.faulty(Fault::TooLarge);
        }
    }

    /// A carriage return inside a line would be a line of its own to some readers of what we copy.
    fn check_returns(&mut self, bytes: &[u8]) {
        let head = bytes.get(..self.end).unwrap_or(&[]);
        if memchr_iter(b'\r', head).count() != self.returns {
            self.faulty(Fault::HeaderLine);
        }
    }

    fn faulty(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// The span of `bytes` from `skip` on without white space at both ends; `bytes` begins at `offset` of the message.
fn trimmed(bytes: &[u8], offset: usize, skip: usize) -> Span {
    let bytes = bytes.get(skip..).unwrap_or(&[]);
    let front = bytes.len() - bytes.trim_ascii_start().len();
    let length = bytes.trim_ascii().len();
    let start = offset + skip + front;
    Span::of(start, start + length)
}

/// A copy in which every fold's line break is blanks: the same length, so that all offsets stay.
fn unfold(bytes: &Bytes, folds: &[usize]) -> Bytes {
    let mut copy = BytesMut::from(bytes.as_ref());
    for feed in folds {
        for at in [*feed, feed.wrapping_sub(1)] {
            if let Some(byte @ (b'\r' | b'\n')) = copy.get_mut(at) {
                *byte = b' ';
            }
        }
    }
    copy.freeze()
}

/// The head as UTF-8: itself, or a copy with `?` for every byte that is none.
fn utf8(head: Bytes) -> Bytes {
    if std::str::from_utf8(&head).is_ok() {
        return head;
    }
    let mut copy = Vec::with_capacity(head.len());
    for chunk in head.utf8_chunks() {
        copy.extend_from_slice(chunk.valid().as_bytes());
        copy.extend(chunk.invalid().iter().map(|_| b'?'));
    }
    copy.into()
}

fn slice(text: &Bytes, span: Span) -> &str {
    text.get(span.range()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
}

/// Reads the start line (RFC 3261 §7.1, §7.2). `None` if it is neither kind; a request line with a fault that can still
/// be answered notes the fault.
fn start_line(line: &str, fault: &mut Option<Fault>) -> Option<(Start, Method)> {
    if line.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("SIP/")) {
        return status_line(line);
    }
    let (first, rest) = line.split_once(' ')?;
    let method = Method::parse(first)?;
    let last = memrchr(b' ', rest.as_bytes()).unwrap_or(0);
    let (uri, version) = rest.split_at_checked(last)?;
    let version = version.get(1..).unwrap_or("");
    let begin = first.len() + 1;
    let start = Start::Request { uri: Span::of(begin, begin + uri.len()) };
    match version.get(..4) {
        Some(name) if name.eq_ignore_ascii_case("SIP/") => {
            if version.get(4..) != Some("2.0") {
                fault.get_or_insert(Fault::Version);
            } else if !request_uri_reads(uri) {
                fault.get_or_insert(Fault::RequestUri);
            }
        }
        // Blanks after the version (RFC 4475 §3.1.2.9), or another protocol.
        _ if trim(rest).to_ascii_uppercase().contains(" SIP/") => {
            fault.get_or_insert(Fault::StartLine);
        }
        _ => return None,
    }
    Some((start, method))
}

fn request_uri_reads(uri: &str) -> bool {
    match UriSlices::parse(uri) {
        // RFC 3261 §19.1.1: no headers in a Request-URI (RFC 4475 §3.1.2.11).
        Ok(UriSlices::Sip(sip)) => sip.headers.is_empty(),
        Ok(_) => true,
        Err(_) => false,
    }
}

fn status_line(line: &str) -> Option<(Start, Method)> {
    let (version, rest) = line.split_once(' ')?;
    if version.get(4..) != Some("2.0") {
        return None;
    }
    // The blank after the status is mandatory, and missing in some peers' responses without a phrase.
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = number::<u16>(status).filter(|code| (100..700).contains(code) && status.len() == 3)?;
    let reason = Span::of(line.len() - reason.len(), line.len());
    Some((Start::Response { status, reason }, Method::Ack))
}

/// Checks what every message must have, and notes what every reader asks for.
fn check(message: &mut Message) -> Result<(), Fault> {
    // CSeq first: it tells a response's method, which the other checks do not need.
    let (sequence, method) = cseq_slices(only(message, HeaderName::CSeq)?).map_err(|_| Fault::CSeq)?;
    if message.is_request() {
        if message.method.as_str() != method {
            return Err(Fault::MethodMismatch);
        }
    } else {
        message.method = Method::parse(method).ok_or(Fault::CSeq)?;
    }
    message.cseq_number = sequence;
    message.branch = topmost_branch(message)?;
    message.from_tag = address_tag(message, HeaderName::From)?;
    message.to_tag = address_tag(message, HeaderName::To)?;
    let call_id = only(message, HeaderName::CallId)?;
    if call_id.is_empty() || call_id.bytes().any(is_blank) {
        return Err(Fault::HeaderLine);
    }
    check_max_forwards(message)?;
    message.body = body(message)?;
    Ok(())
}

fn topmost_branch(message: &Message) -> Result<Span, Fault> {
    let line = message.header(HeaderName::Via).ok_or(Fault::Missing)?;
    let value = split_commas(line).next().ok_or(Fault::Via)?;
    let via = ViaSlices::parse(value).map_err(|_| Fault::Via)?;
    Ok(via.branch().map(|branch| place(message, branch)).unwrap_or_default())
}

fn address_tag(message: &Message, name: HeaderName<'_>) -> Result<Span, Fault> {
    let slices = NameAddrSlices::parse(only(message, name)?).map_err(|_| Fault::Address)?;
    match ParamSlices::new(slices.params).find("tag") {
        // A second tag could not be told from it once ours is appended.
        Some("") => Err(Fault::Address),
        Some(tag) => Ok(place(message, tag)),
        None => Ok(Span::default()),
    }
}

fn check_max_forwards(message: &Message) -> Result<(), Fault> {
    match only(message, HeaderName::MaxForwards) {
        Ok(value) => number::<u8>(value).map(drop).ok_or(Fault::MaxForwards),
        // Its absence is an RFC 2543 peer (RFC 4475 §3.4.1).
        Err(Fault::Missing) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// The body as Content-Length tells it; without one, all that is left (RFC 3261 §18.3).
fn body(message: &Message) -> Result<Span, Fault> {
    let rest = message.body.range();
    let length = match only(message, HeaderName::ContentLength) {
        Ok(value) => number::<u32>(value).ok_or(Fault::ContentLength)? as usize,
        Err(Fault::Missing) => rest.len(),
        Err(fault) => return Err(fault),
    };
    if length > rest.len() {
        return Err(Fault::ContentLength);
    }
    Ok(Span::of(rest.start, rest.start + length))
}

/// The value of a header that may stand once. A repetition of the very same value is let pass.
fn only<'a>(message: &'a Message, name: HeaderName<'_>) -> Result<&'a str, Fault> {
    let mut values = message.headers(name);
    let first = values.next().ok_or(Fault::Missing)?;
    if values.all(|other| other == first) { Ok(first) } else { Err(Fault::Duplicate) }
}

/// Where a slice of the head's text stands in the message.
fn place(message: &Message, part: &str) -> Span {
    let start = (part.as_ptr() as usize).wrapping_sub(message.text.as_ptr() as usize);
    Span::of(start, start.saturating_add(part.len()))
}
