//! `edit_file`.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::change::Place;
use crate::change::{Change, ChangeTool, Plan};
use crate::file_tool::{Cancelled, spec};
use crate::patch::nearest;
use crate::text::{Plain, are_crlf_throughout, line_end, quoted};
use crate::workspace::Workspace;

/// The most places that are counted of a text that must occur once.
const MAX_COUNTED: usize = 100;

/// The most bytes that one call adds to a file.
const MAX_ADDED: usize = 32 * 1024 * 1024;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    old_text: String,
    new_text: String,
    #[serde(default)]
    replace_all: bool,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> ChangeTool<Arguments> {
    let spec = spec(
        "edit_file",
        Effect::Write,
        "Changes a text file: replaces one piece of its text by another, and shows what changed. Read the file first, \
         and copy the text to be replaced exactly as it stands there.",
        &["path", "old_text", "new_text"],
        json!({
            "path": {
                "type": "string",
                "description": "The file to change, relative to the workspace root",
            },
            "old_text": {
                "type": "string",
                "minLength": 1,
                "description": "The text to be replaced, with the same white space. It must occur exactly once, unless \
                                `replace_all` is set: take enough lines around it",
            },
            "new_text": {
                "type": "string",
                "description": "The text to take its place; empty to remove it",
            },
            "replace_all": {
                "type": "boolean",
                "description": "Whether to replace every occurrence. Default: false",
            },
        }),
    );
    ChangeTool::new(workspace, spec, edit)
}

fn edit(
    workspace: &Workspace,
    arguments: &Arguments,
    cancelled: &Cancelled,
) -> Result<Plan, ToolError> {
    let Arguments {
        old_text: old,
        new_text: new,
        replace_all,
        ..
    } = arguments;
    if old.is_empty() {
        return Err(ToolError::InvalidArguments(
            "old_text is empty: say what is to be replaced, or use `write_file` to write the whole file".into(),
        ));
    }
    if old == new {
        return Err(ToolError::InvalidArguments(
            "old_text and new_text are the same, so nothing would change".into(),
        ));
    }
    let path = workspace.locate(&arguments.path)?;
    let shown = path.display().to_string();
    let file = workspace.read_text(&path)?;
    let edit = Edit::new(&file.text, old, new);
    let places = edit.places(*replace_all);
    cancelled.check()?;
    match places.len() {
        0 => return Err(ToolError::NotFound(edit.missing(&shown))),
        1 => {}
        _ if *replace_all => {}
        count => {
            let count = match count {
                MAX_COUNTED => format!("{MAX_COUNTED} times or more"),
                _ => format!("{count} times"),
            };
            return Err(ToolError::InvalidArguments(format!(
                "old_text occurs {count} in `{shown}`, in lines {}: take more lines around the one that is meant, or \
                 set replace_all",
                edit.line_numbers(&places)
            )));
        }
    }
    let added = edit.new.len().saturating_mul(places.len());
    if added > MAX_ADDED {
        return Err(ToolError::InvalidArguments(format!(
            "new_text would stand in {} places of `{shown}`, which is {added} bytes, and at most {MAX_ADDED} are \
             written by one call; nothing was changed",
            places.len()
        )));
    }
    let after = edit.replaced(&places);
    let place = Place::find(workspace, &path)?;
    let summary = match places.len() {
        1 => format!("changed `{shown}`"),
        count => format!("changed `{shown}` in {count} places"),
    };
    let (before, after) = file.rewritten(after, &shown)?;
    Ok(Plan {
        summary,
        changes: vec![Change::new(place, before, Some(after))],
    })
}

/// A text in which one piece is to be replaced by another.
struct Edit<'a> {
    text: &'a str,
    /// The text in which the piece is looked for.
    plain: Plain<'a>,
    /// Whether line ends are those of the text, since the pieces say nothing about them.
    loose: bool,
    old: Cow<'a, str>,
    new: Cow<'a, str>,
}

impl<'a> Edit<'a> {
    fn new(text: &'a str, old: &'a str, new: &'a str) -> Self {
        let (mut old, mut new) = (Cow::Borrowed(old), Cow::Borrowed(new));
        if are_crlf_throughout(&[&old, &new]) {
            (old, new) = (
                old.replace("\r\n", "\n").into(),
                new.replace("\r\n", "\n").into(),
            );
        }
        let loose = !old.contains('\r') && !new.contains('\r');
        Self {
            text,
            plain: if loose {
                Plain::new(text)
            } else {
                Plain::exact(text)
            },
            loose,
            old,
            new,
        }
    }

    /// Finds the old text in the plain text: every place, also those that overlap, so that none passes for the only
    /// one; or those that can all be replaced.
    fn places(&self, all: bool) -> Vec<usize> {
        let text = &*self.plain.text;
        if all {
            return text.match_indices(&*self.old).map(|(at, _)| at).collect();
        }
        let first = self.old.chars().next().map_or(1, char::len_utf8);
        let mut from = 0;
        let next = std::iter::from_fn(|| {
            let at = from + text.get(from..)?.find(&*self.old)?;
            from = at + first;
            Some(at)
        });
        // Each search is linear, so that their number must be bounded.
        next.take(MAX_COUNTED).collect()
    }

    /// The text with the new piece in these places. What the pieces have in common at both ends stays as it is.
    fn replaced(&self, places: &[usize]) -> String {
        let head = common(self.old.chars().zip(self.new.chars()));
        let (old, new) = (&self.old[head..], &self.new[head..]);
        let tail = common(old.chars().rev().zip(new.chars().rev()));
        let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
        let mut after = String::with_capacity(self.text.len() + places.len() * new.len());
        let mut at = 0;
        for place in places {
            let start = self.plain.original(place + head);
            after.push_str(&self.text[at..start]);
            let end = line_end(self.text, start);
            if self.loose && end != "\n" {
                after.push_str(&new.replace('\n', end));
            } else {
                after.push_str(new);
            }
            at = self.plain.original(place + head + old.len());
        }
        after.push_str(&self.text[at..]);
        after
    }

    fn line_numbers(&self, places: &[usize]) -> String {
        let number = |at: &usize| (self.plain.text[..*at].matches('\n').count() + 1).to_string();
        let lines: Vec<_> = places.iter().take(10).map(number).collect();
        lines.join(", ")
    }

    /// Writes the error about a text that does not occur, for the model.
    fn missing(&self, shown: &str) -> String {
        let lines: Vec<_> = self.plain.text.lines().collect();
        let wanted: Vec<_> = self.old.lines().collect();
        if let Some(line) = without_indents(&lines, &wanted) {
            return format!(
                "old_text does not occur in `{shown}`, but line {} begins a text that differs from it only in white \
                 space: copy that exactly",
                line + 1
            );
        }
        let near = nearest(&lines, &wanted, 0).and_then(|start| {
            let mut differing = wanted.iter().zip(start..);
            let (wanted, at) = differing.find(|(line, at)| lines.get(*at) != Some(*line))?;
            let there = lines.get(at).map_or_else(|| "the end of the file".to_owned(), |line| quoted(line));
            Some(format!(
                "; the text that is most like it begins in line {}, and in line {} there is {there} in place of {}",
                start + 1,
                at + 1,
                quoted(wanted)
            ))
        });
        format!(
            "old_text does not occur in `{shown}`{}: read the file again and copy the text exactly",
            near.unwrap_or_default()
        )
    }
}

/// Counts the bytes of the first characters that are the same in both.
fn common(pairs: impl Iterator<Item = (char, char)>) -> usize {
    pairs
        .take_while(|(one, other)| one == other)
        .map(|(c, _)| c.len_utf8())
        .sum()
}

/// The first line of a text where these lines stand, if white space around each of them does not count.
fn without_indents(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let joined = |lines: &[&str]| {
        let lines = lines.iter().map(|line| line.trim());
        lines.fold("\n".to_owned(), |text, line| text + line + "\n")
    };
    if wanted.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let text = joined(lines);
    let at = text.find(&joined(wanted))?;
    Some(text[..at].matches('\n').count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts in which pieces occur often, with line ends of both kinds.
    fn text(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(pieces), 0..most)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn each_place_is_counted(text in text(&["a", "b", "aa", "\n", "ä"], 30), old in "[abä\n]{1,4}") {
            let naive: Vec<_> = text
                .char_indices()
                .map(|(at, _)| at)
                .filter(|at| text[*at..].starts_with(&old))
                .collect();
            prop_assert_eq!(Edit::new(&text, &old, "x").places(false), naive);
        }

        #[test]
        fn line_ends_stay_and_new_ones_are_like_them(
            text in text(&["a", "b", "\r\n"], 20),
            old in "[ab\n]{1,3}",
            new in "[abx\n]{0,3}",
        ) {
            // As if all were LF, and then CRLF again.
            let plain = text.replace("\r\n", "\n");
            let expected = plain.replace(&old, &new);
            let has_crlf = text.contains('\r');
            let expected = if has_crlf { expected.replace('\n', "\r\n") } else { expected };
            let edit = Edit::new(&text, &old, &new);
            prop_assert_eq!(edit.replaced(&edit.places(true)), expected);
        }

        #[test]
        fn what_is_not_replaced_stays_byte_for_byte(
            before in text(&["a", "b", "\n", "\r\n", "\r"], 15),
            after in text(&["a", "b", "\n", "\r\n", "\r"], 15),
            new in "[x\n]{0,3}",
        ) {
            let text = format!("{before}<>{after}");
            let edit = Edit::new(&text, "<>", &new);
            let found = edit.replaced(&edit.places(false));
            prop_assert!(found.starts_with(&before) && found.ends_with(&after));
            let middle = &found[before.len()..found.len() - after.len()];
            prop_assert_eq!(middle.replace("\r\n", "\n"), new);
        }

        #[test]
        fn lines_are_found_whatever_their_indents(
            lines in prop::collection::vec("[ab ]{0,2}", 0..12),
            wanted in prop::collection::vec("[ab ]{0,2}", 1..4),
        ) {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            let trimmed = |lines: &[&str]| lines.iter().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
            let naive = trimmed(&lines)
                .windows(wanted.len())
                .position(|window| *window == trimmed(&wanted)[..])
                .filter(|_| trimmed(&wanted).iter().any(|line| !line.is_empty()));
            prop_assert_eq!(without_indents(&lines, &wanted), naive);
        }
    }
}
