//! The tokens of a context by the kind of content.

use std::collections::BTreeMap;

use victor_context_protocol::{TokenCounter, TokenCounterExt};
use victor_core::{Message, Messages, Part};

/// The weight of a picture or a document beside texts, in bytes: its cost in tokens does not follow from its data.
const MEDIA: u64 = 4_000;

/// Sums up the tokens of messages by the kind of their parts. The sums add up to the tokens of the messages.
pub(crate) fn token_breakdown(
    messages: &Messages,
    counter: &dyn TokenCounter,
) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for message in messages {
        let tokens = u64::from(counter.tokens(message));
        for (kind, share) in shares(message, tokens) {
            *sums.entry(kind.to_owned()).or_default() += share;
        }
    }
    sums
}

/// Shares the tokens of a message out among its parts, by the length of each.
fn shares(message: &Message, tokens: u64) -> Vec<(&str, u64)> {
    let weights: Vec<u64> = message.parts().iter().map(weight).collect();
    let all: u64 = weights.iter().sum::<u64>().max(1);
    let mut left = tokens;
    let mut shares: Vec<(&str, u64)> = Vec::with_capacity(weights.len());
    for (part, weight) in message.parts().iter().zip(weights) {
        let share = (tokens.saturating_mul(weight) / all).min(left);
        left -= share;
        shares.push((part.kind(), share));
    }
    match shares.last_mut() {
        // What rounding leaves, and what the message takes as a whole.
        Some((_, share)) => *share += left,
        None => shares.push(("text", left)),
    }
    shares
}

fn weight(part: &Part) -> u64 {
    let length = match part {
        Part::Text(text) => text.text.len(),
        Part::Thinking(thinking) => thinking.text.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.len(),
        Part::ToolResult(result) => return result.content.iter().map(weight).sum(),
        Part::Opaque(opaque) => opaque.data.len(),
        _ => return MEDIA,
    };
    length as u64
}

#[cfg(test)]
mod tests {
    use victor_core::{Role, ToolCall};
    use victor_testkit::{CharCounter, histories};

    use super::*;

    #[test]
    fn the_parts_add_up_to_the_whole() {
        for messages in histories(3, 60) {
            let by_part = token_breakdown(&messages, &CharCounter);
            assert_eq!(
                by_part.values().sum::<u64>(),
                CharCounter.tokens_of(&messages)
            );
        }
    }

    #[test]
    fn a_message_is_shared_out_by_length() {
        let call = Part::ToolCall(ToolCall::new("1", "read", "{\"path\":\"a.txt\"}"));
        let message = Message::new(Role::Assistant, vec![Part::text("x".repeat(20)), call]);
        assert_eq!(shares(&message, 100), [("text", 50), ("tool_call", 50)]);
        assert_eq!(shares(&Message::new(Role::User, vec![]), 3), [("text", 3)]);
        assert_eq!(shares(&Message::user(""), 3), [("text", 3)]);
    }
}
