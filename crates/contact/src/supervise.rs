//! Supervisors: they listen to an agent's contact unheard, whisper to one party, barge in, or take the contact over.
//!
//! Supervision is no state of the call: a supervisor is no party (`Conversation::live` leaves it out), so that no hold,
//! swap, join, transfer or hang-up of the others knows of it, and its own hang-up changes nothing for them.

use serde::{Deserialize, Serialize};

use crate::agent::Part;
use crate::command::{Control, Refusal, RefusalKind, Reply, Watched};
use crate::connection::{Connection, Phase};
use crate::control::wrong_state;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::dial::Caller;
use crate::directory::Supervision;
use crate::event::{DisconnectReason, EventKind, InitiationMethod};
use crate::ids::{ConnectionId, ContactId};
use crate::leg::{Leg, LegState};
use crate::line::ELSEWHERE;
use crate::outcome::{Failure, verdict};
use crate::permission::not_permitted;
use crate::snapshot::ConnectionType;
use crate::timer::Timer;
use crate::transfer::{Opening, agent_left};

/// Most supervisors of one conversation; they count beside its parties.
const SUPERVISORS_MAX: usize = 5;

/// What a supervisor's connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Monitor {
    /// The contact whose agent is supervised.
    pub(crate) of: ContactId,
    pub(crate) mode: Supervision,
    /// Who alone hears the supervisor while it whispers.
    pub(crate) to: Option<ConnectionId>,
}

impl Desk {
    /// A supervisor listens, whispers, barges in, or takes over; asked again it only changes how it takes part.
    pub(crate) fn supervise(
        &mut self,
        supervisor: &str,
        watched: &Watched,
        mode: Supervision,
        to: Option<ConnectionId>,
    ) -> Result<Reply, Refusal> {
        self.may_supervise(supervisor, mode)?;
        let contact = self.watched_contact(watched)?;
        let unknown = || Refusal::new(RefusalKind::NotFound, "There is no such contact, or it is over.");
        let id = *self.contact_index.get(&contact).ok_or_else(unknown)?;
        let done = self.with(id, |desk, conversation| {
            let own = monitor_of(conversation, supervisor);
            let changed = match own {
                Some(own) => desk.change_mode(conversation, own, mode, to).map(|()| own),
                None => desk.begin_supervision(conversation, supervisor, (contact, mode, to)),
            };
            desk.settle(conversation);
            let shown = conversation.connection(changed?).map(|party| party.contact);
            let snapshot = shown.and_then(|contact| desk.contact_snapshot(conversation, contact));
            Ok(snapshot.map_or(Reply::Done, |snapshot| Reply::Contact(Box::new(snapshot))))
        });
        done.unwrap_or_else(|| Err(unknown()))
    }

    /// The contact that an agent talks on now, or the one that is named.
    fn watched_contact(&self, watched: &Watched) -> Result<ContactId, Refusal> {
        let name = match watched {
            Watched::Contact(contact) => return Ok(*contact),
            Watched::Agent(name) => name,
        };
        let Some(agent) = self.agents.get(name) else {
            return Err(Refusal::new(RefusalKind::NotFound, format!("There is no agent {name}.")));
        };
        let on = agent.engagements.iter().rev().find(|each| each.part == Part::On);
        on.map(|each| each.contact).ok_or_else(|| wrong_state(&format!("{name} is on no contact.")))
    }

    fn may_supervise(&mut self, supervisor: &str, mode: Supervision) -> Result<(), Refusal> {
        if self.directory.user(supervisor).is_none() {
            return Err(Refusal::new(RefusalKind::NotFound, format!("There is no user {supervisor}.")));
        }
        if self.supervisions(supervisor).contains(&mode) {
            return Ok(());
        }
        self.not_permitted += 1;
        Err(not_permitted(format!("The security profile of {supervisor} does not allow to {}.", mode.verb())))
    }

    fn supervisions(&self, supervisor: &str) -> &[Supervision] {
        let profile = self.directory.user(supervisor).and_then(|user| user.security_profile.as_deref());
        let profile = profile.and_then(|name| self.directory.security_profile(name));
        profile.map(|profile| profile.supervise.as_slice()).unwrap_or_default()
    }

    /// Rings the supervisor's phone, which is asked to answer by itself.
    fn begin_supervision(
        &mut self,
        conversation: &mut Conversation,
        supervisor: &str,
        (of, mode, to): (ContactId, Supervision, Option<ConnectionId>),
    ) -> Result<ConnectionId, Refusal> {
        if self.draining || self.overloaded {
            return Err(Refusal::new(RefusalKind::Draining, "The server takes no new calls now."));
        }
        if self.agents.get(supervisor).is_none_or(|agent| agent.devices == 0) {
            return Err(wrong_state("No phone of the supervisor is registered."));
        }
        if mode == Supervision::TakeOver {
            return Err(wrong_state("Listen first, then take over."));
        }
        self.check_watched(conversation, supervisor, of)?;
        let to = self.check_mode(conversation, of, mode, to)?;
        let id = ConnectionId(self.allocate());
        self.add_supervisor(conversation, supervisor, (id, Monitor { of, mode, to }));
        let watched = conversation.agent_connection(of);
        let shown = watched.map(|party| (party.address.clone(), party.name.clone())).unwrap_or_default();
        let caller = Caller { number: shown.0, name: shown.1, ..Caller::default() };
        let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
        self.start_timer(Timer::Ring(conversation.id, id), ring_ms);
        if let Err(failure) = self.dial_agent(conversation, id, &caller, true) {
            self.supervisor_fails(conversation, id, failure);
            return Err(wrong_state("The supervisor's phone could not be reached."));
        }
        Ok(id)
    }

    /// Whether this contact can be supervised, and by this user now.
    fn check_watched(&self, conversation: &Conversation, supervisor: &str, of: ContactId) -> Result<(), Refusal> {
        if conversation.conference.is_some() {
            return Err(wrong_state("In a conference room there is nothing to supervise; dial in."));
        }
        if !conversation.agent_connection(of).is_some_and(Connection::is_connected) {
            return Err(wrong_state("No agent is connected on this contact."));
        }
        let busy = |agent: &crate::agent::Agent| agent.engagements.iter().any(|each| each.part >= Part::Offered);
        if self.agents.get(supervisor).is_none_or(busy) {
            return Err(wrong_state("The supervisor is on a contact itself."));
        }
        if conversation.monitors().count() >= SUPERVISORS_MAX {
            let detail = format!("The conversation has its {SUPERVISORS_MAX} supervisors.");
            return Err(Refusal::new(RefusalKind::LimitReached, detail));
        }
        Ok(())
    }

    /// Whom a supervisor whispers to: the agent, unless somebody else is named.
    fn check_mode(
        &self,
        conversation: &Conversation,
        of: ContactId,
        mode: Supervision,
        to: Option<ConnectionId>,
    ) -> Result<Option<ConnectionId>, Refusal> {
        if mode != Supervision::Whisper {
            return Ok(None);
        }
        let to = to.or_else(|| conversation.agent_connection(of).map(|party| party.id));
        let there = to.and_then(|id| conversation.live().find(|party| party.id == id && party.is_connected()));
        there.map(|party| Some(party.id)).ok_or_else(|| {
            Refusal::new(RefusalKind::NotFound, "There is no such party to whisper to, or it is not connected.")
        })
    }

    /// The supervisor's contact and connection, without a leg.
    fn add_supervisor(
        &mut self,
        conversation: &mut Conversation,
        supervisor: &str,
        (id, monitor): (ConnectionId, Monitor),
    ) -> ContactId {
        let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
        let (previous, method) = (Some(monitor.of), InitiationMethod::Monitor);
        let contact = self.open_contact(conversation, Opening { previous, method, customer, ..Opening::default() });
        let mut party = Connection::new(id, contact, ConnectionType::Monitor, Phase::Offered, self.now_us);
        party.agent = Some(supervisor.to_string());
        party.address = supervisor.to_string();
        party.name = self.directory.user(supervisor).map(|user| user.name.clone()).unwrap_or_default();
        party.monitor = Some(monitor);
        conversation.connections.push(party);
        self.engage(supervisor, contact, conversation.id);
        if let Some(entry) = conversation.contact_mut(contact) {
            entry.agent = Some(supervisor.to_string());
        }
        contact
    }

    /// A supervisor's phone has dialled the code: its call is the supervision. The error is the status to refuse it with.
    pub(crate) fn supervise_by_phone(
        &mut self,
        supervisor: &str,
        watched: &str,
        leg: impl FnOnce(&mut Desk, &mut Conversation) -> Result<Leg, u16>,
    ) -> Result<(), u16> {
        let status = |refusal: Refusal| match refusal.kind {
            RefusalKind::NotFound => 404_u16,
            RefusalKind::NotPermitted => 403,
            RefusalKind::Draining => 503,
            _ => 486,
        };
        self.may_supervise(supervisor, Supervision::SilentMonitor).map_err(status)?;
        let of = self.watched_contact(&Watched::Agent(watched.to_string())).map_err(status)?;
        let id = self.contact_index.get(&of).copied().ok_or(404_u16)?;
        let done = self.with(id, |desk, conversation| {
            desk.check_watched(conversation, supervisor, of).map_err(status)?;
            let leg = leg(desk, conversation)?;
            let (party, leg_id) = (ConnectionId(leg.id), leg.id);
            let monitor = Monitor { of, mode: Supervision::SilentMonitor, to: None };
            desk.add_supervisor(conversation, supervisor, (party, monitor));
            if let Some(party) = conversation.connection_mut(party) {
                party.legs.push(leg);
            }
            desk.answer_caller(conversation, party, leg_id);
            desk.supervisor_answers(conversation, party, leg_id);
            Ok(())
        });
        done.unwrap_or(Err(500))
    }

    /// The supervisor's phone rings.
    pub(crate) fn supervisor_rings(&mut self, conversation: &mut Conversation, supervisor: ConnectionId, leg: u64) {
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(supervisor) else { return };
        if let Some(leg) = party.leg_mut(leg) {
            leg.state = LegState::Alerting;
        }
        if party.is_pending() {
            party.enter(Phase::Ringing, now_us);
            conversation.changed = true;
        }
    }

    /// The supervisor's phone is up: from now on it takes part as it asked.
    pub(crate) fn supervisor_answers(&mut self, conversation: &mut Conversation, supervisor: ConnectionId, leg: u64) {
        self.timers.stop(Timer::Ring(conversation.id, supervisor));
        self.timers.stop(Timer::NextDevice(conversation.id, supervisor));
        for other in crate::line::leg_ids(conversation, supervisor).into_iter().filter(|id| *id != leg) {
            self.end_leg(conversation, supervisor, other, 487, Some(ELSEWHERE));
        }
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(supervisor) else { return };
        party.enter(Phase::Connected, now_us);
        party.devices = None;
        if let Some(leg) = party.leg_mut(leg) {
            leg.state = LegState::Up;
            leg.answered_us = Some(now_us);
        }
        let (contact, agent) = (party.contact, party.agent.clone().unwrap_or_default());
        let Some(monitor) = party.monitor else { return };
        let routing_profile = self.directory.user(&agent).and_then(|user| user.routing_profile.clone());
        self.emit(conversation, contact, EventKind::ConnectedToAgent { agent, routing_profile });
        self.tell_mode(conversation, supervisor, contact, monitor);
    }

    fn tell_mode(
        &mut self,
        conversation: &mut Conversation,
        supervisor: ConnectionId,
        contact: ContactId,
        monitor: Monitor,
    ) {
        let kind = EventKind::Supervision { connection_id: supervisor, mode: monitor.mode, to: monitor.to };
        self.emit(conversation, contact, kind);
    }

    fn change_mode(
        &mut self,
        conversation: &mut Conversation,
        supervisor: ConnectionId,
        mode: Supervision,
        to: Option<ConnectionId>,
    ) -> Result<(), Refusal> {
        let Some(party) = conversation.connection(supervisor) else { return Ok(()) };
        let (connected, contact) = (party.is_connected(), party.contact);
        let Some(monitor) = party.monitor else { return Ok(()) };
        if mode == Supervision::TakeOver {
            if !connected {
                return Err(wrong_state("The supervisor's phone has not answered yet."));
            }
            self.take_over(conversation, supervisor, monitor);
            return Ok(());
        }
        let changed = Monitor { mode, to: self.check_mode(conversation, monitor.of, mode, to)?, ..monitor };
        if changed == monitor {
            return Ok(());
        }
        if let Some(party) = conversation.connection_mut(supervisor) {
            party.monitor = Some(changed);
        }
        conversation.changed = true;
        if connected {
            self.tell_mode(conversation, supervisor, contact, changed);
        }
        Ok(())
    }

    /// The supervisor becomes the contact's agent, and the agent leaves: a transfer to a target that is there already.
    fn take_over(&mut self, conversation: &mut Conversation, supervisor: ConnectionId, monitor: Monitor) {
        let Some(watched) = conversation.agent_connection(monitor.of).map(|party| party.id) else { return };
        let Some(party) = conversation.connection(supervisor) else { return };
        let (own, name) = (party.contact, party.agent.clone().unwrap_or_default());
        self.finish_contact_without_acw(conversation, own, agent_left());
        let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
        let (previous, method) = (Some(monitor.of), InitiationMethod::Transfer);
        let contact = self.open_contact(conversation, Opening { previous, method, customer, ..Opening::default() });
        let now_us = self.now_us;
        if let Some(party) = conversation.connection_mut(supervisor) {
            (party.kind, party.monitor, party.contact) = (ConnectionType::Agent, None, contact);
            (party.added_by, party.joined, party.since_us) =
                (Some(watched), monitor.mode == Supervision::Barge, now_us);
        }
        conversation.transfers += 1;
        self.agent_connected(conversation, contact, &name);
        self.leave(conversation, watched, &name, agent_left());
    }

    /// The supervisor's phone was not reached, or gave up.
    pub(crate) fn supervisor_fails(
        &mut self,
        conversation: &mut Conversation,
        supervisor: ConnectionId,
        failure: Failure,
    ) {
        let (_, reason, _) = verdict(failure);
        self.end_supervision(conversation, supervisor, Cause::of(reason));
    }

    /// A supervisor is gone. Nobody else notices.
    pub(crate) fn end_supervision(&mut self, conversation: &mut Conversation, supervisor: ConnectionId, cause: Cause) {
        let Some(contact) = conversation.connection(supervisor).map(|party| party.contact) else { return };
        self.end_party(conversation, supervisor, 487);
        self.finish_contact_without_acw(conversation, contact, cause);
    }

    /// The controls that a supervisor has of its own contact.
    pub(crate) fn control_supervision(
        &mut self,
        conversation: &mut Conversation,
        supervisor: ConnectionId,
        control: &Control,
    ) -> Result<(), Refusal> {
        match control {
            Control::End | Control::Leave => {
                self.end_supervision(conversation, supervisor, agent_left());
                Ok(())
            }
            _ => Err(wrong_state("A supervisor can change how it takes part, and end that.")),
        }
    }

    /// A supervisor's feature code: it takes part in another way.
    pub(crate) fn supervisor_key(
        &mut self,
        conversation: &mut Conversation,
        supervisor: ConnectionId,
        mode: Supervision,
    ) {
        let name = conversation.connection(supervisor).and_then(|party| party.agent.clone()).unwrap_or_default();
        let done =
            self.may_supervise(&name, mode).and_then(|()| self.change_mode(conversation, supervisor, mode, None));
        if let Err(refusal) = done {
            tracing::info!(supervisor = name, ?mode, detail = refusal.detail, "a supervisor's key was refused");
        }
    }

    /// Supervision ends with what is supervised; a whisper whose hearer has gone is silence again.
    pub(crate) fn settle_supervisors(&mut self, conversation: &mut Conversation) {
        let monitors: Vec<(ConnectionId, ContactId, Monitor, bool)> = (conversation.monitors())
            .filter_map(|party| {
                let lost = party.is_connected() && party.legs.is_empty();
                Some((party.id, party.contact, party.monitor?, lost))
            })
            .collect();
        for (supervisor, contact, monitor, lost) in monitors {
            let watched = conversation.agent_connection(monitor.of).is_some_and(Connection::is_connected);
            if lost || !watched {
                let cause = if lost { agent_left() } else { Cause::of(DisconnectReason::Other) };
                self.end_supervision(conversation, supervisor, cause);
                continue;
            }
            let heard = |to: ConnectionId| conversation.live().any(|party| party.id == to);
            if monitor.to.is_some_and(|to| !heard(to)) {
                let silent = Monitor { mode: Supervision::SilentMonitor, to: None, ..monitor };
                if let Some(party) = conversation.connection_mut(supervisor) {
                    party.monitor = Some(silent);
                }
                self.tell_mode(conversation, supervisor, contact, silent);
            }
        }
    }

    /// What a supervisor is offered on its own contact: nothing when the contact is no supervision.
    pub(crate) fn supervisor_controls(&self, conversation: &Conversation, contact: ContactId) -> Option<Vec<String>> {
        let party = conversation.monitors().find(|party| party.contact == contact)?;
        let allowed = self.supervisions(party.agent.as_deref()?);
        let modes = allowed.iter().filter(|mode| party.is_connected() || **mode != Supervision::TakeOver);
        Some(modes.map(|mode| mode.control().to_string()).chain(["end".to_string()]).collect())
    }

    /// The agent whom a dialled code means, when no number of the directory is dialled so.
    pub(crate) fn supervised_by_code(&self, dialled: &str) -> Option<String> {
        let code = &self.directory.feature_codes.supervise;
        let extension = dialled.strip_prefix(code.as_str()).filter(|_| !code.is_empty())?;
        if self.numbers.look_up(dialled).is_some() {
            return None;
        }
        match self.numbers.look_up(extension)? {
            crate::route::Destination::Agent(name) => Some(name),
            _ => None,
        }
    }
}

fn monitor_of(conversation: &Conversation, supervisor: &str) -> Option<ConnectionId> {
    conversation.monitors().find(|party| party.agent.as_deref() == Some(supervisor)).map(|party| party.id)
}
