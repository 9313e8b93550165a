//! Problems of a body, and rules that several dialects share.

use std::collections::HashSet;
use std::fmt::Display;

use serde_json::Value;

/// The problems found so far, and the calls seen so far.
#[derive(Default)]
pub(super) struct Report<'a> {
    problems: Vec<String>,
    ids: HashSet<&'a str>,
    /// The calls that wait for their results.
    open: Vec<&'a str>,
}

impl<'a> Report<'a> {
    /// Notes a problem unless a rule holds.
    pub(super) fn demand(&mut self, holds: bool, place: impl Display, problem: impl Display) {
        if !holds {
            self.problems.push(format!("{place}: {problem}"));
        }
    }

    pub(super) fn finish(self) -> Result<(), Vec<String>> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(self.problems)
        }
    }

    /// Checks a message of the system, which must come first.
    pub(super) fn instructions(
        &mut self,
        place: &str,
        is_first: bool,
        content: &Value,
        types: &[&str],
    ) {
        self.demand(is_first, place, "instructions stand behind the beginning");
        self.content(place, content, types);
    }

    /// Notes a role that does not exist.
    pub(super) fn unknown_role(&mut self, place: &str, role: &str) {
        self.demand(false, place, format!("the role is `{role}`"));
    }

    /// Checks the identifier and the name of a call, which is open from now on.
    pub(super) fn call(
        &mut self,
        place: &str,
        id: &'a Value,
        name: &Value,
        longest: (usize, usize),
    ) {
        let is_name = is_name(id, longest.0);
        self.demand(is_name, place, format!("the identifier {id} is refused"));
        let id = id.as_str().unwrap_or_default();
        let is_new = self.ids.insert(id);
        self.demand(is_new, place, format!("the identifier `{id}` stands twice"));
        self.open.push(id);
        let holds = self::is_name(name, longest.1);
        self.demand(holds, place, format!("the name {name} is refused"));
    }

    /// Checks that a result answers an open call.
    pub(super) fn result(&mut self, place: &str, id: &Value) {
        match self.open.iter().position(|open| id == open) {
            Some(found) => drop(self.open.remove(found)),
            None => self.demand(
                false,
                place,
                format!("no open call has the identifier {id}"),
            ),
        }
    }

    /// Checks that no call is open where something else than a result comes.
    pub(super) fn answered(&mut self, place: &str) {
        for call in std::mem::take(&mut self.open) {
            self.demand(false, place, format!("call `{call}` has no result"));
        }
    }

    /// Whether results are awaited.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Checks arguments, which are an object as text.
    pub(super) fn arguments(&mut self, place: &str, arguments: &Value) {
        // It is read into values, so that half of a surrogate pair is found.
        let object = arguments.as_str().map(serde_json::from_str::<Value>);
        let holds = matches!(object, Some(Ok(Value::Object(_))));
        self.demand(
            holds,
            place,
            format!("the arguments {arguments} are no object"),
        );
    }

    /// Checks a content: text that is not blank, or parts of known types, none of them blank.
    pub(super) fn content(&mut self, place: &str, content: &Value, types: &[&str]) {
        match content {
            Value::String(text) => self.demand(!text.trim().is_empty(), place, "the text is blank"),
            Value::Array(parts) => {
                self.demand(!parts.is_empty(), place, "the content is empty");
                for part in parts {
                    let kind = part["type"].as_str().unwrap_or_default();
                    let problem = format!("a part is of type `{kind}`");
                    self.demand(types.contains(&kind), place, problem);
                    if let Some(text) = part["text"].as_str() {
                        self.demand(!text.trim().is_empty(), place, "a text is blank");
                    }
                }
            }
            other => self.demand(false, place, format!("the content is {other}")),
        }
    }
}

/// The items of a list, each with its place. That there are none is a problem.
pub(super) fn list<'b>(
    report: &mut Report<'_>,
    body: &'b Value,
    name: &str,
) -> Vec<(String, &'b Value)> {
    let items = body[name].as_array().map(Vec::as_slice).unwrap_or_default();
    report.demand(!items.is_empty(), name, "there are none");
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| (format!("{name}[{index}]"), item))
        .collect()
}

/// Whether a value is a text of ASCII letters, digits, `_` and `-`, up to a length.
pub(super) fn is_name(value: &Value, longest: usize) -> bool {
    let name = value.as_str().unwrap_or_default();
    let is_accepted = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=longest).contains(&name.len()) && name.chars().all(is_accepted)
}
