//! `read_file`.

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::blocking::{Cancelled, FileTool, spec};
use crate::workspace::{MAX_OUTPUT, Workspace, into_text, not_text};

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    offset: Option<u64>,
    limit: Option<u64>,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> FileTool<Arguments> {
    let spec = spec(
        "read_file",
        Effect::ReadOnly,
        "Reads a text file and returns its content. Use it to see, show or quote what a file says. Of a long file it \
         returns the first part and says with which offset to continue.",
        &["path"],
        json!({
            "path": {
                "type": "string",
                "description": "The file to read, relative to the root of the workspace, for example `src/main.rs`",
            },
            "offset": {
                "type": "integer",
                "minimum": 1,
                "description": "The number of the first line to return, counted from 1. Default: 1",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "description": "How many lines to return at most. Default: as many as fit",
            },
        }),
    );
    FileTool::new(workspace, spec, read)
}

fn read(
    workspace: &Workspace,
    arguments: &Arguments,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.relative(&arguments.path)?;
    let shown = path.display();
    let mut reader = BufReader::with_capacity(64 * 1024, workspace.open_file(&path)?);
    let first = arguments.offset.unwrap_or(1).max(1);
    let end = first.saturating_add(arguments.limit.unwrap_or(u64::MAX));

    // Of a file of any size, only what is returned is held in memory.
    let mut bytes = Vec::new();
    let mut line = 1;
    let mut in_line = false;
    let mut more = false;
    'file: loop {
        cancelled.check()?;
        let chunk = reader
            .fill_buf()
            .map_err(|error| workspace.explain(&path, error))?;
        if chunk.is_empty() {
            break;
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_OUTPUT - bytes.len();
            if line >= end || (line >= first && room == 0) {
                more = true;
                break 'file;
            }
            if line >= first {
                bytes.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.len() > room {
                    more = true;
                    break 'file;
                }
            }
            in_line = !piece.ends_with(b"\n");
            line += u64::from(!in_line);
        }
        let consumed = chunk.len();
        reader.consume(consumed);
    }
    let lines = line - 1 + u64::from(in_line);
    if !more && lines == 0 {
        return Ok(format!("[`{shown}` is empty]"));
    }
    if !more && first > lines {
        return Err(ToolError::InvalidArguments(format!(
            "offset {first} is behind the end of `{shown}`, which has {lines} lines"
        )));
    }
    let mut torn = false;
    if more && !bytes.ends_with(b"\n") {
        // Cut at the end of a line, unless a single line is too long.
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            bytes.truncate(end + 1);
        } else {
            torn = true;
            while std::str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_none()) {
                bytes.pop(); // the beginning of a character whose end is cut off
            }
        }
    }
    let mut text = into_text(bytes).ok_or_else(|| not_text(&path))?;
    if torn {
        text.push_str(&format!(
            "\n[line {line} is longer than {MAX_OUTPUT} bytes and cut here; continue with offset {}]",
            line + 1
        ));
    } else if more {
        text.push_str(&format!("[there is more: continue with offset {line}]"));
    }
    Ok(text)
}
