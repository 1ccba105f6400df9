//! Guests of conference rooms who are called in, muted and removed: from within the room by the panel, by REFER to its focus
//! (RFC 4579 §5.5, §5.11), and from outside it by API. Each is a contact of its own, as those who dial in are.

use serde::{Deserialize, Serialize};

use baton_sip::{Command as SipCommand, ReplacesTarget, SessionId, TransferId};

use crate::agent::{AVAILABLE, Part};
use crate::command::{Refusal, RefusalKind, Reply, RoomControl, Target};
use crate::connection::{Connection, Phase};
use crate::control::{reason_of, wrong_state};
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::dial::Caller;
use crate::event::{DisconnectReason, EndpointAddress, EventKind, InitiationMethod};
use crate::ids::{ConnectionId, ConversationId};
use crate::outcome::Failure;
use crate::permission::{Account, Deed, not_permitted};
use crate::refer::Asked;
use crate::route::Destination;
use crate::snapshot::ConnectionType;
use crate::transfer::{Adding, Opening};

/// The REFER by which a guest was asked for: the news of the guest go to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invited {
    pub(crate) session: SessionId,
    pub(crate) transfer: TransferId,
}

/// Who has a guest called.
#[derive(Default)]
pub(crate) struct Host {
    /// The party of the room, if it is one.
    pub(crate) by: Option<ConnectionId>,
    pub(crate) agent: Option<String>,
    /// Who answers for it.
    pub(crate) accounts: Vec<Account>,
    /// By REFER.
    pub(crate) invited: Option<Invited>,
    pub(crate) referred_by: Option<String>,
    /// A Replaces for a dialog elsewhere, passed on.
    pub(crate) replaces: Option<String>,
}

/// Who removes a guest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Remover<'a> {
    Itself,
    Agent(&'a str),
    Operator,
}

impl Desk {
    /// Calls somebody into a room.
    pub(crate) fn add_guest(
        &mut self,
        room: &mut Conversation,
        target: &Target,
        host: Host,
    ) -> Result<ConnectionId, Refusal> {
        let destination = self.destination_of(target)?;
        self.permit(&host.accounts, Deed::Transfer, &destination)?;
        self.check_guest(room, &destination)?;
        self.check_guests_of(room, &host, &destination)?;
        let name = room.conference.clone().unwrap_or_default();
        let shown = host.agent.as_deref().and_then(|agent| self.shown_number(agent));
        let number = shown.map_or_else(|| self.room_number(&name), |shown| shown.address);
        let opening = match &destination {
            Destination::Outside { number: dialled, .. } => Opening {
                method: InitiationMethod::ExternalOutbound,
                customer: Some(EndpointAddress { address: dialled.clone(), name: None }),
                system: Some(EndpointAddress { address: number.clone(), name: None }),
                ..Opening::default()
            },
            _ => {
                let method = if host.by.is_some() { InitiationMethod::Transfer } else { InitiationMethod::Api };
                Opening { method, system: Some(self.room_endpoint(&name)), ..Opening::default() }
            }
        };
        // Who is not in the room has no contact there that would have created this one.
        let previous = host.by.and_then(|by| room.connection(by)).map(|party| party.contact);
        let previous = previous.filter(|contact| room.contact(*contact).is_some());
        let contact = self.open_contact(room, Opening { previous, ..opening });
        let id = ConnectionId(self.allocate());
        let outside = matches!(destination, Destination::Outside { .. });
        let kind = if outside { ConnectionType::ThirdParty } else { ConnectionType::Agent };
        let mut guest = Connection::new(id, contact, kind, Phase::Offered, self.now_us);
        (guest.initial, guest.added_by, guest.invited) = (outside, host.by, host.invited);
        guest.charged_to = host.accounts.into_iter().next();
        guest.referred_by.clone_from(&host.referred_by);
        guest.address = match &destination {
            Destination::Outside { number, .. } => number.clone(),
            Destination::Agent(agent) => agent.clone(),
            _ => String::new(),
        };
        room.connections.push(guest);
        if let Some(Invited { session, transfer }) = host.invited {
            // The answer to the REFER comes before any report of its guest (R1).
            self.sip(SipCommand::AcceptTransfer { session, transfer });
        }
        let caller =
            Caller { number, name, referred_by: host.referred_by, replaces: host.replaces, ..Caller::default() };
        let tried = match &destination {
            Destination::Outside { number, trunks } => self.dial_outside(room, id, (number, trunks), &caller),
            Destination::Agent(agent) => self.reach_guest(room, id, agent),
            _ => Err(Failure::Status(404, None)),
        };
        if let Err(failure) = tried {
            self.target_fails(room, id, failure);
        }
        Ok(id)
    }

    fn check_guest(&self, room: &Conversation, destination: &Destination) -> Result<(), Refusal> {
        if self.draining || self.overloaded {
            return Err(Refusal::new(RefusalKind::Draining, "The server takes no new calls now."));
        }
        let name = room.conference.as_deref().unwrap_or_default();
        if room.live().count() >= self.room_parties_max(name) {
            return Err(Refusal::new(RefusalKind::LimitReached, format!("The conference room {name} is full.")));
        }
        match destination {
            Destination::Outside { .. } => Ok(()),
            Destination::Agent(agent) => {
                let there = room.live().any(|each| each.agent.as_ref() == Some(agent));
                if there { Err(wrong_state(&format!("{agent} is in the room already."))) } else { Ok(()) }
            }
            _ => {
                let detail = "A guest of a conference room is an outside number or an agent.";
                Err(Refusal::new(RefusalKind::Invalid, detail))
            }
        }
    }

    /// No loops (R12): each who calls guests into a room calls as many as it may transfer a call.
    fn check_guests_of(&self, room: &Conversation, host: &Host, destination: &Destination) -> Result<(), Refusal> {
        let own = |guest: &&Connection| match host.by {
            Some(by) => guest.added_by == Some(by),
            None => guest.is_live() && guest.charged_to.is_some() && guest.charged_to.as_ref() == host.accounts.first(),
        };
        let most = self.transfers_max(&host.accounts);
        let worn_out = matches!(destination, Destination::Outside { .. }) && room.carried.is_worn_out();
        if worn_out || room.connections.iter().filter(own).count() >= most as usize {
            let detail = format!("{most} guests have been called by the same party; this looks like a loop.");
            return Err(Refusal::new(RefusalKind::LimitReached, detail));
        }
        Ok(())
    }

    /// An agent as a guest: rung when free.
    fn reach_guest(&mut self, room: &mut Conversation, guest: ConnectionId, name: &str) -> Result<(), Failure> {
        let Some(agent) = self.agents.get(name) else { return Err(Failure::Status(404, None)) };
        if agent.devices == 0 || agent.status != AVAILABLE {
            return Err(Failure::Unregistered);
        }
        if agent.engagements.iter().any(|each| each.part >= Part::Offered) {
            return Err(Failure::Status(486, None));
        }
        self.offer_to(room, guest, name);
        Ok(())
    }

    /// Whether an agent may mute and remove others in rooms; nobody is the operator, who may. From outside a room it takes
    /// an explicit right.
    pub(crate) fn may_moderate(&mut self, agent: Option<&str>, inside: bool) -> Result<(), Refusal> {
        let Some(agent) = agent else { return Ok(()) };
        let (moderate, profile) = self.moderates(agent);
        if moderate.unwrap_or(inside) {
            return Ok(());
        }
        self.not_permitted += 1;
        Err(not_permitted(match moderate {
            Some(_) => format!("The security profile {profile} does not allow to mute or remove others in rooms."),
            None => {
                format!("{agent} is not in the room: that takes a security profile with the right to moderate rooms.")
            }
        }))
    }

    /// What the security profile of an agent says of moderating, and its name.
    fn moderates(&self, agent: &str) -> (Option<bool>, String) {
        let profile = self.directory.user(agent).and_then(|user| user.security_profile.as_deref());
        let profile = profile.and_then(|name| self.directory.security_profile(name));
        profile.map_or((None, String::new()), |profile| (profile.moderate, profile.name.clone()))
    }

    /// Whether an agent takes part in a room, or is being called there, by a line of its own or by a call that leads there (but
    /// for one that is being worked on). One whom a call only waits for is called when it is free.
    pub(crate) fn is_in_room(&self, room: &Conversation, agent: &str) -> bool {
        let own = |party: &Connection| is_of(party, agent);
        room.live().any(own) || self.calls_led_into(room).any(|call| call.live().any(own))
    }

    /// Whether a user would hear itself if it came into a room by one line more: it is there, or supervises a call that leads
    /// there, and hears the room through it.
    pub(crate) fn would_hear_itself(&self, room: &Conversation, user: &str) -> bool {
        let supervises = |call: &Conversation| call.monitors().any(|party| is_of(party, user));
        self.is_in_room(room, user) || self.calls_led_into(room).any(supervises)
    }

    /// The calls that lead into a room, but for one that is being worked on.
    fn calls_led_into<'a>(&'a self, room: &'a Conversation) -> impl Iterator<Item = &'a Conversation> {
        let calls = room.live().filter_map(|party| self.leg_index.get(&party.tie()?.connection.0));
        calls.filter_map(|id| self.conversations.get(id)).map(Box::as_ref)
    }

    /// Whether an agent sees all parties of a room; the operator does.
    pub(crate) fn sees_room(&self, room: &Conversation, by: Option<&str>) -> bool {
        by.is_none_or(|agent| self.moderates(agent).0 == Some(true) || self.is_in_room(room, agent))
    }

    /// Removes a guest, or stops calling it.
    pub(crate) fn remove_guest(&mut self, room: &mut Conversation, guest: ConnectionId, by: Remover) {
        let Some(party) = room.connection(guest) else { return };
        if party.is_pending() {
            return self.target_fails(room, guest, Failure::Cancelled);
        }
        let (by, reason) = match by {
            Remover::Itself if party.is_agent() => ("agent", reason_of(party.role())),
            Remover::Itself => ("customer", reason_of(party.role())),
            Remover::Agent(agent) => (agent, DisconnectReason::AgentDisconnect),
            Remover::Operator => ("system", DisconnectReason::Other),
        };
        self.leave(room, guest, by, Cause::of(reason));
    }

    /// A control of a room by API, of an agent's or (nobody's) the operator's.
    pub(crate) fn control_conference(
        &mut self,
        by: Option<&str>,
        name: &str,
        control: &RoomControl,
    ) -> Result<Reply, Refusal> {
        self.check_conference(by, name)?;
        let there = self.conference_index.get(name).copied();
        let id = match (there, control) {
            (Some(id), _) => id,
            (None, RoomControl::Add(_)) if self.conversations.len() < self.config.limits.conversations_max => {
                self.open_room(name)
            }
            (None, RoomControl::Add(_)) => {
                let detail = "The server has as many conversations as it may.";
                return Err(Refusal::new(RefusalKind::LimitReached, detail));
            }
            _ => return Err(Refusal::new(RefusalKind::NotFound, format!("Nobody is in the conference room {name}."))),
        };
        let accounts = by.map(|agent| Account::Agent(agent.to_owned())).into_iter().collect();
        let done = self.with(id, |desk, room| match control {
            RoomControl::Add(target) => {
                let agent = by.map(str::to_owned);
                desk.add_guest(room, target, Host { agent, accounts, ..Host::default() }).map(drop)
            }
            RoomControl::Drop(guest) | RoomControl::Mute(guest) | RoomControl::Unmute(guest) => {
                let party = room.live().find(|party| party.id == *guest);
                // Whom it has called itself it may stop calling, and remove.
                let own = |agent: &str| party.is_some_and(|party| called_by(party, agent));
                let inside = by.is_some_and(|agent| own(agent) || desk.is_in_room(room, agent));
                desk.may_moderate(by, inside)?;
                let Some(party) = party else {
                    return Err(Refusal::new(RefusalKind::NotFound, "There is no such guest, or it is gone."));
                };
                let contact = party.contact;
                match control {
                    RoomControl::Drop(_) => {
                        desk.remove_guest(room, *guest, by.map_or(Remover::Operator, Remover::Agent));
                    }
                    _ if !party.is_connected() => return Err(wrong_state("The guest is not connected yet.")),
                    RoomControl::Mute(_) => desk.set_mute(room, *guest, contact, true),
                    _ => desk.set_mute(room, *guest, contact, false),
                }
                Ok(())
            }
        });
        done.unwrap_or_else(|| Err(Refusal::new(RefusalKind::WrongState, "The conference room has just ended.")))?;
        Ok(Reply::Conference(Box::new(self.conference_view(name, by))))
    }

    /// Whether there is such a room, for this agent: an ad-hoc one is for those in it, and the operator.
    pub(crate) fn check_conference(&self, by: Option<&str>, name: &str) -> Result<(), Refusal> {
        let named = self.directory.conferences.iter().any(|room| room.name == name);
        let room = self.room_of_name(name);
        let is_in = |agent: &str| room.is_some_and(|room| self.is_in_room(room, agent));
        if named || (self.ad_hoc.contains_key(name) && by.is_none_or(is_in)) {
            return Ok(());
        }
        Err(Refusal::new(RefusalKind::NotFound, format!("There is no conference room {name}.")))
    }

    /// A REFER from a guest of a room, to its focus.
    pub(crate) fn refer_to_focus(&mut self, room: &mut Conversation, owner: ConnectionId, asked: &Asked) {
        if let Err(status) = self.focus_does(room, owner, asked) {
            self.refuse_transfer(asked.session, asked.transfer, status);
        }
    }

    fn focus_does(&mut self, room: &mut Conversation, owner: ConnectionId, asked: &Asked) -> Result<(), u16> {
        self.may_transfer(room, owner, asked.session.0)?;
        self.is_meant_here(room, owner, asked)?;
        let Some(party) = room.connection(owner) else { return Err(481) };
        let host =
            Host { by: Some(owner), agent: party.agent.clone(), accounts: self.accounts_of(party), ..Host::default() };
        self.guest_by_refer(room, host, asked)
    }

    /// What a REFER to a focus asks for: a guest comes, or goes.
    fn guest_by_refer(&mut self, room: &mut Conversation, host: Host, asked: &Asked) -> Result<(), u16> {
        let (session, transfer, user) = (asked.session, asked.transfer, &asked.target.target.user);
        if asked.target.removes {
            let guest = self.guest_named(room, user, host.by)?;
            let itself = Some(guest) == host.by;
            if !itself {
                // Who comes by a trunk removes nobody but itself.
                let agent = host.agent.as_deref().ok_or(403_u16)?;
                self.may_moderate(Some(agent), true).map_err(|_| 403_u16)?;
            }
            self.sip(SipCommand::AcceptTransfer { session, transfer });
            self.report_final(session, transfer, 200);
            let by = host.agent.as_deref().filter(|_| !itself).map_or(Remover::Itself, Remover::Agent);
            self.remove_guest(room, guest, by);
            return Ok(());
        }
        let replaces = match &asked.target.replaces {
            None => None,
            Some(ReplacesTarget::Elsewhere(value)) => Some(value.clone()),
            // RFC 3891 §3.
            Some(ReplacesTarget::Answered(_)) => return Err(486),
            Some(ReplacesTarget::Session(_)) => return Err(403),
        };
        let (invited, referred_by) = (Some(Invited { session, transfer }), asked.referred_by.clone());
        let host = Host { invited, referred_by, replaces, ..host };
        let added = self.add_guest(room, &Target::PhoneNumber(user.clone()), host);
        added.map(drop).map_err(|refusal| status_of(&refusal))
    }

    /// A guest by the user part of its URI: its number, its name, or the id that the conference package gives it. Of several
    /// it is the one that asks; else nobody can say which is meant (484).
    fn guest_named(&self, room: &Conversation, user: &str, by: Option<ConnectionId>) -> Result<ConnectionId, u16> {
        let agent = match self.destination_of(&Target::PhoneNumber(user.to_owned())) {
            Ok(Destination::Agent(name)) => Some(name),
            _ => None,
        };
        let named = room.ids_of(|party| {
            party.address == user || format!("party-{}", party.id) == user || (agent.is_some() && party.agent == agent)
        });
        match (by.filter(|by| named.contains(by)), named.as_slice()) {
            (Some(guest), _) => Ok(guest),
            (None, [guest]) => Ok(*guest),
            (None, []) => Err(404),
            (None, _) => Err(484),
        }
    }

    /// A REFER along a line of an agent's phone that leads to a room: it is for the room's focus. True when it was.
    pub(crate) fn refer_on_room_line(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        asked: &Asked,
    ) -> bool {
        let Some(guest) = conversation.guest_of_line(owner, asked.session.0) else { return false };
        if let Err(status) = self.room_line_does(conversation, owner, guest, asked) {
            self.refuse_transfer(asked.session, asked.transfer, status);
        }
        true
    }

    fn room_line_does(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        guest: ConnectionId,
        asked: &Asked,
    ) -> Result<(), u16> {
        self.may_transfer(conversation, owner, asked.session.0)?;
        self.is_meant_here(conversation, owner, asked)?;
        if let Some(ReplacesTarget::Session(other)) = asked.target.replaces {
            return self.join_line(conversation, owner, asked, other);
        }
        let (session, transfer, user) = (asked.session, asked.transfer, &asked.target.target.user);
        let own = asked.target.removes.then(|| self.guest_named(conversation, user, None).ok()).flatten();
        if let Some(own) = own.filter(|own| *own != owner) {
            self.sip(SipCommand::AcceptTransfer { session, transfer });
            self.report_final(session, transfer, 200);
            return self.drop_party(conversation, owner, own).map_err(|refusal| status_of(&refusal));
        }
        let Some(party) = conversation.connection(owner) else { return Err(481) };
        let (agent, accounts) = (party.agent.clone(), self.accounts_of(party));
        let id = self.leg_index.get(&guest.0).copied().ok_or(481_u16)?;
        let done = self.with(id, |desk, room| {
            let host = Host { by: Some(guest), agent, accounts, ..Host::default() };
            desk.guest_by_refer(room, host, asked)
        });
        done.unwrap_or(Err(481))
    }

    /// Another line of the same phone comes into the room with this one: a conference key of the focus's kind.
    fn join_line(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        asked: &Asked,
        other: SessionId,
    ) -> Result<(), u16> {
        let own = conversation.connection(owner).and_then(|party| party.leg(other.0)).ok_or(403_u16)?;
        if other == asked.session {
            return Err(403);
        }
        let partners: Vec<ConnectionId> = (own.partners.iter().copied())
            .filter(|id| conversation.connection(*id).is_some_and(Connection::is_connected))
            .collect();
        if partners.is_empty() {
            return Err(480);
        }
        self.sip(SipCommand::AcceptTransfer { session: asked.session, transfer: asked.transfer });
        let contact = crate::line::contact_of(conversation, owner);
        for partner in &partners {
            self.resume_party(conversation, *partner, contact);
        }
        if let Some(line) = conversation.connection_mut(owner).and_then(|party| party.leg_mut(asked.session.0)) {
            line.partners.extend(partners);
        }
        self.end_leg(conversation, owner, other.0, 480, None);
        self.emit(conversation, contact, EventKind::Joined);
        self.report_final(asked.session, asked.transfer, 200);
        Ok(())
    }

    /// REFER with Replaces between a call and a room in which the same agent or trunk has a line each: whoever else is in the
    /// call goes into the room. By a REFER to the room's focus the sender stays in the room; by one in the call it leaves both.
    pub(crate) fn lead_into_room(
        &mut self,
        (call, line): (ConversationId, u64),
        (room, own): (ConversationId, u64),
        asked: &Asked,
    ) {
        let (session, transfer) = (asked.session, asked.transfer);
        let stays = session.0 == own;
        let done = self.do_lead_into_room((call, line), (room, own), stays);
        let owner = match done {
            Ok(owner) => owner,
            Err(status) => return self.refuse_transfer(session, transfer, status),
        };
        self.sip(SipCommand::AcceptTransfer { session, transfer });
        self.report_final(session, transfer, 200);
        self.with(call, |desk, conversation| desk.step_out(conversation, owner));
        if !stays {
            self.with(room, |desk, room| {
                if let Some(guest) = room.owner_of(own) {
                    desk.step_out(room, guest);
                }
            });
        }
    }

    fn do_lead_into_room(
        &mut self,
        (call, line): (ConversationId, u64),
        (room, own): (ConversationId, u64),
        stays: bool,
    ) -> Result<ConnectionId, u16> {
        let there = self.conversations.get(&room).ok_or(481_u16)?;
        let name = there.conference.clone().ok_or(481_u16)?;
        let guest = there.owner_of(own).ok_or(481_u16)?;
        self.may_transfer(there, guest, own)?;
        if !stays && !self.somebody_is_in(&name, Some(guest)) {
            // Whoever was led there would be alone (R4).
            return Err(480);
        }
        let (agent, device) = there
            .connection(guest)
            .map_or((None, None), |party| (party.agent.clone(), party.leg(own).map(|leg| leg.device.clone())));
        let number = Target::PhoneNumber(self.room_number(&name));
        let done = self.with(call, |desk, conversation| {
            let owner = conversation.owner_of(line).ok_or(481_u16)?;
            desk.may_transfer(conversation, owner, line)?;
            let Some(party) = conversation.connection(owner) else { return Err(481) };
            let same_device = party.leg(line).map(|leg| leg.device.clone()) == device;
            if !(same_device || (agent.is_some() && party.agent == agent)) {
                return Err(403);
            }
            if !conversation.live().any(|each| each.id != owner && each.is_connected() && !each.is_room()) {
                // There would be nobody to lead there.
                return Err(480);
            }
            let accounts = desk.accounts_of(party);
            desk.may_hand_over(conversation, owner, &accounts).map_err(|_| 403_u16)?;
            let adding = Adding { stays: true, ..Adding::default() };
            let added = desk.add_target(conversation, owner, &number, adding);
            let added = added.map_err(|refusal| status_of(&refusal))?;
            let there = conversation.connection(added).is_some_and(Connection::is_connected);
            if there { Ok(owner) } else { Err(480) }
        });
        done.unwrap_or(Err(481))
    }
}

impl Conversation {
    /// At which guest of a room the line of a party's phone ends.
    fn guest_of_line(&self, owner: ConnectionId, line: u64) -> Option<ConnectionId> {
        let partners = &self.connection(owner)?.leg(line)?.partners;
        let room = partners.iter().filter_map(|id| self.connection(*id)).find(|party| party.is_room())?;
        room.tie().map(|tie| tie.connection)
    }
}

/// Whether a party is this user, or is being called for it; one that waits in a queue is not yet.
fn is_of(party: &Connection, user: &str) -> bool {
    party.agent.as_deref() == Some(user) && party.phase != Phase::Queued
}

/// Whether an agent has had this guest called.
pub(crate) fn called_by(guest: &Connection, agent: &str) -> bool {
    matches!(&guest.charged_to, Some(Account::Agent(own)) if own == agent)
}

fn status_of(refusal: &Refusal) -> u16 {
    match refusal.kind {
        RefusalKind::NoRoute | RefusalKind::NotFound => 404,
        RefusalKind::LimitReached | RefusalKind::WrongState => 486,
        RefusalKind::Draining => 503,
        _ => 403,
    }
}
