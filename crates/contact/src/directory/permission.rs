//! What a user, or a trunk's callers, may do: classes of numbers, and security profiles.

use serde::{Deserialize, Serialize};

/// The class of everything inside: agents, queues, conference rooms.
pub const CLASS_INTERNAL: &str = "internal";

/// The class of outside numbers that no other class names.
pub const CLASS_OTHER: &str = "other";

/// A class of outside numbers: national, mobile, premium. The longest prefix of all classes decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestinationClass {
    /// The name and id; `internal` and `other` are there already.
    pub name: String,
    /// How its numbers begin: in E.164 with `+`, as a trunk's `numbers` reads them; without such a plan as the trunk gets
    /// them.
    pub prefixes: Vec<String>,
}

/// How a supervisor takes part in an agent's contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Supervision {
    /// Hears everybody, and is heard by nobody.
    SilentMonitor,
    /// Is heard by one party alone.
    Whisper,
    /// Is heard by everybody.
    Barge,
    /// Becomes the contact's agent in the agent's place.
    TakeOver,
}

impl Supervision {
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Supervision::SilentMonitor => "listen to contacts",
            Supervision::Whisper => "whisper",
            Supervision::Barge => "barge in",
            Supervision::TakeOver => "take contacts over",
        }
    }

    /// Its name among the controls of a snapshot.
    pub(crate) fn control(self) -> &'static str {
        match self {
            Supervision::SilentMonitor => "silentMonitor",
            Supervision::Whisper => "whisper",
            Supervision::Barge => "barge",
            Supervision::TakeOver => "takeOver",
        }
    }
}

/// What may be done. What is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityProfile {
    /// The name and id.
    pub name: String,
    /// Classes that may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial: Option<Vec<String>>,
    /// Classes that may be brought into a call: consults, conferences and transfers of every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Vec<String>>,
    /// Most outside calls at a time that one account has made, 1–1,000; a call counts until it ends, whoever it was handed
    /// to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_outbound_calls: Option<u32>,
    /// Longest outside call, in seconds, 60–86,400, counted from its answer, whoever it was handed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_outbound_seconds: Option<u32>,
    /// Most transfers within one conversation, 1–100; the node's own limit stands above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_transfers: Option<u32>,
    /// How its users may take part in other agents' contacts; nobody may without being named here.
    #[serde(default)]
    pub supervise: Vec<Supervision>,
    /// Whether its users may mute and remove others in conference rooms. Absent: in those that they are in; true: from
    /// outside, too, and they see who is in any room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderate: Option<bool>,
}
