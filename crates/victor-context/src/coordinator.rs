//! The coordinator itself.

use std::collections::{BTreeMap, HashMap};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use victor_context_protocol::{
    CompactionStrategy, ContextError, ContextManager, ContextStats, Prepared, TokenCounter,
    TokenCounterExt, TooLarge, WindowRequest,
};
use victor_core::{
    Context, Coordinator, Health, Lock, Message, Messages, ModelId, Problems, Role, SessionId,
    UnknownName, contain_sync,
};

use crate::compaction::{Compaction, Goal, Incompressible};
use crate::counting::{GuardedCounter, Report, token_breakdown};
use crate::declined::{declined_from, without_declined};
use crate::session::{Checked, Session};
use crate::strategies::defaults;
use crate::{Calibration, ContextOptions, EstimateCounter, RecentMessages, repair};

/// Keeps, for every session, the window that the model sees, and compacts it before it overflows.
///
/// Appending, asking for a snapshot and asking for the size cost the same at ten messages and at ten thousand. A
/// compaction goes down these steps until it has reached its target:
///
/// 1. The chosen strategy. It may fail, panic, hang or return rubbish: what it returns is checked and, where it broke
///    a rule, mended.
/// 2. [`Truncation`](crate::Truncation), which leaves out the oldest groups.
/// 3. If what may not be left out is too large for the window: the largest tool results are cut, with a note of how
///    much was cut. Such a message keeps its identifier, and the transcript keeps the whole result.
///
/// What is [protected](crate::Group::protected) always stays. It may be above the target; it is then at most what is
/// free in the window, or [`ContextError::TooLarge`] says how large it is, and the context is as it was; unless nobody
/// knows the window, or [`WindowRequest::best_effort`] leaves it to the provider. A compaction
/// that had to stop above the threshold is not tried again before the context has grown by a twentieth of the window.
///
/// Tokens are counted by the coordinator's counter, and a window has tokens of its provider. How the two relate is
/// learnt for each model from what providers report ([`observe_usage`](ContextManager::observe_usage),
/// [`Calibration`]), and windows are corrected by it; everything that is told of sizes is counted.
///
/// Where the provider has said that the context is too long ([`WindowRequest::force`]), the window is not what it was
/// thought to be: the target is then at most half of what there is, and the result is smaller in any case.
#[derive(Debug)]
pub struct ContextCoordinator {
    options: ContextOptions,
    strategy: String,
    strategies: Lock<BTreeMap<String, Arc<dyn CompactionStrategy>>>,
    counter: Arc<dyn TokenCounter>,
    calibration: Calibration,
    problems: Arc<Problems>,
    /// Foreign code runs under the lock only guarded, so a session is never left half changed.
    sessions: Lock<HashMap<SessionId, Box<Session>>>,
    epochs: AtomicU64,
}

/// Makes a [`ContextCoordinator`].
#[derive(Debug)]
pub struct ContextCoordinatorBuilder {
    options: ContextOptions,
    strategy: Arc<dyn CompactionStrategy>,
    strategies: BTreeMap<String, Arc<dyn CompactionStrategy>>,
    counter: Arc<dyn TokenCounter>,
}

impl ContextCoordinatorBuilder {
    /// Sets when contexts are compacted, and to which size.
    #[must_use]
    pub fn options(mut self, options: ContextOptions) -> Self {
        self.options = options;
        self
    }

    /// The strategy that is used where a request names none; [`RecentMessages`] unless set.
    #[must_use]
    pub fn strategy(mut self, strategy: Arc<dyn CompactionStrategy>) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the token counter. Defaults to [`EstimateCounter`].
    #[must_use]
    pub fn counter(mut self, counter: Arc<dyn TokenCounter>) -> Self {
        self.counter = counter;
        self
    }

    /// Makes a strategy known under a name, so that requests can choose it.
    #[must_use]
    pub fn register_strategy(
        mut self,
        name: impl Into<String>,
        strategy: Arc<dyn CompactionStrategy>,
    ) -> Self {
        self.strategies.insert(name.into(), strategy);
        self
    }

    /// The coordinator.
    #[must_use]
    pub fn build(mut self) -> ContextCoordinator {
        let strategy = self.strategy.name().to_owned();
        self.strategies.insert(strategy.clone(), self.strategy);
        let problems = Arc::<Problems>::default();
        ContextCoordinator {
            options: self.options,
            strategy,
            strategies: Lock::new(self.strategies),
            counter: Arc::new(GuardedCounter::new(self.counter, problems.clone())),
            calibration: Calibration::default(),
            problems,
            sessions: Lock::default(),
            epochs: AtomicU64::new(0),
        }
    }
}

impl ContextCoordinator {
    /// A coordinator that compacts by `strategy`, and otherwise as the defaults have it.
    pub fn new(strategy: impl CompactionStrategy) -> Self {
        Self::builder().strategy(Arc::new(strategy)).build()
    }

    /// A coordinator to be set up. The strategies that need neither a model nor anything else are known to it, with
    /// their defaults: `recent`, `truncation`, `tool_results`, `task_aware`, `semantic`, `budget_aware` and `hybrid`.
    #[must_use]
    pub fn builder() -> ContextCoordinatorBuilder {
        ContextCoordinatorBuilder {
            options: ContextOptions::default(),
            strategy: Arc::new(RecentMessages::default()),
            strategies: defaults(),
            counter: Arc::new(EstimateCounter),
        }
    }

    fn with_session<T>(&self, id: &SessionId, change: impl FnOnce(&mut Session) -> T) -> T {
        let mut sessions = self.sessions.lock();
        if let Some(session) = sessions.get_mut(id) {
            return change(session);
        }
        let session = Session::new(Context::default(), self.next_epoch(), &*self.counter);
        change(sessions.entry(id.clone()).or_insert(Box::new(session)))
    }

    fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed)
    }

    /// The strategy that a request means, with its name.
    fn strategy(
        &self,
        name: Option<&str>,
    ) -> Result<(String, Arc<dyn CompactionStrategy>), ContextError> {
        let strategies = self.strategies.lock();
        let name = name.unwrap_or(&self.strategy);
        match strategies.get(name) {
            Some(strategy) => Ok((name.to_owned(), strategy.clone())),
            None => {
                let unknown = UnknownName::new("compaction strategy", name, strategies.keys());
                Err(unknown.into())
            }
        }
    }

    async fn compact(
        &self,
        name: &str,
        strategy: &dyn CompactionStrategy,
        context: &Context,
        goal: Goal,
    ) -> Result<Prepared, Incompressible> {
        let compaction = Compaction {
            name,
            strategy,
            counter: &self.counter,
            problems: &self.problems,
            timeout: self.options.strategy_timeout,
        };
        compaction.run(context, goal).await
    }

    /// Says why a request cannot be made to fit, of which so much is left.
    fn too_large(
        &self,
        Incompressible { tokens }: Incompressible,
        history: &Messages,
        request: &WindowRequest,
        window: Option<u64>,
    ) -> ContextError {
        let size = |tokens: u64| match &request.model {
            Some(model) => self.calibration.correct(model, tokens),
            None => tokens,
        };
        let mut too_large = TooLarge::default();
        too_large.window = window;
        too_large.reserved = request.reserved;
        too_large.preamble = size(request.preamble);
        too_large.messages = size(tokens);
        let is_request =
            |message: &&Arc<Message>| *message.role() == Role::User && !message.is_note();
        let last = history
            .iter()
            .rev()
            .find(is_request)
            .map_or(0, |message| u64::from(self.counter.tokens(message)));
        too_large.last_message = size(last.min(tokens));
        ContextError::TooLarge(Box::new(too_large))
    }
}

impl Default for ContextCoordinator {
    fn default() -> Self {
        Self::builder().build()
    }
}

#[async_trait]
impl Coordinator for ContextCoordinator {
    fn name(&self) -> &str {
        "context"
    }

    fn health(&self) -> Health {
        self.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        // Dropped when the lock is free again: it may hold many messages.
        let _forgotten = { self.sessions.lock().remove(session) };
    }

    fn evict(&self, session: &SessionId) {
        self.reset(session);
    }
}

#[async_trait]
impl ContextManager for ContextCoordinator {
    fn append(&self, session: &SessionId, messages: &[Arc<Message>]) {
        // A count may take a while, so it is made before the lock is taken; each message remembers it.
        for message in messages {
            self.counter.tokens(message);
        }
        self.with_session(session, |session| {
            for message in messages {
                session.append(message, &*self.counter);
                if let Some(from) = declined_from(session.context.messages()) {
                    session.leave_out_from(from, self.next_epoch(), &*self.counter);
                }
            }
        });
    }

    fn context(&self, session: &SessionId) -> Context {
        self.sessions
            .lock()
            .get(session)
            .map(|session| session.context.clone())
            .unwrap_or_default()
    }

    fn set_context(&self, session: &SessionId, context: Context) {
        let context = without_declined(context);
        let mut replacement = Session::new(context, self.next_epoch(), &*self.counter);
        let _before = self.with_session(session, |session| {
            replacement.inherit(session);
            std::mem::replace(session, replacement)
        });
    }

    async fn prepare(
        &self,
        id: &SessionId,
        request: &WindowRequest,
    ) -> Result<Prepared, ContextError> {
        let (name, strategy) = self.strategy(request.strategy.as_deref())?;
        let max_tokens = contain_sync(|| strategy.max_request_tokens())
            .ok()
            .flatten();
        let limits = self
            .options
            .limits(request, max_tokens, |tokens| match &request.model {
                Some(model) => self.calibration.budget(model, tokens),
                None => tokens,
            });
        let (snapshot, checked, mut tokens, epoch, settled) = self.with_session(id, |session| {
            session.window = Some(self.options.window(request, max_tokens));
            session.preamble = request.preamble;
            session.model.clone_from(&request.model);
            session.sent = None;
            (
                session.context.clone(),
                session.checked,
                session.tokens,
                session.epoch,
                session.settled,
            )
        });
        let length = snapshot.messages().len();
        let mut context = snapshot;
        let is_broken = is_broken_since(context.messages(), checked);
        if is_broken {
            context = repair(&context);
            tokens = self.counter.tokens_of(context.messages());
        }
        let known_window = request.window.or(max_tokens);
        // A window that is only assumed keeps nobody from asking.
        let is_strict = known_window.is_some() && !request.best_effort;
        let is_over = is_strict && tokens > limits.room
            || tokens > limits.trigger.max(grown(settled, limits.room));
        let mut prepared = Prepared::new(context, None);
        let is_tried = request.force || is_over;
        if is_tried {
            let mut goal = Goal {
                target: limits.target,
                accept: limits.target,
                uncut: limits.room,
                limit: if is_strict { limits.room } else { u64::MAX },
            };
            if request.force {
                let half = limits.target.min(tokens / 2);
                goal = Goal {
                    target: half,
                    accept: half,
                    uncut: half,
                    limit: goal.limit.min(tokens.saturating_sub(1)),
                };
            }
            let compacted = self.compact(&name, &*strategy, &prepared.context, goal);
            prepared = compacted.await.map_err(|left| {
                let window = known_window
                    .filter(|_| left.tokens > limits.room)
                    .map(|_| self.options.window(request, max_tokens));
                self.too_large(left, prepared.context.messages(), request, window)
            })?;
        }
        let next_epoch = self.next_epoch();
        if let Some(session) = self
            .sessions
            .lock()
            .get_mut(id)
            .filter(|session| session.epoch == epoch)
        {
            if is_broken || prepared.compaction.is_some() {
                session.replace(
                    length,
                    prepared.context.messages(),
                    next_epoch,
                    &*self.counter,
                );
            } else {
                session.mark_checked(length);
            }
            if is_tried && prepared.compaction.is_none() {
                session.settled = tokens;
            }
            if let Some(report) = &prepared.compaction {
                let is_high = report.tokens_after > limits.trigger;
                session.compacted(
                    report.clone(),
                    if is_high { report.tokens_after } else { 0 },
                );
            }
            session.sent = Some(session.tokens.saturating_add(request.preamble));
            tokens = session.tokens;
        }
        prepared.tokens = Some(tokens);
        Ok(prepared)
    }

    fn observe_usage(&self, session: &SessionId, model: &ModelId, reported: u64) {
        let (asked, report, is_cut) = match self.sessions.lock().get_mut(session) {
            Some(session) => {
                let Some(counted) = session.sent.take() else {
                    return;
                };
                let report = Report { counted, reported };
                let before = session
                    .reported
                    .replace((model.clone(), report))
                    .filter(|(of, _)| of == model);
                let is_cut = before.is_some_and(|(_, before)| report.is_cut_after(before));
                (session.model.clone(), report, is_cut)
            }
            None => return,
        };
        // Many providers answer in a more exact name than the one they are asked by, and it is this one that comes
        // back.
        let asked = asked.filter(|asked| asked != model);
        for model in iter::once(model).chain(&asked) {
            if is_cut {
                self.calibration.distrust(model);
            } else {
                self.calibration.observe(model, report.counted, reported);
            }
        }
    }

    async fn compact_context(&self, context: &Context) -> Result<Prepared, ContextError> {
        let (name, strategy) = self.strategy(None)?;
        let limits = self
            .options
            .limits(&WindowRequest::default(), None, |tokens| tokens);
        let context = repair(context);
        let half = self.counter.tokens_of(context.messages()) / 2;
        let goal = Goal {
            target: limits.target.min(half),
            accept: limits.target,
            uncut: limits.room,
            limit: limits.room,
        };
        let compacted = self.compact(&name, &*strategy, &context, goal).await;
        let request = WindowRequest::default();
        compacted.map_err(|left| self.too_large(left, context.messages(), &request, None))
    }

    fn stats(&self, session: &SessionId) -> ContextStats {
        let (mut stats, model, context) = match self.sessions.lock().get(session) {
            Some(session) => (
                session.stats(),
                session.model.clone(),
                session.context.clone(),
            ),
            None => return ContextStats::default(),
        };
        // Only people ask for it, so it is worked out when they do, and not kept for every session.
        stats.tokens_by_part = token_breakdown(context.messages(), &*self.counter);
        stats.calibration = model.and_then(|model| self.calibration.known_factor(&model));
        stats
    }

    fn register_strategy(&self, name: &str, strategy: Arc<dyn CompactionStrategy>) {
        self.strategies.lock().insert(name.to_owned(), strategy);
    }

    fn strategies(&self) -> Vec<String> {
        self.strategies.lock().keys().cloned().collect()
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        self.counter.clone()
    }
}

/// Returns the size from which compaction is tried again, for a context that could not be made smaller than `settled`.
fn grown(settled: u64, room: u64) -> u64 {
    if settled == 0 { 0 } else { settled + room / 20 }
}

/// Whether the messages behind those that are `checked` break the history.
fn is_broken_since(messages: &Messages, checked: Checked) -> bool {
    let new = messages
        .tail(messages.len().saturating_sub(checked.messages))
        .cloned();
    if new.len() == 0 {
        return false;
    }
    // The part in front is valid, and for what follows it counts only whether a conversation has begun.
    let beginning =
        iter::repeat_with(|| Arc::new(Message::user("-"))).take(usize::from(checked.begun));
    beginning
        .chain(new)
        .collect::<Messages>()
        .validate()
        .is_err()
}
