//! `list_directory`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use super::walk::{MAX_DEPTH, Walk};
use crate::budget::Budget;
use crate::file_tool::{Cancelled, FileTool, spec};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: Option<String>,
    depth: Option<u64>,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> FileTool<Arguments> {
    let spec = spec(
        "list_directory",
        Effect::ReadOnly,
        "Lists the files and directories in a directory, one path per line; directories end with `/`. Use it to find \
         out which files there are. Ignored directories are listed only if `path` names one.",
        &[],
        json!({
            "path": {
                "type": "string",
                "description": "The directory to list, relative to the workspace root. Default: the root",
            },
            "depth": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_DEPTH,
                "description": "How many levels to list: 2 also what is in its directories, and so on. Default: 1",
            },
        }),
    );
    FileTool::new(workspace, spec, list)
}

fn list(
    workspace: &Workspace,
    arguments: &Arguments,
    budget: Budget,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.locate(arguments.path.as_deref().unwrap_or("."))?;
    let walk = Walk {
        workspace,
        cancelled,
        depth: arguments.depth.unwrap_or(1).min(MAX_DEPTH),
        ignored: false,
    };
    let mut listing = budget.lines();
    let whole = walk.run(&path, &mut |found| {
        let mut line = found.path.to_string_lossy().into_owned();
        if found.kind.is_dir() {
            line.push('/');
            if found.ignored && walk.depth > 1 {
                line.push_str(" (ignored)");
            }
        } else if found.kind.is_symlink() {
            let target = found
                .dir
                .read_link_contents(found.entry.file_name())
                .unwrap_or_default();
            line.push_str(&format!(" -> {}", target.display()));
        } else if !found.kind.is_file() {
            line.push_str(" (neither file nor directory)");
        }
        listing.push(line)
    })?;
    if whole.is_continue() && listing.count() == 0 {
        return Ok(format!("[`{}` is empty]", path.display()));
    }
    let mut listing = listing.into_text();
    if whole.is_break() {
        listing.push_str("[there is more: list single directories, or fewer levels]");
    }
    Ok(listing)
}
