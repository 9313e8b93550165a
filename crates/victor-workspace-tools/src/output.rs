//! What a command writes.

use std::collections::VecDeque;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use victor_tool_protocol::ToolContext;

use crate::workspace::MAX_OUTPUT;

/// The beginning and the end of what a command writes, however much it is.
#[derive(Default)]
pub(crate) struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
}

impl Output {
    const HALF: usize = MAX_OUTPUT / 2;

    /// Takes all that comes, until it ends.
    pub(crate) async fn fill(&mut self, reader: &mut Receiver, cx: &ToolContext) {
        let mut chunk = vec![0; 16 * 1024];
        // An error is an end: whatever happened, the status tells it.
        while let Ok(read @ 1..) = reader.read(&mut chunk).await {
            self.push(&chunk[..read]);
            cx.heartbeat();
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(Self::HALF - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(Self::HALF);
        self.tail.drain(..surplus);
        self.left_out += surplus;
    }

    pub(crate) fn into_text(self) -> String {
        let (mut bytes, tail) = (self.head, Vec::from(self.tail));
        if self.left_out > 0 {
            let note = format!("\n[{} bytes left out here]\n", self.left_out);
            bytes.extend_from_slice(note.as_bytes());
        }
        bytes.extend_from_slice(&tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_the_head_and_the_tail_stay() {
        let mut output = Output::default();
        output.push(b"first");
        for _ in 0..1000 {
            output.push(&[b'x'; 1000]);
        }
        output.push(b"last");
        assert!(output.tail.len() <= Output::HALF);
        let text = output.into_text();
        assert!(text.starts_with("firstxxx") && text.ends_with("xxxlast"));
        assert!(text.contains(&format!("[{} bytes left out here]", 1_000_009 - MAX_OUTPUT)));
        assert!(text.len() < MAX_OUTPUT + 100);
    }

    #[test]
    fn a_short_output_stays_whole() {
        let mut output = Output::default();
        output.push("ä".as_bytes());
        output.push(b"\xff");
        assert_eq!(output.into_text(), "ä\u{fffd}");
    }
}
