//! What makes two states the same: parties by what they are, do and mean to each other, without numbers and times.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::steps::SUPERVISOR;
use crate::agent::Part;
use crate::connection::{Connection, Hold};
use crate::conversation::Conversation;
use crate::ids::{ConnectionId, ContactId};
use crate::snapshot::ConnectionType;
use crate::tests::world::World;

/// What a party looks like to all that decides.
pub(super) type Look = Vec<u8>;

/// anna and bert are alike: the same phones, queues and rights, and nothing that decides looks at a name but to find out whether
/// it is the same as another one. So of two states in which they have only changed places one is enough.
#[derive(Debug, Clone, Copy)]
enum Names {
    Own,
    Exchanged,
}

/// The same for two worlds that decide alike: all conversations, in any order, calls and rooms alike.
pub(super) fn key(world: &World) -> u64 {
    let by = |names| {
        let mut hasher = DefaultHasher::new();
        hash(world, names, &mut hasher);
        hasher.finish()
    };
    by(Names::Own).min(by(Names::Exchanged))
}

fn hash(world: &World, names: Names, hasher: &mut DefaultHasher) {
    let mut conversations: Vec<u64> =
        world.desk.conversations.values().map(|conversation| role_by(world, conversation, names)).collect();
    conversations.sort_unstable();
    conversations.hash(hasher);
    if !conversations.is_empty() {
        longest_idle(world, names).hash(hasher);
    }
}

/// What a conversation is: itself, and what lies at the far ends of its tie lines. A call is in one room at most, so that
/// nothing farther away has to be looked at.
pub(super) fn role(world: &World, conversation: &Conversation) -> u64 {
    role_by(world, conversation, Names::Own)
}

fn role_by(world: &World, conversation: &Conversation, names: Names) -> u64 {
    let mut hasher = DefaultHasher::new();
    itself(conversation, names).hash(&mut hasher);
    let ties = conversation.live().filter_map(|party| Some((party, party.tie()?)));
    let mut ties: Vec<(Look, u64)> =
        ties.map(|(party, tie)| (look_by(conversation, party, names), far_end(world, tie.connection, names))).collect();
    ties.sort_unstable();
    ties.hash(&mut hasher);
    hasher.finish()
}

/// A conversation without a look at any other.
fn itself(conversation: &Conversation, names: Names) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut parties: Vec<Look> =
        conversation.live().chain(conversation.monitors()).map(|party| look_by(conversation, party, names)).collect();
    parties.sort_unstable();
    parties.hash(&mut hasher);
    conversation.conference.is_some().hash(&mut hasher);
    conversation.farewell.hash(&mut hasher);
    conversation.recall.as_ref().map(|recall| recall.stage as u8).hash(&mut hasher);
    hasher.finish()
}

/// The party at the other end of a tie line, and the conversation that it is in.
fn far_end(world: &World, connection: ConnectionId, names: Names) -> u64 {
    let mut hasher = DefaultHasher::new();
    let id = world.desk.leg_index.get(&connection.0);
    if let Some(far) = id.and_then(|id| world.desk.conversations.get(id)) {
        far.connection(connection).map(|party| look_by(far, party, names)).hash(&mut hasher);
        itself(far, names).hash(&mut hasher);
    }
    hasher.finish()
}

/// Whom a queue would offer a contact to: of several that are free the longest idle.
fn longest_idle(world: &World, names: Names) -> Option<u8> {
    let busy = |part: Part| part >= Part::Offered;
    let free = world.desk.agents.iter().filter(|(name, agent)| agent.devices > 0 && *name != SUPERVISOR);
    let free = free.filter(|(_, agent)| !agent.engagements.iter().any(|each| busy(each.part)));
    free.min_by_key(|(_, agent)| agent.idle_since_us).map(|(name, _)| letter(Some(name), names))
}

/// A user by its first letter: each has another one.
fn letter(user: Option<&String>, names: Names) -> u8 {
    match (user.and_then(|name| name.bytes().next()).unwrap_or_default(), names) {
        (b'a', Names::Exchanged) => b'b',
        (b'b', Names::Exchanged) => b'a',
        (letter, _) => letter,
    }
}

pub(super) fn look(conversation: &Conversation, party: &Connection) -> Look {
    look_by(conversation, party, Names::Own)
}

fn look_by(conversation: &Conversation, party: &Connection, names: Names) -> Look {
    let mut look = Look::with_capacity(40);
    let contact = conversation.contact(party.contact);
    look.extend([party.kind as u8, u8::from(party.initial), letter(party.agent.as_ref(), names), party.phase as u8]);
    look.push(u8::from(party.is_room()) + u8::from(party.is_empty_room()));
    // Of those behind it only whether it is one decides: who is nobody's company, and who of several has some.
    look.extend(
        party.tie().map(|tie| [b't', tie.behind.talking.min(2) as u8, u8::from(tie.empty)]).into_iter().flatten(),
    );
    if party.is_room() {
        look.push(letter(party.recall_to.as_ref(), names));
    }
    look.extend([u8::from(party.muted), party.aside.map_or(0, |aside| 1 + u8::from(aside.blind))]);
    if let Some(monitor) = party.monitor {
        let to = monitor.to.and_then(|id| conversation.connection(id));
        let to = to.map_or(0, |to| if to.initial { 1 } else { letter(to.agent.as_ref(), names).max(2) });
        look.extend([b'm', monitor.mode as u8, to, agent_of(conversation, monitor.of, names)]);
    }
    look.extend(party.hold.map_or([0; 3], |hold| held(conversation, hold, names)));
    let place = contact.and_then(|contact| contact.queue.as_ref());
    // Whence a third party came decides nothing; where it goes when it is not reached does, until it is. Of an agent that is
    // there only whether some queue's policy is its contact's: by which queue it came makes no difference any more.
    if party.kind != ConnectionType::ThirdParty {
        look.push(match place.filter(|_| party.is_pending()) {
            Some(place) => 1 + u8::from(place.personal),
            None => u8::from(!party.is_pending() && conversation.queue_of(party.contact).is_some()),
        });
        look.push(u8::from(contact.is_some_and(|contact| contact.recalled)));
    }
    if party.is_pending() {
        look.extend([letter(party.recall_to.as_ref(), names), u8::from(party.consult)]);
        look.push(party.whisper.as_ref().map_or(0, |whisper| 1 + u8::from(whisper.press_one)));
    }
    let by = brought_in_by(conversation, party, names);
    look.push(by);
    // What kind of transfer it becomes when one of the two leaves.
    let talked = if party.joined { 2 } else { u8::from(party.consulted) };
    look.push(if by == 0 { 0 } else { talked });
    for leg in &party.legs {
        look.extend([leg.state as u8, u8::from(leg.remote_hold), u8::from(leg.partners.is_empty())]);
    }
    if let Some((mode, failed, number, held)) = party.dialling.as_ref().map(|dialling| dialling.shape()) {
        look.extend([b'd', mode as u8, u8::from(failed), held as u8]);
        look.extend(number.bytes());
    }
    look.extend(party.digits.bytes());
    look.push(u8::MAX);
    meant_by_others(conversation, party, names, &mut look);
    look
}

/// By whom, with which line, and in which turn: a swap brings the held back in the order in which that holder held them.
fn held(conversation: &Conversation, hold: Hold, names: Names) -> [u8; 3] {
    let holds = || conversation.live().filter_map(|each| each.hold);
    // A third agent, or one whose holder has gone, would bring back whoever of all was held first.
    let agents = conversation.live().filter(|each| each.is_agent() && each.is_connected()).count();
    let own_order = agents <= 2 && holds().all(|each| is_there(conversation, each.by));
    let earlier = holds().filter(|each| each.round < hold.round && (!own_order || each.by == hold.by));
    let rounds: BTreeSet<u64> = earlier.map(|each| each.round).collect();
    let line = hold.by_leg.map_or(0, |leg| 1 + u8::from(line_of(conversation, leg) == Some(1)));
    [agent_of(conversation, hold.by, names).max(1), line, rounds.len() as u8]
}

fn is_there(conversation: &Conversation, contact: ContactId) -> bool {
    conversation.agent_connection(contact).is_some_and(Connection::is_connected)
}

/// The agent of a contact: a letter, small when it has gone.
fn agent_of(conversation: &Conversation, contact: ContactId, names: Names) -> u8 {
    let of = conversation.connections.iter().find(|each| each.contact == contact && each.agent.is_some());
    let letter = letter(of.and_then(|party| party.agent.as_ref()), names);
    if of.is_some_and(Connection::is_live) { letter } else { letter.to_ascii_uppercase() }
}

/// Which of its phone's lines a leg is.
fn line_of(conversation: &Conversation, leg: u64) -> Option<usize> {
    conversation.live().find_map(|each| each.legs.iter().position(|own| own.id == leg))
}

/// The one that brought it in, while that can still decide: whoever has gone leaves its targets to the one that had brought
/// it in, or to nobody for good.
fn brought_in_by(conversation: &Conversation, party: &Connection, names: Names) -> u8 {
    let by = party.added_by.and_then(|id| conversation.connection(id));
    let Some(by) = by else { return 0 };
    match by.is_live() {
        true => letter(by.agent.as_ref(), names).max(1),
        false if party.is_pending() => letter(by.agent.as_ref(), names).to_ascii_uppercase().max(2),
        false => 0,
    }
}

/// What agents mean to do with it: which of their lines it is for, whether a REFER waits for it, whose hold it gets back.
fn meant_by_others(conversation: &Conversation, party: &Connection, names: Names, look: &mut Look) {
    let mut others: Vec<[u8; 3]> = (conversation.live().filter(|other| other.is_agent()))
        .map(|other| {
            let lines = other.legs.iter().enumerate().filter(|(_, leg)| leg.partners.contains(&party.id));
            let lines = lines.fold(0, |mask, (at, _)| mask | 1 << at);
            let refer = other.refer.is_some_and(|refer| refer.target == party.id);
            let lifted = other.lifted.iter().position(|(id, _)| *id == party.id);
            let lifted = lifted.filter(|_| !other.is_here()).map_or(0, |_| 2);
            [letter(other.agent.as_ref(), names), lines, u8::from(refer) + lifted]
        })
        .filter(|[_, lines, other]| *lines > 0 || *other > 0)
        .collect();
    others.sort_unstable();
    look.extend(others.into_iter().flatten());
    look.push(u8::from(party.refer.is_some()));
}
