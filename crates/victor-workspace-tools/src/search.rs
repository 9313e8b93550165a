//! `search_files`.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::blocking::{Cancelled, FileTool, spec};
use crate::glob::Glob;
use crate::walk::{MAX_DEPTH, walk};
use crate::workspace::{MAX_OUTPUT, Workspace, into_text, open_regular, read_whole};

/// How much of a line is shown.
const MAX_LINE: usize = 300;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    query: String,
    path: Option<String>,
    glob: Option<String>,
    #[serde(default)]
    case_sensitive: bool,
    limit: Option<usize>,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> FileTool<Arguments> {
    let spec = spec(
        "search_files",
        Effect::ReadOnly,
        "Searches the content of all text files in the workspace and returns the lines that match, each as \
         `path:line: text`. Use it to find where something is defined, used or mentioned.",
        &["query"],
        json!({
            "query": {
                "type": "string",
                "minLength": 1,
                "description": "What to search for: a word, or a regular expression in Rust syntax, for example \
                                `fn \\w+_file`. It is matched against single lines",
            },
            "path": {
                "type": "string",
                "description": "The directory or file to search, relative to the root of the workspace. Default: \
                                everything",
            },
            "glob": {
                "type": "string",
                "description": "Searches only files that match, for example `*.rs` (the name, in any directory) or \
                                `src/**/*.rs` (the path from the root)",
            },
            "case_sensitive": {
                "type": "boolean",
                "description": "Whether upper and lower case differ. Default: false",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 1000,
                "description": "How many lines to return at most. Default: 100",
            },
        }),
    );
    FileTool::new(workspace, spec, search)
}

fn search(
    workspace: &Workspace,
    arguments: &Arguments,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.relative(arguments.path.as_deref().unwrap_or("."))?;
    let mut hits = Hits {
        query: regex(arguments)?,
        limit: arguments.limit.unwrap_or(100),
        lines: 0,
        files: 0,
        too_large: 0,
        text: String::new(),
    };
    let glob = arguments.glob.as_deref().map(Glob::new).transpose()?;
    let metadata = workspace.dir().metadata(&path);
    let metadata = metadata.map_err(|error| workspace.explain(&path, error))?;
    let whole = if metadata.is_dir() {
        let (dir, shown_in) = workspace.open_dir(&path)?;
        walk(&dir, shown_in, MAX_DEPTH, cancelled, &mut |found| {
            let wanted = |glob: &Glob| glob.matches(&found.path);
            if !found.kind.is_file() || !glob.as_ref().is_none_or(wanted) {
                return ControlFlow::Continue(());
            }
            // A file that cannot be read, or is no file any more, is passed over like a binary one.
            let file = open_regular(found.dir, Path::new(&found.entry.file_name()));
            let Ok(bytes) = file.and_then(read_whole) else {
                return ControlFlow::Continue(());
            };
            hits.search(&found.path, bytes)
        })?
    } else {
        let file = workspace.open_file(&path)?;
        let bytes = read_whole(file).map_err(|error| workspace.explain(&path, error))?;
        hits.search(&path, bytes)
    };
    Ok(hits.finish(whole.is_break()))
}

struct Hits {
    query: Regex,
    limit: usize,
    lines: usize,
    files: usize,
    too_large: usize,
    text: String,
}

impl Hits {
    fn search(&mut self, path: &Path, bytes: Option<Vec<u8>>) -> ControlFlow<()> {
        let Some(bytes) = bytes else {
            self.too_large += 1;
            return ControlFlow::Continue(());
        };
        let Some(text) = into_text(bytes) else {
            return ControlFlow::Continue(());
        };
        self.files += 1;
        for (index, line) in text.lines().enumerate() {
            if !self.query.is_match(line) {
                continue;
            }
            if self.lines == self.limit || self.text.len() > MAX_OUTPUT {
                return ControlFlow::Break(());
            }
            self.lines += 1;
            let shown = &line[..line.floor_char_boundary(MAX_LINE)];
            let cut = if shown.len() < line.len() { "…" } else { "" };
            // Writing to a `String` cannot fail.
            let _ = writeln!(self.text, "{}:{}: {shown}{cut}", path.display(), index + 1);
        }
        ControlFlow::Continue(())
    }

    fn finish(mut self, more: bool) -> String {
        if more {
            self.text.push_str(
                "[more lines match: search for something rarer, or with a path or glob]\n",
            );
        } else if self.lines == 0 {
            self.text = format!(
                "[no line of {} text files matches `{}`]\n",
                self.files, self.query
            );
        }
        if self.too_large > 0 {
            let _ = writeln!(
                self.text,
                "[{} files were not searched because they are too large]",
                self.too_large
            );
        }
        self.text
    }
}

fn regex(arguments: &Arguments) -> Result<Regex, ToolError> {
    RegexBuilder::new(&arguments.query)
        .case_insensitive(!arguments.case_sensitive)
        .build()
        .map_err(|error| {
            ToolError::InvalidArguments(format!(
                "the query is not a regular expression: {error}; to find the text as it is, search for `{}`",
                regex::escape(&arguments.query)
            ))
        })
}
