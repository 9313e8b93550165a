//! The time that a server asks to wait.

use std::time::{Duration, SystemTime};

use http::header::{DATE, HeaderMap, RETRY_AFTER};

/// Returns the time that the server asks to wait before another request: `retry-after-ms`, else `retry-after` in
/// seconds or as a date. None if there is no such header, or its form is unknown.
///
/// A date is measured against the `date` of the answer, where there is one, so that it does not matter whether the
/// clocks agree. One that has passed is a wait of zero.
///
/// ```
/// use std::time::Duration;
/// use victor_http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
/// use victor_http::retry_after;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    let date = |text: &str| httpdate::parse_http_date(text).ok();

    let milliseconds = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(delay) = milliseconds.and_then(|n| Duration::try_from_secs_f64(n / 1000.0).ok()) {
        return Some(delay);
    }
    let retry_after = text(RETRY_AFTER.as_str())?;
    seconds(retry_after).or_else(|| {
        let now = text(DATE.as_str())
            .and_then(date)
            .unwrap_or_else(SystemTime::now);
        let until = date(retry_after)?;
        Some(until.duration_since(now).unwrap_or_default())
    })
}

/// Returns the server's word on another attempt, in `x-should-retry`: `true` or `false`. None if it says neither.
///
/// Source: the clients of OpenAI and Anthropic obey it before they look at the status.
#[must_use]
pub fn should_retry(headers: &HeaderMap) -> Option<bool> {
    let text = headers.get("x-should-retry")?.to_str().ok()?.trim();
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{retry_after, should_retry};

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], milliseconds: Option<u64>) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_str(value).unwrap();
                (HeaderName::from_static(name), value)
            })
            .collect();
        assert_eq!(
            retry_after(&headers),
            milliseconds.map(Duration::from_millis)
        );
    }

    #[test]
    fn seconds_and_milliseconds() {
        check(&[], None);
        check(&[("retry-after", "20")], Some(20_000));
        check(&[("retry-after", " 0.25 ")], Some(250));
        check(&[("retry-after", "0")], Some(0));
        check(&[("retry-after-ms", "1500")], Some(1_500));
        check(
            &[("retry-after-ms", "1500"), ("retry-after", "2")],
            Some(1_500),
        );
        check(
            &[("retry-after-ms", "soon"), ("retry-after", "2")],
            Some(2_000),
        );
    }

    #[test]
    fn a_date_is_measured_against_the_date_of_the_answer() {
        let answered = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        check(
            &[answered, ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")],
            Some(30_000),
        );
        check(
            &[
                answered,
                ("retry-after", "Wednesday, 21-Oct-15 07:28:30 GMT"),
            ],
            Some(30_000),
        );
        check(
            &[answered, ("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT")],
            Some(0),
        );
    }

    #[test]
    fn a_date_without_that_of_the_answer_is_measured_against_the_clock() {
        check(&[("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")], Some(0));
        let mut headers = HeaderMap::new();
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(600));
        headers.insert("retry-after", HeaderValue::from_str(&soon).unwrap());
        let delay = retry_after(&headers).unwrap();
        assert!((590..=600).contains(&delay.as_secs()), "{delay:?}");
    }

    #[test]
    fn whatever_the_clocks_say_there_is_a_wait() {
        let answered = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        let days = 3 * 86_400_000;
        check(&[("retry-after", "259200")], Some(days));
        check(
            &[answered, ("retry-after", "Sat, 24 Oct 2015 07:28:00 GMT")],
            Some(days),
        );
        // A server whose clock stands at the beginning of time, and one that is ahead by centuries.
        let epoch = ("date", "Thu, 01 Jan 1970 00:00:00 GMT");
        check(
            &[epoch, ("retry-after", "Thu, 01 Jan 1970 00:00:05 GMT")],
            Some(5_000),
        );
        let future = ("date", "Fri, 31 Dec 9999 23:59:00 GMT");
        check(
            &[future, ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")],
            Some(59_000),
        );
        check(
            &[future, ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")],
            Some(0),
        );
        // RFC 850 and asctime are forms of a date, too.
        check(
            &[answered, ("retry-after", "Wed Oct 21 07:28:30 2015")],
            Some(30_000),
        );
        check(
            &[
                ("date", "yesterday"),
                ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"),
            ],
            Some(0),
        );
    }

    #[test]
    fn servers_say_whether_another_attempt_makes_sense() {
        let check = |text: &str, expected: Option<bool>| {
            let mut headers = HeaderMap::new();
            headers.insert("x-should-retry", HeaderValue::from_str(text).unwrap());
            assert_eq!(should_retry(&headers), expected, "{text}");
        };
        check("true", Some(true));
        check(" False ", Some(false));
        check("maybe", None);
        check("", None);
        assert_eq!(should_retry(&HeaderMap::new()), None);
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for text in [
            "soon",
            "-1",
            "NaN",
            "inf",
            "1e300",
            "",
            "Wed, 99 Oct 2015 07:28:00 GMT",
        ] {
            check(&[("retry-after", text)], None);
            check(&[("retry-after-ms", text)], None);
        }
    }
}
