//! A 3xx of a trunk that is passed on: as a 302 to a caller whose call we have not answered, as a REFER to the trunk of one
//! whose call is up and which takes transfers back, and as a call of ours where neither can be.

use baton_sip::{Command as SipCommand, Party};

use crate::connection::Phase;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::dial::{Caller, escape_user};
use crate::directory::RedirectPolicy;
use crate::event::DisconnectReason;
use crate::ids::ConnectionId;
use crate::leg::Device;
use crate::outcome::Failure;
use crate::permission::Deed;
use crate::route::Destination;
use crate::target::callers_waiting_for;

/// Most times that one target is moved to another number here.
const MOVES_MAX: u8 = 5;

impl Desk {
    /// A target's trunk has sent a 3xx. False: it counts as a failure.
    pub(crate) fn redirects_on(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        device: Option<&Device>,
        (status, contacts): (u16, &[Party]),
    ) -> bool {
        let trunk = device.and_then(|device| self.trunk_of(device));
        let Some(trunk) = trunk.filter(|trunk| trunk.redirect == RedirectPolicy::Pass) else { return false };
        if !(300..=399).contains(&status) {
            return false;
        }
        let Some(user) = contacts.iter().map(|contact| contact.user.as_str()).find(|user| !user.is_empty()) else {
            return false;
        };
        let number = trunk.numbers.as_ref().map_or(user.to_string(), |plan| plan.read(user));
        if callers_waiting_for(conversation, target).is_empty() {
            return self.moves(conversation, target, &number);
        }
        self.redirect_callers(conversation, target, &number);
        self.target_fails(conversation, target, Failure::Status(status, None));
        true
    }

    /// Callers that wait for the target are told where it is, in their own trunk's way (R10).
    fn redirect_callers(&mut self, conversation: &mut Conversation, target: ConnectionId, number: &str) {
        let cause = Cause { reason: DisconnectReason::TelecomProblem, sip_status: 302, q850: None };
        for (owner, leg_id) in callers_waiting_for(conversation, target) {
            let Some(leg) = conversation.connection(owner).and_then(|party| party.leg(leg_id)) else { continue };
            let contact = match self.trunk_of(&leg.device) {
                Some(trunk) => trunk.uri_of(number),
                None => format!("sip:{}@{}", escape_user(number), self.host()),
            };
            self.sip(SipCommand::Redirect { session: leg.session(), contacts: vec![contact] });
            self.close_leg(conversation, owner, leg_id);
            let calling = conversation.connection(owner).filter(|party| party.phase == Phase::Calling);
            if let Some(contact) = calling.map(|party| party.contact) {
                self.end_party(conversation, owner, 302);
                self.finish_contact(conversation, contact, cause);
            }
        }
    }

    /// Nobody's call is unanswered: the target is reached at its new number, by the customer's trunk or by us.
    fn moves(&mut self, conversation: &mut Conversation, target: ConnectionId, number: &str) -> bool {
        let Ok(destination) = self.resolve(number) else { return false };
        let Destination::Outside { number, trunks } = &destination else { return false };
        let accounts: Vec<_> =
            conversation.connection(target).and_then(|party| party.charged_to.clone()).into_iter().collect();
        if self.permit(&accounts, Deed::Transfer, &destination).is_err() {
            return false;
        }
        let Some(party) = conversation.connection_mut(target).filter(|party| party.moves < MOVES_MAX) else {
            return false;
        };
        party.moves += 1;
        let attempt = party.attempt.take();
        let (initiator, contact) = (party.added_by, party.contact);
        let caller = attempt.map(|attempt| attempt.caller).unwrap_or_else(|| {
            let (number, name) = self.queue_caller_id(conversation, contact);
            Caller { number, name, ..Caller::default() }
        });
        let present = initiator.filter(|id| conversation.connection(*id).is_some_and(|party| party.is_live()));
        if present.is_none() && self.take_back(conversation, (None, target), &destination, &caller) {
            return true;
        }
        match self.dial_outside(conversation, target, (number, trunks), &caller) {
            Ok(()) => {}
            Err(failure) => self.target_fails(conversation, target, failure),
        }
        true
    }
}
