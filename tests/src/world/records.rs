//! At the end of a day: every contact has one record, rightly linked, whose durations add up.

use std::collections::BTreeMap;

use baton_contact::ContactId;
use baton_contact::event::InitiationMethod;
use baton_store::{Fold, Record};

use super::World;

impl World {
    /// The record of a contact, as the store folds it.
    pub(super) fn record_of(&self, contact: ContactId) -> Record {
        let mut fold = Fold::new(contact);
        self.events.iter().for_each(|event| fold.apply(event));
        fold.record()
    }

    /// Of contacts that are all over.
    pub(super) fn check_records(&self) {
        let records: BTreeMap<ContactId, Record> =
            self.contacts().into_iter().map(|contact| (contact, self.record_of(contact))).collect();
        for (contact, record) in &records {
            let wrong = wrong_links(record, &records).or_else(|| wrong_times(record, &records));
            assert_eq!(wrong, None, "the record of {contact}: {record:#?}\n{}", self.ladder);
        }
    }
}

fn wrong_links(record: &Record, records: &BTreeMap<ContactId, Record>) -> Option<&'static str> {
    let own = record.contact_id;
    // Guests of a conference room have its first contact as their initial one, and come from nobody unless one in it called them.
    if record.previous_contact_id.is_some() && record.initial_contact_id.is_none() {
        return Some("what came from another contact has an initial one");
    }
    if let Some(previous) = record.previous_contact_id {
        let Some(previous) = records.get(&previous) else { return Some("its previous contact has no record") };
        // A supervisor's contact stands beside the one that it watches, which goes on as if nobody did.
        let beside = record.initiation_method == Some(InitiationMethod::Monitor);
        if !beside && !previous.baton.next_contact_ids.contains(&own) {
            return Some("its previous contact does not know it");
        }
    }
    let next = &record.baton.next_contact_ids;
    if record.next_contact_id != next.last().copied() {
        return Some("the next contact is the last of the next ones");
    }
    let back = |next: &ContactId| records.get(next).is_some_and(|next| next.previous_contact_id == Some(own));
    (!next.iter().all(back)).then_some("a next contact came from another one")
}

fn wrong_times(record: &Record, records: &BTreeMap<ContactId, Record>) -> Option<&'static str> {
    let Some(end) = record.disconnect_timestamp else { return Some("it has no end") };
    if record.disconnect_reason.is_none() || record.initiation_timestamp.ms > end.ms {
        return Some("it ends before it begins, or without a reason");
    }
    let seconds = |from_ms: u64| end.ms.saturating_sub(from_ms) / 1_000 + 1;
    if let Some(agent) = &record.agent {
        let root = record.initial_contact_id.and_then(|root| records.get(&root)).unwrap_or(record);
        if agent.agent_interaction_duration > seconds(agent.connected_to_agent_timestamp.ms) {
            return Some("its agent talked longer than it was there");
        }
        // A hold that was inherited began before.
        if agent.customer_hold_duration > seconds(root.initiation_timestamp.ms) {
            return Some("its customer was held longer than it was there");
        }
        if agent.longest_hold_duration > agent.customer_hold_duration
            || (agent.number_of_holds == 0 && agent.customer_hold_duration > 0)
        {
            return Some("its holds do not add up");
        }
    }
    let legs = &record.baton.legs;
    if legs.iter().any(|leg| {
        leg.answer_timestamp
            .is_some_and(|answer| answer.ms < leg.start_timestamp.ms || answer.ms > leg.end_timestamp.ms)
    }) {
        return Some("a leg was answered before it began or after it ended");
    }
    let in_order = record.baton.timeline.windows(2).all(|pair| pair[0].sequence < pair[1].sequence);
    (!in_order).then_some("its timeline is not in order")
}
