//! Outgoing calls: an INVITE with its leg, and all devices of an agent.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use baton_sip::wire::NameAddr;
use baton_sip::{Binding, Command as SipCommand, Destination as Way, DeviceFlow, OutgoingInvite, Party};

use crate::carried::{ANONYMOUS, anonymous};
use crate::conversation::Conversation;
use crate::desk::{Desk, Effect};
use crate::directory::Ringing;
use crate::ids::ConnectionId;
use crate::leg::{Device, Leg, LegState};
use crate::names::voice_towards;
use crate::outcome::Failure;
use crate::timer::Timer;

/// RFC 3261 §8.1.1.6.
const MAX_FORWARDS: u8 = 70;

/// Most devices that ring at once for one agent.
const DEVICES_MAX: usize = 16;

/// How long one of several flows to a device may stay silent before the next one is tried, in milliseconds.
const FLOW_PATIENCE_MS: u32 = 4_000;

/// A device, by its phone's name, and the flows by which it is reached: the one to be tried first is the first.
type Reachable = (String, Vec<Binding>);

/// Who is shown to the called party.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(crate) number: String,
    pub(crate) name: String,
    /// Referred-By of the REFER that led here (R9).
    pub(crate) referred_by: Option<String>,
    /// A Replaces for a dialog elsewhere, passed on (R6).
    pub(crate) replaces: Option<String>,
    /// The Alert-Info that phones are told.
    pub(crate) alert: Option<String>,
}

impl Caller {
    pub(crate) fn is_anonymous(&self) -> bool {
        self.number.is_empty() || self.number == ANONYMOUS
    }
}

/// The devices of an agent that have not been rung yet, when they ring one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Devices {
    left: VecDeque<Reachable>,
    caller: Caller,
    answer_by_itself: bool,
    /// How many ring at a time.
    branches: u32,
}

impl Desk {
    /// Rings the devices of the connection's agent: all of them, or the first one.
    pub(crate) fn dial_agent(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        caller: &Caller,
        answer_by_itself: bool,
    ) -> Result<(), Failure> {
        let agent = conversation.connection(target).and_then(|party| party.agent.clone()).unwrap_or_default();
        let ring = self.directory.user(&agent).map(|user| user.ring).unwrap_or_default();
        let left = self.devices_of(&agent);
        let mut devices = Devices { left, caller: caller.clone(), answer_by_itself, branches: 1 };
        if ring == Ringing::Serial {
            return self.ring_next(conversation, target, devices, Failure::Unregistered);
        }
        if let Some(breadth) = self.breadth_towards(conversation, target, caller) {
            devices.left.truncate(usize::try_from(breadth).unwrap_or(usize::MAX));
        }
        devices.branches = u32::try_from(devices.left.len()).unwrap_or(u32::MAX);
        let mut rung = 0;
        let mut failure = Failure::Unregistered;
        while let Some(device) = devices.left.pop_front() {
            match self.ring_device(conversation, target, device, &devices) {
                Ok(()) => rung += 1,
                Err(reason) => failure = reason,
            }
        }
        if rung == 0 { Err(failure) } else { Ok(()) }
    }

    /// To how many branches a call that goes on may be led at a time, if its sender said so.
    fn breadth_towards(&self, conversation: &Conversation, target: ConnectionId, caller: &Caller) -> Option<u32> {
        conversation.carried.breadth.filter(|_| conversation.is_forwarded_to(target, &caller.number))
    }

    /// An agent's devices in their order: as its phones are listed, each phone's registrations by their `q`. Several flows to
    /// one device are one (RFC 5626 §7), the latest first.
    fn devices_of(&self, agent: &str) -> VecDeque<Reachable> {
        let phones = self.directory.user(agent).map(|user| user.phones.as_slice()).unwrap_or_default();
        let mut devices: VecDeque<Reachable> = VecDeque::new();
        for phone in phones {
            let bindings = self.bindings.get(&phone.username).map(Vec::as_slice).unwrap_or_default();
            let mut bindings: Vec<&Binding> =
                bindings.iter().filter(|binding| binding.expires_at_us > self.now_us).collect();
            bindings.sort_by_key(|binding| std::cmp::Reverse(binding.q_thousandths));
            for binding in bindings {
                let is_its = |(name, flows): &&mut Reachable| {
                    *name == phone.username && flows.iter().any(|flow| is_same_device(flow, binding))
                };
                match devices.iter_mut().find(is_its) {
                    Some((_, flows)) => flows.push(binding.clone()),
                    None => devices.push_back((phone.username.clone(), vec![binding.clone()])),
                }
            }
        }
        for (_, flows) in &mut devices {
            flows.sort_by_key(|flow| std::cmp::Reverse(flow.expires_at_us));
        }
        devices.truncate(DEVICES_MAX);
        devices
    }

    /// Serially: the device that rings has failed, or has rung for its time. The error is that there is no other one.
    pub(crate) fn ring_next_device(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        failure: Failure,
    ) -> Result<(), Failure> {
        let devices = conversation.connection_mut(target).and_then(|party| party.devices.take());
        // Who declines at one device declines at all (RFC 3261 §16.7 step 5).
        let declined = matches!(failure, Failure::Status(600..=699, _));
        let Some(devices) = devices.filter(|_| !declined) else { return Err(failure) };
        self.ring_next(conversation, target, *devices, failure)
    }

    fn ring_next(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        mut devices: Devices,
        mut failure: Failure,
    ) -> Result<(), Failure> {
        let timer = Timer::NextDevice(conversation.id, target);
        self.timers.stop(timer);
        while let Some(device) = devices.left.pop_front() {
            match self.ring_device(conversation, target, device, &devices) {
                Ok(()) => {
                    let agent = conversation.connection(target).and_then(|party| party.agent.clone());
                    let user = agent.as_deref().and_then(|agent| self.directory.user(agent));
                    let serial_ms = user.map_or(0, |user| u64::from(user.serial_seconds) * 1_000);
                    if !devices.left.is_empty() {
                        self.start_timer(timer, serial_ms);
                        if let Some(party) = conversation.connection_mut(target) {
                            party.devices = Some(Box::new(devices));
                        }
                    }
                    return Ok(());
                }
                Err(reason) => failure = reason,
            }
        }
        Err(failure)
    }

    /// A device has rung for its time: the next one rings in its place.
    pub(crate) fn device_rang_long_enough(&mut self, conversation: &mut Conversation, target: ConnectionId) {
        let pending = |party: &&crate::connection::Connection| party.is_pending() && party.devices.is_some();
        if conversation.connection(target).filter(pending).is_none() {
            return;
        }
        let ringing = crate::line::leg_ids(conversation, target);
        let next = self.ring_next_device(conversation, target, Failure::RingTimeout);
        // The last one goes on ringing until the offer is over.
        for leg in ringing.into_iter().filter(|_| next.is_ok()) {
            self.end_leg(conversation, target, leg, 487, None);
        }
    }

    fn ring_device(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        (phone, flows): Reachable,
        devices: &Devices,
    ) -> Result<(), Failure> {
        let mut flows = flows.into_iter();
        let Some(binding) = flows.next() else { return Err(Failure::Unregistered) };
        let mut invite = self.invite(binding.contact, Way::Flow(binding.flow), &devices.caller);
        let other = |each: Binding| DeviceFlow { uri: each.contact, route: each.path, flow: each.flow };
        invite.other_flows = flows.map(other).collect();
        invite.patience_ms = (!invite.other_flows.is_empty()).then_some(FLOW_PATIENCE_MS);
        if self.breadth_towards(conversation, target, &devices.caller).is_some() {
            conversation.carried.write_breadth(&mut invite, devices.branches);
        }
        invite.route = binding.path;
        invite.headers.extend(devices.caller.alert.clone().map(|alert| ("Alert-Info".into(), alert)));
        if devices.answer_by_itself {
            invite.headers.push(("Call-Info".into(), format!("<sip:{}>;answer-after=0", self.host())));
            invite.headers.push(("Alert-Info".into(), "<http://localhost>;info=alert-autoanswer".into()));
        }
        self.dial(conversation, target, Device::Phone(phone), &devices.caller.number, invite)
    }

    pub(crate) fn invite(&self, uri: String, destination: Way, caller: &Caller) -> OutgoingInvite {
        let from = if caller.is_anonymous() {
            anonymous()
        } else {
            let uri = ["sip:", &escape_user(&caller.number), "@", &self.host()].concat();
            Party { display: caller.name.clone(), uri, user: caller.number.clone() }
        };
        OutgoingInvite {
            to: Party { display: String::new(), uri: uri.clone(), user: String::new() },
            uri,
            destination,
            other_flows: Vec::new(),
            voice: Default::default(),
            route: Vec::new(),
            from,
            asserted_identity: None,
            referred_by: caller.referred_by.as_deref().and_then(|value| self.without_place(value)),
            replaces: caller.replaces.clone(),
            headers: Vec::new(),
            sdp: None,
            credentials: None,
            max_forwards: MAX_FORWARDS,
            redirects_max: 0,
            patience_ms: None,
        }
    }

    /// Referred-By with whom it names, and nothing of where that is (R10).
    fn without_place(&self, referred_by: &str) -> Option<String> {
        let user = NameAddr::parse(referred_by).ok()?.party().user;
        (!user.is_empty()).then(|| format!("<sip:{}@{}>", escape_user(&user), self.host()))
    }

    /// Calls a device; `shown` is the number of the caller that is shown, as it is inside.
    pub(crate) fn dial(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        device: Device,
        shown: &str,
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
        let is_forwarded = conversation.is_forwarded_to(target, shown);
        conversation.carried.write(&mut invite, self.trunk_of(&leg.device), &self.host(), is_forwarded);
        leg.voice = voice_towards(conversation, target);
        invite.voice = leg.voice.clone();
        let session = leg.session();
        self.leg_index.insert(id, conversation.id);
        let charged_to = conversation.connection(target).and_then(|party| party.charged_to.as_ref());
        self.charge(&mut leg, charged_to);
        leg.shown = Some((invite.from.user.clone(), invite.from.display.clone()));
        if let Some(party) = conversation.connection_mut(target) {
            party.legs.push(leg);
            party.rung = true;
        }
        self.effects.push_back(Effect::Sip(Box::new(SipCommand::Invite { session, invite: Box::new(invite) })));
        Ok(())
    }
}

/// Whether two registrations are flows to one device (RFC 5626 §4.1): they say so both.
pub(crate) fn is_same_device(one: &Binding, other: &Binding) -> bool {
    let is_flow = |binding: &Binding| binding.instance.is_some() && binding.reg_id.is_some();
    is_flow(one) && is_flow(other) && one.instance == other.instance
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
