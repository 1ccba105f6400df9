//! The conversation summary: one document for a whole customer call, once its tree of contacts is complete.

use std::collections::{BTreeMap, BTreeSet};

use baton_contact::ContactId;
use baton_contact::event::{DisconnectReason, InitiationMethod, PartyRole};
use serde::{Deserialize, Serialize};

use crate::fold::{Fold, QueuePart};
use crate::time::Timestamp;

/// A conversation, summed up. Durations are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConversationSummary {
    /// The root contact.
    pub root_contact_id: ContactId,
    /// Rises with every re-emission.
    pub revision: u64,
    /// When the conversation began.
    pub initiation_timestamp: Timestamp,
    /// When its last contact's talking part was over.
    pub disconnect_timestamp: Timestamp,
    /// All contacts in the order in which they began.
    pub contact_ids: Vec<ContactId>,
    /// Every party, each once, in the order of its appearance; also those that were not reached.
    pub parties: Vec<SummaryParty>,
    /// Time in which the customer talked with anybody.
    pub total_talk_duration: u64,
    /// The customer's time on hold.
    pub total_hold_duration: u64,
    /// Time in queues, of all contacts.
    pub total_queue_duration: u64,
    /// Where the customer went: `IVR → Support/agent1 → agent2 → +49…`.
    pub path: String,
    /// How it came out.
    pub outcome: Outcome,
    /// Why the last contact ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<DisconnectReason>,
}

/// A party of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SummaryParty {
    /// What it was.
    pub role: PartyRole,
    /// The agent's user name, or the address.
    pub name: String,
}

/// How a conversation came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The customer talked with somebody, and was not left waiting at the end.
    Handled,
    /// The customer gave up waiting.
    Abandoned,
    /// The network or the far end failed.
    Failed,
    /// The flow, the API or the server ended it before anybody talked.
    Ended,
}

/// Whether every contact of the tree has begun and is complete.
pub(crate) fn is_complete<'a>(folds: impl Iterator<Item = &'a Fold> + Clone, moved_away: &BTreeSet<ContactId>) -> bool {
    let known: Vec<ContactId> = folds.clone().map(|fold| fold.contact).collect();
    let is_known = |next: &ContactId| known.contains(next) || moved_away.contains(next);
    let mut folds = folds;
    folds.all(|fold| fold.is_completed() && fold.next.iter().all(is_known))
}

/// The folds in the order in which their contacts began.
pub(crate) fn in_order<'a>(folds: impl Iterator<Item = &'a Fold>) -> Vec<&'a Fold> {
    let mut folds: Vec<&Fold> = folds.collect();
    folds.sort_by_key(|fold| (fold.initiated_ms, fold.timeline.first().map(|entry| entry.sequence), fold.contact));
    folds
}

impl ConversationSummary {
    /// The summary of all folds of a conversation; revision 0, the store counts the emissions.
    pub fn new<'a>(root: ContactId, folds: impl Iterator<Item = &'a Fold>) -> Self {
        let folds = in_order(folds);
        let contact_ids = folds.iter().map(|fold| fold.contact).collect();
        // Whoever supervised was no party of the call.
        let folds: Vec<&Fold> =
            folds.into_iter().filter(|fold| fold.method != Some(InitiationMethod::Monitor)).collect();
        let last = folds.iter().max_by_key(|fold| fold.disconnect.as_ref().map(|end| end.at_ms));
        let ended_ms = last.and_then(|fold| fold.disconnect.as_ref()).map_or(0, |end| end.at_ms);
        ConversationSummary {
            root_contact_id: root,
            revision: 0,
            initiation_timestamp: Timestamp { ms: folds.first().and_then(|fold| fold.initiated_ms).unwrap_or(0) },
            disconnect_timestamp: Timestamp { ms: ended_ms },
            contact_ids,
            parties: parties(&folds),
            total_talk_duration: talk_ms(&folds) / 1_000,
            total_hold_duration: folds.iter().map(|fold| fold.holds.total_ms).fold(0, u64::saturating_add) / 1_000,
            total_queue_duration: folds.iter().map(|fold| fold.queue_ms()).fold(0, u64::saturating_add) / 1_000,
            path: path(&folds),
            outcome: last.map_or(Outcome::Ended, |last| outcome(&folds, last)),
            disconnect_reason: last.and_then(|fold| fold.disconnect.as_ref()).and_then(|end| end.reason),
        }
    }
}

fn is_external(fold: &Fold) -> bool {
    fold.method == Some(InitiationMethod::ExternalOutbound)
}

fn parties(folds: &[&Fold]) -> Vec<SummaryParty> {
    let mut parties: Vec<SummaryParty> = Vec::new();
    for fold in folds {
        let role = if is_external(fold) { PartyRole::ThirdParty } else { PartyRole::Customer };
        let address = fold.customer.iter().map(|party| SummaryParty { role, name: party.address.clone() });
        let agent = fold.agent.iter().map(|a| SummaryParty { role: PartyRole::Agent, name: a.username.clone() });
        for party in address.chain(agent) {
            if !parties.contains(&party) {
                parties.push(party);
            }
        }
    }
    parties
}

/// The union of all stretches: in a conference several parties talk with the customer at once.
fn talk_ms(folds: &[&Fold]) -> u64 {
    let mut stretches: Vec<(u64, u64)> = folds.iter().flat_map(|fold| fold.interaction.stretches.clone()).collect();
    stretches.sort_unstable();
    let (mut total, mut counted_until) = (0, 0);
    for (since, until) in stretches {
        total += until.saturating_sub(since.max(counted_until));
        counted_until = counted_until.max(until);
    }
    total
}

fn path(folds: &[&Fold]) -> String {
    let mut stations: Vec<String> = Vec::new();
    if folds.first().is_some_and(|root| began_in_flow(root)) {
        stations.push("IVR".to_owned());
    }
    stations.extend(folds.iter().filter_map(|fold| station(fold)));
    stations.join(" → ")
}

/// A caller who was connected before being queued has been in a flow meanwhile.
fn began_in_flow(root: &Fold) -> bool {
    let queued = root.queue.as_ref().map(|queue| queue.enqueue_ms);
    root.connected_to_system_ms.zip(queued).is_some_and(|(connected, queued)| queued > connected)
}

/// Where this contact led the customer; nowhere, if it was consulted only or never reached.
fn station(fold: &Fold) -> Option<String> {
    let talked = fold.interaction.total_ms > 0;
    if is_external(fold) {
        return talked.then(|| fold.customer.as_ref().map(|party| party.address.clone()))?;
    }
    let queue = fold.queue.as_ref().filter(|queue| !queue.personal).map(|QueuePart { name, .. }| name.as_str());
    let agent = fold.agent.as_ref().filter(|_| talked || fold.initial.is_none()).map(|agent| agent.username.as_str());
    match (queue, agent) {
        (Some(queue), Some(agent)) => Some(format!("{queue}/{agent}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        // A conference room has neither, but a name; it is the only transfer that says where it led to.
        (None, None) if fold.method == Some(InitiationMethod::Transfer) && talked => {
            fold.system.as_ref().map(|room| room.name.clone().unwrap_or_else(|| room.address.clone()))
        }
        (None, None) => None,
    }
}

fn outcome(folds: &[&Fold], last: &Fold) -> Outcome {
    use DisconnectReason as Reason;
    let reason = last.disconnect.as_ref().and_then(|end| end.reason);
    let gave_up = matches!(reason, Some(Reason::CustomerDisconnect | Reason::TelecomOriginatorCancel));
    if gave_up && last.agent.is_none() && !is_external(last) && last.queue.is_some() {
        return Outcome::Abandoned;
    }
    if folds.iter().any(|fold| fold.interaction.total_ms > 0) {
        return Outcome::Handled;
    }
    match reason {
        Some(Reason::CustomerDisconnect | Reason::TelecomOriginatorCancel) => Outcome::Abandoned,
        Some(
            Reason::TelecomBusy
            | Reason::TelecomNumberInvalid
            | Reason::TelecomPotentialBlocking
            | Reason::TelecomUnanswered
            | Reason::TelecomTimeout
            | Reason::TelecomProblem,
        ) => Outcome::Failed,
        _ => Outcome::Ended,
    }
}

/// The folds of a conversation by contact, from its events in order.
pub(crate) fn fold_all<'a>(
    events: impl Iterator<Item = &'a baton_contact::event::ContactEvent>,
) -> BTreeMap<ContactId, Fold> {
    let mut folds = BTreeMap::new();
    for event in events {
        let fold = folds.entry(event.contact_id).or_insert_with(|| Fold::new(event.contact_id));
        fold.apply(event);
    }
    folds
}
