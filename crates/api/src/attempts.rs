//! How often somebody may try a password.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::ApiLimits;

/// Most keys that are remembered; above, the oldest goes.
const ENTRIES_MAX: usize = 20_000;

/// Failed log-ins by user, by source, and by both, each in a window that begins with the first of them.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    windows: Mutex<BTreeMap<String, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since_ms: u64,
    count: u32,
}

/// One attempt that has been counted.
pub(crate) struct Attempt([(String, u32); 3]);

impl Attempt {
    /// The keys under which an attempt is counted. An IPv6 source is its /64: one customer has that many addresses.
    pub(crate) fn new(limits: &ApiLimits, username: &str, source: Option<IpAddr>) -> Self {
        let source = match source {
            Some(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                format!("{:x}/64", address.to_bits() >> 64)
            }
            Some(address) => address.to_canonical().to_string(),
            None => "unknown".to_owned(),
        };
        let (user_max, source_max) = (limits.login_failures_per_user_max, limits.login_failures_per_source_max);
        Attempt([
            (format!("both {source} {username}"), user_max),
            (format!("source {source}"), source_max),
            // From everywhere: higher, so that nobody can lock an agent out from one place.
            (format!("user {username}"), source_max),
        ])
    }
}

impl Attempts {
    /// Counts an attempt before the password is looked at (so that attempts at the same time count too).
    ///
    /// # Errors
    /// The seconds until the next attempt may be made.
    pub(crate) fn begin(&self, limits: &ApiLimits, attempt: &Attempt, now_ms: u64) -> Result<(), u64> {
        let window_ms = u64::try_from(limits.login_window.as_millis()).unwrap_or(u64::MAX);
        let mut windows = self.lock();
        let ends = |window: &Window| window.since_ms.saturating_add(window_ms);
        let mut wait_ms = 0;
        for (key, max) in &attempt.0 {
            if let Some(window) = windows.get(key)
                && window.count >= *max
                && ends(window) > now_ms
            {
                wait_ms = wait_ms.max(ends(window) - now_ms);
            }
        }
        if wait_ms > 0 {
            return Err(wait_ms.div_ceil(1_000));
        }
        make_room(&mut windows, now_ms, window_ms);
        for (key, _) in &attempt.0 {
            let window = windows.entry(key.clone()).or_insert(Window { since_ms: now_ms, count: 0 });
            if ends(window) <= now_ms {
                *window = Window { since_ms: now_ms, count: 0 };
            }
            window.count = window.count.saturating_add(1);
        }
        Ok(())
    }

    /// Takes a counted attempt back: it succeeded, or was not looked at.
    pub(crate) fn take_back(&self, attempt: &Attempt) {
        let mut windows = self.lock();
        for (key, _) in &attempt.0 {
            if let Some(window) = windows.get_mut(key) {
                window.count = window.count.saturating_sub(1);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(windows: &mut BTreeMap<String, Window>, now_ms: u64, window_ms: u64) {
    if windows.len() + 3 <= ENTRIES_MAX {
        return;
    }
    windows.retain(|_, window| window.count > 0 && window.since_ms.saturating_add(window_ms) > now_ms);
    while windows.len() + 3 > ENTRIES_MAX {
        let Some(oldest) = windows.iter().min_by_key(|(_, window)| window.since_ms).map(|(key, _)| key.clone()) else {
            return;
        };
        windows.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(username: &str, source: &str) -> Attempt {
        Attempt::new(&ApiLimits::default(), username, Some(source.parse().unwrap()))
    }

    #[test]
    fn a_user_from_one_source_is_stopped_and_let_in_again_after_the_window() {
        let (attempts, limits) = (Attempts::default(), ApiLimits::default());
        let anna = attempt("anna", "192.0.2.1");
        for _ in 0..limits.login_failures_per_user_max {
            assert_eq!(attempts.begin(&limits, &anna, 1_000), Ok(()));
        }
        assert_eq!(attempts.begin(&limits, &anna, 2_000), Err(299));
        assert_eq!(attempts.begin(&limits, &attempt("anna", "192.0.2.2"), 2_000), Ok(()), "another source");
        assert_eq!(attempts.begin(&limits, &attempt("ben", "192.0.2.1"), 2_000), Ok(()), "another user");
        assert_eq!(attempts.begin(&limits, &anna, 301_000), Ok(()));
    }

    #[test]
    fn success_is_not_counted() {
        let (attempts, limits) = (Attempts::default(), ApiLimits::default());
        let anna = attempt("anna", "192.0.2.1");
        for _ in 0..1_000 {
            assert_eq!(attempts.begin(&limits, &anna, 1_000), Ok(()));
            attempts.take_back(&anna);
        }
    }

    #[test]
    fn one_source_is_stopped_whatever_the_names() {
        let (attempts, limits) = (Attempts::default(), ApiLimits::default());
        for n in 0..limits.login_failures_per_source_max {
            assert_eq!(attempts.begin(&limits, &attempt(&format!("user{n}"), "2001:db8::1"), 0), Ok(()));
        }
        assert!(attempts.begin(&limits, &attempt("anna", "2001:db8::ffff"), 0).is_err(), "the same /64");
    }

    #[test]
    fn memory_is_bounded() {
        let (attempts, limits) = (Attempts::default(), ApiLimits::default());
        for n in 0..30_000u32 {
            let source = std::net::Ipv4Addr::from(n).to_string();
            let _ = attempts.begin(&limits, &attempt("anna", &source), u64::from(n / 1_000));
        }
        assert!(attempts.lock().len() <= ENTRIES_MAX);
    }
}
