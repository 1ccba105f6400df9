//! Errands: requests of ours outside any dialog. OPTIONS asks whether a peer lives, REGISTER asks it to send us calls.
//! An errand answers a challenge once, tries the addresses of a host name in turn, and then reports and is forgotten.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::headers::{SDP, capabilities, contact};
use crate::interface::{
    CommandRefused, Destination, ErrandId, ErrandKind, Event, Flow, OutgoingErrand, Output, SessionId, Transport,
};
use crate::outgoing::Way;
use crate::random::marked;
use crate::session::Authorization;
use crate::stack::{NoWay, Stack};
use crate::subject::Subject;
use crate::timer::Timer;
use crate::transaction::{Failure, Owner, Purpose, TransactionId};
use crate::wire::{CSeq, Contacts, HeaderName, Message, Method, NameAddr, Uri};

/// An errand under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Errand {
    request: OutgoingErrand,
    call_id: String,
    tag: String,
    cseq: u32,
    /// Addresses of the host name that are left to try.
    addresses: Vec<(Transport, SocketAddr)>,
    authorization: Option<Box<Authorization>>,
    /// The way of the last try.
    flow: Option<Flow>,
    /// Its transaction.
    transaction: Option<TransactionId>,
}

impl Endpoint {
    /// Begins an errand.
    pub(crate) fn run_errand(&mut self, id: ErrandId, request: OutgoingErrand) -> Result<(), CommandRefused> {
        if self.errands.contains_key(&id) {
            return Err(CommandRefused::WrongState);
        }
        if self.stack.transactions.len() >= self.stack.config.transactions_max {
            return Err(CommandRefused::Limit);
        }
        let parties = [&request.from, &request.to];
        let readable =
            Uri::parse(&request.uri).is_ok() && parties.iter().all(|each| NameAddr::from_party(each).is_ok());
        if !readable {
            return Err(CommandRefused::BadText);
        }
        let stack = &mut self.stack;
        let call_id = request.call_id.clone().unwrap_or_else(|| stack.random.token());
        let tag = marked(id.0, stack.random.number());
        let authorization = request.credentials.clone().map(|credentials| Box::new(Authorization::new(credentials)));
        let (cseq, destination) = (request.cseq, request.destination.clone());
        let errand =
            Errand { request, call_id, tag, cseq, addresses: Vec::new(), authorization, flow: None, transaction: None };
        self.errands.insert(id, Box::new(errand));
        match self.stack.way_to(&destination) {
            Ok(flow) => self.send_errand(id, flow),
            Err(NoWay::NoListener) => self.errand_done(id, 503, None),
            Err(NoWay::Unresolved) => self.resolve_for_errand(id, destination),
        }
        Ok(())
    }

    /// The contact does not want to know any more; an answer that still comes is dropped.
    pub(crate) fn forget_errand(&mut self, id: ErrandId) {
        let errand = self.errands.remove(&id);
        errand.and_then(|errand| errand.transaction).into_iter().for_each(|id| self.stack.abandon_client(id));
    }

    /// The host name of an errand has these addresses.
    pub(crate) fn errand_resolved(&mut self, id: ErrandId, addresses: Vec<(Transport, SocketAddr)>) {
        if let Some(errand) = self.errands.get_mut(&id) {
            errand.addresses = addresses;
            self.try_errand_elsewhere(id, 503);
        }
    }

    /// A final response to an errand's request.
    pub(crate) fn errand_response(&mut self, id: ErrandId, response: &Message, request: bytes::Bytes, flow: Flow) {
        let status = response.status();
        let Some(errand) = self.errands.get_mut(&id).filter(|_| status >= 200) else { return };
        if matches!(status, 401 | 407)
            && let Ok(original) = Message::parse(request)
            && let Some(again) = errand.answer_challenge(&mut self.stack, response, &original)
        {
            errand.cseq = errand.cseq.saturating_add(1);
            let (owner, subject) = (Some(owner(id)), Subject::of(&errand.request.destination));
            if let Ok(again) = self.stack.request_again(way(flow, &subject), &original, errand.cseq, owner, Some(again))
            {
                errand.transaction = Some(again);
                return;
            }
        }
        if status == 503 {
            return self.try_errand_elsewhere(id, status);
        }
        self.errand_done(id, status, Some(response));
    }

    /// An errand's request got no answer (RFC 3261 §8.1.3.1).
    pub(crate) fn errand_failed(&mut self, id: ErrandId, failure: Failure) {
        let status = if failure == Failure::Timeout { 408 } else { 503 };
        self.try_errand_elsewhere(id, status);
    }

    /// RFC 3263 §4.3.
    fn try_errand_elsewhere(&mut self, id: ErrandId, status: u16) {
        loop {
            let Some(errand) = self.errands.get_mut(&id) else { return };
            if errand.addresses.is_empty() {
                return self.errand_done(id, status, None);
            }
            let subject = Subject::of(&errand.request.destination);
            let (transport, remote) = errand.addresses.remove(0);
            if let Ok(flow) = self.stack.way_to_address(transport, remote, &subject) {
                return self.send_errand(id, flow);
            }
        }
    }

    fn resolve_for_errand(&mut self, id: ErrandId, destination: Destination) {
        let Destination::Name { transport, host, port } = destination else { return };
        self.last_query += 1;
        let query = self.last_query;
        // Errands and sessions of the contact are numbered in one series.
        self.queries.insert(query, SessionId(id.0));
        let limit_us = self.stack.limit_us();
        self.stack.set_timer(Timer::Resolve(query), limit_us);
        self.stack.outputs.push_back(Output::Resolve { query, host, port, transport });
    }

    fn send_errand(&mut self, id: ErrandId, flow: Flow) {
        let Some(errand) = self.errands.get_mut(&id) else { return };
        errand.cseq = errand.cseq.saturating_add(1);
        errand.flow = Some(flow);
        errand.transaction = errand.send(&mut self.stack, id, flow);
        if errand.transaction.is_none() {
            self.errand_done(id, 400, None);
        }
    }

    fn errand_done(&mut self, id: ErrandId, status: u16, response: Option<&Message>) {
        let Some(errand) = self.errands.remove(&id) else { return };
        self.note_registrar(&errand, status);
        let min_expires_s = response.and_then(|response| response.min_expires_s().ok().flatten());
        self.stack.tell(Event::ErrandDone {
            errand: id,
            status,
            cseq: errand.cseq,
            call_id: errand.call_id.clone(),
            expires_s: response.and_then(|response| errand.granted_s(&self.stack, response)),
            min_expires_s,
            retry_after_s: response.and_then(Message::retry_after_s),
        });
    }
}

impl Endpoint {
    /// Where the registrar of a line is, as long as it keeps the line.
    fn note_registrar(&mut self, errand: &Errand, status: u16) {
        let ErrandKind::Register { expires_s, user } = &errand.request.kind else { return };
        match errand.flow {
            Some(flow) if (200..=299).contains(&status) && *expires_s > 0 && self.access.lines.contains_key(user) => {
                self.registrars.insert(user.clone(), flow.remote);
            }
            _ => drop(self.registrars.remove(user)),
        }
    }
}

impl Errand {
    fn send(&self, stack: &mut Stack, id: ErrandId, flow: Flow) -> Option<TransactionId> {
        let from = NameAddr::from_party(&self.request.from).ok()?.with_tag(&self.tag);
        let to = NameAddr::from_party(&self.request.to).ok()?;
        let (user_agent, own) = (stack.config.user_agent.clone(), self.contact(stack, &flow));
        let method = match self.request.kind {
            ErrandKind::Options => Method::Options,
            ErrandKind::Register { .. } => Method::Register,
        };
        let cseq = CSeq { number: self.cseq, method: method.clone() };
        let subject = Subject::of(&self.request.destination);
        let sent = stack.request(way(flow, &subject), method, &self.request.uri, Some(owner(id)), |builder| {
            builder.header(HeaderName::MaxForwards, 70);
            builder.header(HeaderName::From, from);
            builder.header(HeaderName::To, to);
            builder.header(HeaderName::CallId, &self.call_id);
            builder.header(HeaderName::CSeq, cseq);
            builder.header(HeaderName::Contact, own);
            if let ErrandKind::Register { expires_s, .. } = self.request.kind {
                builder.header(HeaderName::Expires, expires_s);
            } else {
                builder.header(HeaderName::Accept, SDP);
            }
            capabilities(builder);
            builder.header(HeaderName::UserAgent, user_agent);
        });
        sent.ok()
    }

    fn contact(&self, stack: &Stack, flow: &Flow) -> String {
        let user = match &self.request.kind {
            ErrandKind::Register { user, .. } => user,
            ErrandKind::Options => "",
        };
        contact(user, flow, stack.advertised(flow), false)
    }

    fn answer_challenge(
        &mut self,
        stack: &mut Stack,
        response: &Message,
        original: &Message,
    ) -> Option<(HeaderName<'static>, String)> {
        let own = self.authorization.as_mut()?;
        if !own.take(response, original) {
            return None;
        }
        own.again(&mut stack.random, original.method(), original.request_uri(), &original.body())
    }

    /// How long the registrar keeps our Contact (RFC 3261 §10.2.4): its own parameter, else Expires, else what we asked.
    fn granted_s(&self, stack: &Stack, response: &Message) -> Option<u32> {
        let ErrandKind::Register { expires_s: asked_s, user } = &self.request.kind else { return None };
        if !(200..=299).contains(&response.status()) {
            return None;
        }
        let flow = self.flow?;
        let own = Uri::parse(self.contact(stack, &flow).trim_matches(['<', '>'])).ok()?;
        let Ok(Contacts::List(contacts)) = response.contacts() else { return Some(*asked_s) };
        let same = |each: &&NameAddr| each.uri == own || each.uri.user() == *user;
        let of_contact = contacts.iter().find(same).and_then(|each| each.params.get("expires")?.parse().ok());
        of_contact.or_else(|| response.expires_s().ok().flatten()).or(Some(*asked_s))
    }
}

fn way(flow: Flow, subject: &Subject) -> Way<'_> {
    Way { flow, is_only: false, subject }
}

fn owner(id: ErrandId) -> Owner {
    Owner { session: SessionId(id.0), purpose: Purpose::Errand }
}
