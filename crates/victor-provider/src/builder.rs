//! Builds a coordinator of several targets.

use std::collections::BTreeMap;
use std::sync::Arc;

use victor_core::{ModelId, UnknownName};
use victor_provider_protocol::{
    Budget, ChatProvider, Failover, LedgerStore, PriceTable, RouteSpec,
};

use crate::breaker::{Breaker, BreakerOptions};
use crate::budget::Budgets;
use crate::coordinator::Destination;
use crate::ledger::Ledger;
use crate::limiter::{Limiter, Limits};
use crate::plan::Route;
use crate::target::Target;
use crate::{ProviderCoordinator, ProviderOptions, RoutingError};

/// Builds a [`ProviderCoordinator`] of several targets. Made by [`ProviderCoordinator::builder`].
#[derive(Debug, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct ProviderCoordinatorBuilder {
    targets: Vec<Target>,
    routes: Vec<(String, RouteSpec)>,
    default: Option<String>,
    options: ProviderOptions,
    budgets: Vec<Budget>,
    session_limits: Option<Limits>,
    prices: Option<Arc<dyn PriceTable>>,
    store: Option<Arc<dyn LedgerStore>>,
}

impl ProviderCoordinatorBuilder {
    /// Adds a target: a model at a provider, with a name.
    pub fn target(
        mut self,
        name: &str,
        provider: impl ChatProvider,
        model: impl Into<ModelId>,
    ) -> Self {
        let target = Target::new(Arc::new(provider), model.into());
        self.targets.push(target.named(name));
        self
    }

    /// Limits the requests to the target that was added last.
    pub fn limits(mut self, limits: &Limits) -> Self {
        if let Some(target) = self.targets.last_mut() {
            target.limiter = Arc::new(Limiter::new(limits));
        }
        self
    }

    /// Sets the circuit breaker of the target that was added last.
    pub fn breaker(mut self, options: BreakerOptions) -> Self {
        if let Some(target) = self.targets.last_mut() {
            target.breaker = Arc::new(Breaker::new(options));
        }
        self
    }

    /// Adds a route.
    pub fn route(mut self, name: impl Into<String>, spec: RouteSpec) -> Self {
        self.routes.push((name.into(), spec));
        self
    }

    /// Sends requests to the target or route of this name. By default they go to the first route, or else to the first
    /// target.
    pub fn default_route(mut self, name: impl Into<String>) -> Self {
        self.default = Some(name.into());
        self
    }

    /// Sets the options of all targets.
    pub fn options(mut self, options: ProviderOptions) -> Self {
        self.options = options;
        self
    }

    /// Limits the requests of each session, to all targets together. A request without a session is not limited.
    pub fn session_limits(mut self, limits: Limits) -> Self {
        self.session_limits = Some(limits);
        self
    }

    /// Adds a budget.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budgets.push(budget);
        self
    }

    /// Sets the prices of model calls. Without them all prices are unknown.
    pub fn prices(mut self, prices: impl PriceTable) -> Self {
        self.prices = Some(Arc::new(prices));
        self
    }

    /// Keeps the entries of the ledger in a store.
    pub fn ledger_store(mut self, store: impl LedgerStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Builds the coordinator.
    ///
    /// # Errors
    ///
    /// There is no target, two have the same name, or a route is empty, leads back to itself or names nothing that is
    /// there.
    pub fn build(self) -> Result<ProviderCoordinator, RoutingError> {
        let mut targets = BTreeMap::new();
        let first = self.targets.first().map(|target| target.name.to_string());
        for target in self.targets {
            let name = target.name.to_string();
            if name.is_empty() {
                return Err(RoutingError::EmptyName);
            }
            if targets.insert(name.clone(), Arc::new(target)).is_some() {
                return Err(RoutingError::NameTaken { name });
            }
        }
        let first_route = self.routes.first().map(|(name, _)| name.clone());
        let mut specs = BTreeMap::new();
        for (name, spec) in self.routes {
            if name.is_empty() {
                return Err(RoutingError::EmptyName);
            }
            if targets.contains_key(&name) || specs.insert(name.clone(), spec).is_some() {
                return Err(RoutingError::NameTaken { name });
            }
        }
        let resolver = Resolver {
            targets: &targets,
            specs: &specs,
        };
        let mut routes = BTreeMap::new();
        for (name, spec) in &specs {
            let targets = resolver.targets(name, spec, &mut Vec::new())?;
            resolver.check_rules(spec)?;
            let spec = spec.clone();
            routes.insert(name.clone(), Arc::new(Route { spec, targets }));
        }
        let default = self
            .default
            .or(first_route)
            .or(first)
            .ok_or(RoutingError::NoTarget)?;
        let ledger = Ledger::new(self.prices, self.store, Budgets::new(self.budgets));
        let destination = match (routes.get(&default), targets.get(&default)) {
            (Some(route), _) => Destination::Route(route.clone()),
            (None, Some(target)) => Destination::Target(target.clone()),
            (None, None) => return Err(resolver.unknown("target or route", &default).into()),
        };
        let coordinator =
            ProviderCoordinator::assemble(destination, targets, routes, self.options, ledger);
        Ok(coordinator.with_session_limits(self.session_limits))
    }
}

struct Resolver<'a> {
    targets: &'a BTreeMap<String, Arc<Target>>,
    specs: &'a BTreeMap<String, RouteSpec>,
}

impl<'a> Resolver<'a> {
    /// The targets of a route, those of the routes that it names in their place.
    fn targets(
        &self,
        name: &'a str,
        spec: &'a RouteSpec,
        path: &mut Vec<&'a str>,
    ) -> Result<Vec<(Arc<Target>, u32)>, RoutingError> {
        if path.contains(&name) {
            let path: Vec<_> = path.iter().map(|step| format!("`{step}`")).collect();
            return Err(RoutingError::Loop {
                route: name.to_owned(),
                path: path.join(" and "),
            });
        }
        path.push(name);
        let mut found: Vec<(Arc<Target>, u32)> = Vec::new();
        for step in &spec.targets {
            let more = match (
                self.targets.get(&step.target),
                self.specs.get_key_value(&step.target),
            ) {
                (Some(target), _) => vec![(target.clone(), step.weight)],
                (None, Some((name, spec))) => self.targets(name, spec, path)?,
                (None, None) => return Err(self.unknown("target", &step.target).into()),
            };
            // A target that stands in it twice is tried once.
            let is_new = |(target, _): &(Arc<Target>, u32)| {
                !found.iter().any(|(other, _)| Arc::ptr_eq(other, target))
            };
            let more: Vec<_> = more.into_iter().filter(is_new).collect();
            found.extend(more);
        }
        path.pop();
        match found.is_empty() {
            true => Err(RoutingError::EmptyRoute {
                route: name.to_owned(),
            }),
            false => Ok(found),
        }
    }

    fn check_rules(&self, spec: &RouteSpec) -> Result<(), RoutingError> {
        for rule in &spec.failover {
            if let Failover::Target(name) = &rule.then
                && !self.targets.contains_key(name)
            {
                return Err(self.unknown("target", name).into());
            }
        }
        Ok(())
    }

    fn unknown(&self, what: &'static str, name: &str) -> UnknownName {
        UnknownName::new(what, name, self.targets.keys().chain(self.specs.keys()))
    }
}
