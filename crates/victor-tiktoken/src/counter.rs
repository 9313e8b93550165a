//! The counter.

use std::fmt;

use tiktoken::CoreBpe;
use victor_context_protocol::TokenCounter;
use victor_core::{Document, MediaSource, Message, ModelId, Opaque, Part, Role, ToolResult};

use crate::pieces::pieces;
use crate::{Encoding, UnknownModel};

/// Counts the tokens of texts exactly, and those of messages as the API of OpenAI charges them.
///
/// How exact that is for each kind of part, and what it costs, is told in the [documentation of the crate](crate).
/// Cheap to clone; its name is `tiktoken/` and the name of the encoding.
#[derive(Clone, Copy)]
pub struct TiktokenCounter {
    encoding: Encoding,
    tokenizer: &'static CoreBpe,
}

impl TiktokenCounter {
    /// A counter for a model of OpenAI.
    ///
    /// The first call for an encoding in a process unpacks its vocabulary, which takes about a tenth of a second.
    ///
    /// # Errors
    ///
    /// The model is of none of the families that are known.
    pub fn for_model(model: &ModelId) -> Result<Self, UnknownModel> {
        Encoding::for_model(model).map(Self::new)
    }

    /// A counter of an encoding, for a model that is not known by its name. It takes as long as
    /// [`for_model`](Self::for_model).
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        // Harmony differs in special tokens alone, which no text has here, so the vocabulary is shared.
        let name = match encoding {
            Encoding::O200kHarmony => Encoding::O200kBase.name(),
            other => other.name(),
        };
        let tokenizer = tiktoken::get_encoding(name).expect("the vocabulary is built in");
        Self {
            encoding,
            tokenizer,
        }
    }

    /// Returns the encoding that it counts with.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The tokens that the API adds to every request once, to begin the answer: 2 or 3. No message has them.
    #[must_use]
    pub fn tokens_of_reply(&self) -> u32 {
        self.costs().reply
    }

    fn costs(&self) -> &'static Costs {
        match self.encoding {
            Encoding::O200kHarmony => &HARMONY,
            _ => &CHAT,
        }
    }

    fn text(&self, text: &str) -> u64 {
        // A run of one letter or blank is cut into pieces that are all the same, and is counted in no time.
        let mut last = ("", 0);
        pieces(text)
            .map(|piece| {
                if piece != last.0 {
                    last = (piece, self.tokenizer.count(piece) as u64);
                }
                last.1
            })
            .sum()
    }

    fn result(&self, result: &ToolResult) -> u64 {
        let shown: u64 = result.content.iter().map(media).sum();
        u64::from(self.costs().result) + self.text(&result.name) + self.text(&result.text()) + shown
    }
}

impl TokenCounter for TiktokenCounter {
    fn name(&self) -> &str {
        match self.encoding {
            Encoding::Cl100kBase => "tiktoken/cl100k_base",
            Encoding::O200kBase => "tiktoken/o200k_base",
            Encoding::O200kHarmony => "tiktoken/o200k_harmony",
        }
    }

    fn count_text(&self, text: &str) -> u32 {
        saturated(self.text(text))
    }

    fn count_message(&self, message: &Message) -> u32 {
        let costs = self.costs();
        let call = if message.tool_calls().nth(1).is_some() {
            costs.parallel_call
        } else {
            costs.call
        };
        let parts = message.parts().iter().map(|part| match part {
            Part::ToolCall(called) => {
                u64::from(call) + self.text(&called.name) + self.text(&called.arguments)
            }
            Part::ToolResult(result) => self.result(result),
            Part::Opaque(opaque) => sealed(opaque),
            other => media(other),
        });
        let mut sum = parts.sum();
        let text = message.text();
        // Each call and result is a message of its own on the wire. There is one more for the text, if any.
        let is_call_or_result =
            |part: &Part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_));
        if !text.is_empty() || !message.parts().iter().any(is_call_or_result) {
            let message = match message.role() {
                Role::Assistant => costs.answer,
                _ => costs.message,
            };
            sum += u64::from(message) + self.text(&text);
        }
        saturated(sum)
    }
}

impl fmt::Debug for TiktokenCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TiktokenCounter")
            .field(&self.encoding)
            .finish()
    }
}

/// The tokens that the wire format adds.
struct Costs {
    /// To a message: its frame and its role.
    message: u32,
    /// To a message of the model.
    answer: u32,
    /// To the name and arguments of a call.
    call: u32,
    /// The same if there are several calls in one message.
    parallel_call: u32,
    /// To the tool's name and the text of a result.
    result: u32,
    /// To a request, once.
    reply: u32,
}

/// Since GPT-3.5. OpenAI documents three tokens for each message besides its role; those of calls and results follow
/// from what the API reports for GPT-4o. Several calls are wrapped in one call of a hidden tool, whose arguments are
/// JSON.
const CHAT: Costs = Costs {
    message: 4,
    answer: 4,
    call: 8,
    parallel_call: 16,
    result: 5,
    reply: 3,
};

/// Harmony, whose description OpenAI has published. The model's own messages name a channel besides, in two tokens.
const HARMONY: Costs = Costs {
    message: 4,
    answer: 6,
    call: 9,
    parallel_call: 9,
    result: 8,
    reply: 2,
};

/// The most that GPT-4o is charged for a picture: 85, and 170 for each of up to eight tiles.
const PICTURE: u64 = 85 + 8 * 170;

fn media(part: &Part) -> u64 {
    match part {
        Part::Image(_) => PICTURE,
        Part::Document(document) => document_cost(document),
        _ => 0,
    }
}

fn document_cost(document: &Document) -> u64 {
    match &document.source {
        // Three bytes in four characters, four bytes of text per token.
        MediaSource::Base64 { media_type, data } if media_type.starts_with("text/") => {
            data.len() as u64 * 3 / 16
        }
        MediaSource::Base64 { data, .. } => PICTURE.max(data.len() as u64 / 40),
        _ => PICTURE,
    }
}

/// Estimates content that goes back to the provider byte for byte. Reasoning is encrypted, and 8 to 20 bytes of it are
/// a token.
fn sealed(opaque: &Opaque) -> u64 {
    let bytes_per_token = if opaque.kind == "reasoning" { 8 } else { 4 };
    opaque.data.len().div_ceil(bytes_per_token) as u64
}

fn saturated(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
