//! One log line for each step in a contact's life, with the contact's and the connection's ids.
//!
//! Written on the store thread, so a slow terminal never delays a call; nothing is built when the level is off.

use baton_contact::event::{ContactEvent, EventKind};

/// Logs an event: what an operator follows a call by at `info`, the rest at `debug`.
pub(crate) fn event(event: &ContactEvent) {
    if !tracing::enabled!(target: "baton::calls", tracing::Level::INFO) {
        return;
    }
    let step = step_of(&event.kind);
    let connection = step.connection.map(tracing::field::display);
    let (contact, root, detail) = (event.contact_id, event.root_contact_id, step.detail);
    if step.quiet {
        tracing::debug!(target: "baton::calls", %contact, %root, connection, detail, "{}", step.name);
    } else {
        tracing::info!(target: "baton::calls", %contact, %root, connection, detail, "{}", step.name);
    }
}

struct Step {
    name: &'static str,
    connection: Option<u64>,
    detail: Option<String>,
    quiet: bool,
}

fn step_of(kind: &EventKind) -> Step {
    let step = |name| Step { name, connection: None, detail: None, quiet: false };
    let with = |name, detail: String| Step { detail: Some(detail), ..step(name) };
    let on = |name, connection: u64| Step { connection: Some(connection), ..step(name) };
    match kind {
        EventKind::Initiated { method, customer_endpoint, system_endpoint, .. } => {
            let address = |endpoint: &Option<baton_contact::event::EndpointAddress>| {
                endpoint.as_ref().map_or("-".to_owned(), |endpoint| endpoint.address.clone())
            };
            with("initiated", format!("{method:?} {} {}", address(customer_endpoint), address(system_endpoint)))
        }
        EventKind::NextContact { next_contact_id } => with("next contact", next_contact_id.to_string()),
        EventKind::ConnectedToSystem => step("connected to system"),
        EventKind::Queued { queue, .. } => with("queued", queue.clone()),
        EventKind::Dequeued => Step { quiet: true, ..step("dequeued") },
        EventKind::Offered { agent } => with("offered", agent.clone()),
        EventKind::Missed { agent, reason } => with("missed", format!("{agent} {reason}")),
        EventKind::ConnectedToAgent { agent, .. } => with("connected to agent", agent.clone()),
        EventKind::InteractionStarted => Step { quiet: true, ..step("interaction started") },
        EventKind::InteractionEnded => Step { quiet: true, ..step("interaction ended") },
        EventKind::Held { connection_id, .. } => on("held", connection_id.0),
        EventKind::Resumed { connection_id, .. } => on("resumed", connection_id.0),
        EventKind::Swapped => step("swapped"),
        EventKind::Joined => step("joined"),
        EventKind::TargetRinging { connection_id } => on("target rings", connection_id.0),
        EventKind::Whispering { connection_id } => on("target is whispered to", connection_id.0),
        EventKind::TargetFailed { reason, sip_status, .. } => with("target failed", format!("{reason:?} {sip_status}")),
        EventKind::Transfer { transfer_type, outcome, .. } => with("transfer", format!("{transfer_type:?} {outcome}")),
        EventKind::LeavePending { .. } => step("leave pending"),
        EventKind::LeaveUndone => step("leave undone"),
        EventKind::Left { by } => with("left", by.clone()),
        EventKind::Muted { connection_id } => on("muted", connection_id.0),
        EventKind::Unmuted { connection_id } => on("unmuted", connection_id.0),
        EventKind::Recalled { agent, outcome, .. } => {
            with("recalled", outcome.as_ref().map_or(agent.clone(), |outcome| format!("{agent} {outcome}")))
        }
        EventKind::Supervision { connection_id, mode, .. } => {
            Step { detail: Some(format!("{mode:?}")), ..on("supervision", connection_id.0) }
        }
        EventKind::HoldReminder { held_ms } => with("long on hold", format!("{held_ms} ms")),
        EventKind::Digits { connection_id, .. } => Step { quiet: true, ..on("digits", connection_id.0) },
        EventKind::Audio { connection_id, present } => {
            on(if *present { "audio is back" } else { "audio is gone" }, connection_id.0)
        }
        EventKind::LegEnded { leg } => Step {
            detail: Some(format!("{} lost {} of {}", leg.device, leg.packets_lost, leg.packets_received)),
            quiet: true,
            ..on("leg ended", leg.connection_id.0)
        },
        EventKind::Disconnected { reason, sip_status, .. } => with("disconnected", format!("{reason:?} {sip_status}")),
        EventKind::AcwStarted => step("after-contact work"),
        EventKind::Completed => step("completed"),
        EventKind::ContactDataUpdated { .. } => Step { quiet: true, ..step("attributes") },
    }
}
