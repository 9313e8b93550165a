//! Routers of the instant model.

use std::sync::Arc;

use victor_core::{Context, Message, TurnId};
use victor_orchestrator::coordinators::provider::{Limits, ProviderCoordinator};
use victor_orchestrator::provider::{
    ChatRequest, NanoDollars, Price, PriceQuery, PriceTable, RouteSpec,
};

use crate::{InstantModel, QUESTION};

/// One price for every token.
#[derive(Debug)]
struct FlatPrice(Arc<str>);

impl PriceTable for FlatPrice {
    fn name(&self) -> &str {
        "flat"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let tokens = query.usage.total_tokens();
        let cost = NanoDollars::from_nanos(3_000).saturating_mul(tokens);
        Some(Price::new(cost, self.0.clone()))
    }
}

/// A request of a turn.
#[must_use]
pub fn routed_request() -> ChatRequest {
    let mut request = ChatRequest::to_current_model(Context::from_iter([Message::user(QUESTION)]));
    request.session = Some("routed".into());
    request.turn = Some(TurnId::generate());
    request.input_tokens = Some(10);
    request
}

/// A router of one target without limits.
#[must_use]
pub fn route_of_one() -> ProviderCoordinator {
    ProviderCoordinator::new(Arc::new(InstantModel::default()), "m")
}

/// A route of ten targets with limits that nobody reaches, circuit breakers and prices.
///
/// # Panics
///
/// It cannot be built.
#[must_use]
pub fn route_of_ten() -> ProviderCoordinator {
    let limits = Limits::default()
        .with_requests_per_minute(Some(u32::MAX))
        .with_tokens_per_minute(Some(u64::MAX))
        .with_concurrent(Some(100));
    let names: Vec<_> = (0..10).map(|number| format!("target-{number}")).collect();
    let mut builder = ProviderCoordinator::builder().prices(FlatPrice("flat".into()));
    for name in &names {
        builder = builder
            .target(name, InstantModel::default(), "m")
            .limits(&limits);
    }
    let built = builder.route("ten", RouteSpec::new(names)).build();
    built.expect("nothing is missing")
}
