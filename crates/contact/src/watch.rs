//! Who watches whom (RFC 6665): the phones' subscriptions, and what is true for each.
//!
//! Busy lamps and presence are an agent's, by its extension, its name or the name of one of its phones; the conference
//! package is a room's, by its number, or that of a contact with three parties and more, by the URI that the Contact of its
//! legs then bears (RFC 4579 §5.1). What is said is derived from the state, never kept.

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
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::leg::{Device, Leg, LegState};
use crate::route::Destination;
use crate::snapshot::{AgentActivity, ConnectionType};

/// What a phone watches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Watched {
    /// The calls of an agent.
    Calls(String),
    /// Whether an agent can be reached.
    Reach(String),
    /// A conference.
    Conference(Focus),
}

/// Where a conference is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Focus {
    /// In a room.
    Room(String),
    /// Where a contact is that began with this one.
    Call(ContactId),
}

/// What the user part of a contact's own conference URI begins with; its root contact follows.
const CALL_PREFIX: &str = "conference-";

/// How many parties make a conference.
const PARTIES_LEAST: usize = 3;

impl Focus {
    /// Of a conversation.
    pub(crate) fn of(conversation: &Conversation) -> Focus {
        match &conversation.conference {
            Some(room) => Focus::Room(room.clone()),
            None => Focus::Call(conversation.root()),
        }
    }
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
    calls: BTreeMap<ContactId, BTreeSet<SubscriptionId>>,
}

impl Watches {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// What a phone watches, as it asked for it.
    pub(crate) fn entity(&self, id: SubscriptionId) -> Option<&str> {
        self.all.get(&id).map(|watch| watch.entity.as_str())
    }

    /// Whether a conference is watched.
    pub(crate) fn has(&self, focus: &Focus) -> bool {
        match focus {
            Focus::Room(room) => self.rooms.contains_key(room),
            Focus::Call(root) => self.calls.contains_key(root),
        }
    }

    fn of(&self, focus: &Focus) -> BTreeSet<SubscriptionId> {
        let watchers = match focus {
            Focus::Room(room) => self.rooms.get(room),
            Focus::Call(root) => self.calls.get(root),
        };
        watchers.cloned().unwrap_or_default()
    }

    fn insert(&mut self, id: SubscriptionId, watch: Watch) {
        match &watch.watched {
            Watched::Calls(agent) | Watched::Reach(agent) => self.agents.entry(agent.clone()).or_default().insert(id),
            Watched::Conference(Focus::Room(room)) => self.rooms.entry(room.clone()).or_default().insert(id),
            Watched::Conference(Focus::Call(root)) => self.calls.entry(*root).or_default().insert(id),
        };
        self.all.insert(id, watch);
    }

    fn remove(&mut self, id: SubscriptionId) {
        let Some(watch) = self.all.remove(&id) else { return };
        match &watch.watched {
            Watched::Calls(agent) | Watched::Reach(agent) => leave_out(&mut self.agents, agent, id),
            Watched::Conference(Focus::Room(room)) => leave_out(&mut self.rooms, room, id),
            Watched::Conference(Focus::Call(root)) => leave_out(&mut self.calls, root, id),
        }
    }
}

fn leave_out<K: Ord>(index: &mut BTreeMap<K, BTreeSet<SubscriptionId>>, key: &K, id: SubscriptionId) {
    let Some(ids) = index.get_mut(key) else { return };
    ids.remove(&id);
    if ids.is_empty() {
        index.remove(key);
    }
}

impl Desk {
    /// A phone wants to watch something.
    pub(crate) fn watch(&mut self, subscription: SubscriptionId, account: &str, package: Package, target: &Party) {
        let owner = self.phone_owner.get(account);
        let Some(watched) = owner.and_then(|agent| self.watchable(agent, package, &target.user)) else {
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

    /// Tells those who watch a conference that has changed. A contact's is over with its last party; a room is there empty too.
    pub(crate) fn tell_focuses(&mut self) {
        for focus in std::mem::take(&mut self.changed_focuses) {
            let watchers = self.watches.of(&focus);
            let is_over = match &focus {
                Focus::Call(_) => self.parties_at(&focus).is_empty(),
                Focus::Room(name) => self.room_parties_max(name) == 0,
            };
            if is_over {
                self.end_watches(watchers);
            } else {
                self.tell_watchers(watchers);
            }
        }
    }

    /// The legs of a conference say so in their Contact, whenever it is sent next (RFC 4579 §5.1); no message is sent for it.
    pub(crate) fn publish_focus(&mut self, conversation: &mut Conversation) {
        // Only who talks with a room that a call leads to is told its URI, and nobody outside: it is the key to that room (R10).
        let mut led: (Option<String>, Vec<ConnectionId>) = (None, Vec::new());
        let conference = match Focus::of(conversation) {
            Focus::Room(room) => {
                let numbers = &self.directory.numbers;
                let number = numbers.iter().find(|number| number.conference.as_ref() == Some(&room));
                let ad_hoc = || self.ad_hoc.contains_key(&room).then_some(&room);
                number.map(|number| &number.number).or_else(ad_hoc).map(|number| escape_user(number))
            }
            Focus::Call(root) => {
                if let Some(room) = conversation.live().find(|party| party.is_room() && party.is_connected()) {
                    let told = |party: &Connection| party.is_agent() || (room.talks() && party.talks());
                    led = (Some(escape_user(&room.address)), conversation.ids_of(told));
                }
                let present = conversation.live().filter(|party| party.is_connected() && !is_monitor(party)).count();
                (present >= PARTIES_LEAST).then(|| format!("{CALL_PREFIX}{root}"))
            }
        };
        let mut changed = Vec::new();
        for party in &mut conversation.connections {
            let (room, told) = (&led.0, led.1.contains(&party.id));
            let reached = |leg: &&mut Leg| leg.is_wired() && matches!(leg.state, LegState::Incoming | LegState::Up);
            for leg in party.legs.iter_mut().filter(reached) {
                let inside = told && matches!(leg.device, Device::Phone(_));
                let named = room.as_ref().filter(|_| inside).or(conference.as_ref());
                if leg.focus.as_ref() != named {
                    leg.focus = named.cloned();
                    changed.push((leg.session(), leg.focus.clone()));
                }
            }
        }
        for (session, conference) in changed {
            self.sip(SipCommand::Focus { session, conference });
        }
    }

    /// Nobody watches what the directory has no more.
    pub(crate) fn end_lost_watches(&mut self) {
        let rooms = &self.directory.conferences;
        let is_lost = |watched: &Watched| match watched {
            Watched::Calls(agent) | Watched::Reach(agent) => self.directory.user(agent).is_none(),
            Watched::Conference(Focus::Room(name)) => {
                !rooms.iter().any(|room| room.name == *name) && !self.ad_hoc.contains_key(name)
            }
            Watched::Conference(Focus::Call(_)) => false,
        };
        let lost = self.watches.all.iter().filter(|(_, watch)| is_lost(&watch.watched));
        self.end_watches(lost.map(|(id, _)| *id).collect());
    }

    fn end_watches(&mut self, watchers: BTreeSet<SubscriptionId>) {
        for subscription in watchers {
            self.watches.remove(subscription);
            self.sip(SipCommand::EndSubscription { subscription, reason: EndReason::NoResource });
        }
    }

    /// What a number or name means to this agent's phone. Who is in a contact is for those in it.
    fn watchable(&self, agent: &str, package: Package, user: &str) -> Option<Watched> {
        if let (Package::Conference, Some(root)) = (package, user.strip_prefix(CALL_PREFIX)) {
            let focus = Focus::Call(root.parse().ok()?);
            let is_in = self.parties_at(&focus).iter().any(|party| party.agent.as_deref() == Some(agent));
            return is_in.then_some(Watched::Conference(focus));
        }
        match (package, self.resolve(user).ok()?) {
            (Package::Dialog, Destination::Agent(agent)) => Some(Watched::Calls(agent)),
            (Package::Presence, Destination::Agent(agent)) => Some(Watched::Reach(agent)),
            (Package::Conference, Destination::Conference(room)) => Some(Watched::Conference(Focus::Room(room))),
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
            Watched::Conference(focus) => EventState::Conference(self.conference_info(focus, entity)),
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

    fn conference_info(&self, focus: &Focus, entity: String) -> ConferenceInfo {
        let (name, users_max) = match focus {
            Focus::Room(name) => (name.clone(), u32::try_from(self.room_parties_max(name)).unwrap_or(u32::MAX)),
            Focus::Call(_) => (String::new(), u32::try_from(self.config.limits.parties_max).unwrap_or(u32::MAX)),
        };
        let (parties, host) = (self.parties_at(focus), self.host());
        let users = parties.into_iter().filter_map(|party| attendee(party, &host)).collect();
        ConferenceInfo { entity, name, users_max, users }
    }

    fn parties_at(&self, focus: &Focus) -> Vec<&Connection> {
        let id = match focus {
            Focus::Room(name) => self.conference_index.get(name),
            Focus::Call(root) => self.contact_index.get(root),
        };
        let conversation = id.and_then(|id| self.conversations.get(id));
        conversation.into_iter().flat_map(|conversation| conversation.live()).collect()
    }
}

/// Who only listens in on a conference is nobody's business.
fn is_monitor(party: &Connection) -> bool {
    party.kind == ConnectionType::Monitor
}

/// How a party stands as one of its agent's calls; `None` while nothing rings or will.
fn watched_dialog(conversation: &Conversation, party: &Connection) -> Option<WatchedDialog> {
    let phase = match party.phase {
        Phase::Offered => DialogPhase::Trying,
        Phase::Ringing | Phase::EarlyMedia | Phase::Calling => DialogPhase::Early,
        // Its phone is off the hook while it is told something before it is connected.
        Phase::Connected | Phase::Whispering => DialogPhase::Confirmed,
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

/// A party of a conference as others see it.
fn attendee(party: &Connection, host: &str) -> Option<Attendee> {
    if is_monitor(party) {
        return None;
    }
    let status = match party.phase {
        Phase::Calling => AttendeeStatus::DialingIn,
        Phase::Queued | Phase::Offered => AttendeeStatus::DialingOut,
        Phase::Ringing | Phase::EarlyMedia | Phase::Whispering => AttendeeStatus::Alerting,
        Phase::Connected if party.hold.is_some() || party.legs.iter().all(|leg| leg.remote_hold) => {
            AttendeeStatus::OnHold
        }
        Phase::Connected if party.muted => AttendeeStatus::MutedViaFocus,
        Phase::Connected => AttendeeStatus::Connected,
        Phase::Ended => return None,
    };
    let called = party.legs.iter().any(|leg| leg.came_in() || !leg.is_wired());
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
