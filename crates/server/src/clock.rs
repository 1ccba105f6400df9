//! The only file that reads a clock: microseconds since the Unix epoch that never go back.
//!
//! The wall clock is read once at the start; from then on the monotone clock counts. When the wall clock runs ahead of
//! that, ours follows so slowly that no timer notices, however far it is: a clock that is set fires no timer. When the
//! wall clock falls behind, ours does not turn back: timers and records rely on it. After a large step records have the
//! wrong time until the next start, and the log says so.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static CLOCK: OnceLock<Clock> = OnceLock::new();

/// Above this the machine slept or its clock was set, and the log says so.
const FAR_US: u64 = 10_000_000;
/// Most that one call of [`follow_wall_clock`] adds: half a millisecond a second.
const STEP_US: u64 = 500;

struct Clock {
    wall_at_start_us: u64,
    start: Instant,
    ahead_us: AtomicU64,
    told: AtomicBool,
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
    let (wall_us, now_us) = (wall_us(), now_us());
    clock().ahead_us.fetch_add(step_us(wall_us, now_us), Ordering::Relaxed);
    let far = wall_us.abs_diff(now_us) > FAR_US;
    if clock().told.swap(far, Ordering::Relaxed) != far && far {
        let seconds = wall_us.abs_diff(now_us) / 1_000_000;
        tracing::warn!(seconds, "the wall clock was set; records keep the old time until baton is started again");
    }
}

/// How much of a difference one call takes away.
fn step_us(wall_us: u64, now_us: u64) -> u64 {
    wall_us.saturating_sub(now_us).min(STEP_US)
}

#[allow(clippy::disallowed_methods)] // Here and nowhere else.
fn clock() -> &'static Clock {
    CLOCK.get_or_init(|| Clock {
        wall_at_start_us: wall_us(),
        start: Instant::now(),
        ahead_us: AtomicU64::new(0),
        told: AtomicBool::new(false),
    })
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
    fn a_wall_clock_that_is_set_moves_ours_by_half_a_millisecond_at_most() {
        let now_us = 1_000_000_000;
        for (wall_us, expected) in [(now_us + 3_600_000_000, 500), (now_us + 20, 20), (now_us, 0), (0, 0)] {
            assert_eq!(step_us(wall_us, now_us), expected, "{wall_us}");
        }
    }

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
        assert!(now_us().abs_diff(wall_us()) < FAR_US);
    }
}
