//! The core's own timers: an enum, and a table ordered by time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::health::GatewayId;
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::registration::RegistrationId;

/// What a timer is for. Setting one that runs moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// A target has rung long enough.
    Ring(ConversationId, ConnectionId),
    /// A trunk that refused to be told how its party is held is told again: the first of the party's legs whose pause is over.
    HoldTold(ConversationId, ConnectionId),
    /// A customer has been on hold for long.
    HoldReminder(ConversationId, ConnectionId),
    /// An agent's phone has sent no audio for long.
    Audio(ConversationId, ConnectionId),
    /// No further key of a feature code came.
    FeatureCode(ConversationId, ConnectionId),
    /// A Leave can no longer be taken back.
    Undo(ConversationId, ConnectionId),
    /// After-contact work is limited.
    Acw(ConversationId, ContactId),
    /// No call may last for ever.
    CallMax(ConversationId),
    /// The closing prompt has been played, or should have.
    Closing(ConversationId),
    /// Media did not report the end of a leg.
    MediaEnd(ConversationId),
    /// A contact's delay towards some agents has passed: look again.
    QueueDelay(ConversationId, ConnectionId),
    /// A customer on its way back has waited in a queue for its time.
    QueueMax(ConversationId, ConnectionId),
    /// A device of an agent has rung for its time, and the next one's turn comes.
    NextDevice(ConversationId, ConnectionId),
    /// An outside call has lasted as long as its security profile allows.
    OutboundMax(ConversationId, ConnectionId),
    /// A customer has been alone in a conference room for long enough.
    EmptyRoom(ConversationId),
    /// A REFER of ours was not answered, or what came of it is not told.
    Referral(ConversationId, ConnectionId),
    /// A gateway's next OPTIONS, or the end of the wait for its answer.
    Gateway(GatewayId),
    /// A trunk's next REGISTER, or the end of the wait for its answer.
    Registration(RegistrationId),
}

impl Timer {
    /// The conversation it belongs to, if it belongs to one.
    pub(crate) fn conversation(self) -> Option<ConversationId> {
        match self {
            Timer::Ring(id, _)
            | Timer::HoldTold(id, _)
            | Timer::HoldReminder(id, _)
            | Timer::Audio(id, _)
            | Timer::FeatureCode(id, _)
            | Timer::Undo(id, _)
            | Timer::Acw(id, _)
            | Timer::CallMax(id)
            | Timer::Closing(id)
            | Timer::MediaEnd(id)
            | Timer::EmptyRoom(id)
            | Timer::QueueDelay(id, _)
            | Timer::QueueMax(id, _)
            | Timer::NextDevice(id, _)
            | Timer::OutboundMax(id, _)
            | Timer::Referral(id, _) => Some(id),
            Timer::Gateway(_) | Timer::Registration(_) => None,
        }
    }
}

/// All running timers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    by_time: BTreeSet<(u64, Timer)>,
    /// Those of a conversation stand together, so that its end finds them.
    #[serde(with = "pairs")]
    due: BTreeMap<(Option<ConversationId>, Timer), u64>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, due_us: u64) {
        if let Some(before_us) = self.due.insert((timer.conversation(), timer), due_us) {
            self.by_time.remove(&(before_us, timer));
        }
        self.by_time.insert((due_us, timer));
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.due.contains_key(&(timer.conversation(), timer))
    }

    /// Stops a timer; says whether it ran.
    pub(crate) fn stop(&mut self, timer: Timer) -> bool {
        self.take(timer).is_some()
    }

    /// Stops a timer; says when it was due, if it ran.
    pub(crate) fn take(&mut self, timer: Timer) -> Option<u64> {
        let due_us = self.due.remove(&(timer.conversation(), timer))?;
        self.by_time.remove(&(due_us, timer));
        Some(due_us)
    }

    /// Stops all that a conversation waits for.
    pub(crate) fn stop_all_of(&mut self, conversation: ConversationId) {
        while let Some(timer) = self.first_of(conversation) {
            self.stop(timer);
        }
    }

    fn first_of(&self, conversation: ConversationId) -> Option<Timer> {
        // The first of the variants, and so before all of this conversation.
        let least = Timer::Ring(ConversationId(0), ConnectionId(0));
        let ((of, timer), _) = self.due.range((Some(conversation), least)..).next()?;
        (*of == Some(conversation)).then_some(*timer)
    }

    /// How many timers run.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }

    pub(crate) fn next_us(&self) -> Option<u64> {
        self.by_time.first().map(|(due_us, _)| *due_us)
    }

    /// A timer whose time has come; it no longer runs.
    pub(crate) fn pop(&mut self, now_us: u64) -> Option<Timer> {
        let (due_us, timer) = *self.by_time.first()?;
        if due_us > now_us {
            return None;
        }
        self.stop(timer);
        Some(timer)
    }
}

/// JSON has no maps with structured keys; a list of pairs says the same.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter())
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
