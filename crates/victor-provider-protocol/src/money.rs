//! Amounts of money.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const NANOS: u64 = 1_000_000_000;

/// An amount of US dollars, exact to a billionth.
///
/// A token costs a few hundred to a few ten thousand nano-dollars, so a price per million tokens with three decimals is
/// a whole number of them for each token. Sums are exact and independent of their order; beyond 18 billion dollars they
/// stay at the largest amount.
///
/// ```
/// use victor_provider_protocol::NanoDollars;
///
/// let budget: NanoDollars = "2.50".parse()?;
/// assert_eq!(budget, NanoDollars::from_nanos(2_500_000_000));
/// assert_eq!((budget + NanoDollars::from_nanos(1)).to_string(), "$2.500000001");
/// # Ok::<(), victor_provider_protocol::ParseMoneyError>(())
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NanoDollars(u64);

impl NanoDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of billionths of a dollar.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the amount in billionths of a dollar.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Converts from a floating-point amount of dollars, rounded to the nearest billionth; `None` where it is negative
    /// or not a number.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the sign is checked, and an `f64` holds no more digits than that"
    )]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nanos = (dollars * NANOS as f64).round();
        // The conversion stays at the largest amount.
        (nanos >= 0.0).then_some(Self(nanos as u64))
    }

    /// Returns the amount in dollars, as exactly as an `f64` can tell; for charts and ratios, not for sums.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "documented")]
    pub fn as_dollars(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// Returns the difference, or nothing where `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns the amount `times` times.
    #[must_use]
    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Add for NanoDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoDollars {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for NanoDollars {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::add)
    }
}

/// Writes all digits that count, and at least two after the point: `$0.00`, `$2.50`, `$0.000042`.
impl fmt::Display for NanoDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / NANOS, self.0 % NANOS);
        let digits = format!("{fraction:09}");
        let kept = digits.trim_end_matches('0').len().max(2);
        f.pad(&format!("${whole}.{}", &digits[..kept]))
    }
}

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no amount of dollars: write digits with at most nine after the point, such as 2.50"
)]
#[non_exhaustive]
pub struct ParseMoneyError {
    /// The text.
    pub text: String,
}

impl FromStr for NanoDollars {
    type Err = ParseMoneyError;

    /// Reads dollars as people write them, with or without `$`: `2.50`, `$0.05`, `3`.
    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        let parse = || {
            let number = text.trim();
            let number = number.strip_prefix('$').unwrap_or(number);
            let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
            if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
                return None;
            }
            let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
            let whole: u64 = whole.parse().ok()?;
            whole.checked_mul(NANOS)?.checked_add(fraction).map(Self)
        };
        parse().ok_or_else(|| ParseMoneyError {
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: u64, shown: &str) {
        let amount = NanoDollars::from_nanos(nanos);
        assert_eq!(text.parse(), Ok(amount));
        assert_eq!(amount.to_string(), shown);
        assert_eq!(shown.parse(), Ok(amount));
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        check("0", 0, "$0.00");
        check(" $2.5 ", 2_500_000_000, "$2.50");
        check("0.000042", 42_000, "$0.000042");
        check("10", 10_000_000_000, "$10.00");
        check("18446744073.709551615", u64::MAX, "$18446744073.709551615");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "$",
            "-1",
            "1.",
            ".5",
            "1e3",
            "1,50",
            "0.0000000001",
            "18446744073.709551616",
            "two",
        ] {
            let error = text.parse::<NanoDollars>().unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{text}` is no amount"))
            );
        }
    }

    #[test]
    fn floats_are_rounded_and_nonsense_is_none() {
        let nanos = |dollars| NanoDollars::from_dollars(dollars).map(NanoDollars::as_nanos);
        assert_eq!(nanos(0.1 + 0.2), Some(300_000_000));
        assert_eq!(nanos(0.000_000_000_4), Some(0));
        assert_eq!(nanos(-0.5), None);
        assert_eq!(nanos(f64::NAN), None);
        assert_eq!(nanos(1e11), Some(u64::MAX));
        assert!((NanoDollars::from_nanos(250_000_000).as_dollars() - 0.25).abs() < f64::EPSILON);
    }

    #[test]
    fn sums_stay_at_the_largest_amount() {
        let most = NanoDollars::from_nanos(u64::MAX);
        let sum: NanoDollars = [most, most].into_iter().sum();
        assert_eq!((sum, most.saturating_mul(2)), (most, most));
        assert_eq!(NanoDollars::ZERO.saturating_sub(most), NanoDollars::ZERO);
    }
}
