//! Points in time.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A point in time, exact to the nanosecond, between the years -9999 and 9999.
///
/// It is stored and shown as RFC 3339 text in UTC, such as `2026-11-30T15:55:08.25Z`; a precision shows so many digits
/// of the second (`{:.0}` none). It converts from and to [`SystemTime`], Unix milliseconds and microseconds, and text.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use victor_core::Timestamp;
///
/// let noon: Timestamp = "2026-11-30T13:00:00+01:00".parse()?;
/// assert_eq!(noon.to_string(), "2026-11-30T12:00:00Z");
/// assert_eq!(noon.as_unix_millis(), 1_796_040_000_000);
/// assert_eq!(SystemTime::from(noon + Duration::from_secs(1)), (noon + Duration::from_secs(1)).into());
/// # Ok::<(), victor_core::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The earliest point in time.
    pub const MIN: Self = Self(jiff::Timestamp::MIN);
    /// The latest point in time.
    pub const MAX: Self = Self(jiff::Timestamp::MAX);
    /// The beginning of 1970 in UTC, which is also the default.
    pub const UNIX_EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// Returns the current time by the system's clock, which may be set back.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// Returns the point `millis` milliseconds after [`UNIX_EPOCH`](Self::UNIX_EPOCH).
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] if it is before [`MIN`](Self::MIN) or after [`MAX`](Self::MAX).
    pub fn from_unix_millis(millis: i64) -> Result<Self, InvalidTimestamp> {
        wrapped(jiff::Timestamp::from_millisecond(millis))
    }

    /// Returns the milliseconds since [`UNIX_EPOCH`](Self::UNIX_EPOCH), negative before it. Drops what is finer.
    pub fn as_unix_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Returns the point `micros` microseconds after [`UNIX_EPOCH`](Self::UNIX_EPOCH).
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] if it is before [`MIN`](Self::MIN) or after [`MAX`](Self::MAX).
    pub fn from_unix_micros(micros: i64) -> Result<Self, InvalidTimestamp> {
        wrapped(jiff::Timestamp::from_microsecond(micros))
    }

    /// Returns the microseconds since [`UNIX_EPOCH`](Self::UNIX_EPOCH), negative before it. Drops what is finer.
    pub fn as_unix_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// Returns the time from `earlier` to this point; zero if `earlier` is the later of the two.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0
            .duration_since(earlier.0)
            .try_into()
            .unwrap_or_default()
    }

    /// Returns the point `time` after this one; `None` if it is after [`MAX`](Self::MAX).
    pub fn checked_add(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self).ok()
    }

    /// Returns the point `time` before this one; `None` if it is before [`MIN`](Self::MIN).
    pub fn checked_sub(self, time: Duration) -> Option<Self> {
        self.0.checked_sub(time).map(Self).ok()
    }
}

/// Returns the later point, at most [`Timestamp::MAX`].
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        self.checked_add(time).unwrap_or(Self::MAX)
    }
}

/// Returns the earlier point, at least [`Timestamp::MIN`].
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        self.checked_sub(time).unwrap_or(Self::MIN)
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

impl SubAssign<Duration> for Timestamp {
    fn sub_assign(&mut self, time: Duration) {
        *self = *self - time;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads RFC 3339 text with any offset.
impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        wrapped(text.parse())
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(time: SystemTime) -> Result<Self, InvalidTimestamp> {
        wrapped(time.try_into())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

fn wrapped(time: Result<jiff::Timestamp, jiff::Error>) -> Result<Timestamp, InvalidTimestamp> {
    time.map(Timestamp).map_err(InvalidTimestamp)
}

/// The error of a value that is no [`Timestamp`]: text that is not RFC 3339, or a time out of range.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "invalid timestamp; expected a time such as 2026-11-30T15:55:08Z, between the years -9999 and 9999"
)]
pub struct InvalidTimestamp(#[source] jiff::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rfc_3339_in_utc() {
        let text = |text: &str| text.parse::<Timestamp>().map(|time| time.to_string()).ok();
        assert_eq!(
            text("2026-11-30T15:55:08Z").as_deref(),
            Some("2026-11-30T15:55:08Z")
        );
        assert_eq!(
            text("2026-11-30T15:55:08.1234567890+01:00").as_deref(),
            None,
            "ten digits are one too many"
        );
        assert_eq!(
            text("2026-11-30T15:55:08.25+01:00").as_deref(),
            Some("2026-11-30T14:55:08.25Z")
        );
        assert_eq!(text("2026-11-30").as_deref(), None);

        let time: Timestamp = "2026-11-30T15:55:08.25Z".parse().unwrap();
        assert_eq!(
            format!("{time:.0} {time:.3} {time:?}"),
            "2026-11-30T15:55:08Z 2026-11-30T15:55:08.250Z 2026-11-30T15:55:08.25Z"
        );
        let json = serde_json::to_string(&time).unwrap();
        assert_eq!(json, r#""2026-11-30T15:55:08.25Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
        assert!(serde_json::from_str::<Timestamp>("1").is_err());
    }

    #[test]
    fn numbers_and_system_times_go_there_and_back() {
        for millis in [0, 1, -1, 1_796_040_000_250, -62_135_596_800_000] {
            let time = Timestamp::from_unix_millis(millis).unwrap();
            assert_eq!(time.as_unix_millis(), millis);
            assert_eq!(time.as_unix_micros(), millis * 1000);
            assert_eq!(Timestamp::from_unix_micros(millis * 1000).unwrap(), time);
            assert_eq!(Timestamp::try_from(SystemTime::from(time)).unwrap(), time);
        }
        assert!(Timestamp::from_unix_millis(i64::MAX).is_err());
        assert!(Timestamp::from_unix_micros(i64::MIN).is_err());
    }

    #[test]
    fn arithmetic_stays_within_the_range() {
        let second = Duration::from_secs(1);
        let time = Timestamp::UNIX_EPOCH + second;
        assert_eq!(time - second, Timestamp::default());
        assert_eq!(
            time.saturating_duration_since(Timestamp::UNIX_EPOCH),
            second
        );
        assert_eq!(
            Timestamp::UNIX_EPOCH.saturating_duration_since(time),
            Duration::ZERO
        );
        assert_eq!(Timestamp::MAX + second, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - second, Timestamp::MIN);
        assert_eq!(time + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MAX.checked_add(second), None);
        assert_eq!(Timestamp::MIN.checked_sub(Duration::MAX), None);
    }
}
