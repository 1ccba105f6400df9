//! Feature codes from an agent's keypad: the same as the panel's buttons. Two of them begin a transfer to the number that is
//! pressed after them; while it is being pressed the agent is heard by nobody and hears a tone, and whom it talked with is
//! held, so that nobody hears the digits.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{AddMode, Refusal, Target};
use crate::connection::Connection;
use crate::control::wrong_state;
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::directory::Feature;
use crate::ids::ConnectionId;
use crate::timer::Timer;

/// Most digits of a number.
const NUMBER_MAX: usize = 32;

/// How long an agent hears that its number leads nowhere, in milliseconds.
const FAILED_MS: u64 = 1_500;

/// An agent that presses a number after a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dialling {
    pub(crate) mode: AddMode,
    number: String,
    /// Whom it held for it.
    held: Vec<ConnectionId>,
    /// It is told that nothing came of it.
    pub(crate) failed: bool,
}

#[cfg(test)]
impl Dialling {
    /// What makes two of them the same for the walk.
    pub(crate) fn shape(&self) -> (AddMode, bool, &str, usize) {
        (self.mode, self.failed, &self.number, self.held.len())
    }
}

/// What has become of the keys so far.
enum Keys<T> {
    /// A code.
    Code(T),
    /// The beginning of one.
    Begun,
    /// Nothing.
    None,
}

/// Reads the latest keys; those that begin no code are forgotten.
fn read<T: Copy>(keys: &mut String, codes: &[(&str, &str, T)]) -> Keys<T> {
    while !keys.is_empty() {
        let used = || codes.iter().filter(|(_, code, _)| !code.is_empty());
        if let Some((_, _, code)) = used().find(|(_, code, _)| code == keys) {
            keys.clear();
            return Keys::Code(*code);
        }
        if used().any(|(_, code, _)| code.starts_with(keys.as_str())) {
            return Keys::Begun;
        }
        keys.remove(0);
    }
    Keys::None
}

impl Desk {
    /// The shard or the phone's INFO gives a digit: it may be part of a feature code.
    pub(crate) fn digit(&mut self, conversation: &mut Conversation, owner: ConnectionId, digit: char) {
        if self.whisper_key(conversation, owner, digit) {
            return;
        }
        let timer = Timer::FeatureCode(conversation.id, owner);
        let Some(party) = conversation.connection_mut(owner) else { return };
        if party.tie().is_some() {
            // Who pressed it has been heard already, where it is a party itself.
            return;
        }
        party.digit_count = party.digit_count.saturating_add(1);
        if !party.is_connected() {
            return;
        }
        if party.dialling.is_some() {
            return self.number_key(conversation, owner, digit);
        }
        let directory = Arc::clone(&self.directory);
        let codes = &directory.feature_codes;
        party.digits.push(digit);
        if party.monitor.is_some() {
            match read(&mut party.digits, &codes.of_supervisors()) {
                Keys::Code(mode) => {
                    self.timers.stop(timer);
                    self.supervisor_key(conversation, owner, mode);
                }
                Keys::Begun => self.start_timer(timer, u64::from(self.config.limits.feature_code_ms)),
                Keys::None => drop(self.timers.stop(timer)),
            }
        } else if party.is_agent() {
            match read(&mut party.digits, &codes.of_agents()) {
                Keys::Code(feature) => {
                    self.timers.stop(timer);
                    self.feature(conversation, owner, feature);
                }
                Keys::Begun => self.start_timer(timer, u64::from(self.config.limits.feature_code_ms)),
                Keys::None => drop(self.timers.stop(timer)),
            }
        } else {
            party.digits.clear();
        }
    }

    fn feature(&mut self, conversation: &mut Conversation, actor: ConnectionId, feature: Feature) {
        let target = conversation.live().filter(|each| each.added_by == Some(actor)).last().map(|each| each.id);
        let contact = crate::line::contact_of(conversation, actor);
        let room = conversation.conference.is_some();
        let transfers = || target.filter(|_| !room).ok_or_else(|| wrong_state("There is no target."));
        let done = match feature {
            Feature::Drop => transfers().and_then(|target| self.drop_party(conversation, actor, target)).map(|()| {
                let held = conversation.ids_of(|each| each.initial && each.hold.is_some_and(|hold| hold.by == contact));
                held.into_iter().for_each(|id| self.resume_party(conversation, id, contact));
            }),
            Feature::Complete => transfers().and_then(|_| self.leave_by_control(conversation, actor)),
            Feature::Join => transfers().and_then(|_| self.join(conversation, actor)),
            Feature::Swap => transfers().and_then(|_| self.swap(conversation, actor)),
            Feature::Undo => transfers().and_then(|_| self.undo(conversation, actor)),
            Feature::Hold => self.toggle_hold(conversation, actor),
            Feature::Mute => {
                let muted = conversation.connection(actor).is_some_and(|party| party.muted);
                self.set_mute(conversation, actor, contact, !muted);
                Ok(())
            }
            Feature::BlindTransfer => self.begin_number(conversation, actor, AddMode::Blind),
            Feature::Consult => self.begin_number(conversation, actor, AddMode::Consult),
        };
        if let Err(refusal) = done {
            tracing::info!(contact = %contact, ?feature, detail = refusal.detail, "a feature code was refused");
        }
    }

    /// Holds the customer, or takes it off hold; in a room, and without a customer, the agent steps out and back in.
    fn toggle_hold(&mut self, conversation: &mut Conversation, actor: ConnectionId) -> Result<(), Refusal> {
        let customer = |each: &Connection| each.initial && each.is_connected() && each.id != actor;
        let customers = conversation.ids_of(customer);
        if conversation.conference.is_none() && !customers.is_empty() {
            let held = conversation.ids_of(|each| customer(each) && each.hold.is_some());
            return if held.is_empty() {
                self.hold_customer(conversation, actor)
            } else {
                held.into_iter().try_for_each(|id| self.resume_one(conversation, actor, id))
            };
        }
        let contact = crate::line::contact_of(conversation, actor);
        if conversation.connection(actor).is_some_and(|party| party.hold.is_some()) {
            return self.resume_one(conversation, actor, actor);
        }
        self.hold_party(conversation, actor, contact, None);
        Ok(())
    }

    /// A code that a number follows.
    fn begin_number(
        &mut self,
        conversation: &mut Conversation,
        actor: ConnectionId,
        mode: AddMode,
    ) -> Result<(), Refusal> {
        let Some(party) = conversation.connection(actor) else { return Ok(()) };
        if !party.is_here() || conversation.conference.is_some() {
            return Err(wrong_state("From here nobody can be brought in by a number."));
        }
        let contact = party.contact;
        let talking = conversation.ids_of(|each| each.id != actor && each.talks());
        // Several talk on with each other meanwhile.
        let held = if let [only] = *talking.as_slice() { vec![only] } else { Vec::new() };
        held.iter().for_each(|id| self.hold_party(conversation, *id, contact, None));
        if let Some(party) = conversation.connection_mut(actor) {
            party.dialling = Some(Box::new(Dialling { mode, number: String::new(), held, failed: false }));
        }
        conversation.changed = true;
        let wait_ms = 2 * self.number_ms();
        self.start_timer(Timer::FeatureCode(conversation.id, actor), wait_ms);
        Ok(())
    }

    fn number_ms(&self) -> u64 {
        u64::from(self.directory.feature_codes.number_seconds) * 1_000
    }

    /// A key of the number: `#` ends it, `*` gives it up.
    fn number_key(&mut self, conversation: &mut Conversation, actor: ConnectionId, digit: char) {
        let next_ms = self.number_ms();
        let timer = Timer::FeatureCode(conversation.id, actor);
        let Some(dialling) = conversation.connection_mut(actor).and_then(|party| party.dialling.as_mut()) else {
            return;
        };
        match digit {
            _ if dialling.failed => {}
            '*' => self.end_number(conversation, actor),
            '#' => self.number_is_whole(conversation, actor),
            _ if dialling.number.len() >= NUMBER_MAX => self.number_failed(conversation, actor),
            _ => {
                dialling.number.push(digit);
                self.start_timer(timer, next_ms);
            }
        }
    }

    /// No key has come for a while: a code is forgotten, a number is whole, and a tone ends.
    pub(crate) fn keys_are_over(&mut self, conversation: &mut Conversation, owner: ConnectionId) {
        let Some(party) = conversation.connection_mut(owner) else { return };
        party.digits.clear();
        match party.dialling.as_ref().map(|dialling| dialling.failed) {
            Some(true) => self.end_number(conversation, owner),
            Some(false) => self.number_is_whole(conversation, owner),
            None => {}
        }
    }

    fn number_is_whole(&mut self, conversation: &mut Conversation, actor: ConnectionId) {
        let Some(dialling) = conversation.connection_mut(actor).and_then(|party| party.dialling.take()) else { return };
        self.timers.stop(Timer::FeatureCode(conversation.id, actor));
        conversation.changed = true;
        if dialling.number.is_empty() {
            return self.give_back(conversation, actor, &dialling.held);
        }
        let target = Target::PhoneNumber(dialling.number.clone());
        let targets = |conversation: &Conversation| conversation.ids_of(|each| each.added_by == Some(actor)).len();
        let before = targets(conversation);
        let done = self.add(conversation, actor, &target, dialling.mode);
        if let Err(refusal) = &done {
            tracing::info!(connection = %actor, detail = refusal.detail, "a number after a feature code was refused");
        }
        // Who has gone has what it asked for; and so has who waits for its target, or talks with it.
        let here = conversation.connection(actor).is_some_and(|party| party.is_connected() && party.is_here());
        let reached = done.is_ok() && targets(conversation) > before;
        if here && !reached {
            if let Some(party) = conversation.connection_mut(actor) {
                party.dialling = Some(dialling);
            }
            self.number_failed(conversation, actor);
        }
    }

    /// Nothing comes of it: a tone says so, then the call goes on.
    fn number_failed(&mut self, conversation: &mut Conversation, actor: ConnectionId) {
        if let Some(dialling) = conversation.connection_mut(actor).and_then(|party| party.dialling.as_mut()) {
            dialling.failed = true;
        }
        self.start_timer(Timer::FeatureCode(conversation.id, actor), FAILED_MS);
    }

    /// The agent gives the number up, or its panel or phone wants something else.
    pub(crate) fn end_number(&mut self, conversation: &mut Conversation, actor: ConnectionId) {
        let Some(dialling) = conversation.connection_mut(actor).and_then(|party| party.dialling.take()) else { return };
        self.timers.stop(Timer::FeatureCode(conversation.id, actor));
        conversation.changed = true;
        self.give_back(conversation, actor, &dialling.held);
    }

    fn give_back(&mut self, conversation: &mut Conversation, actor: ConnectionId, held: &[ConnectionId]) {
        let contact = crate::line::contact_of(conversation, actor);
        for id in held {
            // The phone itself would not listen: it is the phone's hold from now on, which ends with it.
            let line = conversation.connection(actor).and_then(|party| party.leg_towards(*id));
            let line = line.filter(|line| line.remote_hold).map(|line| line.id);
            let hold = conversation.connection_mut(*id).and_then(|party| party.hold.as_mut());
            match line.zip(hold) {
                Some((line, hold)) => hold.by_leg = Some(line),
                None => self.resume_party(conversation, *id, contact),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_among_other_keys() {
        let codes = [("a", "*1", 1), ("b", "##", 2), ("c", "*21", 3), ("off", "", 4)];
        for (pressed, wanted) in [
            ("*1", vec![1]),
            ("**1", vec![1]),
            ("12*1", vec![1]),
            ("###", vec![2]),
            ("*2*21", vec![3]),
            ("*9#1", vec![]),
        ] {
            let (mut keys, mut found) = (String::new(), Vec::new());
            for key in pressed.chars() {
                keys.push(key);
                if let Keys::Code(code) = read(&mut keys, &codes) {
                    found.push(code);
                }
                assert!(keys.len() < 3, "no more is kept than begins a code");
            }
            assert_eq!(found, wanted, "{pressed}");
        }
    }
}
