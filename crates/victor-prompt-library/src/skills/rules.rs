//! The rules of the specification, which a strict validation checks.

use unicode_normalization::UnicodeNormalization as _;
use victor_core::closest;

use super::front_matter::{FIELDS, FrontMatter};
use super::problem::Problem;

/// The most characters of a name.
const MAX_NAME: usize = 64;

/// The most characters of a description.
pub(super) const MAX_DESCRIPTION: usize = 1_024;

/// The most characters of the field `compatibility`.
const MAX_COMPATIBILITY: usize = 500;

/// The most unknown and repeated fields that are told, one by one.
const MAX_UNKNOWN: usize = 10;

/// The problem of a skill that no model could choose.
pub(super) const NO_DESCRIPTION: &str =
    "the field `description` is missing: say what the skill does and when to use it";

/// Returns what is wrong with the fields of a skill in a folder of this name.
///
/// Letters of every script are permitted in names, as the reference validator permits them (PyPI `skills-ref`).
pub(super) fn check(front: &FrontMatter, yaml: &str, folder: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = |key: &str| place_of(yaml, key);
    let mut wrong = |key: &str, message: String| {
        problems.push(match place(key) {
            Some(line) => Problem::at(line, 1, message),
            None => Problem::new(message),
        });
    };
    for key in front.unknown.iter().take(MAX_UNKNOWN) {
        let hint = match closest(key, FIELDS) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("the fields are {}", victor_text::listed(FIELDS, "and")),
        };
        let shown = victor_text::excerpt(key, MAX_NAME);
        wrong(key, format!("unknown field `{shown}`: {hint}"));
    }
    for key in front.repeated.iter().take(MAX_UNKNOWN) {
        wrong(
            key,
            format!("the field `{key}` is there twice: remove one of them"),
        );
    }
    match front.name.as_deref().map(str::trim) {
        None | Some("") => wrong("name", "the field `name` is missing".into()),
        Some(name) => {
            for message in check_name(name, folder) {
                wrong("name", message);
            }
        }
    }
    match &front.description {
        Some(text) if !text.trim().is_empty() => {
            if let Some(message) = too_long("description", text, MAX_DESCRIPTION) {
                wrong("description", message);
            }
        }
        _ => wrong("description", NO_DESCRIPTION.into()),
    }
    if let Some(text) = &front.compatibility
        && let Some(message) = too_long("compatibility", text, MAX_COMPATIBILITY)
    {
        wrong("compatibility", message);
    }
    problems
}

fn check_name(name: &str, folder: &str) -> Vec<String> {
    let name: String = name.nfkc().collect();
    let folder: String = folder.nfkc().collect();
    let shown = victor_text::one_line(&name);
    let mut wrong = Vec::new();
    wrong.extend(too_long("name", &name, MAX_NAME));
    if name != name.to_lowercase() {
        wrong.push(format!("the name `{shown}` must be in lower case"));
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong.push(format!(
            "the name `{shown}` must not begin or end with a hyphen"
        ));
    }
    if name.contains("--") {
        wrong.push(format!(
            "the name `{shown}` must not have two hyphens in a row"
        ));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || c == '-') {
        wrong.push(format!(
            "the name `{shown}` may consist of letters, digits and hyphens only"
        ));
    }
    if name != folder {
        let folder = victor_text::one_line(&folder);
        wrong.push(format!(
            "the name `{shown}` must be that of the folder, `{folder}`"
        ));
    }
    wrong
}

fn too_long(field: &str, text: &str, most: usize) -> Option<String> {
    let count = text.chars().count();
    (count > most).then(|| {
        format!("the field `{field}` has {count} characters; at most {most} are permitted")
    })
}

/// The line of the file in which a field stands. The front matter begins in the second one.
fn place_of(yaml: &str, key: &str) -> Option<usize> {
    let is_there = |line: &str| {
        let rest = line.strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    yaml.lines().position(is_there).map(|index| index + 2)
}

/// Returns the lines with YAML that the reference validator and other strict readers do not take: `[lists]`, `{maps}`,
/// anchors and tags.
pub(super) fn unportable(yaml: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    // Whether the lines below belong to a value that began above, in which any character may stand.
    let mut is_in_value = false;
    for (index, line) in yaml.lines().enumerate() {
        let is_top = !line.starts_with([' ', '\t', '-']);
        if is_in_value && !is_top {
            continue;
        }
        let text = line.trim_start().trim_start_matches("- ");
        let field = text
            .split_once(": ")
            .or_else(|| Some((text.strip_suffix(':')?, "")));
        let value = match field {
            Some((key, value)) if !key.contains(['"', '\'']) => value.trim(),
            _ if is_top => continue,
            _ => text.trim(),
        };
        if is_top {
            is_in_value = !value.is_empty() && !value.starts_with('#');
        }
        if value.starts_with(['[', '{', '&', '*', '!']) {
            let column = line.len() - line.trim_start().len() + 1;
            let message = "not every reader takes this YAML: write lists and maps a line each, without anchors and \
                           tags, and texts that begin so between quotes";
            problems.push(Problem::at(index + 2, column, message));
        }
    }
    problems
}
