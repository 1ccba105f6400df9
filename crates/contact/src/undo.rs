//! Taking a Leave back: for a while the agent who left stays aside with its line, until its target has confirmed. It is
//! neither heard nor hears, as one whose phone has asked for the transfer.

use serde::{Deserialize, Serialize};

use crate::command::Refusal;
use crate::connection::{Connection, Phase};
use crate::control::wrong_state;
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::event::EventKind;
use crate::ids::ConnectionId;
use crate::outcome::Failure;
use crate::timer::Timer;
use crate::transfer::agent_left;

/// An agent that has left, and may still take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aside {
    /// It left with the click that brought the target in: taking that back ends the target, too.
    pub(crate) blind: bool,
}

impl Desk {
    /// *Leave*, by the panel, the keypad, or a blind transfer: at once, or after the time in which it can be taken back.
    pub(crate) fn leave_or_step_aside(&mut self, conversation: &mut Conversation, actor: ConnectionId, blind: bool) {
        let window_ms = self.undo_ms(conversation, actor);
        if window_ms == 0 {
            return self.leave(conversation, actor, "agent", agent_left());
        }
        let contact = crate::line::contact_of(conversation, actor);
        let held = conversation.ids_of(|each| each.id != actor && each.hold.is_some_and(|hold| hold.by == contact));
        let lifted: Vec<_> = held
            .iter()
            .map(|id| (*id, conversation.connection(*id).and_then(|party| party.hold).and_then(|hold| hold.by_leg)))
            .collect();
        held.into_iter().for_each(|id| self.resume_party(conversation, id, contact));
        if let Some(party) = conversation.connection_mut(actor) {
            party.aside = Some(Aside { blind });
            party.lifted = lifted;
        }
        self.start_timer(Timer::Undo(conversation.id, actor), window_ms);
        let until_ms = self.now_us / 1_000 + window_ms;
        self.emit(conversation, contact, EventKind::LeavePending { until_ms });
    }

    /// How long this agent's Leave can be taken back, in milliseconds; 0: it cannot. Only what is not confirmed yet can:
    /// all others are customers, and a target of the agent's is being reached.
    fn undo_ms(&self, conversation: &Conversation, actor: ConnectionId) -> u64 {
        let contact = crate::line::contact_of(conversation, actor);
        let queue = conversation.queue_of(contact).and_then(|place| self.directory.queue(&place.name));
        let seconds = queue.map_or(0, |queue| queue.undo_seconds);
        let confirmed = conversation.live().any(|each| each.id != actor && !each.initial && each.is_connected());
        let customer = conversation.customers().any(|each| each.id != actor && each.is_connected());
        // A queue takes the customer at once: it has confirmed.
        let reached = |id: &ConnectionId| conversation.connection(*id).is_some_and(|each| each.phase != Phase::Queued);
        let pending = conversation.pending_targets_of(actor).iter().any(reached);
        let free = conversation.connection(actor).is_some_and(Connection::is_here);
        if pending && customer && !confirmed && free { u64::from(seconds) * 1_000 } else { 0 }
    }

    /// Takes a Leave, or the phone's own REFER, back.
    pub(crate) fn undo(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Result<(), Refusal> {
        let party = conversation.connection(actor).map(|party| (party.aside, party.refer));
        match party {
            Some((_, Some(refer))) => {
                // The transferor is told that its target was given up, and has its call as it was (R4).
                self.target_fails(conversation, refer.target, Failure::Cancelled);
                Ok(())
            }
            Some((Some(aside), None)) => {
                self.come_back(conversation, actor, !aside.blind);
                let given_up = if aside.blind { conversation.pending_targets_of(actor) } else { Vec::new() };
                for target in given_up {
                    self.target_fails(conversation, target, Failure::Cancelled);
                }
                Ok(())
            }
            _ => Err(wrong_state("There is no Leave that could be taken back: it is complete, or there was none.")),
        }
    }

    /// The agent is a party again; whom it held before it left is held again, or talks to it.
    fn come_back(&mut self, conversation: &mut Conversation, actor: ConnectionId, holds_again: bool) {
        self.timers.stop(Timer::Undo(conversation.id, actor));
        let Some(party) = conversation.connection_mut(actor) else { return };
        party.aside = None;
        let (contact, lifted) = (party.contact, std::mem::take(&mut party.lifted));
        for (held, by_leg) in lifted.into_iter().filter(|_| holds_again) {
            self.hold_party(conversation, held, contact, by_leg);
        }
        self.emit(conversation, contact, EventKind::LeaveUndone);
    }

    /// The last target of an agent aside was not reached: the agent is there, and has its customer back at once (R4).
    pub(crate) fn come_back_from_failure(&mut self, conversation: &mut Conversation, initiator: Option<ConnectionId>) {
        let Some(actor) = initiator.filter(|id| conversation.connection(*id).is_some_and(|each| each.aside.is_some()))
        else {
            return;
        };
        if conversation.pending_targets_of(actor).is_empty() {
            self.come_back(conversation, actor, false);
        }
    }

    /// A target has confirmed, or nobody is left who could be handed on: whoever stands aside has left.
    pub(crate) fn leave_for_good(&mut self, conversation: &mut Conversation) {
        for actor in conversation.ids_of(|each| each.aside.is_some()) {
            self.leave(conversation, actor, "agent", agent_left());
        }
    }

    /// The time to take a Leave back is over.
    pub(crate) fn undo_is_over(&mut self, conversation: &mut Conversation, actor: ConnectionId) {
        if conversation.connection(actor).is_some_and(|party| party.aside.is_some()) {
            self.leave(conversation, actor, "agent", agent_left());
        }
    }
}
