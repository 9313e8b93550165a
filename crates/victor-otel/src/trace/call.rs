//! Spans and measurements of model calls.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use victor_core::{ModelId, Timestamp, TraceContext, Usage};
use victor_provider_protocol::{AttemptOutcome, LedgerEntry, NanoDollars, UsageSource};

use super::{Parent, Period, Recorder, failure, span};
use crate::Conventions;
use crate::attributes::{Attributes as _, attribute};
use crate::metrics::Kind;
use crate::names::provider_name;
use crate::observer::Attempts;

/// The value of `error.type` where nothing more exact is known.
pub(super) const OTHER: &str = "_OTHER";

/// The facts of a model call that has ended.
#[derive(Debug, Default)]
pub(crate) struct CallFacts {
    pub(super) period: Option<Period>,
    pub(super) provider: Option<String>,
    pub(super) target: Option<String>,
    pub(super) request_model: Option<ModelId>,
    pub(super) response_model: Option<ModelId>,
    pub(super) finish_reason: Option<String>,
    pub(super) error: Option<String>,
    pub(super) usage: Usage,
    /// Whether a part of the usage was counted here and not by the provider.
    pub(super) is_estimated: bool,
    pub(super) is_cached: bool,
    pub(super) cost: Option<NanoDollars>,
    pub(super) attempts: u64,
    pub(super) first_chunk: Option<Duration>,
    pub(super) is_compacted: bool,
    pub(super) output: Option<String>,
    pub(super) events: Vec<Event>,
}

impl CallFacts {
    /// The facts that the ledger knows of a call.
    pub(super) fn of_attempts(attempts: &Attempts) -> Self {
        let mut facts = Self::default();
        let all = attempts.begun.iter().chain(&attempts.ended);
        let first = all.min_by_key(|entry| entry.started);
        facts.request_model = first.map(|entry| entry.model.clone());
        let asked = attempts.ended.last().or(attempts.begun.last());
        facts.provider = asked.map(|entry| entry.provider.to_string());
        facts.target = asked.map(|entry| entry.target.to_string());
        facts.attempts = attempts.ended.len() as u64;
        for entry in &attempts.ended {
            facts.usage += &entry.usage;
            facts.is_estimated |= entry.usage_source == UsageSource::Estimated;
            facts.is_cached |= entry.outcome == AttemptOutcome::Cached;
        }
        let costs = attempts.ended.iter().map(|entry| entry.cost);
        let sum = costs.reduce(|sum, cost| Some(sum? + cost?));
        facts.cost = sum.flatten();
        facts
    }

    /// A call that is one attempt.
    pub(crate) fn of_attempt(entry: &LedgerEntry) -> Self {
        let mut facts = Self::of_attempts(&Attempts {
            begun: Vec::new(),
            ended: vec![entry.clone()],
        });
        let end = entry.ended.unwrap_or(entry.started);
        facts.period = Some(Period {
            start: entry.started,
            end,
        });
        match entry.outcome {
            AttemptOutcome::Answered | AttemptOutcome::Cached => {
                facts.response_model = Some(entry.model.clone());
            }
            AttemptOutcome::Failed => {
                let kind = entry.error.as_ref().map(ToString::to_string);
                facts.error = Some(kind.unwrap_or_else(|| OTHER.to_owned()));
            }
            ref outcome => facts.error = Some(outcome.to_string()),
        }
        facts
    }
}

impl Recorder {
    /// Records a model call.
    pub(crate) fn call(
        &self,
        facts: &CallFacts,
        place: &TraceContext,
        parent: Option<Parent>,
        common: &[KeyValue],
    ) {
        let now = Timestamp::now;
        let period = facts.period.unwrap_or_else(|| Period {
            start: now(),
            end: now(),
        });
        let of = self.identity(facts);
        self.measure_call(facts, period, &of);
        if !place.is_sampled() {
            return;
        }
        let model = facts.request_model.as_ref().map_or("", ModelId::as_str);
        let name = format!("chat {model}").trim_end().to_owned();
        let mut span = span(name, SpanKind::Client, place, parent, period);
        let attributes = &mut span.attributes;
        attributes.extend(of);
        attributes.extend_from_slice(common);
        attributes.set("gen_ai.request.stream", true);
        if let Some(reason) = &facts.finish_reason {
            attributes.set("gen_ai.response.finish_reasons", &[reason][..]);
        }
        let first_chunk = facts.first_chunk.map(|time| time.as_secs_f64());
        attributes.set_some("gen_ai.response.time_to_first_chunk", first_chunk);
        self.set_usage(attributes, &facts.usage);
        attributes.set_some("victor.cost_usd", facts.cost.map(dollars));
        attributes.set_some("victor.target", facts.target.as_deref());
        if facts.attempts > 0 {
            attributes.set("victor.attempts", facts.attempts);
        }
        for (key, is) in [
            ("victor.usage_estimated", facts.is_estimated),
            ("victor.cached", facts.is_cached),
        ] {
            attributes.set_some(key, is.then_some(true));
        }
        if facts.is_compacted && self.options.conventions == Conventions::GenAiV0_1 {
            attributes.set("gen_ai.conversation.compacted", true);
        }
        attributes.set_some("gen_ai.output.messages", facts.output.as_deref());
        span.events.clone_from(&facts.events);
        span.status = facts.error.as_deref().and_then(failure);
        self.push(place, span);
    }

    /// The attributes that spans and metrics of a call have in common.
    fn identity(&self, facts: &CallFacts) -> Vec<KeyValue> {
        let provider = facts.provider.as_deref().map_or(OTHER, provider_name);
        let mut of = vec![attribute("gen_ai.operation.name", "chat")];
        of.set("gen_ai.provider.name", provider);
        let model = |model: &Option<ModelId>| model.as_ref().map(ToString::to_string);
        of.set_some("gen_ai.request.model", model(&facts.request_model));
        of.set_some("gen_ai.response.model", model(&facts.response_model));
        of.set_some("error.type", facts.error.as_deref());
        of
    }

    fn set_usage(&self, attributes: &mut Vec<KeyValue>, usage: &Usage) {
        attributes.set("gen_ai.usage.input_tokens", usage.input_tokens());
        attributes.set("gen_ai.usage.output_tokens", usage.output);
        for (key, tokens) in [
            ("gen_ai.usage.cache_read.input_tokens", usage.cache_read),
            (self.options.conventions.cache_write(), usage.cache_write),
            ("gen_ai.usage.reasoning.output_tokens", usage.reasoning),
        ] {
            attributes.set_some(key, (tokens > 0).then_some(tokens));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "tokens are far below 2^53")]
    fn measure_call(&self, facts: &CallFacts, period: Period, of: &[KeyValue]) {
        let conventions = self.options.conventions;
        self.measure(
            conventions.call_duration(),
            Kind::Seconds,
            period.seconds(),
            of,
        );
        let of: Vec<_> = of
            .iter()
            .filter(|pair| pair.key != "error.type")
            .cloned()
            .collect();
        if let Some(time) = facts.first_chunk {
            self.measure(
                conventions.first_chunk(),
                Kind::Seconds,
                time.as_secs_f64(),
                &of,
            );
        }
        if let Some(cost) = facts.cost {
            self.measure("victor.client.cost", Kind::DollarSum, dollars(cost), &of);
        }
        let Usage {
            output,
            cache_read,
            cache_write,
            reasoning,
            ..
        } = facts.usage;
        let (input, output) = (facts.usage.input_tokens() as f64, output as f64);
        if input + output == 0.0 {
            return;
        }
        match conventions {
            Conventions::V1_41 => {
                for (kind, tokens) in [("input", input), ("output", output)] {
                    let mut of = of.clone();
                    of.set("gen_ai.token.type", kind);
                    self.measure("gen_ai.client.token.usage", Kind::Tokens, tokens, &of);
                }
            }
            Conventions::GenAiV0_1 => {
                for (name, kind, tokens) in [
                    (
                        "gen_ai.client.inference.operation.input_tokens",
                        Kind::Tokens,
                        input,
                    ),
                    (
                        "gen_ai.client.inference.operation.output_tokens",
                        Kind::Tokens,
                        output,
                    ),
                    (
                        "gen_ai.client.inference.usage.input_tokens",
                        Kind::TokenSum,
                        input,
                    ),
                    (
                        "gen_ai.client.inference.usage.output_tokens",
                        Kind::TokenSum,
                        output,
                    ),
                ] {
                    self.measure(name, kind, tokens, &of);
                }
                for (name, tokens) in [
                    (
                        "gen_ai.client.inference.usage.cache_read.input_tokens",
                        cache_read,
                    ),
                    (
                        "gen_ai.client.inference.usage.cache_write.input_tokens",
                        cache_write,
                    ),
                    (
                        "gen_ai.client.inference.usage.reasoning.output_tokens",
                        reasoning,
                    ),
                ] {
                    if tokens > 0 {
                        self.measure(name, Kind::TokenSum, tokens as f64, &of);
                    }
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a double has 15 digits")]
fn dollars(cost: NanoDollars) -> f64 {
    cost.as_nanos() as f64 / 1e9
}
