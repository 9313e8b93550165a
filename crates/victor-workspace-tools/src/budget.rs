//! The one place where the output of a tool is cut.
//!
//! Each tool knows best how to get at what is left out, and says so in a remark. So that no executor cuts the remark,
//! the content leaves room for it.

use std::fmt;
use std::ops::ControlFlow;

use victor_tool_protocol::ToolContext;

/// The bytes that the content leaves for remarks; at most half of a small budget.
const REMARKS: usize = 1_000;

/// The bytes of names among them.
const NAMES: usize = 400;

/// The bytes of text that a result may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget(usize);

impl Budget {
    pub(crate) fn of(context: &ToolContext) -> Self {
        Self(context.output_budget())
    }

    /// Returns the number of bytes that remain for content next to the remarks.
    pub(crate) fn room(self) -> usize {
        self.0.saturating_sub(REMARKS).max(self.0 / 2)
    }

    /// Takes bytes away that are needed for something else than content and ordinary remarks.
    pub(crate) fn without(self, bytes: usize) -> Self {
        Self(self.0.saturating_sub(bytes))
    }

    /// Leaves room for remarks that hold names of so many bytes. Names of ordinary length have theirs already.
    pub(crate) fn with_names(self, bytes: usize) -> Self {
        self.without(bytes.saturating_sub(NAMES))
    }

    /// Begins a list of lines within the budget.
    pub(crate) fn lines(self) -> Lines {
        Lines {
            text: String::new(),
            room: self.room(),
            count: 0,
        }
    }

    /// Returns the end of the page of `text` that begins at `start`.
    #[cfg(feature = "fetch")]
    pub(crate) fn page_end(self, text: &str, start: usize) -> usize {
        text.floor_char_boundary(start.saturating_add(self.room()))
    }
}

/// Whole lines, as many as fit.
#[derive(Debug)]
pub(crate) struct Lines {
    text: String,
    room: usize,
    count: usize,
}

impl Lines {
    /// Adds a line, or breaks if there is no room for it.
    pub(crate) fn push(&mut self, line: impl fmt::Display) -> ControlFlow<()> {
        let before = self.text.len();
        self.text.push_str(&line.to_string());
        self.text.push('\n');
        if self.text.len() > self.room {
            self.text.truncate(before);
            return ControlFlow::Break(());
        }
        self.count += 1;
        ControlFlow::Continue(())
    }

    /// Adds a remark, which always has room.
    pub(crate) fn remark(&mut self, remark: impl fmt::Display) {
        self.text.push_str(&format!("[{remark}]\n"));
    }

    /// Returns the number of lines, without remarks.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// The beginning and the end of a stream of bytes, however long it is.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct HeadAndTail {
    half: usize,
    head: Vec<u8>,
    tail: std::collections::VecDeque<u8>,
    left_out: usize,
}

#[cfg(unix)]
impl HeadAndTail {
    pub(crate) fn within(budget: Budget) -> Self {
        Self {
            half: budget.room() / 2,
            head: Vec::new(),
            tail: std::collections::VecDeque::new(),
            left_out: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..surplus);
        self.left_out += surplus;
    }

    pub(crate) fn into_text(self) -> String {
        let (mut bytes, tail) = (self.head, Vec::from(self.tail));
        if self.left_out > 0 {
            let remark = format!("\n[{} bytes left out here]\n", self.left_out);
            bytes.extend_from_slice(remark.as_bytes());
        }
        bytes.extend_from_slice(&tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_have_their_room() {
        let check = |budget, room| assert_eq!(Budget(budget).room(), room);
        check(51_200, 50_200);
        check(2_000, 1_000);
        check(1_500, 750);
        check(0, 0);
        assert_eq!(Budget(51_200).without(200).room(), 50_000);
        assert_eq!(Budget(51_200).with_names(400).room(), 50_200);
        assert_eq!(Budget(51_200).with_names(600).room(), 50_000);
        assert_eq!(Budget(100).without(200).room(), 0);
    }

    #[test]
    fn lines_are_whole() {
        let mut lines = Budget(20).lines();
        assert!(lines.push("123456789").is_continue());
        assert!(lines.push("").is_break());
        lines.remark("more");
        assert_eq!(lines.count(), 1);
        assert_eq!(lines.into_text(), "123456789\n[more]\n");
    }

    #[cfg(unix)]
    #[test]
    fn of_a_flood_the_head_and_the_tail_stay() {
        let budget = Budget(41_960);
        let mut output = HeadAndTail::within(budget);
        output.push(b"first");
        for _ in 0..1000 {
            output.push(&[b'x'; 1000]);
        }
        output.push(b"last");
        assert!(output.tail.len() <= budget.room() / 2);
        let text = output.into_text();
        assert!(text.starts_with("firstxxx") && text.ends_with("xxxlast"));
        assert!(text.contains(&format!("[{} bytes left out here]", 1_000_009 - 40_960)));
        assert!(text.len() < 40_960 + 100);
    }

    #[cfg(unix)]
    #[test]
    fn a_short_output_stays_whole() {
        let mut output = HeadAndTail::within(Budget(100));
        output.push("ä".as_bytes());
        output.push(b"\xff");
        assert_eq!(output.into_text(), "ä\u{fffd}");
    }
}
