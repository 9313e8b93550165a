//! The units of a history that must not be separated.

use std::ops::Range;

use victor_context_protocol::{TokenCounter, TokenCounterExt};
use victor_core::{Message, Messages, Role};

/// Messages that stand or fall together: a strategy keeps all of them or none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The position of its messages in the history.
    pub range: Range<usize>,
    /// The kind of the group.
    pub kind: GroupKind,
    /// The number of the request that it belongs to, from 1; 0 before the first.
    pub turn: usize,
    /// Whether every compaction keeps it: what the system says, what is pinned, the user's first request, which is the
    /// task, and the last, the end of the history, which the model has to go on from, and the request that any of
    /// these belongs to.
    pub protected: bool,
}

/// The kind of a [`Group`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupKind {
    /// A message of the system.
    System,
    /// A message of the user, which begins a turn.
    Request,
    /// A message of the model, together with the results of its tool calls.
    Step,
    /// A [note](Message::is_note) of the program: what an earlier compaction put in the place of messages.
    Note,
}

impl Group {
    /// The group's messages, out of the history that it is a group of.
    pub fn messages<'a>(
        &self,
        history: &'a Messages,
    ) -> impl Iterator<Item = &'a std::sync::Arc<Message>> {
        history.iter().skip(self.range.start).take(self.range.len())
    }

    /// Counts the tokens of the group.
    pub fn tokens(&self, history: &Messages, counter: &dyn TokenCounter) -> u64 {
        self.messages(history)
            .map(|message| u64::from(counter.tokens(message)))
            .sum()
    }
}

/// Divides a valid history into groups, oldest first. Every message is in one of them.
///
/// ```
/// use victor_context::{GroupKind, groups};
/// use victor_core::{Message, Messages, Part, Role, ToolCall, ToolOutcome, ToolResult};
///
/// let call = ToolCall::new("1", "read", r#"{"path":"notes.txt"}"#);
/// let result = ToolResult::new(&call, ToolOutcome::Success, "Buy milk");
/// let history: Messages = [
///     Message::user("What do my notes say?"),
///     Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
///     Message::tool_results_of([result]),
///     Message::assistant("To buy milk."),
/// ]
/// .into_iter()
/// .collect();
///
/// let kinds: Vec<_> = groups(&history).into_iter().map(|group| (group.kind, group.range.len())).collect();
/// assert_eq!(kinds, [(GroupKind::Request, 1), (GroupKind::Step, 2), (GroupKind::Step, 1)]);
/// ```
#[must_use]
pub fn groups(history: &Messages) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut turn = 0;
    let (mut first_request, mut last_request) = (None, None);
    for (index, message) in history.iter().enumerate() {
        let kind = match message.role() {
            Role::System => GroupKind::System,
            Role::User if message.is_note() => GroupKind::Note,
            Role::User => GroupKind::Request,
            _ => GroupKind::Step,
        };
        if *message.role() == Role::Tool
            && let Some(step) = groups
                .last_mut()
                .filter(|group| group.kind == GroupKind::Step)
        {
            step.range.end = index + 1;
            step.protected |= message.is_pinned();
            continue;
        }
        if kind == GroupKind::Request {
            turn += 1;
            first_request.get_or_insert(groups.len());
            last_request = Some(groups.len());
        }
        let protected = kind == GroupKind::System || message.is_pinned();
        groups.push(Group {
            range: index..index + 1,
            kind,
            turn,
            protected,
        });
    }
    for request in [first_request, last_request].into_iter().flatten() {
        groups[request].protected = true;
    }
    if let Some(last) = groups.last_mut() {
        last.protected = true;
    }
    protect_requests(&mut groups);
    groups
}

/// A request is protected with its steps, so that what is kept never begins with an answer to nothing.
fn protect_requests(groups: &mut [Group]) {
    let mut turn_with_protected_step = None;
    for group in groups.iter_mut().rev() {
        match group.kind {
            GroupKind::Step if group.protected => turn_with_protected_step = Some(group.turn),
            GroupKind::Request => group.protected |= turn_with_protected_step == Some(group.turn),
            _ => {}
        }
    }
}

/// The messages of the groups that are `wanted` or protected, and of the requests that kept steps belong to.
pub(crate) fn keep(
    history: &Messages,
    groups: &[Group],
    wanted: impl Fn(usize, &Group) -> bool,
) -> Messages {
    let mut kept: Vec<bool> = groups
        .iter()
        .enumerate()
        .map(|(index, group)| group.protected || wanted(index, group))
        .collect();
    let mut turn_with_kept_step = None;
    for (index, group) in groups.iter().enumerate().rev() {
        match group.kind {
            GroupKind::Step if kept[index] => turn_with_kept_step = Some(group.turn),
            GroupKind::Request => kept[index] |= turn_with_kept_step == Some(group.turn),
            _ => {}
        }
    }
    let kept = groups
        .iter()
        .zip(kept)
        .filter_map(|(group, kept)| kept.then_some(group));
    kept.flat_map(|group| group.messages(history))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use victor_core::{Part, ToolCall, ToolOutcome, ToolResult};

    /// A history in short: `s` system, `u` user, `a` assistant, `c` assistant with a call, `r` its result, `n`
    /// note; a capital letter is pinned.
    fn history(short: &str) -> Messages {
        let call = ToolCall::new("1", "t", "{}");
        let message = |letter: char| {
            let message = match letter.to_ascii_lowercase() {
                's' => Message::system("s"),
                'u' => Message::user("u"),
                'a' => Message::assistant("a"),
                'n' => Message::note("n"),
                'c' => Message::new(Role::Assistant, vec![Part::ToolCall(call.clone())]),
                _ => Message::tool_results_of([ToolResult::new(&call, ToolOutcome::Success, "r")]),
            };
            if letter.is_uppercase() {
                message.pinned()
            } else {
                message
            }
        };
        short.chars().map(message).collect()
    }

    /// Groups in short: protected ones in brackets.
    #[track_caller]
    fn check(short: &str, expected: &str) {
        let history = history(short);
        let shown: Vec<String> = groups(&history)
            .into_iter()
            .map(|group| {
                let text = &short[group.range.clone()];
                if group.protected {
                    format!("[{text}]")
                } else {
                    text.to_owned()
                }
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn calls_stay_with_their_results_and_what_matters_is_protected() {
        check("", "");
        check("ua", "[u] [a]");
        check("suauacrcra", "[s] [u] a [u] a cr cr [a]");
        check("uacrr", "[u] a [crr]");
        check("uuacrua", "[u] u a cr [u] [a]");
        check("uAuaucRaua", "[u] [A] u a [u] [cR] a [u] [a]");
        check("Uaua", "[U] a [u] [a]");
        check("uauas", "[u] a [u] a [s]");
        check("nauanua", "n a [u] a n [u] [a]");
        check("uanan", "[u] a n a [n]");
    }

    #[test]
    fn a_kept_step_keeps_its_request() {
        let history = history("uacrauaua");
        let groups = groups(&history);
        let kept = keep(&history, &groups, |index, _| index == 2);
        assert_eq!(
            kept.iter()
                .map(|message| message.text().into_owned())
                .collect::<String>(),
            "uua"
        );
        assert_eq!(kept.len(), 5);
        assert_eq!(kept.validate(), Ok(()));
    }
}
