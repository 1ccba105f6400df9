//! An event as an entry of the record's timeline.

use std::borrow::Cow;

use baton_contact::event::{ContactEvent, EventKind};

use crate::record::TimelineEntry;
use crate::time::MillisecondTimestamp;

/// The entry of an event; none for the end of a leg, which has its own place in the record.
pub(crate) fn entry(event: &ContactEvent) -> Option<TimelineEntry> {
    let entry = blank(event);
    let entry = match &event.kind {
        EventKind::LegEnded { .. } => return None,
        EventKind::Initiated { method, .. } => TimelineEntry { detail: text(method), ..entry },
        EventKind::NextContact { next_contact_id } => TimelineEntry { contact_id: Some(*next_contact_id), ..entry },
        EventKind::Queued { queue, .. } => TimelineEntry { queue: Some(queue.clone()), ..entry },
        EventKind::Offered { agent } | EventKind::ConnectedToAgent { agent, .. } => {
            TimelineEntry { agent: Some(agent.clone()), ..entry }
        }
        EventKind::Recalled { agent, outcome, .. } => {
            TimelineEntry { agent: Some(agent.clone()), detail: outcome.clone(), ..entry }
        }
        EventKind::Missed { agent, reason } => {
            TimelineEntry { agent: Some(agent.clone()), detail: Some(reason.clone()), ..entry }
        }
        EventKind::Held { connection_id, role } => {
            TimelineEntry { connection_id: Some(connection_id.0), role: Some(*role), ..entry }
        }
        EventKind::Resumed { connection_id, role, held_ms } => {
            let (connection_id, role) = (Some(connection_id.0), Some(*role));
            TimelineEntry { connection_id, role, duration_ms: Some(*held_ms), ..entry }
        }
        EventKind::TargetRinging { connection_id }
        | EventKind::Whispering { connection_id }
        | EventKind::Muted { connection_id }
        | EventKind::Unmuted { connection_id } => TimelineEntry { connection_id: Some(connection_id.0), ..entry },
        EventKind::Supervision { connection_id, mode, .. } => {
            TimelineEntry { connection_id: Some(connection_id.0), detail: text(mode), ..entry }
        }
        EventKind::TargetFailed { target_contact_id, reason, sip_status, .. } => {
            let sip_status = status(*sip_status);
            TimelineEntry { contact_id: Some(*target_contact_id), detail: text(reason), sip_status, ..entry }
        }
        EventKind::Transfer { outcome, sip_status, .. } => {
            TimelineEntry { detail: Some(outcome.clone()), sip_status: status(*sip_status), ..entry }
        }
        EventKind::Left { by } => TimelineEntry { detail: Some(by.clone()), ..entry },
        EventKind::HoldReminder { held_ms } => TimelineEntry { duration_ms: Some(*held_ms), ..entry },
        EventKind::Digits { connection_id, count } => {
            TimelineEntry { connection_id: Some(connection_id.0), count: Some(*count), ..entry }
        }
        EventKind::Audio { connection_id, present } => {
            let detail = Some(if *present { "present" } else { "gone" }.to_owned());
            TimelineEntry { connection_id: Some(connection_id.0), detail, ..entry }
        }
        EventKind::Disconnected { reason, sip_status, .. } => {
            TimelineEntry { detail: text(reason), sip_status: status(*sip_status), ..entry }
        }
        EventKind::ConnectedToSystem
        | EventKind::Dequeued
        | EventKind::InteractionStarted
        | EventKind::InteractionEnded
        | EventKind::Swapped
        | EventKind::Joined
        | EventKind::LeavePending { .. }
        | EventKind::LeaveUndone
        | EventKind::AcwStarted
        | EventKind::Completed
        | EventKind::ContactDataUpdated { .. } => entry,
    };
    Some(entry)
}

fn blank(event: &ContactEvent) -> TimelineEntry {
    TimelineEntry {
        timestamp: MillisecondTimestamp { ms: event.at_ms },
        sequence: event.sequence,
        event: Cow::Borrowed(name(&event.kind)),
        connection_id: None,
        role: None,
        agent: None,
        queue: None,
        contact_id: None,
        duration_ms: None,
        count: None,
        detail: None,
        sip_status: None,
    }
}

/// The name of a unit variant as it is written in JSON.
fn text<T: serde::Serialize>(value: &T) -> Option<String> {
    let value = serde_json::to_value(value).ok()?;
    value.as_str().map(str::to_owned)
}

fn status(status: u16) -> Option<u16> {
    (status != 0).then_some(status)
}

fn name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Initiated { .. } => "INITIATED",
        EventKind::NextContact { .. } => "NEXT_CONTACT",
        EventKind::ConnectedToSystem => "CONNECTED_TO_SYSTEM",
        EventKind::Queued { .. } => "QUEUED",
        EventKind::Dequeued => "DEQUEUED",
        EventKind::Offered { .. } => "OFFERED",
        EventKind::Missed { .. } => "MISSED",
        EventKind::ConnectedToAgent { .. } => "CONNECTED_TO_AGENT",
        EventKind::InteractionStarted => "INTERACTION_STARTED",
        EventKind::InteractionEnded => "INTERACTION_ENDED",
        EventKind::Held { .. } => "HELD",
        EventKind::Resumed { .. } => "RESUMED",
        EventKind::Swapped => "SWAPPED",
        EventKind::Joined => "JOINED",
        EventKind::TargetRinging { .. } => "TARGET_RINGING",
        EventKind::Whispering { .. } => "WHISPERING",
        EventKind::TargetFailed { .. } => "TARGET_FAILED",
        EventKind::Transfer { .. } => "TRANSFER",
        EventKind::LeavePending { .. } => "LEAVE_PENDING",
        EventKind::LeaveUndone => "LEAVE_UNDONE",
        EventKind::Left { .. } => "LEFT",
        EventKind::Muted { .. } => "MUTED",
        EventKind::Unmuted { .. } => "UNMUTED",
        EventKind::Recalled { .. } => "RECALLED",
        EventKind::Supervision { .. } => "SUPERVISION",
        EventKind::HoldReminder { .. } => "HOLD_REMINDER",
        EventKind::Digits { .. } => "DIGITS",
        EventKind::Audio { .. } => "AUDIO",
        EventKind::LegEnded { .. } => "LEG_ENDED",
        EventKind::Disconnected { .. } => "DISCONNECTED",
        EventKind::AcwStarted => "ACW_STARTED",
        EventKind::Completed => "COMPLETED",
        EventKind::ContactDataUpdated { .. } => "CONTACT_DATA_UPDATED",
    }
}
