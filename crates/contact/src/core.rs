//! The decider: the desk and the SIP endpoint, in one pure machine.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use baton_sip::{
    Command as SipCommand, CommandRefused, Endpoint, Event as SipEvent, Input as SipInput, Output as SipOutput,
    Pressure, SubscriptionId,
};

use crate::command::{Command, Query, Reply};
use crate::config::Config;
use crate::desk::{Desk, Effect};
use crate::directory::Directory;
use crate::io::{Input, Output};
use crate::snapshot::SubscriptionView;

/// Everything that decides, as plain data: it can be compared, stored in the middle of anything, and revived.
///
/// `handle` takes one input; drain [`Core::poll_output`] after it; call `handle` with [`Input::Timeout`] when
/// [`Core::next_timeout_us`] is reached. Nothing in it blocks, sleeps, or reads a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Core {
    endpoint: Endpoint,
    desk: Desk,
    /// What is for outside and has not been fetched.
    told: VecDeque<Output>,
}

/// Numbers for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Conversations, after-contact work included.
    pub conversations: usize,
    /// SIP sessions.
    pub sessions: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// Phones with a registration.
    pub registrations: usize,
    /// Contacts that wait in queues.
    pub waiting: usize,
    /// RTP ports in use.
    pub ports_used: usize,
    /// Timers that run, those of SIP included.
    pub timers: usize,
    /// Digest nonces that have been answered and may be answered again.
    pub nonces: usize,
    /// Ended dialogs that are remembered for a late Replaces.
    pub ended_dialogs: usize,
    /// Sources that are banned.
    pub bans: usize,
    /// What phones watch: busy lamps, presence, conferences.
    pub subscriptions: usize,
    /// Conversations given up because of a fault of ours, since the start.
    pub faults: u64,
    /// Calls and transfers that security profiles have refused, since the start.
    pub not_permitted: u64,
}

impl Core {
    /// A core without calls, with a checked directory. The seed must be unpredictable: tags, nonces and contact ids
    /// come from it.
    pub fn new(config: Config, seed: [u8; 32], directory: Directory) -> Self {
        let endpoint = Endpoint::new(config.sip.clone(), seed);
        let mut other_seed = seed;
        other_seed.iter_mut().for_each(|byte| *byte ^= 0x5c);
        let mut core = Core { endpoint, desk: Desk::new(config, other_seed), told: VecDeque::new() };
        core.desk.set_directory(directory);
        core.turn(0);
        core
    }

    /// One input. `now_us` is in microseconds since the Unix epoch and never goes back.
    pub fn handle(&mut self, now_us: u64, input: Input) {
        self.desk.now_us = self.desk.now_us.max(now_us);
        // What is restored comes account by account: agents are told of once, with the first input that is something new.
        let restores = matches!(input, Input::RestoreBindings { .. } | Input::RestoreStatus { .. });
        match input {
            Input::Sip(input) => self.endpoint.handle(now_us, input),
            Input::Media(event) => self.desk.media_event(event),
            Input::Command(request, command) => match *command {
                Command::Query(Query::Subscriptions { after, limit }) => {
                    self.desk.reply(request, Ok(Reply::Subscriptions(self.subscriptions(after, limit))));
                }
                command => self.desk.command(request, command),
            },
            Input::RestoreBindings { account, bindings } => self.restore_bindings(now_us, account, bindings),
            Input::RestoreStatus { agent, status } => self.desk.restore_status(&agent, status),
            Input::Load(load) => self.load(now_us, load),
            Input::Trace(wanted) => self.endpoint.handle(now_us, SipInput::Trace(wanted)),
            Input::Timeout => {
                if self.endpoint.next_timeout_us().is_some_and(|due_us| due_us <= now_us) {
                    self.endpoint.handle(now_us, SipInput::Timeout);
                }
            }
        }
        if restores {
            return self.settle(now_us, false);
        }
        // What came in counts before what is overdue: an answer beats the ring timer of the same moment.
        self.turn(now_us);
        while let Some(timer) = self.desk.timers.pop(now_us) {
            self.desk.timer_due(timer);
            self.turn(now_us);
        }
    }

    /// The next output, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.told.pop_front()
    }

    /// When [`Input::Timeout`] is due, in microseconds since the Unix epoch.
    pub fn next_timeout_us(&self) -> Option<u64> {
        let own = self.desk.timers.next_us();
        own.into_iter().chain(self.endpoint.next_timeout_us()).min()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.desk.config
    }

    /// What the endpoint has counted.
    pub fn sip_counters(&self) -> baton_sip::Counters {
        self.endpoint.counters()
    }

    /// Whether a datagram from this address is to be dropped unread ([`Endpoint::drops`]).
    pub fn drops(&mut self, now_us: u64, remote: SocketAddr) -> bool {
        self.endpoint.drops(now_us, remote)
    }

    /// How much has to give way now. What the desk refuses follows it, also when only time has passed.
    pub fn pressure(&mut self) -> Pressure {
        let pressure = self.endpoint.pressure();
        self.desk.overloaded = pressure != Pressure::Calm;
        pressure
    }

    /// The trunks as they are now, for metrics.
    pub fn trunks(&self) -> Vec<crate::snapshot::TrunkView> {
        self.desk.trunk_views()
    }

    /// Numbers for metrics.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            conversations: self.desk.conversations.len(),
            sessions: self.endpoint.sessions_len(),
            transactions: self.endpoint.transactions_len(),
            registrations: self.desk.bindings.len(),
            waiting: self.desk.waiting.len(),
            ports_used: self.desk.ports.used(),
            timers: self.desk.timers.len() + self.endpoint.timers_len(),
            nonces: self.endpoint.nonces_len(),
            ended_dialogs: self.endpoint.ended_dialogs_len(),
            bans: self.desk.bans_in_force(),
            subscriptions: self.desk.watches.len(),
            faults: self.desk.faults,
            not_permitted: self.desk.not_permitted,
        }
    }

    /// The contacts that are alive: what the store must not take for left behind.
    pub fn live_contacts(&self) -> Vec<crate::ids::ContactId> {
        self.desk.contact_index.keys().copied().collect()
    }

    /// A page of the endpoint's subscriptions.
    fn subscriptions(&self, after: u64, limit: u16) -> Vec<SubscriptionView> {
        let summaries = self.endpoint.subscriptions_after(SubscriptionId(after), usize::from(limit));
        summaries.into_iter().map(|summary| self.desk.subscription_view(summary)).collect()
    }

    /// The endpoint weighs how busy we are; the desk dials out for nobody meanwhile.
    fn load(&mut self, now_us: u64, load: baton_sip::Load) {
        self.endpoint.handle(now_us, SipInput::Load(load));
        self.pressure();
    }

    fn restore_bindings(&mut self, now_us: u64, account: String, mut bindings: Vec<baton_sip::Binding>) {
        // A stream of the former process is gone, and its number may mean another phone's by now: such a phone registers
        // anew. A listener may be gone too.
        let listeners = &self.desk.config.sip.listeners;
        bindings.retain(|binding| {
            let listens = listeners.iter().any(|listener| listener.id == binding.flow.listener);
            binding.expires_at_us > now_us && binding.flow.connection.is_none() && listens
        });
        bindings.shrink_to_fit();
        let command = SipCommand::RestoreBindings { account: account.clone(), bindings: bindings.clone() };
        if self.endpoint.command(now_us, command).is_ok() {
            self.desk.bindings_restored(account, bindings);
        }
    }

    /// Lets the desk and the endpoint talk until both are silent, and tells of the agents that changed.
    fn turn(&mut self, now_us: u64) {
        self.settle(now_us, true);
    }

    /// What is for outside stays in order.
    fn settle(&mut self, now_us: u64, tells_agents: bool) {
        let mut outside = std::mem::take(&mut self.told);
        loop {
            self.drain_endpoint(&mut outside);
            if self.desk.dispatch_due {
                self.desk.dispatch();
            }
            let Some(effect) = self.desk.effects.pop_front() else {
                if tells_agents && !(self.desk.changed_agents.is_empty() && self.desk.changed_focuses.is_empty()) {
                    self.desk.tell_agents();
                    self.desk.tell_focuses();
                    continue;
                }
                break;
            };
            match effect {
                Effect::Out(output) => outside.push_back(output),
                Effect::Sip(command) => self.apply(now_us, *command),
            }
        }
        if self.desk.draining && !self.desk.drained && self.desk.nobody_is_there() {
            self.desk.drained = true;
            outside.push_back(Output::Drained);
        }
        self.told = outside;
    }

    fn drain_endpoint(&mut self, outside: &mut VecDeque<Output>) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                SipOutput::Event(event) => self.desk.sip_event(event),
                SipOutput::Trace(traced) => {
                    outside.push_back(Output::Trace(Box::new(self.desk.traced(*traced))));
                }
                other => outside.push_back(Output::Sip(other)),
            }
        }
    }

    /// A command that the endpoint refuses must not leave a party waiting for what will never come.
    fn apply(&mut self, now_us: u64, command: SipCommand) {
        let (mut failed_call, mut failed_errand, mut failed_referral, mut failed_offer) = (None, None, None, None);
        match &command {
            SipCommand::Offer { session, .. } => failed_offer = Some(*session),
            SipCommand::Invite { session, .. } => failed_call = Some(*session),
            SipCommand::Errand { errand, .. } => failed_errand = Some(*errand),
            SipCommand::Transfer { session, .. } | SipCommand::TransferTo { session, .. } => {
                failed_referral = Some(*session);
            }
            _ => {}
        }
        let kind = name_of(&command);
        let Err(refused) = self.endpoint.command(now_us, command) else { return };
        tracing::debug!(command = kind, %refused, "the endpoint refused a command");
        let status = if refused == CommandRefused::BadText { 400 } else { 503 };
        if let Some(errand) = failed_errand {
            return self.desk.errand_failed(errand, status);
        }
        if let Some(session) = failed_referral {
            return self.desk.sip_event(SipEvent::TransferProgress { session, status, from_notify: false });
        }
        if let Some(session) = failed_offer {
            return self.desk.sip_event(SipEvent::OfferRefused { session, status });
        }
        let Some(session) = failed_call else { return };
        let (reason, contacts) = (refused.to_string(), Vec::new());
        self.desk.sip_event(SipEvent::Refused { session, status, reason, q850: None, contacts, retry_after_s: None });
    }
}

fn name_of(command: &SipCommand) -> &'static str {
    match command {
        SipCommand::Invite { .. } => "Invite",
        SipCommand::Ring { .. } => "Ring",
        SipCommand::Answer { .. } => "Answer",
        SipCommand::Refuse { .. } => "Refuse",
        SipCommand::Offer { .. } => "Offer",
        SipCommand::AcceptOffer { .. } => "AcceptOffer",
        SipCommand::RefuseOffer { .. } => "RefuseOffer",
        SipCommand::Identify { .. } => "Identify",
        SipCommand::Focus { .. } => "Focus",
        SipCommand::Speak { .. } => "Speak",
        SipCommand::AcceptTransfer { .. } => "AcceptTransfer",
        SipCommand::RefuseTransfer { .. } => "RefuseTransfer",
        SipCommand::ReportTransfer { .. } => "ReportTransfer",
        SipCommand::Transfer { .. } => "Transfer",
        SipCommand::TransferTo { .. } => "TransferTo",
        SipCommand::Redirect { .. } => "Redirect",
        SipCommand::SendDigit { .. } => "SendDigit",
        SipCommand::End { .. } => "End",
        SipCommand::Errand { .. } => "Errand",
        SipCommand::ForgetErrand { .. } => "ForgetErrand",
        SipCommand::AcceptSubscription { .. } => "AcceptSubscription",
        SipCommand::RefuseSubscription { .. } => "RefuseSubscription",
        SipCommand::Publish { .. } => "Publish",
        SipCommand::EndSubscription { .. } => "EndSubscription",
        SipCommand::SetAccess(_) => "SetAccess",
        SipCommand::RestoreBindings { .. } => "RestoreBindings",
        SipCommand::Unregister { .. } => "Unregister",
        SipCommand::LiftBan { .. } => "LiftBan",
    }
}
