//! `search_files`.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use super::glob::Glob;
use super::ignored::LeftOut;
use super::walk::{Found, MAX_DEPTH, Walk};
use crate::budget::{Budget, Lines};
use crate::file_tool::{Cancelled, FileTool, spec};
use crate::shorten::{MAX_QUOTED, shorten};
use crate::text::decode;
use crate::workspace::{Workspace, open_regular, read_whole};

/// The most bytes of a line that are shown.
const MAX_LINE: usize = 300;

/// The most of these before the match.
const BEFORE_MATCH: usize = 100;

/// The most matches that are counted in a line that is cut.
const MAX_COUNTED: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    query: String,
    path: Option<String>,
    glob: Option<String>,
    #[serde(default)]
    case_sensitive: bool,
    limit: Option<usize>,
    #[serde(default)]
    include_ignored: bool,
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
                "description": "A word, or a regular expression in Rust syntax, for example `fn \\w+_file`. It is \
                                matched against single lines",
            },
            "path": {
                "type": "string",
                "description": "The directory or file to search, relative to the workspace root. Default: everything",
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
            "include_ignored": {
                "type": "boolean",
                "description": "Whether to search ignored files as well (`.gitignore`), behind the others. Default: \
                    false",
            },
        }),
    );
    FileTool::new(workspace, spec, search)
}

fn search(
    workspace: &Workspace,
    arguments: &Arguments,
    budget: Budget,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.locate(arguments.path.as_deref().unwrap_or("."))?;
    let mut hits = Hits {
        query: regex(arguments)?,
        glob: arguments.glob.as_deref().map(Glob::new).transpose()?,
        limit: arguments.limit.unwrap_or(100),
        lines: budget.lines(),
        files: 0,
        too_large: 0,
        left_out: LeftOut::default(),
    };
    let metadata = workspace
        .dir()
        .metadata(&path)
        .map_err(|error| workspace.explain(&path, error))?;
    let whole = if metadata.is_dir() {
        let walk = |ignored| Walk {
            workspace,
            cancelled,
            depth: MAX_DEPTH,
            ignored,
        };
        let whole = walk(false).run(&path, &mut |found| {
            if found.ignored {
                hits.left_out.count(&found);
                return ControlFlow::Continue(());
            }
            hits.visit(&found)
        })?;
        if whole.is_continue() && arguments.include_ignored {
            hits.left_out = LeftOut::default();
            walk(true).run(&path, &mut |found| match found.ignored {
                true => hits.visit(&found),
                false => ControlFlow::Continue(()),
            })?
        } else {
            whole
        }
    } else {
        let file = workspace.open_file(&path)?;
        let bytes = read_whole(file).map_err(|error| workspace.explain(&path, error))?;
        hits.search(&path, bytes)
    };
    Ok(hits.finish(whole.is_break()))
}

struct Hits {
    query: Regex,
    glob: Option<Glob>,
    limit: usize,
    lines: Lines,
    files: usize,
    too_large: usize,
    left_out: LeftOut,
}

impl Hits {
    fn visit(&mut self, found: &Found<'_>) -> ControlFlow<()> {
        let wanted = |glob: &Glob| glob.matches(&found.path);
        if !found.kind.is_file() || !self.glob.as_ref().is_none_or(wanted) {
            return ControlFlow::Continue(());
        }
        // A file that cannot be read, or is no file any more, is passed over like a binary one.
        let file = open_regular(found.dir, Path::new(&found.entry.file_name()));
        let Ok(bytes) = file.and_then(read_whole) else {
            return ControlFlow::Continue(());
        };
        self.search(&found.path, bytes)
    }

    fn search(&mut self, path: &Path, bytes: Option<Vec<u8>>) -> ControlFlow<()> {
        let Some(bytes) = bytes else {
            self.too_large += 1;
            return ControlFlow::Continue(());
        };
        let Some((text, _)) = decode(&bytes, None) else {
            return ControlFlow::Continue(());
        };
        self.files += 1;
        for (index, line) in text.lines().enumerate() {
            let Some(found) = self.query.find(line) else {
                continue;
            };
            if self.lines.count() == self.limit {
                return ControlFlow::Break(());
            }
            let shown = self.around(line, found.start());
            let number = index + 1;
            self.lines
                .push(format_args!("{}:{number}: {shown}", path.display()))?;
        }
        ControlFlow::Continue(())
    }

    /// A line, or the part of a long one in which a match begins, with how to read the rest.
    fn around<'a>(&self, line: &'a str, start: usize) -> Cow<'a, str> {
        if line.len() <= MAX_LINE {
            return Cow::Borrowed(line);
        }
        let latest = line.len() - MAX_LINE;
        let from = line.floor_char_boundary(start.saturating_sub(BEFORE_MATCH).min(latest));
        let to = line.floor_char_boundary(from + MAX_LINE);
        let dots = |cut| if cut { "…" } else { "" };
        let matches = self.query.find_iter(line).take(MAX_COUNTED).count();
        let matches = match matches {
            1 => String::new(),
            MAX_COUNTED => format!(", the first of {MAX_COUNTED} matches or more"),
            _ => format!(", the first of {matches} matches"),
        };
        Cow::Owned(format!(
            "{}{}{} [column {} of {}{matches}]",
            dots(from > 0),
            &line[from..to],
            dots(to < line.len()),
            start + 1,
            line.len()
        ))
    }

    fn finish(mut self, more: bool) -> String {
        if more {
            self.lines
                .remark("more lines match: search for something rarer, or with a path or glob");
        } else if self.lines.count() == 0 {
            let query = shorten(self.query.as_str(), MAX_QUOTED);
            self.lines.remark(format_args!(
                "no line of {} text files matches `{query}`",
                self.files
            ));
            if let Some(error) = self.glob.and_then(|glob| glob.error) {
                let error = shorten(&error, MAX_QUOTED);
                self.lines.remark(format_args!(
                    "the glob is taken as a name, since it is not valid: {error}"
                ));
            }
        }
        if self.too_large > 0 {
            self.lines.remark(format_args!(
                "{} files were not searched because they are too large",
                self.too_large
            ));
        }
        self.lines.into_text() + &self.left_out.to_string()
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
