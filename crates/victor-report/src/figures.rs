//! Figures, written for people.

use std::time::Duration;

use victor_provider_protocol::NanoDollars;

/// Writes a number with at most three digits and a letter: `950`, `1.2k`, `34M`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn short(number: u64) -> String {
    let steps = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let value = number as f64;
    // What is rounded up to the next step is written with it.
    for (step, letter) in steps {
        if value >= step * 0.9995 {
            return format!("{}{letter}", digits(value / step));
        }
    }
    number.to_string()
}

/// Writes US dollars.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn dollars(cost: NanoDollars) -> String {
    let dollars = cost.as_nanos() as f64 / 1e9;
    match dollars {
        0.0 => "$0".to_owned(),
        _ if dollars >= 1000.0 => format!("${}", short(dollars.round().max(0.0) as u64)),
        _ if dollars >= 0.01 => format!("${dollars:.2}"),
        _ if dollars >= 0.0001 => format!("${dollars:.4}"),
        _ => "<$0.0001".to_owned(),
    }
}

/// Writes a time.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 99.95 => format!("{} s", digits(seconds)),
        _ if seconds < 5970.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{} h", digits(seconds / 3600.0)),
    }
}

/// Writes a share of a whole in percent.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0%".to_owned();
    }
    let share = part as f64 / whole as f64 * 100.0;
    match part {
        0 => "0%".to_owned(),
        _ if share < 0.1 => "<0.1%".to_owned(),
        _ => format!("{}%", digits(share)),
    }
}

/// Writes at most three digits, of which one is behind the point.
fn digits(value: f64) -> String {
    let text = if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1k"),
            (1234, "1.2k"),
            (99_960, "100k"),
            (999_960, "1M"),
            (34_000_000, "34M"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(short(number), text);
        }
        for (nanos, text) in [
            (0, "$0"),
            (1, "<$0.0001"),
            (1_500_000, "$0.0015"),
            (12_340_000_000, "$12.34"),
            (4_200_000_000_000, "$4.2k"),
        ] {
            assert_eq!(dollars(NanoDollars::from_nanos(nanos)), text);
        }
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (61_500, "61.5 s"),
            (180_000, "3 min"),
            (7_200_000, "2 h"),
        ] {
            assert_eq!(time(Duration::from_millis(millis)), text);
        }
        for (part, whole, text) in [
            (0, 0, "0%"),
            (1, 3, "33.3%"),
            (1, 100_000, "<0.1%"),
            (5, 5, "100%"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }
}
