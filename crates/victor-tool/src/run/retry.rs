//! The decision about another attempt.

use std::time::Duration;

use victor_core::Effect;
use victor_tool_protocol::ToolError;

use super::invocation::AttemptOutcome;
use crate::ToolRetryOptions;

impl ToolRetryOptions {
    /// Returns the delay before the attempt that follows attempt `number`, or `None` if none follows.
    pub(super) fn delay(
        &self,
        number: u32,
        outcome: &AttemptOutcome,
        effect: Effect,
    ) -> Option<Duration> {
        let harmless = effect <= Effect::Idempotent;
        let (again, asked) = match outcome {
            AttemptOutcome::Failed(ToolError::Unavailable { retry_after, .. }) => {
                (true, *retry_after)
            }
            AttemptOutcome::Failed(ToolError::Failed { .. }) => (harmless && self.failures, None),
            AttemptOutcome::TimedOut(_) => (harmless, None),
            _ => (false, None),
        };
        if !again || number >= self.attempts {
            return None;
        }
        match asked {
            Some(asked) => (asked <= self.max_retry_after).then_some(asked),
            None => {
                let doubled = 2_u32.saturating_pow(number - 1);
                let delay = self.first_delay.saturating_mul(doubled);
                Some(delay.min(self.max_delay))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use victor_core::contain_sync;

    use super::*;
    use crate::run::invocation::Timeout;

    const EFFECTS: [Effect; 4] = [
        Effect::ReadOnly,
        Effect::Idempotent,
        Effect::Write,
        Effect::Destructive,
    ];

    #[track_caller]
    fn check(options: &ToolRetryOptions, outcome: &AttemptOutcome, expected: [bool; 4]) {
        let found = EFFECTS.map(|effect| options.delay(1, outcome, effect).is_some());
        assert_eq!(found, expected);
    }

    #[test]
    fn effect_and_error_decide() {
        let options = ToolRetryOptions::default();
        let eager = ToolRetryOptions {
            failures: true,
            ..options.clone()
        };
        let harmless = [true, true, false, false];
        let (always, never) = ([true; 4], [false; 4]);
        for error in [
            ToolError::InvalidArguments("a".into()),
            ToolError::NotFound("a".into()),
            ToolError::NotPermitted("a".into()),
        ] {
            check(&eager, &AttemptOutcome::Failed(error), never);
        }
        let panicked = contain_sync(|| panic!("a")).unwrap_err();
        check(&eager, &AttemptOutcome::Panicked(panicked), never);
        check(&eager, &AttemptOutcome::Done("a".into()), never);
        check(
            &options,
            &AttemptOutcome::TimedOut(Timeout::Took(Duration::ZERO)),
            harmless,
        );
        check(
            &options,
            &AttemptOutcome::Failed(ToolError::failed("a")),
            never,
        );
        check(
            &eager,
            &AttemptOutcome::Failed(ToolError::failed("a")),
            harmless,
        );
        check(
            &options,
            &AttemptOutcome::Failed(ToolError::unavailable("a")),
            always,
        );
    }

    #[track_caller]
    fn delays(options: &ToolRetryOptions, retry_after: Option<u64>, expected: [Option<u64>; 6]) {
        let message = "a".to_owned();
        let retry_after = retry_after.map(Duration::from_secs);
        let outcome = AttemptOutcome::Failed(ToolError::Unavailable {
            message,
            retry_after,
        });
        let found = [1, 2, 3, 4, 5, 6].map(|number| options.delay(number, &outcome, Effect::Write));
        assert_eq!(found, expected.map(|delay| delay.map(Duration::from_secs)));
    }

    #[test]
    fn delays_double_up_to_a_limit_and_what_the_tool_asks_for_beats_them() {
        let options = ToolRetryOptions {
            attempts: 6,
            ..ToolRetryOptions::default()
        };
        let doubled = [Some(1), Some(2), Some(4), Some(8), Some(10), None];
        delays(&options, None, doubled);
        delays(
            &options,
            Some(0),
            [0, 0, 0, 0, 0, 6].map(|delay| (delay < 6).then_some(delay)),
        );
        delays(
            &options,
            Some(60),
            [60, 60, 60, 60, 60, 99].map(|delay| (delay < 99).then_some(delay)),
        );
        delays(&options, Some(61), [None; 6]);
        delays(&options, Some(u64::MAX), [None; 6]);
        delays(
            &ToolRetryOptions::default(),
            None,
            [Some(1), Some(2), None, None, None, None],
        );
        delays(&ToolRetryOptions::none(), None, [None; 6]);
    }
}
