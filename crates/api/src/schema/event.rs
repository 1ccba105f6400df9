//! The shapes of [`baton_contact::event`], for the document. A test holds them to the real ones.

use super::ContactId;
use super::directory::Supervision;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One event of one contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactEvent {
    /// The contact it belongs to.
    pub(crate) contact_id: ContactId,
    /// The root contact of the conversation.
    pub(crate) root_contact_id: ContactId,
    /// Rises by one within the conversation.
    pub(crate) sequence: u64,
    /// When, in milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub(crate) kind: EventKind,
}

/// How a contact came to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum InitiationMethod {
    /// A call came in.
    Inbound,
    /// An agent dialled.
    Outbound,
    /// An agent started a transfer or consult to an agent or queue; also a recall.
    Transfer,
    /// A flow moved it from queue to queue.
    QueueTransfer,
    /// A callback.
    Callback,
    /// A third party's number was dialled.
    ExternalOutbound,
    /// By API.
    Api,
    /// By a disconnect flow.
    Disconnect,
    /// A supervisor.
    Monitor,
}

/// Why a contact ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DisconnectReason {
    /// The customer hung up.
    CustomerDisconnect,
    /// The agent hung up or left.
    AgentDisconnect,
    /// The third party hung up.
    ThirdPartyDisconnect,
    /// 486, 600.
    TelecomBusy,
    /// 404, 410, 484, 604.
    TelecomNumberInvalid,
    /// 403, 603, 607, 608.
    TelecomPotentialBlocking,
    /// 408, 480.
    TelecomUnanswered,
    /// Our ring timer.
    TelecomTimeout,
    /// The caller gave up before an answer.
    TelecomOriginatorCancel,
    /// Any other failure of the network.
    TelecomProblem,
    /// The flow or queue ended it.
    ContactFlowDisconnect,
    /// The API, or the server's shutdown.
    Other,
}

/// What kind of transfer it was, seen from the contact that started it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TransferType {
    /// The agent left before the target answered.
    Cold,
    /// The agent spoke with the target, then left.
    WarmConsult,
    /// All were joined, then the agent left.
    WarmConference,
    /// The target was consulted and gone before the agent left.
    ConsultOnly,
    /// The target was joined and gone before the agent left.
    ConferenceOnly,
    /// The target was never reached.
    Failed,
}

/// An address at the edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointAddress {
    /// A number or SIP address.
    pub(crate) address: String,
    /// A display name.
    pub(crate) name: Option<String>,
}

/// Whom something happened to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PartyRole {
    /// The customer.
    Customer,
    /// An agent.
    Agent,
    /// A third party.
    ThirdParty,
}

/// The measurements of one leg at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LegReport {
    /// The connection's number.
    pub(crate) connection_id: u64,
    /// Whose leg.
    pub(crate) role: PartyRole,
    /// Call-ID.
    pub(crate) call_id: String,
    /// The phone's SIP user name, or the trunk's name.
    pub(crate) device: String,
    /// The User-Agent of the device.
    pub(crate) user_agent: Option<String>,
    /// `PCMU` or `PCMA`; absent when no media was negotiated.
    pub(crate) codec: Option<String>,
    /// When it began (INVITE), in milliseconds since the epoch.
    pub(crate) start_ms: u64,
    /// When it was answered.
    pub(crate) answer_ms: Option<u64>,
    /// When it ended.
    pub(crate) end_ms: u64,
    /// RTP packets taken.
    pub(crate) packets_received: u64,
    /// RTP packets sent.
    pub(crate) packets_sent: u64,
    /// RTP packets lost.
    pub(crate) packets_lost: u64,
    /// Jitter in microseconds.
    pub(crate) jitter_us: u32,
    /// Round trip in microseconds; 0 when unknown.
    pub(crate) round_trip_us: u32,
    /// MOS × 100; 0 without traffic.
    pub(crate) mos_x100: u16,
}

/// What can happen to a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType", rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum EventKind {
    /// The contact began. The record is created by it.
    #[serde(rename_all = "camelCase")]
    Initiated {
        /// The root, absent on the root itself.
        initial_contact_id: Option<ContactId>,
        /// The contact that created this one.
        previous_contact_id: Option<ContactId>,
        /// How.
        method: InitiationMethod,
        /// The customer; on an `EXTERNAL_OUTBOUND` contact the third party.
        customer_endpoint: Option<EndpointAddress>,
        /// The number dialled by the customer, or the caller id shown.
        system_endpoint: Option<EndpointAddress>,
        /// The quick connect that was used.
        quick_connect: Option<String>,
        /// The failed contact that a recall came from.
        recalled_from: Option<ContactId>,
    },
    /// This contact created another one.
    #[serde(rename_all = "camelCase")]
    NextContact {
        /// The new one.
        next_contact_id: ContactId,
    },
    /// Media with the customer is up: an inbound call at once, an outbound one when it is answered.
    ConnectedToSystem,
    /// It waits in a queue.
    #[serde(rename_all = "camelCase")]
    Queued {
        /// The queue's name; for a personal queue the agent's.
        queue: String,
        /// Whether it is an agent's personal queue.
        personal: bool,
    },
    /// It left its queue: an agent took it, or nobody will.
    Dequeued,
    /// An agent is rung.
    #[serde(rename_all = "camelCase")]
    Offered {
        /// The agent.
        agent: String,
    },
    /// The agent did not take it.
    #[serde(rename_all = "camelCase")]
    Missed {
        /// The agent.
        agent: String,
        /// `timeout`, `rejected`, `busy`, `unreachable`.
        reason: String,
    },
    /// An agent answered.
    #[serde(rename_all = "camelCase")]
    ConnectedToAgent {
        /// The agent.
        agent: String,
        /// Its routing profile.
        routing_profile: Option<String>,
    },
    /// From now on this contact's agent (or, on `EXTERNAL_OUTBOUND`, third party) and the customer hear each other.
    InteractionStarted,
    /// They no longer do.
    InteractionEnded,
    /// A party was put on hold by this contact's agent.
    #[serde(rename_all = "camelCase")]
    Held {
        /// The party.
        connection_id: u64,
        /// Its role.
        role: PartyRole,
    },
    /// A party's hold ended; booked on the contact of the agent who ended it.
    #[serde(rename_all = "camelCase")]
    Resumed {
        /// The party.
        connection_id: u64,
        /// Its role.
        role: PartyRole,
        /// How long it was held, in milliseconds; 0 on the contact of the agent that had held it, when another one ended
        /// the hold.
        held_ms: u64,
    },
    /// Talking and held parties were exchanged.
    Swapped,
    /// All parties were joined.
    Joined,
    /// A target alerts.
    #[serde(rename_all = "camelCase")]
    TargetRinging {
        /// The target's connection.
        connection_id: u64,
    },
    /// A target has answered, and hears what it is told before it is connected.
    #[serde(rename_all = "camelCase")]
    Whispering {
        /// The target's connection.
        connection_id: u64,
    },
    /// A target could not be reached.
    #[serde(rename_all = "camelCase")]
    TargetFailed {
        /// The target's contact.
        target_contact_id: ContactId,
        /// What that means.
        reason: DisconnectReason,
        /// The SIP status, 0 when there was none.
        sip_status: u16,
        /// The Q.850 cause.
        q850: Option<u16>,
    },
    /// How a transfer from this contact went; the last one stands.
    #[serde(rename_all = "camelCase")]
    Transfer {
        /// Its kind.
        transfer_type: TransferType,
        /// `completed`, `targetEnded`, `busy`, `noAnswer`, `invalidNumber`, `rejected`, `unreachable`, `cancelled`.
        outcome: String,
        /// The SIP status of the target, 0 when there was none.
        sip_status: u16,
        /// The Q.850 cause.
        q850: Option<u16>,
        /// The address, when it went to an outside number and was completed.
        transferred_to: Option<EndpointAddress>,
        /// Whether the initiator left with it (then this is the transfer's completion).
        completed: bool,
    },
    /// The agent has left; until then, and until its target confirms, that can be taken back.
    #[serde(rename_all = "camelCase")]
    LeavePending {
        /// In milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// The agent has taken its Leave back, or has its customer back because the target was not reached.
    LeaveUndone,
    /// The agent left the conversation, or its part ended otherwise.
    #[serde(rename_all = "camelCase")]
    Left {
        /// `agent`, `customer`, `thirdParty`, `system`, or the name of the agent who dropped it.
        by: String,
    },
    /// A party was muted.
    #[serde(rename_all = "camelCase")]
    Muted {
        /// The party.
        connection_id: u64,
    },
    /// A party was unmuted.
    #[serde(rename_all = "camelCase")]
    Unmuted {
        /// The party.
        connection_id: u64,
    },
    /// The customer is rung back to the agent that transferred it.
    #[serde(rename_all = "camelCase")]
    Recalled {
        /// The agent.
        agent: String,
        /// The target that was not reached; absent when the agent's own phone had died.
        target: Option<String>,
        /// How it ended: `busy`, `noAnswer`, `invalidNumber`, `rejected`, `unreachable`.
        outcome: Option<String>,
    },
    /// The customer has been on hold for long, and nobody acts.
    #[serde(rename_all = "camelCase")]
    HoldReminder {
        /// For how long, in milliseconds.
        held_ms: u64,
    },
    /// From now on the supervisor of this contact takes part so.
    #[serde(rename_all = "camelCase")]
    Supervision {
        /// The supervisor.
        connection_id: u64,
        /// How.
        mode: Supervision,
        /// Who alone hears it, when it whispers.
        to: Option<u64>,
    },
    /// A party sent digits.
    #[serde(rename_all = "camelCase")]
    Digits {
        /// The party.
        connection_id: u64,
        /// How many (never which: they may be card numbers).
        count: u32,
    },
    /// Audio of a leg is gone or back.
    #[serde(rename_all = "camelCase")]
    Audio {
        /// The party.
        connection_id: u64,
        /// False when it is gone.
        present: bool,
    },
    /// A leg ended.
    #[serde(rename_all = "camelCase")]
    LegEnded {
        /// Its measurements.
        leg: Box<LegReport>,
    },
    /// The contact's talking part is over.
    #[serde(rename_all = "camelCase")]
    Disconnected {
        /// Why.
        reason: DisconnectReason,
        /// The SIP status behind it, 0 when there was none.
        sip_status: u16,
        /// The Q.850 cause.
        q850: Option<u16>,
    },
    /// After-contact work began.
    AcwStarted,
    /// All is over; the record is complete.
    Completed,
    /// Attributes were set.
    #[serde(rename_all = "camelCase")]
    ContactDataUpdated {
        /// All attributes.
        attributes: std::collections::BTreeMap<String, String>,
    },
}
