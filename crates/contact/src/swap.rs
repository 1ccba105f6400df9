//! Several consults beside each other: which of them the agent talks to, and who comes into one bridge.

use crate::command::{Refusal, RefusalKind};
use crate::connection::{Connection, Hold};
use crate::control::{connected, wrong_state};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::event::EventKind;
use crate::ids::{ConnectionId, ContactId};

type Outcome = Result<(), Refusal>;

impl Desk {
    /// Exchanges whom the agent talks to: they are held, and the next group of the held talks. With one target beside the
    /// customer that is to and fro; with several consults it goes round all of them.
    pub(crate) fn swap(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Outcome {
        let contact = crate::line::contact_of(conversation, actor);
        let next = conversation.next_group(actor, contact);
        let talking = conversation.ids_of(|each| each.id != actor && each.talks());
        if next.is_empty() || talking.is_empty() {
            return Err(wrong_state("Swap needs a party that talks and one that is held."));
        }
        self.check_phone_holds(conversation, &next)?;
        talking.into_iter().for_each(|id| self.hold_party(conversation, id, contact, None));
        next.into_iter().for_each(|id| self.resume_party(conversation, id, contact));
        self.emit(conversation, contact, EventKind::Swapped);
        Ok(())
    }

    /// A consulted target has answered: its initiator talks to it, whomever it talked to meanwhile.
    pub(crate) fn give_the_floor(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        let party = conversation.connection(target).filter(|party| party.consult && party.is_connected());
        let by = party.and_then(|party| party.added_by).and_then(|by| conversation.connection(by));
        let Some((actor, contact)) = by.filter(|by| by.talks()).map(|by| (by.id, by.contact)) else { return };
        let others = conversation.ids_of(|each| each.id != actor && each.id != target && each.talks());
        others.into_iter().for_each(|other| self.hold_party(conversation, other, contact, None));
    }

    /// The agent talks to this party alone.
    pub(crate) fn swap_to(
        &mut self,
        conversation: &mut Conversation,
        actor: ConnectionId,
        id: ConnectionId,
    ) -> Outcome {
        let party = another(conversation, actor, id)?;
        let talks = party.talks();
        let others = conversation.ids_of(|each| each.id != actor && each.id != id && each.talks());
        if talks && others.is_empty() {
            return Ok(());
        }
        self.check_phone_holds(conversation, &[id])?;
        let contact = crate::line::contact_of(conversation, actor);
        others.into_iter().for_each(|other| self.hold_party(conversation, other, contact, None));
        self.resume_party(conversation, id, contact);
        self.emit(conversation, contact, EventKind::Swapped);
        Ok(())
    }

    /// One held party comes into the bridge of those who talk; whoever else is held stays so.
    pub(crate) fn join_one(
        &mut self,
        conversation: &mut Conversation,
        actor: ConnectionId,
        id: ConnectionId,
    ) -> Outcome {
        let party = another(conversation, actor, id)?;
        if party.hold.is_none() {
            return Ok(());
        }
        self.check_phone_holds(conversation, &[id])?;
        let contact = crate::line::contact_of(conversation, actor);
        self.resume_party(conversation, id, contact);
        self.emit(conversation, contact, EventKind::Joined);
        Ok(())
    }
}

/// A connected party that is not the agent itself, nor on its way out.
fn another(conversation: &Conversation, actor: ConnectionId, id: ConnectionId) -> Result<&Connection, Refusal> {
    let party = connected(conversation, id)?;
    if party.id == actor {
        return Err(Refusal::new(RefusalKind::Invalid, "Name another party than the agent's own."));
    }
    if !party.is_here() {
        return Err(wrong_state("The party is being transferred away."));
    }
    Ok(party)
}

impl Conversation {
    /// The held parties that a swap brings back: those that were held by one act, the longest ago; the agent's own holds
    /// before those of colleagues.
    fn next_group(&self, actor: ConnectionId, contact: ContactId) -> Vec<ConnectionId> {
        let held = || self.live().filter(|each| each.id != actor).filter_map(|each| each.hold);
        let own = held().any(|hold| hold.by == contact);
        let counts = |hold: &Hold| !own || hold.by == contact;
        let first = held().filter(counts).map(|hold| hold.round).min();
        self.ids_of(|each| each.id != actor && each.hold.is_some_and(|hold| counts(&hold) && Some(hold.round) == first))
    }

    /// A target whose initiator has left it with the party that had brought the initiator in is now that one's target.
    pub(crate) fn adopt_targets(&mut self) {
        let orphans = self.ids_of(|each| each.is_connected());
        for id in orphans {
            let by = self.connection(id).and_then(|party| party.added_by).and_then(|by| self.connection(by));
            let Some(gone) = by.filter(|by| !by.is_live()) else { continue };
            let heir = gone.added_by.and_then(|by| self.connection(by)).filter(|by| by.is_live() && by.id != id);
            let Some(heir) = heir.map(|by| by.id) else { continue };
            if let Some(party) = self.connection_mut(id) {
                party.added_by = Some(heir);
            }
        }
    }
}
