//! `list_directory`.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::blocking::{Cancelled, FileTool, spec};
use crate::walk::{MAX_DEPTH, Walk};
use crate::workspace::{MAX_OUTPUT, Workspace};

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
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.locate(arguments.path.as_deref().unwrap_or("."))?;
    let walk = Walk {
        workspace,
        cancelled,
        depth: arguments.depth.unwrap_or(1).min(MAX_DEPTH),
        ignored: false,
    };
    let mut listing = String::new();
    let whole = walk.run(&path, &mut |found| {
        if listing.len() >= MAX_OUTPUT {
            return ControlFlow::Break(());
        }
        listing.push_str(&found.path.to_string_lossy());
        if found.kind.is_dir() {
            listing.push('/');
            if found.ignored && walk.depth > 1 {
                listing.push_str(" (ignored)");
            }
        } else if found.kind.is_symlink() {
            let target = found.dir.read_link_contents(found.entry.file_name());
            let target = target.unwrap_or_default();
            listing.push_str(&format!(" -> {}", target.display()));
        } else if !found.kind.is_file() {
            listing.push_str(" (neither file nor directory)");
        }
        listing.push('\n');
        ControlFlow::Continue(())
    })?;
    if whole.is_break() {
        listing.push_str("[there is more: list single directories, or fewer levels]");
    } else if listing.is_empty() {
        listing = format!("[`{}` is empty]", path.display());
    }
    Ok(listing)
}
