//! The rows of a budget, filled with what was measured.

use serde::{Deserialize, Serialize};

use super::budget::{Budget, Limit};
use super::measures::{Measures, Values};

/// A row of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// The value, in `unit`.
    pub(crate) measured: f64,
    pub(crate) unit: String,
    #[serde(flatten)]
    pub(crate) limit: Option<Limit>,
    /// The share of the limit that is used: 1 is all. None where there is none to divide.
    pub(crate) used: Option<f64>,
    pub(crate) verdict: Option<Verdict>,
    /// The change against the baseline, as a share of its value.
    pub(crate) change: Option<f64>,
}

/// Whether a row keeps to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    Over,
}

/// A budget and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// In the order of the budget.
    pub(crate) rows: Vec<Row>,
    /// The number of missing rows, whose measures the run has left out.
    pub(crate) left_out: usize,
    /// The faults of the budget.
    pub(crate) faults: Vec<String>,
}

/// Computes the rows of a budget, and their changes against the measures of a baseline.
pub(crate) fn judge(budgets: &[Budget], measures: &Measures, baseline: Option<&Values>) -> Judged {
    let mut judged = Judged::default();
    for budget in budgets {
        let what = &budget.what;
        let names = budget.measures();
        let missing: Vec<_> = names
            .filter(|name| !measures.values().contains_key(*name))
            .collect();
        if let Some(name) = missing.iter().find(|name| !measures.may_lack(name)) {
            let fault = format!("`{what}` asks for `{name}`, which nothing measures");
            judged.faults.push(fault);
        } else if !missing.is_empty() {
            judged.left_out += 1;
        } else if let Some(measured) = budget.value(measures.values()) {
            let before = baseline.and_then(|values| budget.value(values));
            judged.rows.push(row(budget, measured, before));
        } else {
            judged.faults.push(format!("`{what}` divides by zero"));
        }
    }
    judged
}

fn row(budget: &Budget, measured: f64, before: Option<f64>) -> Row {
    let limit = budget.limit();
    let judged = limit.map(|limit| match limit {
        Limit::Max(max) => (measured / max, measured <= max),
        Limit::Min(min) => (min / measured, measured >= min),
    });
    let verdict = |(_, keeps)| if keeps { Verdict::Ok } else { Verdict::Over };
    let change = before.map(|before| (measured - before) / before.abs());
    Row {
        what: budget.what.clone(),
        measured,
        unit: budget.unit.clone(),
        limit,
        used: judged.map(|(used, _)| used).filter(|used| used.is_finite()),
        verdict: judged.map(verdict),
        change: change.filter(|change| change.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Verdict, judge};
    use crate::bench::budget::parse;
    use crate::bench::measures::{Measures, Values};

    fn values(pairs: &[(&str, f64)]) -> Values {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    /// The row of a value and a limit.
    fn judged(measured: f64, limit: &str, before: &[(&str, f64)]) -> Row {
        let mut measures = Measures::default();
        measures
            .add(values(&[("a/1", measured)]))
            .expect("a number");
        let text = format!("[[budget]]\nwhat = \"a\"\nof = \"a/1\"\nunit = \"x\"\n{limit}\n");
        let budgets = parse(&text).expect("a budget");
        let mut judged = judge(&budgets, &measures, Some(&values(before)));
        assert_eq!((judged.left_out, judged.faults.len()), (0, 0));
        judged.rows.remove(0)
    }

    #[test]
    fn values_up_to_the_limit_are_fine() {
        let check = |measured, limit, used, verdict| {
            let row = judged(measured, limit, &[]);
            assert_eq!(
                (row.used, row.verdict),
                (used, verdict),
                "{measured} {limit}"
            );
        };
        check(5.0, "max = 10", Some(0.5), Some(Verdict::Ok));
        check(10.0, "max = 10", Some(1.0), Some(Verdict::Ok));
        check(12.0, "max = 10", Some(1.2), Some(Verdict::Over));
        check(2.0, "min = 1", Some(0.5), Some(Verdict::Ok));
        check(1.0, "min = 1", Some(1.0), Some(Verdict::Ok));
        check(0.5, "min = 1", Some(2.0), Some(Verdict::Over));
        check(0.0, "min = 1", None, Some(Verdict::Over));
        check(0.0, "max = 0", None, Some(Verdict::Ok));
        check(1.0, "max = 0", None, Some(Verdict::Over));
        check(1.0, "", None, None);
    }

    #[test]
    fn the_change_is_a_share_of_the_baseline() {
        let change = |measured, before: &[_]| judged(measured, "", before).change;
        assert_eq!(change(15.0, &[("a/1", 10.0)]), Some(0.5));
        assert_eq!(change(-5.0, &[("a/1", -10.0)]), Some(0.5));
        assert_eq!(change(15.0, &[("a/1", 0.0)]), None);
        assert_eq!(change(15.0, &[("a/2", 10.0)]), None);
    }

    #[test]
    fn rows_whose_measures_were_left_out_are_counted_and_unknown_ones_refused() {
        let text = "[[budget]]\nwhat = \"a\"\nof = \"a/1\"\nunit = \"x\"\n\
                    [[budget]]\nwhat = \"b\"\nof = \"a/1\"\nminus = \"b/1\"\nunit = \"x\"\n";
        let budgets = parse(text).expect("a budget");
        let mut measures = Measures::default();
        measures
            .add_group(values(&[("a/1", 1.0)]))
            .expect("a number");
        let complete = judge(&budgets, &measures, None);
        let expected = "`b` asks for `b/1`, which nothing measures";
        assert_eq!(complete.faults, [expected]);
        measures.leave_out("b");
        let partial = judge(&budgets, &measures, None);
        assert_eq!((partial.rows.len(), partial.left_out), (1, 1));
        assert_eq!(partial.faults, [""; 0]);
    }

    #[test]
    fn a_divisor_of_zero_is_a_fault() {
        let text = "[[budget]]\nwhat = \"a\"\nof = \"a/1\"\nover = \"a/2\"\nunit = \"x\"\n";
        let mut measures = Measures::default();
        measures
            .add(values(&[("a/1", 1.0), ("a/2", 0.0)]))
            .expect("numbers");
        let budgets = parse(text).expect("a budget");
        let judged = judge(&budgets, &measures, None);
        assert_eq!(judged.faults, ["`a` divides by zero"]);
    }
}
