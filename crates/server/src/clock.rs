//! The only file that reads a clock: microseconds since the Unix epoch that never go back.
//!
//! The wall clock is read once at the start; from then on the monotone clock counts. When the wall clock runs ahead of
//! that (it was set, or the machine slept), ours follows: slowly for small differences, at once for large ones. When the
//! wall clock falls behind, ours does not turn back: timers and records rely on it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static CLOCK: OnceLock<Clock> = OnceLock::new();

/// Above this the machine slept or its clock was set: timers are long due, so we jump.
const JUMP_US: u64 = 10_000_000;
/// Most that one call of [`follow_wall_clock`] adds below that.
const STEP_US: u64 = 500;

struct Clock {
    wall_at_start_us: u64,
    start: Instant,
    ahead_us: AtomicU64,
}

/// Microseconds since the Unix epoch, monotone.
pub(crate) fn now_us() -> u64 {
    let clock = clock();
    let elapsed_us = u64::try_from(clock.start.elapsed().as_micros()).unwrap_or(u64::MAX);
    clock.wall_at_start_us.saturating_add(elapsed_us).saturating_add(clock.ahead_us.load(Ordering::Relaxed))
}

/// Milliseconds since the Unix epoch, monotone.
pub(crate) fn now_ms() -> u64 {
    now_us() / 1_000
}

/// Draws our clock after the wall clock; called once a second.
pub(crate) fn follow_wall_clock() {
    let behind_us = wall_us().saturating_sub(now_us());
    let step = if behind_us > JUMP_US { behind_us } else { behind_us.min(STEP_US) };
    if step > 0 {
        clock().ahead_us.fetch_add(step, Ordering::Relaxed);
    }
}

#[allow(clippy::disallowed_methods)] // Here and nowhere else.
fn clock() -> &'static Clock {
    CLOCK.get_or_init(|| Clock { wall_at_start_us: wall_us(), start: Instant::now(), ahead_us: AtomicU64::new(0) })
}

#[allow(clippy::disallowed_methods)] // Here and nowhere else.
fn wall_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back() {
        let mut last = now_us();
        for round in 0..10_000 {
            if round % 100 == 0 {
                follow_wall_clock();
            }
            let now = now_us();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        assert!(now_us().abs_diff(wall_us()) < JUMP_US);
    }
}
