//! Budgets of tokens and money.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::NanoDollars;

/// The most tokens and money that something may use.
///
/// An upper estimate is reserved before each attempt, so that turns side by side cannot overrun a budget together. A
/// turn that reaches one ends with what it has.
///
/// ```
/// use victor_provider_protocol::{Budget, BudgetScope};
///
/// let budget = Budget::new(BudgetScope::Session).with_cost("2.50".parse()?);
/// assert_eq!(budget.scope.to_string(), "of the session");
/// # Ok::<(), victor_provider_protocol::ParseMoneyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Budget {
    /// The thing that it is for.
    pub scope: BudgetScope,
    /// The most tokens, of requests and answers together; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The most money, in nano-dollars; no limit if absent. Attempts of unknown price do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<NanoDollars>,
}

impl Budget {
    /// A budget without limits.
    #[must_use]
    pub const fn new(scope: BudgetScope) -> Self {
        Self {
            scope,
            tokens: None,
            cost: None,
        }
    }

    /// Sets [`tokens`](Self::tokens).
    #[must_use]
    pub fn with_tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Sets [`cost`](Self::cost).
    #[must_use]
    pub fn with_cost(mut self, cost: NanoDollars) -> Self {
        self.cost = Some(cost);
        self
    }
}

/// The thing that a budget is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// Each turn.
    Turn,
    /// Each session, until it is reset.
    Session,
    /// Everything on one day, which begins at midnight UTC.
    Day,
    /// Everything with this tag on one day, such as the requests of a tenant.
    Tag(Arc<str>),
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn => f.write_str("of the turn"),
            Self::Session => f.write_str("of the session"),
            Self::Day => f.write_str("of the day"),
            Self::Tag(tag) => write!(f, "of `{tag}` for the day"),
        }
    }
}
