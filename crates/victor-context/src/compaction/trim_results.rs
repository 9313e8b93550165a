//! The last resort: trimming tool results, and the task.

use std::sync::Arc;

use victor_context_protocol::{TokenCounter, TokenCounterExt};
use victor_core::{Message, MessageId, Messages, Part, Role};

use crate::rebuild::with_parts;

/// Nothing is cut below so many tokens: what remains must still say what it was.
const SMALLEST: u64 = 48;

/// Cuts the largest tool results, and the user's first request if there is a later one, until the messages have at most
/// `target` tokens, or until nothing is left to cut.
///
/// A text keeps its beginning and its end, with a note between them of how much was cut; a picture or document is
/// replaced by a note. Pinned messages are left alone. The message keeps its identifier: it is a shortened copy, and
/// the transcript has the whole one.
pub(crate) fn trim_results(
    messages: &Messages,
    target: u64,
    counter: &dyn TokenCounter,
) -> Messages {
    let total = counter.tokens_of(messages);
    let task = earlier_task(messages);
    let mut sizes: Vec<u64> = messages
        .iter()
        .filter(|message| may_be_cut(message, task))
        .flat_map(|message| cuttable(message))
        .map(|part| part_tokens(part, counter))
        .collect();
    sizes.sort_unstable();
    let others = total.saturating_sub(sizes.iter().sum());
    let largest = sizes.last().copied().unwrap_or_default();
    let mut cap = level(&sizes, target.saturating_sub(others))
        .min(largest)
        .max(SMALLEST);
    loop {
        let cut: Messages = messages
            .iter()
            .map(|message| match may_be_cut(message, task) {
                true => capped(message, cap, counter),
                false => message.clone(),
            })
            .collect();
        if cap == SMALLEST || counter.tokens_of(&cut) <= target {
            return cut;
        }
        // Tokens are not spread evenly over a text, and the notes take some too.
        cap = (cap * 3 / 4).max(SMALLEST);
    }
}

/// The user's first request, if there is a later one.
fn earlier_task(messages: &Messages) -> Option<MessageId> {
    let mut requests = messages
        .iter()
        .filter(|message| *message.role() == Role::User && !message.is_note());
    let first = requests.next()?;
    requests.next().map(|_| first.id())
}

fn may_be_cut(message: &Message, task: Option<MessageId>) -> bool {
    (*message.role() == Role::Tool || task == Some(message.id())) && !message.is_pinned()
}

/// The parts of a message that may be cut.
fn cuttable(message: &Message) -> impl Iterator<Item = &Part> {
    message
        .parts()
        .iter()
        .flat_map(|part| match part {
            Part::ToolResult(result) => result.content.as_slice(),
            part => std::slice::from_ref(part),
        })
        .filter(|part| matches!(part, Part::Text(_) | Part::Image(_) | Part::Document(_)))
}

/// The level to which the largest of `sizes`, in ascending order, must sink so that all together are at most `budget`.
fn level(sizes: &[u64], budget: u64) -> u64 {
    let mut left = budget;
    for (index, size) in sizes.iter().enumerate() {
        let share = left / (sizes.len() - index) as u64;
        if *size > share {
            return share;
        }
        left -= size;
    }
    u64::MAX
}

fn capped(message: &Arc<Message>, cap: u64, counter: &dyn TokenCounter) -> Arc<Message> {
    if cuttable(message).all(|part| part_tokens(part, counter) <= cap) {
        return message.clone();
    }
    let mut parts = message.parts().to_vec();
    let cuttable = parts.iter_mut().flat_map(|part| match part {
        Part::ToolResult(result) => result.content.as_mut_slice(),
        part => std::slice::from_mut(part),
    });
    for part in cuttable {
        let tokens = part_tokens(part, counter);
        if tokens > cap && matches!(part, Part::Text(_) | Part::Image(_) | Part::Document(_)) {
            cut(part, tokens, cap);
        }
    }
    with_parts(message, parts).into()
}

fn cut(part: &mut Part, tokens: u64, cap: u64) {
    let Part::Text(text) = part else {
        *part = Part::text(format!(
            "[A part of type `{}` was left out: it did not fit the context window.]",
            part.kind()
        ));
        return;
    };
    let length = text.text.chars().count() as u64;
    // The note takes about thirty tokens of what is allowed.
    let kept = u128::from(length) * u128::from(cap.saturating_sub(30)) / u128::from(tokens.max(1));
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let tail = kept / 3;
    let offset = |chars: usize| {
        text.text
            .char_indices()
            .nth(chars)
            .map_or(text.text.len(), |(offset, _)| offset)
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (head, tail) = (offset(kept - tail), offset(length - tail));
    text.text = format!(
        "{}\n[... {} characters were cut here: they did not fit the context window. ...]\n{}",
        &text.text[..head],
        length - kept,
        &text.text[tail..]
    );
}

fn part_tokens(part: &Part, counter: &dyn TokenCounter) -> u64 {
    u64::from(match part {
        Part::Text(text) => counter.count_text(&text.text),
        // A count of its own would need a message; one is made for the occasion.
        part => counter.count_message(&Message::new(Role::User, vec![part.clone()])),
    })
}

#[cfg(test)]
mod tests {
    use victor_core::{Image, MediaSource, ToolCall, ToolOutcome, ToolResult};

    use super::*;
    use crate::EstimateCounter;

    fn result(part: Part) -> Message {
        let call = ToolCall::new("1", "read", "{}");
        Message::tool_results_of([ToolResult::with_parts(
            &call,
            ToolOutcome::Success,
            vec![part],
        )])
    }

    fn text(words: usize) -> Part {
        Part::text((0..words).map(|n| format!("word{n} ")).collect::<String>())
    }

    #[test]
    fn the_level_is_where_the_budget_is_used_up() {
        assert_eq!(level(&[], 10), u64::MAX);
        assert_eq!(level(&[1, 2, 3], 6), u64::MAX);
        assert_eq!(level(&[1, 2, 30], 6), 3);
        assert_eq!(level(&[10, 10, 30], 15), 5);
        assert_eq!(level(&[1, 1], 0), 0);
    }

    #[test]
    fn the_largest_are_cut_and_keep_beginning_and_end() {
        let messages: Messages = [
            result(text(30)),
            result(text(3000)),
            result(text(5000)).pinned(),
        ]
        .into_iter()
        .collect();
        let pinned = u64::from(EstimateCounter.tokens(messages.last().unwrap()));
        let cut = trim_results(&messages, pinned + 600, &EstimateCounter);
        assert!(EstimateCounter.tokens_of(&cut) <= pinned + 600);
        assert!(
            EstimateCounter.tokens_of(&cut) > pinned + 300,
            "no more is cut than needed"
        );
        assert_eq!((cut.get(0), cut.get(2)), (messages.get(0), messages.get(2)));
        let result = cut
            .get(1)
            .unwrap()
            .tool_results()
            .next()
            .unwrap()
            .text()
            .into_owned();
        assert!(
            result.starts_with("word0 ")
                && result.ends_with("word2999 ")
                && result.contains("characters")
        );
        assert_eq!(cut.get(1).unwrap().id(), messages.get(1).unwrap().id());
    }

    #[test]
    fn what_is_not_text_is_replaced_by_a_note() {
        let image = Part::Image(Image::new(MediaSource::Url("u".into())));
        let messages: Messages = [result(image)].into_iter().collect();
        let cut = trim_results(&messages, 100, &EstimateCounter);
        assert!(
            cut.last()
                .unwrap()
                .tool_results()
                .next()
                .unwrap()
                .text()
                .contains("`image`")
        );
        assert!(EstimateCounter.tokens_of(&cut) <= 100);
    }

    #[test]
    fn the_task_is_cut_where_a_later_request_follows() {
        let task = || Message::user((0..3000).map(|n| format!("{n} ")).collect::<String>());
        let cut = |messages: Vec<Message>| {
            let messages: Messages = messages.into_iter().collect();
            let cut = trim_results(&messages, 200, &EstimateCounter);
            EstimateCounter.tokens_of(&cut) <= 200
        };
        assert!(cut(vec![task(), Message::user("go on")]));
        assert!(!cut(vec![task()]));
        assert!(!cut(vec![task().pinned(), Message::user("go on")]));
        assert!(!cut(vec![Message::user("begin"), task()]));
    }

    #[test]
    fn nothing_is_cut_to_nothing() {
        let messages: Messages = [result(Part::text("字".repeat(5000)))]
            .into_iter()
            .collect();
        let cut = trim_results(&messages, 0, &EstimateCounter);
        assert!(
            cut.last()
                .unwrap()
                .tool_results()
                .next()
                .unwrap()
                .text()
                .starts_with("字")
        );
    }
}
