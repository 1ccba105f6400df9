//! All contacts and parties of one customer call, and who of them talks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use baton_media::MixPlan;

use crate::carried::Carried;
use crate::connection::{Connection, Phase};
use crate::event::{DisconnectReason, EndpointAddress, InitiationMethod, LegReport};
use crate::ids::{ConnectionId, ContactId, ConversationId};
use crate::recall::{FailedTarget, Recall};
use crate::trombone::Trombone;

/// How far a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Its parties are reached or talk.
    Open,
    /// Its agent works on after it.
    Acw,
    /// Only the reports of its legs are awaited.
    Closing,
    /// Its record is complete.
    Completed,
}

/// Why a contact's talking part is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub(crate) reason: DisconnectReason,
    pub(crate) sip_status: u16,
    pub(crate) q850: Option<u16>,
}

impl Cause {
    pub(crate) fn of(reason: DisconnectReason) -> Self {
        Cause { reason, sip_status: 0, q850: None }
    }
}

/// Where a contact waits or waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueuePlace {
    /// The queue's name; for a personal queue the agent's.
    pub(crate) name: String,
    pub(crate) personal: bool,
    pub(crate) since_us: u64,
    /// The music of those who wait or are held.
    pub(crate) music: String,
}

/// One interaction of a customer with one agent, or with a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) previous: Option<ContactId>,
    pub(crate) next: Option<ContactId>,
    pub(crate) method: InitiationMethod,
    pub(crate) agent: Option<String>,
    /// The queue it came through; kept after it was left, for policies, caller ids and recalls.
    pub(crate) queue: Option<QueuePlace>,
    pub(crate) stage: Stage,
    pub(crate) since_us: u64,
    /// The customer, or the third party.
    pub(crate) customer: Option<EndpointAddress>,
    /// Its agent (or third party) and the customer hear each other now.
    pub(crate) interacting: bool,
    /// An agent has been connected.
    pub(crate) served: bool,
    /// It was told that media with its party is up.
    pub(crate) reached: bool,
    /// It brings the customer back to an agent that had left it.
    pub(crate) recalled: bool,
    /// The target that was not reached, on a recall.
    pub(crate) failed_target: Option<FailedTarget>,
    /// What will stand as its disconnect reason: the first cause stands.
    pub(crate) cause: Option<Cause>,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Contact {
    /// Whether its parties are part of the call now; a supervisor's contact never is.
    pub(crate) fn is_open_part(&self) -> bool {
        self.stage == Stage::Open && self.method != InitiationMethod::Monitor
    }
}

/// All of one customer call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    pub(crate) sequence: u64,
    pub(crate) revision: u64,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) connections: Vec<Connection>,
    /// What the shard was told last.
    pub(crate) published: MixPlan,
    pub(crate) shard: u16,
    /// The conference room that it is, if it is one.
    pub(crate) conference: Option<String>,
    /// What goes on with the call.
    pub(crate) carried: Carried,
    /// Transfers so far (R12).
    pub(crate) transfers: u32,
    /// Legs whose ends the shard has not yet reported, with what is known of them.
    pub(crate) closing: BTreeMap<u64, (ContactId, LegReport, u16)>,
    /// The customer is on its way back from a target that was not reached.
    pub(crate) recall: Option<Box<Recall>>,
    /// Both its parties are one trunk's.
    pub(crate) trombone: Option<Trombone>,
    /// The closing prompt is being played.
    pub(crate) farewell: bool,
    /// Whom to dial once the agent's own phone has answered.
    pub(crate) dial_next: Option<crate::command::Target>,
    /// Agents that have missed one of its contacts and not acknowledged that yet: they must still see it.
    pub(crate) missed: Vec<(String, ContactId)>,
    /// Something changed that panels show.
    pub(crate) changed: bool,
}

impl Conversation {
    /// The root contact. A room that only tie lines lead to has none of its own, and is named by the first of theirs.
    pub(crate) fn root(&self) -> ContactId {
        let guest = || self.connections.first().map_or(ContactId(0), |party| party.contact);
        self.contacts.first().map_or_else(guest, |contact| contact.id)
    }

    pub(crate) fn contact(&self, id: ContactId) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.id == id)
    }

    pub(crate) fn contact_mut(&mut self, id: ContactId) -> Option<&mut Contact> {
        self.contacts.iter_mut().find(|contact| contact.id == id)
    }

    pub(crate) fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|each| each.id == id)
    }

    pub(crate) fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|each| each.id == id)
    }

    /// A leg, by its number.
    pub(crate) fn leg(&self, id: u64) -> Option<&crate::leg::Leg> {
        self.connections.iter().find_map(|each| each.leg(id))
    }

    /// The connection that a leg belongs to.
    pub(crate) fn owner_of(&self, leg: u64) -> Option<ConnectionId> {
        self.connections.iter().find(|each| each.leg(leg).is_some()).map(|each| each.id)
    }

    /// The live agent connection of a contact.
    pub(crate) fn agent_connection(&self, contact: ContactId) -> Option<&Connection> {
        self.connections.iter().find(|each| each.contact == contact && each.is_agent() && each.is_live())
    }

    /// The live party that is this agent's, or that it is being rung for.
    pub(crate) fn party_of_agent(&self, agent: &str) -> Option<&Connection> {
        self.live().find(|each| each.agent.as_deref() == Some(agent))
    }

    /// The conference room that the call leads into, if it does.
    pub(crate) fn room(&self) -> Option<&str> {
        self.live().find(|each| each.is_room()).and_then(|each| each.legs.first()).map(|leg| leg.device.name())
    }

    /// All live parties. Supervisors are none.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|each| each.is_live() && each.monitor.is_none())
    }

    /// Live supervisors.
    pub(crate) fn monitors(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|each| each.is_live() && each.monitor.is_some())
    }

    /// Live customers; in a conference room every caller is one.
    pub(crate) fn customers(&self) -> impl Iterator<Item = &Connection> {
        self.live().filter(|each| each.initial)
    }

    /// The ids of live parties that `test` picks.
    pub(crate) fn ids_of(&self, test: impl Fn(&Connection) -> bool) -> Vec<ConnectionId> {
        self.live().filter(|each| test(each)).map(|each| each.id).collect()
    }

    /// Whether nothing is left to do or to wait for.
    pub(crate) fn is_over(&self) -> bool {
        self.closing.is_empty()
            && self.missed.is_empty()
            && self.connections.iter().all(|each| each.phase == Phase::Ended)
            && self.contacts.iter().all(|contact| contact.stage == Stage::Completed)
    }

    /// The queue whose policy, music and caller id apply to a contact: its own, else that of the contacts before it.
    pub(crate) fn queue_of(&self, contact: ContactId) -> Option<&QueuePlace> {
        let mut next = Some(contact);
        // Bounded by the number of contacts: links only go back.
        for _ in 0..self.contacts.len() {
            let contact = self.contact(next?)?;
            match &contact.queue {
                Some(place) if !place.personal => return Some(place),
                _ => next = contact.previous,
            }
        }
        None
    }
}
