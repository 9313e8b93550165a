//! Requests that cannot be made to fit.

use std::fmt;

use victor_core::BoxError;

/// A request that cannot be made to fit the model's window. Its sizes are in tokens as the provider counts them, as far
/// as the manager has learnt how it does.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TooLarge {
    /// The window that it does not fit; none if that is unknown, and it is only known that the request is too long.
    pub window: Option<u64>,
    /// The tokens that are kept free for the answer.
    pub reserved: u64,
    /// The tokens of what is sent beside the context: the system prompt and the tools.
    pub preamble: u64,
    /// The tokens of all messages that may not be left out.
    pub messages: u64,
    /// The tokens of the user's last message, which is one of them.
    pub last_message: u64,
    /// The words of the provider, if it is one that refused the request.
    pub refusal: Option<BoxError>,
}

/// The part that takes up most of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LargestPart {
    /// The system prompt and the tools.
    Preamble,
    /// The user's last message.
    LastMessage,
    /// Other messages that may not be left out: the user's first, and those that are pinned.
    OtherMessages,
}

impl TooLarge {
    /// Returns the part that takes up most, and would have to become smaller.
    #[must_use]
    pub fn largest_part(&self) -> LargestPart {
        let others = self.other_messages();
        if self.preamble > self.last_message.max(others) {
            LargestPart::Preamble
        } else if self.last_message >= others {
            LargestPart::LastMessage
        } else {
            LargestPart::OtherMessages
        }
    }

    fn other_messages(&self) -> u64 {
        self.messages.saturating_sub(self.last_message)
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window {
            Some(window) => write!(f, "it cannot be made to fit the window of {window} tokens")?,
            None => f.write_str("it cannot be made smaller")?,
        }
        let (preamble, last) = (self.preamble, self.last_message);
        write!(
            f,
            ": the system prompt and the tools take about {preamble} tokens, the last message {last}"
        )?;
        match self.other_messages() {
            0 => {}
            others => write!(f, ", other messages that must stay {others}")?,
        }
        if self.window.is_some() {
            write!(f, ", and {} are kept for the answer", self.reserved)?;
        }
        let advice = match self.largest_part() {
            LargestPart::Preamble => "offer fewer tools or shorten the system prompt",
            LargestPart::LastMessage => "shorten the message",
            LargestPart::OtherMessages => "pin less or begin a new session",
        };
        write!(f, "; {advice}, or choose a model with a larger window")
    }
}

impl std::error::Error for TooLarge {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.refusal.as_deref().map(|refusal| refusal as _)
    }
}

#[cfg(test)]
mod tests {
    use victor_core::with_causes;

    use super::*;

    #[track_caller]
    fn check(window: Option<u64>, [preamble, messages, last_message]: [u64; 3], expected: &str) {
        let too_large = TooLarge {
            window,
            reserved: 256,
            preamble,
            messages,
            last_message,
            refusal: window.is_none().then(|| "too many".into()),
        };
        assert_eq!(with_causes(&too_large), expected);
    }

    #[test]
    fn it_says_what_is_too_large_and_what_helps() {
        check(
            Some(1024),
            [1900, 5, 5],
            "it cannot be made to fit the window of 1024 tokens: the system prompt and the tools take about 1900 \
             tokens, the last message 5, and 256 are kept for the answer; offer fewer tools or shorten the system \
             prompt, or choose a model with a larger window",
        );
        check(
            Some(1024),
            [80, 14_050, 14_000],
            "it cannot be made to fit the window of 1024 tokens: the system prompt and the tools take about 80 tokens, \
             the last message 14000, other messages that must stay 50, and 256 are kept for the answer; shorten the \
             message, or choose a model with a larger window",
        );
        check(
            None,
            [80, 9000, 5],
            "it cannot be made smaller: the system prompt and the tools take about 80 tokens, the last message 5, \
             other messages that must stay 8995; pin less or begin a new session, or choose a model with a larger \
             window: too many",
        );
    }
}
