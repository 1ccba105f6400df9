//! Take-back-and-transfer: a customer that came by a trunk is handed back to it by our own REFER, so that its network makes
//! the new call and both legs here end. Until the trunk says that the customer has been taken over, the customer stays in
//! our dialog: a refusal, silence, or a NOTIFY of failure leads to the bridge that there would have been without it.

use serde::{Deserialize, Serialize};

use baton_sip::wire::escape;
use baton_sip::{Command as SipCommand, SessionId};

use crate::connection::{Connection, Phase};
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::dial::{Caller, escape_user};
use crate::directory::TransferPolicy;
use crate::event::{DisconnectReason, EventKind};
use crate::ids::ConnectionId;
use crate::leg::Device;
use crate::route::Destination;
use crate::timer::Timer;
use crate::trunk::TrunkState;

/// A REFER of ours that asks a trunk to reach a target in our place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakeBack {
    /// The customer's session.
    pub(crate) session: SessionId,
    trunk: String,
    /// What is dialled here if it comes to nothing.
    number: String,
    trunks: Vec<String>,
    caller: Caller,
    /// The trunk has taken the REFER.
    accepted: bool,
    /// It has told how it goes.
    heard_of: bool,
}

impl Desk {
    /// Asks the customer's trunk to reach a target of a blind transfer itself. False: the target is dialled here.
    pub(crate) fn take_back(
        &mut self,
        conversation: &mut Conversation,
        (initiator, target): (Option<ConnectionId>, ConnectionId),
        destination: &Destination,
        caller: &Caller,
    ) -> bool {
        let Destination::Outside { number, trunks } = destination else { return false };
        let Some((session, trunk)) = self.to_hand_back(conversation, initiator, target, trunks) else { return false };
        let mut uri = trunk.uri_of(number);
        if let Some(replaces) = &caller.replaces {
            uri = format!("{uri}?Replaces={}", escape(replaces));
        }
        // The trunk learns the number that is shown, never an agent's name (R10).
        let shown = trunk.numbers.as_ref().map_or(caller.number.clone(), |plan| plan.rewrite(&caller.number));
        let referred_by = (!caller.is_anonymous()).then(|| format!("<sip:{}@{}>", escape_user(&shown), self.host()));
        let (name, patience_ms) = (trunk.name.clone(), u64::from(trunk.gateway_timeout_ms));
        tracing::info!(trunk = name, "a customer is handed back to its trunk");
        let take_back = TakeBack {
            session,
            trunk: name,
            number: number.clone(),
            trunks: trunks.clone(),
            caller: caller.clone(),
            accepted: false,
            heard_of: false,
        };
        if let Some(party) = conversation.connection_mut(target) {
            party.take_back = Some(Box::new(take_back));
        }
        self.sip(SipCommand::Transfer { session, target: uri, referred_by });
        self.start_timer(Timer::Referral(conversation.id, target), patience_ms);
        true
    }

    /// The session of the only other party, if that is a customer of a trunk which takes transfers back and by which the
    /// target would be called.
    fn to_hand_back(
        &self,
        conversation: &Conversation,
        initiator: Option<ConnectionId>,
        target: ConnectionId,
        trunks: &[String],
    ) -> Option<(SessionId, &TrunkState)> {
        if conversation.conference.is_some() {
            return None;
        }
        let mut others = conversation.live().filter(|each| Some(each.id) != initiator && each.id != target);
        let (Some(customer), None) = (others.next(), others.next()) else { return None };
        let [leg] = customer.legs.as_slice() else { return None };
        let Device::Trunk(name) = &leg.device else { return None };
        let trunk = self.trunk(name).filter(|trunk| trunk.transfer == TransferPolicy::Refer)?;
        let fits = customer.initial && customer.is_connected() && leg.is_up() && trunks.contains(name);
        fits.then(|| (leg.session(), trunk))
    }

    /// A REFER of ours has got further. Whose it was decides what that means.
    pub(crate) fn referral_progress(
        &mut self,
        conversation: &mut Conversation,
        session: SessionId,
        (status, from_notify): (u16, bool),
    ) {
        let taken = |each: &&Connection| each.take_back.as_ref().is_some_and(|own| own.session == session);
        let passed = |each: &&Connection| each.passing.as_ref().is_some_and(|own| own.onto == session);
        let target = conversation.live().find(taken).map(|each| each.id);
        let transferor = conversation.live().find(passed).map(|each| each.id);
        if let Some(target) = target {
            self.take_back_progress(conversation, target, (status, from_notify));
        } else if let Some(transferor) = transferor {
            self.passing_progress(conversation, transferor, (status, from_notify));
        } else {
            self.release_progress(conversation, session, (status, from_notify));
        }
    }

    fn take_back_progress(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        (status, from_notify): (u16, bool),
    ) {
        let timer = Timer::Referral(conversation.id, target);
        let Some(take_back) = conversation.connection_mut(target).and_then(|party| party.take_back.as_mut()) else {
            return;
        };
        match status {
            100..=199 if from_notify => {
                take_back.accepted = true;
                if !std::mem::replace(&mut take_back.heard_of, true) {
                    // From here on the called party has as long as one that is called here.
                    let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
                    self.start_timer(timer, ring_ms);
                }
                if status >= 180 {
                    self.target_rings_elsewhere(conversation, target, status);
                }
            }
            200..=299 if from_notify => self.handed_back(conversation, target),
            200..=299 => {
                take_back.accepted = true;
                if !take_back.heard_of {
                    // RFC 3515 §2.4.4 wants a NOTIFY at once: who sends none has gone silent.
                    let patience_ms = self.trunk_patience_ms(conversation, target);
                    self.start_timer(timer, patience_ms);
                }
            }
            _ => self.bridge_instead(conversation, target, status),
        }
    }

    fn trunk_patience_ms(&self, conversation: &Conversation, target: ConnectionId) -> u64 {
        let take_back = conversation.connection(target).and_then(|party| party.take_back.as_ref());
        let trunk = take_back.and_then(|own| self.trunk(&own.trunk));
        trunk.map_or(0, |trunk| u64::from(trunk.gateway_timeout_ms))
    }

    fn target_rings_elsewhere(&mut self, conversation: &mut Conversation, target: ConnectionId, status: u16) {
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return };
        let (contact, first) = (party.contact, party.phase == Phase::Offered);
        party.enter(Phase::Ringing.max(party.phase), now_us);
        conversation.changed = true;
        if first {
            self.emit(conversation, contact, EventKind::TargetRinging { connection_id: target });
        }
        self.report_progress(conversation, target, status);
    }

    /// The trunk has taken the customer over: nobody is left here to talk for.
    fn handed_back(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        let Some(take_back) = conversation.connection_mut(target).and_then(|party| party.take_back.take()) else {
            return;
        };
        self.timers.stop(Timer::Referral(conversation.id, target));
        self.count_take_back(&take_back.trunk, true);
        // A phone that asked by REFER has what it asked for.
        self.complete_refers(conversation, target);
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return };
        party.enter(Phase::Connected, now_us);
        let contact = party.contact;
        self.connected_to_system(conversation, contact);
        self.end_all(conversation, Cause::of(DisconnectReason::Other));
    }

    /// The trunk will not do it, or cannot: the target is dialled and bridged here, as if it had never been asked.
    pub(crate) fn bridge_instead(&mut self, conversation: &mut Conversation, target: ConnectionId, status: u16) {
        let Some(take_back) = conversation.connection_mut(target).and_then(|party| party.take_back.take()) else {
            return;
        };
        self.timers.stop(Timer::Referral(conversation.id, target));
        let TakeBack { trunk, number, trunks, caller, .. } = *take_back;
        tracing::info!(trunk, status, "the trunk did not take the customer back; the target is bridged");
        self.count_take_back(&trunk, false);
        if let Err(failure) = self.dial_outside(conversation, target, (&number, &trunks), &caller) {
            self.target_fails(conversation, target, failure);
        }
    }

    /// A leg has ended from the far side: some trunks hang up as soon as they have taken a customer back, without a last
    /// NOTIFY. True when it was that.
    pub(crate) fn left_by_take_back(&mut self, conversation: &mut Conversation, session: SessionId) -> bool {
        let taken =
            |each: &&Connection| each.take_back.as_ref().is_some_and(|own| own.session == session && own.accepted);
        let Some(target) = conversation.live().find(taken).map(|each| each.id) else { return false };
        self.handed_back(conversation, target);
        true
    }

    /// A REFER of ours, or of a trunk's that was passed on, was not answered in time, or its outcome never came.
    pub(crate) fn referral_overdue(&mut self, conversation: &mut Conversation, id: ConnectionId) {
        let Some(party) = conversation.connection(id) else { return };
        if party.take_back.is_some() {
            self.bridge_instead(conversation, id, 408);
        } else if party.passing.is_some() {
            self.passing_overdue(conversation, id);
        }
    }
}

impl TrunkState {
    /// A number as the trunk calls it itself.
    pub(crate) fn uri_of(&self, number: &str) -> String {
        let written = self.numbers.as_ref().map_or(number.to_string(), |plan| plan.rewrite(number));
        let host = self.gateways.first().map(|gateway| gateway.address.as_str()).unwrap_or_default();
        format!("sip:{}@{host}", escape_user(&written))
    }
}
