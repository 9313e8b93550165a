//! Corrections of a counter by the reports of each model.

use std::collections::HashMap;

use victor_core::{Lock, ModelId};

/// Learns for each model how far the counted tokens are from those that its provider reports, and corrects by it.
///
/// A count is never exact for every model: most tokenizers are not public, and what a provider adds to a message is not
/// either. But after each call the provider says what the request really had. Whoever sees both numbers hands them to
/// [`observe`](Self::observe); whoever decides by a window asks how much may be counted into it
/// ([`budget`](Self::budget)).
///
/// This is not a [`TokenCounter`](crate::protocol::TokenCounter), on purpose. Messages remember their counts, which
/// must not change from one call to the next, so it is not the counts that are corrected but the limits that they are
/// held against.
///
/// ```
/// use victor_context::Calibration;
/// use victor_context::core::ModelId;
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
/// The factor of a model is a mean of reported by counted tokens: the plain mean of the first five observations, so
/// that the first one counts at once, and from then on one in which each new observation has a weight of a fifth, so
/// that nine tenths of a change are learned in eleven calls. An observation beyond 0.5 to 3 counts as the nearer of
/// these. One with fewer than 200 tokens on either side is ignored: it says more about what is not counted, and a
/// provider that reports nothing reports zero. One that is more than tenfold off, in either direction, is ignored as
/// well, since no tokenizer is that far from another: it is of something else than the request.
///
/// Some servers cut in silence what does not fit their window, Ollama among them, and report the size of what they have
/// left. Learnt from, this would have ever larger requests made. An observation is ignored that has the mark of it:
/// fewer tokens are reported than counted, and their number is that of a window, a power of two or one less; or as many
/// as the time before, though the request has changed. In the second case, and where [`distrust`](Self::distrust) is
/// called by somebody who sees more, a factor below 1 becomes 1.
///
/// The same observations in the same order lead to the same factor. It remembers 256 models and forgets the one that
/// was observed the longest ago. Calls may overlap; a lock is held for some arithmetic only.
#[derive(Debug, Default)]
pub struct Calibration {
    known: Lock<Known>,
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
    /// The number of the last observation of this model.
    last: u64,
    /// The last report, whether or not something was learnt from it.
    report: Report,
}

/// The tokens that were counted for a request, and those that its provider reports.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Report {
    pub(crate) counted: u64,
    pub(crate) reported: u64,
}

impl Report {
    /// Whether the request has been cut, where the one reported `before` was its beginning: it grew, and of that less
    /// than a quarter is in the report. No tokenizer makes so few tokens of a text.
    pub(crate) fn is_cut_after(self, before: Self) -> bool {
        let grown = self.counted.saturating_sub(before.counted);
        let reported = self.reported.saturating_sub(before.reported);
        grown > MEASURABLE && reported < grown / 4
    }

    /// Whether the report has the size of a window that is smaller than the request.
    fn fills_a_window(self) -> bool {
        let is_window = self.reported.is_power_of_two() || (self.reported + 1).is_power_of_two();
        self.reported < self.counted && is_window
    }

    /// Whether another request is said to have the same size.
    fn repeats(self, before: Self) -> bool {
        self.reported == before.reported && self.counted.abs_diff(before.counted) > MEASURABLE
    }
}

impl Learned {
    fn distrust(&mut self) {
        if self.observations > 0 {
            self.factor = self.factor.max(1.0);
        }
    }
}

const SMALLEST_FACTOR: f64 = 0.5;
const LARGEST_FACTOR: f64 = 3.0;
/// The weight of an observation once there are some.
const WEIGHT: f64 = 0.2;
const FEWEST_TOKENS: u64 = 200;
const ABSURD: u64 = 10;
/// By how many tokens a request must have changed for its report to change, too.
const MEASURABLE: u64 = 64;
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
        let report = Report { counted, reported };
        let ratio = (float(reported) / float(counted)).clamp(SMALLEST_FACTOR, LARGEST_FACTOR);
        let mut known = self.known.lock();
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
        learned.last = now;
        let before = std::mem::replace(&mut learned.report, report);
        if report.repeats(before) {
            learned.distrust();
            return;
        }
        if report.fills_a_window() {
            return;
        }
        learned.observations = learned.observations.saturating_add(1);
        let weight = f64::from(learned.observations).recip().max(WEIGHT);
        learned.factor += (ratio - learned.factor) * weight;
    }

    /// Takes note that the model's provider was seen to cut a request in silence: what made its factor less than 1 may
    /// have been that, so it is 1 again.
    pub fn distrust(&self, model: &ModelId) {
        if let Some(learned) = self.known.lock().models.get_mut(model) {
            learned.distrust();
        }
    }

    /// Returns the tokens that a model's provider reports for each counted token: between 0.5 and 3, and 1 for a model
    /// that was never observed.
    #[must_use]
    pub fn factor(&self, model: &ModelId) -> f64 {
        self.known_factor(model).unwrap_or(1.0)
    }

    /// The factor of a model that was observed.
    pub(crate) fn known_factor(&self, model: &ModelId) -> Option<f64> {
        let known = self.known.lock();
        let learned = known
            .models
            .get(model)
            .filter(|learned| learned.observations > 0);
        learned.map(|learned| learned.factor)
    }

    /// Converts counted tokens into those that the provider will report, rounded up.
    #[must_use]
    pub fn correct(&self, model: &ModelId, counted: u64) -> u64 {
        whole((float(counted) * self.factor(model)).ceil())
    }

    /// Converts tokens of the provider into the largest count that stays within them, rounded down.
    #[must_use]
    pub fn budget(&self, model: &ModelId, tokens: u64) -> u64 {
        whole(float(tokens) / self.factor(model))
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
    fn what_a_server_has_cut_teaches_nothing() {
        let honest = [(3000, 3100), (3500, 3600)];
        let factor = (3100.0 / 3000.0 + 3600.0 / 3500.0) / 2.0;
        let after = |later: &[(u64, u64)], expected| {
            check(&[&honest[..], later].concat(), expected);
        };
        after(&[(5000, 4096)], factor);
        after(&[(5000, 4095), (5500, 4095), (6000, 4095)], factor);
        after(
            &[(5000, 4096), (5500, 4096), (4000, 4100)],
            (2.0 * factor + 1.025) / 3.0,
        );
        // One that is no power of two is recognized the second time, and what it has taught is taken back.
        check(&[(12_000, 6000)], 0.5);
        check(&[(12_000, 6000), (12_500, 6000), (13_000, 6000)], 1.0);
        // The same request has the same size, and a window that is larger than what was counted is none.
        check(&[(1000, 1500); 3], 1.5);
        check(&[(4000, 4096), (2000, 2048)], 1.024);
        check(&[(1500, 1024), (1600, 1023)], 1.0);
    }

    #[test]
    fn distrust_makes_no_factor_less_than_one() {
        for (reported, factor) in [(600, 1.0), (1500, 1.5)] {
            let calibration = Calibration::default();
            calibration.distrust(&model());
            assert_eq!(calibration.known_factor(&model()), None);
            calibration.observe(&model(), 1000, reported);
            calibration.distrust(&model());
            assert!((calibration.factor(&model()) - factor).abs() < 1e-9);
        }
    }

    #[test]
    fn a_request_that_grows_without_its_report_was_cut() {
        let check = |before, now, expected| {
            let report = |(counted, reported)| Report { counted, reported };
            assert_eq!(
                report(now).is_cut_after(report(before)),
                expected,
                "{now:?}"
            );
        };
        check((3900, 3950), (4400, 4460), false);
        check((3900, 3950), (4400, 4100), false); // a text of few tokens
        check((3900, 3950), (4400, 4074), true);
        check((3900, 3950), (4400, 3900), true);
        check((3900, 3950), (3964, 3950), false); // too little to tell
        check((3900, 3950), (2000, 2010), false); // compacted
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
        assert_eq!(calibration.known.lock().models.len(), MOST_MODELS);
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
        assert_eq!(calibration.known.lock().models[&model()].observations, 4000);
    }
}
