//! One call of one person, as its phone knows it.

use std::collections::VecDeque;
use std::net::SocketAddr;

use baton_sdp::{Capabilities, Codec, LocalMedia, Negotiated, Negotiation, PendingOffer};
use baton_sip::{ReferTarget, SessionId, TransferId};
use bytes::Bytes;

use super::sound::Voice;

/// What a person does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// 180, until the test says more.
    #[default]
    Rings,
    /// Not even 180.
    Silent,
    /// 180, and 200 after so many milliseconds.
    Answers(u64),
    /// 180, and this status after so many milliseconds.
    Refuses(u16, u64),
    /// This status at once.
    Busy(u16),
    /// 183 with audio, until the test says more.
    EarlyMedia,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// Our INVITE is out.
    Calling,
    /// Their INVITE waits for us.
    Ringing,
    Up,
    Over,
}

pub struct Line {
    /// The person; a second call at the same phone is `anna/2`.
    pub who: String,
    pub device: usize,
    pub session: SessionId,
    pub call_id: String,
    pub state: LineState,
    /// The status that ended a call which was never up.
    pub refused: Option<u16>,
    pub negotiation: Negotiation,
    pub pending: Option<PendingOffer>,
    /// The offer of their INVITE, until it is answered.
    pub offer: Option<Bytes>,
    /// The answer in our 183, to be repeated in the 200.
    pub answer: Option<Bytes>,
    /// We hold baton.
    pub holding: bool,
    /// When it sent a REFER whose end it does not know.
    pub referring_us: Option<u64>,
    /// What the REFER of this line has brought: the status of its own response, then those of the NOTIFYs.
    pub progress: Vec<u16>,
    /// It thinks a REFER over, instead of declining it at once.
    pub ponders: bool,
    /// The REFER that it thinks over, or acts on.
    pub asked: Option<(TransferId, Box<ReferTarget>)>,
    /// Digits that came by INFO.
    pub digits: String,
    /// Statuses of refused re-INVITEs.
    pub offers_refused: VecDeque<u16>,
    /// It refuses every re-INVITE with this status.
    pub refuses_offers: Option<u16>,
    /// The headers that the call came with.
    pub invite: Option<Box<baton_sip::IncomingInvite>>,
    pub voice: Voice,
}

/// What every phone can do.
pub(super) fn capabilities(codec: Codec) -> Capabilities {
    Capabilities { codecs: vec![codec], telephone_event: true, ptime_ms: 20, rtcp_mux: true }
}

impl Line {
    pub(super) fn new(who: &str, device: usize, session: SessionId, address: SocketAddr, number: u64) -> Line {
        let local = LocalMedia { address: address.ip(), port: 30_000 + (number % 10_000) as u16 * 2 };
        Line {
            who: who.into(),
            device,
            session,
            call_id: String::new(),
            state: LineState::Calling,
            refused: None,
            negotiation: Negotiation::new(local, capabilities(Codec::Pcma), number),
            pending: None,
            offer: None,
            answer: None,
            holding: false,
            referring_us: None,
            progress: Vec::new(),
            ponders: false,
            asked: None,
            digits: String::new(),
            offers_refused: VecDeque::new(),
            refuses_offers: None,
            invite: None,
            voice: Voice::default(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.state == LineState::Over
    }

    /// Where its RTP is received.
    pub fn rtp(&self) -> SocketAddr {
        let local = self.negotiation.local();
        SocketAddr::new(local.address, local.port)
    }

    /// What was agreed, while sound may flow: the call is up, or there was an answer with a 18x.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiation.current().filter(|_| !self.is_over())
    }
}
