//! Reading unified diffs, as Git and others write them and as models do.

use victor_tool_protocol::ToolError;

use super::names::{self, Names, git_names};
use crate::text::are_crlf_throughout;

/// The part of a patch about one file.
#[derive(Debug)]
pub(crate) struct FilePatch<'a> {
    pub(crate) what: What,
    pub(crate) hunks: Vec<Hunk<'a>>,
}

/// The kind of change of a file.
#[derive(Debug)]
pub(crate) enum What {
    Create(String),
    Delete(String),
    Change(String),
    Rename { from: String, to: String },
}

/// Lines that stand one after the other in a file, and what is to become of them.
#[derive(Debug)]
pub(crate) struct Hunk<'a> {
    /// The line of the patch with which it begins.
    pub(crate) at: usize,
    /// The line of the old file with which it says that it begins. Models are often wrong about it.
    pub(crate) start: Option<usize>,
    pub(crate) lines: Vec<Line<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// Whether it is said that no line break follows, so that it is the last line of its file.
    pub(crate) unended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Keep,
    Remove,
    Add,
}

/// Reads a patch.
///
/// Counts of lines are not relied on, since models count badly: a hunk ends where no line of one follows. What stands
/// before the first file, such as a commit message, is passed over.
pub(crate) fn parse(patch: &str) -> Result<Vec<FilePatch<'_>>, ToolError> {
    // A patch that came through a world of CRLF says nothing about its files by it.
    let crlf = are_crlf_throughout(&[patch]);
    let lines = patch
        .strip_suffix('\n')
        .unwrap_or(patch)
        .split('\n')
        .map(|line| {
            if crlf {
                line.strip_suffix('\r').unwrap_or(line)
            } else {
                line
            }
        });
    let mut parser = Parser {
        lines: lines.collect(),
        at: 0,
        files: Vec::new(),
        section: None,
    };
    parser.run()?;
    if parser.files.is_empty() {
        return Err(ToolError::InvalidArguments(
            "the patch names no file: it must be a unified diff, with `--- a/path` and `+++ b/path` before the hunks \
             of each file"
                .into(),
        ));
    }
    Ok(parser.files)
}

struct Parser<'a> {
    lines: Vec<&'a str>,
    at: usize,
    files: Vec<FilePatch<'a>>,
    section: Option<Section<'a>>,
}

/// The lines read so far about one file.
#[derive(Default)]
struct Section<'a> {
    /// The line with which it begins.
    at: usize,
    /// The names after `diff --git`, which count if there are no others.
    git: Option<(String, String)>,
    /// Those after `---` and `+++`.
    names: Option<Names>,
    rename_from: Option<String>,
    rename_to: Option<String>,
    created: bool,
    deleted: bool,
    hunks: Vec<Hunk<'a>>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), ToolError> {
        while let Some(line) = self.peek(0) {
            let number = self.at + 1;
            if let Some(names) = line.strip_prefix("diff --git ") {
                self.finish()?;
                self.section = Some(Section {
                    at: number,
                    git: git_names(names),
                    ..Section::default()
                });
            } else if let (Some(old), Some(new)) =
                (line.strip_prefix("--- "), self.strip_next("+++ "))
            {
                let names = names::names(path(old, number)?, path(new, number + 1)?);
                if !self
                    .section
                    .as_ref()
                    .is_some_and(|section| section.awaits(&names))
                {
                    self.finish()?;
                }
                let section = self.section.get_or_insert_with(|| Section {
                    at: number,
                    ..Section::default()
                });
                section.names = Some(names);
                self.at += 1;
            } else if line == "-- " {
                self.finish()?; // the signature of a mail, which is no part of the patch
            } else if line.starts_with("@@") {
                let hunk = self.hunk();
                let Some(section) = self
                    .section
                    .as_mut()
                    .filter(|section| section.names.is_some())
                else {
                    return Err(invalid(
                        number,
                        "a hunk begins before a file is named by `---` and `+++`",
                    ));
                };
                section.hunks.push(hunk?);
                continue; // behind the hunk already
            } else if let Some(section) = &mut self.section {
                section.header(line, number)?;
            } else if line.starts_with("*** Begin Patch") {
                return Err(invalid(
                    number,
                    "this is another format: write a unified diff",
                ));
            }
            self.at += 1;
        }
        self.finish()
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.lines.get(self.at + ahead).copied()
    }

    fn strip_next(&self, prefix: &str) -> Option<&'a str> {
        self.peek(1)?.strip_prefix(prefix)
    }

    fn hunk(&mut self) -> Result<Hunk<'a>, ToolError> {
        let at = self.at + 1;
        let head = self.peek(0).unwrap_or_default();
        let numbers = hunk_numbers(head);
        let (mut old_left, mut new_left) = numbers.map_or((0, 0), |(_, old, new)| (old, new));
        self.at += 1;
        let mut lines: Vec<Line<'a>> = Vec::new();
        while let Some(line) = self.peek(0) {
            let kind = match line.as_bytes().first() {
                None | Some(b' ') => Kind::Keep,
                Some(b'-') => Kind::Remove,
                Some(b'+') => Kind::Add,
                Some(b'\\') => {
                    if let Some(last) = lines.last_mut() {
                        last.unended = true;
                    }
                    self.at += 1;
                    continue;
                }
                Some(_) => break,
            };
            // Looks like the header of the next file, or the signature of a mail. It could be removed and added lines
            // of this hunk, and is so if the hunk lacks exactly these.
            let header = line.starts_with("--- ")
                && self.strip_next("+++ ").is_some()
                && self.peek(2).is_some_and(|line| line.starts_with("@@"));
            if header && (old_left, new_left) != (1, 1) || line == "-- " && old_left == 0 {
                break;
            }
            old_left = usize::saturating_sub(old_left, usize::from(kind != Kind::Add));
            new_left = usize::saturating_sub(new_left, usize::from(kind != Kind::Remove));
            lines.push(Line {
                kind,
                text: line.get(1..).unwrap_or_default(),
                unended: false,
            });
            self.at += 1;
        }
        // Blank lines at the end are lines of the file without the space that should be there, or not of the hunk. Its
        // count decides.
        let read = lines.iter().filter(|line| line.kind != Kind::Add).count();
        let mut surplus = read.saturating_sub(numbers.map_or(0, |(_, old, _)| old));
        while self.lines[self.at - 1].is_empty() && !lines.is_empty() && surplus > 0 {
            lines.pop();
            self.at -= 1;
            surplus -= 1;
        }
        if lines.iter().all(|line| line.kind == Kind::Keep) {
            return Err(invalid(at, "the hunk changes nothing"));
        }
        Ok(Hunk {
            at,
            start: numbers.map(|(start, _, _)| start),
            lines,
        })
    }

    /// Ends the section of a file.
    fn finish(&mut self) -> Result<(), ToolError> {
        let Some(section) = self.section.take() else {
            return Ok(());
        };
        self.files.push(section.finish()?);
        Ok(())
    }
}

impl<'a> Section<'a> {
    /// Whether these names belong to it, and do not begin the next one.
    fn awaits(&self, (old, new): &Names) -> bool {
        let fits = |name: &Option<String>, known: Option<&String>| match (name, known) {
            (Some(name), Some(known)) => name == known,
            _ => true,
        };
        let git = self.git.as_ref();
        let known_old = self.rename_from.as_ref().or(git.map(|git| &git.0));
        let known_new = self.rename_to.as_ref().or(git.map(|git| &git.1));
        self.names.is_none() && fits(old, known_old) && fits(new, known_new)
    }

    /// A line that is neither a name nor a hunk.
    fn header(&mut self, line: &str, number: usize) -> Result<(), ToolError> {
        if !self.hunks.is_empty() {
            if line.is_empty() || line.starts_with("```") {
                return Ok(());
            }
            return Err(invalid(
                number,
                "a line of a hunk must begin with a space, `-` or `+`, and the next hunk with `@@`",
            ));
        }
        if let Some(name) = line.strip_prefix("rename from ") {
            self.rename_from = path(name, number)?;
        } else if let Some(name) = line.strip_prefix("rename to ") {
            self.rename_to = path(name, number)?;
        } else if let Some(mode) = line.strip_prefix("new file mode ") {
            self.created = true;
            if mode.trim_end() != "100644" {
                return Err(invalid(
                    number,
                    "only plain files without special permissions are created",
                ));
            }
        } else if line.starts_with("deleted file mode ") {
            self.deleted = true;
        } else if line.starts_with("old mode ") || line.starts_with("new mode ") {
            return Err(invalid(number, "permissions are not changed by a patch"));
        } else if line.starts_with("copy from ") {
            return Err(invalid(
                number,
                "a file is not copied by a patch: create it with its whole content",
            ));
        } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            return Err(invalid(number, "binary files are not patched"));
        }
        Ok(())
    }

    fn finish(self) -> Result<FilePatch<'a>, ToolError> {
        let at = self.at;
        let by_git = self.git.map(|(old, new)| (Some(old), Some(new)));
        let by_rename = (self.rename_from.clone(), self.rename_to.clone());
        let (mut old, mut new) = self.names.or(by_git).unwrap_or(by_rename);
        if self.created {
            old = None;
        }
        if self.deleted {
            new = None;
        }
        let what = match (self.rename_from, self.rename_to, old, new) {
            (Some(from), Some(to), _, _) => What::Rename { from, to },
            (Some(_), None, _, _) | (None, Some(_), _, _) => {
                return Err(invalid(at, "`rename from` and `rename to` belong together"));
            }
            (_, _, None, Some(new)) => What::Create(new),
            (_, _, Some(old), None) => What::Delete(old),
            (_, _, Some(old), Some(new)) if old == new && self.hunks.is_empty() => {
                return Err(invalid(at, "no hunk follows the names"));
            }
            (_, _, Some(old), Some(new)) if old == new => What::Change(old),
            (_, _, Some(_), Some(_)) => {
                return Err(invalid(
                    at,
                    "the names after `---` and `+++` differ: to rename a file, add `rename from` and `rename to`",
                ));
            }
            (_, _, None, None) => {
                return Err(invalid(at, "one of the names must be that of a file"));
            }
        };
        Ok(FilePatch {
            what,
            hunks: self.hunks,
        })
    }
}

fn invalid(line: usize, what: &str) -> ToolError {
    ToolError::InvalidArguments(format!(
        "line {line} of the patch: {what}; nothing was changed"
    ))
}

fn path(text: &str, line: usize) -> Result<Option<String>, ToolError> {
    names::path(text).ok_or_else(|| invalid(line, "the quoted path is not well formed"))
}

/// The first line and the counts of lines of `@@ -1,2 +3,4 @@`.
fn hunk_numbers(head: &str) -> Option<(usize, usize, usize)> {
    let mut words = head.strip_prefix("@@ ")?.split(' ');
    let mut range = |sign| {
        let range = words.next()?.strip_prefix(sign)?;
        let (start, count) = range.split_once(',').unwrap_or((range, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((start, old), (_, new)): ((usize, usize), (usize, usize)) = (range('-')?, range('+')?);
    Some((start, old, new))
}
