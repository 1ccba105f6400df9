//! Waiting with a bound.

use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(20);

/// Waits until `happened`, at most `seconds`; fails the test with `what` it waited for.
#[track_caller]
pub fn until(what: &str, seconds: f64, mut happened: impl FnMut() -> bool) {
    until_some(what, seconds, || happened().then_some(()));
}

/// Waits until there is a value, at most `seconds`; fails the test with `what` it waited for.
#[track_caller]
pub fn until_some<T>(what: &str, seconds: f64, mut value: impl FnMut() -> Option<T>) -> T {
    let start = now();
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(start.elapsed().as_secs_f64() < seconds, "waited {seconds} s in vain for: {what}");
        std::thread::sleep(STEP);
    }
}

/// The machine's clock. Tests of the real thing run in real time; nothing else here reads it.
#[expect(clippy::disallowed_methods, reason = "real programs run in real time")]
pub(super) fn now() -> Instant {
    Instant::now()
}
