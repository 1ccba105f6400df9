//! One call of the load, as its parties saw it.

use crate::media::Watched;

/// What a call of the load is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From trunk A by prefix to trunk B, hung up by the caller.
    Tandem,
    /// The same, and the callee refers the caller to another number of trunk B after this many milliseconds.
    Transfer(u64),
    /// The same, but the callee first calls the other number itself, and then joins the two calls (REFER with Replaces).
    Attended(u64),
    /// To a conference room; the party's tone.
    Room(u32, usize),
    /// To a queue; the agent that is rung consults a number of trunk B, joins, leaves and clears.
    Desk,
}

/// One call, seen from its caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) started: u64,
    /// The INVITE reached the callee.
    pub(crate) invited: u64,
    /// The 200 reached the caller.
    pub(crate) answered: u64,
    /// The caller's BYE was answered, or the far BYE came.
    pub(crate) ended: u64,
    /// The final status, or 0 for a timeout.
    pub(crate) failed: Option<u16>,
    pub(crate) referred: u64,
    pub(crate) refer_status: u16,
    pub(crate) target_invited: u64,
    /// The referred caller heard the target, and the target the caller.
    pub(crate) caller_heard: u64,
    pub(crate) target_heard: u64,
    /// The last NOTIFY said so.
    pub(crate) notified: u16,
    pub(crate) caller: usize,
    pub(crate) callee: Option<usize>,
    pub(crate) target: Option<usize>,
    /// The callee's call to the target, of an attended transfer.
    pub(crate) consult: Option<usize>,
    /// The agent that was rung, and the status of the last button it pressed.
    pub(crate) agent: Option<usize>,
    pub(crate) pressed: u16,
    /// When the agent joined all three, and when both the customer and the target first heard two tones in one frame.
    pub(crate) joined: u64,
    pub(crate) mixed: u64,
    /// What the customer received from the moment the agent left on.
    pub(crate) left: Option<Watched>,
}

/// How the calls of a load look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// From the answer to the caller's BYE; `None`: until `Load::hang_up_all`.
    pub(crate) hold: Option<u64>,
    pub(crate) media: bool,
    /// RTP and RTCP by one port (RFC 5761): a leg takes one socket of the server's, not two.
    pub(crate) mux: bool,
}
