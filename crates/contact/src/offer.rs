//! Offers and answers within a call, and the hold key that speaks through them.

use baton_sdp::{Negotiation, SdpError};
use baton_sip::Command as SipCommand;

use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::ids::ConnectionId;
use crate::leg::Leg;
use crate::line::{give_leg, take_leg};
use crate::outcome::Failure;

impl Desk {
    /// The peer's ACK brought the answer to the offer in our 200, or it answered our re-INVITE.
    /// A phone may hold and resume by it, too (D5).
    pub(crate) fn offer_answered(&mut self, conversation: &mut Conversation, leg_id: u64, sdp: &[u8]) {
        let Some(owner) = conversation.owner_of(leg_id) else { return };
        let holds = |conversation: &Conversation| {
            let leg = conversation.connection(owner).and_then(|party| party.leg(leg_id));
            leg.is_some_and(|leg| leg.remote_hold)
        };
        let was = holds(conversation);
        if !self.take_answer(conversation, leg_id, sdp) {
            tracing::info!(leg = leg_id, "an answer does not fit; the leg goes on as it was");
            let party = conversation.connection(owner).and_then(|party| party.leg(leg_id));
            if party.is_some_and(|leg| leg.negotiated().is_none()) {
                // Nothing was ever agreed on: nobody would hear anything.
                self.answer_unusable(conversation, owner, leg_id);
            }
            return;
        }
        let is = holds(conversation);
        if was != is {
            self.phone_hold_changed(conversation, owner, leg_id, is);
        }
    }

    /// The peer offers anew: hold, resume, another codec or address (D5, D6).
    pub(crate) fn offered(&mut self, conversation: &mut Conversation, leg_id: u64, sdp: Option<&[u8]>) {
        let Some(mut taken) = take_leg(conversation, leg_id) else { return };
        let session = taken.1.session();
        let Some(negotiation) = taken.1.negotiation.as_mut() else {
            self.sip(SipCommand::RefuseOffer { session, status: 488 });
            return give_leg(conversation, taken);
        };
        let Some(sdp) = sdp else {
            let (offer, pending) = negotiation.offer();
            taken.1.pending = Some(pending);
            self.sip(SipCommand::AcceptOffer { session, sdp: offer });
            return give_leg(conversation, taken);
        };
        match negotiation.answer(sdp) {
            Err(error) => {
                tracing::info!(leg = leg_id, %error, "an offer within a call cannot be answered");
                let status = if matches!(error, SdpError::Malformed(_)) { 400 } else { 488 };
                self.sip(SipCommand::RefuseOffer { session, status });
                give_leg(conversation, taken);
            }
            Ok((answer, negotiated)) => {
                let (was, is) = (taken.1.remote_hold, negotiated.remote_hold != baton_sdp::RemoteHold::None);
                taken.1.remote_hold = is;
                // Our answer says as well how we hold.
                taken.1.hold_told = taken.1.negotiation.as_ref().map(Negotiation::hold);
                taken.1.hold_refused = None;
                self.configure(conversation, &taken.1);
                let owner = taken.0;
                give_leg(conversation, taken);
                self.sip(SipCommand::AcceptOffer { session, sdp: answer });
                if was != is {
                    self.phone_hold_changed(conversation, owner, leg_id, is);
                }
            }
        }
    }

    /// The hold key of an agent's phone does what the panel's *Hold* does, to those whose voices this line carries.
    pub(crate) fn phone_hold_changed(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        leg_id: u64,
        on: bool,
    ) {
        conversation.changed = true;
        let Some(party) = conversation.connection(owner).filter(|party| party.is_agent()) else { return };
        let contact = party.contact;
        if on && (party.aside.is_some() || !party.is_connected()) {
            // Whom it has left, or does not have yet, is not its to hold.
            return;
        }
        if !on {
            let held = conversation.ids_of(|each| each.hold.is_some_and(|hold| hold.by_leg == Some(leg_id)));
            held.into_iter().for_each(|id| self.resume_party(conversation, id, contact));
            return;
        }
        let partners = party.leg(leg_id).map(|leg| leg.partners.clone()).unwrap_or_default();
        let carried = |each: &Connection| each.id != owner && each.talks() && party.carries(leg_id, each.id);
        let mut own = conversation.ids_of(carried);
        if own.is_empty() {
            // Whom the panel, or a second line, has held already is held by this key as well, so that it can free them.
            let held = conversation.connections.iter_mut().filter(|each| partners.contains(&each.id));
            for hold in held.filter_map(|each| each.hold.as_mut()).filter(|hold| hold.by == contact) {
                hold.by_leg.get_or_insert(leg_id);
            }
        }
        if own.len() > 1 || conversation.conference.is_some() {
            // In a conference the one who presses hold steps out; the others go on.
            own = vec![owner];
        }
        own.into_iter().for_each(|id| self.hold_party(conversation, id, contact, Some(leg_id)));
    }

    /// Hangs up the lines of agents' phones whose parties have all gone, as long as another line of the same phone is up,
    /// nobody talks through them, their hold keys hold nobody, and nobody is being called.
    pub(crate) fn end_idle_lines(&mut self, conversation: &mut Conversation) {
        let there = |id: &ConnectionId| conversation.connection(*id).is_some_and(Connection::is_live);
        let idle = |party: &Connection, leg: &Leg| {
            let left = leg.is_up() && !leg.partners.is_empty() && !leg.partners.iter().any(there);
            let other = party.legs.iter().any(|other| other.id != leg.id && other.is_up());
            let carries = |each: &Connection| {
                each.id != party.id && each.talks() && party.leg_towards(each.id).is_some_and(|own| own.id == leg.id)
            };
            let holds = |each: &Connection| each.hold.is_some_and(|hold| hold.by_leg == Some(leg.id));
            // Whoever is still to come may be for this line: whom its party has handed it on to, say.
            let used = |each: &Connection| each.is_pending() || holds(each) || (party.talks() && carries(each));
            left && other && !conversation.live().any(used)
        };
        let agents = conversation.live().filter(|party| party.is_agent() && party.is_connected() && party.is_here());
        let lines: Vec<(ConnectionId, u64)> =
            agents.filter_map(|party| Some((party.id, party.legs.iter().find(|leg| idle(party, leg))?.id))).collect();
        for (owner, line) in lines {
            self.end_leg(conversation, owner, line, 480, None);
        }
    }

    /// What an outgoing leg learns from its 200, before its target counts as answered. False when it cannot be used.
    #[must_use]
    pub(crate) fn take_first_answer(
        &mut self,
        conversation: &mut Conversation,
        leg_id: u64,
        sdp: Option<&[u8]>,
    ) -> bool {
        let known = || {
            let party = conversation.owner_of(leg_id).and_then(|owner| conversation.connection(owner));
            party.and_then(|party| party.leg(leg_id)).is_some_and(|leg| leg.negotiated().is_some())
        };
        match sdp {
            Some(sdp) => self.take_final_answer(conversation, leg_id, sdp),
            None => known(),
        }
    }

    /// A target that answered with a description we cannot use has failed.
    pub(crate) fn answer_unusable(&mut self, conversation: &mut Conversation, owner: ConnectionId, leg_id: u64) {
        self.end_leg(conversation, owner, leg_id, 488, Some("SIP;cause=488"));
        self.device_failed(conversation, owner, Failure::Status(488, None));
    }
}
