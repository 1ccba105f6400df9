//! How a request finds its server transaction (RFC 3261 §17.2.3, §8.2.2.2).

use std::fmt::Write;

use crate::wire::{Message, Method};

/// What begins every branch since RFC 3261.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// The text that equals for a request, its retransmissions and its ACK or CANCEL, when `method` is that of the request
/// that made the transaction: INVITE for an ACK and for the target of a CANCEL.
pub(crate) fn server_key(request: &Message, method: &Method) -> String {
    let branch = request.branch();
    let mut key = String::with_capacity(branch.len() + 48);
    let rfc3261 = branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE));
    // Writing to a String cannot fail.
    if rfc3261 {
        // RFC 3261 §17.2.3: branch, sent-by and method.
        let (host, port) = request.sent_by();
        let _ = write!(key, "{branch}|{host}:{}|{method}", port.unwrap_or(5060));
    } else {
        // RFC 2543 peers: Request-URI, From tag, Call-ID, CSeq number and topmost Via.
        let _ = write!(
            key,
            "|{}|{}|{}|{}|{}|{method}",
            request.call_id(),
            request.cseq().number,
            request.from_tag().unwrap_or(""),
            request.request_uri(),
            request.via(),
        );
    }
    key
}

/// The text that equals for copies of one request that came by different ways (RFC 3261 §8.2.2.2).
pub(crate) fn merge_key(request: &Message) -> String {
    let cseq = request.cseq();
    format!("{}|{}|{}|{}", request.call_id(), request.from_tag().unwrap_or(""), cseq.number, cseq.method)
}
