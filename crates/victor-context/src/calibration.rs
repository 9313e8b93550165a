//! What a model's own reports say about a counter.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use victor_core::ModelId;

/// Learns for each model how far the counted tokens are from those that its provider reports, and corrects by it.
///
/// A count is never exact for every model: most tokenizers are not public, and what a provider adds to a message is not
/// either. But after each call the provider says what the request really had. Whoever sees both numbers hands them to
/// [`observe`](Self::observe); whoever decides by a window asks how much may be counted into it
/// ([`budget`](Self::budget)).
///
/// This is not a [`TokenCounter`](crate::TokenCounter), on purpose. Messages remember their counts, which must not change
/// from one call to the next, so it is not the counts that are corrected but the limits that they are held against.
///
/// ```
/// use victor_context::{Calibration, ModelId};
///
/// let (calibration, model) = (Calibration::default(), ModelId::from("claude-sonnet-4-5"));
/// assert_eq!(calibration.budget(&model, 100_000), 100_000);
///
/// calibration.observe(&model, 8_000, 10_000); // 8,000 were counted, and the provider reports 10,000
/// assert_eq!(calibration.correct(&model, 8_000), 10_000);
/// assert_eq!(calibration.budget(&model, 100_000), 80_000);
/// ```
///
/// # How it learns
///
/// The factor of a model is a mean of reported by counted tokens: the plain mean of the first five observations, so that
/// the first one counts at once, and from then on one in which each new observation has a weight of a fifth, so that
/// nine tenths of a change are learned in eleven calls. An observation beyond 0.5 to 3 counts as the nearer of these. One
/// with fewer than 200 tokens on either side is ignored: it says more about what is not counted, and a provider that
/// reports nothing reports zero. One that is more than tenfold off, in either direction, is ignored as well, since no
/// tokenizer is that far from another: it is of something else than the request.
///
/// The same observations in the same order lead to the same factor. It remembers 256 models and forgets the one that was
/// observed the longest ago. Calls may overlap; a lock is held for some arithmetic only.
#[derive(Debug, Default)]
pub struct Calibration {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    models: HashMap<ModelId, Learned>,
    observations: u64,
}

#[derive(Debug, Default)]
struct Learned {
    factor: f64,
    observations: u32,
    /// Which of all observations was the last of this model.
    last: u64,
}

const SMALLEST_FACTOR: f64 = 0.5;
const LARGEST_FACTOR: f64 = 3.0;
/// The weight of an observation once there are some.
const WEIGHT: f64 = 0.2;
const FEWEST_TOKENS: u64 = 200;
const ABSURD: u64 = 10;
const MOST_MODELS: usize = 256;

impl Calibration {
    /// Learns from one call: how many tokens were counted for the request, and how many its provider reports.
    ///
    /// Both are of all that was sent: messages, system prompt and tools, whether they came from a cache or not.
    pub fn observe(&self, model: &ModelId, counted: u64, reported: u64) {
        let (less, more) = (counted.min(reported), counted.max(reported));
        if less < FEWEST_TOKENS || more / less >= ABSURD {
            return;
        }
        let ratio = (float(reported) / float(counted)).clamp(SMALLEST_FACTOR, LARGEST_FACTOR);
        let mut known = self.known();
        known.observations += 1;
        let now = known.observations;
        if known.models.len() >= MOST_MODELS && !known.models.contains_key(model) {
            let models = known.models.iter();
            let oldest = models.min_by_key(|(_, learned)| learned.last);
            if let Some(oldest) = oldest.map(|(model, _)| model.clone()) {
                known.models.remove(&oldest);
            }
        }
        let learned = known.models.entry(model.clone()).or_default();
        learned.observations = learned.observations.saturating_add(1);
        let weight = f64::from(learned.observations).recip().max(WEIGHT);
        learned.factor += (ratio - learned.factor) * weight;
        learned.last = now;
    }

    /// What a model's provider reports for each counted token: between 0.5 and 3, and 1 for a model that was never
    /// observed.
    #[must_use]
    pub fn factor(&self, model: &ModelId) -> f64 {
        self.known_factor(model).unwrap_or(1.0)
    }

    /// The factor of a model that was observed.
    pub(crate) fn known_factor(&self, model: &ModelId) -> Option<f64> {
        let known = self.known();
        known.models.get(model).map(|learned| learned.factor)
    }

    /// How many tokens the provider will report where so many are counted, rounded up.
    #[must_use]
    pub fn correct(&self, model: &ModelId, counted: u64) -> u64 {
        whole((float(counted) * self.factor(model)).ceil())
    }

    /// How many tokens may be counted so that the provider reports at most so many, rounded down.
    #[must_use]
    pub fn budget(&self, model: &ModelId, tokens: u64) -> u64 {
        whole(float(tokens) / self.factor(model))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics under the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a request has far less than 53 bits of tokens"
)]
fn float(tokens: u64) -> f64 {
    tokens as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no factor is negative, and what is too large becomes the largest number"
)]
fn whole(tokens: f64) -> u64 {
    tokens as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelId {
        ModelId::from("model")
    }

    /// The factor after these observations of counted and reported tokens.
    #[track_caller]
    fn check(observations: &[(u64, u64)], expected: f64) {
        let calibration = Calibration::default();
        for (counted, reported) in observations {
            calibration.observe(&model(), *counted, *reported);
        }
        let factor = calibration.factor(&model());
        assert!((factor - expected).abs() < 0.001, "{factor} for {expected}");
    }

    #[test]
    fn the_first_observations_count_alike_and_later_ones_by_a_fifth() {
        check(&[], 1.0);
        check(&[(1000, 1500)], 1.5);
        check(&[(1000, 1500), (1000, 1000)], 1.25);
        check(&[(1000, 1500), (1000, 1000), (1000, 800)], 1.1);
        check(&[(1000, 2000); 5], 2.0);
        let mut changed = vec![(1000, 2000); 20];
        changed.push((1000, 1000));
        check(&changed, 1.8);
        changed.extend([(1000, 1000); 10]);
        check(&changed, 1.0 + 0.8_f64.powi(11));
        changed.extend([(1000, 1000); 60]);
        check(&changed, 1.0);
    }

    #[test]
    fn one_outlier_moves_little_and_none_moves_beyond_the_bounds() {
        let mut observations = vec![(1000, 1000); 10];
        observations.push((1000, 9_000));
        check(&observations, 1.4);
        check(&[(1000, 9_000); 50], 3.0);
        check(&[(9_000, 1000); 50], 0.5);
    }

    #[test]
    fn what_says_nothing_is_ignored() {
        check(&[(0, 0), (0, 5000), (5000, 0), (199, 400), (400, 199)], 1.0);
        check(&[(1000, u64::MAX), (u64::MAX, 1000)], 1.0);
        check(&[(1000, 10_000), (10_000, 1000)], 1.0);
        check(&[(200, 400)], 2.0);
    }

    #[test]
    fn limits_are_corrected_to_the_safe_side() {
        let calibration = Calibration::default();
        calibration.observe(&model(), 1000, 1300);
        assert_eq!(calibration.correct(&model(), 11), 15); // 14.3
        assert_eq!(calibration.budget(&model(), 100), 76); // 76.9
        assert_eq!(calibration.correct(&model(), 0), 0);
        assert_eq!(calibration.budget(&model(), 0), 0);
        assert_eq!(calibration.correct(&model(), u64::MAX), u64::MAX);
    }

    #[test]
    fn models_are_told_apart_and_the_one_not_seen_for_longest_is_forgotten() {
        let calibration = Calibration::default();
        let model = |number: usize| ModelId::from(format!("model-{number}"));
        for number in 0..MOST_MODELS {
            calibration.observe(&model(number), 1000, 2000);
        }
        calibration.observe(&model(0), 1000, 2000);
        calibration.observe(&model(MOST_MODELS), 1000, 1500);
        let factors = [0, 1, 2, MOST_MODELS].map(|number| calibration.factor(&model(number)));
        assert_eq!(factors, [2.0, 1.0, 2.0, 1.5]);
        assert_eq!(calibration.known().models.len(), MOST_MODELS);
    }

    #[test]
    fn no_observation_is_lost_when_many_come_at_once() {
        let calibration = Calibration::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        calibration.observe(&model(), 1000, 1250);
                        assert!((calibration.factor(&model()) - 1.25).abs() < 1e-9);
                    }
                });
            }
        });
        assert_eq!(calibration.known().models[&model()].observations, 4000);
    }
}
