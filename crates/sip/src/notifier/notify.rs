//! NOTIFY (RFC 6665 §4.2.2): when one is due, and what its answer means.

use super::{Phase, Subscription};
use crate::endpoint::Endpoint;
use crate::events::SubscriptionId;
use crate::headers::capabilities;
use crate::interface::SessionId;
use crate::outgoing::Way;
use crate::stack::Stack;
use crate::timer::{SubscriptionTimer, Timer};
use crate::transaction::{Failure, Owner, Purpose, TransactionId};
use crate::wire::{CSeq, HeaderName, Message, Method};

/// The longest Retry-After of a phone that is waited for, in seconds; one that asks for more has lost its subscription.
const RETRY_AFTER_S_MAX: u32 = 60;

impl Endpoint {
    /// Sends what is due, or waits for its time.
    pub(super) fn notify_when_due(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { return };
        if subscription.outstanding.is_some() || matches!(subscription.phase, Phase::Asked { .. }) {
            return;
        }
        if !subscription.owes {
            if subscription.state == subscription.told {
                return;
            }
            let due_us = subscription.told_at_us.saturating_add(subscription.package.pause_us());
            let wait_us = due_us.saturating_sub(self.stack.now_us);
            if wait_us > 0 {
                return self.stack.set_timer(Timer::Subscription(id, SubscriptionTimer::Pause), wait_us);
            }
        }
        self.stack.timers.stop(&Timer::Subscription(id, SubscriptionTimer::Pause));
        if !subscription.notify(&mut self.stack) {
            self.forget_subscription(id);
        }
    }

    /// A phone has answered a notification.
    pub(crate) fn notify_answered(&mut self, id: SubscriptionId, transaction: TransactionId, response: &Message) {
        if response.status() < 200 {
            return;
        }
        if !self.goes_on_after(id, transaction) {
            return;
        }
        // RFC 6665 §4.2.2: what failed is tried again only if the phone says when; all else ends the subscription.
        let wait_s = response.retry_after_s().filter(|wait_s| *wait_s <= RETRY_AFTER_S_MAX);
        match (response.status(), wait_s) {
            (200..=299, _) => self.notify_when_due(id),
            (481, _) | (_, None) => self.forget_subscription(id),
            (_, Some(wait_s)) => self.notify_later(id, u64::from(wait_s) * 1_000_000),
        }
    }

    /// A notification got no answer. A phone whose connection has ended may come back with another one before its
    /// subscription expires.
    pub(crate) fn notify_failed(&mut self, id: SubscriptionId, transaction: TransactionId, failure: Failure) {
        if !self.goes_on_after(id, transaction) {
            return;
        }
        match (failure, self.notifier.subscriptions.get_mut(&id)) {
            // Told as soon as it registers or subscribes along another flow; its time runs on. One that is over has none.
            (Failure::Transport, Some(subscription)) if subscription.phase == Phase::Active => subscription.owes = true,
            _ => self.forget_subscription(id),
        }
    }

    /// Whether a subscription goes on after this notification of its, which is not under way any more.
    fn goes_on_after(&mut self, id: SubscriptionId, transaction: TransactionId) -> bool {
        let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { return false };
        if subscription.outstanding != Some(transaction) {
            return false;
        }
        subscription.outstanding = None;
        let was_last = matches!(subscription.phase, Phase::Ending { .. }) && !subscription.owes;
        if was_last {
            self.forget_subscription(id);
        }
        !was_last
    }

    /// What is true after a while is told then, whether the phone was told the same before or not.
    fn notify_later(&mut self, id: SubscriptionId, wait_us: u64) {
        let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { return };
        let longer_us = wait_us.saturating_sub(subscription.package.pause_us());
        subscription.told = None;
        subscription.told_at_us = self.stack.now_us.saturating_add(longer_us);
        self.notify_when_due(id);
    }
}

impl Subscription {
    /// Sends the state as it is now; false if it cannot be put into a message.
    fn notify(&mut self, stack: &mut Stack) -> bool {
        let (uri, routes) = self.dialog.addressing();
        let cseq = CSeq { number: self.dialog.next_cseq(), method: Method::Notify };
        let left_s = self.expires_at_us.saturating_sub(stack.now_us).div_ceil(1_000_000);
        let owner = Owner { session: SessionId(self.id.0), purpose: Purpose::Event };
        let way = Way { is_only: true, ..self.dialog.along(self.dialog.flow) };
        let user_agent = stack.config.user_agent.clone();
        let document = self.state.as_ref().map(|state| state.document(self.version, self.told.as_ref()));
        let sent = stack.request(way, Method::Notify, &uri, Some(owner), |builder| {
            for route in &routes {
                builder.header(HeaderName::Route, route);
            }
            builder.header(HeaderName::MaxForwards, 70);
            builder.header(HeaderName::From, &self.dialog.local);
            builder.header(HeaderName::To, &self.dialog.remote);
            builder.header(HeaderName::CallId, &self.dialog.call_id);
            builder.header(HeaderName::CSeq, cseq);
            builder.header(HeaderName::Contact, &self.dialog.contact);
            match &self.event_id {
                Some(id) => builder.header(HeaderName::Event, format_args!("{};id={id}", self.package.name())),
                None => builder.header(HeaderName::Event, self.package.name()),
            };
            match &self.phase {
                Phase::Ending { reason } => {
                    builder.header(HeaderName::SubscriptionState, format_args!("terminated;reason={}", reason.name()))
                }
                _ => builder.header(HeaderName::SubscriptionState, format_args!("active;expires={left_s}")),
            };
            capabilities(builder);
            builder.header(HeaderName::UserAgent, user_agent);
            self.names.write(builder);
            if let Some(document) = document {
                builder.body(self.package.content_type(), document);
            }
        });
        self.owes = false;
        self.told = self.state.clone();
        self.told_at_us = stack.now_us;
        self.version = self.version.wrapping_add(1);
        self.outstanding = sent.ok();
        self.outstanding.is_some()
    }
}
