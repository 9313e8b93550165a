//! Arguments in the user's words.

use serde_json::{Number, Value, json};
use victor_core::JsonMap;

use crate::lex::{Kind, path};
use crate::lexicon::{Concept, weight};
use crate::request::Clause;
use crate::schema::{Parameter, Role};
use crate::tokens::stems;

/// The arguments that a clause has for a tool.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The arguments of each call.
    pub(crate) sets: Vec<JsonMap>,
    /// Whether a path of the right form fills a required parameter.
    pub(crate) path: bool,
    /// Whether the name of a folder was found where one is taken.
    pub(crate) folder: bool,
    /// Evidence for the tool, and against it.
    pub(crate) bonus: f32,
}

/// The arguments that a clause has for a tool with these parameters; none if a required one cannot be filled.
pub(crate) fn find(clause: &Clause<'_>, parameters: &[Parameter<'_>]) -> Option<Found> {
    let has =
        |role: fn(&Role<'_>) -> bool| parameters.iter().any(|parameter| role(&parameter.role));
    let takes_text = has(|role| matches!(role, Role::Query | Role::Content | Role::Command));
    let mut quoted: Vec<&str> = clause.of_kind(Kind::Quoted).collect();
    let mut paths = clause.paths(!takes_text);
    // A tool that takes text has what is in quotes for it, unless a path is needed and found nowhere else.
    if takes_text
        && paths.is_empty()
        && quoted.len() > 1
        && let Some(at) = quoted.iter().rposition(|text| path(text).is_some())
    {
        let text = quoted.remove(at);
        paths.push((text, path(text) == Some(true)));
    }
    let path_parameters = parameters
        .iter()
        .filter(|p| p.role.is_path() && p.required)
        .count();
    let mut source = Source {
        clause,
        quoted: quoted.into_iter(),
        numbers: clause.of_kind(Kind::Number),
        free: 0,
        found: Found::default(),
    };
    source.free = parameters
        .iter()
        .filter(|p| p.required && p.role == Role::Free)
        .count();
    let mut shared = JsonMap::new();
    let mut each: Option<(&str, Vec<Value>)> = None;
    let mut unused_paths = paths.clone().into_iter();
    let mut ordered: Vec<&Parameter<'_>> = parameters.iter().collect();
    // What is new is named after what it replaces, whatever the order of the schema.
    ordered.sort_by_key(|p| (!p.required, stems(p.name).iter().any(|stem| stem == "new")));
    for parameter in ordered {
        let value = if parameter.role.is_path() {
            let spread = parameter.required && path_parameters == 1;
            let mut values = source.paths(parameter, &mut unused_paths, spread || parameter.list);
            if spread && !parameter.list && values.len() > 1 {
                each = Some((parameter.name, values));
                continue;
            }
            if parameter.list && !values.is_empty() {
                Some(Value::Array(values))
            } else {
                values.pop()
            }
        } else {
            source.value(parameter)
        };
        match value.or_else(|| parameter.default.filter(|_| parameter.required).cloned()) {
            Some(value) => {
                shared.insert(parameter.name.to_owned(), value);
            }
            None if parameter.required => return None,
            None => {}
        }
    }
    let mut found = source.found;
    found.sets = match each {
        None => vec![shared],
        Some((name, values)) => values
            .into_iter()
            .map(|value| {
                let mut set = shared.clone();
                set.insert(name.to_owned(), value);
                set
            })
            .collect(),
    };
    Some(found)
}

/// The rest of a clause that can fill parameters.
struct Source<'c, 'a, Q, N> {
    clause: &'c Clause<'a>,
    quoted: Q,
    numbers: N,
    /// Number of required texts of unknown meaning.
    free: usize,
    found: Found,
}

impl<'a, Q: Iterator<Item = &'a str>, N: Iterator<Item = &'a str>> Source<'_, 'a, Q, N> {
    /// The paths for a parameter: all, or the next.
    fn paths(
        &mut self,
        parameter: &Parameter<'_>,
        paths: &mut impl Iterator<Item = (&'a str, bool)>,
        all: bool,
    ) -> Vec<Value> {
        let taken: Vec<(&str, bool)> = if all {
            paths.collect()
        } else {
            paths.next().into_iter().collect()
        };
        if taken.is_empty() {
            return self.folder(parameter).into_iter().collect();
        }
        for (_, folder) in &taken {
            let fits = match parameter.role {
                Role::File => !folder,
                Role::Folder => *folder,
                _ => true,
            };
            // An optional path counts if it is what the tool is about, and not only where it looks.
            self.found.path |= fits && (parameter.required || parameter.role != Role::Path);
            self.found.bonus += if fits { 1.0 } else { -4.0 };
        }
        taken.into_iter().map(|(path, _)| json!(path)).collect()
    }

    /// The name of a folder that does not look like a path, or the current one where a folder must be named.
    fn folder(&mut self, parameter: &Parameter<'_>) -> Option<Value> {
        let action = self.clause.action();
        if (parameter.role == Role::Folder
            || (parameter.role == Role::File && action == Some(Concept::Read)))
            && let Some(name) = self.clause.bare_folder()
        {
            self.found.folder = true;
            self.found.bonus += if parameter.role == Role::Folder {
                1.0
            } else {
                -4.0
            };
            return Some(json!(name));
        }
        (parameter.role == Role::Folder && parameter.required && action == Some(Concept::List))
            .then(|| json!("."))
    }

    fn value(&mut self, parameter: &Parameter<'_>) -> Option<Value> {
        let action = self.clause.action();
        let required = parameter.required;
        match &parameter.role {
            Role::Url => self.clause.of_kind(Kind::Url).next().map(|url| json!(url)),
            Role::Glob => self
                .clause
                .of_kind(Kind::Glob)
                .next()
                .map(|glob| json!(glob)),
            Role::Query if required => {
                let subject = || {
                    self.clause
                        .subject()
                        .filter(|_| action == Some(Concept::Search))
                };
                self.quoted.next().or_else(subject).map(|text| json!(text))
            }
            Role::Command if required => self
                .quoted
                .next()
                .or_else(|| self.clause.after_action(Concept::Run))
                .map(|text| json!(text)),
            Role::Content if required => {
                let quoted = self.quoted.next();
                quoted
                    .or_else(|| self.clause.before_target(Concept::Write))
                    .map(|text| json!(text))
            }
            Role::Number(whole) if required => number(self.numbers.next()?, *whole),
            Role::Number(whole) => number(self.named(parameter.name)?, *whole),
            Role::Flag => self.flag(parameter),
            Role::Choice(values) => self.clause.pieces.iter().find_map(|piece| {
                values
                    .iter()
                    .find(|value| value.eq_ignore_ascii_case(piece.text))
                    .map(|value| json!(value))
            }),
            Role::Free if required => {
                let named = self.named(parameter.name);
                let free = self.free;
                let quoted = named.or_else(|| self.quoted.next());
                quoted
                    .or_else(|| self.proper_name().filter(|_| free == 1))
                    .map(|text| json!(text))
            }
            _ => None,
        }
        .map(|value| {
            if parameter.list {
                Value::Array(vec![value])
            } else {
                value
            }
        })
    }

    /// Returns the words behind the name of a parameter: `20` after "limit".
    fn named(&self, name: &str) -> Option<&'a str> {
        let name = stems(name);
        self.clause.pieces.windows(2).find_map(|pair| {
            let follows = !name.is_empty()
                && stems(pair[0].text) == name
                && weight(&pair[1].text.to_lowercase()) > 0.0;
            follows.then_some(pair[1].text)
        })
    }

    fn flag(&self, parameter: &Parameter<'_>) -> Option<Value> {
        let name = stems(parameter.name);
        let words: Vec<String> = self
            .clause
            .words()
            .flat_map(|piece| stems(piece.text))
            .collect();
        let named = !name.is_empty() && name.iter().all(|stem| words.contains(stem));
        (named || parameter.required).then(|| json!(named))
    }

    /// Words with capitals that do not begin the clause: `New York`.
    fn proper_name(&self) -> Option<&'a str> {
        let is_name = |text: &str| text.starts_with(char::is_uppercase) && text != "I";
        let from = 1 + self
            .clause
            .pieces
            .iter()
            .skip(1)
            .position(|piece| is_name(piece.text))?;
        let count = self.clause.pieces[from..]
            .iter()
            .take_while(|piece| is_name(piece.text))
            .count();
        self.clause.span(from, from + count)
    }
}

fn number(text: &str, whole: bool) -> Option<Value> {
    if whole {
        return text.parse::<i64>().ok().map(|number| json!(number));
    }
    text.parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
}
