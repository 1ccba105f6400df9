//! Which messages a listener wants. Pure.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use baton_contact::ContactId;
use baton_contact::trace::TraceMessage;

/// Most Call-IDs that are remembered for a contact: messages at the end of a call name no contact any more.
const CALL_IDS_MAX: usize = 256;
/// Most messages outside of calls that are kept: whose they are may come out later.
const UNKNOWN_MAX: usize = 256;

/// What is wanted: messages that fit all that is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct TraceFilter {
    trunk: Option<String>,
    phone: Option<String>,
    contact: Option<ContactId>,
    /// The calls of the contact.
    call_ids: BTreeSet<String>,
    /// What came and went in nobody's name, or in that of another at the same address, the newest last: whoever proves itself by
    /// digest is challenged first.
    unknown: VecDeque<Arc<TraceMessage>>,
}

impl TraceFilter {
    /// Wants all messages, or those of a trunk, of a phone, of a contact's conversation.
    pub(crate) fn new(trunk: Option<String>, phone: Option<String>, contact: Option<ContactId>) -> Self {
        TraceFilter { trunk, phone, contact, ..TraceFilter::default() }
    }

    /// What is wanted now that a message has come or gone: nothing, it, or it after those of its call before which it was not
    /// known whose they were.
    pub(crate) fn take(&mut self, message: Arc<TraceMessage>) -> Vec<Arc<TraceMessage>> {
        if !self.wants(&message) {
            self.keep(message);
            return Vec::new();
        }
        let mut wanted: Vec<_> = self.unknown.iter().filter(|each| each.call_id == message.call_id).cloned().collect();
        self.unknown.retain(|each| each.call_id != message.call_id);
        wanted.iter_mut().for_each(|before| {
            let before = Arc::make_mut(before);
            (before.trunk, before.phone) = (message.trunk.clone(), message.phone.clone());
        });
        wanted.push(message);
        wanted
    }

    fn keep(&mut self, message: Arc<TraceMessage>) {
        if !message.contact_ids.is_empty() || message.call_id.is_empty() {
            return;
        }
        if self.unknown.len() >= UNKNOWN_MAX {
            self.unknown.pop_front();
        }
        self.unknown.push_back(message);
    }

    fn wants(&mut self, message: &TraceMessage) -> bool {
        let is_named = |wanted: &Option<String>, name: &Option<String>| wanted.is_none() || wanted == name;
        if !is_named(&self.trunk, &message.trunk) || !is_named(&self.phone, &message.phone) {
            return false;
        }
        let Some(contact) = &self.contact else { return true };
        if message.contact_ids.contains(contact) {
            if self.call_ids.len() < CALL_IDS_MAX {
                self.call_ids.insert(message.call_id.clone());
            }
            return true;
        }
        self.call_ids.contains(&message.call_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(call_id: &str, text: &str, trunk: Option<&str>) -> Arc<TraceMessage> {
        Arc::new(TraceMessage {
            at_us: 0,
            received: true,
            transport: "udp".into(),
            remote: "198.51.100.9:5060".into(),
            trunk: trunk.map(str::to_owned),
            phone: None,
            contact_ids: Vec::new(),
            call_id: call_id.into(),
            message: text.into(),
        })
    }

    fn told(filter: &mut TraceFilter, call_id: &str, text: &str, trunk: Option<&str>) -> Vec<String> {
        let told = filter.take(message(call_id, text, trunk));
        assert!(told.iter().all(|each| each.trunk.is_some()), "{told:?}");
        told.iter().map(|each| each.message.clone()).collect()
    }

    /// An operator who follows a trunk sees its call from the first INVITE on, which has no credentials yet.
    #[test]
    fn what_came_before_a_trunk_has_proven_itself_is_told_when_it_has() {
        let mut filter = TraceFilter::new(Some("carrier".into()), None, None);
        for (call_id, text) in [("a", "INVITE"), ("stranger", "OPTIONS"), ("a", "407")] {
            assert!(told(&mut filter, call_id, text, None).is_empty());
        }
        // So is what was taken for that of a neighbour at its address.
        assert!(told(&mut filter, "a", "ACK", Some("neighbour")).is_empty());
        let all = told(&mut filter, "a", "INVITE with credentials", Some("carrier"));
        assert_eq!(all, ["INVITE", "407", "ACK", "INVITE with credentials"]);
        assert_eq!(told(&mut filter, "a", "200", Some("carrier")), ["200"], "once");
        assert!(told(&mut filter, "b", "INVITE", Some("other")).is_empty());
    }

    #[test]
    fn strangers_cost_no_more_than_their_share() {
        let mut filter = TraceFilter::new(Some("carrier".into()), None, None);
        for number in 0..1_000 {
            told(&mut filter, &format!("scan-{number}"), "OPTIONS", None);
        }
        assert_eq!(filter.unknown.len(), UNKNOWN_MAX);
    }
}
