//! A customer whose target failed, or whose agent's phone died, with nobody left: back to the agent, to a queue, or to a
//! prompt, by the policy of the quick connect or of the queue. Never in silence, never alone (R4).

use serde::{Deserialize, Serialize};

use crate::agent::Part;
use crate::connection::{Connection, Phase};
use crate::conversation::{Cause, Conversation, Stage};
use crate::desk::Desk;
use crate::directory::{RecallPolicy, RecallStage};
use crate::event::{EventKind, InitiationMethod};
use crate::ids::{ConnectionId, ContactId};
use crate::outcome::{Failure, OutcomeName, sip_status, verdict};
use crate::snapshot::{ConnectionType, RecallSnapshot};
use crate::timer::Timer;
use crate::transfer::Opening;

/// How an agent's phone is to ring for a customer that comes back (RFC 7462 §10).
const RECALL_ALERT: &str = "<urn:alert:service:recall:transfer>";

/// How long a contact that an agent is just being rung for may exceed its time in the queue, in milliseconds.
const QUEUE_GRACE_MS: u64 = 1_000;

/// A customer on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recall {
    pub(crate) policy: RecallPolicy,
    /// The stage that is tried now.
    pub(crate) stage: RecallStage,
    /// What was not reached; nothing when it was the agent's own phone that died.
    pub(crate) failed: Option<FailedTarget>,
}

/// A target that was not reached, as the agent who gets its customer back is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedTarget {
    pub(crate) contact: ContactId,
    pub(crate) name: String,
    pub(crate) outcome: OutcomeName,
    pub(crate) sip_status: u16,
}

/// Whom the customer has lost, and why.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    /// The contact that is over with it.
    pub(crate) contact: ContactId,
    /// The target, when it was one.
    pub(crate) target: Option<(ConnectionId, Failure)>,
    /// The agent who may be rung.
    pub(crate) recall_to: Option<String>,
    pub(crate) cause: Cause,
}

impl RecallPolicy {
    /// Where the way back begins.
    fn begins(&self, failure: Failure) -> RecallStage {
        if failure == Failure::Unregistered {
            return self.unregistered;
        }
        match verdict(failure).0 {
            OutcomeName::NoAnswer | OutcomeName::Cancelled => self.no_answer,
            OutcomeName::Busy => self.busy,
            OutcomeName::Rejected => self.declined,
            _ => self.network_failure,
        }
    }
}

impl RecallStage {
    fn next(self) -> RecallStage {
        if self == RecallStage::Transferor { RecallStage::Queue } else { RecallStage::Prompt }
    }
}

impl FailedTarget {
    /// For the phone's display, before the customer's name: it is cut at its end.
    fn display(&self, customer: &str) -> String {
        format!("Recall ({}: {}) {customer}", self.name, self.outcome.words())
    }

    pub(crate) fn snapshot(&self) -> RecallSnapshot {
        RecallSnapshot {
            from_contact_id: self.contact,
            target: self.name.clone(),
            outcome: self.outcome.text().to_string(),
            sip_status: (self.sip_status > 0).then_some(self.sip_status),
        }
    }
}

impl Desk {
    /// A target failed and its initiator is gone, or an agent's phone died: unless somebody is with the customer, it goes
    /// the way back that policy says. It is never left in silence or alone (R4).
    pub(crate) fn keep_the_customer(&mut self, conversation: &mut Conversation, loss: &Loss) {
        let failed = loss.contact;
        if conversation.conference.is_some() {
            // A room is nobody's customer call: a guest of its that was not reached leads nobody anywhere.
            return self.finish_contact(conversation, failed, loss.cause);
        }
        let customer_there = conversation.customers().any(Connection::is_connected);
        let there = |each: &Connection| !each.initial && (each.is_connected() || each.is_pending());
        let others = conversation.live().any(|each| there(each) && !each.is_empty_room());
        if !customer_there || others {
            // The contact of an agent that talks on, with a colleague for one, is not over; only its customer is.
            let served = conversation.agent_connection(failed).is_some_and(Connection::is_connected);
            if !(served && others) {
                self.finish_contact(conversation, failed, loss.cause);
            } else if let Some(entry) = conversation.contact_mut(failed) {
                entry.cause.get_or_insert(loss.cause);
            }
            return;
        }
        self.leave_empty_rooms(conversation);
        let recall = self.next_recall(conversation, loss);
        conversation.recall = None;
        self.fall_back(conversation, loss, recall);
    }

    /// Whether the way back leads to anybody now: to the agent, to a queue, or to a prompt because the policy says so.
    pub(crate) fn has_way_back(&self, conversation: &Conversation, loss: &Loss) -> bool {
        let recall = self.next_recall(conversation, loss);
        let queue = || self.queue_back(conversation, loss, &recall).is_some();
        match recall.stage {
            RecallStage::Transferor => self.agent_back(loss).is_some() || queue(),
            RecallStage::Queue => queue(),
            RecallStage::Prompt => true,
        }
    }

    /// The agent that the way back leads to, if it can be rung.
    fn agent_back(&self, loss: &Loss) -> Option<String> {
        loss.recall_to.clone().filter(|agent| self.can_be_recalled(agent))
    }

    /// The queue that the way back leads to: the policy's, else the contact's own.
    fn queue_back(&self, conversation: &Conversation, loss: &Loss, recall: &Recall) -> Option<String> {
        let own = || conversation.queue_of(loss.contact).map(|place| place.name.clone());
        let queue = recall.policy.queue.clone().or_else(own);
        queue.filter(|name| self.directory.queue(name).is_some())
    }

    /// Where the way back begins, or goes on for who is on it already.
    fn next_recall(&self, conversation: &Conversation, loss: &Loss) -> Recall {
        match conversation.recall.as_deref() {
            Some(recall) => Recall { stage: recall.stage.next(), ..recall.clone() },
            None => self.recall_by_policy(conversation, loss),
        }
    }

    /// The way back by the quick connect's policy, else by the queue's, else by our own.
    fn recall_by_policy(&self, conversation: &Conversation, loss: &Loss) -> Recall {
        let party = loss.target.and_then(|(target, _)| conversation.connection(target));
        let entry = party.and_then(|party| self.directory.quick_connect(party.quick_connect.as_deref()?));
        let queue = || self.directory.queue(&conversation.queue_of(loss.contact)?.name)?.recall.clone();
        let policy = entry.and_then(|entry| entry.recall.clone()).or_else(queue).unwrap_or_default();
        let failed = loss.target.zip(party).map(|((_, failure), party)| FailedTarget {
            contact: loss.contact,
            name: if party.name.is_empty() { party.address.clone() } else { party.name.clone() },
            outcome: verdict(failure).0,
            sip_status: sip_status(failure),
        });
        let stage = loss.target.map_or(RecallStage::Transferor, |(_, failure)| policy.begins(failure));
        Recall { policy, stage, failed }
    }

    /// The first stage, from this one on, that is possible.
    fn fall_back(&mut self, conversation: &mut Conversation, loss: &Loss, mut recall: Recall) {
        if recall.stage == RecallStage::Transferor {
            if let Some(agent) = self.agent_back(loss) {
                self.finish_contact(conversation, loss.contact, loss.cause);
                conversation.recall = Some(Box::new(recall));
                return self.recall(conversation, loss.contact, &agent);
            }
            recall.stage = RecallStage::Queue;
        }
        if recall.stage == RecallStage::Queue {
            if let Some(queue) = self.queue_back(conversation, loss, &recall) {
                return self.fall_back_to_queue(conversation, loss, recall, &queue);
            }
            recall.stage = RecallStage::Prompt;
        }
        self.finish_contact(conversation, loss.contact, loss.cause);
        let prompt_ms = u64::from(recall.policy.prompt_seconds) * 1_000;
        conversation.recall = Some(Box::new(recall));
        conversation.farewell = true;
        self.start_timer(Timer::Closing(conversation.id), prompt_ms);
    }

    fn fall_back_to_queue(&mut self, conversation: &mut Conversation, loss: &Loss, recall: Recall, queue: &str) {
        let wait_ms = u64::from(recall.policy.queue_seconds) * 1_000;
        conversation.recall = Some(Box::new(recall));
        let failed = conversation.contact(loss.contact);
        // A recall that was not taken goes on as the same contact.
        let goes_on = failed.is_some_and(|contact| contact.recalled && contact.stage == Stage::Open);
        let contact = if goes_on {
            loss.contact
        } else {
            self.finish_contact(conversation, loss.contact, loss.cause);
            let (method, previous) = (InitiationMethod::QueueTransfer, Some(loss.contact));
            let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
            self.open_contact(conversation, Opening { previous, method, customer, ..Opening::default() })
        };
        let waiting = self.wait_again(conversation, contact, queue);
        if wait_ms > 0 {
            self.start_timer(Timer::QueueMax(conversation.id, waiting), wait_ms);
        }
    }

    /// A blind transfer whose target could not even be tried: by a policy that does not begin with the agent, the customer
    /// goes where it says, and the agent is free. Whether it does.
    pub(crate) fn fall_back_at_once(&mut self, conversation: &mut Conversation, target: ConnectionId) -> bool {
        let Some(party) = conversation.connection(target) else { return false };
        let Some(outcome) = party.outcome.clone().filter(|_| !party.is_live()) else { return false };
        let (reason, sip_status) = (verdict(outcome.failure).1, outcome.sip_status);
        let cause = Cause { reason, sip_status, q850: outcome.q850 };
        let loss = Loss { contact: party.contact, target: Some((target, outcome.failure)), recall_to: None, cause };
        let recall = self.recall_by_policy(conversation, &loss);
        let customer_there = conversation.customers().any(Connection::is_connected);
        if recall.stage == RecallStage::Transferor || !customer_there {
            return false;
        }
        self.fall_back(conversation, &loss, recall);
        true
    }

    pub(crate) fn can_be_recalled(&self, agent: &str) -> bool {
        let engaged = |agent: &crate::agent::Agent| agent.engagements.iter().any(|each| each.part >= Part::Offered);
        self.agents.get(agent).is_some_and(|agent| agent.devices > 0 && !engaged(agent))
    }

    /// Rings the customer back to an agent.
    fn recall(&mut self, conversation: &mut Conversation, from: ContactId, agent: &str) {
        let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
        let opening = Opening {
            previous: Some(from),
            method: InitiationMethod::Transfer,
            customer,
            recalled_from: Some(from),
            ..Opening::default()
        };
        let contact = self.open_contact(conversation, opening);
        let failed = conversation.recall.as_ref().and_then(|recall| recall.failed.clone());
        let own_s = conversation.recall.as_ref().and_then(|recall| recall.policy.transferor_seconds);
        let (target, outcome) = match &failed {
            Some(failed) => (Some(failed.name.clone()), Some(failed.outcome.text().to_string())),
            None => (None, None),
        };
        if let Some(entry) = conversation.contact_mut(contact) {
            entry.failed_target = failed;
        }
        let id = ConnectionId(self.allocate());
        let party = Connection::new(id, contact, ConnectionType::Agent, Phase::Offered, self.now_us);
        conversation.connections.push(party);
        self.emit(conversation, contact, EventKind::Recalled { agent: agent.to_string(), target, outcome });
        self.offer_to(conversation, id, agent);
        let pending =
            conversation.connection(id).is_some_and(|party| party.is_pending() && party.phase != Phase::Queued);
        if pending {
            let recall_s = own_s.unwrap_or(self.config.limits.recall_timeout_s);
            self.start_timer(Timer::Ring(conversation.id, id), u64::from(recall_s) * 1_000);
        }
    }

    fn wait_again(&mut self, conversation: &mut Conversation, contact: ContactId, queue: &str) -> ConnectionId {
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
        id
    }

    /// A customer on its way back has waited in the queue for its time. An agent who is just being rung may still take it.
    pub(crate) fn queued_long_enough(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        match conversation.connection(target).filter(|party| party.is_pending()).map(|party| party.phase) {
            Some(Phase::Queued) => self.target_fails(conversation, target, Failure::RingTimeout),
            Some(_) => self.start_timer(Timer::QueueMax(conversation.id, target), QUEUE_GRACE_MS),
            None => {}
        }
    }

    /// What a recalled agent's phone shows and how it rings: the name, and the Alert-Info.
    pub(crate) fn recall_display(
        &self,
        conversation: &Conversation,
        target: ConnectionId,
        customer: &str,
    ) -> Option<(String, String)> {
        let contact = conversation.connection(target).and_then(|party| conversation.contact(party.contact))?;
        let to_agent = conversation.recall.as_ref().is_some_and(|recall| recall.stage == RecallStage::Transferor);
        let failed = contact.failed_target.as_ref().filter(|_| to_agent)?;
        Some((failed.display(customer), RECALL_ALERT.to_string()))
    }

    /// A target whose policy says how long it is rung.
    pub(crate) fn ring_by_policy(&mut self, conversation: &Conversation, target: ConnectionId) {
        let Some(party) = conversation.connection(target) else { return };
        if !matches!(party.phase, Phase::Offered | Phase::Ringing | Phase::EarlyMedia) {
            return;
        }
        let entry = party.quick_connect.as_deref().and_then(|name| self.directory.quick_connect(name));
        let queue = || self.directory.queue(&conversation.queue_of(party.contact)?.name)?.recall.as_ref();
        let policy = entry.and_then(|entry| entry.recall.as_ref()).or_else(queue);
        if let Some(ring_s) = policy.and_then(|policy| policy.ring_seconds) {
            self.start_timer(Timer::Ring(conversation.id, target), u64::from(ring_s) * 1_000);
        }
    }
}
