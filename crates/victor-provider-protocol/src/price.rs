//! Prices of model calls.

use std::fmt;
use std::sync::Arc;

use victor_core::{ModelId, Timestamp, Usage};

use crate::NanoDollars;

/// A table of prices: tells how much the tokens of a model call cost.
///
/// Implemented by adapters and programs, called by the provider coordinator after each attempt and before it, with an
/// estimate of the usage. Calls overlap, come from any task, and must not block: a table that reads from a network or a
/// disk does so when it is made.
///
/// # Contract
///
/// - An unknown price is `None` and never zero; a price of zero says that the call is free.
/// - The same query has the same answer, and more tokens of one kind never cost less.
/// - The shares of [`Usage`] are disjoint: tokens read from the cache are no part of `input`, and cost their own price.
///   Reasoning is a part of `output` and is not charged again.
///
/// ```
/// use std::sync::Arc;
/// use victor_provider_protocol::{NanoDollars, Price, PriceQuery, PriceTable};
///
/// /// Charges by the answer alone.
/// #[derive(Debug)]
/// struct Flat;
///
/// impl PriceTable for Flat {
///     fn name(&self) -> &str {
///         "flat"
///     }
///
///     fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
///         let per_token = NanoDollars::from_nanos(15_000);
///         Some(Price::new(per_token.saturating_mul(query.usage.output), "flat"))
///     }
/// }
/// ```
pub trait PriceTable: fmt::Debug + Send + Sync + 'static {
    /// Returns the table's name, for logs and health.
    fn name(&self) -> &str;

    /// Returns the cost of a call, or `None` if the table does not know the model.
    fn price(&self, query: &PriceQuery<'_>) -> Option<Price>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: PriceTable + ?Sized> PriceTable for Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        fn price(&self, query: &PriceQuery<'_>) -> Option<Price>;
    }
}

/// A model call whose cost is asked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PriceQuery<'a> {
    /// The name of the provider, as [`ChatProvider::name`](crate::ChatProvider::name) returns it.
    pub provider: &'a str,
    /// The model that answered.
    pub model: &'a ModelId,
    /// The tokens that were used.
    pub usage: &'a Usage,
    /// The time of the call; prices change with time, and some with the time of day.
    pub at: Timestamp,
    /// The service tier by which the provider says it has charged (`flex`, `priority`, `batch`), if it says one.
    pub service_tier: Option<&'a str>,
}

impl<'a> PriceQuery<'a> {
    /// A call of the standard service tier.
    #[must_use]
    pub fn new(provider: &'a str, model: &'a ModelId, usage: &'a Usage, at: Timestamp) -> Self {
        Self {
            provider,
            model,
            usage,
            at,
            service_tier: None,
        }
    }

    /// Sets [`service_tier`](Self::service_tier).
    #[must_use]
    pub fn with_service_tier(mut self, tier: Option<&'a str>) -> Self {
        self.service_tier = tier;
        self
    }
}

/// The cost of a call and the source of the price.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Price {
    /// The cost of all tokens together.
    pub cost: NanoDollars,
    /// The row of the table by which it was computed, for a person: `genai-prices: anthropic/claude-sonnet-5`.
    pub source: Arc<str>,
}

impl Price {
    /// A cost from a source.
    pub fn new(cost: NanoDollars, source: impl Into<Arc<str>>) -> Self {
        Self {
            cost,
            source: source.into(),
        }
    }
}
