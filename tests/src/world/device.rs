//! A phone, or the trunk's far end: an endpoint of its own, and what its firmware does by itself.

use std::net::SocketAddr;

use baton_sdp::SdpError;
use baton_sip::{
    Access, Command, Config, Credentials, Destination, Endpoint, Event, IncomingInvite, Input, Listener, ListenerId,
    OutgoingInvite, Output, Party, PeerId, SessionId, Transport, TrustedPeer,
};
use bytes::Bytes;

use super::line::{Behaviour, Line, LineState};
use super::registration::Registration;
use super::{BATON, Due, World, office};

pub struct Device {
    /// The agent, or the gateway.
    pub name: String,
    pub address: SocketAddr,
    pub endpoint: Endpoint,
    /// Unplugged: it neither hears nor says anything.
    pub dead: bool,
    /// What it described first, for a phone that never describes anything else.
    pub first_description: Option<Bytes>,
    pub registration: Option<Registration>,
}

impl Device {
    /// An agent's phone: it bears the agent's name, a second one that of its account.
    pub(super) fn phone(at: usize, agent: &str, account: &str) -> Device {
        let address = SocketAddr::from(([198, 51, 100, at as u8 + 1], 5060));
        let name = if account == office::account(agent) { agent } else { account };
        Device::new(name, address, Some(Registration::new(agent, account)))
    }

    /// A gateway of a trunk: the office's own is `pbx`, others are `gateway-` and the last number of their address.
    pub(super) fn gateway(address: SocketAddr) -> Device {
        let name = match address.ip() {
            _ if address == SocketAddr::from(office::TRUNK) => "pbx".to_owned(),
            std::net::IpAddr::V4(ip) => format!("gateway-{}", ip.octets()[3]),
            std::net::IpAddr::V6(ip) => format!("gateway-{ip}"),
        };
        Device::new(&name, address, None)
    }

    fn new(name: &str, address: SocketAddr, registration: Option<Registration>) -> Device {
        let endpoint = endpoint(name, address, 0);
        Device { name: name.into(), address, endpoint, dead: false, first_description: None, registration }
    }

    /// All that it knew is gone.
    pub(super) fn reboot(&mut self, now_us: u64) {
        self.dead = false;
        self.endpoint = endpoint(&self.name, self.address, now_us);
    }
}

fn endpoint(name: &str, address: SocketAddr, now_us: u64) -> Endpoint {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&now_us.to_le_bytes());
    seed.iter_mut().skip(8).zip(name.bytes()).for_each(|(seed, byte)| *seed = byte);
    let listener = Listener {
        id: ListenerId(0),
        transport: Transport::Udp,
        local: address,
        advertised: address,
        verifies_peers: false,
    };
    let config = Config { listeners: vec![listener], user_agent: format!("{name}'s phone"), ..Config::default() };
    let mut endpoint = Endpoint::new(config, seed);
    let baton = SocketAddr::from(BATON);
    let peer = TrustedPeer { peer: PeerId(0), network: baton.ip(), prefix: 32, port: None };
    let access = Access { peers: vec![peer], ..Access::default() };
    endpoint.command(0, Command::SetAccess(access)).expect("a phone trusts its server");
    endpoint
}

impl World {
    pub(super) fn device_timeout(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if !device.dead && device.endpoint.next_timeout_us().is_some_and(|due_us| due_us <= self.now_us) {
            device.endpoint.handle(self.now_us, Input::Timeout);
            self.drain_device(at);
        }
    }

    pub(super) fn device_receives(&mut self, at: usize, source: SocketAddr, bytes: Bytes) {
        if self.devices[at].dead
            || self.registration_response(at, &bytes)
            || self.watch_message(at, &bytes)
            || self.refused_by_vice(at, &bytes)
        {
            return;
        }
        let input = Input::Datagram { listener: ListenerId(0), source, bytes: bytes.clone() };
        self.devices[at].endpoint.handle(self.now_us, input);
        self.drain_device(at);
        self.act_by_vice(at, &bytes);
    }

    /// A command to a phone's endpoint; whether it could be done.
    pub(super) fn device_command(&mut self, at: usize, mut command: Command) -> bool {
        if let Command::Answer { sdp, .. } | Command::Offer { sdp, .. } | Command::AcceptOffer { sdp, .. } =
            &mut command
        {
            *sdp = self.describe_by_vice(at, std::mem::take(sdp));
        }
        let done = self.devices[at].endpoint.command(self.now_us, command).is_ok();
        self.drain_device(at);
        done
    }

    fn drain_device(&mut self, at: usize) {
        while let Some(output) = self.devices[at].endpoint.poll_output() {
            match output {
                Output::Transmit { flow, bytes } if !self.devices[at].dead => {
                    self.transmit(self.devices[at].address, flow.remote, bytes);
                }
                Output::Transmit { .. } => {}
                Output::Event(event) => self.device_event(at, event),
                other => panic!("not of this world: {other:?}"),
            }
        }
    }

    fn device_event(&mut self, at: usize, event: Event) {
        if let Event::Incoming { session, invite } = event {
            return self.rung(at, session, invite);
        }
        let Some(id) = event.session().and_then(|session| self.line_of(at, session)) else { return };
        let Some(line) = self.lines.get_mut(&id) else { return };
        let command = line.event(event);
        let hang_up = line.progress.iter().skip(1).any(|status| *status >= 200);
        let hang_up = hang_up && line.state == LineState::Up && self.hang_up_after_transfer.contains(&line.who);
        if let Some(command) = command {
            self.device_command(at, command);
        }
        if hang_up {
            self.hang_up_line(id);
        }
    }

    pub(super) fn line_of(&self, device: usize, session: SessionId) -> Option<u64> {
        let own = |line: &&Line| line.device == device && line.session == session;
        self.lines.iter().rev().find(|(_, line)| own(line)).map(|(id, _)| *id)
    }

    /// A call has come to a phone.
    fn rung(&mut self, at: usize, session: SessionId, invite: Box<IncomingInvite>) {
        let device = &self.devices[at].name;
        let trunk = self.devices[at].registration.is_none();
        let who = self.free_name(if trunk { office::who(&invite.target.user) } else { device });
        let behaviour = self.behaviours.get(device).or_else(|| self.behaviours.get(&who)).copied().unwrap_or_default();
        let (number, address) = (self.number(), self.devices[at].address);
        let mut line = Line::new(&who, at, session, address, number);
        line.voice = self.fresh_voice();
        line.state = LineState::Ringing;
        line.call_id = invite.call_id.clone();
        line.offer = invite.sdp.clone();
        line.invite = Some(invite);
        self.lines.insert(number, line);
        match behaviour {
            Behaviour::Silent => {}
            Behaviour::Rings => self.ring_line(number),
            Behaviour::Answers(after_ms) => {
                self.ring_line(number);
                self.later(after_ms, Due::Answer(number));
            }
            Behaviour::Refuses(status, after_ms) => {
                self.ring_line(number);
                self.later(after_ms, Due::Refuse(number, status));
            }
            Behaviour::Busy(status) => self.refuse_line(number, status),
            Behaviour::EarlyMedia => self.early_media(number),
        }
    }

    /// `anna`, or `anna/2` when that phone is in use already.
    pub(super) fn free_name(&self, base: &str) -> String {
        let used = |name: &str| self.lines.values().any(|line| line.who == name && !line.is_over());
        let mut name = base.to_owned();
        let mut count = 1;
        while used(&name) {
            count += 1;
            name = format!("{base}/{count}");
        }
        name
    }

    fn ring_line(&mut self, id: u64) {
        let Some(line) = self.lines.get(&id) else { return };
        self.device_command(line.device, Command::Ring { session: line.session, status: 180, sdp: None });
    }

    fn early_media(&mut self, id: u64) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let Some(offer) = &line.offer else { return };
        let (answer, _) = line.negotiation.answer(offer).expect("baton's offer can be answered");
        line.answer = Some(answer.clone());
        let (device, session) = (line.device, line.session);
        self.device_command(device, Command::Ring { session, status: 183, sdp: Some(answer) });
    }

    pub(super) fn answer_line(&mut self, id: u64) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.state == LineState::Ringing) else { return };
        let sdp = match (line.answer.clone(), &line.offer) {
            (Some(answer), _) => answer,
            (None, Some(offer)) => line.negotiation.answer(offer).expect("baton's offer can be answered").0,
            (None, None) => {
                let (offer, pending) = line.negotiation.offer();
                line.pending = Some(pending);
                offer
            }
        };
        line.state = LineState::Up;
        let (device, session) = (line.device, line.session);
        self.device_command(device, Command::Answer { session, sdp, identity: None });
    }

    pub(super) fn refuse_line(&mut self, id: u64, status: u16) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.state == LineState::Ringing) else { return };
        line.state = LineState::Over;
        line.refused = Some(status);
        let (device, session) = (line.device, line.session);
        let command = Command::Refuse { session, status, reason: String::new(), retry_after_s: None };
        self.device_command(device, command);
    }

    pub(super) fn hang_up_line(&mut self, id: u64) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| !line.is_over()) else { return };
        line.state = LineState::Over;
        let (device, session) = (line.device, line.session);
        self.device_command(device, Command::End { session, status: 486, reason: None });
    }

    /// Calls from a device. With `offer` false the INVITE has no description (D5).
    pub(super) fn call(
        &mut self,
        device: usize,
        who: &str,
        number: &str,
        change: impl FnOnce(&mut OutgoingInvite),
    ) -> u64 {
        let session = SessionId(self.number() * 2);
        let (id, address) = (self.number(), self.devices[device].address);
        let mut line = Line::new(&self.free_name(who), device, session, address, id);
        line.voice = self.fresh_voice();
        let (offer, pending) = line.negotiation.offer();
        line.pending = Some(pending);
        let registration = self.devices[device].registration.clone();
        let user = registration.as_ref().map_or_else(|| who.to_owned(), |each| each.account.clone());
        let party =
            |user: &str| Party { display: String::new(), uri: format!("sip:{user}@192.0.2.1"), user: user.into() };
        let mut invite = OutgoingInvite {
            uri: format!("sip:{number}@192.0.2.1"),
            destination: Destination::address(Transport::Udp, SocketAddr::from(BATON)),
            other_flows: Vec::new(),
            voice: Default::default(),
            route: Vec::new(),
            from: party(&user),
            to: party(number),
            asserted_identity: None,
            referred_by: None,
            replaces: None,
            headers: Vec::new(),
            sdp: Some(offer),
            credentials: registration
                .map(|each| Credentials { username: user, password: office::password(&each.agent) }),
            max_forwards: 70,
            redirects_max: 0,
            patience_ms: None,
        };
        change(&mut invite);
        if invite.sdp.is_none() {
            line.pending = None;
        }
        self.lines.insert(id, line);
        let called = self.device_command(device, Command::Invite { session, invite: Box::new(invite) });
        assert!(called, "{who} can call {number}");
        if let Some(line) = self.lines.get_mut(&id).filter(|line| line.call_id.is_empty()) {
            line.call_id = self.ladder.rungs.last().map(|rung| rung.call_id.clone()).unwrap_or_default();
        }
        id
    }
}

impl Line {
    /// What a phone does by itself on an event of its call.
    fn event(&mut self, event: Event) -> Option<Command> {
        let session = self.session;
        match event {
            Event::Ringing { sdp: Some(sdp), .. } => self.take_answer(&sdp),
            Event::Answered { sdp, call_id, .. } => {
                self.state = LineState::Up;
                self.call_id = call_id;
                let sdp = sdp?;
                if self.pending.is_none() && self.negotiation.current().is_none() {
                    let (answer, _) = self.negotiation.answer(&sdp).expect("baton's offer can be answered");
                    return Some(Command::AcceptOffer { session, sdp: answer });
                }
                self.take_answer(&sdp);
            }
            Event::Refused { status, .. } => {
                self.state = LineState::Over;
                self.refused = Some(status);
            }
            Event::Offered { .. } if self.refuses_offers.is_some() => {
                return Some(Command::RefuseOffer { session, status: self.refuses_offers? });
            }
            Event::Offered { sdp: Some(sdp), .. } => {
                let (answer, _) = self.negotiation.answer(&sdp).expect("baton's offer can be answered");
                return Some(Command::AcceptOffer { session, sdp: answer });
            }
            Event::Offered { sdp: None, .. } => {
                let (offer, pending) = self.negotiation.offer();
                self.pending = Some(pending);
                return Some(Command::AcceptOffer { session, sdp: offer });
            }
            Event::OfferAnswered { sdp, .. } => self.take_answer(&sdp),
            Event::OfferRefused { status, .. } => {
                self.pending = None;
                self.offers_refused.push_back(status);
            }
            Event::TransferAsked { transfer, target, .. } if self.ponders => {
                self.asked = Some((transfer, Box::new(target)))
            }
            Event::TransferAsked { transfer, .. } => {
                return Some(Command::RefuseTransfer { session, transfer, status: 603 });
            }
            Event::TransferProgress { status, from_notify, .. } => {
                self.progress.push(status);
                self.referring_us = self.referring_us.filter(|_| status < if from_notify { 200 } else { 300 });
            }
            Event::Digit { digit, .. } => self.digits.push(digit),
            Event::Ended { .. } => self.state = LineState::Over,
            Event::Ringing { .. }
            | Event::Confirmed { .. }
            | Event::Incoming { .. }
            | Event::ErrandDone { .. }
            | Event::BindingsChanged { .. }
            | Event::SubscriptionAsked { .. }
            | Event::Unsubscribed { .. }
            | Event::Banned(_) => {}
        }
        None
    }

    fn take_answer(&mut self, sdp: &[u8]) {
        let Some(pending) = self.pending.take() else { return };
        match self.negotiation.accept(pending, sdp) {
            // It waited for its turn while baton offered: what is true was said in the answer to that.
            Ok(_) | Err(SdpError::Stale) => {}
            Err(error) => {
                panic!("{}'s offer was answered wrongly ({error}): {}", self.who, String::from_utf8_lossy(sdp))
            }
        }
    }
}
