//! The laws of token counters.

use victor_context_protocol::{TokenCounter, TokenCounterExt};
use victor_core::{Message, contain_sync};

use crate::histories;

/// Checks a counter with the texts and messages of many conversations.
///
/// Text is appended in whole lines, because a tokenizer may rightly count `indivisible` as fewer tokens than
/// `indivisib`.
///
/// # Panics
///
/// A law is broken.
pub fn token_counter<C: TokenCounter + ?Sized>(counter: &C) {
    let outcome = contain_sync(|| {
        law!(!counter.name().is_empty(), "a counter has a name");
        law!(
            counter.count_text("") == 0,
            "no text has no tokens",
            "{}",
            counter.count_text("")
        );
        law!(counter.count_text("word") > 0, "a word has tokens");
        for messages in histories(1, 40) {
            for message in &messages {
                check_message(counter, message);
            }
        }
    });
    if let Err(panicked) = outcome {
        let law = panicked.message;
        law!(
            law.starts_with("law broken"),
            "no call panics",
            "it panicked: {law}"
        );
        panic!("{law}");
    }
}

fn check_message<C: TokenCounter + ?Sized>(counter: &C, message: &Message) {
    let text = message.text();
    let (tokens, text_tokens) = (counter.count_message(message), counter.count_text(&text));
    law!(
        tokens == counter.count_message(message) && text_tokens == counter.count_text(&text),
        "the same is counted the same",
        "{message:?}"
    );
    law!(
        tokens >= text_tokens,
        "a message has at least the tokens of its text",
        "{tokens} < {text_tokens}"
    );
    law!(
        counter.tokens(message) == tokens,
        "what is remembered is what is counted",
        "{message:?}"
    );
    let longer = format!("{text}\nand one line more");
    let more = counter.count_text(&longer);
    law!(
        more >= text_tokens,
        "more text has no fewer tokens",
        "{more} < {text_tokens} for {longer:?}"
    );
}
