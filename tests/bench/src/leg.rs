//! One dialog, and the requests written from it.

use std::net::SocketAddr;

use crate::media::StreamId;
use crate::message::NO_BODY;

/// How far a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Calling,
    Ringing,
    Answering,
    Up,
    Closing,
    Over,
}

/// One dialog of a trunk peer with the server.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) side: usize,
    pub(crate) call: usize,
    pub(crate) state: State,
    pub(crate) call_id: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) remote: String,
    pub(crate) sequence: u32,
    /// What is sent again until it is answered.
    pub(crate) pending: String,
    /// Which sending timer counts.
    pub(crate) generation: u32,
    pub(crate) stream: Option<StreamId>,
    pub(crate) port: u16,
}

/// What the peers can do.
pub(crate) const ALLOW: &str =
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE\r\nSupported: replaces\r\n";

/// The `Replaces` part of a Refer-To that names this dialog of ours (RFC 3891 §6.1: its callee's tag is `to-tag`).
pub(crate) fn replaces(leg: &Leg) -> String {
    let tag =
        |value: &str| value.split_once(";tag=").map(|(_, tag)| tag.split(';').next().unwrap_or_default().to_owned());
    let (to, from) = (tag(&leg.theirs).unwrap_or_default(), tag(&leg.ours).unwrap_or_default());
    format!("?Replaces={}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}", leg.call_id.replace('@', "%40"))
}

/// A request, its branch named by the dialog and its sequence number.
pub(crate) fn request(leg: &Leg, method: &str, address: SocketAddr, rest: &str) -> String {
    let Leg { call_id, ours, theirs, remote, sequence, .. } = leg;
    format!(
        "{method} {remote} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{sequence};rport\r\n\
         Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {sequence} {method}\r\n\
         Contact: <sip:bench@{address}>\r\n{ALLOW}{rest}"
    )
}

/// RFC 3261 §17.1.1.3 for a refusal: the INVITE's own branch and URI. §13.2.2.4 for a 200: a transaction of its own.
pub(crate) fn acknowledgement(leg: &Leg, address: SocketAddr, sequence: u32, refused: bool) -> String {
    let Leg { call_id, ours, theirs, remote, .. } = leg;
    let own = if refused { "" } else { "-ack" };
    format!(
        "ACK {remote} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{sequence}{own};rport\r\n\
         Max-Forwards: 70\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {call_id}\r\nCSeq: {sequence} ACK\r\n{NO_BODY}"
    )
}
