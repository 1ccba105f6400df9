//! Live SIP messages for an operator: what the endpoint traced, with the names of the contact centre.

use baton_sip::{SessionId, Traced};
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::ids::ContactId;
use crate::leg::Device;

/// A SIP message that came or went, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceMessage {
    /// When, in microseconds since the epoch.
    pub at_us: u64,
    /// Whether it came; else it was sent.
    pub received: bool,
    /// The transport.
    pub transport: String,
    /// The peer's address and port.
    pub remote: String,
    /// The trunk that it came from or went to.
    pub trunk: Option<String>,
    /// The phone (its SIP user name) that it came from or went to.
    pub phone: Option<String>,
    /// The contacts of the conversation that it belongs to, when it belongs to one.
    pub contact_ids: Vec<ContactId>,
    /// Its Call-ID; empty when it does not read.
    pub call_id: String,
    /// The message.
    pub message: String,
}

impl Desk {
    /// Names whose message it is. The leg knows best: a trunk with a host name has no address of its own.
    pub(crate) fn traced(&self, traced: Traced) -> TraceMessage {
        let (device, contact_ids) = self.leg_of(&traced.sessions);
        let by_address = traced.peer.and_then(|peer| self.trunks.get(peer.0 as usize)).map(|trunk| trunk.name.clone());
        let (trunk, phone) = match device {
            Some(Device::Trunk(trunk)) => (Some(trunk), None),
            Some(Device::Phone(phone)) => (None, Some(phone)),
            Some(Device::Room(_)) => (None, None),
            None => match traced.account.map(|account| self.device_of_account(&account)) {
                Some(Device::Trunk(trunk)) => (Some(trunk), None),
                Some(Device::Phone(phone)) => (by_address, Some(phone)),
                Some(Device::Room(_)) | None => (by_address, None),
            },
        };
        TraceMessage {
            at_us: traced.at_us,
            received: traced.received,
            transport: traced.flow.transport.via_token().to_ascii_lowercase(),
            remote: traced.flow.remote.to_string(),
            trunk,
            phone,
            contact_ids,
            call_id: traced.call_id,
            message: traced.text,
        }
    }

    fn leg_of(&self, sessions: &[SessionId]) -> (Option<Device>, Vec<ContactId>) {
        for session in sessions {
            let conversation = self.leg_index.get(&session.0).and_then(|id| self.conversations.get(id));
            let Some(conversation) = conversation else { continue };
            let mut legs = conversation.connections.iter().flat_map(|party| party.legs.iter());
            let device = legs.find(|leg| leg.id == session.0).map(|leg| leg.device.clone());
            return (device, conversation.contacts.iter().map(|contact| contact.id).collect());
        }
        (None, Vec::new())
    }
}
