//! The record of a fold.

use std::collections::BTreeMap;

use baton_contact::directory::Supervision;
use baton_contact::event::{EndpointAddress, InitiationMethod, LegReport, PartyRole};

use crate::fold::{AgentPart, Fold, QueuePart};
use crate::record::{
    Agent, AudioQuality, Baton, Endpoint, ExternalThirdParty, FORMAT_VERSION, Leg, MediaStream, PartyQuality,
    QualityMetrics, Queue, Record, RoutingProfile, SegmentAttribute, StateTransition,
};
use crate::time::{MillisecondTimestamp, Timestamp};

/// Packet loss in percent from which the record names it an issue: G.711 with concealment is audibly worse.
const LOSS_PERCENT_HIGH: f64 = 3.0;
/// Round trip from which talking gets awkward (G.114: 150 ms one way).
const ROUND_TRIP_US_HIGH: u32 = 300_000;
/// Jitter that a usual jitter buffer no longer hides.
const JITTER_US_HIGH: u32 = 30_000;

impl Fold {
    /// The record as it stands, with revision 0: the store counts the emissions.
    pub fn record(&self) -> Record {
        Record {
            format_version: FORMAT_VERSION.to_owned(),
            contact_id: self.contact,
            initial_contact_id: self.initial,
            previous_contact_id: self.previous,
            next_contact_id: self.next.last().copied(),
            channel: "VOICE".to_owned(),
            initiation_method: self.method,
            initiation_timestamp: Timestamp { ms: self.initiated_ms.unwrap_or(0) },
            connected_to_system_timestamp: time(self.connected_to_system_ms),
            disconnect_timestamp: time(self.disconnect.as_ref().map(|end| end.at_ms)),
            disconnect_reason: self.disconnect.as_ref().and_then(|end| end.reason),
            last_update_timestamp: Timestamp { ms: self.updated_ms },
            agent: self.agent.as_ref().map(|agent| self.agent_of(agent)),
            agent_connection_attempts: self.attempts,
            queue: self.queue.as_ref().map(queue_of),
            customer_endpoint: self.customer.as_ref().map(endpoint),
            system_endpoint: self.system.as_ref().map(endpoint),
            transferred_to_endpoint: self.transferred_to.as_ref().map(endpoint),
            transfer_completed_timestamp: time(self.transfer_completed_ms),
            external_third_party: self.external_third_party(),
            attributes: self.attributes.clone(),
            segment_attributes: segment_attributes(),
            media_streams: vec![MediaStream { kind: "AUDIO".to_owned() }],
            quality_metrics: self.quality_metrics(),
            baton: self.baton(),
        }
    }

    fn agent_of(&self, agent: &AgentPart) -> Agent {
        // The running sum is cut to seconds, not each part: so the parts add up to the whole seconds of the sum.
        let interaction = self.interaction.total_ms / 1_000;
        let hold = self.interaction.total_ms.saturating_add(self.holds.total_ms) / 1_000 - interaction;
        let longest = if self.holds.count == 1 { hold } else { (self.holds.longest_ms / 1_000).min(hold) };
        let acw_end = self.acw_ms.and(self.completed_ms);
        Agent {
            arn: format!("arn:baton:agent/{}", agent.username),
            username: agent.username.clone(),
            routing_profile: agent.routing_profile.as_ref().map(|name| routing_profile(name)),
            connected_to_agent_timestamp: Timestamp { ms: agent.connected_ms },
            agent_interaction_duration: interaction,
            customer_hold_duration: hold,
            agent_initiated_hold_duration: hold,
            number_of_holds: self.holds.count,
            longest_hold_duration: longest,
            after_contact_work_start_timestamp: time(self.acw_ms),
            after_contact_work_end_timestamp: time(acw_end),
            after_contact_work_duration: self.acw_ms.zip(acw_end).map(|(start, end)| seconds(start, end)),
            state_transitions: agent.supervision.iter().map(state_transition).collect(),
        }
    }

    /// Absent on a failed dial: nobody was there.
    fn external_third_party(&self) -> Option<ExternalThirdParty> {
        let external = self.method == Some(InitiationMethod::ExternalOutbound);
        (external && self.connected_to_system_ms.is_some()).then_some(ExternalThirdParty {
            external_third_party_interaction_duration: self.interaction.total_ms / 1_000,
        })
    }

    fn quality_metrics(&self) -> Option<QualityMetrics> {
        let quality = |role| self.legs.iter().rfind(|leg| leg.role == role && leg.mos_x100 > 0).map(party_quality);
        let (agent, customer) = (quality(PartyRole::Agent), quality(PartyRole::Customer));
        (agent.is_some() || customer.is_some()).then_some(QualityMetrics { agent, customer })
    }

    fn baton(&self) -> Baton {
        let transfer = self.transfer.as_ref();
        let end = self.disconnect.as_ref();
        let sip_status = transfer.map(|t| t.sip_status).or(end.map(|end| end.sip_status));
        Baton {
            revision: 0,
            quick_connect: self.quick_connect.clone(),
            transfer_type: transfer.map(|t| t.kind),
            transfer_outcome: transfer.map(|t| t.outcome.clone()),
            sip_status: sip_status.filter(|&status| status != 0),
            q850_cause: if transfer.is_some() { transfer.and_then(|t| t.q850) } else { end.and_then(|end| end.q850) },
            next_contact_ids: self.next.clone(),
            left_by: self.left_by.clone(),
            recalled_from: self.recalled_from,
            legs: self.legs.iter().map(leg).collect(),
            timeline: self.timeline.clone(),
            timeline_omitted: self.timeline_omitted,
        }
    }
}

fn time(ms: Option<u64>) -> Option<Timestamp> {
    ms.map(|ms| Timestamp { ms })
}

fn seconds(start_ms: u64, end_ms: u64) -> u64 {
    end_ms.saturating_sub(start_ms) / 1_000
}

fn state_transition((state, start_ms, end_ms): &(Supervision, u64, Option<u64>)) -> StateTransition {
    let state_start_timestamp = Timestamp { ms: *start_ms };
    StateTransition { state: *state, state_start_timestamp, state_end_timestamp: time(*end_ms) }
}

fn routing_profile(name: &str) -> RoutingProfile {
    RoutingProfile { arn: format!("arn:baton:routing-profile/{name}"), name: name.to_owned() }
}

fn queue_of(queue: &QueuePart) -> Queue {
    let kind = if queue.personal { "agent/" } else { "" };
    Queue {
        arn: format!("arn:baton:queue/{kind}{}", queue.name),
        name: queue.name.clone(),
        enqueue_timestamp: Timestamp { ms: queue.enqueue_ms },
        dequeue_timestamp: time(queue.dequeue_ms),
        duration: queue.dequeue_ms.map(|end| seconds(queue.enqueue_ms, end)),
    }
}

fn endpoint(address: &EndpointAddress) -> Endpoint {
    let kind = if address.address.contains(['@', ':']) { "VOIP" } else { "TELEPHONE_NUMBER" };
    let kind = kind.to_owned();
    Endpoint { address: address.address.clone(), kind, display_name: address.name.clone() }
}

fn segment_attributes() -> BTreeMap<String, SegmentAttribute> {
    let telephony = SegmentAttribute { value_string: "connect:Telephony".to_owned() };
    BTreeMap::from([("connect:Subtype".to_owned(), telephony)])
}

fn party_quality(leg: &LegReport) -> PartyQuality {
    let issues = [
        (loss_percent(leg) >= LOSS_PERCENT_HIGH, "HighPacketLoss"),
        (leg.round_trip_us >= ROUND_TRIP_US_HIGH, "HighRoundTripTime"),
        (leg.jitter_us >= JITTER_US_HIGH, "HighJitterBuffer"),
    ];
    let quality_score = f64::from(leg.mos_x100.clamp(100, 500)) / 100.0;
    let potential_quality_issues = issues.iter().filter(|issue| issue.0).map(|issue| issue.1.to_owned()).collect();
    PartyQuality { audio: AudioQuality { quality_score, potential_quality_issues } }
}

/// Rounded to hundredths.
fn loss_percent(leg: &LegReport) -> f64 {
    let expected = leg.packets_received.saturating_add(leg.packets_lost);
    if expected == 0 {
        return 0.0;
    }
    (leg.packets_lost as f64 * 10_000.0 / expected as f64).round() / 100.0
}

fn leg(leg: &LegReport) -> Leg {
    Leg {
        connection_id: leg.connection_id.0,
        role: leg.role,
        call_id: leg.call_id.clone(),
        device: leg.device.clone(),
        user_agent: leg.user_agent.clone(),
        codec: leg.codec.clone(),
        start_timestamp: MillisecondTimestamp { ms: leg.start_ms },
        answer_timestamp: leg.answer_ms.map(|ms| MillisecondTimestamp { ms }),
        end_timestamp: MillisecondTimestamp { ms: leg.end_ms },
        packets_received: leg.packets_received,
        packets_sent: leg.packets_sent,
        packets_lost: leg.packets_lost,
        loss_percent: loss_percent(leg),
        jitter_ms: f64::from(leg.jitter_us) / 1_000.0,
        round_trip_ms: (leg.round_trip_us > 0).then(|| f64::from(leg.round_trip_us) / 1_000.0),
        mos: (leg.mos_x100 > 0).then(|| f64::from(leg.mos_x100) / 100.0),
    }
}
