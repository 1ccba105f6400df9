//! A desk with phones and trunks that are played by the test: who rings, who answers, who hears whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton_media::{Hears, StreamId};
use baton_sdp::{Capabilities, Codec, LocalMedia, Negotiation};
use baton_sip::{
    Binding, Command as SipCommand, EndCause, Event as SipEvent, Flow, IncomingInvite, ListenerId, Origin, Party,
    PeerId, ReferTarget, ReplacesTarget, SessionId, TransferId, Transport,
};

use super::ledger::Ledger;
use crate::command::{AddMode, Command, Control, Refusal, Reply, Target};
use crate::config::Config;
use crate::conversation::Conversation;
use crate::desk::{Desk, Effect};
use crate::directory::{Conference, Number};
use crate::directory::{
    Directory, Phone, ProfileQueue, Queue, QuickConnect, QuickConnectType, Route, RoutingProfile, Trunk, User,
};
use crate::event::{ContactEvent, EventKind};
use crate::ids::{ContactId, RequestId};
use crate::io::Output;
use crate::snapshot::ContactSnapshot;

/// What the desk asked of the endpoint, in order, short.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent {
    Ring(u64, u16),
    Answer(u64),
    Refuse(u64, u16),
    End(u64, u16),
    AcceptTransfer(u64),
    RefuseTransfer(u64, u16),
    Report(u64, u16),
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) desk: Desk,
    pub(super) sent: Vec<Sent>,
    /// Shared, so that a copy of a world is cheap.
    pub(super) events: Vec<Arc<ContactEvent>>,
    /// Legs that the desk dials and that have not answered: number, and whom they lead to.
    pub(super) ringing: BTreeMap<u64, String>,
    /// Legs that are there, with the name of the party.
    pub(super) legs: BTreeMap<u64, String>,
    pub(super) ledger: Ledger,
    next_incoming: u64,
    next_transfer: u64,
    requests: u64,
    /// The answer to the command that was given last, until it is taken.
    reply: Option<(RequestId, Result<Reply, Refusal>)>,
}

pub(super) fn directory() -> Directory {
    let phone = |name: &str| Phone { username: format!("{name}-desk"), ..Phone::default() };
    let user = |name: &str, extension: &str| User {
        username: name.into(),
        name: name.into(),
        routing_profile: Some("support".into()),
        extension: Some(extension.into()),
        phones: vec![phone(name)],
        ..User::default()
    };
    let quick =
        |name: &str, kind: QuickConnectType| QuickConnect { name: name.into(), kind, ..QuickConnect::default() };
    Directory {
        users: vec![user("anna", "101"), user("bert", "102"), user("carla", "103")],
        queues: vec![
            Queue {
                name: "support".into(),
                outbound_caller_id: Some("+4989222".into()),
                quick_connects: vec!["Bert".into(), "Sales".into(), "Bank".into()],
                ..Queue::default()
            },
            Queue { name: "sales".into(), extension: Some("200".into()), ..Queue::default() },
        ],
        routing_profiles: vec![RoutingProfile {
            name: "support".into(),
            default_outbound_queue: Some("support".into()),
            queues: vec![
                ProfileQueue { queue: "support".into(), priority: 1, delay_seconds: 0 },
                ProfileQueue { queue: "sales".into(), priority: 2, delay_seconds: 0 },
            ],
        }],
        quick_connects: vec![
            QuickConnect { user: Some("bert".into()), ..quick("Bert", QuickConnectType::User) },
            QuickConnect { queue: Some("sales".into()), ..quick("Sales", QuickConnectType::Queue) },
            QuickConnect { phone_number: Some("+49404040".into()), ..quick("Bank", QuickConnectType::PhoneNumber) },
        ],
        trunks: vec![Trunk {
            name: "pbx".into(),
            address: "192.0.2.9:5060".into(),
            tandem: true,
            max_calls: 100,
            ..Trunk::default()
        }],
        numbers: vec![
            Number { number: "+4989222".into(), queue: Some("support".into()), ..Number::default() },
            Number { number: "800".into(), conference: Some("room".into()), ..Number::default() },
        ],
        routes: vec![Route { prefix: "+".into(), trunk: "pbx".into(), ..Route::default() }],
        conferences: vec![Conference { name: "room".into(), max_parties: 8 }],
        ..Directory::default()
    }
}

/// Where an agent's phone is registered.
pub(super) fn binding(agent: &str) -> Binding {
    Binding {
        contact: format!("sip:{agent}@192.0.2.1"),
        flow: flow(),
        expires_at_us: u64::MAX,
        q_thousandths: 1000,
        call_id: "r".into(),
        cseq: 1,
        user_agent: None,
        instance: None,
        reg_id: None,
        path: Vec::new(),
    }
}

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        listener: ListenerId(0),
        remote: "192.0.2.1:5060".parse().expect("an address"),
        connection: None,
    }
}

/// The far side's offer/answer.
fn far_side(port: u16) -> Negotiation {
    let local = LocalMedia { address: "192.0.2.1".parse().expect("an address"), port };
    let codecs = vec![Codec::Pcma];
    Negotiation::new(local, Capabilities { codecs, telephone_event: true, ptime_ms: 20, rtcp_mux: false }, 1)
}

impl World {
    /// With these agents at their phones.
    pub(super) fn new(registered: &[&str]) -> World {
        let mut desk = Desk::new(Config { media_ports: (20_000, 20_099), ..Config::default() }, [7; 32]);
        desk.now_us = 1_000_000_000;
        desk.set_directory(directory());
        let mut world = World {
            desk,
            sent: Vec::new(),
            events: Vec::new(),
            ringing: BTreeMap::new(),
            legs: BTreeMap::new(),
            ledger: Ledger::default(),
            next_incoming: 1,
            next_transfer: 0,
            requests: 0,
            reply: None,
        };
        for agent in registered {
            world.register(agent);
        }
        world
    }

    pub(super) fn register(&mut self, agent: &str) {
        self.wait_ms(10);
        let (account, bindings) = (format!("{agent}-desk"), vec![binding(agent)]);
        self.sip(SipEvent::BindingsChanged { account, bindings });
    }

    /// The first conversation that is there.
    pub(super) fn call(&self) -> &Conversation {
        self.desk.conversations.values().next().expect("a conversation")
    }

    pub(super) fn sip(&mut self, event: SipEvent) {
        self.desk.sip_event(event);
        self.drain();
    }

    pub(super) fn media(&mut self, event: baton_media::Event) {
        self.desk.media_event(event);
        self.drain();
    }

    pub(super) fn wait_ms(&mut self, ms: u64) {
        let until_us = self.desk.now_us + ms * 1_000;
        while let Some(due_us) = self.desk.timers.next_us().filter(|due_us| *due_us <= until_us) {
            let now_us = self.desk.now_us.max(due_us);
            self.watch(now_us);
            self.desk.now_us = now_us;
            let timer = self.desk.timers.pop(due_us).expect("a timer is due");
            self.desk.timer_due(timer);
            self.drain();
        }
        self.watch(until_us);
        self.desk.now_us = until_us;
    }

    fn drain(&mut self) {
        loop {
            if self.desk.dispatch_due {
                self.desk.dispatch();
            }
            let Some(effect) = self.desk.effects.pop_front() else { break };
            match effect {
                Effect::Sip(command) => self.sip_command(*command),
                Effect::Out(output) => self.output(output),
            }
        }
        self.ledger.look(self.desk.conversations.values().map(|each| &**each));
    }

    fn sip_command(&mut self, command: SipCommand) {
        match command {
            SipCommand::Invite { session, invite } => {
                let uri = invite.uri.trim_start_matches("sip:");
                let name = uri.split('@').next().unwrap_or_default().to_string();
                self.ringing.insert(session.0, name.clone());
                self.legs.insert(session.0, name);
            }
            SipCommand::Ring { session, status, .. } => self.sent.push(Sent::Ring(session.0, status)),
            SipCommand::Answer { session, .. } => self.sent.push(Sent::Answer(session.0)),
            SipCommand::Refuse { session, status, .. } => {
                self.legs.remove(&session.0);
                self.sent.push(Sent::Refuse(session.0, status));
            }
            SipCommand::End { session, status, .. } => {
                self.ringing.remove(&session.0);
                let known = self.legs.remove(&session.0).is_some();
                assert!(known, "leg {} is ended twice or was never there", session.0);
                self.sent.push(Sent::End(session.0, status));
            }
            SipCommand::AcceptTransfer { session, .. } => self.sent.push(Sent::AcceptTransfer(session.0)),
            SipCommand::RefuseTransfer { session, status, .. } => {
                self.sent.push(Sent::RefuseTransfer(session.0, status));
            }
            SipCommand::ReportTransfer { session, status, .. } => self.sent.push(Sent::Report(session.0, status)),
            _ => {}
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Media(_, baton_media::Command::Close { stream }) => {
                let statistics = Default::default();
                self.desk.media_event(baton_media::Event::Closed { stream, statistics });
            }
            Output::Event(event) => {
                self.ledger.hear(&event);
                self.events.push(Arc::from(event));
            }
            Output::Reply(request, result) => {
                let result = result.map(|reply| *reply).map_err(|refusal| *refusal);
                assert!(self.reply.replace((request, result)).is_none(), "each command is answered once");
            }
            _ => {}
        }
    }

    /// A call from outside, or from an agent's phone; gives its leg.
    pub(super) fn call_in(&mut self, from: &str, number: &str) -> u64 {
        let id = self.next_incoming;
        self.next_incoming += 2;
        let owner = self.desk.directory.user(from).is_some();
        let origin = if owner { Origin::Account(format!("{from}-desk")) } else { Origin::Peer(PeerId(0)) };
        let party = |user: &str| Party { display: String::new(), uri: format!("sip:{user}@x"), user: user.into() };
        let (offer, _) = far_side(4_000).offer();
        self.legs.insert(id, from.to_string());
        let invite = IncomingInvite {
            origin,
            flow: flow(),
            target: party(number),
            from: party(from),
            to: party(number),
            asserted_identity: None,
            wants_privacy: false,
            user_to_user: Vec::new(),
            history: Default::default(),
            remote_party_id: None,
            call_id: format!("call-{id}"),
            user_agent: None,
            sdp: Some(offer),
            replaces: None,
            referred_by: None,
            max_forwards: 70,
            max_breadth: None,
        };
        self.sip(SipEvent::Incoming { session: SessionId(id), invite: Box::new(invite) });
        id
    }

    /// The leg of a party that rings now.
    pub(super) fn ringing_leg(&self, name: &str) -> u64 {
        let found = self.ringing.iter().find(|(_, who)| *who == name).map(|(leg, _)| *leg);
        found.unwrap_or_else(|| panic!("{name} does not ring: {:?}", self.ringing))
    }

    /// The leg of a party that is up.
    pub(super) fn leg_of(&self, name: &str) -> u64 {
        let found = self.legs.iter().find(|(leg, who)| *who == name && !self.ringing.contains_key(leg));
        *found.unwrap_or_else(|| panic!("{name} has no leg: {:?}", self.legs)).0
    }

    pub(super) fn alert(&mut self, name: &str) {
        let session = SessionId(self.ringing_leg(name));
        self.sip(SipEvent::Ringing { session, status: 180, sdp: None });
    }

    /// A 183 with a description of its own.
    pub(super) fn early(&mut self, leg: u64, port: u16) {
        let offer = self.our_offer(leg);
        let (sdp, _) = far_side(port).answer(&offer).expect("our own offer can be answered");
        self.sip(SipEvent::Ringing { session: SessionId(leg), status: 183, sdp: Some(sdp) });
    }

    pub(super) fn answer(&mut self, name: &str) -> u64 {
        let leg = self.ringing_leg(name);
        self.answer_leg(leg);
        leg
    }

    pub(super) fn answer_leg(&mut self, leg: u64) {
        self.ringing.remove(&leg);
        let offer = self.our_offer(leg);
        let (sdp, _) = far_side(4_002).answer(&offer).expect("our own offer can be answered");
        let call_id = format!("call-{leg}");
        let (sdp, identity, user_agent) = (Some(sdp), None, None);
        self.sip(SipEvent::Answered { session: SessionId(leg), sdp, identity, user_agent, call_id });
    }

    /// Our offer is not kept by the world; an equal one will do for the answer.
    fn our_offer(&self, leg: u64) -> bytes::Bytes {
        let all = self.desk.conversations.values().flat_map(|c| &c.connections).flat_map(|party| &party.legs);
        let negotiation = all.filter(|each| each.id == leg).find_map(|each| each.negotiation.clone());
        negotiation.expect("the leg has media").offer().0
    }

    pub(super) fn refuse(&mut self, name: &str, status: u16) {
        let leg = self.ringing_leg(name);
        self.refuse_leg(leg, status);
    }

    pub(super) fn refuse_leg(&mut self, leg: u64, status: u16) {
        self.ringing.remove(&leg);
        self.legs.remove(&leg);
        let (session, reason, contacts) = (SessionId(leg), String::new(), Vec::new());
        self.sip(SipEvent::Refused { session, status, reason, q850: None, contacts, retry_after_s: None });
    }

    pub(super) fn hang_up(&mut self, name: &str) {
        let leg = self.leg_of(name);
        self.hang_up_leg(leg, EndCause::Bye);
    }

    pub(super) fn hang_up_leg(&mut self, leg: u64, cause: EndCause) {
        self.legs.remove(&leg);
        self.ringing.remove(&leg);
        self.sip(SipEvent::Ended { session: SessionId(leg), cause, q850: None });
    }

    /// A re-INVITE of the party's phone: `sendonly` to hold, `sendrecv` to resume.
    pub(super) fn phone_hold(&mut self, leg: u64, on: bool) {
        let (offer, _) = far_side(4_000).offer();
        let text = String::from_utf8(offer.to_vec()).expect("our own description is text");
        let text = if on { text.replace("a=sendrecv", "a=sendonly") } else { text };
        assert!(!on || text.contains("sendonly"), "{text}");
        self.sip(SipEvent::Offered { session: SessionId(leg), sdp: Some(text.into()) });
    }

    /// REFER from a leg, blind or (with the other leg) attended.
    pub(super) fn refer(&mut self, leg: u64, number: &str, replaces: Option<u64>) {
        self.next_transfer += 1;
        let target = Party { display: String::new(), uri: format!("sip:{number}@x"), user: number.into() };
        self.sip(SipEvent::TransferAsked {
            session: SessionId(leg),
            transfer: TransferId(self.next_transfer),
            target: ReferTarget {
                target,
                removes: false,
                replaces: replaces.map(|leg| ReplacesTarget::Session(SessionId(leg))),
                user_to_user: Vec::new(),
                elsewhere: None,
            },
            referred_by: Some("<sip:anna@x>".into()),
            subscription: true,
        });
    }

    pub(super) fn contact_of(&self, agent: &str) -> ContactId {
        let state = self.desk.agents.get(agent).expect("an agent");
        state.present().unwrap_or_else(|| panic!("{agent} has no contact")).contact
    }

    pub(super) fn control(&mut self, agent: &str, control: Control) -> Result<Option<ContactSnapshot>, Refusal> {
        let contact = self.contact_of(agent);
        self.control_on(Some(agent), contact, control)
    }

    pub(super) fn control_on(
        &mut self,
        agent: Option<&str>,
        contact: ContactId,
        control: Control,
    ) -> Result<Option<ContactSnapshot>, Refusal> {
        let command = Command::Control { agent: agent.map(str::to_string), contact, control };
        match self.command(command)? {
            Reply::Contact(snapshot) => Ok(Some(*snapshot)),
            _ => Ok(None),
        }
    }

    pub(super) fn command(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.desk.command(request, command);
        self.drain();
        let (answered, result) = self.reply.take().expect("each command is answered");
        assert_eq!(answered, request);
        result
    }

    pub(super) fn consult(&mut self, agent: &str, quick_connect: &str) {
        let target = Target::QuickConnect(quick_connect.into());
        self.control(agent, Control::Add { target, mode: AddMode::Consult }).expect("a target can be added");
    }

    /// What a party's leg hears, in words: names of parties, `music`, `ring-back`, `silence`, `prompt`.
    pub(super) fn hears(&self, name: &str) -> Vec<String> {
        let leg = self.leg_of(name);
        self.leg_hears(leg)
    }

    pub(super) fn leg_hears(&self, leg: u64) -> Vec<String> {
        let plan = self.desk.conversations.values().map(|c| &c.published);
        let found = plan.filter_map(|plan| plan.hears.get(&StreamId(leg))).next();
        match found {
            None => vec!["nothing".into()],
            Some(Hears::Silence) => vec!["silence".into()],
            Some(Hears::Tone(_)) => vec!["ring-back".into()],
            Some(Hears::Music(_)) => vec!["music".into()],
            Some(Hears::Prompt(_)) => vec!["prompt".into()],
            Some(Hears::Parties(voices)) => {
                let names: BTreeSet<String> =
                    voices.iter().map(|voice| self.legs.get(&voice.0).cloned().unwrap_or_default()).collect();
                names.into_iter().collect()
            }
        }
    }

    /// A customer in talk with anna, out of the support queue.
    pub(super) fn talking(registered: &[&str]) -> World {
        let mut world = World::new(registered);
        world.call_in("C", "+4989222");
        world.wait_ms(5_000);
        world.answer("anna");
        world
    }

    /// The kinds of one contact's events, short.
    pub(super) fn kinds(&self, contact: ContactId) -> Vec<String> {
        let own = self.events.iter().filter(|event| event.contact_id == contact);
        own.map(|event| name_of(&event.kind)).collect()
    }
}

fn name_of(kind: &EventKind) -> String {
    let text = serde_json::to_value(kind).expect("events are plain data");
    text["eventType"].as_str().expect("each event has its type").to_string()
}
