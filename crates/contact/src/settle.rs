//! After each change: end what has no sense any more, tell the shard who hears whom, book who talked with the customer,
//! complete what is over.

use baton_media::{Command as MediaCommand, RoomId};

use crate::agent::Part;
use crate::connection::{Connection, Phase};
use crate::conversation::{Cause, Contact, Conversation, Stage};
use crate::desk::Desk;
use crate::event::{DisconnectReason, EventKind};
use crate::ids::{ConnectionId, ContactId};
use crate::mix::mix_plan;
use crate::snapshot::ConnectionType;
use crate::timer::Timer;
use crate::watch::Focus;

/// How many contacts a conference room may gather before those that are over are dropped.
const ROOM_CONTACTS_KEPT: usize = 64;

impl Desk {
    /// Brings everything that follows from the state in line with it. Asked twice, the second time changes nothing.
    pub(crate) fn settle(&mut self, conversation: &mut Conversation) {
        // A party whose last line has ended, whichever way, is gone.
        for gone in conversation.ids_of(|party| party.is_connected() && party.legs.is_empty()) {
            self.party_gone(conversation, gone, (baton_sip::EndCause::Transport, None));
        }
        if conversation.customers().next().is_none() {
            self.leave_for_good(conversation);
        }
        self.end_what_is_over(conversation);
        self.look_into_rooms(conversation);
        conversation.adopt_targets();
        self.end_idle_lines(conversation);
        self.settle_supervisors(conversation);
        self.look_for_trombone(conversation);
        self.book_interactions(conversation);
        self.publish_focus(conversation);
        self.publish_names(conversation);
        self.publish_mix(conversation);
        self.publish_holds(conversation);
        self.tell_ties(conversation);
        self.publish_identities(conversation);
        self.complete_contacts(conversation);
        self.prune_room(conversation);
        if conversation.changed {
            conversation.changed = false;
            conversation.revision += 1;
            let agents = conversation.connections.iter().filter_map(|party| party.agent.clone());
            self.changed_agents.extend(agents);
            let focus = Focus::of(conversation);
            self.changed_focuses.extend(Some(focus).filter(|focus| self.watches.has(focus)));
        }
    }

    /// A room may be open for days: what is over in it is dropped, but for its first contact, which names it.
    fn prune_room(&mut self, conversation: &mut Conversation) {
        if conversation.conference.is_none() {
            return;
        }
        // Whoever came by a tie line has its contact elsewhere, and leaves nothing here but the reports of its leg.
        let awaited = |contact: ContactId| conversation.closing.values().any(|(of, _, _)| *of == contact);
        let is_gone = |party: &Connection| {
            !party.is_live() && conversation.contact(party.contact).is_none() && !awaited(party.contact)
        };
        let gone: Vec<ConnectionId> =
            conversation.connections.iter().filter(|party| is_gone(party)).map(|party| party.id).collect();
        conversation.connections.retain(|party| !gone.contains(&party.id));
        if conversation.contacts.len() < ROOM_CONTACTS_KEPT {
            return;
        }
        let root = conversation.root();
        let over: Vec<ContactId> = (conversation.contacts.iter())
            .filter(|contact| contact.stage == Stage::Completed && contact.id != root)
            .map(|contact| contact.id)
            .collect();
        conversation.contacts.retain(|contact| !over.contains(&contact.id));
        conversation.connections.retain(|party| party.is_live() || !over.contains(&party.contact));
        self.contact_index.retain(|contact, _| !over.contains(contact));
    }

    fn end_what_is_over(&mut self, conversation: &mut Conversation) {
        if conversation.live().next().is_none() {
            self.finish_all(conversation);
            return;
        }
        if conversation.conference.is_some() {
            return;
        }
        let cause = Cause::of(DisconnectReason::AgentDisconnect);
        let there = |party: &&Connection| party.is_connected() || party.phase == Phase::Calling;
        let present = || conversation.live().filter(there);
        let pending = conversation.live().any(Connection::is_pending);
        let customer = present().any(|party| party.initial);
        let agent = present().any(Connection::is_agent);
        let pending_agent = conversation.live().any(|party| party.is_pending() && party.is_agent());
        let waits = conversation.farewell || conversation.dial_next.is_some();
        // A call in which nobody is left but the room that it leads to keeps nobody in there.
        let count = present().count();
        let over = match count {
            _ if count > 0 && present().all(Connection::is_room) => true,
            0 => !(pending_agent && waits),
            1 => !(pending || waits),
            // Only third parties are left: the customer has gone, and no agent is there.
            _ => !customer && !agent,
        };
        if over {
            self.end_all(conversation, cause);
        }
    }

    /// Ends every party and contact; causes that stand already stay.
    pub(crate) fn end_all(&mut self, conversation: &mut Conversation, cause: Cause) {
        self.customer_left(conversation, cause);
        for id in conversation.ids_of(|_| true) {
            let Some(party) = conversation.connection(id).filter(|party| party.is_live()) else { continue };
            if party.is_pending() {
                self.cancel_target(conversation, id);
                continue;
            }
            let (contact, subject) = (party.contact, party.is_agent() || party.kind == ConnectionType::ThirdParty);
            self.end_party(conversation, id, 480);
            if subject {
                self.finish_contact(conversation, contact, cause);
            }
        }
        self.finish_all(conversation);
    }

    fn finish_all(&mut self, conversation: &mut Conversation) {
        let open = conversation.contacts.iter().filter(|contact| contact.stage == Stage::Open);
        let open: Vec<ContactId> = open.map(|contact| contact.id).collect();
        for contact in open {
            self.finish_contact(conversation, contact, Cause::of(DisconnectReason::CustomerDisconnect));
        }
    }

    /// A fault of ours in this conversation: hang up and record, with as little code as possible.
    pub(crate) fn give_up(&mut self, conversation: &mut Conversation) {
        let cause = Cause::of(DisconnectReason::Other);
        self.customer_left(conversation, cause);
        let monitors: Vec<ConnectionId> = conversation.monitors().map(|party| party.id).collect();
        for id in conversation.ids_of(|_| true).into_iter().chain(monitors) {
            self.leave_queue(conversation, id);
            self.end_party(conversation, id, 500);
        }
        let contacts: Vec<ContactId> = conversation.contacts.iter().map(|contact| contact.id).collect();
        for contact in contacts {
            self.finish_contact_without_acw(conversation, contact, cause);
        }
        self.complete_contacts(conversation);
        for (name, agent) in &mut self.agents {
            let busy = agent.engagements.iter().filter(|each| each.conversation == conversation.id);
            for contact in busy.map(|each| each.contact).collect::<Vec<_>>() {
                agent.release(contact, self.now_us);
                self.changed_agents.insert(name.clone());
            }
        }
        conversation.missed.clear();
        // A leg that was being worked on when it happened belongs to nobody any more.
        let lost = self
            .leg_index
            .iter()
            .filter(|(leg, of)| **of == conversation.id && !conversation.closing.contains_key(leg));
        for leg in lost.map(|(leg, _)| *leg).collect::<Vec<_>>() {
            self.leg_index.remove(&leg);
            let (session, stream) = (baton_sip::SessionId(leg), baton_media::StreamId(leg));
            self.sip(baton_sip::Command::End { session, status: 500, reason: None });
            self.media(conversation, MediaCommand::Close { stream });
        }
    }

    /// A party is over: its legs are ended, its hold is booked.
    pub(crate) fn end_party(&mut self, conversation: &mut Conversation, id: ConnectionId, status: u16) {
        self.end_legs(conversation, id, status);
        let digits =
            conversation.connection_mut(id).map(|party| (party.contact, std::mem::take(&mut party.digit_count)));
        if let Some((contact, count)) = digits.filter(|(_, count)| *count > 0) {
            self.emit(conversation, contact, EventKind::Digits { connection_id: id, count });
        }
        let held_by = conversation.connection(id).and_then(|party| party.hold).map(|hold| hold.by);
        if let Some(by) = held_by {
            // A hold that an agent has left behind is booked where its party is now, not where all is over.
            let open = |contact: &&Contact| contact.is_open_part();
            let holder = conversation.contact(by).filter(open);
            let by = holder.or_else(|| conversation.contacts.iter().rev().find(open)).map_or(by, |contact| contact.id);
            self.resume_party(conversation, id, by);
        }
        let call = conversation.id;
        let timers = [
            Timer::Ring(call, id),
            Timer::QueueMax(call, id),
            Timer::Audio(call, id),
            Timer::FeatureCode(call, id),
            Timer::OutboundMax(call, id),
            Timer::Undo(call, id),
            Timer::Referral(call, id),
        ];
        for timer in timers {
            self.timers.stop(timer);
        }
        let now_us = self.now_us;
        if let Some(party) = conversation.connection_mut(id) {
            party.enter(Phase::Ended, now_us);
            (party.refer, party.aside, party.take_back, party.passing) = (None, None, None, None);
            party.dialling = None;
            conversation.changed = true;
        }
    }

    /// The talking part of a contact is over: after-contact work for an agent that served it, completion else.
    pub(crate) fn finish_contact(&mut self, conversation: &mut Conversation, contact: ContactId, cause: Cause) {
        self.finish(conversation, contact, cause, true);
    }

    pub(crate) fn finish_contact_without_acw(
        &mut self,
        conversation: &mut Conversation,
        contact: ContactId,
        cause: Cause,
    ) {
        self.finish(conversation, contact, cause, false);
    }

    fn finish(&mut self, conversation: &mut Conversation, contact: ContactId, cause: Cause, acw: bool) {
        let (id, now_us, room) = (conversation.id, self.now_us, conversation.conference.is_some());
        let Some(entry) = conversation.contact_mut(contact).filter(|entry| entry.stage == Stage::Open) else { return };
        let cause = entry.cause.unwrap_or(cause);
        let agent = entry.agent.clone();
        // A conference room is no customer's call: there is nothing to work on after it.
        let works_on = acw && !room && entry.served && agent.is_some();
        entry.stage = if works_on { Stage::Acw } else { Stage::Closing };
        entry.since_us = now_us;
        let ended_interaction = std::mem::take(&mut entry.interacting);
        if ended_interaction {
            self.emit(conversation, contact, EventKind::InteractionEnded);
        }
        let (reason, sip_status, q850) = (cause.reason, cause.sip_status, cause.q850);
        self.emit(conversation, contact, EventKind::Disconnected { reason, sip_status, q850 });
        let Some(agent) = agent else { return };
        if !works_on {
            self.release(&agent, contact);
            return;
        }
        if let Some(state) = self.agents.get_mut(&agent) {
            state.engage(contact, id, Part::Acw, now_us);
        }
        self.changed_agents.insert(agent.clone());
        self.emit(conversation, contact, EventKind::AcwStarted);
        let timeout_s = self.directory.user(&agent).map_or(0, |user| user.acw_timeout_seconds);
        if timeout_s > 0 {
            self.start_timer(Timer::Acw(id, contact), u64::from(timeout_s) * 1_000);
        }
    }

    /// Who is in one bridge with the customer, and who with whoever brought it in.
    fn book_interactions(&mut self, conversation: &mut Conversation) {
        let customer_talks = conversation.customers().any(Connection::talks);
        let mut changes = Vec::new();
        for contact in conversation.contacts.iter().filter(|contact| contact.stage == Stage::Open) {
            let subject =
                conversation.live().any(|party| party.contact == contact.id && !party.initial && party.talks());
            let now = subject && customer_talks && conversation.conference.is_none();
            if now != contact.interacting {
                changes.push((contact.id, now));
            }
        }
        for (contact, now) in changes {
            if let Some(entry) = conversation.contact_mut(contact) {
                entry.interacting = now;
            }
            let kind = if now { EventKind::InteractionStarted } else { EventKind::InteractionEnded };
            self.emit(conversation, contact, kind);
        }
        let talking = conversation.ids_of(Connection::talks);
        for party in conversation.connections.iter_mut().filter(|party| party.talks()) {
            if party.added_by.is_some_and(|by| talking.contains(&by)) {
                party.consulted = true;
                party.joined |= customer_talks;
            }
        }
    }

    fn publish_mix(&mut self, conversation: &mut Conversation) {
        let plan = mix_plan(conversation, self.config.tones);
        if plan != conversation.published {
            conversation.published = plan.clone();
            self.media(conversation, MediaCommand::SetMix { room: RoomId(conversation.id.0), plan });
        }
    }

    /// A record is complete when its agent's work and the reports of its legs are.
    fn complete_contacts(&mut self, conversation: &mut Conversation) {
        let closing = |contact: &ContactId| conversation.closing.values().any(|(of, _, _)| of == contact);
        let done = conversation.contacts.iter().filter(|entry| entry.stage == Stage::Closing);
        let done: Vec<ContactId> = done.map(|entry| entry.id).filter(|contact| !closing(contact)).collect();
        for contact in done {
            if let Some(entry) = conversation.contact_mut(contact) {
                entry.stage = Stage::Completed;
            }
            self.emit(conversation, contact, EventKind::Completed);
        }
        if conversation.closing.is_empty() {
            self.timers.stop(Timer::MediaEnd(conversation.id));
        }
    }
}
