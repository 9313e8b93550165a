//! Identifiers of calls and names of tools in a form that an API accepts.

use std::borrow::Cow;
use std::collections::HashMap;

/// The form that an API demands of identifiers and of names: ASCII letters, digits, `_` and `-`, up to a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    longest: usize,
}

impl NameRule {
    /// A rule that accepts up to `longest` characters.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        Self { longest }
    }

    /// Returns `name` in the accepted form: `_` stands for every character that is refused and for an empty name, and
    /// what is too long is cut.
    #[must_use]
    pub fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if name.is_empty() {
            return Cow::Borrowed("_");
        }
        match accepted(name) {
            // It is ASCII now, unless it is borrowed, and then it was.
            Cow::Borrowed(name) => Cow::Borrowed(&name[..name.len().min(self.longest)]),
            Cow::Owned(mut name) => {
                name.truncate(self.longest);
                Cow::Owned(name)
            }
        }
    }
}

/// The identifiers of the calls of a history, as they are sent.
///
/// Providers make identifiers with characters that another API refuses, make them too long, or count anew in every
/// message, while most APIs want them unique in the whole request. An identifier depends on those before it only, so
/// that a history that grows is sent with the same ones.
#[derive(Debug, Clone)]
pub struct CallIds {
    rule: NameRule,
    /// The sent form of each, where that is not the identifier itself.
    sent: HashMap<Box<str>, Option<Box<str>>>,
    /// Those that are taken, each with the number that the next of that name gets.
    taken: HashMap<Box<str>, u64>,
}

impl CallIds {
    /// The identifiers of an empty history.
    #[must_use]
    pub fn new(rule: NameRule) -> Self {
        Self {
            rule,
            sent: HashMap::new(),
            taken: HashMap::new(),
        }
    }

    /// Returns the identifier to send for the next call of the history.
    pub fn of_call<'a>(&mut self, id: &'a str) -> Cow<'a, str> {
        let plain = if id.is_empty() {
            Cow::Borrowed("call")
        } else {
            self.rule.name(id)
        };
        let mut sent = plain.clone();
        while self.taken.contains_key(&*sent) {
            let number = self.taken.entry(plain.as_ref().into()).or_insert(2);
            let suffix = format!("_{number}");
            *number += 1;
            let kept = plain
                .len()
                .min(self.rule.longest.saturating_sub(suffix.len()));
            sent = Cow::Owned(format!("{}{suffix}", &plain[..kept]));
        }
        self.taken.insert(sent.as_ref().into(), 2);
        let changed = (sent != id).then(|| sent.as_ref().into());
        self.sent.insert(id.into(), changed);
        sent
    }

    /// Returns the identifier of the call that a result answers: the last of that name.
    #[must_use]
    pub fn of_result<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match self.sent.get(id) {
            None => self.rule.name(id),
            Some(None) => Cow::Borrowed(id),
            Some(Some(sent)) => Cow::Owned(sent.to_string()),
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
        let mut ids = CallIds::new(NameRule::new(64));
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
    fn long_identifiers_are_cut_and_stay_unique() {
        let mut ids = CallIds::new(NameRule::new(8));
        assert_eq!(ids.of_call("123456789"), "12345678");
        assert_eq!(ids.of_call("12345678"), "123456_2");
        assert_eq!(ids.of_call("123456_2"), "123456_3");
        assert_eq!(ids.of_result("123456789"), "12345678");
    }

    #[test]
    fn names_of_calls_are_accepted_too() {
        let rule = NameRule::new(128);
        assert_eq!(rule.name("read_file"), "read_file");
        assert_eq!(rule.name("functions.read é"), "functions_read__");
        assert_eq!(rule.name(""), "_");
        assert_eq!(rule.name(&"x".repeat(200)).len(), 128);
        assert_eq!(rule.name(&".".repeat(200)).len(), 128);
    }
}
