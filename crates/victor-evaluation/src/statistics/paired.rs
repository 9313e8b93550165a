//! Differences of two runs of the same cases.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::interval::student_quantile;
use super::{Interval, Sample, student_interval};

/// A comparison of pairs of values: each of one case, before and after.
///
/// The cases are the same, so the difference of each case is looked at; what makes some cases harder than others drops
/// out of it, and a smaller difference can be told from chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Paired {
    /// The number of pairs.
    pub pairs: usize,
    /// The mean difference: positive where the second is greater.
    pub difference: f64,
    /// The interval of the mean difference; absent of fewer than two groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The probability of a mean difference as large as this if there is none in truth (two-sided t-test); absent of
    /// fewer than two groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// The mean difference in standard deviations of the differences (Cohen's d of pairs); absent where these are all
    /// equal or there are fewer than two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_size: Option<f64>,
    /// The least difference that so many pairs would show in four of five runs, at the level of the interval; absent
    /// where there is no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_detectable: Option<f64>,
}

impl Paired {
    /// The share of runs in which the minimum detectable difference would be shown.
    pub const POWER: f64 = 0.8;

    /// Compares pairs by their differences, second less first. None of no pairs, or where `level` is not between 0
    /// and 1.
    #[must_use]
    pub fn of_differences(differences: &Sample, level: f64) -> Option<Self> {
        let difference = differences.mean()?;
        if !(level > 0.0 && level < 1.0) {
            return None;
        }
        let error = differences.standard_error();
        let degrees = differences.degrees_of_freedom();
        let deviation = differences.deviation().filter(|deviation| *deviation > 0.0);
        let detectable = || {
            let quantiles = student_quantile(level, degrees)?
                + student_quantile(2.0 * Self::POWER - 1.0, degrees)?;
            Some(quantiles * error?)
        };
        Some(Self {
            pairs: differences.len(),
            difference,
            interval: student_interval(differences, level),
            p_value: error.map(|error| p_value(difference, error, degrees)),
            effect_size: deviation.map(|deviation| difference / deviation),
            minimum_detectable: detectable(),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 cases")]
fn p_value(difference: f64, error: f64, degrees: usize) -> f64 {
    if difference == 0.0 {
        return 1.0;
    }
    if error == 0.0 {
        return 0.0;
    }
    let student = StudentsT::new(0.0, 1.0, degrees as f64);
    student.map_or(1.0, |student| {
        2.0 * student.cdf(-(difference / error).abs())
    })
}
