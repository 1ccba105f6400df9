//! Legs: their ports, their offers and answers, their ends.

use bytes::Bytes;

use baton_media::{Command as MediaCommand, Statistics, StreamId};
use baton_sdp::{Capabilities, Codec, LocalMedia, Negotiation, RemoteHold, SdpError};
use baton_sip::{Command as SipCommand, Destination as Way};

use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::event::{EventKind, LegReport};
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::io::Output;
use crate::leg::{Leg, stream_configuration};
use crate::timer::Timer;

/// Packet time that we prefer, in milliseconds.
pub(crate) const PTIME_MS: u8 = 20;

/// How long the media shard may take to report the end of a leg, in milliseconds.
pub(crate) const MEDIA_END_MS: u64 = 2_000;

/// The Reason header for devices that lost the race (RFC 3326).
pub(crate) const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl Desk {
    pub(crate) fn media(&mut self, conversation: &Conversation, command: MediaCommand) {
        self.out(Output::Media(conversation.shard, command));
    }

    /// Takes a port for a leg that is reached this way and opens its stream. False when no port is free.
    #[must_use]
    pub(crate) fn open_media(&mut self, conversation: &Conversation, leg: &mut Leg, way: &Way) -> bool {
        let Some(port) = self.ports.take() else { return false };
        let (bound, address) = self.media_addresses(way);
        let local = LocalMedia { address, port };
        let trunk = self.trunk_of(&leg.device);
        let own_order = trunk.map(|trunk| trunk.codecs.clone()).filter(|codecs| !codecs.is_empty());
        let capabilities = Capabilities {
            codecs: own_order.unwrap_or_else(|| self.codecs_for(conversation)),
            telephone_event: true,
            ptime_ms: trunk.and_then(|trunk| trunk.ptime_ms).unwrap_or(PTIME_MS),
            rtcp_mux: true,
        };
        leg.negotiation = Some(Negotiation::new(local, capabilities, leg.id));
        let bind = |port: u16| std::net::SocketAddr::new(bound, port);
        let command = MediaCommand::Open {
            stream: leg.stream(),
            local: bind(port),
            local_rtcp: Some(bind(port.saturating_add(1))),
        };
        self.media(conversation, command);
        true
    }

    /// Our codecs, the one that the conversation already speaks first: two parties with one codec are forwarded.
    pub(crate) fn codecs_for(&self, conversation: &Conversation) -> Vec<Codec> {
        let mut codecs = self.config.codecs.clone();
        let legs = conversation.connections.iter().flat_map(|party| &party.legs);
        let spoken = legs.filter_map(Leg::negotiated).map(|negotiated| negotiated.codec).next();
        if let Some(at) = spoken.and_then(|codec| codecs.iter().position(|each| *each == codec)) {
            let codec = codecs.remove(at);
            codecs.insert(0, codec);
        }
        codecs
    }

    /// Tells the shard what was negotiated for a leg.
    pub(crate) fn configure(&mut self, conversation: &Conversation, leg: &Leg) {
        let Some(configuration) = stream_configuration(leg) else { return };
        self.media(conversation, MediaCommand::Configure { stream: leg.stream(), configuration });
    }

    /// The answer or offer that the 200 (or 183) to a caller carries. `None` when its offer was unusable.
    pub(crate) fn description_for(&mut self, leg: &mut Leg) -> Option<Bytes> {
        if let Some(answer) = &leg.answer {
            return Some(answer.clone());
        }
        let (offer, pending) = leg.negotiation.as_mut()?.offer();
        leg.pending = Some(pending);
        leg.answer = Some(offer.clone());
        Some(offer)
    }

    /// Takes an answer out of a provisional response: it stands until the final one, which may differ (D7).
    #[must_use]
    pub(crate) fn take_early_answer(&mut self, conversation: &mut Conversation, leg_id: u64, sdp: &[u8]) -> bool {
        if let Some(mut taken) = take_leg(conversation, leg_id) {
            let leg = &mut taken.1;
            if let (None, Some(negotiation), Some(pending)) = (&leg.before_early, &leg.negotiation, &leg.pending) {
                leg.before_early = Some(Box::new((negotiation.clone(), pending.clone())));
            }
            give_leg(conversation, taken);
        }
        self.take_final_answer(conversation, leg_id, sdp)
    }

    /// Takes the answer of a final response, as if no provisional one had been before it.
    #[must_use]
    pub(crate) fn take_final_answer(&mut self, conversation: &mut Conversation, leg_id: u64, sdp: &[u8]) -> bool {
        if let Some(mut taken) = take_leg(conversation, leg_id) {
            if let Some(before) = taken.1.before_early.clone() {
                let (negotiation, pending) = *before;
                taken.1.negotiation = Some(negotiation);
                taken.1.pending = Some(pending);
            }
            give_leg(conversation, taken);
        }
        self.take_answer(conversation, leg_id, sdp)
    }

    /// Takes a description from the peer as the answer to our pending offer. False when it does not fit.
    #[must_use]
    pub(crate) fn take_answer(&mut self, conversation: &mut Conversation, leg_id: u64, sdp: &[u8]) -> bool {
        let Some(mut leg) = take_leg(conversation, leg_id) else { return false };
        let pending = leg.1.pending.take();
        let offered = leg.1.hold_offered.take();
        let negotiation = leg.1.negotiation.as_mut();
        let taken = match (pending, negotiation) {
            (Some(pending), Some(negotiation)) => negotiation.accept(pending, sdp).map_err(Some),
            // A second answer in the same exchange (18x, then 200) may repeat the first.
            (None, Some(negotiation)) if negotiation.current().is_some() => Err(None),
            _ => Err(None),
        };
        let fits = match taken {
            Ok(negotiated) => {
                leg.1.remote_hold = negotiated.remote_hold != RemoteHold::None;
                leg.1.hold_told = Some(negotiated.local_hold);
                leg.1.hold_refused = None;
                self.configure(conversation, &leg.1);
                true
            }
            Err(Some(error)) => {
                tracing::debug!(leg = leg_id, %error, "an answer does not fit our offer");
                match offered {
                    // Crossed with an offer of the peer's: it is offered again.
                    Some(_) if error == SdpError::Stale => leg.1.hold_told = None,
                    Some(hold) => self.hold_refused(conversation, &mut leg.1, hold, error.status()),
                    None => {}
                }
                false
            }
            Err(None) => leg.1.negotiated().is_some(),
        };
        give_leg(conversation, leg);
        fits
    }

    /// Forgets a leg whose session is over, and closes its media.
    pub(crate) fn close_leg(&mut self, conversation: &mut Conversation, owner: ConnectionId, leg_id: u64) {
        let Some(party) = conversation.connection_mut(owner) else { return };
        let Some(at) = party.legs.iter().position(|leg| leg.id == leg_id) else { return };
        let leg = party.legs.remove(at);
        // No key of a line that is gone can free those that it held.
        for hold in conversation.connections.iter_mut().filter_map(|each| each.hold.as_mut()) {
            hold.by_leg = hold.by_leg.filter(|held_by| *held_by != leg_id);
        }
        let Some(party) = conversation.connection(owner) else { return };
        let (contact, role) = (party.contact, party.role());
        self.release_trunk_call(&leg);
        self.tie_ended(&leg);
        let codec = leg.negotiated().map(|negotiated| match negotiated.codec {
            Codec::Pcmu => "PCMU".to_string(),
            Codec::Pcma => "PCMA".to_string(),
        });
        let report = LegReport {
            connection_id: owner,
            role,
            call_id: leg.call_id.clone(),
            device: leg.device.name().to_string(),
            user_agent: leg.user_agent.clone(),
            codec,
            start_ms: leg.started_us / 1_000,
            answer_ms: leg.answered_us.map(|us| us / 1_000),
            end_ms: self.now_us / 1_000,
            packets_received: 0,
            packets_sent: 0,
            packets_lost: 0,
            jitter_us: 0,
            round_trip_us: 0,
            mos_x100: 0,
        };
        conversation.changed = true;
        match &leg.negotiation {
            Some(negotiation) => {
                conversation.closing.insert(leg_id, (contact, report, negotiation.local().port));
                self.media(conversation, MediaCommand::Close { stream: StreamId(leg_id) });
                self.start_timer(Timer::MediaEnd(conversation.id), MEDIA_END_MS);
            }
            None => {
                self.leg_index.remove(&leg_id);
                self.emit(conversation, contact, EventKind::LegEnded { leg: Box::new(report) });
            }
        }
    }

    /// Ends a leg's session, whatever its state, and forgets it.
    pub(crate) fn end_leg(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        leg_id: u64,
        status: u16,
        reason: Option<&str>,
    ) {
        let session = baton_sip::SessionId(leg_id);
        let party = conversation.connection(owner);
        if party.and_then(|party| party.leg(leg_id)).is_some_and(|leg| !leg.is_wired()) {
            return self.close_leg(conversation, owner, leg_id);
        }
        self.sip(SipCommand::End { session, status, reason: reason.map(str::to_string) });
        self.close_leg(conversation, owner, leg_id);
    }

    pub(crate) fn end_legs(&mut self, conversation: &mut Conversation, owner: ConnectionId, status: u16) {
        for leg_id in leg_ids(conversation, owner) {
            self.end_leg(conversation, owner, leg_id, status, None);
        }
    }

    /// The shard reports the end of a leg.
    pub(crate) fn media_closed(&mut self, id: ConversationId, leg_id: u64, statistics: Statistics) {
        self.leg_index.remove(&leg_id);
        self.with(id, |desk, conversation| {
            let Some((contact, mut report, port)) = conversation.closing.remove(&leg_id) else { return };
            report.packets_received = statistics.packets_received;
            report.packets_sent = statistics.packets_sent;
            report.packets_lost = statistics.packets_lost;
            report.jitter_us = statistics.jitter_us;
            report.round_trip_us = statistics.round_trip_us;
            report.mos_x100 = statistics.mos_x100;
            desk.ports.give_back(port);
            desk.emit(conversation, contact, EventKind::LegEnded { leg: Box::new(report) });
        });
    }

    /// The shard was silent about ended legs for too long: their ports count as free again, their reports stay empty.
    pub(crate) fn media_end_overdue(&mut self, conversation: &mut Conversation) {
        for (leg_id, (contact, report, port)) in std::mem::take(&mut conversation.closing) {
            tracing::warn!(leg = leg_id, "the media shard did not report the end of a stream");
            self.leg_index.remove(&leg_id);
            self.ports.give_back(port);
            self.emit(conversation, contact, EventKind::LegEnded { leg: Box::new(report) });
        }
    }
}

pub(crate) fn leg_ids(conversation: &Conversation, owner: ConnectionId) -> Vec<u64> {
    conversation.connection(owner).map(|party| party.legs.iter().map(|leg| leg.id).collect()).unwrap_or_default()
}

/// Takes a leg out, so that it can be worked on beside its conversation.
pub(crate) fn take_leg(conversation: &mut Conversation, leg_id: u64) -> Option<(ConnectionId, Leg, usize)> {
    let owner = conversation.owner_of(leg_id)?;
    let party = conversation.connection_mut(owner)?;
    let at = party.legs.iter().position(|leg| leg.id == leg_id)?;
    Some((owner, party.legs.remove(at), at))
}

/// Puts a leg back to where it was.
pub(crate) fn give_leg(conversation: &mut Conversation, (owner, leg, at): (ConnectionId, Leg, usize)) {
    if let Some(party) = conversation.connection_mut(owner) {
        party.legs.insert(at.min(party.legs.len()), leg);
    }
}

/// The contact that a leg's events belong to.
pub(crate) fn contact_of(conversation: &Conversation, owner: ConnectionId) -> ContactId {
    conversation.connection(owner).map_or(conversation.root(), |party| party.contact)
}
