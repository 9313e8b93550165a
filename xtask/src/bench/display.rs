//! Numbers as people read them.

use super::budget::Limit;
use super::rows::{Row, Verdict};

/// A number with three digits that matter, or with all of them if it is whole.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A number and its unit.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    let unit = if unit == "us" { "µs" } else { unit };
    format!("{} {unit}", number(value))
}

/// A time in the unit that suits it.
pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => quantity(ns, "ns"),
        ns if ns < 1e6 => quantity(ns / 1e3, "us"),
        ns if ns < 1e9 => quantity(ns / 1e6, "ms"),
        ns => quantity(ns / 1e9, "s"),
    }
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// The title of each column of a report, the last of which is for reports with a baseline.
pub(crate) const COLUMNS: [&str; 6] = ["what", "measured", "budget", "ratio", "verdict", "change"];

/// The cells of a row, one for each column.
pub(crate) fn cells(row: &Row) -> [String; 6] {
    let limit = row.limit.map(|limit| match limit {
        Limit::Max(max) => format!("≤ {}", quantity(max, &row.unit)),
        Limit::Min(min) => format!("≥ {}", quantity(min, &row.unit)),
    });
    let verdict = row.verdict.map(|verdict| match verdict {
        Verdict::Ok => "ok".to_owned(),
        Verdict::Over => "over".to_owned(),
    });
    let change = row.change.map(|change| format!("{:+.1} %", change * 100.0));
    [
        row.what.clone(),
        quantity(row.measured, &row.unit),
        limit.unwrap_or_default(),
        row.used.map(percent).unwrap_or_default(),
        verdict.unwrap_or_default(),
        change.unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::{number, time};

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let numbers = [
            81.0, 12345.0, 1234.5, 99.96, 99.94, 9.999, 1.234, 0.97123, -0.5, 0.0,
        ];
        let expected = [
            "81", "12345", "1234", "100", "99.9", "10.0", "1.23", "0.971", "-0.500", "0",
        ];
        assert_eq!(numbers.map(number), expected);
    }

    #[test]
    fn times_have_a_unit_that_suits_them() {
        let times = [12.5, 1e3, 123_456.0, 1e6, 2.5e9].map(time);
        assert_eq!(times, ["12.5 ns", "1 µs", "123 µs", "1 ms", "2.50 s"]);
    }
}
