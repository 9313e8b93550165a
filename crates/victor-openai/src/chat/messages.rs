//! The messages of a conversation in the form of Chat Completions.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use victor_core::{Message, Part, Role};
use victor_model_api::{
    Answer, BRIDGE, CallIds, EMPTY, LEFT_OUT, NameRule, RawFields, Side, Turn, arguments,
};

use super::content::ContentPart;
use super::request::Body;
use crate::content::{Content, ContentForm, Said, is_media, joined};
use crate::{CallIdForm, ReasoningField, ReasoningReplay, fields, own};

type ChatContent<'a> = Content<'a, ContentPart<'a>>;

/// One message as it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct Item<'a> {
    role: &'static str,
    content: ChatContent<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(flatten)]
    own: Option<RawFields<'a>>,
}

impl<'a> Item<'a> {
    pub(super) fn new(role: &'static str, content: ChatContent<'a>) -> Self {
        Self {
            role,
            content,
            reasoning_content: None,
            reasoning: None,
            thinking: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            own: None,
        }
    }
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: Function<'a>,
    #[serde(flatten)]
    own: Option<RawFields<'a>>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    #[serde(serialize_with = "fields::as_text")]
    arguments: Cow<'a, RawValue>,
    #[serde(flatten)]
    own: Option<RawFields<'a>>,
}

/// The form of names.
const NAMES: NameRule = NameRule::new(64);

/// The form of identifiers. OpenAI took up to 40 characters for a long time, and other servers still do.
pub(crate) fn ids(form: CallIdForm) -> NameRule {
    match form {
        CallIdForm::Plain => NameRule::new(40),
        CallIdForm::Any => NameRule::any(40),
        CallIdForm::Nine => NameRule::exact(9),
    }
}

impl<'a> Body<'a> {
    /// Writes the turns of a conversation. `begun` says whether others come before them.
    pub(crate) fn items<'m>(
        &self,
        turns: &[Turn<'m>],
        begun: bool,
        ids: &mut CallIds,
    ) -> Vec<Item<'m>> {
        let mut items = Vec::new();
        if !begun && self.quirks.lacks_user(turns) {
            items.push(Item::new("user", Content::Text(LEFT_OUT.into())));
        }
        for turn in turns {
            match turn.side {
                Side::User => self.asked(turn, ids, &mut items),
                Side::Assistant => items.push(self.answered(&turn.messages, ids)),
            }
        }
        items
    }

    /// Writes the results of calls and what the user says. A result may have nothing but text, so what it shows besides
    /// is shown by the user, once all results are there: nothing may stand between them.
    fn asked<'m>(&self, turn: &Turn<'m>, ids: &CallIds, items: &mut Vec<Item<'m>>) {
        let user = |content: Option<ChatContent<'m>>| Some(Item::new("user", content?));
        let (mut said, results) = (Said::<ContentPart<'_>>::new(), items.len());
        for answer in turn.answers() {
            let (id, shown) = match answer {
                Answer::Result(result) => (&result.call_id, Some(result)),
                Answer::Lost(call) => (&call.id, None),
                Answer::Stray(result) => {
                    said.say(answer.text());
                    said.show(&result.content);
                    continue;
                }
            };
            let id = ids.of_result(id.as_str());
            let shown = shown.filter(|result| result.content.iter().any(is_media));
            let text = match answer.text() {
                text if !text.trim().is_empty() => text,
                _ if shown.is_some() => "The result is shown in the next message.".into(),
                _ => EMPTY.into(),
            };
            if let Some(result) = shown {
                let name = format!("Shown by tool {} (call {id}):", result.name);
                said.say(name.into());
                said.show(&result.content);
            }
            let mut item = Item::new("tool", Content::Text(text));
            item.tool_call_id = Some(id);
            items.push(item);
        }
        let results = items.len() - results;
        let mut messages = turn
            .messages
            .iter()
            .filter(|message| *message.role() != Role::Tool)
            .peekable();
        let speaks = !said.is_empty() || messages.peek().is_some();
        if results > 0 && speaks && self.quirks.strict_roles {
            items.push(Item::new("assistant", Content::Text(BRIDGE.into())));
        }
        for message in messages {
            if *message.role() == Role::System && !self.quirks.strict_roles {
                items.extend(user(said.take()));
                let text = Content::Text(message.text());
                items.push(Item::new(Self::instructions(self.quirks), text));
            } else {
                said.add(message.parts());
            }
        }
        items.extend(user(said.take()));
    }

    /// Writes what the model said.
    fn answered<'m>(&self, messages: &[&'m Message], ids: &mut CallIds) -> Item<'m> {
        let (provider, quirks) = (self.provider, self.quirks);
        let texts = messages
            .iter()
            .map(|message| message.text())
            .filter(|text| !text.trim().is_empty());
        let text = joined(texts.collect());
        let calls = messages.iter().flat_map(|message| message.tool_calls());
        let mut tool_calls: Vec<Call<'m>> = calls
            .map(|call| Call {
                id: ids.of_call(call.id.as_str()),
                r#type: "function",
                function: Function {
                    name: NAMES.name(&call.name),
                    arguments: arguments(&call.arguments),
                    own: own::kept(&call.extra, provider, own::FUNCTION),
                },
                own: own::kept(&call.extra, provider, own::FIELDS),
            })
            .collect();
        let is_unsigned = tool_calls.iter().all(|call| call.own.is_none());
        if let Some(first) = tool_calls.first_mut().filter(|_| is_unsigned) {
            let fields = quirks.unsigned_call.map(RawFields::parse);
            first.own = fields.and_then(Result::ok);
        }
        let content = match text {
            None if quirks.empty_content => Content::Text("".into()),
            None => Content::Null,
            Some(text) => Content::Text(text),
        };
        let mut item = Item::new("assistant", content);
        item.tool_calls = tool_calls;
        // A message has each field once. Of several messages that are one here, the last one counts.
        let own = messages
            .iter()
            .rev()
            .map(|message| own::fields(message.parts(), provider))
            .into_iter()
            .find(|fields| !fields.is_empty());
        item.own = own.map(RawFields::from_iter);
        self.replay(messages, &mut item);
        item
    }

    /// Writes the thoughts of the model that go back to it.
    fn replay<'m>(&self, messages: &[&'m Message], item: &mut Item<'m>) {
        let mut own = messages
            .iter()
            .flat_map(|message| message.parts())
            .filter_map(|part| match part {
                Part::Thinking(own) if own.provider.as_deref() == Some(self.provider) => Some(own),
                _ => None,
            })
            .peekable();
        // These say the same, and more.
        let is_detailed = |own: &RawFields<'_>| own.get("reasoning_details").is_some();
        let is_detailed = item.own.as_ref().is_some_and(is_detailed);
        let field = match self.quirks.reasoning_replay {
            ReasoningReplay::Never => return,
            ReasoningReplay::AsReceived if is_detailed => return,
            ReasoningReplay::AsReceived => {
                match own.peek().and_then(|own| own::place(&own.extra)) {
                    Some(field) => field,
                    None => return,
                }
            }
            ReasoningReplay::Required(ReasoningField::ReasoningContent) => "reasoning_content",
            ReasoningReplay::Required(ReasoningField::Reasoning) => "reasoning",
        };
        let thoughts: String = own.map(|own| own.text.as_str()).collect();
        let is_required = matches!(self.quirks.reasoning_replay, ReasoningReplay::Required(_))
            && !item.tool_calls.is_empty();
        if thoughts.is_empty() && !is_required {
            return;
        }
        match field {
            "reasoning_content" => item.reasoning_content = Some(thoughts),
            "reasoning" => item.reasoning = Some(thoughts),
            "thinking" => item.thinking = Some(thoughts),
            // Among the parts of the content, before the text.
            "content" => {
                let mut parts = vec![ContentPart::thinking(thoughts)];
                if let Content::Text(text) = &item.content
                    && !text.is_empty()
                {
                    parts.push(ContentPart::text(text.clone()));
                }
                item.content = Content::Parts(parts);
            }
            _ => {}
        }
    }
}
