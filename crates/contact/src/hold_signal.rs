//! How a trunk is told that its party is on hold: by an offer of ours, in the dialect that it wants, whenever what it was told
//! last is not true any more. One offer at a time: what changes meanwhile is told by the next.

use baton_sdp::LocalHold;
use baton_sip::Command as SipCommand;

use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::leg::{Device, Leg};
use crate::line::{give_leg, take_leg};

/// The answer that says: not now, because two offers have crossed (RFC 3261 §14.1).
const REQUEST_PENDING: u16 = 491;

impl Desk {
    /// Tells every trunk whose party's hold has changed.
    pub(crate) fn publish_holds(&mut self, conversation: &mut Conversation) {
        let mut due = Vec::new();
        for party in conversation.live() {
            let is_held = party.hold.is_some() && party.is_here();
            let is_free = |leg: &&Leg| leg.is_up() && leg.pending.is_none() && leg.hold_offered.is_none();
            for leg in party.legs.iter().filter(is_free) {
                let Device::Trunk(name) = &leg.device else { continue };
                let signal = self.trunk(name).map_or(LocalHold::None, |trunk| trunk.hold);
                let hold = if is_held { signal } else { LocalHold::None };
                due.extend((leg.hold_told != Some(hold)).then_some((leg.id, hold)));
            }
        }
        due.into_iter().for_each(|(leg, hold)| self.offer_hold(conversation, leg, hold));
    }

    fn offer_hold(&mut self, conversation: &mut Conversation, leg_id: u64, hold: LocalHold) {
        let Some(mut taken) = take_leg(conversation, leg_id) else { return };
        let leg = &mut taken.1;
        let session = leg.session();
        if let Some(negotiation) = leg.negotiation.as_mut() {
            negotiation.set_hold(hold);
            let (sdp, pending) = negotiation.offer();
            (leg.pending, leg.hold_offered) = (Some(pending), Some(hold));
            self.sip(SipCommand::Offer { session, sdp, identity: None });
        }
        give_leg(conversation, taken);
    }

    /// The trunk will not have our offer. What it refuses it is not asked again; an offer that only came at the wrong time is
    /// made anew.
    pub(crate) fn offer_refused(&mut self, conversation: &mut Conversation, leg_id: u64, status: u16) {
        tracing::debug!(leg = leg_id, status, "our offer was refused; the leg goes on as it was");
        let Some(mut taken) = take_leg(conversation, leg_id) else { return };
        let leg = &mut taken.1;
        if let Some(hold) = leg.hold_offered.take() {
            leg.pending = None;
            leg.hold_told = Some(hold).filter(|_| status != REQUEST_PENDING);
        }
        give_leg(conversation, taken);
    }
}
