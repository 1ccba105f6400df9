//! A customer whose target failed, or whose agent's phone died, with nobody left: back to the agent, to the queue, or to a
//! prompt. Never in silence, never alone (R4).

use crate::agent::Part;
use crate::connection::{Connection, Phase};
use crate::conversation::{Cause, Conversation, Stage};
use crate::desk::Desk;
use crate::event::{EventKind, InitiationMethod};
use crate::ids::{ConnectionId, ContactId};
use crate::snapshot::ConnectionType;
use crate::timer::Timer;
use crate::transfer::Opening;

/// How long the closing prompt is played, in milliseconds.
const FAREWELL_MS: u64 = 8_000;

impl Desk {
    /// A target failed and its initiator is gone: the customer goes back to the initiator, else to the queue it came
    /// from, else it is told so. It is never left in silence or alone (R4).
    pub(crate) fn keep_the_customer(
        &mut self,
        conversation: &mut Conversation,
        failed: ContactId,
        recall_to: Option<String>,
        cause: Cause,
    ) {
        let customer_there = conversation.customers().any(Connection::is_connected);
        let others = conversation.live().any(|each| !each.initial && (each.is_connected() || each.is_pending()));
        let recalled =
            conversation.contact(failed).is_some_and(|contact| contact.recalled && contact.stage == Stage::Open);
        if !customer_there || others {
            // The contact of an agent that talks on, with a colleague for one, is not over; only its customer is.
            let served = conversation.agent_connection(failed).is_some_and(Connection::is_connected);
            if !(served && others) {
                self.finish_contact(conversation, failed, cause);
            } else if let Some(entry) = conversation.contact_mut(failed) {
                entry.cause.get_or_insert(cause);
            }
            return;
        }
        if let Some(agent) = recall_to.filter(|agent| self.can_be_recalled(agent)) {
            self.finish_contact(conversation, failed, cause);
            self.recall(conversation, failed, &agent);
            return;
        }
        let queue = conversation.queue_of(failed).map(|place| place.name.clone());
        let queue = queue.filter(|name| self.directory.queue(name).is_some());
        match queue {
            Some(queue) if recalled => self.wait_again(conversation, failed, &queue),
            Some(queue) => {
                self.finish_contact(conversation, failed, cause);
                let (method, previous) = (InitiationMethod::QueueTransfer, Some(failed));
                let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
                let opening = Opening { previous, method, customer, ..Opening::default() };
                let contact = self.open_contact(conversation, opening);
                self.wait_again(conversation, contact, &queue);
            }
            None => {
                self.finish_contact(conversation, failed, cause);
                conversation.farewell = true;
                self.start_timer(Timer::Closing(conversation.id), FAREWELL_MS);
            }
        }
    }

    pub(crate) fn can_be_recalled(&self, agent: &str) -> bool {
        let engaged = |agent: &crate::agent::Agent| agent.engagements.iter().any(|each| each.part >= Part::Offered);
        self.agents.get(agent).is_some_and(|agent| agent.devices > 0 && !engaged(agent))
    }

    /// Rings the customer back to an agent.
    pub(crate) fn recall(&mut self, conversation: &mut Conversation, from: ContactId, agent: &str) {
        let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
        let opening = Opening {
            previous: Some(from),
            method: InitiationMethod::Transfer,
            customer,
            recalled_from: Some(from),
            ..Opening::default()
        };
        let contact = self.open_contact(conversation, opening);
        let id = ConnectionId(self.allocate());
        let party = Connection::new(id, contact, ConnectionType::Agent, Phase::Offered, self.now_us);
        conversation.connections.push(party);
        self.emit(conversation, contact, EventKind::Recalled { agent: agent.to_string() });
        self.offer_to(conversation, id, agent);
        let pending = conversation.connection(id).is_some_and(Connection::is_pending);
        if pending {
            let recall_ms = u64::from(self.config.limits.recall_timeout_s) * 1_000;
            self.start_timer(Timer::Ring(conversation.id, id), recall_ms);
        }
    }

    pub(crate) fn wait_again(&mut self, conversation: &mut Conversation, contact: ContactId, queue: &str) {
        let id = ConnectionId(self.allocate());
        let mut party = Connection::new(id, contact, ConnectionType::Agent, Phase::Queued, self.now_us);
        party.name = queue.to_string();
        party.address = queue.to_string();
        conversation.connections.push(party);
        // It has waited before: it keeps its place among those who wait.
        let first = conversation.contacts.iter().filter_map(|entry| entry.queue.as_ref());
        let since_us = first.filter(|place| place.name == queue).map(|place| place.since_us).min();
        self.enqueue(conversation, id, queue, false);
        for waiting in self.waiting.iter_mut().filter(|each| each.connection == id) {
            waiting.since_us = since_us.unwrap_or(waiting.since_us);
        }
    }
}
