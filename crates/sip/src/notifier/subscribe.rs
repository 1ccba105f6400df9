//! SUBSCRIBE (RFC 6665 §4.2.1): the first one, which makes a subscription, and those that prolong or end it.

use super::{EndReason, Phase, Subscription};
use crate::dialog::{Dialog, Sequence};
use crate::endpoint::Endpoint;
use crate::events::{ALLOW_EVENTS, EventState, Package, SubscriptionId};
use crate::front_door::Entry;
use crate::headers::{KNOWN_OPTIONS, capabilities, contact, wants_sips};
use crate::interface::{CommandRefused, Config, Event, Flow};
use crate::random::marked;
use crate::session::{SessionNames, refusal};
use crate::timer::{SubscriptionTimer, Timer};
use crate::transaction::{Key, TransactionId};
use crate::wire::{Builder, EventPackage, HeaderName, Message, Method, NameAddr, Uri};

/// What a phone is told to wait when there are too many subscriptions, in seconds.
const RETRY_AFTER_S: u32 = 60;

impl Endpoint {
    /// What is wrong with a SUBSCRIBE, whoever sends it. Answered here; it needs no proof and leaves no state.
    pub(crate) fn refuses_subscribe(&mut self, entry: &Entry) -> bool {
        let request = &entry.request;
        let known = request.event().is_some_and(|event| Package::of(&event.package).is_some());
        let status = if !known {
            // The message summary (RFC 3842) comes here too: there is no mailbox.
            489
        } else if !request.unknown_requirements(KNOWN_OPTIONS).is_empty() {
            420
        } else if !Uri::parse(request.request_uri()).is_ok_and(|uri| matches!(uri.scheme(), "sip" | "sips")) {
            416
        } else {
            return false;
        };
        self.stack.reply(request, entry.flow, status, "", |builder| {
            match status {
                489 => builder.header(HeaderName::AllowEvents, ALLOW_EVENTS),
                420 => builder.header(HeaderName::Unsupported, request.unknown_requirements(KNOWN_OPTIONS).join(", ")),
                _ => builder,
            };
        });
        true
    }

    /// A SUBSCRIBE outside a dialog, whose sender has proven to be a phone.
    pub(crate) fn subscribe(&mut self, entry: Entry, account: String) {
        let event = entry.request.event();
        let package = event.as_ref().and_then(|event| Package::of(&event.package));
        let Some((package, event)) = package.zip(event) else { return };
        let expires_s = match self.weigh_subscribe(&entry.request, package, &account) {
            Ok(expires_s) => expires_s,
            Err(status) => return self.refuse_subscribe(&entry, package, status),
        };
        let Entry { flow, request, key, .. } = entry;
        let id = SubscriptionId(self.allocate_session().0);
        let tag = marked(id.0, self.stack.random.number());
        let target = Uri::parse(request.request_uri()).map(NameAddr::of).map(|address| address.party());
        let target = target.unwrap_or_default();
        let own_contact = contact(&target.user, &flow, self.stack.advertised(&flow), wants_sips(&request));
        let Ok(dialog) = Dialog::of_request(&request, tag, own_contact, flow, true) else {
            return self.stack.reply(&request, flow, 400, "Bad Contact Or Record-Route", |_| {});
        };
        let mut names = SessionNames::new(&mut self.stack.random);
        names.learn(&request);
        let transaction = self.stack.begin_server(request, key, flow, None);
        let subscription = Subscription {
            id,
            account: account.clone(),
            package,
            event_id: event.id,
            dialog,
            names,
            phase: Phase::Asked { transaction, expires_s },
            expires_at_us: 0,
            state: None,
            told: None,
            told_at_us: 0,
            version: 0,
            owes: false,
            outstanding: None,
        };
        self.stack.attach(subscription.attached(), &flow);
        self.notifier.insert(subscription);
        let limit_us = self.stack.limit_us();
        self.stack.set_timer(Timer::Subscription(id, SubscriptionTimer::Expires), limit_us);
        self.stack.tell(Event::SubscriptionAsked { subscription: id, account, package, target });
    }

    /// For how long a SUBSCRIBE would be granted, in seconds, or the status that refuses it.
    fn weigh_subscribe(&mut self, request: &Message, package: Package, account: &str) -> Result<u32, u16> {
        let config = &self.stack.config;
        if !package.is_accepted(request) {
            return Err(406);
        }
        let expires_s = lifetime_s(request, config)?;
        let full = self.notifier.len() >= config.subscriptions_max;
        if full || self.notifier.len_of(account) >= config.subscriptions_per_account_max {
            self.stack.counters.over_limit += 1;
            return Err(if full { 503 } else { 403 });
        }
        Ok(expires_s)
    }

    fn refuse_subscribe(&mut self, entry: &Entry, package: Package, status: u16) {
        let least_s = self.stack.config.subscription_expires_s.0;
        let reason = if status == 403 { "Too Many Subscriptions" } else { "" };
        self.stack.reply(&entry.request, entry.flow, status, reason, |builder| {
            explain(builder, status, package, least_s);
        });
    }

    /// Grants a subscription: 200, then the first notification at once (RFC 6665 §4.2.1.2, §4.2.2).
    pub(crate) fn accept_subscription(&mut self, id: SubscriptionId, state: EventState) -> Result<(), CommandRefused> {
        let subscription = self.notifier.subscriptions.get_mut(&id).ok_or(CommandRefused::NoSession)?;
        let Phase::Asked { transaction, expires_s } = subscription.phase else {
            return Err(CommandRefused::WrongState);
        };
        if state.package() != subscription.package {
            return Err(CommandRefused::WrongState);
        }
        subscription.state = Some(state);
        self.grant(id, transaction, expires_s);
        Ok(())
    }

    /// Refuses a subscription.
    pub(crate) fn refuse_subscription(&mut self, id: SubscriptionId, status: u16) -> Result<(), CommandRefused> {
        let subscription = self.notifier.subscriptions.get(&id).ok_or(CommandRefused::NoSession)?;
        let Phase::Asked { transaction, .. } = subscription.phase else { return Err(CommandRefused::WrongState) };
        let status = refusal(status, 603);
        let tag = subscription.dialog.local_tag.clone();
        self.stack.respond(transaction, status, "", Some(&tag), |_| {});
        self.forget_subscription(id);
        Ok(())
    }

    /// A request of a subscription's phone in its dialog.
    pub(crate) fn take_in_subscription(&mut self, id: SubscriptionId, flow: Flow, request: Message, key: Key) {
        let transaction = self.stack.begin_server(request.clone(), key, flow, None);
        let least_s = self.stack.config.subscription_expires_s.0;
        let lifetime_s = lifetime_s(&request, &self.stack.config);
        let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { return };
        match subscription.check(&request).and(lifetime_s) {
            Ok(lifetime_s) => {
                let _ = subscription.dialog.refresh_target(&request);
                subscription.names.learn(&request);
                subscription.follow(&mut self.stack, flow);
                self.grant(id, transaction, lifetime_s);
            }
            Err(status) => {
                let package = subscription.package;
                self.stack.respond(transaction, status, "", Some(&subscription.dialog.local_tag), |builder| {
                    explain(builder, status, package, least_s);
                });
            }
        }
    }

    /// 200 to a SUBSCRIBE, and the notification that it is owed. No seconds end the subscription, or only fetch its state.
    fn grant(&mut self, id: SubscriptionId, transaction: TransactionId, expires_s: u32) {
        let Some(subscription) = self.notifier.subscriptions.get_mut(&id) else { return };
        self.stack.respond(transaction, 200, "", Some(&subscription.dialog.local_tag), |builder| {
            builder.header(HeaderName::Expires, expires_s);
            builder.header(HeaderName::Contact, &subscription.dialog.contact);
            capabilities(builder);
            subscription.names.write(builder);
        });
        if expires_s == 0 {
            self.stack.tell(Event::Unsubscribed { subscription: id });
            subscription.end(&mut self.stack, EndReason::Timeout);
        } else {
            let wait_us = u64::from(expires_s) * 1_000_000;
            subscription.phase = Phase::Active;
            subscription.owes = true;
            subscription.expires_at_us = self.stack.now_us.saturating_add(wait_us);
            self.stack.set_timer(Timer::Subscription(id, SubscriptionTimer::Expires), wait_us);
        }
        self.notify_when_due(id);
    }
}

impl Subscription {
    /// Whether a request in its dialog may go on, or the status that refuses it.
    fn check(&mut self, request: &Message) -> Result<(), u16> {
        if *request.method() != Method::Subscribe {
            return Err(405);
        }
        if self.dialog.take_remote_cseq(request.cseq().number) == Sequence::Old {
            return Err(500);
        }
        let is_same =
            |event: EventPackage| Package::of(&event.package) == Some(self.package) && event.id == self.event_id;
        // RFC 6665 §4.2.1.1: it is over, or was never this one's.
        if self.phase != Phase::Active || !request.event().is_some_and(is_same) {
            return Err(481);
        }
        if self.package.is_accepted(request) { Ok(()) } else { Err(406) }
    }
}

/// What a refusal says besides.
fn explain(builder: &mut Builder, status: u16, package: Package, least_s: u32) {
    match status {
        405 => builder.header(HeaderName::Allow, "SUBSCRIBE"),
        406 => builder.header(HeaderName::Accept, package.content_type()),
        423 => builder.header(HeaderName::MinExpires, least_s),
        503 => builder.header(HeaderName::RetryAfter, RETRY_AFTER_S),
        _ => builder,
    };
}

/// For how many seconds a SUBSCRIBE is granted, or the status that refuses it (RFC 6665 §4.2.1.1).
fn lifetime_s(subscribe: &Message, config: &Config) -> Result<u32, u16> {
    let (least, default, most) = config.subscription_expires_s;
    match subscribe.expires_s().map_err(|_| 400u16)? {
        None => Ok(default),
        Some(0) => Ok(0),
        Some(asked) if asked < least => Err(423),
        Some(asked) => Ok(asked.min(most)),
    }
}
