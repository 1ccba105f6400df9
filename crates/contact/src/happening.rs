//! What the endpoint and the shards report, led to the room that decides it.

use baton_sip::{EndCause, Event as SipEvent, SessionId};

use crate::connection::Phase;
use crate::control::is_deliberate;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::directory::{OnAgentHangup, OnRingingHangup};
use crate::event::{DisconnectReason, EventKind};
use crate::ids::ConnectionId;
use crate::outcome::Failure;
use crate::recall::Loss;
use crate::refer::Asked;
use crate::registration::Answer;
use crate::timer::Timer;
use crate::transfer::agent_left;

/// How long after a failed transfer a hang-up of its transferor is not meant for the customer, in microseconds.
const REFER_FAILED_US: u64 = 5_000_000;

impl Desk {
    pub(crate) fn sip_event(&mut self, event: SipEvent) {
        match event {
            SipEvent::Incoming { session, invite } => self.incoming(session, invite),
            SipEvent::Ringing { session, status, sdp } => {
                self.on_leg(session, |desk, conversation, owner| {
                    desk.target_rings(conversation, owner, session.0, (status, sdp));
                });
            }
            SipEvent::Answered { session, sdp, user_agent, call_id, .. } => {
                self.on_leg(session, |desk, conversation, owner| {
                    if let Some(leg) = conversation.connection_mut(owner).and_then(|party| party.leg_mut(session.0)) {
                        leg.user_agent = user_agent;
                        leg.call_id = call_id;
                    }
                    if desk.take_first_answer(conversation, session.0, sdp.as_deref()) {
                        desk.target_answers(conversation, owner, session.0);
                    } else {
                        desk.answer_unusable(conversation, owner, session.0);
                    }
                });
            }
            SipEvent::Refused { session, status, q850, contacts, .. } => {
                self.on_leg(session, |desk, conversation, owner| {
                    let failure = desk.failure_of(conversation, owner, session.0, (status, q850));
                    let leg = conversation.connection(owner).and_then(|party| party.leg(session.0));
                    let device = leg.map(|leg| leg.device.clone());
                    desk.close_leg(conversation, owner, session.0);
                    if desk.redirects_on(conversation, owner, device.as_ref(), (status, &contacts)) {
                        return;
                    }
                    let next = desk.try_elsewhere(conversation, owner, failure);
                    let next = next.or_else(|failure| desk.ring_next_device(conversation, owner, failure));
                    if let Err(failure) = next {
                        desk.device_failed(conversation, owner, failure);
                    }
                });
            }
            SipEvent::Offered { session, sdp } => {
                self.on_leg(session, |desk, conversation, _| desk.offered(conversation, session.0, sdp.as_deref()));
            }
            SipEvent::OfferAnswered { session, sdp } => {
                self.on_leg(session, |desk, conversation, _| desk.offer_answered(conversation, session.0, &sdp));
            }
            SipEvent::OfferRefused { session, status } => {
                self.on_leg(session, |desk, conversation, _| desk.offer_refused(conversation, session.0, status));
            }
            SipEvent::Confirmed { .. } => {}
            SipEvent::TransferAsked { session, transfer, target, referred_by, .. } => {
                let asked = Asked { session, transfer, target, referred_by };
                match self.leg_index.get(&session.0).copied() {
                    Some(id) => self.transfer_asked(id, asked),
                    None => self.sip(baton_sip::Command::RefuseTransfer { session, transfer, status: 481 }),
                }
            }
            SipEvent::TransferProgress { session, status, from_notify } => {
                self.on_leg(session, |desk, conversation, _| {
                    desk.referral_progress(conversation, session, (status, from_notify));
                });
            }
            SipEvent::Digit { session, digit, .. } => {
                self.on_leg(session, |desk, conversation, owner| {
                    desk.relay_digit(conversation, owner, digit);
                    desk.digit(conversation, owner, digit);
                });
            }
            SipEvent::Ended { session, cause, q850 } => {
                self.on_leg(session, |desk, conversation, owner| {
                    desk.leg_ended(conversation, owner, session.0, (cause, q850));
                });
            }
            SipEvent::SubscriptionAsked { subscription, account, package, target } => {
                self.watch(subscription, &account, package, &target);
            }
            SipEvent::Unsubscribed { subscription } => self.unwatch(subscription),
            SipEvent::Banned(ban) => self.banned(ban),
            SipEvent::ErrandDone { errand, status, cseq, call_id, expires_s, min_expires_s, retry_after_s } => {
                let answer = Answer { status, cseq, call_id, expires_s, min_expires_s, retry_after_s };
                self.errand_done(errand, &answer);
            }
            SipEvent::BindingsChanged { account, bindings } => self.bindings_changed(account, bindings),
        }
    }

    fn errand_done(&mut self, errand: baton_sip::ErrandId, answer: &Answer) {
        if let Some(gateway) = self.gateway_of_probe(errand) {
            self.gateway_heard(gateway, answer.status);
        } else if let Some(registration) = self.registration_of_errand(errand) {
            self.registration_answered(registration, answer);
        }
    }

    /// The endpoint did not take an errand.
    pub(crate) fn errand_failed(&mut self, errand: baton_sip::ErrandId, status: u16) {
        let (call_id, none) = (String::new(), None);
        let answer = Answer { status, cseq: 0, call_id, expires_s: none, min_expires_s: none, retry_after_s: none };
        self.errand_done(errand, &answer);
    }

    fn on_leg(&mut self, session: SessionId, work: impl FnOnce(&mut Desk, &mut Conversation, ConnectionId)) {
        let Some(id) = self.leg_index.get(&session.0).copied() else { return };
        self.with(id, |desk, conversation| {
            if let Some(owner) = conversation.owner_of(session.0) {
                work(desk, conversation, owner);
            }
        });
    }

    pub(crate) fn media_event(&mut self, event: baton_media::Event) {
        use baton_media::Event as Media;
        match event {
            Media::Digit { stream, digit, .. } => {
                // The shard has already passed it on to those who hear the party.
                self.on_leg(SessionId(stream.0), |desk, conversation, owner| desk.digit(conversation, owner, digit));
            }
            Media::Silent { stream, .. } => self.audio(stream.0, false),
            Media::Audible { stream } => self.audio(stream.0, true),
            Media::PlayEnded { stream } => {
                self.on_leg(SessionId(stream.0), |desk, conversation, owner| desk.brief_ended(conversation, owner));
            }
            Media::OpenFailed { stream, reason } => {
                tracing::warn!(leg = stream.0, reason, "a media port could not be opened");
                self.on_leg(SessionId(stream.0), |desk, conversation, owner| {
                    desk.end_leg(conversation, owner, stream.0, 503, None);
                    desk.device_failed(conversation, owner, Failure::Limit);
                });
            }
            Media::Closed { stream, statistics } => {
                if let Some(id) = self.leg_index.get(&stream.0).copied() {
                    self.media_closed(id, stream.0, statistics);
                }
            }
        }
    }

    /// Audio of a leg went away or is back (M7): told to the record; the first packet is nothing to tell. An agent's
    /// phone that stays silent has died.
    fn audio(&mut self, leg: u64, present: bool) {
        let timeout_ms = u64::from(self.config.limits.audio_timeout_s) * 1_000;
        self.on_leg(SessionId(leg), |desk, conversation, owner| {
            let Some(party) = conversation.connection_mut(owner) else { return };
            if party.tie().is_some() {
                // What comes through a tie line is other legs' audio.
                return;
            }
            let (was_lost, was_heard) = (party.audio_lost, party.heard);
            party.audio_lost = !present;
            party.heard |= present;
            let (contact, agent) = (party.contact, party.is_agent());
            if was_lost == present {
                desk.emit(conversation, contact, EventKind::Audio { connection_id: owner, present });
            }
            let timer = Timer::Audio(conversation.id, owner);
            if present {
                desk.timers.stop(timer);
            } else if agent && was_heard {
                desk.start_timer(timer, timeout_ms);
            }
        });
    }

    /// An agent's phone has been silent for so long that it must have died: as if it had hung up in distress.
    fn silent_too_long(&mut self, conversation: &mut Conversation, owner: ConnectionId) {
        let party = conversation.connection(owner).filter(|party| party.audio_lost && party.is_connected());
        let Some(party) = party.filter(|party| party.is_here()) else { return };
        // A phone that holds, or whose only use is to be held, owes no audio.
        if party.hold.is_some() || party.legs.iter().any(|leg| leg.remote_hold) {
            let timeout_ms = u64::from(self.config.limits.audio_timeout_s) * 1_000;
            return self.start_timer(Timer::Audio(conversation.id, owner), timeout_ms);
        }
        tracing::info!(contact = %party.contact, "an agent's phone sends no audio any more");
        self.party_gone(conversation, owner, (EndCause::Timeout, None));
    }

    /// A digit that came by INFO crosses the bridge as RTP events, or again as the far side has it (M5).
    fn relay_digit(&mut self, conversation: &Conversation, from: ConnectionId, digit: char) {
        let Some(party) = conversation.connection(from).filter(|party| party.talks()) else { return };
        let others = conversation.live().filter(|other| other.id != party.id && other.talks());
        let streams: Vec<_> = others.filter_map(|other| other.leg_towards(from)).map(|leg| leg.stream()).collect();
        for stream in streams {
            self.media(conversation, baton_media::Command::SendDigits { stream, digits: digit.to_string() });
        }
    }

    /// One device of a party has failed: the party fails when none is left.
    pub(crate) fn device_failed(&mut self, conversation: &mut Conversation, owner: ConnectionId, failure: Failure) {
        let Some(party) = conversation.connection(owner) else { return };
        if !party.legs.is_empty() || !party.is_live() {
            return;
        }
        match party.phase {
            Phase::Offered | Phase::Ringing | Phase::EarlyMedia | Phase::Whispering if party.is_agent() => {
                // We did not cancel: a phone's own 487 is a refusal.
                let failure = match failure {
                    Failure::Status(487, cause) => Failure::Status(603, cause),
                    other => other,
                };
                self.offer_failed(conversation, owner, failure);
            }
            Phase::Queued => {}
            Phase::Connected | Phase::Calling => self.party_gone(conversation, owner, (EndCause::Transport, None)),
            _ => self.target_fails(conversation, owner, failure),
        }
    }

    /// A leg that was up, or a caller's that was not, has ended from the far side.
    fn leg_ended(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        leg_id: u64,
        why: (EndCause, Option<u16>),
    ) {
        let Some(party) = conversation.connection(owner) else { return };
        let partners = party.leg(leg_id).map(|leg| leg.partners.clone()).unwrap_or_default();
        let other_lines = party.legs.len() > 1;
        self.close_leg(conversation, owner, leg_id);
        if self.left_by_take_back(conversation, SessionId(leg_id)) {
            return;
        }
        if !other_lines {
            self.party_gone(conversation, owner, why);
            return;
        }
        if conversation.connection(owner).is_some_and(|party| !party.is_here()) {
            // The transfer that it asked for goes on (R3).
            return;
        }
        // A second line was hung up: what it was for, and was dialled from there, goes with it. A customer never does.
        let own = |id: &ConnectionId| conversation.connection(*id).is_some_and(|each| each.added_by == Some(owner));
        let targets: Vec<_> = partners.into_iter().filter(own).collect();
        for target in targets {
            if let Err(refusal) = self.drop_party(conversation, owner, target) {
                tracing::debug!(detail = refusal.detail, "the target of a line that was hung up is gone already");
            }
        }
    }

    /// A party has hung up, or its device died.
    pub(crate) fn party_gone(
        &mut self,
        conversation: &mut Conversation,
        gone: ConnectionId,
        (cause, q850): (EndCause, Option<u16>),
    ) {
        let Some(party) = conversation.connection(gone).filter(|party| party.is_live()) else { return };
        if party.monitor.is_some() {
            return self.end_supervision(conversation, gone, agent_left());
        }
        if party.phase == Phase::Calling {
            self.caller_gave_up(conversation, gone);
            return;
        }
        if party.phase == Phase::Whispering {
            // It has heard what it was to take, and hung up.
            return self.target_declines(conversation, gone);
        }
        let (role, contact, refers) = (party.role(), party.contact, !party.is_here());
        let mut reason = Cause::of(crate::control::reason_of(role));
        reason.q850 = q850;
        if !party.is_agent() {
            let by = if party.initial { "customer" } else { "thirdParty" };
            self.leave(conversation, gone, by, reason);
            return;
        }
        let policy = conversation.queue_of(contact).and_then(|place| self.directory.queue(&place.name));
        let recall = policy.is_some_and(|queue| queue.on_agent_hangup == OnAgentHangup::Recall);
        let stays = policy.is_some_and(|queue| queue.on_ringing_hangup == OnRingingHangup::Recall);
        let withdrawn = stays && !refers && self.cancel_pending_of(conversation, gone);
        let alone_with_customer = conversation.conference.is_none()
            && !crate::control::has_company(conversation, gone)
            && conversation.customers().any(|each| each.id != gone && each.is_connected());
        let held = conversation.customers().any(|each| each.hold.is_some());
        // Some phones hang up on the final NOTIFY whatever it says (P6): the agent had handed the customer on, and does not
        // know that nobody took it.
        let failed_us = conversation.connection(gone).and_then(|party| party.refer_failed_us);
        let since_us = failed_us.map(|failed_us| self.now_us.saturating_sub(failed_us));
        let unaware = since_us.is_some_and(|since_us| since_us < REFER_FAILED_US);
        let died = !is_deliberate(&cause, q850) || held || recall || unaware || withdrawn;
        if alone_with_customer && died {
            self.agent_lost(conversation, gone, reason);
        } else {
            // Beside a room it is a Leave: whoever was in it a moment ago may come back, else the customer goes the way back.
            self.leave(conversation, gone, "agent", agent_left());
        }
    }

    /// The agent's phone is gone and the customer is alone: the agent is rung again, then the queue.
    pub(crate) fn agent_lost(&mut self, conversation: &mut Conversation, gone: ConnectionId, cause: Cause) {
        let Some(party) = conversation.connection(gone) else { return };
        let (contact, agent) = (party.contact, party.agent.clone());
        self.emit(conversation, contact, EventKind::Left { by: "system".to_string() });
        self.end_party(conversation, gone, 480);
        let held = conversation.ids_of(|each| each.hold.is_some());
        held.into_iter().for_each(|id| self.resume_party(conversation, id, contact));
        self.finish_contact_without_acw(conversation, contact, cause);
        // Once is enough: a phone that dies each time it is rung must not keep the customer from the queue.
        let again = conversation.contact(contact).is_some_and(|entry| entry.recalled);
        let loss = Loss { contact, target: None, recall_to: agent.filter(|_| !again), cause };
        self.keep_the_customer(conversation, &loss);
    }

    /// The caller hung up before anybody answered.
    fn caller_gave_up(&mut self, conversation: &mut Conversation, caller: ConnectionId) {
        let contact = crate::line::contact_of(conversation, caller);
        let cause = Cause::of(DisconnectReason::TelecomOriginatorCancel);
        self.customer_left(conversation, cause);
        let pending = conversation.ids_of(|each| each.is_pending());
        for target in pending {
            self.cancel_target(conversation, target);
        }
        self.end_party(conversation, caller, 487);
        self.finish_contact(conversation, contact, cause);
    }

    /// A target that nobody waits for any more.
    pub(crate) fn cancel_target(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        let Some(party) = conversation.connection(target) else { return };
        let (contact, agent) = (party.contact, party.agent.clone().filter(|_| party.is_agent()));
        self.leave_queue(conversation, target);
        self.end_party(conversation, target, 487);
        if let Some(agent) = agent {
            self.agent_missed(conversation, contact, &agent, crate::outcome::OutcomeName::Cancelled);
        }
        let cause = Cause::of(DisconnectReason::TelecomOriginatorCancel);
        self.finish_contact(conversation, contact, cause);
    }

    /// A timer's time has come.
    pub(crate) fn timer_due(&mut self, timer: Timer) {
        let Some(conversation) = timer.conversation() else {
            return match timer {
                Timer::Gateway(id) => self.gateway_due(id),
                Timer::Registration(id) => self.registration_due(id),
                _ => {}
            };
        };
        self.with(conversation, |desk, conversation| match timer {
            Timer::Ring(_, target) => desk.rung_long_enough(conversation, target),
            // What is due is told whenever a conversation settles.
            Timer::HoldTold(..) => {}
            Timer::HoldReminder(_, held) => desk.remind(conversation, held),
            Timer::Audio(_, owner) => desk.silent_too_long(conversation, owner),
            Timer::FeatureCode(_, owner) => desk.keys_are_over(conversation, owner),
            Timer::Undo(_, actor) => desk.undo_is_over(conversation, actor),
            Timer::Acw(_, contact) => desk.acw_ends(conversation, contact),
            Timer::CallMax(_) => desk.end_for_good(conversation),
            Timer::Closing(_) => desk.end_all(conversation, Cause::of(DisconnectReason::ContactFlowDisconnect)),
            Timer::MediaEnd(_) => desk.media_end_overdue(conversation),
            Timer::EmptyRoom(_) => desk.alone_long_enough(conversation),
            Timer::QueueDelay(..) => desk.dispatch_due = true,
            Timer::QueueMax(_, target) => desk.queued_long_enough(conversation, target),
            Timer::NextDevice(_, target) => desk.device_rang_long_enough(conversation, target),
            Timer::OutboundMax(_, party) => desk.outbound_lasted_long_enough(conversation, party),
            Timer::Referral(_, id) => desk.referral_overdue(conversation, id),
            Timer::Gateway(_) | Timer::Registration(_) => {}
        });
    }

    fn rung_long_enough(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        let Some(party) = conversation.connection(target).filter(|party| party.is_pending()) else { return };
        if party.phase == Phase::Whispering {
            return self.whisper_is_over(conversation, target);
        }
        let agent = party.is_agent();
        self.end_legs(conversation, target, 487);
        if agent {
            self.offer_failed(conversation, target, Failure::RingTimeout);
        } else {
            self.target_fails(conversation, target, Failure::RingTimeout);
        }
    }

    /// No customer waits unnoticed.
    fn remind(&mut self, conversation: &mut Conversation, held: ConnectionId) {
        let Some((hold, now_us)) = conversation.connection(held).and_then(|party| party.hold).zip(Some(self.now_us))
        else {
            return;
        };
        let held_ms = now_us / 1_000 - hold.since_us / 1_000;
        let agents: Vec<_> = conversation
            .live()
            .filter(|each| each.is_agent() && each.is_connected())
            .map(|each| each.contact)
            .collect();
        let contact = agents.first().copied().unwrap_or(hold.by);
        self.emit(conversation, contact, EventKind::HoldReminder { held_ms });
        let again_ms = u64::from(self.config.limits.hold_reminder_s) * 1_000;
        self.start_timer(Timer::HoldReminder(conversation.id, held), again_ms);
    }
}
