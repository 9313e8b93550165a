//! The context coordinator, through its public API.

mod declined;
mod faults;
mod laws;
mod repairs;
mod sessions;
mod strategies;
mod summaries;

use std::sync::Arc;

use victor_context::{ContextCoordinator, ContextCoordinatorBuilder, ContextOptions};
use victor_context_protocol::WindowRequest;
use victor_core::{Context, Message, Messages, Part, Role, ToolCall, ToolOutcome, ToolResult};
use victor_testkit::CharCounter;

/// A coordinator that counts a token for each character and four for each message.
fn counting_chars() -> ContextCoordinatorBuilder {
    ContextCoordinator::builder().counter(Arc::new(CharCounter))
}

fn window(tokens: u64) -> WindowRequest {
    let mut request = WindowRequest::default();
    request.window = Some(tokens);
    request
}

fn options(set: impl FnOnce(&mut ContextOptions)) -> ContextOptions {
    let mut options = ContextOptions::default();
    set(&mut options);
    options
}

/// A conversation in short: each word a message of ten tokens. The first letter is `s` for system, `u` for user, `a`
/// for assistant, `c` for a call and `r` for its result; what follows the letter is the text, or the identifier of
/// the call. `!` at the end pins.
fn conversation(short: &str) -> Context {
    short.split_whitespace().map(message).collect()
}

fn message(word: &str) -> Message {
    let (word, pinned) = word
        .strip_suffix('!')
        .map_or((word, false), |word| (word, true));
    let text = format!("{:6}", &word[1..]);
    let call = ToolCall::new(word[1..].to_owned(), "tool", "{}");
    let message = match &word[..1] {
        "s" => Message::system(text),
        "u" => Message::user(text),
        "a" => Message::assistant(text),
        "c" => Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
        _ => Message::tool_results_of([ToolResult::new(&call, ToolOutcome::Success, text)]),
    };
    if pinned { message.pinned() } else { message }
}

/// Messages in short, as [`conversation`] takes them; what has another form is shown as its text.
fn short(messages: &Messages) -> String {
    let word = |message: &Arc<Message>| {
        let pin = if message.is_pinned() { "!" } else { "" };
        let parts: Vec<String> = message
            .parts()
            .iter()
            .map(|part| match part {
                Part::ToolCall(call) => format!("c{}", call.id),
                Part::ToolResult(result) if result.outcome == ToolOutcome::Cancelled => {
                    format!("lost-{}", result.call_id)
                }
                Part::ToolResult(result) => format!("r{}", result.call_id),
                Part::Text(text) => {
                    format!("{}{}", &message.role().as_str()[..1], text.text.trim_end())
                }
                part => part.kind().to_owned(),
            })
            .collect();
        format!("{}{pin}", parts.join("+"))
    };
    messages.iter().map(word).collect::<Vec<_>>().join(" ")
}
