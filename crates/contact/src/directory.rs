//! The directory: the business that calls are led through. Edited by API and `baton apply`; the core gets whole
//! snapshots of it. Names are the ids. Keys are camelCase, in TOML as in JSON.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

mod feature;
mod permission;
mod recall;
mod trunk;
mod upgrade;

pub(crate) use feature::Feature;
pub use feature::FeatureCodes;
pub use permission::{CLASS_INTERNAL, CLASS_OTHER, DestinationClass, SecurityProfile, Supervision};
pub use recall::{RecallPolicy, RecallStage};
pub use trunk::{
    AudioCodec, CallHistory, CallerIdHeader, EarlyMedia, Gateway, HistoryOfOthers, HoldSignal, NumberFormat,
    NumberPlan, RedirectPolicy, ReferPolicy, Register, TransferPolicy, TrombonePolicy, Trunk, TrunkTransport,
    Unprefixed,
};
pub use upgrade::{drop_empty_user_names, name_countries_by_region};

/// All of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Directory {
    /// Agents and supervisors.
    pub users: Vec<User>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Routing profiles.
    pub routing_profiles: Vec<RoutingProfile>,
    /// Quick connects.
    pub quick_connects: Vec<QuickConnect>,
    /// Trunks: PBX, carriers, SBCs.
    pub trunks: Vec<Trunk>,
    /// Numbers that can be dialled in.
    pub numbers: Vec<Number>,
    /// Where outgoing and tandem numbers go, by prefix.
    pub routes: Vec<Route>,
    /// Conference rooms.
    pub conferences: Vec<Conference>,
    /// Classes of outside numbers, by prefix.
    pub destination_classes: Vec<DestinationClass>,
    /// What users and trunks may do.
    pub security_profiles: Vec<SecurityProfile>,
    /// What is pressed or dialled in place of a click.
    pub feature_codes: FeatureCodes,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// The log-in name and id, 1–64 of `a-z 0-9 . _ -`.
    pub username: String,
    /// The full name, for displays.
    #[serde(default)]
    pub name: String,
    /// The panel's password in clear; only in files, replaced by `passwordHash` when the directory is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The password's hash (argon2id, PHC string).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// May edit the directory and see everybody's contacts.
    #[serde(default)]
    pub admin: bool,
    /// The routing profile's name. Without one the user takes no contacts from queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_profile: Option<String>,
    /// The security profile's name. Without one nothing is forbidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<String>,
    /// The short number that reaches this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Offers are accepted at once: the phone is told to answer by itself.
    #[serde(default)]
    pub auto_accept: bool,
    /// After-contact work ends by itself after this many seconds; 0: only by *Clear contact*.
    #[serde(default)]
    pub acw_timeout_seconds: u32,
    /// The agent's SIP devices.
    #[serde(default)]
    pub phones: Vec<Phone>,
    /// Whether the agent's devices ring all at once or one after the other.
    #[serde(default)]
    pub ring: Ringing,
    /// With `serial`: how long each device rings before the next one does, in seconds, 5–60.
    #[serde(default = "default_serial_seconds")]
    pub serial_seconds: u32,
}

/// How the devices of an agent ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ringing {
    /// All at once.
    #[default]
    Parallel,
    /// One after the other: as listed; several registrations of one phone by their `q`.
    Serial,
}

fn default_serial_seconds() -> u32 {
    15
}

impl Default for User {
    fn default() -> Self {
        User {
            username: String::new(),
            name: String::new(),
            password: None,
            password_hash: None,
            admin: false,
            routing_profile: None,
            security_profile: None,
            extension: None,
            auto_accept: false,
            acw_timeout_seconds: 0,
            phones: Vec::new(),
            ring: Ringing::default(),
            serial_seconds: default_serial_seconds(),
        }
    }
}

/// A SIP device of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Phone {
    /// The SIP user name that registers; unique in the directory.
    pub username: String,
    /// The SIP password in clear; only in files, replaced by the two hashes when the directory is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// H(username:realm:password) with MD5 (RFC 8760), lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ha1_md5: Option<String>,
    /// The same with SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ha1_sha256: Option<String>,
}

/// What a queue does with a new contact when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueueFull {
    /// 486 Busy Here.
    #[default]
    Busy,
    /// 503 Service Unavailable.
    Unavailable,
}

/// What happens to the held customer when a consulted target fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnTargetFailure {
    /// The customer stays on hold until the agent acts.
    #[default]
    Hold,
    /// The customer is back with the agent at once.
    AutoResume,
}

/// What happens when the agent's phone hangs up on a customer with whom nobody else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnAgentHangup {
    /// A talking agent's hang-up ends the call, as on any phone. A hang-up while the customer is on hold, or with
    /// a failure cause, is a phone that died: the customer is kept and the agent recalled.
    #[default]
    End,
    /// Every hang-up of the phone keeps the customer and recalls the agent; only the panel's *End* ends the call.
    Recall,
}

/// What happens when the agent's phone hangs up while a target that it consults still rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnRingingHangup {
    /// The hang-up completes the transfer: the customer waits for the target, whose phone goes on ringing.
    #[default]
    Transfer,
    /// The hang-up withdraws it: the target is cancelled, the customer kept, and the agent recalled.
    Recall,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Queue {
    /// The name and id, 1–127 characters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The short number that reaches this queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// The number shown to outside targets of this queue's contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound_caller_id: Option<String>,
    /// The name shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound_caller_name: Option<String>,
    /// Whom outside targets of this queue's contacts see, unless their quick connect says more: `queue` (the default),
    /// `customer`, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// Most contacts that wait, 1–10,000. Transfers by agents may exceed it by 20 %.
    #[serde(default = "default_max_contacts")]
    pub max_contacts: u32,
    /// When full.
    #[serde(default)]
    pub when_full: QueueFull,
    /// How long an agent is rung, in seconds, 5–120.
    #[serde(default = "default_offer_timeout")]
    pub offer_timeout_seconds: u32,
    /// When a consulted target fails.
    #[serde(default)]
    pub on_target_failure: OnTargetFailure,
    /// When the agent's phone hangs up.
    #[serde(default)]
    pub on_agent_hangup: OnAgentHangup,
    /// When the agent's phone hangs up while its target rings.
    #[serde(default)]
    pub on_ringing_hangup: OnRingingHangup,
    /// How long an agent's Leave or blind transfer can be taken back while the target has not answered, in seconds, at most
    /// 60; 0: not at all. For so long the agent's line stays up.
    #[serde(default)]
    pub undo_seconds: u32,
    /// The way back of a customer whose target was not reached after its agent had left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallPolicy>,
    /// The hold and waiting music's name; absent: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub music: Option<String>,
    /// Names of the quick connects that this queue's agents see.
    #[serde(default)]
    pub quick_connects: Vec<String>,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            name: String::new(),
            description: String::new(),
            extension: None,
            outbound_caller_id: None,
            outbound_caller_name: None,
            caller_id: None,
            max_contacts: default_max_contacts(),
            when_full: QueueFull::default(),
            offer_timeout_seconds: default_offer_timeout(),
            on_target_failure: OnTargetFailure::default(),
            on_agent_hangup: OnAgentHangup::default(),
            on_ringing_hangup: OnRingingHangup::default(),
            undo_seconds: 0,
            recall: None,
            music: None,
            quick_connects: Vec::new(),
        }
    }
}

fn default_max_contacts() -> u32 {
    100
}

fn default_offer_timeout() -> u32 {
    20
}

/// A routing profile: the queues that an agent serves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingProfile {
    /// The name and id.
    pub name: String,
    /// The queue whose caller id and quick connects serve outbound calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_outbound_queue: Option<String>,
    /// The queues.
    #[serde(default)]
    pub queues: Vec<ProfileQueue>,
}

/// A queue of a routing profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileQueue {
    /// The queue's name.
    pub queue: String,
    /// 1–99; the lowest number is served first.
    #[serde(default = "default_priority")]
    pub priority: u8,
    /// A contact must have waited this many seconds before this agent gets it, 0–9,999.
    #[serde(default)]
    pub delay_seconds: u32,
}

fn default_priority() -> u8 {
    1
}

/// What a quick connect leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuickConnectType {
    /// An agent.
    #[default]
    User,
    /// A queue.
    Queue,
    /// An outside number.
    PhoneNumber,
}

/// A predefined target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuickConnect {
    /// The name and id, 1–127 characters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What it leads to.
    #[serde(rename = "type")]
    pub kind: QuickConnectType,
    /// For `USER`: the user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// For `QUEUE`: the queue's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// For `PHONE_NUMBER`: the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The caller id shown to the target: `queue` (the default), `customer`, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// The prompt that the target hears, alone, before it is connected: a brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<String>,
    /// The target is connected only when it presses 1; any other key, a hang-up, or no key in time declines. What it hears is
    /// `brief`, else the prompt `press-one`, again and again.
    #[serde(default)]
    pub press_one: bool,
    /// For how long at most the target is told and asked, in seconds, 3–120.
    #[serde(default = "default_accept")]
    pub accept_seconds: u32,
    /// The way back of a customer whom this target does not take; absent: the queue's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallPolicy>,
}

impl Default for QuickConnect {
    fn default() -> Self {
        QuickConnect {
            name: String::new(),
            description: String::new(),
            kind: QuickConnectType::default(),
            user: None,
            queue: None,
            phone_number: None,
            caller_id: None,
            brief: None,
            press_one: false,
            accept_seconds: default_accept(),
            recall: None,
        }
    }
}

fn default_accept() -> u32 {
    15
}

/// A number that can be dialled in; exactly one destination is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Number {
    /// The number as dialled (the user part of the Request-URI).
    pub number: String,
    /// To this queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// To this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// To this conference room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conference: Option<String>,
    /// To a new conference room each time, with the settings of this one (RFC 4579 §5.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conference_factory: Option<String>,
}

/// Where numbers with a prefix go. The longest prefix wins. A number that none takes as it was dialled is looked up in E.164, as
/// the dial plans of the trunks with a country read it, where they agree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The prefix; empty for all that is left.
    pub prefix: String,
    /// The trunk's name.
    pub trunk: String,
    /// Trunks that are tried next, in this order, when that one is full or cannot be reached.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// How many leading characters are removed, 0–32.
    #[serde(default)]
    pub strip: u8,
    /// What is put before the rest.
    #[serde(default)]
    pub add: String,
}

/// A conference room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conference {
    /// The name and id.
    pub name: String,
    /// Most parties, 2–64.
    #[serde(default = "default_conference_parties")]
    pub max_parties: u8,
}

fn default_conference_parties() -> u8 {
    16
}

/// Something in the directory that cannot stand, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryError {
    /// The table: `users`, `queues`, …
    pub table: String,
    /// The entry's name.
    pub entry: String,
    /// The key within the entry.
    pub key: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The nearest valid value, if there is one.
    pub hint: Option<String>,
}

impl Directory {
    /// The user of this name.
    pub fn user(&self, username: &str) -> Option<&User> {
        self.users.iter().find(|user| user.username == username)
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// The trunk of this name.
    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// The routing profile of this user.
    pub fn profile_of(&self, username: &str) -> Option<&RoutingProfile> {
        let name = self.user(username)?.routing_profile.as_deref()?;
        self.routing_profiles.iter().find(|profile| profile.name == name)
    }

    /// The security profile of this name.
    pub fn security_profile(&self, name: &str) -> Option<&SecurityProfile> {
        self.security_profiles.iter().find(|profile| profile.name == name)
    }

    /// The quick connect of this name.
    pub fn quick_connect(&self, name: &str) -> Option<&QuickConnect> {
        self.quick_connects.iter().find(|entry| entry.name == name)
    }

    /// The user whose phone registers under this SIP user name.
    pub fn owner_of_phone(&self, phone: &str) -> Option<&User> {
        self.users.iter().find(|user| user.phones.iter().any(|each| each.username == phone))
    }

    /// The quick connects that an agent sees: the union over the queues of its routing profile and its default
    /// outbound queue, each once, in the order of the directory.
    pub fn quick_connects_of(&self, username: &str) -> Vec<&QuickConnect> {
        let Some(profile) = self.profile_of(username) else { return Vec::new() };
        let queues: Vec<&Queue> = profile
            .queues
            .iter()
            .map(|each| each.queue.as_str())
            .chain(profile.default_outbound_queue.as_deref())
            .filter_map(|name| self.queue(name))
            .collect();
        let visible = |entry: &&QuickConnect| queues.iter().any(|q| q.quick_connects.contains(&entry.name));
        self.quick_connects.iter().filter(visible).collect()
    }

    /// A map from phone user name to its owner, for look-ups in bulk.
    pub fn phone_owners(&self) -> BTreeMap<&str, &User> {
        let pairs = self.users.iter().flat_map(|user| user.phones.iter().map(move |p| (p.username.as_str(), user)));
        pairs.collect()
    }
}

/// A network in a trunk's list: `address/prefix` or `address`, with `:port` behind it optionally
/// (`192.0.2.0/24`, `192.0.2.7/32:5080`, `[2001:db8::]/32:5060`).
pub fn parse_network(text: &str) -> Option<(IpAddr, u8, Option<u16>)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        return Some((address.ip(), bits, Some(address.port())));
    }
    let (network, rest) = match text.split_once('/') {
        Some((network, rest)) => (network, Some(rest)),
        None => (text, None),
    };
    let address: IpAddr = network.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    let Some(rest) = rest else { return Some((address, bits_max, None)) };
    let (prefix, port) = match rest.split_once(':') {
        Some((prefix, port)) => (prefix, Some(port.parse().ok()?)),
        None => (rest, None),
    };
    let prefix: u8 = prefix.parse().ok()?;
    (prefix <= bits_max).then_some((address, prefix, port))
}
