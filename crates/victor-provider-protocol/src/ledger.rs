//! The ledger: one entry for each attempt of a model call.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{AttemptId, BoxError, ModelId, SessionId, Timestamp, TurnId, Usage};

use crate::NanoDollars;

/// The record of one attempt of a model call: where it went, what it used and what that cost.
///
/// Every attempt has one, also those that failed, were cancelled, lost a race or were cut off by a crash. Sums over
/// entries are therefore what a provider can charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The version of this form.
    #[serde(default)]
    pub version: FormatVersion<1>,
    /// The attempt.
    pub id: AttemptId,
    /// The session in whose turn it was made, if it was made in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The names to which the attempt is charged besides, such as a tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
    /// The target of the route.
    pub target: Arc<str>,
    /// The name of the provider.
    pub provider: Arc<str>,
    /// The model that was asked, or the one that answered as soon as it is known.
    pub model: ModelId,
    /// The number of the attempt within its call, from 1.
    pub attempt: u32,
    /// The begin of the attempt.
    pub started: Timestamp,
    /// Its end; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The result.
    pub outcome: AttemptOutcome,
    /// The class of the error, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<crate::ProviderErrorKind>,
    /// The tokens that were used.
    #[serde(default)]
    pub usage: Usage,
    /// The source of `usage`.
    pub usage_source: UsageSource,
    /// The cost; absent where the price is unknown, which is not the same as free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<NanoDollars>,
    /// The row of the price table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_source: Option<Arc<str>>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl LedgerEntry {
    /// An entry of an attempt that begins now and has used nothing.
    pub fn begin(
        target: impl Into<Arc<str>>,
        provider: impl Into<Arc<str>>,
        model: ModelId,
        attempt: u32,
    ) -> Self {
        Self {
            version: FormatVersion,
            id: AttemptId::generate(),
            session: None,
            turn: None,
            tags: Vec::new(),
            target: target.into(),
            provider: provider.into(),
            model,
            attempt,
            started: Timestamp::now(),
            ended: None,
            outcome: AttemptOutcome::Pending,
            error: None,
            usage: Usage::default(),
            usage_source: UsageSource::Unknown,
            cost: None,
            price_source: None,
            extra: Extra::default(),
        }
    }
}

victor_core::open_string_enum! {
    /// The result of an attempt.
    pub enum AttemptOutcome {
        /// It runs, or the process that ran it has ended in the middle of it.
        Pending = "pending",
        /// It brought a whole answer.
        Answered = "answered",
        /// It failed.
        Failed = "failed",
        /// Its caller let go of it before it ended.
        Cancelled = "cancelled",
        /// The answer came from a cache; no provider was asked.
        Cached = "cached",
    }
}

victor_core::open_string_enum! {
    /// The source of the tokens of an entry.
    pub enum UsageSource {
        /// The provider has counted them.
        Reported = "reported",
        /// They were counted here, since the provider could not say: the attempt was cut off.
        Estimated = "estimated",
        /// The provider was not reached, or refused the request before it read it: there are none.
        Unused = "unused",
        /// Nobody knows them. They stand as zero.
        Unknown = "unknown",
    }
}

/// A sum over entries.
///
/// ```
/// use victor_provider_protocol::{LedgerEntry, LedgerTotal, NanoDollars};
///
/// let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
/// let mut total = LedgerTotal::default();
/// total += &entry;
/// assert_eq!((total.attempts, total.unpriced), (1, 1));
/// entry.cost = Some(NanoDollars::from_nanos(5));
/// total += &entry;
/// assert_eq!((total.attempts, total.unpriced, total.cost.as_nanos()), (2, 1, 5));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerTotal {
    /// The number of attempts.
    pub attempts: u64,
    /// Those among them whose price is unknown; `cost` is without them.
    pub unpriced: u64,
    /// Those among them whose usage was estimated or is unknown.
    pub uncounted: u64,
    /// The tokens.
    pub usage: Usage,
    /// The cost of the attempts whose price is known.
    pub cost: NanoDollars,
}

impl AddAssign<&LedgerEntry> for LedgerTotal {
    fn add_assign(&mut self, entry: &LedgerEntry) {
        self.attempts += 1;
        self.unpriced += u64::from(entry.cost.is_none());
        let is_counted = matches!(
            entry.usage_source,
            UsageSource::Reported | UsageSource::Unused
        );
        self.uncounted += u64::from(!is_counted);
        self.usage += &entry.usage;
        self.cost += entry.cost.unwrap_or_default();
    }
}

impl AddAssign<&LedgerTotal> for LedgerTotal {
    fn add_assign(&mut self, other: &LedgerTotal) {
        self.attempts += other.attempts;
        self.unpriced += other.unpriced;
        self.uncounted += other.uncounted;
        self.usage += &other.usage;
        self.cost += other.cost;
    }
}

impl LedgerTotal {
    /// Sums entries up by a key of theirs, such as their model or day.
    pub fn group<'a, K: Ord>(
        entries: impl IntoIterator<Item = &'a LedgerEntry>,
        key: impl Fn(&LedgerEntry) -> K,
    ) -> BTreeMap<K, LedgerTotal> {
        let mut groups = BTreeMap::<K, LedgerTotal>::new();
        for entry in entries {
            *groups.entry(key(entry)).or_default() += entry;
        }
        groups
    }
}

/// The entries that are asked for: all that match every field that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerQuery {
    /// Entries of this session.
    pub session: Option<SessionId>,
    /// Entries of this turn.
    pub turn: Option<TurnId>,
    /// Entries with this tag.
    pub tag: Option<Arc<str>>,
    /// Entries of attempts that began at this time or later.
    pub from: Option<Timestamp>,
    /// Entries of attempts that began before this time.
    pub until: Option<Timestamp>,
}

impl LedgerQuery {
    /// Sets [`session`](Self::session).
    #[must_use]
    pub fn with_session(mut self, session: impl Into<SessionId>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Sets [`turn`](Self::turn).
    #[must_use]
    pub fn with_turn(mut self, turn: TurnId) -> Self {
        self.turn = Some(turn);
        self
    }

    /// Sets [`tag`](Self::tag).
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Sets [`from`](Self::from).
    #[must_use]
    pub fn with_from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Sets [`until`](Self::until).
    #[must_use]
    pub fn with_until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Whether an entry is asked for.
    #[must_use]
    pub fn matches(&self, entry: &LedgerEntry) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| found == Some(wanted))
        }
        is(self.session.as_ref(), entry.session.as_ref())
            && is(self.turn.as_ref(), entry.turn.as_ref())
            && self.tag.as_ref().is_none_or(|tag| entry.tags.contains(tag))
            && self.from.is_none_or(|from| entry.started >= from)
            && self.until.is_none_or(|until| entry.started < until)
    }
}

/// A store of ledger entries that outlives the process.
///
/// Implemented by databases, called by the provider coordinator from many tasks at once.
///
/// # Contract
///
/// - [`write`](Self::write) is one transaction: all entries are stored or none.
/// - An entry is stored before its attempt begins, as [`Pending`](AttemptOutcome::Pending), and once more when it has
///   ended. The later form replaces the earlier one; a form that has ended is never replaced by one that has not.
/// - A cancelled call has stored all or nothing.
#[async_trait]
pub trait LedgerStore: fmt::Debug + Send + Sync + 'static {
    /// Stores entries.
    ///
    /// # Errors
    ///
    /// The store fails. The coordinator reports it in its health, keeps the entries and tries again.
    async fn write(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError>;

    /// Returns the entries that match, in the order of their identifiers, which is that of their begin.
    ///
    /// # Errors
    ///
    /// The store fails.
    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: LedgerStore + ?Sized> LedgerStore for Arc<T> {
    victor_core::forward! {
        async fn write<'a>(&self, entries: &'a [LedgerEntry]) -> Result<(), LedgerError>;
        async fn entries<'a>(&self, query: &'a LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError>;
    }
}

/// The ledger of a router, to be read: sums over the attempts of this process, and entries.
///
/// An attempt is in the sums as soon as it has ended.
#[async_trait]
pub trait LedgerReader: fmt::Debug + Send + Sync {
    /// Returns the sum over all attempts of this process that have ended.
    fn total(&self) -> LedgerTotal;

    /// Returns the sums by target and model.
    fn by_model(&self) -> BTreeMap<(Arc<str>, ModelId), LedgerTotal>;

    /// Returns the sum over the attempts of a session in this process.
    fn session(&self, session: &SessionId) -> LedgerTotal;

    /// Returns the sum over the attempts of a turn in this process; `None` if it had none, or is one of long ago.
    fn turn(&self, turn: TurnId) -> Option<LedgerTotal>;

    /// Returns the entries that match, those of other processes included, as far as they are stored; none without a
    /// store.
    ///
    /// # Errors
    ///
    /// The store fails.
    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError>;

    /// Has an observer told of every attempt from now on. An observer that is there already is not added again.
    /// Defaults to nothing, for a ledger that tells nobody.
    fn subscribe(&self, _observer: Arc<dyn LedgerObserver>) {}
}

/// An observer of attempts, such as one that makes traces or metrics of them.
///
/// Called by the ledger in the task that makes the attempt, so it returns at once. A panic in it is contained.
pub trait LedgerObserver: fmt::Debug + Send + Sync + 'static {
    /// Takes the entry of an attempt that begins. It has the model that is asked, and no usage yet.
    fn attempt_begun(&self, _entry: &LedgerEntry) {}

    /// Takes the entry of an attempt that has ended, in whichever way: each attempt once, and before whoever made it
    /// hears of its end. An attempt that a provider has made besides, such as the slower one of two, ends without
    /// having begun.
    fn attempt_ended(&self, _entry: &LedgerEntry) {}
}

#[deny(clippy::missing_trait_methods)]
impl<T: LedgerObserver + ?Sized> LedgerObserver for Arc<T> {
    victor_core::forward! {
        fn attempt_begun(&self, entry: &LedgerEntry) -> ();
        fn attempt_ended(&self, entry: &LedgerEntry) -> ();
    }
}

/// A failure of a store of ledger entries.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's store failed: {message}")]
#[non_exhaustive]
pub struct LedgerError {
    /// The failure, for a person.
    pub message: String,
    /// The error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl LedgerError {
    /// A failure in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }
}
