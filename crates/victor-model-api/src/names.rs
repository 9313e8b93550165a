//! Identifiers of calls and names of tools in a form that an API accepts.

use std::borrow::Cow;
use std::collections::HashMap;

/// The form that an API demands of identifiers and of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    longest: usize,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// ASCII letters, digits, `_` and `-`.
    Name,
    /// Anything.
    Any,
    /// ASCII letters and digits, as many as the longest has.
    Exact,
}

impl NameRule {
    /// A rule that accepts up to `longest` ASCII letters, digits, `_` and `-`.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        let form = Form::Name;
        Self { longest, form }
    }

    /// A rule that accepts up to `longest` characters of every kind.
    #[must_use]
    pub const fn any(longest: usize) -> Self {
        let form = Form::Any;
        Self { longest, form }
    }

    /// A rule that accepts exactly `length` ASCII letters and digits.
    #[must_use]
    pub const fn exact(length: usize) -> Self {
        let form = Form::Exact;
        let longest = length;
        Self { longest, form }
    }

    /// Returns `name` in the accepted form: `_` stands for every character that is refused and for an empty name, and
    /// what is too long is cut. By an [exact](Self::exact) rule, refused characters are left out, the end of a long
    /// name is kept, and a short one is filled up with `0`.
    #[must_use]
    pub fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.accepts(name) {
            return Cow::Borrowed(name);
        }
        Cow::Owned(match self.form {
            Form::Any | Form::Name if name.is_empty() => "_".to_owned(),
            Form::Any => name.chars().take(self.longest).collect(),
            Form::Name => {
                let accepted = name.chars().map(|c| if is_in_name(c) { c } else { '_' });
                accepted.take(self.longest).collect()
            }
            Form::Exact => {
                let accepted = name.bytes().filter(u8::is_ascii_alphanumeric);
                let from = accepted.clone().count().saturating_sub(self.longest);
                let kept: String = accepted.skip(from).map(char::from).collect();
                format!("{kept:0<length$}", length = self.longest)
            }
        })
    }

    fn accepts(&self, name: &str) -> bool {
        match self.form {
            Form::Any => !name.is_empty() && name.chars().nth(self.longest).is_none(),
            Form::Name => (1..=self.longest).contains(&name.len()) && name.chars().all(is_in_name),
            Form::Exact => {
                name.len() == self.longest && name.bytes().all(|b| b.is_ascii_alphanumeric())
            }
        }
    }

    /// Returns an accepted name with a number at its end.
    fn numbered(&self, name: &str, number: u64) -> String {
        let suffix = match self.form {
            Form::Exact => number.to_string(),
            Form::Name | Form::Any => format!("_{number}"),
        };
        let kept = self.longest.saturating_sub(suffix.len());
        name.chars().take(kept).chain(suffix.chars()).collect()
    }
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The identifiers of the calls of a history, as they are sent.
///
/// Providers make identifiers with characters that another API refuses, make them too long, or count anew in every
/// message, while most APIs want them unique in the whole request. An identifier depends on those before it only, so
/// that a history that grows is sent with the same ones.
#[derive(Debug, Clone)]
pub struct CallIds {
    rule: NameRule,
    settled: Layer,
    /// Those since the mark.
    open: Option<Layer>,
}

/// The number that an identifier gets which is taken once.
const FIRST: u64 = 2;

#[derive(Debug, Clone, Default)]
struct Layer {
    /// The sent form of each that is not sent as it is.
    sent: HashMap<Box<str>, Box<str>>,
    /// Those that are taken, each with the number that the next of that name gets.
    taken: HashMap<Box<str>, u64>,
}

impl CallIds {
    /// The identifiers of an empty history.
    #[must_use]
    pub fn new(rule: NameRule) -> Self {
        Self {
            rule,
            settled: Layer::default(),
            open: None,
        }
    }

    /// Remembers this place of the history, to come back to it by [`rewind`](Self::rewind).
    pub fn mark(&mut self) {
        self.open = Some(Layer::default());
    }

    /// Forgets the calls since the [`mark`](Self::mark). It costs what they have cost, however long the history is.
    pub fn rewind(&mut self) {
        self.open = None;
    }

    /// Returns the identifier to send for the next call of the history.
    pub fn of_call<'a>(&mut self, id: &'a str) -> Cow<'a, str> {
        let plain = self.rule.name(if id.is_empty() { "call" } else { id });
        let mut sent = plain.clone();
        while self.number(&sent).is_some() {
            let number = self.number(&plain).unwrap_or(FIRST);
            sent = Cow::Owned(self.rule.numbered(&plain, number));
            let layer = self.layer();
            layer.taken.insert(plain.as_ref().into(), number + 1);
        }
        let layer = self.layer();
        layer.taken.insert(sent.as_ref().into(), FIRST);
        if sent != id {
            layer.sent.insert(id.into(), sent.as_ref().into());
        }
        sent
    }

    /// Returns the identifier of the call that a result answers: the last of that name.
    #[must_use]
    pub fn of_result<'a>(&self, id: &'a str) -> Cow<'a, str> {
        let mut layers = self.open.iter().chain([&self.settled]);
        match layers.find_map(|layer| layer.sent.get(id)) {
            Some(sent) => Cow::Owned(sent.to_string()),
            None => self.rule.name(id),
        }
    }

    /// The number that the next of a name gets; none if the name is free.
    fn number(&self, name: &str) -> Option<u64> {
        let mut layers = self.open.iter().chain([&self.settled]);
        layers.find_map(|layer| layer.taken.get(name)).copied()
    }

    fn layer(&mut self) -> &mut Layer {
        self.open.as_mut().unwrap_or(&mut self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_results_meet_under_accepted_unique_identifiers() {
        let mut ids = CallIds::new(NameRule::new(64));
        assert!(matches!(
            ids.of_call("toolu_1-A"),
            Cow::Borrowed("toolu_1-A")
        ));
        assert!(matches!(
            ids.of_result("toolu_1-A"),
            Cow::Borrowed("toolu_1-A")
        ));
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
        let mut ids = CallIds::new(NameRule::any(3));
        assert_eq!(ids.of_call("é:é:"), "é:é");
        assert_eq!(ids.of_call("é:é"), "é_2");
    }

    #[test]
    fn exact_identifiers_have_one_length() {
        let mut ids = CallIds::new(NameRule::exact(9));
        for (id, sent) in [
            ("D681PevKs", "D681PevKs"),
            ("call_0", "call00000"),
            ("toolu_01Bc23456789", "c23456789"),
            ("xx_c23456789", "c23456782"),
            ("xx_c23456789", "c23456783"),
            ("", "call00002"),
            ("::", "000000000"),
        ] {
            assert_eq!(
                (ids.of_call(id), ids.of_result(id)),
                (sent.into(), sent.into())
            );
        }
    }

    #[test]
    fn what_was_open_is_forgotten() {
        let mut ids = CallIds::new(NameRule::new(64));
        let settled = ["a", "a", "b!"].map(|id| ids.of_call(id).into_owned());
        assert_eq!(settled, ["a", "a_2", "b_"]);
        for _ in 0..2 {
            ids.mark();
            let open = ["a", "b!", "c:", "c:"].map(|id| ids.of_call(id).into_owned());
            assert_eq!(open, ["a_3", "b__2", "c_", "c__2"]);
            assert_eq!(
                (ids.of_result("a"), ids.of_result("c:")),
                ("a_3".into(), "c__2".into())
            );
            ids.rewind();
            assert_eq!(
                (ids.of_result("a"), ids.of_result("b!")),
                ("a_2".into(), "b_".into())
            );
        }
    }

    #[test]
    fn names_of_calls_are_accepted_too() {
        let rule = NameRule::new(128);
        assert!(matches!(rule.name("read_file"), Cow::Borrowed("read_file")));
        assert_eq!(rule.name("functions.read é"), "functions_read__");
        assert_eq!(rule.name(""), "_");
        assert_eq!(rule.name(&"x".repeat(200)).len(), 128);
        assert_eq!(rule.name(&".".repeat(200)).len(), 128);
    }
}
