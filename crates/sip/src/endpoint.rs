//! The endpoint: one way in, one way out.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::errand::Errand;
use crate::events::SubscriptionId;
use crate::guard::Guard;
use crate::interface::{
    Access, Binding, Command, CommandRefused, Config, Counters, ErrandId, Event, Flow, Input, OutgoingInvite, Output,
    SessionId, Transport, Voice,
};
use crate::notifier::Notifier;
use crate::random::{Random, read_marked};
use crate::recent::Recent;
use crate::registrar::Registrar;
use crate::session::{Session, decline_success};
use crate::stack::{NoWay, Stack, Up};
use crate::timer::Timer;
use crate::trace::TracedCalls;
use crate::transaction::{Purpose, TransactionId};
use crate::wire::Method;

/// What is not longer than this is a keep-alive and no message (RFC 5626 §3.5.1).
const KEEP_ALIVE_BYTES_MAX: usize = 4;

/// SIP for one endpoint.
///
/// Four calls drive it: [`Endpoint::handle`] takes what comes from the wire and the clock, [`Endpoint::command`] what the
/// contact wants, [`Endpoint::poll_output`] is then called until it gives nothing, and [`Endpoint::next_timeout_us`] says when
/// to call `handle` with [`Input::Timeout`]. The whole is plain data: it can be compared, written down in the middle of a
/// call, and revived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub(crate) stack: Stack,
    pub(crate) access: Access,
    pub(crate) digest: digest::Server,
    pub(crate) registrar: Registrar,
    pub(crate) notifier: Notifier,
    pub(crate) guard: Guard,
    pub(crate) tracing: bool,
    /// Of calls whose messages are told: whose credentials they brought.
    pub(crate) traced_calls: TracedCalls,
    pub(crate) sessions: BTreeMap<SessionId, Box<Session>>,
    pub(crate) recent: Recent,
    pub(crate) errands: BTreeMap<ErrandId, Box<Errand>>,
    /// Where the registrars are that keep our lines ([`Access::lines`]).
    pub(crate) registrars: BTreeMap<String, SocketAddr>,
    pub(crate) queries: BTreeMap<u64, SessionId>,
    pub(crate) last_session: u64,
    pub(crate) last_transfer: u64,
    pub(crate) last_query: u64,
}

impl Endpoint {
    /// A fresh endpoint. `seed` must be secret: tags, branches and nonces come from it.
    pub fn new(config: Config, seed: [u8; 32]) -> Endpoint {
        let mut random = Random::new(seed);
        let digest = digest::Server::new(&config.realm, random.secret(), config.nonce_lifetime_s);
        let guard = Guard::new(config.guard.clone(), random.secret());
        Endpoint {
            stack: Stack::new(config, random),
            access: Access::default(),
            digest,
            registrar: Registrar::default(),
            notifier: Notifier::default(),
            guard,
            tracing: false,
            traced_calls: TracedCalls::default(),
            sessions: BTreeMap::new(),
            recent: Recent::default(),
            errands: BTreeMap::new(),
            registrars: BTreeMap::new(),
            queries: BTreeMap::new(),
            last_session: 0,
            last_transfer: 0,
            last_query: 0,
        }
    }

    /// Takes one input at `now_us`, microseconds since the Unix epoch.
    pub fn handle(&mut self, now_us: u64, input: Input) {
        self.advance(now_us);
        match input {
            Input::Datagram { listener, source, bytes } => self.take_datagram(listener, source, bytes),
            Input::StreamOpened { connection, listener, remote, peer_names } => {
                self.stream_opened(connection, listener, remote, peer_names);
            }
            Input::StreamBytes { connection, bytes } => self.take_stream_bytes(connection, bytes),
            Input::StreamClosed { connection } => self.stream_closed(connection),
            Input::Resolved { query, addresses } => self.resolved(query, addresses),
            Input::Load(load) => self.guard.set_load(load),
            Input::Trace(wanted) => {
                self.tracing = wanted;
                self.traced_calls = TracedCalls::default();
            }
            Input::Timeout => self.fire_timers(),
        }
        self.fail_unsent();
    }

    /// Does one command at `now_us`. What is refused has changed nothing.
    pub fn command(&mut self, now_us: u64, command: Command) -> Result<(), CommandRefused> {
        self.advance(now_us);
        let done = self.do_command(command);
        self.fail_unsent();
        done
    }

    /// Tells a revived endpoint that its process was another one: every stream connection it knew has ended, as if
    /// [`Input::StreamClosed`] had come for each. Datagrams need nothing of the kind.
    pub fn streams_lost(&mut self, now_us: u64) {
        for connection in self.stack.streams.handles() {
            self.handle(now_us, Input::StreamClosed { connection });
        }
    }

    /// The next output, in order; `None` when there is none left.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.stack.outputs.pop_front()?;
        if self.tracing
            && let Output::Transmit { flow, bytes } = &output
            && bytes.len() > KEEP_ALIVE_BYTES_MAX
        {
            let traced = self.attribute(*flow, false, self.stack.now_us, bytes);
            self.stack.outputs.push_front(traced);
        }
        Some(output)
    }

    /// A fresh session number, always odd: the even ones are the caller's own, for its outgoing calls, so that both sides
    /// number sessions without asking each other.
    pub fn allocate_session(&mut self) -> SessionId {
        self.last_session += 2;
        SessionId(self.last_session - 1)
    }

    /// When to call [`Endpoint::handle`] with [`Input::Timeout`] at the latest, in microseconds since the Unix epoch.
    pub fn next_timeout_us(&self) -> Option<u64> {
        self.stack.timers.next_us()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.stack.counters
    }

    /// How many sessions live.
    pub fn sessions_len(&self) -> usize {
        self.sessions.len()
    }

    /// How many transactions live.
    pub fn transactions_len(&self) -> usize {
        self.stack.transactions.len()
    }

    /// How many timers run.
    pub fn timers_len(&self) -> usize {
        self.stack.timers.len()
    }

    /// How many digest nonces have been answered and may be answered again: at most 65,536.
    pub fn nonces_len(&self) -> usize {
        self.digest.nonces_len()
    }

    /// How many ended dialogs are remembered for a late Replaces: at most 4,096.
    pub fn ended_dialogs_len(&self) -> usize {
        self.recent.len()
    }

    /// What is registered for an account.
    pub fn bindings(&self, account: &str) -> &[Binding] {
        self.registrar.bindings(account)
    }

    /// Lets a session do something, then settles it, and forgets it when it is over.
    pub(crate) fn with_session<R>(
        &mut self,
        id: SessionId,
        act: impl FnOnce(&mut Session, &mut Stack) -> R,
    ) -> Option<R> {
        let session = self.sessions.get_mut(&id)?;
        let result = act(session, &mut self.stack);
        session.settle(&mut self.stack);
        self.guard.call_goes_to(&mut session.reached_at, Some(session.dialog.flow.remote.ip()));
        let unresolved = session.take_unresolved();
        let news = session.names.take_news().map(|name| (session.voice.clone(), name));
        if session.is_over() {
            self.forget_session(id);
        }
        if let Some(destination) = unresolved {
            self.resolve(id, destination);
        }
        if let Some((Voice::Session(other), name)) = news {
            self.pass_name_on(id, other, &name);
        }
        while let Some(flow) = self.stack.failed_flows.pop_front() {
            self.flow_failed(&flow);
        }
        Some(result)
    }

    /// The session whose local tag this is.
    pub(crate) fn session_of_tag(&self, tag: &str) -> Option<&Session> {
        let (number, _) = read_marked(tag)?;
        let session = self.sessions.get(&SessionId(number))?;
        (session.dialog.local_tag == tag).then_some(session)
    }

    /// Brings what the transactions handed up to its session.
    pub(crate) fn take_up(&mut self, up: Up) {
        match up {
            Up::Response { owner: Some(owner), response, request, flow, .. } if owner.purpose == Purpose::Errand => {
                self.errand_response(ErrandId(owner.session.0), &response, request, flow);
            }
            Up::Failed { owner, failure, .. } if owner.purpose == Purpose::Errand => {
                self.errand_failed(ErrandId(owner.session.0), failure);
            }
            Up::Response { owner: Some(owner), transaction, response, .. } if owner.purpose == Purpose::Event => {
                self.notify_answered(SubscriptionId(owner.session.0), transaction, &response);
            }
            Up::Failed { owner, transaction, failure } if owner.purpose == Purpose::Event => {
                self.notify_failed(SubscriptionId(owner.session.0), transaction, failure);
            }
            Up::Response { owner: None, transaction, response, .. } if response.status() < 200 => {
                if *response.method() == Method::Invite {
                    self.stack.cancel_disowned(transaction);
                }
            }
            Up::Response { owner, transaction, response, request, flow } => {
                let is_invite_success =
                    *response.method() == Method::Invite && (200..=299).contains(&response.status());
                let taken = owner.and_then(|owner| {
                    self.with_session(owner.session, |session, stack| {
                        session.response(stack, owner, transaction, &response, request, flow);
                    })
                });
                if taken.is_none() && is_invite_success {
                    // The session is over: this 2xx is acknowledged and its dialog ended (RFC 3261 §13.2.2.4).
                    decline_success(&mut self.stack, &response, transaction, flow, None, None);
                }
            }
            Up::Failed { owner, transaction, failure } => {
                self.with_session(owner.session, |session, stack| session.failed(stack, owner, transaction, failure));
            }
        }
    }

    fn advance(&mut self, now_us: u64) {
        // Time never goes back, whatever the caller's clock does.
        self.stack.now_us = self.stack.now_us.max(now_us);
    }

    fn fire_timers(&mut self) {
        let now_us = self.stack.now_us;
        while let Some(timer) = self.stack.timers.pop_due(now_us) {
            match timer {
                Timer::Transaction(id, timer) => self.fire_transaction(id, timer),
                Timer::Session(id, timer) => {
                    self.with_session(id, |session, stack| session.timer(stack, timer));
                }
                Timer::Binding(account) => self.bindings_expired(&account),
                Timer::Stream(connection) => self.stream_idled(connection),
                Timer::StreamMessage(connection) => self.stream_cut_off(connection),
                Timer::Resolve(query) => self.resolved(query, Vec::new()),
                Timer::Subscription(id, timer) => self.subscription_due(id, timer),
            }
        }
    }

    fn fire_transaction(&mut self, id: TransactionId, timer: crate::transaction::TransactionTimer) {
        if self.stack.transactions.client(id).is_none() {
            return self.stack.server_timer(id, timer);
        }
        if let Some(up) = self.stack.client_timer(id, timer) {
            self.take_up(up);
        }
    }

    /// Requests that could not be sent fail now, when no session is at work any more. Each failure may send again.
    fn fail_unsent(&mut self) {
        while let Some(id) = self.stack.unsent.pop_front() {
            if let Some(up) = self.stack.client_transport_error(id) {
                self.take_up(up);
            }
        }
    }

    fn do_command(&mut self, command: Command) -> Result<(), CommandRefused> {
        let session = match command {
            Command::Invite { session, invite } => return self.invite(session, *invite),
            Command::Speak { session, voice } => return self.speak(session, voice),
            Command::Errand { errand, request } => return self.run_errand(errand, *request),
            Command::ForgetErrand { errand } => {
                self.forget_errand(errand);
                return Ok(());
            }
            Command::AcceptSubscription { subscription, state } => {
                return self.accept_subscription(subscription, *state);
            }
            Command::RefuseSubscription { subscription, status } => {
                return self.refuse_subscription(subscription, status);
            }
            Command::Publish { subscription, state } => return self.publish(subscription, *state),
            Command::EndSubscription { subscription, reason } => return self.end_subscription(subscription, reason),
            Command::SetAccess(access) => {
                self.set_access(access);
                return Ok(());
            }
            Command::RestoreBindings { account, bindings } => {
                self.restore_bindings(&account, bindings);
                return Ok(());
            }
            Command::Unregister { account } => {
                self.unregister(&account);
                return Ok(());
            }
            Command::LiftBan { address } => {
                self.guard.lift(address);
                return Ok(());
            }
            Command::TransferTo { session, other } => return self.transfer_to(session, other),
            Command::Ring { session, .. }
            | Command::Answer { session, .. }
            | Command::Refuse { session, .. }
            | Command::Offer { session, .. }
            | Command::AcceptOffer { session, .. }
            | Command::RefuseOffer { session, .. }
            | Command::Identify { session, .. }
            | Command::Focus { session, .. }
            | Command::AcceptTransfer { session, .. }
            | Command::RefuseTransfer { session, .. }
            | Command::ReportTransfer { session, .. }
            | Command::Transfer { session, .. }
            | Command::Redirect { session, .. }
            | Command::SendDigit { session, .. }
            | Command::End { session, .. } => session,
        };
        let is_report = matches!(command, Command::ReportTransfer { .. });
        match self.with_session(session, |session, stack| session.command(stack, command)) {
            Some(done) => done,
            // R3: reports for a transferor that has gone are dropped without an error.
            None if is_report => Ok(()),
            None => Err(CommandRefused::NoSession),
        }
    }

    fn transfer_to(&mut self, session: SessionId, other: SessionId) -> Result<(), CommandRefused> {
        let other = self.sessions.get(&other).ok_or(CommandRefused::NoSession)?;
        let target = other.place_of_peer().ok_or(CommandRefused::WrongState)?;
        let command = Command::Transfer { session, target, referred_by: None };
        let done = self.with_session(session, |session, stack| session.command(stack, command));
        done.unwrap_or(Err(CommandRefused::NoSession))
    }

    fn invite(&mut self, id: SessionId, invite: OutgoingInvite) -> Result<(), CommandRefused> {
        if self.sessions.contains_key(&id) {
            return Err(CommandRefused::WrongState);
        }
        let config = &self.stack.config;
        if self.sessions.len() >= config.sessions_max || self.stack.transactions.len() >= config.transactions_max {
            return Err(CommandRefused::Limit);
        }
        let destination = invite.destination.clone();
        let name = self.name_of(&invite.voice);
        let (session, way) = Session::call(&mut self.stack, id, invite, name.as_deref())?;
        self.last_session = self.last_session.max(id.0);
        self.begin_session(session);
        match way {
            Ok(()) => {}
            Err(NoWay::Unresolved) => self.resolve(id, destination),
            Err(NoWay::NoListener) => {
                self.with_session(id, |session, stack| session.resolved(stack, Vec::new()));
            }
        }
        Ok(())
    }

    fn resolve(&mut self, session: SessionId, destination: crate::interface::Destination) {
        let crate::interface::Destination::Name { transport, host, port } = destination else { return };
        self.last_query += 1;
        let query = self.last_query;
        self.queries.insert(query, session);
        let limit_us = self.stack.limit_us();
        self.stack.set_timer(Timer::Resolve(query), limit_us);
        self.stack.outputs.push_back(Output::Resolve { query, host, port, transport });
    }

    fn resolved(&mut self, query: u64, addresses: Vec<(Transport, std::net::SocketAddr)>) {
        let Some(session) = self.queries.remove(&query) else { return };
        self.stack.timers.stop(&Timer::Resolve(query));
        if self.errands.contains_key(&ErrandId(session.0)) {
            return self.errand_resolved(ErrandId(session.0), addresses);
        }
        self.with_session(session, |session, stack| session.resolved(stack, addresses));
    }

    /// Takes a new session in.
    pub(crate) fn begin_session(&mut self, mut session: Session) {
        self.guard.call_goes_to(&mut session.reached_at, Some(session.dialog.flow.remote.ip()));
        self.sessions.insert(session.id, Box::new(session));
    }

    fn forget_session(&mut self, id: SessionId) {
        let Some(mut session) = self.sessions.remove(&id) else { return };
        session.refuse_what_is_open(&mut self.stack);
        self.guard.call_goes_to(&mut session.reached_at, None);
        self.stack.timers.stop_session(id);
        self.stack.detach(id, &session.dialog.flow);
        self.recent.remember(self.stack.now_us, id, session.dialog);
    }

    /// Whose name a session's Session-ID bears.
    fn speak(&mut self, id: SessionId, voice: Voice) -> Result<(), CommandRefused> {
        let name = self.name_of(&voice);
        let session = self.sessions.get_mut(&id).ok_or(CommandRefused::NoSession)?;
        session.names.speak(name.as_deref());
        session.voice = voice;
        Ok(())
    }

    fn name_of(&self, voice: &Voice) -> Option<String> {
        match voice {
            Voice::Own => None,
            Voice::Session(other) => self.sessions.get(other)?.names.peer().map(str::to_owned),
            Voice::Named(name) => Some(name.clone()),
        }
    }

    /// A peer has (another) name: who speaks for it says so.
    fn pass_name_on(&mut self, of: SessionId, to: SessionId, name: &str) {
        if let Some(other) = self.sessions.get_mut(&to).filter(|other| other.voice == Voice::Session(of)) {
            other.names.speak(Some(name));
        }
    }

    /// Says what is registered for an account now, and waits for the next expiry.
    pub(crate) fn bindings_changed(&mut self, account: &str) {
        let timer = Timer::Binding(account.to_owned());
        match self.registrar.next_expiry_us(account) {
            Some(at_us) => self.stack.timers.set(timer, at_us),
            None => self.stack.timers.stop(&timer),
        }
        let bindings = self.registrar.bindings(account).to_vec();
        self.guard.know(account, bindings.iter().map(|binding| binding.flow.remote));
        self.stack.tell(Event::BindingsChanged { account: account.to_owned(), bindings });
    }

    /// What is reached by a flow that an edge proxy calls failed is not called along it again (RFC 5626 §7).
    fn flow_failed(&mut self, flow: &Flow) {
        for account in self.registrar.accounts_along(flow) {
            if self.registrar.drop_flow(&account, flow) {
                self.bindings_changed(&account);
            }
        }
    }

    fn bindings_expired(&mut self, account: &str) {
        if self.registrar.expire(self.stack.now_us, account) {
            self.bindings_changed(account);
        }
    }

    fn restore_bindings(&mut self, account: &str, bindings: Vec<Binding>) {
        let contacts_max = self.stack.config.contacts_per_account_max;
        self.registrar.restore(self.stack.now_us, account, bindings, contacts_max);
        for binding in self.registrar.bindings(account) {
            if let Some(stream) = binding.flow.connection.and_then(|connection| self.stack.streams.get_mut(connection))
            {
                stream.accounts.insert(account.to_owned());
            }
        }
        self.bindings_changed(account);
    }

    fn unregister(&mut self, account: &str) {
        if self.registrar.clear(account) {
            self.bindings_changed(account);
        }
    }

    fn set_access(&mut self, access: Access) {
        let gone: Vec<String> =
            self.registrar.accounts().filter(|account| !access.accounts.contains_key(*account)).cloned().collect();
        let silenced: Vec<String> =
            self.subscribing_accounts().filter(|account| !access.accounts.contains_key(*account)).cloned().collect();
        self.access = access;
        self.registrars.retain(|line, _| self.access.lines.contains_key(line));
        for account in gone {
            self.unregister(&account);
        }
        for account in silenced {
            self.end_subscriptions_of(&account);
        }
    }

    /// Sends bytes that belong to no transaction.
    pub(crate) fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        self.stack.transmit(flow, bytes);
    }
}
