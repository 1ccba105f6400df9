//! Our INVITE (RFC 3261 §13.2).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::forks::{EARLY_DIALOGS_MAX, decline_success};
use super::send::assert_identity;
use super::{Authorization, Ending, Exchange, Fork, Phase, Session};
use crate::dialog::Dialog;
use crate::headers::{SDP, capabilities, capabilities_without_offer, contact, info_packages};
use crate::interface::{CommandRefused, Destination, EndCause, Event, Flow, OutgoingInvite, SessionId, Transport};
use crate::random::marked;
use crate::stack::{NoWay, Stack};
use crate::subject::Subject;
use crate::timer::SessionTimer;
use crate::transaction::{Failure, Owner, Purpose, TransactionId};
use crate::wire::{CSeq, Contacts, HeaderName, Message, Method, NameAddr, Print, SipUri, Uri};

/// Our INVITE while it has no final response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calling {
    /// The call as it was asked for, for another address or a challenge.
    pub(crate) invite: OutgoingInvite,
    /// The transaction; `None` while the host name is looked up.
    pub(crate) transaction: Option<TransactionId>,
    /// A provisional response came, so a CANCEL may go (RFC 3261 §9.1).
    pub(crate) has_provisional: bool,
    /// Early dialogs.
    pub(crate) forks: Vec<Fork>,
    /// Addresses of the host name that are left to try (RFC 3263 §4.3).
    pub(crate) addresses: Vec<(Transport, SocketAddr)>,
    /// Whom the call was for at first, and the way there.
    pub(crate) first: (Uri, Destination),
    /// Targets of a 3xx that are left to try, best first.
    pub(crate) targets: Vec<SipUri>,
    /// Those that were tried, the first one included.
    pub(crate) visited: Vec<Uri>,
    /// How many targets of 3xx were tried.
    pub(crate) redirected: usize,
    /// The present target's host name must be looked up.
    pub(crate) unresolved: bool,
}

impl Calling {
    fn new(invite: OutgoingInvite, uri: Uri) -> Self {
        Calling {
            transaction: None,
            has_provisional: false,
            forks: Vec::new(),
            addresses: Vec::new(),
            first: (uri.clone(), invite.destination.clone()),
            targets: Vec::new(),
            visited: vec![uri],
            redirected: 0,
            unresolved: false,
            invite,
        }
    }

    /// The early dialog with this tag of the peer's.
    pub(super) fn fork(&self, remote_tag: Option<&str>) -> Option<&Fork> {
        self.forks.iter().find(|fork| fork.remote_tag == remote_tag.unwrap_or(""))
    }

    pub(super) fn fork_mut(&mut self, remote_tag: Option<&str>) -> Option<&mut Fork> {
        self.forks.iter_mut().find(|fork| fork.remote_tag == remote_tag.unwrap_or(""))
    }
}

impl Session {
    /// Begins a call. [`NoWay::Unresolved`] means that its host name must be looked up first.
    pub(crate) fn call(
        stack: &mut Stack,
        id: SessionId,
        invite: OutgoingInvite,
        name: Option<&str>,
    ) -> Result<(Session, Result<(), NoWay>), CommandRefused> {
        check(&invite)?;
        let random = stack.random.number();
        let local_tag = marked(id.0, random);
        let bad = |_| CommandRefused::BadText;
        let local = NameAddr::from_party(&invite.from).map_err(bad)?.with_tag(&local_tag);
        let along_flow = matches!(invite.destination, Destination::Flow(_));
        let dialog = Dialog {
            call_id: stack.random.token(),
            local_tag,
            remote_tag: String::new(),
            local: local.printed(),
            remote: NameAddr::from_party(&invite.to).map_err(bad)?.printed(),
            target: invite.uri.clone(),
            routes: invite.route.clone(),
            local_cseq: 0,
            remote_cseq: None,
            contact: String::new(),
            call_id_is_ours: true,
            // A place holder until the way is known; nothing is sent before.
            flow: Flow {
                transport: Transport::Udp,
                listener: crate::interface::ListenerId(0),
                remote: SocketAddr::from(([0, 0, 0, 0], 0)),
                connection: None,
            },
            along_flow,
            subject: Subject::of(&invite.destination),
        };
        let voice = invite.voice.clone();
        let authorization = invite.credentials.clone().map(|credentials| Box::new(Authorization::new(credentials)));
        let uri = Uri::parse(&invite.uri).map_err(bad)?;
        let calling = Calling::new(invite, uri);
        let destination = calling.invite.destination.clone();
        let mut session = Session::new(id, Phase::Calling(Box::new(calling)), dialog, stack);
        session.authorization = authorization;
        session.voice = voice;
        session.names.speak(name);
        match stack.way_to(&destination) {
            Ok(flow) if session.send_invite(stack, flow) => Ok((session, Ok(()))),
            Ok(_) => Err(CommandRefused::BadText),
            Err(no_way) => Ok((session, Err(no_way))),
        }
    }

    /// The host name has addresses now, best first; none is a failure like a dead transport.
    pub(crate) fn resolved(&mut self, stack: &mut Stack, addresses: Vec<(Transport, SocketAddr)>) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        if calling.transaction.is_some() {
            return;
        }
        calling.addresses = addresses;
        if self.ending.is_some() {
            self.phase = Phase::Over;
        } else if !self.try_next_address(stack) && !self.try_next_target(stack) {
            self.refused_below(stack, 503, "No Address");
        }
    }

    /// A response to our INVITE.
    pub(super) fn invite_response(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        response: &Message,
        request: bytes::Bytes,
        flow: Flow,
    ) {
        self.stop_timer(stack, SessionTimer::Silence);
        match response.status() {
            100..=199 => self.invite_provisional(stack, transaction, response),
            200..=299 => self.invite_success(stack, transaction, response, flow),
            _ => self.invite_failure(stack, response, request, flow),
        }
    }

    /// The address that we call has said nothing for as long as the contact has patience. The next one is tried; after the
    /// last one the contact is told, and what may still come late is cancelled or declined as after its own `End` (D1).
    pub(super) fn silent_too_long(&mut self, stack: &mut Stack) {
        let Phase::Calling(calling) = &self.phase else { return };
        if self.ending.is_some() || calling.has_provisional {
            return;
        }
        let silent = calling.transaction;
        if self.try_next_address(stack) || self.try_next_target(stack) {
            silent.into_iter().for_each(|transaction| stack.disown_client(transaction));
        } else {
            stack.tell(refused(self.id, 408, crate::wire::reason_phrase(408).to_owned()));
            self.ending = Some(Ending::default());
            silent.into_iter().for_each(|transaction| stack.give_up(transaction));
        }
    }

    /// Our INVITE got no answer at all.
    pub(super) fn invite_failed(&mut self, stack: &mut Stack, failure: Failure) {
        if self.ending.is_none() && (self.try_next_address(stack) || self.try_next_target(stack)) {
            return;
        }
        // RFC 3261 §8.1.3.1: a timeout is a 408, a transport error a 503.
        match failure {
            Failure::Timeout => self.refused_below(stack, 408, ""),
            Failure::Transport => self.refused_below(stack, 503, ""),
        }
    }

    fn invite_provisional(&mut self, stack: &mut Stack, transaction: TransactionId, response: &Message) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        let first = !calling.has_provisional;
        calling.has_provisional = true;
        if let Some(ending) = &self.ending {
            // D1: the CANCEL waited for this provisional response.
            if first {
                let reason = ending.reason.clone();
                self.send_cancel(stack, transaction, reason.as_deref());
            }
            return;
        }
        if response.status() < 180 {
            return;
        }
        // What a reliable answer has settled, no response changes (RFC 3261 §13.2.1).
        let is_agreed = calling.fork(response.to_tag()).is_some_and(|fork| fork.is_agreed);
        let sdp = response.body_of_type(SDP).filter(|_| !is_agreed);
        note_fork(&mut calling.forks, response, sdp.as_ref());
        self.note_peer(response);
        if !self.acknowledge_provisional(stack, response) {
            return;
        }
        stack.tell(Event::Ringing { session: self.id, status: response.status(), sdp });
    }

    fn invite_success(&mut self, stack: &mut Stack, transaction: TransactionId, response: &Message, flow: Flow) {
        let Phase::Calling(calling) = &self.phase else {
            // Another fork answered too (RFC 3261 §13.2.2.4).
            decline_success(stack, response, transaction, flow, None, None);
            return;
        };
        let tag = response.to_tag().unwrap_or("");
        let fork = calling.forks.iter().find(|fork| fork.remote_tag == tag);
        let hung_up = fork.is_some_and(|fork| fork.hung_up);
        if self.ending.is_some() || hung_up {
            self.decline_answer(stack, transaction, response, flow);
            return;
        }
        let is_agreed = fork.is_some_and(|fork| fork.is_agreed);
        let early_sdp = fork.map(|fork| fork.sdp.clone()).filter(|sdp| !sdp.is_empty());
        let sdp = response.body_of_type(SDP).filter(|_| !is_agreed).or(early_sdp);
        let offerless = calling.invite.sdp.is_none();
        if let Some(sdp) = &calling.invite.sdp {
            self.local_sdp = sdp.clone();
        }
        // A 2xx without a readable Contact leaves the Request-URI as the target: it found the peer once.
        let _ = self.dialog.join_response(response);
        self.phase = Phase::Established;
        self.note_peer(response);
        self.refresh_agreed_as_client(stack, response);
        let cseq = response.cseq().number;
        if offerless {
            self.exchange = Exchange::AckOwed { transaction, cseq };
        } else {
            self.acknowledge(stack, transaction, cseq, None);
        }
        stack.tell(Event::Answered {
            session: self.id,
            sdp,
            identity: response.identity().map(|identity| identity.party()),
            user_agent: header_of(response, HeaderName::UserAgent).or_else(|| header_of(response, HeaderName::Server)),
            call_id: self.dialog.call_id.clone(),
        });
    }

    /// D1: the answer crossed our CANCEL, or the peer hung up before it arrived. ACK, then BYE.
    fn decline_answer(&mut self, stack: &mut Stack, transaction: TransactionId, response: &Message, flow: Flow) {
        self.stop_timer(stack, SessionTimer::CancelExpires);
        let owner = Owner { session: self.id, purpose: Purpose::Bye };
        let reason = self.ending.as_ref().and_then(|ending| ending.reason.clone());
        let sent = decline_success(stack, response, transaction, flow, Some(owner), reason.as_deref());
        if self.ending.is_none() {
            stack.tell(refused(self.id, 480, String::new()));
            self.ending = Some(Ending::default());
        }
        self.phase = if sent { Phase::Ending } else { Phase::Over };
    }

    fn invite_failure(&mut self, stack: &mut Stack, response: &Message, request: bytes::Bytes, flow: Flow) {
        let status = response.status();
        if self.ending.is_some() {
            self.phase = Phase::Over;
            return;
        }
        if matches!(status, 401 | 407) {
            let owner = Owner { session: self.id, purpose: Purpose::Invite };
            if let Some(again) = self.answer_challenge(stack, response, request, owner, flow) {
                if let Phase::Calling(calling) = &mut self.phase {
                    calling.transaction = Some(again);
                    calling.has_provisional = false;
                }
                return;
            }
        }
        if status == 422 && self.raise_interval(response) && self.send_invite(stack, flow) {
            return;
        }
        if status == 430 && self.dialog.along_flow {
            stack.failed_flows.push_back(flow);
        }
        // RFC 3263 §4.3: a 503 makes the next address worth a try; RFC 5626 §7: a flow that has failed, the next flow.
        if matches!(status, 430 | 503) && self.try_next_address(stack) {
            return;
        }
        self.refuse_what_is_open(stack);
        if self.redirected(stack, response) {
            return;
        }
        stack.tell(refused_by(self.id, response));
        self.phase = Phase::Over;
    }

    fn try_next_address(&mut self, stack: &mut Stack) -> bool {
        loop {
            let Phase::Calling(calling) = &mut self.phase else { return false };
            if calling.addresses.is_empty() {
                return self.try_next_flow(stack);
            }
            let (transport, remote) = calling.addresses.remove(0);
            if let Ok(flow) = stack.way_to_address(transport, remote, &self.dialog.subject)
                && self.send_invite(stack, flow)
            {
                return true;
            }
        }
    }

    /// RFC 5626 §7: another flow to the same device.
    fn try_next_flow(&mut self, stack: &mut Stack) -> bool {
        loop {
            let Phase::Calling(calling) = &mut self.phase else { return false };
            if calling.invite.other_flows.is_empty() {
                return false;
            }
            let next = calling.invite.other_flows.remove(0);
            (self.dialog.target, self.dialog.routes) = (next.uri, next.route);
            if self.send_invite(stack, next.flow) {
                return true;
            }
        }
    }

    fn refused_below(&mut self, stack: &mut Stack, status: u16, reason: &str) {
        if self.ending.is_none() {
            let reason = if reason.is_empty() { crate::wire::reason_phrase(status) } else { reason };
            stack.tell(refused(self.id, status, reason.to_owned()));
        }
        self.phase = Phase::Over;
    }

    pub(super) fn send_invite(&mut self, stack: &mut Stack, flow: Flow) -> bool {
        let interval = self.interval;
        let names = &self.names;
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let invite = &calling.invite;
        let user = Uri::parse(&invite.from.uri).ok().and_then(|uri| uri.as_sip().and_then(|sip| sip.user.clone()));
        let dialog = &mut self.dialog;
        let secure = Uri::parse(&invite.uri).is_ok_and(|uri| uri.scheme() == "sips");
        dialog.contact = contact(user.as_deref().unwrap_or(""), &flow, stack.advertised(&flow), secure);
        stack.detach(self.id, &dialog.flow);
        stack.attach(self.id, &flow);
        dialog.flow = flow;
        let cseq = dialog.next_cseq();
        let (uri, routes) = dialog.addressing();
        let owner = Owner { session: self.id, purpose: Purpose::Invite };
        let user_agent = stack.config.user_agent.clone();
        let dialog = &*dialog;
        let sent = stack.request(dialog.along(flow), Method::Invite, &uri, Some(owner), |builder| {
            for route in &routes {
                builder.header(HeaderName::Route, route);
            }
            builder.header(HeaderName::MaxForwards, invite.max_forwards.clamp(1, 70));
            builder.header(HeaderName::From, &dialog.local);
            builder.header(HeaderName::To, &dialog.remote);
            builder.header(HeaderName::CallId, &dialog.call_id);
            builder.header(HeaderName::CSeq, CSeq { number: cseq, method: Method::Invite });
            builder.header(HeaderName::Contact, &dialog.contact);
            match &invite.sdp {
                Some(_) => capabilities(builder),
                None => capabilities_without_offer(builder),
            }
            info_packages(builder);
            interval.write(builder);
            names.write(builder);
            builder.header(HeaderName::UserAgent, user_agent);
            assert_identity(builder, invite.asserted_identity.as_ref());
            if let Some(referred_by) = &invite.referred_by {
                builder.header(HeaderName::ReferredBy, referred_by);
            }
            if let Some(replaces) = &invite.replaces {
                builder.header(HeaderName::Replaces, replaces);
            }
            for (name, value) in &invite.headers {
                builder.header(HeaderName::of(name), value);
            }
            if let Some(sdp) = &invite.sdp {
                builder.body(SDP, sdp.clone());
            }
        });
        match sent {
            Ok(transaction) => {
                calling.transaction = Some(transaction);
                calling.has_provisional = false;
                if let Some(patience_ms) = calling.invite.patience_ms {
                    self.set_timer(stack, SessionTimer::Silence, u64::from(patience_ms) * 1_000);
                }
                true
            }
            Err(_) => false,
        }
    }

    /// The ACK to a 2xx (RFC 3261 §13.2.2.4), with our answer to an offer of the 2xx.
    pub(super) fn acknowledge(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        cseq: u32,
        answer: Option<bytes::Bytes>,
    ) {
        let flow = self.way(stack);
        let (uri, routes) = self.dialog.addressing();
        let user_agent = stack.config.user_agent.clone();
        // RFC 3261 §13.2.2.4: the ACK carries the same credentials as the INVITE.
        let credentials =
            self.authorization.as_mut().and_then(|own| own.again(&mut stack.random, &Method::Ack, &uri, &[]));
        let (dialog, names) = (&self.dialog, &self.names);
        let _ = stack.acknowledge_success(flow, &uri, transaction, &dialog.remote_tag, |builder| {
            for route in &routes {
                builder.header(HeaderName::Route, route);
            }
            builder.header(HeaderName::MaxForwards, 70);
            builder.header(HeaderName::From, &dialog.local);
            builder.header(HeaderName::To, &dialog.remote);
            builder.header(HeaderName::CallId, &dialog.call_id);
            builder.header(HeaderName::CSeq, CSeq { number: cseq, method: Method::Ack });
            builder.header(HeaderName::UserAgent, user_agent);
            names.write(builder);
            if let Some((name, value)) = credentials {
                builder.header(name, value);
            }
            if let Some(answer) = answer {
                builder.body(SDP, answer);
            }
        });
    }

    /// What a response or request says about its sender's abilities.
    pub(super) fn note_peer(&mut self, message: &Message) {
        self.names.learn(message);
        if message.header(HeaderName::Allow).is_some() {
            self.peer_allows_update = message.has_token(HeaderName::Allow, "UPDATE");
            self.peer_forbids_refer = !message.has_token(HeaderName::Allow, "REFER");
        }
    }

    /// The peer sent BYE in an early dialog: its 2xx is still on the way.
    pub(super) fn early_bye(&mut self, remote_tag: &str) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        if let Some(fork) = calling.fork_mut(Some(remote_tag)) {
            fork.hung_up = true;
        } else if calling.forks.len() < EARLY_DIALOGS_MAX {
            calling.forks.push(Fork { hung_up: true, ..Fork::new(remote_tag) });
        }
    }

    /// After our CANCEL no final response came in 64·T1 (RFC 3261 §9.1).
    pub(super) fn cancel_expired(&mut self, stack: &mut Stack) {
        let Phase::Calling(calling) = &self.phase else { return };
        if let Some(transaction) = calling.transaction {
            stack.abandon_client(transaction);
        }
        self.close(stack, EndCause::Timeout, None);
    }
}

fn check(invite: &OutgoingInvite) -> Result<(), CommandRefused> {
    let uris = [&invite.uri, &invite.from.uri, &invite.to.uri];
    if uris.iter().any(|uri| Uri::parse(uri).is_err()) {
        return Err(CommandRefused::BadText);
    }
    // What the dialog and the transaction own cannot be set from above.
    let is_ours = |name: &str| {
        matches!(
            HeaderName::of(name),
            HeaderName::Via
                | HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::Contact
                | HeaderName::Route
                | HeaderName::RecordRoute
                | HeaderName::MaxForwards
                | HeaderName::ContentLength
                | HeaderName::ContentType
        )
    };
    if invite.headers.iter().any(|(name, _)| is_ours(name)) {
        return Err(CommandRefused::BadText);
    }
    let identity = invite.asserted_identity.as_ref();
    if identity.is_some_and(|party| NameAddr::from_party(party).is_err()) {
        return Err(CommandRefused::BadText);
    }
    Ok(())
}

fn note_fork(forks: &mut Vec<Fork>, response: &Message, sdp: Option<&bytes::Bytes>) {
    let Some(tag) = response.to_tag() else { return };
    let sdp = sdp.cloned().unwrap_or_default();
    if let Some(fork) = forks.iter_mut().find(|fork| fork.remote_tag == tag) {
        if !sdp.is_empty() {
            fork.sdp = sdp;
        }
    } else if forks.len() < EARLY_DIALOGS_MAX {
        forks.push(Fork { sdp, ..Fork::new(tag) });
    }
}

fn header_of(message: &Message, name: HeaderName<'static>) -> Option<String> {
    message.header(name).map(str::to_owned)
}

fn refused(session: SessionId, status: u16, reason: String) -> Event {
    Event::Refused { session, status, reason, q850: None, contacts: Vec::new(), retry_after_s: None }
}

fn refused_by(session: SessionId, response: &Message) -> Event {
    let contacts = match response.contacts() {
        Ok(Contacts::List(contacts)) if (300..=399).contains(&response.status()) => {
            contacts.iter().map(NameAddr::party).collect()
        }
        _ => Vec::new(),
    };
    let text = response.reasons().into_iter().find_map(|reason| reason.text);
    Event::Refused {
        session,
        status: response.status(),
        reason: text.unwrap_or_else(|| response.reason().to_owned()),
        q850: response.q850(),
        contacts,
        retry_after_s: response.retry_after_s(),
    }
}
