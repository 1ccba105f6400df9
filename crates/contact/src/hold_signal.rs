//! How a trunk is told that its party is on hold: by an offer of ours, in the dialect that it wants, whenever what it was told
//! last is not true any more. One offer at a time: what changes meanwhile is told by the next.

use baton_sdp::LocalHold;
use baton_sip::Command as SipCommand;

use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::leg::{Device, HoldRefused, Leg};
use crate::line::{give_leg, take_leg};
use crate::timer::Timer;

/// Answers that say "not now" of a hold: two offers have crossed (RFC 3261 §14.1), or the offer did not get out.
const PASSING: [u16; 2] = [491, 503];
/// The first pause before a refused offer is made anew; each further one is twice as long.
const PAUSE_MS: u64 = 1_000;
/// Most refusals in a row: then the trunk is taken at its word. The last pause is 32 s.
const REFUSALS_MAX: u8 = 7;

impl Desk {
    /// Tells every trunk whose party's hold has changed.
    pub(crate) fn publish_holds(&mut self, conversation: &mut Conversation) {
        let (mut due, mut held_again, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for party in conversation.live() {
            let is_held = party.hold.is_some() && party.is_here();
            let is_free = |leg: &&Leg| leg.is_up() && leg.pending.is_none() && leg.hold_offered.is_none();
            for leg in party.legs.iter().filter(is_free) {
                let Device::Trunk(name) = &leg.device else { continue };
                let signal = self.trunk(name).map_or(LocalHold::None, |trunk| trunk.hold);
                let hold = if is_held { signal } else { LocalHold::None };
                let refused = leg.hold_refused.filter(|refused| refused.hold == hold);
                if leg.hold_refused.is_some() && refused.is_none() {
                    held_again.push((leg.id, hold));
                }
                let waits = refused.is_some_and(|refused| refused.again_us.is_none_or(|again| again > self.now_us));
                if waits {
                    waiting.extend(refused.and_then(|refused| Some((refused.again_us?, party.id))));
                } else if leg.hold_told != Some(hold) {
                    due.push((leg.id, hold));
                }
            }
        }
        // The last one set for a party is the first of its legs to be told again.
        waiting.sort_unstable_by(|one, other| other.cmp(one));
        for (again_us, party) in waiting {
            self.timers.set(Timer::HoldTold(conversation.id, party), again_us);
        }
        held_again.into_iter().for_each(|(leg, hold)| self.forget_refusal(conversation, leg, hold));
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

    /// Something else is to be told than what was refused: media flow as they were agreed upon.
    fn forget_refusal(&mut self, conversation: &mut Conversation, leg_id: u64, hold: LocalHold) {
        let Some(mut taken) = take_leg(conversation, leg_id) else { return };
        taken.1.hold_refused = None;
        if let Some(negotiation) = taken.1.negotiation.as_mut() {
            negotiation.set_hold(hold);
        }
        self.configure(conversation, &taken.1);
        give_leg(conversation, taken);
    }

    /// The trunk will not have our offer, or it never got there.
    pub(crate) fn offer_refused(&mut self, conversation: &mut Conversation, leg_id: u64, status: u16) {
        tracing::debug!(leg = leg_id, status, "our offer was refused; the leg goes on as it was");
        let Some(mut taken) = take_leg(conversation, leg_id) else { return };
        if let Some(hold) = taken.1.hold_offered.take() {
            taken.1.pending = None;
            self.hold_refused(conversation, &mut taken.1, hold, status);
        }
        give_leg(conversation, taken);
    }

    /// What is agreed holds on. A trunk that will not be told of hold is not asked again, unless the offer only came at the wrong
    /// time; that a hold is over it must know, else its party may hear nothing: it is told again and again, and meanwhile media
    /// flow as if it knew.
    pub(crate) fn hold_refused(&mut self, conversation: &Conversation, leg: &mut Leg, hold: LocalHold, status: u16) {
        let before = leg.hold_refused.filter(|refused| refused.hold == hold);
        let times = before.map_or(1, |refused| refused.times.saturating_add(1));
        let again = (hold == LocalHold::None || PASSING.contains(&status)) && times < REFUSALS_MAX;
        let pause_ms = PAUSE_MS << (times - 1).min(REFUSALS_MAX);
        leg.hold_told = leg.negotiated().map(|negotiated| negotiated.local_hold);
        leg.hold_refused =
            Some(HoldRefused { hold, times, again_us: again.then(|| self.now_us.saturating_add(pause_ms * 1_000)) });
        self.configure(conversation, leg);
    }
}
