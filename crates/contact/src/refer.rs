//! REFER: a party's phone or trunk asks for a transfer. It is the same machine as the panel's, plus a report to the
//! transferor, who stays until its target is reached (R1–R7, R11–R13).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use baton_sip::{Command as SipCommand, ReferTarget, ReplacesTarget, SessionId, TransferId};

use crate::command::{RefusalKind, Target};
use crate::connection::{Phase, Refer};
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::directory::ReferPolicy;
use crate::event::{DisconnectReason, PartyRole};
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::leg::Device;
use crate::route::Destination;
use crate::transfer::Adding;

/// A REFER as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) session: SessionId,
    pub(crate) transfer: TransferId,
    pub(crate) target: ReferTarget,
    pub(crate) referred_by: Option<String>,
}

impl Desk {
    /// A peer asks for a transfer.
    pub(crate) fn transfer_asked(&mut self, id: ConversationId, asked: Asked) {
        if let Some(ReplacesTarget::Session(other)) = asked.target.replaces {
            let elsewhere = self.leg_index.get(&other.0).copied().filter(|conversation| *conversation != id);
            let is_room =
                |id: &ConversationId| self.conversations.get(id).is_some_and(|each| each.conference.is_some());
            if let Some(elsewhere) = elsewhere {
                match (is_room(&id), is_room(&elsewhere)) {
                    (true, false) => {
                        let (call, room) = ((elsewhere, other.0), (id, asked.session.0));
                        return self.lead_into_room(call, room, &asked);
                    }
                    (false, true) => {
                        let (call, room) = ((id, asked.session.0), (elsewhere, other.0));
                        return self.lead_into_room(call, room, &asked);
                    }
                    _ => {}
                }
                self.attended_between(id, elsewhere, &asked, other);
                return;
            }
        }
        let session = asked.session;
        let done = self.with(id, |desk, conversation| desk.transfer_within(conversation, &asked));
        if done.is_none() {
            self.refuse_transfer(session, asked.transfer, 481);
        }
    }

    pub(crate) fn refuse_transfer(&mut self, session: SessionId, transfer: TransferId, status: u16) {
        self.sip(SipCommand::RefuseTransfer { session, transfer, status });
    }

    fn transfer_within(&mut self, conversation: &mut Conversation, asked: &Asked) {
        let Some(owner) = conversation.owner_of(asked.session.0) else {
            self.refuse_transfer(asked.session, asked.transfer, 481);
            return;
        };
        self.end_number(conversation, owner);
        if conversation.conference.is_some() {
            return self.refer_to_focus(conversation, owner, asked);
        }
        if self.refer_on_room_line(conversation, owner, asked) {
            return;
        }
        if asked.target.removes {
            // Only a conference has parties that could be removed so.
            return self.refuse_transfer(asked.session, asked.transfer, 501);
        }
        if let Err(status) = self.may_transfer(conversation, owner, asked.session.0) {
            self.refuse_transfer(asked.session, asked.transfer, status);
            return;
        }
        if !self.refers_on(conversation, owner, asked) {
            self.act_on_refer(conversation, owner, asked);
        }
    }

    /// We do what a REFER asks for.
    pub(crate) fn act_on_refer(&mut self, conversation: &mut Conversation, owner: ConnectionId, asked: &Asked) {
        if let Err(status) = self.is_meant_here(conversation, owner, asked) {
            return self.refuse_transfer(asked.session, asked.transfer, status);
        }
        match &asked.target.replaces {
            Some(ReplacesTarget::Session(other)) => self.attended_within(conversation, owner, asked, *other),
            // RFC 3891 §3: `early-only` names a dialog that has been answered meanwhile.
            Some(ReplacesTarget::Answered(_)) => self.refuse_transfer(asked.session, asked.transfer, 486),
            Some(ReplacesTarget::Elsewhere(value)) => {
                let replaces = Some(value.clone());
                self.blind(conversation, owner, asked, replaces);
            }
            None => self.blind(conversation, owner, asked, None),
        }
    }

    /// An address at a host that is neither ours nor the transferor's is nobody's here (RFC 3261 §21.4.5).
    pub(crate) fn is_meant_here(
        &self,
        conversation: &Conversation,
        owner: ConnectionId,
        asked: &Asked,
    ) -> Result<(), u16> {
        let Some(host) = &asked.target.elsewhere else { return Ok(()) };
        let trunk = self.trunk_that_refers(conversation, owner, asked.session);
        if trunk.is_some_and(|trunk| trunk.hosts.contains(host)) { Ok(()) } else { Err(404) }
    }

    /// Policy (R11), one at a time (R13), and no loops (R12).
    pub(crate) fn may_transfer(&self, conversation: &Conversation, owner: ConnectionId, leg: u64) -> Result<(), u16> {
        let Some(party) = conversation.connection(owner) else { return Err(481) };
        if let Some(Device::Trunk(name)) = party.leg(leg).map(|leg| &leg.device)
            && self.trunk(name).is_none_or(|trunk| trunk.refer == ReferPolicy::Refuse)
        {
            return Err(403);
        }
        if !party.is_here() || party.passing.is_some() {
            return Err(491);
        }
        // A supervisor is no party: it has nothing to transfer.
        if !party.is_connected() || party.monitor.is_some() {
            return Err(403);
        }
        let transfers_max = self.transfers_max(&self.accounts_of(party));
        if conversation.transfers >= transfers_max { Err(482) } else { Ok(()) }
    }

    /// Blind: the target is dialled, and what remains hears it ring; the transferor stays until it is reached.
    fn blind(&mut self, conversation: &mut Conversation, owner: ConnectionId, asked: &Asked, replaces: Option<String>) {
        let number = Target::PhoneNumber(asked.target.target.user.clone());
        let adding = Adding { referred_by: asked.referred_by.clone(), replaces, ..Adding::default() };
        if let Some(target) = self.target_there(conversation, owner, &number) {
            return self.hand_over(conversation, owner, asked, target);
        }
        if !conversation.pending_targets_of(owner).is_empty() {
            // R13: another target of the same party is being reached, and would be forgotten.
            return self.refuse_transfer(asked.session, asked.transfer, 491);
        }
        if asked.target.target.uri.starts_with("sips:") && !self.is_reached_secured(&number) {
            // RFC 5630 §5.4: nobody is called in the clear who is to be called by TLS.
            return self.refuse_transfer(asked.session, asked.transfer, 480);
        }
        // The answer to the REFER comes before any report of its target, also of one that fails at once (R1).
        let (session, transfer) = (asked.session, asked.transfer);
        let held: Vec<_> = conversation.live().filter_map(|each| Some((each.id, each.hold?))).collect();
        let accepted = self.effects.len();
        let carried = conversation.carried.user_to_user.clone();
        if !asked.target.user_to_user.is_empty() {
            // RFC 7433 §4.2: what the transferor says replaces what came with the call.
            conversation.carried.user_to_user.clone_from(&asked.target.user_to_user);
        }
        match self.add_target(conversation, owner, &number, adding) {
            Err(refusal) => {
                conversation.carried.user_to_user = carried;
                tracing::debug!(detail = refusal.detail, "a REFER is refused");
                let to = self.destination_of(&number);
                let room = matches!(to, Ok(Destination::Conference(_) | Destination::Factory(_)));
                let status = match refusal.kind {
                    RefusalKind::NoRoute | RefusalKind::NotFound => 404,
                    RefusalKind::LimitReached if room => 486,
                    // Nobody is there, or the call is in a room already.
                    RefusalKind::WrongState if room => 480,
                    RefusalKind::LimitReached => 503,
                    _ => 403,
                };
                self.refuse_transfer(session, transfer, status);
            }
            Ok(target) => {
                let accept = SipCommand::AcceptTransfer { session, transfer };
                let at = accepted.min(self.effects.len());
                self.effects.insert(at, crate::desk::Effect::Sip(Box::new(accept)));
                self.pursue(conversation, owner, Refer { session, transfer, target }, held);
            }
        }
    }

    /// Whether all ways to a target are TLS or secured WebSockets (RFC 3261 §26.2.2). Who will take a queue's call is not known, so
    /// nobody can promise it.
    fn is_reached_secured(&self, target: &Target) -> bool {
        match self.destination_of(target) {
            // Refused for that reason.
            Err(_) => true,
            Ok(Destination::Agent(name)) => {
                let phones = self.directory.user(&name).map(|user| user.phones.as_slice()).unwrap_or_default();
                let bindings = phones.iter().filter_map(|phone| self.bindings.get(&phone.username)).flatten();
                bindings.into_iter().all(|binding| binding.flow.transport.is_secure())
            }
            Ok(Destination::Outside { trunks, .. }) => {
                let mut gateways = trunks.iter().filter_map(|name| self.trunk(name)).flat_map(|trunk| &trunk.gateways);
                gateways.all(|gateway| gateway.is_secured())
            }
            Ok(Destination::Queue(_) | Destination::Conference(_) | Destination::Factory(_)) => false,
        }
    }

    /// The transferor steps aside while its target is being reached.
    pub(crate) fn pursue(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        refer: Refer,
        held: Vec<(ConnectionId, crate::connection::Hold)>,
    ) {
        let Some(target) = conversation.connection(refer.target) else { return };
        let (phase, outcome) = (target.phase, target.outcome.clone());
        if phase == Phase::Ended {
            // It failed at once: the transferor keeps everything as it was.
            let status =
                outcome.map_or(480, |outcome| if outcome.sip_status >= 300 { outcome.sip_status } else { 480 });
            self.report(refer, status);
            return;
        }
        if let Some(party) = conversation.connection_mut(owner) {
            party.refer = Some(refer);
        }
        let contact = crate::line::contact_of(conversation, owner);
        let lifted: Vec<_> = held.into_iter().filter(|(_, hold)| hold.by == contact).collect();
        for (held, _) in &lifted {
            self.resume_party(conversation, *held, contact);
        }
        if let Some(party) = conversation.connection_mut(owner) {
            party.lifted = lifted.into_iter().map(|(held, hold)| (held, hold.by_leg)).collect();
        }
        if matches!(phase, Phase::Queued | Phase::Connected) {
            // The queue, or the room, has answered: the transferor is free, as with the panel's blind transfer.
            self.complete_refers(conversation, refer.target);
            return;
        }
        let status = match phase {
            Phase::Ringing | Phase::EarlyMedia | Phase::Whispering => 180,
            _ => return,
        };
        self.report(refer, status);
    }

    /// Attended, both lines here and in one conversation: the two lines of one phone are spliced (R6). A target that
    /// still rings keeps its leg (R7).
    fn attended_within(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        asked: &Asked,
        other: SessionId,
    ) {
        let other_owner = conversation.owner_of(other.0);
        if other_owner != Some(owner) || other == asked.session {
            // A line that has just ended is no one's.
            let status = if other_owner.is_none() { 481 } else { 403 };
            self.refuse_transfer(asked.session, asked.transfer, status);
            return;
        }
        let (session, transfer) = (asked.session, asked.transfer);
        let lines = conversation.connection(owner).map(|party| party.legs.as_slice()).unwrap_or_default();
        let partners = lines.iter().filter(|leg| leg.id == other.0 || leg.id == session.0);
        let partners: Vec<_> = partners.flat_map(|leg| leg.partners.clone()).collect();
        let there = |id: &ConnectionId| conversation.connection(*id).is_some_and(|each| each.is_live());
        let partners: Vec<_> = partners.into_iter().filter(there).collect();
        if partners.len() < 2 {
            // One of the two has just gone: the other stays with the transferor (R4).
            return self.refuse_transfer(session, transfer, 480);
        }
        self.drop_unnamed(conversation, owner, &partners);
        let pending = |id: &&ConnectionId| conversation.connection(**id).is_some_and(|each| each.is_pending());
        let Some(target) = partners.iter().find(pending).or(partners.last()).copied() else { return };
        self.hand_over(conversation, owner, asked, target);
    }

    /// Attended, between two conversations of one agent or trunk: they become one.
    fn attended_between(&mut self, id: ConversationId, other_id: ConversationId, asked: &Asked, other: SessionId) {
        let (session, transfer) = (asked.session, asked.transfer);
        let done = self.with(id, |desk, conversation| {
            desk.with(other_id, |desk, second| desk.splice(conversation, second, asked, other))
        });
        if done.flatten().is_none() {
            self.refuse_transfer(session, transfer, 481);
        }
    }

    fn splice(&mut self, conversation: &mut Conversation, second: &mut Conversation, asked: &Asked, other: SessionId) {
        let (session, transfer) = (asked.session, asked.transfer);
        match self.may_merge(conversation, second, (session.0, other.0)) {
            Err(status) => self.refuse_transfer(session, transfer, status),
            Ok((owner, second_owner)) => {
                self.sip(SipCommand::AcceptTransfer { session, transfer });
                self.merge(conversation, second, second_owner);
                self.report_final(session, transfer, 200);
                self.step_out(conversation, owner);
            }
        }
    }

    /// The sender must be a party to the dialog that it names (R5): one agent's phones, or one trunk.
    fn may_merge(
        &mut self,
        conversation: &Conversation,
        second: &Conversation,
        (leg, other_leg): (u64, u64),
    ) -> Result<(ConnectionId, ConnectionId), u16> {
        let owner = conversation.owner_of(leg).ok_or(481_u16)?;
        self.may_transfer(conversation, owner, leg)?;
        let second_owner = second.owner_of(other_leg).ok_or(481_u16)?;
        let (Some(one), Some(other)) = (conversation.connection(owner), second.connection(second_owner)) else {
            return Err(481);
        };
        let same_agent = one.agent.is_some() && one.agent == other.agent;
        let devices = (one.leg(leg).map(|leg| &leg.device), other.leg(other_leg).map(|leg| &leg.device));
        let same_trunk = matches!(devices, (Some(Device::Trunk(one)), Some(Device::Trunk(other))) if one == other);
        if !(same_agent || same_trunk) {
            return Err(403);
        }
        if other.monitor.is_some() {
            return Err(403);
        }
        let stay = || {
            let heard = conversation.live().chain(conversation.monitors()).filter(|each| each.id != owner);
            heard.filter_map(|each| each.agent.as_deref())
        };
        if stay().any(|agent| second.party_of_agent(agent).is_some_and(|each| each.id != second_owner)) {
            // An agent with a line in each would talk to itself.
            return Err(403);
        }
        let stay_there = second.live().filter(|each| each.id != second_owner).filter_map(|each| each.agent.as_deref());
        let twice = match (conversation.room(), second.room()) {
            // A call is in one room at most.
            (Some(_), Some(_)) => return Err(403),
            (Some(room), None) => self.already_there(room, stay_there),
            (None, Some(room)) => self.already_there(room, stay()),
            (None, None) => None,
        };
        if twice.is_some() {
            // It would hear itself through the room.
            return Err(403);
        }
        let fits = conversation.shard == second.shard && other.is_connected() && second.conference.is_none();
        let accounts = self.accounts_of(one);
        self.may_hand_over(second, second_owner, &accounts).map_err(|_| 403_u16)?;
        if fits && conversation.conference.is_none() { Ok((owner, second_owner)) } else { Err(501) }
    }

    /// Moves the parties of the second conversation into the first; its own end of the transferor leaves.
    fn merge(&mut self, conversation: &mut Conversation, second: &mut Conversation, second_owner: ConnectionId) {
        let cause = Cause::of(DisconnectReason::AgentDisconnect);
        let contact = crate::line::contact_of(second, second_owner);
        let caller = second.connection(second_owner).is_some_and(|party| party.initial);
        self.leave_for_good(second);
        self.end_party(second, second_owner, 480);
        if !caller {
            // A caller's contact is also that of whom it talked with, and goes on with them.
            self.finish_contact(second, contact, cause);
        }
        let held = second.ids_of(|each| each.hold.is_some());
        held.into_iter().for_each(|each| self.resume_party(second, each, contact));
        conversation.sequence = conversation.sequence.max(second.sequence);
        conversation.transfers += second.transfers + 1;
        let (moved, stay): (Vec<_>, Vec<_>) =
            second.connections.drain(..).partition(|each| each.is_live() && each.monitor.is_none());
        second.connections = stay;
        let contacts: Vec<_> = moved.iter().map(|each| each.contact).collect();
        for mut party in moved {
            (party.added_by, party.dialling) = (None, None);
            self.timers.stop(crate::timer::Timer::FeatureCode(second.id, party.id));
            for leg in &mut party.legs {
                leg.partners.clear();
                self.leg_index.insert(leg.id, conversation.id);
            }
            self.move_waiting(second.id, conversation.id, party.id);
            self.move_limit(second.id, conversation.id, party.id);
            conversation.connections.push(party);
        }
        let (moved, stay): (Vec<_>, Vec<_>) = second.contacts.drain(..).partition(|each| contacts.contains(&each.id));
        second.contacts = stay;
        for entry in moved {
            self.contact_index.insert(entry.id, conversation.id);
            if let Some(agent) = entry.agent.as_ref().and_then(|name| self.agents.get_mut(name)) {
                for engagement in agent.engagements.iter_mut().filter(|each| each.contact == entry.id) {
                    engagement.conversation = conversation.id;
                }
            }
            conversation.contacts.push(entry);
        }
        for party in &mut conversation.connections {
            party.legs.iter_mut().for_each(|leg| leg.partners.clear());
        }
        self.move_remains(conversation, second, &contacts);
        conversation.changed = true;
        second.changed = true;
    }

    /// Reports of ended legs that are still to come, and missed offers, follow their contacts.
    fn move_remains(&mut self, conversation: &mut Conversation, second: &mut Conversation, contacts: &[ContactId]) {
        let (moved, stay): (BTreeMap<_, _>, _) = std::mem::take(&mut second.closing)
            .into_iter()
            .partition(|(_, (contact, _, _))| contacts.contains(contact));
        second.closing = stay;
        for (leg, closing) in moved {
            self.leg_index.insert(leg, conversation.id);
            conversation.closing.insert(leg, closing);
        }
        if !conversation.closing.is_empty() {
            self.start_timer(crate::timer::Timer::MediaEnd(conversation.id), crate::line::MEDIA_END_MS);
        }
        let missed = std::mem::take(&mut second.missed);
        for (agent, contact) in missed {
            let own = contacts.contains(&contact);
            let engagements = self.agents.get_mut(&agent).map(|agent| agent.engagements.iter_mut());
            for engagement in engagements.into_iter().flatten().filter(|each| own && each.contact == contact) {
                engagement.conversation = conversation.id;
            }
            if own { &mut conversation.missed } else { &mut second.missed }.push((agent, contact));
        }
    }

    fn move_waiting(&mut self, from: ConversationId, to: ConversationId, connection: ConnectionId) {
        for waiting in self.waiting.iter_mut() {
            if waiting.conversation == from && waiting.connection == connection {
                waiting.conversation = to;
            }
        }
        let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
        let timer = crate::timer::Timer::QueueMax(from, connection);
        if self.timers.stop(timer) {
            self.start_timer(crate::timer::Timer::QueueMax(to, connection), ring_ms);
        }
        let timer = crate::timer::Timer::Ring(from, connection);
        if self.timers.stop(timer) {
            self.start_timer(crate::timer::Timer::Ring(to, connection), ring_ms);
        }
    }

    fn report(&mut self, refer: Refer, status: u16) {
        self.report_final(refer.session, refer.transfer, status);
    }

    pub(crate) fn report_final(&mut self, session: SessionId, transfer: TransferId, status: u16) {
        self.sip(SipCommand::ReportTransfer { session, transfer, status, reason: String::new() });
    }

    /// Provisional news of a target, for the transferor that waits for it.
    pub(crate) fn report_progress(&mut self, conversation: &mut Conversation, target: ConnectionId, status: u16) {
        for (_, refer) in refers_to(conversation, target) {
            self.report(refer, status);
        }
        if let Some(invited) = conversation.connection(target).and_then(|party| party.invited) {
            self.report_final(invited.session, invited.transfer, status);
        }
    }

    /// The last news of a guest, for who has asked a room's focus for it and stays there.
    fn report_invited(&mut self, conversation: &mut Conversation, target: ConnectionId, status: u16) {
        if let Some(invited) = conversation.connection_mut(target).and_then(|party| party.invited.take()) {
            self.report_final(invited.session, invited.transfer, status);
        }
    }

    /// The target is reached: the transferor has what it asked for, and leaves.
    pub(crate) fn complete_refers(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        for (owner, refer) in refers_to(conversation, target) {
            self.report(refer, 200);
            self.step_out(conversation, owner);
        }
        self.report_invited(conversation, target, 200);
    }

    /// A transferor has what it asked for.
    pub(crate) fn step_out(&mut self, conversation: &mut Conversation, owner: ConnectionId) {
        self.hand_on_the_call(conversation, owner);
        let role = conversation.connection(owner).map_or(PartyRole::Agent, |party| party.role());
        let by = match role {
            PartyRole::Customer => "customer",
            PartyRole::Agent => "agent",
            PartyRole::ThirdParty => "thirdParty",
        };
        self.leave(conversation, owner, by, Cause::of(crate::control::reason_of(role)));
    }

    /// A caller that transfers its own end away leaves the call to whom it talked with: that party is the customer now.
    fn hand_on_the_call(&mut self, conversation: &mut Conversation, leaver: ConnectionId) {
        let caller = conversation.connection(leaver).is_some_and(|party| party.initial);
        let others = || conversation.live().filter(|each| each.id != leaver && each.is_connected());
        let kept = others().any(|each| each.initial || each.is_agent());
        let heir = others().find(|each| each.refer.is_none() && !each.is_room()).map(|each| each.id);
        if let Some(heir) = heir.filter(|_| caller && !kept).and_then(|id| conversation.connection_mut(id)) {
            heir.initial = true;
        }
    }

    /// The target failed: the transferor is told and has its call back as it was (R4).
    pub(crate) fn fail_refers(&mut self, conversation: &mut Conversation, target: ConnectionId, status: u16) {
        self.report_invited(conversation, target, status);
        for (owner, refer) in refers_to(conversation, target) {
            self.report(refer, status);
            let now_us = self.now_us;
            let Some(party) = conversation.connection_mut(owner) else { continue };
            party.refer = None;
            party.refer_failed_us = Some(now_us);
            let (contact, lifted) = (party.contact, std::mem::take(&mut party.lifted));
            // An agent that has left meanwhile holds nobody any more.
            let holder_is_there = conversation.agent_connection(contact).is_some_and(|party| party.is_connected());
            for (held, by_leg) in lifted.into_iter().filter(|_| holder_is_there) {
                self.hold_party(conversation, held, contact, by_leg);
            }
        }
    }
}

fn refers_to(conversation: &Conversation, target: ConnectionId) -> Vec<(ConnectionId, Refer)> {
    let refers = conversation.live().filter_map(|each| Some((each.id, each.refer?)));
    refers.filter(|(_, refer)| refer.target == target).collect()
}
