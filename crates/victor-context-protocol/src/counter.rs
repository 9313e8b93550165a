//! The extension point for counting tokens.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;

use victor_core::{Message, Messages};

/// Says how many tokens a message has for a model.
///
/// Implemented by tokenizers and estimates; called by context managers and strategies from many tasks at once. It
/// does no I/O and is fast: a whole history may be counted at once. Counts go through [`TokenCounterExt`], which
/// counts each message once.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait TokenCounter: fmt::Debug + Send + Sync + 'static {
    /// The counter's name. Two counters that count differently have different names.
    fn name(&self) -> &str;

    /// The tokens of a text.
    fn count_text(&self, text: &str) -> u32;

    /// The tokens of a whole message: its texts, calls and results, and what the wire format adds.
    fn count_message(&self, message: &Message) -> u32;
}

#[deny(clippy::missing_trait_methods)]
impl<T: TokenCounter + ?Sized> TokenCounter for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn count_text(&self, text: &str) -> u32;
        fn count_message(&self, message: &Message) -> u32;
    }
}

/// Additions for the callers of a [`TokenCounter`].
pub trait TokenCounterExt: TokenCounter {
    /// The tokens of a message, counted once and then remembered with it.
    fn tokens(&self, message: &Message) -> u32 {
        message.tokens_by(key(self.name()), |message| self.count_message(message))
    }

    /// The tokens of many messages together.
    fn tokens_of(&self, messages: &Messages) -> u64 {
        let key = key(self.name());
        messages
            .iter()
            .map(|message| u64::from(message.tokens_by(key, |message| self.count_message(message))))
            .sum()
    }
}

impl<C: TokenCounter + ?Sized> TokenCounterExt for C {}

/// The number by which a message tells counters apart.
fn key(name: &str) -> NonZeroU32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    NonZeroU32::new((hasher.finish() >> 32) as u32).unwrap_or(NonZeroU32::MIN)
}
