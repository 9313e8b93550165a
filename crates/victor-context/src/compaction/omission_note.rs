//! The note that says that messages were omitted.

use std::collections::HashSet;

use victor_context_protocol::{TokenCounter, TokenCounterExt};
use victor_core::{Message, Messages};

use crate::rebuild::{derived_id, note};

/// The field of an omission note that counts the messages it stands for.
const LEFT_OUT: &str = "left_out";

/// Puts a note where the first message was omitted, with the number of omitted messages; earlier notes are merged into
/// it.
///
/// There is no note if nothing was omitted, if the strategy put its own messages in place of others, or if the note
/// would bring `result` over `limit` tokens.
pub(crate) fn note_omission(
    history: &Messages,
    result: &Messages,
    limit: u64,
    counter: &dyn TokenCounter,
) -> Messages {
    let known: HashSet<_> = history.iter().map(|message| message.id()).collect();
    let kept: HashSet<_> = result.iter().map(|message| message.id()).collect();
    let mut left_out = 0;
    let mut gap = None;
    for (index, message) in history.iter().enumerate() {
        let before = omitted(message);
        if before.is_some() || !kept.contains(&message.id()) {
            // A note that was there already keeps its identifier.
            gap.get_or_insert_with(|| match before {
                Some(_) => (index, message.id()),
                None => (index, derived_id(message.id(), 1 << 32)),
            });
            left_out += before.unwrap_or(1);
        }
    }
    let Some((gap, id)) = gap.filter(|_| kept.is_subset(&known)) else {
        return result.clone();
    };
    let messages = if left_out == 1 { "message" } else { "messages" };
    let text = format!(
        "[{left_out} earlier {messages} left out to save space. The session's transcript has the whole.]"
    );
    let note = note(id, text).with_extra(LEFT_OUT, left_out);
    // All messages in front of the gap are kept, so it stands at the same place in the result.
    let others = || result.iter().filter(|message| omitted(message).is_none());
    let with_note: Messages = others()
        .take(gap)
        .cloned()
        .chain([note.into()])
        .chain(others().skip(gap).cloned())
        .collect();
    if counter.tokens_of(&with_note) <= limit {
        with_note
    } else {
        result.clone()
    }
}

/// Returns the tokens of a target that are reserved for a note: none of a small target.
pub(crate) fn note_allowance(target: u64) -> u64 {
    const TOKENS: u64 = 32;
    if target >= 20 * TOKENS { TOKENS } else { 0 }
}

/// Returns the number of messages that an omission note stands for, or `None` if the message is not such a note.
fn omitted(message: &Message) -> Option<u64> {
    message.extra().get(LEFT_OUT)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EstimateCounter;

    /// Checks the letters that remain of `history` when those of `kept` are kept.
    fn check(history: &Messages, kept: &str, limit: u64, expected: &str) -> Messages {
        let result = history
            .iter()
            .filter(|message| message.is_note() || kept.contains(&*message.text()))
            .cloned()
            .collect();
        let result = note_omission(history, &result, limit, &EstimateCounter);
        let shown: String = result
            .iter()
            .map(|message| match omitted(message) {
                Some(count) => format!("({count})"),
                None => message.text().into_owned(),
            })
            .collect();
        assert_eq!(shown, expected);
        result
    }

    #[test]
    fn one_note_stands_for_all_that_was_left_out() {
        let history: Messages = ["a", "b", "c", "d", "e"]
            .map(Message::user)
            .into_iter()
            .collect();
        check(&history, "abcde", 99, "abcde");
        check(&history, "ae", 99, "a(3)e");
        check(&history, "bd", 99, "(3)bd");
        check(&history, "ab", 99, "ab(3)");
        check(&history, "ae", 20, "ae");
        let once = check(&history, "acde", 99, "a(1)cde");
        assert_eq!(check(&once, "acde", 99, "a(1)cde"), once);
        check(&once, "ae", 99, "a(3)e");
        check(&once, "cde", 99, "(2)cde");
    }

    #[test]
    fn a_summary_takes_the_place_of_a_note() {
        let history: Messages = ["a", "b"].map(Message::user).into_iter().collect();
        let result: Messages = ["sum", "b"].map(Message::user).into_iter().collect();
        assert_eq!(
            note_omission(&history, &result, 999, &EstimateCounter),
            result
        );
    }

    #[test]
    fn the_allowance_is_what_a_note_takes() {
        let history: Messages = (0..100_000).map(|_| Message::user("a")).collect();
        let only_note = note_omission(&history, &Messages::new(), 999, &EstimateCounter);
        assert!(EstimateCounter.tokens_of(&only_note) <= note_allowance(640));
        assert_eq!(note_allowance(639), 0);
    }
}
