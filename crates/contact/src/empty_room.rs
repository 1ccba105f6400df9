//! A room in which nobody is keeps no customer company (R4). An agent may leave one there, for others to come; whoever is
//! alone in it for too long, and without an agent, goes the way back: to the agent, to a queue, to a prompt.

use crate::connection::Connection;
use crate::control::reason_of;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::event::{EventKind, PartyRole};
use crate::ids::ConversationId;
use crate::outcome::Failure;
use crate::recall::Loss;
use crate::route::Destination;
use crate::timer::Timer;

/// How long a customer may be alone in a room, in milliseconds: somebody may be about to come.
pub(crate) const EMPTY_ROOM_MS: u64 = 30_000;

impl Conversation {
    /// Nobody is with the customer but a room in which nobody is.
    fn is_left_in_empty_room(&self) -> bool {
        let there = |party: &&Connection| party.is_connected() || party.is_pending();
        let mut others = self.live().filter(there).filter(|party| !party.initial).peekable();
        let mut customers = self.customers().filter(|party| party.is_connected());
        self.conference.is_none()
            && others.peek().is_some()
            && others.all(Connection::is_empty_room)
            && matches!((customers.next(), customers.next()), (Some(customer), None) if !customer.is_agent())
    }
}

impl Desk {
    /// Begins or ends the time that a customer may be alone in a room.
    pub(crate) fn look_into_rooms(&mut self, conversation: &Conversation) {
        let timer = Timer::EmptyRoom(conversation.id);
        if !conversation.is_left_in_empty_room() {
            self.timers.stop(timer);
        } else if !self.timers.is_set(timer) {
            self.start_timer(timer, EMPTY_ROOM_MS);
        }
    }

    /// Nobody came into the room: its customer goes the way back. While that leads to nobody, it waits on with the room's music, as
    /// whoever dials the room does.
    pub(crate) fn alone_long_enough(&mut self, conversation: &mut Conversation) {
        let room = conversation.live().find(|party| party.is_empty_room());
        let Some(room) = room.filter(|_| conversation.is_left_in_empty_room()) else { return };
        let (id, contact, recall_to) = (room.id, room.contact, room.recall_to.clone());
        let cause = Cause::of(reason_of(PartyRole::ThirdParty));
        let loss = Loss { contact, target: Some((id, Failure::Status(480, None))), recall_to, cause };
        if !self.has_way_back(conversation, &loss) {
            return self.start_timer(Timer::EmptyRoom(conversation.id), EMPTY_ROOM_MS);
        }
        self.emit(conversation, contact, EventKind::Left { by: "system".to_string() });
        self.end_party(conversation, id, 480);
        self.keep_the_customer(conversation, &loss);
    }

    /// The call lets go of rooms in which nobody is.
    pub(crate) fn leave_empty_rooms(&mut self, conversation: &mut Conversation) {
        for room in conversation.ids_of(Connection::is_empty_room) {
            self.leave(conversation, room, "system", Cause::of(reason_of(PartyRole::ThirdParty)));
        }
    }

    /// Whether a room would have to be opened for a call, and there are as many conversations as may be.
    pub(crate) fn opens_one_too_many(&self, room: &Destination) -> bool {
        let there = matches!(room, Destination::Conference(name) if self.conference_index.contains_key(name));
        // Those that are worked on now are out of their table.
        !there && self.conversations.len() + self.depth as usize >= self.config.limits.conversations_max
    }

    /// Whether anybody is in a room, or on the way there, who does not come by this party of it.
    pub(crate) fn somebody_is_in(&self, room: &str, but: Option<crate::ids::ConnectionId>) -> bool {
        let id: Option<&ConversationId> = self.conference_index.get(room);
        let room = id.and_then(|id| self.conversations.get(id));
        room.is_some_and(|room| room.live().any(|party| Some(party.id) != but))
    }
}
