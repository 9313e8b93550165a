//! Sums and percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Unit;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use victor_core::{Timestamp, ToolOutcome};
use victor_provider_protocol::{AttemptOutcome, LedgerEntry, LedgerTotal};

use crate::ReportData;

/// Most models that have a colour of their own; the others are one.
pub(crate) const MODELS: usize = 7;

/// The name of the models that have no colour of their own.
pub(crate) const OTHERS: &str = "other models";

/// Most bars of a plot over time.
const BARS: usize = 31;

/// Sums and percentiles of a report.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) total: LedgerTotal,
    /// The models, the most expensive first, and then by tokens.
    pub(crate) models: Vec<ModelStats>,
    /// Periods without a gap, the oldest first.
    pub(crate) periods: Vec<Period>,
    /// Days in a period.
    pub(crate) days: i64,
    /// The tools, the most used first.
    pub(crate) tools: Vec<ToolStats>,
    /// Failed attempts by class, the most frequent first.
    pub(crate) errors: Vec<(String, u64)>,
    pub(crate) failed: u64,
    pub(crate) sessions: usize,
    pub(crate) turns: usize,
}

/// The sums of a model.
#[derive(Debug)]
pub(crate) struct ModelStats {
    pub(crate) name: String,
    pub(crate) total: LedgerTotal,
    pub(crate) failed: u64,
    /// The times of the attempts that were answered, the shortest first.
    pub(crate) times: Vec<Duration>,
    /// Output tokens a second over all answered attempts.
    pub(crate) rate: Option<f64>,
}

/// The sums of some days.
#[derive(Debug)]
pub(crate) struct Period {
    pub(crate) first: Date,
    /// The sums by the place of the model among [`Stats::models`]; at [`MODELS`] those of all others.
    pub(crate) by_model: BTreeMap<usize, LedgerTotal>,
    pub(crate) total: LedgerTotal,
}

/// The calls of a tool.
#[derive(Debug)]
pub(crate) struct ToolStats {
    pub(crate) name: String,
    pub(crate) succeeded: u64,
    /// Calls that were not run, since somebody said no or they were wrong.
    pub(crate) refused: u64,
    pub(crate) failed: u64,
}

impl Stats {
    pub(crate) fn new(data: &ReportData) -> Self {
        let mut total = LedgerTotal::default();
        data.attempts.iter().for_each(|entry| total += entry);
        let models = models(&data.attempts);
        let (periods, days) = periods(&data.attempts, &models, &data.zone);
        let failed = data.attempts.iter().filter(|entry| is_failed(entry));
        let mut errors = BTreeMap::<String, u64>::new();
        for entry in failed {
            let class = entry
                .error
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), ToString::to_string);
            *errors.entry(class).or_default() += 1;
        }
        let failed = errors.values().sum();
        let mut errors: Vec<_> = errors.into_iter().collect();
        errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let distinct = |mut all: Vec<String>| {
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        let sessions = data
            .attempts
            .iter()
            .filter_map(|entry| entry.session.as_ref());
        let turns = data.attempts.iter().filter_map(|entry| entry.turn);
        Self {
            total,
            models,
            periods,
            days,
            tools: tools(data),
            errors,
            failed,
            sessions: distinct(sessions.map(ToString::to_string).collect()),
            turns: distinct(turns.map(|turn| turn.to_string()).collect()),
        }
    }
}

pub(crate) fn is_failed(entry: &LedgerEntry) -> bool {
    entry.outcome == AttemptOutcome::Failed
}

/// The time that an attempt took; none while it runs.
pub(crate) fn elapsed(entry: &LedgerEntry) -> Option<Duration> {
    Some(entry.ended?.saturating_duration_since(entry.started))
}

pub(crate) fn date(at: Timestamp, zone: &TimeZone) -> Date {
    zoned(at, zone).date()
}

pub(crate) fn zoned(at: Timestamp, zone: &TimeZone) -> jiff::Zoned {
    let at = jiff::Timestamp::from_microsecond(at.as_unix_micros());
    at.unwrap_or_default().to_zoned(zone.clone())
}

/// The value below which a share of the sorted values is (nearest rank). `share` is in percent, from 1 to 100.
pub(crate) fn percentile(sorted: &[Duration], share: usize) -> Option<Duration> {
    let rank = (sorted.len() * share).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn models(attempts: &[LedgerEntry]) -> Vec<ModelStats> {
    let mut models = BTreeMap::<String, (ModelStats, u64)>::new();
    for entry in attempts {
        let name = entry.model.to_string();
        let (model, output) = models.entry(name.clone()).or_insert_with(|| {
            let model = ModelStats {
                name,
                total: LedgerTotal::default(),
                failed: 0,
                times: Vec::new(),
                rate: None,
            };
            (model, 0)
        });
        model.total += entry;
        model.failed += u64::from(is_failed(entry));
        if entry.outcome == AttemptOutcome::Answered {
            model.times.extend(elapsed(entry));
            *output += entry.usage.output;
        }
    }
    let finish = |(mut model, output): (ModelStats, u64)| {
        model.times.sort_unstable();
        let seconds: f64 = model.times.iter().map(Duration::as_secs_f64).sum();
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let rate = output as f64 / seconds;
        model.rate = (output > 0 && seconds > 0.0).then_some(rate);
        model
    };
    let mut models: Vec<_> = models.into_values().map(finish).collect();
    models.sort_by_key(|model| {
        let tokens = model.total.usage.total_tokens();
        std::cmp::Reverse((model.total.cost, tokens))
    });
    models
}

/// Sums up by days, or by as many days as it takes to have few periods.
fn periods(attempts: &[LedgerEntry], models: &[ModelStats], zone: &TimeZone) -> (Vec<Period>, i64) {
    let dates = attempts.iter().map(|entry| date(entry.started, zone));
    let (Some(first), Some(last)) = (dates.clone().min(), dates.max()) else {
        return (Vec::new(), 1);
    };
    let between = |from: Date, to: Date| {
        let span = from.until((Unit::Day, to));
        span.map_or(0, |span| i64::from(span.get_days()))
    };
    let all = between(first, last) + 1;
    let days = [1, 7, 28, 91, 364]
        .into_iter()
        .find(|days| all <= days * BARS as i64);
    let days = days.unwrap_or(all / BARS as i64 + 1);
    let count = (all - 1) / days + 1;
    let mut periods: Vec<_> = (0..count)
        .map(|index| Period {
            first: first.saturating_add(jiff::Span::new().days(index * days)),
            by_model: BTreeMap::new(),
            total: LedgerTotal::default(),
        })
        .collect();
    for entry in attempts {
        let index = between(first, date(entry.started, zone)) / days;
        let Some(period) = usize::try_from(index)
            .ok()
            .and_then(|index| periods.get_mut(index))
        else {
            continue;
        };
        let model = models
            .iter()
            .position(|model| model.name == entry.model.as_str());
        let model = model.unwrap_or(MODELS).min(MODELS);
        period.total += entry;
        *period.by_model.entry(model).or_default() += entry;
    }
    (periods, days)
}

fn tools(data: &ReportData) -> Vec<ToolStats> {
    let mut tools = BTreeMap::<&str, ToolStats>::new();
    for call in &data.tools {
        let tool = tools.entry(&call.name).or_insert_with(|| ToolStats {
            name: call.name.clone(),
            succeeded: 0,
            refused: 0,
            failed: 0,
        });
        match call.outcome {
            ToolOutcome::Success => tool.succeeded += 1,
            ToolOutcome::Rejected | ToolOutcome::Denied => tool.refused += 1,
            _ => tool.failed += 1,
        }
    }
    let mut tools: Vec<_> = tools.into_values().collect();
    tools.sort_by_key(|tool| std::cmp::Reverse(tool.succeeded + tool.refused + tool.failed));
    tools
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(model: &str, day: i64, tokens: u64) -> LedgerEntry {
        let mut entry = LedgerEntry::begin("main", "acme", model.into(), 1);
        let micros = day * 86_400_000_000 + 3_600_000_000;
        entry.started = Timestamp::from_unix_micros(micros).unwrap();
        entry.ended = entry.started.checked_add(Duration::from_secs(2));
        entry.outcome = AttemptOutcome::Answered;
        entry.usage = victor_core::Usage::new(tokens, 10);
        entry
    }

    fn stats(attempts: Vec<LedgerEntry>) -> Stats {
        let mut data = ReportData::new(Timestamp::UNIX_EPOCH);
        data.attempts = attempts;
        Stats::new(&data)
    }

    #[test]
    fn percentiles_are_values_that_there_were() {
        let times: Vec<_> = (1..=10).map(Duration::from_secs).collect();
        for (share, seconds) in [(1, 1), (50, 5), (90, 9), (91, 10), (100, 10)] {
            assert_eq!(
                percentile(&times, share),
                Some(Duration::from_secs(seconds))
            );
        }
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn periods_have_no_gaps_and_the_sum_of_all_attempts() {
        for (last, days, count) in [
            (0, 1, 1),
            (30, 1, 31),
            (31, 7, 5),
            (400, 28, 15),
            (40_000, 1291, 31),
        ] {
            let stats = stats(vec![attempt("b", last, 5), attempt("a", 0, 7)]);
            assert_eq!((stats.days, stats.periods.len()), (days, count), "{last}");
            let mut sum = LedgerTotal::default();
            stats
                .periods
                .iter()
                .flat_map(|period| period.by_model.values())
                .for_each(|total| sum += total);
            assert_eq!(sum, stats.total);
        }
        assert!(stats(Vec::new()).periods.is_empty());
    }

    #[test]
    fn models_beyond_the_colours_are_one() {
        let many = (0..20).map(|number| attempt(&format!("m{number:02}"), 0, 100 - number));
        let stats = stats(many.collect());
        assert_eq!(stats.models[0].name, "m00");
        assert_eq!(stats.periods[0].by_model.len(), MODELS + 1);
        assert_eq!(stats.periods[0].by_model[&MODELS].attempts, 13);
        assert_eq!(stats.models[0].rate, Some(5.0));
    }
}
