//! Trunks that we register with, so that they send us calls wherever we are (RFC 3261 §10.2): refreshed before they
//! expire, tried at the next gateway when one is silent, and with longer and longer waits when none is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use baton_sip::wire::Uri;
use baton_sip::{Command as SipCommand, ErrandId, ErrandKind, OutgoingErrand, Party};
use rand_chacha::rand_core::RngCore;

use crate::desk::Desk;
use crate::directory::{Directory, Register, Trunk};
use crate::timer::Timer;

/// RFC 5626 §4.5: the first wait after a round that failed, and the longest one, in milliseconds.
const BACK_OFF_BASE_MS: u64 = 30_000;
const BACK_OFF_MAX_MS: u64 = 1_800_000;

/// The longest expiry that a 423 can make us ask for, and the longest Retry-After that is obeyed, in seconds.
const EXPIRES_MAX_S: u32 = 86_400;
const RETRY_AFTER_MAX_S: u32 = 3_600;

/// Names a registration in timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RegistrationId(pub(crate) u64);

/// Our registration with a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) trunk: String,
    register: Register,
    /// The user part of our Contact: nobody but the registrar knows it, so a call to it is the trunk's.
    pub(crate) line: String,
    /// The gateway that we register with, by its place in the trunk.
    pub(crate) gateway: usize,
    /// How many gateways have failed in this round.
    failed: usize,
    /// Rounds in a row that failed.
    rounds_failed: u32,
    call_id: Option<String>,
    cseq: u32,
    expires_s: u32,
    errand: Option<ErrandId>,
    /// Until when the registrar keeps us; 0 when it does not.
    pub(crate) until_us: u64,
    pub(crate) last_status: Option<u16>,
}

/// What a registrar said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) cseq: u32,
    pub(crate) call_id: String,
    pub(crate) expires_s: Option<u32>,
    pub(crate) min_expires_s: Option<u32>,
    pub(crate) retry_after_s: Option<u32>,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Register again at once.
    Now,
    /// Register again after so long.
    After(u64),
}

impl Registration {
    /// Who we have registered as.
    pub(crate) fn account(&self) -> Party {
        let uri = self.register.aor.clone();
        let user = Uri::parse(&uri).map(|uri| uri.user()).unwrap_or_default();
        Party { display: String::new(), uri, user }
    }

    fn new(trunk: &str, register: &Register, line: String) -> Self {
        Registration {
            trunk: trunk.to_string(),
            register: register.clone(),
            line,
            gateway: 0,
            failed: 0,
            rounds_failed: 0,
            call_id: None,
            cseq: 0,
            expires_s: register.expires_seconds,
            errand: None,
            until_us: 0,
            last_status: None,
        }
    }

    /// Whether it is what a trunk asks for.
    fn is_of(&self, trunk: &Trunk) -> bool {
        self.trunk == trunk.name && trunk.register.as_ref() == Some(&self.register)
    }

    pub(crate) fn is_registered(&self, now_us: u64) -> bool {
        self.until_us > now_us
    }

    /// Takes an answer; `dice` is any number.
    fn answered(&mut self, now_us: u64, answer: &Answer, gateways: usize, dice: u64) -> Next {
        self.errand = None;
        self.last_status = Some(answer.status);
        self.cseq = self.cseq.max(answer.cseq);
        if !answer.call_id.is_empty() {
            self.call_id = Some(answer.call_id.clone());
        }
        let granted_s = answer.expires_s.filter(|granted_s| *granted_s > 0);
        match (answer.status, granted_s) {
            (200..=299, Some(granted_s)) => {
                (self.failed, self.rounds_failed) = (0, 0);
                self.until_us = now_us.saturating_add(u64::from(granted_s) * 1_000_000);
                // At 80 to 90 % of the time, so that a lost refresh can be repeated and many trunks do not meet.
                Next::After(u64::from(granted_s) * (800 + dice % 101))
            }
            (423, _) if answer.min_expires_s.is_some_and(|least_s| self.may_ask(least_s)) => {
                self.expires_s = answer.min_expires_s.unwrap_or(self.expires_s);
                Next::Now
            }
            // The gateway, not the account, is at fault: the next one.
            (408 | 500..=599, _) => self.next_gateway(answer, gateways, dice),
            _ => self.back_off(answer, dice),
        }
    }

    fn may_ask(&self, least_s: u32) -> bool {
        least_s > self.expires_s && least_s <= EXPIRES_MAX_S
    }

    fn next_gateway(&mut self, answer: &Answer, gateways: usize, dice: u64) -> Next {
        self.gateway = (self.gateway + 1) % gateways.max(1);
        self.failed += 1;
        if self.failed < gateways { Next::Now } else { self.back_off(answer, dice) }
    }

    /// RFC 5626 §4.5: doubled with each round, and half of it at random.
    fn back_off(&mut self, answer: &Answer, dice: u64) -> Next {
        self.failed = 0;
        let longest_ms = BACK_OFF_BASE_MS << self.rounds_failed.min(16);
        self.rounds_failed = self.rounds_failed.saturating_add(1);
        let longest_ms = longest_ms.min(BACK_OFF_MAX_MS);
        let wait_ms = longest_ms / 2 + dice % (longest_ms / 2 + 1);
        let asked_s = answer.retry_after_s.unwrap_or_default().min(RETRY_AFTER_MAX_S);
        Next::After(wait_ms.max(u64::from(asked_s) * 1_000))
    }
}

impl Desk {
    /// Takes leave of the registrars that the next directory does not name any more. Their trunks are still there: theirs
    /// are the gateways and the password.
    pub(crate) fn leave_registrars(&mut self, next: &Directory) {
        let wanted = |each: &Registration| next.trunks.iter().any(|trunk| each.is_of(trunk));
        let (stay, left) = std::mem::take(&mut self.registrations).into_iter().partition(|(_, each)| wanted(each));
        self.registrations = stay;
        let left: BTreeMap<RegistrationId, Registration> = left;
        for (id, old) in left {
            self.timers.stop(Timer::Registration(id));
            old.errand.into_iter().for_each(|errand| self.forget_errand(errand));
            if old.is_registered(self.now_us) {
                // Nobody waits for the answer: what is not heard expires.
                self.ask_registrar(&old, 0);
            }
        }
    }

    /// Registers with the trunks that want it.
    pub(crate) fn adopt_registrations(&mut self) {
        let mut left = std::mem::take(&mut self.registrations);
        let directory = std::sync::Arc::clone(&self.directory);
        for trunk in &directory.trunks {
            let Some(register) = &trunk.register else { continue };
            let same = |each: &Registration| each.is_of(trunk);
            let known = left.iter().find(|(_, each)| same(each)).map(|(id, _)| *id);
            let (id, registration) = match known.and_then(|id| Some((id, left.remove(&id)?))) {
                Some((id, mut known)) => {
                    known.gateway = known.gateway.min(trunk.all_gateways().len().saturating_sub(1));
                    if !known.is_registered(self.now_us) && known.errand.is_none() {
                        // The change may be the cure: it is tried at once.
                        known.rounds_failed = 0;
                        self.start_timer(Timer::Registration(id), 0);
                    }
                    (id, known)
                }
                None => {
                    let line = format!("line-{:016x}", self.dice.next_u64());
                    let id = RegistrationId(self.allocate());
                    self.start_timer(Timer::Registration(id), 0);
                    (id, Registration::new(&trunk.name, register, line))
                }
            };
            self.registrations.insert(id, registration);
        }
    }

    /// A trunk's registration.
    pub(crate) fn registration_of(&self, trunk: &str) -> Option<&Registration> {
        self.registrations.values().find(|registration| registration.trunk == trunk)
    }

    pub(crate) fn registration_of_errand(&self, errand: ErrandId) -> Option<RegistrationId> {
        self.registrations.iter().find(|(_, each)| each.errand == Some(errand)).map(|(id, _)| *id)
    }

    /// It is time to register, or the gateway has been silent for too long.
    pub(crate) fn registration_due(&mut self, id: RegistrationId) {
        let Some(registration) = self.registrations.get(&id) else { return };
        let Some(silent) = registration.errand else { return self.register(id) };
        let answer = Answer {
            status: 408,
            cseq: registration.cseq.saturating_add(2),
            call_id: registration.call_id.clone().unwrap_or_default(),
            expires_s: None,
            min_expires_s: None,
            retry_after_s: None,
        };
        self.forget_errand(silent);
        self.registration_answered(id, &answer);
    }

    pub(crate) fn registration_answered(&mut self, id: RegistrationId, answer: &Answer) {
        let (now_us, dice) = (self.now_us, self.dice.next_u64());
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        let gateways = self.trunks.iter().find(|trunk| trunk.name == registration.trunk);
        let gateways = gateways.map_or(0, |trunk| trunk.gateways.len());
        let was = registration.is_registered(now_us);
        let next = registration.answered(now_us, answer, gateways, dice);
        if was != registration.is_registered(now_us) || !(200..=299).contains(&answer.status) {
            let (trunk, status) = (&registration.trunk, answer.status);
            tracing::info!(trunk, status, registered = registration.is_registered(now_us), "a trunk's registrar said");
        }
        match next {
            Next::Now => self.register(id),
            Next::After(wait_ms) => self.start_timer(Timer::Registration(id), wait_ms),
        }
    }

    fn register(&mut self, id: RegistrationId) {
        let Some(registration) = self.registrations.get(&id).cloned() else { return };
        let Some(trunk) = self.trunk(&registration.trunk) else { return };
        // The last gateway of a round has the whole time of RFC 3261.
        let others = registration.failed + 1 < trunk.gateways.len();
        let patience_ms = u64::from(trunk.gateway_timeout_ms);
        let errand = self.ask_registrar(&registration, registration.expires_s);
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.errand = errand;
        }
        if others {
            self.start_timer(Timer::Registration(id), patience_ms);
        } else {
            self.timers.stop(Timer::Registration(id));
        }
    }

    /// Sends a REGISTER to the gateway of a registration.
    fn ask_registrar(&mut self, registration: &Registration, expires_s: u32) -> Option<ErrandId> {
        let errand = ErrandId(self.allocate());
        let trunk = self.trunk(&registration.trunk)?;
        let gateway = trunk.gateways.get(registration.gateway)?;
        let aor = &registration.register.aor;
        let domain = aor.rsplit_once('@').map_or(gateway.address.as_str(), |(_, domain)| domain);
        let party = Party { display: String::new(), uri: aor.clone(), user: String::new() };
        let request = OutgoingErrand {
            kind: ErrandKind::Register { expires_s, user: registration.line.clone() },
            uri: format!("sip:{domain}"),
            destination: gateway.way.clone(),
            from: party.clone(),
            to: party,
            call_id: registration.call_id.clone(),
            cseq: registration.cseq,
            credentials: trunk.credentials.clone(),
        };
        self.sip(SipCommand::Errand { errand, request: Box::new(request) });
        Some(errand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registration {
        let register = Register { aor: "sip:4930@carrier.example".into(), expires_seconds: 600 };
        Registration::new("carrier", &register, "line-1".into())
    }

    fn answer(status: u16) -> Answer {
        let (call_id, none) = ("c".into(), None);
        Answer { status, cseq: 1, call_id, expires_s: none, min_expires_s: none, retry_after_s: none }
    }

    #[test]
    fn a_registration_is_refreshed_at_80_to_90_percent_of_what_was_granted() {
        for (dice, expected_ms) in [(0, 80_000), (100, 90_000), (101, 80_000)] {
            let mut registration = registration();
            let granted = Answer { expires_s: Some(100), ..answer(200) };
            assert_eq!(registration.answered(5, &granted, 1, dice), Next::After(expected_ms));
            assert!(registration.is_registered(100_000_004) && !registration.is_registered(100_000_005));
        }
    }

    #[test]
    fn a_423_asks_for_longer_and_one_that_helps_nothing_waits() {
        let mut registration = registration();
        let brief = |least_s| Answer { min_expires_s: Some(least_s), ..answer(423) };
        assert_eq!(registration.answered(0, &brief(1_800), 1, 0), Next::Now);
        assert_eq!(registration.expires_s, 1_800);
        for useless in [1_800, 60, EXPIRES_MAX_S + 1] {
            assert!(matches!(registration.answered(0, &brief(useless), 1, 0), Next::After(_)), "{useless}");
        }
        assert!(matches!(registration.answered(0, &answer(423), 1, 0), Next::After(_)));
    }

    #[test]
    fn the_back_off_doubles_from_30_s_to_30_min_and_half_of_it_is_random() {
        let mut registration = registration();
        let waits: Vec<(u64, u64)> = (0..8)
            .map(|_| {
                let wait = |mut copy: Registration, dice| match copy.answered(0, &answer(503), 1, dice) {
                    Next::After(wait_ms) => wait_ms / 1_000,
                    Next::Now => 0,
                };
                let least = wait(registration.clone(), 0);
                let half_ms = least * 1_000;
                let most = wait(registration.clone(), half_ms);
                registration.answered(0, &answer(503), 1, 0);
                (least, most)
            })
            .collect();
        let expected = [(15, 30), (30, 60), (60, 120), (120, 240), (240, 480), (480, 960), (900, 1_800), (900, 1_800)];
        assert_eq!(waits, expected);
    }

    #[test]
    fn the_next_gateway_is_tried_before_any_wait_but_not_after_a_refusal() {
        let mut registration = registration();
        assert_eq!(registration.answered(0, &answer(408), 3, 0), Next::Now);
        assert_eq!(registration.answered(0, &answer(503), 3, 0), Next::Now);
        assert_eq!(registration.gateway, 2);
        assert_eq!(registration.answered(0, &answer(503), 3, 0), Next::After(15_000));
        assert_eq!(registration.answered(0, &answer(403), 3, 0), Next::After(30_000));
        let later = Answer { retry_after_s: Some(600), ..answer(403) };
        assert_eq!(registration.answered(0, &later, 3, 0), Next::After(600_000));
    }
}
