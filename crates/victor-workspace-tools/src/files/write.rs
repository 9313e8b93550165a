//! `write_file`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::change::{Change, ChangeTool, Plan};
use crate::change::{Content, Place};
use crate::file_tool::{Cancelled, spec};
use crate::text::{Charset, Text, decode};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    content: String,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> ChangeTool<Arguments> {
    let spec = spec(
        "write_file",
        Effect::Write,
        "Writes a whole text file: creates it, with the directories above it, or replaces all that is in it. To change \
         part of a file, use `edit_file`.",
        &["path", "content"],
        json!({
            "path": {
                "type": "string",
                "description": "The file to write, relative to the workspace root",
            },
            "content": {
                "type": "string",
                "description": "All that the file is to contain",
            },
        }),
    );
    ChangeTool::new(workspace, spec, write)
}

fn write(workspace: &Workspace, arguments: &Arguments, _: &Cancelled) -> Result<Plan, ToolError> {
    let path = workspace.locate(&arguments.path)?;
    let shown = path.display().to_string();
    if arguments.path.ends_with(['/', '\\']) {
        return Err(ToolError::InvalidArguments(format!(
            "`{}` names a directory: add the name of the file",
            arguments.path
        )));
    }
    let place = Place::find(workspace, &path)?;
    let before = place.content(workspace)?;
    let content = &arguments.content;
    let charset = match &before {
        Content::Bytes(bytes) if !bytes.is_empty() => {
            decode(bytes, None).map(|(_, charset)| charset)
        }
        _ => None,
    };
    let charset = charset.unwrap_or(Charset::UTF_8);
    let after = Text::new(content.clone(), charset, &shown)?;
    let did = match &before {
        Content::Absent => "created",
        Content::Bytes(bytes) if bytes == after.bytes() => "unchanged, since it was already so:",
        _ => "replaced",
    };
    let encoding = charset
        .name()
        .map_or_else(String::new, |name| format!(", in {name} as before"));
    Ok(Plan {
        summary: format!(
            "{did} `{shown}`: {} lines, {} bytes{encoding}",
            content.lines().count(),
            after.bytes().len(),
        ),
        changes: vec![Change::new(place, before, Some(after))],
    })
}
