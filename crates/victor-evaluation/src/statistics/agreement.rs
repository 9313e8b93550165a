//! Agreement of judges.

use super::sample::{float, mean};

/// The scale of ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Categories without an order: any difference is a whole one.
    Nominal,
    /// Categories in an order, whose distances are not known.
    Ordinal,
    /// Numbers whose differences count.
    Interval,
}

/// Krippendorff's alpha of ratings: 1 where judges agree, 0 where they agree as by chance, less where they contradict
/// each other ([Krippendorff 2011](https://repository.upenn.edu/asc_papers/43/)).
///
/// A unit holds the ratings of one thing, one of each judge who rated it; a unit of fewer than two is left out. None
/// where no unit is left. It is 1 where all ratings are equal.
#[must_use]
pub fn krippendorff_alpha(units: &[Vec<f64>], scale: Scale) -> Option<f64> {
    let units: Vec<&[f64]> = units
        .iter()
        .map(Vec::as_slice)
        .filter(|unit| unit.len() > 1)
        .collect();
    let all: Vec<f64> = units.concat();
    if all.is_empty() {
        return None;
    }
    match scale {
        Scale::Nominal => alpha(&units, &all, differing_pairs),
        Scale::Interval => alpha(&units, &all, squared_differences),
        Scale::Ordinal => {
            let ranks = midpoints(&all);
            let rank = |rating: f64| {
                let place = ranks.partition_point(|(of, _)| *of < rating);
                ranks[place].1
            };
            let ranked: Vec<Vec<f64>> = units
                .iter()
                .map(|unit| unit.iter().map(|rating| rank(*rating)).collect())
                .collect();
            let units: Vec<&[f64]> = ranked.iter().map(Vec::as_slice).collect();
            alpha(&units, &units.concat(), squared_differences)
        }
    }
}

/// One less the share of the observed disagreement in the expected one.
fn alpha(units: &[&[f64]], all: &[f64], disagreement: impl Fn(&[f64]) -> f64) -> Option<f64> {
    let count = float(all.len());
    let within = units
        .iter()
        .map(|unit| disagreement(unit) / float(unit.len() - 1));
    let observed = within.sum::<f64>() / count;
    let expected = disagreement(all) / (count * (count - 1.0));
    Some(if expected == 0.0 {
        1.0
    } else {
        1.0 - observed / expected
    })
}

/// The number of ordered pairs that differ.
fn differing_pairs(ratings: &[f64]) -> f64 {
    let mut sorted = ratings.to_vec();
    sorted.sort_by(f64::total_cmp);
    let equal = sorted
        .chunk_by(|a, b| a == b)
        .map(|equal| float(equal.len()).powi(2));
    float(ratings.len()).powi(2) - equal.sum::<f64>()
}

/// The sum of the squared differences of all ordered pairs.
fn squared_differences(ratings: &[f64]) -> f64 {
    let Some(mean) = mean(ratings.iter().copied()) else {
        return 0.0;
    };
    let squares: f64 = ratings.iter().map(|rating| (rating - mean).powi(2)).sum();
    2.0 * float(ratings.len()) * squares
}

/// The middle rank of each rating, in order. Differences of middle ranks are those of the ordinal scale.
fn midpoints(all: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut below = 0.0;
    let ranks = sorted.chunk_by(|a, b| a == b).map(|equal| {
        let count = float(equal.len());
        below += count;
        (equal[0], below - count / 2.0)
    });
    ranks.collect()
}
