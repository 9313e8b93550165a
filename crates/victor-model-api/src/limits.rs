//! Limits on one answer.

use std::fmt;

victor_core::options! {
    /// Limits on the content of one answer. A model that repeats itself without end, or a malicious server, meets them;
    /// an answer that a person could read does not.
    ///
    /// Lengths are bytes of UTF-8. They bound the memory that an answer takes, and what is stored of it.
    ///
    /// ```
    /// use victor_model_api::AnswerLimits;
    ///
    /// let limits = AnswerLimits::default().with_max_text_bytes(1 << 20);
    /// assert_eq!(limits.max_calls, 256);
    /// ```
    #[derive(Copy, PartialEq, Eq)]
    pub struct AnswerLimits {
        /// Most bytes of the text and the thoughts of an answer together. Defaults to 8 MiB: some two million tokens,
        /// and more than any model writes.
        pub max_text_bytes, with_max_text_bytes: usize = 8 << 20;
        /// Most bytes of the arguments of one call. Defaults to 4 MiB.
        pub max_argument_bytes, with_max_argument_bytes: usize = 4 << 20;
        /// Most calls in an answer. Defaults to 256, twice as many as OpenAI allows.
        pub max_calls, with_max_calls: usize = 256;
        /// Most bytes of data that only the provider understands, such as sealed thoughts and the results of its own
        /// tools. Defaults to 64 MiB: there are pictures among them.
        pub max_opaque_bytes, with_max_opaque_bytes: usize = 64 << 20;
    }
}

/// Counts what an answer brings, and holds it to its limits.
#[derive(Debug, Clone, Default)]
pub struct AnswerMeter {
    limits: AnswerLimits,
    text: usize,
    opaque: usize,
    progress: u64,
}

/// An answer is larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// Its text and thoughts have more bytes.
    Text(usize),
    /// The arguments of a call have more bytes.
    Arguments(usize),
    /// It has more calls.
    Calls(usize),
    /// The data that only the provider understands has more bytes.
    Opaque(usize),
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, limit, name) = match self {
            Self::Text(limit) => ("bytes of text", limit, "max_text_bytes"),
            Self::Arguments(limit) => (
                "bytes of arguments for one call",
                limit,
                "max_argument_bytes",
            ),
            Self::Calls(limit) => ("tool calls", limit, "max_calls"),
            Self::Opaque(limit) => ("bytes for its provider alone", limit, "max_opaque_bytes"),
        };
        write!(
            f,
            "the answer has more than {limit} {what}; raise `{name}` of the limits on answers if it may"
        )
    }
}

impl AnswerMeter {
    /// A meter for one answer.
    #[must_use]
    pub fn new(limits: AnswerLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Counts so many bytes more of text or thoughts.
    ///
    /// # Errors
    ///
    /// There are more than the limits allow.
    pub fn text(&mut self, more: usize) -> Result<(), LimitExceeded> {
        self.text += more;
        self.note(more);
        let limit = self.limits.max_text_bytes;
        (self.text <= limit)
            .then_some(())
            .ok_or(LimitExceeded::Text(limit))
    }

    /// Counts so many bytes more of the arguments of a call, which has `all` bytes now.
    ///
    /// # Errors
    ///
    /// There are more than the limits allow.
    pub fn arguments(&mut self, more: usize, all: usize) -> Result<(), LimitExceeded> {
        self.note(more);
        let limit = self.limits.max_argument_bytes;
        (all <= limit)
            .then_some(())
            .ok_or(LimitExceeded::Arguments(limit))
    }

    /// Checks how many calls there are now.
    ///
    /// # Errors
    ///
    /// There are more than the limits allow.
    pub fn calls(&mut self, all: usize) -> Result<(), LimitExceeded> {
        let limit = self.limits.max_calls;
        (all <= limit)
            .then_some(())
            .ok_or(LimitExceeded::Calls(limit))
    }

    /// Counts so many bytes more of what only the provider understands.
    ///
    /// # Errors
    ///
    /// There are more than the limits allow.
    pub fn opaque(&mut self, more: usize) -> Result<(), LimitExceeded> {
        self.opaque += more;
        self.note(more);
        let limit = self.limits.max_opaque_bytes;
        (self.opaque <= limit)
            .then_some(())
            .ok_or(LimitExceeded::Opaque(limit))
    }

    /// Counts so much content that has no limit of its own.
    pub fn note(&mut self, more: usize) {
        self.progress = self.progress.saturating_add(more as u64);
    }

    /// Returns a number that grows with all content, and with nothing else: an event that leaves it as it is was a
    /// sign of life and no more.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_held_to_its_limits() {
        let limits = AnswerLimits {
            max_text_bytes: 5,
            max_argument_bytes: 3,
            max_calls: 2,
            max_opaque_bytes: 1,
        };
        let mut meter = AnswerMeter::new(limits);
        assert_eq!(meter.text(0), Ok(()));
        assert_eq!(meter.progress(), 0);
        assert_eq!((meter.text(3), meter.text(2)), (Ok(()), Ok(())));
        assert_eq!(meter.text(1), Err(LimitExceeded::Text(5)));
        assert_eq!(meter.arguments(3, 3), Ok(()));
        assert_eq!(meter.arguments(1, 4), Err(LimitExceeded::Arguments(3)));
        assert_eq!(meter.calls(2), Ok(()));
        assert_eq!(meter.calls(3), Err(LimitExceeded::Calls(2)));
        assert_eq!(meter.opaque(2), Err(LimitExceeded::Opaque(1)));
        assert_eq!(meter.progress(), 12);
        assert_eq!(
            LimitExceeded::Calls(2).to_string(),
            "the answer has more than 2 tool calls; raise `max_calls` of the limits on answers if it may"
        );
    }
}
