//! The coordinator: where requests go.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, Health, Lock, ModelId, SessionId, UnknownName};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, CompletionStream, LedgerReader, ProviderRouter,
    Route as Current,
};

use crate::attempts::Attempts;
use crate::ledger::Ledger;
use crate::limiter::{Limits, SessionLimiters};
use crate::plan::{Plan, Route};
use crate::target::Target;
use crate::{ProviderCoordinatorBuilder, ProviderOptions};

/// Routes model calls to targets, tries again what may pass, goes on to other targets, and keeps the ledger.
///
/// It has no tasks of its own. Its health shows the last error of each target until a request to it succeeds, and the
/// targets that are left alone after failures.
///
/// A provider that refuses a request as too long often names the model's window. That number is the window from then
/// on, in place of one that was assumed or stands in a table ([`CapabilitySource::Learned`]), until a request with more
/// tokens succeeds; a window that was declared stays unless it is larger. It is kept as long as the provider is
/// current.
///
/// [`CapabilitySource::Learned`]: victor_provider_protocol::CapabilitySource::Learned
#[derive(Debug)]
pub struct ProviderCoordinator {
    current: Lock<Destination>,
    /// Sessions that go elsewhere.
    sessions: Lock<HashMap<SessionId, Destination>>,
    targets: BTreeMap<String, Arc<Target>>,
    routes: BTreeMap<String, Arc<Route>>,
    options: ProviderOptions,
    ledger: Arc<Ledger>,
    /// The limits of sessions, if they have any.
    session_limiters: Option<SessionLimiters>,
}

/// The place to which requests go.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    Target(Arc<Target>),
    Route(Arc<Route>),
}

impl Destination {
    /// The target that is asked first.
    fn first(&self) -> &Arc<Target> {
        match self {
            Self::Target(target) => target,
            // A route has a target.
            Self::Route(route) => &route.targets[0].0,
        }
    }

    fn route(&self) -> Current {
        let target = self.first();
        Current::new(&*target.provider_name, target.model.clone())
    }

    /// Returns the target that takes the place of this one.
    fn switched(&self, provider: Arc<dyn ChatProvider>, model: ModelId) -> Arc<Target> {
        let mut target = Target::new(provider, model);
        tracing::debug!(provider = &*target.name, model = %target.model, "switched provider");
        // Another model of the same provider: what was learnt of its models still holds.
        let first = self.first();
        if Arc::ptr_eq(&first.provider, &target.provider) {
            target.windows = Arc::clone(&first.windows);
        }
        Arc::new(target)
    }

    fn targets(&self) -> Vec<Arc<Target>> {
        match self {
            Self::Target(target) => vec![target.clone()],
            Self::Route(route) => route
                .targets
                .iter()
                .map(|(target, _)| target.clone())
                .collect(),
        }
    }
}

impl ProviderCoordinator {
    /// Routes requests to `provider`; `model` answers those that name none.
    pub fn new(provider: Arc<dyn ChatProvider>, model: impl Into<ModelId>) -> Self {
        let target = Arc::new(Target::new(provider, model.into()));
        Self::assemble(
            Destination::Target(target),
            BTreeMap::new(),
            BTreeMap::new(),
            ProviderOptions::default(),
            Ledger::default(),
        )
    }

    /// Starts to build a coordinator of several targets, with routes, limits, prices and budgets.
    pub fn builder() -> ProviderCoordinatorBuilder {
        ProviderCoordinatorBuilder::default()
    }

    pub(crate) fn assemble(
        current: Destination,
        targets: BTreeMap<String, Arc<Target>>,
        routes: BTreeMap<String, Arc<Route>>,
        options: ProviderOptions,
        ledger: Ledger,
    ) -> Self {
        Self {
            current: Lock::new(current),
            sessions: Lock::default(),
            targets,
            routes,
            options,
            ledger: Arc::new(ledger),
            session_limiters: None,
        }
    }

    /// Limits the requests of each session.
    pub(crate) fn with_session_limits(mut self, limits: Option<Limits>) -> Self {
        self.session_limiters = limits.map(SessionLimiters::new);
        self
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(mut self, options: ProviderOptions) -> Self {
        self.options = options;
        self
    }

    /// Returns the ledger, which has an entry for each attempt.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Sends the further requests of all sessions, or of one, to the target or route of this name.
    ///
    /// # Errors
    ///
    /// Nothing has this name.
    pub fn use_route(&self, session: Option<&SessionId>, name: &str) -> Result<(), UnknownName> {
        let destination = match (self.routes.get(name), self.targets.get(name)) {
            (Some(route), _) => Destination::Route(route.clone()),
            (None, Some(target)) => Destination::Target(target.clone()),
            (None, None) => {
                let known = self.targets.keys().chain(self.routes.keys());
                return Err(UnknownName::new("target or route", name, known));
            }
        };
        // The last owner of a provider runs its `Drop`, and does so outside of the locks.
        let _previous = match session {
            Some(session) => self.sessions.lock().insert(session.clone(), destination),
            None => Some(std::mem::replace(&mut *self.current.lock(), destination)),
        };
        Ok(())
    }

    fn destination(&self, session: Option<&SessionId>) -> Destination {
        let sessions = self.sessions.lock();
        if let Some(destination) = session.and_then(|session| sessions.get(session)) {
            return destination.clone();
        }
        drop(sessions);
        self.current.lock().clone()
    }
}

#[async_trait]
impl Coordinator for ProviderCoordinator {
    fn name(&self) -> &str {
        "provider"
    }

    fn health(&self) -> Health {
        let current = self.current.lock().clone();
        let mut targets: Vec<_> = self.targets.values().cloned().collect();
        for target in current.targets() {
            if !targets.iter().any(|other| Arc::ptr_eq(other, &target)) {
                targets.push(target);
            }
        }
        let sessions: Vec<_> = self.sessions.lock().values().cloned().collect();
        let mut known: HashSet<_> = targets.iter().map(Arc::as_ptr).collect();
        for target in sessions.iter().flat_map(Destination::targets) {
            if known.insert(Arc::as_ptr(&target)) {
                targets.push(target);
            }
        }
        let mut health = self.ledger.health(self.name());
        for target in &targets {
            health.add(target.problems.health(self.name()));
            target
                .cooling()
                .into_iter()
                .for_each(|cooling| health.add_problem(cooling));
        }
        health
    }

    fn evict(&self, session: &SessionId) {
        if let Some(limiters) = &self.session_limiters {
            limiters.forget(session);
        }
    }

    fn reset(&self, session: &SessionId) {
        let _previous = self.sessions.lock().remove(session);
        self.evict(session);
        self.ledger.budgets.reset(session);
    }

    async fn shutdown(&self) {
        self.ledger.flush().await;
    }
}

impl ProviderRouter for ProviderCoordinator {
    fn stream_chat(&self, request: ChatRequest) -> CompletionStream {
        let session = request.session.as_ref();
        let plan = match self.destination(session) {
            Destination::Target(target) => Plan::single(target),
            Destination::Route(route) => Plan::route(&route, session),
        };
        let limiters = self.session_limiters.as_ref();
        let limiter = limiters
            .zip(session)
            .map(|(limiters, session)| limiters.of(session));
        let (options, ledger) = (self.options.clone(), self.ledger.clone());
        CompletionStream::new(Attempts::new(plan, request, options, ledger, limiter))
    }

    fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId) {
        let previous = {
            let mut current = self.current.lock();
            let next = Destination::Target(current.switched(provider, model));
            std::mem::replace(&mut *current, next)
        };
        // Outside the lock: the last owner of a provider runs its `Drop`.
        drop(previous);
    }

    fn switch_session(&self, session: &SessionId, provider: Arc<dyn ChatProvider>, model: ModelId) {
        let target = self.destination(Some(session)).switched(provider, model);
        let next = Destination::Target(target);
        let _previous = self.sessions.lock().insert(session.clone(), next);
    }

    fn route(&self) -> Current {
        self.destination(None).route()
    }

    fn session_route(&self, session: &SessionId) -> Current {
        self.destination(Some(session)).route()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.destination(None).first().capabilities(model)
    }

    fn session_capabilities(&self, session: &SessionId, model: &ModelId) -> Capabilities {
        self.destination(Some(session)).first().capabilities(model)
    }

    fn ledger(&self) -> Option<Arc<dyn LedgerReader>> {
        Some(self.ledger.clone())
    }
}
