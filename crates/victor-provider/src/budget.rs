//! Budgets: the most that turns, sessions, days and tags may use.

use std::collections::HashMap;
use std::sync::Arc;

use victor_core::{Lock, SessionId, Timestamp, TurnId};
use victor_provider_protocol::{
    Budget, BudgetScope, ChatRequest, LedgerEntry, NanoDollars, ProviderError, ProviderErrorKind,
};

/// The budgets of a process, what has been used of them and what is reserved for attempts that run.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    budgets: Vec<Budget>,
    used: Lock<HashMap<(usize, Key), Amount>>,
}

/// The thing that a budget is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Turn(TurnId),
    Session(SessionId),
    /// Days since the epoch, UTC.
    Day(i64),
    /// A tag on a day.
    Tag(Arc<str>, i64),
}

#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    tokens: u64,
    cost: NanoDollars,
    reserved_tokens: u64,
    reserved_cost: NanoDollars,
}

/// The number of things whose use is kept at once; old turns, sessions and days go first when there are more.
const MOST_KEYS: usize = 200_000;

impl Budgets {
    pub(crate) fn new(budgets: Vec<Budget>) -> Self {
        if budgets.is_empty() {
            return Self(None);
        }
        let used = Lock::default();
        Self(Some(Arc::new(Inner { budgets, used })))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Reserves an upper estimate for an attempt, under one lock, so that attempts side by side cannot overrun
    /// together.
    pub(crate) fn reserve(
        &self,
        request: &ChatRequest,
        tokens: u64,
        cost: NanoDollars,
    ) -> Result<Reservation, ProviderError> {
        let Some(inner) = &self.0 else {
            return Ok(Reservation::default());
        };
        let session = request.session.as_ref();
        let keys = inner.keys(session, request.turn, &request.tags, Timestamp::now());
        let mut used = inner.used.lock();
        for key in &keys {
            let budget = &inner.budgets[key.0];
            let amount = used.get(key).copied().unwrap_or_default();
            let tokens = amount
                .tokens
                .saturating_add(amount.reserved_tokens)
                .saturating_add(tokens);
            let cost = amount.cost + amount.reserved_cost + cost;
            let over_tokens = budget.tokens.filter(|most| tokens > *most);
            let over_cost = budget.cost.filter(|most| cost > *most);
            if let Some(limit) = over_tokens
                .map(|most| format!("{most} tokens"))
                .or_else(|| over_cost.map(|most| most.to_string()))
            {
                let message = format!(
                    "the budget of {limit} {} is used up: raise it, or wait until it begins again",
                    budget.scope
                );
                return Err(ProviderError::new(ProviderErrorKind::Budget, "", message));
            }
        }
        if used.len() > MOST_KEYS {
            inner.forget(&mut used);
        }
        for key in &keys {
            let amount = used.entry(key.clone()).or_default();
            amount.reserved_tokens = amount.reserved_tokens.saturating_add(tokens);
            amount.reserved_cost += cost;
        }
        drop(used);
        Ok(Reservation(Some(Held {
            inner: inner.clone(),
            keys,
            tokens,
            cost,
        })))
    }

    /// Counts an attempt that has ended.
    pub(crate) fn charge(&self, entry: &LedgerEntry) {
        let Some(inner) = &self.0 else { return };
        let keys = inner.keys(
            entry.session.as_ref(),
            entry.turn,
            &entry.tags,
            entry.started,
        );
        let mut used = inner.used.lock();
        for key in keys {
            let amount = used.entry(key).or_default();
            amount.tokens = amount.tokens.saturating_add(entry.usage.total_tokens());
            amount.cost += entry.cost.unwrap_or_default();
        }
    }

    /// Forgets what a session has used.
    pub(crate) fn reset(&self, session: &SessionId) {
        let Some(inner) = &self.0 else { return };
        let is_of = |key: &Key| matches!(key, Key::Session(id) if id == session);
        let mut used = inner.used.lock();
        used.retain(|(_, key), amount| !is_of(key) || amount.reserved_tokens > 0);
    }
}

impl Inner {
    /// The budgets that an attempt counts in.
    fn keys(
        &self,
        session: Option<&SessionId>,
        turn: Option<TurnId>,
        tags: &[Arc<str>],
        at: Timestamp,
    ) -> Vec<(usize, Key)> {
        let day = day(at);
        let key = |budget: &Budget| match &budget.scope {
            BudgetScope::Turn => turn.map(Key::Turn),
            BudgetScope::Session => session.cloned().map(Key::Session),
            BudgetScope::Day => Some(Key::Day(day)),
            BudgetScope::Tag(tag) => tags.contains(tag).then(|| Key::Tag(tag.clone(), day)),
        };
        let keys = self.budgets.iter().enumerate();
        keys.filter_map(|(index, budget)| Some((index, key(budget)?)))
            .collect()
    }

    /// Forgets turns, and days that are over; a budget of a session is kept.
    fn forget(&self, used: &mut HashMap<(usize, Key), Amount>) {
        let today = day(Timestamp::now());
        used.retain(|(_, key), amount| {
            let is_old = match key {
                Key::Turn(_) => true,
                Key::Day(day) | Key::Tag(_, day) => *day < today,
                Key::Session(_) => false,
            };
            !is_old || amount.reserved_tokens > 0
        });
    }
}

/// The days since the epoch, UTC.
fn day(at: Timestamp) -> i64 {
    at.as_unix_millis().div_euclid(86_400_000)
}

/// The share of budgets that is held for an attempt; dropping it gives it back.
#[derive(Debug, Default)]
pub(crate) struct Reservation(Option<Held>);

#[derive(Debug)]
struct Held {
    inner: Arc<Inner>,
    keys: Vec<(usize, Key)>,
    tokens: u64,
    cost: NanoDollars,
}

impl Reservation {
    pub(crate) fn release(&mut self) {
        let Some(held) = self.0.take() else { return };
        let mut used = held.inner.used.lock();
        for key in &held.keys {
            if let Some(amount) = used.get_mut(key) {
                amount.reserved_tokens = amount.reserved_tokens.saturating_sub(held.tokens);
                amount.reserved_cost = amount.reserved_cost.saturating_sub(held.cost);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}
