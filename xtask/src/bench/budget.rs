//! `benches/budget.toml`: what Victor may cost.
//!
//! ```toml
//! # Why the number is what it is.
//! [[budget]]
//! what = "growth of a turn with the history, a message"
//! of = "turn/victor/10000"  # a measure
//! minus = "turn/victor/10"  # optional: is subtracted
//! over = "turn/bare/10"     # optional: divides the difference
//! per = 9990                # optional: a number that divides it
//! unit = "ns"               # of the value: ns, us or ms for times, x for ratios, or any noun
//! max = 10.0                # or min; without either, the row is shown and not judged
//! ```

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::measures::Values;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    budget: Vec<Budget>,
}

/// A value that is computed from measures, and its limit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    pub(crate) what: String,
    of: String,
    minus: Option<String>,
    over: Option<String>,
    per: Option<f64>,
    pub(crate) unit: String,
    max: Option<f64>,
    min: Option<f64>,
}

/// The limit of a value, in the unit of its row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Limit {
    Max(f64),
    Min(f64),
}

/// Reads and checks the rows of a budget.
pub(crate) fn parse(text: &str) -> Result<Vec<Budget>> {
    let File { budget } = toml::from_str(text)?;
    let mut names = BTreeSet::new();
    for row in &budget {
        row.check().with_context(|| format!("`{}`", row.what))?;
        ensure!(names.insert(&row.what), "`{}` is there twice", row.what);
    }
    Ok(budget)
}

impl Budget {
    fn check(&self) -> Result<()> {
        let [per, max, min] = [self.per, self.max, self.min];
        ensure!(per.is_none_or(|per| per > 0.0), "`per` must be above zero");
        ensure!(
            max.is_none() || min.is_none(),
            "`max` and `min` exclude each other"
        );
        let mut numbers = [per, max, min].into_iter().flatten();
        ensure!(
            numbers.all(f64::is_finite),
            "numbers must not be inf or nan"
        );
        ensure!(
            self.over.is_none() || self.nanoseconds().is_none(),
            "`over` makes a ratio, which is not in {}",
            self.unit
        );
        Ok(())
    }

    /// The measures that the value is computed from.
    pub(crate) fn measures(&self) -> impl Iterator<Item = &str> {
        let others = [&self.minus, &self.over].into_iter().flatten();
        [&self.of].into_iter().chain(others).map(String::as_str)
    }

    /// The value in its unit, unless a measure is missing or a divisor is zero.
    pub(crate) fn value(&self, values: &Values) -> Option<f64> {
        let measure = |name: &Option<String>, default| match name {
            Some(name) => values.get(name).copied(),
            None => Some(default),
        };
        let difference = values.get(&self.of)? - measure(&self.minus, 0.0)?;
        let divisor = measure(&self.over, 1.0)? * self.per.unwrap_or(1.0);
        let value = difference / divisor / self.nanoseconds().unwrap_or(1.0);
        value.is_finite().then_some(value)
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        self.max.map(Limit::Max).or(self.min.map(Limit::Min))
    }

    /// The nanoseconds of the unit, if it is one of time.
    fn nanoseconds(&self) -> Option<f64> {
        match self.unit.as_str() {
            "ns" => Some(1.0),
            "us" => Some(1e3),
            "ms" => Some(1e6),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, parse};
    use crate::bench::measures::Values;

    /// A budget of one row, which begins like this and goes on with `rest`.
    fn row(rest: &str) -> String {
        format!("[[budget]]\nwhat = \"a turn\"\nof = \"turn/10\"\n{rest}\n")
    }

    fn value(rest: &str) -> Option<f64> {
        let measures = [
            ("turn/10", 9000.0),
            ("bare/10", 1000.0),
            ("none", 0.0),
            ("share", 0.5),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let budget = parse(&row(rest)).expect("a budget");
        budget[0].value(&Values::from(measures))
    }

    fn fails(text: &str, expected: &str) {
        let error = format!("{:#}", parse(text).expect_err(text));
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_value_is_computed_from_measures_and_converted_to_its_unit() {
        assert_eq!(value("unit = \"ns\""), Some(9000.0));
        assert_eq!(value("unit = \"us\""), Some(9.0));
        assert_eq!(value("unit = \"ms\""), Some(0.009));
        assert_eq!(value("unit = \"crates\""), Some(9000.0));
        assert_eq!(value("unit = \"us\"\nminus = \"bare/10\""), Some(8.0));
        assert_eq!(value("unit = \"ns\"\nper = 90"), Some(100.0));
        assert_eq!(value("unit = \"x\"\nover = \"bare/10\""), Some(9.0));
        let all = "minus = \"bare/10\"\nover = \"share\"\nper = 4\nunit = \"x\"";
        assert_eq!(value(all), Some(4000.0));
    }

    #[test]
    fn without_a_measure_or_with_a_divisor_of_zero_there_is_no_value() {
        assert_eq!(value("unit = \"ns\"\nminus = \"bare/11\""), None);
        assert_eq!(value("unit = \"x\"\nover = \"bare/11\""), None);
        assert_eq!(value("unit = \"x\"\nover = \"none\""), None);
    }

    #[test]
    fn a_limit_is_an_upper_one_a_lower_one_or_none() {
        let limit = |rest: &str| parse(&row(rest)).expect("a budget")[0].limit();
        assert_eq!(limit("unit = \"x\"\nmax = 1"), Some(Limit::Max(1.0)));
        assert_eq!(limit("unit = \"x\"\nmin = 0.9"), Some(Limit::Min(0.9)));
        assert_eq!(limit("unit = \"x\""), None);
    }

    #[test]
    fn mistakes_in_the_file_are_told() {
        fails("", "missing field `budget`");
        fails("limits = 1", "unknown field `limits`");
        fails(&row("unit = \"x\"\nmaximum = 1"), "unknown field `maximum`");
        fails(&row("max = 1"), "missing field `unit`");
        fails(&row("unit = \"x\"\nmax = \"1\""), "invalid type: string");
        let both = "unit = \"x\"\nmax = 1\nmin = 1";
        fails(&row(both), "`a turn`: `max` and `min` exclude each other");
        fails(&row("unit = \"x\"\nper = 0"), "`per` must be above zero");
        fails(&row("unit = \"x\"\nmax = inf"), "must not be inf");
        fails(&row("unit = \"x\"\nmin = nan"), "must not be inf or nan");
        fails(
            &row("unit = \"us\"\nover = \"a\""),
            "a ratio, which is not in us",
        );
        fails(&row("unit = \"x\"").repeat(2), "`a turn` is there twice");
    }

    #[test]
    fn our_own_budget_is_understood() {
        let budget = include_str!("../../../benches/budget.toml");
        assert!(!parse(budget).expect("a budget").is_empty());
    }
}
