//! The outcome of one batch.

use victor_analytics_protocol::{AnalyticsEvent, ExportError, ExportErrorKind, ExportResult};
use victor_core::with_causes;
use victor_guard::Fault;

use crate::AnalyticsOptions;
use crate::pace::Pace;

/// The outcome of one batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Number of events, from the oldest, that will not come again.
    pub(crate) dealt: usize,
    /// Those among them that were given up, with the reasons.
    pub(crate) dead: Vec<(usize, String)>,
    /// Description of the failure, unless the next batch may follow at once.
    pub(crate) error: Option<String>,
}

impl Outcome {
    pub(crate) fn failed(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    /// Gives up all of a batch.
    fn given_up(count: usize, reason: &str) -> Self {
        Self {
            dealt: count,
            dead: (0..count).map(|index| (index, reason.to_owned())).collect(),
            error: None,
        }
    }

    /// Reads the answer of an exporter, who may claim anything.
    pub(crate) fn new(
        answer: Result<Result<ExportResult, ExportError>, Fault>,
        events: &[AnalyticsEvent],
        pace: &mut Pace,
        options: &AnalyticsOptions,
    ) -> Self {
        let count = events.len();
        let error = match answer {
            Ok(Ok(result)) => return Self::of(result, events, pace, options),
            Ok(Err(error)) => error,
            Err(fault) => {
                pace.failed(None);
                if let Fault::Panicked(panicked) = &fault {
                    if count == 1 && pace.strike(events[0].id) {
                        return Self::given_up(1, &panicked.to_string());
                    }
                    // One event may be the reason: smaller batches find it.
                    pace.halve(count);
                }
                return Self::failed(fault.to_string());
            }
        };
        match error.kind {
            ExportErrorKind::TooLarge if count > 1 => {
                pace.halve(count);
                Self::default()
            }
            ExportErrorKind::TooLarge | ExportErrorKind::Permanent => {
                Self::given_up(count, &with_causes(&error))
            }
            _ => {
                pace.failed(error.retry_after);
                Self::failed(with_causes(&error))
            }
        }
    }

    fn of(
        result: ExportResult,
        events: &[AnalyticsEvent],
        pace: &mut Pace,
        options: &AnalyticsOptions,
    ) -> Self {
        let claimed = result.exported_count.saturating_add(result.rejected.len());
        let (dealt, error) = if result.success {
            pace.succeeded(options);
            (events.len(), None)
        } else {
            pace.failed(None);
            let error = result
                .error
                .unwrap_or_else(|| "not all events arrived".into());
            (claimed.min(events.len()), Some(error))
        };
        let place = |id| events[..dealt].iter().position(|event| event.id == id);
        let rejected = result.rejected.into_iter();
        let dead = rejected.filter_map(|rejected| Some((place(rejected.id)?, rejected.reason)));
        Self {
            dealt,
            dead: dead.collect(),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use victor_analytics_protocol::RejectedEvent;
    use victor_core::{EventId, Panicked};

    use super::*;

    /// The outcome of a batch of three events with the numbers 0 to 2: how many are dealt with, which of them are dead,
    /// and the error; and then the size of the next batch.
    fn check(
        answer: Result<Result<ExportResult, ExportError>, Fault>,
        dealt: usize,
        dead: &[usize],
        error: Option<&str>,
        size: usize,
    ) {
        let options = AnalyticsOptions::default().with_batch_size(8);
        let mut pace = Pace::new(&options);
        let events = [0, 1, 2].map(|number| {
            let mut event = AnalyticsEvent::new("e");
            event.id = EventId::from_u128(number);
            event
        });
        let shown = format!("{answer:?}");
        let outcome = Outcome::new(answer, &events, &mut pace, &options);
        let places: Vec<_> = outcome.dead.iter().map(|(place, _)| *place).collect();
        assert_eq!(
            (
                outcome.dealt,
                &*places,
                outcome.error.as_deref(),
                pace.size()
            ),
            (dealt, dead, error, size),
            "{shown}"
        );
    }

    #[test]
    fn every_answer() {
        let rejected = |number| RejectedEvent::new(EventId::from_u128(number), "no event");
        let done = ExportResult::exported;
        let failed = ExportResult::failed;
        let error = |kind| Ok(Err(ExportError::new("no").with_kind(kind)));
        check(Ok(Ok(done(3))), 3, &[], None, 8);
        check(Ok(Ok(done(0))), 3, &[], None, 8);
        check(Ok(Ok(failed(1, "full"))), 1, &[], Some("full"), 8);
        check(Ok(Ok(failed(9, "full"))), 3, &[], Some("full"), 8);
        check(
            Ok(Ok(failed(usize::MAX, "x").with_rejected([rejected(0)]))),
            3,
            &[0],
            Some("x"),
            8,
        );
        check(
            Ok(Ok(ExportResult::default())),
            0,
            &[],
            Some("not all events arrived"),
            8,
        );
        check(
            Ok(Ok(done(2).with_rejected([rejected(1)]))),
            3,
            &[1],
            None,
            8,
        );
        check(
            Ok(Ok(done(3).with_rejected([rejected(7)]))),
            3,
            &[],
            None,
            8,
        );
        check(
            Ok(Ok(failed(0, "x").with_rejected([rejected(0)]))),
            1,
            &[0],
            Some("x"),
            8,
        );
        check(
            Ok(Ok(failed(0, "x").with_rejected([rejected(2)]))),
            1,
            &[],
            Some("x"),
            8,
        );
        check(error(ExportErrorKind::Retryable), 0, &[], Some("no"), 8);
        check(error(ExportErrorKind::TooLarge), 0, &[], None, 1);
        check(error(ExportErrorKind::Permanent), 3, &[0, 1, 2], None, 8);
        let late = Fault::TimedOut(Duration::from_secs(1));
        check(Err(late), 0, &[], Some("gave no answer within 1s"), 8);
        let panicked = Panicked {
            message: "out of cheese".into(),
        };
        check(
            Err(panicked.into()),
            0,
            &[],
            Some("panicked: out of cheese"),
            1,
        );
    }
}
