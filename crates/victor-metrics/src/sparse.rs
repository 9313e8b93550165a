//! Distributions that take little memory.

use victor_metrics_protocol::{Bucket, HistogramValue};

/// A distribution that keeps only the buckets which it has values in. Once it has them, it allocates no more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sparse {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    /// The upper ends of the buckets in ascending order, each with its number of values.
    buckets: Vec<(u64, u64)>,
}

impl Sparse {
    pub(crate) fn record(&mut self, value: u64) {
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum = self.sum.wrapping_add(value);
        let upper = Bucket::upper_of(value);
        match self
            .buckets
            .binary_search_by_key(&upper, |(upper, _)| *upper)
        {
            Ok(index) => self.buckets[index].1 += 1,
            Err(index) => self.buckets.insert(index, (upper, 1)),
        }
    }

    pub(crate) fn read(&self) -> HistogramValue {
        let buckets = self.buckets.iter();
        HistogramValue {
            count: self.count,
            sum: self.sum,
            min: self.min,
            max: self.max,
            buckets: buckets
                .map(|(upper, count)| Bucket::new(*upper, *count))
                .collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use victor_metrics_protocol::Histogram;

    use super::Sparse;

    proptest! {
        #[test]
        fn it_reads_as_the_instrument_does(values in prop::collection::vec(any::<u64>(), 0..100)) {
            let (mut sparse, histogram) = (Sparse::default(), Histogram::default());
            for value in values {
                // Small ones too, and not only those near the top.
                for value in [value, value >> (value % 64)] {
                    sparse.record(value);
                    histogram.record(value);
                }
            }
            prop_assert_eq!(sparse.read(), histogram.read());
        }
    }
}
