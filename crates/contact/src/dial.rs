//! Outgoing calls: an INVITE with its leg, and all devices of an agent.

use serde::{Deserialize, Serialize};

use baton_sip::{Command as SipCommand, Destination as Way, OutgoingInvite, Party};

use crate::conversation::Conversation;
use crate::desk::{Desk, Effect};
use crate::ids::ConnectionId;
use crate::leg::{Device, Leg, LegState};
use crate::outcome::Failure;

/// RFC 3261 §8.1.1.6.
const MAX_FORWARDS: u8 = 70;

/// Most devices that ring at once for one agent.
const DEVICES_MAX: usize = 16;

/// Who is shown to the called party.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(crate) number: String,
    pub(crate) name: String,
    /// Referred-By of the REFER that led here (R9).
    pub(crate) referred_by: Option<String>,
    /// A Replaces for a dialog elsewhere, passed on (R6).
    pub(crate) replaces: Option<String>,
    /// What is left of the caller's Max-Forwards.
    pub(crate) max_forwards: Option<u8>,
}

impl Desk {
    /// Rings all devices of the connection's agent.
    pub(crate) fn dial_agent(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        caller: &Caller,
        answer_by_itself: bool,
    ) -> Result<(), Failure> {
        let agent = conversation.connection(target).and_then(|party| party.agent.clone()).unwrap_or_default();
        let phones = self.directory.user(&agent).map(|user| user.phones.clone()).unwrap_or_default();
        let mut rung = 0;
        let mut failure = Failure::Unregistered;
        for phone in &phones {
            for binding in self.bindings.get(&phone.username).cloned().unwrap_or_default() {
                if rung == DEVICES_MAX || binding.expires_at_us <= self.now_us {
                    continue;
                }
                let mut invite = self.invite(&binding.contact, Way::Flow(binding.flow), caller);
                invite.route = binding.path.clone();
                if answer_by_itself {
                    invite.headers.push(("Call-Info".into(), format!("<sip:{}>;answer-after=0", self.host())));
                    invite.headers.push(("Alert-Info".into(), "<http://localhost>;info=alert-autoanswer".into()));
                }
                match self.dial(conversation, target, Device::Phone(phone.username.clone()), invite) {
                    Ok(()) => rung += 1,
                    Err(reason) => failure = reason,
                }
            }
        }
        if rung == 0 { Err(failure) } else { Ok(()) }
    }

    pub(crate) fn invite(&self, uri: &str, destination: Way, caller: &Caller) -> OutgoingInvite {
        let user = if caller.number.is_empty() { "anonymous" } else { &caller.number };
        let from = Party {
            display: caller.name.clone(),
            uri: format!("sip:{}@{}", escape_user(user), self.host()),
            user: user.to_string(),
        };
        OutgoingInvite {
            uri: uri.to_string(),
            destination,
            route: Vec::new(),
            from,
            to: Party { display: String::new(), uri: uri.to_string(), user: String::new() },
            asserted_identity: None,
            referred_by: caller.referred_by.clone(),
            replaces: caller.replaces.clone(),
            headers: Vec::new(),
            sdp: None,
            credentials: None,
            max_forwards: caller.max_forwards.unwrap_or(MAX_FORWARDS),
            patience_ms: None,
        }
    }

    pub(crate) fn dial(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        device: Device,
        mut invite: OutgoingInvite,
    ) -> Result<(), Failure> {
        // The first leg bears the connection's own number; a session's number is never used twice.
        let fresh = conversation.connection(target).is_some_and(|party| !party.rung);
        let id = if fresh { target.0 } else { self.allocate() };
        let mut leg = Leg::new(id, device, LegState::Inviting, self.now_us);
        if !self.open_media(conversation, &mut leg) {
            return Err(Failure::Limit);
        }
        let Some(negotiation) = leg.negotiation.as_mut() else { return Err(Failure::Limit) };
        let (offer, pending) = negotiation.offer();
        leg.pending = Some(pending);
        invite.sdp = Some(offer);
        let session = leg.session();
        self.leg_index.insert(id, conversation.id);
        if let Some(party) = conversation.connection_mut(target) {
            party.legs.push(leg);
            party.rung = true;
        }
        self.effects.push_back(Effect::Sip(Box::new(SipCommand::Invite { session, invite: Box::new(invite) })));
        Ok(())
    }
}

/// Escapes what a user part must not hold (RFC 3261 §25.1, `user`).
pub(crate) fn escape_user(user: &str) -> String {
    let mut escaped = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
