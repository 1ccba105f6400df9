//! A 3xx to our INVITE (RFC 3261 §8.1.3.4): the targets that it names are tried, the best first, none twice, a bounded
//! number in all.

use std::cmp::Reverse;
use std::net::SocketAddr;

use super::{Calling, Phase, Session};
use crate::interface::{Destination, Transport};
use crate::stack::{NoWay, Stack};
use crate::wire::{Contacts, Message, NameAddr, SipUri, Uri};

impl Session {
    /// A final failure of the present target: takes what a 3xx names, and tries the next one. False when there is none.
    pub(super) fn redirected(&mut self, stack: &mut Stack, response: &Message) -> bool {
        // A 6xx speaks for everybody (RFC 3261 §21.6).
        if response.status() >= 600 {
            return false;
        }
        if let Phase::Calling(calling) = &mut self.phase
            && matches!(response.status(), 300..=302)
        {
            calling.take_targets(response);
        }
        self.try_next_target(stack)
    }

    /// Calls the next target of a redirection.
    pub(super) fn try_next_target(&mut self, stack: &mut Stack) -> bool {
        loop {
            let Phase::Calling(calling) = &mut self.phase else { return false };
            if calling.targets.is_empty() {
                return false;
            }
            let target = calling.targets.remove(0);
            let is_same_host = calling.aim_at(&target);
            let destination = calling.invite.destination.clone();
            if !is_same_host {
                // Our credentials are for the host that we called.
                self.authorization = None;
            }
            self.dialog.target = target.to_string();
            self.dialog.routes.clear();
            self.dialog.along_flow = matches!(destination, Destination::Flow(_));
            match stack.way_to(&destination) {
                Ok(flow) if self.send_invite(stack, flow) => return true,
                Ok(_) | Err(NoWay::NoListener) => {}
                Err(NoWay::Unresolved) => {
                    if let Phase::Calling(calling) = &mut self.phase {
                        calling.unresolved = true;
                    }
                    return true;
                }
            }
        }
    }

    /// The destination that must be looked up for a redirection, once.
    pub(crate) fn take_unresolved(&mut self) -> Option<Destination> {
        match &mut self.phase {
            Phase::Calling(calling) => {
                std::mem::take(&mut calling.unresolved).then(|| calling.invite.destination.clone())
            }
            _ => None,
        }
    }
}

impl Calling {
    /// Adds the targets of a 3xx before those that are left of an earlier one.
    fn take_targets(&mut self, response: &Message) {
        let Ok(Contacts::List(mut contacts)) = response.contacts() else { return };
        contacts.sort_by_key(|contact| Reverse(q_thousandths(contact)));
        let mut fresh: Vec<SipUri> = Vec::new();
        for contact in contacts {
            let room = usize::from(self.invite.redirects_max).saturating_sub(self.redirected + self.targets.len());
            if fresh.len() >= room {
                break;
            }
            let Some(target) = target_of(&contact) else { continue };
            let uri = Uri::Sip(target.clone());
            let is_known = self.visited.iter().any(|known| known.equivalent(&uri))
                || self.targets.iter().chain(&fresh).any(|known| Uri::Sip(known.clone()).equivalent(&uri));
            if !is_known {
                fresh.push(target);
            }
        }
        fresh.append(&mut self.targets);
        self.targets = fresh;
    }

    /// Makes the call one to this target. Whether it is on the host that was called first.
    fn aim_at(&mut self, target: &SipUri) -> bool {
        let (uri, destination) = self.first.clone();
        let is_same_host = uri.as_sip().is_some_and(|first| (&first.host, first.port) == (&target.host, target.port));
        self.invite.destination = if is_same_host { destination } else { destination_of(target) };
        if !is_same_host {
            self.invite.asserted_identity = None;
            self.invite.credentials = None;
        }
        self.invite.uri = target.to_string();
        self.visited.push(Uri::Sip(target.clone()));
        self.redirected += 1;
        self.transaction = None;
        self.has_provisional = false;
        self.forks.clear();
        self.addresses.clear();
        is_same_host
    }
}

/// What can be called: a `sip:` URI, without the headers and the method that it asks for.
fn target_of(contact: &NameAddr) -> Option<SipUri> {
    let mut uri = contact.uri.as_sip().filter(|uri| !uri.secure)?.clone();
    uri.headers.clear();
    uri.params.remove("method");
    Some(uri)
}

/// `q` × 1000; without one the target is as good as any (RFC 3261 §20.10).
fn q_thousandths(contact: &NameAddr) -> u32 {
    let Some(text) = contact.params.get("q") else { return 1_000 };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.parse::<u32>().unwrap_or(0);
    let part = format!("{part:0<3}");
    (digits(whole) * 1_000 + digits(part.get(..3).unwrap_or("0"))).min(1_000)
}

fn destination_of(uri: &SipUri) -> Destination {
    let transport = match uri.transport().as_deref() {
        Some("tcp") => Transport::Tcp,
        _ => Transport::Udp,
    };
    let port = uri.port.unwrap_or(5_060);
    match uri.host.ip() {
        Some(address) => Destination::Address { transport, remote: SocketAddr::new(address, port) },
        None => Destination::Name { transport, host: uri.host.to_string(), port },
    }
}
