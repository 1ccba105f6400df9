//! The agent's controls: they change the states of connections, nothing else. Who hears whom follows (see `mix`).

use crate::command::{AddMode, Command, Control, Refusal, RefusalKind, Reply, Target};
use crate::connection::{Connection, Hold};
use crate::conversation::{Cause, Conversation, Stage};
use crate::desk::Desk;
use crate::event::{DisconnectReason, EventKind, PartyRole};
use crate::guest::{Host, Remover};
use crate::ids::{ConnectionId, ContactId, RequestId};
use crate::outcome::Failure;
use crate::timer::Timer;
use crate::transfer::{Adding, agent_left};

/// Most digits in one command.
const DIGITS_MAX: usize = 32;

/// Most bytes of a contact's attributes, keys and values together.
const ATTRIBUTES_BYTES_MAX: usize = 32 * 1024;

type Outcome = Result<(), Refusal>;

impl Desk {
    /// A command of the panel, the API or the operator; answered exactly once.
    pub(crate) fn command(&mut self, request: RequestId, command: Command) {
        let result = match command {
            Command::Control { agent, contact, control } => self.control(agent, contact, control),
            Command::Dial { agent, target } => self.dial_out(&agent, target),
            Command::Supervise { supervisor, watched, mode, to } => self.supervise(&supervisor, &watched, mode, to),
            Command::Conference { by, room, control } => self.control_conference(by.as_deref(), &room, &control),
            Command::SetStatus { agent, status } => self.set_status(&agent, status),
            Command::Unregister { phone } => {
                self.sip(baton_sip::Command::Unregister { account: phone });
                Ok(Reply::Done)
            }
            Command::LiftBan { address } => self.lift_ban(address),
            Command::SetDirectory(directory) => {
                self.set_directory(*directory);
                Ok(Reply::Done)
            }
            Command::Drain => {
                self.draining = true;
                Ok(Reply::Done)
            }
            Command::EndAll => {
                self.end_every_conversation();
                Ok(Reply::Done)
            }
            Command::Query(query) => self.query(&query),
        };
        self.reply(request, result);
    }

    /// The deadline of a graceful stop: everybody is hung up on, after-contact work ends, records are completed.
    fn end_every_conversation(&mut self) {
        self.draining = true;
        for id in self.conversations.keys().copied().collect::<Vec<_>>() {
            self.with(id, |desk, conversation| desk.end_for_good(conversation));
        }
    }

    /// Ends a conversation with all that agents have left to do for it.
    pub(crate) fn end_for_good(&mut self, conversation: &mut Conversation) {
        self.end_all(conversation, Cause::of(DisconnectReason::Other));
        for (agent, contact) in std::mem::take(&mut conversation.missed) {
            self.release(&agent, contact);
        }
        let working = conversation.contacts.iter().filter(|contact| contact.stage == Stage::Acw);
        let working: Vec<ContactId> = working.map(|contact| contact.id).collect();
        working.into_iter().for_each(|contact| self.acw_ends(conversation, contact));
    }

    /// Whether no party is left anywhere: after-contact work and what agents have missed may be.
    pub(crate) fn nobody_is_there(&self) -> bool {
        let gone =
            |conversation: &Conversation| conversation.live().next().is_none() && conversation.closing.is_empty();
        self.conversations.values().all(|conversation| gone(conversation))
    }

    fn control(&mut self, agent: Option<String>, contact: ContactId, control: Control) -> Result<Reply, Refusal> {
        let unknown = || Refusal::new(RefusalKind::NotFound, "There is no such contact, or it is over.");
        let id = *self.contact_index.get(&contact).ok_or_else(unknown)?;
        let result = self.with(id, |desk, conversation| {
            let done = desk.control_in(conversation, agent, contact, control);
            // The snapshot shows what settling made of it.
            desk.settle(conversation);
            let snapshot = desk.contact_snapshot(conversation, contact);
            match done {
                Ok(()) => snapshot.map_or(Ok(Reply::Done), |snapshot| Ok(Reply::Contact(Box::new(snapshot)))),
                // Whose contact it is not is not shown it either.
                Err(refusal) if refusal.kind == RefusalKind::NotAllowed => Err(refusal),
                Err(refusal) => Err(Refusal { snapshot: snapshot.map(Box::new), ..refusal }),
            }
        });
        result.unwrap_or_else(|| Err(unknown()))
    }

    fn control_in(
        &mut self,
        conversation: &mut Conversation,
        agent: Option<String>,
        contact: ContactId,
        control: Control,
    ) -> Outcome {
        self.check_rights(conversation, agent.as_deref(), contact, &control)?;
        match &control {
            Control::Clear => return self.clear(conversation, agent.as_deref(), contact),
            Control::Reject => return self.reject(conversation, contact),
            Control::Accept => return self.accept(conversation, contact),
            Control::SetAttributes(attributes) => {
                return self.set_attributes(conversation, contact, attributes.clone());
            }
            _ => {}
        }
        let supervisor = conversation.monitors().find(|party| party.contact == contact).map(|party| party.id);
        if let Some(supervisor) = supervisor {
            return self.control_supervision(conversation, supervisor, &control);
        }
        let actor = conversation.agent_connection(contact).filter(|party| party.is_connected());
        let Some(actor) = actor.map(|party| party.id) else {
            return Err(wrong_state(match control {
                Control::Undo => "The transfer is complete and can no longer be taken back.",
                _ => "The agent is not connected on this contact.",
            }));
        };
        // Whoever clicks presses no number any more.
        self.end_number(conversation, actor);
        if conversation.conference.is_some() {
            return self.control_in_room(conversation, actor, control);
        }
        let leaves = conversation.connection(actor).is_some_and(|party| !party.is_here());
        if leaves && !matches!(control, Control::Leave | Control::End | Control::Drop(_) | Control::Undo) {
            return Err(wrong_state("The agent is leaving, its transfer under way: take it back first, or end."));
        }
        match control {
            Control::Hold => self.hold_customer(conversation, actor),
            Control::Resume => self.resume_customer(conversation, actor),
            Control::Swap => self.swap(conversation, actor),
            Control::SwapTo(id) => self.swap_to(conversation, actor, id),
            Control::Join => self.join(conversation, actor),
            Control::JoinConnection(id) => self.join_one(conversation, actor, id),
            Control::HoldAll => self.hold_all(conversation, actor),
            Control::Leave => self.leave_by_control(conversation, actor),
            Control::Undo => self.undo(conversation, actor),
            Control::End => self.end_by_control(conversation, actor),
            Control::Add { target, mode } => self.add(conversation, actor, &target, mode),
            Control::HoldConnection(id) => self.hold_one(conversation, actor, id),
            Control::ResumeConnection(id) => self.resume_one(conversation, actor, id),
            Control::Mute(id) => self.mute(conversation, actor, id, true),
            Control::Unmute(id) => self.mute(conversation, actor, id, false),
            Control::Drop(id) => self.drop_party(conversation, actor, id),
            Control::SendDigits { connection, digits } => self.send_digits(conversation, connection, &digits),
            Control::Clear | Control::Reject | Control::Accept | Control::SetAttributes(_) => Ok(()),
        }
    }

    /// In a conference room an agent is a guest: it steps out and back in, brings guests in, and leaves; others it mutes and
    /// removes when its security profile lets it.
    fn control_in_room(&mut self, conversation: &mut Conversation, actor: ConnectionId, control: Control) -> Outcome {
        let Some(party) = conversation.connection(actor) else { return Ok(()) };
        let (contact, agent, accounts) = (party.contact, party.agent.clone(), self.accounts_of(party));
        match control {
            Control::Hold => self.hold_party(conversation, actor, contact, None),
            Control::Resume => self.resume_party(conversation, actor, contact),
            Control::Leave | Control::End => self.leave(conversation, actor, "agent", agent_left()),
            Control::Drop(id) if id == actor => self.leave(conversation, actor, "agent", agent_left()),
            Control::Add { target, .. } => {
                let host = Host { by: Some(actor), agent, accounts, ..Host::default() };
                self.add_guest(conversation, &target, host)?;
            }
            Control::Drop(id) => {
                self.may_moderate(agent.as_deref(), true)?;
                if !conversation.live().any(|party| party.id == id) {
                    return Err(Refusal::new(RefusalKind::NotFound, "There is no such party, or it is gone."));
                }
                self.remove_guest(conversation, id, agent.as_deref().map_or(Remover::Operator, Remover::Agent));
            }
            Control::Mute(id) | Control::Unmute(id) => {
                if id != actor {
                    self.may_moderate(agent.as_deref(), true)?;
                }
                return self.mute(conversation, actor, id, matches!(control, Control::Mute(_)));
            }
            _ => {
                return Err(wrong_state(
                    "In a conference room an agent can hold and resume itself, add, mute and drop guests, and leave.",
                ));
            }
        }
        Ok(())
    }

    /// An agent acts on its own contacts only, the operator on all.
    fn check_rights(
        &self,
        conversation: &Conversation,
        agent: Option<&str>,
        contact: ContactId,
        control: &Control,
    ) -> Outcome {
        let Some(agent) = agent else { return Ok(()) };
        let own = conversation.contact(contact).and_then(|entry| entry.agent.as_deref()) == Some(agent);
        let party = |each: &&Connection| each.contact == contact && each.agent.as_deref() == Some(agent);
        let rung = conversation.live().any(|each| party(&each));
        // Whoever missed it may acknowledge that, and nothing else: it may be a colleague's by now.
        let clears = *control == Control::Clear
            && self.agents.get(agent).is_some_and(|a| a.engagements.iter().any(|each| each.contact == contact));
        if own || rung || clears {
            return Ok(());
        }
        Err(Refusal::new(RefusalKind::NotAllowed, format!("The contact is not one of {agent}'s.")))
    }

    /// Puts a party on hold.
    pub(crate) fn hold_party(
        &mut self,
        conversation: &mut Conversation,
        held: ConnectionId,
        by: ContactId,
        by_leg: Option<u64>,
    ) {
        let (since_us, round) = (self.now_us, conversation.revision);
        let Some(party) = conversation.connection_mut(held) else { return };
        if !party.is_connected() || party.hold.is_some() {
            return;
        }
        party.hold = Some(Hold { since_us, by, by_leg, round });
        let (role, initial) = (party.role(), party.initial);
        self.emit(conversation, by, EventKind::Held { connection_id: held, role });
        if initial {
            let reminder_ms = u64::from(self.config.limits.hold_reminder_s) * 1_000;
            self.start_timer(Timer::HoldReminder(conversation.id, held), reminder_ms);
        }
    }

    /// Takes a party off hold; the hold is booked on the contact of whoever ends it.
    pub(crate) fn resume_party(&mut self, conversation: &mut Conversation, held: ConnectionId, by: ContactId) {
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(held) else { return };
        let Some(hold) = party.hold.take() else { return };
        let role = party.role();
        self.timers.stop(Timer::HoldReminder(conversation.id, held));
        let held_ms = now_us / 1_000 - hold.since_us / 1_000;
        self.emit(conversation, by, EventKind::Resumed { connection_id: held, role, held_ms });
        // Who had held it is told that this hold is over, and booked elsewhere.
        let is_open = conversation.contact(hold.by).is_some_and(|contact| contact.stage == Stage::Open);
        if hold.by != by && is_open {
            self.emit(conversation, hold.by, EventKind::Resumed { connection_id: held, role, held_ms: 0 });
        }
    }

    pub(crate) fn hold_customer(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        let customers = conversation.ids_of(|each| each.initial && each.is_connected() && each.id != actor);
        if customers.is_empty() {
            return Err(wrong_state("There is no connected customer to hold."));
        }
        let contact = crate::line::contact_of(conversation, actor);
        customers.into_iter().for_each(|id| self.hold_party(conversation, id, contact, None));
        Ok(())
    }

    fn resume_customer(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        let customers = conversation.ids_of(|each| each.initial && each.is_connected() && each.id != actor);
        if customers.is_empty() {
            return Err(wrong_state("There is no connected customer to resume."));
        }
        customers.into_iter().try_for_each(|id| self.resume_one(conversation, actor, id))
    }

    fn hold_one(&mut self, conversation: &mut Conversation, actor: ConnectionId, id: ConnectionId) -> Outcome {
        let party = connected(conversation, id)?;
        if !party.is_here() {
            return Err(wrong_state("The party is being transferred away."));
        }
        let contact = crate::line::contact_of(conversation, actor);
        self.hold_party(conversation, id, contact, None);
        Ok(())
    }

    pub(crate) fn resume_one(
        &mut self,
        conversation: &mut Conversation,
        actor: ConnectionId,
        id: ConnectionId,
    ) -> Outcome {
        let party = connected(conversation, id)?;
        let Some(hold) = party.hold else { return Ok(()) };
        // The phone itself would not listen: the customer would talk into nothing.
        let phone_holds = hold.by_leg.is_some_and(|leg| {
            conversation.live().flat_map(|each| &each.legs).any(|each| each.id == leg && each.remote_hold)
        });
        if phone_holds {
            return Err(wrong_state("The agent's phone holds the call; take it off hold with the phone's own key."));
        }
        let contact = crate::line::contact_of(conversation, actor);
        self.resume_party(conversation, id, contact);
        Ok(())
    }

    /// Takes every party off hold into one bridge.
    pub(crate) fn join(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        let parties = conversation.live().filter(|each| each.is_connected()).count();
        if parties < 3 {
            return Err(wrong_state("Join needs a connected target beside the customer and the agent."));
        }
        let contact = crate::line::contact_of(conversation, actor);
        let held = conversation.ids_of(|each| each.hold.is_some());
        if held.is_empty() {
            return Ok(());
        }
        self.check_phone_holds(conversation, &held)?;
        held.into_iter().for_each(|id| self.resume_party(conversation, id, contact));
        self.emit(conversation, contact, EventKind::Joined);
        Ok(())
    }

    /// A party that the agent's own phone line holds cannot be freed from here, unless another line of that phone is in
    /// use: then the conference is on that line.
    pub(crate) fn check_phone_holds(&self, conversation: &Conversation, held: &[ConnectionId]) -> Outcome {
        for id in held {
            let by_leg = conversation.connection(*id).and_then(|party| party.hold).and_then(|hold| hold.by_leg);
            let Some(by_leg) = by_leg else { continue };
            let owner = conversation.live().find(|each| each.leg(by_leg).is_some());
            let stuck = owner.is_some_and(|owner| {
                let other_line = owner.legs.iter().any(|leg| leg.is_up() && !leg.remote_hold);
                owner.leg(by_leg).is_some_and(|leg| leg.remote_hold) && !other_line
            });
            if stuck {
                return Err(wrong_state(
                    "The agent's phone holds the call; take it off hold with the phone's own key.",
                ));
            }
        }
        Ok(())
    }

    fn hold_all(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        let contact = crate::line::contact_of(conversation, actor);
        let others = conversation.ids_of(|each| each.id != actor && each.is_connected() && each.is_here());
        if others.is_empty() {
            return Err(wrong_state("There is nobody to hold."));
        }
        others.into_iter().for_each(|id| self.hold_party(conversation, id, contact, None));
        Ok(())
    }

    pub(crate) fn leave_by_control(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        if !may_leave(conversation, actor) {
            return Err(wrong_state("Leave needs a target that stays with the customer; use End to end the call."));
        }
        if conversation.connection(actor).is_some_and(|party| party.aside.is_none()) {
            self.leave_or_step_aside(conversation, actor, false);
        }
        Ok(())
    }

    fn end_by_control(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        if !has_company(conversation, actor) {
            self.leave_empty_rooms(conversation);
        }
        self.leave(conversation, actor, "agent", agent_left());
        Ok(())
    }

    pub(crate) fn add(
        &mut self,
        conversation: &mut Conversation,
        actor: ConnectionId,
        target: &Target,
        mode: AddMode,
    ) -> Outcome {
        if mode == AddMode::Blind && self.target_there(conversation, actor, target).is_some() {
            // It rings or is there already, and is not called a second time (R7).
            return self.leave_by_control(conversation, actor);
        }
        if mode == AddMode::Blind && !conversation.pending_targets_of(actor).is_empty() {
            return Err(wrong_state("Another target is being reached: leave with it, or drop it first."));
        }
        let hold = mode == AddMode::Consult;
        let added = self.add_target(conversation, actor, target, Adding { hold, ..Adding::default() })?;
        if mode == AddMode::Blind && has_company(conversation, actor) {
            self.leave_or_step_aside(conversation, actor, true);
        } else if mode == AddMode::Blind && self.fall_back_at_once(conversation, added) {
            self.leave(conversation, actor, "agent", agent_left());
        }
        Ok(())
    }

    fn mute(&mut self, conversation: &mut Conversation, actor: ConnectionId, id: ConnectionId, on: bool) -> Outcome {
        connected(conversation, id)?;
        let contact = crate::line::contact_of(conversation, actor);
        self.set_mute(conversation, id, contact, on);
        Ok(())
    }

    pub(crate) fn set_mute(&mut self, conversation: &mut Conversation, id: ConnectionId, by: ContactId, on: bool) {
        let Some(party) = conversation.connection_mut(id).filter(|party| party.muted != on) else { return };
        party.muted = on;
        let kind = if on { EventKind::Muted { connection_id: id } } else { EventKind::Unmuted { connection_id: id } };
        self.emit(conversation, by, kind);
    }

    /// Removes another party: a pending target is cancelled, a connected one is hung up on.
    pub(crate) fn drop_party(
        &mut self,
        conversation: &mut Conversation,
        actor: ConnectionId,
        id: ConnectionId,
    ) -> Outcome {
        if id == actor {
            return self.end_by_control(conversation, actor);
        }
        let Some(party) = conversation.live().find(|party| party.id == id) else {
            return Err(Refusal::new(RefusalKind::NotFound, "There is no such party, or it is gone."));
        };
        if party.is_pending() {
            self.target_fails(conversation, id, Failure::Cancelled);
            return Ok(());
        }
        let by = conversation.connection(actor).and_then(|party| party.agent.clone()).unwrap_or_default();
        self.leave(conversation, id, &by, agent_left());
        Ok(())
    }

    fn send_digits(&mut self, conversation: &mut Conversation, id: ConnectionId, digits: &str) -> Outcome {
        let valid =
            !digits.is_empty() && digits.len() <= DIGITS_MAX && digits.chars().all(|c| "0123456789*#ABCD".contains(c));
        if !valid {
            return Err(Refusal::new(RefusalKind::Invalid, "Digits are 1 to 32 of 0-9, *, # and A-D."));
        }
        let party = conversation.connection(id).filter(|party| party.is_live());
        let Some(leg) = party.and_then(Connection::main_leg).filter(|leg| leg.has_media()) else {
            return Err(wrong_state("The party has no audio to send digits on."));
        };
        let command = baton_media::Command::SendDigits { stream: leg.stream(), digits: digits.to_string() };
        self.media(conversation, command);
        Ok(())
    }

    fn set_attributes(
        &mut self,
        conversation: &mut Conversation,
        contact: ContactId,
        attributes: std::collections::BTreeMap<String, String>,
    ) -> Outcome {
        let bytes: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
        let good = |key: &String| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if bytes > ATTRIBUTES_BYTES_MAX || !attributes.keys().all(good) {
            let detail = "Attributes have keys of A-Z a-z 0-9 _ - and 32 KiB in all.";
            return Err(Refusal::new(RefusalKind::Invalid, detail));
        }
        if let Some(entry) = conversation.contact_mut(contact) {
            let kept = entry.attributes.iter().filter(|(key, _)| !attributes.contains_key(*key));
            let all: usize = bytes + kept.map(|(key, value)| key.len() + value.len()).sum::<usize>();
            if all > ATTRIBUTES_BYTES_MAX {
                return Err(Refusal::new(RefusalKind::Invalid, "The contact's attributes would exceed 32 KiB in all."));
            }
            entry.attributes.extend(attributes);
            let attributes = entry.attributes.clone();
            self.emit(conversation, contact, EventKind::ContactDataUpdated { attributes });
        }
        Ok(())
    }
}

/// Whether somebody other than the actor and held or talking customers is there, or on the way: whom the customer can be
/// left with; or, without a customer, anybody. A room in which nobody is is no company.
pub(crate) fn has_company(conversation: &Conversation, actor: ConnectionId) -> bool {
    is_left_with(conversation, actor, |each| !each.is_empty_room())
}

/// Whether *Leave* leaves somebody to the customer: a room, too, into which others are to come.
pub(crate) fn may_leave(conversation: &Conversation, actor: ConnectionId) -> bool {
    is_left_with(conversation, actor, |_| true)
}

fn is_left_with(conversation: &Conversation, actor: ConnectionId, counts: fn(&Connection) -> bool) -> bool {
    let others = || conversation.live().filter(|each| each.id != actor && counts(each));
    let customer = others().any(|each| each.initial);
    others().any(|each| (each.is_connected() || each.is_pending()) && (!each.initial || !customer))
        && others().count() >= if customer { 2 } else { 1 }
}

pub(crate) fn connected(conversation: &Conversation, id: ConnectionId) -> Result<&Connection, Refusal> {
    let party = conversation.live().find(|party| party.id == id);
    let party = party.ok_or_else(|| Refusal::new(RefusalKind::NotFound, "There is no such party, or it is gone."))?;
    if party.is_connected() { Ok(party) } else { Err(wrong_state("The party is not connected yet.")) }
}

pub(crate) fn wrong_state(detail: &str) -> Refusal {
    Refusal::new(RefusalKind::WrongState, detail)
}

/// Whether an agent's phone hang-up is that of a person who is done, and not a phone that died.
pub(crate) fn is_deliberate(cause: &baton_sip::EndCause, q850: Option<u16>) -> bool {
    // 16 normal clearing, 31 normal unspecified, 17 user busy (Q.850 §2.2.7): all of them a person's doing.
    *cause == baton_sip::EndCause::Bye && matches!(q850, None | Some(16 | 17 | 31))
}

/// The role under which a disconnect of a party stands in its contact's record.
pub(crate) fn reason_of(role: PartyRole) -> DisconnectReason {
    match role {
        PartyRole::Customer => DisconnectReason::CustomerDisconnect,
        PartyRole::Agent => DisconnectReason::AgentDisconnect,
        PartyRole::ThirdParty => DisconnectReason::ThirdPartyDisconnect,
    }
}
