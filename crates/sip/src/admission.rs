//! Whether a newcomer is heard: who stands at the door, how busy we are, and what a stranger may still ask for.

use std::net::SocketAddr;

use crate::endpoint::Endpoint;
use crate::guard::{
    AMPLIFICATION_MAX, Admission, GUESS_COST, Offence, REQUEST_COST, SCANNER_COST, Standing, admit, is_scanner,
};
use crate::interface::{Ban, Event, Flow, Output, Pressure, Transport, UnknownSource};
use crate::wire::{DigestCredentials, HeaderName, Malformed, Message, Method};

/// The To tag of answers to what could not be read.
const MALFORMED_TAG: &str = "malformed";
/// What a newcomer is told to wait when we are busy, in seconds: each another time, so that they do not all come back at once.
const RETRY_AFTER_S: (u64, u64) = (5, 15);

impl Endpoint {
    /// Whether what comes from an address is to be dropped unread, because it is banned. Counted. A driver that asks before it
    /// hands a datagram in saves the copy; [`Endpoint::handle`] asks again by itself.
    pub fn drops(&mut self, now_us: u64, remote: SocketAddr) -> bool {
        let banned =
            self.guard.drops(now_us, remote) && !self.guard.allows(remote.ip()) && self.peer_at(remote).is_none();
        self.stack.counters.banned_dropped += u64::from(banned);
        banned
    }

    /// How much has to give way now.
    pub fn pressure(&mut self) -> Pressure {
        let config = &self.stack.config;
        let permille = |count: usize, most: usize| count as u64 * 1_000 / most.max(1) as u64;
        let sessions = permille(self.sessions.len(), config.sessions_max);
        let transactions = permille(self.stack.transactions.len(), config.transactions_max);
        let t1_us = u64::from(config.t1_ms) * 1_000;
        self.guard.weigh(sessions, transactions, t1_us)
    }

    /// Whether a request belongs to something that is there already, and so gives way to nothing.
    pub(crate) fn is_in_progress(&self, request: &Message) -> bool {
        if *request.method() == Method::Cancel {
            return self.stack.transactions.server_of(request, &Method::Invite).is_some();
        }
        match request.to_tag() {
            Some(tag) => {
                let of_session = self.session_of_tag(tag);
                of_session.is_some_and(|session| session.takes_request_of(request.call_id(), request.from_tag()))
                    || self.subscription_of(request).is_some()
            }
            None => request.header(HeaderName::Replaces).is_some() && matches!(self.replaced_by(request), Ok(Some(_))),
        }
    }

    /// Whether a newcomer's request is looked at; if not, it has been answered as far as it is. `Some(true)` when it has paid
    /// for it.
    pub(crate) fn admits(&mut self, flow: Flow, request: &Message) -> Option<bool> {
        let credentials = self.credentials_of(request);
        let standing = self.standing(&flow, credentials.first().map(|each| each.username.as_str()));
        let admission = admit(self.pressure(), standing, request.method());
        if admission == Admission::Drop {
            self.stack.counters.shed += 1;
            return None;
        }
        let is_unknown = standing == Standing::Unknown;
        if is_unknown && !self.hears(flow, request, &credentials) {
            return None;
        }
        if admission == Admission::Later {
            self.stack.counters.put_off += 1;
            self.stack.counters.put_off_calls += u64::from(*request.method() == Method::Invite);
            let (least, most) = RETRY_AFTER_S;
            let wait_s = self.stack.random.between(least, most);
            self.stack.reply(request, flow, 503, "", |builder| {
                builder.header(HeaderName::RetryAfter, wait_s);
            });
            return None;
        }
        Some(is_unknown)
    }

    /// What is no SIP: 400 where it can be answered, to the known and to strangers with tokens.
    pub(crate) fn take_malformed(&mut self, flow: Flow, malformed: &Malformed, length: usize) {
        self.stack.counters.malformed += 1;
        let is_unknown = self.standing(&flow, None) == Standing::Unknown;
        if is_unknown {
            let has_paid = self.pays(flow);
            if flow.connection.is_some() && self.offended(flow, Offence::Malformed) || !has_paid {
                return;
            }
        }
        if is_unknown && self.stack.config.unknown_source == UnknownSource::Silence {
            return;
        }
        let Some(response) = malformed.response(MALFORMED_TAG, flow.remote) else { return };
        if flow.transport == Transport::Udp && response.len() > AMPLIFICATION_MAX * length {
            self.stack.counters.amplification_refused += 1;
            return;
        }
        self.transmit(flow, response);
    }

    /// A stream has lost its framing: it ends, and a stranger is remembered for it.
    pub(crate) fn take_noise(&mut self, flow: Flow) {
        self.stack.counters.malformed += 1;
        if self.standing(&flow, None) == Standing::Unknown {
            self.offended(flow, Offence::Malformed);
        }
    }

    /// Credentials that proved nobody. A stranger pays for the guess, and is banned for the tenth.
    pub(crate) fn guessed(&mut self, flow: Flow, request: &Message, offence: Offence) -> bool {
        self.stack.counters.authentication_failed += 1;
        let credentials = self.credentials_of(request);
        let account = credentials.first().map(|each| each.username.as_str());
        if self.standing(&flow, account) != Standing::Unknown {
            return true;
        }
        self.guard.fine(self.stack.now_us, flow.remote.ip(), GUESS_COST);
        !(self.was_reached(flow, &credentials) && self.offended(flow, offence))
    }

    /// A stranger has proven who it is: its request costs nothing, nor does the one that was challenged before.
    pub(crate) fn refund(&mut self, flow: Flow, request: &Message) {
        let credentials = self.credentials_of(request);
        // Each nonce's first use is taken once, so nobody earns tokens.
        let is_first =
            credentials.iter().any(|each| each.nc.as_deref().is_some_and(|nc| nc.trim_start_matches('0') == "1"));
        self.guard.refund(flow.remote.ip(), if is_first { 2 * REQUEST_COST } else { REQUEST_COST });
    }

    fn standing(&self, flow: &Flow, account: Option<&str>) -> Standing {
        if self.peer_along(flow).is_some() || self.guard.allows(flow.remote.ip()) {
            Standing::Trusted
        } else if self.guard.is_registered_from(flow.remote, account) {
            Standing::Registered
        } else {
            Standing::Unknown
        }
    }

    /// Whether a stranger has tokens left and is no scanner.
    fn hears(&mut self, flow: Flow, request: &Message, credentials: &[DigestCredentials]) -> bool {
        if !self.pays(flow) {
            return false;
        }
        if !request.header(HeaderName::UserAgent).is_some_and(is_scanner) {
            return true;
        }
        self.stack.counters.scanners += 1;
        self.guard.fine(self.stack.now_us, flow.remote.ip(), SCANNER_COST);
        if self.was_reached(flow, credentials) {
            self.offended(flow, Offence::Scanner);
        }
        false
    }

    fn pays(&mut self, flow: Flow) -> bool {
        let pays = self.guard.pay(self.stack.now_us, flow.remote.ip(), REQUEST_COST);
        if !pays {
            self.stack.counters.rate_limited += 1;
            self.cut_off(flow);
        }
        pays
    }

    /// Whether a sender is where its packets say: it opened a stream, or it gives back a nonce that was made for its address.
    fn was_reached(&self, flow: Flow, credentials: &[DigestCredentials]) -> bool {
        let given = |each: &DigestCredentials| self.digest.was_given(self.stack.now_us, &each.nonce, flow.remote.ip());
        flow.connection.is_some() || credentials.iter().any(given)
    }

    /// Counts an offence of a stranger that was reached; whether it is banned for it.
    fn offended(&mut self, flow: Flow, offence: Offence) -> bool {
        let ban: Option<Ban> = self.guard.offend(self.stack.now_us, flow.remote.ip(), offence);
        let Some(ban) = ban else { return false };
        self.stack.counters.bans += 1;
        self.stack.tell(Event::Banned(ban));
        self.cut_off(flow);
        true
    }

    /// Closes the stream that something came by, unless a phone or a session lives on it; whether it is closed.
    pub(crate) fn cut_off(&mut self, flow: Flow) -> bool {
        let Some(connection) = flow.connection else { return false };
        let Some(stream) = self.stack.streams.get(connection) else { return false };
        let is_used = !stream.sessions.is_empty() || !stream.transactions.is_empty();
        if is_used || self.is_registered_along(connection) {
            return false;
        }
        self.stack.outputs.push_back(Output::Close { connection });
        self.stream_closed(connection);
        true
    }
}
