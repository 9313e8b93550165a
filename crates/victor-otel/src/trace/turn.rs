//! Spans of turns and of their tool calls.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use victor_chat_protocol::{
    ChatResponse, ModelCallFinished, ObservedTurn, ToolCallFinished, TurnEvent, TurnEventKind,
    TurnFailed, TurnOpening, model_call_trace,
};
use victor_core::{Part, Thinking, Timestamp, ToolCall, ToolOutcome, TraceContext, TurnId};

use super::call::OTHER;
use super::{CallFacts, Parent, Period, event, failure, span};
use crate::attributes::{Attributes as _, attribute};
use crate::metrics::Kind;
use crate::names::finish_reason;
use crate::observer::{Inner, LiveTurn};
use crate::{Conventions, content};

/// Most events of a span, as the specification of the SDK has it. Further ones are left out.
const MAX_EVENTS: usize = 128;

/// The observation of a turn, which becomes spans.
#[derive(Debug)]
pub(crate) struct TurnTrace {
    inner: Arc<Inner>,
    turn: TurnId,
    place: TraceContext,
    parent: Option<Parent>,
    /// The attributes of every span.
    common: Arc<[KeyValue]>,
    conversation: String,
    agent: Option<String>,
    input: Option<String>,
    /// The begin, once there was an event.
    started: Option<Timestamp>,
    /// The time of the last event.
    last: Timestamp,
    call: Option<OpenCall>,
    tools: Vec<OpenTool>,
    events: Vec<Event>,
    is_resumed: bool,
    is_compacted: bool,
    is_ended: bool,
    calls: u64,
    tool_calls: u64,
    /// The provider that was asked last.
    provider: Option<String>,
}

/// A model call that runs.
#[derive(Debug)]
struct OpenCall {
    number: u32,
    started: Timestamp,
    /// The begin of the answer that counts.
    first: Option<Timestamp>,
    events: Vec<Event>,
    thoughts: String,
    text: String,
}

/// A tool call that runs.
#[derive(Debug)]
struct OpenTool {
    call: ToolCall,
    place: TraceContext,
    started: Timestamp,
}

impl TurnTrace {
    pub(crate) fn begin(
        inner: Arc<Inner>,
        opening: &TurnOpening<'_>,
        common: Arc<[KeyValue]>,
    ) -> Self {
        let place = match opening.trace {
            Some(caller) => caller.fresh_child(),
            None => TraceContext::generate(),
        };
        let is_nested = opening.agent.is_some();
        let parent = opening.trace.map(|caller| Parent {
            span: caller.span_id(),
            is_remote: !is_nested,
        });
        let options = &inner.recorder.options;
        let agent = opening.agent.map(str::to_owned);
        let live = LiveTurn {
            trace_id: place.trace_id(),
            common: common.clone(),
            ..LiveTurn::default()
        };
        let agent = agent.or_else(|| options.agent.clone());
        let input = opening.input.filter(|_| options.content);
        let input = input.map(content::input);
        inner.add_turn(opening.turn, live);
        Self {
            inner,
            turn: opening.turn,
            place,
            parent,
            common,
            conversation: opening.session.to_string(),
            agent,
            input,
            started: None,
            last: Timestamp::UNIX_EPOCH,
            call: None,
            tools: Vec::new(),
            events: Vec::new(),
            is_resumed: false,
            is_compacted: false,
            is_ended: false,
            calls: 0,
            tool_calls: 0,
            provider: None,
        }
    }

    fn records_content(&self) -> bool {
        self.inner.recorder.options.content
    }

    /// The attributes of every span below the turn.
    fn common(&self) -> Vec<KeyValue> {
        let mut common = self.common.to_vec();
        common.set("gen_ai.conversation.id", &*self.conversation);
        common
    }

    fn below(&self) -> Option<Parent> {
        Some(Parent {
            span: self.place.span_id(),
            is_remote: false,
        })
    }

    /// Adds an event to the model call that runs, or else to the turn.
    fn note(&mut self, name: &str, at: Timestamp, attributes: Vec<KeyValue>) {
        let events = match &mut self.call {
            Some(call) => &mut call.events,
            None => &mut self.events,
        };
        if events.len() < MAX_EVENTS {
            events.push(event(name, at, attributes));
        }
    }

    /// Records the attempts that were made beside the calls of the turn, such as for a summary.
    fn record_side_calls(&mut self) {
        let attempts = self.inner.attempts(self.turn);
        for entry in &attempts.ended {
            let facts = CallFacts::of_attempt(entry);
            let place = self.place.fresh_child();
            let recorder = &self.inner.recorder;
            recorder.call(&facts, &place, self.below(), &self.common());
        }
    }

    fn begin_call(&mut self, number: u32, at: Timestamp) {
        self.end_call(None, at, None);
        self.record_side_calls();
        self.calls += 1;
        self.call = Some(OpenCall {
            number,
            started: at,
            first: None,
            events: Vec::new(),
            thoughts: String::new(),
            text: String::new(),
        });
    }

    /// Ends the model call that runs, if there is one: with its answer, or without one for this reason.
    fn end_call(&mut self, answer: Option<&ModelCallFinished>, at: Timestamp, error: Option<&str>) {
        let Some(call) = self.call.take() else { return };
        let attempts = self.inner.attempts(self.turn);
        let mut facts = CallFacts::of_attempts(&attempts);
        facts.period = Some(Period {
            start: call.started,
            end: at,
        });
        // The time counts from the request that was answered, without the waits before it.
        let asked = attempts
            .begun
            .last()
            .map_or(call.started, |entry| entry.started);
        facts.first_chunk = call
            .first
            .map(|first| first.saturating_duration_since(asked));
        facts.events = call.events;
        facts.is_compacted = std::mem::take(&mut self.is_compacted);
        match answer {
            Some(answer) => {
                let reason = answer.stop_reason.to_string();
                facts.finish_reason = Some(finish_reason(&reason).to_owned());
                facts.response_model = Some(answer.model.clone());
                if facts.attempts == 0 {
                    // The provider coordinator keeps no ledger that tells of attempts.
                    facts.request_model = Some(answer.model.clone());
                    facts.usage = answer.usage.clone();
                }
            }
            None => {
                let failed = attempts.ended.iter().rev();
                let kind = failed.filter_map(|entry| entry.error.as_ref()).next();
                let kind = kind.map(ToString::to_string);
                let kind = kind.or_else(|| error.map(str::to_owned));
                facts.error = Some(kind.unwrap_or_else(|| OTHER.to_owned()));
            }
        }
        if self.records_content() {
            let mut parts = Vec::new();
            if !call.thoughts.is_empty() {
                parts.push(Part::Thinking(Thinking::new(call.thoughts)));
            }
            if !call.text.is_empty() {
                parts.push(Part::text(call.text));
            }
            let reason = facts.finish_reason.as_deref();
            facts.output = Some(content::message("assistant", &parts, reason));
        }
        self.provider = facts.provider.clone().or(self.provider.take());
        let place = model_call_trace(&self.place, call.number);
        let recorder = &self.inner.recorder;
        recorder.call(&facts, &place, self.below(), &self.common());
    }

    fn begin_tool(&mut self, call: &ToolCall, at: Timestamp) {
        let key = match call.idempotency_key.as_str() {
            "" => format!("{}/{}", self.turn, call.id),
            key => key.to_owned(),
        };
        let place = self.place.child(&key);
        let span = place.span_id();
        self.inner
            .with_turn(self.turn, |live| live.tools.push(span));
        let mut call = call.clone();
        if !self.records_content() {
            call.arguments = String::new();
        }
        self.tools.push(OpenTool {
            call,
            place,
            started: at,
        });
    }

    fn end_tool(&mut self, finished: &ToolCallFinished, at: Timestamp) {
        let result = &finished.result;
        let is_it = |tool: &OpenTool| tool.call.id == result.call_id;
        let tool = match self.tools.iter().rposition(is_it) {
            Some(index) => self.tools.swap_remove(index),
            // It did not run.
            None => OpenTool {
                call: ToolCall::new(result.call_id.clone(), result.name.clone(), ""),
                place: self.place.fresh_child(),
                started: at,
            },
        };
        let content = self
            .records_content()
            .then(|| content::result(&result.content));
        self.record_tool(tool, at, &result.outcome, content);
    }

    fn record_tool(
        &mut self,
        tool: OpenTool,
        at: Timestamp,
        outcome: &ToolOutcome,
        content: Option<String>,
    ) {
        self.tool_calls += 1;
        let OpenTool {
            call,
            place,
            started,
        } = tool;
        let ended = place.span_id();
        self.inner
            .with_turn(self.turn, |live| live.tools.retain(|span| *span != ended));
        let period = Period {
            start: started,
            end: at,
        };
        let error = (*outcome != ToolOutcome::Success).then(|| outcome.to_string());
        let mut of = vec![attribute("gen_ai.operation.name", "execute_tool")];
        of.set("gen_ai.tool.name", &*call.name);
        of.set("gen_ai.tool.type", "function");
        of.set_some("error.type", error.as_deref());
        let recorder = &self.inner.recorder;
        if recorder.options.conventions == Conventions::GenAiV0_1 {
            let name = "gen_ai.execute_tool.duration";
            recorder.measure(name, Kind::Seconds, period.seconds(), &of[1..]);
        }
        let name = format!("execute_tool {}", call.name);
        let mut span = span(name, SpanKind::Internal, &place, self.below(), period);
        span.attributes = of;
        span.attributes.extend(self.common());
        span.attributes.set("gen_ai.tool.call.id", call.id.as_str());
        if self.records_content() && !call.arguments.is_empty() {
            let arguments = content::cut(&call.arguments);
            span.attributes.set("gen_ai.tool.call.arguments", arguments);
        }
        span.attributes.set_some("gen_ai.tool.call.result", content);
        span.status = error.as_deref().and_then(failure);
        recorder.push(&place, span);
    }

    /// Ends the turn, with all that still runs of it.
    fn end(&mut self, ending: &Ending<'_>, at: Timestamp) {
        let Some(started) = self.started.filter(|_| !self.is_ended) else {
            return;
        };
        self.is_ended = true;
        self.end_call(None, at, Some(ending.outcome()));
        self.record_side_calls();
        for tool in std::mem::take(&mut self.tools) {
            self.record_tool(tool, at, &ToolOutcome::Cancelled, None);
        }
        let period = Period {
            start: started,
            end: at,
        };
        let mut of = vec![attribute("gen_ai.operation.name", "invoke_agent")];
        of.set_some("gen_ai.agent.name", self.agent.as_deref());
        let error = match ending {
            Ending::Failed(failed) if failed.class.is_empty() => Some(OTHER),
            Ending::Failed(failed) => Some(&*failed.class),
            Ending::Dropped => Some("dropped"),
            Ending::Finished(_) => None,
        };
        of.set_some("error.type", error);
        self.measure_turn(period, &of[1..]);

        let agent = self.agent.as_deref().unwrap_or_default();
        let name = format!("invoke_agent {agent}").trim_end().to_owned();
        let mut span = span(name, SpanKind::Internal, &self.place, self.parent, period);
        span.attributes = of;
        span.attributes.extend(self.common());
        let recorder = &self.inner.recorder;
        if recorder.options.conventions == Conventions::V1_41 {
            let provider = self
                .provider
                .as_deref()
                .map_or(OTHER, crate::names::provider_name);
            span.attributes.set("gen_ai.provider.name", provider);
        }
        span.attributes.set("victor.turn.id", self.turn.to_string());
        span.attributes.set("victor.turn.outcome", ending.outcome());
        span.attributes
            .set_some("victor.turn.resumed", self.is_resumed.then_some(true));
        if let (Ending::Finished(response), true) = (ending, recorder.options.content) {
            let answer = [Part::text(response.content())];
            let reason = response.stop_reason.as_ref().map(ToString::to_string);
            let reason = finish_reason(reason.as_deref().unwrap_or("end_turn"));
            let output = content::message("assistant", &answer, Some(reason));
            span.attributes.set("gen_ai.output.messages", output);
        }
        span.attributes
            .set_some("gen_ai.input.messages", self.input.take());
        span.events = std::mem::take(&mut self.events);
        span.status = match ending {
            Ending::Failed(failed) => failure(&failed.message),
            Ending::Dropped => failure("the turn was dropped"),
            Ending::Finished(_) => None,
        };
        recorder.push(&self.place, span);
    }

    #[expect(clippy::cast_precision_loss, reason = "calls are few")]
    fn measure_turn(&self, period: Period, of: &[KeyValue]) {
        let recorder = &self.inner.recorder;
        if recorder.options.conventions == Conventions::GenAiV0_1 {
            let name = "gen_ai.invoke_agent.duration";
            recorder.measure(name, Kind::Seconds, period.seconds(), of);
            for (name, calls) in [
                ("gen_ai.invoke_agent.inference_calls", self.calls),
                ("gen_ai.invoke_agent.tool_calls", self.tool_calls),
            ] {
                recorder.measure(name, Kind::Calls, calls as f64, of);
            }
        }
    }
}

/// The end of a turn.
enum Ending<'a> {
    Finished(&'a ChatResponse),
    Failed(&'a TurnFailed),
    Dropped,
}

impl Ending<'_> {
    fn outcome(&self) -> &str {
        match self {
            Self::Finished(response) => response.outcome.as_str(),
            Self::Failed(_) => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl ObservedTurn for TurnTrace {
    fn trace(&self) -> Option<TraceContext> {
        Some(self.place.clone())
    }

    fn event(&mut self, event: &TurnEvent) {
        let at = event.at;
        self.started.get_or_insert(at);
        self.last = self.last.max(at);
        let seconds = |time: Duration| time.as_secs_f64();
        match &event.kind {
            TurnEventKind::TurnStarted(started) => self.is_resumed = started.resumed,
            TurnEventKind::ContextCompacted(compacted) => {
                self.is_compacted = true;
                let mut of = vec![attribute("victor.strategy", &*compacted.strategy)];
                of.set("victor.tokens_before", compacted.tokens_before);
                of.set("victor.tokens_after", compacted.tokens_after);
                self.note("victor.context_compacted", at, of);
            }
            TurnEventKind::ModelCallStarted(started) => self.begin_call(started.number, at),
            TurnEventKind::ModelCallWaiting(notice) => {
                let mut of = vec![attribute("victor.target", &*notice.target)];
                of.set("victor.expected_seconds", seconds(notice.expected));
                self.note("victor.model_call_waiting", at, of);
            }
            TurnEventKind::ModelCallRetried(notice) => {
                let mut of = vec![attribute("victor.attempt", u64::from(notice.attempt))];
                of.set("error.type", notice.kind.to_string());
                of.set("victor.delay_seconds", seconds(notice.delay));
                of.set_some("victor.target", notice.target.as_deref());
                of.set_some("victor.next_target", notice.next_target.as_deref());
                self.note("victor.model_call_retried", at, of);
            }
            TurnEventKind::TextDelta(delta) => self.hear(at, &delta.text, false),
            TurnEventKind::ThinkingDelta(delta) => self.hear(at, &delta.text, true),
            TurnEventKind::TextWithdrawn(_) => {
                if let Some(call) = &mut self.call {
                    call.first = None;
                    call.thoughts.clear();
                    call.text.clear();
                }
                self.note("victor.text_withdrawn", at, Vec::new());
            }
            TurnEventKind::ModelCallFinished(answer) => self.end_call(Some(answer), at, None),
            TurnEventKind::ToolCallStarted(started) => self.begin_tool(&started.call, at),
            TurnEventKind::ToolCallFinished(finished) => self.end_tool(finished, at),
            TurnEventKind::ApprovalRequested(requested) => {
                let tools = requested.approvals.iter().map(|asked| &*asked.call.name);
                let tools: Vec<_> = tools.collect();
                let of = vec![attribute("victor.tools", &tools[..])];
                self.note("victor.approval_requested", at, of);
            }
            TurnEventKind::ModeSwitched(switched) => {
                let mut of = vec![attribute("victor.mode", &*switched.to)];
                of.set("victor.by", &*switched.by);
                self.note("victor.mode_switched", at, of);
            }
            TurnEventKind::Notice(notice) => {
                let mut of = vec![attribute("victor.component", &*notice.component)];
                of.set("victor.message", &*notice.message);
                self.note("victor.notice", at, of);
            }
            TurnEventKind::TurnFinished(finished) => {
                self.end(&Ending::Finished(&finished.response), at);
            }
            TurnEventKind::TurnFailed(failed) => self.end(&Ending::Failed(failed), at),
            // The rest says nothing that a trace needs.
            _ => {}
        }
    }
}

impl TurnTrace {
    /// Takes a piece of an answer.
    fn hear(&mut self, at: Timestamp, text: &str, is_thought: bool) {
        let records_content = self.records_content();
        if let Some(call) = &mut self.call {
            call.first.get_or_insert(at);
            if records_content {
                let place = if is_thought {
                    &mut call.thoughts
                } else {
                    &mut call.text
                };
                place.push_str(text);
            }
        }
    }
}

impl Drop for TurnTrace {
    fn drop(&mut self) {
        let now = Timestamp::now().max(self.last);
        self.end(&Ending::Dropped, now);
        self.inner.remove_turn(self.turn, self.place.trace_id());
    }
}
