//! Session-ID (RFC 7989): both ends of a call know each other's name through us, whoever the other end is by now. Who talks
//! with one party is named to it; who is in a conference, or in a room, talks with its focus, whose name is the root contact's.

use baton_sip::{Command as SipCommand, SessionId, Voice};

use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::ids::ConnectionId;
use crate::leg::Leg;
use crate::snapshot::ConnectionType;

impl Desk {
    /// Those who talk are named to each other. Who is held keeps the name that it knows.
    pub(crate) fn publish_names(&mut self, conversation: &mut Conversation) {
        let talks = |party: &&Connection| party.talks() && party.kind != ConnectionType::Monitor;
        let talking: Vec<&Connection> = conversation.live().filter(talks).collect();
        let voices: Vec<(SessionId, Voice)> = match talking.as_slice() {
            _ if conversation.conference.is_some() => in_conference(conversation, &talking),
            [] | [_] => return,
            _ if talking.iter().any(|party| party.is_room()) => in_conference(conversation, &talking),
            [one, other] => {
                [(one, other), (other, one)].into_iter().filter_map(|(to, about)| voice(to, about)).collect()
            }
            _ => in_conference(conversation, &talking),
        };
        for (session, voice) in voices {
            self.speak(conversation, session, voice);
        }
    }

    /// A caller that waits for a target is to hear its name with its own answer.
    pub(crate) fn speak_for(&mut self, conversation: &mut Conversation, caller_leg: u64, target: ConnectionId) {
        let target = conversation.connection(target).and_then(Connection::main_leg).map(Leg::session);
        let wired = target.is_some_and(|target| conversation.leg(target.0).is_some_and(Leg::is_wired));
        if let Some(target) = target.filter(|_| wired && conversation.conference.is_none()) {
            self.speak(conversation, SessionId(caller_leg), Voice::Session(target));
        }
    }

    fn speak(&mut self, conversation: &mut Conversation, session: SessionId, voice: Voice) {
        let legs = conversation.connections.iter_mut().flat_map(|party| &mut party.legs);
        let own = |leg: &&mut Leg| leg.session() == session && leg.voice != voice && leg.is_wired();
        let Some(leg) = legs.into_iter().find(own) else { return };
        leg.voice = voice.clone();
        self.sip(SipCommand::Speak { session, voice });
    }
}

/// For whom a party is called: for who brought it in, else for the first one who is there.
pub(crate) fn voice_towards(conversation: &Conversation, target: ConnectionId) -> Voice {
    let added_by = conversation.connection(target).and_then(|party| party.added_by);
    let by = added_by.and_then(|id| conversation.connection(id)).filter(|party| party.is_live());
    let mut others = conversation.live().filter(|party| party.id != target && !party.legs.is_empty());
    let leg = by.or_else(|| others.next()).and_then(|party| party.leg_towards(target).or(party.legs.first()));
    leg.map_or(Voice::Own, |leg| Voice::Session(leg.session()))
}

fn voice(to: &Connection, about: &Connection) -> Option<(SessionId, Voice)> {
    Some((to.leg_towards(about.id)?.session(), Voice::Session(about.leg_towards(to.id)?.session())))
}

fn in_conference(conversation: &Conversation, talking: &[&Connection]) -> Vec<(SessionId, Voice)> {
    let name = format!("{:032x}", conversation.root().0);
    let legs = talking.iter().filter_map(|party| party.main_leg());
    legs.map(|leg| (leg.session(), Voice::Named(name.clone()))).collect()
}
