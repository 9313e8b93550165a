//! Events of an answer, and whole answers.

use std::mem;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::{ModelId, Part, StopReason, Usage};
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

use super::items::{Head, Item, PARAGRAPH, thinking};
use crate::{error, usage};

/// An event. Only its type decides which of the other fields are read, so that an event that is new breaks nothing.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    r#type: String,
    #[serde(borrow, default)]
    output_index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary_index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// An answer as a whole.
#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(borrow, default)]
    output: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    incomplete_details: Option<IncompleteDetails>,
}

#[derive(Deserialize)]
struct IncompleteDetails {
    #[serde(default)]
    reason: Option<String>,
}

/// A field of an event, if it has one of the type that it should have.
fn value<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    provider: String,
    id: Option<String>,
    model: Option<ModelId>,
    /// The items of the answer, in the order in which they began.
    slots: Vec<Slot>,
    refused: bool,
    usage: Option<Usage>,
    end: Option<End>,
}

/// An item that is being written.
#[derive(Debug, Default)]
struct Slot {
    index: Option<u64>,
    key: Option<String>,
    text: String,
    thoughts: String,
    /// The paragraph of the summary that is being written.
    paragraph: u64,
    /// What it became, once it is whole.
    parts: Option<Vec<Part>>,
}

#[derive(Debug)]
enum End {
    Completed,
    /// And why.
    Incomplete(String),
}

impl Decoder {
    pub(crate) fn new(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            ..Self::default()
        }
    }

    /// Whether nothing can follow.
    pub(crate) fn is_done(&self) -> bool {
        self.end.is_some()
    }

    /// What is known to have been used so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage.clone().unwrap_or_default()
    }

    /// Takes the data of one event, and says what there is to show of it.
    pub(crate) fn event(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let data = data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        let event: Event<'_> = self.read(data)?;
        let place: Option<u64> = value(event.output_index);
        let id: Option<String> = value(event.item_id);
        match &*event.r#type {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.refused |= event.r#type == "response.refusal.delta";
                let delta = self.delta(&event)?;
                let slot = self.slot(place, id.as_deref());
                slot.say(delta, show);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let delta = self.delta(&event)?;
                let slot = self.slot(place, id.as_deref());
                let paragraph = value(event.summary_index).unwrap_or(0);
                if mem::replace(&mut slot.paragraph, paragraph) != paragraph {
                    slot.think(PARAGRAPH.to_owned(), show);
                }
                slot.think(delta, show);
            }
            "response.output_item.added" => {
                if let Some(raw) = event.item {
                    let item = self.read_item(raw)?;
                    self.slot(place, item.key());
                }
            }
            "response.output_item.done" => {
                if let Some(raw) = event.item {
                    self.item(place, raw, show)?;
                }
            }
            "error" => {
                // The fields stand in the event itself, or in an object of their own.
                let error = event.error.map_or(data, RawValue::get);
                return Err(error::of_event(&self.provider, &self.read(error)?));
            }
            "response.created" | "response.in_progress" | "response.queued" => {
                if let Some(raw) = event.response {
                    let response: Response<'_> = self.read(raw.get())?;
                    self.name(&response);
                }
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                let status = event.r#type.trim_start_matches("response.");
                self.response(event.response.map_or("{}", RawValue::get), status, show)?;
            }
            "" if event.error.is_some() => return self.whole(data, show),
            _ => {}
        }
        Ok(())
    }

    /// Takes a whole answer.
    pub(crate) fn whole(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        self.response(data, "completed", show)
    }

    /// Takes a whole answer, whose status is `status` if it does not say.
    fn response(
        &mut self,
        data: &str,
        status: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let mut response: Response<'_> = self.read(data)?;
        self.name(&response);
        self.usage = response.usage.and_then(usage::parse).or(self.usage.take());
        if let Some(error) = response.error.filter(|error| !error.is_null()) {
            return Err(error::of_event(&self.provider, &error));
        }
        // What came item by item is not taken again: it is the same, sealed anew.
        if self.slots.iter().all(|slot| slot.parts.is_none()) {
            for (index, raw) in (0..).zip(response.output.take().unwrap_or_default()) {
                self.item(Some(index), raw, show)?;
            }
        }
        self.end = match response.status.as_deref().unwrap_or(status) {
            "completed" => Some(End::Completed),
            "incomplete" => {
                let reason = response
                    .incomplete_details
                    .and_then(|details| details.reason);
                Some(End::Incomplete(
                    reason.unwrap_or_else(|| "incomplete".to_owned()),
                ))
            }
            status @ ("failed" | "cancelled") => {
                let message = format!("the server ended the answer: {status}");
                return Err(ProviderError::new(
                    ProviderErrorKind::Server,
                    &self.provider,
                    message,
                ));
            }
            // It is still at work, which is no answer.
            _ => None,
        };
        Ok(())
    }

    fn name(&mut self, response: &Response<'_>) {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        self.id = self.id.take().or_else(|| some(&response.id));
        self.model = self
            .model
            .take()
            .or_else(|| some(&response.model).map(ModelId::from));
    }

    /// Takes an item that is whole. What was not shown of it before is shown now.
    fn item(
        &mut self,
        index: Option<u64>,
        raw: &RawValue,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let item = self.read_item(raw)?;
        self.refused |= item.is_refusal();
        let provider = self.provider.clone();
        let slot = self.slot(index, item.key());
        if let Some(rest) = item.text().strip_prefix(&*slot.text) {
            slot.say(rest.to_owned(), show);
        }
        if let Some(rest) = item.thoughts().strip_prefix(&*slot.thoughts) {
            slot.think(rest.to_owned(), show);
        }
        let (text, thoughts) = (mem::take(&mut slot.text), mem::take(&mut slot.thoughts));
        slot.parts = Some(item.parts(raw, &provider, text, thoughts));
        Ok(())
    }

    /// The item of a place in the answer, or of a name where there are no places, as with llama.cpp.
    fn slot(&mut self, index: Option<u64>, key: Option<&str>) -> &mut Slot {
        let known = match (index, key) {
            (Some(_), _) => self.slots.iter().rposition(|slot| slot.index == index),
            (None, Some(_)) => self
                .slots
                .iter()
                .rposition(|slot| slot.key.as_deref() == key),
            (None, None) => self.slots.iter().rposition(|slot| slot.parts.is_none()),
        };
        let place = known.unwrap_or_else(|| {
            let key = key.map(str::to_owned);
            self.slots.push(Slot {
                index,
                key,
                ..Slot::default()
            });
            self.slots.len() - 1
        });
        &mut self.slots[place]
    }

    fn delta(&self, event: &Event<'_>) -> Result<String, ProviderError> {
        event
            .delta
            .map_or(Ok(String::new()), |delta| self.read(delta.get()))
    }

    fn read_item(&self, raw: &RawValue) -> Result<Item, ProviderError> {
        let head: Head = self.read(raw.get())?;
        if head.is_known() {
            self.read(raw.get())
        } else {
            Ok(head.into())
        }
    }

    fn read<'a, T: Deserialize<'a>>(&self, data: &'a str) -> Result<T, ProviderError> {
        serde_json::from_str(data).map_err(|source| {
            error::malformed(
                &self.provider,
                "a part of the answer could not be read",
                &source,
            )
        })
    }

    /// The whole answer. `asked` is the model that was asked, for a server that does not say which one answered.
    pub(crate) fn finish(&mut self, asked: &ModelId) -> Result<Completion, ProviderError> {
        let end = self
            .end
            .take()
            .ok_or_else(|| error::truncated(&self.provider))?;
        let cut = matches!(end, End::Incomplete(_));
        let mut parts = Vec::new();
        for slot in mem::take(&mut self.slots) {
            let Slot {
                parts: whole,
                text,
                thoughts,
                ..
            } = slot;
            let shown = || {
                let thoughts = Some(thoughts).filter(|thoughts| !thoughts.is_empty());
                let thoughts = thoughts.map(|thoughts| thinking(&self.provider, thoughts));
                let text = Some(text).filter(|text| !text.is_empty()).map(Part::text);
                thoughts.into_iter().chain(text).collect()
            };
            parts.extend(whole.unwrap_or_else(shown));
        }
        if cut {
            // Arguments of which nothing has come yet are no empty arguments.
            parts.retain(|part| match part {
                Part::ToolCall(call) => {
                    !call.arguments.trim().is_empty() && call.parse_arguments().is_ok()
                }
                _ => true,
            });
        }
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let stop_reason = match end {
            _ if self.refused => StopReason::Refusal,
            End::Completed if calls => StopReason::ToolUse,
            End::Completed => StopReason::EndTurn,
            End::Incomplete(reason) => match &*reason {
                "max_output_tokens" => StopReason::MaxTokens,
                "content_filter" => StopReason::Refusal,
                other => StopReason::Other(other.into()),
            },
        };
        let model = self.model.take().unwrap_or_else(|| asked.clone());
        let mut completion =
            Completion::new(model, parts, self.usage()).with_stop_reason(stop_reason);
        completion.id = self.id.take();
        Ok(completion)
    }
}

impl Slot {
    fn say(&mut self, more: String, show: &mut impl Extend<CompletionEvent>) {
        if !more.is_empty() {
            self.text.push_str(&more);
            show.extend([CompletionEvent::TextDelta(more)]);
        }
    }

    fn think(&mut self, more: String, show: &mut impl Extend<CompletionEvent>) {
        if !more.is_empty() {
            self.thoughts.push_str(&more);
            show.extend([CompletionEvent::ThinkingDelta(more)]);
        }
    }
}
