//! Traces and metrics of the agent's turns, where the environment names a receiver.

use std::sync::Arc;

use victor_orchestrator::AgentOrchestratorBuilder;
use victor_orchestrator::core::{Coordinator as _, TraceContext};
use victor_otel::{Otel, OtelOptions};

use crate::exit::Failure;
use crate::terminal;

/// Traces and metrics of the agent's turns; nothing where the environment names no receiver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Telemetry(Option<Arc<Otel>>);

impl Telemetry {
    /// Reads the variables `OTEL_*`.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let options = OtelOptions::from_environment(variable).map_err(Failure::usage)?;
        let Some(options) = options else {
            return Ok(Self::default());
        };
        let options = options.with_agent(Some("victor".to_owned()));
        let otel = Otel::new(options).map_err(Failure::usage)?;
        Ok(Self(Some(Arc::new(otel))))
    }

    /// Has the turns of an orchestrator observed.
    pub(crate) fn attach_to(&self, builder: AgentOrchestratorBuilder) -> AgentOrchestratorBuilder {
        match &self.0 {
            Some(otel) => builder
                .turn_observer(otel.clone())
                .custom_coordinator("otel", otel.clone()),
            None => builder,
        }
    }

    /// Says what was lost, once the orchestrator has been shut down.
    pub(crate) fn report(&self) {
        if let Some(otel) = &self.0 {
            for problem in otel.health().problems {
                terminal::status(&format!("telemetry: {problem}"));
            }
        }
    }
}

/// Returns the place of the program in a distributed trace, which its caller has put into the variables `TRACEPARENT`
/// and `TRACESTATE`
/// ([source](https://opentelemetry.io/docs/specs/otel/context/env-carriers/)).
pub(crate) fn caller() -> Option<TraceContext> {
    let trace = TraceContext::parse(&variable("TRACEPARENT")?)?;
    Some(trace.with_state(&variable("TRACESTATE").unwrap_or_default()))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
