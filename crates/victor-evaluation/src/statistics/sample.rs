//! Samples of values, in groups or not.

/// Values, in groups of values that are not independent of each other.
///
/// A group is a source that cases share; without groups, each value is one of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    groups: Vec<Vec<f64>>,
    grouped: bool,
}

impl Sample {
    /// Values that are independent of each other.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        Self {
            groups: values.iter().map(|value| vec![*value]).collect(),
            grouped: false,
        }
    }

    /// Values in groups. Empty groups are left out.
    #[must_use]
    pub fn of_groups(groups: Vec<Vec<f64>>) -> Self {
        let groups = groups.into_iter().filter(|group| !group.is_empty());
        Self {
            groups: groups.collect(),
            grouped: true,
        }
    }

    /// Whether the values are in groups.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[Vec<f64>] {
        &self.groups
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = f64> + Clone {
        self.groups.iter().flatten().copied()
    }

    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The mean; none of no values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        mean(self.values())
    }

    /// The standard deviation of the values as a sample (divided by n - 1); none of fewer than two.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        let mean = self.mean()?;
        let rest = self.len().checked_sub(1).filter(|rest| *rest > 0)?;
        let squares: f64 = self.values().map(|value| (value - mean).powi(2)).sum();
        Some((squares / float(rest)).sqrt())
    }

    /// The standard error of the mean; none of fewer than two groups.
    ///
    /// That of grouped values is the clustered one of [Miller (2024)](https://arxiv.org/abs/2411.00640), appendix A,
    /// with a correction for the finite number of groups.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        let mean = self.mean()?;
        let groups = self.groups.len();
        let rest = groups.checked_sub(1).filter(|rest| *rest > 0)?;
        let deviations = self.groups.iter().map(|group| {
            let deviation: f64 = group.iter().map(|value| value - mean).sum();
            deviation.powi(2)
        });
        let variance = deviations.sum::<f64>() * float(groups) / float(rest);
        Some(variance.sqrt() / float(self.len()))
    }

    /// The degrees of freedom of the standard error: one less than there are groups.
    #[must_use]
    pub fn degrees_of_freedom(&self) -> usize {
        self.groups.len().saturating_sub(1)
    }
}

/// The mean of values; none of no values.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / float(count))
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 cases")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}
