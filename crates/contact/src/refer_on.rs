//! A REFER from a trunk that goes on to the far end of the other leg, whose NOTIFYs come back (R11).

use serde::{Deserialize, Serialize};

use baton_sip::wire::escape;
use baton_sip::{Command as SipCommand, ReplacesTarget, SessionId};

use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::dial::escape_user;
use crate::directory::ReferPolicy;
use crate::ids::ConnectionId;
use crate::leg::Device;
use crate::permission::Deed;
use crate::refer::Asked;
use crate::route::Destination;
use crate::timer::Timer;

/// What the transferor of a REFER that was passed on is told when nothing more is heard of it.
const NEVER_HEARD_OF: u16 = 504;

/// A REFER that was passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passing {
    /// As the transferor asked.
    asked: Asked,
    /// The session that it went on by.
    pub(crate) onto: SessionId,
    /// If the far end will not, we do it.
    converts: bool,
    /// It was taken, and so was the transferor's.
    accepted: bool,
}

impl Desk {
    /// Passes a REFER on, or answers it, where its trunk's policy says so. False: it is acted on here.
    pub(crate) fn refers_on(&mut self, conversation: &mut Conversation, owner: ConnectionId, asked: &Asked) -> bool {
        let policy = self.trunk_that_refers(conversation, owner, asked.session).map(|trunk| trunk.refer);
        let converts = match policy {
            Some(ReferPolicy::Pass) => false,
            Some(ReferPolicy::Convert) => true,
            _ => return false,
        };
        if matches!(asked.target.replaces, Some(ReplacesTarget::Session(_) | ReplacesTarget::Answered(_))) {
            // The dialog that it names is one with us, which the far end does not know.
            return false;
        }
        let (session, transfer) = (asked.session, asked.transfer);
        // R12: what may not be reached from here may not be reached by others' hands either.
        let accounts = conversation.connection(owner).map(|party| self.accounts_of(party)).unwrap_or_default();
        let destination = if self.is_meant_here(conversation, owner, asked).is_ok() {
            self.resolve(&asked.target.target.user).ok()
        } else {
            // Its user part tells nothing: it is outside, and no number of any class.
            Some(Destination::Outside { number: asked.target.target.uri.clone(), trunks: Vec::new() })
        };
        if let Some(destination) = destination
            && self.permit(&accounts, Deed::Transfer, &destination).is_err()
        {
            self.sip(SipCommand::RefuseTransfer { session, transfer, status: 403 });
            return true;
        }
        match self.onward(conversation, owner, asked) {
            Ok((onto, target)) => {
                let name = conversation.connection(owner).map(|party| party.address.clone()).unwrap_or_default();
                let referred_by = Some(format!("<sip:{}@{}>", escape_user(&name), self.host()));
                conversation.transfers += 1;
                if let Some(party) = conversation.connection_mut(owner) {
                    let passing = Passing { asked: asked.clone(), onto, converts, accepted: false };
                    party.passing = Some(Box::new(passing));
                }
                self.sip(SipCommand::Transfer { session: onto, target, referred_by });
                let patience =
                    self.trunk_that_refers(conversation, owner, session).map(|trunk| trunk.gateway_timeout_ms);
                let patience_ms = u64::from(patience.unwrap_or_default());
                self.start_timer(Timer::Referral(conversation.id, owner), patience_ms);
                true
            }
            Err(_) if converts => false,
            Err(status) => {
                self.sip(SipCommand::RefuseTransfer { session, transfer, status });
                true
            }
        }
    }

    pub(crate) fn trunk_that_refers(
        &self,
        conversation: &Conversation,
        owner: ConnectionId,
        session: SessionId,
    ) -> Option<&crate::trunk::TrunkState> {
        let leg = conversation.connection(owner)?.leg(session.0)?;
        self.trunk_of(&leg.device)
    }

    /// Where a REFER goes on to, and what it asks for there. The error is the status to refuse it with.
    fn onward(
        &self,
        conversation: &Conversation,
        owner: ConnectionId,
        asked: &Asked,
    ) -> Result<(SessionId, String), u16> {
        let mut others = conversation.live().filter(|each| each.id != owner && each.is_connected());
        // With three, nobody could say whose call it is that moves.
        let (Some(other), None) = (others.next(), others.next()) else { return Err(403) };
        if other.refer.is_some() || other.passing.is_some() {
            return Err(491);
        }
        let leg = other.main_leg().filter(|leg| leg.is_up()).ok_or(403_u16)?;
        let asks = &asked.target.target;
        let own = match &leg.device {
            Device::Trunk(name) => {
                let tandem =
                    self.trunk_that_refers(conversation, owner, asked.session).is_some_and(|trunk| trunk.tandem);
                let trunk = self.trunk(name).ok_or(403_u16)?;
                // Whose calls may not go on outside cannot send others there either, whatever the number is.
                tandem.then(|| trunk.uri_of(&asks.user)).ok_or(403_u16)?
            }
            Device::Room(_) => return Err(403),
            Device::Phone(_) => format!("sip:{}@{}", escape_user(&asks.user), self.host()),
        };
        // R10: what is ours is rewritten; an address elsewhere is one of neither side.
        let uri = match self.is_meant_here(conversation, owner, asked) {
            Ok(()) if asks.user.is_empty() => return Err(404),
            Ok(()) => own,
            Err(_) => asks.uri.clone(),
        };
        let target = match &asked.target.replaces {
            Some(ReplacesTarget::Elsewhere(value)) => format!("{uri}?Replaces={}", escape(value)),
            _ => uri,
        };
        Ok((leg.session(), target))
    }

    pub(crate) fn passing_progress(
        &mut self,
        conversation: &mut Conversation,
        owner: ConnectionId,
        (status, from_notify): (u16, bool),
    ) {
        let timer = Timer::Referral(conversation.id, owner);
        let Some(passing) = conversation.connection_mut(owner).and_then(|party| party.passing.as_mut()) else { return };
        let (session, transfer) = (passing.asked.session, passing.asked.transfer);
        if !from_notify && status >= 300 {
            return self.not_passed(conversation, owner, status);
        }
        // A NOTIFY may overtake the 202.
        let first = !std::mem::replace(&mut passing.accepted, true);
        if first {
            self.sip(SipCommand::AcceptTransfer { session, transfer });
            let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
            self.start_timer(timer, ring_ms);
        }
        if !from_notify || status <= 100 {
            return;
        }
        self.sip(SipCommand::ReportTransfer { session, transfer, status, reason: String::new() });
        if status >= 200 {
            self.end_passing(conversation, owner);
        }
    }

    /// The far end will not do it: we do, or the transferor is told.
    fn not_passed(&mut self, conversation: &mut Conversation, owner: ConnectionId, status: u16) {
        let Some(passing) = self.end_passing(conversation, owner) else { return };
        let Passing { asked, converts, .. } = *passing;
        if converts {
            self.act_on_refer(conversation, owner, &asked);
        } else {
            let status = if (400..=699).contains(&status) { status } else { NEVER_HEARD_OF };
            let (session, transfer) = (asked.session, asked.transfer);
            self.sip(SipCommand::RefuseTransfer { session, transfer, status });
        }
    }

    pub(crate) fn passing_overdue(&mut self, conversation: &mut Conversation, owner: ConnectionId) {
        let accepted = conversation.connection(owner).and_then(|party| party.passing.as_ref());
        if accepted.is_some_and(|passing| !passing.accepted) {
            return self.not_passed(conversation, owner, NEVER_HEARD_OF);
        }
        let Some(passing) = self.end_passing(conversation, owner) else { return };
        let (session, transfer) = (passing.asked.session, passing.asked.transfer);
        let reason = String::new();
        self.sip(SipCommand::ReportTransfer { session, transfer, status: NEVER_HEARD_OF, reason });
    }

    fn end_passing(&mut self, conversation: &mut Conversation, owner: ConnectionId) -> Option<Box<Passing>> {
        self.timers.stop(Timer::Referral(conversation.id, owner));
        conversation.connection_mut(owner).and_then(|party: &mut Connection| party.passing.take())
    }
}
