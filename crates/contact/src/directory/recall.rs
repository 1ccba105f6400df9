//! Where a customer goes whose target was not reached after its agent had left.

use serde::{Deserialize, Serialize};

/// The way back of a customer whose target was not reached: to the agent that transferred it, then to a queue, then to a
/// prompt. Where it begins depends on why the target was not reached; a stage that is not possible, or in which nobody takes
/// the customer in time, falls on to the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RecallPolicy {
    /// When the target did not answer.
    pub no_answer: RecallStage,
    /// When it was busy.
    pub busy: RecallStage,
    /// When it declined.
    pub declined: RecallStage,
    /// When none of its phones is registered. A blind transfer to it then leads there at once.
    pub unregistered: RecallStage,
    /// When the network could not reach it, or its number is wrong.
    pub network_failure: RecallStage,
    /// How long the target is rung, in seconds, 5–300; absent: as long as any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_seconds: Option<u32>,
    /// How long the agent is rung, in seconds, 5–600; absent: the node's `recall_timeout_s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferor_seconds: Option<u32>,
    /// The queue's name; absent: the one that the customer came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// How long the customer waits in it, in seconds, at most 86,400; 0: until an agent takes it.
    pub queue_seconds: u32,
    /// The prompt's name; absent: `unavailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// How long it is played before the call is ended, in seconds, 1–120.
    pub prompt_seconds: u32,
}

impl Default for RecallPolicy {
    fn default() -> Self {
        RecallPolicy {
            no_answer: RecallStage::default(),
            busy: RecallStage::default(),
            declined: RecallStage::default(),
            unregistered: RecallStage::default(),
            network_failure: RecallStage::default(),
            ring_seconds: None,
            transferor_seconds: None,
            queue: None,
            queue_seconds: 0,
            prompt: None,
            prompt_seconds: 8,
        }
    }
}

/// A stage of the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecallStage {
    /// The agent that transferred the customer is rung.
    #[default]
    Transferor,
    /// The customer waits in a queue.
    Queue,
    /// The customer is told that nobody can be reached, and the call ends.
    Prompt,
}
