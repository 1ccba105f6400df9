//! What an agent does beside talking: accept and reject offers, clear contacts, choose a status.

use crate::agent::Part;
use crate::command::{Refusal, RefusalKind, Reply};
use crate::connection::Phase;
use crate::control::wrong_state;
use crate::conversation::{Conversation, Stage};
use crate::desk::Desk;
use crate::ids::ContactId;
use crate::line::leg_ids;
use crate::outcome::Failure;
use crate::timer::Timer;

/// Longest status name, in characters.
const STATUS_LENGTH_MAX: usize = 127;

type Outcome = Result<(), Refusal>;

impl Desk {
    /// Ends after-contact work, or acknowledges a missed contact.
    pub(crate) fn clear(
        &mut self,
        conversation: &mut Conversation,
        agent: Option<&str>,
        contact: ContactId,
    ) -> Outcome {
        let named = agent.map(str::to_string).or_else(|| conversation.contact(contact)?.agent.clone());
        let name = named.or_else(|| self.agent_who_missed(contact));
        let Some(name) = name else { return Err(wrong_state("Nobody has to clear this contact.")) };
        let part = self.agents.get(&name).and_then(|a| a.engagements.iter().find(|each| each.contact == contact));
        match part.map(|each| each.part) {
            Some(Part::Missed) => {
                conversation.missed.retain(|(agent, of)| (agent, of) != (&name, &contact));
                self.release(&name, contact);
                conversation.changed = true;
                Ok(())
            }
            Some(Part::Acw) => {
                self.acw_ends(conversation, contact);
                Ok(())
            }
            // Cleared already: asked again, it changes nothing.
            None if conversation.contact(contact).is_some_and(|entry| entry.stage > Stage::Acw) => Ok(()),
            _ => Err(wrong_state("The contact is not over yet; leave or end it first.")),
        }
    }

    pub(crate) fn agent_who_missed(&self, contact: ContactId) -> Option<String> {
        let missed = |agent: &crate::agent::Agent| {
            agent.engagements.iter().any(|each| each.contact == contact && each.part == Part::Missed)
        };
        self.agents.iter().find(|(_, agent)| missed(agent)).map(|(name, _)| name.clone())
    }

    /// After-contact work is over: the contact's record can be completed.
    pub(crate) fn acw_ends(&mut self, conversation: &mut Conversation, contact: ContactId) {
        let now_us = self.now_us;
        let Some(entry) = conversation.contact_mut(contact).filter(|entry| entry.stage == Stage::Acw) else { return };
        entry.stage = Stage::Closing;
        entry.since_us = now_us;
        let agent = entry.agent.clone();
        conversation.changed = true;
        self.timers.stop(Timer::Acw(conversation.id, contact));
        if let Some(agent) = agent {
            self.release(&agent, contact);
        }
    }

    pub(crate) fn release(&mut self, agent: &str, contact: ContactId) {
        let now_us = self.now_us;
        let changed = self.agents.get_mut(agent).and_then(|state| {
            let before = state.status.clone();
            state.release(contact, now_us);
            (state.status != before).then(|| state.status.clone())
        });
        if let Some(status) = changed {
            self.out(crate::io::Output::Status { agent: agent.to_string(), status });
        }
        self.changed_agents.insert(agent.to_string());
        self.dispatch_due = true;
    }

    pub(crate) fn reject(&mut self, conversation: &mut Conversation, contact: ContactId) -> Outcome {
        let offered =
            conversation.agent_connection(contact).filter(|party| party.is_pending() && !party.legs.is_empty());
        let Some(id) = offered.map(|party| party.id) else {
            return Err(wrong_state("The contact is not being offered."));
        };
        self.end_legs(conversation, id, 487);
        self.offer_failed(conversation, id, Failure::Status(603, None));
        Ok(())
    }

    /// The panel's *Accept* on a desk phone: the phone is rung anew with the request to answer by itself.
    pub(crate) fn accept(&mut self, conversation: &mut Conversation, contact: ContactId) -> Outcome {
        let id = conversation.agent_connection(contact).map(|party| party.id);
        let party = id.and_then(|id| conversation.connection_mut(id));
        let Some(party) = party else { return Err(wrong_state("The contact is not being offered.")) };
        let id = party.id;
        if party.is_connected() {
            return Ok(());
        }
        if party.phase == Phase::Whispering {
            // The same as its key.
            self.target_connects(conversation, id);
            return Ok(());
        }
        if !party.is_pending() || party.legs.is_empty() {
            return Err(wrong_state("The contact is not being offered."));
        }
        if std::mem::replace(&mut party.accept_asked, true) {
            return Ok(());
        }
        let caller = self.caller_for_agent(conversation, id);
        for leg in leg_ids(conversation, id) {
            self.end_leg(conversation, id, leg, 487, None);
        }
        if let Err(failure) = self.dial_agent(conversation, id, &caller, true) {
            self.offer_failed(conversation, id, failure);
        }
        Ok(())
    }

    /// The status that an agent had chosen before a restart.
    pub(crate) fn restore_status(&mut self, name: &str, status: String) {
        if let Some(agent) = self.agents.get_mut(name) {
            agent.status = status;
            self.changed_agents.insert(name.to_string());
        }
    }

    pub(crate) fn set_status(&mut self, name: &str, status: String) -> Result<Reply, Refusal> {
        let now_us = self.now_us;
        let Some(agent) = self.agents.get_mut(name) else {
            return Err(Refusal::new(RefusalKind::NotFound, format!("There is no agent {name}.")));
        };
        let valid = !status.trim().is_empty()
            && status.chars().count() <= STATUS_LENGTH_MAX
            && !status.contains(char::is_control);
        if !valid {
            return Err(Refusal::new(RefusalKind::Invalid, "A status has 1 to 127 printable characters."));
        }
        if agent.engagements.is_empty() {
            agent.status = status.clone();
            agent.next_status = None;
            agent.idle_since_us = now_us;
            self.dispatch_due = true;
            self.out(crate::io::Output::Status { agent: name.to_string(), status });
        } else {
            agent.next_status = Some(status);
        }
        self.changed_agents.insert(name.to_string());
        let snapshot = self.agent_snapshot(name);
        snapshot
            .map(|agent| Reply::Agent(Box::new(agent)))
            .ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("There is no agent {name}.")))
    }
}
