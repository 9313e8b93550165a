//! A watch over the clock of a database, which somebody may set.

use std::time::{Duration, Instant};

use victor_core::Lock;

/// The difference between two clocks that counts as a jump and not as drift.
const JUMP: Duration = Duration::from_secs(1);

/// Compares the database's clock with the monotonic clock of this process.
///
/// A clock that is set forward has every lease run out at once, whose owners live and renew them within a third of their
/// time. So what has run out by such a clock does not count for as long as a lease lasts.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch(Lock<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Reading>,
    jumped: Option<Instant>,
}

/// A time of the database's clock in microseconds, which was read between two times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) micros: i64,
    pub(crate) between: (Instant, Instant),
}

impl ClockWatch {
    /// Takes note of a reading.
    pub(crate) fn note(&self, reading: Reading) {
        let mut state = self.0.lock();
        if let Some(last) = state.last {
            // As much time as can have passed between the two.
            let passed = reading.between.1.saturating_duration_since(last.between.0);
            let shown = reading.micros.saturating_sub(last.micros);
            let shown = Duration::from_micros(u64::try_from(shown).unwrap_or_default());
            if shown > passed + JUMP {
                state.jumped = Some(reading.between.1);
            }
        }
        state.last = Some(reading);
    }

    /// Returns the time for which a lease of this duration still counts that has run out, since the clock was set.
    pub(crate) fn spared(&self, lease: Duration) -> Duration {
        let jumped = self.0.lock().jumped;
        jumped.map_or(Duration::ZERO, |at| lease.saturating_sub(at.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_forward_is_told_from_one_that_goes() {
        let start = Instant::now();
        let watch = ClockWatch::default();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let lease = Duration::from_secs(3_600);
        let check = |shows: u64, (from, to): (u64, u64), expected: bool| {
            let micros = i64::try_from(shows * 1_000_000).unwrap();
            let between = (at(from), at(to));
            watch.note(Reading { micros, between });
            assert_eq!(!watch.spared(lease).is_zero(), expected, "{shows}");
        };
        check(1_000, (0, 0), false);
        check(1_010, (10, 10), false);
        // An answer that came late.
        check(1_011, (11, 31), false);
        check(1_032, (32, 32), false);
        // It was set back, and then goes.
        check(500, (40, 40), false);
        check(510, (50, 50), false);
        check(4_110, (50, 51), true);
        assert!(watch.spared(Duration::ZERO).is_zero());
    }
}
