//! The desk: all state of the contact centre, and the small tools that every room behind it uses.
//!
//! It never sees a SIP message: it takes the endpoint's events and gives it commands, so that tests drive it without
//! a wire. A conversation is taken out of its table while it is worked on, then settled and put back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

use baton_sip::wire::{Host, Print};
use baton_sip::{Ban, Binding, Command as SipCommand, Destination as Way};

use crate::agent::{Agent, Engagement, Part};
use crate::business::Business;
use crate::config::Config;
use crate::conversation::Conversation;
use crate::directory::Directory;
use crate::event::{ContactEvent, EventKind};
use crate::health::{GatewayId, GatewayLife};
use crate::ids::{ConnectionId, ContactId, ConversationId, RequestId};
use crate::io::Output;
use crate::outcome::Failure;
use crate::permission::Charges;
use crate::ports::Ports;
use crate::registration::{Registration, RegistrationId};
use crate::room::TieNews;
use crate::route::Numbers;
use crate::timer::{Timer, Timers};
use crate::trunk::{TrunkLife, TrunkState};
use crate::watch::{Focus, Watches};

/// What the desk asks for: something of the endpoint, or something of the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Effect {
    Sip(Box<SipCommand>),
    Out(Output),
}

/// A contact that waits for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) conversation: ConversationId,
    pub(crate) connection: ConnectionId,
    pub(crate) queue: String,
    pub(crate) personal: bool,
    pub(crate) since_us: u64,
}

/// All state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) now_us: u64,
    /// Shared, so that a copy of the state is cheap.
    pub(crate) directory: Arc<Business>,
    pub(crate) numbers: Numbers,
    pub(crate) trunks: Vec<TrunkState>,
    pub(crate) trunk_lives: BTreeMap<String, TrunkLife>,
    pub(crate) gateways: BTreeMap<GatewayId, GatewayLife>,
    pub(crate) registrations: BTreeMap<RegistrationId, Registration>,
    pub(crate) phone_owner: BTreeMap<String, String>,
    pub(crate) bindings: BTreeMap<String, Vec<Binding>>,
    /// As the endpoint told them.
    pub(crate) bans: BTreeMap<IpAddr, Ban>,
    pub(crate) agents: BTreeMap<String, Agent>,
    pub(crate) conversations: BTreeMap<ConversationId, Box<Conversation>>,
    pub(crate) contact_index: BTreeMap<ContactId, ConversationId>,
    pub(crate) leg_index: BTreeMap<u64, ConversationId>,
    pub(crate) conference_index: BTreeMap<String, ConversationId>,
    /// Rooms that a factory has made, with most of their parties.
    pub(crate) ad_hoc: BTreeMap<String, u8>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) ports: Ports,
    pub(crate) charges: Charges,
    pub(crate) timers: Timers,
    pub(crate) dice: ChaCha12Rng,
    pub(crate) next_id: u64,
    pub(crate) effects: VecDeque<Effect>,
    /// Agents whose snapshot is to be told at the end of this input.
    pub(crate) changed_agents: BTreeSet<String>,
    /// Rooms and contacts whose watchers are to be told at the end of this input.
    pub(crate) changed_focuses: BTreeSet<Focus>,
    /// Who watches whom.
    pub(crate) watches: Watches,
    /// What one end of a tie line has yet to tell the other.
    pub(crate) tie_news: VecDeque<TieNews>,
    /// How many conversations are out of their table now.
    pub(crate) depth: u32,
    /// Somebody waits or is free who was not: look at the queues at the end of this input.
    pub(crate) dispatch_due: bool,
    pub(crate) draining: bool,
    pub(crate) overloaded: bool,
    pub(crate) drained: bool,
    /// Conversations that had to be given up because of a fault of ours.
    pub(crate) faults: u64,
    /// Calls and transfers that security profiles have refused.
    pub(crate) not_permitted: u64,
}

impl Desk {
    pub(crate) fn new(config: Config, seed: [u8; 32]) -> Self {
        let (first, last) = config.media_ports;
        Desk {
            ports: Ports::new(first, last),
            config,
            now_us: 0,
            directory: Arc::default(),
            numbers: Numbers::default(),
            trunks: Vec::new(),
            trunk_lives: BTreeMap::new(),
            gateways: BTreeMap::new(),
            registrations: BTreeMap::new(),
            phone_owner: BTreeMap::new(),
            bindings: BTreeMap::new(),
            bans: BTreeMap::new(),
            agents: BTreeMap::new(),
            conversations: BTreeMap::new(),
            contact_index: BTreeMap::new(),
            leg_index: BTreeMap::new(),
            conference_index: BTreeMap::new(),
            ad_hoc: BTreeMap::new(),
            waiting: Vec::new(),
            charges: Charges::default(),
            timers: Timers::default(),
            dice: ChaCha12Rng::from_seed(seed),
            next_id: 0,
            effects: VecDeque::new(),
            changed_agents: BTreeSet::new(),
            changed_focuses: BTreeSet::new(),
            watches: Watches::default(),
            tie_news: VecDeque::new(),
            depth: 0,
            dispatch_due: false,
            draining: false,
            overloaded: false,
            drained: false,
            faults: 0,
            not_permitted: 0,
        }
    }

    /// Takes a checked directory over. Calls that are up go on as they were routed.
    pub(crate) fn set_directory(&mut self, directory: Directory) {
        self.leave_registrars(&directory);
        self.numbers = Numbers::of(&directory);
        self.trunks = directory.trunks.iter().map(TrunkState::of).collect();
        let owners = directory.phone_owners().into_iter();
        self.phone_owner = owners.map(|(phone, user)| (phone.to_string(), user.username.clone())).collect();
        self.bindings.retain(|phone, _| self.phone_owner.contains_key(phone));
        let known: BTreeSet<&str> = directory.users.iter().map(|user| user.username.as_str()).collect();
        self.agents.retain(|name, agent| known.contains(name.as_str()) || !agent.engagements.is_empty());
        for user in &directory.users {
            let now_us = self.now_us;
            self.agents.entry(user.username.clone()).or_insert_with(|| Agent::new(now_us));
            self.changed_agents.insert(user.username.clone());
        }
        self.directory = Arc::new(Business::from(directory));
        self.adopt_gateways();
        self.adopt_registrations();
        let access = self.access();
        self.sip(SipCommand::SetAccess(access));
        self.release_the_removed();
        self.end_lost_watches();
        self.count_devices();
        self.dispatch_due = true;
    }

    /// Whoever waits for a queue that is gone goes where a failed target goes; who is gone has nothing left to clear.
    fn release_the_removed(&mut self) {
        let lost = self.waiting.iter().filter(|each| !each.personal && self.directory.queue(&each.queue).is_none());
        for waiting in lost.cloned().collect::<Vec<_>>() {
            self.with(waiting.conversation, |desk, conversation| {
                desk.target_fails(conversation, waiting.connection, Failure::Status(480, None));
            });
        }
        let gone = self.agents.iter().filter(|(name, _)| self.directory.user(name).is_none());
        let left: Vec<(String, Engagement)> =
            gone.flat_map(|(name, agent)| agent.engagements.iter().map(|each| (name.clone(), *each))).collect();
        for (agent, engagement) in left.into_iter().filter(|(_, each)| matches!(each.part, Part::Acw | Part::Missed)) {
            self.with(engagement.conversation, |desk, conversation| {
                conversation.missed.retain(|(name, contact)| (name, contact) != (&agent, &engagement.contact));
                desk.acw_ends(conversation, engagement.contact);
            });
            self.release(&agent, engagement.contact);
        }
    }

    /// A number for a new connection, leg or conversation: even, so that it never meets the endpoint's own odd ones.
    pub(crate) fn allocate(&mut self) -> u64 {
        self.next_id += 2;
        self.next_id
    }

    /// A new contact id: a version 7 UUID (RFC 9562 §5.7), the milliseconds since the Unix epoch before 74 random bits. What
    /// begins together stands together in every index, where random ones would be written all over them.
    pub(crate) fn allocate_contact(&mut self) -> ContactId {
        let random = u128::from(self.dice.next_u64()) << 64 | u128::from(self.dice.next_u64());
        let dated = u128::from(self.now_us / 1_000) << 80 | random & !(u128::MAX << 80);
        let version = dated & !(0xf << 76) | 7 << 76;
        ContactId(version & !(0b11 << 62) | 0b10 << 62)
    }

    pub(crate) fn sip(&mut self, command: SipCommand) {
        self.effects.push_back(Effect::Sip(Box::new(command)));
    }

    pub(crate) fn out(&mut self, output: Output) {
        self.effects.push_back(Effect::Out(output));
    }

    pub(crate) fn reply(&mut self, request: RequestId, result: Result<crate::command::Reply, crate::command::Refusal>) {
        self.out(Output::Reply(request, result.map(Box::new).map_err(Box::new)));
    }

    /// Tells what happened to a contact.
    pub(crate) fn emit(&mut self, conversation: &mut Conversation, contact: ContactId, kind: EventKind) {
        conversation.changed = true;
        if conversation.contact(contact).is_none() {
            // The guest at the end of a tie line: its contact is another conversation's, and is told of there.
            return;
        }
        conversation.sequence += 1;
        let event = ContactEvent {
            contact_id: contact,
            root_contact_id: conversation.root(),
            sequence: conversation.sequence,
            at_ms: self.now_us / 1_000,
            kind,
        };
        self.out(Output::Event(Box::new(event)));
    }

    pub(crate) fn start_timer(&mut self, timer: Timer, after_ms: u64) {
        self.timers.set(timer, self.now_us.saturating_add(after_ms.saturating_mul(1_000)));
    }

    /// Works on one conversation, settles it, and puts it back or forgets it. A panic in it costs this conversation
    /// only: it is hung up and recorded.
    pub(crate) fn with<R>(
        &mut self,
        id: ConversationId,
        work: impl FnOnce(&mut Desk, &mut Conversation) -> R,
    ) -> Option<R> {
        let mut conversation = self.conversations.remove(&id)?;
        self.depth += 1;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = work(self, &mut conversation);
            self.settle(&mut conversation);
            result
        }));
        let result = match result {
            Ok(result) => Some(result),
            Err(_) => {
                self.faults += 1;
                tracing::error!(contact = %conversation.root(), "a fault of ours: this conversation is given up");
                self.give_up(&mut conversation);
                None
            }
        };
        self.put_back(conversation);
        self.depth -= 1;
        if self.depth == 0 {
            self.carry_tie_news();
        }
        result
    }

    /// Puts a conversation (back) into the table, or drops it when nothing of it is left.
    pub(crate) fn put_back(&mut self, conversation: Box<Conversation>) {
        if !conversation.is_over() {
            self.conversations.insert(conversation.id, conversation);
            return;
        }
        for contact in &conversation.contacts {
            self.contact_index.remove(&contact.id);
        }
        self.timers.stop_all_of(conversation.id);
        if let Some(room) = &conversation.conference {
            self.conference_index.remove(room);
            self.ad_hoc.remove(room);
        }
    }

    /// The address in our URIs: the first listener's.
    pub(crate) fn host(&self) -> String {
        match self.config.sip.listeners.first() {
            Some(listener) => Host::from(listener.advertised.ip()).printed(),
            None => self.config.sip.realm.clone(),
        }
    }

    /// Where the media of a leg that is reached this way is bound, and which address its descriptions carry: that of the
    /// listener which its messages use, so that each network is told what it can reach. A listener of another address
    /// family than the media's own address gives both.
    pub(crate) fn media_addresses(&self, way: &Way) -> (IpAddr, IpAddr) {
        let config = &self.config;
        let listeners = &config.sip.listeners;
        let listener = listeners.iter().find(|each| match way {
            Way::Flow(flow) => each.id == flow.listener,
            Way::Address { transport, remote, .. } => {
                each.transport == *transport && each.local.is_ipv4() == remote.is_ipv4()
            }
            Way::Name { transport, .. } => transport.is_none_or(|transport| each.transport == transport),
        });
        let Some(listener) = listener.or(listeners.first()) else {
            return (config.media_local, config.media_advertised.unwrap_or(config.media_local));
        };
        let told = listener.advertised.ip();
        if told.is_ipv4() == config.media_local.is_ipv4() {
            (config.media_local, config.media_advertised.unwrap_or(told))
        } else {
            (listener.local.ip(), told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_ids_are_uuids_that_rise_with_time() {
        let mut desk = Desk::new(Config::default(), [7; 32]);
        desk.now_us = 1_645_557_742_000_000; // RFC 9562 §A.6
        let first = desk.allocate_contact();
        assert_eq!(first.to_string().get(..15), Some("017f22e2-79b0-7"));
        assert_eq!(first.0 >> 62 & 0b11, 0b10, "the variant (§4.1)");
        assert_ne!(desk.allocate_contact(), first, "two of one moment");
        desk.now_us += 1_000;
        assert!(desk.allocate_contact() > first);
    }
}
