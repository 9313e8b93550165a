//! The circuit breaker of a target.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use victor_core::Lock;

victor_core::options! {
    /// Rules by which a target is left alone for a while after failures.
    ///
    /// A closed breaker lets every attempt through. It opens after some failures in a row, or when many of the last
    /// attempts have failed; while it is open, requests go to other targets. After the cool-down one attempt is let
    /// through: its success closes the breaker, its failure opens it for twice as long. Every attempt of every session
    /// counts. Errors of the request, such as one that is too long, do not.
    #[derive(PartialEq)]
    pub struct BreakerOptions {
        /// Number of failures in a row that opens the breaker. Defaults to 5; 0 switches the breaker off.
        pub failures, with_failures: u32 = 5;
        /// Share of failures among the last 32 attempts that opens the breaker once there were so many, from 0 to 1.
        /// Defaults to 0.75.
        pub failure_share, with_failure_share: f64 = 0.75;
        /// Time for which it is open at first. Defaults to 15 seconds.
        pub cooldown, with_cooldown: Duration = Duration::from_secs(15);
        /// Upper limit of the cool-down, which doubles with each failed probe. Defaults to 300 seconds.
        pub max_cooldown, with_max_cooldown: Duration = Duration::from_secs(300);
    }
}

/// The circuit breaker of a target, shared by all requests.
#[derive(Debug)]
pub(crate) struct Breaker {
    options: BreakerOptions,
    state: Lock<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Failures in a row.
    failures: u32,
    /// The last attempts, one bit each; set where one failed.
    last: u32,
    /// The number of attempts in `last`.
    counted: u32,
    /// The next cool-down.
    cooldown: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    Open {
        until: Instant,
    },
    /// One attempt probes.
    HalfOpen,
}

/// The longest time after which those who stay away during a probe ask again.
const PROBE: Duration = Duration::from_secs(1);

impl Breaker {
    pub(crate) fn new(options: BreakerOptions) -> Self {
        let state = Lock::new(State {
            phase: Phase::Closed,
            failures: 0,
            last: 0,
            counted: 0,
            cooldown: options.cooldown,
        });
        Self { options, state }
    }

    /// Lets an attempt through, or returns the time until the next probe.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Admission, Duration> {
        let mut state = self.state.lock();
        let probes = match state.phase {
            Phase::Closed => false,
            Phase::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Err(left);
                }
                state.phase = Phase::HalfOpen;
                true
            }
            // The probe decides soon; until then others stay away.
            Phase::HalfOpen => return Err(self.probe()),
        };
        drop(state);
        Ok(Admission {
            breaker: self.clone(),
            probes,
            reported: false,
        })
    }

    /// The time for which others stay away from a target that is probed.
    fn probe(&self) -> Duration {
        let probe = self.options.cooldown.min(PROBE);
        probe.max(Duration::from_millis(1))
    }

    /// Returns the time for which it lets nobody through: zero if the next one may probe, and `None` if it is closed.
    pub(crate) fn open_for(&self) -> Option<Duration> {
        match self.state.lock().phase {
            Phase::Closed => None,
            Phase::Open { until } => Some(until.saturating_duration_since(Instant::now())),
            Phase::HalfOpen => Some(self.probe()),
        }
    }

    fn count(&self, failed: bool, least_cooldown: Option<Duration>) {
        let mut state = self.state.lock();
        let probed = state.phase == Phase::HalfOpen;
        state.last = state.last << 1 | u32::from(failed);
        state.counted = (state.counted + 1).min(u32::BITS);
        if !failed {
            state.failures = 0;
            if probed {
                *state = State {
                    phase: Phase::Closed,
                    failures: 0,
                    last: 0,
                    counted: 0,
                    cooldown: self.options.cooldown,
                };
            }
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if self.options.failures == 0 {
            return;
        }
        let share = f64::from(state.last.count_ones()) / f64::from(u32::BITS);
        let many = state.counted == u32::BITS && share >= self.options.failure_share;
        if probed || many || state.failures >= self.options.failures {
            let cooldown = state
                .cooldown
                .max(least_cooldown.unwrap_or_default())
                .min(self.options.max_cooldown);
            // There is such an instant unless the options are beyond any clock.
            let until = Instant::now().checked_add(cooldown);
            state.phase = until.map_or(Phase::Closed, |until| Phase::Open { until });
            let next = state.cooldown.saturating_mul(2);
            state.cooldown = next.min(self.options.max_cooldown);
        }
    }

    /// Lets the next probe begin at once: the one that ran has brought nothing.
    fn give_back(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::HalfOpen {
            state.phase = Phase::Open {
                until: Instant::now(),
            };
        }
    }
}

/// An attempt that was let through. Dropped without a report, it counts as none.
#[derive(Debug)]
pub(crate) struct Admission {
    breaker: Arc<Breaker>,
    probes: bool,
    reported: bool,
}

impl Admission {
    pub(crate) fn succeeded(&mut self) {
        self.reported = true;
        self.breaker.count(false, None);
    }

    /// Reports a failure of the target, which may have said for how long it is to be left alone.
    pub(crate) fn failed(&mut self, retry_after: Option<Duration>) {
        self.reported = true;
        self.breaker.count(true, retry_after);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.probes && !self.reported {
            self.breaker.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn breaker() -> Arc<Breaker> {
        let options = BreakerOptions::default().with_failures(3);
        Arc::new(Breaker::new(options))
    }

    fn fail(breaker: &Arc<Breaker>) {
        breaker.admit().unwrap().failed(None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_probe_closes_it() {
        let breaker = breaker();
        fail(&breaker);
        fail(&breaker);
        breaker.admit().unwrap().succeeded();
        fail(&breaker);
        fail(&breaker);
        assert_eq!(breaker.open_for(), None);
        fail(&breaker);
        assert_eq!(breaker.admit().unwrap_err(), Duration::from_secs(15));
        advance(Duration::from_secs(15)).await;
        let mut probe = breaker.admit().unwrap();
        assert_eq!(breaker.open_for(), Some(PROBE), "one probe at a time");
        assert_eq!(breaker.admit().unwrap_err(), PROBE);
        probe.succeeded();
        assert_eq!(breaker.open_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_doubles_the_cooldown_up_to_a_limit() {
        let breaker = breaker();
        (0..3).for_each(|_| fail(&breaker));
        for seconds in [15, 30, 60, 120, 240, 300, 300] {
            let left = breaker.open_for().unwrap();
            assert_eq!(left, Duration::from_secs(seconds));
            advance(left).await;
            fail(&breaker);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_cancelled_leaves_the_place_to_the_next() {
        let breaker = breaker();
        (0..3).for_each(|_| fail(&breaker));
        advance(Duration::from_secs(15)).await;
        drop(breaker.admit().unwrap());
        breaker.admit().unwrap().succeeded();
        assert_eq!(breaker.open_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn many_failures_among_the_last_attempts_open_it() {
        let options = BreakerOptions::default().with_failures(1000);
        let breaker = Arc::new(Breaker::new(options));
        for attempt in 0..32 {
            assert_eq!(breaker.open_for(), None, "after {attempt}");
            match attempt % 4 {
                0 => breaker.admit().unwrap().succeeded(),
                _ => fail(&breaker),
            }
        }
        assert!(breaker.open_for().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_open_as_long_as_the_server_asks_up_to_a_limit() {
        let breaker = breaker();
        fail(&breaker);
        fail(&breaker);
        breaker
            .admit()
            .unwrap()
            .failed(Some(Duration::from_secs(60)));
        assert_eq!(breaker.open_for(), Some(Duration::from_secs(60)));
        let breaker = self::breaker();
        fail(&breaker);
        fail(&breaker);
        breaker.admit().unwrap().failed(Some(Duration::MAX));
        assert_eq!(breaker.open_for(), Some(Duration::from_secs(300)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_switched_off() {
        let options = BreakerOptions::default().with_failures(0);
        let breaker = Arc::new(Breaker::new(options));
        (0..100).for_each(|_| fail(&breaker));
        assert_eq!(breaker.open_for(), None);
    }
}
