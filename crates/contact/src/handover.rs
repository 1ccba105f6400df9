//! Completing a transfer to a target that is there already: it is handed on as it is, ringing or connected, and never
//! called a second time (R6, R7).

use baton_sip::Command as SipCommand;

use crate::command::Target;
use crate::connection::{Connection, Refer};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::ids::ConnectionId;
use crate::leg::LegState;
use crate::outcome::Failure;
use crate::refer::Asked;
use crate::route::Destination;
use crate::snapshot::ConnectionType;

impl Conversation {
    /// The party that `initiator` has brought in as this destination, still being reached or connected.
    pub(crate) fn target_of(&self, initiator: ConnectionId, destination: &Destination) -> Option<ConnectionId> {
        let own = |party: &&Connection| party.added_by == Some(initiator) && self.is_reached_as(party, destination);
        self.live().find(own).map(|party| party.id)
    }

    fn is_reached_as(&self, party: &Connection, destination: &Destination) -> bool {
        match destination {
            Destination::Outside { number, .. } => party.kind == ConnectionType::ThirdParty && party.address == *number,
            Destination::Agent(name) => party.is_agent() && party.agent.as_ref() == Some(name),
            Destination::Queue(name) => {
                let place = self.contact(party.contact).and_then(|entry| entry.queue.as_ref());
                place.is_some_and(|place| !place.personal && place.name == *name)
            }
            Destination::Factory(_) => false,
            Destination::Conference(name) => party.is_room() && party.name == *name,
        }
    }

    /// Targets of this party that are still being reached.
    pub(crate) fn pending_targets_of(&self, initiator: ConnectionId) -> Vec<ConnectionId> {
        self.ids_of(|each| each.added_by == Some(initiator) && each.is_pending())
    }
}

impl Desk {
    /// The party that the actor has brought in as this target, if there is one.
    pub(crate) fn target_there(
        &self,
        conversation: &Conversation,
        actor: ConnectionId,
        target: &Target,
    ) -> Option<ConnectionId> {
        let destination = self.destination_of(target).ok()?;
        conversation.target_of(actor, &destination)
    }

    /// A REFER whose target is there already. A connected one is spliced at once; one that still rings keeps its leg, and
    /// the transferor waits aside for its answer.
    pub(crate) fn hand_over(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        asked: &Asked,
        target: ConnectionId,
    ) {
        let (session, transfer) = (asked.session, asked.transfer);
        self.sip(SipCommand::AcceptTransfer { session, transfer });
        if !conversation.connection(target).is_some_and(Connection::is_pending) {
            self.report_final(session, transfer, 200);
            self.step_out(conversation, owner);
            return;
        }
        // The phone's own line to the target has done its work.
        let lines = conversation.connection(owner).map(|party| party.legs.as_slice()).unwrap_or_default();
        let lines = lines.iter().filter(|leg| leg.state == LegState::Incoming && leg.partners.contains(&target));
        for line in lines.map(|leg| leg.id).collect::<Vec<_>>() {
            self.end_leg(conversation, owner, line, 487, None);
        }
        let held = conversation.live().filter_map(|each| Some((each.id, each.hold?))).collect();
        self.pursue(conversation, owner, Refer { session, transfer, target }, held);
    }

    /// Whoever an attended transfer does not name is hung up on: it was consulted, and another one was chosen.
    pub(crate) fn drop_unnamed(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        named: &[ConnectionId],
    ) {
        let unnamed = conversation.ids_of(|each| each.added_by == Some(owner) && !named.contains(&each.id));
        for id in unnamed {
            if let Err(refusal) = self.drop_party(conversation, owner, id) {
                tracing::debug!(detail = refusal.detail, "a consulted party is gone already");
            }
        }
    }

    /// Stops reaching the targets of a party whose hang-up is to complete no transfer. Whether there was one.
    pub(crate) fn cancel_pending_of(&mut self, conversation: &mut Conversation, initiator: ConnectionId) -> bool {
        let pending = conversation.pending_targets_of(initiator);
        for target in &pending {
            self.target_fails(conversation, *target, Failure::Cancelled);
        }
        !pending.is_empty()
    }
}
