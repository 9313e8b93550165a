//! Confidence intervals of means.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::Sample;
use super::sample::{float, mean};

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Interval {
    /// Whether a value is within the interval.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }

    /// Half the distance of the bounds.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.upper - self.lower) / 2.0
    }
}

/// The interval of the mean by Student's t distribution, from the standard error of the groups; none of fewer than two
/// groups, or where `level` is not between 0 and 1.
#[must_use]
pub fn student_interval(sample: &Sample, level: f64) -> Option<Interval> {
    let (mean, error) = (sample.mean()?, sample.standard_error()?);
    let half = student_quantile(level, sample.degrees_of_freedom())? * error;
    Some(Interval {
        lower: mean - half,
        upper: mean + half,
    })
}

/// The interval of a share (the mean of values from 0 to 1) by [Wilson's](https://doi.org/10.2307/2276774) score, which
/// is never empty and never leaves 0 to 1: none of no values, of values that are no shares, or where `level` is not
/// between 0 and 1.
///
/// Of grouped values, the size of the sample is the effective one of
/// [Korn and Graubard](https://pmc.ncbi.nlm.nih.gov/articles/PMC6690503/), and there must be two groups.
#[must_use]
pub fn wilson_interval(sample: &Sample, level: f64) -> Option<Interval> {
    let share = sample.mean()?;
    if sample.values().any(|value| !(0.0..=1.0).contains(&value)) {
        return None;
    }
    let (mut size, spread) = (float(sample.len()), share * (1.0 - share));
    let critical = if sample.is_grouped() {
        let variance = sample.standard_error()?.powi(2);
        if spread > 0.0 && variance > 0.0 {
            size = size.min(spread / variance);
        }
        student_quantile(level, sample.degrees_of_freedom())?
    } else {
        normal_quantile(level)?
    };
    let square = critical * critical;
    let denominator = 1.0 + square / size;
    let center = (share + square / (2.0 * size)) / denominator;
    let half = critical * (spread / size + square / (4.0 * size * size)).sqrt() / denominator;
    Some(Interval {
        lower: (center - half).max(0.0),
        upper: (center + half).min(1.0),
    })
}

/// The interval of the mean by the percentiles of `resamples` means of samples drawn with replacement, whole groups at
/// once; none of fewer than two groups, of no resamples, or where `level` is not between 0 and 1. The same `seed` gives
/// the same interval.
#[must_use]
pub fn bootstrap_interval(
    sample: &Sample,
    level: f64,
    resamples: usize,
    seed: u64,
) -> Option<Interval> {
    let groups = sample.groups();
    if groups.len() < 2 || resamples == 0 || !is_level(level) {
        return None;
    }
    let mut draws = SplitMix(seed);
    let mut means: Vec<f64> = (0..resamples)
        .filter_map(|_| {
            let drawn = (0..groups.len()).map(|_| &groups[draws.below(groups.len())]);
            mean(drawn.flatten().copied())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Some(Interval {
        lower: quantile(&means, tail)?,
        upper: quantile(&means, 1.0 - tail)?,
    })
}

/// The quantile of sorted values, interpolated between the nearest two.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * float(sorted.len().checked_sub(1)?);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the list"
    )]
    let below = place.floor() as usize;
    let (low, high) = (sorted.get(below)?, sorted.get(below + 1).or(sorted.last())?);
    Some(low + (high - low) * place.fract())
}

/// The distance from the mean, in standard errors, of an interval by Student's t distribution.
pub(super) fn student_quantile(level: f64, degrees: usize) -> Option<f64> {
    if degrees == 0 || !is_level(level) {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, float(degrees)).ok()?;
    Some(-student.inverse_cdf((1.0 - level) / 2.0))
}

/// The distance from the mean, in standard deviations, of an interval by the normal distribution.
fn normal_quantile(level: f64) -> Option<f64> {
    is_level(level).then(|| -Normal::standard().inverse_cdf((1.0 - level) / 2.0))
}

fn is_level(level: f64) -> bool {
    level > 0.0 && level < 1.0
}

/// Numbers that look random: [SplitMix64](https://doi.org/10.1145/2714064.2660195).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`. Its bias is below `limit` in 2^64.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the result is below `limit`"
    )]
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}
