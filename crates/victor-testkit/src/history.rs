//! Conversations of every shape, made from a seed.

use serde_json::{Value, json};
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

/// Names that models make up.
const NAMES: [&str; 8] = [
    "functions.read_file",
    "search ",
    "读文件",
    "",
    "mcp__server/tool#2",
    "assistant<|channel|>commentary",
    "a_name_that_is_longer_than_any_provider_accepts_because_it_says_all_that_the_tool_does_\
     and_then_again_what_it_does_not",
    "-",
];

/// Arguments that are no JSON object, or one that strict readers refuse.
const ARGUMENTS: [&str; 12] = [
    "",
    " ",
    "null",
    "[1]",
    "7",
    r#"{"path":"d""#,
    r#"{"path":"d"}{"path":"d"}"#,
    r#""{\"path\":\"d\"}""#,
    r#"{"path":"\ud83d"}"#,
    r#"{"path":"\ude00\ud83d \ud83d\ude00"}"#,
    "{'path': None}",
    "<parameter=path>d</parameter>",
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
    Source::histories(seed, count, false)
}

/// Makes conversations like [`histories`] in which models make every mistake: names that no tool has, identifiers that
/// are long, empty, repeated or of any characters, and arguments that are no JSON.
///
/// They have besides what makes servers refuse a request though it is valid by [`Messages::validate`]: notes and other
/// neighbours of one role, system messages in the middle, and thoughts and fields of many providers.
///
/// ```
/// let histories = victor_testkit::histories_with_mistakes(7, 50);
/// assert!(histories.iter().all(|messages| messages.validate().is_ok()));
/// let mut calls = histories.iter().flatten().flat_map(|message| message.tool_calls());
/// assert!(calls.any(|call| call.parse_arguments().is_err()));
/// ```
#[must_use]
pub fn histories_with_mistakes(seed: u64, count: usize) -> Vec<Messages> {
    Source::histories(seed, count, true)
}

/// Everything follows from `state`, by the SplitMix64 sequence.
struct Source {
    state: u64,
    messages: u128,
    mistakes: bool,
}

impl Source {
    fn histories(seed: u64, count: usize, mistakes: bool) -> Vec<Messages> {
        let mut source = Self {
            state: seed,
            messages: 0,
            mistakes,
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
        if self.mistake(12) {
            let parts = vec![self.text()];
            messages.push(self.message(Role::System, parts));
        }
        let parts = self.said_by_user();
        messages.push(self.message(Role::User, parts));
        if self.mistake(6) {
            let note = vec![Part::text("[3 earlier messages left out]")];
            let note = self.message(Role::User, note);
            messages.push(note.with_extra("note", true));
        }
        for _ in 0..self.below(4) {
            let mut parts = self.thoughts();
            if self.chance(2) {
                parts.push(self.text());
            }
            let form = if self.mistakes { self.below(10) } else { 9 };
            let calls: Vec<ToolCall> = (0..=self.below(4))
                .map(|number| self.call(number, form))
                .collect();
            parts.extend(calls.iter().cloned().map(Part::from));
            messages.push(self.message(Role::Assistant, parts));
            self.results(&calls, messages);
        }
        // A turn that failed has no answer, and one that paused has several.
        while !self.chance(6) {
            let mut parts = self.thoughts();
            parts.push(self.text());
            messages.push(self.message(Role::Assistant, parts));
            if !self.mistake(8) {
                break;
            }
        }
    }

    fn said_by_user(&mut self) -> Vec<Part> {
        let mut parts = vec![self.text()];
        if self.chance(5) {
            parts.push(self.image());
        }
        if self.chance(8) {
            let source = MediaSource::Url("https://example.com/report.pdf".into());
            parts.push(Document::new(source).with_title("report".to_owned()).into());
        }
        if self.chance(10) {
            parts.push(Part::text(""));
        }
        parts
    }

    fn thoughts(&mut self) -> Vec<Part> {
        let thinking = |text: String, signature: Option<String>, provider: &str| {
            Part::from(
                Thinking::new(text)
                    .with_signature(signature)
                    .with_provider(provider.to_owned()),
            )
        };
        let opaque = |provider: &str, kind: &str, data: &Value| {
            Part::from(Opaque::new(provider, kind, data.to_string()))
        };
        match self.below(if self.mistakes { 12 } else { 6 }) {
            0 => {
                let text = self.long_text();
                vec![thinking(text, Some(self.seal()), "anthropic")]
            }
            1 => {
                let id = format!("rs_{:x}", self.state);
                let item = json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": self.seal()});
                vec![opaque("openai", "reasoning", &item)]
            }
            6 => vec![thinking(self.long_text(), None, "anthropic")],
            7 => {
                let text = json!([{"type": "reasoning_text", "text": self.long_text()}]);
                let item =
                    json!({"type": "reasoning", "id": "rs_0", "summary": [], "content": text});
                vec![opaque("openai-compatible", "reasoning", &item)]
            }
            8 => vec![thinking(self.long_text(), None, "deepseek")],
            9 => {
                let details =
                    json!([{"type": "reasoning.encrypted", "data": self.seal(), "index": 0}]);
                vec![opaque("openrouter", "message.reasoning_details", &details)]
            }
            _ => Vec::new(),
        }
    }

    fn seal(&mut self) -> String {
        format!("sig-{:x}", self.next())
    }

    /// A call. The identifiers of one message are of one form.
    fn call(&mut self, number: u64, form: u64) -> ToolCall {
        let name = match self.mistake(6) {
            true => NAMES[self.index(NAMES.len())],
            false => ["read_file", "search", "run_command"][self.index(3)],
        };
        // Identifiers are unique in a message only: some servers count from zero in each.
        let id = match form {
            0 => format!("functions.{name}:{number}"),
            1 => format!("{}{number}", "c".repeat(83)),
            2 => format!("呼び出し{number}"),
            3 => "_".repeat(number as usize),
            4 => format!("call_{:x}{number}", self.next()),
            _ => format!("call_{number}"),
        };
        let arguments = match self.mistake(6) {
            true => ARGUMENTS[self.index(ARGUMENTS.len())].to_owned(),
            false => json!({ "path": TEXTS[self.index(TEXTS.len())] }).to_string(),
        };
        let mut call = ToolCall::new(id, name, arguments);
        if self.mistake(8) {
            let fields = r#"{"extra_content":{"google":{"thought_signature":"a=="}}}"#;
            let own = json!({"provider": "openai-compatible", "fields": fields});
            call.extra.insert("openai", own);
        }
        call
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
        Image::new(source).into()
    }

    /// True once in `n` times, where mistakes are made.
    fn mistake(&mut self, n: u64) -> bool {
        self.mistakes && self.chance(n)
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
    fn every_mistake_occurs() {
        let histories = histories_with_mistakes(1, 300);
        for (number, messages) in histories.iter().enumerate() {
            assert_eq!(messages.validate(), Ok(()), "history {number}");
        }
        let all = || histories.iter().flatten();
        assert!(all().any(|message| message.is_note()), "no notes");
        let mut calls = all().flat_map(|message| message.tool_calls());
        assert!(
            calls.any(|call| call.parse_arguments().is_err()),
            "no mistakes"
        );
        let mut pairs = histories.iter().flat_map(|messages| {
            let next = messages.iter().skip(1);
            messages.iter().zip(next)
        });
        for role in [Role::User, Role::Assistant] {
            let is_of_role = |message: &Message| *message.role() == role;
            assert!(
                pairs.any(|(one, next)| is_of_role(one) && is_of_role(next)),
                "no neighbours of role {role}"
            );
        }
    }

    #[test]
    fn another_seed_makes_other_histories() {
        assert_ne!(histories(1, 5), histories(2, 5));
    }
}
