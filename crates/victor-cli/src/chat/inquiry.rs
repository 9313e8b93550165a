//! The question about a tool call, and the meaning of the answers.

use std::fmt::Write as _;

use serde_json::Value;
use victor_orchestrator::core::ToolCall;
use victor_orchestrator::tool::{ApprovalScope, ShownPreview};
use victor_text::{Sheet, grouped, json_escaped, one_line};
use victor_tool::command_prefix;

/// The most rows of details that are shown at once. More of them would not be read one by one.
const MAX_ROWS: usize = 120;

/// The most rows of a question.
const MAX_QUESTION: usize = 20;

/// The rows that are repeated at the end of details that do not fit the screen.
const REPEATED: usize = 3;

/// A question about a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inquiry<'a> {
    pub(crate) question: &'a str,
    pub(crate) call: &'a ToolCall,
    pub(crate) preview: Option<&'a ShownPreview>,
    /// Whether an approval may be stored for later conversations in the folder.
    pub(crate) can_store: bool,
}

/// A question in rows for a terminal. All foreign text is marked at its left edge.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The rows, one below the other.
    pub(crate) rows: Vec<String>,
    /// All rows, if some are left out.
    pub(crate) all: Option<Vec<String>>,
    /// The number of characters that are in none of the rows.
    pub(crate) lost: usize,
    tool: String,
    program: Option<String>,
    can_store: bool,
}

/// An answer of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Yes(ApprovalScope),
    No,
    /// The person wants to see all of it first.
    View,
}

impl Inquiry<'_> {
    /// Puts the question into rows for a terminal of this size.
    pub(crate) fn shown(&self, columns: usize, screen: usize) -> Shown {
        let question = Sheet::new(self.question, columns).folded(MAX_QUESTION);
        let mut rows = vec!["The agent wants to run a tool:".to_owned()];
        rows.extend(question.rows);
        // The omitted part of a question is among the details.
        let details = self.details(question.omitted > 0);
        let (mut all, mut lost, mut omitted) = (None, 0, 0);
        if let Some(details) = details {
            let head = Sheet::new(&details.head, columns);
            let tail = (!details.is_whole()).then(|| Sheet::new(&details.tail, columns));
            lost = details.omitted;
            let gap = format!("[{} characters are not shown]", grouped(lost));
            let folded = match &tail {
                None => head.folded(MAX_ROWS),
                Some(_) => head.folded(MAX_ROWS * 3 / 5),
            };
            omitted = folded.omitted;
            let first: Vec<_> = folded.rows.iter().take(REPEATED).cloned().collect();
            let mut shown = folded.rows;
            if let Some(tail) = &tail {
                let tail = tail.folded(MAX_ROWS * 2 / 5);
                shown.push(gap.clone());
                shown.extend(tail.rows);
                omitted += tail.omitted;
            }
            if omitted > 0 {
                let mut whole: Vec<String> = head.rows().map(str::to_owned).collect();
                if let Some(tail) = &tail {
                    whole.push(gap);
                    whole.extend(tail.rows().map(str::to_owned));
                }
                all = Some(whole);
            }
            rows.push(match self.preview {
                Some(_) => "It would do this:".to_owned(),
                None => "Its arguments are:".to_owned(),
            });
            let is_long = rows.len() + shown.len() + 6 > screen;
            rows.extend(shown);
            if is_long {
                rows.push(format!(
                    "This is the end of what `{}` would be run with. It begins with:",
                    self.tool()
                ));
                rows.extend(first);
            }
        }
        if omitted + lost > 0 {
            let advice = match all {
                Some(_) => "type `v` to see the rest, or the whole word `yes` to allow it unseen",
                None => "only the whole word `yes` allows it",
            };
            rows.push(format!(
                "Not shown: {} characters. A single key does not allow it: {advice}.",
                grouped(omitted + lost)
            ));
        }
        Shown {
            rows,
            all,
            lost,
            tool: self.tool(),
            program: command_prefix(self.call),
            can_store: self.can_store,
        }
    }

    fn tool(&self) -> String {
        one_line(&self.call.name)
    }

    /// Returns the effects of the call; `None` if the question contains them.
    fn details(&self, question_is_cut: bool) -> Option<ShownPreview> {
        /// The most characters of arguments.
        const MAX_CHARS: usize = 100_000;
        if let Some(preview) = self.preview {
            return Some(preview.clone());
        }
        let Ok(arguments) = self.call.parse_arguments().map(Value::Object) else {
            return Some(ShownPreview::new(&self.call.arguments, MAX_CHARS));
        };
        let compact = arguments.to_string();
        if !question_is_cut && self.question.contains(&*json_escaped(&compact)) {
            return None;
        }
        let pretty = serde_json::to_string_pretty(&arguments).unwrap_or(compact);
        Some(ShownPreview::new(&json_escaped(&pretty), MAX_CHARS))
    }
}

impl Shown {
    /// Whether all effects of the call have been shown.
    pub(crate) fn is_whole(&self) -> bool {
        self.all.is_none() && self.lost == 0
    }

    /// Records that the omitted rows have been seen.
    pub(crate) fn viewed(&mut self) {
        self.all = None;
    }

    /// Returns the prompt for an answer.
    pub(crate) fn prompt(&self) -> String {
        let keys = if self.is_whole() { "y/N/?" } else { "yes/N/?" };
        format!("allow `{}`? [{keys}] ", self.tool)
    }

    /// Explains the answers.
    pub(crate) fn keys(&self) -> String {
        let yes = if self.is_whole() { "y" } else { "yes" };
        let mut text = format!("{yes}: yes, once; n or Enter: no");
        if self.all.is_some() {
            text += "; v: see all of it";
        }
        let [same, program, tool] = match self.is_whole() {
            true => ["s", "p", "t"],
            false => ["same", "program", "tool"],
        };
        let _ = write!(text, "; {same}: this very call from now on"); // writing to a `String` cannot fail
        if let Some(name) = &self.program {
            let _ = write!(text, "; {program}: every simple command of `{name}`");
        }
        let _ = write!(text, "; {tool}: every call of this tool");
        if self.can_store {
            let _ = write!(
                text,
                "; with `!` behind it, as `{tool}!`: in later conversations in this folder too"
            );
        }
        text
    }

    /// Interprets an answer.
    ///
    /// # Errors
    ///
    /// The line is not a valid answer; the text says why, and what to type.
    pub(crate) fn reply(&self, line: &str) -> Result<Reply, String> {
        let line = line.trim().to_lowercase();
        let (word, is_stored) = match line.strip_suffix('!') {
            Some(word) => (word, true),
            None => (&*line, false),
        };
        let scope = match word {
            "" | "n" | "no" if !is_stored => return Ok(Reply::No),
            "v" | "view" if !is_stored && self.all.is_some() => return Ok(Reply::View),
            "v" | "view" if !is_stored => return Err("All of it is already shown.".to_owned()),
            "y" | "yes" if !is_stored => ApprovalScope::Call,
            "s" | "same" => ApprovalScope::Arguments,
            "t" | "tool" => ApprovalScope::Tool,
            "p" | "program" if self.program.is_some() => ApprovalScope::Prefix,
            "p" | "program" => {
                let reason = "This call is not one simple command of a program, so its program cannot be allowed.";
                return Err(reason.to_owned());
            }
            "?" | "h" | "help" => return Err(self.keys()),
            _ => {
                return Err(format!(
                    "`{}` is not an answer. {}",
                    victor_text::excerpt(&line, 40),
                    self.keys()
                ));
            }
        };
        if word.len() == 1 && !self.is_whole() {
            return Err(format!(
                "Not all of it was shown, so `{word}` is not enough. {}",
                self.keys()
            ));
        }
        match (is_stored, self.can_store) {
            (false, _) => Ok(Reply::Yes(scope)),
            (true, true) => Ok(Reply::Yes(scope.everywhere())),
            (true, false) => {
                Err("Approvals are not stored here for later conversations.".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
