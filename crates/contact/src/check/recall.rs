//! What makes a recall policy valid.

use super::{Findings, Place};
use crate::directory::RecallPolicy;

impl Findings {
    pub(super) fn recall(&mut self, place: Place<'_>, policy: Option<&RecallPolicy>) {
        let Some(policy) = policy else { return };
        self.reference(place, "recall.queue", "queue", policy.queue.as_deref(), |names| &names.queues);
        if let Some(seconds) = policy.ring_seconds {
            self.range(place, "recall.ringSeconds", u64::from(seconds), 5, 300);
        }
        if let Some(seconds) = policy.transferor_seconds {
            self.range(place, "recall.transferorSeconds", u64::from(seconds), 5, 600);
        }
        self.range(place, "recall.queueSeconds", u64::from(policy.queue_seconds), 0, 86_400);
        self.range(place, "recall.promptSeconds", u64::from(policy.prompt_seconds), 1, 120);
    }
}
