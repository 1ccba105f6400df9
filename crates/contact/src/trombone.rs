//! Trombones: a call that comes in by a trunk and goes out by the same one, with nobody of ours in it any more. It costs
//! the trunk two channels and us two legs; the trunk is asked to connect the two itself, where its policy says so.

use serde::{Deserialize, Serialize};

use baton_sip::{Command as SipCommand, SessionId};

use crate::connection::Connection;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::directory::{TransferPolicy, TrombonePolicy};
use crate::event::DisconnectReason;
use crate::leg::Device;

/// Two legs of one trunk that are bridged here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trombone {
    trunk: String,
    /// The customer's session, and the other one.
    sessions: (SessionId, SessionId),
    /// The trunk was asked to connect them itself.
    asked: bool,
}

impl Desk {
    /// Notices a trombone when it comes to be, and has it released once if that is wanted.
    pub(crate) fn look_for_trombone(&mut self, conversation: &mut Conversation) {
        let Some((trunk, sessions)) = trombone_of(conversation) else {
            conversation.trombone = None;
            return;
        };
        if conversation.trombone.as_ref().is_some_and(|known| known.sessions == sessions) {
            return;
        }
        self.count_trombone(&trunk);
        let of_transfer = conversation.transfers > 0;
        let asked = self.trunk(&trunk).is_some_and(|trunk| {
            let by_transfer = of_transfer && trunk.transfer == TransferPolicy::Refer;
            by_transfer || trunk.trombones == TrombonePolicy::Release
        });
        if asked {
            let (session, other) = sessions;
            tracing::info!(trunk, "both legs of a call are the trunk's: it is asked to connect them itself");
            self.sip(SipCommand::TransferTo { session, other });
        }
        conversation.trombone = Some(Trombone { trunk, sessions, asked });
    }

    /// The trunk connects the two itself, or it does not; then they go on by us.
    pub(crate) fn release_progress(
        &mut self,
        conversation: &mut Conversation,
        session: SessionId,
        (status, from_notify): (u16, bool),
    ) {
        let own = |known: &&Trombone| known.asked && known.sessions.0 == session;
        let Some(trombone) = conversation.trombone.as_ref().filter(own) else {
            return tracing::debug!(session = session.0, status, "a REFER of ours that nobody waits for made progress");
        };
        let trunk = trombone.trunk.clone();
        match (from_notify, status) {
            (_, 100..=199) | (false, 200..=299) => {}
            (true, 200..=299) => {
                self.count_take_back(&trunk, true);
                self.end_all(conversation, Cause::of(DisconnectReason::Other));
            }
            _ => {
                tracing::info!(trunk, status, "the trunk did not connect the two; they go on by us");
                self.count_take_back(&trunk, false);
            }
        }
    }
}

/// The trunk of both parties of a conversation, if they are just two, and their sessions.
fn trombone_of(conversation: &Conversation) -> Option<(String, (SessionId, SessionId))> {
    if conversation.conference.is_some() {
        return None;
    }
    let mut live = conversation.live();
    let (Some(one), Some(other), None) = (live.next(), live.next(), live.next()) else { return None };
    let trunk_leg = |party: &'_ Connection| match party.legs.as_slice() {
        [leg] if leg.is_up() && party.talks() => match &leg.device {
            Device::Trunk(name) => Some((name.clone(), leg.session(), party.initial)),
            Device::Phone(_) | Device::Room(_) => None,
        },
        _ => None,
    };
    let (trunk, session, is_customer) = trunk_leg(one)?;
    let (other_trunk, other_session, _) = trunk_leg(other)?;
    if trunk != other_trunk {
        return None;
    }
    Some((trunk, if is_customer { (session, other_session) } else { (other_session, session) }))
}
