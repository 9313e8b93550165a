//! Two providers on one route, with prices and a budget for each session.
//!
//! ```sh
//! cargo run -p examples --example several_providers
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::{TurnEventKind, TurnOutcome};
use victor_orchestrator::coordinators::provider::ProviderCoordinator;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Budget, BudgetScope, Capabilities, ChatProvider, ChatRequest, CompletionStream, NanoDollars,
    Price, PriceQuery, PriceTable, ProviderError, ProviderErrorKind, RouteSpec,
};

/// A provider that has too much to do today.
#[derive(Debug)]
struct Busy;

#[async_trait]
impl ChatProvider for Busy {
    fn name(&self) -> &str {
        "busy"
    }

    async fn stream_chat(&self, _: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let kind = ProviderErrorKind::Overloaded;
        Err(ProviderError::new(kind, self.name(), "come back tomorrow"))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

/// Two dollars for a million tokens, whatever they are.
#[derive(Debug)]
struct FlatPrice;

impl PriceTable for FlatPrice {
    fn name(&self) -> &str {
        "flat"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let cost = NanoDollars::from_nanos(query.usage.total_tokens() * 2_000);
        Some(Price::new(cost, "flat: all models"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let router = ProviderCoordinator::builder()
        .target("cheap", Busy, "busy-1")
        .target("sure", OfflineModel::new(), OfflineModel::MODEL)
        .route(
            "main",
            RouteSpec::new(["cheap", "sure"]).with_max_attempts(1),
        )
        .prices(FlatPrice)
        .budget(Budget::new(BudgetScope::Session).with_cost("0.01".parse()?))
        .build()?;
    let orchestrator = AgentOrchestrator::builder()
        .provider_coordinator(Arc::new(router))
        .build()?;

    let session = orchestrator.session("customer-7").with_tag("acme");
    let mut stream = session.stream_chat("Hello, who are you?");
    while let Some(event) = stream.next().await {
        match event?.kind {
            TurnEventKind::ModelCallRetried(notice) => println!(
                "{} is {}, so {} is asked",
                notice.target.unwrap_or_default(),
                notice.kind,
                notice.next_target.unwrap_or_default()
            ),
            TurnEventKind::TurnFinished(finished) => {
                println!("{}", finished.response.content());
                println!("Cost: {}", finished.response.cost.unwrap_or_default());
            }
            _ => {}
        }
    }

    let mut response = session.chat("And what can you do?").await?;
    while response.outcome == TurnOutcome::Completed {
        response = session.chat("Tell me more.").await?;
    }
    println!("The last turn ended as {}", response.outcome);
    let (spent, all) = (session.usage(), orchestrator.usage());
    println!("All was spent in this session: {}", spent == all);
    Ok(())
}
