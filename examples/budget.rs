//! Keeps the cost down: requests of limited size, and a budget of money for each customer.
//!
//! ```sh
//! cargo run -p examples --example budget
//! ```

use std::sync::Arc;

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnOutcome;
use victor_orchestrator::coordinators::context::{BudgetAware, ContextCoordinator, RecentMessages};
use victor_orchestrator::coordinators::provider::ProviderCoordinator;
use victor_orchestrator::provider::{
    Budget, BudgetScope, NanoDollars, Price, PriceQuery, PriceTable,
};

/// Three dollars for a million tokens.
#[derive(Debug)]
struct FlatPrice;

impl PriceTable for FlatPrice {
    fn name(&self) -> &str {
        "flat"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let cost = NanoDollars::from_nanos(query.usage.total_tokens() * 3_000);
        Some(Price::new(cost, "flat: all models"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // No request says more than 400 tokens of the conversation, however long it becomes.
    let context = ContextCoordinator::new(BudgetAware::new(400, Arc::new(RecentMessages::new(20))));
    let provider = ProviderCoordinator::builder()
        .target("main", OfflineModel::new(), OfflineModel::MODEL)
        .prices(FlatPrice)
        .budget(Budget::new(BudgetScope::Session).with_cost("0.02".parse()?))
        .build()?;
    let orchestrator = AgentOrchestrator::builder()
        .context_coordinator(Arc::new(context))
        .provider_coordinator(Arc::new(provider))
        .build()?;

    let session = orchestrator.session("customer-7");
    let (mut turns, mut largest) = (0, 0);
    let outcome = loop {
        let message = "The roses were cut, the lawn was mowed, the hedge was not, and the gate still hangs askew.";
        let response = session.chat(message).await?;
        largest = largest.max(session.context_stats().tokens);
        if response.outcome != TurnOutcome::Completed {
            break response.outcome;
        }
        turns += 1;
    };
    println!("Several turns were answered: {}", turns > 5);
    println!("The context stayed within its budget: {}", largest <= 400);
    println!("The last turn ended as {outcome}");
    if let Some(total) = session.usage() {
        println!("Spent: {}", total.cost);
    }
    // Another customer has a budget of their own.
    let response = orchestrator.session("customer-8").chat("Hello!").await?;
    println!("customer-8: {}", response.outcome);
    Ok(())
}
