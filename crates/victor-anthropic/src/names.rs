//! Identifiers and names in the form that the API takes.

use std::borrow::Cow;
use std::collections::HashMap;

/// The longest name of a tool that the API takes.
const LONGEST_NAME: usize = 128;

/// The identifiers of the calls of a history, as they are sent.
///
/// Other providers make identifiers with characters that this API refuses, or count anew in every message, while it
/// wants them unique in the whole request. An identifier depends on those before it only, so that a history that grows
/// is sent with the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallIds {
    /// How each was sent, where that is not as it is.
    sent: HashMap<Box<str>, Option<Box<str>>>,
    /// Those that are taken, each with the number that the next of that name gets.
    taken: HashMap<Box<str>, u64>,
}

impl CallIds {
    /// The identifier of a call.
    pub(crate) fn of_call<'a>(&mut self, id: &'a str) -> Cow<'a, str> {
        let plain = if id.is_empty() {
            Cow::Borrowed("call")
        } else {
            accepted(id)
        };
        let mut sent = plain.clone();
        while self.taken.contains_key(&*sent) {
            let number = self.taken.entry(plain.as_ref().into()).or_insert(2);
            sent = Cow::Owned(format!("{plain}_{number}"));
            *number += 1;
        }
        self.taken.insert(sent.as_ref().into(), 2);
        let changed = (sent != id).then(|| sent.as_ref().into());
        self.sent.insert(id.into(), changed);
        sent
    }

    /// The identifier of the call that a result answers: the last of that name.
    pub(crate) fn of_result<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match self.sent.get(id) {
            None => accepted(id),
            Some(None) => Cow::Borrowed(id),
            Some(Some(sent)) => Cow::Owned(sent.to_string()),
        }
    }
}

/// The name of a tool that a model called, which no tool need have.
pub(crate) fn called(name: &str) -> Cow<'_, str> {
    match accepted(name) {
        name if name.is_empty() => Cow::Borrowed("_"),
        // It is ASCII now, unless it is borrowed, and then it was.
        Cow::Borrowed(name) => Cow::Borrowed(&name[..name.len().min(LONGEST_NAME)]),
        Cow::Owned(mut name) => {
            name.truncate(LONGEST_NAME);
            Cow::Owned(name)
        }
    }
}

/// The same with `_` for every character that is no ASCII letter, digit, `_` or `-`.
fn accepted(text: &str) -> Cow<'_, str> {
    let is_accepted = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.chars().all(is_accepted) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(
            text.chars()
                .map(|c| if is_accepted(c) { c } else { '_' })
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_results_meet_under_accepted_unique_identifiers() {
        let mut ids = CallIds::default();
        assert_eq!(ids.of_call("toolu_1-A"), "toolu_1-A");
        assert_eq!(ids.of_call("f.Bash:0"), "f_Bash_0");
        assert_eq!(
            (ids.of_result("f.Bash:0"), ids.of_result("toolu_1-A")),
            ("f_Bash_0".into(), "toolu_1-A".into())
        );
        assert_eq!(ids.of_call("f|Bash:0"), "f_Bash_0_2");
        assert_eq!(ids.of_call("f.Bash:0"), "f_Bash_0_3");
        assert_eq!(
            (ids.of_result("f.Bash:0"), ids.of_result("f|Bash:0")),
            ("f_Bash_0_3".into(), "f_Bash_0_2".into())
        );
        assert_eq!(
            (ids.of_call(""), ids.of_result("")),
            ("call".into(), "call".into())
        );
        assert_eq!(ids.of_result("unknown!"), "unknown_");
    }

    #[test]
    fn names_of_calls_are_accepted_too() {
        assert_eq!(called("read_file"), "read_file");
        assert_eq!(called("functions.read é"), "functions_read__");
        assert_eq!(called(""), "_");
        assert_eq!(called(&"x".repeat(200)).len(), 128);
        assert_eq!(called(&".".repeat(200)).len(), 128);
    }
}
