//! What others see of the core's state. All of it is derived; nothing here is state.

use serde::{Deserialize, Serialize};

use crate::directory::QuickConnectType;
use crate::event::InitiationMethod;
use crate::ids::{ConnectionId, ContactId};

/// A connection's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionType {
    /// An agent.
    Agent,
    /// The customer, who called.
    Inbound,
    /// The customer, who was called.
    Outbound,
    /// A third party.
    ThirdParty,
    /// A supervisor.
    Monitor,
}

/// A connection's state, honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionState {
    /// Waits in a queue for an agent.
    Queued,
    /// Offered to an agent's devices, none rings yet; or dialled.
    Offered,
    /// Alerting.
    Ringing,
    /// Alerting, with audio of its own.
    EarlyMedia,
    /// Hears a whisper before it is connected.
    Whispering,
    /// In the conversation.
    Connected,
    /// In the conversation, on hold.
    Hold,
    /// A supervisor that hears everybody and is heard by nobody.
    SilentMonitor,
    /// A supervisor that is heard by one party alone.
    Whisper,
    /// A supervisor that is heard by everybody.
    Barge,
    /// Over.
    Disconnected,
}

/// A contact's state as its agent sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContactState {
    /// Waits in a queue or flow.
    Queued,
    /// Offered to the agent.
    Incoming,
    /// The agent dials; its own phone or the target rings.
    Connecting,
    /// Talking, or any state of the controls' table.
    Connected,
    /// After-contact work.
    Acw,
    /// The agent missed it; to be cleared.
    Missed,
    /// Over and cleared.
    Completed,
}

/// One party of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionSnapshot {
    /// Its number.
    pub connection_id: ConnectionId,
    /// The contact it belongs to.
    pub contact_id: ContactId,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ConnectionType,
    /// Whether it is the customer's.
    pub initial: bool,
    /// Its state.
    pub state: ConnectionState,
    /// Muted by somebody.
    pub muted: bool,
    /// The number or SIP address.
    pub address: String,
    /// The name to show: agent, quick connect, caller name.
    pub name: String,
    /// The agent's user name, on agents.
    pub agent: Option<String>,
    /// How an unsuccessful target ended: `busy`, `noAnswer`, `invalidNumber`, `rejected`, `unreachable`, `cancelled`.
    pub outcome: Option<String>,
    /// The SIP status behind it.
    pub sip_status: Option<u16>,
    /// While a supervisor whispers: who hears it.
    pub whispers_to: Option<ConnectionId>,
    /// When the state began, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// Why a customer came back to the agent that had transferred it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecallSnapshot {
    /// The contact of the target that was not reached.
    pub from_contact_id: ContactId,
    /// The target's name, or its number.
    pub target: String,
    /// How it ended: `busy`, `noAnswer`, `invalidNumber`, `rejected`, `unreachable`.
    pub outcome: String,
    /// The SIP status behind it.
    pub sip_status: Option<u16>,
}

/// A contact as its agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactSnapshot {
    /// The contact.
    pub contact_id: ContactId,
    /// The root, absent on the root itself.
    pub initial_contact_id: Option<ContactId>,
    /// The contact that created it.
    pub previous_contact_id: Option<ContactId>,
    /// The last contact created from it.
    pub next_contact_id: Option<ContactId>,
    /// Rises with every change of the conversation.
    pub revision: u64,
    /// How it came to be.
    pub initiation_method: InitiationMethod,
    /// Its state.
    pub state: ContactState,
    /// When the state began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// Its agent.
    pub agent: Option<String>,
    /// Its queue.
    pub queue: Option<String>,
    /// The customer's address.
    pub customer: Option<String>,
    /// Why it came back, on a recall.
    pub recall: Option<RecallSnapshot>,
    /// All parties of the conversation, the ended ones of the last minute included.
    pub connections: Vec<ConnectionSnapshot>,
    /// The controls that are offered now: `hold`, `resume`, `swap`, `join`, `holdAll`, `leave`, `end`, `add`, `accept`,
    /// `reject`, `clear`, `undo`; on a supervisor's own contact `silentMonitor`, `whisper`, `barge`, `takeOver`, `end`.
    pub controls: Vec<String>,
    /// Attributes of the contact.
    pub attributes: std::collections::BTreeMap<String, String>,
}

/// What the system sees of an agent, beside the status it chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentActivity {
    /// No device is registered.
    Unreachable,
    /// Free.
    Idle,
    /// Is rung.
    Offered,
    /// On a contact.
    OnContact,
    /// After-contact work.
    Acw,
    /// Missed a contact; not routable until cleared.
    Missed,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSnapshot {
    /// The user name.
    pub username: String,
    /// The full name.
    pub name: String,
    /// Rises with every change of the agent or of its contacts.
    pub revision: u64,
    /// The status it chose.
    pub status: String,
    /// The status that follows the present contact.
    pub next_status: Option<String>,
    /// What the system sees.
    pub activity: AgentActivity,
    /// Whether a queue may offer it a contact now.
    pub routable: bool,
    /// When the activity began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// How many devices are registered.
    pub devices: u32,
    /// Its contacts: the present one, or what awaits clearing.
    pub contacts: Vec<ContactSnapshot>,
}

/// A call that is up, for `baton calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallSummary {
    /// The root contact.
    pub contact_id: ContactId,
    /// The conference room that it is, if it is one; a room has the contact of whoever came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conference: Option<String>,
    /// When it began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// Its parties.
    pub connections: Vec<ConnectionSnapshot>,
}

/// A conference room now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceView {
    /// The name: in the directory, or made by a factory.
    pub name: String,
    /// The numbers that lead to it.
    pub numbers: Vec<String>,
    /// Most parties.
    pub max_parties: u32,
    /// A factory has made it: it ends with its last party.
    pub ad_hoc: bool,
    /// How many are in it, or on the way there.
    pub parties: u32,
    /// Its parties, for those in it, administrators and whom a security profile lets moderate rooms; other agents are shown
    /// the guests that they have had called. Whoever comes in by a call that was led into it is behind one of them.
    pub connections: Vec<ConnectionSnapshot>,
}

/// A queue now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueView {
    /// The name.
    pub name: String,
    /// How many wait.
    pub waiting: u32,
    /// The longest wait now, in milliseconds.
    pub longest_wait_ms: u64,
    /// A rough estimate for the next caller, in milliseconds.
    pub estimated_wait_ms: u64,
    /// Agents that serve it and are routable now.
    pub agents_free: u32,
    /// Agents that serve it and are available at all (free or busy).
    pub agents_staffed: u32,
}

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationView {
    /// The phone's SIP user name.
    pub phone: String,
    /// The agent it belongs to.
    pub agent: Option<String>,
    /// Its Contact URI.
    pub contact: String,
    /// Where it is reached: `udp:192.0.2.1:5060`.
    pub flow: String,
    /// By what: `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// The device, as it names itself (`+sip.instance`, RFC 5626 §4.1).
    pub instance: Option<String>,
    /// Which of the device's flows it is (`reg-id`, RFC 5626 §4.2); absent where there is one only.
    pub reg_id: Option<u32>,
    /// The proxies that lead to it (RFC 3327), the first of them first.
    pub path: Vec<String>,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at_ms: u64,
    /// Its User-Agent.
    pub user_agent: Option<String>,
}

/// A subscription of a phone (RFC 6665).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView {
    /// Its number; a later one's is higher.
    pub subscription_id: u64,
    /// The SIP user name of the phone that watches.
    pub phone: String,
    /// The agent it belongs to.
    pub agent: Option<String>,
    /// The event package: `dialog`, `presence` or `conference`.
    pub event: String,
    /// Who or what is watched, as the phone asked for it: a SIP URI.
    pub watched: String,
    /// Where the phone is told: `udp:192.0.2.1:5060`.
    pub flow: String,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at_ms: u64,
}

/// A banned source: nothing is heard from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BanView {
    /// Its address; of an IPv6 network the first one.
    pub address: String,
    /// 32, or 64 for IPv6.
    pub prefix: u8,
    /// `wrongPasswords`, `unknownAccounts`, `scanner` or `malformed`.
    pub reason: String,
    /// When it began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// When it ends, in milliseconds since the epoch.
    pub until_ms: u64,
    /// How often the source has been banned lately, this time included.
    pub count: u32,
}

/// A trunk now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrunkView {
    /// The name.
    pub name: String,
    /// Calls that are up, in both directions.
    pub calls: u32,
    /// Those that the trunk sent us.
    pub calls_in: u32,
    /// Those that we sent the trunk.
    pub calls_out: u32,
    /// Most calls.
    pub max_calls: u32,
    /// Customers that it has taken back by our REFER, since the start.
    pub handed_back: u64,
    /// Those that it was asked to take back and did not; they were bridged here.
    pub bridged_instead: u64,
    /// Calls that came in by it and went out by it, since the start.
    pub trombones: u64,
    /// Its gateways.
    pub gateways: Vec<GatewayView>,
    /// Our registration with it, if we are to register.
    pub registration: Option<TrunkRegistrationView>,
}

/// A gateway of a trunk now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayView {
    /// `host:port`.
    pub address: String,
    /// The lowest is tried first.
    pub priority: u16,
    /// Its share among those of its priority.
    pub weight: u16,
    /// Whether calls go to it.
    pub up: bool,
    /// Whether it is asked by OPTIONS if it lives; calls go to one that is not asked, whether it lives or not.
    pub monitored: bool,
    /// Its last answer to our OPTIONS; 408 for none.
    pub last_status: Option<u16>,
    /// Since when it is up or down, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// Our registration with a trunk now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrunkRegistrationView {
    /// Whether the trunk keeps us.
    pub registered: bool,
    /// The gateway that we register with.
    pub gateway: String,
    /// Until when it keeps us, in milliseconds since the epoch; 0: never so far.
    pub expires_at_ms: u64,
    /// Its last answer; 408 for none.
    pub last_status: Option<u16>,
}

/// A quick connect as an agent sees it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuickConnectView {
    /// The name and id.
    pub quick_connect_id: String,
    /// The name.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it leads to.
    #[serde(rename = "type")]
    pub kind: QuickConnectType,
    /// The number, on `PHONE_NUMBER`.
    pub phone_number: Option<String>,
    /// The agent's activity, on `USER`.
    pub activity: Option<AgentActivity>,
    /// Whether the agent would be rung at once, on `USER`; whether an agent is free, on `QUEUE`.
    pub available: bool,
    /// The queue now, on `QUEUE`.
    pub queue: Option<QueueView>,
}
