//! The shapes of [`baton_contact::directory`], for the document. A test holds them to the real ones.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) mod trunk;

pub(crate) use trunk::Trunk;

/// All of the directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Directory {
    /// Agents and supervisors.
    #[schema(required = false)]
    pub(crate) users: Vec<User>,
    /// Queues.
    #[schema(required = false)]
    pub(crate) queues: Vec<Queue>,
    /// Routing profiles.
    #[schema(required = false)]
    pub(crate) routing_profiles: Vec<RoutingProfile>,
    /// Quick connects.
    #[schema(required = false)]
    pub(crate) quick_connects: Vec<QuickConnect>,
    /// Trunks: PBX, carriers, SBCs.
    #[schema(required = false)]
    pub(crate) trunks: Vec<Trunk>,
    /// Numbers that can be dialled in.
    #[schema(required = false)]
    pub(crate) numbers: Vec<Number>,
    /// Where outgoing and tandem numbers go, by prefix.
    #[schema(required = false)]
    pub(crate) routes: Vec<Route>,
    /// Conference rooms.
    #[schema(required = false)]
    pub(crate) conferences: Vec<Conference>,
    /// Classes of outside numbers, by prefix.
    #[schema(required = false)]
    pub(crate) destination_classes: Vec<DestinationClass>,
    /// What users and trunks may do.
    #[schema(required = false)]
    pub(crate) security_profiles: Vec<SecurityProfile>,
    /// What is pressed or dialled in place of a click.
    #[schema(required = false)]
    pub(crate) feature_codes: FeatureCodes,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct User {
    /// The log-in name and id, 1–64 of `a-z 0-9 . _ -`.
    pub(crate) username: String,
    /// The full name, for displays.
    #[schema(required = false)]
    pub(crate) name: String,
    /// The panel's password in clear; only in files, replaced by `passwordHash` when the directory is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    /// The password's hash (argon2id, PHC string).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_hash: Option<String>,
    /// May edit the directory and see everybody's contacts.
    #[schema(required = false)]
    pub(crate) admin: bool,
    /// The routing profile's name. Without one the user takes no contacts from queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routing_profile: Option<String>,
    /// The security profile's name. Without one nothing is forbidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_profile: Option<String>,
    /// The short number that reaches this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extension: Option<String>,
    /// Offers are accepted at once: the phone is told to answer by itself.
    #[schema(required = false)]
    pub(crate) auto_accept: bool,
    /// After-contact work ends by itself after this many seconds; 0: only by *Clear contact*.
    #[schema(required = false, default = 0)]
    pub(crate) acw_timeout_seconds: u32,
    /// The agent's SIP devices.
    #[schema(required = false)]
    pub(crate) phones: Vec<Phone>,
    /// Whether the agent's devices ring all at once or one after the other.
    #[schema(required = false)]
    pub(crate) ring: Ringing,
    /// With `serial`: how long each device rings before the next one does, in seconds, 5–60.
    #[schema(required = false, default = 15, minimum = 5, maximum = 60)]
    pub(crate) serial_seconds: u32,
}

/// How the devices of an agent ring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ringing {
    /// All at once.
    Parallel,
    /// One after the other: as listed; several registrations of one phone by their `q`.
    Serial,
}

/// A SIP device of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Phone {
    /// The SIP user name that registers; unique in the directory.
    pub(crate) username: String,
    /// The SIP password in clear; only in files, replaced by the two hashes when the directory is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    /// H(username:realm:password) with MD5 (RFC 8760), lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ha1_md5: Option<String>,
    /// The same with SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ha1_sha256: Option<String>,
}

/// What a queue does with a new contact when it is full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum QueueFull {
    /// 486 Busy Here.
    Busy,
    /// 503 Service Unavailable.
    Unavailable,
}

/// What happens to the held customer when a consulted target fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OnTargetFailure {
    /// The customer stays on hold until the agent acts.
    Hold,
    /// The customer is back with the agent at once.
    AutoResume,
}

/// What happens when the agent's phone hangs up on a customer with whom nobody else is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OnAgentHangup {
    /// A talking agent's hang-up ends the call, as on any phone. A hang-up while the customer is on hold, or with
    /// a failure cause, is a phone that died: the customer is kept and the agent recalled.
    End,
    /// Every hang-up of the phone keeps the customer and recalls the agent; only the panel's *End* ends the call.
    Recall,
}

/// The way back of a customer whose target was not reached: to the agent that transferred it, then to a queue, then to a
/// prompt. Where it begins depends on why the target was not reached; a stage that is not possible, or in which nobody takes
/// the customer in time, falls on to the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecallPolicy {
    /// When the target did not answer.
    #[schema(required = false)]
    pub(crate) no_answer: RecallStage,
    /// When it was busy.
    #[schema(required = false)]
    pub(crate) busy: RecallStage,
    /// When it declined.
    #[schema(required = false)]
    pub(crate) declined: RecallStage,
    /// When none of its phones is registered. A blind transfer to it then leads there at once.
    #[schema(required = false)]
    pub(crate) unregistered: RecallStage,
    /// When the network could not reach it, or its number is wrong.
    #[schema(required = false)]
    pub(crate) network_failure: RecallStage,
    /// How long the target is rung, in seconds, 5–300; absent: as long as any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 300)]
    pub(crate) ring_seconds: Option<u32>,
    /// How long the agent is rung, in seconds, 5–600; absent: the node's `recall_timeout_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 600)]
    pub(crate) transferor_seconds: Option<u32>,
    /// The queue's name; absent: the one that the customer came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    /// How long the customer waits in it, in seconds, at most 86,400; 0: until an agent takes it.
    #[schema(required = false, default = 0, maximum = 86400)]
    pub(crate) queue_seconds: u32,
    /// The prompt's name; absent: `unavailable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<String>,
    /// How long it is played before the call is ended, in seconds, 1–120.
    #[schema(required = false, default = 8, minimum = 1, maximum = 120)]
    pub(crate) prompt_seconds: u32,
}

/// A stage of the way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RecallStage {
    /// The agent that transferred the customer is rung.
    Transferor,
    /// The customer waits in a queue.
    Queue,
    /// The customer is told that nobody can be reached, and the call ends.
    Prompt,
}

/// What happens when the agent's phone hangs up while a target that it consults still rings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OnRingingHangup {
    /// The hang-up completes the transfer: the customer waits for the target, whose phone goes on ringing.
    Transfer,
    /// The hang-up withdraws it: the target is cancelled, the customer kept, and the agent recalled.
    Recall,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Queue {
    /// The name and id, 1–127 characters.
    pub(crate) name: String,
    /// For people.
    #[schema(required = false)]
    pub(crate) description: String,
    /// The short number that reaches this queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extension: Option<String>,
    /// The number shown to outside targets of this queue's contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outbound_caller_id: Option<String>,
    /// The name shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outbound_caller_name: Option<String>,
    /// Whom outside targets of this queue's contacts see, unless their quick connect says more: `queue` (the default),
    /// `customer`, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caller_id: Option<String>,
    /// Most contacts that wait, 1–10,000. Transfers by agents may exceed it by 20 %.
    #[schema(required = false, default = 100, minimum = 1, maximum = 10000)]
    pub(crate) max_contacts: u32,
    /// When full.
    #[schema(required = false)]
    pub(crate) when_full: QueueFull,
    /// How long an agent is rung, in seconds, 5–120.
    #[schema(required = false, default = 20, minimum = 5, maximum = 120)]
    pub(crate) offer_timeout_seconds: u32,
    /// When a consulted target fails.
    #[schema(required = false)]
    pub(crate) on_target_failure: OnTargetFailure,
    /// When the agent's phone hangs up.
    #[schema(required = false)]
    pub(crate) on_agent_hangup: OnAgentHangup,
    /// When the agent's phone hangs up while its target rings.
    #[schema(required = false)]
    pub(crate) on_ringing_hangup: OnRingingHangup,
    /// How long an agent's Leave or blind transfer can be taken back while the target has not answered, in seconds, at most
    /// 60; 0: not at all. For so long the agent's line stays up.
    #[schema(required = false, default = 0, maximum = 60)]
    pub(crate) undo_seconds: u32,
    /// The way back of a customer whose target was not reached after its agent had left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recall: Option<RecallPolicy>,
    /// The hold and waiting music's name; absent: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) music: Option<String>,
    /// Names of the quick connects that this queue's agents see.
    #[schema(required = false)]
    pub(crate) quick_connects: Vec<String>,
}

/// A routing profile: the queues that an agent serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RoutingProfile {
    /// The name and id.
    pub(crate) name: String,
    /// The queue whose caller id and quick connects serve outbound calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_outbound_queue: Option<String>,
    /// The queues.
    #[schema(required = false)]
    pub(crate) queues: Vec<ProfileQueue>,
}

/// A queue of a routing profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProfileQueue {
    /// The queue's name.
    pub(crate) queue: String,
    /// 1–99; the lowest number is served first.
    #[schema(required = false, default = 1, minimum = 1, maximum = 99)]
    pub(crate) priority: u8,
    /// A contact must have waited this many seconds before this agent gets it, 0–9,999.
    #[schema(required = false, default = 0, maximum = 9999)]
    pub(crate) delay_seconds: u32,
}

/// What a quick connect leads to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum QuickConnectType {
    /// An agent.
    User,
    /// A queue.
    Queue,
    /// An outside number.
    PhoneNumber,
}

/// A predefined target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuickConnect {
    /// The name and id, 1–127 characters.
    pub(crate) name: String,
    /// For people.
    #[schema(required = false)]
    pub(crate) description: String,
    /// What it leads to.
    #[serde(rename = "type")]
    pub(crate) kind: QuickConnectType,
    /// For `USER`: the user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// For `QUEUE`: the queue's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    /// For `PHONE_NUMBER`: the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) phone_number: Option<String>,
    /// The caller id shown to the target: `queue` (the default), `customer`, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caller_id: Option<String>,
    /// The prompt that the target hears, alone, before it is connected: a brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) brief: Option<String>,
    /// The target is connected only when it presses 1; any other key, a hang-up, or no key in time declines. What it hears is
    /// `brief`, else the prompt `press-one`, again and again.
    #[schema(required = false, default = false)]
    pub(crate) press_one: bool,
    /// For how long at most the target is told and asked, in seconds, 3–120.
    #[schema(required = false, default = 15, minimum = 3, maximum = 120)]
    pub(crate) accept_seconds: u32,
    /// The way back of a customer whom this target does not take; absent: the queue's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recall: Option<RecallPolicy>,
}

/// A number that can be dialled in; exactly one destination is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Number {
    /// The number as dialled (the user part of the Request-URI).
    pub(crate) number: String,
    /// To this queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    /// To this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// To this conference room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conference: Option<String>,
    /// To a new conference room each time, with the settings of this one (RFC 4579 §5.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conference_factory: Option<String>,
}

/// Where numbers with a prefix go. The longest prefix wins. A number that none takes as it was dialled is looked up in E.164, as
/// the dial plans of the trunks with a country read it, where they agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Route {
    /// The prefix; empty for all that is left.
    pub(crate) prefix: String,
    /// The trunk's name.
    pub(crate) trunk: String,
    /// Trunks that are tried next, in this order, when that one is full or cannot be reached.
    #[schema(required = false)]
    pub(crate) alternatives: Vec<String>,
    /// How many leading characters are removed, 0–32.
    #[schema(required = false, default = 0, maximum = 32)]
    pub(crate) strip: u8,
    /// What is put before the rest.
    #[schema(required = false)]
    pub(crate) add: String,
}

/// A conference room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Conference {
    /// The name and id.
    pub(crate) name: String,
    /// Most parties, 2–64.
    #[schema(required = false, default = 16, minimum = 2, maximum = 64)]
    pub(crate) max_parties: u8,
}

/// A class of outside numbers: national, mobile, premium. The longest prefix of all classes decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DestinationClass {
    /// The name and id; `internal` and `other` are there already.
    pub(crate) name: String,
    /// How its numbers begin: in E.164 with `+`, as a trunk's `numbers` reads them; without such a plan as the trunk gets
    /// them.
    pub(crate) prefixes: Vec<String>,
}

/// How a supervisor takes part in an agent's contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Supervision {
    /// Hears everybody, and is heard by nobody.
    SilentMonitor,
    /// Is heard by one party alone.
    Whisper,
    /// Is heard by everybody.
    Barge,
    /// Becomes the contact's agent in the agent's place.
    TakeOver,
}

/// What may be done. What is absent is not limited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecurityProfile {
    /// The name and id.
    pub(crate) name: String,
    /// Classes that may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dial: Option<Vec<String>>,
    /// Classes that may be brought into a call: consults, conferences and transfers of every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transfer: Option<Vec<String>>,
    /// Most outside calls at a time that one account has made, 1–1,000; a call counts until it ends, whoever it was handed
    /// to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000)]
    pub(crate) max_outbound_calls: Option<u32>,
    /// Longest outside call, in seconds, 60–86,400, counted from its answer, whoever it was handed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60, maximum = 86400)]
    pub(crate) max_outbound_seconds: Option<u32>,
    /// Most transfers within one conversation, 1–100; the node's own limit stands above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub(crate) max_transfers: Option<u32>,
    /// How its users may take part in other agents' contacts; nobody may without being named here.
    #[schema(required = false)]
    pub(crate) supervise: Vec<Supervision>,
    /// Whether its users may mute and remove others in conference rooms. Absent: in those that they are in; true: from
    /// outside, too, and they see who is in any room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moderate: Option<bool>,
}

/// The codes. An empty one is off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FeatureCodes {
    /// Drop the target, and have the customer back.
    #[schema(required = false, default = "*1")]
    pub(crate) drop: String,
    /// Leave: complete the transfer.
    #[schema(required = false, default = "*2")]
    pub(crate) complete: String,
    /// Join everybody.
    #[schema(required = false, default = "*3")]
    pub(crate) join: String,
    /// Swap.
    #[schema(required = false, default = "*4")]
    pub(crate) swap: String,
    /// Take a Leave or a blind transfer back.
    #[schema(required = false, default = "*5")]
    pub(crate) undo: String,
    /// Hold the customer, and resume.
    #[schema(required = false, default = "*6")]
    pub(crate) hold: String,
    /// Mute one's own line, and unmute it.
    #[schema(required = false, default = "*9")]
    pub(crate) mute: String,
    /// Transfer blind to the number that follows, `#` or a pause behind it.
    #[schema(required = false, default = "*7")]
    pub(crate) blind_transfer: String,
    /// Consult the number that follows.
    #[schema(required = false, default = "*8")]
    pub(crate) consult: String,
    /// How long after a digit of that number the next one may come, in seconds, 1–30. For the first there is twice as long.
    #[schema(required = false, default = 4, minimum = 1, maximum = 30)]
    pub(crate) number_seconds: u32,
    /// Dialled before an agent's extension: listen to the agent's contact.
    #[schema(required = false, default = "*0")]
    pub(crate) supervise: String,
    /// A supervisor: only listen.
    #[schema(required = false, default = "*1")]
    pub(crate) silent_monitor: String,
    /// A supervisor: whisper to the agent.
    #[schema(required = false, default = "*2")]
    pub(crate) whisper: String,
    /// A supervisor: barge in.
    #[schema(required = false, default = "*3")]
    pub(crate) barge: String,
    /// A supervisor: take the contact over.
    #[schema(required = false, default = "*4")]
    pub(crate) take_over: String,
}

/// Something in the directory that cannot stand, with its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DirectoryError {
    /// The table: `users`, `queues`, …
    pub(crate) table: String,
    /// The entry's name.
    pub(crate) entry: String,
    /// The key within the entry.
    pub(crate) key: String,
    /// What is wrong, in a sentence.
    pub(crate) message: String,
    /// The nearest valid value, if there is one.
    pub(crate) hint: Option<String>,
}
