//! Transfers: one machine for the panel, the phone's keys, REFER and the API. A target is added; the initiator leaves;
//! what remains is bridged. A customer is never left alone: a target that fails after the initiator has left leads
//! back to it, then to the queue, then to a prompt.

use crate::agent::Part;
use crate::command::{Refusal, RefusalKind, Target};
use crate::connection::{Connection, Phase};
use crate::conversation::{Cause, Contact, Conversation, Stage};
use crate::desk::Desk;
use crate::dial::Caller;
use crate::directory::QuickConnectType;
use crate::event::{DisconnectReason, EndpointAddress, EventKind, InitiationMethod, TransferType};
use crate::ids::{ConnectionId, ContactId};
use crate::leg::Leg;
use crate::outcome::{Failure, OutcomeName};
use crate::permission::{Account, Deed};
use crate::route::{Destination, tidy_number};
use crate::snapshot::ConnectionType;
use crate::timer::Timer;
use crate::whisper::Whisper;

/// A target, understood.
struct Aim {
    destination: Destination,
    name: String,
    quick_connect: Option<String>,
    caller_id: Option<String>,
}

/// How a target is added.
#[derive(Default)]
pub(crate) struct Adding {
    /// The other parties are held (a consult).
    pub(crate) hold: bool,
    /// The initiator sees to it that nobody is left alone there.
    pub(crate) stays: bool,
    /// The initiator's own new line, when it dialled from its phone.
    pub(crate) line: Option<Leg>,
    /// Referred-By of the REFER behind it.
    pub(crate) referred_by: Option<String>,
    /// The Replaces that is passed on (R6).
    pub(crate) replaces: Option<String>,
}

impl Desk {
    /// Brings a target in. What cannot even be tried is refused; what fails later, or at once, ends the target's
    /// connection with an outcome.
    pub(crate) fn add_target(
        &mut self,
        conversation: &mut Conversation,
        initiator: ConnectionId,
        target: &Target,
        adding: Adding,
    ) -> Result<ConnectionId, Refusal> {
        let mut aim = self.aim(target)?;
        let Some(actor) = conversation.connection(initiator) else {
            return Err(Refusal::new(RefusalKind::NotFound, "The initiator is no party of this contact any more."));
        };
        if conversation.conference.is_some() {
            return Err(Refusal::new(RefusalKind::WrongState, "A conference room has guests, and no targets."));
        }
        let (contact, agent, accounts) = (actor.contact, actor.agent.clone(), self.accounts_of(actor));
        self.permit(&accounts, Deed::Transfer, &aim.destination)?;
        self.check_room(conversation, &aim, (agent.as_deref(), &accounts))?;
        // Who calls a room for itself may be the first there.
        let led = conversation.live().any(|each| each.id != initiator && each.is_connected() && !each.is_room());
        if led && !adding.hold && adding.line.is_none() && !adding.stays {
            self.check_company(&aim.destination)?;
        }
        let goes = (!adding.hold && adding.line.is_none()).then_some(initiator);
        self.check_nobody_is_there_twice(conversation, &aim.destination, goes)?;
        conversation.transfers += 1;
        if let Destination::Factory(settings) = &aim.destination {
            aim.destination = Destination::Conference(self.make_room(settings));
        }
        aim.caller_id = self.caller_id_choice(conversation, contact, aim.caller_id.as_ref());
        let caller = self.caller_for_target(conversation, contact, &aim, &adding);
        let added = self.add_party(conversation, (initiator, contact), &aim, &caller);
        // Outside nobody needs to know which agent it was (R10).
        let inside = !matches!(aim.destination, Destination::Outside { .. });
        let by_panel = agent.as_deref().filter(|_| inside).and_then(|agent| self.referred_by_agent(agent));
        if let Some(party) = conversation.connection_mut(added) {
            party.referred_by = caller.referred_by.clone().or(by_panel);
            party.caller_id = aim.caller_id;
            party.consult = adding.hold;
            // Nobody in a room could hear a brief alone, or accept.
            let room = matches!(aim.destination, Destination::Conference(_));
            let entry = aim.quick_connect.as_deref().filter(|_| !room);
            party.whisper = entry.and_then(|name| self.directory.quick_connect(name)).and_then(Whisper::of);
        }
        let blind = !adding.hold && adding.line.is_none();
        if let Some(line) = adding.line {
            self.attach_line(conversation, initiator, added, line);
        }
        let others = conversation.ids_of(|each| each.id != initiator && each.id != added && each.talks());
        let parties = (Some(initiator), added);
        // Who is to accept first must be called from here: its trunk cannot ask it.
        let blind = blind && conversation.connection(added).is_some_and(|party| party.whisper.is_none());
        if !(blind && self.take_back(conversation, parties, &aim.destination, &caller)) {
            self.reach(conversation, added, &aim.destination, &caller);
            self.ring_by_policy(conversation, added);
        }
        // A target that cannot be reached at all changes nothing: nobody is held for it.
        let on_the_way = conversation.connection(added).is_some_and(Connection::is_live);
        for other in others.into_iter().filter(|_| adding.hold && on_the_way) {
            self.hold_party(conversation, other, contact, None);
        }
        Ok(added)
    }

    fn check_room(
        &self,
        conversation: &Conversation,
        aim: &Aim,
        (agent, accounts): (Option<&str>, &[Account]),
    ) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        if conversation.live().count() >= limits.parties_max {
            let detail = format!("The conversation has its {} parties.", limits.parties_max);
            return Err(Refusal::new(RefusalKind::LimitReached, detail));
        }
        let transfers_max = self.transfers_max(accounts);
        if conversation.transfers >= transfers_max {
            let detail =
                format!("The conversation has been transferred {transfers_max} times; this looks like a loop.");
            return Err(Refusal::new(RefusalKind::LimitReached, detail));
        }
        match &aim.destination {
            Destination::Queue(name) if !self.queue_has_room(name, true) => {
                Err(Refusal::new(RefusalKind::LimitReached, format!("The queue {name} is full.")))
            }
            Destination::Agent(name) if Some(name.as_str()) == agent => {
                Err(Refusal::new(RefusalKind::Invalid, "An agent cannot be its own target."))
            }
            Destination::Agent(name) => {
                let there = conversation.live().any(|each| each.agent.as_deref() == Some(name));
                let refusal = || Refusal::new(RefusalKind::WrongState, format!("{name} is a party already."));
                if there { Err(refusal()) } else { Ok(()) }
            }
            Destination::Outside { .. } if conversation.carried.is_worn_out() => {
                let detail = "The call has come through too many hops to go on; this looks like a loop.";
                Err(Refusal::new(RefusalKind::LimitReached, detail))
            }
            Destination::Conference(_) | Destination::Factory(_) if conversation.live().any(Connection::is_room) => {
                // Two calls that are both in two rooms would be a ring in which every sound goes round for ever.
                Err(Refusal::new(RefusalKind::WrongState, "The call is in a conference room already."))
            }
            Destination::Conference(_) | Destination::Factory(_) if self.opens_one_too_many(&aim.destination) => {
                let detail = "The server has as many conversations as it may.";
                Err(Refusal::new(RefusalKind::LimitReached, detail))
            }
            Destination::Conference(name) => {
                let full = || Refusal::new(RefusalKind::LimitReached, format!("The conference room {name} is full."));
                if self.room_has_space(name) { Ok(()) } else { Err(full()) }
            }
            _ => Ok(()),
        }
    }

    /// Nobody is led blindly to where nobody is (R4).
    fn check_company(&self, destination: &Destination) -> Result<(), Refusal> {
        let detail = match destination {
            Destination::Factory(_) => "A new conference room is empty; make it, and bring the call there.".to_string(),
            Destination::Conference(name) if !self.somebody_is_in(name, None) => {
                format!("Nobody is in the conference room {name}; consult it, and leave when somebody comes.")
            }
            _ => return Ok(()),
        };
        Err(Refusal::new(RefusalKind::WrongState, detail))
    }

    /// What a target leads to, if it leads anywhere.
    pub(crate) fn destination_of(&self, target: &Target) -> Result<Destination, Refusal> {
        self.aim(target).map(|aim| aim.destination)
    }

    fn aim(&self, target: &Target) -> Result<Aim, Refusal> {
        let plain =
            |destination, name: &str| Aim { destination, name: name.to_string(), quick_connect: None, caller_id: None };
        match target {
            Target::Agent(name) if self.directory.user(name).is_some() => {
                Ok(plain(Destination::Agent(name.clone()), name))
            }
            Target::Agent(name) => Err(Refusal::new(RefusalKind::NotFound, format!("There is no agent {name}."))),
            Target::Queue(name) if self.directory.queue(name).is_some() => {
                Ok(plain(Destination::Queue(name.clone()), name))
            }
            Target::Queue(name) => Err(Refusal::new(RefusalKind::NotFound, format!("There is no queue {name}."))),
            Target::PhoneNumber(typed) => {
                let destination = self.resolve(typed)?;
                Ok(plain(destination, typed.trim()))
            }
            Target::QuickConnect(name) => {
                let Some(entry) = self.directory.quick_connect(name) else {
                    return Err(Refusal::new(RefusalKind::NotFound, format!("There is no quick connect {name}.")));
                };
                let missing = || Refusal::new(RefusalKind::Invalid, format!("The quick connect {name} has no target."));
                let inner = match entry.kind {
                    QuickConnectType::User => Target::Agent(entry.user.clone().ok_or_else(missing)?),
                    QuickConnectType::Queue => Target::Queue(entry.queue.clone().ok_or_else(missing)?),
                    QuickConnectType::PhoneNumber => {
                        Target::PhoneNumber(entry.phone_number.clone().ok_or_else(missing)?)
                    }
                };
                let aim = self.aim(&inner)?;
                let (quick_connect, caller_id) = (Some(entry.name.clone()), entry.caller_id.clone());
                Ok(Aim { name: entry.name.clone(), quick_connect, caller_id, ..aim })
            }
        }
    }

    /// What a typed number leads to.
    pub(crate) fn resolve(&self, typed: &str) -> Result<Destination, Refusal> {
        if self.ad_hoc.contains_key(typed.trim()) {
            return Ok(Destination::Conference(typed.trim().to_string()));
        }
        let exact = self.numbers.look_up(typed.trim());
        let tidied = || tidy_number(typed).and_then(|number| self.numbers.look_up(&number));
        // A name with dots or dashes is looked up as it is; a number is dialled without them.
        let found = match exact {
            Some(Destination::Outside { .. }) | None => tidied(),
            inside => inside,
        };
        found.ok_or_else(|| {
            let shown: String = typed.chars().filter(|c| !c.is_control()).take(40).collect();
            Refusal::new(RefusalKind::NoRoute, format!("The number {shown:?} leads nowhere."))
        })
    }

    /// The new contact and its party, not yet dialled.
    fn add_party(
        &mut self,
        conversation: &mut Conversation,
        (initiator, contact): (ConnectionId, ContactId),
        aim: &Aim,
        caller: &Caller,
    ) -> ConnectionId {
        let (kind, method, customer, system) = match &aim.destination {
            Destination::Outside { number, .. } => (
                ConnectionType::ThirdParty,
                InitiationMethod::ExternalOutbound,
                Some(EndpointAddress { address: number.clone(), name: None }),
                Some(EndpointAddress { address: caller.number.clone(), name: None }),
            ),
            inside => {
                let customer = conversation.contact(conversation.root()).and_then(|root| root.customer.clone());
                match inside {
                    Destination::Conference(name) => {
                        let system = Some(self.room_endpoint(name));
                        (ConnectionType::ThirdParty, InitiationMethod::Transfer, customer, system)
                    }
                    _ => (ConnectionType::Agent, InitiationMethod::Transfer, customer, None),
                }
            }
        };
        let opening = Opening { previous: Some(contact), method, customer, system, ..Opening::default() };
        let created = self.open_contact(conversation, Opening { quick_connect: aim.quick_connect.clone(), ..opening });
        let id = ConnectionId(self.allocate());
        let mut party = Connection::new(id, created, kind, Phase::Offered, self.now_us);
        party.added_by = Some(initiator);
        party.charged_to =
            conversation.connection(initiator).and_then(|each| self.accounts_of(each).into_iter().next());
        party.name = match &aim.destination {
            Destination::Conference(name) => name.clone(),
            _ => aim.name.clone(),
        };
        party.quick_connect.clone_from(&aim.quick_connect);
        party.address = match &aim.destination {
            Destination::Outside { number, .. } => number.clone(),
            Destination::Agent(name) | Destination::Queue(name) => name.clone(),
            Destination::Conference(name) | Destination::Factory(name) => self.room_number(name),
        };
        if let Destination::Agent(name) = &aim.destination {
            party.agent = Some(name.clone());
        }
        conversation.connections.push(party);
        id
    }

    /// Dials the target, or lets it wait.
    pub(crate) fn reach(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        destination: &Destination,
        caller: &Caller,
    ) {
        let tried = match destination {
            Destination::Outside { number, trunks } => {
                self.dial_outside(conversation, target, (number, trunks), caller)
            }
            Destination::Queue(name) => {
                self.answer_callers(conversation, target);
                self.enqueue(conversation, target, name, false);
                self.report_progress(conversation, target, 182);
                Ok(())
            }
            Destination::Agent(name) => self.reach_agent(conversation, target, name),
            Destination::Conference(name) => self.enter_by_tie(conversation, target, name),
            // Where a call is led, its room has been made.
            Destination::Factory(_) => Err(Failure::Status(480, None)),
        };
        if let Err(failure) = tried {
            self.target_fails(conversation, target, failure);
        }
    }

    /// An agent as a target: rung when free, waited for when busy, unreachable otherwise.
    fn reach_agent(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        name: &str,
    ) -> Result<(), Failure> {
        let by_agent = conversation.connection(target).is_some_and(|party| party.added_by.is_some());
        let Some(agent) = self.agents.get(name) else { return Err(Failure::Status(404, None)) };
        if agent.devices == 0 {
            return Err(Failure::Unregistered);
        }
        let busy = agent.engagements.iter().any(|each| by_agent || each.part >= Part::Offered);
        if !busy {
            if by_agent && agent.status != crate::agent::AVAILABLE {
                return Err(Failure::Unregistered);
            }
            self.offer_to(conversation, target, name);
            return Ok(());
        }
        let waiting = self.waiting.iter().filter(|each| each.personal && each.queue == name).count();
        if !by_agent || waiting >= self.config.limits.personal_queue_max as usize {
            return Err(Failure::Status(486, None));
        }
        self.answer_callers(conversation, target);
        self.enqueue(conversation, target, name, true);
        let wait_ms = u64::from(self.config.limits.personal_wait_s) * 1_000;
        self.start_timer(Timer::Ring(conversation.id, target), wait_ms);
        Ok(())
    }

    fn caller_for_target(&self, conversation: &Conversation, contact: ContactId, aim: &Aim, adding: &Adding) -> Caller {
        let (number, name) = self.caller_id_for(conversation, contact, aim.caller_id.as_deref());
        let (referred_by, replaces) = (adding.referred_by.clone(), adding.replaces.clone());
        Caller { number, name, referred_by, replaces, ..Caller::default() }
    }

    /// The caller id of the queue that a contact came through, else of its agent's default outbound queue, else the
    /// number that the customer dialled.
    pub(crate) fn queue_caller_id(&self, conversation: &Conversation, contact: ContactId) -> (String, String) {
        let own = conversation.queue_of(contact).map(|place| place.name.clone());
        let agent = conversation.contact(contact).and_then(|entry| entry.agent.clone());
        let default = || self.directory.profile_of(agent.as_deref()?)?.default_outbound_queue.clone();
        let named = |name: Option<String>| {
            let queue = self.directory.queue(&name?)?;
            Some((queue.outbound_caller_id.clone()?, queue.outbound_caller_name.clone().unwrap_or_default()))
        };
        let extension = || {
            let user = self.directory.user(agent.as_deref()?)?;
            Some((user.extension.clone()?, user.name.clone()))
        };
        let caller_id = named(own).or_else(|| named(default())).or_else(extension);
        caller_id.unwrap_or_else(|| (agent.unwrap_or_default(), String::new()))
    }

    /// A second line of the initiator's phone: it is for the new target, the lines before it for the others.
    fn attach_line(
        &mut self,
        conversation: &mut Conversation,
        initiator: ConnectionId,
        target: ConnectionId,
        mut line: Leg,
    ) {
        let others = conversation.ids_of(|each| each.id != initiator && each.id != target);
        line.partners = vec![target];
        let Some(party) = conversation.connection_mut(initiator) else { return };
        for leg in party.legs.iter_mut().filter(|leg| leg.partners.is_empty()) {
            leg.partners = others.clone();
        }
        self.leg_index.insert(line.id, conversation.id);
        if let Some(party) = conversation.connection_mut(initiator) {
            party.legs.push(line);
        }
    }

    /// Removes one agent (or any party) and bridges what remains: *Leave*.
    pub(crate) fn leave(&mut self, conversation: &mut Conversation, leaver: ConnectionId, by: &str, cause: Cause) {
        let Some(party) = conversation.connection(leaver) else { return };
        let (contact, agent, initial) = (party.contact, party.agent.clone(), party.initial);
        self.complete_transfers_of(conversation, leaver, contact, agent);
        self.tell_initiator_of_end(conversation, leaver);
        // A customer leaves the contact that it is on now, not the one that it came in by.
        let left = match conversation.contacts.iter().rev().find(|entry| entry.is_open_part()) {
            Some(current) if initial && conversation.conference.is_none() => current.id,
            _ => contact,
        };
        self.emit(conversation, left, EventKind::Left { by: by.to_string() });
        self.leave_queue(conversation, leaver);
        self.end_party(conversation, leaver, 480);
        let agents_remain = conversation.live().any(|each| each.is_agent() && each.is_connected());
        let freed = conversation.ids_of(|each| each.hold.is_some_and(|hold| hold.by == contact || !agents_remain));
        freed.into_iter().for_each(|held| self.resume_party(conversation, held, contact));
        let muted = conversation.ids_of(|each| each.muted && !agents_remain);
        muted.into_iter().for_each(|muted| self.set_mute(conversation, muted, contact, false));
        if initial && conversation.conference.is_none() {
            self.customer_left(conversation, cause);
        } else {
            // Everybody in a conference room has a contact of its own.
            self.finish_contact(conversation, contact, cause);
        }
    }

    /// The initiator leaves: its targets are the customer's from now on.
    fn complete_transfers_of(
        &mut self,
        conversation: &mut Conversation,
        leaver: ConnectionId,
        contact: ContactId,
        agent: Option<String>,
    ) {
        let customer_there = conversation.customers().any(|each| each.id != leaver);
        let targets = conversation.ids_of(|each| each.added_by == Some(leaver) && each.contact != contact);
        for target in targets {
            let Some(party) = conversation.connection_mut(target) else { continue };
            let transfer_type = if party.is_pending() {
                party.recall_to.clone_from(&agent);
                TransferType::Cold
            } else if party.is_room() {
                // Whoever else is in there may go: the customer comes back to who led it there.
                party.recall_to.clone_from(&agent);
                match (party.joined, party.consulted) {
                    (true, _) => TransferType::WarmConference,
                    (false, true) => TransferType::WarmConsult,
                    (false, false) => TransferType::Cold,
                }
            } else if party.joined {
                TransferType::WarmConference
            } else if party.consulted {
                TransferType::WarmConsult
            } else {
                TransferType::Cold
            };
            let outside = party.kind == ConnectionType::ThirdParty && !party.is_room();
            let address = EndpointAddress { address: party.address.clone(), name: None };
            if !customer_there {
                continue;
            }
            let kind = EventKind::Transfer {
                transfer_type,
                outcome: OutcomeName::Completed.text().to_string(),
                sip_status: 0,
                q850: None,
                transferred_to: outside.then_some(address),
                completed: true,
            };
            self.emit(conversation, contact, kind);
        }
    }

    /// A target that was reached is gone while its initiator is still there.
    fn tell_initiator_of_end(&mut self, conversation: &mut Conversation, gone: ConnectionId) {
        let Some(party) = conversation.connection(gone).filter(|party| party.is_connected()) else { return };
        let transfer_type = if party.joined { TransferType::ConferenceOnly } else { TransferType::ConsultOnly };
        let initiator = party.added_by.and_then(|id| conversation.connection(id)).filter(|each| each.is_live());
        let Some(contact) = initiator.map(|each| each.contact).filter(|contact| *contact != party.contact) else {
            return;
        };
        let kind = EventKind::Transfer {
            transfer_type,
            outcome: OutcomeName::TargetEnded.text().to_string(),
            sip_status: 0,
            q850: None,
            transferred_to: None,
            completed: false,
        };
        self.emit(conversation, contact, kind);
    }

    /// A customer is gone: that is why its contacts will end.
    pub(crate) fn customer_left(&mut self, conversation: &mut Conversation, cause: Cause) {
        for contact in conversation.contacts.iter_mut().filter(|contact| contact.stage == Stage::Open) {
            contact.cause.get_or_insert(cause);
        }
    }

    /// Begins a contact.
    pub(crate) fn open_contact(&mut self, conversation: &mut Conversation, opening: Opening) -> ContactId {
        let id = self.allocate_contact();
        self.contact_index.insert(id, conversation.id);
        conversation.contacts.push(Contact {
            id,
            previous: opening.previous,
            next: None,
            method: opening.method,
            agent: None,
            queue: None,
            stage: Stage::Open,
            since_us: self.now_us,
            customer: opening.customer.clone(),
            interacting: false,
            served: false,
            reached: false,
            recalled: opening.recalled_from.is_some(),
            failed_target: None,
            cause: None,
            attributes: Default::default(),
        });
        // What is supervised does not show it: nothing came of it.
        if let Some(previous) = opening.previous.filter(|_| opening.method != InitiationMethod::Monitor) {
            if let Some(entry) = conversation.contact_mut(previous) {
                entry.next = Some(id);
            }
            self.emit(conversation, previous, EventKind::NextContact { next_contact_id: id });
        }
        let root = conversation.root();
        let kind = EventKind::Initiated {
            initial_contact_id: (root != id).then_some(root),
            previous_contact_id: opening.previous,
            method: opening.method,
            customer_endpoint: opening.customer,
            system_endpoint: opening.system,
            quick_connect: opening.quick_connect,
            recalled_from: opening.recalled_from,
        };
        self.emit(conversation, id, kind);
        id
    }
}

/// What a contact begins with.
pub(crate) struct Opening {
    pub(crate) previous: Option<ContactId>,
    pub(crate) method: InitiationMethod,
    pub(crate) customer: Option<EndpointAddress>,
    pub(crate) system: Option<EndpointAddress>,
    pub(crate) quick_connect: Option<String>,
    pub(crate) recalled_from: Option<ContactId>,
}

impl Default for Opening {
    fn default() -> Self {
        Opening {
            previous: None,
            method: InitiationMethod::Inbound,
            customer: None,
            system: None,
            quick_connect: None,
            recalled_from: None,
        }
    }
}

/// The cause of an agent's leaving.
pub(crate) fn agent_left() -> Cause {
    Cause::of(DisconnectReason::AgentDisconnect)
}
