//! New calls: who calls, what they dialled, and what comes of it.

use baton_sdp::SdpError;
use baton_sip::{Command as SipCommand, Destination as Way, IncomingInvite, Origin, SessionId};

use crate::agent::Part;
use crate::carried::{ANONYMOUS, Carried, anonymous};
use crate::command::{RefusalKind, Target};
use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::dial::Caller;
use crate::directory::{CallerIdHeader, QueueFull};
use crate::event::{EndpointAddress, InitiationMethod};
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::leg::{Device, Leg, LegState};
use crate::permission::{Account, Deed};
use crate::route::Destination;
use crate::snapshot::ConnectionType;
use crate::timer::Timer;
use crate::transfer::{Adding, Opening};
use crate::trunk::{Direction, TrunkState};

/// What a caller is told to wait when there is no room, in seconds.
const RETRY_AFTER_S: u32 = 10;

/// A call that has been looked at: where it came from.
struct Arrival {
    session: SessionId,
    invite: Box<IncomingInvite>,
    device: Device,
    /// The agent whose phone it is.
    agent: Option<String>,
}

impl Arrival {
    /// Who answers for the call.
    fn account(&self) -> Account {
        let device = || Account::Trunk(self.device.name().to_string());
        self.agent.clone().map_or_else(device, Account::Agent)
    }
}

impl Desk {
    /// A new INVITE.
    pub(crate) fn incoming(&mut self, session: SessionId, mut invite: Box<IncomingInvite>) {
        let device = self.device_of(&invite.origin);
        if let Some(Device::Trunk(name)) = &device
            && let Some(registration) = self.registration_of(name)
            && registration.line == invite.target.user
        {
            // The Request-URI is the Contact that we registered; what was dialled stands in To (RFC 3261 §16.4), or, when the
            // registrar writes our Contact there as well, as we do, it was the account that we registered.
            invite.target =
                if invite.to.user == registration.line { registration.account() } else { invite.to.clone() };
        }
        if let Some(trunk) = device.as_ref().and_then(|device| self.trunk_of(device)) {
            identify(trunk, &mut invite);
        }
        let Some(device) = device else { return self.refuse(session, 403, false) };
        let agent = match &device {
            Device::Phone(phone) => self.phone_owner.get(phone).cloned(),
            Device::Trunk(_) | Device::Room(_) => None,
        };
        if matches!(device, Device::Phone(_)) && agent.is_none() {
            return self.refuse(session, 403, false);
        }
        if invite.max_forwards == 0 {
            return self.refuse(session, 483, false);
        }
        if Carried::is_loop(&invite) {
            tracing::info!(number = invite.target.user, "a call goes in a circle");
            return self.refuse(session, 482, false);
        }
        let arrival = Arrival { session, invite, device, agent };
        if let Some(replaced) = arrival.invite.replaces {
            return self.replacing(arrival, replaced);
        }
        if let Some(conversation) = arrival.agent.as_deref().and_then(|agent| self.call_of(agent)) {
            return self.second_line(conversation, arrival);
        }
        if self.draining || self.overloaded || self.conversations.len() >= self.config.limits.conversations_max {
            return self.refuse(session, 503, true);
        }
        if let Device::Trunk(name) = &arrival.device
            && !self.trunk_has_room(name, Direction::In)
        {
            return self.refuse(session, 503, true);
        }
        self.first_call(arrival);
    }

    /// A trunk is known by its source address, by its account, or by the Contact that we registered with it.
    fn device_of(&self, origin: &Origin) -> Option<Device> {
        match origin {
            Origin::Account(account) => Some(self.device_of_account(account)),
            Origin::Peer(peer) => self.trunks.get(peer.0 as usize).map(|trunk| Device::Trunk(trunk.name.clone())),
        }
    }

    /// An account is a trunk's (`inboundUsername`) or a phone's.
    pub(crate) fn device_of_account(&self, account: &str) -> Device {
        let trunk = self.trunks.iter().find(|trunk| trunk.inbound_username.as_deref() == Some(account));
        trunk.map_or_else(|| Device::Phone(account.to_owned()), |trunk| Device::Trunk(trunk.name.clone()))
    }

    fn refuse(&mut self, session: SessionId, status: u16, later: bool) {
        let retry_after_s = later.then_some(RETRY_AFTER_S);
        self.sip(SipCommand::Refuse { session, status, reason: String::new(), retry_after_s });
    }

    /// The conversation in which this agent is connected now.
    fn call_of(&self, agent: &str) -> Option<ConversationId> {
        let engagements = &self.agents.get(agent)?.engagements;
        let on = engagements.iter().filter(|each| each.part == Part::On).map(|each| each.conversation);
        // A conference room is nobody's customer call: dialling from within it begins a call of its own.
        let connected = |id: &ConversationId| {
            let conversation = self.conversations.get(id).filter(|each| each.conference.is_none());
            conversation.is_some_and(|c| c.live().any(|p| p.agent.as_deref() == Some(agent) && p.is_connected()))
        };
        on.rev().find(connected)
    }

    /// The leg of a caller, its offer answered for later use. The error is the status to refuse it with.
    fn caller_leg(&mut self, conversation: &mut Conversation, arrival: &Arrival) -> Result<Leg, u16> {
        let mut leg = Leg::new(arrival.session.0, arrival.device.clone(), LegState::Incoming, self.now_us);
        leg.call_id = arrival.invite.call_id.clone();
        leg.user_agent = arrival.invite.user_agent.clone();
        if !self.open_media(conversation, &mut leg, &Way::Flow(arrival.invite.flow)) {
            return Err(503);
        }
        let answered = match (&arrival.invite.sdp, leg.negotiation.as_mut()) {
            (Some(offer), Some(negotiation)) => negotiation.answer(offer).map(Some),
            _ => Ok(None),
        };
        match answered {
            Ok(answer) => {
                if let Some((bytes, negotiated)) = answer {
                    leg.answer = Some(bytes);
                    leg.remote_hold = negotiated.remote_hold != baton_sdp::RemoteHold::None;
                }
                if let Device::Trunk(name) = &leg.device {
                    self.count_trunk_call(name, Direction::In);
                }
                self.leg_index.insert(leg.id, conversation.id);
                Ok(leg)
            }
            Err(error) => {
                tracing::info!(call_id = leg.call_id, %error, "an offer cannot be answered");
                if let Some(negotiation) = &leg.negotiation {
                    self.ports.give_back(negotiation.local().port);
                }
                self.media(conversation, baton_media::Command::Close { stream: leg.stream() });
                Err(if matches!(error, SdpError::Malformed(_)) { 400 } else { 488 })
            }
        }
    }

    fn first_call(&mut self, arrival: Arrival) {
        let session = arrival.session;
        let dialled = arrival.invite.target.user.clone();
        if let Some(supervisor) = arrival.agent.as_deref()
            && let Some(watched) = self.supervised_by_code(&dialled)
        {
            let leg = |desk: &mut Desk, conversation: &mut Conversation| desk.caller_leg(conversation, &arrival);
            if let Err(status) = self.supervise_by_phone(supervisor, &watched, leg) {
                self.refuse(session, status, status == 503);
            }
            return;
        }
        let Ok(mut destination) = self.resolve(&dialled) else { return self.refuse(session, 404, false) };
        if let Err(status) = self.may_call(&arrival, &destination) {
            return self.refuse(session, status, status == 503);
        }
        if let Destination::Factory(settings) = &destination {
            destination = Destination::Conference(self.make_room(settings));
        }
        if let Destination::Conference(name) = &destination {
            let room = self.conference_index.get(name).copied().unwrap_or_else(|| self.open_room(name));
            let dialled = if self.ad_hoc.contains_key(name) { name.clone() } else { dialled };
            let entered = self.with(room, |desk, conversation| desk.enter_room(conversation, arrival, &dialled));
            if entered.is_none() {
                self.refuse(session, 500, false);
            }
            return;
        }
        let mut conversation = self.new_conversation();
        let leg = match self.caller_leg(&mut conversation, &arrival) {
            Ok(leg) => leg,
            Err(status) => {
                self.timers.stop(Timer::CallMax(conversation.id));
                return self.refuse(session, status, status == 503);
            }
        };
        conversation.carried = Carried::of(&arrival.invite);
        let id = conversation.id;
        self.conversations.insert(id, Box::new(conversation));
        self.with(id, |desk, conversation| {
            let caller = desk.caller_party(conversation, &arrival, leg, &dialled);
            desk.lead(conversation, caller, destination, &arrival);
        });
    }

    fn may_call(&mut self, arrival: &Arrival, destination: &Destination) -> Result<(), u16> {
        // RFC 5393 §5.3.3: it may be led on to nobody.
        if arrival.invite.max_breadth == Some(0)
            && !matches!(destination, Destination::Conference(_) | Destination::Factory(_))
        {
            return Err(440);
        }
        self.permit(&[arrival.account()], Deed::Dial, destination).map_err(|refusal| match refusal.kind {
            RefusalKind::LimitReached => 503_u16,
            _ => 403,
        })?;
        match destination {
            Destination::Queue(name) if !self.queue_has_room(name, false) => {
                let when_full = self.directory.queue(name).map(|queue| queue.when_full).unwrap_or_default();
                Err(if when_full == QueueFull::Busy { 486 } else { 503 })
            }
            Destination::Outside { trunks, .. } => {
                if arrival.invite.max_forwards <= 1 {
                    return Err(483);
                }
                let has_room = |name: &String| self.trunk_has_room(name, Direction::Out);
                if trunks.iter().any(has_room) { Ok(()) } else { Err(503) }
            }
            Destination::Agent(name) if arrival.agent.as_deref() == Some(name) => Err(486),
            Destination::Conference(name) if !self.room_has_space(name) => {
                let there = arrival.agent.as_deref().is_some_and(|agent| self.is_in_room_itself(name, agent));
                if there { Ok(()) } else { Err(486) }
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn new_conversation(&mut self) -> Conversation {
        let id = ConversationId(self.allocate());
        let call_ms = u64::from(self.config.limits.call_seconds_max) * 1_000;
        self.start_timer(Timer::CallMax(id), call_ms);
        Conversation {
            id,
            sequence: 0,
            revision: 0,
            contacts: Vec::new(),
            connections: Vec::new(),
            published: Default::default(),
            shard: shard_of(id, self.config.media_shards),
            conference: None,
            carried: Carried::default(),
            transfers: 0,
            closing: Default::default(),
            recall: None,
            trombone: None,
            farewell: false,
            dial_next: None,
            missed: Vec::new(),
            changed: true,
        }
    }

    /// The caller's contact and party.
    fn caller_party(
        &mut self,
        conversation: &mut Conversation,
        arrival: &Arrival,
        leg: Leg,
        dialled: &str,
    ) -> ConnectionId {
        let invite = &arrival.invite;
        let nobody = anonymous();
        let shown = if invite.wants_privacy { &nobody } else { &invite.from };
        let address = if shown.user.is_empty() { shown.uri.clone() } else { shown.user.clone() };
        let from = EndpointAddress { address: address.clone(), name: some_text(&shown.display) };
        let to = EndpointAddress { address: dialled.to_string(), name: None };
        let by_agent = arrival.agent.is_some() && conversation.conference.is_none();
        let opening = if by_agent {
            let system = arrival.agent.as_deref().and_then(|agent| self.shown_number(agent));
            Opening { method: InitiationMethod::Outbound, customer: Some(to), system, ..Opening::default() }
        } else {
            Opening { customer: Some(from), system: Some(to), ..Opening::default() }
        };
        let contact = self.open_contact(conversation, opening);
        let id = ConnectionId(arrival.session.0);
        let kind = if arrival.agent.is_some() { ConnectionType::Agent } else { ConnectionType::Inbound };
        let mut party = Connection::new(id, contact, kind, Phase::Calling, self.now_us);
        party.initial = arrival.agent.is_none();
        party.address = address;
        party.name = shown.display.clone();
        party.legs.push(leg);
        if let Some(agent) = &arrival.agent {
            party.name = self.directory.user(agent).map(|user| user.name.clone()).unwrap_or_default();
            party.address = agent.clone();
            party.agent = Some(agent.clone());
            self.engage(agent, contact, conversation.id);
            if let Some(entry) = conversation.contact_mut(contact) {
                entry.agent = Some(agent.clone());
            }
        }
        conversation.connections.push(party);
        id
    }

    pub(crate) fn engage(&mut self, agent: &str, contact: ContactId, conversation: ConversationId) {
        let now_us = self.now_us;
        if let Some(state) = self.agents.get_mut(agent) {
            state.engage(contact, conversation, Part::On, now_us);
        }
        self.changed_agents.insert(agent.to_string());
    }

    /// Leads a call to what was dialled.
    fn lead(&mut self, conversation: &mut Conversation, caller: ConnectionId, to: Destination, arrival: &Arrival) {
        let Some(contact) = conversation.connection(caller).map(|party| party.contact) else { return };
        let by_agent = arrival.agent.is_some();
        // What an agent dials to the outside is its customer; a queue or colleague has no customer in it.
        let kind = match (&to, by_agent) {
            (Destination::Outside { .. }, true) => ConnectionType::Outbound,
            (Destination::Outside { .. }, false) => ConnectionType::ThirdParty,
            _ => ConnectionType::Agent,
        };
        let target_contact = if by_agent && kind == ConnectionType::Agent {
            let customer = conversation.connection(caller).map(|party| party.address.clone());
            let customer = customer.map(|address| EndpointAddress { address, name: None });
            let (previous, method) = (Some(contact), InitiationMethod::Transfer);
            self.open_contact(conversation, Opening { previous, method, customer, ..Opening::default() })
        } else {
            contact
        };
        let id = ConnectionId(self.allocate());
        let mut target = Connection::new(id, target_contact, kind, Phase::Offered, self.now_us);
        target.initial = kind == ConnectionType::Outbound;
        target.address = match &to {
            Destination::Outside { number, .. } => number.clone(),
            Destination::Agent(name)
            | Destination::Queue(name)
            | Destination::Conference(name)
            | Destination::Factory(name) => name.clone(),
        };
        if let Destination::Agent(name) = &to {
            target.agent = Some(name.clone());
        }
        target.charged_to = Some(arrival.account());
        conversation.connections.push(target);
        let caller_id = self.caller_towards(conversation, caller, contact, arrival);
        self.reach(conversation, id, &to, &caller_id);
    }

    /// An agent shows its queue's caller id; a tandem call keeps the caller's own.
    fn caller_towards(
        &self,
        conversation: &Conversation,
        caller: ConnectionId,
        contact: ContactId,
        arrival: &Arrival,
    ) -> Caller {
        let referred_by = arrival.invite.referred_by.clone();
        let (number, name) = if arrival.agent.is_some() {
            self.queue_caller_id(conversation, contact)
        } else {
            let party = conversation.connection(caller);
            party.map(|party| (party.address.clone(), party.name.clone())).unwrap_or_default()
        };
        Caller { number, name, referred_by, ..Caller::default() }
    }

    /// One caller more in a conference room, or a new line of an agent who is there or is being called there.
    fn enter_room(&mut self, conversation: &mut Conversation, arrival: Arrival, dialled: &str) {
        let there = arrival.agent.as_deref().and_then(|agent| conversation.party_of_agent(agent)).map(|party| party.id);
        if there.is_none() && arrival.agent.as_deref().is_some_and(|agent| self.would_hear_itself(conversation, agent))
        {
            // It is rung for a call that leads here, or supervises one.
            return self.refuse(arrival.session, 486, false);
        }
        match (self.caller_leg(conversation, &arrival), there) {
            (Ok(leg), Some(there)) => self.move_to_line(conversation, there, leg),
            (Ok(leg), None) => {
                let caller = self.caller_party(conversation, &arrival, leg, dialled);
                self.answer_caller(conversation, caller, arrival.session.0);
            }
            (Err(status), _) => self.refuse(arrival.session, status, status == 503),
        }
    }

    /// An agent has dialled the room that it is in, or is being called into: it goes on by its new line, as nobody is in a
    /// room twice and hears itself.
    fn move_to_line(&mut self, conversation: &mut Conversation, there: ConnectionId, line: Leg) {
        let (line_id, old) = (line.id, crate::line::leg_ids(conversation, there));
        let Some(party) = conversation.connection_mut(there) else { return };
        party.legs.push(line);
        let (contact, pending) = (party.contact, party.is_pending());
        self.answer_caller(conversation, there, line_id);
        if !conversation.leg(line_id).is_some_and(Leg::is_up) {
            return;
        }
        self.resume_party(conversation, there, contact);
        if pending {
            return self.target_answers(conversation, there, line_id);
        }
        for leg in old {
            self.end_leg(conversation, there, leg, 487, Some(crate::line::ELSEWHERE));
        }
    }

    /// An agent on a call dials from its phone: a consult in the same conversation.
    fn second_line(&mut self, id: ConversationId, arrival: Arrival) {
        let session = arrival.session;
        let status = self.with(id, |desk, conversation| {
            let agent = arrival.agent.as_deref();
            let owner = conversation.live().find(|party| party.agent.as_deref() == agent && party.is_connected());
            let Some((owner, refers)) = owner.map(|party| (party.id, !party.is_here())) else { return Err(480) };
            if refers {
                // R13: one transfer at a time.
                return Err(491);
            }
            desk.end_number(conversation, owner);
            let line = desk.caller_leg(conversation, &arrival)?;
            let (line_id, target) = (line.id, Target::PhoneNumber(arrival.invite.target.user.clone()));
            let adding = Adding { hold: true, line: Some(line.clone()), ..Adding::default() };
            desk.add_target(conversation, owner, &target, adding).map(drop).map_err(|refusal| {
                desk.abandon_line(conversation, line, line_id);
                match refusal.kind {
                    RefusalKind::NoRoute | RefusalKind::NotFound => 404,
                    RefusalKind::LimitReached => 486,
                    _ => 403,
                }
            })
        });
        match status {
            Some(Ok(())) => {}
            Some(Err(status)) => self.refuse(session, status, false),
            None => self.refuse(session, 500, false),
        }
    }

    /// A line whose target was refused before it was part of anything.
    fn abandon_line(&mut self, conversation: &Conversation, line: Leg, line_id: u64) {
        self.leg_index.remove(&line_id);
        if let Some(negotiation) = &line.negotiation {
            self.ports.give_back(negotiation.local().port);
            self.media(conversation, baton_media::Command::Close { stream: line.stream() });
        }
        self.release_trunk_call(&line);
    }

    /// INVITE with Replaces (RFC 3891): the new leg takes the place of the one that it names, for the same agent or trunk.
    fn replacing(&mut self, arrival: Arrival, replaced: SessionId) {
        let session = arrival.session;
        let Some(id) = self.leg_index.get(&replaced.0).copied() else { return self.refuse(session, 481, false) };
        let status = self.with(id, |desk, conversation| {
            let Some(owner) = conversation.owner_of(replaced.0) else { return Err(481) };
            let party = conversation.connection(owner);
            let old = party.and_then(|party| party.leg(replaced.0)).map(|leg| leg.device.clone());
            let same_agent = arrival.agent.is_some() && party.and_then(|each| each.agent.clone()) == arrival.agent;
            let same_trunk = matches!(&old, Some(Device::Trunk(_))) && old.as_ref() == Some(&arrival.device);
            if !(same_agent || same_trunk) {
                return Err(403);
            }
            let mut leg = desk.caller_leg(conversation, &arrival)?;
            leg.partners = party_partners(conversation, owner, replaced.0);
            let was_up = party_leg_up(conversation, owner, replaced.0);
            if let Some(party) = conversation.connection_mut(owner) {
                party.legs.push(leg);
            }
            let held = conversation.ids_of(|each| each.hold.is_some_and(|hold| hold.by_leg == Some(replaced.0)));
            let contact = crate::line::contact_of(conversation, owner);
            desk.answer_caller(conversation, owner, session.0);
            desk.end_leg(conversation, owner, replaced.0, 487, None);
            // The phone that takes over does not hold: whom the other one held is back.
            held.into_iter().for_each(|id| desk.resume_party(conversation, id, contact));
            if !was_up {
                // A ringing phone was picked up from another one of the same agent.
                desk.target_answers(conversation, owner, session.0);
            }
            Ok(())
        });
        match status {
            Some(Ok(())) => {}
            Some(Err(status)) => self.refuse(session, status, false),
            None => self.refuse(session, 481, false),
        }
    }
}

/// Who calls and what was dialled, by the trunk's own way of saying it: from here on the caller stands in From, and
/// numbers are as they are inside.
fn identify(trunk: &TrunkState, invite: &mut IncomingInvite) {
    let asserted = match trunk.caller_id_in {
        CallerIdHeader::Pai => invite.asserted_identity.take(),
        CallerIdHeader::Rpid => invite.remote_party_id.take(),
        CallerIdHeader::From => None,
    };
    // A caller who stays unknown in From (RFC 3323 §4.1.1.3) and asks for nothing more is unknown here, whatever the
    // trunk knows of it; for one who asks by Privacy the identity goes on, to trunks alone.
    if invite.from.user != ANONYMOUS || invite.wants_privacy {
        invite.from = asserted.unwrap_or_else(|| std::mem::take(&mut invite.from));
    }
    (invite.asserted_identity, invite.remote_party_id) = (None, None);
    if let Some(plan) = &trunk.numbers {
        invite.target.user = plan.read(&invite.target.user);
        invite.from.user = plan.read(&invite.from.user);
    }
}

/// The media shard of a conversation: all its legs live in it. The number is mixed first, as a call takes several in a
/// row (Fibonacci hashing).
fn shard_of(id: ConversationId, shards: u16) -> u16 {
    let mixed = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (mixed % u64::from(shards.max(1))) as u16
}

fn party_partners(conversation: &Conversation, owner: ConnectionId, leg: u64) -> Vec<ConnectionId> {
    let leg = conversation.connection(owner).and_then(|party| party.leg(leg));
    leg.map(|leg| leg.partners.clone()).unwrap_or_default()
}

fn party_leg_up(conversation: &Conversation, owner: ConnectionId, leg: u64) -> bool {
    conversation.connection(owner).and_then(|party| party.leg(leg)).is_some_and(Leg::is_up)
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}
