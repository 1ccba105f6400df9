//! The session timer (RFC 4028, P4, D8): we take part when the peer asks, on either side of the refresh.

use serde::{Deserialize, Serialize};

use super::{Offer, Phase, Session};
use crate::interface::EndCause;
use crate::stack::Stack;
use crate::timer::SessionTimer;
use crate::transaction::Purpose;
use crate::wire::{Builder, HeaderName, Message, Method, Refresher};

/// The least interval that is taken, in seconds (RFC 4028 §4).
const INTERVAL_S_MIN: u32 = 90;

/// An agreed session timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh {
    /// The interval in seconds.
    pub(crate) interval_s: u32,
    /// Whether we refresh; else the peer does, and we watch.
    pub(crate) is_ours: bool,
}

impl Refresh {
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
    pub(super) fn write_as_client(&self, builder: &mut Builder) {
        let refresher = if self.is_ours { "uac" } else { "uas" };
        builder.header(HeaderName::SessionExpires, format_args!("{};refresher={refresher}", self.interval_s));
    }
}

impl Session {
    /// The Min-SE of a 422, if the request's interval is too small (RFC 4028 §9).
    pub(super) fn interval_too_small(&self, request: &Message) -> Option<u32> {
        interval_too_small(request)
    }

    /// What our 2xx to this request agrees to.
    pub(super) fn refresh_agreed_as_server(&self, request: &Message) -> Option<Refresh> {
        let asked = request.session_expires().ok().flatten()?;
        let peer_can =
            request.has_token(HeaderName::Supported, "timer") || request.has_token(HeaderName::Require, "timer");
        let is_ours = match asked.refresher {
            Some(Refresher::Uas) => true,
            Some(Refresher::Uac) => false,
            None => !peer_can,
        };
        Some(Refresh { interval_s: asked.interval_s, is_ours })
    }

    /// What the peer's 2xx agrees to; without Session-Expires there is no timer (RFC 4028 §7.2).
    pub(super) fn refresh_agreed_as_client(&mut self, stack: &mut Stack, response: &Message) {
        let agreed = response.session_expires().ok().flatten().map(|agreed| Refresh {
            interval_s: agreed.interval_s.max(INTERVAL_S_MIN),
            is_ours: agreed.refresher != Some(Refresher::Uas),
        });
        self.start_refresh(stack, agreed);
    }

    /// Runs the agreed timer anew, or stops it.
    pub(super) fn start_refresh(&mut self, stack: &mut Stack, agreed: Option<Refresh>) {
        match &agreed {
            Some(refresh) => {
                let interval_s = u64::from(refresh.interval_s);
                // RFC 4028 §10: refresh at half the interval; BYE at a third, at most 32 s, before its end.
                let wait_s = if refresh.is_ours { interval_s / 2 } else { interval_s - (interval_s / 3).min(32) };
                self.set_timer(stack, SessionTimer::Refresh, wait_s * 1_000_000);
            }
            None => self.stop_timer(stack, SessionTimer::Refresh),
        }
        self.refresh = agreed;
    }

    /// Our turn to refresh, or the peer has missed its.
    pub(super) fn refresh_due(&mut self, stack: &mut Stack) {
        let Some(refresh) = self.refresh.clone() else { return };
        if self.phase != Phase::Established || self.ending.is_some() {
            return;
        }
        if !refresh.is_ours {
            return self.give_up(stack, EndCause::Timeout);
        }
        if self.peer_allows_update {
            self.send(stack, Method::Update, Purpose::Refresh, None, |builder| refresh.write_as_client(builder));
        } else {
            self.offers.push_back(Offer { sdp: self.local_sdp.clone(), identity: None, glares: 0, is_refresh: true });
        }
    }
}

/// The Min-SE of a 422, if the request's interval is too small (RFC 4028 §9).
pub(crate) fn interval_too_small(request: &Message) -> Option<u32> {
    let asked = request.session_expires().ok().flatten()?;
    (asked.interval_s < INTERVAL_S_MIN).then_some(INTERVAL_S_MIN)
}
