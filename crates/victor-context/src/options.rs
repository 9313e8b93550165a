//! Options of the coordinator, and the levels that follow from them.

use std::time::Duration;

use victor_context_protocol::WindowRequest;

victor_core::options! {
    /// The sizes at which a [`ContextCoordinator`](crate::ContextCoordinator) compacts, and to which it does.
    ///
    /// There are two levels instead of one, so that the provider's prompt cache is broken rarely: nothing happens up to
    /// the `threshold`, and then the context shrinks to the `target` at once.
    ///
    /// ```
    /// use victor_context::ContextOptions;
    ///
    /// let options = ContextOptions::default().with_threshold(0.7).with_default_window(32_000);
    /// assert_eq!(options.target, 0.5);
    /// ```
    #[derive(PartialEq)]
    pub struct ContextOptions {
        /// Share of the free window above which a context is compacted. The free window is the window without the
        /// tokens that a [`WindowRequest`] reserves and those that are sent beside the context. Defaults to 0.8.
        pub threshold, with_threshold: f64 = 0.8;
        /// Share of the free window to which a compaction shrinks a context. At most three quarters of the threshold
        /// are used, so that a compaction is never followed by the next one. Defaults to 0.5.
        pub target, with_target: f64 = 0.5;
        /// Window in tokens that is assumed of a model whose window is unknown. Defaults to 128,000.
        pub default_window, with_default_window: u64 = 128_000;
        /// Time limit of a strategy, after which truncation takes its place. It does not apply outside of a tokio
        /// runtime with timers. Defaults to 30 seconds.
        pub strategy_timeout, with_strategy_timeout: Duration = Duration::from_secs(30);
    }
}

/// The levels of one request, in counted tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The free part of the window.
    pub(crate) room: u64,
    /// More than this is compacted.
    pub(crate) trigger: u64,
    /// To at most this, if possible.
    pub(crate) target: u64,
}

impl ContextOptions {
    /// The window that a request means, if the strategy allows no more than `max_tokens`.
    pub(crate) fn window(&self, request: &WindowRequest, max_tokens: Option<u64>) -> u64 {
        let window = request.window.unwrap_or(self.default_window);
        max_tokens.map_or(window, |max_tokens| window.min(max_tokens))
    }

    /// The levels of a request, where `budget` tells how many tokens may be counted so that the provider counts so
    /// many.
    pub(crate) fn limits(
        &self,
        request: &WindowRequest,
        max_tokens: Option<u64>,
        budget: impl FnOnce(u64) -> u64,
    ) -> Limits {
        let window = self.window(request, max_tokens);
        let room = budget(window.saturating_sub(request.reserved)).saturating_sub(request.preamble);
        let usable = |share: &f64| (0.0..=1.0).contains(share);
        let threshold = request.threshold.filter(usable).unwrap_or(self.threshold);
        let threshold = Some(threshold).filter(usable).unwrap_or(0.8);
        let target = Some(self.target).filter(usable).unwrap_or(0.5);
        Limits {
            room,
            trigger: share_of(room, threshold),
            target: share_of(room, target.min(threshold * 0.75)),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is between 0 and 1, and a window has far less than 53 bits"
)]
fn share_of(room: u64, share: f64) -> u64 {
    (room as f64 * share) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(set: impl FnOnce(&mut ContextOptions, &mut WindowRequest), expected: (u64, u64, u64)) {
        let (mut options, mut request) = (ContextOptions::default(), WindowRequest::default());
        request.window = Some(1000);
        set(&mut options, &mut request);
        let limits = options.limits(&request, Some(128_000), |tokens| tokens);
        assert_eq!((limits.room, limits.trigger, limits.target), expected);
    }

    #[test]
    fn limits_follow_from_the_request_and_the_options() {
        check(|_, _| (), (1000, 800, 500));
        check(|_, request| request.reserved = 200, (800, 640, 400));
        check(|_, request| request.reserved = 2000, (0, 0, 0));
        check(|_, request| request.preamble = 200, (800, 640, 400));
        check(|_, request| request.preamble = 2000, (0, 0, 0));
        check(
            |_, request| request.window = None,
            (128_000, 102_400, 64_000),
        );
        check(|_, request| request.threshold = Some(0.4), (1000, 400, 300));
        check(|options, _| options.target = 0.9, (1000, 800, 600));
    }

    #[test]
    fn what_is_sent_is_corrected_and_what_is_kept_free_is_not() {
        let mut request = WindowRequest::default();
        (request.window, request.reserved, request.preamble) = (Some(1000), 200, 100);
        let limits = ContextOptions::default().limits(&request, None, |tokens| tokens / 2);
        assert_eq!(
            (limits.room, limits.trigger, limits.target),
            (300, 240, 150)
        );
    }

    #[test]
    fn a_strategy_may_want_less_than_the_window() {
        let (options, mut request) = (ContextOptions::default(), WindowRequest::default());
        request.window = Some(1000);
        for (max_tokens, window) in [(None, 1000), (Some(5000), 1000), (Some(400), 400)] {
            assert_eq!(options.window(&request, max_tokens), window);
            assert_eq!(
                options.limits(&request, max_tokens, |tokens| tokens).room,
                window
            );
        }
    }

    #[test]
    fn a_share_that_is_none_is_not_used() {
        check(
            |_, request| request.threshold = Some(f64::NAN),
            (1000, 800, 500),
        );
        check(|options, _| options.threshold = -1.0, (1000, 800, 500));
        check(
            |options, _| options.target = f64::INFINITY,
            (1000, 800, 500),
        );
    }
}
