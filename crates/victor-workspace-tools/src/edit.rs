//! `edit_file`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::blocking::{Cancelled, spec};
use crate::change::{Change, ChangeTool, Plan};
use crate::place::{Content, Place};
use crate::workspace::Workspace;

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
                "description": "The file to change, relative to the root of the workspace",
            },
            "old_text": {
                "type": "string",
                "minLength": 1,
                "description": "The text to be replaced, with the same white space. It must occur exactly once, unless \
                                `replace_all` is true: take enough lines around it",
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

fn edit(workspace: &Workspace, arguments: &Arguments, _: &Cancelled) -> Result<Plan, ToolError> {
    let path = workspace.relative(&arguments.path)?;
    let Arguments {
        old_text: old,
        new_text: new,
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
    let before = workspace.read_text(&path)?;
    let count = before.matches(old.as_str()).count();
    match count {
        0 => return Err(ToolError::NotFound(missing(&before, old, &arguments.path))),
        1 => {}
        _ if arguments.replace_all => {}
        _ => {
            return Err(ToolError::InvalidArguments(format!(
                "old_text occurs {count} times in `{}`, in lines {}: take more lines around the one that is meant, or \
                 set replace_all",
                path.display(),
                line_numbers(&before, old)
            )));
        }
    }
    let place = Place::find(workspace, &path)?;
    let after = before.replace(old.as_str(), new);
    Ok(Plan {
        summary: match count {
            1 => format!("changed `{}`", path.display()),
            _ => format!("changed `{}` in {count} places", path.display()),
        },
        changes: vec![Change::new(
            place,
            Content::Bytes(before.into_bytes()),
            Some(after),
        )],
    })
}

fn line_numbers(text: &str, part: &str) -> String {
    let lines = text
        .match_indices(part)
        .take(10)
        .map(|(at, _)| (text[..at].matches('\n').count() + 1).to_string());
    lines.collect::<Vec<_>>().join(", ")
}

/// What to tell a model whose text does not occur.
fn missing(text: &str, part: &str, path: &str) -> String {
    let wanted: Vec<_> = part.lines().map(str::trim).collect();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let similar = lines
        .windows(wanted.len().max(1))
        .position(|window| window == wanted && window.iter().any(|line| !line.is_empty()));
    match similar {
        Some(index) => format!(
            "old_text does not occur in `{path}`, but line {} begins a text that differs from it only in white space: \
             copy that exactly",
            index + 1
        ),
        None => format!(
            "old_text does not occur in `{path}`: read the file again and copy the text exactly"
        ),
    }
}
