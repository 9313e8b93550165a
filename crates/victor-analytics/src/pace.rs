//! The size of the next batch, and the pause before it.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use victor_core::EventId;

use crate::AnalyticsOptions;

/// Number of times that an exporter may panic over one event before the event is given up.
const STRIKES: u32 = 3;

/// The pace at which an exporter takes batches, learned from its answers.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Maximum number of events in the next batch.
    size: usize,
    /// The event over which the exporter panicked last, alone in its batch, and the number of times.
    struck: Option<(EventId, u32)>,
    /// Number of failures in a row.
    failures: u32,
    /// Time that the destination asked to be left alone.
    retry_after: Option<Duration>,
}

impl Pace {
    pub(crate) fn new(options: &AnalyticsOptions) -> Self {
        Self {
            size: options.batch_size.max(1),
            struck: None,
            failures: 0,
            retry_after: None,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// A batch was taken. After batches that were too large, the size grows back by an eighth each time.
    pub(crate) fn succeeded(&mut self, options: &AnalyticsOptions) {
        self.failures = 0;
        self.retry_after = None;
        self.struck = None;
        self.size = (self.size + self.size.div_ceil(8)).min(options.batch_size.max(1));
    }

    /// A batch failed.
    pub(crate) fn failed(&mut self, retry_after: Option<Duration>) {
        self.failures += 1;
        self.retry_after = retry_after;
    }

    /// A batch of `size` events should be smaller.
    pub(crate) fn halve(&mut self, size: usize) {
        self.size = (size / 2).max(1);
    }

    /// The exporter panicked over a single event. Returns whether the event is to be given up.
    pub(crate) fn strike(&mut self, event: EventId) -> bool {
        let before = match self.struck {
            Some((struck, count)) if struck == event => count,
            _ => 0,
        };
        self.struck = Some((event, before + 1));
        before + 1 >= STRIKES
    }

    /// Returns the pause before the next batch: none unless the last one failed. It doubles with each failure in a row,
    /// is shortened by chance by up to a half, so that processes do not come back all at once, and is not shorter than
    /// the destination asked for.
    pub(crate) fn pause(&self, options: &AnalyticsOptions) -> Option<Duration> {
        let doublings = self.failures.checked_sub(1)?.min(31);
        let longest = options.retry_pause_limit;
        let pause = options
            .retry_pause
            .saturating_mul(1 << doublings)
            .min(longest);
        let chance = RandomState::new().hash_one(self.failures) % 1_000;
        let pause = pause - pause.mul_f64(f64::from(chance as u32) / 2_000.0);
        Some(pause.max(self.retry_after.unwrap_or_default().min(longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_at_once_and_grow_back() {
        let options = AnalyticsOptions::default().with_batch_size(20);
        let mut pace = Pace::new(&options);
        pace.halve(20);
        pace.halve(pace.size());
        let mut sizes = vec![pace.size()];
        for _ in 0..20 {
            pace.succeeded(&options);
            sizes.push(pace.size());
        }
        assert_eq!(sizes[..4], [5, 6, 7, 8]);
        assert_eq!(sizes.last(), Some(&20));
        pace.halve(1);
        assert_eq!(pace.size(), 1);
    }

    #[test]
    fn an_event_that_panics_three_times_in_a_row_is_given_up() {
        let [one, other] = [1, 2].map(EventId::from_u128);
        let mut pace = Pace::new(&AnalyticsOptions::default());
        let strikes = [one, one, other, one, one, one].map(|event| pace.strike(event));
        assert_eq!(strikes, [false, false, false, false, false, true]);
    }

    #[test]
    fn pauses_double_up_to_the_limit_and_heed_the_destination() {
        let seconds = Duration::from_secs;
        let options = AnalyticsOptions::default()
            .with_retry_pause(seconds(1))
            .with_retry_pause_limit(seconds(60));
        let mut pace = Pace::new(&options);
        assert_eq!(pace.pause(&options), None);
        for longest in [1, 2, 4, 8, 16, 32, 60, 60] {
            pace.failed(None);
            let pause = pace.pause(&options).unwrap();
            assert!(
                (seconds(longest) / 2..=seconds(longest)).contains(&pause),
                "{pause:?}"
            );
        }
        pace.succeeded(&options);
        assert_eq!(pace.pause(&options), None);
        for (asked, pause) in [(30, 30), (1_000_000, 60)] {
            pace.failed(Some(seconds(asked)));
            assert_eq!(pace.pause(&options), Some(seconds(pause)));
        }
    }
}
