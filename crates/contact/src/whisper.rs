//! What a target hears before it is connected: a brief, after which it is, or a prompt that it has to accept with 1. Until
//! then it is being reached: whoever waits for it hears it ring, and its voicemail never gets the customer.

use serde::{Deserialize, Serialize};

use baton_media::{Command as MediaCommand, StreamId};

use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::directory::QuickConnect;
use crate::event::EventKind;
use crate::ids::ConnectionId;
use crate::outcome::Failure;
use crate::timer::Timer;

/// The prompt that asks for 1 when the quick connect names none.
const PRESS_ONE_PROMPT: &str = "press-one";

/// The key that accepts.
const ACCEPT: char = '1';

/// What a target is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whisper {
    pub(crate) prompt: String,
    /// It must accept.
    pub(crate) press_one: bool,
    /// For how long at most.
    pub(crate) seconds: u32,
}

impl Whisper {
    /// What a quick connect's target is told, if anything.
    pub(crate) fn of(entry: &QuickConnect) -> Option<Box<Whisper>> {
        let (press_one, seconds) = (entry.press_one, entry.accept_seconds);
        let prompt = entry.brief.clone().or_else(|| press_one.then(|| PRESS_ONE_PROMPT.to_string()))?;
        Some(Box::new(Whisper { prompt, press_one, seconds }))
    }
}

impl Desk {
    /// A target has answered that is told something before it is connected. False when nothing is.
    pub(crate) fn begin_whisper(&mut self, conversation: &mut Conversation, target: ConnectionId, leg_id: u64) -> bool {
        let now_us = self.now_us;
        let Some(party) = conversation.connection_mut(target) else { return false };
        let Some(whisper) = party.whisper.clone() else { return false };
        party.enter(Phase::Whispering, now_us);
        let contact = party.contact;
        self.start_timer(Timer::Ring(conversation.id, target), u64::from(whisper.seconds) * 1_000);
        self.emit(conversation, contact, EventKind::Whispering { connection_id: target });
        if !whisper.press_one {
            self.media(conversation, MediaCommand::Play { stream: StreamId(leg_id), prompt: whisper.prompt });
        }
        true
    }

    /// The brief has been played.
    pub(crate) fn brief_ended(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        if whisper_to(conversation, target).is_some_and(|whisper| !whisper.press_one) {
            self.target_connects(conversation, target);
        }
    }

    /// A key of a target that is asked to accept: 1 does, any other declines. False when it is not asked.
    pub(crate) fn whisper_key(&mut self, conversation: &mut Conversation, target: ConnectionId, digit: char) -> bool {
        let Some(whisper) = whisper_to(conversation, target) else { return false };
        match (whisper.press_one, digit) {
            (true, ACCEPT) => self.target_connects(conversation, target),
            (true, _) => self.target_declines(conversation, target),
            (false, _) => {}
        }
        true
    }

    /// The time for it is over: who was to accept has declined; whose brief did not end is connected all the same.
    pub(crate) fn whisper_is_over(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        match whisper_to(conversation, target).map(|whisper| whisper.press_one) {
            Some(true) => self.target_declines(conversation, target),
            Some(false) => self.target_connects(conversation, target),
            None => {}
        }
    }

    /// A target that had answered does not take the customer.
    pub(crate) fn target_declines(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        let agent = conversation.connection(target).is_some_and(Connection::is_agent);
        self.end_legs(conversation, target, 480);
        if agent {
            self.offer_failed(conversation, target, Failure::Declined);
        } else {
            self.target_fails(conversation, target, Failure::Declined);
        }
    }
}

fn whisper_to(conversation: &Conversation, target: ConnectionId) -> Option<&Whisper> {
    let party = conversation.connection(target).filter(|party| party.phase == Phase::Whispering)?;
    party.whisper.as_deref()
}
