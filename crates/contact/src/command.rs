//! What the panel, the API and the operator can ask, and how they are answered.

use serde::{Deserialize, Serialize};

use crate::directory::{Directory, Supervision};
use crate::ids::{ConnectionId, ContactId};
use crate::snapshot::{
    AgentSnapshot, BanView, CallSummary, ConferenceView, ContactSnapshot, QueueView, QuickConnectView,
    RegistrationView, SubscriptionView, TrunkView,
};

/// Whom to bring in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// A quick connect, by name.
    QuickConnect(String),
    /// A number as typed: an outside number, or an extension.
    PhoneNumber(String),
    /// An agent, by user name.
    Agent(String),
    /// A queue, by name.
    Queue(String),
}

/// What is supervised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Watched {
    /// A contact.
    Contact(ContactId),
    /// The contact that an agent, by user name, talks on now.
    Agent(String),
}

/// Whether the agent talks to the target first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddMode {
    /// Consult, then join or leave.
    #[default]
    Consult,
    /// Leave at once: a blind (cold) transfer.
    Blind,
}

/// A control of a contact by an agent. Each is idempotent: asked again in the state that it leads to, it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Control {
    /// Answer an offer: the phone is asked to go off-hook by itself.
    Accept,
    /// Refuse an offer.
    Reject,
    /// End after-contact work, or acknowledge a missed contact.
    Clear,
    /// Hold the customer.
    Hold,
    /// Take the customer off hold.
    Resume,
    /// Exchange the talking and the held parties; of several consults, whom the agent holds longest is next.
    Swap,
    /// Talk to this party alone: whoever talks is held, and whoever else is held stays so.
    SwapTo(ConnectionId),
    /// Take everybody off hold into one bridge.
    Join,
    /// Take one party off hold, into the bridge of those who talk.
    JoinConnection(ConnectionId),
    /// Hold everybody else.
    HoldAll,
    /// Leave; the others stay together.
    Leave,
    /// Take a Leave, a blind transfer or the phone's REFER back, while its target has not confirmed.
    Undo,
    /// Leave when a target is there, otherwise end the call.
    End,
    /// Bring a target in.
    Add {
        /// Whom.
        target: Target,
        /// How.
        mode: AddMode,
    },
    /// Hold one party.
    HoldConnection(ConnectionId),
    /// Take one party off hold.
    ResumeConnection(ConnectionId),
    /// Mute one party.
    Mute(ConnectionId),
    /// Unmute one party.
    Unmute(ConnectionId),
    /// Remove one party.
    Drop(ConnectionId),
    /// Send DTMF to one party.
    SendDigits {
        /// The party.
        connection: ConnectionId,
        /// `0`–`9 * # A`–`D`, at most 32.
        digits: String,
    },
    /// Set attributes of the contact (32 KiB in all; keys `A-Z a-z 0-9 _ -`).
    SetAttributes(std::collections::BTreeMap<String, String>),
}

/// A control of a conference room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomControl {
    /// Call a guest into it: an outside number or an agent.
    Add(Target),
    /// Remove a guest, or stop calling it.
    Drop(ConnectionId),
    /// Mute a guest.
    Mute(ConnectionId),
    /// Unmute a guest.
    Unmute(ConnectionId),
}

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A control of a contact.
    Control {
        /// Who asks; `None` is the operator (administrator), who may act on every contact as its agent.
        agent: Option<String>,
        /// The contact.
        contact: ContactId,
        /// The control.
        control: Control,
    },
    /// Dial out: rings the agent's phone, then the number.
    Dial {
        /// The agent.
        agent: String,
        /// Whom.
        target: Target,
    },
    /// Listen to an agent's contact, whisper, barge in, or take it over. Asked again it changes how the supervisor takes part.
    Supervise {
        /// The supervisor, by user name; its security profile must allow it.
        supervisor: String,
        /// What is supervised; also the supervisor's own contact that came of it.
        watched: Watched,
        /// How.
        mode: Supervision,
        /// With `WHISPER`: who hears it; the agent when absent.
        to: Option<ConnectionId>,
    },
    /// A control of a conference room, also of one that is empty.
    Conference {
        /// Who asks; `None` is the operator (administrator).
        by: Option<String>,
        /// The room.
        room: String,
        /// The control.
        control: RoomControl,
    },
    /// Choose a status: `Available`, `Offline`, or a custom one. While on a contact it is the next status.
    SetStatus {
        /// The agent.
        agent: String,
        /// 1–127 characters.
        status: String,
    },
    /// Remove all registrations of a phone.
    Unregister {
        /// The phone's SIP user name.
        phone: String,
    },
    /// End the ban of a source.
    LiftBan {
        /// An address of it.
        address: std::net::IpAddr,
    },
    /// The new directory, checked; takes effect at once, for calls to come.
    SetDirectory(Box<Directory>),
    /// Take no new calls. Told by [`crate::Output::Drained`] once the last party has gone; after-contact work does not
    /// hold it up.
    Drain,
    /// End every conversation now: the deadline of a graceful stop. Implies [`Command::Drain`].
    EndAll,
    /// A question.
    Query(Query),
}

/// A question about what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// One contact.
    Contact(ContactId),
    /// One agent with its contacts.
    Agent(String),
    /// All agents.
    Agents,
    /// All calls that are up.
    Calls,
    /// All queues with their numbers now.
    Queues,
    /// All registrations.
    Registrations,
    /// A page of the subscriptions, in the order in which they were made.
    Subscriptions {
        /// The last one of the page before; 0 for the first page.
        after: u64,
        /// Most of them.
        limit: u16,
    },
    /// All trunks with their calls.
    Trunks,
    /// All banned sources.
    Bans,
    /// An agent's quick connects with presence, length and waits now.
    QuickConnects(String),
    /// All conference rooms, for an agent or (nobody) the operator.
    Conferences(Option<String>),
    /// One conference room.
    Conference {
        /// For an agent or (nobody) the operator.
        by: Option<String>,
        /// The room.
        room: String,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reply {
    /// The contact after the command.
    Contact(Box<ContactSnapshot>),
    /// The agent after the command.
    Agent(Box<AgentSnapshot>),
    /// All agents.
    Agents(Vec<AgentSnapshot>),
    /// Calls.
    Calls(Vec<CallSummary>),
    /// Queues.
    Queues(Vec<QueueView>),
    /// Registrations.
    Registrations(Vec<RegistrationView>),
    /// A page of subscriptions.
    Subscriptions(Vec<SubscriptionView>),
    /// Trunks.
    Trunks(Vec<TrunkView>),
    /// Banned sources.
    Bans(Vec<BanView>),
    /// Quick connects.
    QuickConnects(Vec<QuickConnectView>),
    /// A conference room after the command.
    Conference(Box<ConferenceView>),
    /// Conference rooms.
    Conferences(Vec<ConferenceView>),
    /// Done; nothing to show.
    Done,
}

/// Why a command was refused, and with which verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which kind.
    pub kind: RefusalKind,
    /// One sentence for people.
    pub detail: String,
    /// The contact as it is, when there is one.
    pub snapshot: Option<Box<ContactSnapshot>>,
}

/// The kinds of refusal; each maps to one HTTP status and one problem type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// No such contact, connection, agent, queue or quick connect: 404.
    NotFound,
    /// The agent is no party of the contact: 403.
    NotAllowed,
    /// The security profile does not allow it: 403.
    NotPermitted,
    /// The contact's state does not allow it: 409.
    WrongState,
    /// A value is out of range: 422.
    Invalid,
    /// The number leads nowhere: 422.
    NoRoute,
    /// A limit is reached (parties, queue length, trunk): 409.
    LimitReached,
    /// The server takes no new calls: 503.
    Draining,
}

impl Refusal {
    /// A refusal without a snapshot.
    pub fn new(kind: RefusalKind, detail: impl Into<String>) -> Self {
        Refusal { kind, detail: detail.into(), snapshot: None }
    }
}
