//! `find_files`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use super::glob::Glob;
use super::ignored::LeftOut;
use super::walk::{MAX_DEPTH, Walk};
use crate::budget::Budget;
use crate::file_tool::{Cancelled, FileTool, spec};
use crate::shorten::{MAX_QUOTED, shorten};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    patterns: Vec<String>,
    path: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    include_ignored: bool,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> FileTool<Arguments> {
    let spec = spec(
        "find_files",
        Effect::ReadOnly,
        "Finds files by their names and returns their paths, one per line, those changed last first. Use it when you \
         know what a file is called, or part of it, and not where it is.",
        &["patterns"],
        json!({
            "patterns": {
                "type": "array",
                "items": { "type": "string", "minLength": 1 },
                "minItems": 1,
                "description": "Globs or names of which one must match, for example `*.rs` or `*{test,spec}*` (the \
                                name, in any directory) or `src/**/*.rs` (the path from the root)",
            },
            "path": {
                "type": "string",
                "description": "The directory to look in, relative to the workspace root. Default: everywhere",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 1000,
                "description": "How many paths to return at most. Default: 100",
            },
            "include_ignored": {
                "type": "boolean",
                "description": "Whether to return ignored files as well (`.gitignore`), behind the others. Default: \
                    false",
            },
        }),
    );
    FileTool::new(workspace, spec, find)
}

fn find(
    workspace: &Workspace,
    arguments: &Arguments,
    budget: Budget,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.locate(arguments.path.as_deref().unwrap_or("."))?;
    let patterns: Vec<_> = arguments
        .patterns
        .iter()
        .map(|pattern| Glob::new(pattern))
        .collect::<Result<_, _>>()?;
    let limit = arguments.limit.unwrap_or(100).max(1);
    // The newest, those that are ignored behind the others, with the last one on top. Those of the same time are in the
    // order of their paths.
    let mut newest: BinaryHeap<(bool, Reverse<u64>, PathBuf)> = BinaryHeap::new();
    let mut count = 0;
    let mut left_out = LeftOut::default();
    let walk = Walk {
        workspace,
        cancelled,
        depth: MAX_DEPTH,
        ignored: arguments.include_ignored,
    };
    let _ = walk.run(&path, &mut |found| {
        if found.ignored && !arguments.include_ignored {
            left_out.count(&found);
            return ControlFlow::Continue(());
        }
        let wanted = |pattern: &Glob| pattern.matches(&found.path);
        if !found.kind.is_dir() && patterns.iter().any(wanted) {
            count += 1;
            let changed = changed(&found.entry.metadata());
            newest.push((found.ignored, Reverse(changed), found.path));
            if newest.len() > limit {
                newest.pop();
            }
        }
        ControlFlow::Continue(())
    })?;
    let mut lines = budget.lines();
    for (_, _, path) in newest.into_sorted_vec() {
        if lines.push(path.display()).is_break() {
            break;
        }
    }
    let shown = lines.count();
    if count == 0 {
        lines.remark(format_args!(
            "no file matches {}: a pattern without `/` must match the whole name, one with `/` the whole path from the \
             root",
            shorten(&arguments.patterns.join(", "), MAX_QUOTED)
        ));
        for error in patterns.iter().filter_map(|pattern| pattern.error.as_ref()) {
            let error = shorten(error, MAX_QUOTED);
            lines.remark(format_args!(
                "taken as a name, since it is not a valid glob: {error}"
            ));
        }
    } else if shown < count {
        lines.remark(format_args!(
            "{count} files match, of which these are the {shown} newest: use narrower patterns, or a path"
        ));
    }
    Ok(lines.into_text() + &left_out.to_string())
}

/// Returns the time of the last change, in whole seconds of the epoch, so that the files of one checkout are equal.
fn changed(metadata: &std::io::Result<cap_std::fs::Metadata>) -> u64 {
    let modified = metadata.as_ref().ok().and_then(|data| data.modified().ok());
    let since =
        modified.and_then(|time| time.into_std().duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}
