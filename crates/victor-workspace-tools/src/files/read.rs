//! `read_file`.

use std::io::{self, BufRead, BufReader};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::budget::Budget;
use crate::file_tool::{Cancelled, FileTool, spec};
use crate::text::Charset;
use crate::text::ascii;
use crate::workspace::{MAX_WHOLE_FILE, Workspace};

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    offset: Option<u64>,
    limit: Option<u64>,
    column: Option<u64>,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> FileTool<Arguments> {
    let spec = spec(
        "read_file",
        Effect::ReadOnly,
        "Reads a text file and returns its content. Use it to see, show or quote what a file says. Of a long file or \
         line it returns the first part and says how to continue.",
        &["path"],
        json!({
            "path": {
                "type": "string",
                "description": "The file to read, relative to the workspace root, for example `src/main.rs`",
            },
            "offset": {
                "type": "integer",
                "minimum": 1,
                "description": "The first line to return, counted from 1. Default: 1",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "description": "How many lines to return at most. Default: as many as fit",
            },
            "column": {
                "type": "integer",
                "minimum": 1,
                "description": "The byte of that line at which to begin, counted from 1. Default: 1",
            },
        }),
    );
    FileTool::new(workspace, spec, read)
}

fn read(
    workspace: &Workspace,
    arguments: &Arguments,
    budget: Budget,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.locate(&arguments.path)?;
    let shown = path.display().to_string();
    let explain = |error| workspace.explain(&path, error);
    // The remarks name the file up to three times, once as JSON writes it.
    let budget = budget.with_names(2 * shown.len() + ascii(&shown).len());
    let part = Part::new(arguments, budget.room());
    let file = workspace.open_file(&path)?;
    let is_small = file.metadata().map_err(explain)?.len() <= MAX_WHOLE_FILE;
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let head = reader.fill_buf().map_err(explain)?;
    let utf_16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let mark = if head.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    reader.consume(mark);

    // Of a file of any size, only what is returned is held in memory. Only what may not be in UTF-8 is read as a whole:
    // its columns are those of the text, and an escape may begin Japanese.
    let excerpt = part.of(reader, cancelled, &explain)?;
    let doubtful = is_small && (part.skip > 0 || excerpt.bytes.contains(&0x1b));
    let mut text = excerpt.text(&part, &shown).filter(|_| !utf_16 && !doubtful);
    let mut charset = Charset::UTF_8;
    if text.is_none() {
        let whole = workspace.read_text(&path)?;
        charset = whole.charset;
        let excerpt = part.of(whole.text.as_bytes(), cancelled, &explain)?;
        text = excerpt.text(&part, &shown);
    }
    let mut text = text.transpose()?.unwrap_or_default();
    let mut remark = |remark: String| {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("{end}[{remark}]"));
    };
    if charset.is_damaged() {
        remark(format!(
            "`{shown}` has bytes that are not UTF-8, shown as U+FFFD; it cannot be edited"
        ));
    } else if let Some(charset) = charset.name() {
        remark(format!(
            "`{shown}` is written in {charset}, and stays so when it is edited"
        ));
    }
    if path != workspace.relative(&arguments.path)? {
        remark(format!(
            "its name is `{}`, as JSON writes it",
            ascii(&shown)
        ));
    }
    Ok(text)
}

/// The part of a file that is asked for.
struct Part {
    /// The first line.
    first: u64,
    /// The line behind the last one.
    end: u64,
    /// The bytes of the first line that are left out.
    skip: u64,
    /// The bytes that a result has room for.
    room: usize,
}

impl Part {
    fn new(arguments: &Arguments, room: usize) -> Self {
        let first = arguments.offset.unwrap_or(1).max(1);
        Self {
            first,
            end: first.saturating_add(arguments.limit.unwrap_or(u64::MAX)),
            skip: arguments.column.unwrap_or(1).max(1) - 1,
            room,
        }
    }

    /// Reads as much of the part as fits into a result.
    fn of(
        &self,
        mut reader: impl BufRead,
        cancelled: &Cancelled,
        explain: &dyn Fn(io::Error) -> ToolError,
    ) -> Result<Excerpt, ToolError> {
        let mut excerpt = Excerpt {
            bytes: Vec::new(),
            line: 1,
            length: 0,
            too_short: None,
            more: false,
        };
        'file: loop {
            cancelled.check()?;
            let chunk = reader.fill_buf().map_err(explain)?;
            if chunk.is_empty() {
                break;
            }
            for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
                let room = self.room - excerpt.bytes.len();
                if excerpt.line >= self.end || (excerpt.line >= self.first && room == 0) {
                    excerpt.more = true;
                    break 'file;
                }
                if excerpt.line >= self.first {
                    let wanted = &piece[excerpt.skipped(self, piece)..];
                    let taken = &wanted[..wanted.len().min(room)];
                    excerpt.bytes.extend_from_slice(taken);
                    if taken.len() < wanted.len() {
                        excerpt.more = true;
                        break 'file;
                    }
                }
                excerpt.pass(self, piece);
            }
            let consumed = chunk.len();
            reader.consume(consumed);
        }
        Ok(excerpt)
    }
}

/// An excerpt of a file.
struct Excerpt {
    bytes: Vec<u8>,
    /// The line that is read, or would be next.
    line: u64,
    /// The bytes of that line that have been passed.
    length: u64,
    /// The length of the first line, if it ends before the column.
    too_short: Option<u64>,
    /// Whether something follows.
    more: bool,
}

impl Excerpt {
    /// Counts the bytes of a piece of a line before the column.
    fn skipped(&self, part: &Part, piece: &[u8]) -> usize {
        if self.line != part.first {
            return 0;
        }
        let left = part.skip.saturating_sub(self.length);
        usize::try_from(left).unwrap_or(usize::MAX).min(piece.len())
    }

    /// Goes on behind a piece of a line.
    fn pass(&mut self, part: &Part, piece: &[u8]) {
        self.length += piece.len() as u64;
        if piece.ends_with(b"\n") {
            if self.line == part.first && part.skip >= self.length - 1 && part.skip > 0 {
                self.too_short = Some(self.length - 1);
            }
            self.line += 1;
            self.length = 0;
        }
    }

    /// The text, with how to go on; none if it is not text in UTF-8.
    fn text(mut self, part: &Part, shown: &str) -> Option<Result<String, ToolError>> {
        let lines = self.line - 1 + u64::from(self.length > 0);
        if !self.more && lines == 0 {
            return Some(Ok(format!("[`{shown}` is empty]")));
        }
        if !self.more && part.first > lines {
            return Some(Err(ToolError::InvalidArguments(format!(
                "offset {} is behind the end of `{shown}`, which has {lines} lines",
                part.first
            ))));
        }
        let ended_early = self.line == part.first && part.skip > 0 && part.skip >= self.length;
        if let Some(length) = self
            .too_short
            .or((!self.more && ended_early).then_some(self.length))
        {
            return Some(Err(ToolError::InvalidArguments(format!(
                "column {} is behind the end of line {}, which has {length} bytes",
                part.skip + 1,
                part.first
            ))));
        }
        let mut column = part.skip + 1;
        if part.skip > 0 {
            // A column within a character means the next one.
            let is_within = |byte: &&u8| **byte & 0xc0 == 0x80;
            let within = self.bytes.iter().take(3).take_while(is_within).count();
            self.bytes.drain(..within);
            column += within as u64;
        }
        let mut torn = false;
        if self.more && !self.bytes.ends_with(b"\n") {
            // Cut at the end of a line, unless a single line is too long.
            if let Some(end) = self.bytes.iter().rposition(|byte| *byte == b'\n') {
                self.bytes.truncate(end + 1);
            } else {
                torn = true;
                while std::str::from_utf8(&self.bytes)
                    .is_err_and(|error| error.error_len().is_none())
                {
                    self.bytes.pop(); // the beginning of a character whose end is cut off
                }
            }
        }
        column += self.bytes.len() as u64;
        let mut text = String::from_utf8(self.bytes)
            .ok()
            .filter(|text| !text.contains('\0'))?;
        let line = self.line;
        if torn {
            text.push_str(&format!(
                "\n[line {line} is too long and cut here: continue with offset {line} and column {column}, or with \
                 offset {}]",
                line + 1
            ));
        } else if self.more {
            text.push_str(&format!("[there is more: continue with offset {line}]"));
        }
        Some(Ok(text))
    }
}
