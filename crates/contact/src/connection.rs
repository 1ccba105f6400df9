//! A party's place in a conversation.

use serde::{Deserialize, Serialize};

use baton_sip::{SessionId, TransferId};

use crate::attempt::Attempt;
use crate::dial::Devices;
use crate::directory::Supervision;
use crate::event::PartyRole;
use crate::feature::Dialling;
use crate::guest::Invited;
use crate::ids::{ConnectionId, ContactId};
use crate::leg::Leg;
use crate::outcome::{Failure, OutcomeName};
use crate::permission::Account;
use crate::refer_on::Passing;
use crate::snapshot::{ConnectionState, ConnectionType};
use crate::supervise::Monitor;
use crate::take_back::TakeBack;
use crate::undo::Aside;
use crate::whisper::Whisper;

/// Where a party stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Waits in a queue for an agent.
    Queued,
    /// Dialled; nothing alerts yet.
    Offered,
    /// A device alerts.
    Ringing,
    /// A device alerts and sends audio.
    EarlyMedia,
    /// It has answered, and hears what it is told before it is connected.
    Whispering,
    /// The caller, not yet answered by us.
    Calling,
    /// In the conversation.
    Connected,
    /// Over.
    Ended,
}

/// A hold that we keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) since_us: u64,
    /// The contact whose agent did it.
    pub(crate) by: ContactId,
    /// The phone leg whose hold key did it.
    pub(crate) by_leg: Option<u64>,
    /// The revision of the conversation in which it began: parties that were held by one act are one group.
    pub(crate) round: u64,
}

/// A REFER of this party that we act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refer {
    pub(crate) session: SessionId,
    pub(crate) transfer: TransferId,
    /// Whose progress is reported.
    pub(crate) target: ConnectionId,
}

/// How a party that was never reached ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) name: OutcomeName,
    pub(crate) sip_status: u16,
    pub(crate) q850: Option<u16>,
    pub(crate) failure: Failure,
}

/// A party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    /// The contact that it belongs to.
    pub(crate) contact: ContactId,
    pub(crate) kind: ConnectionType,
    /// The customer's connection.
    pub(crate) initial: bool,
    pub(crate) phase: Phase,
    pub(crate) since_us: u64,
    pub(crate) hold: Option<Hold>,
    pub(crate) muted: bool,
    /// The agent, once one is chosen.
    pub(crate) agent: Option<String>,
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) legs: Vec<Leg>,
    pub(crate) outcome: Option<Outcome>,
    /// Who brought it in.
    pub(crate) added_by: Option<ConnectionId>,
    /// It has left by REFER, and stays only until the target is reached: it is neither heard nor hears.
    pub(crate) refer: Option<Refer>,
    /// The REFER to a room's focus that it was called by.
    pub(crate) invited: Option<Invited>,
    /// It has left and may still take that back: as with `refer`, it is neither heard nor hears.
    pub(crate) aside: Option<Aside>,
    /// The quick connect that it was brought in by.
    pub(crate) quick_connect: Option<String>,
    /// The agent who is rung when this target fails and nobody else is left (R4).
    pub(crate) recall_to: Option<String>,
    /// It is consulted: once it answers, its initiator talks to it alone.
    pub(crate) consult: bool,
    /// What it is told before it is connected.
    pub(crate) whisper: Option<Box<Whisper>>,
    /// It has talked with the party that brought it in.
    pub(crate) consulted: bool,
    /// It has been in one bridge with the customer and the party that brought it in.
    pub(crate) joined: bool,
    /// Audio has come from it at some time.
    pub(crate) heard: bool,
    /// Referred-By of the REFER that brought it in (R9).
    pub(crate) referred_by: Option<String>,
    /// The panel has asked its phone to answer by itself.
    pub(crate) accept_asked: bool,
    /// Parties whose hold its pending REFER or Leave has lifted, with the phone line that held them.
    pub(crate) lifted: Vec<(ConnectionId, Option<u64>)>,
    /// When a transfer that it had asked for failed.
    pub(crate) refer_failed_us: Option<u64>,
    /// How many digits it has sent.
    pub(crate) digit_count: u32,
    /// No audio has come from it for a while.
    pub(crate) audio_lost: bool,
    /// It was rung before: its own number is spent.
    pub(crate) rung: bool,
    /// Digits that may become a feature code.
    pub(crate) digits: String,
    /// The number that it is pressing after a feature code.
    pub(crate) dialling: Option<Box<Dialling>>,
    /// What is left to try while it is being called out by a trunk.
    pub(crate) attempt: Option<Box<Attempt>>,
    /// Devices that ring after the one that rings now.
    pub(crate) devices: Option<Box<Devices>>,
    /// Who answers for calling it, when it was called: this stays so whoever the call is handed to (R12).
    pub(crate) charged_to: Option<Account>,
    /// What its quick connect or queue says it is shown as caller: `queue`, `customer` or a number.
    pub(crate) caller_id: Option<String>,
    /// What it does as a supervisor: then it is no party.
    pub(crate) monitor: Option<Monitor>,
    /// The customer's trunk was asked to reach it.
    pub(crate) take_back: Option<Box<TakeBack>>,
    /// A REFER of its trunk that has gone on to the other side.
    pub(crate) passing: Option<Box<Passing>>,
    /// How often a 3xx has moved it to another number.
    pub(crate) moves: u8,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, contact: ContactId, kind: ConnectionType, phase: Phase, now_us: u64) -> Self {
        Connection {
            id,
            contact,
            kind,
            initial: false,
            phase,
            since_us: now_us,
            hold: None,
            muted: false,
            agent: None,
            address: String::new(),
            name: String::new(),
            legs: Vec::new(),
            outcome: None,
            added_by: None,
            refer: None,
            invited: None,
            aside: None,
            quick_connect: None,
            recall_to: None,
            consult: false,
            whisper: None,
            consulted: false,
            joined: false,
            referred_by: None,
            accept_asked: false,
            lifted: Vec::new(),
            refer_failed_us: None,
            digit_count: 0,
            heard: false,
            audio_lost: false,
            rung: false,
            digits: String::new(),
            dialling: None,
            attempt: None,
            devices: None,
            charged_to: None,
            caller_id: None,
            monitor: None,
            take_back: None,
            passing: None,
            moves: 0,
        }
    }

    pub(crate) fn role(&self) -> PartyRole {
        match self.kind {
            ConnectionType::Agent | ConnectionType::Monitor => PartyRole::Agent,
            ConnectionType::Inbound | ConnectionType::Outbound => PartyRole::Customer,
            ConnectionType::ThirdParty => PartyRole::ThirdParty,
        }
    }

    pub(crate) fn is_agent(&self) -> bool {
        self.kind == ConnectionType::Agent
    }

    pub(crate) fn is_live(&self) -> bool {
        self.phase != Phase::Ended
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Being reached: in a queue, dialled, alerting, or told something before it is connected.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Queued | Phase::Offered | Phase::Ringing | Phase::EarlyMedia | Phase::Whispering)
    }

    /// In the conversation, not held, pressing no number, and not on its way out. A supervisor talks beside the conversation.
    pub(crate) fn talks(&self) -> bool {
        self.is_connected()
            && self.monitor.is_none()
            && self.hold.is_none()
            && self.dialling.is_none()
            && self.is_here()
    }

    /// Not on its way out, by REFER or by a Leave that may be taken back.
    pub(crate) fn is_here(&self) -> bool {
        self.refer.is_none() && self.aside.is_none()
    }

    /// The leg that carries its voice to and from `other`.
    pub(crate) fn leg_towards(&self, other: ConnectionId) -> Option<&Leg> {
        let up = || self.legs.iter().filter(|leg| leg.is_up());
        // A line that its phone holds carries nothing: what was for it goes by the line in use.
        let own = up().find(|leg| leg.partners.contains(&other) && !leg.remote_hold);
        own.or_else(|| self.main_leg())
    }

    /// Whether this leg carries its voice to and from `other`, or did so until its phone held it.
    pub(crate) fn carries(&self, leg_id: u64, other: ConnectionId) -> bool {
        let used = || self.legs.iter().filter(|leg| leg.is_up() && (leg.id == leg_id || !leg.remote_hold));
        let own = used().find(|leg| leg.partners.contains(&other));
        own.or_else(|| used().next()).is_some_and(|leg| leg.id == leg_id)
    }

    /// The leg in use: an established one that is not held by its own phone, else any established one, else any
    /// that has early media.
    pub(crate) fn main_leg(&self) -> Option<&Leg> {
        let up = || self.legs.iter().filter(|leg| leg.is_up());
        let used = up().find(|leg| !leg.remote_hold).or_else(|| up().next());
        used.or_else(|| self.legs.iter().find(|leg| leg.has_media()))
    }

    pub(crate) fn leg(&self, id: u64) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    pub(crate) fn leg_mut(&mut self, id: u64) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// The state as it is shown.
    pub(crate) fn shown_state(&self) -> ConnectionState {
        match self.phase {
            Phase::Queued => ConnectionState::Queued,
            Phase::Offered => ConnectionState::Offered,
            Phase::Ringing | Phase::Calling => ConnectionState::Ringing,
            Phase::EarlyMedia => ConnectionState::EarlyMedia,
            Phase::Whispering => ConnectionState::Whispering,
            Phase::Connected if self.hold.is_some() => ConnectionState::Hold,
            Phase::Connected => self.monitor.map_or(ConnectionState::Connected, |monitor| match monitor.mode {
                Supervision::SilentMonitor | Supervision::TakeOver => ConnectionState::SilentMonitor,
                Supervision::Whisper => ConnectionState::Whisper,
                Supervision::Barge => ConnectionState::Barge,
            }),
            Phase::Ended => ConnectionState::Disconnected,
        }
    }

    pub(crate) fn enter(&mut self, phase: Phase, now_us: u64) {
        if self.phase != phase {
            self.phase = phase;
            self.since_us = now_us;
        }
    }
}
