//! Whom each party sees (R14): derived from who talks with whom, told when it changes.
//!
//! After each change every party that talks with exactly one other is told of that one, by UPDATE or, to a phone without
//! it, by a re-INVITE that changes no media. In a conference, on hold and alone nothing is told: the display stays. Until the
//! first transfer everybody sees whom they called, or who called them.

use baton_sip::{Command as SipCommand, Party};

use crate::carried::{ANONYMOUS, anonymous};
use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::dial::escape_user;
use crate::ids::{ConnectionId, ContactId};
use crate::leg::Device;

/// In a quick connect or queue: the customer's own number is shown.
const CALLER_ID_CUSTOMER: &str = "customer";
/// The number of the queue is shown.
const CALLER_ID_QUEUE: &str = "queue";

impl Desk {
    /// Tells everybody who sees somebody else now.
    pub(crate) fn publish_identities(&mut self, conversation: &mut Conversation) {
        if conversation.transfers == 0 || conversation.conference.is_some() {
            return;
        }
        let talking = conversation.ids_of(Connection::talks);
        if let [one, other] = *talking.as_slice() {
            self.publish_identity(conversation, one, other);
            self.publish_identity(conversation, other, one);
        }
    }

    fn publish_identity(&mut self, conversation: &mut Conversation, to: ConnectionId, about: ConnectionId) {
        let parties = (conversation.connection(to), conversation.connection(about));
        let (Some(to_party), Some(about_party)) = parties else { return };
        // A phone with two lines shows whom it called on each.
        let [leg] = to_party.legs.as_slice() else { return };
        let (number, name) = self.seen(conversation, to_party, about_party);
        // As its trunk writes numbers; from there on the display is compared.
        let plan = self.trunk_of(&leg.device).and_then(|trunk| trunk.numbers.as_ref());
        let number = plan.map_or_else(|| number.clone(), |plan| plan.rewrite(&number));
        let seen = Some((number.clone(), name.clone()));
        if !leg.is_up() || !leg.is_wired() || leg.shown == seen || number.is_empty() {
            return;
        }
        let (session, by_offer) = (leg.session(), matches!(leg.device, Device::Phone(_)));
        let leg_id = leg.id;
        let identity = if number == ANONYMOUS {
            anonymous()
        } else {
            let uri = format!("sip:{}@{}", escape_user(&number), self.host());
            Party { display: name, uri, user: number }
        };
        if let Some(leg) = conversation.connection_mut(to).and_then(|party| party.leg_mut(leg_id)) {
            leg.shown = seen;
        }
        self.sip(SipCommand::Identify { session, identity, by_offer });
    }

    /// The number and name under which one party sees another: agents see each other and the customer as they are; outside
    /// nobody sees more of us than a queue's number, and who was called from here sees what its quick connect or queue says.
    fn seen(&self, conversation: &Conversation, to: &Connection, about: &Connection) -> (String, String) {
        let outside = to.legs.iter().any(|leg| matches!(leg.device, Device::Trunk(_)));
        let called = outside && to.charged_to.is_some();
        if called && let Some(shown) = self.chosen_caller_id(conversation, to) {
            return shown;
        }
        if outside && (about.is_agent() || about.is_room()) {
            return self.queue_caller_id(conversation, about.contact);
        }
        (about.address.clone(), about.name.clone())
    }

    /// What a party that was called outside is shown, whoever it talks with: nothing of its own when it is the customer's
    /// number and the customer is there.
    fn chosen_caller_id(&self, conversation: &Conversation, to: &Connection) -> Option<(String, String)> {
        match to.caller_id.as_deref() {
            Some(CALLER_ID_CUSTOMER) => {
                let customer = conversation.customers().find(|party| party.id != to.id)?;
                Some((customer.address.clone(), String::new()))
            }
            Some(fixed) if fixed != CALLER_ID_QUEUE => Some((fixed.to_string(), String::new())),
            _ => Some(self.queue_caller_id(conversation, to.contact)),
        }
    }

    /// The number and name that a target is shown when it is called: by its quick connect, else by the queue's policy, else
    /// the queue's own.
    pub(crate) fn caller_id_for(
        &self,
        conversation: &Conversation,
        contact: ContactId,
        choice: Option<&str>,
    ) -> (String, String) {
        match choice {
            Some(CALLER_ID_CUSTOMER) => {
                let customer = conversation.customers().next();
                (customer.map(|party| party.address.clone()).unwrap_or_default(), String::new())
            }
            None | Some(CALLER_ID_QUEUE) => self.queue_caller_id(conversation, contact),
            Some(fixed) => (fixed.to_string(), String::new()),
        }
    }

    /// The caller id choice for an outside target: the quick connect's, else that of the queue whose contact it is.
    pub(crate) fn caller_id_choice(
        &self,
        conversation: &Conversation,
        contact: ContactId,
        quick_connect: Option<&String>,
    ) -> Option<String> {
        let queue = || {
            let own = conversation.queue_of(contact).map(|place| place.name.clone());
            let agent = conversation.contact(contact).and_then(|entry| entry.agent.as_deref());
            let default = || self.directory.profile_of(agent?)?.default_outbound_queue.clone();
            self.directory.queue(&own.or_else(default)?)?.caller_id.clone()
        };
        quick_connect.cloned().or_else(queue)
    }

    /// Referred-By of a transfer that an agent made by its panel, for the phones inside (RFC 3892).
    pub(crate) fn referred_by_agent(&self, agent: &str) -> Option<String> {
        let user = self.directory.user(agent)?;
        let shown = user.extension.as_deref().unwrap_or(agent);
        let name: String = user.name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
        let display = if name.is_empty() { String::new() } else { format!("\"{name}\" ") };
        Some(format!("{display}<sip:{}@{}>", escape_user(shown), self.host()))
    }
}
