//! The note that says that messages were left out.

use std::collections::HashSet;

use victor_context_protocol::{TokenCounter, TokenCounterExt};
use victor_core::{Message, Messages};

use crate::rebuild::{derived_id, note};

/// The field of a marker that says how many messages it stands for.
const LEFT_OUT: &str = "left_out";

/// Puts a note where the first message was left out, of how many there were, those before earlier markers among them.
///
/// There is none if nothing was left out, if the strategy put messages of its own in place of others, or if the note
/// would bring `result` over `limit` tokens.
pub(crate) fn mark(
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
        let before = marked(message);
        if before.is_some() || !kept.contains(&message.id()) {
            // A marker that was there already stays the same message.
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
    let marker = note(id, text).with_extra(LEFT_OUT, left_out);
    // All messages in front of the gap are kept, so it stands at the same place in the result.
    let others = || result.iter().filter(|message| marked(message).is_none());
    let marked: Messages = others()
        .take(gap)
        .cloned()
        .chain([marker.into()])
        .chain(others().skip(gap).cloned())
        .collect();
    if counter.tokens_of(&marked) <= limit {
        marked
    } else {
        result.clone()
    }
}

/// How many tokens of a target are to be left for a marker: none of a small one.
pub(crate) fn allowance(target: u64) -> u64 {
    const TOKENS: u64 = 32;
    if target >= 20 * TOKENS { TOKENS } else { 0 }
}

/// How many messages a marker stands for; none if the message is no marker.
fn marked(message: &Message) -> Option<u64> {
    message.extra().get(LEFT_OUT)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EstimateCounter;

    /// What becomes of the letters of `history` when those of `kept` are left.
    fn check(history: &Messages, kept: &str, limit: u64, expected: &str) -> Messages {
        let result = history
            .iter()
            .filter(|message| message.is_note() || kept.contains(&*message.text()))
            .cloned()
            .collect();
        let result = mark(history, &result, limit, &EstimateCounter);
        let shown: String = result
            .iter()
            .map(|message| match marked(message) {
                Some(count) => format!("({count})"),
                None => message.text().into_owned(),
            })
            .collect();
        assert_eq!(shown, expected);
        result
    }

    #[test]
    fn one_marker_stands_for_all_that_was_left_out() {
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
    fn a_summary_takes_the_place_of_a_marker() {
        let history: Messages = ["a", "b"].map(Message::user).into_iter().collect();
        let result: Messages = ["sum", "b"].map(Message::user).into_iter().collect();
        assert_eq!(mark(&history, &result, 999, &EstimateCounter), result);
    }

    #[test]
    fn the_allowance_is_what_a_marker_takes() {
        let history: Messages = (0..100_000).map(|_| Message::user("a")).collect();
        let marker = mark(&history, &Messages::new(), 999, &EstimateCounter);
        assert!(EstimateCounter.tokens_of(&marker) <= allowance(640));
        assert_eq!(allowance(639), 0);
    }
}
