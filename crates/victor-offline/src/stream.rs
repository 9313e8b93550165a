//! Text that comes word by word.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Sleep, sleep};
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError};

/// Text that comes word by word, and then the completion.
pub(crate) struct WordStream {
    text: String,
    position: usize,
    delay: Duration,
    wait: Option<Pin<Box<Sleep>>>,
    completion: Option<Completion>,
}

impl WordStream {
    pub(crate) fn new(text: String, completion: Completion, delay: Duration) -> Self {
        Self {
            text,
            position: 0,
            delay,
            wait: None,
            completion: Some(completion),
        }
    }
}

impl Stream for WordStream {
    type Item = Result<CompletionEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(word) = next_word(&this.text[this.position..]) else {
            return Poll::Ready(
                this.completion
                    .take()
                    .map(|completion| Ok(CompletionEvent::finished(completion))),
            );
        };
        if !this.delay.is_zero() {
            let delay = this.delay;
            ready!(
                this.wait
                    .get_or_insert_with(|| Box::pin(sleep(delay)))
                    .as_mut()
                    .poll(cx)
            );
            this.wait = None;
        }
        let word = word.to_owned();
        this.position += word.len();
        Poll::Ready(Some(Ok(CompletionEvent::TextDelta(word))))
    }
}

/// The first word with the spaces after it; none of an empty text.
pub(crate) fn next_word(text: &str) -> Option<&str> {
    let word = text.find(char::is_whitespace).unwrap_or(text.len());
    let spaces = text[word..]
        .find(|c: char| !c.is_whitespace())
        .unwrap_or(text.len() - word);
    (!text.is_empty()).then(|| &text[..word + spaces])
}
