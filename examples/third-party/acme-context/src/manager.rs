//! The context manager.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use victor_context_protocol::{
    CompactionBudget, CompactionReport, CompactionStrategy, ContextError, ContextManager,
    ContextStats, Prepared, TokenCounter, TokenCounterExt, TooLarge, WindowRequest,
};
use victor_core::{
    Context, Coordinator, Health, Lock, Message, MessageId, Messages, Problems, Role, SessionId,
    UnknownName,
};

use crate::compaction::{self, Oldest};
use crate::history::{mended, without_declined};
use crate::tokens::Quarter;

/// The number of messages, those that were forgotten too, that are known if they come again.
const REMEMBERED: usize = 256;

/// The window where the model's is unknown, in tokens.
const USUAL_WINDOW: u64 = 128_000;

/// Keeps a context for each session, and forgets the oldest exchanges first when it becomes too large.
#[derive(Debug)]
pub struct AcmeContext {
    sessions: Lock<HashMap<SessionId, Session>>,
    strategies: Lock<BTreeMap<String, Arc<dyn CompactionStrategy>>>,
    counter: Arc<dyn TokenCounter>,
    problems: Problems,
}

#[derive(Debug, Default)]
struct Session {
    context: Context,
    /// The messages that came last.
    recent: VecDeque<MessageId>,
    window: Option<u64>,
    preamble: u64,
    last_compaction: Option<CompactionReport>,
}

impl Session {
    fn with(context: Context) -> Self {
        let ids = context
            .messages()
            .tail(REMEMBERED)
            .map(|message| message.id());
        let recent = ids.collect();
        Self {
            context,
            recent,
            ..Self::default()
        }
    }

    fn append(&mut self, message: &Arc<Message>) {
        if self.recent.contains(&message.id()) {
            return;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(message.id());
        self.context.push(message.clone());
        if let Some(rest) = without_declined(self.context.messages()) {
            self.context = self.context.with_messages(rest);
        }
    }
}

impl Default for AcmeContext {
    fn default() -> Self {
        let oldest: Arc<dyn CompactionStrategy> = Arc::new(Oldest);
        Self {
            sessions: Lock::default(),
            strategies: Lock::new(BTreeMap::from([(Oldest::NAME.to_owned(), oldest)])),
            counter: Arc::new(Quarter),
            problems: Problems::default(),
        }
    }
}

impl AcmeContext {
    fn strategy(&self, name: &str) -> Result<Arc<dyn CompactionStrategy>, UnknownName> {
        let strategies = self.strategies.lock();
        let known = || UnknownName::new("compaction strategy", name, strategies.keys().cloned());
        strategies.get(name).cloned().ok_or_else(known)
    }

    /// Compacts messages to half of what is free, by a strategy or, if that does not work, by [`Oldest`].
    async fn compact(
        &self,
        context: &Context,
        free: u64,
        name: &str,
    ) -> Result<(Context, CompactionReport), UnknownName> {
        let strategy = self.strategy(name)?;
        let budget = CompactionBudget::new(free / 2, self.counter.clone());
        let (messages, used, fallback) = match compaction::run(&strategy, context, &budget).await {
            Ok(messages) if self.counter.tokens_of(&messages) <= free => {
                self.problems.clear(name);
                (messages, name, None)
            }
            Ok(messages) => (Oldest::shorten(&messages, &budget), name, None),
            Err(problem) => {
                self.problems.report(name, &problem);
                (
                    Oldest::shorten(context.messages(), &budget),
                    Oldest::NAME,
                    Some(format!("{name}: {problem}")),
                )
            }
        };
        let size = |messages: &Messages| (messages.len(), self.counter.tokens_of(messages));
        let mut report = CompactionReport::new(used, size(context.messages()), size(&messages));
        report.fallback = fallback;
        Ok((context.with_messages(messages), report))
    }

    /// The error that a context is too large: `messages` have to stay.
    fn too_large(&self, messages: &Messages, request: &WindowRequest) -> ContextError {
        let last = messages
            .iter()
            .rfind(|message| *message.role() == Role::User);
        let mut too_large = TooLarge::default();
        too_large.window = request.window;
        too_large.reserved = request.reserved;
        too_large.preamble = request.preamble;
        too_large.messages = self.counter.tokens_of(messages);
        too_large.last_message = last.map_or(0, |message| u64::from(self.counter.tokens(message)));
        ContextError::TooLarge(Box::new(too_large))
    }

    fn with_session<T>(&self, session: &SessionId, act: impl FnOnce(&mut Session) -> T) -> T {
        act(self.sessions.lock().entry(session.clone()).or_default())
    }
}

#[async_trait]
impl Coordinator for AcmeContext {
    fn name(&self) -> &str {
        "acme-context"
    }

    fn health(&self) -> Health {
        self.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.sessions.lock().remove(session);
    }

    fn evict(&self, session: &SessionId) {
        self.reset(session); // it is loaded anew when it goes on
    }
}

#[async_trait]
impl ContextManager for AcmeContext {
    fn append(&self, session: &SessionId, messages: &[Arc<Message>]) {
        self.with_session(session, |session| {
            messages.iter().for_each(|message| session.append(message))
        });
    }

    fn context(&self, session: &SessionId) -> Context {
        let sessions = self.sessions.lock();
        sessions
            .get(session)
            .map(|session| session.context.clone())
            .unwrap_or_default()
    }

    fn set_context(&self, session: &SessionId, context: Context) {
        let mut messages = Messages::new();
        for message in context.messages() {
            messages.push(message.clone());
            messages = without_declined(&messages).unwrap_or(messages);
        }
        let context = context.with_messages(messages);
        self.sessions
            .lock()
            .insert(session.clone(), Session::with(context));
    }

    async fn prepare(
        &self,
        session: &SessionId,
        request: &WindowRequest,
    ) -> Result<Prepared, ContextError> {
        let before = self.context(session);
        let mut context = before.with_messages(mended(before.messages()));
        let window = request.window.unwrap_or(USUAL_WINDOW);
        let free = window.saturating_sub(request.reserved + request.preamble);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share"
        )]
        let threshold = (free as f64 * request.threshold.unwrap_or(0.8)) as u64;
        let name = request.strategy.as_deref().unwrap_or(Oldest::NAME);
        let tokens = self.counter.tokens_of(context.messages());
        let mut compaction = None;
        if request.force || tokens > threshold {
            let (compacted, report) = self.compact(&context, free.min(tokens), name).await?;
            let fits = report.tokens_after <= free || (request.best_effort && !request.force);
            if !fits || (request.force && report.tokens_after == tokens) {
                return Err(self.too_large(compacted.messages(), request));
            }
            if report.tokens_after < tokens {
                (context, compaction) = (compacted, Some(report));
            }
        } else {
            self.strategy(name)?; // a wrong name is told at once
        }
        self.with_session(session, |session| {
            session.context = context.clone();
            session.window = request.window;
            session.preamble = request.preamble;
            if compaction.is_some() {
                session.last_compaction.clone_from(&compaction);
            }
        });
        let mut prepared = Prepared::new(context, compaction);
        prepared.tokens = Some(self.counter.tokens_of(prepared.context.messages()));
        Ok(prepared)
    }

    async fn compact_context(&self, context: &Context) -> Result<Prepared, ContextError> {
        let mended = context.with_messages(mended(context.messages()));
        let tokens = self.counter.tokens_of(mended.messages());
        let (compacted, report) = self.compact(&mended, tokens, Oldest::NAME).await?;
        match report.tokens_after < tokens {
            true => Ok(Prepared::new(compacted, Some(report))),
            false => Err(self.too_large(compacted.messages(), &WindowRequest::default())),
        }
    }

    fn stats(&self, session: &SessionId) -> ContextStats {
        let mut stats = ContextStats::default();
        let context = self.context(session);
        for message in context.messages() {
            let tokens = u64::from(self.counter.tokens(message));
            let part = message.parts().first().map_or("none", |part| part.kind());
            stats.messages += 1;
            stats.tokens += tokens;
            *stats
                .tokens_by_role
                .entry(message.role().to_string())
                .or_default() += tokens;
            *stats.tokens_by_part.entry(part.to_owned()).or_default() += tokens;
        }
        if let Some(session) = self.sessions.lock().get(session) {
            stats.window = session.window;
            stats.preamble = session.preamble;
            stats.last_compaction.clone_from(&session.last_compaction);
        }
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
