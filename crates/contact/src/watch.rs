//! Who watches whom (RFC 6665): the phones' subscriptions, and what is true for each.
//!
//! Busy lamps and presence are an agent's, by its extension, its name or the name of one of its phones; the conference
//! package is a room's, by its number. What is said is derived from the state, never kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use baton_sip::events::{
    Activity, Attendee, AttendeeStatus, ConferenceInfo, DialogInfo, DialogPhase, JoiningMethod, Presence, WatchedDialog,
};
use baton_sip::{Command as SipCommand, EndReason, EventState, Package, Party, SubscriptionId};

use crate::agent::{AVAILABLE, Agent, Part};
use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::dial::escape_user;
use crate::ids::ConversationId;
use crate::leg::Leg;
use crate::route::Destination;
use crate::snapshot::{AgentActivity, ConnectionType};

/// What a phone watches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Watched {
    /// The calls of an agent.
    Calls(String),
    /// Whether an agent can be reached.
    Reach(String),
    /// A conference room.
    Room(String),
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Watch {
    watched: Watched,
    /// The URI by which the phone knows it.
    entity: String,
}

/// All subscriptions, also by what is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watches {
    all: BTreeMap<SubscriptionId, Watch>,
    agents: BTreeMap<String, BTreeSet<SubscriptionId>>,
    rooms: BTreeMap<String, BTreeSet<SubscriptionId>>,
}

impl Watches {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether a room is watched.
    pub(crate) fn has_room(&self, room: &str) -> bool {
        self.rooms.contains_key(room)
    }

    fn insert(&mut self, id: SubscriptionId, watch: Watch) {
        match &watch.watched {
            Watched::Calls(agent) | Watched::Reach(agent) => self.agents.entry(agent.clone()).or_default().insert(id),
            Watched::Room(room) => self.rooms.entry(room.clone()).or_default().insert(id),
        };
        self.all.insert(id, watch);
    }

    fn remove(&mut self, id: SubscriptionId) {
        let Some(watch) = self.all.remove(&id) else { return };
        let (index, name) = match &watch.watched {
            Watched::Calls(agent) | Watched::Reach(agent) => (&mut self.agents, agent),
            Watched::Room(room) => (&mut self.rooms, room),
        };
        if let Some(ids) = index.get_mut(name) {
            ids.remove(&id);
            if ids.is_empty() {
                index.remove(name);
            }
        }
    }
}

impl Desk {
    /// A phone wants to watch something.
    pub(crate) fn watch(&mut self, subscription: SubscriptionId, account: &str, package: Package, target: &Party) {
        let watched = self.watchable(package, &target.user).filter(|_| self.phone_owner.contains_key(account));
        let Some(watched) = watched else {
            return self.sip(SipCommand::RefuseSubscription { subscription, status: 404 });
        };
        let entity = format!("sip:{}@{}", escape_user(&target.user), self.host());
        let watch = Watch { watched, entity };
        let state = Box::new(self.state_of(&watch));
        self.watches.insert(subscription, watch);
        self.sip(SipCommand::AcceptSubscription { subscription, state });
    }

    /// A subscription is over.
    pub(crate) fn unwatch(&mut self, subscription: SubscriptionId) {
        self.watches.remove(subscription);
    }

    /// Tells those who watch an agent what is true of it now.
    pub(crate) fn tell_watchers_of(&mut self, agent: &str) {
        let watchers = self.watches.agents.get(agent).cloned().unwrap_or_default();
        self.tell_watchers(watchers);
    }

    /// Tells those who watch a room that has changed.
    pub(crate) fn tell_rooms(&mut self) {
        for room in std::mem::take(&mut self.changed_rooms) {
            let watchers = self.watches.rooms.get(&room).cloned().unwrap_or_default();
            self.tell_watchers(watchers);
        }
    }

    /// Nobody watches what the directory has no more.
    pub(crate) fn end_lost_watches(&mut self) {
        let rooms = &self.directory.conferences;
        let is_lost = |watched: &Watched| match watched {
            Watched::Calls(agent) | Watched::Reach(agent) => self.directory.user(agent).is_none(),
            Watched::Room(name) => !rooms.iter().any(|room| room.name == *name),
        };
        let lost = self.watches.all.iter().filter(|(_, watch)| is_lost(&watch.watched));
        for subscription in lost.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.watches.remove(subscription);
            self.sip(SipCommand::EndSubscription { subscription, reason: EndReason::NoResource });
        }
    }

    fn watchable(&self, package: Package, user: &str) -> Option<Watched> {
        match (package, self.numbers.look_up(user)?) {
            (Package::Dialog, Destination::Agent(agent)) => Some(Watched::Calls(agent)),
            (Package::Presence, Destination::Agent(agent)) => Some(Watched::Reach(agent)),
            (Package::Conference, Destination::Conference(room)) => Some(Watched::Room(room)),
            _ => None,
        }
    }

    fn tell_watchers(&mut self, watchers: BTreeSet<SubscriptionId>) {
        for subscription in watchers {
            let Some(watch) = self.watches.all.get(&subscription) else { continue };
            let state = Box::new(self.state_of(watch));
            self.sip(SipCommand::Publish { subscription, state });
        }
    }

    fn state_of(&self, watch: &Watch) -> EventState {
        let entity = watch.entity.clone();
        match &watch.watched {
            Watched::Calls(agent) => EventState::Dialog(DialogInfo { entity, dialogs: self.dialogs_of(agent) }),
            Watched::Reach(agent) => EventState::Presence(self.reach_of(agent, entity)),
            Watched::Room(room) => EventState::Conference(self.room_info(room, entity)),
        }
    }

    /// The calls that an agent is on, or is called by.
    fn dialogs_of(&self, agent: &str) -> Vec<WatchedDialog> {
        let engagements = self.agents.get(agent).map(|state| state.engagements.as_slice()).unwrap_or_default();
        let busy = engagements.iter().filter(|each| matches!(each.part, Part::On | Part::Offered));
        let ids: BTreeSet<ConversationId> = busy.map(|each| each.conversation).collect();
        let conversations = ids.iter().filter_map(|id| self.conversations.get(id));
        let own = |party: &&Connection| party.agent.as_deref() == Some(agent);
        conversations
            .flat_map(|conversation| {
                conversation.live().filter(own).filter_map(|party| watched_dialog(conversation, party))
            })
            .collect()
    }

    fn reach_of(&self, agent: &str, entity: String) -> Presence {
        let Some(agent) = self.agents.get(agent) else {
            return Presence { entity, open: false, note: String::new(), activity: None };
        };
        Presence { entity, open: agent.routable(), note: note_of(agent), activity: activity_of(agent) }
    }

    fn room_info(&self, name: &str, entity: String) -> ConferenceInfo {
        let room = self.directory.conferences.iter().find(|room| room.name == name);
        let conversation = self.conference_index.get(name).and_then(|id| self.conversations.get(id));
        let parties = conversation.into_iter().flat_map(|conversation| conversation.live());
        let host = self.host();
        ConferenceInfo {
            entity,
            name: name.to_string(),
            users_max: room.map_or(0, |room| u32::from(room.max_parties)),
            users: parties.filter_map(|party| attendee(party, &host)).collect(),
        }
    }
}

/// How a party stands as one of its agent's calls; `None` while nothing rings or will.
fn watched_dialog(conversation: &Conversation, party: &Connection) -> Option<WatchedDialog> {
    let phase = match party.phase {
        Phase::Offered => DialogPhase::Trying,
        Phase::Ringing | Phase::EarlyMedia | Phase::Calling => DialogPhase::Early,
        Phase::Connected => DialogPhase::Confirmed,
        Phase::Queued | Phase::Ended => return None,
    };
    let mut others = conversation.live().filter(|other| other.id != party.id && other.is_connected()).peekable();
    let alone = others.peek().is_none();
    let held = !party.talks() || (!alone && !others.any(Connection::talks));
    Some(WatchedDialog {
        id: party.id.to_string(),
        initiator: party.legs.iter().any(Leg::came_in),
        phase,
        held: party.is_connected() && held,
    })
}

fn note_of(agent: &Agent) -> String {
    let note = match agent.activity() {
        AgentActivity::OnContact => "On a call",
        AgentActivity::Offered => "Being called",
        AgentActivity::Acw => "After-contact work",
        AgentActivity::Missed => "Missed a contact",
        AgentActivity::Unreachable => "No phone",
        AgentActivity::Idle => agent.status.as_str(),
    };
    note.to_string()
}

fn activity_of(agent: &Agent) -> Option<Activity> {
    match agent.activity() {
        AgentActivity::OnContact | AgentActivity::Offered => Some(Activity::OnThePhone),
        AgentActivity::Acw | AgentActivity::Missed => Some(Activity::Busy),
        AgentActivity::Idle if agent.status == AVAILABLE => None,
        AgentActivity::Idle | AgentActivity::Unreachable => Some(Activity::Away),
    }
}

/// A party of a conference as others see it. Who only listens in on it is nobody's business.
fn attendee(party: &Connection, host: &str) -> Option<Attendee> {
    if party.kind == ConnectionType::Monitor {
        return None;
    }
    let status = match party.phase {
        Phase::Calling => AttendeeStatus::DialingIn,
        Phase::Queued | Phase::Offered => AttendeeStatus::DialingOut,
        Phase::Ringing | Phase::EarlyMedia => AttendeeStatus::Alerting,
        Phase::Connected if party.hold.is_some() || party.legs.iter().all(|leg| leg.remote_hold) => {
            AttendeeStatus::OnHold
        }
        Phase::Connected if party.muted => AttendeeStatus::MutedViaFocus,
        Phase::Connected => AttendeeStatus::Connected,
        Phase::Ended => return None,
    };
    let called = party.legs.iter().any(Leg::came_in);
    Some(Attendee {
        id: format!("sip:party-{}@{host}", party.id),
        entity: format!("sip:{}@{host}", escape_user(&party.address)),
        name: party.name.clone(),
        status,
        joining: if called { JoiningMethod::DialedIn } else { JoiningMethod::DialedOut },
        is_heard: party.talks() && !party.muted && status != AttendeeStatus::OnHold,
        hears: party.talks() && status != AttendeeStatus::OnHold,
    })
}
