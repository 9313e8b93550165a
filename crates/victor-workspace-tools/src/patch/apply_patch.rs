//! `apply_patch`.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use super::apply_hunks::apply;
use super::parse::{FilePatch, What, parse};
use crate::change::{Change, ChangeTool, Plan};
use crate::change::{Content, Place};
use crate::file_tool::{Cancelled, spec};
use crate::text::{Charset, Text};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    patch: String,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> ChangeTool<Arguments> {
    let spec = spec(
        "apply_patch",
        Effect::Write,
        "Applies a unified diff to one or several files, all of it or nothing, and shows what changed. It can change, \
         create, delete and rename text files. Use it for changes in several places; read the files first, and copy \
         the lines around a change exactly.",
        &["patch"],
        json!({
            "patch": {
                "type": "string",
                "minLength": 1,
                "description": "The diff: `--- a/path` and `+++ b/path` for each file (`/dev/null` for one to be \
                                created or deleted; `diff --git`, `rename from` and `rename to` for one to be \
                                renamed), then hunks `@@ -1,3 +1,4 @@` whose lines begin with a space, `-` or `+`. \
                                About three unchanged lines around a change tell where it is; numbers need not be \
                                right if these occur only once",
            },
        }),
    );
    ChangeTool::new(workspace, spec, plan)
}

fn plan(
    workspace: &Workspace,
    arguments: &Arguments,
    cancelled: &Cancelled,
) -> Result<Plan, ToolError> {
    let mut summary = Vec::new();
    let mut changes = Vec::new();
    let mut seen = HashSet::new();
    for file in &parse(&arguments.patch)? {
        cancelled.check()?;
        let (did, change) = change(workspace, file)?;
        for place in change.from.iter().chain([&change.place]) {
            if !seen.insert(place.real.clone()) {
                return Err(ToolError::InvalidArguments(format!(
                    "the patch names `{}` twice: put all hunks of a file under one header; nothing was changed",
                    place.shown.display()
                )));
            }
        }
        summary.push(did);
        changes.push(change);
    }
    Ok(Plan {
        summary: summary.join("\n"),
        changes,
    })
}

/// Plans the change of one file, and describes it.
fn change(workspace: &Workspace, file: &FilePatch<'_>) -> Result<(String, Change), ToolError> {
    let place = |name: &str| Place::find(workspace, &workspace.locate(name)?);
    let absent = |name: &str| match place(name)? {
        place if place.exists() => Err(ToolError::InvalidArguments(format!(
            "`{name}` exists already, so it cannot be created; nothing was changed"
        ))),
        place => Ok(place),
    };
    // What is in it and what is to be in it.
    let texts = |name: &str| {
        let before = workspace.read_text(&workspace.locate(name)?)?;
        let after = apply(&before.text, &file.hunks, name)?;
        before.rewritten(after, name)
    };
    Ok(match &file.what {
        What::Create(name) => {
            let after = apply("", &file.hunks, name)?;
            let after = Text::new(after, Charset::UTF_8, name)?;
            let change = Change::new(absent(name)?, Content::Absent, Some(after));
            (format!("created `{name}`"), change)
        }
        What::Delete(name) => {
            let (before, after) = texts(name)?;
            if !after.text.is_empty() {
                return Err(ToolError::InvalidArguments(format!(
                    "the patch deletes `{name}` and leaves {} of its lines: remove them all; nothing was changed",
                    after.text.lines().count()
                )));
            }
            let change = Change::new(place(name)?, before, None);
            (format!("deleted `{name}`"), change)
        }
        What::Change(name) => {
            let (before, after) = texts(name)?;
            let change = Change::new(place(name)?, before, Some(after));
            (format!("changed `{name}`"), change)
        }
        What::Rename { from, to } => {
            let (before, after) = texts(from)?;
            let change = Change {
                from: Some(place(from)?),
                ..Change::new(absent(to)?, before, Some(after))
            };
            (format!("renamed `{from}` to `{to}`"), change)
        }
    })
}
