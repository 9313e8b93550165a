//! Events of an answer, and whole answers.

use std::mem;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use victor_core::{ModelId, Part, StopReason, Usage};
use victor_model_api::lenient::{self, Finish, HalfPairs};
use victor_model_api::{AnswerLimits, AnswerMeter};
use victor_provider_protocol::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

use super::items::{Head, Item, PARAGRAPH, thinking};
use crate::{error, usage};

/// An event. Only its type decides which of the other fields are read, so that an event that is new breaks nothing.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    r#type: String,
    /// Of a whole answer that came instead of events.
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
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
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    model: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
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
    #[serde(default, deserialize_with = "lenient::text")]
    reason: Option<String>,
}

/// A number in a field of an event, if there is one.
fn number(raw: Option<&RawValue>) -> Option<u64> {
    lenient::count(&mut serde_json::Deserializer::from_str(raw?.get())).ok()?
}

/// A text in a field of an event, if there is one.
fn text(raw: Option<&RawValue>) -> Option<String> {
    lenient::text(&mut serde_json::Deserializer::from_str(raw?.get())).ok()?
}

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    provider: String,
    id: Option<String>,
    model: Option<ModelId>,
    /// The items of the answer, in the order in which they began.
    slots: Vec<Slot>,
    /// Number of tool calls among them.
    calls: usize,
    refused: bool,
    usage: Option<Usage>,
    end: Option<End>,
    halves: HalfPairs,
    meter: AnswerMeter,
}

/// An item that is being written.
#[derive(Debug, Default)]
struct Slot {
    index: Option<u64>,
    key: Option<String>,
    text: String,
    thoughts: String,
    /// Number of bytes of a call's arguments that have come.
    arguments: usize,
    /// The paragraph of the summary that is being written.
    paragraph: u64,
    /// The whole item, once it is there.
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

    /// Returns the known usage so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage.clone().unwrap_or_default()
    }

    pub(crate) fn set_limits(&mut self, limits: AnswerLimits) {
        self.meter = AnswerMeter::new(limits);
    }

    /// A number that grows with what is said.
    pub(crate) fn progress(&self) -> u64 {
        self.meter.progress()
    }

    /// Takes the data of one event, and says what there is to show of it.
    pub(crate) fn event(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let data = data.trim();
        if self.halves.is_lost(data) {
            self.again(show)?;
        }
        self.repairing(data, |decoder, data| decoder.try_event(data, show))
    }

    /// Takes JSON, and once more where an escape in it is half of a pair. What cannot be read changes nothing.
    fn repairing(
        &mut self,
        data: &str,
        mut take: impl FnMut(&mut Self, &str) -> Result<(), ProviderError>,
    ) -> Result<(), ProviderError> {
        match take(self, data) {
            Err(error) if error.kind == ProviderErrorKind::Malformed => {
                // Only a piece of a text can go on in the next event.
                let repaired = if data.contains(".delta\"") {
                    self.halves.repair(data)
                } else {
                    lenient::repaired(data)
                };
                match repaired {
                    Some(whole) => take(self, &whole),
                    None => Err(error),
                }
            }
            taken => taken,
        }
    }

    /// Lets a replacement stand for half of a pair whose other half does not follow.
    fn again(&mut self, show: &mut impl Extend<CompletionEvent>) -> Result<(), ProviderError> {
        let lost = char::REPLACEMENT_CHARACTER;
        self.count(lost.len_utf8())?;
        match self.slots.last_mut().filter(|slot| slot.parts.is_none()) {
            Some(slot) if slot.text.is_empty() => slot.think(lost.into(), show),
            Some(slot) => slot.say(lost.into(), show),
            None => {}
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), ProviderError> {
        let counted = self.meter.text(bytes);
        counted.map_err(|limit| error::too_large(&self.provider, limit))
    }

    /// Takes the data of one event.
    fn try_event(
        &mut self,
        data: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        if data.is_empty() {
            return Ok(());
        }
        if data == "[DONE]" {
            // It is the end of an answer whose items are all whole, for servers that say no more of it.
            let is_whole = |slot: &Slot| slot.parts.is_some();
            if self.end.is_none() && !self.slots.is_empty() && self.slots.iter().all(is_whole) {
                self.end = Some(End::Completed);
            }
            return Ok(());
        }
        let event: Event<'_> = self.read(data)?;
        let place = number(event.output_index);
        let id = text(event.item_id);
        match &*event.r#type {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.refused |= event.r#type == "response.refusal.delta";
                let delta = self.delta(&event)?;
                self.count(delta.len())?;
                let slot = self.slot(place, id.as_deref());
                slot.say(delta, show);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let delta = self.delta(&event)?;
                self.count(delta.len())?;
                let slot = self.slot(place, id.as_deref());
                let paragraph = number(event.summary_index).unwrap_or(0);
                if mem::replace(&mut slot.paragraph, paragraph) != paragraph {
                    slot.think(PARAGRAPH.to_owned(), show);
                }
                slot.think(delta, show);
            }
            // What is only counted here, the item brings whole.
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let delta = self.delta(&event)?;
                let slot = self.slot(place, id.as_deref());
                slot.arguments += delta.len();
                let all = slot.arguments;
                self.count_arguments(delta.len(), all)?;
            }
            "response.output_item.added" => {
                if let Some(raw) = event.item {
                    let item = self.read_item(raw)?;
                    self.slot(place, item.key());
                    self.meter.note(1);
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
            | "response.done"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                let status = match event.r#type.trim_start_matches("response.") {
                    "done" => "completed",
                    status => status,
                };
                self.response(event.response.map_or("{}", RawValue::get), status, show)?;
            }
            "" if event.error.is_some() || event.output.is_some() => {
                return self.response(data, "completed", show);
            }
            // Whatever is new says that something happens, but for what says itself that it does not.
            kind if !kind.is_empty() && !kind.contains("ping") && !kind.contains("keepalive") => {
                self.meter.note(1);
            }
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
        self.repairing(data, |decoder, data| {
            decoder.response(data, "completed", show)
        })
    }

    fn count_arguments(&mut self, more: usize, all: usize) -> Result<(), ProviderError> {
        let counted = self.meter.arguments(more, all);
        counted.map_err(|limit| error::too_large(&self.provider, limit))
    }

    /// Takes a whole answer, whose status is `status` if it does not say.
    fn response(
        &mut self,
        data: &str,
        status: &str,
        show: &mut impl Extend<CompletionEvent>,
    ) -> Result<(), ProviderError> {
        let mut response: Response<'_> = self.read(data)?;
        let items = response.output.take().unwrap_or_default();
        for raw in &items {
            self.read_item(raw)?;
        }
        self.meter.note(1);
        self.name(&response);
        self.usage = response.usage.and_then(usage::parse).or(self.usage.take());
        if let Some(error) = response.error.filter(|error| !error.is_null()) {
            return Err(error::of_event(&self.provider, &error));
        }
        // What came item by item is not taken again: it is the same, sealed anew.
        if self.slots.iter().all(|slot| slot.parts.is_none()) {
            for (index, raw) in (0..).zip(items) {
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
        self.meter.note(1);
        self.refused |= item.is_refusal();
        let (text, thoughts) = (item.text(), item.thoughts());
        let slot = self.slot(index, item.key());
        let shown = slot.text.len() + slot.thoughts.len();
        self.count((text.len() + thoughts.len()).saturating_sub(shown))?;
        self.count_arguments(0, item.arguments_len())?;
        let provider = self.provider.clone();
        let slot = self.slot(index, item.key());
        if let Some(rest) = text.strip_prefix(&*slot.text) {
            slot.say(rest.to_owned(), show);
        }
        if let Some(rest) = thoughts.strip_prefix(&*slot.thoughts) {
            slot.think(rest.to_owned(), show);
        }
        let (text, thoughts) = (mem::take(&mut slot.text), mem::take(&mut slot.thoughts));
        let parts = item.parts(raw, &provider, text, thoughts);
        let (mut calls, mut opaque) = (0, 0);
        for part in &parts {
            match part {
                Part::ToolCall(_) => calls += 1,
                Part::Opaque(part) => opaque += part.data.len(),
                _ => {}
            }
        }
        slot.parts = Some(parts);
        self.calls += calls;
        let counted = self
            .meter
            .calls(self.calls)
            .and_then(|()| self.meter.opaque(opaque));
        counted.map_err(|limit| error::too_large(&self.provider, limit))
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
                let thoughts = Some(thoughts)
                    .filter(|thoughts| !thoughts.is_empty())
                    .map(|thoughts| thinking(&self.provider, thoughts));
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
            End::Incomplete(reason) => match Finish::of(&reason) {
                Finish::Stopped(reason) => reason,
                Finish::Failed(_) => StopReason::from(&*reason),
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
