//! What goes on with a call, whoever it is led to: data for the far side (RFC 7433), the numbers by which it came
//! (RFC 7044, RFC 5806), and the caller's wish not to be shown (RFC 3323, RFC 3325).

use std::collections::BTreeMap;

use baton_sip::wire::NameAddr;
use baton_sip::{History, IncomingInvite, OutgoingInvite, Party};
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::dial::escape_user;
use crate::ids::ConnectionId;
use crate::registrar::plain_name;
use crate::trunk::TrunkState;

/// The name and number of a caller who is not shown (RFC 3323 §4.1.1.3).
pub(crate) const ANONYMOUS: &str = "anonymous";

/// How often a call may have passed one number.
const PASSED_MAX: u32 = 2;

/// What a conversation carries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// User-to-User of the call that began it, or of the transfer that led it on.
    pub(crate) user_to_user: Vec<String>,
    history: History,
    /// The number that the customer dialled.
    dialled: String,
    /// What is left of the first call's Max-Forwards: every call that follows from it has less (RFC 7332 §4.1), so that a
    /// call that comes back by way of others ends.
    max_forwards: Option<u8>,
    /// To how many branches at a time the call may go on (RFC 5393); absent when its sender does not care.
    pub(crate) breadth: Option<u32>,
    /// The customer, who does not want to be shown: for trunks alone, which hide it from others.
    hidden: Option<Party>,
}

impl Carried {
    /// From the call that begins a conversation.
    pub(crate) fn of(invite: &IncomingInvite) -> Self {
        let known = invite.asserted_identity.clone().or_else(|| Some(invite.from.clone()));
        Carried {
            user_to_user: invite.user_to_user.clone(),
            history: invite.history.clone(),
            dialled: invite.target.user.clone(),
            max_forwards: Some(invite.max_forwards.saturating_sub(1)),
            breadth: invite.max_breadth,
            hidden: known.filter(|_| invite.wants_privacy),
        }
    }

    /// Whether a call that goes on outside would be the last one of a loop.
    pub(crate) fn is_worn_out(&self) -> bool {
        self.max_forwards == Some(0)
    }

    /// Whether a call has gone in a circle: its number has been passed at one host more often than any detour explains (RFC 7044
    /// §10.4, RFC 5806 §7); at another host it is another's. A last History-Info entry for the number itself is the call's own.
    pub(crate) fn is_loop(invite: &IncomingInvite) -> bool {
        let number = &invite.target.user;
        let host_of = |value: &String| {
            let uri = NameAddr::parse(value).ok()?.uri;
            let host = uri.as_sip().map(|sip| plain_name(&sip.host.to_string())).unwrap_or_default();
            (!number.is_empty() && uri.user() == *number).then_some(host)
        };
        let passed = |values: &[String]| {
            let mut hosts = BTreeMap::new();
            values.iter().filter_map(host_of).for_each(|host| *hosts.entry(host).or_insert(0) += 1);
            hosts.into_values().max().unwrap_or(0)
        };
        passed(&invite.history.history_info) > PASSED_MAX || passed(&invite.history.diversion) >= PASSED_MAX
    }

    /// Puts what is carried into a call to a device. Phones get the data; trunks get the way as well, and who is not shown.
    pub(crate) fn write(
        &self,
        invite: &mut OutgoingInvite,
        trunk: Option<&TrunkState>,
        host: &str,
        is_forwarded: bool,
    ) {
        invite.max_forwards = self.max_forwards.map_or(invite.max_forwards, |left| left.min(invite.max_forwards));
        let headers = self.user_to_user.iter().map(|value| ("User-to-User".to_string(), value.clone()));
        invite.headers.extend(headers);
        let Some(trunk) = trunk else { return };
        if let Some(hidden) = self.hidden.as_ref().filter(|_| invite.from.user == ANONYMOUS) {
            // RFC 3325 §7: a trunk is trusted with the identity, and told to keep it.
            invite.from = anonymous();
            invite.asserted_identity = (hidden.user != ANONYMOUS).then(|| Party {
                display: String::new(),
                uri: format!("sip:{}@{host}", escape_user(&hidden.user)),
                user: hidden.user.clone(),
            });
            invite.headers.push(("Privacy".into(), "id".into()));
        }
        if is_forwarded {
            let own = format!("sip:{}@{host}", escape_user(&self.dialled));
            invite.headers.extend(trunk.telling.headers(&invite.uri, &self.history, &own));
            self.write_breadth(invite, 1);
        }
    }

    /// Each of the branches of a call that goes on has its part of what its sender allowed (RFC 5393 §5.3.3.1).
    pub(crate) fn write_breadth(&self, invite: &mut OutgoingInvite, branches: u32) {
        let part = self.breadth.map(|breadth| breadth / branches.max(1));
        invite.headers.extend(part.map(|part| ("Max-Breadth".to_string(), part.to_string())));
    }
}

impl Conversation {
    /// Whether a call to this party shows the customer's own number: then it is a call of the customer's that goes on.
    pub(crate) fn is_forwarded_to(&self, target: ConnectionId, shown: &str) -> bool {
        let is_customer = |party: &Connection| party.id != target && party.agent.is_none() && party.address == shown;
        self.live().any(|party| is_customer(party) && party.initial)
    }
}

/// RFC 3323 §4.1.1.3.
pub(crate) fn anonymous() -> Party {
    Party { display: "Anonymous".into(), uri: "sip:anonymous@anonymous.invalid".into(), user: ANONYMOUS.into() }
}
