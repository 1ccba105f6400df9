//! The session timer (RFC 4028, P4, D8): asked for by us, or by the peer; refreshed by either side.

use serde::{Deserialize, Serialize};

use super::{Offer, Phase, Session};
use crate::interface::{Config, EndCause};
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::Purpose;
use crate::wire::{Builder, HeaderName, Message, Method, Refresher};

/// The least interval that anybody may ask for, in seconds (RFC 4028 §4).
const INTERVAL_S_MIN: u32 = 90;
/// The longest interval that a peer's Min-SE can make us ask for, in seconds.
const INTERVAL_S_MAX: u32 = 86_400;
/// How long after a refresh that was refused for the moment (a glare, a server error) the next one goes, in microseconds.
const RETRY_US: u64 = 10_000_000;

/// The session timer that we ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// In seconds; 0 asks for none.
    pub(crate) asked_s: u32,
    /// Min-SE: what the configuration or a 422 told (RFC 4028 §7.3).
    pub(crate) least_s: u32,
}

/// An agreed session timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh {
    /// The interval in seconds.
    pub(crate) interval_s: u32,
    /// Whether we refresh; else the peer does, and we watch.
    pub(crate) is_ours: bool,
    /// When the session ends for want of a refresh, in microseconds since the Unix epoch.
    pub(crate) ends_at_us: u64,
}

impl Interval {
    /// As configured.
    pub(crate) fn of(config: &Config) -> Self {
        let least_s = config.session_expires_least_s.max(INTERVAL_S_MIN);
        let asked_s = if config.session_expires_s == 0 { 0 } else { config.session_expires_s.max(least_s) };
        Interval { asked_s, least_s }
    }

    /// In our INVITE. Who refreshes is left to the peer (RFC 4028 §7.1).
    pub(super) fn write(self, builder: &mut Builder) {
        if self.asked_s > 0 {
            builder.header(HeaderName::SessionExpires, self.asked_s);
            write_least(builder, self.least_s);
        }
    }
}

impl Refresh {
    fn new(interval_s: u32, is_ours: bool) -> Self {
        Refresh { interval_s, is_ours, ends_at_us: 0 }
    }

    /// In our 2xx. The refresher is named as seen from the request: we are its UAS.
    pub(super) fn write_as_server(&self, builder: &mut Builder) {
        let refresher = if self.is_ours { "uas" } else { "uac" };
        builder.header(HeaderName::SessionExpires, format_args!("{};refresher={refresher}", self.interval_s));
        if !self.is_ours {
            // RFC 4028 §9: the peer must refresh, so it must know how.
            builder.header(HeaderName::Require, "timer");
        }
    }

    /// In our request, whose UAC we are.
    pub(super) fn write_as_client(&self, builder: &mut Builder, least_s: u32) {
        let refresher = if self.is_ours { "uac" } else { "uas" };
        builder.header(HeaderName::SessionExpires, format_args!("{};refresher={refresher}", self.interval_s));
        write_least(builder, least_s);
    }
}

/// RFC 4028 §7.1: Min-SE of 90 s is what its absence says.
fn write_least(builder: &mut Builder, least_s: u32) {
    if least_s > INTERVAL_S_MIN {
        builder.header(HeaderName::MinSe, least_s);
    }
}

impl Session {
    /// What our 2xx to this request agrees to (RFC 4028 §9): the peer's interval, no longer than ours and no shorter than
    /// anybody's least; our own for a peer that can and asks for none.
    pub(super) fn refresh_agreed_as_server(&self, request: &Message) -> Option<Refresh> {
        let can_carry = match request.method() {
            Method::Invite => true,
            Method::Update => self.phase == Phase::Established,
            _ => false,
        };
        if !can_carry {
            return None;
        }
        let peer_can =
            request.has_token(HeaderName::Supported, "timer") || request.has_token(HeaderName::Require, "timer");
        let least_s = request.min_se_s().ok().flatten().unwrap_or(0).clamp(self.interval.least_s, INTERVAL_S_MAX);
        let ours_s = self.interval.asked_s;
        match request.session_expires().ok().flatten() {
            Some(asked) => {
                let is_ours = match asked.refresher {
                    Some(Refresher::Uas) => true,
                    Some(Refresher::Uac) => false,
                    None => !peer_can,
                };
                let interval_s = if ours_s == 0 { asked.interval_s } else { asked.interval_s.min(ours_s) };
                Some(Refresh::new(interval_s.max(least_s), is_ours))
            }
            // We know that we do it.
            None if peer_can && ours_s > 0 => Some(Refresh::new(ours_s.max(least_s), true)),
            None => None,
        }
    }

    /// What the peer's 2xx agrees to; without Session-Expires there is no timer (RFC 4028 §7.2).
    pub(super) fn refresh_agreed_as_client(&mut self, stack: &mut Stack, response: &Message) {
        let agreed = response.session_expires().ok().flatten().map(|agreed| {
            let is_ours = agreed.refresher != Some(Refresher::Uas);
            Refresh::new(agreed.interval_s.max(INTERVAL_S_MIN), is_ours)
        });
        self.start_refresh(stack, agreed);
    }

    /// Runs the agreed timer anew, or stops it.
    pub(super) fn start_refresh(&mut self, stack: &mut Stack, agreed: Option<Refresh>) {
        self.refresh = agreed.map(|refresh| {
            let interval_s = u64::from(refresh.interval_s);
            // RFC 4028 §10: refresh at half the interval; BYE at a third, at most 32 s, before its end.
            let ends_s = interval_s - (interval_s / 3).min(32);
            let wait_s = if refresh.is_ours { interval_s / 2 } else { ends_s };
            self.set_timer(stack, SessionTimer::Refresh, wait_s * 1_000_000);
            Refresh { ends_at_us: stack.now_us.saturating_add(ends_s * 1_000_000), ..refresh }
        });
        if self.refresh.is_none() {
            self.stop_timer(stack, SessionTimer::Refresh);
        }
    }

    /// Our turn to refresh, or the session was not refreshed in time and ends (RFC 4028 §10).
    pub(super) fn refresh_due(&mut self, stack: &mut Stack) {
        let Some(refresh) = &self.refresh else { return };
        if self.phase != Phase::Established || self.ending.is_some() {
            return;
        }
        if !refresh.is_ours || stack.now_us >= refresh.ends_at_us {
            return self.give_up(stack, EndCause::Timeout);
        }
        self.refresh_now(stack);
    }

    /// Refreshes by UPDATE where the peer allows it, else by re-INVITE (RFC 4028 §7.4). Until that is done the session can
    /// expire.
    pub(super) fn refresh_now(&mut self, stack: &mut Stack) {
        let Some(refresh) = self.refresh.clone() else { return };
        let left_us = refresh.ends_at_us.saturating_sub(stack.now_us);
        self.set_timer(stack, SessionTimer::Refresh, left_us);
        let least_s = self.interval.least_s;
        if self.peer_allows_update {
            self.send(stack, Method::Update, Purpose::Refresh, None, |builder| {
                refresh.write_as_client(builder, least_s);
            });
        } else {
            self.offers.push_back(Offer { sdp: self.local_sdp.clone(), identity: None, glares: 0, is_refresh: true });
        }
    }

    /// A refresh was refused, but the dialog stands: once more in a while, as long as there is time.
    pub(super) fn refresh_failed(&mut self, stack: &mut Stack) {
        if let Some(refresh) = &self.refresh {
            let left_us = refresh.ends_at_us.saturating_sub(stack.now_us);
            self.set_timer(stack, SessionTimer::Refresh, left_us.min(RETRY_US));
        }
    }

    /// A 422: asks for what the peer takes (RFC 4028 §7.3). False when that would be no more than was asked.
    pub(super) fn raise_interval(&mut self, response: &Message) -> bool {
        let asked_s = self.refresh.as_ref().map_or(self.interval.asked_s, |refresh| refresh.interval_s);
        let Ok(Some(least_s)) = response.min_se_s() else { return false };
        if asked_s == 0 || least_s <= asked_s || least_s > INTERVAL_S_MAX {
            return false;
        }
        self.interval = Interval { asked_s: least_s, least_s };
        if let Some(refresh) = &mut self.refresh {
            refresh.interval_s = least_s;
        }
        true
    }
}

/// The Min-SE of a 422, if the request's interval is too small (RFC 4028 §9).
pub(crate) fn interval_too_small(request: &Message, config: &Config) -> Option<u32> {
    let asked = request.session_expires().ok().flatten()?;
    let least_s = Interval::of(config).least_s;
    (asked.interval_s < least_s).then_some(least_s)
}
