//! Feature codes: what agents and supervisors press or dial in place of a click.

use serde::{Deserialize, Serialize};

/// The codes. An empty one is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FeatureCodes {
    /// Drop the target, and have the customer back.
    pub drop: String,
    /// Leave: complete the transfer.
    pub complete: String,
    /// Join everybody.
    pub join: String,
    /// Swap.
    pub swap: String,
    /// Take a Leave or a blind transfer back.
    pub undo: String,
    /// Hold the customer, and resume.
    pub hold: String,
    /// Mute one's own line, and unmute it.
    pub mute: String,
    /// Transfer blind to the number that follows, `#` or a pause behind it.
    pub blind_transfer: String,
    /// Consult the number that follows.
    pub consult: String,
    /// How long after a digit of that number the next one may come, in seconds, 1–30. For the first there is twice as long.
    pub number_seconds: u32,
    /// Dialled before an agent's extension: listen to the agent's contact.
    pub supervise: String,
    /// A supervisor: only listen.
    pub silent_monitor: String,
    /// A supervisor: whisper to the agent.
    pub whisper: String,
    /// A supervisor: barge in.
    pub barge: String,
    /// A supervisor: take the contact over.
    pub take_over: String,
}

impl Default for FeatureCodes {
    fn default() -> Self {
        FeatureCodes {
            drop: "*1".into(),
            complete: "*2".into(),
            join: "*3".into(),
            swap: "*4".into(),
            undo: "*5".into(),
            hold: "*6".into(),
            mute: "*9".into(),
            blind_transfer: "*7".into(),
            consult: "*8".into(),
            number_seconds: 4,
            supervise: "*0".into(),
            silent_monitor: "*1".into(),
            whisper: "*2".into(),
            barge: "*3".into(),
            take_over: "*4".into(),
        }
    }
}

/// What an agent's code in a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    Drop,
    Complete,
    Join,
    Swap,
    Undo,
    Hold,
    Mute,
    BlindTransfer,
    Consult,
}

impl FeatureCodes {
    /// An agent's codes in a call, with their keys in the directory.
    pub(crate) fn of_agents(&self) -> [(&'static str, &str, Feature); 9] {
        [
            ("drop", &self.drop, Feature::Drop),
            ("complete", &self.complete, Feature::Complete),
            ("join", &self.join, Feature::Join),
            ("swap", &self.swap, Feature::Swap),
            ("undo", &self.undo, Feature::Undo),
            ("hold", &self.hold, Feature::Hold),
            ("mute", &self.mute, Feature::Mute),
            ("blindTransfer", &self.blind_transfer, Feature::BlindTransfer),
            ("consult", &self.consult, Feature::Consult),
        ]
    }

    /// A supervisor's.
    pub(crate) fn of_supervisors(&self) -> [(&'static str, &str, super::Supervision); 4] {
        use super::Supervision;
        [
            ("silentMonitor", &self.silent_monitor, Supervision::SilentMonitor),
            ("whisper", &self.whisper, Supervision::Whisper),
            ("barge", &self.barge, Supervision::Barge),
            ("takeOver", &self.take_over, Supervision::TakeOver),
        ]
    }
}
