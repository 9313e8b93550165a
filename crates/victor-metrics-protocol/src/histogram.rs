//! The instrument for distributions.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use victor_core::wire::Extra;

use crate::{Bucket, HistogramValue};

/// Number of buckets between two powers of two, so that no bucket is wider than an eighth of its values.
const STEPS: usize = 8;

/// Values below this have a bucket each; above it, each power of two has [`STEPS`] buckets.
const BUCKETS: usize = STEPS + (64 - STEPS.ilog2() as usize) * STEPS;

/// Instrument that records the distribution of values: durations, sizes.
///
/// Values are sorted into buckets that are at most an eighth wide, so a quantile is at most an eighth too high. A
/// measurement takes a few nanoseconds and no lock; the memory is fixed, about 4 KiB.
///
/// Clones record together. One made by `default` is read by nobody but its holder.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            buckets: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Histogram {
    /// Records a value.
    pub fn record(&self, value: u64) {
        let cells = &*self.0;
        cells.buckets[index(value)].fetch_add(1, Ordering::Relaxed);
        cells.sum.fetch_add(value, Ordering::Relaxed);
        // Most values change neither end, and reading does not take the cache line from other threads.
        if value < cells.min.load(Ordering::Relaxed) {
            cells.min.fetch_min(value, Ordering::Relaxed);
        }
        if value > cells.max.load(Ordering::Relaxed) {
            cells.max.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// Records a duration, in microseconds.
    pub fn record_duration(&self, duration: Duration) {
        self.record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Returns all that was recorded until now. A value that is recorded at the same time may be in one figure and not
    /// yet in another.
    #[must_use]
    pub fn read(&self) -> HistogramValue {
        let cells = &*self.0;
        let buckets: Vec<Bucket> = cells
            .buckets
            .iter()
            .enumerate()
            .map(|(index, count)| Bucket::new(upper(index), count.load(Ordering::Relaxed)))
            .filter(|bucket| bucket.count > 0)
            .collect();
        HistogramValue {
            count: buckets.iter().map(|bucket| bucket.count).sum(),
            sum: cells.sum.load(Ordering::Relaxed),
            min: match cells.min.load(Ordering::Relaxed) {
                u64::MAX if buckets.is_empty() => 0,
                min => min,
            },
            max: cells.max.load(Ordering::Relaxed),
            buckets,
            extra: Extra::default(),
        }
    }
}

impl Bucket {
    /// Returns the greatest value of the bucket that a value belongs to.
    ///
    /// ```
    /// use victor_metrics_protocol::Bucket;
    ///
    /// assert_eq!(Bucket::upper_of(3), 3); // small values have a bucket each
    /// assert_eq!(Bucket::upper_of(1_000), 1_023);
    /// ```
    #[must_use]
    pub fn upper_of(value: u64) -> u64 {
        upper(index(value))
    }
}

/// The bucket that a value belongs to.
fn index(value: u64) -> usize {
    const BITS: u32 = STEPS.ilog2();
    let Some(shift) = value
        .checked_ilog2()
        .and_then(|power| power.checked_sub(BITS))
    else {
        #[expect(clippy::cast_possible_truncation, reason = "the value is below STEPS")]
        return value as usize;
    };
    // The leading bit and those behind it that tell the step.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is left is below twice STEPS"
    )]
    let step = (value >> shift) as usize;
    shift as usize * STEPS + step
}

/// The greatest value that belongs to a bucket.
fn upper(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let (shift, step) = (index / STEPS - 1, index % STEPS + STEPS);
    // One less than the least value of the next bucket, written so that the last bucket does not overflow.
    ((step as u64) << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_that_is_at_most_an_eighth_wide() {
        let around =
            |power: u32| [-1, 0, 1].map(|near| (1_u64 << power).saturating_add_signed(near));
        for value in (0..64).flat_map(around).chain([u64::MAX, 1_000_000]) {
            let bucket = index(value);
            assert!(value <= upper(bucket), "{value} is above its bucket");
            assert!(
                bucket == 0 || value > upper(bucket - 1),
                "{value} is below its bucket"
            );
            assert!(upper(bucket) - value <= value / 8, "{value}");
        }
        assert_eq!(index(u64::MAX), BUCKETS - 1);
        assert_eq!(upper(BUCKETS - 1), u64::MAX);
    }
}
