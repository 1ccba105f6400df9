//! What can happen to a conversation, and how it is done.

use std::collections::BTreeSet;

use baton_media::StreamId;
use baton_sip::EndCause;

use super::key::{look, role};
use crate::agent::Part;
use crate::command::{AddMode, Command, Control, RoomControl, Target, Watched};
use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::directory::Supervision;
use crate::ids::{ConnectionId, ContactId};
use crate::leg::LegState;
use crate::tests::world::World;

/// The user who supervises, when a walk has one; it is no agent of any queue.
pub(super) const SUPERVISOR: &str = "sue";

/// Which of all that can happen a walk takes. With many parties all of it would be far too many states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Phones alert before they are answered; without, they are answered or refuse at once.
    pub(super) alerting: bool,
    /// Phones hold, dial a second line, refer and die.
    pub(super) phones: bool,
    /// Each party is held, resumed, swapped to, joined and muted by itself; without, all of them together.
    pub(super) each_party: bool,
    /// Agents and queues are brought in; without, outside numbers alone.
    pub(super) colleagues: bool,
    /// Agents press feature codes: a walk of its own, for nothing else adds so many steps to each state.
    pub(super) keys: bool,
    /// Somebody outside and idle agents dial the room, guests are muted and removed there, and tie lines break.
    pub(super) guests: bool,
}

impl Reach {
    pub(super) const ALL: Reach =
        Reach { alerting: true, phones: true, each_party: true, colleagues: true, keys: false, guests: false };
}

/// One thing that can happen.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Control(String, Control),
    Alert(u64),
    Answer(u64),
    Refuse(u64),
    RingTimeout,
    HangUp(u64),
    Die(u64),
    PhoneHold(u64, bool),
    /// The agent dials a number from its phone while on a call.
    SecondLine(String),
    /// REFER of one line with Replaces of the other.
    Attended(u64, u64),
    Refer(u64),
    /// A target that is asked to accept presses a key.
    Key(u64, char),
    Supervise(ContactId, Supervision, Option<ConnectionId>),
    /// An agent presses a feature code, and perhaps a number behind it.
    Keys(u64, &'static str),
    /// An agent that presses a number presses no more.
    Pause,
    /// Somebody outside, or an agent at its phone, dials the room.
    DialRoom(&'static str),
    /// What the operator does in the room.
    Moderate(RoomControl),
    /// The sound of one end of a tie line cannot be carried.
    Break(u64),
}

/// The room of those walks that have one, and the number it is dialled by.
pub(super) const ROOM: (&str, &str) = ("room", "800");

/// Who dials the room from outside.
const GUEST: &str = "guest";

/// What is pressed: transfers to anna and bert, to nowhere and to what follows, a digit and the end of it, hold and mute.
const CODES: [&str; 11] = ["*7101#", "*8101#", "*7102#", "*8102#", "*7999#", "*7", "*8", "1", "#", "*6", "*9"];

/// Whether somebody presses a number.
pub(super) fn is_dialling(world: &World) -> bool {
    let mut parties = world.desk.conversations.values().flat_map(|conversation| conversation.live());
    parties.any(|party| party.dialling.is_some())
}

impl Step {
    /// Whether it is a click of somebody who presses a number: it gives the number up, whatever becomes of the click.
    pub(super) fn gives_up_a_number(&self, world: &World) -> bool {
        let Step::Control(agent, _) = self else { return false };
        let mut parties = world.desk.conversations.values().flat_map(|conversation| conversation.live());
        parties.any(|party| party.agent.as_ref() == Some(agent) && party.dialling.is_some())
    }
}

/// All that can happen, once for parties that are equal, of conversations that are equal.
pub(super) fn steps(world: &World, reach: Reach) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut known = BTreeSet::new();
    let conversations = || world.desk.conversations.values();
    for conversation in conversations().filter(|each| known.insert(role(world, each))) {
        of_conversation(conversation, reach, &mut steps);
        of_supervisor(world, conversation, reach, &mut steps);
    }
    if reach.guests && conversations().any(|_| true) {
        of_room(world, &mut steps);
    }
    steps.extend(is_dialling(world).then_some(Step::Pause));
    // Whoever is alone in a room is for a while only.
    let passes = |party: &Connection| party.is_pending() || party.is_empty_room();
    if conversations().any(|each| each.live().chain(each.monitors()).any(passes)) {
        steps.push(Step::RingTimeout);
    }
    steps
}

fn of_conversation(conversation: &Conversation, reach: Reach, steps: &mut Vec<Step>) {
    let mut known = BTreeSet::new();
    for party in conversation.live().filter(|party| known.insert(look(conversation, party))) {
        if let Some(agent) = party.agent.as_ref().filter(|_| party.is_pending() && !party.legs.is_empty()) {
            steps.push(Step::Control(agent.clone(), Control::Accept));
            steps.push(Step::Control(agent.clone(), Control::Reject));
        }
        if let Some(agent) = party.agent.as_ref().filter(|_| party.is_connected()) {
            let controls = match conversation.conference {
                Some(_) => controls_in_room(conversation, party),
                None => controls(conversation, party, reach),
            };
            steps.extend(controls.into_iter().map(|control| Step::Control(agent.clone(), control)));
            // A line from within a room begins a call that has nothing to do with it.
            let dials = reach.phones && conversation.conference.is_none();
            let second = dials && party.legs.len() == 1 && party.is_here();
            steps.extend(second.then(|| Step::SecondLine(agent.clone())));
        }
        of_legs(party, reach, steps);
        if reach.guests && conversation.conference.is_some() {
            let mute = if party.muted { RoomControl::Unmute(party.id) } else { RoomControl::Mute(party.id) };
            steps.extend([mute, RoomControl::Drop(party.id)].map(Step::Moderate));
        }
    }
}

/// Who may come into the room does, once each.
fn of_room(world: &World, steps: &mut Vec<Step>) {
    let there = |who: &str| world.legs.values().any(|name| name == who);
    steps.extend((!there(GUEST)).then_some(Step::DialRoom(GUEST)));
    let idle = |agent: &&&str| world.desk.agents.get(**agent).is_some_and(|agent| agent.engagements.is_empty());
    steps.extend(["anna", "bert"].iter().filter(idle).map(|agent| Step::DialRoom(agent)));
}

fn of_legs(party: &Connection, reach: Reach, steps: &mut Vec<Step>) {
    for leg in &party.legs {
        match leg.state {
            LegState::Inviting | LegState::Alerting => {
                let alerts = reach.alerting && leg.state == LegState::Inviting;
                steps.extend(alerts.then_some(Step::Alert(leg.id)));
                steps.extend([Step::Answer(leg.id), Step::Refuse(leg.id)]);
            }
            LegState::Incoming => steps.push(Step::HangUp(leg.id)),
            LegState::Up if !leg.is_wired() => steps.extend(reach.guests.then_some(Step::Break(leg.id))),
            LegState::Up => {
                steps.push(Step::HangUp(leg.id));
                if party.phase == Phase::Whispering {
                    steps.extend([Step::Key(leg.id, '1'), Step::Key(leg.id, '2')]);
                }
                let presses = reach.keys && party.is_agent() && party.is_connected();
                steps.extend(CODES.iter().filter(|_| presses).map(|code| Step::Keys(leg.id, code)));
                if reach.phones && party.is_agent() {
                    steps.extend([Step::Die(leg.id), Step::PhoneHold(leg.id, !leg.remote_hold)]);
                    steps.extend(party.is_here().then_some(Step::Refer(leg.id)));
                    let other = party.legs.iter().find(|other| other.id != leg.id);
                    steps.extend(other.map(|other| Step::Attended(leg.id, other.id)));
                }
            }
        }
    }
}

/// The supervisor begins with each agent, changes how it takes part, ends it, and its phone does what phones do.
fn of_supervisor(world: &World, conversation: &Conversation, reach: Reach, steps: &mut Vec<Step>) {
    if world.desk.directory.user(SUPERVISOR).is_none() || conversation.live().any(is_supervisor) {
        return;
    }
    use Supervision::{Barge, SilentMonitor, TakeOver, Whisper};
    let modes = |of: ContactId, steps: &mut Vec<Step>| {
        steps.extend([SilentMonitor, Whisper, Barge, TakeOver].map(|mode| Step::Supervise(of, mode, None)));
        let customer = conversation.customers().next().map(|party| party.id);
        steps.extend(customer.map(|id| Step::Supervise(of, Whisper, Some(id))));
    };
    let Some(party) = conversation.monitors().next() else {
        let agents = conversation.live().filter(|party| party.is_agent() && party.is_connected());
        agents.for_each(|agent| modes(agent.contact, steps));
        return;
    };
    if let Some(monitor) = party.monitor {
        modes(monitor.of, steps);
    }
    of_legs(party, reach, steps);
    steps.extend(party.is_connected().then(|| Step::Control(SUPERVISOR.into(), Control::End)));
}

fn is_supervisor(party: &Connection) -> bool {
    party.agent.as_deref() == Some(SUPERVISOR)
}

/// What an agent can do as a guest of a room.
fn controls_in_room(conversation: &Conversation, actor: &Connection) -> Vec<Control> {
    let mut controls = vec![Control::Hold, Control::Resume, Control::Leave];
    let mut known = BTreeSet::new();
    for party in conversation.live().filter(|party| known.insert(look(conversation, party))) {
        controls.push(if party.muted { Control::Unmute(party.id) } else { Control::Mute(party.id) });
        controls.extend((party.id != actor.id).then_some(Control::Drop(party.id)));
    }
    controls
}

fn controls(conversation: &Conversation, actor: &Connection, reach: Reach) -> Vec<Control> {
    let others = || conversation.live().filter(|other| other.id != actor.id);
    if !actor.is_here() {
        // On its way out: all else is refused.
        let drops = others().map(|other| Control::Drop(other.id));
        return [Control::Leave, Control::Undo, Control::End].into_iter().chain(drops).collect();
    }
    let add = |name: &str, mode| Control::Add { target: Target::QuickConnect(name.into()), mode };
    let mut controls = vec![
        Control::Hold,
        Control::Resume,
        Control::Swap,
        Control::Join,
        Control::HoldAll,
        Control::Leave,
        Control::End,
        add("Bank", AddMode::Consult),
        add("Bank", AddMode::Blind),
    ];
    if reach.colleagues {
        let other = if actor.agent.as_deref() == Some("bert") { "Anna" } else { "Bert" };
        controls.extend([add(other, AddMode::Consult), add(other, AddMode::Blind), add("Sales", AddMode::Consult)]);
    }
    let mut known = BTreeSet::new();
    for other in others().filter(|other| known.insert(look(conversation, other))) {
        controls.push(Control::Drop(other.id));
        if !reach.each_party {
            continue;
        }
        controls.extend([
            Control::HoldConnection(other.id),
            Control::ResumeConnection(other.id),
            Control::SwapTo(other.id),
            Control::JoinConnection(other.id),
        ]);
        if other.initial {
            controls.push(if other.muted { Control::Unmute(other.id) } else { Control::Mute(other.id) });
        }
    }
    controls.extend(reach.each_party.then_some(Control::HoldConnection(actor.id)));
    controls
}

/// Does a step. False when it was a click that was refused: then nothing has changed.
pub(super) fn apply(world: &mut World, step: &Step) -> bool {
    match step {
        Step::Control(agent, control) => {
            if world.control(agent, control.clone()).is_err() {
                return false;
            }
        }
        Step::Supervise(of, mode, to) => {
            let (supervisor, watched) = (SUPERVISOR.to_string(), Watched::Contact(*of));
            if world.command(Command::Supervise { supervisor, watched, mode: *mode, to: *to }).is_err() {
                return false;
            }
        }
        Step::Alert(leg) => {
            let session = baton_sip::SessionId(*leg);
            world.sip(baton_sip::Event::Ringing { session, status: 180, sdp: None });
        }
        Step::Answer(leg) => world.answer_leg(*leg),
        Step::Refuse(leg) => world.refuse_leg(*leg, 486),
        Step::RingTimeout => world.wait_ms(61_000),
        Step::HangUp(leg) => world.hang_up_leg(*leg, EndCause::Bye),
        Step::Die(leg) => world.hang_up_leg(*leg, EndCause::Timeout),
        Step::PhoneHold(leg, on) => world.phone_hold(*leg, *on),
        Step::SecondLine(agent) => drop(world.call_in(agent, "+49555")),
        Step::Attended(leg, other) => world.refer(*leg, "+49555", Some(*other)),
        Step::Key(leg, digit) => {
            let stream = StreamId(*leg);
            world.media(baton_media::Event::Digit { stream, digit: *digit, duration_ms: 100 });
        }
        Step::Keys(leg, keys) => {
            let stream = StreamId(*leg);
            for digit in keys.chars() {
                world.media(baton_media::Event::Digit { stream, digit, duration_ms: 100 });
            }
        }
        Step::Pause => world.wait_ms(9_000),
        Step::DialRoom(who) => drop(world.call_in(who, ROOM.1)),
        Step::Moderate(control) => {
            let (by, room, control) = (None, ROOM.0.to_string(), control.clone());
            if world.command(Command::Conference { by, room, control }).is_err() {
                return false;
            }
        }
        Step::Break(leg) => {
            let (stream, reason) = (StreamId(*leg), String::new());
            world.media(baton_media::Event::OpenFailed { stream, reason });
        }
        Step::Refer(leg) => world.refer(*leg, "+49404040", None),
    }
    clear_all(world);
    // Time passes, so that durations differ; nothing is due so soon.
    world.wait_ms(1 + world.events.len() as u64 % 11);
    true
}

/// After-contact work is no part of the conversation's states: it is cleared at once.
pub(super) fn clear_all(world: &mut World) {
    let todo: Vec<(String, ContactId)> = (world.desk.agents.iter())
        .flat_map(|(name, agent)| agent.engagements.iter().map(move |each| (name.clone(), each)))
        .filter(|(_, each)| matches!(each.part, Part::Acw | Part::Missed))
        .map(|(name, each)| (name, each.contact))
        .collect();
    for (agent, contact) in todo {
        world.control_on(Some(&agent), contact, Control::Clear).expect("what is to be cleared can be cleared");
    }
}
