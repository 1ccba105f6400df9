//! The contact record: one JSON document per contact, in the field names of Amazon Connect's contact record, with our own
//! facts in one object `Baton`. What a contact does not have is absent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use baton_contact::ContactId;
use baton_contact::directory::Supervision;
use baton_contact::event::{DisconnectReason, InitiationMethod, PartyRole, TransferType};
use serde::{Deserialize, Serialize};

use crate::time::{MillisecondTimestamp, Timestamp};

/// The version of the published record format that these field names follow.
pub const FORMAT_VERSION: &str = "2017-03-10";

/// A contact record. Durations are whole seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {
    /// The version of the published format, [`FORMAT_VERSION`].
    #[serde(rename = "AWSContactTraceRecordFormatVersion")]
    pub format_version: String,
    /// The contact.
    pub contact_id: ContactId,
    /// The root; absent on the root itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_contact_id: Option<ContactId>,
    /// The contact that created this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_contact_id: Option<ContactId>,
    /// The last contact created from this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_contact_id: Option<ContactId>,
    /// Always `VOICE`.
    pub channel: String,
    /// How the contact came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiation_method: Option<InitiationMethod>,
    /// When it came to be.
    pub initiation_timestamp: Timestamp,
    /// When media with the customer (or the third party) was up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_to_system_timestamp: Option<Timestamp>,
    /// When this contact's talking part was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_timestamp: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<DisconnectReason>,
    /// When the last fact came.
    pub last_update_timestamp: Timestamp,
    /// The agent, if one was connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// How often agents were rung.
    pub agent_connection_attempts: u32,
    /// The queue, if it was queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// The customer; on `EXTERNAL_OUTBOUND` the third party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_endpoint: Option<Endpoint>,
    /// The number dialled by the customer, or the caller id shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_endpoint: Option<Endpoint>,
    /// Where it was transferred to, outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferred_to_endpoint: Option<Endpoint>,
    /// When the initiator of a completed transfer left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_completed_timestamp: Option<Timestamp>,
    /// The third party's time with the customer, once it was connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_third_party: Option<ExternalThirdParty>,
    /// User attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// `connect:Subtype` is `connect:Telephony`.
    pub segment_attributes: BTreeMap<String, SegmentAttribute>,
    /// Always audio.
    pub media_streams: Vec<MediaStream>,
    /// What was measured of the legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality_metrics: Option<QualityMetrics>,
    /// What the published record has no place for.
    pub baton: Baton,
}

/// The agent's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Agent {
    /// `arn:baton:agent/<user name>`.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// The user name.
    pub username: String,
    /// The profile it had then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_profile: Option<RoutingProfile>,
    /// When it answered.
    pub connected_to_agent_timestamp: Timestamp,
    /// Time with the customer, neither hold nor after-contact work.
    pub agent_interaction_duration: u64,
    /// Time of the customer on hold, booked on the agent who ended the hold.
    pub customer_hold_duration: u64,
    /// The same; other holds do not reach the customer.
    pub agent_initiated_hold_duration: u64,
    /// How many holds these are.
    pub number_of_holds: u32,
    /// The longest of them.
    pub longest_hold_duration: u64,
    /// When after-contact work began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_contact_work_start_timestamp: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_contact_work_end_timestamp: Option<Timestamp>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_contact_work_duration: Option<u64>,
    /// On a supervisor's contact: how it has taken part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state_transitions: Vec<StateTransition>,
}

/// A stretch of supervision; its keys are lower-case in the published format, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateTransition {
    /// `SILENT_MONITOR`, `BARGE`, and ours `WHISPER`.
    pub state: Supervision,
    /// When it began.
    pub state_start_timestamp: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_end_timestamp: Option<Timestamp>,
}

/// A routing profile's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoutingProfile {
    /// `arn:baton:routing-profile/<name>`.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// The name.
    pub name: String,
}

/// The wait in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Queue {
    /// `arn:baton:queue/<name>`; an agent's personal queue is `arn:baton:queue/agent/<user name>`.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// The name.
    pub name: String,
    /// When it entered.
    pub enqueue_timestamp: Timestamp,
    /// When it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dequeue_timestamp: Option<Timestamp>,
    /// How long it waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    /// The number or SIP address.
    pub address: String,
    /// `TELEPHONE_NUMBER`, or `VOIP` for a SIP address.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// A third party's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExternalThirdParty {
    /// Its time with the customer.
    pub external_third_party_interaction_duration: u64,
}

/// A segment attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SegmentAttribute {
    /// Its value.
    pub value_string: String,
}

/// A kind of media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MediaStream {
    /// `AUDIO`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// Quality by party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QualityMetrics {
    /// The agent's leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<PartyQuality>,
    /// The customer's leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<PartyQuality>,
}

/// Quality of a party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PartyQuality {
    /// Of its audio.
    pub audio: AudioQuality,
}

/// Quality of audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AudioQuality {
    /// 1.00–5.00.
    pub quality_score: f64,
    /// `HighPacketLoss`, `HighRoundTripTime`, `HighJitterBuffer`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub potential_quality_issues: Vec<String>,
}

/// What the published record has no place for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Baton {
    /// Rises with every re-emission; 0 while the contact is open.
    pub revision: u64,
    /// The quick connect that began this contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quick_connect: Option<String>,
    /// The kind of transfer; absent when none was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_type: Option<TransferType>,
    /// How the target ended: `completed`, `busy`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_outcome: Option<String>,
    /// The SIP status of the target; on the target's own contact, of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// The Q.850 cause beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q850_cause: Option<u16>,
    /// All contacts created from this one, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_contact_ids: Vec<ContactId>,
    /// Who ended this agent's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_by: Option<String>,
    /// The failed contact that this one is the recall of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled_from: Option<ContactId>,
    /// The legs that have ended, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
    /// What happened, in order.
    pub timeline: Vec<TimelineEntry>,
    /// How many later entries the timeline leaves out; the stored events have them all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeline_omitted: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A leg, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Leg {
    /// The connection's number.
    pub connection_id: u64,
    /// Whose leg.
    pub role: PartyRole,
    /// Its Call-ID.
    pub call_id: String,
    /// The phone's SIP user name, or the trunk.
    pub device: String,
    /// The device's User-Agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The codec, if media was negotiated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// When it began.
    pub start_timestamp: MillisecondTimestamp,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_timestamp: Option<MillisecondTimestamp>,
    /// When it ended.
    pub end_timestamp: MillisecondTimestamp,
    /// RTP packets taken.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets lost on the way to us.
    pub packets_lost: u64,
    /// Their share of those expected, in percent.
    pub loss_percent: f64,
    /// Interarrival jitter in milliseconds (RFC 3550 §6.4.1).
    pub jitter_ms: f64,
    /// Round trip in milliseconds, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// MOS (G.107), when there was traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos: Option<f64>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimelineEntry {
    /// When.
    pub timestamp: MillisecondTimestamp,
    /// Its number within the conversation.
    pub sequence: u64,
    /// The event's name: `HELD`, `JOINED`, …
    pub event: Cow<'static, str>,
    /// The party it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<u64>,
    /// That party's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<PartyRole>,
    /// The agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Another contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// How long it had lasted, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Why, how, or by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The SIP status behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
}
