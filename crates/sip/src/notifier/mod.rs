//! The notifier (RFC 6665 §4.2): phones subscribe to what the event packages tell, and are sent notifications.
//!
//! A subscription is asked for by SUBSCRIBE, granted or refused above, and then told what is true whenever that changes, but
//! not more often than its package allows; in between it is the newest state that waits. One notification is under way at a
//! time, so that they arrive in order.

mod notify;
mod subscribe;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::endpoint::Endpoint;
use crate::events::{EventState, Package, SubscriptionId};
use crate::interface::{Binding, CommandRefused, Event, Flow, SessionId};
use crate::random::read_marked;
use crate::session::SessionNames;
use crate::stack::Stack;
use crate::timer::{SubscriptionTimer, Timer};
use crate::transaction::TransactionId;
use crate::wire::{Message, Uri};

/// A subscription, as its operator is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSummary {
    /// Which it is.
    pub subscription: SubscriptionId,
    /// Whose phone it is.
    pub account: String,
    /// What it asked for.
    pub package: Package,
    /// The way to the phone.
    pub flow: Flow,
    /// When it expires, in microseconds since the Unix epoch.
    pub expires_at_us: u64,
}

/// All subscriptions, also by account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notifier {
    subscriptions: BTreeMap<SubscriptionId, Box<Subscription>>,
    accounts: BTreeMap<String, BTreeSet<SubscriptionId>>,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    id: SubscriptionId,
    /// Whose phone it is.
    account: String,
    package: Package,
    /// The `id` of its Event header.
    event_id: Option<String>,
    dialog: Dialog,
    names: SessionNames,
    phase: Phase,
    expires_at_us: u64,
    /// What is true.
    state: Option<EventState>,
    /// What the phone was told last.
    told: Option<EventState>,
    told_at_us: u64,
    /// The number of the next document.
    version: u32,
    /// A notification is owed, whether anything has changed or not (RFC 6665 §4.2.1.2).
    owes: bool,
    /// The notification that is under way.
    outstanding: Option<TransactionId>,
}

/// How far a subscription is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Its SUBSCRIBE awaits the decision.
    Asked {
        /// The SUBSCRIBE.
        transaction: TransactionId,
        /// The seconds to be granted; 0 only fetches.
        expires_s: u32,
    },
    /// It lasts until it expires.
    Active,
    /// Its last notification is owed or under way.
    Ending {
        /// Why, as Subscription-State has it.
        reason: EndReason,
    },
}

/// Why a subscription ends (RFC 6665 §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// What it was for exists no more.
    NoResource,
    /// It is not allowed any more.
    Rejected,
    /// It has expired, or was ended by its phone.
    Timeout,
}

impl EndReason {
    fn name(self) -> &'static str {
        match self {
            EndReason::NoResource => "noresource",
            EndReason::Rejected => "rejected",
            EndReason::Timeout => "timeout",
        }
    }
}

impl Notifier {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    fn len_of(&self, account: &str) -> usize {
        self.accounts.get(account).map_or(0, BTreeSet::len)
    }

    fn of_account(&self, account: &str) -> Vec<SubscriptionId> {
        self.accounts.get(account).into_iter().flatten().copied().collect()
    }

    fn insert(&mut self, subscription: Subscription) {
        self.accounts.entry(subscription.account.clone()).or_default().insert(subscription.id);
        self.subscriptions.insert(subscription.id, Box::new(subscription));
    }

    fn remove(&mut self, id: SubscriptionId) -> Option<Box<Subscription>> {
        let subscription = self.subscriptions.remove(&id)?;
        if let Some(ids) = self.accounts.get_mut(&subscription.account) {
            ids.remove(&id);
            if ids.is_empty() {
                self.accounts.remove(&subscription.account);
            }
        }
        Some(subscription)
    }
}

impl Endpoint {
    /// How many subscriptions there are.
    pub fn subscriptions_len(&self) -> usize {
        self.notifier.len()
    }

    /// The subscriptions in force after this one in the order of their numbers, so many at most; 0 begins with the first.
    pub fn subscriptions_after(&self, after: SubscriptionId, count: usize) -> Vec<SubscriptionSummary> {
        let later = self.notifier.subscriptions.range((Bound::Excluded(after), Bound::Unbounded));
        let active = later.filter(|(_, subscription)| subscription.phase == Phase::Active);
        active.take(count).map(|(_, subscription)| subscription.summary()).collect()
    }

    /// The subscription that a request of a phone's belongs to.
    pub(crate) fn subscription_of(&self, request: &Message) -> Option<SubscriptionId> {
        let tag = request.to_tag()?;
        let id = SubscriptionId(read_marked(tag)?.0);
        let dialog = &self.notifier.subscriptions.get(&id)?.dialog;
        (dialog.local_tag == tag && dialog.is_of_peer(request.call_id(), request.from_tag())).then_some(id)
    }

    /// What is true for a subscription now. Told when it differs from what the phone knows.
    pub(crate) fn publish(&mut self, id: SubscriptionId, state: EventState) -> Result<(), CommandRefused> {
        let subscription = self.notifier.subscriptions.get_mut(&id).ok_or(CommandRefused::NoSession)?;
        if subscription.phase != Phase::Active || state.package() != subscription.package {
            return Err(CommandRefused::WrongState);
        }
        subscription.state = Some(state);
        self.notify_when_due(id);
        Ok(())
    }

    /// Ends a subscription with a last notification. No event follows.
    pub(crate) fn end_subscription(&mut self, id: SubscriptionId, reason: EndReason) -> Result<(), CommandRefused> {
        let subscription = self.notifier.subscriptions.get_mut(&id).ok_or(CommandRefused::NoSession)?;
        if subscription.phase != Phase::Active {
            return Err(CommandRefused::WrongState);
        }
        subscription.end(&mut self.stack, reason);
        self.notify_when_due(id);
        Ok(())
    }

    /// An account is gone: what it watched is told no more.
    pub(crate) fn end_subscriptions_of(&mut self, account: &str) {
        for id in self.notifier.of_account(account) {
            self.lapse(id, EndReason::Rejected);
        }
    }

    /// The accounts that have subscriptions.
    pub(crate) fn subscribing_accounts(&self) -> impl Iterator<Item = &String> {
        self.notifier.accounts.keys()
    }

    /// The bindings of an account that has subscriptions, before they change.
    pub(crate) fn bindings_if_subscribed(&self, account: &str) -> Vec<Binding> {
        if self.notifier.accounts.contains_key(account) {
            self.registrar.bindings(account).to_vec()
        } else {
            Vec::new()
        }
    }

    /// P7: a phone that has registered from another place is notified there, though its subscriptions do not say so yet: those
    /// whose Contact is the registered one, and those that went along the flow that the registration has left.
    pub(crate) fn subscriptions_follow(&mut self, account: &str, before: &[Binding]) {
        let bindings = self.bindings_if_subscribed(account);
        for id in self.notifier.of_account(account) {
            let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { continue };
            let Some(flow) = subscription.registered_flow(&bindings, before) else { continue };
            if subscription.follow(&mut self.stack, flow) {
                self.notify_when_due(id);
            }
        }
    }

    /// A deadline of a subscription's.
    pub(crate) fn subscription_due(&mut self, id: SubscriptionId, timer: SubscriptionTimer) {
        match timer {
            SubscriptionTimer::Pause => self.notify_when_due(id),
            SubscriptionTimer::Expires => match self.notifier.subscriptions.get(&id).map(|each| &each.phase) {
                Some(Phase::Asked { .. }) => {
                    // Nobody above has decided.
                    let _ = self.refuse_subscription(id, 500);
                }
                Some(Phase::Active) => self.lapse(id, EndReason::Timeout),
                Some(Phase::Ending { .. }) | None => {}
            },
        }
    }

    /// A subscription ends from below: the last notification goes out, and what is above learns of it.
    fn lapse(&mut self, id: SubscriptionId, reason: EndReason) {
        let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { return };
        match subscription.phase {
            Phase::Active => {
                self.stack.tell(Event::Unsubscribed { subscription: id });
                subscription.end(&mut self.stack, reason);
                self.notify_when_due(id);
            }
            Phase::Asked { .. } => {
                let _ = self.refuse_subscription(id, 403);
            }
            Phase::Ending { .. } => {}
        }
    }

    /// A subscription is over, and nothing more is sent.
    fn forget_subscription(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.notifier.remove(id) else { return };
        self.stack.timers.stop_subscription(id);
        self.stack.detach(subscription.attached(), &subscription.dialog.flow);
        if subscription.phase == Phase::Active {
            self.stack.tell(Event::Unsubscribed { subscription: id });
        }
    }
}

impl Subscription {
    /// As a stream knows it: sessions and subscriptions are numbered in one series.
    fn attached(&self) -> SessionId {
        SessionId(self.id.0)
    }

    fn summary(&self) -> SubscriptionSummary {
        SubscriptionSummary {
            subscription: self.id,
            account: self.account.clone(),
            package: self.package,
            flow: self.dialog.flow,
            expires_at_us: self.expires_at_us,
        }
    }

    fn end(&mut self, stack: &mut Stack, reason: EndReason) {
        self.phase = Phase::Ending { reason };
        self.owes = true;
        stack.timers.stop(&Timer::Subscription(self.id, SubscriptionTimer::Expires));
    }

    /// Goes along another flow from now on; whether it is another one.
    fn follow(&mut self, stack: &mut Stack, flow: Flow) -> bool {
        if self.dialog.flow == flow {
            return false;
        }
        stack.detach(self.attached(), &self.dialog.flow);
        stack.attach(self.attached(), &flow);
        self.dialog.flow = flow;
        true
    }

    fn registered_flow(&self, bindings: &[Binding], before: &[Binding]) -> Option<Flow> {
        let own = Uri::parse(&self.dialog.target).ok();
        let same = |binding: &&Binding| {
            let uri = Uri::parse(&binding.contact).ok();
            uri.zip(own.as_ref()).is_some_and(|(uri, own)| uri.equivalent(own))
        };
        if let Some(binding) = bindings.iter().find(same) {
            return Some(binding.flow);
        }
        let left = before.iter().find(|binding| binding.flow == self.dialog.flow)?;
        let is_heir = |binding: &&Binding| {
            binding.contact == left.contact || (binding.instance.is_some() && binding.instance == left.instance)
        };
        bindings.iter().find(is_heir).map(|binding| binding.flow)
    }
}
