//! Snapshots and answers to questions: derived from the state, never part of it.

use baton_sip::{Flow, SubscriptionSummary};

use crate::agent::Part;
use crate::command::{Query, Refusal, RefusalKind, Reply};
use crate::connection::{Connection, Phase};
use crate::conversation::{Conversation, Stage};
use crate::desk::Desk;
use crate::directory::{QuickConnect, QuickConnectType};
use crate::ids::ContactId;
use crate::io::Output;
use crate::recall::FailedTarget;
use crate::snapshot::{
    AgentActivity, AgentSnapshot, CallSummary, ConferenceView, ConnectionSnapshot, ContactSnapshot, ContactState,
    GatewayView, QueueView, QuickConnectView, RegistrationView, SubscriptionView, TrunkRegistrationView, TrunkView,
};
use crate::trunk::{GatewayState, TrunkLife, TrunkState};

/// How long an ended party stays in snapshots, in microseconds.
const ENDED_SHOWN_US: u64 = 60_000_000;

/// Length of a contact that the wait estimate assumes, in milliseconds, as no history is kept in the core.
const HANDLE_TIME_ASSUMED_MS: u64 = 180_000;

impl Desk {
    pub(crate) fn query(&self, query: &Query) -> Result<Reply, Refusal> {
        let not_found = |what: &str| Refusal::new(RefusalKind::NotFound, format!("There is no {what}."));
        match query {
            Query::Contact(contact) => {
                let conversation = self.contact_index.get(contact).and_then(|id| self.conversations.get(id));
                let snapshot = conversation.and_then(|conversation| self.contact_snapshot(conversation, *contact));
                snapshot
                    .map(|snapshot| Reply::Contact(Box::new(snapshot)))
                    .ok_or_else(|| not_found("such contact, or it is over; its record may be there"))
            }
            Query::Agent(name) => self
                .agent_snapshot(name)
                .map(|agent| Reply::Agent(Box::new(agent)))
                .ok_or_else(|| not_found(&format!("agent {name}"))),
            Query::Agents => {
                Ok(Reply::Agents(self.agents.keys().filter_map(|name| self.agent_snapshot(name)).collect()))
            }
            Query::Calls => Ok(Reply::Calls(self.calls())),
            Query::Queues => {
                Ok(Reply::Queues(self.directory.queues.iter().map(|q| self.queue_view(&q.name)).collect()))
            }
            // Those are the endpoint's: see `Core::handle`.
            Query::Subscriptions { .. } => Ok(Reply::Subscriptions(Vec::new())),
            Query::Registrations => Ok(Reply::Registrations(self.registrations())),
            Query::Bans => Ok(Reply::Bans(self.ban_views())),
            Query::Trunks => Ok(Reply::Trunks(self.trunk_views())),
            Query::Conferences(by) => Ok(Reply::Conferences(self.conferences(by.as_deref()))),
            Query::Conference { by, room } => {
                self.check_conference(by.as_deref(), room)?;
                Ok(Reply::Conference(Box::new(self.conference_view(room, by.as_deref()))))
            }
            Query::QuickConnects(agent) => {
                if self.directory.user(agent).is_none() {
                    return Err(not_found(&format!("agent {agent}")));
                }
                let entries = self.directory.quick_connects_of(agent);
                Ok(Reply::QuickConnects(entries.into_iter().map(|entry| self.quick_connect_view(entry)).collect()))
            }
        }
    }

    pub(crate) fn contact_snapshot(&self, conversation: &Conversation, contact: ContactId) -> Option<ContactSnapshot> {
        let entry = conversation.contact(contact)?;
        let root = conversation.root();
        let state = self.contact_state(conversation, contact);
        let agent = conversation.agent_connection(contact).and_then(|party| party.agent.clone());
        Some(ContactSnapshot {
            contact_id: contact,
            initial_contact_id: (root != contact).then_some(root),
            previous_contact_id: entry.previous,
            next_contact_id: entry.next,
            revision: conversation.revision,
            initiation_method: entry.method,
            state,
            since_ms: entry.since_us / 1_000,
            agent: entry.agent.clone().or(agent),
            queue: entry.queue.as_ref().filter(|place| !place.personal).map(|place| place.name.clone()),
            customer: entry.customer.as_ref().map(|customer| customer.address.clone()),
            recall: entry.failed_target.as_ref().map(FailedTarget::snapshot),
            connections: self.connection_snapshots(conversation),
            controls: (self.supervisor_controls(conversation, contact))
                .unwrap_or_else(|| controls(conversation, contact, state)),
            attributes: entry.attributes.clone(),
        })
    }

    fn contact_state(&self, conversation: &Conversation, contact: ContactId) -> ContactState {
        let stage = conversation.contact(contact).map_or(Stage::Completed, |entry| entry.stage);
        match stage {
            Stage::Acw => return ContactState::Acw,
            Stage::Closing | Stage::Completed => return ContactState::Completed,
            Stage::Open => {}
        }
        match conversation.agent_connection(contact).map(|party| party.phase) {
            Some(Phase::Queued) => ContactState::Queued,
            Some(Phase::Offered | Phase::Ringing | Phase::EarlyMedia | Phase::Whispering) => ContactState::Incoming,
            Some(Phase::Calling) => ContactState::Connecting,
            _ => {
                let pending =
                    conversation.connections.iter().any(|party| party.contact == contact && party.is_pending());
                if pending { ContactState::Connecting } else { ContactState::Connected }
            }
        }
    }

    fn connection_snapshots(&self, conversation: &Conversation) -> Vec<ConnectionSnapshot> {
        let shown =
            |party: &&Connection| party.is_live() || self.now_us.saturating_sub(party.since_us) < ENDED_SHOWN_US;
        conversation.connections.iter().filter(shown).map(connection_snapshot).collect()
    }

    /// An agent that has no part in a room sees whom it has had called into it.
    fn guest_snapshots(&self, room: &Conversation, by: Option<&str>) -> Vec<ConnectionSnapshot> {
        let mut all = self.connection_snapshots(room);
        if let Some(agent) = by.filter(|_| !self.sees_room(room, by)) {
            let own = |id| room.connection(id).is_some_and(|guest| crate::guest::called_by(guest, agent));
            all.retain(|guest| own(guest.connection_id));
        }
        all
    }

    pub(crate) fn agent_snapshot(&self, name: &str) -> Option<AgentSnapshot> {
        let agent = self.agents.get(name)?;
        let user = self.directory.user(name);
        let contacts = agent.engagements.iter().filter_map(|each| {
            let conversation = self.conversations.get(&each.conversation)?;
            let mut snapshot = self.contact_snapshot(conversation, each.contact)?;
            if each.part == Part::Missed {
                snapshot.state = ContactState::Missed;
                snapshot.since_ms = each.since_us / 1_000;
                snapshot.controls = vec!["clear".to_string()];
            }
            Some(snapshot)
        });
        Some(AgentSnapshot {
            username: name.to_string(),
            name: user.map(|user| user.name.clone()).unwrap_or_default(),
            revision: agent.revision,
            status: agent.status.clone(),
            next_status: agent.next_status.clone(),
            activity: agent.activity(),
            routable: agent.routable(),
            since_ms: agent.present().map_or(agent.idle_since_us, |each| each.since_us) / 1_000,
            devices: agent.devices,
            contacts: contacts.collect(),
        })
    }

    /// Tells the panels, and the phones that watch them, which agents look different now.
    pub(crate) fn tell_agents(&mut self) {
        for name in std::mem::take(&mut self.changed_agents) {
            if let Some(agent) = self.agents.get_mut(&name) {
                agent.revision += 1;
            }
            if let Some(snapshot) = self.agent_snapshot(&name) {
                self.out(Output::Agent(Box::new(snapshot)));
            }
            self.tell_watchers_of(&name);
        }
    }

    fn calls(&self) -> Vec<CallSummary> {
        let live = self.conversations.values().filter(|conversation| conversation.live().next().is_some());
        live.map(|conversation| CallSummary {
            contact_id: conversation.root(),
            conference: conversation.conference.clone(),
            since_ms: conversation.connections.iter().map(|party| party.since_us).min().unwrap_or_default() / 1_000,
            connections: self.connection_snapshots(conversation),
        })
        .collect()
    }

    fn conferences(&self, by: Option<&str>) -> Vec<ConferenceView> {
        let named = self.directory.conferences.iter().map(|room| &room.name);
        let all = named.chain(self.ad_hoc.keys()).filter(|name| self.check_conference(by, name).is_ok());
        all.map(|name| self.conference_view(name, by)).collect()
    }

    pub(crate) fn conference_view(&self, name: &str, by: Option<&str>) -> ConferenceView {
        let room = self.room_of_name(name);
        let own = |number: &&crate::directory::Number| number.conference.as_deref() == Some(name);
        let numbers = self.directory.numbers.iter().filter(own).map(|number| number.number.clone());
        let ad_hoc = self.ad_hoc.contains_key(name);
        ConferenceView {
            name: name.to_string(),
            numbers: numbers.chain(ad_hoc.then(|| name.to_string())).collect(),
            max_parties: u32::try_from(self.room_parties_max(name)).unwrap_or(u32::MAX),
            ad_hoc,
            parties: room.map_or(0, |room| u32::try_from(room.live().count()).unwrap_or(u32::MAX)),
            connections: room.map(|room| self.guest_snapshots(room, by)).unwrap_or_default(),
        }
    }

    fn queue_view(&self, name: &str) -> QueueView {
        let waiting: Vec<u64> = (self.waiting.iter())
            .filter(|each| !each.personal && each.queue == name)
            .map(|each| self.now_us.saturating_sub(each.since_us) / 1_000)
            .collect();
        let serves = |agent: &str| {
            self.directory.profile_of(agent).is_some_and(|profile| profile.queues.iter().any(|each| each.queue == name))
        };
        let staff: Vec<_> = self.agents.iter().filter(|(agent, _)| serves(agent)).map(|(_, agent)| agent).collect();
        let free = staff.iter().filter(|agent| agent.routable()).count() as u32;
        let staffed = staff.iter().filter(|a| a.devices > 0 && a.status == crate::agent::AVAILABLE).count() as u32;
        let ahead = waiting.len() as u64 + 1;
        let estimated_wait_ms = if free > 0 { 0 } else { ahead * HANDLE_TIME_ASSUMED_MS / u64::from(staffed.max(1)) };
        QueueView {
            name: name.to_string(),
            waiting: waiting.len() as u32,
            longest_wait_ms: waiting.into_iter().max().unwrap_or_default(),
            estimated_wait_ms,
            agents_free: free,
            agents_staffed: staffed,
        }
    }

    fn registrations(&self) -> Vec<RegistrationView> {
        let all = self.bindings.iter().flat_map(|(phone, bindings)| bindings.iter().map(move |each| (phone, each)));
        all.map(|(phone, binding)| RegistrationView {
            phone: phone.clone(),
            agent: self.phone_owner.get(phone).cloned(),
            contact: binding.contact.clone(),
            flow: way_text(&binding.flow),
            transport: transport_text(&binding.flow),
            instance: binding.instance.clone(),
            reg_id: binding.reg_id,
            path: binding.path.clone(),
            expires_at_ms: binding.expires_at_us / 1_000,
            user_agent: binding.user_agent.clone(),
        })
        .collect()
    }

    /// What the endpoint has, with who it belongs to and what it is for.
    pub(crate) fn subscription_view(&self, summary: SubscriptionSummary) -> SubscriptionView {
        SubscriptionView {
            subscription_id: summary.subscription.0,
            agent: self.phone_owner.get(&summary.account).cloned(),
            phone: summary.account,
            event: summary.package.name().to_owned(),
            watched: self.watches.entity(summary.subscription).unwrap_or_default().to_owned(),
            flow: way_text(&summary.flow),
            expires_at_ms: summary.expires_at_us / 1_000,
        }
    }

    pub(crate) fn trunk_views(&self) -> Vec<TrunkView> {
        self.trunks.iter().map(|trunk| self.trunk_view(trunk)).collect()
    }

    fn trunk_view(&self, trunk: &TrunkState) -> TrunkView {
        let none = TrunkLife::default();
        let life = self.trunk_lives.get(&trunk.name).unwrap_or(&none);
        let gateway = |gateway: &GatewayState| GatewayView {
            address: gateway.address.clone(),
            priority: gateway.priority,
            weight: gateway.weight,
            up: self.gateway_is_up(gateway),
            monitored: trunk.options_interval_ms > 0,
            last_status: self.gateways.get(&gateway.id).and_then(|life| life.last_status),
            since_ms: self.gateways.get(&gateway.id).map_or(0, |life| life.since_us / 1_000),
        };
        let registration = self.registration_of(&trunk.name).map(|registration| TrunkRegistrationView {
            registered: registration.is_registered(self.now_us),
            gateway: trunk.gateways.get(registration.gateway).map(|each| each.address.clone()).unwrap_or_default(),
            expires_at_ms: registration.until_us / 1_000,
            last_status: registration.last_status,
        });
        TrunkView {
            name: trunk.name.clone(),
            calls: life.calls_in + life.calls_out,
            calls_in: life.calls_in,
            calls_out: life.calls_out,
            max_calls: trunk.max_calls,
            handed_back: life.handed_back,
            bridged_instead: life.bridged_instead,
            trombones: life.trombones,
            gateways: trunk.gateways.iter().map(gateway).collect(),
            registration,
        }
    }

    fn quick_connect_view(&self, entry: &QuickConnect) -> QuickConnectView {
        let agent = entry.user.as_ref().and_then(|name| self.agents.get(name));
        let queue = entry.queue.as_ref().filter(|_| entry.kind == QuickConnectType::Queue);
        let queue = queue.map(|name| self.queue_view(name));
        QuickConnectView {
            quick_connect_id: entry.name.clone(),
            name: entry.name.clone(),
            description: entry.description.clone(),
            kind: entry.kind,
            phone_number: entry.phone_number.clone(),
            activity: match entry.kind {
                QuickConnectType::User => Some(agent.map_or(AgentActivity::Unreachable, |agent| agent.activity())),
                _ => None,
            },
            available: match entry.kind {
                QuickConnectType::User => agent.is_some_and(|agent| agent.routable()),
                QuickConnectType::Queue => queue.as_ref().is_some_and(|queue| queue.agents_free > 0),
                QuickConnectType::PhoneNumber => true,
            },
            queue,
        }
    }
}

/// A way to a phone: `udp:192.0.2.1:5060`.
fn way_text(flow: &Flow) -> String {
    format!("{}:{}", transport_text(flow), flow.remote)
}

fn transport_text(flow: &Flow) -> String {
    flow.transport.via_token().to_ascii_lowercase()
}

fn connection_snapshot(party: &Connection) -> ConnectionSnapshot {
    let since_us = party.hold.map_or(party.since_us, |hold| hold.since_us);
    ConnectionSnapshot {
        connection_id: party.id,
        contact_id: party.contact,
        kind: party.kind,
        initial: party.initial,
        state: party.shown_state(),
        muted: party.muted,
        address: party.address.clone(),
        name: party.name.clone(),
        agent: party.agent.clone(),
        outcome: party.outcome.as_ref().map(|outcome| outcome.name.text().to_string()),
        sip_status: party.outcome.as_ref().map(|outcome| outcome.sip_status).filter(|status| *status > 0),
        whispers_to: party.monitor.and_then(|monitor| monitor.to),
        since_ms: since_us / 1_000,
    }
}

/// The controls that the agent of a contact is offered in this state.
fn controls(conversation: &Conversation, contact: ContactId, state: ContactState) -> Vec<String> {
    let names: Vec<&str> = match state {
        ContactState::Acw | ContactState::Missed => vec!["clear"],
        ContactState::Incoming => vec!["accept", "reject"],
        ContactState::Connected | ContactState::Connecting => in_call(conversation, contact),
        ContactState::Queued | ContactState::Completed => Vec::new(),
    };
    names.into_iter().map(str::to_string).collect()
}

fn in_call(conversation: &Conversation, contact: ContactId) -> Vec<&'static str> {
    let agent = conversation.agent_connection(contact).filter(|party| party.is_connected());
    if agent.is_some_and(|party| !party.is_here()) {
        return vec!["undo", "end"];
    }
    let Some(agent) = agent.map(|party| party.id) else { return Vec::new() };
    if conversation.conference.is_some() {
        let own = conversation.connection(agent).is_some_and(|party| party.hold.is_some());
        return vec![if own { "resume" } else { "hold" }, "leave", "end", "add"];
    }
    let others = || conversation.live().filter(|party| party.id != agent);
    let held = others().any(|party| party.hold.is_some());
    let talking = others().any(Connection::talks);
    let customer = || others().filter(|party| party.initial && party.is_connected());
    let connected = others().filter(|party| party.is_connected()).count();
    let mut names = Vec::new();
    let mut offer = |name, on: bool| names.extend(on.then_some(name));
    offer("hold", customer().any(|party| party.hold.is_none()));
    offer("resume", customer().any(|party| party.hold.is_some()));
    offer("swap", held && talking);
    offer("join", held && connected >= 2);
    offer("holdAll", talking && connected >= 2);
    offer("leave", crate::control::may_leave(conversation, agent));
    offer("end", true);
    offer("add", true);
    names
}
