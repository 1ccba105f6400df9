//! Conference rooms as the targets of calls. A call that is led into a room stays a conversation of its own, with its
//! contacts, holds and transfers; between the two is a tie line: a leg of the room's party in the call, a leg of a guest in
//! the room, and the sound goes from one to the other through this machine's own network, whichever shards they are in. So
//! whoever consults a room is one guest of it, the customer waits outside, and a hold of the call is silence in the room.
//!
//! Whichever end of a tie line ends, the other one ends after it. A room learns how many talk through a tie line, and who.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

use baton_media::Command as MediaCommand;
use baton_sdp::{Capabilities, LocalMedia, Negotiation};
use baton_sip::EndCause;

use crate::command::Refusal;
use crate::connection::{Connection, Phase};
use crate::control::wrong_state;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::event::{DisconnectReason, EndpointAddress};
use crate::ids::{ConnectionId, ConversationId};
use crate::leg::{Device, Leg, LegState};
use crate::line::PTIME_MS;
use crate::outcome::Failure;
use crate::route::Destination;
use crate::snapshot::ConnectionType;

/// The far end of a tie line, on a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tie {
    /// Whose leg there bears the same number.
    pub(crate) connection: ConnectionId,
    /// On the room's leg: who is behind it now. On the call's: what the room was told of that last.
    pub(crate) behind: Behind,
    /// On the call's leg: nobody else is in the room, or on the way there. On the room's: what the call was told of that last.
    pub(crate) empty: bool,
}

/// Who takes part in a room through a tie line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Behind {
    /// How many talk.
    pub(crate) talking: u32,
    /// The number and name of the customer, else of whoever there is.
    pub(crate) address: String,
    pub(crate) name: String,
}

/// What one end of a tie line has to tell the other, once nothing else is being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TieNews {
    /// Whom.
    connection: ConnectionId,
    news: News,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum News {
    Ended,
    /// To the room: who takes part in it through the line.
    Behind(Behind),
    /// To the call: whether nobody else is in the room.
    Empty(bool),
}

impl Connection {
    /// The tie line that it takes part by, if it does.
    pub(crate) fn tie(&self) -> Option<&Tie> {
        self.legs.first().and_then(|leg| leg.tie.as_deref())
    }

    /// A conference room, as a party of a call.
    pub(crate) fn is_room(&self) -> bool {
        self.tie().is_some() && self.kind == ConnectionType::ThirdParty
    }

    /// A conference room as a party of a call, in which nobody is but whoever comes from the call: no company for anybody.
    pub(crate) fn is_empty_room(&self) -> bool {
        self.is_room() && self.tie().is_some_and(|tie| tie.empty)
    }
}

impl Desk {
    /// Most parties of a room; 0 when there is no such room.
    pub(crate) fn room_parties_max(&self, name: &str) -> usize {
        let room = self.directory.conferences.iter().find(|each| each.name == name).map(|room| room.max_parties);
        room.or_else(|| self.ad_hoc.get(name).copied()).map_or(0, usize::from)
    }

    /// A conference factory makes a room (RFC 4579 §5.4); its name is its number, which only those know who are told.
    pub(crate) fn make_room(&mut self, settings: &str) -> String {
        let name = format!("room-{:016x}", self.dice.next_u64());
        let most = u8::try_from(self.room_parties_max(settings)).unwrap_or(u8::MAX);
        self.ad_hoc.insert(name.clone(), most);
        self.open_room(&name);
        name
    }

    /// Whether one guest more may come into a room.
    pub(crate) fn room_has_space(&self, name: &str) -> bool {
        let room = self.room_of_name(name);
        room.map_or(0, |room| room.live().count()) < self.room_parties_max(name)
    }

    /// The conference room of this name, while anybody is in it.
    pub(crate) fn room_of_name(&self, name: &str) -> Option<&Conversation> {
        self.conference_index.get(name).and_then(|id| self.conversations.get(id)).map(Box::as_ref)
    }

    /// Whether an agent is in a room, or being called into it, by a line of its own and not by a call that leads there.
    pub(crate) fn is_in_room_itself(&self, name: &str, agent: &str) -> bool {
        let room = self.room_of_name(name);
        room.is_some_and(|room| room.party_of_agent(agent).is_some())
    }

    /// Who of these users is in a room already, or hears it as a supervisor.
    pub(crate) fn already_there<'a>(&self, name: &str, mut agents: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let room = self.room_of_name(name)?;
        agents.find(|agent| self.would_hear_itself(room, agent))
    }

    /// Nobody comes into a room by two lines, its own or those of calls that lead there: it would hear itself, as a supervisor
    /// too. Whoever leads the call there and goes is not meant.
    pub(crate) fn check_nobody_is_there_twice(
        &self,
        conversation: &Conversation,
        destination: &Destination,
        goes: Option<ConnectionId>,
    ) -> Result<(), Refusal> {
        let Destination::Conference(name) = destination else { return Ok(()) };
        let heard = conversation.live().chain(conversation.monitors()).filter(|party| Some(party.id) != goes);
        let agents = heard.filter_map(|party| party.agent.as_deref());
        match self.already_there(name, agents) {
            Some(agent) => {
                Err(wrong_state(&format!("{agent} is in the conference room {name} already, by another line.")))
            }
            None => Ok(()),
        }
    }

    /// The number by which a room is dialled; without one its name.
    pub(crate) fn room_number(&self, name: &str) -> String {
        let own = |number: &&crate::directory::Number| number.conference.as_deref() == Some(name);
        self.directory.numbers.iter().find(own).map_or(name, |number| &number.number).to_owned()
    }

    /// A room as the record names it.
    pub(crate) fn room_endpoint(&self, name: &str) -> EndpointAddress {
        EndpointAddress { address: self.room_number(name), name: Some(name.to_owned()) }
    }

    /// Leads a call into a room: the target answers at once, or has failed.
    pub(crate) fn enter_by_tie(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        name: &str,
    ) -> Result<(), Failure> {
        if !self.room_has_space(name) {
            return Err(Failure::Status(if self.room_parties_max(name) > 0 { 486 } else { 404 }, None));
        }
        let contact = crate::line::contact_of(conversation, target);
        let behind = behind(conversation, target);
        let mut near = Leg::new(target.0, Device::Room(name.to_owned()), LegState::Up, self.now_us);
        let room = self.conference_index.get(name).copied();
        let room = room.unwrap_or_else(|| self.open_room(name));
        let Some((offer, pending)) = self.open_tie(conversation, &mut near) else {
            // An empty room is over.
            self.with(room, |_, _| ());
            return Err(Failure::Limit);
        };
        let entered = self.with(room, |desk, room| {
            let guest = ConnectionId(desk.allocate());
            let mut far = Leg::new(guest.0, Device::Room(name.to_owned()), LegState::Up, desk.now_us);
            desk.open_tie(room, &mut far)?;
            let answer = far.negotiation.as_mut().and_then(|own| own.answer(&offer).ok());
            let empty = room.live().next().is_none();
            let tie = Tie { connection: target, behind: behind.clone(), empty };
            (far.answered_us, far.tie) = (Some(desk.now_us), Some(Box::new(tie)));
            desk.leg_index.insert(far.id, room.id);
            desk.configure(room, &far);
            let mut party = Connection::new(guest, contact, ConnectionType::Inbound, Phase::Connected, desk.now_us);
            (party.initial, party.address, party.name) = (true, behind.address.clone(), behind.name.clone());
            party.legs.push(far);
            room.connections.push(party);
            room.changed = true;
            Some((guest, answer?.0, empty))
        });
        let Some((guest, answer, empty)) = entered.flatten() else {
            self.abandon_tie(conversation, &near);
            return Err(Failure::Limit);
        };
        if let Some(own) = near.negotiation.as_mut()
            && let Err(error) = own.accept(pending, &answer)
        {
            tracing::error!(%error, "the ends of a tie line do not agree");
        }
        near.tie = Some(Box::new(Tie { connection: guest, behind, empty }));
        self.leg_index.insert(near.id, conversation.id);
        self.configure(conversation, &near);
        let leg = near.id;
        if let Some(party) = conversation.connection_mut(target) {
            party.legs.push(near);
            party.rung = true;
        }
        self.target_answers(conversation, target, leg);
        Ok(())
    }

    /// A room that nobody is in yet.
    pub(crate) fn open_room(&mut self, name: &str) -> ConversationId {
        let mut room = self.new_conversation();
        let id = room.id;
        room.conference = Some(name.to_owned());
        self.conference_index.insert(name.to_owned(), id);
        self.conversations.insert(id, Box::new(room));
        id
    }

    /// Takes a port for one end of a tie line, and offers for it. `None` when no port is free.
    fn open_tie(
        &mut self,
        conversation: &Conversation,
        leg: &mut Leg,
    ) -> Option<(bytes::Bytes, baton_sdp::PendingOffer)> {
        let port = self.ports.take()?;
        // It leaves this machine by no interface.
        let address = match self.config.media_local {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let capabilities = Capabilities {
            codecs: self.codecs_for(conversation),
            telephone_event: true,
            ptime_ms: PTIME_MS,
            rtcp_mux: true,
        };
        let mut negotiation = Negotiation::new(LocalMedia { address, port }, capabilities, leg.id);
        let offered = negotiation.offer();
        leg.negotiation = Some(negotiation);
        let local = SocketAddr::new(address, port);
        self.media(conversation, MediaCommand::Open { stream: leg.stream(), local, local_rtcp: None });
        Some(offered)
    }

    /// The call's end of a tie line to a room that cannot take it.
    fn abandon_tie(&mut self, conversation: &Conversation, leg: &Leg) {
        if let Some(negotiation) = &leg.negotiation {
            self.ports.give_back(negotiation.local().port);
        }
        self.media(conversation, MediaCommand::Close { stream: leg.stream() });
    }

    /// One end of a tie line has ended: the other one follows.
    pub(crate) fn tie_ended(&mut self, leg: &Leg) {
        if let Some(tie) = &leg.tie {
            self.tie_news.push_back(TieNews { connection: tie.connection, news: News::Ended });
        }
    }

    /// Tells rooms who talks in them through a call, and calls whether anybody else is in the room that they lead to.
    pub(crate) fn tell_ties(&mut self, conversation: &mut Conversation) {
        if conversation.conference.is_some() {
            return self.tell_whether_empty(conversation);
        }
        for id in conversation.ids_of(Connection::is_room) {
            let now = behind(conversation, id);
            let party = conversation.connection_mut(id);
            let Some(tie) = party.and_then(|party| party.legs.first_mut()).and_then(|leg| leg.tie.as_mut()) else {
                continue;
            };
            if tie.behind != now {
                tie.behind = now.clone();
                self.tie_news.push_back(TieNews { connection: tie.connection, news: News::Behind(now) });
            }
        }
    }

    fn tell_whether_empty(&mut self, room: &mut Conversation) {
        let empty = room.live().count() <= 1;
        for party in room.connections.iter_mut().filter(|party| party.is_live()) {
            if let Some(tie) = party.legs.first_mut().and_then(|leg| leg.tie.as_mut()).filter(|tie| tie.empty != empty)
            {
                tie.empty = empty;
                self.tie_news.push_back(TieNews { connection: tie.connection, news: News::Empty(empty) });
            }
        }
    }

    /// Carries the news of tie lines to their far ends: to be called when every conversation is in its table.
    pub(crate) fn carry_tie_news(&mut self) {
        while let Some(news) = self.tie_news.pop_front() {
            let Some(id) = self.leg_index.get(&news.connection.0).copied() else { continue };
            self.with(id, |desk, conversation| {
                let Some(party) = conversation.connection_mut(news.connection).filter(|party| party.is_live()) else {
                    return;
                };
                match news.news {
                    News::Ended if !party.is_room() => {
                        desk.leave(conversation, news.connection, "customer", Cause::of(DisconnectReason::Other));
                    }
                    News::Ended => desk.party_gone(conversation, news.connection, (EndCause::Bye, None)),
                    News::Empty(empty) => {
                        if let Some(tie) = party.legs.first_mut().and_then(|leg| leg.tie.as_mut()) {
                            tie.empty = empty;
                        }
                    }
                    News::Behind(behind) => {
                        (party.address, party.name) = (behind.address.clone(), behind.name.clone());
                        if let Some(tie) = party.legs.first_mut().and_then(|leg| leg.tie.as_mut()) {
                            tie.behind = behind;
                        }
                        conversation.changed = true;
                    }
                }
            });
        }
    }
}

/// Who is in a room through its party in a call.
fn behind(conversation: &Conversation, room: ConnectionId) -> Behind {
    let talks = conversation.connection(room).is_some_and(Connection::talks);
    let others = || conversation.live().filter(|each| each.id != room && each.is_connected() && !each.is_room());
    let talking = others().filter(|each| talks && each.talks()).count();
    let rank = |each: &&Connection| (!each.talks(), !each.initial, each.id);
    let first = others().min_by_key(rank);
    Behind {
        talking: u32::try_from(talking).unwrap_or(u32::MAX),
        address: first.map(|each| each.address.clone()).unwrap_or_default(),
        name: first.map(|each| each.name.clone()).unwrap_or_default(),
    }
}
