//! Whether a failed attempt is followed by another one, and when.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use crate::RetryOptions;

/// The attempts of one request that have failed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// Number of failures, without those that found the model loading.
    counted: u32,
    /// Number of failures that found the model loading, and the time of the first.
    loading: u32,
    loading_since: Option<Instant>,
}

impl Failures {
    /// Counts one more, and returns how long to wait before the next attempt; none if there is none.
    pub(crate) fn next_delay(
        &mut self,
        options: &RetryOptions,
        error: &ProviderError,
    ) -> Option<Duration> {
        let is_loading = error.kind == ProviderErrorKind::Loading && error.is_transient();
        if is_loading && options.max_attempts > 1 {
            self.loading = self.loading.saturating_add(1);
            let since = *self.loading_since.get_or_insert_with(Instant::now);
            let left = options.loading_timeout.checked_sub(since.elapsed())?;
            let delay = options.wait(self.loading, error);
            return delay.filter(|delay| *delay <= left);
        }
        self.counted = self.counted.saturating_add(1);
        options.delay(self.counted, error)
    }
}

impl RetryOptions {
    /// Returns the wait after failure number `failure`; none if there is no further attempt.
    fn delay(&self, failure: u32, error: &ProviderError) -> Option<Duration> {
        if !error.is_transient() || failure >= self.max_attempts {
            return None;
        }
        self.wait(failure, error)
    }

    /// Returns the wait after failure number `failure` if another attempt follows; none if it would be too long.
    fn wait(&self, failure: u32, error: &ProviderError) -> Option<Duration> {
        match error.retry_after {
            Some(asked) => (asked <= self.max_retry_after).then_some(asked),
            None => {
                let doubled = 2_u32.saturating_pow(failure - 1);
                let longest = self.base_delay.saturating_mul(doubled).min(self.max_delay);
                // Narrow enough that a wait is always longer than the one before it, up to the limit.
                let quarter = longest / 4;
                Some(longest - quarter + quarter.mul_f64(chance()))
            }
        }
    }
}

/// A number from 0 to 1, from the random keys of the standard library's hash maps.
fn chance() -> f64 {
    f64::from(RandomState::new().hash_one(0_u8) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use victor_provider_protocol::ProviderErrorKind::{
        Authentication, ContextTooLong, InvalidRequest, Quota, Server,
    };

    use super::*;

    #[track_caller]
    fn check(attempt: u32, error: &ProviderError, expected: Option<(u64, u64)>) {
        let options = RetryOptions::default().with_max_attempts(60);
        let delay = options.delay(attempt, error);
        let expected =
            expected.map(|(from, to)| Duration::from_millis(from)..=Duration::from_millis(to));
        match (&delay, &expected) {
            (Some(delay), Some(range)) => assert!(range.contains(delay), "{delay:?}"),
            (None, None) => {}
            _ => panic!("{delay:?} is not {expected:?}"),
        }
    }

    #[test]
    fn waits_double_up_to_a_limit_and_then_stay() {
        let error = ProviderError::new(Server, "p", "down");
        check(1, &error, Some((500, 1000)));
        check(2, &error, Some((1000, 2000)));
        check(3, &error, Some((2000, 4000)));
        check(5, &error, Some((5000, 10_000)));
        check(59, &error, Some((5000, 10_000)));
        check(60, &error, None);
    }

    #[test]
    fn what_the_provider_asks_for_beats_both_up_to_a_limit() {
        let asks = |seconds| {
            ProviderError::new(Server, "p", "").with_retry_after(Duration::from_secs(seconds))
        };
        check(1, &asks(0), Some((0, 0)));
        check(1, &asks(7), Some((7000, 7000)));
        check(1, &asks(300), Some((300_000, 300_000)));
        check(1, &asks(301), None);
        check(1, &asks(u64::MAX), None);
    }

    #[test]
    fn what_does_not_pass_is_not_waited_for() {
        let error = ProviderError::new(Authentication, "p", "no key");
        check(1, &error, None);
        check(1, &error.with_retry_after(Duration::ZERO), None);
    }

    #[test]
    fn the_provider_has_a_word_in_it() {
        let says = |kind: ProviderErrorKind, should| {
            ProviderError::new(kind, "p", "").with_should_retry(should)
        };
        check(1, &says(Server, false), None);
        check(1, &says(Server, true), Some((500, 1000)));
        check(1, &says(InvalidRequest, true), Some((500, 1000)));
        for kind in [Authentication, Quota, ContextTooLong] {
            check(1, &says(kind, true), None);
        }
        let mut failures = Failures::default();
        let loading = says(ProviderErrorKind::Loading, false);
        let options = RetryOptions::default();
        assert_eq!(failures.next_delay(&options, &loading), None);
    }

    #[test]
    fn nonsense_does_not_panic() {
        let error = ProviderError::new(Server, "p", "");
        let longest = RetryOptions::default()
            .with_base_delay(Duration::MAX)
            .with_max_delay(Duration::MAX);
        assert!(longest.delay(2, &error) >= Some(Duration::MAX / 2));
        assert_eq!(longest.with_max_attempts(0).delay(1, &error), None);
    }

    #[test]
    fn chances_differ() {
        let first = chance();
        assert!(
            (0..100)
                .map(|_| chance())
                .all(|chance| (0.0..=1.0).contains(&chance))
        );
        assert!((0..100).any(|_| (chance() - first).abs() > f64::EPSILON));
    }
}
