//! Errors of templates in words.

use std::error::Error as _;

use minijinja::{Error, ErrorKind};
use victor_core::UnknownName;
use victor_prompt_protocol::PromptError;

use crate::RenderOptions;
use crate::variables::Variables;

/// The detail of the error of a template that includes others too deeply.
const TOO_DEEP: &str = "recursion limit exceeded";

/// Names that are longer are no names.
const LONGEST_CODE: usize = 60;

/// Puts an error into words: the template, the line, the column, and what is wrong there.
pub(crate) fn explain(
    error: &Error,
    name: &str,
    variables: &Variables,
    options: &RenderOptions,
) -> PromptError {
    let mut chain = vec![error];
    let mut at = error;
    while let Some(beneath) = at.source().and_then(|source| source.downcast_ref()) {
        chain.push(beneath);
        at = beneath;
    }
    if at.detail() == Some(TOO_DEEP)
        && let Some(circle) = circle(&chain)
    {
        return PromptError::new(format!("templates need each other in a circle: {circle}"));
    }
    // The innermost error is where it happened.
    let place = place(at, name);
    let why = match at.kind() {
        ErrorKind::UndefinedError => undefined(at, variables),
        ErrorKind::OutOfFuel => {
            format!(
                "it takes more than {} steps: simplify its loops",
                options.fuel
            )
        }
        ErrorKind::WriteFailure => {
            format!("its text has more than {} bytes", options.text_bytes)
        }
        _ if at
            .detail()
            .is_some_and(|detail| detail.contains("cycle in template inheritance")) =>
        {
            "templates extend each other in a circle".to_owned()
        }
        kind => match at.detail() {
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        },
    };
    PromptError::new(format!("{place}: {why}"))
}

/// The circle in a chain of includes, if there is one.
fn circle(chain: &[&Error]) -> Option<String> {
    let includes = chain
        .iter()
        .filter(|error| error.kind() == ErrorKind::BadInclude);
    let names: Vec<&str> = includes.filter_map(|error| error.name()).collect();
    let (end, last) =
        (names.iter().enumerate()).find(|(place, name)| names[..*place].contains(name))?;
    let start = names.iter().position(|name| name == last)?;
    Some(names[start..=end].join(" → "))
}

/// The place of an error: the template, the line and the column.
fn place(error: &Error, name: &str) -> String {
    let name = error.name().unwrap_or(name);
    let mut place = format!("template `{name}`");
    if let Some(line) = error.line() {
        place.push_str(&format!(", line {line}"));
    }
    if let Some(before) = error
        .range()
        .and_then(|range| error.template_source()?.get(..range.start))
    {
        let line = before.rsplit('\n').next().unwrap_or_default();
        place.push_str(&format!(", column {}", line.chars().count() + 1));
    }
    place
}

/// Names what is undefined: a variable, or a part of one.
fn undefined(error: &Error, variables: &Variables) -> String {
    let code = error
        .range()
        .and_then(|range| error.template_source()?.get(range));
    let code = code
        .filter(|code| code.len() <= LONGEST_CODE)
        .unwrap_or_default();
    let names_variable = |name: &String| {
        let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        code.is_empty() || words.any(|word| word == name)
    };
    match variables.missing().filter(names_variable) {
        Some(name) => UnknownName::new("variable", name, variables.names()).to_string(),
        None => format!("`{code}` is undefined"),
    }
}
