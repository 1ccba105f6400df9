//! Dial-out from the panel: the agent's own phone first, then what it asked for.

use crate::agent::Part;
use crate::command::{Refusal, RefusalKind, Reply, Target};
use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::dial::Caller;
use crate::event::{EndpointAddress, InitiationMethod};
use crate::ids::{ConnectionId, ContactId};
use crate::permission::{Account, Deed};
use crate::route::Destination;
use crate::snapshot::ConnectionType;
use crate::timer::Timer;
use crate::transfer::{Adding, Opening};

impl Desk {
    /// Dial-out from the panel: the agent's own phone is rung first.
    pub(crate) fn dial_out(&mut self, name: &str, target: Target) -> Result<Reply, Refusal> {
        let Some(agent) = self.agents.get(name) else {
            return Err(Refusal::new(RefusalKind::NotFound, format!("There is no agent {name}.")));
        };
        if self.draining || self.overloaded {
            return Err(Refusal::new(RefusalKind::Draining, "The server takes no new calls now."));
        }
        if agent.devices == 0 {
            return Err(Refusal::new(RefusalKind::WrongState, "No phone of the agent is registered."));
        }
        if agent.engagements.iter().any(|each| each.part >= Part::Offered) {
            return Err(Refusal::new(
                RefusalKind::WrongState,
                "The agent is on a contact; add a connection to it instead.",
            ));
        }
        if self.conversations.len() >= self.config.limits.conversations_max {
            return Err(Refusal::new(RefusalKind::LimitReached, "The server has as many conversations as it may."));
        }
        let destination = self.destination_of(&target)?;
        self.permit(&[Account::Agent(name.to_string())], Deed::Dial, &destination)?;
        let mut conversation = self.new_conversation();
        conversation.dial_next = Some(target.clone());
        let id = conversation.id;
        self.conversations.insert(id, Box::new(conversation));
        let contact = self.with(id, |desk, conversation| desk.ring_own_phone(conversation, name, &target));
        let snapshot = contact.and_then(|contact| self.contact_snapshot(self.conversations.get(&id)?, contact));
        match snapshot {
            Some(snapshot) => Ok(Reply::Contact(Box::new(snapshot))),
            None => Err(Refusal::new(RefusalKind::WrongState, "The agent's phone could not be reached.")),
        }
    }

    pub(crate) fn ring_own_phone(&mut self, conversation: &mut Conversation, name: &str, target: &Target) -> ContactId {
        let shown = match target {
            Target::PhoneNumber(text) | Target::QuickConnect(text) | Target::Agent(text) | Target::Queue(text) => text,
        };
        let entry = match target {
            Target::QuickConnect(quick) => self.directory.quick_connect(quick),
            _ => None,
        };
        let dialled = entry.and_then(|entry| entry.phone_number.clone()).unwrap_or_else(|| shown.clone());
        let customer = Some(EndpointAddress { address: dialled, name: entry.map(|entry| entry.name.clone()) });
        let (method, system) = (InitiationMethod::Outbound, self.shown_number(name));
        let contact = self.open_contact(conversation, Opening { method, customer, system, ..Opening::default() });
        let id = ConnectionId(self.allocate());
        let mut party = Connection::new(id, contact, ConnectionType::Agent, Phase::Offered, self.now_us);
        party.agent = Some(name.to_string());
        party.address = name.to_string();
        party.name = self.directory.user(name).map(|user| user.name.clone()).unwrap_or_default();
        conversation.connections.push(party);
        self.engage(name, contact, conversation.id);
        if let Some(entry) = conversation.contact_mut(contact) {
            entry.agent = Some(name.to_string());
        }
        let caller = Caller { number: shown.clone(), name: shown.clone(), ..Caller::default() };
        let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
        self.start_timer(Timer::Ring(conversation.id, id), ring_ms);
        if let Err(failure) = self.dial_agent(conversation, id, &caller, true) {
            self.target_fails(conversation, id, failure);
        }
        contact
    }

    /// The number that an agent's own outbound calls show.
    pub(crate) fn shown_number(&self, agent: &str) -> Option<EndpointAddress> {
        let default = self.directory.profile_of(agent).and_then(|profile| profile.default_outbound_queue.as_deref());
        let queue = default.and_then(|name| self.directory.queue(name));
        let number = queue.and_then(|queue| queue.outbound_caller_id.clone());
        let extension = || self.directory.user(agent).and_then(|user| user.extension.clone());
        number.or_else(extension).map(|address| EndpointAddress { address, name: None })
    }

    /// The agent's own phone has answered: now what it asked for is dialled.
    pub(crate) fn dial_what_was_asked(&mut self, conversation: &mut Conversation, agent: ConnectionId) {
        let Some(target) = conversation.dial_next.take() else { return };
        let number = match &target {
            Target::PhoneNumber(number) => Some(number.clone()),
            Target::QuickConnect(name) => {
                self.directory.quick_connect(name).and_then(|entry| entry.phone_number.clone())
            }
            _ => None,
        };
        let outside = number.and_then(|number| self.resolve(&number).ok());
        let Some(Destination::Outside { number, trunks }) = outside else {
            if let Err(refusal) = self.add_target(conversation, agent, &target, Adding::default()) {
                tracing::info!(detail = refusal.detail, "what was to be dialled is no longer there");
                self.fail_own_dial(conversation, agent);
            }
            return;
        };
        let account = conversation.connection(agent).and_then(|party| party.agent.clone()).map(Account::Agent);
        let destination = Destination::Outside { number: number.clone(), trunks };
        if self.permit(account.as_slice(), Deed::Dial, &destination).is_err() {
            return self.fail_own_dial(conversation, agent);
        }
        let contact = crate::line::contact_of(conversation, agent);
        let id = ConnectionId(self.allocate());
        let mut customer = Connection::new(id, contact, ConnectionType::Outbound, Phase::Offered, self.now_us);
        customer.initial = true;
        customer.address = number.clone();
        customer.charged_to = account;
        conversation.connections.push(customer);
        let (shown, name) = self.queue_caller_id(conversation, contact);
        let caller = Caller { number: shown, name, ..Caller::default() };
        self.reach(conversation, id, &destination, &caller);
    }

    pub(crate) fn fail_own_dial(&mut self, conversation: &mut Conversation, agent: ConnectionId) {
        let contact = crate::line::contact_of(conversation, agent);
        self.end_party(conversation, agent, 480);
        self.finish_contact(
            conversation,
            contact,
            crate::conversation::Cause::of(crate::event::DisconnectReason::TelecomProblem),
        );
    }
}
