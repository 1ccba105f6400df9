//! A 3xx to our INVITE (RFC 3261 §8.1.3.4): the targets that it names are tried, the best first, none twice, a bounded
//! number in all.

use std::cmp::Reverse;
use std::net::SocketAddr;

use super::{Calling, Phase, Session};
use crate::interface::{Destination, Transport};
use crate::stack::{NoWay, Stack};
use crate::subject::Subject;
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
            self.dialog.subject = Subject::of(&destination);
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
        let must_be_secure = self.first.0.as_sip().is_some_and(|first| first.secure);
        let mut fresh: Vec<SipUri> = Vec::new();
        for contact in contacts {
            let room = usize::from(self.invite.redirects_max).saturating_sub(self.redirected + self.targets.len());
            if fresh.len() >= room {
                break;
            }
            let Some(target) = target_of(&contact, must_be_secure) else { continue };
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
        self.invite.destination = destination_of(target).filter(|_| !is_same_host).unwrap_or(destination);
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

/// What can be called: a SIP URI, without the headers and the method that it asks for. A call that was to be secured does
/// not go on unsecured (RFC 3261 §8.1.3.4).
fn target_of(contact: &NameAddr, must_be_secure: bool) -> Option<SipUri> {
    let mut uri = contact.uri.as_sip().filter(|uri| uri.secure || !must_be_secure)?.clone();
    destination_of(&uri)?;
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

/// The way to a target on another host (RFC 3263 §4.1); `None` for one that nobody can be called by.
fn destination_of(uri: &SipUri) -> Option<Destination> {
    let named = match uri.transport().as_deref() {
        Some("ws" | "wss") => return None,
        // RFC 3261 §26.2.2: `sips` over any transport means TLS.
        _ if uri.secure => Some(Transport::Tls),
        Some("tcp") => Some(Transport::Tcp),
        Some("tls") => Some(Transport::Tls),
        Some("udp") => Some(Transport::Udp),
        None => None,
        Some(_) => return None,
    };
    Some(match uri.host.ip() {
        Some(address) => {
            let transport = named.unwrap_or(Transport::Udp);
            let port = uri.port.unwrap_or(transport.standard_port());
            Destination::address(transport, SocketAddr::new(address, port))
        }
        None => Destination::Name { transport: named, host: uri.host.to_string(), port: uri.port },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_reached_as_its_uri_says() {
        let name = |transport, port| Some(Destination::Name { transport, host: "h.example".into(), port });
        for (text, expected) in [
            ("sip:a@h.example", name(None, None)),
            ("sip:a@h.example;transport=tcp", name(Some(Transport::Tcp), None)),
            ("sip:a@h.example;transport=TLS", name(Some(Transport::Tls), None)),
            ("sips:a@h.example:5070;transport=tcp", name(Some(Transport::Tls), Some(5_070))),
            ("sip:a@h.example;transport=ws", None),
            ("sip:a@h.example;transport=sctp", None),
        ] {
            let Ok(Uri::Sip(uri)) = Uri::parse(text) else { panic!("{text}") };
            assert_eq!(destination_of(&uri), expected, "{text}");
        }
    }

    /// RFC 3261 §8.1.3.4: what was asked for with `sips` does not go on without.
    #[test]
    fn a_secured_call_is_not_redirected_to_an_unsecured_one() {
        for (first, contact, taken) in [
            (false, "<sip:a@h>", true),
            (false, "<sips:a@h>", true),
            (true, "<sips:a@h>", true),
            (true, "<sip:a@h>", false),
        ] {
            let contact = NameAddr::parse(contact).unwrap();
            assert_eq!(target_of(&contact, first).is_some(), taken, "{first} {contact}");
        }
    }

    #[test]
    fn q_reads_as_thousandths() {
        for (text, expected) in [
            ("<sip:a@h>", 1_000),
            ("<sip:a@h>;q=0.5", 500),
            ("<sip:a@h>;q=1", 1_000),
            ("<sip:a@h>;q=0.001", 1),
            ("<sip:a@h>;q=x", 0),
        ] {
            assert_eq!(q_thousandths(&NameAddr::parse(text).unwrap()), expected, "{text}");
        }
    }
}
