//! Agents: what they chose, what they are busy with, and whether a queue may offer them a contact.

use serde::{Deserialize, Serialize};

use crate::ids::{ContactId, ConversationId};
use crate::snapshot::AgentActivity;

/// The status in which queues may offer contacts.
pub(crate) const AVAILABLE: &str = "Available";

/// What an agent has to do with a contact. The order is the precedence of what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Part {
    /// It did not take it, and has not acknowledged that.
    Missed,
    /// It works on after it.
    Acw,
    /// It is rung.
    Offered,
    /// It talks, or dials.
    On,
}

/// One contact of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Engagement {
    pub(crate) contact: ContactId,
    pub(crate) conversation: ConversationId,
    pub(crate) part: Part,
    pub(crate) since_us: u64,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) status: String,
    pub(crate) next_status: Option<String>,
    /// Since when it has been idle, for the choice of the longest-idle.
    pub(crate) idle_since_us: u64,
    pub(crate) engagements: Vec<Engagement>,
    /// How many devices are registered.
    pub(crate) devices: u32,
    pub(crate) revision: u64,
}

impl Agent {
    /// An agent without a device, available as soon as it has one.
    pub(crate) fn new(now_us: u64) -> Self {
        Agent {
            status: AVAILABLE.to_string(),
            next_status: None,
            idle_since_us: now_us,
            engagements: Vec::new(),
            devices: 0,
            revision: 0,
        }
    }

    /// Begins a part in a contact, or moves on to it.
    pub(crate) fn engage(&mut self, contact: ContactId, conversation: ConversationId, part: Part, now_us: u64) {
        self.engagements.retain(|each| each.contact != contact);
        self.engagements.push(Engagement { contact, conversation, part, since_us: now_us });
    }

    /// Ends the part in a contact; the next status takes effect once nothing is left.
    pub(crate) fn release(&mut self, contact: ContactId, now_us: u64) {
        self.engagements.retain(|each| each.contact != contact);
        if self.engagements.is_empty() {
            self.idle_since_us = now_us;
            if let Some(status) = self.next_status.take() {
                self.status = status;
            }
        }
    }

    /// The engagement that is shown: the one of the highest part.
    pub(crate) fn present(&self) -> Option<&Engagement> {
        self.engagements.iter().max_by_key(|each| each.part)
    }

    pub(crate) fn activity(&self) -> AgentActivity {
        match self.present().map(|each| each.part) {
            Some(Part::On) => AgentActivity::OnContact,
            Some(Part::Offered) => AgentActivity::Offered,
            Some(Part::Acw) => AgentActivity::Acw,
            Some(Part::Missed) => AgentActivity::Missed,
            None if self.devices == 0 => AgentActivity::Unreachable,
            None => AgentActivity::Idle,
        }
    }

    pub(crate) fn routable(&self) -> bool {
        self.status == AVAILABLE && self.activity() == AgentActivity::Idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTACT: ContactId = ContactId(1);
    const CALL: ConversationId = ConversationId(1);

    #[test]
    fn an_agent_is_routable_only_when_idle_available_and_registered() {
        let mut agent = Agent::new(0);
        assert!(!agent.routable(), "no device");
        agent.devices = 1;
        assert!(agent.routable());
        agent.engage(CONTACT, CALL, Part::Offered, 1);
        assert_eq!((agent.activity(), agent.routable()), (AgentActivity::Offered, false));
        agent.engage(CONTACT, CALL, Part::Missed, 2);
        assert_eq!((agent.activity(), agent.routable()), (AgentActivity::Missed, false));
        agent.release(CONTACT, 3);
        assert!(agent.routable());
        agent.status = "Lunch".into();
        assert!(!agent.routable());
    }

    #[test]
    fn the_next_status_waits_for_the_last_contact() {
        let mut agent = Agent { devices: 1, next_status: Some("Lunch".into()), ..Agent::new(0) };
        agent.engage(CONTACT, CALL, Part::On, 1);
        agent.engage(ContactId(2), CALL, Part::Acw, 1);
        agent.release(CONTACT, 2);
        assert_eq!(agent.status, AVAILABLE);
        agent.release(ContactId(2), 3);
        assert_eq!((agent.status.as_str(), agent.next_status), ("Lunch", None));
    }
}
