//! The conversation in the form of the Responses API.

use std::borrow::Cow;
use std::mem;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tracing::debug;
use victor_core::wire::Extra;
use victor_core::{Message, Opaque, Part, Role, Text};
use victor_model_api::{
    Answer, BRIDGE, CallIds, LEFT_OUT, NameRule, RawFields, Side, Turn, arguments,
};

use super::content::ContentPart;
use super::request::Body;
use crate::content::{Content, PARAGRAPH, Said};
use crate::{InstructionRole, ReasoningReplay, fields, own};

/// The form of names: <https://platform.openai.com/docs/api-reference/responses/create>.
const NAMES: NameRule = NameRule::new(64);
/// The form of identifiers of calls.
pub(crate) const IDS: NameRule = NameRule::new(64);
/// The kind of an item of reasoning.
const REASONING: &str = "reasoning";

type InputContent<'a> = Content<'a, ContentPart<'a>>;

/// An item of the input.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Item<'a> {
    FunctionCall {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        call_id: Cow<'a, str>,
        name: Cow<'a, str>,
        #[serde(serialize_with = "fields::as_text")]
        arguments: Cow<'a, RawValue>,
        #[serde(flatten)]
        own: Option<RawFields<'a>>,
    },
    FunctionCallOutput {
        call_id: Cow<'a, str>,
        output: InputContent<'a>,
    },
    /// A message of the model. The API can do without a type here; llama.cpp cannot.
    Message {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        role: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
        content: InputContent<'a>,
        #[serde(flatten)]
        own: Option<RawFields<'a>>,
    },
    /// A message of the user or the program.
    #[serde(untagged)]
    Said {
        role: &'static str,
        content: InputContent<'a>,
    },
    /// An item as it came.
    #[serde(untagged)]
    Raw(&'a RawValue),
}

impl<'a> Item<'a> {
    fn said(role: &'static str, text: Cow<'a, str>) -> Self {
        let content = Content::Text(text);
        Self::Said { role, content }
    }

    /// A message of the user, if it has content.
    fn asked(content: Option<InputContent<'a>>) -> Option<Self> {
        let (role, content) = ("user", content?);
        Some(Self::Said { role, content })
    }

    /// A message of the model, in an item without a name.
    fn wrote(text: Cow<'a, str>, own: Option<RawFields<'a>>) -> Self {
        Self::Message {
            id: None,
            role: "assistant",
            status: None,
            content: Content::Text(text),
            own,
        }
    }

    /// A message of the model, in its original item.
    fn named(id: &'a str, text: &'a str, own: Option<RawFields<'a>>) -> Self {
        Self::Message {
            id: Some(id),
            role: "assistant",
            status: Some("completed"),
            content: Content::Parts(vec![ContentPart::OutputText {
                text,
                annotations: [],
            }]),
            own,
        }
    }
}

impl<'a> Body<'a> {
    /// Whether the server was told to store what it answers.
    pub(crate) fn is_stored(&self) -> bool {
        self.request.extra.get("store") == Some(&Value::Bool(true))
    }

    /// Writes the turns of a conversation. `begun` says whether others come before them.
    pub(crate) fn items<'m>(
        &self,
        turns: &[Turn<'m>],
        begun: bool,
        ids: &mut CallIds,
    ) -> Vec<Item<'m>> {
        let mut items = Vec::new();
        if !begun && self.quirks.lacks_user(turns) {
            items.push(Item::said("user", LEFT_OUT.into()));
        }
        for turn in turns {
            match turn.side {
                Side::User => self.asked(turn, ids, &mut items),
                Side::Assistant => self.answered(&turn.messages, ids, &mut items),
            }
        }
        items
    }

    /// The side of a message, also of one in which the server's own tools alone did something.
    pub(crate) fn side(&self, message: &Message) -> Option<Side> {
        let is_sent = |part: &Part| match part {
            Part::Opaque(opaque) => opaque.kind != REASONING && self.own(opaque).is_some(),
            _ => false,
        };
        match message.role() {
            Role::System => Some(Side::User),
            Role::Assistant if message.parts().iter().any(is_sent) => Some(Side::Assistant),
            _ => Side::of(message),
        }
    }

    /// Writes the results of calls and what the user says.
    fn asked<'m>(&self, turn: &Turn<'m>, ids: &CallIds, items: &mut Vec<Item<'m>>) {
        let (mut said, results) = (Said::<ContentPart<'_>>::new(), items.len());
        for answer in turn.answers() {
            let mut output = Said::new();
            let id = match answer {
                Answer::Result(result) => {
                    output.add(&result.content);
                    &result.call_id
                }
                Answer::Lost(call) => {
                    output.say(answer.text());
                    &call.id
                }
                Answer::Stray(result) => {
                    said.say(answer.text());
                    said.show(&result.content);
                    continue;
                }
            };
            items.push(Item::FunctionCallOutput {
                call_id: ids.of_result(id.as_str()),
                output: output.take().unwrap_or(Content::Null),
            });
        }
        let results = items.len() - results;
        let mut messages = turn
            .messages
            .iter()
            .filter(|message| *message.role() != Role::Tool)
            .peekable();
        let speaks = !said.is_empty() || messages.peek().is_some();
        if results > 0 && speaks && self.quirks.strict_roles {
            items.push(Item::wrote(BRIDGE.into(), None));
        }
        for message in messages {
            if *message.role() == Role::System && !self.quirks.strict_roles {
                items.extend(Item::asked(said.take()));
                let role = match self.quirks.instruction_role {
                    InstructionRole::System => "system",
                    InstructionRole::Developer => "developer",
                };
                items.push(Item::said(role, message.text()));
            } else {
                said.add(message.parts());
            }
        }
        items.extend(Item::asked(said.take()));
    }

    /// Writes the model's messages, in their order. Where its reasoning goes back, the items after it go back under
    /// their names, because the server looks for them; without it they must have none, because then it would look for
    /// the reasoning.
    fn answered<'m>(&self, messages: &[&'m Message], ids: &mut CallIds, items: &mut Vec<Item<'m>>) {
        let mut answer = Answered::default();
        for message in messages {
            answer.named = false;
            answer.between = PARAGRAPH;
            let mut parts: Vec<&Part> = message.parts().iter().collect();
            let is_own =
                |part: &Part| matches!(part, Part::Opaque(opaque) if self.own(opaque).is_some());
            if !message.parts().iter().any(is_own) {
                // Some servers want the calls of an answer in a row, and only OpenAI's own items have an order that
                // counts.
                parts.sort_by_key(|part| matches!(part, Part::ToolCall(_)));
            }
            for part in parts {
                match part {
                    Part::Opaque(opaque) => match self.own(opaque) {
                        Some(raw) if opaque.kind == REASONING => answer.waiting.push(raw),
                        Some(raw) => answer.push(Item::Raw(raw)),
                        None => {}
                    },
                    Part::Text(text) if !text.text.trim().is_empty() => {
                        let own = own::kept(&text.extra, self.provider, own::FIELDS);
                        answer.text(text, own);
                    }
                    Part::ToolCall(call) => {
                        let own = own::kept(&call.extra, self.provider, own::FIELDS);
                        let (call_id, name) =
                            (ids.of_call(call.id.as_str()), NAMES.name(&call.name));
                        let arguments = arguments(&call.arguments);
                        answer.flush();
                        let id = item_id(&call.extra).filter(|_| answer.named);
                        answer.push(Item::FunctionCall {
                            id,
                            call_id,
                            name,
                            arguments,
                            own,
                        });
                    }
                    _ => {}
                }
            }
            // Reasoning that led to nothing is refused.
            answer.waiting.clear();
        }
        items.append(&mut answer.items);
    }

    /// An item of this server's own, byte for byte; none if it is another's, or if the server could not read it.
    fn own<'o>(&self, opaque: &'o Opaque) -> Option<&'o RawValue> {
        if opaque.provider != self.provider || own::field(opaque).is_some() {
            return None;
        }
        let raw: &RawValue = serde_json::from_str(&opaque.data)
            .inspect_err(|error| debug!(%error, kind = opaque.kind, "an opaque part is not JSON"))
            .ok()?;
        let is_known = opaque.kind != REASONING
            || match Reasoning::parse(raw) {
                reasoning if reasoning.is_sealed() => true,
                // Without its seal, it is known only to a server that was told to store it, and to those that think in
                // the open.
                reasoning => {
                    let is_open = self.quirks.reasoning_replay != ReasoningReplay::Never;
                    self.is_stored() || (is_open && reasoning.has_text())
                }
            };
        is_known.then_some(raw)
    }
}

/// A message of the model that is being put together.
#[derive(Default)]
struct Answered<'a> {
    items: Vec<Item<'a>>,
    /// Reasoning must be followed by what it led to, so it waits for that.
    waiting: Vec<&'a RawValue>,
    /// Whether items have their names.
    named: bool,
    /// The item before the next text, if that continues the item of another.
    between: &'static str,
}

impl<'a> Answered<'a> {
    fn push(&mut self, item: Item<'a>) {
        self.flush();
        self.items.push(item);
    }

    fn flush(&mut self) {
        self.named |= !self.waiting.is_empty();
        self.items.extend(self.waiting.drain(..).map(Item::Raw));
    }

    /// Adds a text. Texts that are no items of their own are one, since many servers want one message of the model.
    fn text(&mut self, text: &'a Text, own: Option<RawFields<'a>>) {
        self.flush();
        let between = mem::take(&mut self.between);
        if let Some(id) = item_id(&text.extra).filter(|_| self.named) {
            self.items.push(Item::named(id, &text.text, own));
            return;
        }
        match self.items.last_mut() {
            Some(Item::Message {
                content: Content::Text(before),
                own: None,
                ..
            }) if own.is_none() => {
                let before = before.to_mut();
                before.push_str(between);
                before.push_str(&text.text);
            }
            _ => self.items.push(Item::wrote((&*text.text).into(), own)),
        }
    }
}

/// The name that a text or a tool call had as an item.
fn item_id(extra: &Extra) -> Option<&str> {
    extra.get(crate::EXTRA)?.get("id")?.as_str()
}

/// The readable fields of an item of reasoning.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reasoning<'a> {
    #[serde(borrow)]
    encrypted_content: Option<&'a RawValue>,
    content: Option<Vec<ReasoningText>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReasoningText {
    text: Option<String>,
}

impl<'a> Reasoning<'a> {
    fn parse(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    fn is_sealed(&self) -> bool {
        let sealed = self.encrypted_content.map(RawValue::get);
        sealed.is_some_and(|sealed| sealed.len() > 2 && sealed.starts_with('"'))
    }

    fn has_text(&self) -> bool {
        let text = self
            .content
            .iter()
            .flatten()
            .next()
            .map(|first| &first.text);
        text.and_then(Option::as_deref)
            .is_some_and(|text| !text.is_empty())
    }
}
