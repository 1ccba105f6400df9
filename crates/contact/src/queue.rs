//! Queues: who waits, who is free, and who gets whom.

use crate::agent::Part;
use crate::connection::Phase;
use crate::conversation::{Conversation, QueuePlace};
use crate::desk::{Desk, Waiting};
use crate::dial::Caller;
use crate::event::EventKind;
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::outcome::{Failure, OutcomeName, verdict};
use crate::timer::Timer;

/// How long an agent is rung for a contact of its personal queue, in seconds.
const PERSONAL_OFFER_S: u32 = 20;

/// When to look again after the media ports ran out, in milliseconds.
const NO_PORT_RETRY_MS: u64 = 1_000;

impl Desk {
    /// Whether a queue has room for one contact more; transfers by agents may exceed its limit by 20 %.
    pub(crate) fn queue_has_room(&self, name: &str, by_agent: bool) -> bool {
        let Some(queue) = self.directory.queue(name) else { return false };
        let waiting = self.waiting.iter().filter(|each| !each.personal && each.queue == name).count() as u64;
        let most = u64::from(queue.max_contacts);
        waiting < if by_agent { most + most.div_ceil(5) } else { most }
    }

    /// Puts a target into a queue, or into an agent's personal queue.
    pub(crate) fn enqueue(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        name: &str,
        personal: bool,
    ) {
        let now_us = self.now_us;
        let music = self.directory.queue(name).filter(|_| !personal).and_then(|queue| queue.music.clone());
        let place = QueuePlace {
            name: name.to_string(),
            personal,
            since_us: now_us,
            music: music.unwrap_or_else(|| crate::mix::DEFAULT_MUSIC.to_string()),
        };
        let Some(party) = conversation.connection_mut(target) else { return };
        party.enter(Phase::Queued, now_us);
        let contact = party.contact;
        if let Some(entry) = conversation.contact_mut(contact) {
            entry.queue = Some(place);
        }
        self.emit(conversation, contact, EventKind::Queued { queue: name.to_string(), personal });
        self.wait(conversation.id, target, name, personal, now_us);
    }

    fn wait(
        &mut self,
        conversation: ConversationId,
        connection: ConnectionId,
        queue: &str,
        personal: bool,
        since_us: u64,
    ) {
        self.waiting.push(Waiting { conversation, connection, queue: queue.to_string(), personal, since_us });
        self.dispatch_due = true;
    }

    /// Takes a target out of the queue it waits in, if it does.
    pub(crate) fn leave_queue(&mut self, conversation: &Conversation, target: ConnectionId) {
        self.waiting.retain(|each| each.conversation != conversation.id || each.connection != target);
        self.timers.stop(Timer::QueueDelay(conversation.id, target));
    }

    /// Gives waiting contacts to free agents: the longest-idle agent first, to each the contact of the lowest priority
    /// number, then the oldest.
    pub(crate) fn dispatch(&mut self) {
        self.dispatch_due = false;
        let Some(first) = self.waiting.first() else { return };
        if self.ports.is_exhausted() {
            // No agent can be rung now; none is to blame.
            let timer = Timer::QueueDelay(first.conversation, first.connection);
            return self.start_timer(timer, NO_PORT_RETRY_MS);
        }
        let mut free: Vec<(u64, String)> = (self.agents.iter())
            .filter(|(_, agent)| agent.routable())
            .map(|(name, agent)| (agent.idle_since_us, name.clone()))
            .collect();
        free.sort();
        for (_, agent) in free {
            if self.waiting.is_empty() {
                return;
            }
            if let Some(chosen) = self.best_for(&agent) {
                self.offer(chosen, &agent);
            }
        }
        self.await_delays();
    }

    fn best_for(&self, agent: &str) -> Option<Waiting> {
        let profile = self.directory.profile_of(agent);
        let priority = |waiting: &Waiting| -> Option<u8> {
            if waiting.personal {
                return (waiting.queue == agent).then_some(0);
            }
            let entry = profile?.queues.iter().find(|each| each.queue == waiting.queue)?;
            let waited_us = self.now_us.saturating_sub(waiting.since_us);
            (waited_us >= u64::from(entry.delay_seconds) * 1_000_000).then_some(entry.priority)
        };
        let ranked = self.waiting.iter().filter_map(|each| Some((priority(each)?, each.since_us, each)));
        ranked.min_by_key(|(priority, since_us, _)| (*priority, *since_us)).map(|(_, _, waiting)| waiting.clone())
    }

    /// Wakes up when some contact's delay towards some agents will have passed.
    fn await_delays(&mut self) {
        let delays: Vec<(String, u64)> = (self.directory.routing_profiles.iter())
            .flat_map(|profile| &profile.queues)
            .filter(|entry| entry.delay_seconds > 0)
            .map(|entry| (entry.queue.clone(), u64::from(entry.delay_seconds) * 1_000_000))
            .collect();
        if delays.is_empty() {
            return;
        }
        for waiting in self.waiting.clone() {
            let own = delays.iter().filter(|(queue, _)| *queue == waiting.queue && !waiting.personal);
            let due = own.map(|(_, delay_us)| waiting.since_us + delay_us).filter(|due| *due > self.now_us).min();
            if let Some(due_us) = due {
                self.timers.set(Timer::QueueDelay(waiting.conversation, waiting.connection), due_us);
            }
        }
    }

    /// Rings an agent with a waiting contact.
    fn offer(&mut self, waiting: Waiting, agent: &str) {
        self.with(waiting.conversation, |desk, conversation| {
            desk.leave_queue(conversation, waiting.connection);
            desk.offer_to(conversation, waiting.connection, agent);
        });
    }

    /// Rings an agent for a connection. What fails at once counts as missed.
    pub(crate) fn offer_to(&mut self, conversation: &mut Conversation, target: ConnectionId, agent: &str) {
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return };
        party.agent = Some(agent.to_string());
        party.name = self.directory.user(agent).map(|user| user.name.clone()).unwrap_or_default();
        party.address = agent.to_string();
        party.enter(Phase::Offered, now_us);
        let contact = party.contact;
        if let Some(state) = self.agents.get_mut(agent) {
            state.engage(contact, conversation.id, Part::Offered, now_us);
        }
        self.changed_agents.insert(agent.to_string());
        self.emit(conversation, contact, EventKind::Offered { agent: agent.to_string() });
        if let Some(party) = conversation.connection_mut(target) {
            party.accept_asked = false;
        }
        let caller = self.caller_for_agent(conversation, target);
        let auto_accept = self.directory.user(agent).is_some_and(|user| user.auto_accept);
        let timeout_s = self.offer_timeout_s(conversation, contact);
        self.start_timer(Timer::Ring(conversation.id, target), u64::from(timeout_s) * 1_000);
        if let Err(failure) = self.dial_agent(conversation, target, &caller, auto_accept) {
            self.offer_failed(conversation, target, failure);
        }
    }

    fn offer_timeout_s(&self, conversation: &Conversation, contact: ContactId) -> u32 {
        let entry = conversation.contact(contact);
        match entry.and_then(|entry| entry.queue.as_ref()) {
            Some(place) if place.personal => PERSONAL_OFFER_S,
            Some(place) => self.directory.queue(&place.name).map_or(PERSONAL_OFFER_S, |q| q.offer_timeout_seconds),
            None => PERSONAL_OFFER_S,
        }
    }

    /// All devices of an offered agent have refused, or it has been rung long enough. A contact of a queue goes back to
    /// its place; any other target has failed.
    pub(crate) fn offer_failed(&mut self, conversation: &mut Conversation, target: ConnectionId, failure: Failure) {
        self.timers.stop(Timer::Ring(conversation.id, target));
        let Some(party) = conversation.connection(target) else { return };
        let contact = party.contact;
        let place = conversation.contact(contact).and_then(|entry| entry.queue.clone());
        let Some(place) = place.filter(|place| !place.personal && party.recall_to.as_ref() != party.agent.as_ref())
        else {
            self.target_fails(conversation, target, failure);
            return;
        };
        let agent = party.agent.clone().unwrap_or_default();
        self.end_legs(conversation, target, 487);
        let (outcome, _, _) = verdict(failure);
        self.agent_missed(conversation, contact, &agent, outcome);
        let now_us = self.now_us;
        if let Some(party) = conversation.connection_mut(target) {
            (party.agent, party.devices) = (None, None);
            party.enter(Phase::Queued, now_us);
        }
        self.wait(conversation.id, target, &place.name, false, place.since_us);
    }

    /// An agent that was rung did not take the contact: it is told, and gets no more until it has acknowledged that.
    pub(crate) fn agent_missed(
        &mut self,
        conversation: &mut Conversation,
        contact: ContactId,
        agent: &str,
        outcome: OutcomeName,
    ) {
        let now_us = self.now_us;
        let Some(state) = self.agents.get_mut(agent) else { return };
        let offered = state.engagements.iter().any(|each| each.contact == contact && each.part == Part::Offered);
        if !offered {
            return;
        }
        // A call to the agent itself, not through a queue or a colleague, is missed as on any phone: nothing to clear.
        let entry = conversation.contact(contact);
        let personal = entry.is_some_and(|entry| entry.previous.is_none() && entry.queue.is_none());
        if personal || outcome == OutcomeName::Cancelled || outcome == OutcomeName::Unreachable && state.devices == 0 {
            state.release(contact, now_us);
            self.dispatch_due = true;
        } else {
            state.engage(contact, conversation.id, Part::Missed, now_us);
            conversation.missed.push((agent.to_string(), contact));
        }
        self.changed_agents.insert(agent.to_string());
        let reason = match outcome {
            OutcomeName::NoAnswer => "timeout",
            OutcomeName::Busy => "busy",
            OutcomeName::Rejected => "rejected",
            OutcomeName::Cancelled => "cancelled",
            _ => "unreachable",
        };
        self.emit(conversation, contact, EventKind::Missed { agent: agent.to_string(), reason: reason.to_string() });
    }

    /// Who is shown on an agent's phone: the customer.
    pub(crate) fn caller_for_agent(&self, conversation: &Conversation, target: ConnectionId) -> Caller {
        if let Some(room) = &conversation.conference {
            let referred_by = conversation.connection(target).and_then(|party| party.referred_by.clone());
            return Caller { referred_by, number: self.room_number(room), name: room.clone(), ..Caller::default() };
        }
        let customer = conversation.customers().next();
        let initiator = conversation.connection(target).and_then(|party| party.added_by);
        let shown = customer.or_else(|| initiator.and_then(|id| conversation.connection(id)));
        let shown = shown.or_else(|| conversation.live().find(|party| party.id != target));
        let referred_by = conversation.connection(target).and_then(|party| party.referred_by.clone());
        let Some(party) = shown else { return Caller::default() };
        let name = if party.name.is_empty() { party.address.clone() } else { party.name.clone() };
        let (name, alert) = match self.recall_display(conversation, target, &name) {
            Some((name, alert)) => (name, Some(alert)),
            None => (name, None),
        };
        Caller { referred_by, number: party.address.clone(), name, alert, ..Caller::default() }
    }
}
