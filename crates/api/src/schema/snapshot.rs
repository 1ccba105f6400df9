//! The shapes of [`baton_contact::snapshot`], for the document. A test holds them to the real ones.

pub(crate) use super::ContactId;
use super::directory::QuickConnectType;
use super::event::InitiationMethod;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A connection's kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ConnectionType {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ConnectionState {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ContactState {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConnectionSnapshot {
    /// Its number.
    pub(crate) connection_id: u64,
    /// The contact it belongs to.
    pub(crate) contact_id: ContactId,
    /// Its kind.
    #[serde(rename = "type")]
    pub(crate) kind: ConnectionType,
    /// Whether it is the customer's.
    pub(crate) initial: bool,
    /// Its state.
    pub(crate) state: ConnectionState,
    /// Muted by somebody.
    pub(crate) muted: bool,
    /// The number or SIP address.
    pub(crate) address: String,
    /// The name to show: agent, quick connect, caller name.
    pub(crate) name: String,
    /// The agent's user name, on agents.
    pub(crate) agent: Option<String>,
    /// How an unsuccessful target ended: `busy`, `noAnswer`, `invalidNumber`, `rejected`, `unreachable`, `cancelled`.
    pub(crate) outcome: Option<String>,
    /// The SIP status behind it.
    pub(crate) sip_status: Option<u16>,
    /// While a supervisor whispers: who hears it.
    pub(crate) whispers_to: Option<u64>,
    /// When the state began, in milliseconds since the epoch.
    pub(crate) since_ms: u64,
}

/// Why a customer came back to the agent that had transferred it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecallSnapshot {
    /// The contact of the target that was not reached.
    pub(crate) from_contact_id: ContactId,
    /// The target's name, or its number.
    pub(crate) target: String,
    /// How it ended: `busy`, `noAnswer`, `invalidNumber`, `rejected`, `unreachable`.
    pub(crate) outcome: String,
    /// The SIP status behind it.
    pub(crate) sip_status: Option<u16>,
}

/// A contact as its agent sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContactSnapshot {
    /// The contact.
    pub(crate) contact_id: ContactId,
    /// The root, absent on the root itself.
    pub(crate) initial_contact_id: Option<ContactId>,
    /// The contact that created it.
    pub(crate) previous_contact_id: Option<ContactId>,
    /// The last contact created from it.
    pub(crate) next_contact_id: Option<ContactId>,
    /// Rises with every change of the conversation.
    pub(crate) revision: u64,
    /// How it came to be.
    pub(crate) initiation_method: InitiationMethod,
    /// Its state.
    pub(crate) state: ContactState,
    /// When the state began, in milliseconds since the epoch.
    pub(crate) since_ms: u64,
    /// Its agent.
    pub(crate) agent: Option<String>,
    /// Its queue.
    pub(crate) queue: Option<String>,
    /// The customer's address.
    pub(crate) customer: Option<String>,
    /// Why it came back, on a recall.
    pub(crate) recall: Option<RecallSnapshot>,
    /// All parties of the conversation, the ended ones of the last minute included.
    pub(crate) connections: Vec<ConnectionSnapshot>,
    /// The controls that are offered now: `hold`, `resume`, `swap`, `join`, `holdAll`, `leave`, `end`, `add`, `accept`,
    /// `reject`, `clear`, `undo`; on a supervisor's own contact `silentMonitor`, `whisper`, `barge`, `takeOver`, `end`.
    pub(crate) controls: Vec<String>,
    /// Attributes of the contact.
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
}

/// What the system sees of an agent, beside the status it chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AgentActivity {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AgentSnapshot {
    /// The user name.
    pub(crate) username: String,
    /// The full name.
    pub(crate) name: String,
    /// Rises with every change of the agent or of its contacts.
    pub(crate) revision: u64,
    /// The status it chose.
    pub(crate) status: String,
    /// The status that follows the present contact.
    pub(crate) next_status: Option<String>,
    /// What the system sees.
    pub(crate) activity: AgentActivity,
    /// Whether a queue may offer it a contact now.
    pub(crate) routable: bool,
    /// When the activity began, in milliseconds since the epoch.
    pub(crate) since_ms: u64,
    /// How many devices are registered.
    pub(crate) devices: u32,
    /// Its contacts: the present one, or what awaits clearing.
    pub(crate) contacts: Vec<ContactSnapshot>,
}

/// A call that is up, for `baton calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CallSummary {
    /// The root contact.
    pub(crate) contact_id: ContactId,
    /// The conference room that it is, if it is one; a room has the contact of whoever came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conference: Option<String>,
    /// When it began, in milliseconds since the epoch.
    pub(crate) since_ms: u64,
    /// Its parties.
    pub(crate) connections: Vec<ConnectionSnapshot>,
}

/// A conference room now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConferenceView {
    /// The name: in the directory, or made by a factory.
    pub(crate) name: String,
    /// The numbers that lead to it.
    pub(crate) numbers: Vec<String>,
    /// Most parties.
    pub(crate) max_parties: u32,
    /// A factory has made it: it ends with its last party.
    pub(crate) ad_hoc: bool,
    /// How many are in it, or on the way there.
    pub(crate) parties: u32,
    /// Its parties, for those in it, administrators and whom a security profile lets moderate rooms; other agents are shown
    /// the guests that they have had called. Whoever comes in by a call that was led into it is behind one of them.
    pub(crate) connections: Vec<ConnectionSnapshot>,
}

/// A queue now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueueView {
    /// The name.
    pub(crate) name: String,
    /// How many wait.
    pub(crate) waiting: u32,
    /// The longest wait now, in milliseconds.
    pub(crate) longest_wait_ms: u64,
    /// A rough estimate for the next caller, in milliseconds.
    pub(crate) estimated_wait_ms: u64,
    /// Agents that serve it and are routable now.
    pub(crate) agents_free: u32,
    /// Agents that serve it and are available at all (free or busy).
    pub(crate) agents_staffed: u32,
}

/// A registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegistrationView {
    /// The phone's SIP user name.
    pub(crate) phone: String,
    /// The agent it belongs to.
    pub(crate) agent: Option<String>,
    /// Its Contact URI.
    pub(crate) contact: String,
    /// Where it is reached: `udp:192.0.2.1:5060`.
    pub(crate) flow: String,
    /// By what: `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub(crate) transport: String,
    /// The device, as it names itself (`+sip.instance`, RFC 5626 §4.1).
    pub(crate) instance: Option<String>,
    /// Which of the device's flows it is (`reg-id`, RFC 5626 §4.2); absent where there is one only.
    pub(crate) reg_id: Option<u32>,
    /// The proxies that lead to it (RFC 3327), the first of them first.
    pub(crate) path: Vec<String>,
    /// When it expires, in milliseconds since the epoch.
    pub(crate) expires_at_ms: u64,
    /// Its User-Agent.
    pub(crate) user_agent: Option<String>,
}

/// A subscription of a phone (RFC 6665).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SubscriptionView {
    /// Its number; a later one's is higher.
    pub(crate) subscription_id: u64,
    /// The SIP user name of the phone that watches.
    pub(crate) phone: String,
    /// The agent it belongs to.
    pub(crate) agent: Option<String>,
    /// The event package: `dialog`, `presence` or `conference`.
    pub(crate) event: String,
    /// Who or what is watched, as the phone asked for it: a SIP URI.
    pub(crate) watched: String,
    /// Where the phone is told: `udp:192.0.2.1:5060`.
    pub(crate) flow: String,
    /// When it expires, in milliseconds since the epoch.
    pub(crate) expires_at_ms: u64,
}

/// A banned source: nothing is heard from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BanView {
    /// Its address; of an IPv6 network the first one.
    pub(crate) address: String,
    /// 32, or 64 for IPv6.
    pub(crate) prefix: u8,
    /// `wrongPasswords`, `unknownAccounts`, `scanner` or `malformed`.
    pub(crate) reason: String,
    /// When it began, in milliseconds since the epoch.
    pub(crate) since_ms: u64,
    /// When it ends, in milliseconds since the epoch.
    pub(crate) until_ms: u64,
    /// How often the source has been banned lately, this time included.
    pub(crate) count: u32,
}

/// A SIP message that came or went, without its secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TraceMessage {
    /// When, in microseconds since the epoch.
    pub(crate) at_us: u64,
    /// Whether it came; else it was sent.
    pub(crate) received: bool,
    /// The transport.
    pub(crate) transport: String,
    /// The peer's address and port.
    pub(crate) remote: String,
    /// The trunk that it came from or went to.
    pub(crate) trunk: Option<String>,
    /// The phone (its SIP user name) that it came from or went to.
    pub(crate) phone: Option<String>,
    /// The contacts of the conversation that it belongs to, when it belongs to one.
    pub(crate) contact_ids: Vec<ContactId>,
    /// Its Call-ID; empty when it does not read.
    pub(crate) call_id: String,
    /// The message.
    pub(crate) message: String,
}

/// A trunk now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrunkView {
    /// The name.
    pub(crate) name: String,
    /// Calls that are up, in both directions.
    pub(crate) calls: u32,
    /// Those that the trunk sent us.
    pub(crate) calls_in: u32,
    /// Those that we sent the trunk.
    pub(crate) calls_out: u32,
    /// Most calls.
    pub(crate) max_calls: u32,
    /// Customers that it has taken back by our REFER, since the start.
    pub(crate) handed_back: u64,
    /// Those that it was asked to take back and did not; they were bridged here.
    pub(crate) bridged_instead: u64,
    /// Calls that came in by it and went out by it, since the start.
    pub(crate) trombones: u64,
    /// Its gateways.
    pub(crate) gateways: Vec<GatewayView>,
    /// Our registration with it, if we are to register.
    pub(crate) registration: Option<TrunkRegistrationView>,
}

/// A gateway of a trunk now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GatewayView {
    /// `host:port`.
    pub(crate) address: String,
    /// The lowest is tried first.
    pub(crate) priority: u16,
    /// Its share among those of its priority.
    pub(crate) weight: u16,
    /// Whether calls go to it.
    pub(crate) up: bool,
    /// Whether it is asked by OPTIONS if it lives; calls go to one that is not asked, whether it lives or not.
    pub(crate) monitored: bool,
    /// Its last answer to our OPTIONS; 408 for none.
    pub(crate) last_status: Option<u16>,
    /// Since when it is up or down, in milliseconds since the epoch.
    pub(crate) since_ms: u64,
}

/// Our registration with a trunk now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrunkRegistrationView {
    /// Whether the trunk keeps us.
    pub(crate) registered: bool,
    /// The gateway that we register with.
    pub(crate) gateway: String,
    /// Until when it keeps us, in milliseconds since the epoch; 0: never so far.
    pub(crate) expires_at_ms: u64,
    /// Its last answer; 408 for none.
    pub(crate) last_status: Option<u16>,
}

/// A quick connect as an agent sees it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuickConnectView {
    /// The name and id.
    pub(crate) quick_connect_id: String,
    /// The name.
    pub(crate) name: String,
    /// For people.
    pub(crate) description: String,
    /// What it leads to.
    #[serde(rename = "type")]
    pub(crate) kind: QuickConnectType,
    /// The number, on `PHONE_NUMBER`.
    pub(crate) phone_number: Option<String>,
    /// The agent's activity, on `USER`.
    pub(crate) activity: Option<AgentActivity>,
    /// Whether the agent would be rung at once, on `USER`; whether an agent is free, on `QUEUE`.
    pub(crate) available: bool,
    /// The queue now, on `QUEUE`.
    pub(crate) queue: Option<QueueView>,
}
