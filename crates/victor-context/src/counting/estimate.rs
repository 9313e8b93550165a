//! Token counts without a tokenizer.

use victor_context_protocol::TokenCounter;
use victor_core::{Document, JsonMap, MediaSource, Message, Part, ToolResult};

/// Estimates tokens from the kinds of characters in a text, for models whose tokenizer is not at hand.
///
/// The estimate follows what byte-pair tokenizers do: a word costs about one token and more if it is long, digits go
/// by threes, a single blank is free, Chinese, Japanese and Korean characters cost nearly one token each. Against the
/// tokenizers `o200k` and `cl100k` it is within 11 % on English, Rust code, JSON, CSV and logs (four characters per
/// token, the usual rule, is 28 % too low on logs, 38 % on JSON, and 61 % on Chinese). In other scripts the two
/// tokenizers differ by a factor of two and more, and the estimate lies between them. Base64 is underestimated by a
/// third.
///
/// What is not text has a flat cost, on the high side: 1,500 tokens for an image; for a document that is not text,
/// one token per 40 bytes of base64, and at least 1,500. A message adds 4 tokens, a tool call or result 8.
#[derive(Debug, Clone, Copy, Default)]
pub struct EstimateCounter;

const PER_MESSAGE: u32 = 4;
const PER_CALL: u32 = 8;
const MEDIA: u32 = 1500;

impl TokenCounter for EstimateCounter {
    fn name(&self) -> &str {
        "estimate"
    }

    fn count_text(&self, text: &str) -> u32 {
        let mut hundredths = 0_u64;
        let mut chars = text.chars().peekable();
        while let Some(mut last) = chars.next() {
            let kind = Kind::of(last);
            let mut length = 1;
            while let Some(next) =
                chars.next_if(|next| Kind::of(*next) == kind && !word_ends(last, *next))
            {
                last = next;
                length += 1;
            }
            hundredths += kind.hundredths(length);
        }
        u32::try_from(hundredths.div_ceil(100)).unwrap_or(u32::MAX)
    }

    fn count_message(&self, message: &Message) -> u32 {
        message
            .parts()
            .iter()
            .fold(PER_MESSAGE, |sum, part| sum.saturating_add(self.part(part)))
    }
}

impl EstimateCounter {
    fn part(&self, part: &Part) -> u32 {
        match part {
            Part::Text(text) => self.count_text(&text.text),
            Part::Thinking(thinking) => self.count_text(&thinking.text),
            Part::Image(_) => MEDIA,
            Part::Document(document) => document_cost(document),
            Part::ToolCall(call) => [&call.name, &call.arguments]
                .into_iter()
                .fold(PER_CALL, |sum, text| {
                    sum.saturating_add(self.count_text(text))
                }),
            Part::ToolResult(result) => self.result(result),
            Part::Opaque(opaque) => quarter(opaque.data.len()),
            Part::Unknown(map) => quarter(json_length(map)),
            _ => 0,
        }
    }

    fn result(&self, result: &ToolResult) -> u32 {
        result
            .content
            .iter()
            .fold(PER_CALL, |sum, part| sum.saturating_add(self.part(part)))
    }
}

fn document_cost(document: &Document) -> u32 {
    match &document.source {
        // Three bytes in four characters, four bytes of text per token.
        MediaSource::Base64 { media_type, data } if media_type.starts_with("text/") => {
            quarter(data.len() / 4 * 3)
        }
        MediaSource::Base64 { data, .. } => u32::try_from(data.len() / 40)
            .unwrap_or(u32::MAX)
            .max(MEDIA),
        _ => MEDIA,
    }
}

fn json_length(map: &JsonMap) -> usize {
    map.iter()
        .map(|(key, value)| key.len() + value.to_string().len() + 4)
        .sum()
}

fn quarter(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX)
}

/// Whether a new word begins between two letters, as in `wordEnds`.
fn word_ends(last: char, next: char) -> bool {
    last.is_ascii_lowercase() && next.is_ascii_uppercase()
}

/// The kinds of characters that tokenizers tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Blank,
    Newline,
    Punctuation,
    /// Chinese, Japanese, Korean, and full-width forms.
    Wide,
    /// Typographic marks, arrows, emoji.
    Symbol,
    /// Letters of other scripts.
    Foreign,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            'a'..='z' | 'A'..='Z' => Self::Letter,
            '0'..='9' => Self::Digit,
            ' ' | '\t' => Self::Blank,
            '\n' | '\r' => Self::Newline,
            '\0'..='\x7f' => Self::Punctuation,
            '\u{1100}'..='\u{11ff}'
            | '\u{2e80}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7ff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff00}'..='\u{ffef}'
            | '\u{20000}'..='\u{3ffff}' => Self::Wide,
            '\u{2000}'..='\u{2e7f}' | '\u{1f000}'..='\u{1ffff}' => Self::Symbol,
            _ => Self::Foreign,
        }
    }

    /// Returns the cost of a run of `length` such characters, in hundredths of a token. The values are fitted to the
    /// texts named above.
    fn hundredths(self, length: u64) -> u64 {
        match self {
            Self::Letter => 84 + 14 * length.saturating_sub(4) + 25 * length.saturating_sub(16),
            Self::Digit => 112 * length.div_ceil(3),
            Self::Blank if length == 1 => 5,
            Self::Blank => 80,
            Self::Newline => 60,
            Self::Punctuation => 40 + 35 * length,
            Self::Wide => 85 * length,
            Self::Symbol => 110 * length,
            Self::Foreign => 40 + 33 * length,
        }
    }
}

#[cfg(test)]
mod tests {
    use victor_core::{Image, Role, ToolCall, ToolOutcome};

    use super::*;

    /// The counts of `o200k` (tiktoken 4.1.2), and how far off the estimate may be, in percent.
    #[test]
    fn texts_are_near_to_what_a_tokenizer_counts() {
        #[track_caller]
        fn check(text: &str, o200k: u32, percent: u32) {
            let estimate = EstimateCounter.count_text(text);
            let error = estimate.abs_diff(o200k) * 100 / o200k;
            assert!(error <= percent, "{estimate} for {o200k}: {error} %");
        }
        check(
            "The session store owns the transcript: append-only, complete, never rewritten. The context is the \
             window the model sees: derived, compacted, replaceable.",
            32,
            15,
        );
        check(
            "let Some(call) = calls.iter().find(|call| call.id == result.call_id) else { return None };\n",
            24,
            40,
        );
        check(
            r#"{"id": 48213, "name": "user_17", "score": 0.7312, "tags": ["alpha", "beta"]}"#,
            34,
            15,
        );
        check("系统保存完整的对话记录，用户以后可以随时返回查看。", 16, 40);
    }

    #[test]
    fn an_empty_text_costs_nothing_and_a_message_more_than_its_text() {
        assert_eq!(EstimateCounter.count_text(""), 0);
        assert_eq!(
            EstimateCounter.count_message(&Message::user("")),
            PER_MESSAGE
        );
    }

    #[test]
    fn every_part_costs_something() {
        let call = ToolCall::new("1", "read", r#"{"path":"a"}"#);
        let image = Part::Image(Image::new(MediaSource::Url("u".into())));
        let cost = |part: Part| {
            EstimateCounter.count_message(&Message::new(Role::User, vec![part])) - PER_MESSAGE
        };
        assert_eq!(cost(image.clone()), MEDIA);
        assert_eq!(
            cost(Part::ToolResult(ToolResult::with_parts(
                &call,
                ToolOutcome::Success,
                vec![image]
            ))),
            MEDIA + PER_CALL
        );
        assert!(cost(Part::ToolCall(call)) > PER_CALL);
        let unknown = serde_json::json!({"type": "later", "body": "x".repeat(400)});
        assert!(cost(serde_json::from_value(unknown).unwrap()) > 100);
        let document = |media_type: &str, length: usize| {
            let source = MediaSource::Base64 {
                media_type: media_type.into(),
                data: "A".repeat(length),
            };
            cost(Part::Document(Document::new(source)))
        };
        assert_eq!(document("text/plain", 1600), 300);
        assert_eq!(document("application/pdf", 1600), MEDIA);
        assert_eq!(document("application/pdf", 400_000), 10_000);
    }
}
