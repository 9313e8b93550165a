//! Conversations of every shape, made from a seed.

use serde_json::json;
use victor_core::{
    Document, Image, MediaSource, Message, MessageId, Messages, ModelId, Opaque, Part, Role,
    Thinking, ToolCall, ToolOutcome, ToolResult,
};

/// Texts that trip up whoever counts, cuts or compares them.
const TEXTS: [&str; 12] = [
    "Please read the configuration and tell me what is wrong with it.",
    "ok",
    " ",
    "\n\n",
    "日本語のテキストも、長くなることがあります。",
    "👩‍👩‍👧‍👦 family, e\u{301} combining, \u{202e}right to left",
    "```rust\nfn main() {\n    println!(\"{}\", 1 + 1);\n}\n```",
    "{\"looks\": [\"like\", \"json\"]}",
    "<tag attribute=\"x\">looks like markup</tag> & so on",
    "a\u{0}b\tc\r\nd",
    "TODO: remember the port is 8080, the host db.internal, and never deploy on a Friday.",
    "wordwithoutanyspaceinitwordwithoutanyspaceinitwordwithoutanyspaceinit",
];

/// Makes `count` conversations from a seed: the same seed makes the same conversations, identifiers included.
///
/// They have system messages, pictures, documents, thoughts with signatures, opaque parts, parallel tool calls whose
/// results come in one message or several and in any order, results that are errors or pictures, pinned messages,
/// own fields, texts that are long, blank or far from ASCII. The first is empty, and all of them are valid by
/// [`Messages::validate`].
///
/// ```
/// let histories = victor_testkit::histories(7, 50);
/// assert!(histories.iter().all(|messages| messages.validate().is_ok()));
/// assert_eq!(histories, victor_testkit::histories(7, 50));
/// ```
#[must_use]
pub fn histories(seed: u64, count: usize) -> Vec<Messages> {
    let mut source = Source {
        state: seed,
        messages: 0,
    };
    (0..count)
        .map(|number| {
            if number == 0 {
                Messages::new()
            } else {
                source.history()
            }
        })
        .collect()
}

/// Everything follows from `state`, by the SplitMix64 sequence.
struct Source {
    state: u64,
    messages: u128,
}

impl Source {
    fn history(&mut self) -> Messages {
        let mut messages = Messages::new();
        for _ in 0..self.below(3) {
            let parts = vec![self.text()];
            messages.push(self.message(Role::System, parts));
        }
        for _ in 0..=self.below(8) {
            self.exchange(&mut messages);
        }
        messages
    }

    /// A message of the user, and usually what the model makes of it.
    fn exchange(&mut self, messages: &mut Messages) {
        let parts = self.said_by_user();
        messages.push(self.message(Role::User, parts));
        for _ in 0..self.below(4) {
            let mut parts = self.thoughts();
            if self.chance(2) {
                parts.push(self.text());
            }
            let calls: Vec<ToolCall> = (0..=self.below(4))
                .map(|number| self.call(number))
                .collect();
            parts.extend(calls.iter().cloned().map(Part::from));
            messages.push(self.message(Role::Assistant, parts));
            self.results(&calls, messages);
        }
        if !self.chance(6) {
            let mut parts = self.thoughts();
            parts.push(self.text());
            messages.push(self.message(Role::Assistant, parts));
        }
    }

    fn said_by_user(&mut self) -> Vec<Part> {
        let mut parts = vec![self.text()];
        if self.chance(5) {
            parts.push(self.image());
        }
        if self.chance(8) {
            let source = MediaSource::Url("https://example.com/report.pdf".into());
            parts.push(
                Document {
                    source,
                    title: Some("report".into()),
                    extra: Default::default(),
                }
                .into(),
            );
        }
        if self.chance(10) {
            parts.push(Part::text(""));
        }
        parts
    }

    fn thoughts(&mut self) -> Vec<Part> {
        match self.below(6) {
            0 => vec![
                Thinking {
                    text: self.long_text(),
                    signature: Some(format!("sig-{:x}", self.next())),
                    provider: Some("anthropic".into()),
                    ..Thinking::default()
                }
                .into(),
            ],
            1 => vec![
                Opaque {
                    provider: "openai".into(),
                    kind: "reasoning".into(),
                    data: format!("{{\"encrypted\":\"{:x}\"}}", self.next()),
                    extra: Default::default(),
                }
                .into(),
            ],
            _ => Vec::new(),
        }
    }

    fn call(&mut self, number: u64) -> ToolCall {
        let name = ["read_file", "search", "run_command"][self.index(3)];
        // Identifiers are unique in a message only: some servers count from zero in each.
        let id = format!("call_{number}");
        let path = TEXTS[self.index(TEXTS.len())];
        ToolCall::new(id, name, json!({ "path": path }).to_string())
    }

    fn results(&mut self, calls: &[ToolCall], messages: &mut Messages) {
        let mut results: Vec<ToolResult> = calls.iter().map(|call| self.result(call)).collect();
        let turn = self.index(results.len());
        results.rotate_left(turn);
        let together = if self.chance(3) { 1 } else { results.len() };
        for results in results.chunks(together) {
            let parts = results.iter().cloned().map(Part::from).collect();
            messages.push(self.message(Role::Tool, parts));
        }
    }

    fn result(&mut self, call: &ToolCall) -> ToolResult {
        match self.below(8) {
            0 => ToolResult::new(call, ToolOutcome::Error, "the file is not there"),
            1 => ToolResult::with_parts(call, ToolOutcome::Success, vec![self.image()]),
            2 => ToolResult::new(call, ToolOutcome::Success, ""),
            _ => ToolResult::new(call, ToolOutcome::Success, self.long_text()),
        }
    }

    fn message(&mut self, role: Role, parts: Vec<Part>) -> Message {
        self.messages += 1;
        let id = MessageId::from_u128((u128::from(self.next()) << 64) + self.messages);
        let mut message = Message::with_id(id, role, parts);
        if self.chance(8) {
            message = message.pinned();
        }
        if self.chance(8) {
            message = message.with_extra("origin", "import");
        }
        if *message.role() == Role::Assistant && self.chance(2) {
            message = message.with_model(ModelId::new("model-1"));
        }
        message
    }

    fn text(&mut self) -> Part {
        Part::text(if self.chance(4) {
            self.long_text()
        } else {
            TEXTS[self.index(TEXTS.len())].to_owned()
        })
    }

    fn long_text(&mut self) -> String {
        let lines = 1 + self.below(40);
        (0..lines)
            .map(|_| TEXTS[self.index(TEXTS.len())])
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn image(&mut self) -> Part {
        let source = MediaSource::Base64 {
            media_type: "image/png".into(),
            data: "iVBORw0KGgo=".into(),
        };
        Image {
            source,
            extra: Default::default(),
        }
        .into()
    }

    /// True once in `n` times.
    fn chance(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_history_is_valid_and_every_shape_occurs() {
        let histories = histories(1, 300);
        for (number, messages) in histories.iter().enumerate() {
            assert_eq!(messages.validate(), Ok(()), "history {number}");
        }
        let all = || histories.iter().flatten();
        for kind in [
            "text",
            "image",
            "document",
            "thinking",
            "tool_call",
            "tool_result",
            "opaque",
        ] {
            assert!(
                all()
                    .flat_map(|m| m.parts())
                    .any(|part| part.kind() == kind),
                "no {kind}"
            );
        }
        assert!(
            all().any(|message| message.tool_calls().count() > 2),
            "no parallel calls"
        );
        assert!(all().any(|message| message.is_pinned()), "no pins");
        assert!(
            all().any(|message| message.text().trim().is_empty()),
            "no blank texts"
        );
        assert!(
            histories.iter().any(|messages| messages.len() > 30),
            "no long history"
        );
    }

    #[test]
    fn another_seed_makes_other_histories() {
        assert_ne!(histories(1, 5), histories(2, 5));
    }
}
