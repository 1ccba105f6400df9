//! What becomes of a dialled target: it rings, it answers, or it cannot be reached.

use bytes::Bytes;

use baton_sip::Command as SipCommand;

use crate::agent::Part;
use crate::connection::{Outcome, Phase};
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::directory::{EarlyMedia, OnTargetFailure};
use crate::event::{EventKind, TransferType};
use crate::ids::{ConnectionId, ContactId};
use crate::leg::LegState;
use crate::line::{ELSEWHERE, leg_ids};
use crate::outcome::{Failure, OutcomeName, q850, sip_status, verdict};
use crate::recall::Loss;
use crate::timer::Timer;

impl Desk {
    /// A device of the target alerts, perhaps with audio of its own.
    pub(crate) fn target_rings(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        leg_id: u64,
        (status, sdp): (u16, Option<Bytes>),
    ) {
        if conversation.connection(target).is_some_and(|party| party.monitor.is_some()) {
            return self.supervisor_rings(conversation, target, leg_id);
        }
        let device = conversation.connection(target).and_then(|party| party.leg(leg_id)).map(|leg| &leg.device);
        let trunk = device.and_then(|device| self.trunk_of(device));
        let policy = trunk.map_or(EarlyMedia::Pass, |trunk| trunk.early_media);
        let sdp = sdp.filter(|_| policy == EarlyMedia::Pass);
        let early = sdp.is_some_and(|sdp| self.take_early_answer(conversation, leg_id, &sdp));
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return };
        // From here on a failure is the called party's.
        party.attempt = None;
        if policy == EarlyMedia::Ignore && status != 180 {
            // Nobody's phone rings yet.
            return;
        }
        if let Some(leg) = party.leg_mut(leg_id) {
            leg.state = LegState::Alerting;
            leg.early_media |= early;
        }
        if !party.is_pending() {
            return;
        }
        // Audio of one of several ringing phones is nobody's: which one will answer is open.
        let phase = if early && !party.is_agent() { Phase::EarlyMedia } else { Phase::Ringing };
        let (contact, first) = (party.contact, matches!(party.phase, Phase::Queued | Phase::Offered));
        party.enter(phase.max(party.phase), now_us);
        conversation.changed = true;
        if first {
            self.emit(conversation, contact, EventKind::TargetRinging { connection_id: target });
        }
        self.relay_ringing(conversation, target, status);
        self.report_progress(conversation, target, status);
    }

    /// Callers who wait for this target hear its ringing through their own provisional response.
    fn relay_ringing(&mut self, conversation: &mut Conversation, target: ConnectionId, status: u16) {
        let early = conversation.connection(target).is_some_and(|party| party.phase == Phase::EarlyMedia);
        for (owner, leg_id) in callers_waiting_for(conversation, target) {
            let Some(mut taken) = crate::line::take_leg(conversation, leg_id) else { continue };
            debug_assert_eq!(taken.0, owner);
            let offered = taken.1.answer.is_some();
            let sdp = if early && offered { self.description_for(&mut taken.1) } else { None };
            if sdp.is_some() && !taken.1.early_media {
                taken.1.early_media = true;
                self.configure(conversation, &taken.1);
            }
            let status = if sdp.is_some() {
                183
            } else if status == 183 {
                180
            } else {
                status
            };
            self.sip(SipCommand::Ring { session: taken.1.session(), status, sdp });
            crate::line::give_leg(conversation, taken);
        }
    }

    /// A device of the target has answered.
    pub(crate) fn target_answers(&mut self, conversation: &mut Conversation, target: ConnectionId, leg_id: u64) {
        if conversation.connection(target).is_some_and(|party| party.monitor.is_some()) {
            return self.supervisor_answers(conversation, target, leg_id);
        }
        self.timers.stop(Timer::Ring(conversation.id, target));
        self.timers.stop(Timer::QueueMax(conversation.id, target));
        self.timers.stop(Timer::NextDevice(conversation.id, target));
        for other in leg_ids(conversation, target).into_iter().filter(|id| *id != leg_id) {
            self.end_leg(conversation, target, other, 487, Some(ELSEWHERE));
        }
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return };
        (party.attempt, party.devices) = (None, None);
        if let Some(leg) = party.leg_mut(leg_id) {
            leg.state = LegState::Up;
            leg.answered_us = Some(now_us);
        }
        if !self.begin_whisper(conversation, target, leg_id) {
            self.target_connects(conversation, target);
        }
    }

    /// A target that has answered, and heard what it was to hear, is in the conversation.
    pub(crate) fn target_connects(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        self.timers.stop(Timer::Ring(conversation.id, target));
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return };
        party.enter(Phase::Connected, now_us);
        let (contact, agent) = (party.contact, party.agent.clone());
        match agent {
            Some(agent) if party.is_agent() => self.agent_connected(conversation, contact, &agent),
            _ => self.connected_to_system(conversation, contact),
        }
        self.limit_duration(conversation, target);
        self.answer_callers(conversation, target);
        self.complete_refers(conversation, target);
        self.leave_for_good(conversation);
        self.give_the_floor(conversation, target);
        self.dial_what_was_asked(conversation, target);
    }

    /// Media with a contact's party is up. A call from trunk to trunk is one contact, and reached once, not for each of its two.
    pub(crate) fn connected_to_system(&mut self, conversation: &mut Conversation, contact: ContactId) {
        let told = conversation.contact_mut(contact).map(|entry| std::mem::replace(&mut entry.reached, true));
        if told == Some(false) {
            self.emit(conversation, contact, EventKind::ConnectedToSystem);
        }
    }

    /// An agent's phone was answered: its contact is served now.
    pub(crate) fn agent_connected(
        &mut self,
        conversation: &mut Conversation,
        contact: crate::ids::ContactId,
        agent: &str,
    ) {
        let (id, now_us) = (conversation.id, self.now_us);
        conversation.recall = None;
        if let Some(entry) = conversation.contact_mut(contact) {
            entry.agent = Some(agent.to_string());
            entry.served = true;
            entry.since_us = now_us;
            if entry.queue.is_some() {
                self.emit(conversation, contact, EventKind::Dequeued);
            }
        }
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.engage(contact, id, Part::On, now_us);
        }
        self.changed_agents.insert(agent.to_string());
        let routing_profile = self.directory.user(agent).and_then(|user| user.routing_profile.clone());
        self.emit(conversation, contact, EventKind::ConnectedToAgent { agent: agent.to_string(), routing_profile });
    }

    /// Everyone who called and waits for this target gets the 200.
    pub(crate) fn answer_callers(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        for (owner, leg_id) in callers_waiting_for(conversation, target) {
            self.speak_for(conversation, leg_id, target);
            self.answer_caller(conversation, owner, leg_id);
        }
    }

    /// Answers a caller's leg. A first leg makes its party connected.
    pub(crate) fn answer_caller(&mut self, conversation: &mut Conversation, owner: ConnectionId, leg_id: u64) {
        // The 200 to a caller of a room says that it is one.
        self.publish_focus(conversation);
        let Some(mut taken) = crate::line::take_leg(conversation, leg_id) else { return };
        let sdp = self.description_for(&mut taken.1);
        taken.1.state = LegState::Up;
        taken.1.answered_us = Some(self.now_us);
        if !taken.1.early_media {
            self.configure(conversation, &taken.1);
        }
        let session = taken.1.session();
        crate::line::give_leg(conversation, taken);
        let Some(sdp) = sdp else {
            self.end_leg(conversation, owner, leg_id, 488, None);
            return;
        };
        self.sip(SipCommand::Answer { session, sdp, identity: None });
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(owner) else { return };
        if party.phase != Phase::Calling {
            return;
        }
        party.enter(Phase::Connected, now_us);
        let (contact, agent) = (party.contact, party.agent.clone());
        match agent {
            Some(agent) if party.is_agent() => self.agent_connected(conversation, contact, &agent),
            _ => self.connected_to_system(conversation, contact),
        }
    }

    /// The target could not be reached, or gave up. Whoever waits for it learns it at once (R4).
    pub(crate) fn target_fails(&mut self, conversation: &mut Conversation, target: ConnectionId, failure: Failure) {
        if conversation.connection(target).is_some_and(|party| party.monitor.is_some()) {
            return self.supervisor_fails(conversation, target, failure);
        }
        let (outcome, reason, status) = verdict(failure);
        let Some(party) = conversation.connection_mut(target) else { return };
        let (contact, added_by, recall_to) = (party.contact, party.added_by, party.recall_to.clone());
        let agent = party.agent.clone().filter(|_| party.is_agent());
        let (sip_status, q850) = (sip_status(failure), q850(failure));
        party.outcome = Some(Outcome { name: outcome, sip_status, q850, failure });
        let callers = callers_waiting_for(conversation, target);
        self.leave_queue(conversation, target);
        self.end_party(conversation, target, 487);
        if let Some(agent) = agent {
            self.agent_missed(conversation, contact, &agent, outcome);
        }
        let cause = Cause { reason, sip_status, q850 };
        self.tell_initiator(conversation, (target, contact, added_by), cause, outcome);
        // A transferor is told the target's true status (R1); a caller, what that means for it.
        let true_status = if sip_status >= 300 { sip_status } else { status };
        self.fail_refers(conversation, target, true_status);
        for (owner, leg_id) in callers {
            self.refuse_caller(conversation, owner, leg_id, status, cause);
        }
        let initiator_is_there =
            added_by.and_then(|id| conversation.connection(id)).is_some_and(|party| party.is_connected());
        if initiator_is_there {
            self.finish_contact(conversation, contact, cause);
            self.come_back_from_failure(conversation, added_by);
            self.resume_by_policy(conversation, added_by);
        } else {
            let loss = Loss { contact, target: Some((target, failure)), recall_to, cause };
            self.keep_the_customer(conversation, &loss);
        }
    }

    fn tell_initiator(
        &mut self,
        conversation: &mut Conversation,
        (target, target_contact_id, added_by): (ConnectionId, crate::ids::ContactId, Option<ConnectionId>),
        cause: Cause,
        outcome: OutcomeName,
    ) {
        let initiator = added_by.and_then(|id| conversation.connection(id)).map(|party| party.contact);
        // Who calls a guest into a room transfers nothing.
        let room = conversation.conference.is_some();
        let Some(initiator) = initiator.filter(|initiator| *initiator != target_contact_id && !room) else { return };
        let (sip_status, q850) = (cause.sip_status, cause.q850);
        tracing::debug!(connection = %target, outcome = outcome.text(), "a target was not reached");
        self.emit(
            conversation,
            initiator,
            EventKind::TargetFailed { target_contact_id, reason: cause.reason, sip_status, q850 },
        );
        self.emit(
            conversation,
            initiator,
            EventKind::Transfer {
                transfer_type: TransferType::Failed,
                outcome: outcome.text().to_string(),
                sip_status,
                q850,
                transferred_to: None,
                completed: false,
            },
        );
    }

    /// A caller whose target failed: its INVITE is refused. A first leg takes its party with it.
    fn refuse_caller(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        leg_id: u64,
        status: u16,
        cause: Cause,
    ) {
        self.end_leg(conversation, owner, leg_id, status, None);
        let calling = conversation.connection(owner).is_some_and(|party| party.phase == Phase::Calling);
        if calling {
            let contact = crate::line::contact_of(conversation, owner);
            self.end_party(conversation, owner, status);
            self.finish_contact(conversation, contact, cause);
        }
    }

    /// The queue's policy for a customer whose agent's target failed.
    fn resume_by_policy(&mut self, conversation: &mut Conversation, initiator: Option<ConnectionId>) {
        let Some(initiator) = initiator.and_then(|id| conversation.connection(id)) else { return };
        let contact = initiator.contact;
        let policy = conversation.queue_of(contact).and_then(|place| self.directory.queue(&place.name));
        if policy.is_some_and(|queue| queue.on_target_failure == OnTargetFailure::AutoResume) {
            let others_talk = conversation.live().any(|each| each.id != initiator.id && each.talks());
            let held = conversation.ids_of(|each| each.initial && each.hold.is_some());
            for customer in held.into_iter().filter(|_| !others_talk) {
                self.resume_party(conversation, customer, contact);
            }
        }
    }
}

/// Incoming legs that wait for this target: those that are for it, and callers who are not answered at all.
pub(crate) fn callers_waiting_for(conversation: &Conversation, target: ConnectionId) -> Vec<(ConnectionId, u64)> {
    let waits = |party: &crate::connection::Connection, leg: &crate::leg::Leg| {
        leg.state == LegState::Incoming
            && (leg.partners.contains(&target) || (leg.partners.is_empty() && party.phase == Phase::Calling))
    };
    let live = conversation.live().filter(|party| party.id != target);
    live.flat_map(|party| party.legs.iter().filter(move |leg| waits(party, leg)).map(|leg| (party.id, leg.id)))
        .collect()
}
