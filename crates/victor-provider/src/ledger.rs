//! The ledger: one entry for each attempt, and the sums over them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{
    AttemptId, Health, Lock, ModelId, Problems, RecentMap, SessionId, Timestamp, TurnId, Usage,
    contain_sync,
};
use victor_guard::{call, report};
use victor_provider_protocol::{
    AttemptOutcome, ChatRequest, Completion, LedgerEntry, LedgerError, LedgerObserver, LedgerQuery,
    LedgerReader, LedgerStore, LedgerTotal, LostAttempt, NanoDollars, PriceQuery, PriceTable,
    ProviderErrorKind, UsageSource,
};

use crate::budget::{Budgets, Reservation};
use crate::target::Target;

/// The number of turns whose sums are kept in memory at least, those of all sessions together.
const TURNS: usize = 1024;

/// The number of sessions whose sums are kept in memory at least: those that were charged last. The entries of others
/// stay in the store, and in the sums of the process.
const SESSIONS: usize = 100_000;

/// The component of the provider coordinator's health that is the store.
const STORE: &str = "ledger";

/// One entry for each attempt of a model call, with its tokens and its cost, and the sums over them.
///
/// The sums of the process, of the sessions that were charged last (100,000 at least) and of the last 1,024 turns are
/// kept in memory; [`LedgerReader`] reads them. Reading entries from the store is limited to 10 seconds. With a
/// [store](LedgerStore), each entry is written before its attempt begins and once more when it has ended; an attempt
/// that was cut off by the end of the process stays [pending](AttemptOutcome::Pending) there. A store that fails delays
/// no call: the entries wait, health tells, and the next write takes them along.
#[derive(Debug, Default)]
pub struct Ledger {
    prices: Option<Arc<dyn PriceTable>>,
    store: Option<Arc<dyn LedgerStore>>,
    pub(crate) budgets: Budgets,
    sums: Lock<Sums>,
    /// Entries that the store does not have yet, in the order in which they came.
    unsaved: Lock<Vec<LedgerEntry>>,
    observers: Lock<Arc<[Arc<dyn LedgerObserver>]>>,
    problems: Problems,
}

#[derive(Debug)]
struct Sums {
    process: LedgerTotal,
    by_model: BTreeMap<(Arc<str>, ModelId), LedgerTotal>,
    sessions: RecentMap<SessionId, LedgerTotal>,
    turns: RecentMap<TurnId, LedgerTotal>,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            process: LedgerTotal::default(),
            by_model: BTreeMap::new(),
            // A recent map keeps half of its capacity in any case.
            sessions: RecentMap::new(2 * SESSIONS),
            turns: RecentMap::new(2 * TURNS),
        }
    }
}

impl Ledger {
    /// Time limit of one call of the store.
    const STORE_TIMEOUT: Duration = Duration::from_secs(10);

    pub(crate) fn new(
        prices: Option<Arc<dyn PriceTable>>,
        store: Option<Arc<dyn LedgerStore>>,
        budgets: Budgets,
    ) -> Self {
        Self {
            prices,
            store,
            budgets,
            ..Self::default()
        }
    }

    /// Counts entries of the store in the sums of their sessions and turns and in the budgets, as if this process had
    /// made the attempts; its own total stays. Meant for the start of a process that continues sessions, before their
    /// first request: an entry that is restored twice counts twice.
    ///
    /// # Errors
    ///
    /// Those of [`entries`](LedgerReader::entries).
    pub async fn restore(&self, query: &LedgerQuery) -> Result<(), LedgerError> {
        let entries = self.entries(query).await?;
        for entry in &entries {
            self.budgets.charge(entry);
        }
        let mut sums = self.sums.lock();
        for entry in &entries {
            sums.add_to_session(entry);
        }
        Ok(())
    }

    /// Writes the entries that the store does not have yet.
    pub(crate) async fn flush(&self) {
        let Some(store) = &self.store else { return };
        let entries = std::mem::take(&mut *self.unsaved.lock());
        if entries.is_empty() {
            return;
        }
        // Whoever lets go of this future leaves the entries to the next one.
        let mut unsaved = PutBack(self, entries);
        let outcome = call(Self::STORE_TIMEOUT, || store.write(&unsaved.1)).await;
        let outcome =
            outcome.unwrap_or_else(|fault| Err(LedgerError::new(format!("writing {fault}"))));
        report(&self.problems, STORE, outcome.as_ref().err());
        if outcome.is_ok() {
            unsaved.1.clear();
        }
    }

    /// Whether entries are to be written.
    pub(crate) fn has_unsaved(&self) -> bool {
        self.store.is_some() && !self.unsaved.lock().is_empty()
    }

    pub(crate) fn health(&self, coordinator: &str) -> Health {
        self.problems.health(coordinator)
    }

    /// The cost of a usage at a time, if its price is known.
    pub(crate) fn price(
        &self,
        provider: &str,
        model: &ModelId,
        usage: &Usage,
        at: Timestamp,
        service_tier: Option<&str>,
    ) -> Option<(NanoDollars, Arc<str>)> {
        let prices = self.prices.as_ref()?;
        let query = PriceQuery::new(provider, model, usage, at).with_service_tier(service_tier);
        let price = contain_sync(|| prices.price(&query)).ok().flatten()?;
        Some((price.cost, price.source))
    }

    fn charge(&self, entry: &LedgerEntry) {
        self.budgets.charge(entry);
        self.sums.lock().add(entry);
        self.tell(|observer| observer.attempt_ended(entry));
    }

    /// Tells every observer. A failure of one affects neither the call nor the others.
    fn tell(&self, what: impl Fn(&dyn LedgerObserver)) {
        let observers = self.observers.lock().clone();
        for observer in &*observers {
            let _ = contain_sync(|| what(&**observer));
        }
    }

    /// Hands an entry to the store, if there is one.
    fn keep(&self, entry: LedgerEntry) {
        if self.store.is_some() {
            self.unsaved.lock().push(entry);
        }
    }
}

#[async_trait]
impl LedgerReader for Ledger {
    fn total(&self) -> LedgerTotal {
        self.sums.lock().process.clone()
    }

    fn by_model(&self) -> BTreeMap<(Arc<str>, ModelId), LedgerTotal> {
        self.sums.lock().by_model.clone()
    }

    fn session(&self, session: &SessionId) -> LedgerTotal {
        let sums = self.sums.lock();
        sums.sessions.peek(session).cloned().unwrap_or_default()
    }

    fn turn(&self, turn: TurnId) -> Option<LedgerTotal> {
        self.sums.lock().turns.peek(&turn).cloned()
    }

    fn subscribe(&self, observer: Arc<dyn LedgerObserver>) {
        let mut observers = self.observers.lock();
        if !observers.iter().any(|known| Arc::ptr_eq(known, &observer)) {
            *observers = observers.iter().cloned().chain([observer]).collect();
        }
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        self.flush().await;
        match call(Self::STORE_TIMEOUT, || store.entries(query)).await {
            Ok(entries) => entries,
            Err(fault) => Err(LedgerError::new(format!("reading {fault}"))),
        }
    }
}

impl Sums {
    fn add(&mut self, entry: &LedgerEntry) {
        self.process += entry;
        let key = (entry.target.clone(), entry.model.clone());
        *self.by_model.entry(key).or_default() += entry;
        self.add_to_session(entry);
    }

    fn add_to_session(&mut self, entry: &LedgerEntry) {
        if let Some(session) = &entry.session {
            *self.sessions.get_or_default(session) += entry;
        }
        if let Some(turn) = &entry.turn {
            *self.turns.get_or_default(turn) += entry;
        }
    }
}

/// Entries on their way to the store, which go back where they were unless they arrive.
struct PutBack<'a>(&'a Ledger, Vec<LedgerEntry>);

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        if !self.1.is_empty() {
            let mut unsaved = self.0.unsaved.lock();
            self.1.append(&mut unsaved);
            std::mem::swap(&mut self.1, &mut unsaved);
        }
    }
}

/// The entry of an attempt that runs. Dropping it charges the attempt as cancelled, with an estimate of what it used.
#[derive(Debug)]
pub(crate) struct OpenEntry {
    ledger: Arc<Ledger>,
    entry: Option<LedgerEntry>,
    /// Whether the provider was asked.
    begun: bool,
    /// Bytes of text and thoughts that have come.
    streamed: u64,
    /// Tokens of the request, as far as known.
    input: u64,
    reservation: Reservation,
}

impl OpenEntry {
    /// An attempt that waits for its turn. It is charged when it ends or is dropped, if it has begun.
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        target: &Target,
        model: &ModelId,
        request: &ChatRequest,
        attempt: u32,
        reservation: Reservation,
    ) -> Self {
        let (name, provider) = (target.name.clone(), target.provider_name.clone());
        let mut entry = LedgerEntry::begin(name, provider, model.clone(), attempt);
        entry.session.clone_from(&request.session);
        entry.turn = request.turn;
        entry.tags = request.tags.to_vec();
        Self {
            ledger: ledger.clone(),
            entry: Some(entry),
            begun: false,
            streamed: 0,
            input: request.input_tokens.unwrap_or(0),
            reservation,
        }
    }

    /// Begins the attempt, which may have waited in a queue: from now on it is charged.
    pub(crate) fn begin(&mut self, waited: bool) {
        self.begun = true;
        if let Some(entry) = &mut self.entry {
            if waited {
                entry.started = Timestamp::now();
            }
            self.ledger.tell(|observer| observer.attempt_begun(entry));
            if self.ledger.store.is_some() {
                self.ledger.unsaved.lock().push(entry.clone());
            }
        }
    }

    pub(crate) fn stream(&mut self, bytes: usize) {
        self.streamed = self.streamed.saturating_add(bytes as u64);
    }

    /// Charges an attempt that brought an answer, and those that its provider has made besides. The model is the one
    /// that answered, which a provider may have chosen itself.
    pub(crate) fn answered(&mut self, completion: &Completion, usage: &Usage) {
        let tier = completion.extra.get("service_tier");
        let service_tier = tier.and_then(|tier| tier.as_str());
        for lost in &completion.lost {
            self.charge_besides(lost);
        }
        if let Some(entry) = &mut self.entry {
            entry.outcome = AttemptOutcome::Answered;
            if !completion.model.as_str().is_empty() {
                entry.model = completion.model.clone();
            }
            if completion.cached {
                entry.outcome = AttemptOutcome::Cached;
                entry.usage_source = UsageSource::Unused;
            } else if usage.total_tokens() > 0 {
                entry.usage = usage.clone();
                entry.usage_source = UsageSource::Reported;
            }
        }
        self.end(service_tier);
    }

    fn charge_besides(&self, lost: &LostAttempt) {
        let Some(mut entry) = self.entry.clone() else {
            return;
        };
        entry.id = AttemptId::generate();
        entry.ended = Some(Timestamp::now());
        entry.outcome = AttemptOutcome::Cancelled;
        (entry.provider, entry.model) = (lost.provider.clone(), lost.model.clone());
        entry.usage = lost.usage.clone();
        entry.usage_source = UsageSource::Estimated;
        let price = self.ledger.price(
            &entry.provider,
            &entry.model,
            &entry.usage,
            entry.started,
            None,
        );
        if let Some((cost, source)) = price {
            (entry.cost, entry.price_source) = (Some(cost), Some(source));
        }
        self.ledger.charge(&entry);
        self.ledger.keep(entry);
    }

    /// Charges an attempt that failed.
    pub(crate) fn failed(&mut self, kind: &ProviderErrorKind, usage: &Usage) {
        if let Some(entry) = &mut self.entry {
            entry.outcome = AttemptOutcome::Failed;
            entry.error = Some(kind.clone());
            if usage.total_tokens() > 0 {
                entry.usage = usage.clone();
                entry.usage_source = UsageSource::Reported;
            } else if self.streamed == 0 && is_refusal(kind) {
                entry.usage_source = UsageSource::Unused;
            }
        }
        self.end(None);
    }

    fn end(&mut self, service_tier: Option<&str>) {
        let Some(entry) = self.entry.as_mut().filter(|_| self.begun) else {
            return;
        };
        entry.ended = Some(Timestamp::now());
        if entry.usage_source == UsageSource::Unknown && (self.input > 0 || self.streamed > 0) {
            // A token of text has four bytes or a little less.
            entry.usage = Usage::new(self.input, self.streamed.div_ceil(4));
            entry.usage_source = UsageSource::Estimated;
        }
        if entry.usage_source == UsageSource::Unused {
            entry.cost = Some(NanoDollars::ZERO);
        } else if let Some((cost, source)) = self.ledger.price(
            &entry.provider,
            &entry.model,
            &entry.usage,
            entry.started,
            service_tier,
        ) {
            (entry.cost, entry.price_source) = (Some(cost), Some(source));
        }
        // Charged before it is released, so that nobody finds the budget free in between.
        self.ledger.charge(entry);
        self.reservation.release();
        if let Some(entry) = self.entry.take() {
            self.ledger.keep(entry);
        }
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.outcome = AttemptOutcome::Cancelled;
        }
        self.end(None);
    }
}

/// Whether a provider that fails in this way has not read the request, or was not reached.
fn is_refusal(kind: &ProviderErrorKind) -> bool {
    use ProviderErrorKind::{
        Authentication, Connection, ContextTooLong, InvalidHistory, InvalidRequest, Loading,
        NotFound, Overloaded, Quota, RateLimit,
    };
    matches!(
        kind,
        Authentication
            | Connection
            | ContextTooLong
            | InvalidHistory
            | InvalidRequest
            | Loading
            | NotFound
            | Overloaded
            | Quota
            | RateLimit
    )
}
