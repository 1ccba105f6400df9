//! One SIP dialog with its media: a device of a party.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use baton_media::{StreamConfiguration, StreamId};
use baton_sdp::{LocalHold, Negotiated, Negotiation, PendingOffer, RemoteHold};
use baton_sip::{SessionId, Voice};

use crate::ids::ConnectionId;
use crate::permission::Account;
use crate::room::Tie;

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LegState {
    /// Our INVITE is out, nothing alerts yet.
    Inviting,
    /// The device alerts.
    Alerting,
    /// Their INVITE waits for our final answer.
    Incoming,
    /// Established.
    Up,
}

/// What a leg leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Device {
    /// A registered phone, by its SIP user name.
    Phone(String),
    /// A trunk, by its name.
    Trunk(String),
    /// A tie line between a call and a conference room here, by the room's name: no SIP is spoken on it.
    Room(String),
}

impl Device {
    /// The name for logs and records.
    pub(crate) fn name(&self) -> &str {
        match self {
            Device::Phone(name) | Device::Trunk(name) | Device::Room(name) => name,
        }
    }
}

/// An offer of ours about hold that its device refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldRefused {
    /// What it would have told; [`LocalHold::None`]: that the hold is over.
    pub(crate) hold: LocalHold,
    /// How often in a row.
    pub(crate) times: u8,
    /// When it is told again; `None`: not until something else is to be told.
    pub(crate) again_us: Option<u64>,
}

/// A leg. Its number is its SIP session's and its media stream's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leg {
    /// The number.
    pub(crate) id: u64,
    pub(crate) device: Device,
    pub(crate) state: LegState,
    /// Our end of offer/answer, once a port was taken for it.
    pub(crate) negotiation: Option<Negotiation>,
    /// Our offer that awaits its answer.
    pub(crate) pending: Option<PendingOffer>,
    /// Offer/answer as it was before a provisional answer, for a final answer that differs (D7).
    pub(crate) before_early: Option<Box<(Negotiation, PendingOffer)>>,
    /// Our answer to the INVITE's offer, made at once and sent with the 183 or the 200.
    pub(crate) answer: Option<Bytes>,
    /// Early media flows: their 18x carried an answer, or ours did.
    pub(crate) early_media: bool,
    /// The peer holds us.
    pub(crate) remote_hold: bool,
    /// How we hold it, as our last description said; `None` when a crossing offer has left that open.
    pub(crate) hold_told: Option<LocalHold>,
    /// The hold in our offer that awaits its answer.
    pub(crate) hold_offered: Option<LocalHold>,
    /// What it would not be told.
    pub(crate) hold_refused: Option<HoldRefused>,
    /// For whom we speak to it (RFC 7989).
    pub(crate) voice: Voice,
    /// The conference that our Contact towards it names (RFC 4579).
    pub(crate) focus: Option<String>,
    /// Whom this leg is for, when its party has several: the lines of one phone.
    pub(crate) partners: Vec<ConnectionId>,
    pub(crate) call_id: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) started_us: u64,
    pub(crate) answered_us: Option<u64>,
    /// Whose outside call it counts as.
    pub(crate) charged_to: Option<Account>,
    /// The number and name that its device was told last.
    pub(crate) shown: Option<(String, String)>,
    /// It is one end of a tie line.
    pub(crate) tie: Option<Box<Tie>>,
}

impl Leg {
    pub(crate) fn new(id: u64, device: Device, state: LegState, now_us: u64) -> Self {
        Leg {
            id,
            device,
            state,
            negotiation: None,
            pending: None,
            before_early: None,
            answer: None,
            early_media: false,
            remote_hold: false,
            hold_told: Some(LocalHold::None),
            hold_offered: None,
            hold_refused: None,
            voice: Voice::Own,
            focus: None,
            partners: Vec::new(),
            call_id: String::new(),
            user_agent: None,
            started_us: now_us,
            answered_us: None,
            charged_to: None,
            shown: None,
            tie: None,
        }
    }

    /// Whether the peer called us: the endpoint numbers such sessions oddly.
    pub(crate) fn came_in(&self) -> bool {
        self.id % 2 == 1
    }

    /// Whether SIP is spoken on it.
    pub(crate) fn is_wired(&self) -> bool {
        self.tie.is_none()
    }

    pub(crate) fn session(&self) -> SessionId {
        SessionId(self.id)
    }

    pub(crate) fn stream(&self) -> StreamId {
        StreamId(self.id)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == LegState::Up
    }

    /// Whether it goes by a trunk, and not to a phone or a room of ours.
    pub(crate) fn is_outside(&self) -> bool {
        matches!(self.device, Device::Trunk(_))
    }

    /// Whether audio can flow: it is negotiated, and the leg is up or has early media.
    pub(crate) fn has_media(&self) -> bool {
        let negotiated = self.negotiation.as_ref().is_some_and(|each| each.current().is_some());
        negotiated && (self.is_up() || self.early_media)
    }

    pub(crate) fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiation.as_ref().and_then(Negotiation::current)
    }
}

/// What the media shard is told of a leg, once it is negotiated. Whoever will not be told that its hold is over is heard and spoken
/// to as if it had been: one that hears nothing is lost, what comes unasked does no harm.
pub(crate) fn stream_configuration(leg: &Leg) -> Option<StreamConfiguration> {
    let negotiated = leg.negotiated()?;
    let resumed_unheard = leg.hold_refused.is_some_and(|refused| refused.hold == LocalHold::None);
    let may_send = negotiated.send || (resumed_unheard && negotiated.remote_hold == RemoteHold::None);
    Some(StreamConfiguration {
        remote: negotiated.remote,
        remote_rtcp: negotiated.remote_rtcp,
        codec: media_codec(negotiated.codec),
        payload_type_send: negotiated.payload_type_send,
        payload_type_receive: negotiated.payload_type_receive,
        dtmf_payload_type_send: negotiated.dtmf_payload_type_send,
        dtmf_payload_type_receive: negotiated.dtmf_payload_type_receive,
        ptime_ms: negotiated.ptime_ms,
        send: may_send && negotiated.remote_hold != RemoteHold::ZeroAddress,
        receive: negotiated.receive || resumed_unheard,
    })
}

fn media_codec(codec: baton_sdp::Codec) -> baton_media::Codec {
    match codec {
        baton_sdp::Codec::Pcmu => baton_media::Codec::Pcmu,
        baton_sdp::Codec::Pcma => baton_media::Codec::Pcma,
    }
}
