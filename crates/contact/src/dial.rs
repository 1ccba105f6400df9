//! Outgoing calls: to all devices of an agent, or out by a trunk.

use baton_sip::{Command as SipCommand, Destination as Way, OutgoingInvite, Party};

use crate::conversation::Conversation;
use crate::desk::{Desk, Effect};
use crate::ids::ConnectionId;
use crate::leg::{Device, Leg, LegState};
use crate::outcome::Failure;
use crate::timer::Timer;

/// RFC 3261 §8.1.1.6.
const MAX_FORWARDS: u8 = 70;

/// Most targets that are called because a trunk's 3xx names them (RFC 3261 §8.1.3.4). A phone's 3xx is not followed: its
/// owner could send the queue's customers anywhere.
const REDIRECTS_MAX: u8 = 5;

/// Most devices that ring at once for one agent.
const DEVICES_MAX: usize = 16;

/// Who is shown to the called party.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

    /// Calls a number out by a trunk.
    pub(crate) fn dial_outside(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        (number, trunk): (&str, &str),
        caller: &Caller,
    ) -> Result<(), Failure> {
        let Some(trunk) = self.trunk(trunk).cloned() else { return Err(Failure::Status(404, None)) };
        if !self.trunk_has_room(&trunk.name) {
            return Err(Failure::Limit);
        }
        let uri = format!("sip:{}@{}", escape_user(number), trunk.address);
        let mut invite = self.invite(&uri, trunk.way.clone(), caller);
        invite.credentials = trunk.credentials.clone();
        invite.asserted_identity = Some(invite.from.clone());
        invite.redirects_max = REDIRECTS_MAX;
        self.dial(conversation, target, Device::Trunk(trunk.name.clone()), invite)?;
        *self.trunk_calls.entry(trunk.name).or_default() += 1;
        let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
        self.start_timer(Timer::Ring(conversation.id, target), ring_ms);
        Ok(())
    }

    /// Whether a trunk may take one call more.
    pub(crate) fn trunk_has_room(&self, name: &str) -> bool {
        let calls = self.trunk_calls.get(name).copied().unwrap_or_default();
        self.trunk(name).is_some_and(|trunk| calls < trunk.max_calls)
    }

    fn invite(&self, uri: &str, destination: Way, caller: &Caller) -> OutgoingInvite {
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
            redirects_max: 0,
        }
    }

    fn dial(
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
        if !self.open_media(conversation, &mut leg, &invite.destination) {
            return Err(Failure::Limit);
        }
        let Some(negotiation) = leg.negotiation.as_mut() else { return Err(Failure::Limit) };
        let (offer, pending) = negotiation.offer();
        leg.pending = Some(pending);
        invite.sdp = Some(offer);
        let is_forwarded = conversation.is_forwarded_to(target, &invite.from.user);
        conversation.carried.write(&mut invite, &leg.device, &self.host(), is_forwarded);
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
